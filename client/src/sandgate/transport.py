"""HTTP over the session's one Unix socket; the only place where bytes enter or leave."""

import http.client
import json
import os
import socket
from collections.abc import Mapping
from typing import Any

from sandgate.language import language
from sandgate.refusals import Refused, Unreachable

SOCKET_DEFAULT = "/run/gateway.sock"
TIMEOUT_SECONDS = 300
STATUS_REFUSED_MIN = 400
ARROW_STREAM = "application/vnd.apache.arrow.stream"


class UnixConnection(http.client.HTTPConnection):
    """An HTTP connection whose wire is a Unix socket; no name is ever resolved."""

    def __init__(self, path: str) -> None:
        """Remember the socket's path; the connection opens with the first request."""
        super().__init__("gateway", timeout=TIMEOUT_SECONDS)
        self._path = path

    def connect(self) -> None:
        """Open the Unix socket in place of a TCP one."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def socket_path(given: str | None = None) -> str:
    """Return the path given, else that of the environment, else the session's own."""
    return given or os.environ.get("SANDGATE_GATEWAY") or SOCKET_DEFAULT


def ask(path: str, method: str, target: str, body: Mapping[str, Any] | None = None) -> bytes:
    """Send one request and return the body of a good answer; anything else is ``Refused``."""
    payload = None if body is None else json.dumps(body, ensure_ascii=False).encode()
    return _good(exchange(path, method, target, payload))


def send(path: str, target: str, content: bytes) -> bytes:
    """Send bytes as they are and return the body of a good answer; else raise ``Refused``."""
    return _good(exchange(path, "POST", target, content, "application/octet-stream"))


def exchange(
    path: str,
    method: str,
    target: str,
    payload: bytes | None = None,
    content_type: str = "application/json",
) -> tuple[int, bytes]:
    """Send one request and return status and body, whatever they are."""
    connection = UnixConnection(path)
    headers = {
        "Accept": f"{ARROW_STREAM}, application/json, application/problem+json",
        "Accept-Language": "zh-CN" if language() == "zh" else "en",
        "Content-Type": content_type,
    }
    try:
        connection.request(method, target, body=payload, headers=headers)
        response = connection.getresponse()
        return response.status, response.read()
    except (OSError, http.client.HTTPException):
        raise Unreachable from None
    finally:
        connection.close()


def _good(answered: tuple[int, bytes]) -> bytes:
    status, content = answered
    if status >= STATUS_REFUSED_MIN:
        raise Refused(_problem(status, content))
    return content


def _problem(status: int, content: bytes) -> dict[str, Any]:
    """Read an RFC 9457 problem; a body that is none still yields a readable refusal."""
    try:
        problem = json.loads(content)
    except ValueError:
        problem = None
    if not isinstance(problem, dict):
        return {"code": f"http_{status}", "status": status, "messages": _unreadable(status)}
    return {"status": status, **problem}


def _unreadable(status: int) -> dict[str, str]:
    return {
        "zh": f"平台拒绝了请求（状态 {status}），未附说明。",
        "en": f"The platform refused the request (status {status}) without a reason.",
    }
