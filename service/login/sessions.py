"""Login sessions of the pages: opened by a login, ended by idleness, age, logout or a newer login.

A session is 256 random bits in one cookie and a digest in the control store; what it may do is
read from the registry at each request. When a session was last used is known to this process
alone: after a restart each counts from its opening, so that nothing stands longer for it.
"""

import hashlib
import hmac
import secrets
import threading
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, Row, insert, select, update

from audit.events import AuditEvent, PendingEntry, Writer
from audit.tags import EntryKind
from foundation.clock import MICROSECONDS_PER_SECOND, Clock, to_iso
from foundation.db import reading
from foundation.identity import SYSTEM_ACTOR, Actor
from foundation.ids import new_id
from policies.schema.login import LoginRules
from service.login.store import login_session
from service.tokens import LoginProof

SECRET_BYTES = 32
SECRET_CHARACTERS = 43
_CSRF = b"sandgate/form@1"


@dataclass(frozen=True)
class LoginSession:
    """A session that stands: its id in the log, what it proves, and its form secret."""

    id: str
    proof: LoginProof
    opened_us: int
    csrf: str


@dataclass(frozen=True)
class OpenedLogin:
    """What the browser gets: the secret, once."""

    id: str
    secret: str


class LoginSessions:
    """Opens, finds and ends login sessions."""

    def __init__(self, engine: Engine, writer: Writer, clock: Clock, rules: LoginRules) -> None:
        """Nobody was seen yet."""
        self._engine = engine
        self._writer = writer
        self._clock = clock
        self._rules = rules
        self._seen_us: dict[str, int] = {}
        self._lock = threading.Lock()

    def open(
        self, actor: Actor, proof: LoginProof, *, sid_digest: str = "", replaces: str = ""
    ) -> OpenedLogin:
        """Open a session for a proved login, under a new secret; the replaced one ends with it.

        Where an account has as many sessions as it may, its oldest end.
        """
        secret = secrets.token_urlsafe(SECRET_BYTES)
        session = new_id("login")
        public: dict[str, object] = {
            "login": session,
            "issuer": proof.issuer,
            "subject_digest": proof.subject_digest,
            "authenticated": to_iso(proof.authenticated_us),
        }

        def apply(connection: Connection, entry: PendingEntry) -> None:
            ended = self._ended_by(connection, proof.account, replaces)
            _end(connection, ended, entry.time_us)
            entry.amend(ended_logins=sorted(ended))
            connection.execute(
                insert(login_session).values(
                    id=session,
                    secret_digest=_digest(secret),
                    account=proof.account,
                    issuer=proof.issuer,
                    subject_digest=proof.subject_digest,
                    sid_digest=sid_digest,
                    auth_us=proof.authenticated_us,
                    acr=proof.acr[:200],
                    opened_us=entry.time_us,
                )
            )

        self._writer.submit(AuditEvent(EntryKind.LOGIN_OPENED, actor, public), apply)
        return OpenedLogin(session, secret)

    def standing(self, secret: str) -> LoginSession | None:
        """Return the session of a secret if it stands now, and note that it is in use."""
        if len(secret) != SECRET_CHARACTERS or not secret.isascii():
            return None
        query = select(login_session).where(login_session.c.secret_digest == _digest(secret))
        with reading(self._engine) as connection:
            row = connection.execute(query).first()
        now_us = self._clock.now_us()
        if row is None or not self._stands(row, now_us):
            return None
        with self._lock:
            self._seen_us[row.id] = now_us
        proof = LoginProof(row.account, row.issuer, row.auth_us, row.acr, row.subject_digest)
        return LoginSession(row.id, proof, row.opened_us, form_secret(secret))

    def end(self, actor: Actor, session: str, reason: str) -> None:
        """End one session for good; a second call changes nothing but is logged too."""
        self._end_where([session], actor, reason)

    def end_of_issuer(self, issuer: str, *, subject_digest: str = "", sid_digest: str = "") -> int:
        """End what an issuer's own logout names: one of its sessions, or all of a subject."""
        query = select(login_session.c.id).where(
            login_session.c.issuer == issuer, login_session.c.ended_us.is_(None)
        )
        if sid_digest:
            query = query.where(login_session.c.sid_digest == sid_digest)
        if subject_digest:
            query = query.where(login_session.c.subject_digest == subject_digest)
        with reading(self._engine) as connection:
            found = list(connection.execute(query).scalars())
        if found and (subject_digest or sid_digest):
            self._end_where(found, SYSTEM_ACTOR, "issuer_logout")
            return len(found)
        return 0

    def _end_where(self, sessions: list[str], actor: Actor, reason: str) -> None:
        def apply(connection: Connection, entry: PendingEntry) -> None:
            _end(connection, sessions, entry.time_us)

        public: dict[str, object] = {"logins": sorted(sessions), "reason": reason}
        self._writer.submit(AuditEvent(EntryKind.LOGIN_ENDED, actor, public), apply)
        with self._lock:
            for session in sessions:
                self._seen_us.pop(session, None)

    def _stands(self, row: Row[tuple[object, ...]], now_us: int) -> bool:
        with self._lock:
            seen_us = max(self._seen_us.get(row.id, 0), row.opened_us)
        idle_us = self._rules.idle_seconds_max * MICROSECONDS_PER_SECOND
        return (
            row.ended_us is None
            and now_us < seen_us + idle_us
            and now_us < row.opened_us + self._absolute_us
        )

    @property
    def _absolute_us(self) -> int:
        return self._rules.absolute_seconds_max * MICROSECONDS_PER_SECOND

    def _ended_by(self, connection: Connection, account: str, replaces: str) -> list[str]:
        """Return what a new login of an account ends: the one it replaces, and the too many."""
        table = login_session
        query = (
            select(table.c.id)
            .where(table.c.account == account, table.c.ended_us.is_(None))
            .where(table.c.opened_us > self._clock.now_us() - self._absolute_us)
            .order_by(table.c.opened_us.desc())
        )
        standing = list(connection.execute(query).scalars())
        kept = [item for item in standing if item != replaces]
        ended = kept[self._rules.sessions_per_account_max - 1 :]
        return [*ended, *([replaces] if replaces else [])]


def form_secret(secret: str) -> str:
    """Return the token that a session's forms bring with them: nothing but its cookie yields it."""
    return hmac.new(secret.encode(), _CSRF, hashlib.sha256).hexdigest()


def _end(connection: Connection, sessions: list[str], time_us: int) -> None:
    connection.execute(
        update(login_session)
        .where(login_session.c.id.in_(sessions), login_session.c.ended_us.is_(None))
        .values(ended_us=time_us)
    )


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
