"""The term of an agreement or licence: two times, the end excluded, as long as the law allows."""

from datetime import UTC, datetime, timedelta

from foundation.clock import from_iso
from foundation.errors import InvalidInput, Message
from policies.schema.licences import LicenceRules

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LEAP_DAY = (2, 29)


def check_term(valid_from: str, valid_until: str, rules: LicenceRules) -> tuple[int, int]:
    """Return both ends in UTC microseconds.

    Raises InvalidInput where one is no time, they are reversed, or the term is too long.
    """
    from_us = _read("valid_from", valid_from, rules)
    until_us = _read("valid_until", valid_until, rules)
    if until_us <= from_us:
        raise _refusal(
            "term_reversed",
            "valid_until",
            rules,
            zh="截止时间须晚于起始时间。",
            en="The end of the term must be later than its beginning.",
        )
    if until_us > _years_after(from_us, rules.term_years_max):
        raise _refusal(
            "term_too_long",
            "valid_until",
            rules,
            zh=f"期限不得超过 {rules.term_years_max} 年（{rules.term_document}），请缩短期限。",
            en=f"The term may not exceed {rules.term_years_max} years ({rules.term_document}).",
        )
    return from_us, until_us


def _years_after(start_us: int, years: int) -> int:
    start = _EPOCH + timedelta(microseconds=start_us)
    if (start.month, start.day) == _LEAP_DAY:
        start = start.replace(day=28)
    return (start.replace(year=start.year + years) - _EPOCH) // timedelta(microseconds=1)


def _read(field: str, text: str, rules: LicenceRules) -> int:
    try:
        return from_iso(text)
    except (ValueError, OverflowError) as error:
        raise _refusal(
            "term_not_a_date",
            field,
            rules,
            zh=f"字段 {field} 不是有效的日期（例如 2026-01-01）。",
            en=f"The field {field} is not a date such as 2026-01-01.",
        ) from error


def _refusal(code: str, field: str, rules: LicenceRules, *, zh: str, en: str) -> InvalidInput:
    return InvalidInput(code, Message(zh, en), field=f"$.{field}", rule=rules.term_document)
