"""Step 3, session: a real notebook, executed in a real sandbox over the kernel WebSocket."""

import json
from typing import Any

from examples.demo.notebook import SessionClient, read_notebook
from examples.demo.stage import REPOSITORY, Stage, StepFailed
from examples.report.build_report import charts_of_notebook, refusals_of_notebook

NOTEBOOKS = REPOSITORY / "examples" / "notebooks"
NOTEBOOK = NOTEBOOKS / "household_brief.ipynb"
GALLERY = NOTEBOOKS / "question_gallery.ipynb"


def play(stage: Stage) -> dict[str, str]:
    """Open a session, run the notebook, and hold every cell to what its tag promises."""
    analyst = stage.callers["analyst"]
    session = analyst.post("/sessions", {"licence": stage.facts["licence"]})
    ticket = analyst.post(f"/sessions/{session['id']}/tickets")["url"]
    client = SessionClient(stage, ticket)
    notebook = client.run(read_notebook(NOTEBOOK), held)
    stage.write("notebook.ipynb", notebook)
    stage.facts["session"] = session
    stage.facts["session_client"] = client
    stage.facts["notebook"] = notebook
    stage.facts["charts"] = charts_of_notebook(notebook)
    stage.facts["refusals"] = refusals_of_notebook(notebook)
    stopped = sum(item["stopped"] for item in stage.facts["refusals"])
    cells = sum(cell["cell_type"] == "code" for cell in notebook["cells"])
    return {
        "zh": f"笔记本的 {cells} 个单元格已在隔离会话中执行；"
        f"{stopped} 项被禁止的操作全部被阻止并留痕。",
        "en": f"{cells} cells ran in the isolated session; all {stopped} forbidden things were "
        "stopped and logged.",
    }


def outputs_of(notebook: dict[str, Any], step: str) -> list[dict[str, Any]]:
    """Return the outputs of the cell tagged with a step."""
    for cell in notebook["cells"]:
        if cell.get("metadata", {}).get("sandgate", {}).get("step") == step:
            found: list[dict[str, Any]] = cell.get("outputs", [])
            return found
    raise StepFailed(f"the notebook has no step {step}")


def held(number: int, cell: dict[str, Any]) -> None:
    """Fail the step at the first cell that does not do what its tag promises."""
    told = cell["metadata"].get("sandgate", {})
    kinds = {kind for output in cell["outputs"] for kind in output.get("data", {})}
    broken = [output for output in cell["outputs"] if output["output_type"] == "error"]
    refused = "application/vnd.sandgate.refusal+json" in kinds
    if "forbidden" in told:
        attempts = [
            output["data"]["application/vnd.sandgate.attempt+json"]
            for output in cell["outputs"]
            if "application/vnd.sandgate.attempt+json" in output.get("data", {})
        ]
        if not refused and not (
            attempts and all(attempt["stopped"] and attempt["logged"] for attempt in attempts)
        ):
            raise StepFailed(
                f"cell {number} ({told['forbidden']}) was not stopped: {cell['outputs']}"
            )
    elif broken or refused:
        said = json.dumps(cell["outputs"], ensure_ascii=False)[:1500]
        raise StepFailed(f"cell {number} ({told.get('step', '')}) failed: {said}")
