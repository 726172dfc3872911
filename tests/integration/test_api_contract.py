"""The API against its own contract: no server error and no undocumented answer, whatever is sent.

The fuzzer is a program of its own that knows nothing but the OpenAPI document and some names that
the city holds. It asks each operation as somebody who may, and everything as nobody at all. It
makes the same cases each time, so that a failure here is one that anybody can repeat. The long run
is cut into slices, each with a city of its own: ``--full -k SLICE`` repeats one.
"""

import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from foundation.settings import Settings
from tests.calling import API
from tests.city import City, built_city
from tests.contract_callers import PRINCIPAL, configuration, furnish
from tests.contract_cases import Tried, tried
from tests.parts import SESSION_ENVIRONMENT, need_namespaces, need_session_environment

pytestmark = [need_namespaces, need_session_environment]
CASES_WANTED = 10_000
ANSWER_SECONDS_MAX = 300  # a session may start within one request, on however busy a machine
RUN_SECONDS_MAX = 3_600


@dataclass(frozen=True)
class Slice:
    """A part of the long run: whose turn it is (None: nobody's), which operations, how tried."""

    turn: int | None
    paths: str
    phase: str
    examples: int
    cases_min: int
    mode: str = "all"


EVERY_PATH = "^/"
SLICES = {
    "nobody": Slice(None, EVERY_PATH, "fuzzing", 2, 500),
    "first": Slice(0, EVERY_PATH, "fuzzing", 3, 700),
    "second": Slice(1, EVERY_PATH, "fuzzing", 3, 700),
    "third": Slice(2, EVERY_PATH, "fuzzing", 3, 700),
    "bounds-a-c": Slice(0, f"^{API}/[a-c]", "coverage", 1, 1_700),
    "bounds-d-p": Slice(0, f"^{API}/[d-p]", "coverage", 1, 2_500),
    "bounds-q-r": Slice(0, f"^{API}/[qr]", "coverage", 1, 3_000),
    "bounds-s-z": Slice(0, f"^(?:{API})?/[s-z]", "coverage", 1, 1_500),
    # of form alone: where a header of the configuration takes the place of a broken one, the fuzzer
    # holds the request for broken still
    "chains": Slice(0, EVERY_PATH, "stateful", 100, 200, mode="positive"),
}


@dataclass(frozen=True)
class Fuzzed:
    """A city with a thing of each common kind, and the names to ask for them by."""

    city: City
    names: dict[str, list[str]]
    home: Path

    def run(self, part: Slice) -> Tried:
        """Run the fuzzer; return what it tried. Fails with its report."""
        city, events = self.city, self.home / "events.ndjson"
        configured = PRINCIPAL
        if part.turn is not None:
            configured = configuration(city, self.names, self.home, turn=part.turn)
        command = [
            *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(configured), "run"),
            *(f"{city.client().base_url}{API}/openapi.json", "--checks", "all"),
            *("--header", f"Host: {city.platform.settings.platform_host}"),
            *("--generation-deterministic", "--continue-on-failure", "--no-color"),
            *("--warnings", "off", "--suppress-health-check", "all"),
            *("--request-timeout", f"{ANSWER_SECONDS_MAX}"),
            *("--max-response-time", f"{ANSWER_SECONDS_MAX}", "--mode", part.mode),
            *("--report", "ndjson", "--report-ndjson-path", str(events)),
            *("--phases", part.phase, "--max-examples", f"{part.examples}"),
            *("--include-path-regex", part.paths),
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
        return tried(events)

    def operations(self, part: Slice) -> set[str]:
        """Return what the document describes of a slice, as ``tried`` names it."""
        paths = self.city.client().get(f"{API}/openapi.json").json()["paths"]
        return {
            f"{method.upper()} {path}"
            for path, methods in paths.items()
            if re.match(part.paths, path)
            for method in methods
        }


@pytest.fixture
def fuzzed(tmp_path: Path) -> Iterator[Fuzzed]:
    home = tmp_path / "home"
    settings = Settings(home=home, session_environment=SESSION_ENVIRONMENT)
    with built_city(home, settings=settings) as city:
        yield Fuzzed(city, furnish(city), tmp_path)


def test_no_answer_is_undocumented_and_none_is_an_error(fuzzed: Fuzzed) -> None:
    part = Slice(0, EVERY_PATH, "fuzzing", 1, 0)
    found = fuzzed.run(part)
    assert fuzzed.operations(part) == found.operations
    assert max(found.statuses) < 500
    sliced = (fuzzed.operations(one) for one in SLICES.values() if one.phase == "coverage")
    assert set().union(*sliced) == found.operations


def test_the_slices_are_ten_thousand_cases() -> None:
    assert sum(part.cases_min for part in SLICES.values()) >= CASES_WANTED


@pytest.mark.full
@pytest.mark.timeout(2 * RUN_SECONDS_MAX)
@pytest.mark.parametrize("name", SLICES)
def test_ten_thousand_cases_find_neither(
    fuzzed: Fuzzed, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    part = SLICES[name]
    found = fuzzed.run(part)
    with capsys.disabled():
        sys.stdout.write(f"\n{name}: {found.told()}\n")
    assert found.cases >= part.cases_min
    assert max(found.statuses) < 500
    if part.phase != "stateful":
        assert fuzzed.operations(part) == found.operations
