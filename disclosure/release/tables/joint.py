"""A new table and the earlier ones that it hangs together with, as one thing to attack.

The nearest earlier tables come first, as many as the rules allow; of what hangs together with a
table beyond them, nothing new is shown. Groups that an earlier table gives away under this table's
rules already (a lower grade, a written exception) are taken as printed, and protect nothing.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from disclosure.checks.tables.audit import audit
from disclosure.checks.tables.cells import CellName, Key, Link, ReleasedTable
from disclosure.checks.tables.nesting import lies_within
from disclosure.release.tables.kept import KeptPart, KeptTable
from disclosure.release.tables.linking import (
    Named,
    equal_links,
    linear_links,
    named,
    nested_links,
    tables_of,
)
from policies.schema.checks import GradeChecks
from policies.schema.tables import TableRules

NEW = "new"
_ROUNDS_MAX = 4


@dataclass(frozen=True)
class Together:
    """Earlier parts that hang together with a new table's parts of one sort, and how."""

    known: tuple[Named, ...] = ()
    links: tuple[Link, ...] = ()
    public: frozenset[CellName] = frozenset()

    def exact(self) -> list[ReleasedTable]:
        """Return the earlier tables as if nothing had been rounded."""
        return [one.part.released(one.name) for one in self.known]

    def printed(self) -> list[ReleasedTable]:
        """Return the earlier tables as they were printed."""
        return [one.part.printed(one.name) for one in self.known]

    def links_of(self, *names: str) -> list[Link]:
        """Return the links between these new parts and the earlier ones."""
        wanted = {*names, *(one.name for one in self.known)}
        return [link for link in self.links if tables_of(link) <= wanted]


@dataclass(frozen=True)
class Joint:
    """All that a new table is attacked together with; ``held`` are cells that it cannot show."""

    together: Mapping[str, Together] = field(default_factory=dict)
    held: frozenset[Key] = frozenset()

    def of(self, comparable: str) -> Together:
        """Return what figures of one sort hang together with."""
        return self.together.get(comparable, Together())


def ways(
    new: KeptTable, earlier: Sequence[KeptTable], rules: TableRules, grade: GradeChecks, ms: int
) -> Iterator[Joint]:
    """Return what to protect the table with, one way after the other, until one succeeds.

    All that hangs together; the same where earlier tables give some away already; and last with
    nothing shown that hangs together with any earlier table.
    """
    joint = joined(new, earlier, rules)
    yield joint
    if not any(found.known for found in joint.together.values()):
        return
    given = {name: _given_away(found, grade, ms / 1_000) for name, found in joint.together.items()}
    if any(found.public for found in given.values()):
        yield replace(joint, together=given)
    linked = frozenset(
        key
        for found in joint.together.values()
        for link in found.links
        if not all(_is_new(name) for name in tables_of(link))
        for key in _keys(link)
    )
    yield Joint({}, joint.held | _with_totals(new, linked))


def joined(new: KeptTable, earlier: Sequence[KeptTable], rules: TableRules) -> Joint:
    """Find how a table (named ``new``) hangs together with earlier ones, nearest first."""
    near = earlier[: rules.joint_tables_max]
    beyond = earlier[rules.joint_tables_max :]
    together = {}
    held: set[Key] = set()
    for comparable in dict.fromkeys(part.comparable for part in new.parts):
        mine = named(new, comparable)
        for table in beyond:
            held |= {key for link in _beyond(mine, table, new, comparable) for key in _keys(link)}
        links = _links(new, mine, near, comparable, rules)
        theirs = [one for table in near for one in named(table, comparable)]
        known, kept = _reached(theirs, links)
        together[comparable] = Together(known, kept)
    return Joint(together, _with_totals(new, frozenset(held)))


def _links(
    new: KeptTable,
    mine: Sequence[Named],
    near: Sequence[KeptTable],
    comparable: str,
    rules: TableRules,
) -> list[Link]:
    """Return all links of one sort of figures; far tables of many cells by equal groups alone."""
    most = rules.joint_cells_max
    links: list[Link] = linear_links(mine) if sum(one.inner for one in mine) <= most else []
    theirs = [one for table in near for one in named(table, comparable)]
    for own in mine:
        fitting, left = [own], most - own.inner
        for one in theirs:
            if one.inner <= left:
                fitting.append(one)
                left -= one.inner
            else:
                links += [link for some in fitting for link in equal_links(some, one)]
        if own.inner <= most:
            links += linear_links(fitting)
        else:
            links += [link for one in fitting[1:] for link in equal_links(own, one)]
    tables = [new, *near]
    for less in tables:
        for more in tables:
            links += nested_links(less, more, comparable)
    return list(dict.fromkeys(links))


def _beyond(
    mine: Sequence[Named], table: KeptTable, new: KeptTable, comparable: str
) -> Iterator[Link]:
    for own in mine:
        for one in named(table, comparable):
            yield from equal_links(own, one)
    yield from nested_links(new, table, comparable)
    yield from nested_links(table, new, comparable)


def _reached(
    theirs: Sequence[Named], links: Sequence[Link]
) -> tuple[tuple[Named, ...], tuple[Link, ...]]:
    """Keep what hangs together with the new table, directly or through others."""
    reached: set[str] = set()
    fresh = True
    while fresh:
        fresh = False
        for link in links:
            names = tables_of(link)
            if any(_is_new(name) or name in reached for name in names) and not (
                names <= reached | {name for name in names if _is_new(name)}
            ):
                reached |= {name for name in names if not _is_new(name)}
                fresh = True
    kept = tuple(
        link for link in links if all(_is_new(name) or name in reached for name in tables_of(link))
    )
    return tuple(one for one in theirs if one.name in reached), kept


def _given_away(found: Together, rules: GradeChecks, seconds: float) -> Together:
    """Take as printed what the earlier tables give away by themselves, and what follows of it."""
    links = found.links_of()
    public: set[CellName] = set()
    for _ in range(_ROUNDS_MAX):
        leaks = audit(found.exact(), rules, links=links, seconds=seconds).leaks
        more = {name for leak in leaks for name in leak.cells} - public
        if not more:
            break
        public |= more
        known = tuple(replace(one, part=_opened(one, public)) for one in found.known)
        found = replace(found, known=known)
    return replace(found, public=frozenset(public))


def _opened(one: Named, public: set[CellName]) -> KeptPart:
    shown = {name.key for name in public if name.table == one.name}
    return replace(one.part, hidden=one.part.hidden - shown)


def _keys(link: Link) -> set[Key]:
    return {name.key for _, name in link.terms if _is_new(name.table)}


def _with_totals(new: KeptTable, keys: frozenset[Key]) -> frozenset[Key]:
    """Return cells and every total that they are part of."""
    if not keys or not new.parts:
        return frozenset()
    return frozenset(
        key for key in new.parts[0].table.by_key if any(lies_within(inner, key) for inner in keys)
    )


def _is_new(table: str) -> bool:
    return table.startswith(f"{NEW}/")
