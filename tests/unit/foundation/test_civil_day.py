"""A date of a request is text in one form."""

from datetime import date

import pytest
from pydantic import TypeAdapter, ValidationError

from foundation.civil_day import CivilDay

DAYS: TypeAdapter[date] = TypeAdapter(CivilDay)


@pytest.mark.parametrize("wrong", ["0", 0, 1_700_000_000, "2026-01-01T00:00:00", "2026-13-01", ""])
def test_what_only_parses_as_a_date_is_refused(wrong: object) -> None:
    with pytest.raises(ValidationError):
        DAYS.validate_python(wrong)


def test_a_written_date_is_taken() -> None:
    assert DAYS.validate_python("2026-01-02") == date(2026, 1, 2)
    assert DAYS.validate_json('"2026-01-02"') == date(2026, 1, 2)
