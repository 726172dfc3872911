"""A payee's bundle: its statement with all that proves it, in one zip that is verified offline.

It holds the pools that pay the payee, their usage with each log entry and its inclusion proof, the
rule, tariff and scheme of each, the closing entry, and the branch that shows that all payees
together are paid the pool. Nothing of other pools is in it but hashes and sums.
"""

import io
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Table, or_, select

from audit.notes import parse_checkpoint
from audit.reading import current_checkpoint
from audit.recovery import stored_nodes
from audit.store import entry
from audit.tree import inclusion_proof
from foundation.canonical import canonical_bytes
from revenue.closing import payee_branch, pool_proof, salts_of
from revenue.metering import contribution_line, usage_line
from revenue.schemes.store import scheme_document
from revenue.statements import payee_statement, period_statement
from revenue.store import period, settlement_rule
from revenue.usage_store import contribution, tariff_document, usage

FORMAT = "sandgate/payee-bundle@1"
CHUNK = 500
_EPOCH = (1980, 1, 1, 0, 0, 0)


def payee_bundle(connection: Connection, period_id: str, payee: str) -> bytes:
    """Return a payee's bundle as a zip. Raises NotFound where the payee has no statement."""
    files = payee_files(connection, period_id, payee)
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(files):
            item = zipfile.ZipInfo(name, _EPOCH)
            item.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(item, files[name])
    return data.getvalue()


def payee_files(connection: Connection, period_id: str, payee: str) -> dict[str, bytes]:
    """Return path to bytes of a payee's bundle. Raises NotFound where it has no statement."""
    statement = payee_statement(connection, period_id, payee)
    whole, salts = period_statement(connection, period_id).document, salts_of(connection, period_id)
    paying = {line["licence"] for line in statement["lines"]}
    pools = [
        {"pool": pool, **pool_proof(whole, salts, place)}
        for place, pool in enumerate(whole["pools"])
        if pool["licence"] in paying
    ]
    used, given = _usage_lines(connection, pools), _contribution_lines(connection, pools)
    cited = {int(str(line["audit_index"])) for line in used} | {int(whole["close_index"])}
    cited |= _close_before(connection, whole["close_index"])
    return {
        "payee.json": canonical_bytes({"format": FORMAT, **payee_branch(whole, salts, payee)}),
        "statement.json": canonical_bytes(statement),
        "pools.json": canonical_bytes(pools),
        "usage.jsonl": _lines(used),
        "contributions.jsonl": _lines(given),
        **_documents(connection, pools, used),
        **_proved(connection, sorted(cited)),
    }


def _usage_lines(
    connection: Connection, pools: Sequence[Mapping[str, Any]]
) -> list[dict[str, object]]:
    return [usage_line(dict(row)) for row in _rows_of(connection, usage, pools)]


def _contribution_lines(
    connection: Connection, pools: Sequence[Mapping[str, Any]]
) -> list[dict[str, object]]:
    return [contribution_line(dict(row)) for row in _rows_of(connection, contribution, pools)]


def _rows_of(
    connection: Connection, table: Table, pools: Sequence[Mapping[str, Any]]
) -> Iterable[Mapping[str, Any]]:
    """Read what the pools rest on, in the order that their digests were taken in."""
    columns = table.c
    wanted = [
        (columns.licence == item["pool"]["licence"])
        & (columns.audit_index > item["pool"]["after_index"])
        & (columns.audit_index <= item["pool"]["close_index"])
        for item in pools
    ]
    last = columns.meter if table is usage else columns.dataset
    order = (columns.audit_index, columns.source_index, last)
    found: Sequence[Mapping[str, Any]] = (
        connection.execute(select(table).where(or_(*wanted)).order_by(*order))  # type: ignore[assignment]
        .mappings()
        .all()
    )
    return found


def _documents(
    connection: Connection,
    pools: Sequence[Mapping[str, Any]],
    used: Sequence[Mapping[str, Any]],
) -> dict[str, bytes]:
    heads = [item["pool"] for item in pools]
    rules = {str(one["rule_digest"]) for one in (*heads, *used)}
    tariffs = {str(one["tariff_digest"]) for one in (*heads, *used)}
    schemes = {str(head["scheme_digest"]) for head in heads}
    return {
        **_kept(connection, "rules", settlement_rule, rules),
        **_kept(connection, "tariffs", tariff_document, tariffs),
        **_kept(connection, "schemes", scheme_document, schemes),
    }


def _kept(connection: Connection, folder: str, table: Table, digests: set[str]) -> dict[str, bytes]:
    query = select(table.c.digest, table.c.document).where(table.c.digest.in_(sorted(digests)))
    return {
        f"{folder}/{row.digest.removeprefix('sha256:')}.json": row.document.encode()
        for row in connection.execute(query)
    }


def _close_before(connection: Connection, close_index: int) -> set[int]:
    """Return the index of the close before, from which on the period's use is counted."""
    query = (
        select(period.c.closed_index)
        .where(period.c.closed_index < close_index)
        .order_by(period.c.closed_index.desc())
        .limit(1)
    )
    return set(connection.execute(query).scalars())


def _proved(connection: Connection, indexes: Sequence[int]) -> dict[str, bytes]:
    """Return the newest checkpoint, and each entry with the hashes that lead to it."""
    note = current_checkpoint(connection)
    assert note is not None  # noqa: S101 - a period was closed, so the log holds entries
    size = parse_checkpoint(note).size
    nodes = stored_nodes(connection)  # one reading of one size: each tile is read once
    lines = (
        {
            "index": index,
            "body": body.decode(),
            "proof": [sibling.hex() for sibling in inclusion_proof(index, size, nodes)],
        }
        for index, body in _bodies(connection, indexes)
    )
    return {"checkpoint": note.encode(), "entries.jsonl": _lines(lines)}


def _bodies(connection: Connection, indexes: Sequence[int]) -> Iterator[tuple[int, bytes]]:
    for start in range(0, len(indexes), CHUNK):
        chunk = indexes[start : start + CHUNK]
        query = select(entry.c.idx, entry.c.body).where(entry.c.idx.in_(chunk))
        for index, body in connection.execute(query.order_by(entry.c.idx)):
            yield int(index), bytes(body)


def _lines(records: Iterable[Mapping[str, object]]) -> bytes:
    return b"".join(canonical_bytes(dict(record)) + b"\n" for record in records)
