"""Whether the authority may sign a licence document: every rule it must keep, each by its field.

All problems are found at once (一次性告知), so that incomplete papers come back a single time.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from authorization.agreements import Agreement
from authorization.budget_validation import budget_problems
from authorization.ceilings import GradeCeilings, grade_problems, other_grade_problems
from authorization.documents import AccessMode, Grant, LicenceDocument, RowFilter
from authorization.grant_validation import grant_term_problems
from authorization.organisations import Organisation, OrganisationKind
from authorization.scheme_validation import scheme_problems
from authorization.standing import Standing, standing_problems
from authorization.tariff_validation import tariff_problems
from authorization.terms import check_term
from catalog.datasets import Column, DatasetDeclaration, Exposure
from catalog.zones.store import PUBLIC, Zone
from foundation.errors import InvalidInput, Message
from foundation.ids import is_id
from policies.load import PolicyPack
from policies.schema.access import AccessRules
from policies.schema.licences import LicenceRules
from policies.schema.privacy import PrivacyRules
from policies.schema.revenue import RevenueRules
from policies.schema.verification import VerificationRules
from policies.schema.zones import ZoneRules

RULE = "licence-document"
LICENCE_PREFIX = "lic"


@dataclass(frozen=True)
class LicenceFacts:
    """What exists, by identifier: the facts that a document is checked against.

    ``operator_group`` is the operator with all its affiliates. ``zone`` is the licence's, None
    where there is none; ``zones`` says where data sets stand that are not in the public one;
    ``without_consent`` are data sets whose source does not consent (domain rule 4).
    """

    organisations: Mapping[str, Organisation]
    datasets: Mapping[str, DatasetDeclaration]
    agreements: Mapping[str, Agreement]
    operator_group: frozenset[str]
    zone: Zone | None = PUBLIC
    zones: Mapping[str, str] | None = None
    without_consent: frozenset[str] = frozenset()


@dataclass(frozen=True)
class LicenceRuleset:
    """The rules of a pack that licence documents are checked by."""

    licences: LicenceRules
    access: AccessRules
    revenue: RevenueRules
    privacy: PrivacyRules
    verification: VerificationRules
    zones: ZoneRules

    @classmethod
    def of(cls, pack: PolicyPack) -> "LicenceRuleset":
        """Take the six from a pack."""
        return cls(
            pack.rules(LicenceRules),
            pack.rules(AccessRules),
            pack.rules(RevenueRules),
            pack.rules(PrivacyRules),
            pack.rules(VerificationRules),
            pack.rules(ZoneRules),
        )

    @property
    def ceilings(self) -> GradeCeilings:
        """The highest grade that each mode may reach."""
        return GradeCeilings(self.access, self.verification)

    @property
    def budget_nano_rho_max(self) -> int:
        """The most one licence may spend of a population: never above its lifetime cap (I5)."""
        lifetime = self.privacy.population_lifetime_nano_rho_max
        return min(self.licences.budget_nano_rho_max, lifetime)


def check_licence(document: LicenceDocument, facts: LicenceFacts, rules: LicenceRuleset) -> None:
    """Raise the first problem of a document; its way out names the other fields to correct."""
    problems = licence_problems(document, facts, rules)
    if not problems:
        return
    first, *others = problems
    if others:
        fields = ", ".join(dict.fromkeys(str(problem.field) for problem in others))
        first.way_out = Message(
            zh=f"请同时更正以下字段：{fields}。", en=f"Correct these fields as well: {fields}."
        )
    raise first


def licence_problems(
    document: LicenceDocument, facts: LicenceFacts, rules: LicenceRuleset
) -> list[InvalidInput]:
    """Return every problem of a document, in the order of its fields."""
    problems = [*_identity_problems(document, facts), *_term_problems(document, facts, rules)]
    for place, grant in enumerate(document.grants):
        problems += _grant_problems(f"grants[{place}]", grant, facts, rules)
        problems += _term_of_grant_problems(f"grants[{place}]", grant, document, facts, rules)
        problems += standing_problems(
            f"grants[{place}]",
            grant,
            facts.datasets.get(grant.dataset),
            Standing(
                facts.zone, (facts.zones or {}).get(grant.dataset, PUBLIC.id), facts.without_consent
            ),
            rules.zones,
        )
    problems += _overlap_problems(document)
    problems += _budget_problems(document, facts, rules)
    problems += _product_problems(document, facts, rules)
    problems += scheme_problems(
        document.scheme,
        granted=[grant.dataset for grant in document.grants],
        organisations=facts.organisations,
    )
    return problems


def _identity_problems(document: LicenceDocument, facts: LicenceFacts) -> Iterator[InvalidInput]:
    if not is_id(document.id, LICENCE_PREFIX):
        yield _problem(
            "licence_id", "id", "授权编号须由系统生成。", "The id is made by the system."
        )
    kinds = {"authority": OrganisationKind.AUTHORITY, "operator": OrganisationKind.OPERATOR}
    for field, kind in kinds.items():
        found = facts.organisations.get(getattr(document, field))
        if found is None or found.kind is not kind:
            yield _problem(
                f"{field}_unknown",
                field,
                f"字段 {field} 须为已登记的相应类别机构。",
                f"The field {field} must name a registered organisation of that kind.",
            )


def _term_problems(
    document: LicenceDocument, facts: LicenceFacts, rules: LicenceRuleset
) -> Iterator[InvalidInput]:
    for field in ("collective_decision", "filing_number", "agreement"):
        if not getattr(document.approvals, field).strip():
            yield _problem(
                "approval_missing",
                f"approvals.{field}",
                "缺少集体决策、备案或协议编号。",
                "A collective decision, filing or agreement number is missing.",
            )
    try:
        term = check_term(document.valid_from, document.valid_until, rules.licences)
    except InvalidInput as problem:
        yield problem
        return
    agreement = facts.agreements.get(document.approvals.agreement)
    if agreement is None:
        yield _problem(
            "agreement_unknown",
            "approvals.agreement",
            "所列授权运营协议尚未登记。",
            "The operating agreement named is not recorded.",
        )
        return
    yield from _agreement_problems(document, agreement, term, rules.licences)


def _agreement_problems(
    document: LicenceDocument, agreement: Agreement, term: tuple[int, int], rules: LicenceRules
) -> Iterator[InvalidInput]:
    if (agreement.authority, agreement.operator) != (document.authority, document.operator):
        yield _problem(
            "agreement_of_others",
            "approvals.agreement",
            "该协议的双方不是本授权的主管部门与运营机构。",
            "The agreement is not between this authority and this operator.",
        )
    within = check_term(agreement.valid_from, agreement.valid_until, rules)
    if not (within[0] <= term[0] and term[1] <= within[1]):
        yield _problem(
            "term_outside_agreement",
            "valid_until",
            "授权期限超出授权运营协议的期限。",
            "The licence's term lies outside its agreement's term.",
        )


def _grant_problems(
    path: str, grant: Grant, facts: LicenceFacts, rules: LicenceRuleset
) -> Iterator[InvalidInput]:
    dataset = facts.datasets.get(grant.dataset)
    if dataset is None:
        yield _problem(
            "dataset_unknown", f"{path}.dataset", "没有这个数据集。", "There is no such data set."
        )
        return
    rows = AccessMode.ROWS in grant.modes
    if rows and dataset.subject == "person" and not grant.basis.strip():
        yield _problem(
            "rows_about_persons_without_basis",
            f"{path}.basis",
            "个人数据集按行授权须写明批准依据；否则请仅授权聚合方式。",
            "Rows about persons need a named approval; otherwise grant aggregates only.",
        )
    for place, name in enumerate(grant.columns):
        yield from _column_problems(f"{path}.columns[{place}]", dataset.column(name), grant, rules)
    for place, row_filter in enumerate(grant.row_filters):
        yield from _filter_problems(f"{path}.row_filters[{place}]", row_filter, grant, dataset)


def _term_of_grant_problems(
    path: str, grant: Grant, document: LicenceDocument, facts: LicenceFacts, rules: LicenceRuleset
) -> Iterator[InvalidInput]:
    dataset = facts.datasets.get(grant.dataset)
    if dataset is not None:
        agreement = facts.agreements.get(document.approvals.agreement)
        yield from grant_term_problems(path, grant, dataset, agreement, rules.verification)
        yield from other_grade_problems(path, grant, dataset, rules.ceilings)


def _column_problems(
    path: str, column: Column | None, grant: Grant, rules: LicenceRuleset
) -> Iterator[InvalidInput]:
    if column is None:
        yield _problem("column_unknown", path, "没有这一列。", "There is no such column.")
        return
    if column.exposure is Exposure.NEVER:
        yield _problem(
            "column_never_shared",
            path,
            "供数单位声明该列不对外提供。",
            "The source department declares this column closed to everyone.",
        )
    elif AccessMode.ROWS in grant.modes and column.exposure is not Exposure.ROWS:
        yield _problem(
            "column_not_for_rows",
            path,
            "该列仅可聚合使用，不得按行授权；请另列一项仅含聚合方式的授权。",
            "This column is for aggregates only; grant it apart, with the aggregate mode alone.",
        )
    yield from grade_problems(path, column, grant, grant.modes, rules.ceilings)


def _filter_problems(
    path: str, row_filter: RowFilter, grant: Grant, dataset: DatasetDeclaration
) -> Iterator[InvalidInput]:
    column = dataset.column(row_filter.column)
    as_rows = AccessMode.ROWS in grant.modes and row_filter.column in grant.columns
    if not as_rows or column is None or column.exposure is not Exposure.ROWS:
        yield _problem(
            "row_filter_not_granted",
            f"{path}.column",
            "行过滤条件只能使用同一授权项中按行授权的列。",
            "A row filter may only read a column granted as rows in the same grant.",
        )


def _overlap_problems(document: LicenceDocument) -> Iterator[InvalidInput]:
    seen: set[tuple[str, AccessMode]] = set()
    for place, grant in enumerate(document.grants):
        asked = {(grant.dataset, mode) for mode in grant.modes}
        if asked & seen or len(asked) != len(grant.modes):
            yield _problem(
                "grant_repeated",
                f"grants[{place}].modes",
                "同一数据集的同一方式只能列一次。",
                "A data set is granted once in each mode.",
            )
        seen |= asked


def _budget_problems(
    document: LicenceDocument, facts: LicenceFacts, rules: LicenceRuleset
) -> Iterator[InvalidInput]:
    ceilings = {
        "budget_nano_rho": rules.budget_nano_rho_max,
        "question_nano_rho_max": rules.licences.question_nano_rho_max,
        "budget_delta_steps": rules.privacy.population_lifetime_delta_steps_max,
    }
    yield from budget_problems(document.budgets, _populations(document, facts), ceilings)


def _populations(document: LicenceDocument, facts: LicenceFacts) -> set[str]:
    granted = [
        facts.datasets.get(grant.dataset)
        for grant in document.grants
        if AccessMode.AGGREGATE in grant.modes
    ]
    return {found.population for found in granted if found is not None and found.population}


def _product_problems(
    document: LicenceDocument, facts: LicenceFacts, rules: LicenceRuleset
) -> Iterator[InvalidInput]:
    product = document.product
    for field in ("biller", "payer"):
        if getattr(product, field) not in facts.organisations:
            yield _unknown_organisation(f"product.{field}")
    if product.payer in {document.operator, *facts.operator_group}:
        yield InvalidInput(
            "operator_is_payer",
            Message(
                zh="运营机构及其关联机构不得成为自己产品的付费方（禁止再开发）。",
                en="An operator, or an affiliate, may not be the payer of its own product.",
            ),
            field="$.product.payer",
            rule=rules.licences.redevelopment_document,
        )
    if product.price_class != document.scenario.purpose:
        yield _problem(
            "price_class_mismatch",
            "product.price_class",
            "产品的价格类别须与批准场景的用途一致。",
            "The product's price class must equal the purpose of the approved scenario.",
        )
    yield from tariff_problems(product.tariff, product.price_class, rules.revenue)


def _unknown_organisation(field: str) -> InvalidInput:
    return _problem(
        "organisation_unknown",
        field,
        f"字段 {field} 所指的机构尚未登记。",
        f"The organisation named in {field} is not registered.",
    )


def _problem(code: str, field: str, zh: str, en: str) -> InvalidInput:
    return InvalidInput(code, Message(zh, en), field=f"$.{field}", rule=RULE)
