"""Limits of the rules: an upload too large leaves nothing, a flood of denials is counted."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import policies
from audit.tags import EntryKind
from foundation.settings import Settings
from policies.schema.gate import GateRules
from tests.calling import API, entries, problem_of
from tests.city import built_city, opened_city

LIMIT = 5_000


def with_small_limit(folder: Path) -> Path:
    """Copy the policy pack with a small limit for source files."""
    code = shutil.ignore_patterns("*.py", "__pycache__", "schema", "py.typed")
    shutil.copytree(Path(policies.__file__).parent, folder, ignore=code)
    rules = folder / "catalog" / "national.toml"
    lines = [
        f"source_bytes_max = {LIMIT}" if line.startswith("source_bytes_max") else line
        for line in rules.read_text(encoding="utf-8").splitlines()
    ]
    rules.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def chunks(count: int) -> Iterator[bytes]:
    for _ in range(count):
        yield b"a" * 1_000


def test_an_upload_over_the_limit_is_refused(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home", policies=with_small_limit(tmp_path / "policies"))
    path = f"{API}/catalog/datasets/colleges/versions?file_name=rows.csv"
    with opened_city(settings.home, settings=settings) as city:
        founder = city.client("founder")
        for content in (b"a" * (LIMIT + 1), chunks(6)):
            response = founder.post(path, content=content)
            problem = problem_of(response, 413)
            assert (problem["code"], problem["field"]) == ("file_too_large", "$.file")
            assert str(LIMIT) in problem["messages"]["zh"]
        assert problem_of(founder.post(path, content=chunks(5)), 404)["code"] == "dataset_unknown"
        assert not list((settings.home / "uploads").iterdir())


def test_a_flood_of_denials_is_counted_in_one_entry(tmp_path: Path) -> None:
    with built_city(tmp_path) as city:
        limit = city.platform.pack.rules(GateRules).refusals_logged_per_minute_max
        client = city.client("analyst")
        for _ in range(limit + 7):
            problem_of(client.get(f"{API}/log/entries"), 403)
        assert len(entries(city, EntryKind.REQUEST_REFUSED)) == limit
        city.platform.denials.write_counted(everything=True)
        assert entries(city, EntryKind.REFUSALS_COALESCED)[-1].public["count"] == 7
