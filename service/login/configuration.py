"""The issuers that this platform believes: a file of the operator of this machine, read once.

Each has a short name of its own, which stands in addresses; what its tokens must hold is stated
here and never learned from the issuer. An address without TLS is for loopback, in development.
"""

import ipaddress
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from foundation.errors import InvalidInput, Message
from foundation.settings import Mode, Settings
from service.login.jose import KIND_OF
from service.outbound import trust_of

Algorithm = Literal[
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA",
    "Ed25519",
]  # fmt: skip
SECRET_CHARACTERS_MIN = 16


class IssuerConfiguration(BaseModel):
    """One issuer: who it is, who we are to it, and what its tokens must say.

    ``audience`` is that of access tokens for the API (RFC 9068); empty takes none from this issuer.
    Such a token counts only with ``api_scope``: one for something else is no key to everything.
    ``identity_claim`` holds the number of a verified natural person, of the register
    ``identity_kind``. ``acr_values`` are asked for, and required, where a recent login is.
    ``founders`` maps an account of the founding to the subject that may use it first.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    alias: str = Field(pattern=r"^[a-z][a-z0-9-]{0,30}$")
    name_zh: str = Field(min_length=1, max_length=80)
    name_en: str = Field(min_length=1, max_length=80)
    issuer: str = Field(pattern=r"^https?://[^\s?#\\]{1,280}$")
    client_id: str = Field(min_length=1, max_length=200)
    client_secret_file: Path | None = None
    client_key_file: Path | None = None
    client_key_algorithm: Algorithm = "RS256"
    algorithms: tuple[Algorithm, ...] = ("RS256",)
    audience: str = Field(default="", max_length=300)
    api_scope: str = Field(default="sandgate", pattern=r"^[a-z][a-z0-9:._-]{1,60}$")
    scopes: tuple[str, ...] = ("openid",)
    endpoints: tuple[str, ...] = ()
    authorities: Path | None = None
    acr_values: tuple[str, ...] = ()
    identity_claim: str = Field(default="", max_length=200)
    identity_kind: str = Field(default="resident_id", pattern=r"^[a-z][a-z0-9_]{1,39}$")
    identity_required: bool = False
    founders: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if (self.client_secret_file is None) == (self.client_key_file is None):
            raise ValueError("a client has either a secret or a key")
        if not self.algorithms or not set(self.algorithms) <= set(KIND_OF):
            raise ValueError("an algorithm is unknown")
        if "openid" not in self.scopes:
            raise ValueError("the scope openid is asked for")
        if self.identity_required and not self.identity_claim:
            raise ValueError("a required identity has a claim")
        return self

    @property
    def addresses(self) -> tuple[str, ...]:
        """Where this issuer may be called: beneath its own address, and what was named besides."""
        return (self.issuer.rstrip("/"), *self.endpoints)

    def client_secret(self) -> str:
        """Return the client's secret. Raises InvalidInput where it cannot be read or is short."""
        return _secret(self.client_secret_file, "client_secret_file", SECRET_CHARACTERS_MIN)

    def client_key(self) -> str:
        """Return the client's PEM key. Raises InvalidInput where it cannot be read."""
        return _secret(self.client_key_file, "client_key_file", 1)


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    issuers: tuple[IssuerConfiguration, ...] = Field(min_length=1, max_length=20)


def read_issuers(settings: Settings) -> tuple[IssuerConfiguration, ...]:
    """Read the file that ``SANDGATE_LOGIN_ISSUERS`` names; none where it is not set.

    Raises InvalidInput where the file, or anything that it names, is not as it must be.
    """
    place = settings.login_issuers
    if place is None:
        return ()
    try:
        table = tomllib.loads(place.read_text(encoding="utf-8"))
        found = _File.model_validate(table).issuers
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
        raise _refused(".".join(str(part) for part in first["loc"])) from error
    except (OSError, ValueError) as error:
        raise _refused("") from error
    whole = tuple(_with_paths(item, place.parent) for item in found)
    for problem in _problems(whole, settings):
        raise _refused(problem)
    return whole


def _with_paths(item: IssuerConfiguration, beneath: Path) -> IssuerConfiguration:
    """Read relative paths from where the file lies."""
    names = ("client_secret_file", "client_key_file", "authorities")
    paths = {name: getattr(item, name) for name in names}
    found = {name: beneath / path for name, path in paths.items() if path is not None}
    return item.model_copy(update=found)


def _problems(issuers: tuple[IssuerConfiguration, ...], settings: Settings) -> Iterator[str]:
    for name in ("alias", "issuer"):
        values = [getattr(item, name) for item in issuers]
        if len(set(values)) < len(values):
            yield name
    for item in issuers:
        if not all(_may_be_called(address, settings.mode) for address in item.addresses):
            yield f"{item.alias}.issuer"
        if item.authorities is not None:
            trust_of(item.authorities)
        if item.client_secret_file is not None:
            item.client_secret()
        else:
            item.client_key()


def _may_be_called(address: str, mode: Mode) -> bool:
    parts = urlsplit(address)
    if parts.scheme == "https":
        return True
    return mode is Mode.DEVELOPMENT and _is_loopback(parts.hostname or "")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _secret(path: Path | None, field: str, characters_min: int) -> str:
    try:
        text = "" if path is None else path.read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        raise _refused(field) from error
    if len(text) < characters_min:
        raise _refused(field)
    return text


def _refused(place: str) -> InvalidInput:
    return InvalidInput(
        "login_issuers_invalid",
        Message(
            f"认证源配置文件（SANDGATE_LOGIN_ISSUERS）不可用：{place or '无法读取'}。",
            f"The file of login issuers (SANDGATE_LOGIN_ISSUERS) is unusable: {place or 'unread'}.",
        ),
        field=place or "login_issuers",
        rule="I10",
        way_out=Message(
            "请按部署文档“统一身份认证”一节填写。",
            "Write it as the deployment page says under single sign-on.",
        ),
    )
