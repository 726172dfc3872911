"""What an author may learn of a table before it is submitted: which cells would be held back.

No figure is shown that the author's rows do not give, and other organisations' releases play no
part. Every look is logged first and counted, for held-back cells tell of numbers of people.
"""

from dataclasses import dataclass

from sqlalchemy import Connection, Engine

from audit.events import AuditEvent, PendingEntry, Writer
from audit.reading import read_entries
from audit.tags import EntryKind
from authorization.revocation import SuspensionBoard, check_in_force
from disclosure.release.tables.desk import Asker, TableDesk
from disclosure.release.tables.plan import TableRequest
from disclosure.release.tables.refusals import RULE
from disclosure.release.tables.showing import SUPPRESSED
from disclosure.scope import QuestionScope
from foundation.canonical import canonical_bytes
from foundation.db import reading
from foundation.errors import Denied, Message
from policies.schema.tables import TableRules

DAY_US = 86_400_000_000
NOTE = Message(
    "预检只对照本授权自己的发布；受理时还会对照同一人群的全部发布，可能再隐去一些单元格或不予放行。",
    "Only your licence's own releases were compared with. On submission all releases of the same "
    "people are, so that more cells may be held back, or the table refused.",
)


@dataclass(frozen=True)
class TablePreviews:
    """Rehearses tables for their authors."""

    engine: Engine
    writer: Writer
    board: SuspensionBoard
    desk: TableDesk
    rules: TableRules

    def preview(self, scope: QuestionScope, request: TableRequest) -> dict[str, object]:
        """Say which cells of a table would be held back. Raises what refuses it."""
        self._log(scope, request)
        asker = Asker(scope.licence, scope.actor.organisation, scope.actor.person)
        with reading(self.engine) as connection:
            made = self.desk.rehearse(connection, asker, request)
        held_back = made.table.column(SUPPRESSED).to_pylist()
        keys = [item.name for item in made.plan.keys]
        rows = made.table.select([name for name in made.table.column_names if name in keys])
        return {
            "rows": made.table.num_rows,
            "columns": made.table.column_names,
            "suppressed_count": sum(held_back),
            "suppressed": [
                {name: None if value is None else str(value) for name, value in row.items()}
                for row, hidden in zip(rows.to_pylist(), held_back, strict=True)
                if hidden
            ],
            "checks": [
                {
                    "check": item.check,
                    "ok": item.passed,
                    "text": {"zh": item.reason.zh, "en": item.reason.en},
                }
                for item in made.findings
            ],
            "note": {"zh": NOTE.zh, "en": NOTE.en},
        }

    def _log(self, scope: QuestionScope, request: TableRequest) -> None:
        most = self.rules.previews_per_day_max

        def apply(connection: Connection, entry: PendingEntry) -> None:
            check_in_force(connection, self.board, scope.licence, entry.time_us)
            found = read_entries(
                connection,
                kinds=(EntryKind.TABLE_PREVIEWED,),
                subjects={"licence": scope.licence},
                newest_first=True,
                limit=most,
            )
            if len(found) >= most and found[-1].time_us > entry.time_us - DAY_US:
                raise too_many_previews(most)

        public = {**scope.as_public()}
        private = {"request": canonical_bytes(request.model_dump(mode="json")).decode()}
        event = AuditEvent(EntryKind.TABLE_PREVIEWED, scope.actor, public, private)
        self.writer.submit(event, apply)


def too_many_previews(most: int) -> Denied:
    """Refuse another look today."""
    return Denied(
        "table_previews_spent",
        Message(
            f"本授权 24 小时内的制表预检已达上限 {most} 次。",
            f"This licence has rehearsed {most} tables within 24 hours, as many as it may.",
        ),
        rule=RULE,
        way_out=Message("可直接提交出域申请。", "Submit the table: the desk tells what it finds."),
    )
