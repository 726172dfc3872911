"""The bank's answer: what it paid is posted, what failed stays payable; two persons take it in.

An answer speaks only of payments of the file that it names, once each, and for their own amounts.
Its bytes' digest is logged with the results.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, insert, select

from audit.events import PendingEntry
from foundation.canonical import sha256_hex
from foundation.errors import Conflict, Message
from policies.schema.revenue import RevenueRules
from revenue.flow.receipts import post_flow
from revenue.flow.store import payout_line, payout_result
from revenue.kinds import AccountKind, JournalKind
from revenue.ledger import Account, Posted, Posting
from revenue.settlement_files.return_forms import Returned, ReturnedLine
from revenue.settlement_files.return_reader import refused
from revenue.settlement_files.writing import FileState, move_file, require_file

GROUP_REASON = "GRP"


def prepare_return(
    connection: Connection, name: str, data: bytes, form: str, found: Returned
) -> dict[str, Any]:
    """Check an answer that was read from a bank's bytes against the file that it names."""
    file = require_file(connection, name)
    if found.message_id is not None and found.message_id != name:
        raise refused("message_not_named")
    lines = list(found.lines)
    if found.group is not None:
        named = {line.end_to_end_id for line in lines}
        lines += [
            ReturnedLine(one, found.group, None, GROUP_REASON if found.group == "failed" else "")
            for one in sorted(_open_lines(connection, name))
            if one not in named
        ]
    results = [
        {"end_to_end_id": line.end_to_end_id, "status": line.status, "reason": line.reason_code}
        for line in sorted(lines, key=lambda line: line.end_to_end_id)
    ]
    _check(connection, name, file.state, results)
    amounts = _open_lines(connection, name)
    if any(line.fen is not None and line.fen != amounts[line.end_to_end_id][1] for line in lines):
        raise refused("amount_invalid")
    paid = [one["end_to_end_id"] for one in results if one["status"] == "paid"]
    return {
        "file": name,
        "biller": file.biller,
        "form": form,
        "return_digest": f"sha256:{sha256_hex(data)}",
        "paid": len(paid),
        "failed": len(results) - len(paid),
        "waiting": found.waiting,
        "fen": sum(amounts[one][1] for one in paid),
        "results": results,
    }


def post_return(
    connection: Connection,
    entry: PendingEntry,
    person: str,
    move: str,
    subject: Mapping[str, Any],
    rules: RevenueRules,
) -> tuple[Posted, ...]:
    """Take an approved answer in: one journal for all that the bank paid."""
    name, results = subject["file"], subject["results"]
    file = require_file(connection, name)
    _check(connection, name, file.state, results)
    lines = _open_lines(connection, name)
    owed: dict[str, int] = {}
    for one in results:
        if one["status"] == "paid":
            line, fen = lines[one["end_to_end_id"]]
            owed[line] = owed.get(line, 0) + fen
    posted: tuple[Posted, ...] = ()
    if owed:
        legs = (
            *(Posting(Account(*line.split(":", 1)), fen) for line, fen in sorted(owed.items())),
            Posting(Account(AccountKind.BANK, file.biller), -sum(owed.values())),
        )
        posted = (post_flow(connection, entry, move, JournalKind.PAYOUT, legs, rules),)
    connection.execute(
        insert(payout_result),
        [
            {
                "end_to_end_id": one["end_to_end_id"],
                "audit_index": entry.index,
                "status": one["status"],
                "reason_code": one["reason"],
                "journal_id": posted[0].id if one["status"] == "paid" else None,
            }
            for one in results
        ],
    )
    if not _open_lines(connection, name):
        move_file(connection, entry, file, FileState.RETURNED, person)
    return posted


def _check(
    connection: Connection, name: str, state: FileState, results: list[dict[str, Any]]
) -> None:
    if state is not FileState.SENT:
        raise Conflict(
            "file_state_forbids",
            Message(
                f"拨付文件当前状态为“{state.value}”，不能登记银行回单。",
                f"The file is {state.value}; the bank answers a file that was sent.",
            ),
            field="$.file",
            rule="revenue/settlement_files",
        )
    unanswered = _open_lines(connection, name)
    if not results or any(one["end_to_end_id"] not in unanswered for one in results):
        raise Conflict(
            "return_line_unknown",
            Message(
                "回单中有不属于该文件或已登记结果的付款，或没有任何终局结果。",
                "The answer names a payment that is not of this file or was answered before, or "
                "holds no final result.",
            ),
            field="$.content",
            rule="revenue/settlement_files",
        )


def _open_lines(connection: Connection, name: str) -> dict[str, tuple[str, int]]:
    """Return the payments of a file that the bank has not answered: their line and fen."""
    answered = (
        select(payout_result.c.end_to_end_id)
        .where(payout_result.c.end_to_end_id == payout_line.c.end_to_end_id)
        .exists()
    )
    query = select(payout_line.c.end_to_end_id, payout_line.c.line, payout_line.c.fen)
    return {
        name: (line, int(fen))
        for name, line, fen in connection.execute(
            query.where(payout_line.c.file == name, ~answered)
        )
    }
