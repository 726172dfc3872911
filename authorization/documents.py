"""The licence as a document: what the authority signs, field by field.

The canonical bytes of this document carry the authority's Ed25519 signature; Casbin lines, the
governed extract, the budget and the tariff are compiled from it and from nothing else (I12).
"""

from enum import StrEnum
from typing import Literal

from pydantic import Field

from authorization.grant_terms import FilterOnly, GrantedMask, VerifyTerms
from authorization.revenue_terms import ProductTerms, Purpose
from authorization.scheme_terms import ShareScheme
from catalog.datasets import PUBLIC_ZONE, Frozen, Name
from catalog.zones.store import ZONE_PATTERN

PARTS_PER_MILLION = 1_000_000
NANO_RHO_MAX = 10**12
DELTA_STEPS_MAX = 10**12


class AccessMode(StrEnum):
    """How a data set may be asked under a licence."""

    ROWS = "rows"
    AGGREGATE = "aggregate"
    VERIFY = "verify"


class RowFilter(Frozen):
    """A constant condition on a column that is itself granted as rows (I13)."""

    column: Name
    values: tuple[str, ...] = Field(min_length=1, max_length=1000)


class Grant(Frozen):
    """What one data set gives under this licence.

    ``columns`` are given in every mode named. Besides them, ``filter_only`` columns only choose
    rows, ``join_only`` ones are shown as pseudonyms of the ``linkage_group`` and nothing else, and
    ``aggregate_only`` ones stay out of the rows. ``basis`` names the approval that allows rows of
    a data set about persons; without it such a grant is refused.
    """

    dataset: Name
    modes: tuple[AccessMode, ...] = Field(min_length=1)
    columns: tuple[Name, ...] = Field(min_length=1)
    row_filters: tuple[RowFilter, ...] = ()
    masks: tuple[GrantedMask, ...] = ()
    linkage_group: Name | None = None
    filter_only: tuple[FilterOnly, ...] = ()
    join_only: tuple[Name, ...] = ()
    aggregate_only: tuple[Name, ...] = ()
    verify: VerifyTerms | None = None
    basis: str = ""

    def columns_in(self, mode: AccessMode) -> tuple[str, ...]:
        """Return the columns that a mode gives; none where it is not granted."""
        own = {AccessMode.ROWS: self.join_only, AccessMode.AGGREGATE: self.aggregate_only}
        return (*self.columns, *own.get(mode, ())) if mode in self.modes else ()

    def named_in(self, mode: AccessMode) -> tuple[str, ...]:
        """Return the columns that a question in a mode may name: identifiers of claims as well."""
        terms = self.verify if mode is AccessMode.VERIFY else None
        return (*self.columns_in(mode), *(terms.identifiers if terms is not None else ()))


class Scenario(Frozen):
    """The approved use scenario; the purpose of every question comes from here."""

    name_zh: str = Field(min_length=1, max_length=200)
    name_en: str = Field(min_length=1, max_length=200)
    purpose: Purpose


class ProjectCap(Frozen):
    """The part of a licence's budget that the sessions of one project may spend."""

    project: Name
    budget_nano_rho: int = Field(ge=0, le=NANO_RHO_MAX)
    budget_delta_steps: int = Field(default=0, ge=0, le=DELTA_STEPS_MAX)


class PrivacyBudget(Frozen):
    """How much zCDP loss this licence may cause to each population, and at most per question.

    ``noise`` is "laplace" where the licence promises pure differential privacy.

    ``budget_delta_steps`` counts delta in steps of 10^-15, for answers that name keys nobody
    declared. Where ``project_caps`` are named, each question counts under one of them as well.
    """

    population: str
    budget_nano_rho: int = Field(ge=0, le=NANO_RHO_MAX)
    question_nano_rho_max: int = Field(ge=0, le=NANO_RHO_MAX)
    budget_delta_steps: int = Field(default=0, ge=0, le=DELTA_STEPS_MAX)
    project_caps: tuple[ProjectCap, ...] = ()
    noise: Literal["gaussian", "laplace"] = "gaussian"


class ReleaseTerms(Frozen):
    """What this licence lets out, where that is less than the rules allow; never more.

    ``automatic`` lets low-risk results leave without votes, where the rules do so as well.
    """

    contributors_min: int | None = Field(default=None, ge=1, le=10_000)
    released_modes: tuple[Literal["aggregate", "rows"], ...] | None = None
    file_formats: tuple[Literal["csv", "parquet", "png", "json", "md"], ...] | None = None
    rows_max: int | None = Field(default=None, ge=1, le=1_000_000)
    columns_max: int | None = Field(default=None, ge=1, le=500)
    bytes_max: int | None = Field(default=None, ge=1, le=1 << 30)
    files_max: int | None = Field(default=None, ge=1, le=100)
    votes_min: int | None = Field(default=None, ge=2, le=9)
    automatic: bool = False


class Approvals(Frozen):
    """Decision and filing numbers without which a licence cannot come into force."""

    collective_decision: str = Field(min_length=1, max_length=200)  # 三重一大
    filing_number: str = Field(min_length=1, max_length=200)  # 备案
    agreement: str = Field(min_length=1, max_length=200)


class LicenceDocument(Frozen):
    """The whole licence. ``valid_from``/``valid_until`` are ISO 8601 dates, the end excluded.

    ``zone`` is the one zone whose data it grants (公共数据区, a 地区专区 or 企业专区).
    """

    format: Literal["sandgate/licence@1"] = "sandgate/licence@1"
    id: str
    authority: str
    operator: str
    zone: str = Field(default=PUBLIC_ZONE, pattern=ZONE_PATTERN)
    scenario: Scenario
    valid_from: str
    valid_until: str
    grants: tuple[Grant, ...] = Field(min_length=1)
    budgets: tuple[PrivacyBudget, ...] = ()
    product: ProductTerms
    scheme: ShareScheme
    approvals: Approvals
    release: ReleaseTerms = ReleaseTerms()
