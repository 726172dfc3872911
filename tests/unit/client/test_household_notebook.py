import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pyarrow as pa

from examples.report.build_report import charts_of_notebook, refusals_of_notebook
from tests.parts import REPOSITORY, need_session_environment

FOLDER = REPOSITORY / "examples" / "notebooks"
NOTEBOOK = FOLDER / "household_brief.ipynb"
FORBIDDEN = [
    "protected_column",
    "column_outside_licence",
    "other_dataset",
    "network",
    "host_file",
]
RUN = """
import sys, nbformat
from nbclient import NotebookClient
notebook = nbformat.read(PATH, 4)
NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
nbformat.write(notebook, sys.stdout)
"""


def _cells() -> list[dict[str, Any]]:
    cells: list[dict[str, Any]] = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    return cells


def _noisy(keys: dict[str, list[str]], *names: str) -> pa.Table:
    size = len(next(iter(keys.values())))
    columns: dict[str, list[Any]] = dict(keys)
    for name in names:
        columns |= {name: [100] * size, f"{name}_low": [90] * size, f"{name}_high": [110] * size}
    return pa.table(columns)


def _answer(sql: str) -> pa.Table | None:
    """Answer the notebook's own questions in their shapes; refuse what a licence would not hold."""
    if any(part in sql for part in ("food_support", "tax_register", "SELECT state, wages")):
        return None
    states = {"state": ["CA", "NY"]}
    shapes = {
        "GROUP BY age_band": _noisy(
            {"age_band": ["under_25", "25_34"]}, "tax_units", "wages_mean", "social_security_mean"
        ),
        "FROM households GROUP BY state": _noisy(
            states, "tax_units", "households", "wages_total", "wages_mean"
        ),
        "FROM flights": pa.table({**states, "arrivals": [5, 3], "delay_mean_minutes": [1.5, None]}),
        "GROUP BY degree": pa.table({"degree": ["two_year"], "colleges": [2]}),
        "LIMIT 200": pa.table({"college_code": ["10****"], "not_working": pa.nulls(1)}),
    }
    return next((table for part, table in shapes.items() if part in sql), None)


def test_the_notebook_is_what_its_script_writes_and_holds_no_output() -> None:
    command = [sys.executable, str(FOLDER / "build_notebook.py"), "--check"]
    assert subprocess.run(command, check=False).returncode == 0
    assert not any(cell.get("outputs") for cell in _cells())


def test_five_forbidden_things_are_tried_and_only_expected_refusals_may_raise() -> None:
    told = [cell["metadata"].get("sandgate", {}) for cell in _cells()]
    assert [item["forbidden"] for item in told if "forbidden" in item] == FORBIDDEN
    raising = [cell for cell in _cells() if "raises-exception" in cell["metadata"].get("tags", [])]
    assert [cell["metadata"]["sandgate"]["forbidden"] for cell in raising] == FORBIDDEN[:3]


@need_session_environment
def test_the_notebook_runs_to_its_end_and_draws_every_chart(
    gateway: Any, in_session: Callable[[str], str]
) -> None:
    gateway.choose = _answer
    run = json.loads(in_session(f"PATH = {str(NOTEBOOK)!r}\n{RUN}"))
    kinds = [output["output_type"] for cell in run["cells"] for output in cell.get("outputs", [])]
    assert "error" not in kinds
    assert len(charts_of_notebook(run)) == 4
    cards = refusals_of_notebook(run)
    assert [card["code"] for card in cards[:3]] == ["not_granted"] * 3
    assert all(card["by"] == "sandbox" for card in cards[3:])
    invented, asked = gateway.releases
    assert [file["source"] for file in invented["drafts"]] == ["foreign", "text"]
    assert [file["source"] for file in asked["drafts"]] == ["answer", "figure", "text"]
    assert asked["drafts"][1]["plan"]["data"] == asked["drafts"][0]
    assert asked["title_en"] == "Households and wages by state"
    assert "Most households: CA, 100." in gateway.handed_in[-1].decode()
