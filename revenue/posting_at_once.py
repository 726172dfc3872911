"""One journal in one statement on PostgreSQL, written only where nothing stands in its way.

The heads' conditions, new accounts, legs and seal go to the server in one question: round trips
are what a lone journal costs. Where a key is known, the period is not open or the entry is billed
already, no row is written and the caller asks the longer way, which says what it was.

Every trigger and foreign key holds as it does statement by statement. A trigger's function is
volatile, so it sees what its own statement has written so far; the seal is made from the count of
the written legs, so they come before it, and were they not there it would be refused.
"""

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection

Leg = tuple[str, str, str, int]
"""The account's code, kind and holder, and the leg's fen."""

# Scalar questions and no joins: each is one look-up by a unique key, however large the ledger. An
# account's row is all in its code and is never changed: one that is there is the one asked for.
_POST = """
WITH clear AS MATERIALIZED (
    SELECT 1 WHERE
        (SELECT 1 FROM journal WHERE idempotency_key = %(idempotency_key)s) IS NULL
        AND (SELECT 1 FROM period WHERE id = %(period_id)s AND state = 'open') IS NOT NULL
        AND (
            SELECT 1 FROM journal WHERE audit_index = %(audit_index)s
            AND kind = %(kind)s AND rule_digest = %(rule_digest)s
        ) IS NULL
), leg AS MATERIALIZED (
    SELECT code, kind, holder, fen, sequence FROM unnest(
        %(codes)s::text[], %(kinds)s::text[], %(holders)s::text[], %(fens)s::text[]::bigint[]
    ) WITH ORDINALITY AS asked (code, kind, holder, fen, sequence)
), head AS (
    INSERT INTO journal (
        id, idempotency_key, request_digest, period_id, kind, audit_index, rule_digest, reverses,
        recorded_us
    )
    SELECT
        %(id)s, %(idempotency_key)s, %(request_digest)s, %(period_id)s, %(kind)s, %(audit_index)s,
        %(rule_digest)s, %(reverses)s, %(recorded_us)s
    FROM clear
    RETURNING id
), opened AS (
    INSERT INTO account (code, kind, holder)
    SELECT leg.code, leg.kind, leg.holder FROM head, leg
    ON CONFLICT (code) DO NOTHING
), written AS (
    INSERT INTO posting (journal_id, sequence, account, fen)
    SELECT head.id, leg.sequence - 1, leg.code, leg.fen FROM head, leg
    RETURNING sequence
)
INSERT INTO seal (journal_id, digest)
SELECT head.id, %(digest)s FROM head WHERE (SELECT count(*) FROM written) = %(legs)s
RETURNING journal_id
"""


def posts_at_once(connection: Connection) -> bool:
    """Tell whether this store takes a journal in one statement; SQLite has no round trips."""
    return connection.dialect.name == "postgresql"


def post_at_once(
    connection: Connection, head: Mapping[str, object], legs: Sequence[Leg], seal_digest: str
) -> bool:
    """Write a journal's head, new accounts, legs and seal; False where something is in its way.

    ``head`` names the columns of ``revenue.store.journal``. What a constraint or a trigger refuses
    is raised by the database as ever.
    """
    codes, kinds, holders, fens = (list(column) for column in zip(*legs, strict=True))
    asked = {
        **head,
        "codes": codes,
        "kinds": kinds,
        "holders": holders,
        "fens": [str(fen) for fen in fens],
        "legs": len(legs),
        "digest": seal_digest,
    }
    return connection.exec_driver_sql(_POST, asked).first() is not None
