"""The money part of a bundle, parsed: journals, usage, contributions, documents and statements.

Parsing trusts nothing; a line that is no JSON, or lacks a field, makes the input unusable. Each
document is known by the digest of its own bytes, never by what its file is called.
"""

import tomllib
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from audit.verify.findings import Unusable
from audit.verify.shares import digest_of, digest_of_bytes
from audit.verify.strict import UNREADABLE, read_strictly

LICENCE_FORMAT = "sandgate/licence@1"
CLOSED = "revenue:period:closed"
ACTIVATED = "authorization:licence:activated"
TARIFF_APPROVED = "revenue:tariff:approved"
SCHEME_APPROVED = "revenue:scheme:approved"
REVENUE_RULES = "policies/revenue/national.toml"
FEE_DAYS_MIN = 25  # Sandgate's own rule
FREE_CLASSES = ("public_governance", "public_welfare")  # 发改价格〔2025〕65号

Record = Mapping[str, Any]


@dataclass(frozen=True)
class Evidence:
    """Everything of a bundle that the ledger checks read; ``entries`` are verified log bodies."""

    entries: Sequence[Record]
    leaves: Sequence[bytes]
    journals: Sequence[Record]
    usage: Sequence[Record]
    contributions: Sequence[Record]
    rules: Mapping[str, Record]
    tariffs: Mapping[str, Record]
    schemes: Mapping[str, Record]
    licences: Mapping[str, Record]
    statements: Mapping[str, Record]
    free_classes: tuple[str, ...]
    permitted: Mapping[str, Record] = field(default_factory=dict)
    fee_days_min: int = FEE_DAYS_MIN

    def of_kind(self, kind: str) -> list[Record]:
        """Return the log entries of a kind, in order."""
        return self._by_kind.get(kind, [])

    def closings(self) -> list[int]:
        """Return the indexes at which periods were closed, in order."""
        return self._closings

    def first_logged(self, kind: str, name: str, digest: str) -> Record | None:
        """Return the first entry of a kind whose public field of that name is a digest."""
        return self._first_of((kind, name)).get(digest)

    def usage_within(self, licence: str, after: int, until: int) -> list[Record]:
        """Return a licence's usage lines after one entry and up to another, in order."""
        return _between(self._usage_of, licence, after, until)

    def contributions_within(self, licence: str, after: int, until: int) -> list[Record]:
        """Return a licence's contribution lines in the same way."""
        return _between(self._contributions_of, licence, after, until)

    def used_before_close(self, close_index: int) -> set[str]:
        """Return the licences whose use falls in the period that an entry closed."""
        return self._used.get(close_index, set())

    def journals_of(self, period: str) -> list[Record]:
        """Return the journals of a period, in their order."""
        return self._journals_of.get(period, [])

    @cached_property
    def _by_kind(self) -> dict[str, list[Record]]:
        found: defaultdict[str, list[Record]] = defaultdict(list)
        for entry in self.entries:
            found[entry["kind"]].append(entry)
        return dict(found)

    @cached_property
    def _closings(self) -> list[int]:
        return sorted(int(entry["index"]) for entry in self.of_kind(CLOSED))

    @cached_property
    def _firsts(self) -> dict[tuple[str, str], dict[str, Record]]:
        return {}

    def _first_of(self, key: tuple[str, str]) -> dict[str, Record]:
        if key not in self._firsts:
            kind, name = key
            found: dict[str, Record] = {}
            for entry in self.of_kind(kind):
                digest = entry["public"].get(name)
                if isinstance(digest, str):
                    found.setdefault(digest, entry)
            self._firsts[key] = found
        return self._firsts[key]

    @cached_property
    def _usage_of(self) -> dict[str, list[Record]]:
        return _by_licence(self.usage, "meter")

    @cached_property
    def _contributions_of(self) -> dict[str, list[Record]]:
        return _by_licence(self.contributions, "dataset")

    @cached_property
    def _used(self) -> dict[int, set[str]]:
        found: defaultdict[int, set[str]] = defaultdict(set)
        for line in self.usage:
            place = bisect_left(self._closings, line["audit_index"])
            if place < len(self._closings):
                found[self._closings[place]].add(line["licence"])
        return dict(found)

    @cached_property
    def _journals_of(self) -> dict[str, list[Record]]:
        found: defaultdict[str, list[Record]] = defaultdict(list)
        for journal in self.journals:
            found[journal["period"]].append(journal)
        return dict(found)


def _by_licence(lines: Sequence[Record], last: str) -> dict[str, list[Record]]:
    """Group lines by licence, each group in the order that its digest is taken in."""
    found: defaultdict[str, list[Record]] = defaultdict(list)
    for line in lines:
        found[line["licence"]].append(line)
    for group in found.values():
        group.sort(key=lambda line: (line["audit_index"], line["source_index"], line[last]))
    return dict(found)


def _between(
    groups: Mapping[str, list[Record]], licence: str, after: int, until: int
) -> list[Record]:
    group = groups.get(licence, [])
    first = bisect_right(group, after, key=_place)
    return group[first : bisect_right(group, until, key=_place)]


def _place(line: Record) -> int:
    return int(line["audit_index"])


def holds_money(files: Mapping[str, bytes]) -> bool:
    """Tell whether a bundle says anything about money."""
    return any(name == "journals.jsonl" or name.startswith("statements/") for name in files)


def is_statement(name: str) -> bool:
    """Tell whether a file is one of the statements that are verified."""
    return name.startswith("statements/") and name.endswith(".json")


def read_evidence(
    files: Mapping[str, bytes], entries: Sequence[Record], leaves: Sequence[bytes]
) -> Evidence:
    """Parse the money part of a bundle."""
    free_classes, fee_days_min = _rules(files)
    return Evidence(
        entries=entries,
        leaves=leaves,
        journals=records(files, "journals.jsonl"),
        usage=records(files, "usage.jsonl"),
        contributions=records(files, "contributions.jsonl"),
        rules=documents(files, "rules/"),
        tariffs=documents(files, "tariffs/"),
        schemes=documents(files, "schemes/"),
        licences=_licences(records(files, "licences.jsonl")),
        statements={
            name: parsed(name, files[name]) for name in sorted(files) if is_statement(name)
        },
        free_classes=free_classes,
        permitted=documents(files, "permitted/"),
        fee_days_min=fee_days_min,
    )


def documents(files: Mapping[str, bytes], folder: str) -> dict[str, Record]:
    """Return the documents of a folder by the digest of their bytes."""
    found: dict[str, Record] = {}
    for name in files:
        if name.startswith(folder) and name.endswith(".json"):
            data = files[name]
            document = parsed(name, data)
            if isinstance(document, dict):
                found[digest_of_bytes(data)] = document
    return found


def records(files: Mapping[str, bytes], name: str) -> list[Record]:
    """Read a file of one JSON object a line; none where there is no such file."""
    return [parsed(name, line) for line in files.get(name, b"").splitlines()]


def parsed(name: str, data: bytes) -> Any:
    """Read JSON, or say which file is none."""
    try:
        return read_strictly(data)
    except UNREADABLE as error:
        raise Unusable(f"{name} 不是有效的 JSON。", f"{name} is not valid JSON.") from error


def _licences(lines: Sequence[Record]) -> dict[str, Record]:
    found = (
        line if line.get("format") == LICENCE_FORMAT else line.get("document") for line in lines
    )
    return {digest_of(document): document for document in found if isinstance(document, dict)}


def _rules(files: Mapping[str, bytes]) -> tuple[tuple[str, ...], int]:
    """Return which classes are free, and how many days lie at least between two fees."""
    if REVENUE_RULES not in files:
        return FREE_CLASSES, FEE_DAYS_MIN
    try:
        rules = tomllib.loads(files[REVENUE_RULES].decode())
    except ValueError as error:
        raise Unusable(f"{REVENUE_RULES} 无法读取。", f"{REVENUE_RULES} cannot be read.") from error
    return tuple(rules["free_price_classes"]), _days_min(rules)


def _days_min(rules: Record) -> int:
    return int(rules.get("subscription", {}).get("days_min", FEE_DAYS_MIN))
