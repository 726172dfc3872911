"""The distribution scheme (分配方案) as a document: who is paid, in which order, by what measure.

No national split exists, so every figure is the parties' own and the scheme says if it is made up.
``revenue/shares.py`` works the money out; ``authorization/scheme_validation.py`` says whether a
scheme may be used at all.
"""

from typing import Literal

from pydantic import Field

from authorization.weights import WEIGHT_CHARACTERS_MAX
from catalog.datasets import Frozen, Name
from foundation.money import PARTS_PER_MILLION

FEN_PER_PERIOD_MAX = 10**13
APPROVED_ROWS_MAX = 10**12
PARTIES_MAX = 200

Channel = Literal["treasury", "account"]
"""How money reaches a payee: ``treasury`` in its name, as for every department, or its account."""


class Party(Frozen):
    """A payee and the way its money takes."""

    payee: str = Field(min_length=1, max_length=200)
    channel: Channel


class FixedAmount(Party):
    """A payee's fixed whole fen of each period, for cost recovery or permitted profit."""

    fen_per_period: int = Field(ge=0, le=FEN_PER_PERIOD_MAX)


class Share(Party):
    """A payee's fixed parts per million of what is left to share."""

    ppm: int = Field(ge=0, le=PARTS_PER_MILLION)


class Source(Party):
    """One data set whose contribution earns a part of the pot, within its bounds.

    ``approved_rows`` is the owner-released size up to which rows count; ``quality_ppm`` the
    approved quality. ``minimum_ppm`` and ``maximum_ppm`` are parts per million of the pot and
    hold for a source that contributed at all.
    """

    dataset: Name
    approved_rows: int = Field(ge=0, le=APPROVED_ROWS_MAX)
    quality_ppm: int = Field(default=PARTS_PER_MILLION, ge=0, le=PARTS_PER_MILLION)
    minimum_ppm: int = Field(default=0, ge=0, le=PARTS_PER_MILLION)
    maximum_ppm: int = Field(default=PARTS_PER_MILLION, ge=0, le=PARTS_PER_MILLION)


class Pot(Frozen):
    """The part that is shared by contribution: by ``weight`` among the sources.

    What no contributor may take (nobody contributed, or all stand at their maximum) goes to
    ``unused_to``.
    """

    ppm: int = Field(ge=0, le=PARTS_PER_MILLION)
    weight: str = Field(min_length=1, max_length=WEIGHT_CHARACTERS_MAX)
    sources: tuple[Source, ...] = Field(min_length=1, max_length=PARTIES_MAX)
    unused_to: Party


class ShareScheme(Frozen):
    """One version of a scheme. ``shares`` and the pot together make a million parts.

    The order of steps is fixed: tax, ``cost_recovery``, ``permitted_profit``, clawback, shares.
    """

    version: str = Field(min_length=1, max_length=60)
    approval: str = Field(min_length=1, max_length=200)
    cost_recovery: tuple[FixedAmount, ...] = Field(default=(), max_length=PARTIES_MAX)
    permitted_profit: FixedAmount | None = None
    clawback: bool = False
    shares: tuple[Share, ...] = Field(default=(), max_length=PARTIES_MAX)
    pot: Pot | None = None
    fictional: bool = True

    def parties(self) -> tuple[tuple[str, Party], ...]:
        """Return every payee that the scheme names, each with the place where it stands."""
        named: list[tuple[str, Party]] = [
            (f"cost_recovery[{place}]", party) for place, party in enumerate(self.cost_recovery)
        ]
        if self.permitted_profit is not None:
            named.append(("permitted_profit", self.permitted_profit))
        named += [(f"shares[{place}]", share) for place, share in enumerate(self.shares)]
        if self.pot is not None:
            named += [
                (f"pot.sources[{place}]", source) for place, source in enumerate(self.pot.sources)
            ]
            named.append(("pot.unused_to", self.pot.unused_to))
        return tuple(named)

    def payees(self) -> frozenset[str]:
        """Return the payees that the scheme names."""
        return frozenset(party.payee for _, party in self.parties())
