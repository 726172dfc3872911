"""A date of a request is written YYYY-MM-DD and in no other way: a number is not a date."""

import re
from datetime import date
from typing import Annotated

from pydantic import BeforeValidator
from pydantic_core import PydanticCustomError

_ISO = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def _written(value: object) -> object:
    """Let through what is written as a date. Raises PydanticCustomError."""
    if value is None or isinstance(value, date):
        return value
    if isinstance(value, str) and _ISO.fullmatch(value):
        return value
    raise PydanticCustomError("date_parsing", "write a date as YYYY-MM-DD")


CivilDay = Annotated[date, BeforeValidator(_written)]
"""A day as people write it; a count of seconds, which also parses as a date, is refused."""
