"""Joins saved homes with what decides over them: the licence's terms now, its extracts, the slot.

Work is kept when a session ends in order, and from time to time while it is used; a session that
is ended for a suspended or ended licence is never asked for anything (I7). A home is kept under the
terms that its session worked with: where they were narrowed meanwhile, or the licence is no longer
in force, nothing is kept. Nothing here stops a session from opening or ending: what cannot be saved
or brought back is logged and told.
"""

import logging
from dataclasses import dataclass, field

from sqlalchemy import Connection, Engine

from audit.events import PendingEntry
from authorization.enforcer import Enforcer
from authorization.licences import LicenceState, licences_in
from authorization.revocation import SuspensionBoard, check_in_force
from disclosure.extract_records import active_extracts, extract_plan
from foundation.clock import MICROSECONDS_PER_SECOND
from foundation.db import reading
from foundation.errors import Denied, Message, SandgateError, Unavailable
from foundation.identity import SYSTEM_ACTOR
from foundation.keys import CIPHERS
from policies.schema.sessions import SessionRules
from sandbox.backends.interface import Endpoint
from sandbox.homes.keeping import DIRECTORY, STANDING, HomeKeeper, current_home, homes
from sandbox.homes.moving import UNREADABLE, fetch_home, give_home
from sandbox.homes.terms import HomeTerms, terms_of
from sandbox.sessions import Session
from sandbox.warmth import WarmthQuestion
from service.answering import Ground

WARM_SECONDS_MAX = 60.0

log = logging.getLogger("sandgate.homes")


@dataclass(frozen=True)
class SessionHomes:
    """Saves and brings back the work of sessions."""

    keeper: HomeKeeper
    engine: Engine
    enforcer: Enforcer
    board: SuspensionBoard
    rules: SessionRules
    _worked_under: dict[str, HomeTerms] = field(default_factory=dict)
    _saved_us: dict[str, int] = field(default_factory=dict)

    def bring_back(self, session: Session, endpoint: Endpoint) -> None:
        """Give a fresh slot what its person kept, where the licence still covers it.

        Nothing is brought into a session that runs a reviewed notebook: a module of that home would
        run under the reviewer's name.
        """
        if session.review is not None:
            return
        try:
            terms = self._terms(session.licence)
            packed = self.keeper.open(session, terms, self._no_wider)
            if packed is not None:
                self._give(session, endpoint, packed)
            self._worked_under[session.id] = terms
        except SandgateError as error:
            log.warning(
                "session %s begins with an empty home, and what is kept stays: %s",
                session.id,
                error.code,
            )

    def save(self, session: Session, endpoint: Endpoint) -> bool:
        """Keep the work of a session; False where it could not be, or may not.

        What a reviewed notebook leaves is not its reviewer's, so it is never kept. A session that
        was not given what is kept, or not yet, never replaces it.
        """
        if session.review is not None or session.id not in self._worked_under:
            return False

        def still(connection: Connection, entry: PendingEntry) -> None:
            check_in_force(connection, self.board, session.licence, entry.time_us)

        try:
            self._terms_now(session)
            packed = fetch_home(
                endpoint,
                bytes_max=self.rules.home_saved_bytes_max,
                seconds_max=self.rules.home_seconds_max,
            )
            if self._is_nothing(session, packed):
                return False
            terms = self._terms_now(session)  # they may have changed while it was packed
            self.keeper.save(session, packed, terms, still)
        except SandgateError as error:
            log.warning("the work of session %s was not kept: %s", session.id, error.code)
            return False
        return True

    def remembered(self) -> tuple[str, ...]:
        """Return the sessions whose work may be kept, some of which may have ended."""
        return tuple(self._worked_under)

    def forget(self, session_id: str) -> None:
        """Forget a session that ended; its work is never asked for again."""
        self._worked_under.pop(session_id, None)
        self._saved_us.pop(session_id, None)

    def is_due(self, session: Session, used_us: int | None, now_us: int) -> bool:
        """Tell whether a session was used since its work was last kept, and that is a while ago."""
        kept_us = self._saved_us.get(session.id, session.opened_us or now_us)
        every_us = self.rules.home_every_seconds * MICROSECONDS_PER_SECOND
        return used_us is not None and used_us > kept_us and now_us - kept_us >= every_us

    def save_due(self, session: Session, endpoint: Endpoint, now_us: int) -> None:
        """Keep the work of a running session."""
        self._saved_us[session.id] = now_us
        self.save(session, endpoint)

    def destroy_ended(self) -> list[str]:
        """End the homes of licences that ended or expired; return those licences."""
        with reading(self.engine) as connection:
            standing = {home.licence for home in homes(connection, states=STANDING)}
            over = licences_in(connection, (LicenceState.ENDED, LicenceState.EXPIRED))
        found = [licence.id for licence in over if licence.id in standing]
        for licence in found:
            self.keeper.destroy(licence, SYSTEM_ACTOR, "licence_ended")
        return found

    def _give(self, session: Session, endpoint: Endpoint, packed: bytes) -> None:
        """Unpack a home once its slot answers: one that starts cold needs more than a moment.

        What no slot can unpack is given up: the session begins empty, and its work replaces it.
        """
        WarmthQuestion(endpoint, (), WARM_SECONDS_MAX).ask()
        try:
            give_home(endpoint, packed, seconds_max=self.rules.home_seconds_max)
        except Unavailable as error:
            if error.code != UNREADABLE:
                raise
            log.warning("the home of session %s cannot be unpacked", session.id)

    def _is_nothing(self, session: Session, packed: bytes) -> bool:
        """Tell whether an archive without a file would be the first home that is kept."""
        if packed.count(0) != len(packed):
            return False
        with reading(self.engine) as connection:
            return current_home(connection, session) is None

    def _terms_now(self, session: Session) -> HomeTerms:
        """Return what a session works under now. Raises Denied where it is less than before.

        Once narrowed, what the session holds is kept no more, whatever is granted later.
        """
        self.board.check_open(session.licence)
        now, before = self._terms(session.licence), self._worked_under[session.id]
        if before.lost_in(now, self._no_wider):
            self._worked_under.pop(session.id, None)
            raise Denied(
                "home_narrowed",
                Message("授权范围已收窄，工作目录不保存。", "The licence was narrowed; not kept."),
            )
        self._worked_under[session.id] = now
        return now

    def _terms(self, licence: str) -> HomeTerms:
        """Return a licence's terms now. Raises Denied where it is not in force."""
        compiled = self.enforcer.snapshot.licences.get(licence)
        if compiled is None:
            raise Denied(
                "licence_not_in_force", Message("授权未生效。", "The licence is not in force.")
            )
        with reading(self.engine) as connection:
            extracts = {item.dataset: item.digest for item in active_extracts(connection, licence)}
        return terms_of(compiled, extracts)

    def _no_wider(self, earlier: str, now: str) -> bool:
        with reading(self.engine) as connection:
            return extract_plan(connection, earlier).shows_no_more_than(
                extract_plan(connection, now)
            )


def session_homes(ground: Ground, enforcer: Enforcer, board: SuspensionBoard) -> SessionHomes:
    """Join what keeps the work of this service's sessions."""
    settings = ground.settings
    keeper = HomeKeeper(
        ground.engine,
        ground.writer,
        ground.opened.store,
        CIPHERS[settings.data_cipher],
        settings.home / DIRECTORY,
    )
    return SessionHomes(keeper, ground.engine, enforcer, board, ground.pack.rules(SessionRules))
