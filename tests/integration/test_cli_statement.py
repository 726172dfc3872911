"""The commands for papers against a running service: files for their owner, refusals for others."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select
from typer.testing import CliRunner, Result

from audit.verify.__main__ import run as verify
from foundation.db import reading
from revenue.store import journal
from service.cli_statement import statement
from tests.calling import API
from tests.city import City, built_city
from tests.integration.test_api_products import fetch, release

RUNNER = CliRunner()


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    with built_city(tmp_path_factory.mktemp("city")) as city:
        release(city, city.licence)
        founder = city.client("founder")
        assert founder.post(f"{API}/periods", json={"id": "2026-11"}).status_code == 201
        assert fetch(city).status_code == 201
        assert founder.post(f"{API}/periods/2026-11/close").status_code == 201
        yield city


def run(city: City, account: str, out: Path, *arguments: str) -> Result:
    url = str(city.client(account).base_url).rstrip("/")
    options = ["--token", city.token(account), "--url", url, "--out", str(out)]
    return RUNNER.invoke(statement, [*arguments, *options])


def test_a_payee_saves_its_papers_and_verifies_its_bundle(city: City, tmp_path: Path) -> None:
    own = ("2026-11", "city_bureau")
    for form, begins in (("bundle", b"PK"), ("pdf", b"%PDF"), ("xlsx", b"PK")):
        out = tmp_path / form
        done = run(city, "steward", out, form, *own)
        assert done.exit_code == 0, done.output
        assert out.read_bytes().startswith(begins)
        assert run(city, "buyer", tmp_path / "none", form, *own).exit_code == 1
    key = city.client().get(f"{API}/log/key").text.strip()
    assert verify(["statement", str(tmp_path / "bundle"), "--key", key]) == 0
    assert not (tmp_path / "none").exists()


def test_a_bill_and_a_voucher_are_saved_for_their_readers(city: City, tmp_path: Path) -> None:
    bill = ("bill", "2026-11", city.licence, "--invoice", "25117 & 发票")
    assert run(city, "buyer", tmp_path / "bill", *bill).exit_code == 0
    assert (tmp_path / "bill").read_bytes().startswith(b"%PDF")
    assert run(city, "rival", tmp_path / "none", *bill).exit_code == 1
    with reading(city.platform.engine) as connection:
        name = connection.execute(select(journal.c.id)).scalars().first()
    voucher = ("voucher", str(name), "--form", "xlsx", "--chart", "enterprise")
    assert run(city, "treasurer", tmp_path / "voucher", *voucher).exit_code == 0
    refused = run(city, "buyer", tmp_path / "none", *voucher)
    assert refused.exit_code == 1
    assert "role_missing" in refused.output
