"""The gallery, run whole in a real session of the demo's own service, licence and data."""

import json
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from examples.demo import data_step, licence_step, session_step
from examples.demo.notebook import SessionClient, read_notebook
from examples.demo.stage import Stage
from examples.report.build_report import charts_of_notebook
from tests.parts import need_example_data, need_namespaces, need_session_environment

pytestmark = [need_namespaces, need_session_environment, need_example_data, pytest.mark.full]
CARDS = ("answer", "estimate", "datasets", "budget")


def outputs(cell: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = cell.get("outputs", [])
    return found


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_cell_ends_as_its_tag_says(tmp_path: Path, language: str) -> None:
    stage = Stage(language, tmp_path / "home", tmp_path / "output")
    stage.start_service()
    try:
        data_step.play(stage)
        licence_step.play(stage)
        analyst = stage.callers["analyst"]
        session = analyst.post("/sessions", {"licence": stage.facts["licence"]})
        ticket = analyst.post(f"/sessions/{session['id']}/tickets")["url"]
        with closing(SessionClient(stage, ticket)) as client:
            run = client.run(read_notebook(session_step.GALLERY), session_step.held)
    finally:
        stage.stop_service()
    shown = json.dumps([output for cell in run["cells"] for output in outputs(cell)])
    for card in CARDS:
        assert f"application/vnd.sandgate.{card}+json" in shown
    assert shown.count("application/vnd.sandgate.refusal+json") == 1
    drawn = sum(".plot(" in "".join(cell["source"]) for cell in run["cells"])
    assert len(charts_of_notebook(run)) == drawn > 5
