"""Releases, entry by entry: nothing left but what two independent persons approved, or the rules.

The life of each request is replayed from the log alone: every move stands in the table, votes are
those that their entries name, by different natural persons of another organisation than the author,
and what they say makes the outcome that was logged.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from audit.verify.findings import Report
from audit.verify.tiles import of_kinds

Record = Mapping[str, Any]
Problem = tuple[str, str, str]

DRAFTED = "release:request:drafted"
SUBMITTED = "release:request:submitted"
VOTED = "release:request:voted"
EXCEPTED = "release:check:excepted"
REFUSED = "release:request:refused"
FETCHED = "revenue:product:fetched"
VOTES_MIN = 2

MOVES: Mapping[str, tuple[frozenset[str], str]] = {
    "release:request:edited": (frozenset({"draft"}), "draft"),
    SUBMITTED: (frozenset({"", "draft"}), "submitted"),
    "release:request:checked": (frozenset({"submitted"}), "checked"),
    "release:request:returned": (frozenset({"submitted"}), "returned"),
    "release:request:automatic": (frozenset({"submitted"}), "approved"),
    "release:request:revised": (frozenset({"returned"}), "draft"),
    "release:request:withdrawn": (frozenset({"draft", "checked", "returned"}), "withdrawn"),
    "release:request:delivered": (frozenset({"approved"}), "delivered"),
    "release:request:recalled": (frozenset({"delivered"}), "recalled"),
    "release:copy:handed": (frozenset({"delivered"}), "delivered"),
    FETCHED: (frozenset({"delivered"}), "delivered"),
}
"""From which states an entry of a kind may come, and to which it leads; votes are judged apart."""


KINDS = (DRAFTED, VOTED, EXCEPTED, REFUSED, *MOVES)


@dataclass
class _Release:
    author: Record
    state: str = ""
    revision: int = 1
    votes: list[Record] = field(default_factory=list)
    officers: set[str] = field(default_factory=set)


def verify_releases(entries: Sequence[Record], report: Report) -> None:
    """Replay every release of a verified log. Raises nothing; what is wrong is named by index."""
    releases: dict[str, _Release] = {}
    delivered = 0
    sound = True
    for entry in of_kinds(entries, KINDS):
        for code, zh, en in _problems(releases, entry):
            sound = False
            index = entry["index"]
            report.tampered(
                code, zh=f"第 {index} 号条目：{zh}。", en=f"Entry {index}: {en}.", index=index
            )
        delivered += entry["kind"] == "release:request:delivered"
    if delivered and sound:
        report.good(
            "releases_replayed",
            zh=f"{delivered} 次出域均由申请人以外的人员一致同意，或依规则自动放行。",
            en=f"All {delivered} releases were approved by persons apart from their authors, or "
            "left by rule.",
        )


def _problems(releases: dict[str, _Release], entry: Record) -> Iterator[Problem]:
    kind, public = entry["kind"], entry["public"]
    name = _name_of(entry)
    if kind in {DRAFTED, SUBMITTED} and name and name not in releases:
        releases[name] = _Release(entry["actor"], "draft" if kind == DRAFTED else "")
    moved = kind not in {DRAFTED, REFUSED} or "failed" in public
    if not name or not moved:
        return
    release = releases.get(name)
    if release is not None:
        yield from {VOTED: _voted, EXCEPTED: _excepted}.get(kind, _moved)(release, entry)
    elif kind != FETCHED:  # a product may be named that is no release
        yield _out_of_order()


def _name_of(entry: Record) -> str:
    public = entry["public"]
    return str(public.get("release") or (public.get("product") if entry["kind"] == FETCHED else ""))


def _moved(release: _Release, entry: Record) -> Iterator[Problem]:
    kind = entry["kind"]
    allowed, after = MOVES.get(kind, (frozenset({"submitted"}), "refused"))
    if release.state not in allowed:
        yield _out_of_order()
    if kind in {SUBMITTED, "release:request:revised", "release:request:withdrawn"} and (
        entry["actor"]["person"] != release.author["person"]
    ):
        yield (
            "release_not_by_its_author",
            "提交、修订或撤回的人不是申请人",
            "who submits, revises or withdraws is not its author",
        )
    if kind == "release:request:revised":
        release.revision += 1
    if kind == SUBMITTED:
        release.votes, release.officers = [], set()
    release.state = after


def _excepted(release: _Release, entry: Record) -> Iterator[Problem]:
    if release.state != "returned" or entry["public"]["state"] not in {"returned", "checked"}:
        yield _out_of_order()
    yield from _independent(release, entry["actor"])
    release.officers.add(entry["actor"]["person"])
    release.state = entry["public"]["state"]


def _voted(release: _Release, entry: Record) -> Iterator[Problem]:
    public = entry["public"]
    if release.state != "checked" or public["revision"] != release.revision:
        yield _out_of_order()
    yield from _independent(release, entry["actor"])
    person = entry["actor"]["person"]
    voters = {vote["actor"]["person"] for vote in release.votes} | release.officers
    if person in voters:
        yield (
            "voted_twice",
            "同一人对同一版本再次表决，或曾给予例外",
            "a person votes again on a revision, or excepted a check of it",
        )
    release.votes.append(entry)
    state = public.get("state")
    if state is None:
        return
    told = public.get("votes") or []
    cast = [(vote["index"], vote["actor"]["person"]) for vote in release.votes]
    if [(one.get("entry"), one.get("person")) for one in told] != cast:
        yield (
            "votes_differ",
            "列出的表决与日志中的表决不符",
            "the votes that it counts are not those in the log",
        )
    if state != _outcome([one.get("decision") for one in told]):
        yield (
            "outcome_differs",
            "结果与所列表决不符",
            "its outcome is not what the votes say",
        )
    release.state = state


def _outcome(decisions: Sequence[object]) -> str:
    if len(decisions) < VOTES_MIN:
        return "checked"
    if set(decisions) == {"approve"}:
        return "approved"
    return "refused" if set(decisions) == {"refuse"} else "returned"


def _independent(release: _Release, actor: Record) -> Iterator[Problem]:
    near = (
        actor["person"] == release.author["person"]
        or actor["organisation"] == release.author["organisation"]
    )
    if near or actor["kind"] != "person":
        yield (
            "decided_not_independently",
            "表决或给予例外的是申请人、其机构的人员或服务账号",
            "who votes or excepts is the author, of its organisation, or no person",
        )


def _out_of_order() -> Problem:
    return (
        "release_out_of_order",
        "该出域申请当时的状态不允许此事",
        "where this release stood, this could not happen",
    )
