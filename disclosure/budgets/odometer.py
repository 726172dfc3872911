"""What was really spent, counted three ways: the tree, its charges, and the log that proves both.

The tree must equal the sum of its charges and corrections, and its digest must equal what the log
last committed to; where either differs, protected data stays closed (I5). For an auditor the whole
tree is computed once more from the log's entries alone, and compared level by level.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, Table, func, select

from audit.reading import LogEntry, read_entries
from audit.tags import EntryKind
from catalog.store import populations
from disclosure.budgets.store import budget_correction, budget_node, charge_level
from disclosure.budgets.tree import Amount
from foundation.canonical import digest
from foundation.errors import Message, Unavailable

SPENDING_KINDS = (
    EntryKind.QUESTION_DECIDED,
    EntryKind.BUDGET_RAISED,
    EntryKind.BUDGETS_SETTLED,
)
"""The kinds of entries that open, charge, raise or settle levels, and so commit to the tree."""
_PAGE, _NEWEST = 1_000, 20


@dataclass(frozen=True)
class Totals:
    """A level's cap and spending."""

    cap: Amount
    spent: Amount

    def as_json(self) -> dict[str, int]:
        """Return the four figures by name."""
        return {
            "cap_nano_rho": self.cap.nano_rho,
            "cap_delta_steps": self.cap.delta_steps,
            "spent_nano_rho": self.spent.nano_rho,
            "spent_delta_steps": self.spent.delta_steps,
        }


@dataclass(frozen=True)
class Reading:
    """One level as the tree has it and as the log has it; None where one of them lacks it."""

    node: str
    population: str
    tree: Totals | None
    log: Totals | None

    @property
    def agrees(self) -> bool:
        """Tell whether both say the same."""
        return self.tree == self.log

    def as_json(self) -> dict[str, object]:
        """Return the reading for an auditor."""
        return {
            "level": self.node,
            "kind": self.node.split("/")[-2],
            "population": self.population,
            "tree": None if self.tree is None else self.tree.as_json(),
            "log": None if self.log is None else self.log.as_json(),
            "agrees": self.agrees,
        }


def tree_now(connection: Connection) -> dict[str, Totals]:
    """Return every level of the tree as the store has it, by name."""
    columns = budget_node.c
    query = select(
        columns.id,
        columns.cap_nano_rho,
        columns.cap_delta_steps,
        columns.spent_nano_rho,
        columns.spent_delta_steps,
    ).order_by(columns.id)
    return {
        row[0]: Totals(Amount(row[1], row[2]), Amount(row[3], row[4]))
        for row in connection.execute(query)
    }


def odometer(connection: Connection) -> dict[str, tuple[int, int]]:
    """Recompute what every level should have spent (nano-rho, delta steps) from its charges."""
    totals: dict[str, tuple[int, int]] = {}
    for table in (charge_level, budget_correction):
        for node, rho, delta in _sums(connection, table):
            before = totals.get(node, (0, 0))
            totals[node] = (before[0] + rho, before[1] + delta)
    return totals


def check_odometer(connection: Connection) -> None:
    """Compare the tree with its charges. Raises Unavailable where they differ."""
    computed = odometer(connection)
    found = {
        node: (totals.spent.nano_rho, totals.spent.delta_steps)
        for node, totals in tree_now(connection).items()
    }
    for node in sorted({*found, *computed}):
        if found.get(node, (0, 0)) != computed.get(node, (0, 0)):
            raise Unavailable(
                "budget_mismatch",
                Message(
                    zh=f"隐私预算“{node}”与其扣减记录不符，相关数据已关闭，请联系数据主管部门。",
                    en=f"The privacy budget {node!r} differs from its charges; its data "
                    "stays closed. Tell the data authority.",
                ),
                rule="I5",
                way_out=SETTLE,
            )


SETTLE = Message(
    zh="由数据主管部门两名工作人员办理预算结清（一人提出、另一人确认），重新启动后开放。",
    en="Two persons of the data authority settle the budgets, one proposing and another "
    "confirming; the next start opens the data again.",
)


def spent_table_digest(connection: Connection) -> str:
    """Return one digest of all caps and spendings, for log entries to commit to (I5)."""
    return digest({node: totals.as_json() for node, totals in tree_now(connection).items()})


def committed_digest(connection: Connection) -> str | None:
    """Return the digest of all spendings that the log last committed to; None before any."""
    found = [_newest_commitment(connection, one.name) for one in populations(connection)]
    newest = max((entry for entry in found if entry is not None), default=None)
    return None if newest is None else newest[1]


def check_spent(connection: Connection, committed: str | None) -> None:
    """Compare all spendings with the charges, and with the digest the log last committed to.

    Raises Unavailable where either differs. ``committed`` is None where nothing was charged yet.
    """
    check_odometer(connection)
    found = spent_table_digest(connection) if tree_now(connection) else None
    if found != committed:
        raise Unavailable(
            "budget_mismatch",
            Message(
                zh="隐私预算与审计日志最后记载的不符，受保护数据已关闭，请联系数据主管部门。",
                en="The privacy budgets differ from what the audit log last committed to; "
                "protected data stays closed. Tell the data authority.",
            ),
            rule="I5",
            way_out=SETTLE,
        )


def tree_from_log(connection: Connection) -> dict[str, Totals]:
    """Compute every level from the log's entries alone, in their order."""
    levels: dict[str, Totals] = {}
    for _, levels in tree_through_log(connection):  # noqa: B007 - the last one is wanted
        pass
    return levels


def tree_through_log(connection: Connection) -> Iterator[tuple[LogEntry, dict[str, Totals]]]:
    """Give each entry that spends, with every level as it leaves them; do not change these."""
    levels: dict[str, Totals] = {}
    for entry in _spending_entries(connection):
        _replay(entry.public, levels)
        yield entry, levels


def readings(connection: Connection) -> list[Reading]:
    """Return every level as tree and log have it, for the auditor."""
    tree, log = tree_now(connection), tree_from_log(connection)
    return [
        Reading(node, node.split("/", 2)[1], tree.get(node), log.get(node))
        for node in sorted({*tree, *log})
    ]


def _newest_commitment(connection: Connection, population: str) -> tuple[int, str] | None:
    """Return index and digest of the newest entry about a population that commits to the tree."""
    end: int | None = None
    while page := read_entries(
        connection,
        end=end,
        kinds=SPENDING_KINDS,
        subjects={"population": population},
        newest_first=True,
        limit=_NEWEST,
    ):
        for entry in page:
            if "spent_digest" in entry.public:
                return entry.index, str(entry.public["spent_digest"])
        end = page[-1].index
    return None


def _replay(public: dict[str, Any], levels: dict[str, Totals]) -> None:
    for opened in public.get("budgets_opened", ()):
        cap = Amount(opened["cap_nano_rho"], opened["cap_delta_steps"])
        levels.setdefault(opened["id"], Totals(cap, Amount()))
    for charged in public.get("charges", ()):
        loss = Amount(charged["nano_rho"], charged["delta_steps"])
        for node in charged["levels"]:
            before = levels.get(node, Totals(Amount(), Amount()))
            levels[node] = replace(before, spent=before.spent + loss)
    exhausted = public.get("budgets_exhausted", ())
    for node, before in levels.items():
        if node.split("/")[1] in exhausted:
            levels[node] = replace(before, spent=before.cap)
    for stated in public.get("budgets_stated", ()):
        levels[stated["id"]] = Totals(
            Amount(stated["cap_nano_rho"], stated["cap_delta_steps"]),
            Amount(stated["spent_nano_rho"], stated["spent_delta_steps"]),
        )


def _spending_entries(connection: Connection) -> Iterator[LogEntry]:
    """Give each entry of the spending kinds in order, a page at a time."""
    first = 0
    while page := read_entries(connection, first=first, kinds=SPENDING_KINDS, limit=_PAGE):
        yield from page
        first = page[-1].index + 1


def _sums(connection: Connection, table: Table) -> Iterator[tuple[str, int, int]]:
    rho, delta = func.sum(table.c.nano_rho), func.sum(table.c.delta_steps)
    for row in connection.execute(select(table.c.node, rho, delta).group_by(table.c.node)):
        yield row[0], int(row[1]), int(row[2])
