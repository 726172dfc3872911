"""Opening protected data again after tables and log disagreed: by charging what may be missing.

Nothing is ever credited. Each level takes the most that tree, charges or log say was spent, and
whatever its cap stands above what the log knows; a level that the log does not know, and every
level of a population settled at its worst case, counts as wholly spent. Two persons do it (I5, I8).
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, insert, update

from audit.events import PendingEntry, Recorded, Writer
from catalog.store import populations
from disclosure.budgets.odometer import (
    Totals,
    check_spent,
    committed_digest,
    odometer,
    spent_table_digest,
    tree_from_log,
    tree_now,
)
from disclosure.budgets.proposals import Proposal, ProposalKind, confirm, propose
from disclosure.budgets.store import budget_correction, budget_node
from disclosure.budgets.tree import Amount, raisable_place
from foundation.errors import Conflict, Message, NotFound, Unavailable
from foundation.identity import Actor
from policies.schema.privacy import PrivacyRules


@dataclass(frozen=True)
class Difference:
    """One level that changes: what it will have spent, and what its charges do not explain."""

    node: str
    missing: bool
    totals: Totals
    correction_nano_rho: int
    correction_delta_steps: int


def propose_settlement(
    writer: Writer, actor: Actor, worst_case: Sequence[str], reason: str
) -> Recorded[Proposal]:
    """Propose to charge the difference; the populations named in ``worst_case`` in full.

    Raises Conflict where tables and log agree and nothing is to be settled.
    """
    worst = sorted(set(worst_case))

    def prepare(connection: Connection, _entry: PendingEntry) -> dict[str, Any]:
        known = [found.name for found in populations(connection)]
        unknown = set(worst) - set(known)
        if unknown:
            raise NotFound(
                "population_unknown",
                Message(f"没有总体“{min(unknown)}”。", f"There is no population {min(unknown)!r}."),
                field="$.worst_case",
            )
        _check_disagreement(connection)
        return {"populations": known, "worst_case": worst}

    return propose(writer, actor, ProposalKind.SETTLEMENT, reason, prepare)


def confirm_settlement(
    writer: Writer, actor: Actor, proposal: str, rules: PrivacyRules
) -> Recorded[Proposal]:
    """Charge the difference, in one commit. Protected data opens at the service's next start."""

    def carry_out(connection: Connection, entry: PendingEntry, found: Proposal) -> None:
        _check_disagreement(connection)
        worst = found.subject["worst_case"]
        log = tree_from_log(connection)
        for difference in differences(connection, log, worst, rules):
            _write(connection, difference, entry)
        expected = {node: _exhausted(totals, node, worst) for node, totals in log.items()}
        entry.amend(
            budgets_exhausted=worst,
            budgets_stated=[
                {"id": node, **totals.as_json()}
                for node, totals in tree_now(connection).items()
                if totals != expected.get(node)
            ],
            spent_digest=spent_table_digest(connection),
        )

    return confirm(writer, actor, ProposalKind.SETTLEMENT, proposal, carry_out)


def differences(
    connection: Connection,
    log: dict[str, Totals],
    worst_case: Collection[str],
    rules: PrivacyRules,
) -> list[Difference]:
    """Return what every level will stand at once it is settled, parents before children."""
    tree, charged = tree_now(connection), odometer(connection)
    return [
        _difference(
            node,
            tree.get(node),
            None if _population(node) in worst_case else log.get(node),
            charged.get(node, (0, 0)),
            rules,
        )
        for node in sorted({*tree, *log, *charged})
    ]


def _difference(
    node: str,
    tree: Totals | None,
    log: Totals | None,
    charged: tuple[int, int],
    rules: PrivacyRules,
) -> Difference:
    """Settle one level; ``log`` is None where the log does not know it, or counts for nothing."""
    stands = tree or log
    cap = Amount() if stands is None else stands.cap
    spent = cap
    if log is not None:
        taken = log.spent if tree is None else tree.spent
        most = Amount(
            max(taken.nano_rho, log.spent.nano_rho, charged[0]),
            max(taken.delta_steps, log.spent.delta_steps, charged[1]),
        )
        spent = (most + _surplus(node, cap, log.cap, rules)).lesser(cap)
    return Difference(
        node,
        tree is None,
        Totals(cap, spent),
        spent.nano_rho - charged[0],
        spent.delta_steps - charged[1],
    )


def _surplus(node: str, cap: Amount, known: Amount, rules: PrivacyRules) -> Amount:
    """Return how far a cap that counts lies above the one the log knows.

    Caps of licences and projects count as their signed document names them, whatever the table
    says; those of shared levels never count beyond the rule file's ceiling.
    """
    place = raisable_place(node, rules)
    if place is None:
        return Amount()
    counts = cap.lesser(place.ceiling)
    return Amount(
        max(counts.nano_rho - known.nano_rho, 0), max(counts.delta_steps - known.delta_steps, 0)
    )


def _write(connection: Connection, difference: Difference, entry: PendingEntry) -> None:
    cap, spent = difference.totals.cap, difference.totals.spent
    if difference.missing:
        *above, level, name = difference.node.split("/")
        connection.execute(
            insert(budget_node).values(
                id=difference.node,
                parent="/".join(above) or None,
                level=level,
                population=_population(difference.node),
                name=name,
                cap_nano_rho=cap.nano_rho,
                cap_delta_steps=cap.delta_steps,
                opened_us=entry.time_us,
            )
        )
    connection.execute(
        update(budget_node)
        .where(budget_node.c.id == difference.node)
        .values(spent_nano_rho=spent.nano_rho, spent_delta_steps=spent.delta_steps)
    )
    if difference.correction_nano_rho or difference.correction_delta_steps:
        connection.execute(
            insert(budget_correction).values(
                entry_index=entry.index,
                node=difference.node,
                nano_rho=difference.correction_nano_rho,
                delta_steps=difference.correction_delta_steps,
            )
        )


def _check_disagreement(connection: Connection) -> None:
    """Refuse to settle what is in order: nothing would be missing."""
    try:
        check_spent(connection, committed_digest(connection))
    except Unavailable:
        return
    raise Conflict(
        "budgets_agree",
        Message(
            "隐私预算与审计日志一致，无需结清。",
            "The privacy budgets agree with the audit log; there is nothing to settle.",
        ),
        rule="I5",
    )


def _exhausted(totals: Totals, node: str, worst_case: Collection[str]) -> Totals:
    return Totals(totals.cap, totals.cap) if _population(node) in worst_case else totals


def _population(node: str) -> str:
    return node.split("/")[1]
