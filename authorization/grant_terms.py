"""What a grant may say of single columns: a stricter mask, a filter, a join, a verification."""

from pydantic import Field

from catalog.datasets import BOUND_MAX, Frozen, Mask, Name


class GrantedMask(Frozen):
    """The licence's own mask on a column: joined with the declared one, so only ever stricter."""

    column: Name
    mask: Mask


class FilterOnly(Frozen):
    """A fixed condition on a column that is never inside the extract (I13).

    ``discloses`` is the signed statement of what the rows that remain say about that column.
    """

    column: Name
    values: tuple[str, ...] = Field(min_length=1, max_length=1000)
    discloses: str = Field(min_length=1, max_length=1000)


class ClaimRange(Frozen):
    """One approved range of a number: ``lower`` to below ``upper``, in stored integer units."""

    label: str = Field(min_length=1, max_length=60)
    lower: int = Field(ge=-BOUND_MAX, le=BOUND_MAX)
    upper: int = Field(ge=-BOUND_MAX, le=BOUND_MAX)


class ClaimRanges(Frozen):
    """The ranges of one column; where there are any, a claim names one by its label."""

    column: Name
    ranges: tuple[ClaimRange, ...] = Field(min_length=1, max_length=100)


class ConsentRule(Frozen):
    """What a person's consent must be for, and for how many days after it was given it counts."""

    purposes: tuple[Name, ...] = Field(min_length=1, max_length=20)
    days_max: int = Field(ge=1, le=3_660)


class VerifyTerms(Frozen):
    """How claims about one unit are verified (核验): by which identifiers, with which consent.

    The grant's ``columns`` are what may be claimed; no value of them is ever answered.
    """

    identifiers: tuple[Name, ...] = Field(min_length=1, max_length=4)
    ranges: tuple[ClaimRanges, ...] = ()
    consent: ConsentRule

    def ranges_of(self, column: str) -> tuple[ClaimRange, ...]:
        """Return a column's approved ranges; none where claims are of equality."""
        return next((item.ranges for item in self.ranges if item.column == column), ())
