"""One-time tickets that turn a platform login into one session's cookie, and the cookie check.

A ticket is 256 random bits, works once, within a minute, and only on its slot's own host; the
platform's own cookies and tokens never reach a session's origin.
"""

import hashlib
import hmac
import secrets
import threading
from dataclasses import dataclass

from foundation.clock import MICROSECONDS_PER_SECOND, Clock

TICKET_SECONDS_MAX = 60
SECRET_BYTES = 32


@dataclass(frozen=True)
class _Ticket:
    slot: str
    until_us: int


class Tickets:
    """Tickets given and not yet used, and the cookies that they became."""

    def __init__(self, clock: Clock) -> None:
        """Start with none."""
        self._clock = clock
        self._tickets: dict[bytes, _Ticket] = {}
        self._cookies: dict[str, set[bytes]] = {}
        self._views: dict[str, set[bytes]] = {}
        self._lock = threading.Lock()

    def give(self, slot: str) -> str:
        """Return a new ticket for a slot."""
        ticket = secrets.token_urlsafe(SECRET_BYTES)
        now_us = self._clock.now_us()
        until_us = now_us + TICKET_SECONDS_MAX * MICROSECONDS_PER_SECOND
        with self._lock:
            for stale in [key for key, one in self._tickets.items() if one.until_us < now_us]:
                del self._tickets[stale]
            self._tickets[_fingerprint(ticket)] = _Ticket(slot, until_us)
        return ticket

    def is_given(self, slot: str, ticket: str) -> bool:
        """Tell whether a ticket still waits to be used on this slot; it is not used by asking."""
        with self._lock:
            held = self._tickets.get(_fingerprint(ticket))
        return held is not None and held.slot == slot and held.until_us >= self._clock.now_us()

    def give_view(self, slot: str) -> str:
        """Return a secret with which a page of the platform reads a slot's status, and no more."""
        view = secrets.token_urlsafe(SECRET_BYTES)
        with self._lock:
            self._views.setdefault(slot, set()).add(_fingerprint(view))
        return view

    def sees(self, slot: str, view: str) -> bool:
        """Tell whether a view was given for this slot."""
        shown = _fingerprint(view)
        with self._lock:
            given = tuple(self._views.get(slot, ()))
        return any(hmac.compare_digest(shown, one) for one in given)

    def redeem(self, slot: str, ticket: str) -> str | None:
        """Take a ticket back for a cookie value; None where it is not good for this slot now."""
        with self._lock:
            held = self._tickets.pop(_fingerprint(ticket), None)
            if held is None or held.slot != slot or held.until_us < self._clock.now_us():
                return None
            cookie = secrets.token_urlsafe(SECRET_BYTES)
            self._cookies.setdefault(slot, set()).add(_fingerprint(cookie))
            return cookie

    def knows(self, slot: str, cookie: str) -> bool:
        """Tell whether a cookie was given for this slot."""
        shown = _fingerprint(cookie)
        with self._lock:
            given = tuple(self._cookies.get(slot, ()))
        return any(hmac.compare_digest(shown, one) for one in given)

    def forget(self, slot: str) -> None:
        """Make every ticket and cookie of a slot worthless."""
        with self._lock:
            self._cookies.pop(slot, None)
            self._views.pop(slot, None)
            self._tickets = {
                key: ticket for key, ticket in self._tickets.items() if ticket.slot != slot
            }


def _fingerprint(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
