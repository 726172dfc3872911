"""Raising a shared cap: by two persons, with a reason, and never beyond the rule file's ceiling.

The new total is in the log under a kind of its own and in the budget listing of every licence
holder. Caps of licences and projects stand in signed documents; another document changes them.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, update

from audit.events import PendingEntry, Recorded, Writer
from catalog.store import PopulationState
from catalog.store import population as population_by_name
from disclosure.budgets.charging import opened_public
from disclosure.budgets.odometer import spent_table_digest, tree_now
from disclosure.budgets.proposals import Proposal, ProposalKind, confirm, proposals, propose
from disclosure.budgets.store import budget_node
from disclosure.budgets.tree import (
    RAISABLE,
    Amount,
    Level,
    LevelKind,
    Place,
    level_at,
    open_level,
    raisable_place,
)
from foundation.errors import Conflict, InvalidInput, Message, NotFound
from foundation.identity import Actor
from policies.schema.privacy import PrivacyRules

RULE = "policies/privacy"


def propose_raise(
    writer: Writer, actor: Actor, node: str, cap: Amount, reason: str, rules: PrivacyRules
) -> Recorded[Proposal]:
    """Propose a new total for a population, a line of data or a period of one.

    ``node`` is the level's name in the budget listing; ``cap`` the new total, not the addition.
    Raises InvalidInput above the rule file's ceiling or below what stands, NotFound, Denied.
    """

    def prepare(connection: Connection, _entry: PendingEntry) -> dict[str, Any]:
        level = _known_level(connection, node, rules)
        _check_new_cap(level, cap)
        return {
            "level": node,
            "populations": [level.place.population],
            "from_nano_rho": level.cap.nano_rho,
            "from_delta_steps": level.cap.delta_steps,
            "to_nano_rho": cap.nano_rho,
            "to_delta_steps": cap.delta_steps,
        }

    return propose(writer, actor, ProposalKind.RAISE, reason, prepare)


def confirm_raise(
    writer: Writer, actor: Actor, proposal: str, rules: PrivacyRules
) -> Recorded[Proposal]:
    """Raise the cap as proposed; by another person, and only if it still stands as it stood."""

    def carry_out(connection: Connection, entry: PendingEntry, found: Proposal) -> None:
        subject = found.subject
        level = _known_level(connection, subject["level"], rules)
        cap = Amount(subject["to_nano_rho"], subject["to_delta_steps"])
        _check_new_cap(level, cap)
        if level.cap != Amount(subject["from_nano_rho"], subject["from_delta_steps"]):
            raise Conflict(
                "cap_changed_since",
                Message(
                    "提议之后该额度已变动，请重新提出。",
                    "The cap has changed since it was proposed; propose again.",
                ),
                field="proposal",
                rule=RULE,
            )
        opened = [level.place] if open_level(connection, level.place, entry.time_us) else []
        connection.execute(
            update(budget_node)
            .where(budget_node.c.id == level.place.id)
            .values(cap_nano_rho=cap.nano_rho, cap_delta_steps=cap.delta_steps)
        )
        stated = tree_now(connection)[level.place.id]
        entry.amend(
            **subject,
            budgets_opened=opened_public(opened),
            budgets_stated=[{"id": level.place.id, **stated.as_json()}],
            spent_digest=spent_table_digest(connection),
        )

    return confirm(writer, actor, ProposalKind.RAISE, proposal, carry_out)


def raises_of(connection: Connection, nodes: Sequence[str]) -> list[dict[str, object]]:
    """Return the confirmed raises of some levels, as they are published: without the reason."""
    return [
        {
            "level": found.subject["level"],
            "from_nano_rho": found.subject["from_nano_rho"],
            "to_nano_rho": found.subject["to_nano_rho"],
            "from_delta_steps": found.subject["from_delta_steps"],
            "to_delta_steps": found.subject["to_delta_steps"],
            "raised_us": found.confirmed_us,
        }
        for found in proposals(connection)
        if found.kind is ProposalKind.RAISE
        and found.confirmed_us is not None
        and found.subject["level"] in nodes
    ]


def _known_level(connection: Connection, node: str, rules: PrivacyRules) -> Level:
    """Return a shared level by name: open, or the root of an approved population."""
    place = raisable_place(node, rules)
    if place is None:
        raise _unknown()
    level = level_at(connection, place)
    root_unopened = level.opened_us is None and place.kind is LevelKind.POPULATION
    if level.opened_us is None and not (root_unopened and _approved(connection, place)):
        raise _unknown()
    return level


def _approved(connection: Connection, place: Place) -> bool:
    found = population_by_name(connection, place.population)
    return found is not None and found.state is PopulationState.APPROVED


def _check_new_cap(level: Level, cap: Amount) -> None:
    ceiling = level.place.ceiling
    if not cap.within(ceiling):
        raise InvalidInput(
            "cap_above_ceiling",
            Message(
                zh=f"新额度高于规则上限 {ceiling.nano_rho} nano-ρ、{ceiling.delta_steps} 步 δ。",
                en=f"The new cap is above the rule file's ceiling of {ceiling.nano_rho} nano-rho "
                f"and {ceiling.delta_steps} delta steps, which nobody may pass.",
            ),
            field="$.cap",
            rule=RULE,
        )
    if not level.cap.within(cap) or level.cap == cap:
        raise InvalidInput(
            "cap_not_raised",
            Message(
                zh="额度只增不减，且须高于现值。",
                en="A cap is only ever raised, and to more than it is.",
            ),
            field="$.cap",
            rule="I5",
        )


def _unknown() -> NotFound:
    kinds = ", ".join(RAISABLE)
    return NotFound(
        "level_unknown",
        Message(
            zh=f"没有这一级预算，或其额度写在授权文件中。可提高的级别：{kinds}。",
            en=f"There is no such level, or its cap stands in a signed licence. Levels that may "
            f"be raised: {kinds}.",
        ),
        field="$.level",
        rule=RULE,
    )
