"""The gallery of questions: what its script writes, one capability a cell, all still allowed."""

import json
import subprocess
import sys
from typing import Any

import pytest

from catalog.datasets import DatasetDeclaration
from catalog.store import NeighbourRelation
from disclosure.outcome import Refused
from disclosure.plan.model import Asked, AskedDataset, PublicTable
from examples.demo.licence_step import licence_document
from tests.parts import REPOSITORY
from tests.planning import plan

FOLDER = REPOSITORY / "examples"
GALLERY = FOLDER / "notebooks" / "question_gallery.ipynb"
CAPABILITIES = {
    *("counts", "people", "sums", "means", "spread", "quantiles", "histogram", "years", "months"),
    *("labels", "unknown_keys", "ranges", "public_join", "per_household", "ranking", "formula"),
    *("estimate", "withheld", "wanted", "wanted_answer", "alternative", "allowed", "read_sql"),
    *("datasets", "budget", "frames"),
}


def cells() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(GALLERY.read_text(encoding="utf-8"))["cells"]
    return found


def questions() -> dict[str, str]:
    """Return the private questions of the gallery's magic cells, by name."""
    sources = ["".join(cell["source"]) for cell in cells() if cell["cell_type"] == "code"]
    asked = [source.partition("\n") for source in sources if source.startswith("%%sandgate")]
    return {head.split()[1]: sql for head, _, sql in asked if "households" in sql}


def demo_licence() -> Asked:
    """Return what the demo's licence grants, as a private question sees it."""
    protected, public = {}, {}
    for grant in licence_document()["grants"]:
        name, columns = grant["dataset"], frozenset(grant["columns"])
        path = FOLDER / "declarations" / f"{name}.json"
        document = json.loads(path.read_text(encoding="utf-8"))["dataset"]
        declaration = DatasetDeclaration.model_validate(document)
        if grant["modes"] == ["aggregate"]:
            protected[name] = AskedDataset(
                declaration, columns, NeighbourRelation.DP_ONLY, {}, has_ranks=True
            )
        elif declaration.subject == "open":
            unique = columns & frozenset(declaration.unique_keys)
            public[name] = PublicTable(declaration, columns, unique)
    return Asked(protected, public)


def test_the_gallery_is_what_its_script_writes_and_holds_no_output() -> None:
    command = [sys.executable, "-m", "examples.notebooks.build_gallery", "--check"]
    assert subprocess.run(command, cwd=REPOSITORY, check=False).returncode == 0
    assert not any(cell.get("outputs") for cell in cells())


def test_each_capability_has_a_cell_and_only_one_refusal_is_expected() -> None:
    told = [cell["metadata"].get("sandgate", {}) for cell in cells()]
    assert {item["step"] for item in told if "step" in item} >= CAPABILITIES
    assert [item["forbidden"] for item in told if "forbidden" in item] == ["maximum"]


@pytest.mark.parametrize("name", questions())
def test_each_question_is_allowed_by_the_demos_licence(name: str) -> None:
    assert plan(questions()[name], demo_licence()).question.aggregates


def test_the_refused_question_has_an_allowed_form() -> None:
    (source,) = ["".join(c["source"]) for c in cells() if "MAX(wages)" in "".join(c["source"])]
    with pytest.raises(Refused) as caught:
        plan(source.split('"')[1], demo_licence())
    assert caught.value.allowed_sql is not None
    assert plan(caught.value.allowed_sql, demo_licence()).question.aggregates
