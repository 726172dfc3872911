"""What comes from a synthetic twin bears the mark wherever it is shown; nothing else does."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pyarrow as pa
import pytest

import sandgate
from sandgate.listings import Dataset
from sandgate.synthetic import ATTRIBUTE
from sandgate.verification import Verification
from tests.parts import need_session_environment

ZH, EN = "合成数据", "Synthetic data"
TOLD: dict[str, Any] = {
    "mode": "aggregate",
    "synthetic": True,
    "cost_nano_rho": 0,
    "would_cost": {"nano_rho": 5_000_000, "delta_steps": 0},
    "budget_nano_rho_remaining": 97_500_000,
}
CLAIM = {"claim": "clm_1", "answer": "yes", "receipt": "r"}
LISTED: dict[str, Any] = {"name": "households", "label_zh": "住户", "label_en": "Households"}


@pytest.fixture(autouse=True, params=["zh", "en"])
def mark(request: pytest.FixtureRequest) -> Iterator[str]:
    sandgate.language(request.param)
    yield ZH if request.param == "zh" else EN
    sandgate.language("en")


def test_cards_and_tables_of_synthetic_answers_are_marked(by_state: pa.Table, mark: str) -> None:
    answer = sandgate.Answer(by_state, TOLD)
    assert answer.synthetic
    assert repr(answer).startswith(f"【{mark}】")
    html = answer._repr_html_()
    assert f">{mark}</span>" in html
    assert f'aria-label="{mark} · ' in html
    assert "dashed" in html
    assert answer.facts()["synthetic"] is True


def test_what_production_would_take_is_said_in_place_of_a_cost(by_state: pa.Table) -> None:
    text = repr(sandgate.Answer(by_state, TOLD))
    assert "ρ 0.005" in text
    assert "正式查询将消耗" in text or "production would take" in text
    free = sandgate.Answer(by_state, {**TOLD, "would_cost": {"nano_rho": 0}})
    assert "production" not in repr(free)
    assert "正式" not in repr(free)


def test_claims_and_data_sets_are_marked(mark: str) -> None:
    assert repr(Verification({**CLAIM, "synthetic": True})).startswith(f"【{mark}】")
    assert repr(Dataset({**LISTED, "synthetic": True})).startswith(f"【{mark}】")


def test_what_is_real_bears_no_mark(by_state: pa.Table, mark: str) -> None:
    real = sandgate.Answer(by_state, {name: v for name, v in TOLD.items() if name != "synthetic"})
    assert mark not in repr(real) + real._repr_html_()
    assert not real.synthetic
    assert "dashed" not in real._repr_html_()
    assert mark not in repr(Verification(CLAIM)) + repr(Dataset(LISTED))


@need_session_environment
def test_frames_and_pictures_are_marked(in_session: Callable[[str], str]) -> None:
    program = """
import json, pyarrow as pa, sandgate
sandgate.language("zh")
table = pa.table({"state": ["x", "y"], "n": [1, 2]})
for told in ({"synthetic": True}, {}):
    answer = sandgate.Answer(table, told)
    title = answer.plot(x="state", y="n").to_dict().get("title")
    print(json.dumps([answer.to_pandas().attrs, title]))
"""
    marked, real = map(json.loads, in_session(program).splitlines())
    assert marked == [{ATTRIBUTE: True}, ZH]
    assert real == [{}, None]
