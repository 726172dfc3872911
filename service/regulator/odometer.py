"""The odometer for people: privacy loss of each population over time, from the log alone.

What the log gives is set beside what the store has; where they differ, every form of the answer
says so. The picture is drawn here, so that it needs no program and calls nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise

from sqlalchemy import Connection

from audit.view.narration import NANO_PER_RHO, decimal
from disclosure.budgets.odometer import (
    committed_digest,
    readings,
    spent_table_digest,
    tree_now,
    tree_through_log,
)
from disclosure.privacy import epsilon_shown
from foundation.clock import to_iso

ROOT = "population/"
POINTS_MAX = 2_000
WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 720, 300, 84, 24, 44, 40


@dataclass(frozen=True)
class Point:
    """A population's loss after one entry."""

    index: int
    time_us: int
    spent_nano_rho: int
    cap_nano_rho: int


def caps_now(connection: Connection) -> Mapping[str, int]:
    """Return the cap of every budget level in nano-rho, by the level's name."""
    return {node: totals.cap.nano_rho for node, totals in tree_now(connection).items()}


def losses(connection: Connection) -> dict[str, list[Point]]:
    """Return each population's loss over time, one point for each entry that changed it."""
    found: dict[str, list[Point]] = {}
    for entry, levels in tree_through_log(connection):
        for node, totals in levels.items():
            if node.count("/") != 1 or not node.startswith(ROOT):
                continue
            point = Point(entry.index, entry.time_us, totals.spent.nano_rho, totals.cap.nano_rho)
            line = found.setdefault(node.removeprefix(ROOT), [])
            same = line and (line[-1].spent_nano_rho, line[-1].cap_nano_rho) == (
                point.spent_nano_rho,
                point.cap_nano_rho,
            )
            if not same:
                line.append(point)
    return found


def odometer_report(connection: Connection, epsilon_delta_steps: int) -> dict[str, object]:
    """Return loss by population over time, and each level as store and log have it."""
    levels = readings(connection)
    digest, committed = spent_table_digest(connection), committed_digest(connection)
    agrees = all(level.agrees for level in levels) and (not levels or digest == committed)
    stored = {
        level.node.removeprefix(ROOT): level for level in levels if level.node.count("/") == 1
    }
    return {
        "agrees": agrees,
        "spent_digest": digest,
        "committed_digest": committed,
        "differing_levels": [level.as_json() for level in levels if not level.agrees],
        "populations": [
            {
                "population": name,
                "agrees": stored[name].agrees if name in stored else False,
                "stored_nano_rho": _spent(stored.get(name)),
                "recomputed_nano_rho": points[-1].spent_nano_rho,
                "cap_nano_rho": points[-1].cap_nano_rho,
                "epsilon_shown": epsilon_shown(points[-1].spent_nano_rho, epsilon_delta_steps),
                "points": [
                    {
                        "index": point.index,
                        "time": to_iso(point.time_us),
                        "spent_nano_rho": point.spent_nano_rho,
                        "cap_nano_rho": point.cap_nano_rho,
                    }
                    for point in _thinned(points)
                ],
            }
            for name, points in sorted(losses(connection).items())
        ],
    }


def odometer_picture(
    population: str, points: Sequence[Point], *, agrees: bool, language: str
) -> str:
    """Draw one population's loss over time beneath its cap, as SVG with a text alternative."""
    shown = _thinned(points)
    top = max([1, *(max(point.spent_nano_rho, point.cap_nano_rho) for point in shown)])
    first, last = shown[0].time_us, shown[-1].time_us
    span = max(1, last - first)

    def place(point: Point, amount: int) -> str:
        across = LEFT + (WIDTH - LEFT - RIGHT) * (point.time_us - first) // span
        up = HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * amount // top
        return f"{across},{up}"

    spent = _steps([place(point, point.spent_nano_rho) for point in shown])
    cap = _steps([place(point, point.cap_nano_rho) for point in shown])
    words = _words(population, shown[-1], agrees=agrees, zh=language == "zh")
    bottom = HEIGHT - BOTTOM
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'font-family="sans-serif" font-size="12"><title>{escape(words)}</title>'
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>'
        f'<text x="{LEFT}" y="22" font-size="14" fill="#1a1a1a">{escape(words)}</text>'
        f'<path d="M{LEFT} {TOP}V{bottom}H{WIDTH - RIGHT}" fill="none" stroke="#595959"/>'
        f'<text x="{LEFT - 8}" y="{TOP + 4}" text-anchor="end">{_rho(top)} ρ</text>'
        f'<text x="{LEFT - 8}" y="{bottom}" text-anchor="end">0</text>'
        f'<text x="{LEFT}" y="{bottom + 22}">{to_iso(first)[:16]}Z</text>'
        f'<text x="{WIDTH - RIGHT}" y="{bottom + 22}" text-anchor="end">{to_iso(last)[:16]}Z</text>'
        f'<polyline points="{cap}" fill="none" stroke="#8a5a00" stroke-dasharray="6 4"/>'
        f'<polyline points="{spent}" fill="none" stroke="#0b5394" stroke-width="2"/></svg>\n'
    )


def _words(population: str, last: Point, *, agrees: bool, zh: bool) -> str:
    spent, cap = _rho(last.spent_nano_rho), _rho(last.cap_nano_rho)
    if zh:
        verdict = "" if agrees else "（与存储的预算不符！）"
        return f"总体 {population} 的隐私损失：{spent} ρ，上限 {cap} ρ{verdict}"
    verdict = "" if agrees else " (differs from the stored budgets!)"
    return f"Privacy loss of {population}: {spent} rho of {cap} rho{verdict}"


def _steps(places: Sequence[str]) -> str:
    """Join places by steps: a loss holds until the next entry changes it."""
    path = [places[0]]
    for before, place in pairwise(places):
        path += [f"{place.partition(',')[0]},{before.partition(',')[2]}", place]
    return " ".join(path)


def _thinned(points: Sequence[Point]) -> list[Point]:
    """Return at most so many points; the last one always stays."""
    step = -(-len(points) // POINTS_MAX)
    kept = list(points[::step])
    return kept if kept[-1] == points[-1] else [*kept, points[-1]]


def _rho(nano_rho: int) -> str:
    return decimal(nano_rho, NANO_PER_RHO)


def _spent(reading: object) -> int | None:
    totals = getattr(reading, "tree", None)
    return None if totals is None else int(totals.spent.nano_rho)
