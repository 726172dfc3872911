"""Words the nearest question that would pass: one mechanical change at a time, then checked whole.

A form is offered only where it passes the gate itself. It is made of the question, the rules, the
licence's own names and today's date, never of data, so a refusal discloses nothing by it (I14).
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta, timezone

from disclosure.gate.mending import Mend, mended
from disclosure.gate.question import CheckedQuestion, QueryGate
from disclosure.gate.refusals import GateRefused
from disclosure.gate.scope import Classification, TableGrant, classify
from foundation.errors import SandgateError

TEXT_CHARACTERS_MAX = 4_096
CHINA = timezone(timedelta(hours=8))  # one time in the whole country, all year
STEPS_MAX = 6


def read_question(
    gate: QueryGate,
    sql: str,
    tables: Mapping[str, TableGrant],
    *,
    today: date | None = None,
) -> tuple[CheckedQuestion, Classification]:
    """Check and classify one question against what a licence grants.

    Raises GateRefused, with ``allowed_sql`` where a nearest form can be written. ``today`` is
    what a question that reads the clock is told to write; without it, such a question gets none.
    """
    try:
        return _read(gate, sql, tables)
    except GateRefused as refused:
        refused.allowed_sql = nearest_form(gate, sql, refused, tables, today)
        raise


def day_in_china(now_us: int) -> date:
    """Return the day that a moment in UTC microseconds falls on in China."""
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=now_us)
    return moment.astimezone(CHINA).date()


def nearest_form(
    gate: QueryGate,
    sql: str,
    refused: GateRefused,
    tables: Mapping[str, TableGrant],
    today: date | None,
) -> str | None:
    """Return a form of the question that passes, or None where no mechanical one does."""
    text = sql
    for _ in range(STEPS_MAX):
        if len(text) > TEXT_CHARACTERS_MAX:
            return None
        changed = mended(Mend(text, refused, tables, gate.rules, today))
        if changed is None or changed == text:
            return None
        text = changed.strip()
        try:
            _read(gate, text, tables)
        except GateRefused as next_refusal:
            refused = next_refusal
        except SandgateError:  # the parser broke on it
            return None
        else:
            return text
    return None


def _read(
    gate: QueryGate, sql: str, tables: Mapping[str, TableGrant]
) -> tuple[CheckedQuestion, Classification]:
    checked = gate.check(sql, tables)
    return checked, classify(checked, tables)
