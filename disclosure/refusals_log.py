"""Every refused question is an entry, and so is what a session says it tried of its sandbox."""

from audit.coalescing import CoalescingLog
from audit.events import AuditEvent, Writer
from audit.tags import EntryKind
from disclosure.scope import QuestionScope
from foundation.clock import Clock
from foundation.errors import SandgateError


class RefusalsLog:
    """Writes the refusals of sessions, or counts them when one person's come too fast."""

    def __init__(self, writer: Writer, clock: Clock, logged_per_minute_max: int) -> None:
        """Nothing is counted yet; the limit comes from a rule file."""
        self._log = CoalescingLog(writer, clock, logged_per_minute_max)

    def record(
        self, scope: QuestionScope, question: str, sql: str, refusal: SandgateError
    ) -> str | None:
        """Log one refusal; return its receipt, or None where it was only counted."""
        public = {
            **scope.as_public(),
            "question": question,
            "code": refusal.code,
            "rule": refusal.rule,
        }
        event = AuditEvent(EntryKind.QUESTION_REFUSED, scope.actor, public, {"sql": sql})
        return self._write(scope, event)

    def record_attempt(
        self, scope: QuestionScope, label: str, code: str, *, stopped: bool
    ) -> str | None:
        """Log what a session says it tried of its sandbox: its own word, counted like refusals."""
        public = {**scope.as_public(), "code": code, "stopped": stopped, "told_by": "session"}
        event = AuditEvent(EntryKind.ATTEMPT_REPORTED, scope.actor, public, {"label": label})
        return self._write(scope, event)

    def write_counted(self, *, everything: bool = False) -> None:
        """Write the counts of minutes that are over, or all of them when the service stops."""
        self._log.write_counted(everything=everything)

    def _write(self, scope: QuestionScope, event: AuditEvent) -> str | None:
        return self._log.record((scope.licence, scope.actor.person), event, scope.as_public())
