"""A person at a real issuer: the server as a process, and a browser that signs in there."""

import json
import ssl
import subprocess
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from foundation.settings import Settings
from tests.parts import REPOSITORY

PYTHON = REPOSITORY / ".venv-provider/bin/python"
SECRET = "a-client-secret-of-the-tests"
PASSWORD = "correct horse battery"
ORIGIN = "http://sandgate.localhost:8600"
ALIAS = "city"


@dataclass(frozen=True)
class Provider:
    """A running issuer: its address, its certificate authority, and how settings name it."""

    issuer: str
    directory: Path

    @property
    def authority(self) -> Path:
        return self.directory / "authority.pem"

    def configured(self, home: Path, **further: object) -> Path:
        """Write the file of issuers that names this one; return its place."""
        (home / "client-secret").write_text(SECRET)
        lines: Mapping[str, object] = {
            "alias": ALIAS,
            "name_zh": "市统一身份认证",
            "name_en": "City single sign-on",
            "issuer": self.issuer,
            "client_id": "sandgate",
            "client_secret_file": "client-secret",
            "authorities": str(self.authority),
            "algorithms": ["RS256", "RS512"],
            "scopes": ["openid", "profile"],
            **further,
        }
        place = home / "issuers.toml"
        place.write_text(toml_of(lines))
        return place

    def browser(self) -> "Browser":
        """Return a browser that has signed in nowhere yet."""
        return Browser(httpx.Client(verify=ssl.create_default_context(cafile=self.authority)))


@dataclass
class Browser:
    """What a person does at the issuer: its own pages, its own cookies."""

    client: httpx.Client
    passwords_given: int = field(default=0)

    def through(self, location: str, name: str, origin: str = ORIGIN) -> str:
        """Sign in where the issuer asks; return the path and query that it sends us back to."""
        response = self.client.get(location)
        for _step in range(12):
            if response.is_redirect:
                target = str(response.next_request.url if response.next_request else "")
                if target.startswith(origin):
                    parts = urlsplit(target)
                    return f"{parts.path}?{parts.query}"
                response = self.client.get(target)
                continue
            assert response.status_code == 200, response.text[:400]
            response = self._answer(str(response.url), name)
        raise AssertionError("the issuer sent us round and round")

    def _answer(self, url: str, name: str) -> httpx.Response:
        if "password" in url:
            self.passwords_given += 1
            return self.client.post(url, data={"password": PASSWORD})
        return self.client.post(url, data={"login": name})


@contextmanager
def running_provider(
    directory: Path, people: Mapping[str, str], *origins: str
) -> Iterator[Provider]:
    """Run an issuer that knows these people, each with an identity number or none."""
    world: dict[str, Any] = {
        "people": [
            {
                "user_name": name,
                "emails": [f"{name}@example.org"],
                "password": PASSWORD,
                **({"employee_number": number} if number else {}),
            }
            for name, number in people.items()
        ],
        "clients": [
            {
                "client_id": "sandgate",
                "client_name": "Sandgate",
                "client_secret": SECRET,
                "client_uri": "http://127.0.0.1",  # trusted: it asks for no consent
                "redirect_uris": [
                    f"{item}/login/callback/{ALIAS}" for item in origins or (ORIGIN,)
                ],
                "response_types": ["code"],
                "grant_types": ["authorization_code"],
                "scope": ["openid", "profile"],
                "token_endpoint_auth_method": "client_secret_basic",
            }
        ],
    }
    directory.mkdir()
    (directory / "world.json").write_text(json.dumps(world))
    process = subprocess.Popen(
        [str(PYTHON), str(REPOSITORY / "tests/provider_process.py"), str(directory)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    try:
        issuer = process.stdout.readline().strip()
        assert issuer.startswith("https://"), "the issuer did not start"
        yield Provider(issuer, directory)
    finally:
        process.terminate()
        process.wait(10)
        process.stdout.close()


def toml_of(values: Mapping[str, object]) -> str:
    """Write one issuer as TOML."""
    written = "[[issuers]]\n" + "".join(
        f"{name} = {_value(value)}\n" for name, value in values.items()
    )
    tomllib.loads(written)
    return written


def _value(value: object) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f'"{key}" = {_value(item)}' for key, item in value.items()) + "}"
    return json.dumps(value, ensure_ascii=False)


def settings_for(home: Path, place: Path, **further: Any) -> Settings:
    """Return the settings of a platform that knows one file of issuers."""
    return Settings(home=home, login_issuers=place, **further)
