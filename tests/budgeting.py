"""A control store with a log, populations and data sets, for tests of privacy budgets alone."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import Connection, Engine, insert

from audit.events import AuditEvent, PendingEntry, Recorded
from audit.tags import EntryKind
from audit.writer import GroupCommitWriter
from authorization.documents import PrivacyBudget, ProjectCap
from catalog.book.store import catalog_entry
from catalog.datasets import Column, ColumnType, DatasetDeclaration, Exposure, Grade
from catalog.store import dataset_table, population_table
from disclosure.budgets.charging import PopulationCharge, charge_question
from disclosure.budgets.tree import Amount
from foundation.clock import Clock
from foundation.db import metadata, open_engine
from foundation.identity import SYSTEM_ACTOR, Actor, Role
from foundation.keys import FileKeyStore
from policies.schema.budgets import OpeningAmounts, RaisableAmounts
from policies.schema.privacy import PrivacyRules
from service.migrate import import_stores
from tests.fakes import TickingClock
from tests.planning import RULES

PEOPLE = "residents"
OTHERS = "firms"
CENSUS = "census"


@dataclass(frozen=True)
class Holder:
    """A licence with its budgets and nothing else."""

    id: str
    budgets: dict[str, PrivacyBudget] = field(default_factory=dict)


def holder(licence: str, nano_rho: int, delta_steps: int = 0, **projects: int) -> Holder:
    """Return a licence that holds as much of both populations."""
    caps = tuple(
        ProjectCap(project=name, budget_nano_rho=cap, budget_delta_steps=delta_steps)
        for name, cap in projects.items()
    )
    return Holder(
        licence,
        {
            population: PrivacyBudget(
                population=population,
                budget_nano_rho=nano_rho,
                question_nano_rho_max=nano_rho,
                budget_delta_steps=delta_steps,
                project_caps=caps,
            )
            for population in (PEOPLE, OTHERS)
        },
    )


def rules(
    lifetime: int = 10_000,
    *,
    opening: int | None = None,
    lineage: int | None = None,
    period: int | None = None,
    delta_steps: int = 0,
) -> PrivacyRules:
    """Return the shipped rules with small caps; what is not named is the lifetime's."""

    def amounts(nano_rho: int) -> RaisableAmounts:
        return RaisableAmounts(
            opening_nano_rho=nano_rho,
            opening_delta_steps=delta_steps,
            ceiling_nano_rho=lifetime,
            ceiling_delta_steps=delta_steps,
        )

    budgets = RULES.budgets.model_copy(
        update={
            "population": OpeningAmounts(
                opening_nano_rho=opening or lifetime, opening_delta_steps=delta_steps
            ),
            "lineage": amounts(lineage or lifetime),
            "period_amounts": amounts(period or lifetime),
        }
    )
    return RULES.model_copy(
        update={
            "population_lifetime_nano_rho_max": lifetime,
            "population_lifetime_delta_steps_max": delta_steps,
            "budgets": budgets,
        }
    )


def person(name: str, *roles: Role, since_us: int = 0) -> Actor:
    """Return a natural person of the data authority, unless other roles are named."""
    return Actor(name, "data_bureau", frozenset(roles or {Role.AUTHORITY}), since_us=since_us)


@dataclass
class Ground:
    """A store, its writer, and the words that tests speak of them."""

    engine: Engine
    writer: GroupCommitWriter
    rules: PrivacyRules
    clock: Clock

    def charge(
        self,
        licence: Holder,
        nano_rho: int,
        *,
        datasets: Sequence[str] = (CENSUS,),
        population: str = PEOPLE,
        delta_steps: int = 0,
        project: str | None = None,
    ) -> Recorded[str]:
        """Charge one question, as the pipeline does."""
        asked = PopulationCharge(population, tuple(datasets), Amount(nano_rho, delta_steps))
        return self.charge_all(licence, [asked], project=project)

    def charge_all(
        self, licence: Holder, charges: Sequence[PopulationCharge], project: str | None = None
    ) -> Recorded[str]:
        """Charge one question that touches several populations."""

        def apply(connection: Connection, entry: PendingEntry) -> str:
            return charge_question(
                connection,
                entry,
                licence=licence,
                charges=charges,
                plan_digest="sha256:plan",
                rules=self.rules,
                project=project,
            )

        return self.submit(apply)

    def submit(self, apply: Callable[[Connection, PendingEntry], str]) -> Recorded[str]:
        """Submit a decision."""
        return self.writer.submit(AuditEvent(EntryKind.QUESTION_DECIDED, SYSTEM_ACTOR), apply)


@contextmanager
def budget_ground(
    directory: Path,
    rules_in_force: PrivacyRules,
    clock: Clock | None = None,
    fault: Callable[[str], None] | None = None,
) -> Iterator[Ground]:
    """Open a store with two populations and the data set CENSUS, and its log."""
    import_stores()
    path = directory / "control.db"
    fresh = not path.exists()
    engine = open_engine(f"sqlite:///{path}")
    if fresh:
        metadata.create_all(engine)
        with engine.begin() as connection:
            for name in (PEOPLE, OTHERS):
                add_population(connection, name)
            add_dataset(connection, CENSUS)
    clock = clock or TickingClock()
    keys = FileKeyStore(directory / "keys")
    try:
        with GroupCommitWriter(
            engine, keys, clock, "example.org/log", directory / "head", fault=fault
        ) as log:
            yield Ground(engine, log, rules_in_force, clock)
    finally:
        engine.dispose()


def add_population(connection: Connection, name: str) -> None:
    """Put in an approved population."""
    label = json.dumps({"zh": "人", "en": "units"})
    connection.execute(
        insert(population_table).values(
            name=name,
            label=label,
            unit=label,
            statement="No other such units.",
            state="approved",
            relation="dp_only",
            declared_by="one",
            declared_us=0,
            approved_by="two",
        )
    )


def add_dataset(
    connection: Connection,
    name: str,
    population: str = PEOPLE,
    columns: Sequence[str] = ("person", "state"),
    created_us: int = 1,
) -> None:
    """Put in a data set of a population with these text columns."""
    declaration = DatasetDeclaration(
        name=name,
        entry=name,
        label_zh=name,
        label_en=name,
        subject="person",
        population=population,
        unit_columns=(columns[0],),
        columns=tuple(
            Column(
                name=column,
                type=ColumnType.TEXT,
                label_zh=column,
                label_en=column,
                grade=Grade.L3,
                exposure=Exposure.AGGREGATE,
            )
            for column in columns
        ),
    )
    connection.execute(
        insert(catalog_entry).values(
            id=f"cat_{name}", code=name, provider="bureau", created_us=created_us
        )
    )
    connection.execute(
        insert(dataset_table).values(
            id=f"ds_{name}",
            name=name,
            entry_id=f"cat_{name}",
            provider="bureau",
            population=population,
            declaration=declaration.model_dump_json(),
            created_us=created_us,
        )
    )
