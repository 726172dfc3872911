"""Step 3, session: a notebook tried on made-up data, run on the real, logged, kept and reopened."""

import copy
import json
from typing import Any

from examples.demo.notebook import SessionClient, read_notebook
from examples.demo.stage import REPOSITORY, Stage, StepFailed
from examples.report.build_report import charts_of_notebook, refusals_of_notebook

NOTEBOOKS = REPOSITORY / "examples" / "notebooks"
NOTEBOOK = NOTEBOOKS / "household_brief.ipynb"
GALLERY = NOTEBOOKS / "question_gallery.ipynb"
WHOLE = 100  # per cent
SHORT = 20  # characters: a shorter line may stand anywhere by chance


def play(stage: Stage) -> dict[str, str]:
    """Try the question, run the notebook and hold every cell to its tag; close and reopen."""
    _try_first(stage)
    session, client = open_session(stage)
    plain = read_notebook(NOTEBOOK)
    client.put_notebook(NOTEBOOK.name, plain)
    notebook = client.run(copy.deepcopy(plain), held)
    stage.write("notebook.ipynb", notebook)
    stage.facts["session"] = session
    stage.facts["notebook"] = notebook
    stage.facts["charts"] = charts_of_notebook(notebook)
    stage.facts["refusals"] = refusals_of_notebook(notebook)
    minutes, percent = _left(notebook)
    cells = _check_cells_logged(stage, session["id"], notebook)
    _close_and_reopen(stage, client, plain)
    stopped = sum(item["stopped"] for item in stage.facts["refusals"])
    return {
        "zh": f"笔记本先在合成数据上试算，不耗预算；随后 {cells} 个单元格在隔离会话中执行，"
        f"日志记下执行人和指纹（加盐摘要），不含原文；{stopped} 项被禁止的操作全部被阻止并留痕；"
        f"会话显示还剩 {minutes} 分钟、隐私预算 {percent}%；关闭后重新打开，笔记本仍在。",
        "en": "The question was tried on synthetic data first, at no cost in budget. Then "
        f"{cells} cells ran in the isolated session; the log holds who ran each and its "
        f"fingerprint (a salted digest), not its text. All {stopped} forbidden things were stopped "
        f"and logged. The session showed {minutes} minutes and {percent}% of the privacy budget "
        "left. Closed and opened again, it still held the notebook.",
    }


def open_session(stage: Stage, mode: str = "production") -> tuple[dict[str, Any], SessionClient]:
    """Open a session of the operator, and enter it by a ticket."""
    analyst = stage.callers["analyst"]
    licence = stage.facts["licence"]
    session = analyst.post("/sessions", {"licence": licence, "mode": mode})
    ticket = analyst.post(f"/sessions/{session['id']}/tickets")["url"]
    return session, SessionClient(stage, ticket)


def _try_first(stage: Stage) -> None:
    """Ask the notebook's question of made-up data: marked as such, and free."""
    session, client = open_session(stage, "debug")
    cells = {
        cell["metadata"].get("sandgate", {}).get("step"): cell
        for cell in read_notebook(NOTEBOOK)["cells"]
    }
    wanted = ("start", "budget", "estimate", "dp_by_state", "budget")
    tried = client.run({"cells": [copy.deepcopy(cells[step]) for step in wanted]}, held)["cells"]
    before, after = (_data(tried[number], "budget") for number in (1, 4))
    priced, answer = _data(tried[2], "estimate"), _data(tried[3], "answer")
    free = before == after and answer["cost_nano_rho"] == 0 < priced["cost_nano_rho"]
    if not free or answer["synthetic"] is not True:
        raise StepFailed(f"the trial was not free, or not marked as synthetic: {answer}")
    client.close()
    stage.callers["analyst"].post(f"/sessions/{session['id']}/close", expect=200)


def _left(notebook: dict[str, Any]) -> tuple[int, int]:
    """Return the minutes and per cent of the privacy budget that the session says are left."""
    (output,) = outputs_of(notebook, "status")
    told = output["data"]["application/vnd.sandgate.status+json"]
    (budget,) = told["budgets"]
    percent = 100 * budget["budget_nano_rho_remaining"] // budget["budget_nano_rho"]
    if told["mode"] != "production" or told["minutes_left"] <= 0 or not 0 < percent < WHOLE:
        raise StepFailed(f"the session's facts are wrong: {told}")
    return told["minutes_left"], percent


def _check_cells_logged(stage: Stage, session: str, notebook: dict[str, Any]) -> int:
    """Insist that each executed cell is in the log, by person and salted digest, without a word."""
    query = {"kind": "sandbox:cell:executed", "licence": stage.facts["licence"], "limit": 500}
    entries = stage.callers["auditor"].get("/log/entries", params=query)["entries"]
    content = [entry["content"] for entry in entries]
    mine = [item for item in content if item["public"].get("session") == session]
    executed = [item for item in mine if item["public"]["by"] == "execute_request"]
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    told = json.dumps(content, ensure_ascii=False)
    lines = {line for cell in cells for line in "".join(cell["source"]).splitlines()}
    shown = [line for line in lines if len(line) > SHORT and json.dumps(line)[1:-1] in told]
    named = {item["actor"]["person"] for item in executed}
    if len(executed) != len(cells) or shown or named != {"analyst"}:
        raise StepFailed(f"{len(executed)} of {len(cells)} cells logged by {named}: {shown}")
    return len(cells)


def _close_and_reopen(stage: Stage, client: SessionClient, plain: dict[str, Any]) -> None:
    """Close the session, take its certificate of destruction, and find the notebook again."""
    analyst, session = stage.callers["analyst"], stage.facts["session"]["id"]
    client.close()
    analyst.post(f"/sessions/{session}/close", expect=200)
    certificate = analyst.post(f"/sessions/{session}/destruction-certificates")
    stage.write("destruction.json", certificate)
    _, again = open_session(stage)
    found = again.get(f"/api/contents/{NOTEBOOK.name}?content=1")
    sources = [
        ["".join(cell["source"]) for cell in kept["cells"]]
        for kept in (plain, found.json().get("content") or {"cells": []})
    ]
    if sources[0] != sources[1]:
        raise StepFailed(f"the notebook was not kept: {found.status_code} {found.text[:300]}")
    stage.facts["session_client"] = again


def _data(cell: dict[str, Any], kind: str) -> Any:
    """Return what a cell's card holds for programs."""
    wanted = f"application/vnd.sandgate.{kind}+json"
    return next(out["data"][wanted] for out in cell["outputs"] if wanted in out.get("data", {}))


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
