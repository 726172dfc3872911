"""A small city that really runs: one platform with people, two data sets and licences in force.

``built_city`` makes the platform that the service makes (real store, log, keys and confined
workers), and fills it by the same calls that the HTTP API makes. The rows are parameters, so that
two neighbouring cities differ in one household only. No sandbox session is needed.
"""

import copy
import json
import socket
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import pyarrow as pa
import pyarrow.parquet as pq
import uvicorn

from audit.notes import parse_checkpoint, split_note
from audit.reading import LogEntry, read_entries
from audit.tags import EntryKind
from authorization.agreements import Agreement, create_agreement
from authorization.documents import LicenceDocument
from authorization.licences import draft_licence, new_licence_id
from authorization.organisations import (
    Account,
    Organisation,
    Person,
    actor_for_account,
    create_organisation,
    create_person,
)
from catalog.datasets import Version
from catalog.populations import PopulationDeclaration, approve_population, declare_population
from catalog.registration import register_dataset
from disclosure.given import METADATA_KEY, Given, table_of
from disclosure.scope import QuestionScope
from foundation.clock import Clock
from foundation.db import reading
from foundation.errors import Message
from foundation.host_report import LIMIT_NAMES, HostReport, Limit
from foundation.identity import SYSTEM_ACTOR, Actor
from foundation.ids import new_id
from foundation.settings import Settings
from policies.schema.licences import LicenceRules
from service.app import create_app
from service.bootstrap import Platform, build_platform
from service.tokens import DevelopmentIssuer
from tests.catalogue import SYSTEM, publish_entry
from tests.city_documents import (
    AGREEMENTS,
    AUTHORITY,
    COLLEGES,
    COUNT_BY_STATE,
    ENTERPRISE,
    FINANCE,
    HOUSEHOLDS,
    OPERATOR,
    ORGANISATIONS,
    PEOPLE,
    POPULATION,
    POPULATIONS,
    PROVIDER,
    REGULATOR,
    REVIEW,
    RIVAL,
    ROWS_QUESTION,
    STATES,
    TYPES,
    Further,
    Row,
    catalogue_entry,
    college_rows,
    household_rows,
    licence_json,
)

__all__ = [
    "AGREEMENTS",
    "AUTHORITY",
    "COLLEGES",
    "COUNT_BY_STATE",
    "ENTERPRISE",
    "FINANCE",
    "HOUSEHOLDS",
    "OPERATOR",
    "ORGANISATIONS",
    "PEOPLE",
    "POPULATION",
    "POPULATIONS",
    "PROVIDER",
    "REGULATOR",
    "REVIEW",
    "RIVAL",
    "ROWS_QUESTION",
    "STATES",
    "City",
    "Further",
    "Plan",
    "Row",
    "built_city",
    "catalogue_entry",
    "college_rows",
    "fill",
    "good_host",
    "household_rows",
    "licence_json",
    "opened_city",
    "rows_of",
    "told",
]


@dataclass(frozen=True)
class Plan:
    """What a city is built from; ``replace`` it for a neighbouring city."""

    households: Sequence[Row] = field(default_factory=household_rows)
    colleges: Sequence[Row] = field(default_factory=college_rows)
    licence: dict[str, Any] = field(default_factory=licence_json)
    further: Sequence[Further] = ()
    names: Mapping[str, str] = field(default_factory=dict)
    """What people and organisations are called; where nothing is said, as their identifiers."""
    english: Mapping[str, str] = field(default_factory=dict)
    """What organisations are called in English, likewise."""

    def without_household(self, number: int) -> "Plan":
        """Return the plan of a neighbour: the same city without one household."""
        rows = [row for row in self.households if row["household"] != number]
        return replace(self, households=rows)


class _Server:
    """The HTTP API on a free port of this machine, served from a thread."""

    def __init__(self, platform: Platform) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._clients: list[httpx.Client] = []
        config = uvicorn.Config(create_app(platform), log_level="error", ws="none", lifespan="off")
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, args=([self._socket],))
        self._thread.start()

    def client(self, headers: dict[str, str]) -> httpx.Client:
        port = self._socket.getsockname()[1]
        client = httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=60)
        self._clients.append(client)
        return client

    def stop(self) -> None:
        for client in self._clients:
            client.close()
        self._server.should_exit = True
        self._thread.join()
        self._socket.close()


class City:
    """A running platform, and the words that tests speak of it."""

    def __init__(self, platform: Platform, licence: str) -> None:
        self.platform = platform
        self.licence = licence
        self._server: _Server | None = None

    @property
    def home(self) -> Path:
        return self.platform.settings.home

    def actor(self, account: str) -> Actor:
        """Return a person as the registry knows them now."""
        with reading(self.platform.engine) as connection:
            return actor_for_account(connection, account, "en")

    def scope(
        self, account: str = "analyst", *, licence: str | None = None, session: str | None = None
    ) -> QuestionScope:
        """Return what the gateway knows of a question: session, licence and person."""
        return QuestionScope(
            session=session or new_id("ses"),
            licence=licence or self.licence,
            actor=self.actor(account),
        )

    def ask(
        self, sql: str, *, scope: QuestionScope | None = None, nano_rho: int | None = None
    ) -> Given:
        """Ask the pipeline one question, as the gateway does."""
        return self.platform.pipeline.ask(scope or self.scope(), sql, nano_rho)

    def token(self, account: str) -> str:
        """Issue a development token."""
        issuer = self.platform.issuer
        assert isinstance(issuer, DevelopmentIssuer)
        return issuer.issue(account).text

    def client(self, account: str | None = None, language: str = "en") -> httpx.Client:
        """Return a client of the real HTTP API; with a person's token where one is named."""
        self._server = self._server or _Server(self.platform)
        headers = {
            "Accept-Language": language,
            "Host": self.platform.settings.platform_host,
        }
        if account is not None:
            headers["Authorization"] = f"Bearer {self.token(account)}"
        return self._server.client(headers)

    def close(self) -> None:
        """Stop the HTTP server, then the platform."""
        if self._server is not None:
            self._server.stop()
        self.platform.close()

    def entries(self, *kinds: EntryKind, first: int = 0) -> list[LogEntry]:
        """Return the log's entries of these kinds (of any, where none is named)."""
        with reading(self.platform.engine) as connection:
            return read_entries(connection, first=first, kinds=kinds)

    def log_size(self) -> int:
        """Return how many entries the log holds."""
        return parse_checkpoint(split_note(self.platform.log.head())[0]).size

    def publish(self, dataset: str, rows: Sequence[Row]) -> Version:
        """Publish rows as the next version of a data set."""
        path = self.home / f"{dataset}.parquet"
        fields = [(name, TYPES[name]) for name in rows[0]]
        pq.write_table(pa.Table.from_pylist(list(rows), schema=pa.schema(fields)), path)
        try:
            return self.platform.publisher.publish(self.actor("steward"), dataset, path, path.name)
        finally:
            path.unlink()

    def draft(self, document: dict[str, Any]) -> str:
        """Draft a licence by the founder; return its id."""
        raw = {**copy.deepcopy(document), "id": new_licence_id(), "authority": AUTHORITY}
        found = LicenceDocument.model_validate(raw)
        platform = self.platform
        draft_licence(platform.writer, self.actor("founder"), found, platform.licence_rules)
        return found.id

    def activate(self, licence: str) -> None:
        """Sign a drafted licence by the approver, and bring it into force."""
        self.platform.activation.activate(licence, self.actor("approver"))

    def grant(self, document: dict[str, Any]) -> str:
        """Draft and activate a licence; return its id."""
        licence = self.draft(document)
        self.activate(licence)
        return licence


@cache
def good_host() -> HostReport:
    """Return a report in which every limit holds: the probe itself is tested elsewhere."""
    how = Message("测试", "stated by the test")
    return HostReport(tuple(Limit(name, enforced=True, how=how) for name in LIMIT_NAMES))


@contextmanager
def opened_city(
    home: Path,
    *,
    clock: Clock | None = None,
    fault: Callable[[str], None] | None = None,
    settings: Settings | None = None,
    licence: str = "",
) -> Iterator[City]:
    """Open the platform of a home that may hold a city already; close it at the end."""
    platform = build_platform(
        settings or Settings(home=home), clock=clock, fault=fault, host=good_host()
    )
    city = City(platform, licence)
    try:
        yield city
    finally:
        city.close()


@contextmanager
def built_city(
    home: Path,
    plan: Plan | None = None,
    *,
    clock: Clock | None = None,
    fault: Callable[[str], None] | None = None,
    settings: Settings | None = None,
) -> Iterator[City]:
    """Build a whole city in an empty home: people, data, agreements and one licence in force."""
    with opened_city(home, clock=clock, fault=fault, settings=settings) as city:
        fill(city, plan or Plan())
        yield city


def fill(city: City, plan: Plan) -> None:
    """Register everybody and everything, by the calls that the HTTP API makes."""
    _register_people(city.platform, plan.names, plan.english)
    _register_data(city, plan.further)
    city.publish("households", plan.households)
    city.publish("colleges", plan.colleges)
    for item in plan.further:
        city.publish(item.declaration["name"], item.rows)
    for operator, number in AGREEMENTS.items():
        _sign_agreement(city, operator, number)
    city.licence = city.grant(plan.licence)


def _register_people(
    platform: Platform, names: Mapping[str, str], english: Mapping[str, str] | None = None
) -> None:
    for identifier, kind in ORGANISATIONS:
        name_zh = names.get(identifier, identifier)
        name_en = (english or {}).get(identifier, identifier)
        organisation = Organisation(id=identifier, kind=kind, name_zh=name_zh, name_en=name_en)
        create_organisation(platform.writer, SYSTEM_ACTOR, organisation)
    for identifier, organisation_id, role in PEOPLE:
        person = Person(
            id=identifier,
            name=names.get(identifier, identifier),
            organisations=(organisation_id,),
            roles=(role,),
            accounts=(Account(name=identifier, organisation=organisation_id),),
        )
        create_person(platform.writer, SYSTEM_ACTOR, person)


def _register_data(city: City, further: Sequence[Further]) -> None:
    writer = city.platform.writer
    name = {"zh": "城市单元", "en": "Units of the city"}
    declarations = [HOUSEHOLDS, COLLEGES, *(item.declaration for item in further)]
    named = (item.get("population") for item in declarations)
    for population in dict.fromkeys((*POPULATIONS, *(name for name in named if name))):
        declaration = PopulationDeclaration.model_validate(
            {"name": population, "label": name, "unit": name, "statement": "No other such units."}
        )
        declare_population(writer, city.actor("founder"), declaration)
        approve_population(writer, city.actor("approver"), population)
    steward = city.actor("steward")
    for dataset in declarations:
        publish_entry(city.platform, catalogue_entry(dataset, SYSTEM), PROVIDER, city.actor)
        register_dataset(writer, steward, dataset)


def _sign_agreement(city: City, operator: str, number: str) -> None:
    agreement = Agreement(
        number=number,
        authority=AUTHORITY,
        operator=operator,
        valid_from="2025-01-01",
        valid_until="2029-06-01",
        collective_decision="decision-1",
        filing_number="filing-1",
    )
    platform = city.platform
    rules = platform.pack.rules(LicenceRules)
    create_agreement(platform.writer, city.actor("founder"), agreement, rules)


def told(given: Given) -> dict[str, Any]:
    """Return the facts that travel with an answer."""
    metadata = table_of(given.arrow_stream).schema.metadata
    found: dict[str, Any] = json.loads(metadata[METADATA_KEY])
    return found


def rows_of(given: Given) -> list[dict[str, Any]]:
    """Return an answer's rows."""
    rows: list[dict[str, Any]] = table_of(given.arrow_stream).to_pylist()
    return rows
