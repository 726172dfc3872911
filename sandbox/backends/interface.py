"""What every session backend must do: start a slot anonymously, assign it once, end it whole.

A slot is single-use: nothing inside changes at assignment, because identity lives on the host
side, in which gateway socket the session's connection arrives at. Two backends exist, bubblewrap
and gVisor. A remote agent or a microVM would stand behind this same interface and pass the same
suite (``tests/integration/test_backend_conformance.py``); neither is there, nor pretended.
"""

import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True)
class Endpoint:
    """How the host reaches one slot's interface, and how the slot reaches the gateway.

    ``gateway_listener`` is bound and does **not** listen: until the service listens on it, after
    the assignment is in the log, the kernel refuses every connection, so none can be older than
    the identity it is answered under. ``peer_uid`` is the only uid that may connect (SO_PEERCRED).
    """

    slot: str
    ui_socket: Path
    ui_token: str
    gateway_listener: socket.socket
    peer_uid: int


@dataclass(frozen=True)
class SlotStats:
    """What a slot uses now."""

    alive: bool
    memory_bytes: int


class SessionBackend(Protocol):
    """Starts, shows and ends slots."""

    def prestart(self) -> str:
        """Start a slot for nobody yet and return its name. Raises Unavailable: fail closed."""
        ...

    def assign(self, slot: str, session: str) -> Endpoint:
        """Give a prestarted slot to one session, once. Raises Conflict on a second time."""
        ...

    def endpoint(self, slot: str) -> Endpoint:
        """Return how to reach a live slot. Raises NotFound."""
        ...

    def stats(self, slot: str) -> SlotStats:
        """Return what a slot uses; not alive where it ended or never was."""
        ...

    def output_tail(self, slot: str) -> str:
        """Return the last 64 KiB that a slot printed, for the operator of this host alone."""
        ...

    def kill(self, slot: str) -> None:
        """End every process of a slot and remove what it left; safe to repeat."""
        ...

    def close(self) -> None:
        """End every slot."""
        ...
