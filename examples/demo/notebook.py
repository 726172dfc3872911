"""Runs a notebook inside a session as a browser would: ticket, cookie, kernel WebSocket, cells."""

import asyncio
import json
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import websockets

from examples.demo.stage import Stage, StepFailed

CELL_SECONDS_MAX = 180
FRAME_BYTES_MAX = 64 << 20


class SessionClient:
    """One browser-like client of a session: programs connect to 127.0.0.1 with a Host header."""

    def __init__(self, stage: Stage, ticket_url: str) -> None:
        """Redeem a one-time ticket for the session's cookie."""
        parts = urlsplit(ticket_url)
        self.host = parts.netloc
        self._stage = stage
        self._http = httpx.Client(
            base_url=stage.base, headers={"Host": self.host}, timeout=120, follow_redirects=False
        )
        path = f"{parts.path}?{parts.query}"
        answer = self._http.get(
            path, headers={"Sec-Fetch-Dest": "iframe", "Sec-Fetch-Site": "cross-site"}
        )
        if answer.status_code not in {302, 303, 307}:
            raise StepFailed(
                f"the ticket was not accepted: {answer.status_code} {answer.text[:200]}"
            )
        self.cookie = answer.headers["set-cookie"].split(";")[0]
        self.root = urlsplit(answer.headers["location"]).path.split("/lab")[0]
        self._http.headers.update({"Cookie": self.cookie, "Origin": f"http://{self.host}"})

    def close(self) -> None:
        """Let go of the connections; the session goes on."""
        self._http.close()

    def get(self, path: str) -> httpx.Response:
        """GET a path below the session's root."""
        return self._http.get(f"{self.root}{path}")

    def put_notebook(self, name: str, notebook: dict[str, Any]) -> None:
        """Save a notebook in the session's home, where the file browser shows it."""
        body = {"type": "notebook", "format": "json", "content": notebook}
        answer = self._http.put(f"{self.root}/api/contents/{name}", json=body)
        if answer.status_code not in {200, 201}:
            raise StepFailed(f"the notebook was not saved: {answer.status_code}")

    def start_kernel(self) -> str:
        """Start the default kernel and return its id."""
        answer = self._http.post(f"{self.root}/api/kernels", json={"name": "python3"})
        if answer.status_code != httpx.codes.CREATED:
            raise StepFailed(f"no kernel: {answer.status_code} {answer.text[:300]}")
        return str(answer.json()["id"])

    def run(
        self, notebook: dict[str, Any], on_cell: Callable[[int, dict[str, Any]], None]
    ) -> dict[str, Any]:
        """Execute all code cells in order; return the notebook with its outputs."""
        return asyncio.run(self._run(notebook, on_cell))

    async def _run(
        self, notebook: dict[str, Any], on_cell: Callable[[int, dict[str, Any]], None]
    ) -> dict[str, Any]:
        kernel = self.start_kernel()
        uri = f"ws://{self.host}{self.root}/api/kernels/{kernel}/channels"
        headers = {"Cookie": self.cookie}
        async with websockets.connect(
            uri,
            host="127.0.0.1",
            port=self._stage.port,
            additional_headers=headers,
            origin=f"http://{self.host}",  # type: ignore[arg-type]
            max_size=FRAME_BYTES_MAX,
            proxy=None,
        ) as socket:
            for number, cell in enumerate(notebook["cells"]):
                if cell["cell_type"] == "code":
                    cell["outputs"] = await _execute(socket, "".join(cell["source"]))
                    cell["execution_count"] = number + 1
                    on_cell(number, cell)
        return notebook


async def _execute(socket: Any, source: str) -> list[dict[str, Any]]:
    message_id = secrets.token_hex(16)
    await socket.send(json.dumps(_execute_request(message_id, source)))
    outputs: list[dict[str, Any]] = []
    while True:
        frame = await asyncio.wait_for(socket.recv(), CELL_SECONDS_MAX)
        message = json.loads(frame) if isinstance(frame, str) else {}
        if message.get("parent_header", {}).get("msg_id") != message_id:
            continue
        content = message["content"]
        kind = message["header"]["msg_type"]
        if kind == "status" and content["execution_state"] == "idle":
            return outputs
        if kind in {"stream", "display_data", "execute_result", "error"}:
            outputs.append(
                {"output_type": kind, **{k: v for k, v in content.items() if k != "transient"}}
            )


def _execute_request(message_id: str, source: str) -> dict[str, Any]:
    return {
        "channel": "shell",
        "header": {
            "msg_id": message_id,
            "msg_type": "execute_request",
            "username": "operator",
            "session": "demo",
            "date": "2026-01-01T00:00:00Z",
            "version": "5.3",
        },
        "parent_header": {},
        "metadata": {},
        "content": {
            "code": source,
            "silent": False,
            "store_history": True,
            "user_expressions": {},
            "allow_stdin": False,
            "stop_on_error": False,
        },
        "buffers": [],
    }


def read_notebook(path: Path) -> dict[str, Any]:
    """Read a notebook file."""
    notebook: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return notebook
