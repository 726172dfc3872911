"""What a hold covers: entries that name a licence, person or data set, within a span of time.

The things that are named widen a scope (any one of them is enough), the span narrows it; a scope
that names nothing covers the whole log of its span. Held are an entry's private fields; its body
and leaf are never erased in any case. Extracts, session homes and their keys are no evidence:
they can be built again from the versions, and ending a licence is never held up by a case.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, exists, false, or_

from audit.store import entry, entry_subject
from foundation.errors import InvalidInput, Message

NAMED_MAX = 200
NAMED_CHARACTERS_MAX = 200


@dataclass(frozen=True)
class Scope:
    """A scope; times are UTC microseconds, ``until_us`` excluded. Nothing named: the whole log."""

    licences: tuple[str, ...] = ()
    persons: tuple[str, ...] = ()
    datasets: tuple[str, ...] = ()
    since_us: int | None = None
    until_us: int | None = None

    @property
    def named(self) -> tuple[tuple[str, str], ...]:
        """Return what is named, as subject field and value."""
        return tuple(
            (field, value)
            for field, values in (
                ("licence", self.licences),
                ("person", self.persons),
                ("dataset", self.datasets),
            )
            for value in values
        )

    def check(self) -> None:
        """Raise InvalidInput for a scope that covers nothing or names too much."""
        backwards = (
            self.since_us is not None
            and self.until_us is not None
            and self.since_us >= self.until_us
        )
        too_long = any(not 0 < len(value) <= NAMED_CHARACTERS_MAX for _field, value in self.named)
        if backwards or too_long or len(self.named) > NAMED_MAX:
            raise InvalidInput(
                "scope_invalid",
                Message(
                    f"保全范围无效：起止时间须先后有序，所列对象不超过 {NAMED_MAX} 个。",
                    f"The scope is not valid: it must begin before it ends, and name at most "
                    f"{NAMED_MAX} things.",
                ),
                field="$.scope",
            )

    def as_json(self) -> dict[str, object]:
        """Return the scope as entries and files hold it."""
        return {
            "licences": sorted(self.licences),
            "persons": sorted(self.persons),
            "datasets": sorted(self.datasets),
            "since_us": self.since_us,
            "until_us": self.until_us,
            "whole_log": not self.named,
        }

    @classmethod
    def of_json(cls, content: dict[str, object]) -> "Scope":
        """Read a scope back."""
        return cls(
            licences=_texts(content["licences"]),
            persons=_texts(content["persons"]),
            datasets=_texts(content["datasets"]),
            since_us=_time(content["since_us"]),
            until_us=_time(content["until_us"]),
        )


def covered(scopes: Sequence[Scope]) -> ColumnElement[bool]:
    """Return the condition on ``audit.store.entry`` that any of the scopes covers it."""
    return or_(false(), *(_within(scope) for scope in scopes))


def _within(scope: Scope) -> ColumnElement[bool]:
    parts: list[ColumnElement[bool]] = []
    if scope.since_us is not None:
        parts.append(entry.c.time_us >= scope.since_us)
    if scope.until_us is not None:
        parts.append(entry.c.time_us < scope.until_us)
    if scope.named:
        subject = entry_subject.c
        named = [
            and_(subject.field == field, subject.value == value) for field, value in scope.named
        ]
        parts.append(exists().where(subject.idx == entry.c.idx, or_(*named)))
    return and_(entry.c.idx >= 0, *parts)


def _texts(value: object) -> tuple[str, ...]:
    return tuple(str(item) for item in value) if isinstance(value, list | tuple) else ()


def _time(value: object) -> int | None:
    return value if isinstance(value, int) else None
