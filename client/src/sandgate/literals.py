"""Writes Python values into a question as typed SQL literals, and only where a mark stands.

Marks inside quotes and comments are text. Every value becomes one literal whatever it holds, so
that no parameter can turn into SQL.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from sandgate.language import pick

_PIECES = re.compile(
    r"""(?P<kept>'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|/\*.*?\*/|::)"""
    r"""|(?P<place>\?)|:(?P<name>[A-Za-z_][A-Za-z0-9_]*)""",
    re.DOTALL,
)


class CannotWrite(ValueError):
    """A value or a mark that cannot be written; the text says which."""


def with_parameters(text: str, parameters: Sequence[Any] | Mapping[str, Any]) -> str:
    """Return the text with each ``?`` or ``:name`` replaced by its value's literal.

    Raises CannotWrite where marks and values do not match, or a value has no literal.
    """
    if isinstance(parameters, str | bytes):
        raise CannotWrite(pick("参数须为序列或映射", "Parameters are a sequence or a mapping"))
    if not parameters:
        return text
    by_name = parameters if isinstance(parameters, Mapping) else None
    in_order = iter(()) if by_name is not None else iter(parameters)
    written = "".join(_replaced(text, by_name, in_order))
    if next(in_order, _NONE) is not _NONE:
        raise CannotWrite(
            pick("参数多于问号占位符", "There are more parameters than question marks")
        )
    return written


def literal(value: Any) -> str:
    """Return one value as a SQL literal. Raises CannotWrite for a type that has none."""
    for kind, write in _WRITERS:
        if isinstance(value, kind):
            written = write(value)
            if written is not None:
                return written
            break
    raise CannotWrite(
        pick(
            f"此 {type(value).__name__} 类型的参数不能写成 SQL 常量",
            f"This parameter of type {type(value).__name__} cannot be written as a SQL literal",
        )
    )


def _number(value: float | Decimal) -> str | None:
    exact = value if isinstance(value, Decimal) else Decimal(repr(value))
    return f"{exact:f}" if exact.is_finite() else None


def _text(value: str) -> str | None:
    return None if "\0" in value else "'" + value.replace("'", "''") + "'"


_WRITERS: tuple[tuple[type, Callable[[Any], str | None]], ...] = (
    (type(None), lambda _: "NULL"),
    (bool, lambda value: "TRUE" if value else "FALSE"),  # before int: a bool is one
    (int, str),
    (float, _number),
    (Decimal, _number),
    (str, _text),
    (datetime, lambda value: f"TIMESTAMP '{value.isoformat(' ')}'"),  # before date, likewise
    (date, lambda value: f"DATE '{value.isoformat()}'"),
    (time, lambda value: f"TIME '{value.isoformat()}'"),
)
_NONE = object()


def _replaced(
    text: str, by_name: Mapping[str, Any] | None, in_order: Iterator[Any]
) -> Iterator[str]:
    place = 0
    for found in _PIECES.finditer(text):
        yield text[place : found.start()]
        place = found.end()
        if found["kept"] is not None:
            yield found["kept"]
        elif found["name"] is not None:
            yield found[0] if by_name is None else _named(found["name"], by_name)
        else:
            yield found[0] if by_name is not None else _next(in_order)
    yield text[place:]


def _named(name: str, values: Mapping[str, Any]) -> str:
    if name not in values:
        raise CannotWrite(pick(f"缺少参数 :{name}", f"The parameter :{name} is missing"))
    return literal(values[name])


def _next(values: Iterator[Any]) -> str:
    value = next(values, _NONE)
    if value is _NONE:
        raise CannotWrite(
            pick("参数少于问号占位符", "There are fewer parameters than question marks")
        )
    return literal(value)
