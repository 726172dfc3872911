"""Which class of record a log entry and each of its private fields belongs to, and its terms.

What no class names is ``unclassed``: it is kept for good, and nobody reads it in a case.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date

from audit.tags import EntryKind
from foundation.terms import begun_before_us, over_from

UNCLASSED = "unclassed"
ANY_KIND = "*"


@dataclass(frozen=True)
class RecordClass:
    """One class: terms in calendar months, and whether a purge may erase it and a case read it."""

    name: str
    label_zh: str
    label_en: str
    minimum_months: int
    maximum_months: int | None
    purged: bool
    readable: bool
    kinds: tuple[str, ...]
    fields: tuple[str, ...]

    def due_from(self, time_us: int) -> date:
        """Return the first day on which a record of that time may be erased."""
        return over_from(time_us, self.minimum_months)

    def due_before_us(self, now_us: int) -> int:
        """Return the time before which records are past their shortest term now."""
        return begun_before_us(now_us, self.minimum_months)

    def overdue_before_us(self, now_us: int) -> int | None:
        """Return the time before which records are past their longest term; None without one."""
        if self.maximum_months is None:
            return None
        return begun_before_us(now_us, self.maximum_months)


class Classes:
    """All classes of a rule file, asked by entry kind and private field."""

    def __init__(self, classes: Iterable[RecordClass]) -> None:
        """Index the classes. Raises ValueError for a kind that the catalogue does not have."""
        self._classes = {item.name: item for item in classes}
        self._by_kind = {kind: item for item in self for kind in item.kinds}
        self._by_field = {field: item for item in self for field in item.fields}
        for named in (*self._by_kind, *(field.partition("/")[0] for field in self._by_field)):
            if named != ANY_KIND and not any(_within(kind, named) for kind in EntryKind):
                raise ValueError(f"no entry kind begins with {named!r}")

    def __iter__(self) -> Iterator[RecordClass]:
        return iter(self._classes.values())

    def named(self, name: str) -> RecordClass | None:
        """Return a class by its name."""
        return self._classes.get(name)

    def of_kind(self, kind: str) -> RecordClass | None:
        """Return the class of an entry: that which names the longest beginning of its kind."""
        parts = kind.split(":")
        for length in range(len(parts), 0, -1):
            found = self._by_kind.get(":".join(parts[:length]))
            if found is not None:
                return found
        return None

    def of_field(self, kind: str, field: str) -> RecordClass | None:
        """Return the class of a private field of an entry."""
        by_kind = self._by_field.get(f"{kind}/{field}")
        return by_kind or self._by_field.get(f"{ANY_KIND}/{field}")

    def name_of_field(self, kind: str, field: str) -> str:
        """Return the name of a private field's class, ``unclassed`` where no class names it."""
        found = self.of_field(kind, field)
        return UNCLASSED if found is None else found.name

    def readable(self, kind: str, field: str) -> bool:
        """Tell whether an auditor with a case may read this field."""
        found = self.of_field(kind, field)
        return found is not None and found.readable


def _within(kind: str, beginning: str) -> bool:
    return kind == beginning or kind.startswith(f"{beginning}:")
