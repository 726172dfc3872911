"""Two running cities whose data differ in one person, and all that is seen of them.

What is random in any run (identifiers, nonces, salts, times, signatures) is replaced by the order
of its first appearance; what is left is compared to the byte.
"""

import json
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from audit.tags import EntryKind
from disclosure.given import arrow_bytes, table_of
from foundation.errors import SandgateError
from foundation.settings import Settings
from tests.city import City, Plan, fill, opened_city, told

Cities = tuple[City, City]
KEYS = frozenset({"state", "age_band", "district", "trade", "month", "bin", "life", "area"})
"""The names under which questions about two neighbours show their keys; all else is figures."""

RANDOM_KEYS = {
    "released",
    "nonce",
    "receipt",
    "index",
    "salt",
    "certificate",
    "signature",
    "note",
    "expires",
    "at",
}
RANDOM_TEXTS = re.compile(r"\b[0-9a-f]{64}\b|(?<![a-z2-7])[a-z2-7]{26}(?![a-z2-7])")


@contextmanager
def open_pair(
    home: Path, plans: tuple[Plan, Plan], policies: Path | None = None
) -> Iterator[Cities]:
    """Start two platforms, one after the other, then fill both at once."""
    homes = [home / "one", home / "two"]
    with ExitStack() as stack:
        one, two = (
            stack.enter_context(opened_city(home, settings=Settings(home=home, policies=policies)))
            for home in homes
        )
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(fill, (one, two), plans))
        yield one, two


def of_both(cities: Cities, see: Callable[[City], Any]) -> list[Any]:
    """Look at both cities at the same time, which saves a slot."""
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(see, cities))


def is_random(key: str) -> bool:
    """Tell whether a field holds a time, a signature or a draw."""
    return key in RANDOM_KEYS or key.endswith(("_us", "-receipt"))


def settled(value: Any, names: dict[str, str] | None = None) -> Any:
    """Replace what is random in any run by the order of its first appearance."""
    names = {} if names is None else names
    if isinstance(value, dict):
        return {
            key: f"random {type(item).__name__}" if is_random(key) else settled(item, names)
            for key, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [settled(item, names) for item in value]
    if isinstance(value, str) and value.startswith('{"'):  # a document kept as text
        return settled(json.loads(value), names)
    if isinstance(value, str):
        return RANDOM_TEXTS.sub(
            lambda found: names.setdefault(found[0], f"random {len(names)} of {len(found[0])}"),
            value,
        )
    return value


def seen_of_answer(city: City, sql: str, nano_rho: int | None = None) -> dict[str, Any]:
    """All of an answer but the noisy figures."""
    given = city.ask(sql, nano_rho=nano_rho)
    table = table_of(given.arrow_stream)
    keys = [name for name in table.column_names if name in KEYS]
    facts = told(given)
    return {
        "schema": str(table.schema.remove_metadata()),
        "rows": table.num_rows,
        "keys": table.select(keys).to_pylist(),
        "widths": [row["n_high"] - row["n_low"] for row in table.to_pylist() if "n_high" in row],
        "bytes": table.nbytes,
        "stream_bytes": len(arrow_bytes(table.replace_schema_metadata(None))),
        "facts": settled(facts),
        "receipt_lines": len(given.receipt.splitlines()),
        "index": given.index,
    }


def seen_of_refusal(city: City, sql: str) -> tuple[object, ...]:
    """All of a refusal, in both languages."""
    with pytest.raises(SandgateError) as found:
        city.ask(sql)
    error = found.value
    return (
        type(error).__name__,
        error.code,
        error.status,
        error.message,
        error.field,
        error.rule,
        error.way_out,
        error.allowed_sql,
    )


def same_bytes(seen: list[Any]) -> None:
    """Insist that what was seen of one city is what was seen of the other."""
    one, two = (repr(item).encode() for item in seen)
    assert one == two


def log_of(city: City, first: int = 0) -> list[tuple[str, object, int]]:
    """All that entries say, in order, with the sizes of their bodies."""
    names: dict[str, str] = {}
    return [
        (entry.kind, settled(entry.content, names), len(entry.body))
        for entry in city.entries(first=first)
        if entry.kind != EntryKind.SERVICE_STARTED
    ]
