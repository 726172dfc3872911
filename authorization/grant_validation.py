"""Whether what a grant says of single columns may be signed: masks, filters, joins, claims.

Each problem names its field. A column stands in one of a grant's lists, and no list gives more
than the source department exposed.
"""

from collections.abc import Iterator
from itertools import pairwise

from authorization.agreements import Agreement
from authorization.documents import AccessMode, Grant
from authorization.grant_terms import ClaimRanges, FilterOnly, VerifyTerms
from catalog.datasets import Column, ColumnType, DatasetDeclaration, Exposure, IdentifierKind
from catalog.declarations import mask_fits
from catalog.written import stored_value
from foundation.errors import InvalidInput, Message
from policies.schema.verification import VerificationRules

RULE = "licence-document"
_SHOWN = frozenset({Exposure.ROWS, Exposure.AGGREGATE})
_NUMBERS = frozenset({ColumnType.INTEGER, ColumnType.DECIMAL})
_NEEDS = {
    "masks": AccessMode.ROWS,
    "filter_only": AccessMode.ROWS,
    "join_only": AccessMode.ROWS,
    "aggregate_only": AccessMode.AGGREGATE,
}


def grant_term_problems(
    path: str,
    grant: Grant,
    dataset: DatasetDeclaration,
    agreement: Agreement | None,
    rules: VerificationRules,
) -> Iterator[InvalidInput]:
    """Yield every problem of what a grant says of single columns."""
    for field, mode in _NEEDS.items():
        if getattr(grant, field) and mode not in grant.modes:
            yield _problem(
                "column_mode_unused",
                f"{path}.{field}",
                f"此项须与 {mode} 方式一同授权。",
                f"This is only granted together with the mode {mode}.",
            )
    yield from _list_problems(path, grant)
    yield from _linkage_problems(path, grant, agreement)
    for place, granted in enumerate(grant.masks):
        column = dataset.column(granted.column)
        shown = granted.column in {*grant.columns, *grant.join_only}
        if column is None or not shown or not mask_fits(granted.mask, column.type):
            yield _problem(
                "granted_mask_unfit",
                f"{path}.masks[{place}]",
                "脱敏方式须用于本授权项按行给出的列，且与列的类型和参数相符。",
                "A mask is for a column given as rows here, and must fit its type.",
            )
    for place, filtered in enumerate(grant.filter_only):
        yield from _filter_problems(f"{path}.filter_only[{place}]", filtered, dataset)
    yield from _exposure_problems(path, grant, dataset)
    yield from _verify_problems(path, grant, dataset, rules)


def _list_problems(path: str, grant: Grant) -> Iterator[InvalidInput]:
    """Find a column that stands in two lists of a grant, or twice in one."""
    seen = set(grant.columns)
    filtered = [item.column for item in grant.filter_only]
    lists = {
        "filter_only": filtered,
        "join_only": grant.join_only,
        "aggregate_only": grant.aggregate_only,
        "verify.identifiers": grant.verify.identifiers if grant.verify is not None else (),
    }
    for field, names in lists.items():
        for name in names:
            if name in seen:
                yield _problem(
                    "column_in_two_lists",
                    f"{path}.{field}",
                    f"列“{name}”在同一授权项中只能列一次。",
                    f"The column {name!r} may stand once in a grant.",
                )
            seen.add(name)
    masked = [item.column for item in grant.masks]
    if len(set(masked)) != len(masked):
        yield _problem(
            "column_in_two_lists",
            f"{path}.masks",
            "每一列只能列一种脱敏方式。",
            "A column has one mask of the licence's own.",
        )


def _linkage_problems(
    path: str, grant: Grant, agreement: Agreement | None
) -> Iterator[InvalidInput]:
    group = grant.linkage_group
    if grant.join_only and group is None:
        yield _problem(
            "linkage_group_missing",
            f"{path}.linkage_group",
            "仅供关联的列须指明关联组（linkage_group）。",
            "A join-only column needs a linkage group: elsewhere its pseudonyms meet nothing.",
        )
    if group is not None and agreement is not None and group not in agreement.linkage_groups:
        yield _problem(
            "linkage_group_not_agreed",
            f"{path}.linkage_group",
            "授权运营协议未约定这个关联组。",
            "The operating agreement does not name this linkage group.",
        )


def _filter_problems(
    path: str, filtered: FilterOnly, dataset: DatasetDeclaration
) -> Iterator[InvalidInput]:
    column = dataset.column(filtered.column)
    recognises = column is not None and column.identifier is IdentifierKind.DIRECT
    if column is None or column.exposure not in _SHOWN or recognises:
        yield _problem(
            "filter_only_column",
            f"{path}.column",
            "仅供筛选的列须存在、可对外提供，且不得是直接标识符或隐私单元。",
            "A filter-only column exists, is open to licences, and names nobody: no direct "
            "identifier and no privacy unit.",
        )
        return
    for place, value in enumerate(filtered.values):
        if stored_value(column, value) is None:
            yield _problem(
                "filter_only_value",
                f"{path}.values[{place}]",
                "取值与该列的类型写法不符。",
                "The value is not written as the column's type is.",
            )
    if not filtered.discloses.strip():
        yield _problem(
            "filter_only_discloses",
            f"{path}.discloses",
            "须写明此筛选会披露什么。",
            "Say what the rows that remain disclose about this column.",
        )


def _exposure_problems(
    path: str, grant: Grant, dataset: DatasetDeclaration
) -> Iterator[InvalidInput]:
    wanted = {"join_only": {Exposure.ROWS}, "aggregate_only": _SHOWN}
    for field, exposures in wanted.items():
        for place, name in enumerate(getattr(grant, field)):
            column = dataset.column(name)
            if column is None or column.exposure not in exposures:
                yield _problem(
                    "column_not_exposed_so",
                    f"{path}.{field}[{place}]",
                    "没有这一列，或供数单位未声明可以这样提供。",
                    "There is no such column, or its source does not expose it so.",
                )


def _verify_problems(
    path: str, grant: Grant, dataset: DatasetDeclaration, rules: VerificationRules
) -> Iterator[InvalidInput]:
    terms = grant.verify
    if terms is None and AccessMode.VERIFY not in grant.modes:
        return
    if terms is None or grant.modes != (AccessMode.VERIFY,):
        yield _problem(
            "verify_terms",
            f"{path}.verify",
            "核验须单独列为一项授权，并写明标识列与授权同意规则。",
            "Verification is granted by itself, with its identifiers and its consent rule.",
        )
        return
    if dataset.subject == "person" and not grant.basis.strip():
        yield _problem(
            "verify_without_basis",
            f"{path}.basis",
            "个人数据的核验须写明批准依据。",
            "Verification about persons needs a named approval.",
        )
    if terms.consent.days_max > rules.consent_days_max:
        yield _problem(
            "consent_too_long",
            f"{path}.verify.consent.days_max",
            f"授权同意的有效天数不得超过规则上限 {rules.consent_days_max}。",
            f"A consent counts for at most {rules.consent_days_max} days.",
        )
    yield from _verified_column_problems(path, grant, terms, dataset)


def _verified_column_problems(
    path: str, grant: Grant, terms: VerifyTerms, dataset: DatasetDeclaration
) -> Iterator[InvalidInput]:
    for place, name in enumerate(terms.identifiers):
        column = dataset.column(name)
        if column is None or not _identifies(column, dataset):
            yield _problem(
                "verify_identifier",
                f"{path}.verify.identifiers[{place}]",
                "标识列须是可对外提供的直接标识符或隐私单元列。",
                "An identifier is a direct identifier or a unit column, and open to licences.",
            )
    for place, name in enumerate(grant.columns):
        column = dataset.column(name)
        if column is not None and column.exposure is Exposure.UNIT:
            yield _problem(
                "verify_column",
                f"{path}.columns[{place}]",
                "隐私单元列只能作为核验的标识。",
                "A unit column can only be an identifier of a verification.",
            )
    for place, item in enumerate(terms.ranges):
        yield from _range_problems(f"{path}.verify.ranges[{place}]", item, grant, dataset)
    named = [item.column for item in terms.ranges]
    if len(set(named)) != len(named):
        yield _problem(
            "verify_ranges",
            f"{path}.verify.ranges",
            "每一列只列一组区间。",
            "A column has one list of ranges.",
        )


def _identifies(column: Column, dataset: DatasetDeclaration) -> bool:
    known = column.identifier is IdentifierKind.DIRECT or column.name in dataset.unit_columns
    return known and column.exposure is not Exposure.NEVER


def _range_problems(
    path: str, item: ClaimRanges, grant: Grant, dataset: DatasetDeclaration
) -> Iterator[InvalidInput]:
    """Hold ranges apart: ranges that overlap would let a number be found by halving."""
    column = dataset.column(item.column)
    numeric = column is not None and column.type in _NUMBERS and item.column in grant.columns
    in_order = sorted(item.ranges, key=lambda found: found.lower)
    apart = all(one.upper <= other.lower for one, other in pairwise(in_order))
    proper = all(found.lower < found.upper for found in item.ranges)
    labels = {found.label for found in item.ranges}
    if not (numeric and apart and proper and len(labels) == len(item.ranges)):
        yield _problem(
            "verify_ranges",
            path,
            "区间须用于可核验的数值列，互不重叠，名称各异。",
            "Ranges are for a number that may be claimed, do not overlap, and have each a name.",
        )


def _problem(code: str, field: str, zh: str, en: str) -> InvalidInput:
    return InvalidInput(code, Message(zh, en), field=f"$.{field}", rule=RULE)
