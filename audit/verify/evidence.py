"""The money part of a bundle, parsed: journals, accruals, rules, licences and statements.

Parsing trusts nothing; a line that is no JSON, or lacks a field, makes the input unusable.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from audit.verify.findings import Unusable
from audit.verify.shares import digest_of

LICENCE_FORMAT = "sandgate/licence@1"
FETCHED = "revenue:product:fetched"
CLOSED = "revenue:period:closed"
REVERSED = "revenue:journal:reversed"
ACTIVATED = "authorization:licence:activated"

Record = Mapping[str, Any]


@dataclass(frozen=True)
class Evidence:
    """Everything of a bundle that the ledger checks read; ``entries`` are verified log bodies."""

    entries: Sequence[Record]
    leaves: Sequence[bytes]
    journals: Sequence[Record]
    accruals: Sequence[Record]
    rules: Mapping[str, Record]
    licences: Mapping[str, Record]
    statements: Mapping[str, Record]

    def of_kind(self, kind: str) -> list[Record]:
        """Return the log entries of a kind, in order."""
        return [entry for entry in self.entries if entry["kind"] == kind]

    def fetches(self, period: str, rule_digest: str | None = None) -> list[Record]:
        """Return the logged fetches of a period, under one rule where it is given."""
        return [
            entry
            for entry in self.of_kind(FETCHED)
            if entry["public"].get("period") == period
            and rule_digest in {None, entry["public"].get("rule_digest")}
        ]


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
    return Evidence(
        entries=entries,
        leaves=leaves,
        journals=_lines(files, "journals.jsonl"),
        accruals=_lines(files, "accruals.jsonl"),
        rules={
            f"sha256:{hashlib.sha256(data).hexdigest()}": rule
            for name, data in files.items()
            if name.startswith("rules/") and name.endswith(".json")
            if isinstance(rule := _parsed(name, data), dict)
        },
        licences=_licences(_lines(files, "licences.jsonl")),
        statements={
            name: _parsed(name, data) for name, data in sorted(files.items()) if is_statement(name)
        },
    )


def _licences(lines: Sequence[Record]) -> Mapping[str, Record]:
    documents = (
        line if line.get("format") == LICENCE_FORMAT else line.get("document") for line in lines
    )
    return {digest_of(document): document for document in documents if isinstance(document, dict)}


def _lines(files: Mapping[str, bytes], name: str) -> list[Record]:
    return [_parsed(name, line) for line in files.get(name, b"").splitlines()]


def _parsed(name: str, data: bytes) -> Any:
    try:
        return json.loads(data)
    except ValueError as error:
        raise Unusable(f"{name} 不是有效的 JSON。", f"{name} is not valid JSON.") from error
