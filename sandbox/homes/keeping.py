"""Keeps a person's work between sessions: sealed under the licence's key, ended with the licence.

The home is packed and unpacked inside the sandbox; here it is bytes that nobody reads. Every
opening is a logged entry that the key is asked for on; what cannot be opened any more says why.
"""

import hashlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, Row, insert, select, update

from audit.events import AuditEvent, PendingEntry, Writer
from audit.key_requests import request_keys
from audit.tags import EntryKind
from foundation.db import reading
from foundation.identity import SYSTEM_ACTOR, Actor
from foundation.ids import new_id
from foundation.keys import BoxCipher, Citation, KeyStore
from foundation.keys.ciphers import WrongBox
from sandbox.homes.store import sandbox_home
from sandbox.homes.terms import HomeTerms, NoWider, terms_from
from sandbox.sessions import Session

CONTEXT = b"sandgate/session-home@1\n"
DIRECTORY = "homes"
STANDING = ("current", "replaced", "withheld")

StillMay = Callable[[Connection, PendingEntry], None]
"""Raises a refusal, in the writer's own transaction, where a home may no longer be kept."""

log = logging.getLogger("sandgate.homes")


def may_always(_connection: Connection, _entry: PendingEntry) -> None:
    """Refuse nothing."""


@dataclass(frozen=True)
class Home:
    """One saved home, without what is in it."""

    id: str
    licence: str
    person: str
    project: str
    mode: str
    session: str
    terms: HomeTerms
    key_name: str
    box_digest: str
    saved_bytes: int
    state: str
    saved_index: int
    saved_us: int
    ended_us: int | None

    def as_json(self) -> dict[str, object]:
        """Return the home as its person, the authority and the regulator see it."""
        return {
            "id": self.id,
            "licence": self.licence,
            "project": self.project or None,
            "mode": self.mode,
            "session": self.session,
            "bytes": self.saved_bytes,
            "state": self.state,
            "saved_us": self.saved_us,
            "ended_us": self.ended_us,
        }


@dataclass(frozen=True)
class HomeKeeper:
    """Saves, opens and ends homes. ``directory`` holds one sealed file for each."""

    engine: Engine
    writer: Writer
    keys: KeyStore
    cipher: BoxCipher
    directory: Path

    def save(
        self, session: Session, packed: bytes, terms: HomeTerms, still: StillMay = may_always
    ) -> Home:
        """Seal a home and log it; the one before it is replaced and its file removed.

        ``still`` refuses, while writing, what may no longer be kept.
        """
        key_name = home_key_name(session.licence)
        cited = request_keys(self.writer, SYSTEM_ACTOR, "home", [key_name], licence=session.licence)
        home_id = new_id("home")
        sealed = self._sealed(home_id, key_name, packed, cited)
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self._path(home_id)
        path.touch(mode=0o600)
        path.write_bytes(sealed)
        try:
            home, replaced = self._record_saved(session, home_id, key_name, sealed, terms, still)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        for old in replaced:
            self._path(old).unlink(missing_ok=True)
        return home

    def open(self, session: Session, now: HomeTerms, no_wider: NoWider) -> bytes | None:
        """Return the home that a session begins with, packed; None where there is none to give.

        A home made under wider terms is withheld: logged, and never opened again.
        """
        with reading(self.engine) as connection:
            home = current_home(connection, session)
        if home is None:
            return None
        lost = home.terms.lost_in(now, no_wider)
        if lost:
            self._withhold(home, session, lost)
            return None
        cited = self._record_opened(home, session)
        try:
            key = self.keys.data_key(home.key_name, cited)[: self.cipher.key_bytes]
            sealed = self._path(home.id).read_bytes()
            return self.cipher.open(key, sealed, CONTEXT + home.id.encode())
        except (OSError, WrongBox):
            log.warning("the home %s cannot be read; the session begins empty", home.id)
            self._withhold(home, session, ("unreadable",))
            return None

    def destroy(self, licence: str, actor: Actor, reason: str) -> list[str]:
        """End every home of a licence: entries first, then its key and the files; return their ids.

        Safe to repeat: what a crash left is ended by the next call.
        """
        with reading(self.engine) as connection:
            standing = homes(connection, licence=licence, states=STANDING)
        cited = None
        for home in standing:
            cited = self._record_destroyed(home, actor, reason)
        if cited is not None:
            self.keys.destroy(home_key_name(licence), cited)
        for home in standing:
            self._path(home.id).unlink(missing_ok=True)
        return [home.id for home in standing]

    def remove_leftovers(self) -> list[str]:
        """Remove files that no current home names: a crash left them. Call at start."""
        with reading(self.engine) as connection:
            kept = {home.id for home in homes(connection, states=("current", "withheld"))}
        left = [path for path in sorted(self.directory.glob("*.box")) if path.stem not in kept]
        for path in left:
            path.unlink(missing_ok=True)
        return [path.stem for path in left]

    def _sealed(self, home_id: str, key_name: str, packed: bytes, cited: Citation) -> bytes:
        key = self.keys.ensure_data_key(key_name, cited)[: self.cipher.key_bytes]
        return self.cipher.seal(key, packed, CONTEXT + home_id.encode())

    def _path(self, home_id: str) -> Path:
        return self.directory / f"{home_id}.box"

    def _record_saved(
        self,
        session: Session,
        home_id: str,
        key_name: str,
        sealed: bytes,
        terms: HomeTerms,
        still: StillMay,
    ) -> tuple[Home, list[str]]:
        digest = f"sha256:{hashlib.sha256(sealed).hexdigest()}"

        def apply(connection: Connection, entry: PendingEntry) -> tuple[Home, list[str]]:
            still(connection, entry)
            replaced = [old.id for old in _homes_of(connection, session) if old.state == "current"]
            connection.execute(
                update(sandbox_home)
                .where(sandbox_home.c.id.in_(replaced))
                .values(state="replaced", ended_us=entry.time_us)
            )
            connection.execute(
                insert(sandbox_home).values(
                    id=home_id,
                    licence=session.licence,
                    person=session.person,
                    organisation=session.organisation,
                    project=session.project or "",
                    mode=session.mode.value,
                    session=session.id,
                    terms=terms.as_text(),
                    key_name=key_name,
                    box_digest=digest,
                    saved_bytes=len(sealed),
                    state="current",
                    saved_index=entry.index,
                    saved_us=entry.time_us,
                )
            )
            return _require(connection, home_id), replaced

        public = {
            "home": home_id,
            "session": session.id,
            "licence": session.licence,
            "key_name": key_name,
            "box_digest": digest,
            "bytes": len(sealed),
        }
        event = AuditEvent(EntryKind.HOME_SAVED, SYSTEM_ACTOR, public)
        return self.writer.submit(event, apply).value

    def _record_opened(self, home: Home, session: Session) -> Citation:
        public = {
            "home": home.id,
            "session": session.id,
            "licence": session.licence,
            "key_names": [home.key_name],
        }

        def apply(connection: Connection, _entry: PendingEntry) -> None:
            _require(connection, home.id)

        event = AuditEvent(EntryKind.HOME_OPENED, SYSTEM_ACTOR, public)
        return self.writer.submit(event, apply).citation

    def _withhold(self, home: Home, session: Session, lost: Sequence[str]) -> None:
        def apply(connection: Connection, entry: PendingEntry) -> None:
            connection.execute(
                update(sandbox_home)
                .where(sandbox_home.c.id == home.id, sandbox_home.c.state == "current")
                .values(state="withheld", ended_us=entry.time_us)
            )

        public = {
            "home": home.id,
            "session": session.id,
            "licence": session.licence,
            "lost": list(lost),
        }
        self.writer.submit(AuditEvent(EntryKind.HOME_WITHHELD, SYSTEM_ACTOR, public), apply)

    def _record_destroyed(self, home: Home, actor: Actor, reason: str) -> Citation:
        def apply(connection: Connection, entry: PendingEntry) -> None:
            connection.execute(
                update(sandbox_home)
                .where(sandbox_home.c.id == home.id, sandbox_home.c.state != "destroyed")
                .values(state="destroyed", ended_us=entry.time_us)
            )

        public = {
            "home": home.id,
            "licence": home.licence,
            "key_name": home.key_name,
            "box_digest": home.box_digest,
            "reason": reason,
        }
        event = AuditEvent(EntryKind.HOME_DESTROYED, actor, public)
        return self.writer.submit(event, apply).citation


def home_key_name(licence: str) -> str:
    """Name the key that seals all homes of a licence."""
    return f"homes-{licence}"


def current_home(connection: Connection, session: Session) -> Home | None:
    """Return the home that a session of this person, licence, project and mode begins with."""
    return next((home for home in _homes_of(connection, session) if home.state == "current"), None)


def homes(
    connection: Connection,
    *,
    licence: str | None = None,
    person: str | None = None,
    states: Sequence[str] = (),
) -> list[Home]:
    """Return saved homes, newest first."""
    query = select(sandbox_home).order_by(sandbox_home.c.saved_index.desc())
    if licence is not None:
        query = query.where(sandbox_home.c.licence == licence)
    if person is not None:
        query = query.where(sandbox_home.c.person == person)
    if states:
        query = query.where(sandbox_home.c.state.in_(states))
    return [_home(row) for row in connection.execute(query)]


def _homes_of(connection: Connection, session: Session) -> list[Home]:
    query = (
        select(sandbox_home)
        .where(
            sandbox_home.c.licence == session.licence,
            sandbox_home.c.person == session.person,
            sandbox_home.c.project == (session.project or ""),
            sandbox_home.c.mode == session.mode.value,
        )
        .order_by(sandbox_home.c.saved_index.desc())
    )
    return [_home(row) for row in connection.execute(query)]


def _require(connection: Connection, home_id: str) -> Home:
    row = connection.execute(select(sandbox_home).where(sandbox_home.c.id == home_id)).one()
    return _home(row)


def _home(row: Row[Any]) -> Home:
    return Home(
        id=row.id,
        licence=row.licence,
        person=row.person,
        project=row.project,
        mode=row.mode,
        session=row.session,
        terms=terms_from(row.terms),
        key_name=row.key_name,
        box_digest=row.box_digest,
        saved_bytes=row.saved_bytes,
        state=row.state,
        saved_index=row.saved_index,
        saved_us=row.saved_us,
        ended_us=row.ended_us,
    )
