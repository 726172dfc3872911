"""A small world of sharing: two departments, an authority, an operator, one entry, six rows.

A bare writer over SQLite with the real rules, clocks, catalogue road and Parquet versions; no
platform. ``asked`` walks a request to a state by the calls that the API makes.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
from sqlalchemy import Connection, Engine, insert

from audit.events import AuditEvent, PendingEntry
from audit.tags import EntryKind
from audit.writer import GroupCommitWriter
from authorization.organisations import (
    Account,
    Organisation,
    OrganisationKind,
    Person,
    create_organisation,
    create_person,
    organisations,
)
from authorization.sharing.applying import Applying
from authorization.sharing.deciding import Deciding
from authorization.sharing.delivery import Delivering
from authorization.sharing.states import Share, ShareState
from authorization.sharing.supplying import Supplying
from authorization.sharing.using import Using
from catalog.datasets import DatasetDeclaration
from catalog.matters.clocks import Clocks
from catalog.store import dataset_table, files_text, version_table
from catalog.versions import VersionFolder
from foundation.db import metadata, open_engine, reading
from foundation.identity import SYSTEM_ACTOR, Actor, ActorKind, Role
from foundation.keys import FileKeyStore
from policies.load import load_policies
from policies.schema.sharing import SharingRules
from service.share_delivery import ShareDelivery
from tests.catalogue import bare_book, entry_code, walk
from tests.fakes import SteppedClock

PACK = load_policies()
RULES = PACK.rules(SharingRules)
DAY_US = 86_400_000_000
FORM: dict[str, Any] = {
    "basis": "国务院令第809号",
    "scenario": "车辆年检资格核查",
    "scope": "本局年检窗口",
    "mode": "service",
    "until": "2027-06-30",
}
ROWS = [
    ("11010019900101100X", "350102", 12, "闽A1"),
    ("110100199001011018", "350103", 3, "闽A2"),
    ("110100199001011026", "350102", 7, "闽A3"),
    ("110100199001011034", "350203", 1, "闽D4"),
    ("110100199001011042", "350102", 9, "闽A5"),
    ("110100199001011050", None, 5, "闽A6"),
]
_ORGANISATIONS = {
    "bureau": OrganisationKind.AUTHORITY,
    "police": OrganisationKind.PROVIDER,
    "transport": OrganisationKind.PROVIDER,
    "health": OrganisationKind.PROVIDER,
    "datawise": OrganisationKind.OPERATOR,
    "platform": OrganisationKind.PLATFORM,
}
_PEOPLE: dict[str, tuple[str, tuple[Role, ...], ActorKind]] = {
    "officer": ("bureau", (Role.AUTHORITY,), ActorKind.PERSON),
    "second_officer": ("bureau", (Role.AUTHORITY,), ActorKind.PERSON),
    "constable": ("police", (Role.PROVIDER,), ActorKind.PERSON),
    "sergeant": ("police", (Role.PROVIDER,), ActorKind.PERSON),
    "chief": ("police", (Role.DEPARTMENT_HEAD,), ActorKind.PERSON),
    "clerk": ("transport", (Role.PROVIDER,), ActorKind.PERSON),
    "director": ("transport", (Role.DEPARTMENT_HEAD, Role.PROVIDER), ActorKind.PERSON),
    "program": ("transport", (Role.PROVIDER,), ActorKind.SERVICE),
    "envoy": ("police", (Role.HALL_REPRESENTATIVE,), ActorKind.PERSON),
    "second_envoy": ("police", (Role.HALL_REPRESENTATIVE,), ActorKind.PERSON),
    "matron": ("health", (Role.DEPARTMENT_HEAD,), ActorKind.PERSON),
    "health_envoy": ("health", (Role.HALL_REPRESENTATIVE,), ActorKind.PERSON),
    "nurse": ("health", (Role.PROVIDER,), ActorKind.PERSON),
    "analyst": ("datawise", (Role.OPERATOR, Role.PROVIDER), ActorKind.PERSON),
}


def declaration(entry: str) -> DatasetDeclaration:
    """Return the data set of vehicles: its owner's number never leaves as a file."""

    def column(name: str, grade: str, **more: Any) -> dict[str, Any]:
        words = {"label_zh": name, "label_en": name, "type": "text", "exposure": "rows"}
        return {"name": name, "grade": grade, **words, **more}

    return DatasetDeclaration.model_validate(
        {
            "name": "vehicles",
            "entry": entry,
            "label_zh": "机动车",
            "label_en": "Vehicles",
            "subject": "open",
            "columns": [
                column("owner", "L4", identifier="direct"),
                column("region", "L2", nullable=True),
                column("age", "L2", type="integer"),
                column("plate", "L3"),
                column("note", "L4", exposure="never", nullable=True),
            ],
        }
    )


@dataclass
class World:
    """The desks over one store, the people, and the published entry."""

    engine: Engine
    writer: GroupCommitWriter
    clock: SteppedClock
    keys: FileKeyStore
    home: Path
    jurisdiction: str = "national"
    entry: str = ""
    people: dict[str, Actor] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Actor:
        return self.people[name]

    def _parts(self) -> tuple[Any, ...]:
        clocks = Clocks.of(PACK, self.jurisdiction)
        return (self.engine, self.writer, clocks, RULES, PACK.digest, "bureau")

    @property
    def applying(self) -> Applying:
        return Applying(*self._parts())

    @property
    def deciding(self) -> Deciding:
        return Deciding(*self._parts())

    @property
    def supplying(self) -> Supplying:
        return Supplying(*self._parts())

    @property
    def using(self) -> Using:
        return Using(*self._parts())

    @property
    def delivering(self) -> Delivering:
        return Delivering(*self._parts())

    @property
    def delivery(self) -> ShareDelivery:
        return ShareDelivery(self.delivering, self.home)

    def asked(self, to: ShareState = ShareState.SUPPLIED, **changes: Any) -> Share:
        """Walk a request of the transport bureau for the police's vehicles to a state."""
        share = self.applying.draft(self["clerk"], self.entry, {**FORM, **changes}).value
        if to is ShareState.DRAFT:
            return share
        self.applying.sign_off(self["director"], share.id, share.document_digest)
        share = self.applying.submit(self["clerk"], share.id).value
        if to is ShareState.SUBMITTED:
            return share
        share = self.deciding.approve(self["constable"], share.id).value
        if to is ShareState.APPROVED:
            return share
        columns = ["region", "age", "plate"]
        if changes.get("mode", "service") == "service":
            columns.append("owner")
        region = "region" if changes.get("region") else None
        return self.supplying.supply(self["constable"], share.id, "vehicles", columns, region).value


def document(**changes: Any) -> dict[str, Any]:
    """Return the catalogue entry of the vehicles; conditionally shared unless changed."""
    both = {"zh": "机动车登记", "en": "Vehicle register"}
    return {
        "code": entry_code("vehicles"),
        "name": both,
        "data_items": [{"zh": "号牌", "en": "Plate"}, {"zh": "车龄", "en": "Age"}],
        "provider": {"name": both, "code": "11999999MB2F00016L"},
        "format": "Parquet",
        "update_frequency": "daily",
        "share_attribute": "conditional",
        "share_mode": "service",
        "use_conditions": {"zh": "仅限履职使用；不得转供", "en": "For duties only; no passing on"},
        "classification": {"category": both, "grade": "L3"},
        "share_scope": {"zh": "各部门", "en": "All departments"},
        "permitted_use": {"zh": "履职", "en": "Duties"},
        "open_attribute": "withheld",
        "open_basis": {"reason": {"zh": "涉个人信息", "en": "Personal"}, "act": both},
        "return_attribute": "conditional",
        "systems": [],
        "source": both,
        **changes,
    }


@contextmanager
def opened(home: Path, clock: SteppedClock) -> Iterator[World]:
    """Open a world over a store, keys and a log of its own."""
    engine = open_engine(f"sqlite:///{home}/control.db")
    create_tables(engine)
    keys = FileKeyStore(home / "keys")
    with GroupCommitWriter(engine, keys, clock, "city.example/log", home / "head") as writer:
        yield founded(engine, keys, clock, writer, home)
    engine.dispose()


def founded(
    engine: Engine, keys: FileKeyStore, clock: SteppedClock, writer: GroupCommitWriter, home: Path
) -> World:
    """Register the people, publish the entry and one version beneath it."""
    world = World(engine, writer, clock, keys, home)
    with reading(engine) as connection:
        standing = set(organisations(connection))
    for name, kind in _ORGANISATIONS.items():
        if name in standing:
            continue
        one = Organisation(id=name, kind=kind, name_zh=f"{name}局", name_en=name)
        create_organisation(writer, SYSTEM_ACTOR, one)
    for name, (house, roles, actor_kind) in _PEOPLE.items():
        create_person(
            writer,
            SYSTEM_ACTOR,
            Person(
                id=name,
                name=name,
                kind=actor_kind,
                organisations=(house,),
                roles=roles,
                accounts=(Account(name=name, organisation=house),),
            ),
        )
        world.people[name] = Actor(name, house, frozenset(roles), actor_kind, clock.now_us())
    clock.advance(1_000)
    world.entry = published(world)
    add_vehicles(world)
    return world


def published(world: World, **changes: Any) -> str:
    """Publish an entry of the police by the whole road; return its identifier."""
    people = (world["constable"], world["chief"], world["officer"])
    book = bare_book(world.writer, "bureau")
    return walk(book, world.engine, document(**changes), "police", people).entry_id


def add_vehicles(world: World) -> None:
    """Put a version of the vehicles beneath the entry, as the publisher would."""
    columns = list(zip(*ROWS, strict=True))
    batch = pa.record_batch(
        {
            "owner": pa.array(columns[0]),
            "region": pa.array(columns[1]),
            "age": pa.array(columns[2], pa.int64()),
            "plate": pa.array(columns[3]),
            "note": pa.array([None] * len(ROWS), pa.string()),
        }
    )
    folder = VersionFolder(world.home)
    with folder.table("rows", batch.schema) as table:
        table.write_batch(batch)
    manifest = folder.seal({"row_count": len(ROWS)})

    def apply(connection: Connection, entry: PendingEntry) -> None:
        connection.execute(
            insert(dataset_table).values(
                id="ds_vehicles",
                name="vehicles",
                entry_id=world.entry,
                provider="police",
                declaration=declaration(world.entry).model_dump_json(),
                created_us=entry.time_us,
            )
        )
        connection.execute(
            insert(version_table).values(
                id=folder.version_id,
                dataset_id="ds_vehicles",
                number=1,
                created_us=entry.time_us,
                manifest_digest=manifest,
                row_count=len(ROWS),
                files=files_text(folder.files),
            )
        )
        folder.reveal()

    world.writer.submit(
        AuditEvent(
            EntryKind.VERSION_PUBLISHED,
            SYSTEM_ACTOR,
            {
                "dataset": "vehicles",
                "version": folder.version_id,
                "manifest_digest": manifest,
                "population": None,
                "number": 1,
            },
        ),
        apply,
    )


def create_tables(engine: Engine) -> None:
    """Make every declared table of a bare store."""
    metadata.create_all(engine)
