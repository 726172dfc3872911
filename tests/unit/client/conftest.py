"""The far side of the socket: a real HTTP server over AF_UNIX that keeps a budget and answers."""

import http.server
import json
import socketserver
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from tests.parts import REPOSITORY, SESSION_ENVIRONMENT

CLIENT = REPOSITORY / "client" / "src"
if str(CLIENT) not in sys.path:
    sys.path.insert(0, str(CLIENT))

TOTAL_NANO_RHO = 100_000_000
COST_NANO_RHO = 2_500_000
REFUSAL_DEFAULT = {
    "code": "not_granted",
    "rule": "authorization/licence",
    "field": "sql",
    "messages": {"zh": "授权未包含所写的名称。", "en": "The licence does not hold that name."},
    "way_out": None,
}


class GatewayState:
    """What the far side remembers: who asked what, what it cost, which releases were requested."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.tables: dict[str, pa.Table] = {}
        self.refusals: dict[str, dict[str, Any]] = {}
        self.raw: tuple[int, bytes] | None = None
        self.datasets: list[dict[str, Any]] = []
        self.charged: dict[str, int] = {}
        self.releases: list[dict[str, Any]] = []
        self.handed_in: list[bytes] = []
        self.languages: list[str] = []
        self.estimate_more: dict[str, Any] = {}
        self.bodies: list[dict[str, Any]] = []
        self.choose: Callable[[str], pa.Table | None] = self.tables.get

    @property
    def remaining(self) -> int:
        return TOTAL_NANO_RHO - sum(self.charged.values())

    def listing(self, target: str) -> dict[str, Any]:
        if target == "/v1/datasets":
            return {"datasets": self.datasets}
        if target.startswith("/v1/releases/"):
            return self.releases[_number(target)]
        line = {
            "population": "households",
            "budget_nano_rho": TOTAL_NANO_RHO,
            "budget_nano_rho_spent": TOTAL_NANO_RHO - self.remaining,
            "budget_nano_rho_remaining": self.remaining,
            "epsilon_shown": "2.1",
        }
        if target == "/v1/session":
            return {"mode": "production", "minutes_left": 41, "budgets": [line]}
        return {"populations": [line]}

    def query(self, sql: str, asked: int | None) -> bytes:
        table = self.choose(sql)
        assert table is not None  # the handler refuses what nothing answers
        noisy = any(name.endswith("_low") for name in table.column_names)
        cost = (asked or COST_NANO_RHO) if noisy else 0
        self.charged.setdefault(sql, cost)
        details = {
            "answer_id": f"ans_{list(self.charged).index(sql)}",
            "mode": "aggregate" if noisy else "rows",
            "receipt": {"index": 7, "leaf": "00"},
            "cost_nano_rho": cost,
            "epsilon_shown": "0.31" if noisy else "0",
            "budget_nano_rho_remaining": self.remaining,
            "intervals": {
                name.removesuffix("_low"): {"low": name, "high": name[:-3] + "high"}
                for name in table.column_names
                if name.endswith("_low")
            },
            "notes": {"zh": "仅为示例。", "en": "An example only."},
        }
        table = table.replace_schema_metadata({"sandgate": json.dumps(details)})
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)
        stream: bytes = sink.getvalue().to_pybytes()
        return stream

    def estimate(self, body: dict[str, Any]) -> dict[str, Any]:
        """Answer as the gateway does: a wanted exactness costs its inverse square."""
        wanted = body.get("wanted") or {}
        width = float(wanted.get("half_width") or 27.7)
        cost = round(COST_NANO_RHO * (27.7 / width) ** 2)
        priced = body.get("question_nano_rho") or cost
        return {
            "mode": "aggregate",
            "road": "declared",
            "cost_nano_rho": priced,
            "cost_delta_steps": 0,
            "epsilon_shown": "0.31",
            "question_nano_rho": priced,
            "budget_nano_rho_remaining": self.remaining,
            "aggregates": [
                {
                    "name": "households",
                    "function": "units",
                    "half_width": str(width),
                    "relative_error_at_rows": {"100": f"{width / 100}", "1000": f"{width / 1000}"},
                }
            ],
            "alternatives": [
                {
                    "sql": "SELECT COUNT(*) AS households FROM households -- <b>",
                    "why": {"zh": "不按“state”分组", "en": "without grouping by 'state'"},
                    "cost_nano_rho": priced,
                    "error_gain": "8.29",
                }
            ],
            "further_questions": [
                {
                    "population": "households",
                    "questions": self.remaining // priced,
                    "stops_at_level": "licence",
                }
            ],
            "notes": {"zh": "估算不读数据。", "en": "An estimate reads no data."},
            **self.estimate_more,
        }

    def release(self, body: dict[str, Any]) -> dict[str, Any]:
        self.releases.append(body)
        return {"id": f"rel_{len(self.releases)}", "state": "submitted", **body}

    def desk(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Keep a draft and its files, until it is submitted; judge nothing."""
        if path == "/v1/releases":
            return self.release(body)
        if path == "/v1/releases/drafts":
            drafted = {"id": f"rel_{len(self.releases) + 1}", "state": "draft", "drafts": []}
            return self.release({**drafted, **body})
        request = self.releases[_number(path)]
        if path.endswith("/files"):
            request["drafts"].append(body)
        return request


def _number(path: str) -> int:
    return int(path.split("/")[3].removeprefix("rel_")) - 1


class Handler(http.server.BaseHTTPRequestHandler):
    """Speaks the gateway's words; the state lives on the server."""

    server: "UnixServer"

    def do_GET(self) -> None:
        self._answer(200, json.dumps(self.server.state.listing(self.path)).encode())

    def do_POST(self) -> None:
        state = self.server.state
        content = self.rfile.read(int(self.headers["Content-Length"] or 0))
        if self.path.startswith("/v1/release-files"):
            state.handed_in.append(content)
            return self._answer(201, json.dumps({"reference": "upl_1"}).encode())
        body = json.loads(content or b"{}")
        state.languages.append(self.headers["Accept-Language"])
        body.pop("ask", None)  # a random name, of no use to a server that answers at once
        state.bodies.append(body)
        if state.raw is not None:
            return self._answer(*state.raw)
        if self.path.startswith("/v1/releases"):
            return self._answer(201, json.dumps(state.desk(self.path, body)).encode())
        refusal = state.refusals.get(body["sql"])
        if refusal is None and state.choose(body["sql"]) is None:
            refusal = REFUSAL_DEFAULT
        if refusal is not None:
            return self._answer(403, json.dumps(refusal).encode())
        if self.path == "/v1/estimate":
            return self._answer(200, json.dumps(state.estimate(body)).encode())
        return self._answer(200, state.query(body["sql"], body.get("question_nano_rho")))

    def _answer(self, status: int, content: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if content:
            self.wfile.write(content)

    def log_message(self, *_args: object) -> None:
        """Keep the test's output quiet."""


class UnixServer(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """One thread a request, as the real gateway."""

    daemon_threads = True

    def __init__(self, state: GatewayState) -> None:
        self.state = state
        super().__init__(str(state.path), Handler)

    def get_request(self) -> tuple[Any, Any]:
        request, _ = super().get_request()
        return request, ("session", 0)


@pytest.fixture
def gateway() -> Iterator[GatewayState]:
    with tempfile.TemporaryDirectory(prefix="sg") as directory:
        state = GatewayState(Path(directory) / "g.sock")
        with UnixServer(state) as server:
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
            thread.start()
            yield state
            server.shutdown()
            thread.join()


@pytest.fixture
def in_session(gateway: GatewayState, tmp_path: Path) -> Callable[[str], str]:
    """Run a program with the session's Python, the client on its path; return what it printed."""

    def run(program: str) -> str:
        variables = {
            "PATH": "/usr/bin:/bin",
            "HOME": str(tmp_path),
            "PYTHONPATH": str(CLIENT),
            "SANDGATE_GATEWAY": str(gateway.path),
            "SANDGATE_LANGUAGE": "en",
            "IPYTHONDIR": str(tmp_path / "ipython"),
        }
        python = str(SESSION_ENVIRONMENT / "bin" / "python")
        done = subprocess.run(
            [python, "-c", program],
            env=variables,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            cwd=tmp_path,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


@pytest.fixture
def by_state() -> pa.Table:
    return pa.table(
        {
            "state": ["CA", "TX", "<b>NY</b>"],
            "households": [1200, 1100, 900],
            "households_low": [1172, 1072, 872],
            "households_high": [1228, 1128, 928],
        }
    )
