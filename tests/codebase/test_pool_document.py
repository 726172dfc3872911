"""The documented format is the one that the code writes, figure by figure."""

import json
import re

from foundation.money import MICRO_FEN_PER_FEN
from tests.parts import REPOSITORY
from tests.unit.revenue.example_pool import compact, example_document

PAGE = REPOSITORY / "docs/reference/pool-document.md"


def test_the_page_shows_what_the_code_writes() -> None:
    document = example_document()
    text = PAGE.read_text(encoding="utf-8")
    shown = re.search(r"```json\n(.*?)\n```", text, re.DOTALL)
    assert shown is not None
    assert shown.group(1) == compact(document)
    head = text.split("## How each figure follows")[0]
    assert {name for name in document if name != "format" and f"`{name}`" not in head} == set()


def test_the_example_adds_up_as_the_page_says() -> None:
    document = example_document()
    steps = sum(step["micro_fen"] for step in document["steps"])
    lines = document["lines"]
    assert steps == sum(line["micro_fen"] for line in lines)
    assert steps == document["billed_fen"] * MICRO_FEN_PER_FEN
    assert sum(line["fen"] for line in lines) == document["billed_fen"]
    assert sum(line["carry_out_micro_fen"] for line in lines) == 0
    assert document["carry_out_micro_fen"] == 500_000
    by_source = {step["dataset"]: step["micro_fen"] for step in document["steps"]}
    assert (by_source["d_roads"], by_source["d_people"]) == (3_331_075_472, 1_427_603_774)
    assert json.loads(compact(document)) == document
