"""Slots whose kernel is gVisor: the same guest, the same host side, another kernel between them.

No directory is shared and nothing inside makes a socket of the host's: the host accepts on the
interface socket and hands each connection in over an inherited pair, and the one socket that a
slot may connect to is its own gateway's, where it shows as the slot's own uid.
"""

import selectors
import socket
import threading
from dataclasses import dataclass, replace
from pathlib import Path

from foundation.confined_process import ConfinedProcess
from foundation.confinement import launch
from foundation.gvisor import find_runsc
from sandbox.backends.bubblewrap import BubblewrapBackend

MONITOR_BYTES = 64 << 20


@dataclass
class GvisorBackend(BubblewrapBackend):
    """Slots as gVisor sandboxes (systrap), each inside a bubblewrap shell of its own."""

    runsc: Path | None = None

    def __post_init__(self) -> None:
        """Find runsc first. Raises Unavailable where it is missing or too old."""
        self.runsc = find_runsc(self.runsc)
        super().__post_init__()

    def _started(self, directory: Path, ui: socket.socket, token: str) -> ConfinedProcess:
        """Start the guest on one end of a pair, and hand what arrives to the other."""
        ours, theirs = socket.socketpair()
        handed = str(theirs.fileno()), "handed"
        whole = self._confinement(directory, theirs.fileno(), token)
        limits = replace(
            whole.limits, memory_bytes_max=whole.limits.memory_bytes_max + MONITOR_BYTES
        )
        with theirs:
            try:
                process = launch(
                    replace(whole, arguments=handed, limits=limits),
                    bubblewrap=self.bubblewrap,
                    gvisor=True,
                    runsc=self.runsc,
                )
            except BaseException:
                ours.close()
                raise
        pass_on(ui.dup(), ours)
        return process


def pass_on(listener: socket.socket, channel: socket.socket) -> threading.Thread:
    """Accept on a listener and hand each connection over a channel, until its other end closes.

    Takes over both sockets. A guest that takes none has its connections refused, never waited for.
    """
    door = threading.Thread(
        target=_pass_on, args=(listener, channel), daemon=True, name="interface door"
    )
    door.start()
    return door


def _pass_on(listener: socket.socket, channel: socket.socket) -> None:
    with listener, channel, _watching(listener, channel) as watched:
        while not any(key.fileobj is channel for key, _ in watched.select()):
            try:
                connection, _ = listener.accept()
            except OSError:  # whoever asked has gone again
                continue
            with connection:
                try:
                    socket.send_fds(channel, [b"+"], [connection.fileno()], socket.MSG_DONTWAIT)
                except BlockingIOError:
                    continue
                except OSError:
                    return


def _watching(listener: socket.socket, channel: socket.socket) -> selectors.BaseSelector:
    listener.setblocking(False)
    watched = selectors.DefaultSelector()
    watched.register(listener, selectors.EVENT_READ)
    watched.register(channel, selectors.EVENT_READ)
    return watched
