"""The ledger as files for the evidence bundle: journals, usage, documents and period statements.

Lines are canonical JSON, ordered by log index, so equal ledgers give equal bytes. Each journal
names the log leaf it rests on; a seal's digest covers its line without ``audit_leaf``.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from sqlalchemy import Connection, Table, select

from audit.store import entry
from foundation.canonical import canonical_bytes
from revenue.ledger import journal_content
from revenue.metering import contribution_line, usage_line
from revenue.permitted.store import permitted_proposal
from revenue.schemes.store import scheme_document
from revenue.statements import closed_periods, period_statement
from revenue.store import journal, posting, seal, settlement_rule
from revenue.usage_store import contribution, tariff_document, usage


def export_ledger(connection: Connection) -> Mapping[str, bytes]:
    """Return path to bytes: journals, usage and contributions as lines, documents as files."""
    return {
        "journals.jsonl": _lines(_journals(connection)),
        "usage.jsonl": _lines(_usage(connection)),
        "contributions.jsonl": _lines(_contributions(connection)),
        **_documents(connection, "rules", settlement_rule),
        **_documents(connection, "tariffs", tariff_document),
        **_documents(connection, "schemes", scheme_document),
        **_documents(connection, "permitted", permitted_proposal),
        **_statements(connection),
    }


def _journals(connection: Connection) -> Iterable[dict[str, object]]:
    legs = _postings(connection)
    query = (
        select(journal, seal.c.digest, entry.c.leaf_hash)
        .join(seal, seal.c.journal_id == journal.c.id)
        .join(entry, entry.c.idx == journal.c.audit_index)
        .order_by(journal.c.audit_index, journal.c.id)
    )
    for row in connection.execute(query):
        head: dict[str, object] = {
            "id": row.id,
            "kind": row.kind,
            "period": row.period_id,
            "audit_index": row.audit_index,
            "rule_digest": row.rule_digest,
        }
        content = journal_content(head, legs[row.id])
        yield {**content, "audit_leaf": row.leaf_hash.hex(), "digest": row.digest}


def _postings(connection: Connection) -> Mapping[str, list[tuple[str, int]]]:
    legs: defaultdict[str, list[tuple[str, int]]] = defaultdict(list)
    query = select(posting.c.journal_id, posting.c.account, posting.c.fen)
    for journal_id, code, fen in connection.execute(
        query.order_by(posting.c.journal_id, posting.c.sequence)
    ):
        legs[journal_id].append((code, int(fen)))
    return legs


def _usage(connection: Connection) -> Iterable[dict[str, object]]:
    order = (usage.c.audit_index, usage.c.source_index, usage.c.meter)
    for row in connection.execute(select(usage).order_by(*order)).mappings():
        yield usage_line(dict(row))


def _contributions(connection: Connection) -> Iterable[dict[str, object]]:
    order = (contribution.c.audit_index, contribution.c.source_index, contribution.c.dataset)
    for row in connection.execute(select(contribution).order_by(*order)).mappings():
        yield contribution_line(dict(row))


def _documents(connection: Connection, folder: str, table: Table) -> dict[str, bytes]:
    """Return each document under its digest's hexadecimal, exactly as it was digested."""
    query = select(table.c.digest, table.c.document).order_by(table.c.digest)
    return {
        f"{folder}/{row.digest.removeprefix('sha256:')}.json": row.document.encode()
        for row in connection.execute(query)
    }


def _statements(connection: Connection) -> dict[str, bytes]:
    return {
        f"statements/{period}.json": canonical_bytes(period_statement(connection, period).document)
        for period in closed_periods(connection)
    }


def _lines(records: Iterable[dict[str, object]]) -> bytes:
    return b"".join(canonical_bytes(record) + b"\n" for record in records)
