"""Two departments with a data set each over a bare writer: real builder, store and counting."""

import io
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine

import audit.store  # noqa: F401 - the log's tables
from audit.reading import LogEntry, read_entries
from audit.writer import GroupCommitWriter
from catalog.builder import ConfinedBuilder
from catalog.datasets import Version
from catalog.matters.clocks import Clocks
from catalog.publishing import Publisher
from catalog.quality import measure_child
from catalog.quality.correction_reads import AffectedOutput
from catalog.quality.corrections import CorrectionDesk
from catalog.quality.measurer import ConfinedMeasurer
from catalog.quality.measuring import QualityDesk
from catalog.registration import register_dataset
from foundation.db import metadata, open_engine, reading
from foundation.errors import Denied, Message
from foundation.identity import Actor, ActorKind, Role
from foundation.keys import FileKeyStore
from policies.load import load_policies
from policies.schema.catalog import CatalogRules
from policies.schema.quality import QualityRules
from tests.catalogue import bare_book, person, walk, whole_document
from tests.fakes import TickingClock

PACK = load_policies()
FINANCE, CIVIL, AUTHORITY_HOUSE = "org_finance", "org_civil", "data_authority"
PROVIDER = person("fin_provider", FINANCE, Role.PROVIDER)
SECOND = person("fin_second", FINANCE, Role.PROVIDER)
HEAD = person("fin_head", FINANCE, Role.DEPARTMENT_HEAD)
STEWARD = person("fin_steward", FINANCE, Role.STEWARD)
OTHER = person("civ_provider", CIVIL, Role.PROVIDER)
OTHER_HEAD = person("civ_head", CIVIL, Role.DEPARTMENT_HEAD)
AUTHORITY = person("bureau_one", AUTHORITY_HOUSE, Role.AUTHORITY)
SECOND_AUTHORITY = person("bureau_two", AUTHORITY_HOUSE, Role.AUTHORITY)
OPERATOR = person("ope_one", "org_operator", Role.OPERATOR)
REGULATOR = person("reg_one", "org_regulator", Role.REGULATOR)
PROGRAM = Actor("fin_program", FINANCE, frozenset({Role.PROVIDER}), ActorKind.SERVICE)
NAMES = {"ope_one": "王小明"}
SERVE_TWO = frozenset({("fin_moonlighter", "org_operator")})
MOONLIGHTER = person("fin_moonlighter", FINANCE, Role.PROVIDER)
OUTPUT = AffectedOutput(
    output="rel_1",
    kind="release",
    licence="lic_1",
    organisation="org_operator",
    title_zh="月报",
    title_en="monthly report",
)
MEBIBYTE = 1 << 20
Rows = Sequence[tuple[object, ...]]


def declaration(name: str, code: str) -> dict[str, Any]:
    """Return an open data set of towns: an identifier, a quasi identifier, a sensitive column."""

    def column(title: str, kind: str, identifier: str = "none") -> dict[str, Any]:
        labels = {"label_zh": title, "label_en": title}
        return {
            "name": title,
            "type": kind,
            "grade": "L1",
            "exposure": "rows",
            "identifier": identifier,
            "nullable": True,
            **labels,
        }

    return {
        "name": name,
        "entry": code,
        "label_zh": name,
        "label_en": name,
        "subject": "open",
        "columns": [
            column("code", "text"),
            column("age", "integer", "quasi"),
            column("kind", "text", "sensitive"),
        ],
    }


class MeasurerHere(ConfinedMeasurer):
    """The very counting of the confined child, in this process and without its confinement."""

    def _ask(self, order: Mapping[str, object], files: Sequence[Path]) -> dict[str, Any]:
        opened = [io.BytesIO(path.read_bytes()) for path in files]
        plain = json.loads(json.dumps(order))
        found: dict[str, Any] = json.loads(json.dumps(measure_child.answer(plain, opened)))
        return found


@dataclass
class QualityWorld:
    """What tests of quality work with."""

    engine: Engine
    writer: GroupCommitWriter
    clock: TickingClock
    home: Path
    desk: QualityDesk
    corrections: CorrectionDesk

    def publish(self, actor: Actor, dataset: str, rows: Rows) -> Version:
        """Publish rows of (code, age, kind) as a data set's next version."""
        source = self.home / f"{dataset}.csv"
        lines = [",".join("" if cell is None else str(cell) for cell in row) for row in rows]
        source.write_text("\n".join(["code,age,kind", *lines]) + "\n", encoding="utf-8")
        builder = ConfinedBuilder(Path(sys.prefix), 512 * MEBIBYTE, rows_max=10_000)
        rules = PACK.rules(CatalogRules)
        publisher = Publisher(self.engine, self.writer, builder, self.home, rules, self.desk.keys)
        return publisher.publish(actor, dataset, source, source.name)

    def entries(self) -> list[LogEntry]:
        """Read the whole log."""
        with reading(self.engine) as connection:
            return list(read_entries(connection))


@contextmanager
def quality_world(home: Path, jurisdiction: str = "national") -> Iterator[QualityWorld]:
    """Make the world: data sets ``taxpayers`` (finance) and ``residents`` (civil affairs)."""
    engine = open_engine(f"sqlite:///{home}/control.db")
    metadata.create_all(engine)
    clock, keys = TickingClock(), FileKeyStore(home / "keys")
    rules = PACK.rules(QualityRules)
    measurer = MeasurerHere(Path(sys.prefix), 512 * MEBIBYTE, rules)
    with GroupCommitWriter(engine, keys, clock, "test.example/log", home / "head") as writer:
        desk = QualityDesk(engine, writer, keys, measurer, home, clock, rules)
        clocks = Clocks.of(PACK, jurisdiction)
        corrections = CorrectionDesk(writer, clocks, AUTHORITY_HOUSE, _name_of, _resting_on, _apart)
        world = QualityWorld(engine, writer, clock, home, desk, corrections)
        _register(world, "taxpayers", "304001/1", (PROVIDER, HEAD))
        _register(world, "residents", "304001/2", (OTHER, OTHER_HEAD))
        yield world
    engine.dispose()


def serves(_connection: Connection, name: str, organisation: str) -> bool:
    """Tell that only the finance department's steward is one."""
    return (name, organisation) == (STEWARD.person, FINANCE)


def _apart(_connection: Connection, actor: Actor, organisation: str) -> None:
    if (actor.person, organisation) in SERVE_TWO:
        raise Denied(
            "checker_of_same_organisation", Message("同一机构。", "Of the same house."), rule="I8"
        )


def _name_of(_connection: Connection, name: str) -> str | None:
    return NAMES.get(name)


def _resting_on(_connection: Connection, dataset: str) -> list[AffectedOutput]:
    return [OUTPUT] if dataset == "taxpayers" else []


def _register(world: QualityWorld, name: str, code: str, people: tuple[Actor, Actor]) -> None:
    document = whole_document(code, name, name, f"{people[0].organisation}.ledger")
    provider, head = people
    book = bare_book(world.writer, AUTHORITY_HOUSE)
    walk(book, world.engine, document, provider.organisation, (provider, head, AUTHORITY))
    register_dataset(world.writer, provider, declaration(name, code))
