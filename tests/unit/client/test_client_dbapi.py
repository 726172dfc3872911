import json
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.parts import need_session_environment
from tests.unit.client.conftest import GatewayState

pytestmark = need_session_environment

ROWS = pa.table({"state": ["CA", "TX"], "n": [3, 4], "money": [Decimal("1.50"), None]})


def test_a_refusal_is_a_programming_error_with_its_card(
    in_session: Callable[[str], str],
) -> None:
    program = """
import sandgate.dbapi as db
cursor = db.connect().cursor()
try:
    cursor.execute("SELECT name FROM hidden")
except db.ProgrammingError as error:
    print(error.refusal.code, "|", error)
"""
    assert "not_granted | Not permitted" in in_session(program)


def test_a_closed_gateway_is_an_operational_error(in_session: Callable[[str], str]) -> None:
    program = """
import sandgate.dbapi as db
try:
    db.connect("/nowhere.sock").cursor().execute("SELECT 1")
except db.OperationalError as error:
    print(error.refusal.code)
"""
    assert in_session(program).strip() == "gateway_unreachable"


@pytest.mark.parametrize(
    ("use", "error"),
    [
        ("cursor.fetchone()", "InterfaceError"),
        ("cursor.close(); cursor.execute('SELECT 1')", "InternalError"),
        ("connection.close(); connection.cursor()", "InternalError"),
        ("cursor.executemany('SELECT ?', [(1,), (2,)])", "NotSupportedError"),
        ("cursor.execute('SELECT ?', (1, 2))", "DataError"),
        ("cursor.execute('SELECT ?, ?', (1,))", "DataError"),
        ("cursor.execute('SELECT :a', {'b': 1})", "DataError"),
        ("cursor.execute('SELECT ?', (b'x',))", "DataError"),
        ("cursor.execute('SELECT ?', (float('nan'),))", "DataError"),
        ("cursor.execute('SELECT ?', 'x')", "DataError"),
    ],
)
def test_wrong_use_has_the_error_of_the_standard(
    use: str, error: str, in_session: Callable[[str], str]
) -> None:
    program = f"""
import sandgate.dbapi as db
connection = db.connect()
cursor = connection.cursor()
try:
    {use}
except db.Error as error:
    print(type(error).__name__)
"""
    assert in_session(program).strip() == error


def test_rows_come_as_the_standard_says(
    gateway: GatewayState, in_session: Callable[[str], str]
) -> None:
    gateway.tables["SELECT state, n, money FROM t WHERE n > 1 AND state <> '?'"] = ROWS
    program = """
import json, sandgate.dbapi as db
with db.connect() as connection, connection.cursor() as cursor:
    cursor.execute("SELECT state, n, money FROM t WHERE n > ? AND state <> '?'", (1,))
    print(json.dumps({
        "names": [column[0] for column in cursor.description],
        "number": cursor.description[1][1] == db.NUMBER,
        "text": cursor.description[0][1] == db.STRING,
        "rowcount": cursor.rowcount,
        "one": cursor.fetchone()[:2],
        "many": [list(map(str, row)) for row in cursor.fetchmany(5)],
        "none": cursor.fetchone(),
        "receipt": cursor.answer.receipt["index"],
    }))
"""
    told = json.loads(in_session(program))
    assert told == {
        "names": ["state", "n", "money"],
        "number": True,
        "text": True,
        "rowcount": 2,
        "one": ["CA", 3],
        "many": [["TX", "4", "None"]],
        "none": None,
        "receipt": 7,
    }


def test_sqlalchemy_and_pandas_read_through_it(
    gateway: GatewayState, in_session: Callable[[str], str]
) -> None:
    gateway.tables["SELECT t.state, t.n \nFROM t \nWHERE t.state = 'O''Hare'"] = ROWS.select(
        ["state", "n"]
    )
    gateway.tables["SELECT state, n FROM t"] = ROWS.select(["state", "n"])
    gateway.datasets = [
        {
            "name": "t",
            "label_zh": "表",
            "label_en": "Table",
            "columns": [
                {"name": "state", "type": "text", "mode": "rows"},
                {"name": "n", "type": "integer", "mode": "aggregate"},
            ],
        }
    ]
    program = """
import pandas, sqlalchemy as sa
engine = sa.create_engine("sandgate://")
inspected = sa.inspect(engine)
table = sa.Table("t", sa.MetaData(), autoload_with=engine)
with engine.connect() as connection:
    wanted = sa.select(table.c.state, table.c.n).where(table.c.state == "O'Hare")
    found = connection.execute(wanted).all()
    frame = pandas.read_sql(sa.text("SELECT state, n FROM t"), connection)
print(inspected.get_table_names(), inspected.has_table("u"), [c.name for c in table.columns])
print(len(found), found[0].state, list(frame.columns), frame.n.sum())
"""
    assert in_session(program).splitlines() == [
        "['t'] False ['state', 'n']",
        "2 CA ['state', 'n'] 7",
    ]


def written(text: str, parameters: Any) -> str:
    from sandgate.literals import with_parameters  # noqa: PLC0415 - on the path of this folder only

    found: str = with_parameters(text, parameters)
    return found


def test_marks_in_quotes_and_comments_stay_text() -> None:
    text = """SELECT '?', "a?b", x -- ?
        /* ? :a */ FROM t WHERE y = ? AND z = '''?'"""
    assert written(text, (7,)) == text.replace("y = ?", "y = 7")
    assert written("SELECT x::INTEGER, :a, ':a' FROM t", {"a": 1}) == (
        "SELECT x::INTEGER, 1, ':a' FROM t"
    )


@given(st.text(alphabet=st.characters(exclude_characters="\0")))
def test_any_text_is_one_literal(value: str) -> None:
    sql = written("SELECT ?", (value,))
    assert sql.startswith("SELECT '")
    assert sql[8:-1].replace("''", "'") == value


@pytest.mark.parametrize(
    ("value", "literal"),
    [
        (None, "NULL"),
        (True, "TRUE"),
        (-3, "-3"),
        (1e-7, "0.0000001"),
        (Decimal("1E+3"), "1000"),
        (date(2026, 2, 17), "DATE '2026-02-17'"),
        (datetime(2026, 2, 17, 8, 30), "TIMESTAMP '2026-02-17 08:30:00'"),  # noqa: DTZ001
    ],
)
def test_each_type_has_its_literal(value: object, literal: str) -> None:
    assert written("SELECT ?", (value,)) == f"SELECT {literal}"
