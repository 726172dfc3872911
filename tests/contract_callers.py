"""Which caller the API's fuzzer plays at each operation, and the names that it finds things by.

An operation is asked by somebody whom the roles let in, so that what is tried is the operation and
not only its door. The fuzzer reads this as its configuration; ``turn`` chooses another of those
who may.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from tests.calling import API
from tests.city import City
from tests.city_documents import AUTHORITY, OPERATOR, POPULATION, PROVIDER, licence_json
from tests.endpoint_roles import ROLES

PRINCIPAL = Path(__file__).parent / "integration" / "schemathesis.toml"
PLAYED = ("steward", "analyst", "founder", "checker_one", "auditor", "treasurer", "buyer", "head")
SPARE_LICENCES = 2
LIKELY = 0.8
"""How often a name that the city holds is sent where one is wanted; else one of the fuzzer's."""
_PLACES: Mapping[str, tuple[str, ...]] = {
    "licence": ("path.licence_id", "path.licence", "body.licence", "query.licence"),
    "dataset": ("path.name", "path.dataset", "body.dataset", "query.dataset"),
    "entry": ("path.entry_id", "body.entry", "query.entry"),
    "organisation": ("path.operator", "path.biller", "path.organisation_id", "body.organisation"),
    "person": ("path.person_id", "path.person"),
    "population": ("path.population", "body.population"),
    "demand": ("path.demand_id",),
    "correction": ("path.correction",),
    "matter": ("path.matter_id",),
    "case": ("path.case_id",),
    "period": ("path.period_id",),
    "subscription": ("path.subscription_id",),
    "zone": ("path.zone_id",),
}
_MADE: Sequence[tuple[str, str, str, object]] = (
    (
        *("demand", "steward", "/demands"),
        {"title": "Ages", "need": "Ages", "data_items": ["age"], "wanted": "service"},
    ),
    (
        *("correction", "buyer", "/corrections"),
        {"target": "dataset", "subject": "households", "claim": "A row is wrong.", "evidence": "-"},
    ),
    ("case", "auditor", "/cases", {"grounds": "A question of the audit."}),
    ("period", "founder", "/periods", {"id": "2026-01"}),
    ("subscription", "steward", "/catalog/subscriptions", {"topic": "tag", "subject": "housing"}),
)


def furnish(city: City) -> dict[str, list[str]]:
    """Put one thing of each common kind into the city; return the names of everything by kind."""
    made: dict[str, list[str]] = {
        "licence": [city.licence, *_spare_licences(city)],
        "dataset": ["households", "colleges"],
        "organisation": [PROVIDER, OPERATOR, AUTHORITY],
        "person": ["analyst", "buyer"],
        "population": [POPULATION],
    }
    for kind, caller, path, body in _MADE:
        answer = city.client(caller).post(f"{API}{path}", json=body)
        assert answer.status_code == 201, answer.text
        made[kind] = [answer.json()["id"]]
    entries = city.client("steward").get(f"{API}/catalog/entries").json()["entries"]
    made["entry"] = [entry["id"] for entry in entries]
    return made


def configuration(
    city: City, names: Mapping[str, Sequence[str]], home: Path, *, turn: int = 0
) -> Path:
    """Write the fuzzer's configuration for one turn of callers; return its path."""
    path = home / f"schemathesis-{turn}.toml"
    path.write_text("\n".join((PRINCIPAL.read_text(), *_lines(city, names, turn))))
    return path


def _lines(city: City, names: Mapping[str, Sequence[str]], turn: int) -> Iterator[str]:
    for kind, values in names.items():
        yield f"[dictionaries.{kind}]\nvalues = {json.dumps(list(values))}"
    yield "[parameters]"
    for kind in names:
        for place in _PLACES[kind]:
            yield f'"{place}" = {{ dictionary = "{kind}", probability = {LIKELY} }}'
    tokens = {caller: city.token(caller) for caller in PLAYED}
    paths = city.client().get(f"{API}/openapi.json").json()["paths"]
    for path, methods in paths.items():
        for method in methods:
            name = f"{method.upper()} {path}"
            caller = _caller(method.upper(), path.removeprefix(API), turn)
            yield f'[[operations]]\ninclude-name = "{name}"'
            yield f'headers = {{ Authorization = "Bearer {tokens[caller]}" }}'


def _caller(method: str, path: str, turn: int) -> str:
    """Return who plays an operation: one who may, else the founder (to be refused)."""
    able = [name for name in PLAYED if name in _ABLE.get((method, _plain(path)), ())]
    return able[turn % len(able)] if able else "founder"


def _plain(path: str) -> str:
    return "/".join(
        "{}" if part.startswith("{") or part in {"x", "0"} else part for part in path.split("/")
    )


def _spare_licences(city: City) -> list[str]:
    return [city.grant(licence_json()) for _number in range(SPARE_LICENCES)]


_ABLE = {(method, _plain(path)): callers for (method, path), callers in ROLES.items()}
