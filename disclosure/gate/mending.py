"""One change of a refused question towards a form that passes, for each kind of refusal.

Works on the text at the place that the engine's tree gives. It may be wrong: whatever comes out
is checked again from the start and never run by itself.
"""

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches
from pathlib import PurePosixPath
from typing import Any

from disclosure.gate.limits import is_hidden
from disclosure.gate.refusals import CLOCK_WORDS, GateRefused
from disclosure.gate.scope import TableGrant
from policies.schema.gate import GateRules

LISTED_VALUES_MAX = 100
LISTED_COLUMNS_MAX = 8
DIGITS_MAX = 9
NAME_CHARACTERS_MAX = 64
QUALIFIED_WORDS = 2  # table and column
_CLOSE = 0.7
_OWN_SCHEMAS = frozenset({"main", "memory", "system", "temp", "pg_catalog", "information_schema"})
_WORD = r"(?:\"[^\"]*\"|'[^']*'|[\w\u4e00-\u9fff]+)"
_PATH = re.compile(rf"{_WORD}(?:\s*\.\s*{_WORD})*")
_QUALIFIED_CALL = re.compile(rf"((?:{_WORD}\s*\.\s*)+)({_WORD})\s*\((.*)\)$", re.DOTALL)
_CALL = re.compile(r"\w+\s*\([^()]*\)")
_WRAPPED = re.compile(
    r"\s*(?:explain(?:\s+analy[sz]e)?"
    r"|create\s+(?:or\s+replace\s+)?(?:temp(?:orary)?\s+)?(?:table|view)\s+\w+\s+as"
    r"|insert\s+into\s+\w+|prepare\s+\w+\s+as)\s+(?=select\b|with\b|from\b)",
    re.IGNORECASE,
)
_COPY_TABLE = re.compile(r"\s*copy\s+(\w+)\s+to\b", re.IGNORECASE)
_COPY_QUERY = re.compile(r"\s*copy\s*\((.*)\)\s*to\b", re.IGNORECASE | re.DOTALL)
_DESCRIBED = re.compile(r"\s*(?:describe|desc|show|summarize)\b", re.IGNORECASE)
_SAMPLED = re.compile(
    r"\s(?:TABLESAMPLE|USING\s+SAMPLE)\s+\w+(?:\s*\([^()]*\)|\s*%|\s+(?:ROWS|PERCENT)\b)*",
    re.IGNORECASE,
)
_IN_BEFORE = re.compile(r"\bin\s*$", re.IGNORECASE)
_ALL_COLUMNS = re.compile(r"\bCOLUMNS\s*\(\s*\*\s*\)", re.IGNORECASE)
_AT = re.compile(r"\sAT\s*\([^()]*\)", re.IGNORECASE)


@dataclass(frozen=True)
class Mend:
    """A refused text, the refusal, and what the asker is known to be allowed."""

    sql: str
    refused: GateRefused
    tables: Mapping[str, TableGrant]
    rules: GateRules
    today: date | None

    @property
    def node(self) -> Mapping[str, Any]:
        """The part of the tree that was refused; empty where none was."""
        return self.refused.node or {}

    def span_of(self, node: Mapping[str, Any]) -> tuple[int, int] | None:
        """Return where a node stands in the text's bytes, where the engine says."""
        start, size = node.get("query_location"), node.get("query_location_length")
        if not isinstance(start, int) or not isinstance(size, int) or size < 1:
            return None
        return (start, start + size) if start + size <= len(self.sql.encode()) else None

    def text_of(self, node: Mapping[str, Any]) -> str:
        """Return a node's own words, or nothing."""
        span = self.span_of(node)
        return "" if span is None else self.sql.encode()[slice(*span)].decode(errors="replace")

    def with_text(self, node: Mapping[str, Any], text: str) -> str | None:
        """Return the question with a node's words replaced."""
        span = self.span_of(node)
        if span is None:
            return None
        data = self.sql.encode()
        return (data[: span[0]] + text.encode() + data[span[1] :]).decode(errors="replace")


def mended(mend: Mend) -> str | None:
    """Return the question with one change towards what passes, or None where none is known."""
    change = _CHANGES.get(mend.refused.code)
    try:
        return None if change is None else change(mend)
    except (LookupError, TypeError, ValueError, AttributeError):  # a tree of an unknown shape
        return None


def _statement(mend: Mend) -> str | None:
    first = _first_statement(mend.sql)
    if first != mend.sql.strip():
        return first
    for pattern in (_WRAPPED, _COPY_TABLE, _COPY_QUERY):
        found = pattern.match(mend.sql)
        if found and pattern is _WRAPPED:
            return mend.sql[found.end() :]
        if found:
            text: str = found[1]  # offered, never run by itself
            return f"SELECT * FROM {text}" if pattern is _COPY_TABLE else text  # noqa: S608
    return None


def _first_statement(sql: str) -> str:
    """Cut at the first semicolon outside quotes; a comment's words may deceive it, harmlessly."""
    quote = ""
    for place, character in enumerate(sql):
        if quote:
            quote = "" if character == quote else quote
        elif character in "'\"":
            quote = character
        elif character == ";":
            return sql[:place].strip()
    return sql.strip()


def _table(mend: Mend) -> str | None:
    text = mend.text_of(mend.node)
    path = _PATH.match(text)
    if path is None:
        return None
    last = re.findall(_WORD, path[0])[-1].strip("\"'").lower()
    name = _granted_name(mend, last)
    return None if name is None else mend.with_text(mend.node, name + text[path.end() :])


def _granted_name(mend: Mend, word: str) -> str | None:
    for candidate in (word, PurePosixPath(word).stem):
        if candidate in mend.tables:
            return candidate
    return _close_to(word, mend.tables)


def _close_to(word: str, names: Collection[str]) -> str | None:
    close = get_close_matches(word[:NAME_CHARACTERS_MAX], sorted(names), 1, _CLOSE)
    return close[0] if close else None


def _column(mend: Mend) -> str | None:
    words = [str(word) for word in mend.node.get("column_names", ())]
    if not words:
        return None
    if len(words) == 1 and words[0].lower() in CLOCK_WORDS:
        return _clock(mend, words[0].lower())
    known = {name for grant in mend.tables.values() for name in grant.columns()}
    if len(words) > QUALIFIED_WORDS and words[-1].lower() in known:
        return mend.with_text(mend.node, ".".join(words[-2:]))
    close = _close_to(words[-1].lower(), known)
    if close is not None:
        return mend.with_text(mend.node, ".".join([*words[:-1], close]))
    return mend.with_text(mend.node, f"{words[0]}.*") if len(words) == 1 else None


def _function(mend: Mend) -> str | None:
    name = mend.refused.construct
    text = mend.text_of(mend.node)
    if name in CLOCK_WORDS:
        return _clock(mend, name)
    if name == "list_value":
        return _list(mend, text)
    instead = mend.rules.function_instead.get(name)
    if instead is not None and text[: len(name)].lower() == name:
        return mend.with_text(mend.node, instead + text[len(name) :])
    arguments = [item["expression"] for item in mend.node.get("arguments", ())]
    if name == "isnull" and len(arguments) == 1:
        return mend.with_text(mend.node, f"({mend.text_of(arguments[0])} IS NULL)")
    if name in {"printf", "format"} and _shows_only(arguments):
        return mend.with_text(mend.node, f"CAST({mend.text_of(arguments[1])} AS VARCHAR)")
    return None


def _shows_only(arguments: list[Mapping[str, Any]]) -> bool:
    patterns = [(argument.get("literal") or {}).get("text") for argument in arguments]
    return patterns in ([pattern, None] for pattern in ("{}", "%d", "%s"))


def _clock(mend: Mend, word: str) -> str | None:
    if mend.today is None:
        return None
    if word in {"today", "current_date", "curdate"}:
        return mend.with_text(mend.node, f"DATE '{mend.today.isoformat()}'")
    if "stamp" in word or word in {"now", "getdate", "sysdate"}:
        return mend.with_text(mend.node, f"TIMESTAMP '{mend.today.isoformat()} 00:00:00'")
    return None


def _list(mend: Mend, text: str) -> str | None:
    span = mend.span_of(mend.node)
    before = "" if span is None else mend.sql.encode()[: span[0]].decode(errors="replace")
    if not (text.startswith("[") and text.endswith("]") and _IN_BEFORE.search(before)):
        return None
    return mend.with_text(mend.node, f"({text[1:-1]})")


def _argument(mend: Mend) -> str | None:
    place = mend.rules.bounded_arguments.get(mend.refused.construct, 0)
    arguments = mend.node.get("arguments", ())
    if len(arguments) <= place:
        return None
    return mend.with_text(arguments[place]["expression"], str(mend.rules.bounded_argument_max))


def _type(mend: Mend) -> str | None:
    name = mend.refused.construct
    instead = mend.rules.type_instead.get(name)
    if instead is None:
        return None
    written = re.compile(rf"(::\s*|\bAS\s+){re.escape(name)}\b", re.IGNORECASE)
    return written.sub(rf"\g<1>{instead.upper()}", mend.sql, count=1)


def _characters(mend: Mend) -> str | None:
    return "".join(character for character in mend.sql if not is_hidden(character))


def _construct(mend: Mend) -> str | None:
    change = _CONSTRUCT_CHANGES.get(mend.refused.construct)
    return None if change is None else change(mend)


def _qualified(mend: Mend) -> str | None:
    if mend.node.get("type") == "BASE_TABLE":
        return _table(mend)
    call = _QUALIFIED_CALL.match(mend.text_of(mend.node))
    if call is None:
        return None
    before = [word.strip("\"' ") for word in call[1].split(".") if word.strip()]
    if all(word.lower() in _OWN_SCHEMAS for word in before):
        return mend.with_text(mend.node, f"{call[2]}({call[3]})")
    arguments = ", ".join(part for part in (".".join(before), call[3]) if part.strip())
    return mend.with_text(mend.node, f"{call[2]}({arguments})")


def _described(mend: Mend) -> str | None:
    if not _DESCRIBED.match(mend.sql):
        return None
    inner = (mend.node.get("query") or {}).get("from_table") or {}
    name = str(inner.get("table_name", "")).lower()
    columns = mend.tables[name].extract if name in mend.tables else ()
    if not columns:
        return None
    if mend.node.get("show_type") != "SUMMARY":
        return f"SELECT * FROM {name} LIMIT 10"  # noqa: S608 - the name is granted
    counted = (f"count(DISTINCT {column}) AS {column}" for column in columns[:LISTED_COLUMNS_MAX])
    return f"SELECT count(*) AS n, {', '.join(counted)} FROM {name}"  # noqa: S608 - likewise


def _table_function(mend: Mend) -> str | None:
    function = mend.node.get("function") or {}
    name = str(function.get("function_name")).lower()
    literals = [
        (argument["expression"].get("literal") or {}) for argument in function.get("arguments", ())
    ]
    if name in {"range", "generate_series"}:
        return _listed_values(mend, name, literals)
    text = str(literals[0].get("text", "")) if literals else ""
    call = _CALL.match(mend.text_of(mend.node))
    rest = "" if call is None else mend.text_of(mend.node)[call.end() :]
    if name == "query":
        return mend.with_text(mend.node, f"({_first_statement(text)}){rest}")
    granted = _granted_name(mend, text.lower())
    return None if granted is None else mend.with_text(mend.node, f"{granted}{rest}")


def _listed_values(mend: Mend, name: str, literals: list[Mapping[str, Any]]) -> str | None:
    numbers = [_small_number(item) for item in literals]
    if not numbers:
        return None
    if len(numbers) == 1:
        numbers.insert(0, 0)
    start, stop, step = (*numbers, 1)[:3]
    values = range(start, stop + (name == "generate_series"), step or 1)
    call = _CALL.match(mend.text_of(mend.node))
    if call is None or not 1 <= len(values) <= LISTED_VALUES_MAX:
        return None
    alias = mend.text_of(mend.node)[call.end() :].strip() or f"AS {name}_values"
    columns = "" if "(" in alias else f"({name})"
    rows = ", ".join(f"({value})" for value in values)
    return mend.with_text(mend.node, f"(VALUES {rows}) {alias}{columns}")


def _unsampled(mend: Mend) -> str | None:
    plain = _SAMPLED.sub("", mend.sql, count=1).rstrip().rstrip(";")
    limited = re.search(r"\blimit\b", plain, re.IGNORECASE)
    return plain if limited else f"{plain} LIMIT 1000"


def _small_number(literal: Mapping[str, Any]) -> int:
    """Read a whole number of a few digits. Raises ValueError for anything else."""
    text = str(literal.get("text"))
    if literal.get("kind") != "INTEGER" or len(text) > DIGITS_MAX:
        raise ValueError
    return int(text)


def _characters_of(mend: Mend) -> str | None:
    """Read ``name[2]`` and ``name[2:4]`` as the characters that they are of a text."""
    text, *places = mend.node.get("children", ())
    numbers = [_small_number(place.get("literal") or {}) for place in places]
    span, before = mend.span_of(mend.node), mend.span_of(text)
    if span is None or before is None:
        return None
    size = numbers[-1] - numbers[0] + 1
    whole = {"query_location": before[0], "query_location_length": span[1] - before[0]}
    return mend.with_text(whole, f"substr({mend.text_of(text)}, {numbers[0]}, {size})")


def _position(mend: Mend) -> str | None:
    ordered = str(mend.refused.field).startswith(("order by", "group by"))
    return mend.with_text(mend.node, mend.text_of(mend.node)[1:]) if ordered else None


_CONSTRUCT_CHANGES: Mapping[str, Callable[[Mend], str | None]] = {
    **dict.fromkeys(("schema", "schema_name", "catalog", "catalog_name"), _qualified),
    "qualified_name": _qualified,
    "SHOW_REF": _described,
    "TABLE_FUNCTION": _table_function,
    **dict.fromkeys(("columns", "expr"), lambda mend: _ALL_COLUMNS.sub("*", mend.sql, count=1)),
    **dict.fromkeys(("ARRAY_EXTRACT", "ARRAY_SLICE"), _characters_of),
    "sample": _unsampled,
    "at_clause": lambda mend: _AT.sub("", mend.sql, count=1),
    "POSITIONAL_REFERENCE": _position,
}

_CHANGES: Mapping[str, Callable[[Mend], str | None]] = {
    "one_select_only": _statement,
    "table_not_granted": _table,
    "column_not_granted": _column,
    "function_not_allowed": _function,
    "argument_not_allowed": _argument,
    "type_not_allowed": _type,
    "character_not_allowed": _characters,
    "sql_not_allowed": _construct,
}
