"""The API against its own contract: no server error and no undocumented answer, whatever is sent.

The fuzzer is a program of its own that knows nothing but the OpenAPI document and some names that
the city holds. It asks each operation as somebody who may, and everything as nobody at all. It
makes the same cases each time, so that a failure here is one that anybody can repeat.
"""

import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.city import City, built_city
from tests.contract_callers import PRINCIPAL, configuration, furnish

CASES_WANTED = 10_000
RUN_SECONDS_MAX = 1_500
TURNS = 3


@dataclass(frozen=True)
class Fuzzed:
    """A city with a thing of each common kind, and the names to ask for them by."""

    city: City
    names: dict[str, list[str]]

    def run(self, configured: Path, *options: str) -> int:
        """Run the fuzzer; return how many cases it made. Fails with its report."""
        city = self.city
        command = [
            *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(configured), "run"),
            *(f"{city.client().base_url}/api/v1/openapi.json", "--checks", "all"),
            *("--header", f"Host: {city.platform.settings.platform_host}"),
            *("--generation-deterministic", "--continue-on-failure", "--no-color"),
            *("--warnings", "off", *options),
        ]
        ran = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=RUN_SECONDS_MAX,
            check=False,
            cwd=city.home,
        )
        assert ran.returncode == 0, ran.stdout[-12_000:] + ran.stderr[-2_000:]
        made = re.search(r"(\d[\d,]*) generated", ran.stdout)
        assert made, ran.stdout
        return int(made[1].replace(",", ""))


@pytest.fixture
def fuzzed(tmp_path: Path) -> Iterator[Fuzzed]:
    with built_city(tmp_path / "home") as city:
        yield Fuzzed(city, furnish(city))


def test_no_answer_is_undocumented_and_none_is_an_error(fuzzed: Fuzzed, tmp_path: Path) -> None:
    configured = configuration(fuzzed.city, fuzzed.names, tmp_path)
    assert fuzzed.run(configured, "--phases", "fuzzing", "--max-examples", "1") >= 300


@pytest.mark.full
@pytest.mark.timeout(4 * RUN_SECONDS_MAX)
def test_ten_thousand_cases_find_neither(fuzzed: Fuzzed, tmp_path: Path) -> None:
    cases = fuzzed.run(PRINCIPAL, "--phases", "fuzzing", "--max-examples", "2")
    for turn in range(TURNS):
        configured = configuration(fuzzed.city, fuzzed.names, tmp_path, turn=turn)
        cases += fuzzed.run(configured, "--phases", "fuzzing", "--max-examples", f"{4 + turn}")
    configured = configuration(fuzzed.city, fuzzed.names, tmp_path)
    cases += fuzzed.run(configured, "--phases", "coverage,stateful", "--max-examples", "2")
    assert cases >= CASES_WANTED
