"""The frozen index beneath a policy snapshot: each domain's lines by object and action, closures.

Everything here is immutable and shared between snapshots, so that a change of one licence copies
references and rebuilds that licence alone. A digest covers every line and every link.
"""

import hashlib
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import chain
from types import MappingProxyType
from typing import NamedTuple, Self

from authorization.compile import CompiledLicence
from authorization.lines import FAR_PAST, RULE, PolicyLine, check_lines
from foundation.errors import InvalidInput, Message

DEPTH_MAX = 9  # links that Casbin's role manager follows (max_hierarchy_level 10 counts the start)

Pair = tuple[str, str]
Closure = Mapping[str, frozenset[str]]


def close(pairs: Iterable[Pair]) -> Closure:
    """Close a relation upwards. Raises InvalidInput where Casbin would stop following it."""
    above = _above(pairs)
    return MappingProxyType({low: _reached(low, above) for low in above})


def _above(pairs: Iterable[Pair]) -> Mapping[str, set[str]]:
    above: defaultdict[str, set[str]] = defaultdict(set)
    for low, high in pairs:
        above[low].add(high)
    return above


def _reached(start: str, above: Mapping[str, set[str]]) -> frozenset[str]:
    reached: set[str] = set()
    edge = {start}
    for _ in range(DEPTH_MAX):
        edge = {high for low in edge for high in above.get(low, ())} - reached
        reached |= edge
    if any(high not in reached for low in edge for high in above.get(low, ())):
        raise InvalidInput(
            "policy_links_too_deep",
            Message(
                zh=f"继承层级超过 {DEPTH_MAX} 层，后面的拒绝规则会被忽略，因此不予载入。",
                en=f"Inheritance is deeper than {DEPTH_MAX} levels; denials beyond would be lost.",
            ),
            field="g",
            rule=RULE,
        )
    return frozenset(reached)


def _digest(rows: Iterable[Iterable[str]]) -> bytes:
    """Hash rows of words; no word holds a comma or a line break (see ``lines``)."""
    return hashlib.sha256("\n".join(map(",".join, rows)).encode()).digest()


class Grounds(NamedTuple):
    """What a snapshot's lines were compiled from; one reference swaps lines and grounds.

    ``shut`` names the operators of licences that are signed but out of force; ``origins`` what
    made a line that is of no licence.
    """

    licences: Mapping[str, CompiledLicence] = MappingProxyType({})
    shut: Mapping[str, str] = MappingProxyType({})
    origins: Mapping[PolicyLine, str] = MappingProxyType({})


class Bucket(NamedTuple):
    """The lines of one domain, object and action, and the times at which an answer may change."""

    lines: tuple[PolicyLine, ...]
    boundaries: tuple[str, ...]

    def window(self, now: str) -> int:
        """Tell, as a number, between which two boundaries a time falls."""
        return bisect_right(self.boundaries, now)


@dataclass(frozen=True)
class Members:
    """Who holds what within a domain, closed upwards; shared by domains with the same people."""

    closure: Closure
    digest: bytes

    @classmethod
    def of(cls, pairs: Collection[Pair]) -> Self:
        """Close (who, role) pairs. Raises InvalidInput where they nest too deep."""
        return cls(close(pairs), _digest(sorted(set(pairs))))

    def holds(self, who: str, role: str) -> bool:
        """Tell whether somebody is, or holds, a role."""
        return who == role or role in self.closure.get(who, ())


NOBODY = Members.of(())


@dataclass(frozen=True, eq=False)
class DomainPolicy:
    """All that stands at one domain. ``objects`` are the g2 links that it brings with it.

    ``digest`` covers domain, lines and members; object links are covered by the relation.
    """

    domain: str
    buckets: Mapping[Pair, Bucket]
    line_count: int
    lines_digest: bytes
    members: Members
    objects: frozenset[Pair]
    digest: bytes

    @classmethod
    def of(
        cls,
        domain: str,
        lines: Iterable[PolicyLine],
        members: Members = NOBODY,
        objects: frozenset[Pair] = frozenset(),
    ) -> Self:
        """Check and index the lines of one domain. Raises InvalidInput for a bad one."""
        unique = sorted(set(lines))
        check_lines(unique)
        if any(line.dom != domain for line in unique):
            raise ValueError("a line of another domain")
        lines_digest = _digest(unique)
        digest = _domain_digest(domain, lines_digest, members)
        buckets = _buckets(unique)
        return cls(domain, buckets, len(unique), lines_digest, members, objects, digest)

    def with_members(self, members: Members) -> "DomainPolicy":
        """Return the same lines held by other people; itself where they are the same."""
        if members.digest == self.members.digest:
            return self
        digest = _domain_digest(self.domain, self.lines_digest, members)
        return replace(self, members=members, digest=digest)


class Relation:
    """Pairs of (low, high) with their upward closure, counted, so that two may bring the same."""

    def __init__(self, counts: Counter[Pair], closure: Closure, digest: bytes) -> None:
        """Hold what ``of`` and ``changed`` computed."""
        self._counts = counts
        self.closure = closure
        self.digest = digest

    @classmethod
    def of(cls, pairs: Iterable[Pair]) -> Self:
        """Close a relation. Raises InvalidInput where Casbin would stop following it."""
        counts = Counter(pairs)
        return cls(counts, close(counts), _digest(sorted(counts)))

    def changed(self, removed: Collection[Pair], added: Collection[Pair]) -> "Relation":
        """Return the relation with pairs counted out and in; only what they reach is recomputed."""
        if not removed and not added:
            return self
        counts = self._counts.copy()
        counts.update(added)
        counts.subtract(removed)
        touched = {
            pair
            for pair in {*removed, *added}
            if (self._counts.get(pair, 0) > 0) is not (counts[pair] > 0)
        }
        for pair in {*removed, *added}:
            if counts[pair] <= 0:
                del counts[pair]
        if not touched:
            return Relation(counts, self.closure, self.digest)
        return Relation(counts, self._reclosed(counts, touched), _digest(sorted(counts)))

    def _reclosed(self, counts: Counter[Pair], touched: set[Pair]) -> Closure:
        lows = {low for low, _ in touched}
        affected = lows | {low for low, high in self.closure.items() if high & lows}
        above = _above(counts)
        closure = {low: high for low, high in self.closure.items() if low not in affected}
        closure.update({low: _reached(low, above) for low in affected if low in above})
        return MappingProxyType(closure)


def group(lines: Iterable[PolicyLine]) -> dict[str, list[PolicyLine]]:
    """Sort lines by their domain."""
    found: defaultdict[str, list[PolicyLine]] = defaultdict(list)
    for line in lines:
        found[line.dom].append(line)
    return found


def _buckets(lines: Iterable[PolicyLine]) -> Mapping[Pair, Bucket]:
    found: defaultdict[Pair, list[PolicyLine]] = defaultdict(list)
    for line in lines:
        found[line.obj, line.act].append(line)
    shared: dict[frozenset[Pair], tuple[str, ...]] = {}
    return {key: Bucket(tuple(held), _boundaries(held, shared)) for key, held in found.items()}


def _boundaries(
    lines: Iterable[PolicyLine], shared: dict[frozenset[Pair], tuple[str, ...]]
) -> tuple[str, ...]:
    windows = frozenset((line.nbf, line.exp) for line in lines)
    known = shared.get(windows)
    if known is None:
        known = shared[windows] = tuple(sorted({FAR_PAST, *chain.from_iterable(windows)}))
    return known


def _domain_digest(domain: str, lines_digest: bytes, members: Members) -> bytes:
    return hashlib.sha256(domain.encode() + b"\0" + lines_digest + members.digest).digest()
