"""Permitted revenue, worked out again: the decided maximum of a year less what was billed in it.

A decision's sheet follows from its document where the bundle has it. What was deducted for an
earlier excess is the decision's own word.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from audit.verify.bills import Money
from audit.verify.evidence import Evidence, Record
from audit.verify.findings import Report
from audit.verify.shares import MILLION, split_exactly

DECIDED = "revenue:permitted:decided"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CHINA = timedelta(hours=8)


def verify_permitted(evidence: Evidence, report: Report) -> None:
    """Check the sheet of every decided maximum against its document."""
    for entry in evidence.of_kind(DECIDED):
        public = entry["public"]
        document = evidence.permitted.get(public["permitted_digest"])
        if document is None or not _sheet_holds(public, document):
            report.tampered(
                "permitted_differs",
                zh=f"第 {entry['index']} 号条目核定的最高准许收入与其文件不符。",
                en=f"The maximum that entry {entry['index']} decided is not that of its document.",
                index=entry["index"],
            )


class Permitted:
    """The decided maxima by operator and year, as far as the log has told them."""

    def __init__(self, evidence: Evidence) -> None:
        """Read every decision of the log."""
        self._evidence = evidence
        self._maxima: dict[tuple[str, int], tuple[int, int]] = {}
        for entry in evidence.of_kind(DECIDED):
            public = entry["public"]
            for year, fen in public["maxima_fen"].items():
                key = (public["operator"], int(year))
                self._maxima.setdefault(key, (entry["index"], fen))

    def holds(self, entry: Record, pools: Sequence[Record], money: Money) -> bool:
        """Tell whether each pool of a close states what its operator could still bill.

        A pool whose licence is absent is passed over: that was reported with its usage.
        """
        year = _year(entry["time_us"])
        by_operator: dict[str, dict[str, Record]] = {}
        for pool in pools:
            operator = self._operator(pool)
            if operator is not None:
                by_operator.setdefault(operator, {})[pool["licence"]] = pool
        return all(
            self._left(operator, year, entry["index"], own, money)
            == {name: pool["permitted_left_fen"] for name, pool in own.items()}
            for operator, own in by_operator.items()
        )

    def _left(
        self, operator: str, year: int, index: int, own: Mapping[str, Record], money: Money
    ) -> dict[str, int | None]:
        decided, maximum = self._maxima.get((operator, year), (index, 0))
        if decided >= index:
            return dict.fromkeys(own)
        left = max(0, maximum - self._billed_fen(operator, year, money))
        found: dict[str, int | None] = dict.fromkeys(own, left)
        bills = {name: pool["billed_fen"] for name, pool in own.items() if pool["billed_fen"]}
        if bills:
            found.update(split_exactly(left, bills))
        return found

    def _billed_fen(self, operator: str, year: int, money: Money) -> int:
        return sum(
            money.bill(place).fen
            for place, held in money.pools.items()
            if self._operator(held.pool) == operator
            and _year(self._evidence.entries[held.pool["close_index"]]["time_us"]) == year
        )

    def _operator(self, pool: Record) -> str | None:
        licence = self._evidence.licences.get(pool["licence_digest"])
        return None if licence is None else str(licence["operator"])


def _year(time_us: int) -> int:
    return (_EPOCH + timedelta(microseconds=time_us) + _CHINA).year


def _sheet_holds(public: Record, document: Record) -> bool:
    cost = sum(item["fen"] for item in document["costs"]) - document["subsidy_fen"]
    rate = document["treasury_yield_ppm"] + document["margin_ppm"]
    profit = cost * rate // MILLION
    tax = (cost + profit) * document["tax_ppm"] // MILLION
    yearly = cost + profit + tax
    years = range(document["first_year"], document["last_year"] + 1)
    each, left = divmod(public["deducted_fen"], len(years))
    expected = {
        "operator": document["operator"],
        "cost_fen": cost,
        "rate_ppm": rate,
        "profit_fen": profit,
        "tax_fen": tax,
        "yearly_fen": yearly,
        "maxima_fen": {
            str(year): yearly - each - (place < left) for place, year in enumerate(years)
        },
    }
    return cost >= 0 and {name: public.get(name) for name in expected} == expected
