"""Decides which columns of its extracts a worker must hold for a question about rows.

An answer is a function of the question and the extract, never of what a worker happened to hold:
where a text takes columns by what a table has rather than by name, all of them are loaded.
"""

from collections.abc import Mapping, Sequence

from disclosure.gate.question import CheckedQuestion
from disclosure.gate.scope import Classification, Origin


def columns_needed(
    checked: CheckedQuestion, found: Classification, extracts: Mapping[str, Sequence[str]]
) -> frozenset[Origin]:
    """Return the columns to load: those named, or all where the text counts on a table's own.

    ``extracts`` are the columns of the extracts behind the names that the question may use.
    """
    if not _counts_on_all(checked.tree):
        return found.columns
    return found.columns | {
        (name, column) for name in found.tables for column in extracts.get(name, ())
    }


def _counts_on_all(node: object) -> bool:
    """Find a NATURAL join, or a table whose columns are renamed by their places: ``t(a, b)``."""
    if isinstance(node, Mapping):
        natural = node.get("type") == "JOIN" and node.get("ref_type") == "NATURAL"
        by_place = node.get("type") == "BASE_TABLE" and bool(node.get("column_name_alias"))
        return natural or by_place or any(_counts_on_all(value) for value in node.values())
    return isinstance(node, list | tuple) and any(_counts_on_all(item) for item in node)
