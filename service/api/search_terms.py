"""The terms of a search as an address or a body names them: known names, and times that are times.

A name that is no term is refused, since a search without it would find everything.
"""

from typing import Annotated

from fastapi import Depends, Query, Request

from audit.tags import EntryKind
from audit.view.terms import Decision, Terms
from catalog.datasets import Frozen
from foundation.clock import from_iso
from foundation.errors import InvalidInput, Message

_PAGING = {"before", "limit", "counted"}
Word = Annotated[str | None, Query(max_length=130)]
Instant = Annotated[str | None, Query(max_length=40)]


class SearchBody(Frozen):
    """The terms of an exported search; the same words as in a search's address."""

    licence: str | None = None
    person: str | None = None
    organisation: str | None = None
    dataset: str | None = None
    column: str | None = None
    purpose: str | None = None
    session: str | None = None
    question: str | None = None
    answer: str | None = None
    release: str | None = None
    product: str | None = None
    population: str | None = None
    decision: Decision | None = None
    kind: EntryKind | None = None
    period: str | None = None
    since: str | None = None
    until: str | None = None

    def terms(self) -> Terms:
        """Return the terms. Raises InvalidInput where a time is none."""
        given = self.model_dump(exclude={"since", "until"})
        return Terms(
            **given, since_us=_time(self.since, "since"), until_us=_time(self.until, "until")
        )


def _terms(
    request: Request,
    licence: Word = None,
    person: Word = None,
    organisation: Word = None,
    dataset: Word = None,
    column: Word = None,
    purpose: Word = None,
    session: Word = None,
    question: Word = None,
    answer: Word = None,
    release: Word = None,
    product: Word = None,
    population: Word = None,
    decision: Annotated[Decision | None, Query()] = None,
    kind: Annotated[EntryKind | None, Query()] = None,
    period: Word = None,
    since: Instant = None,
    until: Instant = None,
) -> Terms:
    """Read the terms of a search; ``since`` and ``until`` are ISO 8601, the second exclusive.

    A name that is no term is refused: a misspelt one would find everything.
    """
    _check_names(request)
    return SearchBody(
        licence=licence,
        person=person,
        organisation=organisation,
        dataset=dataset,
        column=column,
        purpose=purpose,
        session=session,
        question=question,
        answer=answer,
        release=release,
        product=product,
        population=population,
        decision=decision,
        kind=kind,
        period=period,
        since=since,
        until=until,
    ).terms()


SearchTerms = Annotated[Terms, Depends(_terms)]


def _check_names(request: Request) -> None:
    unknown = sorted(set(request.query_params) - set(SearchBody.model_fields) - _PAGING)
    if unknown:
        raise InvalidInput(
            "search_term_unknown",
            Message(
                "检索条件名称有误。可用：" + "、".join(SearchBody.model_fields) + "。",
                "There is no such term. The terms are: " + ", ".join(SearchBody.model_fields) + ".",
            ),
            field="query",
        )


def _time(text: str | None, field: str) -> int | None:
    if text is None:
        return None
    try:
        return from_iso(text)
    except (ValueError, OverflowError) as error:
        raise InvalidInput(
            "time_invalid",
            Message(
                "时间的写法为 ISO 8601，例如 2026-11-18T08:00:00+08:00。",
                "A time is written as ISO 8601, for example 2026-11-18T08:00:00+08:00.",
            ),
            field=field,
        ) from error
