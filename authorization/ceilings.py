"""How high a grade each way of asking may reach, without and with a named approval."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from authorization.documents import AccessMode, Grant
from catalog.datasets import Column, DatasetDeclaration
from foundation.errors import InvalidInput, Message
from policies.schema.access import AccessRules
from policies.schema.verification import VerificationRules

RULE = "licence-document"


@dataclass(frozen=True)
class GradeCeilings:
    """The rules that name the highest grade of each mode."""

    access: AccessRules
    verification: VerificationRules

    def of(self, mode: AccessMode, basis: str) -> str:
        """Return the highest grade that a mode may reach, given whether an approval is named."""
        access, verification = self.access, self.verification
        without, reached = {
            AccessMode.ROWS: (access.rows_grade_max, access.rows_grade_max_with_basis),
            AccessMode.AGGREGATE: (
                access.aggregate_grade_max,
                access.aggregate_grade_max_with_basis,
            ),
            AccessMode.VERIFY: (verification.grade_max, verification.grade_max_with_basis),
        }[mode]
        return reached if basis.strip() else without


def grade_problems(
    path: str,
    column: Column,
    grant: Grant,
    modes: Iterable[AccessMode],
    ceilings: GradeCeilings,
) -> Iterator[InvalidInput]:
    """Yield a problem for each mode that may not reach a column's grade."""
    for mode in modes:
        if column.grade > ceilings.of(mode, grant.basis):
            yield InvalidInput(
                "column_grade_above_ceiling",
                Message(
                    f"该列级别 {column.grade} 高于此方式允许的级别。",
                    f"The column's grade {column.grade} is above what mode {mode} may reach.",
                ),
                field=f"$.{path}",
                rule=RULE,
            )


def other_grade_problems(
    path: str, grant: Grant, dataset: DatasetDeclaration, ceilings: GradeCeilings
) -> Iterator[InvalidInput]:
    """Hold the columns beside ``columns`` to the grade that their own mode may reach."""
    filtered = [item.column for item in grant.filter_only]
    identifiers = grant.verify.identifiers if grant.verify is not None else ()
    named = (
        ("filter_only", filtered, AccessMode.ROWS),
        ("join_only", grant.join_only, AccessMode.ROWS),
        ("aggregate_only", grant.aggregate_only, AccessMode.AGGREGATE),
        ("verify.identifiers", identifiers, AccessMode.VERIFY),
    )
    for field, names, mode in named:
        for place, name in enumerate(names):
            column = dataset.column(name)
            if column is not None:
                where = f"{path}.{field}[{place}]"
                yield from grade_problems(where, column, grant, (mode,), ceilings)
