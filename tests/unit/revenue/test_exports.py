"""The exports as accountants' programs see them: clean, complete, and refused when a fen moves."""

import csv
import io
import shutil
import subprocess
from collections import Counter
from pathlib import Path

import pytest
from sqlalchemy import Engine

from audit.writer import GroupCommitWriter
from foundation.db import reading
from revenue.exports.books import Book, Books, read_books
from revenue.exports.forms import ROOTS, account_name, beancount_text, csv_text, hledger_text
from revenue.exports.yearly import readable_disclosure, yearly_disclosure
from revenue.kinds import AccountKind
from tests.fakes import TickingClock
from tests.parts import need_beancount, need_hledger
from tests.unit.revenue.flow_scene import Scene


@pytest.fixture
def books(engine: Engine, writer: GroupCommitWriter) -> Books:
    """Every kind of journal that the flow posts but the payout."""
    scene = Scene.over(engine, writer, TickingClock())
    scene.licence()
    scene.use(times=3)
    scene.settle()
    scene.deposit(700)
    scene.receive(6_500)
    scene.confirm("civil_affairs", "platform")
    scene.dispute()
    scene.distribute()
    with reading(engine) as connection:
        return read_books(connection)


def bean_check(path: Path) -> int:
    return _run("bean-check", str(path))


def hledger_check(path: Path) -> int:
    return _run("hledger", "-f", str(path), "check", "--strict")


def _run(program: str, *arguments: str) -> int:
    found = shutil.which(program)
    assert found is not None
    return subprocess.run([found, *arguments], capture_output=True, check=False).returncode


FORMS = {
    "beancount": (beancount_text, bean_check, ".beancount"),
    "hledger": (hledger_text, hledger_check, ".journal"),
}
EACH_FORM = [
    pytest.param("beancount", marks=need_beancount),
    pytest.param("hledger", marks=need_hledger),
]


@pytest.mark.parametrize("form", EACH_FORM)
def test_accountants_programs_find_nothing(books: Books, form: str, tmp_path: Path) -> None:
    write, check, suffix = FORMS[form]
    path = tmp_path / f"ledger{suffix}"
    path.write_text(write(books), encoding="utf-8")
    assert check(path) == 0


@pytest.mark.parametrize("edit", ["one leg", "two legs alike", "a whole journal gone"])
@pytest.mark.parametrize("form", EACH_FORM)
def test_a_fen_edited_is_refused(books: Books, form: str, edit: str, tmp_path: Path) -> None:
    write, check, suffix = FORMS[form]
    lines = write(books).splitlines(keepends=True)
    first = next(i for i, line in enumerate(lines) if line.endswith("Henterprise  59.97 CNY\n"))
    other = next(i for i, line in enumerate(lines) if "-18.86 CNY" in line)
    if edit == "a whole journal gone":
        start = max(i for i in range(first) if not lines[i].strip())
        stop = next(i for i in range(first, len(lines)) if not lines[i].strip())
        del lines[start:stop]
    else:
        lines[first] = lines[first].replace("59.97", "59.98")
        if edit == "two legs alike":
            lines[other] = lines[other].replace("-18.86", "-18.87")
    path = tmp_path / f"edited{suffix}"
    path.write_text("".join(lines), encoding="utf-8")
    assert check(path) != 0


def test_the_exports_say_what_the_ledger_holds(books: Books) -> None:
    sums: Counter[str] = Counter()
    for row in csv.DictReader(io.StringIO(csv_text(books), newline="")):
        sums[row["account"]] += int(row["fen"])
    held = {code: fen for code, fen in books.balances().items() if fen}
    assert {code: fen for code, fen in sums.items() if fen} == held
    assert sum(held.values()) == 0
    assert {one.kind for one in books.journals} >= {"settlement", "receipt", "deposit", "hold"}


def test_equal_names_mean_equal_accounts() -> None:
    assert set(ROOTS) == {kind.value for kind in AccountKind}
    holders = ["a:b", "a_b", "a-b", "a-3ab", "ab", "a b", "民政", "A:B", "a::b", 'a"b', "a;b", ""]
    names = [account_name(Book("account", holder, f"account:{holder}")) for holder in holders]
    assert len(set(names)) == len(holders)
    assert all(name.isascii() and '"' not in name and " " not in name for name in names)


@pytest.mark.parametrize("form", EACH_FORM)
def test_an_empty_ledger_exports_clean(form: str, tmp_path: Path) -> None:
    write, check, suffix = FORMS[form]
    path = tmp_path / f"empty{suffix}"
    path.write_text(write(Books((), ())), encoding="utf-8")
    assert check(path) == 0


def test_the_yearly_disclosure_names_what_the_document_asks(
    engine: Engine, writer: GroupCommitWriter
) -> None:
    scene = Scene.over(engine, writer, TickingClock())
    scene.licence()
    scene.use(times=3)
    scene.settle()
    with reading(engine) as connection:
        figures = yearly_disclosure(connection, 2026)
        before = yearly_disclosure(connection, 2025)
    assert (figures["due"], figures["rule"]) == ("2027-03-31", "发改价格〔2025〕65号")
    (body,), (operator,) = figures["implementers"], figures["operators"]
    (authorised,), (sold,) = body["authorisations"], operator["products"]
    assert (body["id"], authorised["operator"]) == ("data_bureau", "operator")
    assert authorised["prices"][0]["ceiling_micro_fen"] == 5_000 * 10**6
    assert (sold["resources"], sold["billed_fen"]) == (["households"], 5_997)
    assert (before["operators"], before["due"]) == (
        [{**operator, "billed_fen": 0, "products": [{**sold, "billed_fen": 0}]}],
        "2026-03-31",
    )
    page = "\n".join(table.markdown("zh") for table in readable_disclosure(figures))
    assert "59.97" in page
    assert "实施机构" in page
