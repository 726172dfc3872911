"""What an entry of each kind may hold: its public fields with their types, and its private fields.

The table is ``audit/verify/entry_grammar.json``, one record a kind, read here for the writer and
apart from it by the offline verifier. A change of state outside its grammar is refused and rolls
back. A refusal, an outcome or a report is never lost for its form: it is written, and the verifier
remarks on it.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from audit.tags import EntryKind
from foundation.errors import InvalidInput, Message

OPTIONAL = "?"
_TYPES: Mapping[str, tuple[type, ...]] = {
    "text": (str,),
    "integer": (int,),
    "flag": (bool,),
    "texts": (list, tuple),
    "list": (list, tuple),
    "map": (Mapping,),
}


@dataclass(frozen=True)
class Grammar:
    """One kind's fields: name to type; a question mark marks what may be missing or null."""

    public: Mapping[str, str]
    private: frozenset[str]
    enforced: bool

    def departure(self, public: Mapping[str, Any], private: Iterable[str]) -> str | None:
        """Name the first field that is unknown, of another type, or missing; no value is named."""
        for name, value in public.items():
            wanted = self.public.get(name)
            if wanted is None:
                return name
            optional = wanted.endswith(OPTIONAL)
            if not ((optional and value is None) or _is_of(wanted.removesuffix(OPTIONAL), value)):
                return name
        for name, wanted in self.public.items():
            if name not in public and not wanted.endswith(OPTIONAL):
                return name
        return next((name for name in private if name not in self.private), None)


@cache
def grammar() -> Mapping[EntryKind, Grammar]:
    """Read the table, once."""
    text = files("audit.verify").joinpath("entry_grammar.json").read_text(encoding="utf-8")
    return {
        EntryKind(kind): Grammar(
            fields["public"], frozenset(fields["private"]), fields.get("enforced", False)
        )
        for kind, fields in json.loads(text).items()
    }


def check_grammar(kind: EntryKind, public: Mapping[str, Any], private: Iterable[str]) -> None:
    """Refuse a change of state whose entry departs from its kind's grammar. Raises InvalidInput."""
    fields = grammar().get(kind)
    if fields is None or not fields.enforced:
        return
    name = fields.departure(public, private)
    if name is not None:
        raise InvalidInput(
            "entry_outside_grammar",
            Message(
                zh=f"日志条目 {kind} 的字段“{name}”不符合其文法，操作未执行。",
                en=f"The field {name!r} of an entry {kind} is not of its grammar; "
                "nothing was done.",
            ),
            field=name,
            rule="audit/verify/entry_grammar.json",
            way_out=Message(
                zh="请把该字段加入条目种类的文法，或不再写入。",
                en="Add the field to the kind's grammar, or leave it out.",
            ),
        )


def _is_of(wanted: str, value: object) -> bool:
    if isinstance(value, bool) != (wanted == "flag"):
        return False
    if not isinstance(value, _TYPES.get(wanted, ())):
        return False
    return wanted != "texts" or all(isinstance(item, str) for item in value)  # type: ignore[attr-defined]
