"""Sessions, entry by entry: no step outside the table, and no production without its review.

A second statement of ``sandbox/lifecycle.py`` and ``sandbox/reviews.py``: it shares no code with
them. A notebook is approved by somebody who did not submit it, and what is run is what was read.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from audit.verify.findings import Report
from audit.verify.tiles import of_kinds

REQUESTED = "sandbox:session:requested"
PROMOTED = "sandbox:session:promoted"
SUBMITTED = "sandbox:review:submitted"
APPROVED = "sandbox:review:approved"
_OPEN = ("debug", "production")
_BEFORE: Mapping[str, tuple[tuple[str, ...], str]] = {
    "sandbox:session:opened": (("applied",), ""),
    PROMOTED: (("debug",), "production"),
    "sandbox:session:frozen": (_OPEN, "frozen"),
    "sandbox:session:closed": ((*_OPEN, "frozen"), "closed"),
    "sandbox:session:refused": (("applied",), "closed"),
    "sandbox:session:destroyed": (("closed",), "destroyed"),
}
"""A step's states before it, and the one after it; an opening names its own as its mode."""
_REVIEW_BEFORE: Mapping[str, tuple[tuple[str, ...], str]] = {
    APPROVED: (("submitted",), "approved"),
    "sandbox:review:returned": (("submitted",), "returned"),
    "sandbox:review:withdrawn": (("submitted", "approved"), "withdrawn"),
}
KINDS = (REQUESTED, *_BEFORE, SUBMITTED, *_REVIEW_BEFORE)

Entry = Mapping[str, Any]
Problem = tuple[str, str, str]


@dataclass
class _Review:
    author: str
    digest: str
    licence: str
    state: str = "submitted"
    reviewer: str = ""
    valid_until_us: int = 0


@dataclass
class _Replay:
    sessions: dict[str, tuple[str, str]] = field(default_factory=dict)  # its state, its licence
    reviews: dict[str, _Review] = field(default_factory=dict)


def verify_sessions(entries: Sequence[Entry], report: Report) -> None:
    """Replay every session and every review of notebooks."""
    replay = _Replay()
    for entry in of_kinds(entries, KINDS):
        for code, zh, en in _problems(replay, entry):
            index = entry["index"]
            report.tampered(
                code, zh=f"第 {index} 号条目：{zh}。", en=f"Entry {index}: {en}.", index=index
            )


def _problems(replay: _Replay, entry: Entry) -> Iterator[Problem]:
    kind, public = entry["kind"], entry["public"]
    if kind == SUBMITTED:
        yield from _submitted(replay, entry)
    elif kind in _REVIEW_BEFORE:
        yield from _judged(replay, entry)
    elif kind == REQUESTED:
        if public["session"] in replay.sessions:
            yield _out_of_order()
        replay.sessions[public["session"]] = ("applied", public["licence"])
        if public.get("review") is not None:
            yield from _reviewed(replay, entry, public["licence"], None)
    else:
        yield from _stepped(replay, entry)


def _stepped(replay: _Replay, entry: Entry) -> Iterator[Problem]:
    kind, public = entry["kind"], entry["public"]
    state, licence = replay.sessions.get(public["session"], ("", ""))
    before, after = _BEFORE[kind]
    after = after or public["mode"]
    if state not in before or (not _BEFORE[kind][1] and after not in _OPEN):
        yield _out_of_order()
    replay.sessions[public["session"]] = (after, licence)
    if kind == PROMOTED:
        yield from _reviewed(replay, entry, licence, public["notebook_digest"])


def _submitted(replay: _Replay, entry: Entry) -> Iterator[Problem]:
    public = entry["public"]
    if public["review"] in replay.reviews:
        yield _out_of_order()
    replay.reviews[public["review"]] = _Review(
        entry["actor"]["person"], public["notebook_digest"], public["licence"]
    )


def _judged(replay: _Replay, entry: Entry) -> Iterator[Problem]:
    public, person = entry["public"], entry["actor"]["person"]
    review = replay.reviews.get(public["review"])
    before, after = _REVIEW_BEFORE[entry["kind"]]
    if review is None or review.state not in before:
        yield _out_of_order()
        return
    review.state = after
    if entry["kind"] != APPROVED:
        return
    review.reviewer, review.valid_until_us = person, public["valid_until_us"]
    if person == review.author or public["notebook_digest"] != review.digest:
        yield (
            "review_not_by_two",
            "批准的不是所提交的笔记本，或由提交人自己批准",
            "it approves another notebook than was submitted, or its own author approves it",
        )


def _reviewed(replay: _Replay, entry: Entry, licence: str, digest: str | None) -> Iterator[Problem]:
    review = replay.reviews.get(entry["public"]["review"])
    holds = (
        review is not None
        and review.state == "approved"
        and review.licence == licence
        and entry["time_us"] < review.valid_until_us
        and digest in (None, review.digest)
        and entry["public"].get("reviewer", review.reviewer) == review.reviewer
    )
    if not holds:
        yield (
            "session_unreviewed",
            "会话进入生产运行，而所列审查并不成立",
            "a session goes into production on a review that did not hold then",
        )


def _out_of_order() -> Problem:
    return (
        "session_out_of_order",
        "会话或审查的状态不能如此变化",
        "a session or review cannot take this step from where it stood",
    )
