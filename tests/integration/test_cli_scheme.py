"""The scheme commands against a running service: a bad file, a refusal, then two people."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from service.cli_scheme import scheme
from tests.city import City, built_city
from tests.integration.test_api_schemes import scheme as scheme_json

RUNNER = CliRunner()


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    with built_city(tmp_path_factory.mktemp("city")) as city:
        yield city


def run(city: City, account: str, *arguments: str) -> Result:
    url = str(city.client(account).base_url).rstrip("/")
    return RUNNER.invoke(scheme, [*arguments, "--token", city.token(account), "--url", url])


def written(folder: Path, document: Any) -> str:
    path = folder / "scheme.json"
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    return str(path)


def test_a_scheme_goes_from_a_file_to_its_approval(city: City, tmp_path: Path) -> None:
    licence = city.licence
    assert run(city, "founder", "propose", licence, str(tmp_path / "none.json")).exit_code == 2
    assert run(city, "founder", "propose", licence, written(tmp_path, "{")).exit_code == 2
    endless = written(tmp_path, scheme_json(shares=[]))
    assert run(city, "founder", "propose", licence, endless).exit_code == 2
    good = written(tmp_path, scheme_json())
    assert run(city, "analyst", "propose", licence, good).exit_code == 1
    proposed = run(city, "founder", "propose", licence, good)
    assert proposed.exit_code == 0, proposed.output
    digest = json.loads(proposed.output)["digest"]
    assert run(city, "founder", "approve", licence, digest).exit_code == 1
    assert run(city, "approver", "approve", licence, digest).exit_code == 0
    shown = json.loads(run(city, "buyer", "show", licence).output)
    assert shown["in_force"] == digest
