"""What a start records and checks first: the rules in force, and budgets that equal their charges.

Where the spent budgets differ from the charges or from what the log last committed to, protected
data stays closed until the data authority has settled the difference (I5).
"""

from pathlib import Path

from sqlalchemy import Connection, Engine

from audit.events import AuditEvent, Writer, no_effect
from audit.reading import read_entries
from audit.tags import EntryKind
from disclosure.budgets.odometer import check_spent, committed_digest
from foundation.db import reading
from foundation.errors import Unavailable
from foundation.identity import SYSTEM_ACTOR
from foundation.settings import Settings
from policies.effective import jurisdiction_of
from policies.load import PolicyPack

UPLOADS = "uploads"


def log_start(writer: Writer, engine: Engine, settings: Settings, pack: PolicyPack) -> None:
    """Record the start; and the rule pack, where another one was in force before (I12)."""
    jurisdiction = jurisdiction_of(pack, settings.jurisdiction)
    public = {
        "mode": settings.mode.value,
        "policy_digest": pack.digest,
        "jurisdiction": jurisdiction.name,
        "rules_digest": jurisdiction.digest,
    }
    writer.submit(AuditEvent(EntryKind.SERVICE_STARTED, SYSTEM_ACTOR, public), no_effect)
    with reading(engine) as connection:
        last = _last_public(connection, EntryKind.POLICY_LOADED)
    if last.get("policy_digest") == pack.digest:
        return
    loaded = {"policy_digest": pack.digest, "rule_files": dict(pack.file_digests)}
    writer.submit(AuditEvent(EntryKind.POLICY_LOADED, SYSTEM_ACTOR, loaded), no_effect)


class BudgetsWatch:
    """Tells why protected data is closed, from the start until every charge is accounted for.

    What was found at the start is logged once; a settlement by two persons opens protected data
    with the next question, without a restart.
    """

    def __init__(self, engine: Engine, writer: Writer) -> None:
        """Compare spendings with charges and log now."""
        self._engine = engine
        self._closed = self._mismatch()
        if self._closed is not None:
            public: dict[str, object] = {"code": self._closed.code}
            writer.submit(AuditEvent(EntryKind.BUDGETS_CLOSED, SYSTEM_ACTOR, public), no_effect)

    def __call__(self) -> Unavailable | None:
        """Return why protected data stays closed; None where it is open."""
        if self._closed is not None:
            self._closed = self._mismatch()
        return self._closed

    def _mismatch(self) -> Unavailable | None:
        with reading(self._engine) as connection:
            try:
                check_spent(connection, committed_digest(connection))
            except Unavailable as mismatch:
                return mismatch
        return None


def remove_uploads(home: Path) -> int:
    """Remove source files that a crash left half received; return how many."""
    left = [path for path in (home / UPLOADS).glob("*") if path.is_file()]
    for path in left:
        path.unlink()
    return len(left)


def _last_public(connection: Connection, kind: EntryKind) -> dict[str, object]:
    found = read_entries(connection, kinds=(kind,), newest_first=True, limit=1)
    return found[0].public if found else {}
