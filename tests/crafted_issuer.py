"""An issuer in an attacker's hands: it publishes and signs whatever a test tells it to."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey

KEY = RSAKey.generate_key(2048, {"kid": "first", "use": "sig"})
OTHER_KEY = RSAKey.generate_key(2048, {"kid": "second", "use": "sig"})
CLIENT = "sandgate"
AUDIENCE = "https://sandgate.test/api"
Answer = tuple[int, Mapping[str, str], bytes]


class CraftedIssuer:
    """What it publishes; each part can be replaced. ``asked`` holds the paths that were called."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.keys: list[dict[str, Any]] = [dict(KEY.as_dict(private=False))]
        self.further: dict[str, Any] = {}
        self.token: Callable[[Mapping[str, str]], str] = lambda _form: ""
        self.instead: dict[str, Answer] = {}
        self.asked: list[str] = []

    def answer(self, path: str, form: Mapping[str, str]) -> Answer:
        self.asked.append(path)
        if path in self.instead:
            return self.instead[path]
        if path == "/.well-known/openid-configuration":
            return _json(self.metadata())
        if path == "/jwks":
            return _json({"keys": self.keys})
        if path == "/token":
            return _json({"id_token": self.token(form), "access_token": "x"})
        return 404, {}, b""

    def metadata(self) -> dict[str, Any]:
        return {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/jwks",
            "code_challenge_methods_supported": ["S256"],
            **self.further,
        }

    def claims(self, now: int, **further: object) -> dict[str, Any]:
        """Return good claims of an ID token; None takes one away."""
        found = {
            "iss": self.url,
            "aud": CLIENT,
            "sub": "somebody",
            "iat": now,
            "exp": now + 300,
            "auth_time": now,
            **further,
        }
        return {name: value for name, value in found.items() if value is not None}


def signed(claims: Mapping[str, Any], key: RSAKey = KEY, **header: object) -> str:
    """Sign claims with a key that the issuer publishes, unless told otherwise."""
    whole = {"alg": "RS256", "kid": key.kid, **header}
    found = {name: value for name, value in whole.items() if value is not None}
    return jwt.encode(found, dict(claims), key, [str(whole["alg"])])


@contextmanager
def crafted_issuer() -> Iterator[CraftedIssuer]:
    """Serve one on a free port of this machine."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._give(issuer.answer(urlsplit(self.path).path, {}))

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"])).decode()
            form = {name: values[0] for name, values in parse_qs(body).items()}
            self._give(issuer.answer(self.path, form))

        def _give(self, answer: Answer) -> None:
            status, headers, body = answer
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            try:
                self.wfile.write(body)
            except OSError:
                return  # the caller had enough

        def log_message(self, *_args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    issuer = CraftedIssuer(f"http://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield issuer
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _json(document: object) -> Answer:
    return 200, {"Content-Type": "application/json"}, json.dumps(document).encode()
