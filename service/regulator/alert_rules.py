"""The rules in force: those of the rule pack, always, and those that regulators saved beside them.

A regulator's own rule is any of the checks with another threshold, for everybody or for one
licence, person, organisation or population. It counts from the entry that saved it. The pack's
rules cannot be switched off.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import Field
from sqlalchemy import Connection, Row, func, insert, select

from audit.events import AuditEvent, PendingEntry, Recorded, Writer
from audit.tags import EntryKind
from foundation.canonical import canonical_bytes
from foundation.clock import to_iso
from foundation.errors import Conflict, Message, NotFound
from foundation.identity import Actor
from foundation.ids import new_id
from policies.schema import Rules
from policies.schema.alerts import AlertRules, AlertThreshold, CheckName
from service.regulator.alert_checks import CHECK_WORDS
from service.regulator.alert_store import alert_rule
from service.regulator.alert_windows import ActiveRule

NATIONAL = "national"
CHECKS: tuple[CheckName, ...] = tuple(CHECK_WORDS)


class RuleDraft(Rules):
    """A regulator's own rule as it is saved; ``about`` empty means everybody."""

    name: str = Field(min_length=1, max_length=200)
    check: CheckName
    threshold: AlertThreshold
    about: Mapping[Literal["licence", "person", "organisation", "population"], str] = Field(
        default_factory=dict
    )
    enabled: bool = True


@dataclass(frozen=True)
class SavedRule:
    """The newest revision of a regulator's own rule."""

    id: str
    revision: int
    name: str
    enabled: bool
    person: str
    saved_us: int
    active: ActiveRule

    def as_json(self) -> dict[str, object]:
        """Return the rule for a reader."""
        return {
            "id": self.id,
            "revision": self.revision,
            "name": self.name,
            "check": self.active.check,
            "minimum": self.active.minimum,
            "window_seconds": self.active.window_seconds,
            "about": dict(self.active.about),
            "enabled": self.enabled,
            "saved_by": self.person,
            "saved": to_iso(self.saved_us),
            "counts_from_index": self.active.since_index,
        }


def national_rules(rules: AlertRules) -> tuple[ActiveRule, ...]:
    """Return the rule pack's own rules."""
    return tuple(
        ActiveRule(
            id=f"{NATIONAL}/{check}",
            check=check,
            minimum=rules.threshold(check).minimum,
            window_seconds=rules.threshold(check).window_seconds,
        )
        for check in CHECKS
    )


def saved_rules(connection: Connection) -> list[SavedRule]:
    """Return the newest revision of every regulator's own rule."""
    newest = select(alert_rule.c.id, func.max(alert_rule.c.revision).label("revision"))
    last = newest.group_by(alert_rule.c.id).subquery()
    rows = connection.execute(
        select(alert_rule)
        .join(
            last,
            (alert_rule.c.id == last.c.id) & (alert_rule.c.revision == last.c.revision),
        )
        .order_by(alert_rule.c.saved_index)
    )
    return [_saved(row) for row in rows]


def rules_in_force(connection: Connection, rules: AlertRules) -> tuple[ActiveRule, ...]:
    """Return the pack's rules and the saved ones that are enabled."""
    own = [saved.active for saved in saved_rules(connection) if saved.enabled]
    return (*national_rules(rules), *own)


def save_rule(
    writer: Writer, actor: Actor, draft: RuleDraft, rules: AlertRules, rule_id: str | None = None
) -> Recorded[SavedRule]:
    """Save a new rule, or the next revision of one. Raises NotFound, or Conflict beyond the limit.

    The check of a rule stays what it was, so that its alerts remain comparable.
    """
    identifier = rule_id or new_id("alr")

    def apply(connection: Connection, entry: PendingEntry) -> SavedRule:
        known = {saved.id: saved for saved in saved_rules(connection)}
        before = known.get(identifier)
        _check(draft, before, rule_id, len(known), rules)
        revision = 1 if before is None else before.revision + 1
        row = {
            "id": identifier,
            "revision": revision,
            "name": draft.name,
            "check_name": draft.check,
            "minimum": draft.threshold.minimum,
            "window_seconds": draft.threshold.window_seconds,
            "about": canonical_bytes(dict(draft.about)).decode(),
            "enabled": draft.enabled,
            "person": actor.person,
            "saved_index": entry.index,
            "saved_us": entry.time_us,
        }
        connection.execute(insert(alert_rule).values(row))
        entry.amend(revision=revision)
        return next(saved for saved in saved_rules(connection) if saved.id == identifier)

    public: dict[str, object] = {
        "alert_rule": identifier,
        "check": draft.check,
        "minimum": draft.threshold.minimum,
        "window_seconds": draft.threshold.window_seconds,
        "about": dict(draft.about),
        "enabled": draft.enabled,
    }
    event = AuditEvent(EntryKind.ALERT_RULE_SAVED, actor, public, {"name": draft.name})
    return writer.submit(event, apply)


def _check(
    draft: RuleDraft, before: SavedRule | None, rule_id: str | None, known: int, rules: AlertRules
) -> None:
    if before is None and rule_id is not None:
        raise NotFound(
            "alert_rule_unknown",
            Message("没有这条自定预警规则。", "There is no such saved alert rule."),
            field="rule",
        )
    if before is None and known >= rules.own_rules_max:
        raise Conflict(
            "alert_rules_too_many",
            Message(
                f"自定预警规则最多 {rules.own_rules_max} 条。",
                f"At most {rules.own_rules_max} own alert rules can be saved.",
            ),
            rule="policies/alerts",
            way_out=Message("请停用或改写已有规则。", "Adjust or disable a rule that exists."),
        )
    if before is not None and before.active.check != draft.check:
        raise Conflict(
            "alert_rule_check_fixed",
            Message(
                "规则所查的内容不能更改，请另存一条新规则。",
                "What a rule checks does not change; save a new rule instead.",
            ),
            field="check",
        )


def _saved(row: Row[Any]) -> SavedRule:
    return SavedRule(
        id=row.id,
        revision=row.revision,
        name=row.name,
        enabled=row.enabled,
        person=row.person,
        saved_us=row.saved_us,
        active=ActiveRule(
            id=row.id,
            check=row.check_name,
            minimum=row.minimum,
            window_seconds=row.window_seconds,
            about=json.loads(row.about),
            since_index=row.saved_index,
        ),
    )
