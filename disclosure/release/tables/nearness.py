"""Which cells of a table must not be shown because, with all that was released, they tell of few.

Three searches, the first two over everything that counts: each shown figure against each earlier
one, and against each other one of the table; then every combination of the table's figures with
those of earlier tables, as many at a time and as often as the rules allow: first the tables that
read most of the same columns, the newest first.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, islice

from disclosure.release.tables.counting import TOTAL, Counted, Key, text_of
from disclosure.release.tables.sketches import Sketch, batches, sparse_combinations, too_near
from foundation.canonical import canonical_bytes
from policies.schema.tables import TableRules


@dataclass(frozen=True)
class Published:
    """One figure that a table shows: comparable with which, in which cell, and its sketch."""

    comparable: str
    cell: str
    sketch: Sketch


@dataclass(frozen=True)
class Earlier:
    """What was released before: figures of nearly as many people, and tables, the likest first.

    Each is asked for by what it is comparable with.
    """

    near_in_size: Callable[[str, tuple[int, int]], Sequence[Sketch]]
    tables: Callable[[str], Sequence[Sequence[Sketch]]]


NOTHING_EARLIER = Earlier(lambda _comparable, _sizes: (), lambda _comparable: ())


@dataclass(frozen=True)
class _Shown:
    key: Key
    sketch: Sketch


def published(counted: Counted, hidden: frozenset[Key], *, totals: bool) -> list[Published]:
    """Return every figure that the table shows, each once, in the order of its keys."""
    return [
        Published(comparable, _cell_text(counted, item.key), item.sketch)
        for comparable, items in _shown(counted, hidden, totals=totals).items()
        for item in items
    ]


def too_telling(
    counted: Counted,
    hidden: frozenset[Key],
    earlier: Earlier,
    rules: TableRules,
    *,
    totals: bool,
    people_min: int,
) -> frozenset[Key]:
    """Return shown cells that have to be hidden as well; none where the table may be shown."""
    found: set[Key] = set()
    for comparable, shown in _shown(counted, hidden, totals=totals).items():
        found |= _near_pairs(shown, comparable, earlier, people_min)
    if found:
        return frozenset(found)
    for comparable, shown in _shown(counted, hidden, totals=totals).items():
        found |= _combined(shown, earlier.tables(comparable), rules, people_min)
    return frozenset(found)


def _near_pairs(
    shown: Sequence[_Shown], comparable: str, earlier: Earlier, people_min: int
) -> set[Key]:
    found = set()
    for item in shown:
        people = item.sketch.contributors
        sizes = (people - people_min + 1, people + people_min - 1)
        if any(
            too_near(item.sketch, other, people_min)
            for other in earlier.near_in_size(comparable, sizes)
        ):
            found.add(item.key)
    kept = [item for item in shown if item.key not in found]
    for one, other in combinations(kept, 2):
        if {one.key, other.key} & found:
            continue
        if too_near(one.sketch, other.sketch, people_min):
            found.add(_least([one, other]))
    return found


def _combined(
    shown: Sequence[_Shown],
    tables: Sequence[Sequence[Sketch]],
    rules: TableRules,
    people_min: int,
) -> set[Key]:
    """Search all combinations; a table of many figures is searched piece by piece."""
    most = rules.row_space_figures_max
    found: set[Key] = set()
    for start in range(0, len(shown), max(most // 2, 1)):
        piece = shown[start : start + max(most // 2, 1)]
        packs = list(islice(batches(tables, max(most - len(piece), 1)), rules.row_space_packs_max))
        packs = packs or [[]]
        for pack in packs:
            seed = canonical_bytes(["sandgate/nearness@1", start, len(pack)])
            for combination in sparse_combinations(
                pack,
                [item.sketch for item in piece],
                people_min=people_min,
                trials=rules.row_space_trials,
                seed=seed,
            ):
                involved = [piece[place] for place in combination.new]
                if not any(item.key in found for item in involved):
                    found.add(_least(involved))
    return found


def _least(items: Iterable[_Shown]) -> Key:
    """Choose what to hide: an inner cell before a total, of the fewest people."""
    chosen = min(
        items,
        key=lambda item: (item.key.count(TOTAL), item.sketch.contributors, str(item.key)),
    )
    return chosen.key


def _shown(counted: Counted, hidden: frozenset[Key], *, totals: bool) -> Mapping[str, list[_Shown]]:
    found: dict[str, list[_Shown]] = {}
    for key in counted.keys(totals=totals):
        if key in hidden:
            continue
        seen = set()
        for place, part in enumerate(counted.plan.parts):
            sketch = counted.sketches.get((key, place))
            if sketch is None or not sketch.contributors or (part.comparable, sketch) in seen:
                continue
            seen.add((part.comparable, sketch))
            found.setdefault(part.comparable, []).append(_Shown(key, sketch))
    return found


def _cell_text(counted: Counted, key: Key) -> str:
    """Write a cell by its categories, for whoever looks into the register."""
    named = [
        ["total"] if place == TOTAL else ["is", text_of(counted.categories[number][int(place)])]
        for number, place in enumerate(key)
    ]
    return canonical_bytes(named).decode()
