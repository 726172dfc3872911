"""What the register of sessions knows of sandboxes: admitted people take slots, and slots end.

Room is asked for before anything is written or priced, so that who must wait owes nothing.
"""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from foundation.identity import Actor
from sandbox.admission import Admission
from sandbox.backends.interface import Endpoint, SessionBackend
from sandbox.pool import SlotPool


@dataclass(frozen=True)
class Slots:
    """The sandboxes of this host: who may have one, those kept warm, and the backend of all."""

    backend: SessionBackend
    pool: SlotPool
    admission: Admission

    @contextlib.contextmanager
    def admitted(self, actor: Actor) -> Iterator[Callable[[str], Endpoint]]:
        """Let a person in, and give the block what takes a slot for a session, once.

        Raises SessionsFull, with a place in the queue. The block's function raises Unavailable.
        """
        with self.admission.admitted(actor) as hold:

            def take(session: str) -> Endpoint:
                endpoint = self.pool.take(session)
                hold(endpoint.slot)
                return endpoint

            yield take

    def endpoint(self, slot: str) -> Endpoint:
        """Return how to reach a live slot. Raises NotFound."""
        return self.backend.endpoint(slot)

    def another(self, session: str) -> Endpoint:
        """Take a slot for a session whose own has just ended: its room is its person's still.

        Raises Unavailable.
        """
        endpoint = self.pool.take(session)
        self.admission.hold(endpoint.slot)
        return endpoint

    def kill(self, slot: str) -> None:
        """End every process of a slot and remove what it left; safe to repeat."""
        self.backend.kill(slot)

    def close(self) -> None:
        """End every slot, of sessions and of nobody."""
        self.pool.close()
        self.backend.close()
