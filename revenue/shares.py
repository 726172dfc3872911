"""How a pool's money is split: one waterfall of exact micro-fen, then whole fen with a carry.

Gross, then tax, cost recovery, permitted profit, clawback reserve, fixed shares and the pot. Every
division is Hamilton's largest remainder with ties to the smaller name, so no result depends on the
order of clauses, of questions or of payees.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from authorization.scheme_terms import FixedAmount, Party, Pot, ShareScheme
from foundation.money import (
    MICRO_FEN_PER_FEN,
    PARTS_PER_MILLION,
    largest_remainder,
    round_exactly,
)
from revenue.schemes.water_filling import Claim, fill

TAX_PAYEE = "tax"
TAX_CHANNEL = "tax"
RESERVE_CHANNEL = "reserve"
POT_NAME = "*pot"  # no payee and no data set can have these names
UNUSED_NAME = "*unused"


@dataclass(frozen=True)
class Step:
    """What one step of the waterfall gives one payee, and for which data set in the pot."""

    step: str
    payee: str
    channel: str
    micro_fen: int
    dataset: str | None = None

    def as_json(self) -> dict[str, object]:
        """Return the step as the pool document writes it."""
        return {
            "step": self.step,
            "payee": self.payee,
            "channel": self.channel,
            "dataset": self.dataset,
            "micro_fen": self.micro_fen,
        }


@dataclass(frozen=True)
class Line:
    """A payee's account of one pool: what it is due, paid, and carries to the next period."""

    payee: str
    channel: str
    micro_fen: int
    carry_in_micro_fen: int
    fen: int

    @property
    def carry_out_micro_fen(self) -> int:
        """What is still owed to the payee after this pool; below zero where it was paid ahead."""
        return self.micro_fen + self.carry_in_micro_fen - self.fen * MICRO_FEN_PER_FEN

    def as_json(self) -> dict[str, object]:
        """Return the line as the pool document writes it."""
        return {
            "payee": self.payee,
            "channel": self.channel,
            "micro_fen": self.micro_fen,
            "carry_in_micro_fen": self.carry_in_micro_fen,
            "fen": self.fen,
            "carry_out_micro_fen": self.carry_out_micro_fen,
        }


@dataclass(frozen=True)
class Money:
    """What comes into the waterfall: whole fen billed, and what must come out of it before shares.

    ``excess_fen`` is what the bill brings above the permitted revenue of the pricing year.
    """

    billed_fen: int
    tax_ppm: int
    excess_fen: int = 0


def split_pool(
    money: Money, scheme: ShareScheme, weights: Mapping[str, int], reserve: str
) -> tuple[Step, ...]:
    """Run the waterfall; the steps sum to the billed money exactly, in micro-fen.

    ``weights`` is by data set of the pot; ``reserve`` names the payee of the clawback. Within a
    step the payees stand in the order of their names.
    """
    return tuple(_waterfall(money, scheme, weights, reserve))


def _waterfall(
    money: Money, scheme: ShareScheme, weights: Mapping[str, int], reserve: str
) -> Iterator[Step]:
    left = money.billed_fen * MICRO_FEN_PER_FEN
    tax = left * money.tax_ppm // (PARTS_PER_MILLION + money.tax_ppm)
    yield Step("tax", TAX_PAYEE, TAX_CHANNEL, tax)
    left -= tax
    for step in _cost_recovery(left, scheme.cost_recovery):
        left -= step.micro_fen
        yield step
    if scheme.permitted_profit is not None:
        profit = scheme.permitted_profit
        given = min(left, profit.fen_per_period * MICRO_FEN_PER_FEN)
        left -= given
        yield Step("permitted_profit", profit.payee, profit.channel, given)
    if scheme.clawback:
        kept = min(left, money.excess_fen * MICRO_FEN_PER_FEN)
        left -= kept
        yield Step("clawback", reserve, RESERVE_CHANNEL, kept)
    yield from _shares(left, scheme, weights)


def _cost_recovery(left: int, amounts: Sequence[FixedAmount]) -> list[Step]:
    """Give each its full amount, or all of them pro rata where there is too little."""
    wanted = {one.payee: one.fen_per_period * MICRO_FEN_PER_FEN for one in amounts}
    whole = sum(wanted.values())
    given = wanted if whole <= left else largest_remainder(left, wanted)
    channels = {one.payee: one.channel for one in amounts}
    return [
        Step("cost_recovery", payee, channels[payee], given[payee]) for payee in sorted(channels)
    ]


def _shares(left: int, scheme: ShareScheme, weights: Mapping[str, int]) -> Iterator[Step]:
    ppm = {share.payee: share.ppm for share in scheme.shares}
    if scheme.pot is not None:
        ppm[POT_NAME] = scheme.pot.ppm
    parts = largest_remainder(left, ppm)
    for share in sorted(scheme.shares, key=lambda share: share.payee):
        yield Step("share", share.payee, share.channel, parts[share.payee])
    if scheme.pot is not None:
        yield from _pot(parts[POT_NAME], scheme.pot, weights)


def _pot(total: int, pot: Pot, weights: Mapping[str, int]) -> Iterator[Step]:
    exact = fill(
        total,
        {
            source.dataset: Claim(
                weights.get(source.dataset, 0), source.minimum_ppm, source.maximum_ppm
            )
            for source in pot.sources
        },
    )
    unused = total - sum(exact.values(), Fraction(0))
    parts = round_exactly({**exact, UNUSED_NAME: unused})
    for source in sorted(pot.sources, key=lambda source: source.dataset):
        given = parts[source.dataset]
        yield Step("pot", source.payee, source.channel, given, source.dataset)
    last: Party = pot.unused_to
    yield Step("pot_unused", last.payee, last.channel, parts[UNUSED_NAME])


@dataclass(frozen=True)
class Carried:
    """What a payee carries from earlier pools of the licence, and by which channel it is paid."""

    channel: str
    micro_fen: int


def pay(billed_fen: int, steps: Iterable[Step], carried: Mapping[str, Carried]) -> tuple[Line, ...]:
    """Turn steps into whole fen: one line a payee, in the order of names; fen sum to the bill.

    Each payee is due its micro-fen and what it carried. The fen are shared by largest remainder
    over what is due, nothing to whoever was paid ahead. No carry ever falls to a whole fen below
    zero, and all carries of a licence sum to zero; so with n payees each is below n - 1 fen.
    """
    micro: defaultdict[str, int] = defaultdict(int)
    channels = {payee: one.channel for payee, one in carried.items()}
    for step in steps:
        micro[step.payee] += step.micro_fen
        channels[step.payee] = step.channel
    before = {
        payee: carried[payee].micro_fen if payee in carried else 0 for payee in sorted(channels)
    }
    fen = largest_remainder(
        billed_fen, {payee: max(0, micro[payee] + brought) for payee, brought in before.items()}
    )
    return tuple(
        Line(payee, channels[payee], micro[payee], brought, fen[payee])
        for payee, brought in before.items()
    )
