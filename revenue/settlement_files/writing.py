"""Settlement files (拨付文件): written by one person, sent by another, answered by the bank.

A file holds everything a biller can pay at that moment; its bytes are kept and their digests logged
before anyone can fetch them. Written → sent → returned, or written → withdrawn; nothing else.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from enum import StrEnum

from sqlalchemy import Connection, func, insert, select

from audit.events import AuditEvent, PendingEntry, Recorded, Writer
from audit.tags import EntryKind
from authorization.separation import (
    check_another_person,
    check_natural_person,
    check_older_than,
    check_role,
)
from foundation.canonical import sha256_hex
from foundation.errors import Conflict, Denied, Message, NotFound
from foundation.identity import Actor, Role
from foundation.ids import new_id
from revenue.flow.confirmations import claim_of
from revenue.flow.moves import APPROVERS, check_keeper, keeps_books
from revenue.flow.store import payout_file, payout_file_move, payout_line
from revenue.settlement_files.details import BANK, require_details
from revenue.settlement_files.forms import Payment, PaymentFile, csv_text, pain_text
from revenue.settlement_files.payable import Payable, payables

DIGEST_CHARACTERS = 24  # of a statement's digest, in an EndToEndId of at most 35
PAYMENTS_MAX = 10_000
CHINA = timezone(timedelta(hours=8))


class FileState(StrEnum):
    """Where a settlement file stands."""

    WRITTEN = "written"
    SENT = "sent"
    WITHDRAWN = "withdrawn"
    RETURNED = "returned"


NEXT: Mapping[FileState, tuple[FileState, ...]] = {
    FileState.WRITTEN: (FileState.SENT, FileState.WITHDRAWN),
    FileState.SENT: (FileState.RETURNED,),
    FileState.WITHDRAWN: (),
    FileState.RETURNED: (),
}


@dataclass(frozen=True)
class SettlementFile:
    """A file, where it stands, and the digests that its entry named."""

    id: str
    biller: str
    written_by: str
    written_us: int
    fen: int
    csv_digest: str
    pain_digest: str
    state: FileState

    def as_json(self) -> dict[str, object]:
        """Return what may be listed of a file: not its payments."""
        return {
            "id": self.id,
            "biller": self.biller,
            "written_by": self.written_by,
            "written_us": self.written_us,
            "fen": self.fen,
            "csv_digest": self.csv_digest,
            "pain_digest": self.pain_digest,
            "state": self.state.value,
        }


def write_file(writer: Writer, actor: Actor, biller: str) -> Recorded[SettlementFile]:
    """Write a file of everything that a biller can pay now. Raises Conflict where that is nothing.

    Whoever writes is of the authority, of finance, or the biller's own operator.
    """
    check_natural_person(actor)
    check_role(actor, *APPROVERS, Role.OPERATOR)
    name = new_id("file")

    def apply(connection: Connection, entry: PendingEntry) -> SettlementFile:
        _check_writer(connection, actor, biller)
        found = payables(connection, biller)[:PAYMENTS_MAX]
        if not found:
            raise Conflict(
                "nothing_payable",
                Message("没有可拨付的款项。", "There is nothing to pay out."),
                field="$.biller",
                way_out=Message("请先分账。", "Let collected money be distributed first."),
            )
        file = _file(connection, name, biller, found, entry.time_us)
        _keep(connection, entry, actor, biller, file)
        kept = require_file(connection, name)
        entry.amend(
            fen=kept.fen,
            payments=len(file.payments),
            csv_digest=kept.csv_digest,
            pain_digest=kept.pain_digest,
        )
        return kept

    event = AuditEvent(EntryKind.FILE_WRITTEN, actor, {"file": name, "biller": biller})
    return writer.submit(event, apply)


def send_file(writer: Writer, actor: Actor, name: str) -> Recorded[SettlementFile]:
    """Let a file go to the bank: another person than its writer, of the authority or finance."""
    check_role(actor, *APPROVERS)
    check_natural_person(actor)

    def apply(connection: Connection, entry: PendingEntry) -> SettlementFile:
        check_keeper(connection, actor)
        found = require_file(connection, name)
        check_another_person(actor, found.written_by)
        check_older_than(actor, found.written_us)
        move_file(connection, entry, found, FileState.SENT, actor.person)
        entry.amend(csv_digest=found.csv_digest, pain_digest=found.pain_digest)
        return require_file(connection, name)

    return writer.submit(AuditEvent(EntryKind.FILE_SENT, actor, {"file": name}), apply)


def withdraw_file(writer: Writer, actor: Actor, name: str) -> Recorded[SettlementFile]:
    """Withdraw a file that nobody sent; its payments are payable again."""
    check_natural_person(actor)

    def apply(connection: Connection, entry: PendingEntry) -> SettlementFile:
        found = require_file(connection, name)
        if found.written_by != actor.person:
            check_keeper(connection, actor)
        move_file(connection, entry, found, FileState.WITHDRAWN, actor.person)
        return require_file(connection, name)

    return writer.submit(AuditEvent(EntryKind.FILE_WITHDRAWN, actor, {"file": name}), apply)


def move_file(
    connection: Connection,
    entry: PendingEntry,
    found: SettlementFile,
    wanted: FileState,
    person: str,
) -> None:
    """Write a file's next state. Raises Conflict for a move that the table does not know."""
    if wanted not in NEXT[found.state]:
        raise Conflict(
            "file_state_forbids",
            Message(
                f"拨付文件当前状态为“{found.state.value}”，不能转为“{wanted.value}”。",
                f"The file is {found.state.value}, so it cannot become {wanted.value}.",
            ),
            field="$.file",
            rule="revenue/settlement_files",
        )
    connection.execute(
        insert(payout_file_move).values(
            file=found.id, state=wanted.value, audit_index=entry.index, person=person
        )
    )


def require_file(connection: Connection, name: str) -> SettlementFile:
    """Return a file. Raises NotFound."""
    for found in files(connection, name):
        return found
    raise NotFound(
        "file_unknown",
        Message("没有这份拨付文件。", "There is no such settlement file."),
        field="$.file",
    )


def files(connection: Connection, name: str | None = None) -> list[SettlementFile]:
    """Return all files, oldest first, or the one of a name."""
    query = select(payout_file).order_by(payout_file.c.audit_index)
    if name is not None:
        query = query.where(payout_file.c.id == name)
    moved: dict[str, set[str]] = {}
    for file, state in connection.execute(
        select(payout_file_move.c.file, payout_file_move.c.state)
    ):
        moved.setdefault(file, set()).add(state)
    last = (FileState.RETURNED, FileState.WITHDRAWN, FileState.SENT)
    return [
        SettlementFile(
            id=row.id,
            biller=row.biller,
            written_by=row.written_by,
            written_us=row.written_us,
            fen=int(row.fen),
            csv_digest=row.csv_digest,
            pain_digest=row.pain_digest,
            state=next(
                (state for state in last if state.value in moved.get(row.id, ())),
                FileState.WRITTEN,
            ),
        )
        for row in connection.execute(query).all()
    ]


def file_bytes(connection: Connection, name: str, form: str) -> bytes:
    """Return a file's bytes, ``csv`` or ``pain.001``, exactly as they were digested."""
    require_file(connection, name)
    column = payout_file.c.csv if form == "csv" else payout_file.c.pain
    text: str = connection.execute(select(column).where(payout_file.c.id == name)).scalar_one()
    return text.encode()


def _check_writer(connection: Connection, actor: Actor, biller: str) -> None:
    if not keeps_books(connection, actor) and not (
        actor.has(Role.OPERATOR) and actor.organisation == biller
    ):
        raise Denied(
            "not_the_biller",
            Message("运营机构只能为本机构生成拨付文件。", "An operator pays from its own bank."),
            field="$.biller",
            rule="revenue/settlement_files",
        )


def _file(
    connection: Connection, name: str, biller: str, found: list[Payable], time_us: int
) -> PaymentFile:
    moment = datetime.fromtimestamp(time_us // 1_000_000, UTC)
    numbers: dict[str, int] = {}
    payments = []
    for one in found:
        claim = claim_of(connection, one.period, one.payee)["digest"]
        prefix = str(claim).removeprefix("sha256:")[:DIGEST_CHARACTERS]
        number = numbers.get(prefix) or _numbered(connection, prefix)
        numbers[prefix] = number + 1
        payments.append(
            Payment(
                end_to_end_id=f"{prefix}-{number + 1}",
                period=one.period,
                line=one.line,
                fen=one.fen,
                payee=require_details(connection, one.payee, one.channel),
            )
        )
    return PaymentFile(
        id=name,
        created=moment.strftime("%Y-%m-%dT%H:%M:%SZ"),
        execution=moment.astimezone(CHINA).date().isoformat(),
        debtor=require_details(connection, biller, BANK),
        payments=tuple(payments),
    )


def _numbered(connection: Connection, prefix: str) -> int:
    query = select(func.count()).select_from(payout_line)
    named = payout_line.c.end_to_end_id.startswith(f"{prefix}-", autoescape=True)
    return int(connection.execute(query.where(named)).scalar_one())


def _keep(
    connection: Connection, entry: PendingEntry, actor: Actor, biller: str, file: PaymentFile
) -> None:
    csv_form, pain_form = csv_text(file), pain_text(file)
    connection.execute(
        insert(payout_file).values(
            id=file.id,
            audit_index=entry.index,
            biller=biller,
            written_by=actor.person,
            written_us=entry.time_us,
            fen=file.fen,
            csv_digest=f"sha256:{sha256_hex(csv_form.encode())}",
            pain_digest=f"sha256:{sha256_hex(pain_form.encode())}",
            csv=csv_form,
            pain=pain_form,
        )
    )
    connection.execute(
        insert(payout_line),
        [
            {
                "end_to_end_id": one.end_to_end_id,
                "file": file.id,
                "period_id": one.period,
                "line": one.line,
                "fen": one.fen,
            }
            for one in file.payments
        ],
    )
