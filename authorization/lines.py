"""The lines of access policy: what one says, and the forms that would not decide as they read.

Casbin ignores a misspelt effect, a wildcard it has no function for, and a denial whose window or
grade ends before the permission it should override. Such lines are refused, never loaded (I3).
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from foundation.clock import to_iso
from foundation.errors import InvalidInput, Message

RULE = "policies/access/model.conf"
GRADES = ("L1", "L2", "L3", "L4")
ANY_PURPOSE = "*"
FAR_PAST = "1970-01-01T00:00:00.000000Z"
FAR_FUTURE = "9999-12-31T00:00:00.000000Z"
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z\Z")
_WORD = re.compile(r"[^\s*?,]+\Z")


class Action(StrEnum):
    """What a caller may ask to do under a licence."""

    QUERY_ROWS = "query.rows"
    QUERY_DP = "query.dp"
    QUERY_VERIFY = "query.verify"
    SESSION_OPEN = "session.open"
    RELEASE_REQUEST = "release.request"


class Effect(StrEnum):
    """What a line does; any other word is refused (trap T3)."""

    ALLOW = "allow"
    DENY = "deny"


class PolicyLine(NamedTuple):
    """One policy line, its fields in the order of the model's policy definition.

    A tuple, because a million of them are made, compared and hashed at each load.
    """

    sub: str
    dom: str
    obj: str
    act: str
    purpose: str
    grade: str
    nbf: str
    exp: str
    eft: str


@dataclass(frozen=True)
class Links:
    """Inheritance: ``members`` (g: who, role, domain), ``objects`` (g2), ``domains`` (g3)."""

    members: frozenset[tuple[str, str, str]] = frozenset()
    objects: frozenset[tuple[str, str]] = frozenset()
    domains: frozenset[tuple[str, str]] = frozenset()

    def joined(self, other: "Links") -> "Links":
        """Return both sets of links together."""
        return Links(
            self.members | other.members,
            self.objects | other.objects,
            self.domains | other.domains,
        )


_EFFECTS = frozenset(str(effect) for effect in Effect)
_GRADES = frozenset(GRADES)


def deny_line(sub: str, dom: str, obj: str, act: str, purpose: str = ANY_PURPOSE) -> PolicyLine:
    """Make a denial that covers every grade and does not lapse."""
    return PolicyLine(sub, dom, obj, act, purpose, "L4", FAR_PAST, FAR_FUTURE, Effect.DENY)


def check_lines(lines: Collection[PolicyLine]) -> None:
    """Refuse lines that Casbin would take but not apply as they read. Raises InvalidInput.

    Each distinct value is looked at once, which is what makes a million lines cheap.
    """
    if lines and not _are_good(lines):
        for line in lines:
            check_line(line)


def _are_good(lines: Collection[PolicyLine]) -> bool:
    sub, dom, obj, act, purpose, grade, nbf, exp, eft = map(set, zip(*lines, strict=True))
    windows = {(line.nbf, line.exp) for line in lines}
    return (
        all(map(_WORD.match, sub | dom | obj | act | (purpose - {ANY_PURPOSE})))
        and eft <= _EFFECTS
        and grade <= _GRADES
        and all(map(_TIME.match, nbf | exp))
        and all(begin < end for begin, end in windows)
        and not any(map(_lapses, lines if Effect.DENY in eft else ()))
    )


def check_line(line: PolicyLine) -> None:
    """Refuse a line that Casbin would take but not apply as it reads."""
    for name in ("sub", "dom", "obj", "act"):
        if not _WORD.match(getattr(line, name)):
            raise _bad_line(name, "空、含空格或通配符", "is empty, or holds a space or a wildcard")
    if line.purpose != ANY_PURPOSE and not _WORD.match(line.purpose):
        raise _bad_line("purpose", "空或含通配符", "is empty or holds a wildcard")
    if line.eft not in _EFFECTS:
        raise _bad_line("eft", "只能是 allow 或 deny", "must be exactly allow or deny")
    if line.grade not in GRADES:
        raise _bad_line("grade", "只能是 L1 至 L4", "must be L1 to L4")
    _check_window(line)
    if _lapses(line):
        raise _bad_line("exp", "拒绝规则不得失效", "a denial must cover L4 and never lapse")


def _lapses(line: PolicyLine) -> bool:
    return line.eft == Effect.DENY and (line.grade != GRADES[-1] or line.exp != FAR_FUTURE)


def check_links(links: Links) -> None:
    """Refuse links with an empty name, a space or a wildcard."""
    for link in (*links.members, *links.objects, *links.domains):
        if not all(_WORD.match(name) for name in link):
            raise _bad_line("g", "空、含空格或通配符", "is empty, or holds a space or a wildcard")


def time_text(time_us: int) -> str:
    """Render a time so that text order is time order."""
    return to_iso(time_us)


def _check_window(line: PolicyLine) -> None:
    for name in ("nbf", "exp"):
        if not _TIME.match(getattr(line, name)):
            raise _bad_line(name, "时间格式不符", "is not a fixed-width UTC time")
    if line.nbf >= line.exp:
        raise _bad_line("exp", "截止早于起始", "ends before it begins")


def _bad_line(field: str, zh: str, en: str) -> InvalidInput:
    return InvalidInput(
        "policy_line_refused",
        Message(zh=f"访问规则的字段 {field} {zh}。", en=f"Access rule field {field}: {en}."),
        field=field,
        rule=RULE,
    )
