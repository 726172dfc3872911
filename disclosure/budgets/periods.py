"""Which calendar period a moment lies in: named, with its end, by the rules of the jurisdiction."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from policies.schema.budgets import BudgetRules

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MONTHS = {"year": 12, "quarter": 3, "month": 1}


@dataclass(frozen=True)
class Period:
    """A calendar period and when it ends, in UTC microseconds, the end excluded."""

    name: str
    ends_us: int


def period_at(time_us: int, rules: BudgetRules) -> Period:
    """Return the period of a time in UTC microseconds: ``2026``, ``2026-Q4`` or ``2026-11``."""
    offset = timedelta(minutes=rules.period_offset_minutes)
    local = _EPOCH + timedelta(microseconds=time_us) + offset
    length = _MONTHS[rules.period]
    number = (local.month - 1) // length
    names = {
        "year": f"{local.year:04}",
        "quarter": f"{local.year:04}-Q{number + 1}",
        "month": f"{local.year:04}-{local.month:02}",
    }
    years, month = divmod((number + 1) * length, 12)
    end = datetime(local.year + years, month + 1, 1, tzinfo=UTC) - offset
    return Period(names[rules.period], (end - _EPOCH) // timedelta(microseconds=1))
