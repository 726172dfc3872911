"""Part of step 6: a product for public welfare is fetched and metered, and costs nothing."""

import copy
from typing import Any

from examples.demo.licence_step import licence_document
from examples.demo.notebook import SessionClient
from examples.demo.release_step import find_release, review
from examples.demo.stage import Stage, StepFailed

CELLS = (
    "import sandgate",
    (
        "answer = sandgate.sql('SELECT age_band, COUNT(*) AS tax_units, "
        "AVG(social_security) AS social_security_mean FROM households GROUP BY age_band')"
    ),
    "sandgate.release(answer, title_zh='各年龄段养老金', title_en='Social security by age')",
)


def fetch_free_product(stage: Stage) -> None:
    """License for public welfare, ask, release, fetch; insist on a price of zero."""
    licence = _license(stage)
    session = _ask_and_request(stage, licence)
    release = find_release(stage, licence)
    for checker in ("checker_one", "checker_two"):
        review(stage.callers[checker], release)
    path = f"/products/{licence}/fetches"
    fetched = stage.callers["buyer"].call("POST", path, expect=201)
    if fetched.headers["x-gross-micro-fen"] != "0" or not fetched.content:
        raise StepFailed(f"public welfare was charged: {fetched.headers}")
    stage.callers["analyst"].post(f"/sessions/{session}/close", expect=200)


def _license(stage: Stage) -> str:
    document: dict[str, Any] = copy.deepcopy(licence_document())
    document["scenario"] = {
        "name_zh": "养老服务规划（演示）",
        "name_en": "Planning of care for the elderly (demonstration)",
        "purpose": "public_welfare",
    }
    document["grants"] = [document["grants"][0]]
    document["scheme"]["pot"]["sources"] = [document["scheme"]["pot"]["sources"][0]]
    document["scheme"]["pot"]["sources"][0]["maximum_ppm"] = 1_000_000
    document["product"] |= {
        "name_zh": "各年龄段养老金表（虚构示例）",
        "name_en": "Social security by age (fictional example)",
        "price_class": "public_welfare",
    }
    free = {"approval": "", "price_class": "public_welfare", "prices": []}
    document["product"]["tariff"] |= free
    licence = str(stage.callers["founder"].post("/licences", document)["id"])
    stage.callers["approver"].post(f"/licences/{licence}/activate")
    return licence


def _ask_and_request(stage: Stage, licence: str) -> str:
    analyst = stage.callers["analyst"]
    session = str(analyst.post("/sessions", {"licence": licence})["id"])
    client = SessionClient(stage, analyst.post(f"/sessions/{session}/tickets")["url"])
    cells = [{"cell_type": "code", "metadata": {}, "source": [text]} for text in CELLS]
    done = client.run({"cells": cells}, lambda _number, _cell: None)
    refused = [
        output
        for cell in done["cells"]
        for output in cell["outputs"]
        if "application/vnd.sandgate.refusal+json" in output.get("data", {})
    ]
    if refused:
        raise StepFailed(f"the question for public welfare was refused: {refused}")
    return session
