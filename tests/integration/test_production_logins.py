"""I10: production starts with people who sign in at a real issuer, and with nobody else."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from audit.notes import VerifierKey
from catalog.check_digits import resident_check
from foundation.errors import InvalidInput, SandgateError, Unavailable
from foundation.keys import FileKeyStore
from foundation.settings import Mode, Settings
from service.bootstrap import build_platform
from service.doctor import parts_of
from service.login.configuration import read_issuers
from service.login.cookies import COOKIE, FLOW_COOKIE
from service.production import check_mode
from service.tokens import ISSUER_KEY
from tests.city import City, good_host
from tests.parts import need_provider
from tests.signing_in import ALIAS, SECRET, Provider, running_provider, toml_of

ORIGIN = "https://sandgate.test"
ROLES = {
    "officer": "authority",
    "second": "authority",
    "operations": "system_administrator",
    "security": "security_administrator",
    "audit": "audit_administrator",
}


def number_of(place: int) -> str:
    body = f"110105194912310{place:02d}"
    return body + resident_check(body)


NUMBERS = {name: number_of(place) for place, name in enumerate(ROLES, 1)}


def founding_file(directory: Path) -> Path:
    """Write who founds a deployment: each by name, with a number that is not kept."""
    lines = ['authority_zh = "主管部门"', 'authority_en = "Authority"']
    for name, role in ROLES.items():
        person = {
            "id": name,
            "name": name,
            "role": role,
            "account": name,
            "identity_kind": "resident_id",
            "identity_number": NUMBERS[name],
        }
        lines += ["[[people]]", *(f"{key} = {json.dumps(value)}" for key, value in person.items())]
    place = directory / "founding.toml"
    place.write_text("\n".join(lines), encoding="utf-8")
    return place


def production(directory: Path, issuers: Path | None, **further: Any) -> Settings:
    public = FileKeyStore(directory / "authority").ensure_signing_key("authority")
    return Settings(
        **{
            "home": directory / "home",
            "mode": Mode.PRODUCTION,
            "key_holder": "process",
            "authority_key": VerifierKey("authority.test", public).text(),
            "public_url": ORIGIN,
            "login_issuers": issuers,
            "founding": founding_file(directory),
            **further,
        }
    )


@need_provider
def test_production_starts_and_its_founders_sign_in_by_who_they_are(tmp_path: Path) -> None:
    with running_provider(tmp_path / "p", NUMBERS, ORIGIN) as provider:
        place = provider.configured(
            tmp_path, identity_claim="preferred_username", identity_required=True
        )
        settings = production(tmp_path, place)
        city = City(build_platform(settings, host=good_host()), "")
        try:
            _signs_in(city, provider)
        finally:
            city.close()
    assert not list((settings.home / "keys").glob(f"{ISSUER_KEY}*"))
    for found in (tmp_path / "home").rglob("*"):
        assert not found.is_file() or NUMBERS["officer"].encode() not in found.read_bytes(), found


def _signs_in(city: City, provider: Provider) -> None:
    client = city.client()
    shown = client.get("/login").text
    assert f"/login/start/{ALIAS}" in shown
    assert 'name="token"' not in shown
    assert client.post("/login/development", data={"token": "x"}).status_code == 404
    begun = client.get(f"/login/start/{ALIAS}?return=/pages")
    flow = begun.headers["set-cookie"].partition(";")[0]
    assert flow.startswith(f"{FLOW_COOKIE}=")
    back = provider.browser().through(begun.headers["location"], "officer", ORIGIN)
    answer = client.get(back, headers={"Cookie": flow})
    assert answer.status_code == 303, answer.text
    (cookie,) = [
        value.partition(";")[0]
        for value in answer.headers.get_list("set-cookie")
        if value.startswith(f"{COOKIE}=")
    ]
    page = client.get("/pages", headers={"Cookie": cookie})
    assert page.status_code == 200
    assert "officer" in page.text
    (part,) = [part for part in parts_of(city.platform.settings) if part.name == "logins"]
    assert part.stands
    assert provider.issuer in part.how.en


Change = Callable[[Path], dict[str, Any]]


def _used_for_development(directory: Path) -> dict[str, Any]:
    FileKeyStore(directory / "home" / "keys").ensure_signing_key(ISSUER_KEY)
    return {}


REFUSED: dict[str, tuple[Change, str]] = {
    "no issuer": (lambda _: {"login_issuers": None}, "development_issuer_in_production"),
    "no address": (lambda _: {"public_url": ""}, "public_url_not_https"),
    "an address without TLS": (
        lambda _: {"public_url": "http://sandgate.test"},
        "public_url_not_https",
    ),
    "rules of one's own": (lambda path: {"policies": path}, "foreign_rules_in_production"),
    "a home of development": (_used_for_development, "development_keys_in_production"),
    "keys in the same process": (lambda _: {"key_holder": "embedded"}, "key_holder_required"),
    "no key of the authority": (lambda _: {"authority_key": ""}, "authority_key_required"),
    "nobody who founds it": (lambda _: {"founding": None}, "founding_missing"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_production_refuses(name: str, tmp_path: Path) -> None:
    changed, code = REFUSED[name]
    settings = production(tmp_path, _issuers(tmp_path), **changed(tmp_path))
    with pytest.raises(Unavailable) as found:
        build_platform(settings, host=good_host())
    assert found.value.code == code


def _issuers(directory: Path, **changed: object) -> Path:
    (directory / "secret").write_text(SECRET)
    place = directory / "issuers.toml"
    lines = {
        "alias": "city",
        "name_zh": "市",
        "name_en": "City",
        "issuer": "https://idp.test",
        "client_id": "sandgate",
        "client_secret_file": "secret",
        **changed,
    }
    place.write_text(toml_of({key: value for key, value in lines.items() if value is not None}))
    return place


def test_a_good_file_of_issuers_is_read(tmp_path: Path) -> None:
    settings = production(tmp_path, _issuers(tmp_path))
    (issuer,) = read_issuers(settings)
    assert issuer.client_secret() == SECRET
    check_mode(settings, (issuer,))


@pytest.mark.parametrize(
    "changed",
    [
        {"issuer": "http://idp.test"},
        {"issuer": "http://127.0.0.1:1"},  # for development alone
        {"issuer": "ftp://idp.test"},
        {"issuer": "https://idp.test?a=b"},
        {"endpoints": ["http://keys.test"]},
        {"algorithms": ["HS256"]},
        {"algorithms": ["none"]},
        {"algorithms": []},
        {"client_secret_file": None},
        {"client_secret_file": "absent"},
        {"client_key_file": "secret"},  # a secret and a key
        {"authorities": "secret"},  # no PEM
        {"scopes": ["profile"]},
        {"identity_required": True},
        {"alias": "../x"},
        {"client_id": ""},
        {"unknown": 1},
    ],
)
def test_a_bad_file_of_issuers_is_refused(tmp_path: Path, changed: dict[str, object]) -> None:
    settings = production(tmp_path, _issuers(tmp_path, **changed))
    with pytest.raises((InvalidInput, Unavailable)) as found:
        read_issuers(settings)
    assert isinstance(found.value, SandgateError)
    assert SECRET not in str(found.value)


def test_a_short_secret_or_no_file_is_refused(tmp_path: Path) -> None:
    place = _issuers(tmp_path)
    (tmp_path / "secret").write_text("short")
    for settings in (
        production(tmp_path, place),
        production(tmp_path, tmp_path / "absent.toml"),
    ):
        with pytest.raises(InvalidInput):
            read_issuers(settings)


def test_two_issuers_of_one_name_are_refused(tmp_path: Path) -> None:
    place = _issuers(tmp_path)
    place.write_text(place.read_text() * 2)
    with pytest.raises(InvalidInput):
        read_issuers(production(tmp_path, place))
