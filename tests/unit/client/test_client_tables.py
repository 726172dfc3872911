"""A rehearsed table as a notebook shows it: its shape, what would not show, and no figure."""

from typing import Any

import pytest

import sandgate
from sandgate.language import Language
from sandgate.releases import ReleaseRequest
from sandgate.tables import CELLS_SHOWN_MAX, Table

DETAILS: dict[str, Any] = {
    "rows": 5,
    "columns": ["region", "totalled", "n", "suppressed"],
    "suppressed_count": 2,
    "suppressed": [{"region": "west<b>"}, {"region": None}],
    "checks": [{"check": "suppression", "ok": True, "text": {"zh": "隐去两格", "en": "two held"}}],
    "note": {"zh": "只对照本授权", "en": "own releases only"},
}
ASKED = {"text": "SELECT 1", "margins": True, "rounding": 0}


def rehearsed(details: dict[str, Any]) -> tuple[Table, list[dict[str, Any]]]:
    sent: list[dict[str, Any]] = []

    def submit(**asked: Any) -> ReleaseRequest:
        sent.append(asked)
        return ReleaseRequest({"id": "rel_1", "state": "checked"})

    return Table(details, ASKED, submit), sent


@pytest.mark.parametrize(
    ("language", "words"),
    [("zh", ("将隐去", "只对照本授权")), ("en", ("held back", "own releases"))],
)
def test_a_card_names_what_would_not_show_in_the_readers_language(
    language: Language, words: tuple[str, str]
) -> None:
    sandgate.language(language)
    table, _ = rehearsed(DETAILS)
    for word in words:
        assert word.lower() in table.html().lower()
        assert word.lower() in table.plain().lower()
    assert "<b>" not in table.html()
    assert "west" in table.html()


def test_a_long_list_is_cut_and_said_to_be() -> None:
    many = [{"region": str(number)} for number in range(CELLS_SHOWN_MAX + 3)]
    table, _ = rehearsed({**DETAILS, "suppressed": many})
    assert "3" in table.plain().splitlines()[CELLS_SHOWN_MAX + 1]


def test_a_rehearsed_table_is_released_as_it_was_asked() -> None:
    table, sent = rehearsed(DETAILS)
    assert table.release("表", "Table").state == "checked"
    assert sent == [{"title_zh": "表", "title_en": "Table", "name": "table.csv", **ASKED}]
