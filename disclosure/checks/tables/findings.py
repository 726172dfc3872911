"""What a check says to the official who reads it: rule, status, cells by name, and a way out.

Cells are named by their categories, never by their figures. fail > review > pass.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from disclosure.checks.tables.cells import Dimension, Key, describe
from foundation.errors import Message

CELLS_NAMED_MAX: Final = 10


class Status(IntEnum):
    """How bad it is; the worst of several counts."""

    PASS = 0
    REVIEW = 1
    FAIL = 2

    @property
    def word(self) -> str:
        """Return the stable word of interfaces and logs."""
        return self.name.lower()


@dataclass(frozen=True)
class Finding:
    """One check's result: ``rule`` names the rule, ``keys`` the cells that it is about."""

    rule: str
    status: Status
    reason: Message
    way_out: Message | None = None
    keys: tuple[Key, ...] = ()

    def as_public(self) -> dict[str, object]:
        """Return what a request's page and the log say of it."""
        return {
            "check": self.rule,
            "status": self.status.word,
            "passed": self.status is Status.PASS,
            "reason_zh": self.reason.zh,
            "reason_en": self.reason.en,
            "way_out_zh": self.way_out.zh if self.way_out else None,
            "way_out_en": self.way_out.en if self.way_out else None,
            "cells": len(self.keys),
        }


def worst(findings: Sequence[Finding]) -> Status:
    """Return the worst status; nothing checked is a failure (fail closed)."""
    return max((finding.status for finding in findings), default=Status.FAIL)


def cells_named(dimensions: tuple[Dimension, ...], keys: Sequence[Key]) -> Message:
    """Name the first cells and say how many more there are."""
    shown, more = keys[:CELLS_NAMED_MAX], len(keys) - CELLS_NAMED_MAX
    zh = "；".join(describe(dimensions, key, total="合计", missing="缺失") for key in shown)
    en = "; ".join(describe(dimensions, key, total="total", missing="missing") for key in shown)
    if more > 0:
        zh, en = f"{zh}；另有 {more} 个", f"{en}; and {more} more"
    return Message(zh, en)
