"""Packages of sessions: what is installed, what is asked for, and what an authority decided.

Nothing is installed from inside a session. A missing package is requested with its version and the
reason; the authority decides; an administrator builds a new pinned environment from hashed locks
(``sandgate environment build``). Whether a package is there is read from the environment itself.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import Distribution
from pathlib import Path
from typing import Any, Literal

from pydantic import Field
from sqlalchemy import Connection, Engine, Row, insert, select, update

from audit.events import AuditEvent, PendingEntry, Writer
from audit.tags import EntryKind
from authorization.independence import check_apart
from authorization.separation import check_another_person, check_natural_person, check_older_than
from catalog.datasets import Frozen
from foundation.db import reading
from foundation.errors import Conflict, Message, NotFound
from foundation.identity import Actor
from foundation.ids import new_id
from sandbox.package_store import package_request

_SITE_PACKAGES = "lib/python3*/site-packages/*.dist-info"
NAME_PATTERN = r"^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,98}[A-Za-z0-9])?$"
VERSION_PATTERN = r"^[0-9][0-9A-Za-z.+!-]{0,58}$"


@dataclass(frozen=True, order=True)
class Package:
    """One installed distribution."""

    name: str
    version: str


class PackageAsked(Frozen):
    """Which package is wanted in sessions, in which version, and what for (PEP 503, PEP 440)."""

    package: str = Field(pattern=NAME_PATTERN)
    version: str = Field(pattern=VERSION_PATTERN)
    reason: str = Field(min_length=1, max_length=2_000)


class PackageDecided(Frozen):
    """What the authority decides; a refusal says why."""

    decision: Literal["approve", "refuse"]
    comment: str = Field(min_length=1, max_length=2_000)


@dataclass(frozen=True)
class PackageRequest:
    """One request and where it stands. ``installed`` is read from the environment of now."""

    id: str
    package: str
    version: str
    licence: str
    person: str
    organisation: str
    reason: str
    state: str
    decided_by: str
    comment: str
    requested_us: int
    decided_us: int | None
    installed: bool

    def as_json(self) -> dict[str, object]:
        """Return the request as its readers see it."""
        names = (
            "id",
            "package",
            "version",
            "licence",
            "organisation",
            "reason",
            "state",
            "comment",
            "requested_us",
            "decided_us",
            "installed",
        )
        return {name: getattr(self, name) for name in names}


def installed_packages(environment: Path) -> tuple[Package, ...]:
    """List what is installed in an environment, by normalised name; empty where there is none."""
    found = (Distribution.at(path) for path in sorted(environment.glob(_SITE_PACKAGES)))
    return tuple(
        sorted(
            Package(normalised(item.metadata["Name"]), str(item.version))
            for item in found
            if item.metadata["Name"]
        )
    )


def normalised(name: str) -> str:
    """Return a project name as PEP 503 compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


class PackageDesk:
    """Takes requests for packages, and the authority's decisions on them."""

    def __init__(
        self, engine: Engine, writer: Writer, installed: Callable[[], Sequence[Package]]
    ) -> None:
        """Join store and log with what tells what is installed now."""
        self._engine = engine
        self._writer = writer
        self._installed = installed

    def request(self, actor: Actor, licence: str, asked: PackageAsked) -> PackageRequest:
        """Ask for a package. Raises Conflict where it is installed, or asked for already."""
        name = normalised(asked.package)
        if Package(name, asked.version) in self._installed():
            raise _conflict(
                "package_installed",
                f"{name} {asked.version} 已在会话环境中，可直接导入。",
                f"{name} {asked.version} is installed in sessions: import it.",
            )
        request_id = new_id("pkg")

        def apply(connection: Connection, entry: PendingEntry) -> None:
            if _standing(connection, name, asked.version):
                raise _conflict(
                    "package_requested",
                    f"{name} {asked.version} 已有人申请，尚未办结或已批准。",
                    f"{name} {asked.version} was asked for already, and is open or approved.",
                )
            connection.execute(
                insert(package_request).values(
                    id=request_id,
                    package=name,
                    version=asked.version,
                    licence=licence,
                    person=actor.person,
                    organisation=actor.organisation,
                    reason=asked.reason,
                    state="requested",
                    requested_us=entry.time_us,
                )
            )

        public = {
            "request": request_id,
            "licence": licence,
            "package": name,
            "package_version": asked.version,
        }
        event = AuditEvent(EntryKind.PACKAGE_REQUESTED, actor, public, {"reason": asked.reason})
        self._writer.submit(event, apply)
        return self.read(request_id)

    def decide(self, actor: Actor, request_id: str, decided: PackageDecided) -> PackageRequest:
        """Approve or refuse. Raises Denied for who asked, for machines and for younger accounts."""
        found = self.read(request_id)
        state = {"approve": "approved", "refuse": "refused"}[decided.decision]

        def apply(connection: Connection, entry: PendingEntry) -> None:
            check_natural_person(actor)
            check_another_person(actor, found.person)
            check_older_than(actor, found.requested_us)
            check_apart(connection, actor, found.organisation)
            changed = connection.execute(
                update(package_request)
                .where(package_request.c.id == request_id, package_request.c.state == "requested")
                .values(
                    state=state,
                    decided_by=actor.person,
                    comment=decided.comment,
                    decided_us=entry.time_us,
                )
            )
            if changed.rowcount != 1:
                raise _conflict(
                    "package_decided", "该申请已办结。", "This request was decided already."
                )

        public = {
            "request": request_id,
            "package": found.package,
            "package_version": found.version,
            "state": state,
        }
        event = AuditEvent(EntryKind.PACKAGE_DECIDED, actor, public, {"comment": decided.comment})
        self._writer.submit(event, apply)
        return self.read(request_id)

    def read(self, request_id: str) -> PackageRequest:
        """Return one request. Raises NotFound."""
        query = select(package_request).where(package_request.c.id == request_id)
        with reading(self._engine) as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            raise NotFound(
                "package_request_unknown",
                Message("没有这个软件包申请。", "There is no such request for a package."),
                field="request",
            )
        return _request(row, self._installed())

    def requests(self, organisation: str | None = None) -> list[PackageRequest]:
        """Return the requests of an organisation, or all, newest first."""
        query = select(package_request).order_by(package_request.c.requested_us.desc())
        if organisation is not None:
            query = query.where(package_request.c.organisation == organisation)
        installed = self._installed()
        with reading(self._engine) as connection:
            return [_request(row, installed) for row in connection.execute(query)]


def _standing(connection: Connection, name: str, version: str) -> bool:
    query = select(package_request.c.id).where(
        package_request.c.package == name,
        package_request.c.version == version,
        package_request.c.state != "refused",
    )
    return connection.execute(query).first() is not None


def _request(row: Row[Any], installed: Sequence[Package]) -> PackageRequest:
    return PackageRequest(
        id=row.id,
        package=row.package,
        version=row.version,
        licence=row.licence,
        person=row.person,
        organisation=row.organisation,
        reason=row.reason,
        state=row.state,
        decided_by=row.decided_by,
        comment=row.comment,
        requested_us=row.requested_us,
        decided_us=row.decided_us,
        installed=Package(row.package, row.version) in installed,
    )


def _conflict(code: str, zh: str, en: str) -> Conflict:
    return Conflict(code, Message(zh, en), field="package")
