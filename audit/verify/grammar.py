"""The grammar of entries, read a second time: which fields an entry of each kind may hold.

The table beside this file is written from ``audit.grammar``; a verifier needs nothing else of ours.
"""

import json
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

Fields = Mapping[str, str]
_TABLE = "entry_grammar.json"
OPTIONAL = "?"
_TYPES: Mapping[str, type] = {
    "text": str,
    "integer": int,
    "flag": bool,
    "list": list,
    "map": dict,
}


def _read() -> Mapping[str, Mapping[str, Fields]]:
    table: Mapping[str, Mapping[str, Fields]] = json.loads(
        files("audit.verify").joinpath(_TABLE).read_text(encoding="utf-8")
    )
    return table


GRAMMAR = _read()


def departure_of(content: Mapping[str, Any]) -> str | None:
    """Say how an entry departs from its kind's fields; None where it does not."""
    if not GRAMMAR:
        return None
    kind = content.get("kind")
    fields = GRAMMAR.get(kind) if isinstance(kind, str) else None
    if fields is None:
        return f"kind {kind}"
    public, private = content.get("public"), content.get("private")
    if not isinstance(public, dict) or not isinstance(private, dict):
        return "no fields"
    return _departure(fields["public"], public) or _unlisted(fields["private"], private)


def _departure(fields: Fields, public: Mapping[str, Any]) -> str | None:
    for name, value in public.items():
        wanted = fields.get(name)
        if wanted is None:
            return f"field {name}"
        if not _allowed(wanted, value):
            return f"type of {name}"
    if len(public) == len(fields):
        return None
    for name, wanted in fields.items():
        if name not in public and not wanted.endswith(OPTIONAL):
            return f"no {name}"
    return None


def _unlisted(fields: Fields, private: Mapping[str, Any]) -> str | None:
    return next((f"private field {name}" for name in private if name not in fields), None)


def _allowed(wanted: str, value: object) -> bool:
    if wanted.endswith(OPTIONAL):
        return value is None or is_of(wanted.removesuffix(OPTIONAL), value)
    return is_of(wanted, value)


def is_of(wanted: str, value: object) -> bool:
    """Tell whether a value is of a type of the grammar; a flag is no integer."""
    if wanted == "texts":
        return isinstance(value, list) and all(isinstance(item, str) for item in value)
    return type(value) is _TYPES.get(wanted)
