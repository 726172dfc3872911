"""The arithmetic of revenue, written a second time: prices, the waterfall and whole fen.

Deliberately not shared with ``foundation`` or ``revenue``: two independent evaluators must agree.
Where the ledger freezes bounds, this one searches the level between sorted breakpoints; where it
compares remainders of whole numbers, this one compares fractions.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Any

from audit.verify.weights import weight_of

MICRO_FEN = 1_000_000
MILLION = 1_000_000
POT = "*pot"
UNUSED = "*unused"

Record = Mapping[str, Any]


def canonical(value: object) -> bytes:
    """Encode JSON as RFC 8785 does where there are no floats."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def digest_of(value: object) -> str:
    """Return ``sha256:`` and the digest of a value's canonical bytes."""
    return digest_of_bytes(canonical(value))


def digest_of_bytes(data: bytes) -> str:
    """Return ``sha256:`` and the digest of bytes as they stand."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def split_exactly(total: int, weights: Mapping[str, int]) -> dict[str, int]:
    """Split by largest remainder (Hamilton): floors first, what is left to the largest fractions.

    Ties go to the smaller name. Without any weight nobody gets anything.
    """
    whole = sum(weights.values())
    if whole == 0:
        return dict.fromkeys(weights, 0)
    return rounded({name: Fraction(total * weight, whole) for name, weight in weights.items()})


def rounded(quotas: Mapping[str, Fraction]) -> dict[str, int]:
    """Round fractions that sum to a whole number so that they still do."""
    parts = {name: int(quota) for name, quota in quotas.items()}
    left = int(sum(quotas.values(), Fraction(0))) - sum(parts.values())
    claims = sorted(
        (name for name in quotas if quotas[name]),
        key=lambda name: (parts[name] - quotas[name], name),
    )
    for name in claims[:left]:
        parts[name] += 1
    return parts


def price_of(tariff: Record, meter: str, quantity: int, units_before: int) -> int:
    """Return the price of some units in micro-fen, each at its own number in the period."""
    priced = next((price for price in tariff["prices"] if price["meter"] == meter), None)
    if priced is None:
        return 0
    subscription = tariff["subscription"] or {"included": []}
    free = sum(item["units"] for item in subscription["included"] if item["meter"] == meter)
    starts = {0: 0}
    for tier in sorted(priced["tiers"], key=lambda tier: (tier["from_unit"], tier["discount_ppm"])):
        starts[tier["from_unit"] - 1] = tier["discount_ppm"]
    bounds = sorted({*starts, free, units_before, units_before + quantity})
    price = 0
    for begin, end in pairwise(bounds):
        if begin < max(units_before, free) or end > units_before + quantity:
            continue
        discount = starts[max(start for start in starts if start <= begin)]
        price += (end - begin) * (priced["micro_fen"] * (MILLION - discount) // MILLION)
    return price


def measured(scheme: Record, contributions: Sequence[Record]) -> list[dict[str, Any]]:
    """Return what counted of each source of the pot and what it weighs, by data set."""
    pot = scheme["pot"]
    if pot is None:
        return []
    lines: dict[str, list[Record]] = {}
    for line in contributions:
        lines.setdefault(line["dataset"], []).append(line)
    return [
        _source(source, pot["weight"], lines.get(source["dataset"], []))
        for source in sorted(pot["sources"], key=lambda source: str(source["dataset"]))
    ]


def _source(source: Record, weight: str, own: Sequence[Record]) -> dict[str, Any]:
    questions: dict[str, list[int]] = {}
    for line in own:
        questions.setdefault(line["outcome_key"], []).append(line["rows"])
    figures = {
        "calls": len(questions),
        "columns": len({column for line in own for column in json.loads(line["columns"])}),
        "rows": min(sum(min(rows) for rows in questions.values()), source["approved_rows"]),
        "approved_rows": source["approved_rows"],
        "quality_ppm": source["quality_ppm"],
    }
    bounds = {name: source[name] for name in ("minimum_ppm", "maximum_ppm")}
    return {
        "dataset": source["dataset"],
        "payee": source["payee"],
        **figures,
        **bounds,
        "weight": weight_of(weight, figures) if questions else 0,
    }


def waterfall(
    billed_fen: int,
    tax_ppm: int,
    excess_fen: int,
    scheme: Record,
    sources: Sequence[Record],
    licence: str,
) -> list[dict[str, Any]]:
    """Return the steps of a pool in their order; they sum to the bill in micro-fen."""
    left = billed_fen * MICRO_FEN
    steps = [
        _step("tax", {"payee": "tax", "channel": "tax"}, left * tax_ppm // (MILLION + tax_ppm))
    ]
    steps += _recovered(left - steps[0]["micro_fen"], scheme["cost_recovery"])
    profit = scheme["permitted_profit"]
    if profit is not None:
        rest = left - _sum(steps)
        steps.append(
            _step("permitted_profit", profit, min(rest, profit["fen_per_period"] * MICRO_FEN))
        )
    if scheme["clawback"]:
        kept = min(left - _sum(steps), excess_fen * MICRO_FEN)
        steps.append(_step("clawback", {"payee": licence, "channel": "reserve"}, kept))
    return [*steps, *_shared(left - _sum(steps), scheme, sources)]


def lines_of(
    billed_fen: int, steps: Sequence[Record], carried: Mapping[str, tuple[str, int]]
) -> list[dict[str, Any]]:
    """Return a pool's lines by payee; ``carried`` gives channel and micro-fen from before."""
    channels = {payee: channel for payee, (channel, _) in carried.items()}
    channels |= {step["payee"]: step["channel"] for step in steps}
    due = dict.fromkeys(sorted(channels), 0)
    for step in steps:
        due[step["payee"]] += step["micro_fen"]
    brought = {payee: carried.get(payee, ("", 0))[1] for payee in due}
    fen = split_exactly(billed_fen, {payee: max(0, due[payee] + brought[payee]) for payee in due})
    return [
        {
            "payee": payee,
            "channel": channels[payee],
            "micro_fen": due[payee],
            "carry_in_micro_fen": brought[payee],
            "fen": fen[payee],
            "carry_out_micro_fen": due[payee] + brought[payee] - fen[payee] * MICRO_FEN,
        }
        for payee in due
    ]


def _recovered(left: int, amounts: Sequence[Record]) -> list[dict[str, Any]]:
    wanted = {one["payee"]: one["fen_per_period"] * MICRO_FEN for one in amounts}
    given = wanted if sum(wanted.values()) <= left else split_exactly(left, wanted)
    return [
        _step("cost_recovery", one, given[one["payee"]])
        for one in sorted(amounts, key=lambda one: str(one["payee"]))
    ]


def _shared(left: int, scheme: Record, sources: Sequence[Record]) -> list[dict[str, Any]]:
    pot = scheme["pot"]
    ppm = {share["payee"]: share["ppm"] for share in scheme["shares"]}
    parts = split_exactly(left, ppm if pot is None else {**ppm, POT: pot["ppm"]})
    steps = [
        _step("share", share, parts[share["payee"]])
        for share in sorted(scheme["shares"], key=lambda share: str(share["payee"]))
    ]
    if pot is None:
        return steps
    filled = _filled(parts[POT], sources)
    filled[UNUSED] = parts[POT] - sum(filled.values(), Fraction(0))
    given = rounded(filled)
    by_name = {source["dataset"]: source for source in pot["sources"]}
    steps += [_step("pot", by_name[name], given[name], name) for name in sorted(by_name)]
    return [*steps, _step("pot_unused", pot["unused_to"], given[UNUSED])]


def _filled(total: int, sources: Sequence[Record]) -> dict[str, Fraction]:
    """Give each weighing source its part between its bounds, by the one level at which all fit."""
    parts = {source["dataset"]: Fraction(0) for source in sources}
    claims = {
        source["dataset"]: (
            source["weight"],
            Fraction(total * source["minimum_ppm"], MILLION),
            Fraction(total * source["maximum_ppm"], MILLION),
        )
        for source in sources
        if source["weight"]
    }

    def at(level: Fraction) -> dict[str, Fraction]:
        return {name: min(most, max(least, level * w)) for name, (w, least, most) in claims.items()}

    if sum((most for _, _, most in claims.values()), Fraction(0)) <= total:
        return parts | {name: most for name, (_, _, most) in claims.items()}
    levels = sorted({bound / w for w, least, most in claims.values() for bound in (least, most)})
    above = next(level for level in levels if sum(at(level).values(), Fraction(0)) >= total)
    below = max((level for level in levels if level < above), default=above)
    low, high = sum(at(below).values(), Fraction(0)), sum(at(above).values(), Fraction(0))
    if high == low:
        return parts | at(above)
    return parts | at(below + (above - below) * (total - low) / (high - low))


def _step(name: str, party: Record, micro_fen: int, dataset: str | None = None) -> dict[str, Any]:
    return {
        "step": name,
        "payee": party["payee"],
        "channel": party["channel"],
        "dataset": dataset,
        "micro_fen": micro_fen,
    }


def _sum(steps: Sequence[Record]) -> int:
    return sum(int(step["micro_fen"]) for step in steps)
