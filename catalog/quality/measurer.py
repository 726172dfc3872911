"""Has the rows of a version measured by a confined child, and trusts no form of what it says.

The child gets the open files and one socket: no path, key or network. What comes back is read as
figures of the kinds asked for, or refused as a whole; no text of the engine's own is passed on.
"""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from catalog.datasets import DatasetDeclaration, IdentifierKind
from catalog.quality.declared import QualityRule
from foundation.confined_exchange import AnswerTooLarge, ChildStopped, exchange
from foundation.confinement import Confinement, Limits
from foundation.errors import Message, Unavailable
from policies.schema.quality import QualityRules

GUEST = Path(__file__).with_name("measure_child.py")
GUEST_MODULES = (
    "__init__.py",
    "check_digits.py",
    "columnar.py",
    "credit_codes.py",
    "detectors/__init__.py",
    "detectors/numbers.py",
    "detectors/shapes.py",
    "quality/__init__.py",
    "quality/comparing.py",
    "quality/profiling.py",
    "quality/risk_counts.py",
    "quality/rule_counts.py",
    "quality/scanning.py",
)
PIDS_MAX = 64
SECONDS_MAX = 3_600.0
ANSWER_BYTES_MAX = 64 << 20
VALUE_BYTES = 640
"""What one different value may take while it is counted: so many of them fit a child's memory."""


@dataclass(frozen=True)
class Compared:
    """One side of a comparison: the rows, their key columns, and the column compared."""

    rows: Path
    keys: tuple[str, ...]
    column: str


class Measurer(Protocol):
    """Measures the rows of a version, and compares two."""

    def measure(
        self, declaration: DatasetDeclaration, rows: Path, rules: Sequence[QualityRule]
    ) -> dict[str, Any]:
        """Return profile, risk, likenesses and rule counts. Raises Unavailable where it fails."""
        ...

    def compare(self, left: Compared, right: Compared) -> dict[str, Any]:
        """Return counts and bounded lists of keys. Raises Unavailable where it fails."""
        ...


@dataclass(frozen=True)
class ConfinedMeasurer:
    """The measurer of production: a bubblewrap child for each order."""

    environment: Path
    memory_bytes_max: int
    rules: QualityRules
    bubblewrap: Path | None = None
    threads: int = 2
    processors: frozenset[int] = frozenset()

    def measure(
        self, declaration: DatasetDeclaration, rows: Path, rules: Sequence[QualityRule]
    ) -> dict[str, Any]:
        """Measure one version in a child of its own."""
        order = {
            "task": "measure",
            **self._room(),
            **measure_order(declaration, rules, self.rules),
        }
        found = self._ask(order, [rows])
        _check_keys(found, ("profile", "risk", "observed", "rules"))
        return found

    def compare(self, left: Compared, right: Compared) -> dict[str, Any]:
        """Compare two versions in a child of its own."""
        order = {
            "task": "compare",
            **self._room(),
            "listed_keys_max": self.rules.comparison.listed_keys_max,
            "left": {"keys": left.keys, "column": left.column},
            "right": {"keys": right.keys, "column": right.column},
        }
        found = self._ask(order, [left.rows, right.rows])
        _check_keys(found, ("counts", "keys"))
        return found

    def _room(self) -> dict[str, object]:
        memory = self.memory_bytes_max * 3 // 5
        return {
            "memory_bytes_max": memory,
            "threads": self.threads,
            "partition_values_max": min(
                self.rules.profile.partition_values_max, max(1, memory // VALUE_BYTES)
            ),
        }

    def _ask(self, order: Mapping[str, object], files: Sequence[Path]) -> dict[str, Any]:
        with _opened(files) as descriptors:
            try:
                said = exchange(
                    lambda channel: self._confinement(channel, descriptors),
                    json.dumps(order).encode(),
                    seconds_max=SECONDS_MAX,
                    answer_bytes_max=ANSWER_BYTES_MAX,
                    bubblewrap=self.bubblewrap,
                )
                found = json.loads(said)
            except (ChildStopped, AnswerTooLarge, ValueError) as error:
                raise _failed() from error
        if not isinstance(found, dict) or found.get("failed"):
            raise _failed()
        return found

    def _confinement(self, channel: int, files: Sequence[int]) -> Confinement:
        here = GUEST.parent.parent
        return Confinement(
            environment=self.environment,
            program=GUEST,
            arguments=tuple(str(descriptor) for descriptor in (channel, *files)),
            guest_files={f"catalog/{name}": here / name for name in GUEST_MODULES},
            inherited_fds=(channel, *files),
            limits=Limits(
                memory_bytes_max=self.memory_bytes_max,
                pids_max=PIDS_MAX,
                processors=self.processors,
            ),
            profile="worker",
        )


def measure_order(
    declaration: DatasetDeclaration, rules: Sequence[QualityRule], limits: QualityRules
) -> dict[str, Any]:
    """Return what the child must know of a declaration: names, types, kinds of identifier."""
    quasi = _of_kind(declaration, IdentifierKind.QUASI)[: limits.risk.quasi_columns_max]
    sensitive = _of_kind(declaration, IdentifierKind.SENSITIVE)
    return {
        "columns": [
            {"name": column.name, "type": str(column.type)} for column in declaration.columns
        ],
        "profile": limits.profile.model_dump(),
        "risk": {
            "quasi": quasi,
            "sensitive": sensitive[: limits.risk.sensitive_columns_max],
            "small_classes": limits.risk.small_classes,
            "l_min": limits.risk.l_min,
        },
        "rules": [rule.order() for rule in rules if rule.dimension != "timeliness"],
    }


def _of_kind(declaration: DatasetDeclaration, kind: IdentifierKind) -> list[str]:
    return [column.name for column in declaration.columns if column.identifier is kind]


@contextmanager
def _opened(files: Sequence[Path]) -> Iterator[list[int]]:
    descriptors: list[int] = []
    try:
        descriptors.extend(os.open(path, os.O_RDONLY | os.O_CLOEXEC) for path in files)
        yield descriptors
    finally:
        for descriptor in descriptors:
            os.close(descriptor)


def _check_keys(found: Mapping[str, Any], wanted: Sequence[str]) -> None:
    if any(not isinstance(found.get(name), dict) for name in wanted):
        raise _failed()


def _failed() -> Unavailable:
    return Unavailable(
        "measuring_failed",
        Message(
            "质量测量进程未能完成（可能内存不足），未保存任何内容。",
            "The measuring process did not finish, perhaps for want of memory; nothing was kept.",
        ),
        way_out=Message(
            "请联系平台管理员调大 SANDGATE_WORKER_MEMORY_BYTES_MAX 后重试。",
            "Ask the platform's administrator for more worker memory, then try again.",
        ),
    )
