"""Slots that are real sandboxes with a small guest, so that many can live and die in one test.

Everything is the backend's own (namespaces, filter, control group, sockets); only the program
inside is a few lines instead of JupyterLab. It says who it is to whoever brings its token, and
asks the gateway with the headers that it is given. ``temper`` says how it answers the host's
question whether it is warm.
"""

import sys
from dataclasses import dataclass, field, replace
from pathlib import Path

from foundation.clock import Clock
from foundation.confinement import Confinement
from sandbox.admission import Admission, AdmissionRules
from sandbox.backends.bubblewrap import BubblewrapBackend, SessionLimits
from sandbox.backends.interface import SessionBackend
from sandbox.pool import PoolRules, SlotPool
from sandbox.slots import Slots

LIMITS = SessionLimits(memory_bytes_max=128 << 20, pids_max=16, home_bytes_max=1 << 20)
GUEST = """
import contextlib, hashlib, http.client, http.server, json, os, socket, socketserver, sys, time

TOKEN = os.environ["SANDBOX_UI_TOKEN"]

class Gateway(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect("/run/gateway.sock")

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.headers.get("authorization") != "token " + TOKEN:
            return self.say(403, {})
        if self.path.startswith("/warm"):
            if TEMPER == "silent":
                time.sleep(600)
            if TEMPER == "dying":
                os._exit(3)
            return self.say(204, None)
        self.say(200, {"me": hashlib.sha256(TOKEN.encode()).hexdigest()})

    def do_POST(self):
        headers = json.loads(self.rfile.read(int(self.headers["content-length"])))
        connection = Gateway("gateway", timeout=60)
        try:
            connection.request("GET", "/who", headers=headers)
            found = connection.getresponse()
            self.say(200, {"status": found.status, "body": found.read().decode()})
        except OSError as error:
            self.say(200, {"status": 0, "body": type(error).__name__})
        finally:
            connection.close()

    def say(self, status, body):
        self.send_response(status)
        data = b"" if body is None else json.dumps(body).encode()
        self.send_header("content-type", "application/json")
        if status != 204:
            self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def address_string(self):
        return "host"

    def log_message(self, *parts):
        pass

class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True

    def handle_error(self, request, address):
        pass

listener = socket.socket(fileno=int(sys.argv[1]))
server = Server("unused", Handler, bind_and_activate=False)
server.socket.close()
server.socket = listener
server.serve_forever()
"""


@dataclass
class LightBackend(BubblewrapBackend):
    """Starts slots whose guest is ``quick``, ``silent`` or ``dying`` when it is asked."""

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
        program = directory / "guest.py"  # of this slot alone: another may be reading its own
        program.write_text(f"TEMPER = {self.temper!r}\n{GUEST}")
        whole = super()._confinement(directory, ui, token)
        return replace(whole, program=program, guest_files={})


def light_backend(temper: str = "quick", environment: Path = Path(sys.prefix)) -> LightBackend:
    """Return a backend of small slots."""
    return LightBackend(environment, LIMITS, temper=temper)


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
