"""Decisions at a million policy lines: time, growth, equality with Casbin, reloads under load.

Each question of the timings has exactly ten candidate lines in its bucket (an empty bucket would
flatter): nine permissions to roles, one denial. Times are CPU time of the asking thread.
"""

import json
import resource
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random  # noqa: TID251 - a benchmark's dice, seeded

from authorization.enforcer import (
    AccessQuestion,
    Enforcer,
    Environment,
    PolicySnapshot,
    plain_enforcer,
)
from authorization.index import DomainPolicy, Members
from authorization.lines import FAR_FUTURE, FAR_PAST, GRADES, Links, PolicyLine, deny_line
from authorization.policy_version import VersionReader
from foundation.db import metadata, open_engine
from policies.load import load_policies

MODEL = load_policies().access_model
LINES_PER_LICENCE = 100
CANDIDATES = 10
DATASETS = 50
QUESTIONS = 4_000
CACHED_ROUNDS = 100_000
VERSION_ROUNDS = 20_000
RANDOM_QUESTIONS = 100_000
QUESTIONS_PER_POLICY = 100
RELOAD_SECONDS = 10.0
NOW = "2026-06-01T00:00:00.000000Z"
END = "2027-01-01T00:00:00.000000Z"
READERS = 2


@dataclass(frozen=True)
class Policy:
    """A synthetic policy of so many licences."""

    licences: int
    lines: list[PolicyLine]
    links: Links


def synthetic(lines: int) -> Policy:
    """Make licences of a hundred lines: ten columns, ten lines each."""
    licences = lines // LINES_PER_LICENCE
    made: list[PolicyLine] = []
    members: set[tuple[str, str, str]] = set()
    objects: set[tuple[str, str]] = set()
    for number in range(licences):
        domain = domain_of(number)
        for place in range(LINES_PER_LICENCE // CANDIDATES):
            column = column_of(number, place)
            objects.add((column, column.split(".")[0].replace("col:", "ds:")))
            made += lines_of(domain, column)
        members |= {(f"person:{one}", "role:r8", domain) for one in range(5)}
    return Policy(licences, made, Links(frozenset(members), frozenset(objects)))


def lines_of(domain: str, column: str) -> list[PolicyLine]:
    """Make ten candidate lines of one column."""
    allowed = [
        PolicyLine(f"role:r{role}", domain, column, "query.rows", "industry", "L2",
                   f"2026-01-{role + 1:02d}T00:00:00.000000Z", END, "allow")
        for role in range(CANDIDATES - 1)
    ]  # fmt: skip
    return [*allowed, deny_line("org:payer", domain, column, "query.rows")]


def domain_of(number: int) -> str:
    """Name a licence's domain."""
    return f"lic:{number:026d}"


def column_of(number: int, place: int) -> str:
    """Name a column of a licence."""
    return f"col:set{(number + place // 2) % DATASETS}.c{place % 2}"


def questions(policy: Policy, count: int) -> list[AccessQuestion]:
    """Draw questions over all licences."""
    draw = Random(1)
    found = []
    for _ in range(count):
        number = draw.randrange(policy.licences)
        column = column_of(number, draw.randrange(LINES_PER_LICENCE // CANDIDATES))
        person = f"person:{draw.randrange(5)}"
        environment = Environment("industry", "L1", NOW)
        found.append(AccessQuestion(person, domain_of(number), column, "query.rows", environment))
    return found


def uncached_ms(snapshot: PolicySnapshot, asked: list[AccessQuestion]) -> list[float]:
    """Time each question with an empty cache; every one is permitted by one of ten lines."""
    found = []
    for question in asked:
        if len(snapshot.candidates(question)) != CANDIDATES:
            raise RuntimeError("a question without its ten candidate lines")
        snapshot._cache.clear()  # noqa: SLF001 - what is measured is the way without it
        started = time.thread_time()
        allowed = snapshot.decide(question).allowed
        found.append((time.thread_time() - started) * 1e3)
        if not allowed:
            raise RuntimeError("a question that should be permitted")
    return sorted(found)


def cached_us(snapshot: PolicySnapshot, question: AccessQuestion) -> float:
    """Time one question that is in the cache."""
    snapshot.decide(question)
    started = time.thread_time()
    for _ in range(CACHED_ROUNDS):
        snapshot.decide(question)
    return (time.thread_time() - started) / CACHED_ROUNDS * 1e6


def measure_size() -> Iterator[dict[str, object]]:
    """Yield the figures of a million lines, and of ten thousand beside them."""
    small = synthetic(10_000)
    small_ms = statistics.median(
        uncached_ms(PolicySnapshot(MODEL, small.lines, small.links), questions(small, QUESTIONS))
    )
    large = synthetic(1_000_000)
    before_bytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    builds = []
    for _ in range(3):
        started = time.process_time()
        snapshot = PolicySnapshot(MODEL, large.lines, large.links)
        builds.append(time.process_time() - started)
    index_bytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - before_bytes
    asked = questions(large, QUESTIONS)
    times = uncached_ms(snapshot, asked)
    p50, p99 = statistics.median(times), times[int(len(times) * 0.99)]
    for name, value, limit in (
        ("decision_1m_ms_p50", p50, 0.5),
        ("decision_1m_ms_p99", p99, 2.0),
    ):
        yield figure(
            name, value, "ms", limit, lines=1_000_000, candidate_lines=CANDIDATES, runs=QUESTIONS
        )
    yield figure("decision_cached_us", cached_us(snapshot, asked[0]), "us", 10.0, lines=1_000_000)
    yield figure("decision_growth", p50 / small_ms, "ratio", 3.0, against="10,000 lines, same run")
    yield figure(
        "reload_1m_s", statistics.median(builds), "s", 5.0, runs=3, cpu=True,
        peak_bytes_beyond_lines_two_snapshots=index_bytes,
    )  # fmt: skip
    yield figure("replace_licence_1m_ms", replacing_ms(snapshot), "ms", 50.0, runs=20)
    del snapshot
    plain_ms = plain_seconds(large, asked[0]) * 1e3
    yield figure(
        "decision_vs_plain", plain_ms / p50, "ratio", 1_000.0, at_least=True,
        against="plain casbin.Enforcer, same lines, one call", plain_ms=round(plain_ms),
    )  # fmt: skip


def replacing_ms(snapshot: PolicySnapshot) -> float:
    """Time the exchange of one licence's lines out of a million."""
    found = []
    for number in range(20):
        domain = domain_of(number * 37)
        lines = lines_of(domain, "col:set1.c0")
        started = time.thread_time()
        policy = DomainPolicy.of(domain, lines, Members.of((("person:1", "role:r8"),)))
        snapshot = snapshot.replaced({domain: policy})
        found.append((time.thread_time() - started) * 1e3)
    return statistics.median(found)


def plain_seconds(policy: Policy, question: AccessQuestion) -> float:
    """Time one decision of Casbin's own Enforcer over the same lines."""
    decide = plain_enforcer(MODEL, policy.lines, policy.links)
    started = time.thread_time()
    if not decide(question):
        raise RuntimeError("the plain Enforcer answers otherwise")
    return time.thread_time() - started


def measure_version() -> dict[str, object]:
    """Time what following the control store adds to each decision: one row read."""
    with tempfile.TemporaryDirectory(dir=".") as home:
        engine = open_engine(f"sqlite:///{home}/control.db")
        metadata.create_all(engine)
        reader = VersionReader(engine)
        reader.read()
        started = time.thread_time()
        for _ in range(VERSION_ROUNDS):
            reader.read()
        cost = (time.thread_time() - started) / VERSION_ROUNDS * 1e6
        reader.close()
        engine.dispose()
    return figure("policy_version_us", cost, "us", 50.0, runs=VERSION_ROUNDS, against="SQLite")


def measure_differences() -> dict[str, object]:
    """Count answers that differ from the plain Enforcer's on random policies and questions."""
    draw = Random(20_261)
    differences = permitted = asked = 0
    while asked < RANDOM_QUESTIONS:
        lines, links = random_policy(draw)
        snapshot = PolicySnapshot(MODEL, lines, links)
        plain = plain_enforcer(MODEL, lines, links)
        for _ in range(QUESTIONS_PER_POLICY):
            question = random_question(draw)
            answer = snapshot.decide(question).allowed
            differences += answer is not plain(question)
            permitted += answer
            asked += 1
    return figure(
        "index_differences", differences, "answers", 0, requests=asked, permitted=permitted
    )


WHO = ("person:a", "person:b", "role:x", "role:y", "org:bad")
PLACES = ("lic:A", "gov:county", "gov:city", "gov:province", "gov:nation")
THINGS = ("col:h.age", "col:h.name", "whole:h", "ds:h", "ds:all")
ACTS = ("query.rows", "query.dp")
TIMES = tuple(f"202{year}-01-01T00:00:00.000000Z" for year in range(5))


def random_policy(draw: Random) -> tuple[list[PolicyLine], Links]:
    """Draw a policy with hierarchies in all three relations, windows and denials."""
    lines = []
    for _ in range(draw.randint(1, 25)):
        begin, end = sorted(draw.sample(TIMES, 2))
        lines.append(
            PolicyLine(
                draw.choice(WHO),
                draw.choice(PLACES),
                draw.choice(THINGS),
                draw.choice(ACTS),
                draw.choice(("research", "industry", "*")),
                draw.choice(GRADES),
                draw.choice((begin, FAR_PAST)),
                draw.choice((end, FAR_FUTURE)),
                "allow",
            )
        )
    lines += [
        deny_line(draw.choice(WHO), draw.choice(PLACES), draw.choice(THINGS), draw.choice(ACTS))
        for _ in range(draw.randint(0, 3))
    ]
    return lines, Links(
        members=frozenset(
            (draw.choice(WHO), draw.choice(WHO[2:]), draw.choice(PLACES)) for _ in range(6)
        ),
        objects=frozenset((draw.choice(THINGS), draw.choice(THINGS)) for _ in range(4)),
        domains=frozenset((draw.choice(PLACES), draw.choice(PLACES)) for _ in range(4)),
    )


def random_question(draw: Random) -> AccessQuestion:
    """Draw a question; times fall on the boundaries of windows."""
    environment = Environment(
        draw.choice(("research", "industry")), draw.choice(GRADES), draw.choice(TIMES)
    )
    return AccessQuestion(
        draw.choice(WHO), draw.choice(PLACES), draw.choice(THINGS), draw.choice(ACTS), environment
    )


def measure_reloads() -> dict[str, object]:
    """Reload for ten seconds under load, where a denial always holds: count what is allowed.

    Both policies deny the person by a role. A half-loaded one (lines without roles, permissions
    without denials) would allow.
    """
    base = synthetic(2_000)
    denial = deny_line("role:r8", domain_of(0), column_of(0, 0), "query.rows")
    permission = base.lines[CANDIDATES - 2]
    policies = ([denial, *base.lines], [*base.lines[:-100], permission, denial])
    enforcer = Enforcer(PolicySnapshot(MODEL, policies[0], base.links))
    stop = threading.Event()
    answers = [0] * READERS
    wrong = [0] * READERS

    def ask(reader: int) -> None:
        draw = Random(reader)
        while not stop.is_set():
            environment = Environment(
                "industry", "L1", f"2026-06-01T00:00:00.{draw.randrange(10**6):06d}Z"
            )
            question = AccessQuestion(
                "person:1", domain_of(0), column_of(0, 0), "query.rows", environment
            )
            wrong[reader] += enforcer.decide(question).allowed
            answers[reader] += 1

    readers = [threading.Thread(target=ask, args=(number,)) for number in range(READERS)]
    for reader in readers:
        reader.start()
    reloads = 0
    until = time.monotonic() + RELOAD_SECONDS
    while time.monotonic() < until:
        lines = policies[reloads % 2]
        enforcer.rebuild(lambda lines=lines: PolicySnapshot(MODEL, lines, base.links))  # type: ignore[misc]
        reloads += 1
    stop.set()
    for reader in readers:
        reader.join()
    return figure(
        "reload_wrong_allows", sum(wrong), "answers", 0,
        seconds=RELOAD_SECONDS, reloads=reloads, decisions=sum(answers),
    )  # fmt: skip


def figure(
    name: str, value: float, unit: str, limit: float, *, at_least: bool = False, **more: object
) -> dict[str, object]:
    """Make one figure with its bar."""
    ok = value >= limit if at_least else value <= limit
    sign = ">=" if at_least else "<="
    shown = {"figure": name, "value": round(value, 4), "unit": unit, "limit": f"{sign}{limit:g}"}
    return {**shown, "ok": ok, **more}


def main() -> int:
    """Print one JSON line a figure; exit 1 where a bar is missed."""
    missed = 0
    parts: tuple[Callable[[], Iterator[dict[str, object]]], ...] = (
        measure_size,
        lambda: iter((measure_version(),)),
        lambda: iter((measure_differences(),)),
        lambda: iter((measure_reloads(),)),
    )
    for part in parts:
        for found in part():
            print(json.dumps(found), flush=True)
            missed += not found["ok"]
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
