"""Step 4, answers: rows are masked, private answers lie near the exact ones, all is logged."""

from typing import Any

import duckdb

from examples.demo.data_step import DATA
from examples.demo.session_step import outputs_of
from examples.demo.stage import Stage, StepFailed

ANSWER_KIND = "application/vnd.sandgate.answer+json"
INSIDE_SHARE_MIN = 0.80
SQL = """SELECT state, COUNT(*) AS tax_units, COUNT(DISTINCT unit) AS households,
       SUM(wages) AS wages_total, AVG(wages) AS wages_mean
FROM households GROUP BY state"""


def play(stage: Stage) -> dict[str, str]:
    """Compare with the exact figures (as the authority), and check log order and masks."""
    private = _private_rows(stage)
    exact = _exact_households()
    rows = [
        {
            "key": row["key"],
            "private": row["value"],
            "low": row["low"],
            "high": row["high"],
            "exact": exact[row["key"]],
        }
        for row in private
    ]
    inside = sum(row["low"] <= row["exact"] <= row["high"] for row in rows)
    if len(rows) != len(exact) or inside < INSIDE_SHARE_MIN * len(rows):
        raise StepFailed(f"only {inside} of {len(rows)} exact figures lie inside their interval")
    told = outputs_of(stage.facts["notebook"], "dp_by_state")[0]["data"][ANSWER_KIND]
    stage.facts["comparison"] = {
        "label": {"zh": "住户数", "en": "Households"},
        "dataset": "households",
        "sql": SQL,
        "cost_nano_rho": told["cost_nano_rho"],
        "epsilon_shown": told["epsilon_shown"],
        "key_column": "state",
        "value_column": "households",
        "rows": sorted(rows, key=lambda row: -row["exact"]),
    }
    _count_units(stage)
    _check_masks(stage)
    answered = _check_log_order(stage)
    return {
        "zh": f"{len(rows)} 个分组中，{inside} 个分组的精确值落在 95% 区间内；"
        f"{answered} 个答案在给出之前，日志中均已有批准该查询的条目。",
        "en": f"{inside} of {len(rows)} exact figures lie inside the 95% interval; each of "
        f"{answered} answers has its decision entry before it.",
    }


def _private_rows(stage: Stage) -> list[dict[str, Any]]:
    """Return the private answer as the operator saw it: the data of the drawn chart."""
    for output in outputs_of(stage.facts["notebook"], "plot_households"):
        for kind, spec in output.get("data", {}).items():
            if kind.startswith("application/vnd.vegalite"):
                data = next(iter(spec["datasets"].values())) if "datasets" in spec else None
                return list(data if data is not None else spec["data"]["values"])
    raise StepFailed("the notebook drew no chart of households")


def _exact_households() -> dict[str, int]:
    """Count households exactly, from the source file: what only the authority may do."""
    query = """SELECT state, COUNT(DISTINCT (survey, household)) FROM read_parquet($file)
               GROUP BY state"""
    found = duckdb.execute(query, {"file": str(DATA / "households.parquet")}).fetchall()
    return {state: count for state, count in found if state is not None}


def _count_units(stage: Stage) -> None:
    """Add the exact numbers of privacy units to the report: the authority's own count."""
    for item, unit in ((0, "(survey, household)"), (1, "college_id")):
        file = DATA / f"{stage.facts['data'][item]['name']}.parquet"
        query = f"SELECT COUNT(DISTINCT {unit}) FROM read_parquet($file)"  # noqa: S608 - ours
        found = duckdb.execute(query, {"file": str(file)}).fetchone()
        stage.facts["data"][item]["units"] = None if found is None else found[0]


def _check_masks(stage: Stage) -> None:
    """Hold the masked rows that the operator saw against the source file."""
    outputs = outputs_of(stage.facts["notebook"], "masked_rows")
    shown = "".join("".join(output.get("data", {}).get("text/html", "")) for output in outputs)
    names = duckdb.execute(
        "SELECT DISTINCT college_id, college_code, source_record FROM read_parquet($file)",
        {"file": str(DATA / "colleges.parquet")},
    ).fetchall()
    leaked = [name for row in names for name in row if f">{name}<" in shown]
    if not shown or leaked:
        raise StepFailed(f"masked columns show source values: {leaked[:3]}")


def _check_log_order(stage: Stage) -> int:
    """Insist that each answer in the log has its decision before it."""
    auditor = stage.callers["auditor"]
    licence = stage.facts["licence"]
    decided = auditor.get(
        "/log/entries", params={"kind": "query:question:decided", "licence": licence, "limit": 500}
    )["entries"]
    given = auditor.get(
        "/log/entries", params={"kind": "query:answer:released", "licence": licence, "limit": 500}
    )["entries"]
    decision_of = {entry["content"]["public"]["question"]: entry["index"] for entry in decided}
    for entry in given:
        question = entry["content"]["public"]["question"]
        if decision_of.get(question, entry["index"]) >= entry["index"]:
            raise StepFailed(f"answer {entry['index']} has no decision before it")
    refused = auditor.get(
        "/log/entries", params={"kind": "query:question:refused", "licence": licence}
    )["entries"]
    if len(refused) < 3:  # noqa: PLR2004 - the notebook asks three forbidden questions
        raise StepFailed(f"only {len(refused)} refusals are in the log")
    return len(given)
