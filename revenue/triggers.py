"""The ledger's database triggers: append-only rows, final periods, balanced seals.

Both dialects promise the same. SQLite's ``INSERT OR REPLACE`` deletes the row in its way without
a DELETE trigger unless ``recursive_triggers`` is on, so every unique key is guarded before INSERT.
"""

from collections.abc import Mapping

Keys = tuple[tuple[str, ...], ...]

# Every unique key of every append-only table: a row in the way of one is never replaced.
APPEND_ONLY: Mapping[str, Keys] = {
    "account": (("code",),),
    "settlement_rule": (("digest",),),
    "seal": (("journal_id",),),
    "journal": (
        ("id",),
        ("idempotency_key",),
        ("audit_index", "kind", "rule_digest"),
        ("reverses",),
    ),
    "posting": (("journal_id", "sequence"),),
    "statement": (("period_id",),),
}
IN_OPEN_PERIOD = ("journal", "statement")
LEGS_MIN = 2  # the same figure stands in _UNBALANCED


def _sqlite(name: str, moment: str, table: str, condition: str, refusal: str) -> str:
    when = f"WHEN {condition} " if condition else ""
    return (
        f"CREATE TRIGGER {table}_{name} BEFORE {moment} ON {table} {when}"
        f"BEGIN SELECT RAISE(ABORT, '{refusal}'); END"
    )


def _in_the_way(table: str, keys: Keys) -> str:
    same = (" AND ".join(f"{column} = NEW.{column}" for column in key) for key in keys)
    return " OR ".join(
        f"EXISTS (SELECT 1 FROM {table} WHERE {condition})"  # noqa: S608 - names of our own
        for condition in same
    )


def _append_only_sqlite(table: str, keys: Keys) -> tuple[str, ...]:
    refusal = f"{table} is append-only"
    return (
        _sqlite("no_update", "UPDATE", table, "", refusal),
        _sqlite("no_delete", "DELETE", table, "", refusal),
        _sqlite("no_replace", "INSERT", table, _in_the_way(table, keys), refusal),
    )


_NO_OPEN_PERIOD = "NOT EXISTS (SELECT 1 FROM period WHERE id = NEW.period_id AND state = 'open')"
_ILLEGAL_CLOSE = (
    "OLD.state = 'closed' OR NEW.state <> 'closed' OR NEW.id <> OLD.id"
    " OR NEW.opened_index <> OLD.opened_index OR NEW.opened_us <> OLD.opened_us"
)
_SETTLED = (
    "NEW.kind = 'settlement' AND EXISTS (SELECT 1 FROM journal WHERE kind = 'settlement'"
    " AND period_id = NEW.period_id AND rule_digest = NEW.rule_digest)"
)
_SEALED = "EXISTS (SELECT 1 FROM seal WHERE journal_id = NEW.journal_id)"
_UNBALANCED = (
    "(SELECT count(*) FROM posting WHERE journal_id = NEW.journal_id) < 2"
    " OR (SELECT sum(fen) FROM posting WHERE journal_id = NEW.journal_id) <> 0"
)
_PERIOD_IN_THE_WAY = (
    "NEW.state <> 'open' OR EXISTS (SELECT 1 FROM period WHERE id = NEW.id OR state = 'open')"
)

TRIGGERS_SQLITE: tuple[str, ...] = (
    *(text for table, keys in APPEND_ONLY.items() for text in _append_only_sqlite(table, keys)),
    *(
        _sqlite("in_open_period", "INSERT", table, _NO_OPEN_PERIOD, f"{table} needs an open period")
        for table in IN_OPEN_PERIOD
    ),
    _sqlite("settled_once", "INSERT", "journal", _SETTLED, "the pool of this period is settled"),
    _sqlite("one_open", "INSERT", "period", _PERIOD_IN_THE_WAY, "period cannot be opened"),
    _sqlite("final", "UPDATE", "period", _ILLEGAL_CLOSE, "period may only be closed, once"),
    _sqlite("no_delete", "DELETE", "period", "", "period is final"),
    _sqlite("not_sealed", "INSERT", "posting", _SEALED, "journal is sealed"),
    _sqlite(
        "whole_fen", "INSERT", "posting", "typeof(NEW.fen) <> 'integer'", "fen are whole numbers"
    ),
    _sqlite("balanced", "INSERT", "seal", _UNBALANCED, "journal is not balanced"),
)


def _postgresql_guard(name: str, condition: str, refusal: str) -> str:
    return (
        f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"IF {condition} THEN RAISE EXCEPTION '{refusal}' USING ERRCODE = '23001'; END IF; "
        "RETURN NEW; END $$"
    )


# Functions first: a trigger names one, and each can be made again without harm.
FUNCTIONS_POSTGRESQL: tuple[str, ...] = (
    _postgresql_guard("ledger_append_only", "true", "the ledger is append-only"),
    _postgresql_guard("ledger_in_open_period", _NO_OPEN_PERIOD, "an open period is needed"),
    _postgresql_guard("ledger_period_opened", _PERIOD_IN_THE_WAY, "period cannot be opened"),
    _postgresql_guard("ledger_period_final", _ILLEGAL_CLOSE, "period may only be closed, once"),
    _postgresql_guard("ledger_not_sealed", _SEALED, "journal is sealed"),
    _postgresql_guard("ledger_balanced", _UNBALANCED, "journal is not balanced"),
)


def _postgresql(name: str, moment: str, table: str, function: str, each: str = "ROW") -> str:
    return (
        f"CREATE TRIGGER {table}_{name} BEFORE {moment} ON {table} "
        f"FOR EACH {each} EXECUTE FUNCTION {function}()"
    )


TRIGGERS_POSTGRESQL: tuple[str, ...] = (
    *(
        _postgresql(
            "append_only", "UPDATE OR DELETE OR TRUNCATE", table, "ledger_append_only", "STATEMENT"
        )
        for table in APPEND_ONLY
    ),
    _postgresql("no_delete", "DELETE OR TRUNCATE", "period", "ledger_append_only", "STATEMENT"),
    *(
        _postgresql("in_open_period", "INSERT", table, "ledger_in_open_period")
        for table in IN_OPEN_PERIOD
    ),
    _postgresql("one_open", "INSERT", "period", "ledger_period_opened"),
    _postgresql("final", "UPDATE", "period", "ledger_period_final"),
    _postgresql("not_sealed", "INSERT", "posting", "ledger_not_sealed"),
    _postgresql("balanced", "INSERT", "seal", "ledger_balanced"),
)
