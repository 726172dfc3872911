"""One entry as every format writes it: its place and hash, who, what in words, and its body."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from audit.reading import LogEntry
from audit.view.terms import DECISION_KINDS, Decision
from foundation.clock import to_iso
from foundation.errors import Message

COLUMNS = (
    "index",
    "time",
    "kind",
    "decision",
    "person",
    "organisation",
    "licence",
    "session",
    "question",
    "datasets",
    "columns",
    "purpose",
    "answer",
    "release",
    "product",
    "period",
    "code",
    "sentence_zh",
    "sentence_en",
    "leaf",
)
"""The columns of the tabular formats, in their order."""

_DECISIONS = {kind: decision for decision, kinds in DECISION_KINDS.items() for kind in kinds}


@dataclass(frozen=True)
class Record:
    """An entry of one log, with the sentence that says what it records."""

    origin: str
    entry: LogEntry
    sentence: Message

    @cached_property
    def actor(self) -> Mapping[str, Any]:
        """Who did it: person, organisation, roles, kind."""
        actor: Mapping[str, Any] = self.entry.content["actor"]
        return actor

    @cached_property
    def public(self) -> Mapping[str, Any]:
        """The public fields of the body."""
        return self.entry.public

    @property
    def decision(self) -> Decision | None:
        """How it ended, for entries that say so."""
        return next((one for kind, one in _DECISIONS.items() if kind == self.entry.kind), None)

    @property
    def datasets(self) -> list[str]:
        """The data sets that the entry names."""
        named = self.public.get("datasets", [self.public.get("dataset")])
        return [str(name) for name in named if name] if isinstance(named, list) else []

    @property
    def columns(self) -> dict[str, list[str]]:
        """The columns that the entry names, by data set."""
        value = self.public.get("columns")
        if isinstance(value, Mapping):
            return {str(name): [str(item) for item in items] for name, items in value.items()}
        dataset = self.public.get("dataset")
        return {str(dataset): [str(item) for item in value]} if dataset and value else {}

    def cells(self) -> dict[str, str | int]:
        """Return the entry as a row of ``COLUMNS``; what it does not name is empty."""
        named = {
            name: str(self.public[name])
            for name in COLUMNS
            if isinstance(self.public.get(name), str | int)
        }
        columns = [f"{data}.{name}" for data, names in self.columns.items() for name in names]
        found: dict[str, str | int] = {
            **dict.fromkeys(COLUMNS, ""),
            **named,
            "index": self.entry.index,
            "time": to_iso(self.entry.time_us),
            "kind": self.entry.kind,
            "decision": str(self.decision or ""),
            "person": str(self.actor["person"]),
            "organisation": str(self.actor["organisation"]),
            "datasets": " ".join(self.datasets),
            "columns": " ".join(columns),
            "sentence_zh": self.sentence.zh,
            "sentence_en": self.sentence.en,
            "leaf": self.entry.leaf_hash.hex(),
        }
        return found
