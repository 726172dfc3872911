"""Joins saved homes with what decides over them: the licence's terms now, its extracts, the slot.

Work is kept when a session ends in order, and from time to time while it is used; a session that
is ended for a suspended or ended licence is never asked for anything (I7). Nothing here stops a
session from opening or ending: what cannot be saved or brought back is logged and told.
"""

import logging
from dataclasses import dataclass, field

from sqlalchemy import Engine

from authorization.enforcer import Enforcer
from authorization.licences import LicenceState, licences_in
from disclosure.extract_records import active_extracts, extract_plan
from foundation.clock import MICROSECONDS_PER_SECOND
from foundation.db import reading
from foundation.errors import SandgateError
from foundation.identity import SYSTEM_ACTOR
from foundation.keys import CIPHERS
from policies.schema.sessions import SessionRules
from sandbox.backends.interface import Endpoint
from sandbox.homes.keeping import DIRECTORY, STANDING, HomeKeeper, homes
from sandbox.homes.moving import fetch_home, give_home
from sandbox.homes.terms import HomeTerms, terms_of
from sandbox.sessions import Session
from service.answering import Ground

log = logging.getLogger("sandgate.homes")


@dataclass(frozen=True)
class SessionHomes:
    """Saves and brings back the work of sessions."""

    keeper: HomeKeeper
    engine: Engine
    enforcer: Enforcer
    rules: SessionRules
    _saved_us: dict[str, int] = field(default_factory=dict)

    def bring_back(self, session: Session, endpoint: Endpoint) -> None:
        """Give a fresh slot what its person kept, where the licence still covers it.

        Nothing is brought into a session that runs a reviewed notebook: a module of that home would
        run under the reviewer's name.
        """
        if session.review is not None:
            return
        try:
            packed = self.keeper.open(session, self._terms(session.licence), self._no_wider)
            if packed is not None:
                give_home(endpoint, packed, seconds_max=self.rules.home_seconds_max)
        except SandgateError as error:
            log.warning("session %s begins with an empty home: %s", session.id, error.code)

    def save(self, session: Session, endpoint: Endpoint) -> bool:
        """Keep the work of a session; False where it could not be.

        What a reviewed notebook leaves is not its reviewer's, so it is never kept.
        """
        if session.review is not None:
            return False
        try:
            packed = fetch_home(
                endpoint,
                bytes_max=self.rules.home_saved_bytes_max,
                seconds_max=self.rules.home_seconds_max,
            )
            self.keeper.save(session, packed, self._terms(session.licence))
        except SandgateError as error:
            log.warning("the work of session %s was not kept: %s", session.id, error.code)
            return False
        return True

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

    def _terms(self, licence: str) -> HomeTerms:
        """Return a licence's terms now; a licence that is not in force has none."""
        compiled = self.enforcer.snapshot.licences.get(licence)
        if compiled is None:
            return HomeTerms({}, {}, {})
        with reading(self.engine) as connection:
            extracts = {item.dataset: item.digest for item in active_extracts(connection, licence)}
        return terms_of(compiled, extracts)

    def _no_wider(self, earlier: str, now: str) -> bool:
        with reading(self.engine) as connection:
            return extract_plan(connection, earlier).shows_no_more_than(
                extract_plan(connection, now)
            )


def session_homes(ground: Ground, enforcer: Enforcer) -> SessionHomes:
    """Join what keeps the work of this service's sessions."""
    settings = ground.settings
    keeper = HomeKeeper(
        ground.engine,
        ground.writer,
        ground.opened.store,
        CIPHERS[settings.data_cipher],
        settings.home / DIRECTORY,
    )
    return SessionHomes(keeper, ground.engine, enforcer, ground.pack.rules(SessionRules))
