"""The ledger's real tables with a log of numbered entries, for tests of many periods at once.

What the group-commit writer does around an effect (its own suite's matter) is left out: an entry
here is a row with the next index, and the effect's transaction.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from sqlalchemy import Connection, insert, select

from audit import store as audit_store
from authorization import store as authorization_store
from authorization.documents import LicenceDocument
from authorization.scheme_terms import Party, Pot, Share, ShareScheme, Source
from authorization.signing import document_bytes, document_digest
from foundation.db import metadata, open_engine, reading
from foundation.money import PARTS_PER_MILLION
from policies.schema.revenue import Meter
from revenue import pool_store, usage_store  # noqa: F401 - their tables
from revenue.billing import Billing
from revenue.metering import Metered, Use
from revenue.metering import Source as UsedSource
from revenue.periods import ClosedPeriod, close_at, open_at
from revenue.pools import pools_of
from revenue.schemes.store import scheme_approval, scheme_version
from revenue.schemes.versions import keep_scheme, scheme_digest_in_force
from service.migrate import import_stores
from tests.unit.revenue.selling import revenue_rules

import_stores()
RULES = revenue_rules()
BILLING = Billing(RULES, scheme_digest_in_force)
DRAFTER = "drafter"
T = TypeVar("T")


@dataclass
class Entry:
    """An entry with a place in the log, as ``apply`` sees it."""

    index: int
    time_us: int = 1_800_000_000_000_000  # in 2027, within every tariff's term here
    public: dict[str, object] = field(default_factory=dict)

    def amend(self, **public: object) -> None:
        """Keep what was added, as the writer does."""
        self.public.update(public)


@dataclass(frozen=True)
class Asked:
    """One outcome: which question, of which data sets with how many rows, by whom."""

    licence: LicenceDocument
    key: str
    sources: Mapping[str, int]
    columns: Sequence[str] = ("a",)
    buyer: str = "enterprise"
    meter: Meter = Meter.FETCH


class Scene:
    """An in-memory store with organisations and licences, written one entry at a time."""

    def __init__(self, licences: Sequence[LicenceDocument]) -> None:
        """Create the tables and keep the licences."""
        self.engine = open_engine("sqlite://")
        metadata.create_all(self.engine)
        self.size = 0
        self.submit(lambda connection, _: keep_licences(connection, licences))

    def submit(self, apply: Callable[[Connection, Entry], T]) -> T:
        """Write one entry with its effect, or neither."""
        entry = Entry(self.size)
        with self.engine.begin() as connection:
            connection.execute(
                insert(audit_store.entry).values(
                    idx=entry.index,
                    time_us=entry.time_us,
                    kind="k",
                    body=b"{}",
                    leaf_hash=b"0" * 32,
                )
            )
            value = apply(connection, entry)
        self.size += 1
        return value

    def open(self, period: str) -> None:
        """Open a period."""
        self.submit(lambda connection, entry: open_at(connection, entry, period))

    def close(self, period: str) -> ClosedPeriod:
        """Close and settle a period."""
        return self.submit(lambda connection, entry: close_at(connection, entry, period, RULES))

    def use(self, asked: Asked) -> Metered:
        """Bill an outcome."""
        return self.submit(lambda connection, entry: bill(connection, entry, asked))

    def pools(self, period: str) -> dict[str, dict[str, Any]]:
        """Return the pool documents of a period by licence."""
        with reading(self.engine) as connection:
            return {one.licence: dict(one.document) for one in pools_of(connection, period)}

    def dispose(self) -> None:
        """Let the store go."""
        self.engine.dispose()


def bill(connection: Connection, entry: Any, asked: Asked) -> Metered:
    """Bill an outcome inside an ``apply``."""
    return BILLING.bill(
        connection,
        entry,
        Use(
            licence=asked.licence,
            product="rel_1",
            buyer=asked.buyer,
            meters={asked.meter: 1},
            sources=[
                UsedSource(dataset, tuple(asked.columns), rows)
                for dataset, rows in asked.sources.items()
            ],
            outcome_key=asked.key,
        ),
    )


def keep_licences(connection: Connection, licences: Sequence[LicenceDocument]) -> None:
    """Put licences in force, with the organisations that they name, past the steps of drafting."""
    table = authorization_store
    names = {name for one in licences for name in (one.authority, one.operator)}
    known = set(connection.execute(select(table.organisation.c.id)).scalars())
    for name in sorted(names - known):
        connection.execute(
            insert(table.organisation).values(
                id=name, kind="operator", name_zh=name, name_en=name, created_us=1
            )
        )
    people = connection.execute(select(table.person.c.id)).scalars().all()
    if DRAFTER not in people:
        connection.execute(
            insert(table.person).values(id=DRAFTER, kind="person", name="drafter", created_us=1)
        )
    for licence in licences:
        data = document_bytes(licence)
        connection.execute(
            insert(table.licence).values(
                id=licence.id,
                authority=licence.authority,
                operator=licence.operator,
                document=data,
                document_digest=document_digest(data),
                signature=b"0" * 64,
                state="active",
                drafted_by=DRAFTER,
                valid_from_us=1,
                valid_until_us=2**60,
                drafted_us=1,
                changed_us=1,
            )
        )


def put_in_force(connection: Connection, entry: Any, licence: str, scheme: ShareScheme) -> None:
    """Put a later version of a scheme in force, past its two people."""
    same = {"licence": licence, "digest": keep_scheme(connection, scheme)}
    proposal = {"proposed_by": "a", "proposed_index": entry.index, "proposed_us": 1}
    approval = {"approved_by": "b", "approved_index": entry.index, "approved_us": 2}
    connection.execute(insert(scheme_version).values(**same, version=scheme.version, **proposal))
    connection.execute(insert(scheme_approval).values(**same, **approval))


def affiliate(connection: Connection, first: str, second: str) -> None:
    """Register two organisations as affiliates."""
    table = authorization_store
    known = set(connection.execute(select(table.organisation.c.id)).scalars())
    for name in sorted({first, second} - known):
        connection.execute(
            insert(table.organisation).values(
                id=name, kind="developer", name_zh=name, name_en=name, created_us=1
            )
        )
    connection.execute(
        insert(table.organisation_affiliate).values(organisation=first, affiliate=second)
    )


def pot_scheme(
    weight: str = "rows*quality_ppm",
    *,
    sources: Sequence[Source] = (),
    ppm: int = 600_000,
    version: str = "s1",
    **changes: Any,
) -> ShareScheme:
    """Return a scheme whose pot is shared by the two sources ``d_roads`` and ``d_people``."""
    rest = PARTS_PER_MILLION - ppm
    shares = (Share(payee="platform", channel="account", ppm=rest),) if rest else ()
    scheme = ShareScheme(
        version=version,
        approval="分配〔2026〕1号",
        shares=shares,
        pot=Pot(
            ppm=ppm,
            weight=weight,
            sources=tuple(sources) or (source("d_roads"), source("d_people")),
            unused_to=Party(payee="public_finance", channel="treasury"),
        ),
    )
    return scheme.model_copy(update=changes)


def source(dataset: str, **changes: Any) -> Source:
    """Return a source of the pot, paid to the department of the same name."""
    plain = Source(
        dataset=dataset,
        payee=f"{dataset.removeprefix('d_')}_bureau",
        channel="treasury",
        approved_rows=1_000,
    )
    return plain.model_copy(update=changes)


def paid(document: Mapping[str, Any]) -> dict[str, int]:
    """Return what each payee of a pool is paid, in fen."""
    return {line["payee"]: line["fen"] for line in document["lines"]}


def as_bytes(document: Mapping[str, Any]) -> bytes:
    """Return a document for a comparison byte by byte."""
    return json.dumps(document, sort_keys=True, ensure_ascii=False).encode()


def later(asked: Asked, **changes: Any) -> Asked:
    """Return the same outcome with changes."""
    return replace(asked, **changes)
