"""A session's two doors, opened and shut together: the browser's proxy and the gateway's socket.

Shutting is immediate, from any thread, and waits on nothing; a licence's doors are known by heart
so that a suspension needs no database.
"""

import threading
from collections.abc import Callable

from starlette.types import ASGIApp

from foundation.settings import Settings
from sandbox.backends.interface import Endpoint
from sandbox.egress import EgressBudget
from sandbox.screen import Screens
from sandbox.sessions import Session, egress_account
from sandbox.tickets import Tickets
from service.session_assets import SessionAssets
from service.session_gateway_socket import GatewaySockets
from service.session_proxy import SessionProxy


class SessionDoors:
    """Opens and shuts the doors of every slot of this process."""

    def __init__(self, settings: Settings, tickets: Tickets, screens: Screens) -> None:
        """Make the proxy; gateways answer only once ``connect`` gave them their application."""
        self._screens = screens
        self._freeze: Callable[[str], None] = _nothing
        self._touch: Callable[[str], None] = _nothing
        self._gateways: GatewaySockets | None = None
        self._session_of: dict[str, Session] = {}
        self._lock = threading.Lock()
        self.proxy = SessionProxy(
            tickets,
            settings.platform_origin,
            SessionAssets(settings.session_environment.resolve(), settings.language),
            on_egress_exceeded=self._exceeded,
            on_activity=self._used,
        )

    @property
    def egress(self) -> EgressBudget:
        """What every person may still see today."""
        return self._screens.egress

    def connect(
        self,
        gateway: ASGIApp,
        freeze_slot: Callable[[str], None],
        touch_slot: Callable[[str], None],
    ) -> None:
        """Give the gateway its application, and who learns of a slot used, or used too much."""
        self._gateways = GatewaySockets(gateway)
        self._freeze = freeze_slot
        self._touch = touch_slot

    def open(self, session: Session, endpoint: Endpoint) -> None:
        """Open the doors of a session whose assignment is in the log.

        One that runs a reviewed notebook has the gateway's only, and no browser's.
        """
        if self._gateways is None:
            raise RuntimeError("the gateway has no application yet")
        with self._lock:
            self._session_of[endpoint.slot] = session
        self._gateways.serve(endpoint.slot, endpoint.gateway_listener, endpoint.peer_uid)
        if session.review is not None:
            return  # a reviewed notebook runs without a browser
        screen = self._screens.of(
            endpoint.slot, session.person, session.organisation, session.licence, session.id
        )
        self.proxy.light_up(endpoint.slot, endpoint.ui_socket, endpoint.ui_token, screen)

    def darken(self, slot: str, frozen: bool) -> None:
        """Shut both doors of a slot at once; one that is not frozen is never opened again."""
        self.proxy.go_dark(slot, frozen=frozen)
        if self._gateways is not None:
            self._gateways.go_dark(slot)
        if not frozen:
            with self._lock:
                self._session_of.pop(slot, None)

    def darken_licence(self, licence: str) -> None:
        """Shut the doors of every session under a licence."""
        with self._lock:
            slots = [slot for slot, held in self._session_of.items() if held.licence == licence]
        for slot in slots:
            self.darken(slot, frozen=True)

    def close(self) -> None:
        """Shut everything."""
        self.proxy.close()
        if self._gateways is not None:
            self._gateways.close()

    def _exceeded(self, slot: str) -> None:
        # The proxy is dark already; its loop must not wait for the log.
        threading.Thread(target=self._end_of_day, args=(slot,), daemon=True).start()

    def _end_of_day(self, slot: str) -> None:
        with self._lock:
            session = self._session_of.get(slot)
        try:
            if session is not None:
                self._screens.egress.tell_spent(egress_account(session), session.id)
        finally:  # a log that cannot be written leaves no door open
            self._freeze(slot)

    def _used(self, slot: str) -> None:
        self._touch(slot)


def _nothing(_slot: str) -> None:
    """Before ``connect`` no slot is served, so none is used or exceeds."""
