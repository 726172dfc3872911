"""Slots that are real sandboxes with a small guest, so that many can live and die in one test.

Everything is the backend's own (namespaces, filter, control group, sockets); only the program
inside is a few lines instead of JupyterLab. ``temper`` says how it answers the host's question
whether it is warm.
"""

from dataclasses import dataclass, field, replace
from pathlib import Path

from foundation.clock import Clock
from foundation.confinement import Confinement
from sandbox.admission import Admission, AdmissionRules
from sandbox.backends.bubblewrap import BubblewrapBackend, SessionLimits
from sandbox.backends.interface import SessionBackend
from sandbox.pool import PoolRules, SlotPool
from sandbox.slots import Slots
from tests.parts import REPOSITORY

LIMITS = SessionLimits(memory_bytes_max=128 << 20, pids_max=16, home_bytes_max=1 << 20)
GUEST = """
import contextlib, socket, sys, time
listener = socket.socket(fileno=int(sys.argv[1]))
while True:
    caller = listener.accept()[0]
    asked = caller.recv(65536)
    if TEMPER == "silent":
        time.sleep(600)
    if TEMPER == "dying":
        sys.exit(3)
    with contextlib.suppress(OSError):
        caller.sendall(b"HTTP/1.1 204 No Content\\r\\n\\r\\n")
    caller.close()
"""


@dataclass
class LightBackend(BubblewrapBackend):
    """Starts slots whose guest is ``quick``, ``silent`` or ``dying`` when it is asked."""

    directory: Path = field(kw_only=True)
    temper: str = "quick"
    started: list[str] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)

    def prestart(self) -> str:
        slot = super().prestart()
        self.started.append(slot)
        return slot

    def kill(self, slot: str) -> None:
        super().kill(slot)
        self.ended.append(slot)

    def _confinement(self, directory: Path, ui: int, token: str) -> Confinement:
        program = self.directory / f"{self.temper}.py"
        program.write_text(f"TEMPER = {self.temper!r}\n{GUEST}")
        whole = super()._confinement(directory, ui, token)
        return replace(whole, program=program, guest_files={})


def light_backend(
    directory: Path, temper: str = "quick", environment: Path = REPOSITORY / ".venv"
) -> LightBackend:
    """Return a backend of small slots; its guests are written to a directory of the test."""
    return LightBackend(environment, LIMITS, directory=directory, temper=temper)


def cold_slots(backend: SessionBackend, clock: Clock, sessions_max: int = 64) -> Slots:
    """Return slots that are started when they are asked for, for at most so many sessions."""
    share = 256 << 20
    admission = Admission(
        AdmissionRules(sessions_max * share, share, 120, 15),
        backend.stats,
        clock,
        lambda _actor, _refusal: None,
    )
    rules = PoolRules(0, 0, 1)
    pool = SlotPool(backend, rules, clock, image=lambda: "", rooms=admission.rooms)
    return Slots(backend, pool, admission)
