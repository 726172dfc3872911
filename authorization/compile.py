"""From a verified document to what enforces it: Casbin lines, extract, budgets, tariff (I12).

Columns are objects beneath their data set, so that a denial on the data set covers them and a
permission never does. Payer and regulator are denied by lines that cannot lapse.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from authorization.documents import (
    AccessMode,
    Grant,
    LicenceDocument,
    PrivacyBudget,
    RowFilter,
)
from authorization.lines import Action, Effect, Links, PolicyLine, deny_line, time_text
from authorization.revenue_terms import ProductTerms
from authorization.scheme_terms import ShareScheme
from authorization.signing import document_bytes, document_digest
from authorization.terms import check_term
from authorization.validation import LicenceRuleset
from foundation.identity import Role

MODE_ACTIONS: Mapping[AccessMode, Action] = {
    AccessMode.ROWS: Action.QUERY_ROWS,
    AccessMode.AGGREGATE: Action.QUERY_DP,
    AccessMode.VERIFY: Action.QUERY_VERIFY,
}
OPERATOR_ROLE = f"role:{Role.OPERATOR}"
LOWEST_GRADE = "L1"


@dataclass(frozen=True)
class ExtractSpecification:
    """What a governed extract of one data set holds: columns, and constant row filters."""

    dataset: str
    columns: tuple[str, ...]
    row_filters: tuple[RowFilter, ...]


@dataclass(frozen=True)
class CompiledLicence:
    """A licence as it is enforced; made from its signed document and rule files alone."""

    document: LicenceDocument
    digest: str
    valid_from_us: int
    valid_until_us: int
    lines: tuple[PolicyLine, ...]
    links: Links
    extracts: tuple[ExtractSpecification, ...]
    budgets: Mapping[str, PrivacyBudget]
    product: ProductTerms
    scheme: ShareScheme

    @property
    def id(self) -> str:
        """The licence's identifier."""
        return self.document.id

    def columns(self, dataset: str, mode: AccessMode) -> frozenset[str]:
        """Return the columns of a data set granted in a mode."""
        return frozenset(
            column
            for grant in self.document.grants
            if grant.dataset == dataset
            for column in grant.columns_in(mode)
        )

    def verification(self, dataset: str) -> Grant | None:
        """Return the grant of verifications on a data set, or None."""
        return next(
            (
                grant
                for grant in self.document.grants
                if grant.dataset == dataset and AccessMode.VERIFY in grant.modes
            ),
            None,
        )

    def extract(self, dataset: str) -> ExtractSpecification | None:
        """Return the extract of a data set, or None where rows are not granted."""
        return next((found for found in self.extracts if found.dataset == dataset), None)


def compile_licence(document: LicenceDocument, rules: LicenceRuleset) -> CompiledLicence:
    """Compile a document that ``signing.verify_licence`` returned."""
    term = check_term(document.valid_from, document.valid_until, rules.licences)
    lines = [
        line
        for grant in document.grants
        for mode in grant.modes
        for line in _grant_lines(document, grant, mode, term, rules)
    ]
    lines += _licence_lines(document, term)
    return CompiledLicence(
        document=document,
        digest=document_digest(document_bytes(document)),
        valid_from_us=term[0],
        valid_until_us=term[1],
        lines=tuple(sorted(set(lines))),
        links=Links(objects=frozenset(_object_links(document))),
        extracts=_extracts(document),
        budgets={budget.population: budget for budget in document.budgets},
        product=document.product,
        scheme=document.scheme,
    )


def domain_of(licence_id: str) -> str:
    """Return the Casbin domain of a licence."""
    return f"lic:{licence_id}"


def person_subject(person: str) -> str:
    """Return the Casbin subject of a natural person."""
    return f"person:{person}"


def dataset_object(dataset: str) -> str:
    """Return the object above all columns of a data set; only denials stand on it."""
    return f"ds:{dataset}"


def whole_object(dataset: str) -> str:
    """Return the object of a question that names no column (COUNT, a release)."""
    return f"whole:{dataset}"


def column_object(dataset: str, column: str) -> str:
    """Return the object of one column."""
    return f"col:{dataset}.{column}"


def licence_object(licence_id: str) -> str:
    """Return the object of acts on the licence itself, such as opening a session."""
    return f"licence:{licence_id}"


def _grant_lines(
    document: LicenceDocument,
    grant: Grant,
    mode: AccessMode,
    term: tuple[int, int],
    rules: LicenceRuleset,
) -> list[PolicyLine]:
    action = MODE_ACTIONS[mode]
    grade = rules.ceilings.of(mode, grant.basis)
    asked = [(column_object(grant.dataset, name), action, grade) for name in grant.named_in(mode)]
    asked.append((whole_object(grant.dataset), action, LOWEST_GRADE))
    if mode is not AccessMode.VERIFY:
        asked.append((whole_object(grant.dataset), Action.RELEASE_REQUEST, LOWEST_GRADE))
    return [_allow(document, obj, act, grade, term) for obj, act, grade in asked]


def _licence_lines(document: LicenceDocument, term: tuple[int, int]) -> list[PolicyLine]:
    own = licence_object(document.id)
    lines = [_allow(document, own, Action.SESSION_OPEN, LOWEST_GRADE, term)]
    objects = [own, *sorted({dataset_object(grant.dataset) for grant in document.grants})]
    for subject in (f"org:{document.product.payer}", f"role:{Role.REGULATOR}"):
        lines += [
            deny_line(subject, domain_of(document.id), obj, action)
            for obj in objects
            for action in Action
        ]
    return lines


def _allow(
    document: LicenceDocument, obj: str, action: Action, grade: str, term: tuple[int, int]
) -> PolicyLine:
    return PolicyLine(
        sub=OPERATOR_ROLE,
        dom=domain_of(document.id),
        obj=obj,
        act=str(action),
        purpose=str(document.scenario.purpose),
        grade=grade,
        nbf=time_text(term[0]),
        exp=time_text(term[1]),
        eft=Effect.ALLOW,
    )


def _object_links(document: LicenceDocument) -> set[tuple[str, str]]:
    links = set()
    for grant in document.grants:
        above = dataset_object(grant.dataset)
        links.add((whole_object(grant.dataset), above))
        links |= {
            (column_object(grant.dataset, name), above)
            for mode in grant.modes
            for name in grant.named_in(mode)
        }
    return links


def _extracts(document: LicenceDocument) -> tuple[ExtractSpecification, ...]:
    return tuple(
        ExtractSpecification(grant.dataset, grant.columns_in(AccessMode.ROWS), grant.row_filters)
        for grant in document.grants
        if AccessMode.ROWS in grant.modes
    )
