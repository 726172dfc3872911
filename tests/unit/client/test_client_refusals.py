import json
from collections.abc import Callable, Iterator
from typing import Any

import pyarrow as pa
import pytest

import sandgate
from sandgate.refusals import Unreachable
from tests.parts import need_session_environment

PROTECTED = "SELECT income FROM households"
ALLOWED = "SELECT state, AVG(income) AS mean\nFROM households GROUP BY state -- <b>"
PROBLEM = {
    "type": "about:blank",
    "title": "Denied",
    "status": 403,
    "detail": "Column income is protected",
    "code": "column_protected",
    "field": "income",
    "rule": "policies/privacy@1 <script>",
    "messages": {"zh": "列 income 受保护，不能逐行给出。", "en": "Column income is protected."},
    "way_out": {
        "text": "Ask an aggregate by a declared group.",
        "sql": ALLOWED,
    },
}


@pytest.fixture(autouse=True)
def _english() -> Iterator[None]:
    sandgate.language("en")
    yield
    sandgate.language("en")


@pytest.fixture
def client(gateway: Any) -> sandgate.Gateway:
    return sandgate.Gateway(str(gateway.path))


def test_a_refusal_names_rule_column_and_the_allowed_form(gateway: Any, client: Any) -> None:
    gateway.refusals[PROTECTED] = PROBLEM
    with pytest.raises(sandgate.Refused) as caught:
        client.sql(PROTECTED)
    refused = caught.value
    assert (refused.code, refused.field, refused.status) == ("column_protected", "income", 403)
    assert refused.allowed_sql == ALLOWED
    for part in ("Not permitted", "income", "policies/privacy@1", "Way out", "AVG(income)"):
        assert part in str(refused)


def test_a_card_is_escaped_and_loads_nothing(gateway: Any, client: Any) -> None:
    gateway.refusals[PROTECTED] = PROBLEM
    with pytest.raises(sandgate.Refused) as caught:
        client.sql(PROTECTED)
    html = caught.value.html()
    assert "<script" not in html
    assert "-- &lt;b&gt;" in html
    assert "http" not in html
    assert "src=" not in html


def test_the_card_speaks_the_operators_language(gateway: Any, client: Any) -> None:
    gateway.refusals[PROTECTED] = PROBLEM
    sandgate.language("zh")
    with pytest.raises(sandgate.Refused) as caught:
        client.sql(PROTECTED)
    assert "未获准" in str(caught.value)
    assert "列 income 受保护" in caught.value.html()
    assert gateway.languages == ["zh-CN"]


def test_the_allowed_form_stands_once_on_the_card() -> None:
    way_out = {"zh": "可以改问：SELECT 1", "en": "You can ask instead: SELECT 1", "sql": "SELECT 1"}
    refused = sandgate.Refused({"code": "x", "way_out": way_out})
    assert refused.plain().count("SELECT 1") == 1
    assert "You can ask instead:" in refused.html()


def test_a_way_out_in_both_languages_is_read_in_one() -> None:
    refused = sandgate.Refused({"way_out": {"zh": "改用统计", "en": "Use statistics", "sql": "S"}})
    assert refused.way_out == "Use statistics"
    assert refused.allowed_sql == "S"


@pytest.mark.parametrize("body", [b"", b"<html>", b"[1]", b"\xff\xfe"])
def test_an_error_without_a_problem_is_still_a_readable_refusal(
    gateway: Any, client: Any, body: bytes
) -> None:
    gateway.raw = (502, body)
    with pytest.raises(sandgate.Refused) as caught:
        client.sql("SELECT 1")
    assert caught.value.code == "http_502"
    assert "502" in caught.value.message


def test_a_closed_gateway_says_that_the_session_may_have_ended(tmp_path: Any) -> None:
    with pytest.raises(Unreachable) as caught:
        sandgate.Gateway(str(tmp_path / "absent.sock")).budget()
    assert caught.value.code == "gateway_unreachable"
    assert "suspended" in caught.value.message
    assert caught.value.__cause__ is None


def test_nothing_to_run_when_no_form_was_offered(client: Any) -> None:
    with pytest.raises(sandgate.Refused):
        client.sql("SELECT x FROM elsewhere")
    with pytest.raises(LookupError):
        sandgate.allowed()


def test_an_unknown_language_is_refused() -> None:
    with pytest.raises(ValueError, match="zh"):
        sandgate.language("fr")  # type: ignore[arg-type]


NOTEBOOK_PROGRAM = """
import json, nbformat
from nbclient import NotebookClient
cells = json.loads(CELLS)
notebook = nbformat.v4.new_notebook(cells=[
    nbformat.v4.new_code_cell(source, metadata={"tags": tags}) for source, tags in cells])
NotebookClient(notebook, timeout=60, kernel_name="python3").execute()
print(json.dumps([cell["outputs"] for cell in notebook.cells]))
"""


def _run_cells(in_session: Callable[[str], str], cells: list[tuple[str, list[str]]]) -> Any:
    return json.loads(in_session(f"CELLS = {json.dumps(cells)!r}\n{NOTEBOOK_PROGRAM}"))


@need_session_environment
def test_a_notebook_shows_a_card_in_place_of_a_traceback_and_goes_on(
    gateway: Any, in_session: Callable[[str], str]
) -> None:
    gateway.refusals[PROTECTED] = PROBLEM
    gateway.tables[ALLOWED] = pa.table({"state": ["CA"], "mean": [5]})
    refused, after = _run_cells(
        in_session,
        [
            (
                f"import sandgate\nsandgate.sql({PROTECTED!r})\nprint('reached')",
                ["raises-exception"],
            ),
            ("%load_ext sandgate\nsandgate.allowed()", []),
        ],
    )
    assert [output["output_type"] for output in refused] == ["display_data"]
    card = refused[0]["data"]["application/vnd.sandgate.refusal+json"]
    assert (card["code"], card["field"]) == ("column_protected", "income")
    assert "Column income is protected." in refused[0]["data"]["text/html"]
    assert after[0]["data"]["application/vnd.sandgate.answer+json"]["rows"] == 1


@need_session_environment
def test_the_cell_magic_refuses_as_a_card_and_keeps_an_answer_by_name(
    gateway: Any, in_session: Callable[[str], str]
) -> None:
    gateway.tables["SELECT 1\n"] = pa.table({"one": [1]})
    program = """
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
shell.run_line_magic("load_ext", "sandgate")
shell.run_cell("%%sandgate\\nSELECT nothing\\n")
shell.run_cell("%%sandgate two words\\nSELECT 1\\n")
shell.run_cell("%%sandgate kept\\nSELECT 1\\n")
print(shell.user_ns["kept"].table.to_pydict())
"""
    printed = in_session(program)
    assert "Not permitted: The licence does not hold that name." in printed
    assert "Traceback" not in printed.split("Not permitted")[0]
    assert "takes one variable name" in printed
    assert "{'one': [1]}" in printed
