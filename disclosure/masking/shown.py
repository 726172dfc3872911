"""Which columns a grant shows as rows, each under the mask that counts."""

from authorization.documents import AccessMode, Grant
from catalog.datasets import Column, DatasetDeclaration, Exposure, Mask, MaskKind
from disclosure.masking.strictness import effective_mask
from policies.schema.masks import MaskRules

_JOINED = Mask(kind=MaskKind.PSEUDONYM)


def shown_columns(
    dataset: DatasetDeclaration, grant: Grant, rules: MaskRules
) -> tuple[Column, ...]:
    """Return the columns of a grant's rows in declared order, with the strictest of their masks.

    Join-only columns stand under a pseudonym; columns for filters, aggregates or verification
    alone are not among them, whatever else names them.
    """
    names = set(grant.columns_in(AccessMode.ROWS))
    names -= {item.column for item in grant.filter_only} | set(grant.aggregate_only)
    return tuple(
        column.model_copy(update={"mask": effective_mask(column, rules, _asked(column, grant))})
        for column in dataset.columns
        if column.name in names and column.exposure is Exposure.ROWS
    )


def _asked(column: Column, grant: Grant) -> list[Mask]:
    own = [item.mask for item in grant.masks if item.column == column.name]
    return [*own, _JOINED] if column.name in grant.join_only else own
