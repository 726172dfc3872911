"""What the steps of the demo share: the running service, callers with tokens, and the facts found.

The demo is a user. It talks to the service through HTTP, the session proxy and the command line
only; it imports nothing of ours.
"""

import json
import shutil
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

REPOSITORY = Path(__file__).resolve().parents[2]
START_SECONDS_MAX = 60
CALL_SECONDS_MAX = 300


class StepFailed(Exception):
    """A step did not happen as the story says; its text names what was seen instead."""


@dataclass
class Caller:
    """One person with a token, speaking to the service in one language."""

    base: str
    token: str
    language: str

    def call(
        self, method: str, path: str, *, expect: int | None = None, **options: Any
    ) -> httpx.Response:
        """Make one request and insist on the status, where one is expected."""
        headers = {
            "Authorization": f"Bearer {self.token}",
            "Accept-Language": self.language,
            **options.pop("headers", {}),
        }
        url = f"{self.base}/api/v1{path}"
        response = httpx.request(method, url, headers=headers, timeout=CALL_SECONDS_MAX, **options)
        if expect is not None and response.status_code != expect:
            raise StepFailed(
                f"{method} {path}: {response.status_code}, not {expect}: {response.text}"
            )
        return response

    def get(self, path: str, **options: Any) -> Any:
        """GET and return the JSON of a 200."""
        return self.call("GET", path, expect=200, **options).json()

    def post(self, path: str, body: object = None, *, expect: int = 201, **options: Any) -> Any:
        """POST JSON and return the JSON of the answer."""
        return self.call("POST", path, expect=expect, json=body, **options).json()

    def refused(self, method: str, path: str, code: str, **options: Any) -> dict[str, Any]:
        """Insist that a request is refused with a code; return the problem."""
        response = self.call(method, path, **options)
        problem: dict[str, Any] = (
            response.json() if response.status_code >= httpx.codes.BAD_REQUEST else {}
        )
        if problem.get("code") != code:
            raise StepFailed(
                f"{method} {path}: expected the refusal {code}, got {response.text[:300]}"
            )
        return problem


@dataclass
class Stage:
    """Everything the story needs while it plays."""

    language: str
    home: Path
    output: Path
    port: int = 0
    server: subprocess.Popen[bytes] | None = None
    callers: dict[str, Caller] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def base(self) -> str:
        """The service's address."""
        return f"http://127.0.0.1:{self.port}"

    def say(self, zh: str, en: str) -> str:
        """Choose the sentence in the language of the run."""
        return zh if self.language == "zh" else en

    def caller(self, name: str, token: str) -> Caller:
        """Remember a caller under a name."""
        self.callers[name] = Caller(self.base, token, self.language)
        return self.callers[name]

    def environment(self) -> dict[str, str]:
        """Return the environment of the service and of the command line."""
        return {
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": str(self.home),
            "LC_ALL": "C.UTF-8",
            "SANDGATE_HOME": str(self.home),
            "SANDGATE_PORT": str(self.port),
            "SANDGATE_LANGUAGE": self.language,
            "SANDGATE_SESSION_ENVIRONMENT": str(REPOSITORY / ".venv-session"),
        }

    def command(self, *arguments: str, expect: int = 0, caller: str = "") -> str:
        """Run ``sandgate …`` as a user would and return what it printed.

        A caller's token goes through the environment: a command line is for all to see.
        """
        environment = self.environment()
        if caller:
            environment |= {"SANDGATE_TOKEN": self.callers[caller].token, "SANDGATE_URL": self.base}
        done = subprocess.run(
            [sys.executable, "-m", "service.cli", *arguments],
            cwd=REPOSITORY,
            env=environment,
            capture_output=True,
            text=True,
            timeout=CALL_SECONDS_MAX,
            check=False,
        )
        if done.returncode != expect:
            said = (done.stdout + done.stderr)[-2000:]
            raise StepFailed(
                f"sandgate {' '.join(arguments)}: exit {done.returncode}, not {expect}: {said}"
            )
        return done.stdout

    def start_service(self) -> None:
        """Start the real service on a free port and wait until it is ready."""
        shutil.rmtree(self.home, ignore_errors=True)
        self.home.mkdir(parents=True, mode=0o700)
        self.port = _free_port()
        with (self.home / "service.log").open("wb") as log:
            self.server = subprocess.Popen(
                [sys.executable, "-m", "service.cli", "serve"],
                cwd=REPOSITORY,
                env=self.environment(),
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        deadline = time.monotonic() + START_SECONDS_MAX
        while time.monotonic() < deadline:
            if self.server.poll() is not None:
                break
            try:
                if httpx.get(f"{self.base}/api/v1/health", timeout=2).status_code == httpx.codes.OK:
                    return
            except httpx.TransportError:
                time.sleep(0.2)
        raise StepFailed(
            "the service did not start: " + (self.home / "service.log").read_text()[-2000:]
        )

    def stop_service(self) -> None:
        """Stop the service and wait for it."""
        if self.server is not None and self.server.poll() is None:
            self.server.terminate()
            self.server.wait(timeout=30)

    def write(self, name: str, data: bytes | str | dict[str, Any]) -> Path:
        """Write one file of ``demo-output/``."""
        path = self.output / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(data, dict):
            data = json.dumps(data, ensure_ascii=False, indent=2, default=str)
        path.write_bytes(data.encode() if isinstance(data, str) else data)
        return path


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
