"""The register of released figures: every table is held against all earlier ones of its population.

A table is recorded when the desk first makes it, before anybody votes, so that two that wait at the
same time know of each other: the later one is held against the earlier. It counts from then on, for
all operators, licences and versions, unless its request is refused in the end. What is kept is the
plan, which cells it shows, their keyed sketches, and the true cells sealed (``boxes``); never a
person, and no figure in the open.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, func, insert, or_, select

from disclosure.checks.desk import CheckResult
from disclosure.release.store import release_request
from disclosure.release.tables.nearness import Published
from disclosure.release.tables.protecting import Protection
from disclosure.release.tables.refusals import register_full
from disclosure.release.tables.sketches import Sketch
from disclosure.release.tables.store import released_cells, released_figure, released_table
from foundation.errors import Message

FREED = ("refused", "withdrawn")
"""The states that let a recorded table count for nothing: it never left and never will."""


class Overtaken(Exception):
    """Another table was recorded meanwhile; ``now`` names all that count by now."""

    def __init__(self, now: tuple[str, ...]) -> None:
        """Keep what the table has to be held against."""
        super().__init__("overtaken")
        self.now = now


class RecordedMeanwhile(Exception):
    """This very file was recorded after the reader's snapshot, as where a figure is drawn of it."""


@dataclass(frozen=True)
class Recorded:
    """A table as it was recorded: of which extract, and what of it may be shown."""

    id: str
    extract: str
    protection: Protection
    entry_index: int


@dataclass(frozen=True)
class TableName:
    """A file of a request: what must be the same for a recorded table to be the same one again."""

    request: str
    file: str


def recorded(connection: Connection, name: TableName, plan_digest: str) -> Recorded | None:
    """Return the newest record of a file under a plan, so that it is made as it was, or None."""
    columns = released_table.c
    row = connection.execute(
        select(columns.id, columns.extract, columns.protection, columns.entry_index)
        .where(
            columns.request == name.request,
            columns.file == name.file,
            columns.plan_digest == plan_digest,
        )
        .order_by(columns.entry_index.desc())
        .limit(1)
    ).one_or_none()
    if row is None:
        return None
    return Recorded(row.id, row.extract, _protection(row.protection), row.entry_index)


def counting(
    connection: Connection, population: str, name: TableName, licence: str | None = None
) -> tuple[str, ...]:
    """Name the recorded tables of a population that a new one is held against, newest first.

    The other files of its own request are among them; earlier forms of this very file are not,
    for one of them leaves at most. With ``licence`` only that licence's own are named.
    """
    columns, request = released_table.c, release_request.c
    joined = released_table.outerjoin(release_request, request.id == columns.request)
    query = (
        select(columns.id)
        .select_from(joined)
        .where(
            columns.population == population,
            or_(columns.request != name.request, columns.file != name.file),
            func.coalesce(request.state, "").not_in(FREED),
        )
        .order_by(columns.entry_index.desc())
    )
    if licence is not None:
        query = query.where(columns.licence == licence)
    return tuple(connection.execute(query).scalars())


def likest_first(
    connection: Connection, tables: Sequence[str], columns: Sequence[str]
) -> list[str]:
    """Order tables by how many of some columns they read, those alike in the order given."""
    wanted = set(columns)
    known = released_table.c
    query = select(known.id, known.columns).where(known.id.in_(list(tables)))
    shared = {
        row.id: len(wanted & set(json.loads(row.columns))) for row in connection.execute(query)
    }
    return sorted(tables, key=lambda table: -shared.get(table, 0))


def near_in_size(
    connection: Connection,
    tables: Sequence[str],
    population: str,
    comparable: str,
    sizes: tuple[int, int],
) -> list[Sketch]:
    """Return the figures of some tables whose people are as many as that: only they can be near."""
    chosen = set(tables)
    columns = released_figure.c
    query = select(columns.table_id, columns.contributors, columns.sketch).where(
        columns.population == population,
        columns.comparable == comparable,
        columns.contributors.between(*sizes),
    )
    return [
        Sketch.unpacked(row.contributors, bytes(row.sketch))
        for row in connection.execute(query)
        if row.table_id in chosen
    ]


def figures_of(
    connection: Connection, tables: Sequence[str], comparable: str, most: int
) -> list[list[Sketch]]:
    """Return the figures of tables, each table by itself, in the tables' order.

    Raises Unavailable where there are more than ``most``.
    """
    columns = released_figure.c
    found: list[list[Sketch]] = []
    count = 0
    for table in tables:
        query = (
            select(columns.contributors, columns.sketch)
            .where(columns.table_id == table, columns.comparable == comparable)
            .order_by(columns.id)
        )
        rows = [Sketch.unpacked(r.contributors, bytes(r.sketch)) for r in connection.execute(query)]
        count += len(rows)
        if count > most:
            raise register_full()
        if rows:
            found.append(rows)
    return found


def told_once(connection: Connection, tables: Sequence[str]) -> list[str]:
    """Leave out tables that tell what another one of the list tells, cell for cell."""
    columns = released_table.c
    query = select(columns.id, columns.plan_digest, columns.extract, columns.protection).where(
        columns.id.in_(list(tables))
    )
    told = {row.id: tuple(row)[1:] for row in connection.execute(query)}
    seen: set[tuple[str, ...]] = set()
    kept = []
    for table in tables:
        if told[table] not in seen:
            kept.append(table)
            seen.add(told[table])
    return kept


def boxes_of(connection: Connection, tables: Sequence[str]) -> dict[str, bytes]:
    """Return the sealed cells of some tables, by table."""
    columns = released_cells.c
    query = select(columns.table_id, columns.box).where(columns.table_id.in_(list(tables)))
    return {row.table_id: bytes(row.box) for row in connection.execute(query)}


@dataclass(frozen=True)
class NewTable:
    """A table before it is recorded, and the figures that it shows."""

    id: str
    name: TableName
    licence: str
    population: str
    dataset: str
    version: str
    extract: str
    columns: tuple[str, ...]
    plan_digest: str
    plan: Mapping[str, object]
    policy_digest: str
    compared: tuple[str, ...]
    protection: Protection
    figures: Sequence[Published]
    box: bytes


def record(connection: Connection, new: NewTable, *, entry_index: int, now_us: int) -> None:
    """Record a table and what it shows, in the savepoint of its own log entry."""
    connection.execute(
        insert(released_table).values(
            id=new.id,
            request=new.name.request,
            file=new.name.file,
            licence=new.licence,
            population=new.population,
            dataset=new.dataset,
            version=new.version,
            extract=new.extract,
            columns=json.dumps(list(new.columns)),
            plan_digest=new.plan_digest,
            plan=json.dumps(new.plan, ensure_ascii=False, sort_keys=True),
            policy_digest=new.policy_digest,
            compared=json.dumps(list(new.compared)),
            protection=_protection_text(new.protection),
            entry_index=entry_index,
            recorded_us=now_us,
        )
    )
    connection.execute(insert(released_cells).values(table_id=new.id, box=new.box))
    for place, figure in enumerate(new.figures):
        connection.execute(
            insert(released_figure).values(
                id=f"{new.id}.{place:06d}",
                table_id=new.id,
                population=new.population,
                comparable=figure.comparable,
                cell=figure.cell,
                contributors=figure.sketch.contributors,
                sketch=figure.sketch.packed(),
            )
        )


def _protection_text(protection: Protection) -> str:
    """Write which cells are held back, by the places of their categories, and what was found."""
    document = {
        "hidden": sorted([list(key) for key in protection.hidden], key=str),
        "totals": protection.totals,
        "summed": sorted(protection.summed),
        "findings": [item.as_public() for item in protection.findings],
    }
    return json.dumps(document, ensure_ascii=False, sort_keys=True)


def _protection(text: str) -> Protection:
    document = json.loads(text)
    return Protection(
        hidden=frozenset(tuple(key) for key in document["hidden"]),
        totals=bool(document["totals"]),
        summed=frozenset(document["summed"]),
        findings=tuple(
            CheckResult(
                item["check"], item["passed"], Message(item["reason_zh"], item["reason_en"])
            )
            for item in document["findings"]
        ),
    )
