"""Counts the working days of a matter, once: what comes out is frozen with its digests.

The rules are those of the service's jurisdiction at the time of counting. A clock never starts on
its first day, and a silence when it ends decides nothing.
"""

from dataclasses import dataclass
from datetime import date

from catalog.matters.matter import Due
from foundation.errors import InvalidInput, Message, NotFound
from policies.effective import Jurisdiction, jurisdiction_of
from policies.load import PolicyPack
from policies.schema.daily import DailyRules
from policies.schema.deadlines import Deadline


@dataclass(frozen=True)
class Clocks:
    """The clocks of one jurisdiction, and the organisation that consents to extensions.

    ``daily`` is how much one person may begin in a civil day.
    """

    rules: Jurisdiction
    daily: DailyRules
    authority: str = "data_authority"

    @classmethod
    def of(cls, pack: PolicyPack, jurisdiction: str, authority: str = "data_authority") -> "Clocks":
        """Take the clocks of a jurisdiction. Raises NotFound for one that has no pack."""
        return cls(jurisdiction_of(pack, jurisdiction), pack.rules(DailyRules), authority)

    @property
    def jurisdiction(self) -> str:
        """Return the name of the rule pack."""
        return self.rules.name

    def deadline(self, name: str) -> Deadline:
        """Return one clock's rule. Raises NotFound where the jurisdiction has none of the name."""
        found = self.rules.clocks.get(name)
        if found is None:
            raise NotFound(
                "deadline_unknown",
                Message(
                    f"法域“{self.jurisdiction}”没有期限“{name}”。",
                    f"The jurisdiction {self.jurisdiction!r} has no clock {name!r}.",
                ),
                field="deadline",
                rule="policies/deadlines",
            )
        return found

    def due(self, deadline: str, from_us: int, *, working_days: int | None = None) -> Due:
        """Count a clock from a time in UTC microseconds; its own day is not counted.

        ``working_days`` may only shorten what the rule says. Raises InvalidInput.
        """
        rule = self.deadline(deadline)
        days = rule.working_days if working_days is None else working_days
        if not 1 <= days <= rule.working_days:
            raise InvalidInput(
                "deadline_too_long",
                Message(
                    f"该期限为1至{rule.working_days}个工作日。",
                    f"This clock has 1 to {rule.working_days} working days.",
                ),
                field="working_days",
                rule=rule.source,
            )
        start = self.rules.calendar.civil_day(from_us)
        return self._frozen(deadline, start, days, days, rule)

    def extended(self, due: Due, days: int) -> Due:
        """Count further working days onto a clock. Raises InvalidInput beyond the rule's most."""
        if not 1 <= days <= due.extension_days_max:
            raise InvalidInput(
                "extension_too_long",
                Message(
                    f"该期限还可延长不超过{due.extension_days_max}个工作日。",
                    f"This clock may still be extended by at most {due.extension_days_max} "
                    "working days.",
                ),
                field="$.days",
                rule=due.document,
            )
        start = date.fromisoformat(due.on)
        rule = Deadline(
            working_days=due.working_days,
            extension_days_max=due.extension_days_max - days,
            source=due.document,
        )
        counted = self._frozen(due.deadline, start, days, due.working_days + days, rule)
        return counted.model_copy(update={"provisional": counted.provisional or due.provisional})

    def settled(self, due: Due, start: date) -> Due | None:
        """Count a provisional clock afresh; None where its years are still without a list.

        ``start`` is the civil day on which it began.
        """
        on, provisional = self.rules.calendar.due_at_least(start, due.working_days)
        if provisional:
            return None
        return due.model_copy(
            update={
                "on": on.isoformat(),
                "us": self._after(on),
                "calendar_digest": self.rules.calendar.digest,
                "provisional": False,
            }
        )

    def _frozen(self, name: str, start: date, count: int, total: int, rule: Deadline) -> Due:
        on, provisional = self.rules.calendar.due_at_least(start, count)
        return Due(
            on=on.isoformat(),
            us=self._after(on),
            working_days=total,
            calendar_digest=self.rules.calendar.digest,
            rules_digest=self.rules.digest,
            deadline=name,
            document=rule.source,
            provisional=provisional,
            extension_days_max=rule.extension_days_max,
        )

    def _after(self, on: date) -> int:
        return self.rules.calendar.starts_us(date.fromordinal(on.toordinal() + 1))
