"""Metering: a logged outcome becomes its usage rows and contributions, in the same transaction.

Called inside ``apply`` of the outcome's entry, so that no use is metered without its entry and none
is logged without its meters. What is written here is a function of question, policy and log order;
of governed rows alone, which the asker holds, also their number (I14).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select

from audit.events import PendingEntry
from authorization.documents import LicenceDocument
from authorization.revenue_terms import Tariff
from foundation.canonical import canonical_bytes, digest
from foundation.errors import Denied, Message
from policies.schema.revenue import Meter, RevenueRules
from revenue.settlement_rules import SettlementRule, compile_rule, keep_rule
from revenue.store import period
from revenue.tariffs.checking import is_free
from revenue.tariffs.pricing import price_micro_fen
from revenue.tariffs.versions import keep_tariff
from revenue.usage_store import MICRO_FEN_MAX, contribution, usage

WEIGHING_METERS = frozenset({Meter.FETCH, Meter.CALL, Meter.VERIFICATION})
"""Outcomes that earn their sources a share, where they are billed; repeats and the rest do not."""


@dataclass(frozen=True)
class Source:
    """A data set that an outcome rests on: which columns of it, how many governed rows."""

    dataset: str
    columns: tuple[str, ...]
    rows: int = 0


@dataclass(frozen=True)
class Use:
    """What an outcome is billed by: its meters, what it gave, and the sources that it rests on.

    ``product`` names what was used: a released table, an answer, a claim or a session.
    ``outcome_key`` is equal for equal questions of a licence, and tells nothing of them.
    """

    licence: LicenceDocument
    product: str
    buyer: str
    meters: Mapping[Meter, int]
    sources: Sequence[Source] = ()
    outcome_key: str = ""


@dataclass(frozen=True)
class UsageLine:
    """One meter of an outcome: how much of it, how much of it before, and its price."""

    meter: Meter
    quantity: int
    units_before: int
    gross_micro_fen: int

    def as_json(self) -> dict[str, object]:
        """Return the line as the outcome's log entry writes it."""
        return {
            "meter": self.meter.value,
            "quantity": self.quantity,
            "units_before": self.units_before,
            "gross_micro_fen": self.gross_micro_fen,
        }


@dataclass(frozen=True)
class Metered:
    """What metering wrote."""

    lines: tuple[UsageLine, ...]
    rule: SettlementRule
    tariff_digest: str
    usage_digest: str

    @property
    def gross_micro_fen(self) -> int:
        """The price of the outcome."""
        return sum(line.gross_micro_fen for line in self.lines)


# Built once: outcomes are metered in the one writer, where making a statement costs more than
# running it.
_LAST_CLOSE = (
    select(period.c.closed_index)
    .where(period.c.state == "closed")
    .order_by(period.c.closed_index.desc())
    .limit(1)
)
_NEWEST_USE = (
    select(usage.c.units_before + usage.c.quantity)
    .where(
        usage.c.licence == bindparam("of_licence"),
        usage.c.meter == bindparam("of_meter"),
        usage.c.audit_index > bindparam("after_index"),
    )
    .order_by(usage.c.audit_index.desc(), usage.c.source_index.desc())
    .limit(1)
)


def last_close_index(connection: Connection) -> int:
    """Return the log index of the last period's close, or -1: use after it is of the next one."""
    found = connection.execute(_LAST_CLOSE).scalar()
    return -1 if found is None else int(found)


def priced_lines(
    connection: Connection,
    licence: LicenceDocument,
    tariff: Tariff | None,
    meters: Mapping[Meter, int],
    rules: RevenueRules,
) -> tuple[UsageLine, ...]:
    """Price meters by the units so far since the last close; without a tariff nothing costs."""
    billed = None if is_free(licence.product, rules) else tariff
    after_index = last_close_index(connection)
    lines = []
    for meter_ in sorted(meters, key=str):
        quantity = meters[meter_]
        if quantity > 0:
            before = _units_before(connection, licence.id, meter_, after_index)
            price = 0 if billed is None else price_micro_fen(billed, meter_, quantity, before)
            lines.append(UsageLine(meter_, quantity, before, price))
    if sum(line.gross_micro_fen for line in lines) > MICRO_FEN_MAX:
        raise _too_dear()
    return tuple(lines)


def meter(
    connection: Connection,
    entry: PendingEntry,
    use: Use,
    *,
    tariff: Tariff | None,
    scheme_digest: str,
    rules: RevenueRules,
) -> Metered:
    """Write the usage of an outcome and say it in the outcome's entry.

    ``tariff`` is the one in force, which the caller has checked; None bills nothing.
    """
    return _metered(connection, entry, [(entry.index, use)], tariff, scheme_digest, rules)


def meter_again(
    connection: Connection,
    entry: PendingEntry,
    uses: Sequence[tuple[int, Use]],
    *,
    tariff: Tariff | None,
    scheme_digest: str,
    rules: RevenueRules,
) -> Metered:
    """Write the usage of earlier outcomes, by their log indexes, for the one licence of all uses.

    The entry's lines name each outcome. That none is billed to a licence twice is the table's own
    constraint.
    """
    return _metered(connection, entry, sorted(uses, key=_index), tariff, scheme_digest, rules)


def _metered(
    connection: Connection,
    entry: PendingEntry,
    uses: Sequence[tuple[int, Use]],
    tariff: Tariff | None,
    scheme_digest: str,
    rules: RevenueRules,
) -> Metered:
    licence = uses[0][1].licence
    named = licence.product.tariff if tariff is None else tariff
    rule = compile_rule(licence, named, scheme_digest, rules)
    keep_rule(connection, rule)
    tariff_digest = keep_tariff(connection, named)
    told: list[dict[str, object]] = []
    lines: list[UsageLine] = []
    rows: list[dict[str, Any]] = []
    contributed: list[dict[str, Any]] = []
    for source_index, use in uses:  # each is written before the next: it counts the units before
        found = priced_lines(connection, licence, tariff, use.meters, rules)
        written = [_row(entry, source_index, use, line, rule, named) for line in found]
        given = _contributions(entry.index, source_index, use)
        given = given if _weighs(found, tariff, licence, rules) else []
        for table, values in ((usage, written), (contribution, given)):
            if values:
                connection.execute(insert(table), values)
        again = {} if source_index == entry.index else {"source_index": source_index}
        told += ({**again, **line.as_json()} for line in found)
        lines += found
        rows += written
        contributed += given
    digest_ = usage_digest(rows, contributed)
    entry.amend(
        usage=told, tariff_digest=tariff_digest, rule_digest=rule.digest, usage_digest=digest_
    )
    return Metered(tuple(lines), rule, tariff_digest, digest_)


def _index(use: tuple[int, Use]) -> int:
    return use[0]


def usage_digest(
    rows: Sequence[Mapping[str, Any]], contributed: Sequence[Mapping[str, Any]]
) -> str:
    """Return the digest of an entry's usage and contribution rows, as the entry commits to it."""
    return digest(
        {
            "usage": sorted((usage_line(row) for row in rows), key=canonical_bytes),
            "contributions": sorted(
                (contribution_line(row) for row in contributed), key=canonical_bytes
            ),
        }
    )


def usage_line(row: Mapping[str, Any]) -> dict[str, object]:
    """Return a usage row as bundles and digests write it."""
    return {
        name: row[name]
        for name in (
            "audit_index",
            "source_index",
            "meter",
            "quantity",
            "units_before",
            "licence",
            "product",
            "buyer",
            "payer",
            "biller",
            "price_class",
            "prepaid",
            "tariff_digest",
            "rule_digest",
            "gross_micro_fen",
        )
    }


def contribution_line(row: Mapping[str, Any]) -> dict[str, object]:
    """Return a contribution row as bundles and digests write it; ``columns`` stays JSON text."""
    names = ("audit_index", "source_index", "dataset", "licence", "columns", "rows", "outcome_key")
    return {name: row[name] for name in names}


def _weighs(
    lines: Sequence[UsageLine], tariff: Tariff | None, licence: LicenceDocument, rules: RevenueRules
) -> bool:
    """Tell whether an outcome earns its sources a share: billed, and no repeat."""
    if tariff is None or is_free(licence.product, rules):
        return False
    weighing = any(line.meter in WEIGHING_METERS for line in lines)
    paid = tariff.subscription is not None or any(line.gross_micro_fen for line in lines)
    return weighing and paid


def _units_before(connection: Connection, licence: str, meter_: Meter, after_index: int) -> int:
    """Return the licence's units of a meter since the last close, by the newest row alone."""
    asked = {"of_licence": licence, "of_meter": meter_.value, "after_index": after_index}
    return int(connection.execute(_NEWEST_USE, asked).scalar() or 0)


def _row(
    entry: PendingEntry,
    source_index: int,
    use: Use,
    line: UsageLine,
    rule: SettlementRule,
    tariff: Tariff,
) -> dict[str, Any]:
    return {
        "audit_index": entry.index,
        "source_index": source_index,
        "meter": line.meter.value,
        "quantity": line.quantity,
        "units_before": line.units_before,
        "licence": use.licence.id,
        "product": use.product,
        "buyer": use.buyer,
        "payer": rule.payer,
        "biller": rule.biller,
        "price_class": rule.price_class,
        "prepaid": int(tariff.prepaid),
        "tariff_digest": rule.document["tariff_digest"],
        "rule_digest": rule.digest,
        "gross_micro_fen": line.gross_micro_fen,
        "time_us": entry.time_us,
    }


def _contributions(audit_index: int, source_index: int, use: Use) -> list[dict[str, Any]]:
    return [
        {
            "audit_index": audit_index,
            "source_index": source_index,
            "dataset": source.dataset,
            "licence": use.licence.id,
            "columns": canonical_bytes(sorted(set(source.columns))).decode(),
            "rows": source.rows,
            "outcome_key": use.outcome_key,
        }
        for source in sorted(use.sources, key=lambda source: source.dataset)
    ]


def _too_dear() -> Denied:
    return Denied(
        "price_out_of_range",
        Message(
            zh="本次使用的价格超出账本可记的最大金额，不予提供。",
            en="The price of this use is more than the ledger can hold; nothing is given.",
        ),
        rule="revenue/metering",
    )
