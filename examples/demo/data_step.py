"""Step 1, data: three source departments register real data; broken files leave nothing behind."""

import json
from pathlib import Path
from typing import Any

import httpx

from examples.demo.catalogue import publish_entry
from examples.demo.people import DEPARTMENTS, STEWARD_OF, register_everyone
from examples.demo.stage import REPOSITORY, Stage, StepFailed

DECLARATIONS = REPOSITORY / "examples" / "declarations"
DATA = REPOSITORY / "examples" / "data"
NAMES = ("households", "colleges", "flights", "states")


def play(stage: Stage) -> dict[str, str]:
    """Register entries, populations, data sets and versions; try four broken files."""
    founder = stage.caller("founder", stage.command("token").strip())
    register_everyone(stage, founder)
    manifest = json.loads((DATA / "manifest.json").read_text(encoding="utf-8"))["files"]
    stage.facts["data"] = []
    for name in NAMES:
        declaration = json.loads((DECLARATIONS / f"{name}.json").read_text(encoding="utf-8"))
        stage.facts["data"].append(_register(stage, name, declaration, manifest[name]))
    broken = _refuse_broken_files(stage)
    return {
        "zh": f"三个供数单位登记了真实公开数据；{broken} 个损坏的文件被拒收，未留下任何痕迹。",
        "en": f"Three departments registered real public data; {broken} broken files were "
        "refused and left nothing behind.",
    }


def _register(
    stage: Stage, name: str, declaration: dict[str, Any], manifest: dict[str, Any]
) -> dict[str, Any]:
    steward = stage.callers[STEWARD_OF[name]]
    population = declaration["population"]
    if population:
        stage.callers["founder"].post("/catalog/populations", population)
        stage.callers["approver"].post(f"/catalog/populations/{population['name']}/approval")
    publish_entry(stage, STEWARD_OF[name], declaration["entry"])
    steward.post("/catalog/datasets", declaration["dataset"])
    version = _upload(stage, name, DATA / declaration["file"], declaration["file"]).json()
    counted = steward.get(f"/catalog/datasets/{name}/rows")
    if counted["row_count"] != manifest["rows"]:
        raise StepFailed(f"{name}: {counted['row_count']} rows, not {manifest['rows']}")
    dataset = declaration["dataset"]
    return {
        "name": name,
        "title": {"zh": dataset["label_zh"], "en": dataset["label_en"]},
        "department": declaration["entry"]["provider"]["name"],
        "subject": dataset["subject"],
        "rows": counted["row_count"],
        "units": None,
        "source": declaration["about"],
        "licence": "; ".join(sorted({item["licence"] for item in manifest["sources"]})),
        "version": version["manifest_digest"],
    }


def _upload(stage: Stage, name: str, path: Path, file_name: str) -> httpx.Response:
    with path.open("rb") as file:
        return stage.callers[STEWARD_OF[name]].call(
            "POST",
            f"/catalog/datasets/{name}/versions",
            expect=201,
            params={"file_name": file_name},
            content=file,
        )


def _refuse_broken_files(stage: Stage) -> int:
    """Offer four broken files; each must be refused, and the current version must stay."""
    before = stage.callers["founder"].get("/catalog/datasets")["datasets"]
    whole = (DATA / "colleges.parquet").read_bytes()
    columns = [
        column["name"]
        for column in json.loads((DECLARATIONS / "colleges.json").read_text("utf-8"))["dataset"][
            "columns"
        ]
    ]
    header = ",".join(columns)
    good = ["100001", "US-100001", "record 1", "AL", "bachelor", "2014", "30000", "500", "20"]
    wrong = [*good[:6], "thirty thousand", *good[7:]]
    offered = {
        "truncated.parquet": whole[: len(whole) // 2],
        "wrong_type.csv": f"{header}\n{','.join(wrong)}\n".encode(),
        "missing_column.csv": (",".join(columns[:-1]) + "\n" + ",".join(good[:-1]) + "\n").encode(),
        "bad_row.csv": f"{header}\n{','.join(good)}\n{','.join(good)},surplus\n".encode(),
    }
    stage.facts["broken_files"] = []
    for file_name, content in offered.items():
        problem = stage.callers[STEWARD_OF["colleges"]].refused(
            "POST",
            "/catalog/datasets/colleges/versions",
            "version_refused",
            params={"file_name": file_name},
            content=content,
        )
        stage.facts["broken_files"].append({"file": file_name, "said": problem["detail"]})
    if stage.callers["founder"].get("/catalog/datasets")["datasets"] != before:
        raise StepFailed("a refused file changed the catalogue")
    leftovers = [path for path in (stage.home / "versions").iterdir() if path.name.startswith(".")]
    if leftovers or any((stage.home / "uploads").iterdir()):
        raise StepFailed(f"a refused file left something behind: {leftovers}")
    return len(offered)


__all__ = ["DEPARTMENTS", "play"]
