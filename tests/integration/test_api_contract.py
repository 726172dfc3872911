"""The API against its own contract: no server error and no undocumented answer, whatever is sent.

The fuzzer is a program of its own that knows nothing but the OpenAPI document; it plays an official
with several roles, and nobody at all.
"""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.city import City, opened_city

CASES_WANTED = 10_000
RUN_SECONDS_MAX = 1_500
CONFIGURATION = Path(__file__).with_name("schemathesis.toml")


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    """An installation with its founding people and nothing else."""
    with opened_city(tmp_path_factory.mktemp("contract") / "home") as opened:
        yield opened


def fuzz(city: City, *options: str) -> tuple[int, str]:
    """Run the fuzzer with the founder's token; return how many cases it made, and its report."""
    base = city.client().base_url
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIGURATION), "run"),
        *(f"{base}/api/v1/openapi.json", "--checks", "all", "--continue-on-failure"),
        *("--header", f"Authorization: Bearer {city.token('founder')}"),
        *("--header", f"Host: {city.platform.settings.platform_host}"),
        *("--no-color", "--warnings", "off", *options),
    ]
    ran = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=RUN_SECONDS_MAX,
        check=False,
        cwd=city.home,
    )
    made = re.search(r"(\d[\d,]*) generated", ran.stdout)
    cases = int(made[1].replace(",", "")) if made else 0
    assert ran.returncode == 0, ran.stdout[-6_000:] + ran.stderr[-2_000:]
    return cases, ran.stdout


def test_no_answer_is_undocumented_and_none_is_an_error(city: City) -> None:
    cases, report = fuzz(city, "--phases", "fuzzing", "--max-examples", "1", "--seed", "1")
    assert cases >= 300, report


@pytest.mark.full
@pytest.mark.timeout(RUN_SECONDS_MAX)
def test_ten_thousand_cases_find_neither(city: City) -> None:
    cases, report = fuzz(
        city, "--phases", "examples,coverage,fuzzing,stateful", "--max-examples", "40"
    )
    assert cases >= CASES_WANTED, report
