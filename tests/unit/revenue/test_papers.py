"""A statement, a bill and a voucher leave as PDF and XLSX with the ledger's own figures."""

import io
import zipfile
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, select

from audit.writer import GroupCommitWriter
from foundation.db import reading
from foundation.errors import Denied, NotFound
from foundation.money import yuan_text
from policies.load import load_policies
from policies.schema.accounts import LEDGER_ACCOUNTS, AccountRules
from revenue.kinds import AccountKind, JournalKind
from revenue.official import Official, as_pdf, as_xlsx
from revenue.papers import Printing, bill_paper, check_pool_reader, pool_of, statement_paper
from revenue.store import journal
from revenue.vouchers import JOURNALS, voucher_paper
from tests.fakes import TickingClock
from tests.unit.foundation.test_sheet import cells
from tests.unit.revenue.flow_scene import Scene
from tests.unit.revenue.settling import pot_scheme
from tests.unit.revenue.test_ledger_evidence import used

RULES = load_policies().rules(AccountRules)
EVIL = '=HYPERLINK("http://x")\u202e'
PRINTING = Printing(RULES, EVIL)


@pytest.fixture
def connection(
    engine: Engine, writer: GroupCommitWriter, clock: TickingClock
) -> Iterator[Connection]:
    scene = Scene.over(engine, writer, clock)
    scene.licence()
    scene.licence("licence_b", fen=7, payer="city", scheme=pot_scheme())
    scene.use(times=3)
    for key in ("k1", "k2"):
        used(scene, "licence_b", key, d_roads=200, d_people=40)
    scene.settle()
    scene.receive(6_000)
    with reading(engine) as open_connection:
        yield open_connection


def papers(connection: Connection) -> Iterator[Official]:
    yield statement_paper(connection, "p1", "people_bureau", PRINTING)
    yield statement_paper(connection, "p1", "tax", PRINTING)
    yield bill_paper(connection, "p1", "licence_a", PRINTING)
    for name in connection.execute(select(journal.c.id)).scalars():
        yield voucher_paper(connection, name, "enterprise", PRINTING)
        yield voucher_paper(connection, name, "government", PRINTING)


def facts(paper: Official) -> dict[str, str]:
    return {name.en: value.en for name, value in paper.facts}


def test_every_paper_leaves_in_both_forms_and_languages(connection: Connection) -> None:
    for paper in papers(connection):
        for language in ("zh", "en"):
            pdf = as_pdf(paper, language)
            assert pdf.startswith(b"%PDF-")
            assert language == "en" or pdf == as_pdf(paper, language)
            for active in (b"/JavaScript", b"/URI", b"/Launch"):
                assert active not in pdf
            data = as_xlsx(paper, language)
            assert language == "zh" or data == as_xlsx(paper, language)
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                whole = b"".join(archive.read(name) for name in archive.namelist())
            assert b"<f>" not in whole
            assert b"<hyperlink" not in whole


def test_a_statement_shows_the_ledgers_own_figures(connection: Connection) -> None:
    paper = statement_paper(connection, "p1", "people_bureau", PRINTING)
    pool = pool_of(connection, "p1", "licence_b")
    fen = next(line["fen"] for line in pool["lines"] if line["payee"] == "people_bureau")
    told = facts(paper)
    assert told["Paid (yuan)"] == yuan_text(fen)
    assert told["Treasury revenue item"].startswith("1030799")
    assert told["Invoice number"] == EVIL
    assert sum(fen for _, fen in paper.bars) == pool["billed_fen"]
    terms = paper.tables[1].in_language("zh")["rows"]
    assert [row[1] for row in terms] == ["协1\n备〔2026〕1号"]
    assert any("d_people" in sentence.zh for sentence in paper.sentences)
    assert not any("d_roads" in sentence.zh for sentence in paper.sentences)
    assert paper.notice is not None


def test_the_amounts_of_a_sheet_are_numbers_and_names_are_text(connection: Connection) -> None:
    paper = bill_paper(connection, "p1", "licence_a", PRINTING)
    pool = pool_of(connection, "p1", "licence_a")
    with zipfile.ZipFile(io.BytesIO(as_xlsx(paper, "en"))) as archive:
        table = archive.read("xl/worksheets/sheet2.xml").decode()
    assert f"<v>{pool['billed_fen'] / 100}</v>" in table
    summary = cells(as_xlsx(paper, "en"))
    assert ("s", '=HYPERLINK("http://x")〈U+202E〉') in summary.values()


def test_a_voucher_balances_under_each_chart(connection: Connection) -> None:
    for name in connection.execute(select(journal.c.id)).scalars():
        for chart in ("enterprise", "government"):
            paper = voucher_paper(connection, name, chart, PRINTING)
            rows: list[Any] = paper.tables[0].in_language("en")["rows"]
            sides = [
                sum(int(row[side].replace(",", "").replace(".", "") or 0) for row in rows[:-1])
                for side in (3, 4)
            ]
            assert sides[0] == sides[1] > 0
            assert rows[-1][3] == rows[-1][4] == yuan_text(sides[0])
            assert all(row[0] for row in rows[:-1])


def test_a_bill_is_for_its_payer_and_its_biller(connection: Connection) -> None:
    pool = pool_of(connection, "p1", "licence_a")
    for name in ("enterprise", "operator"):
        check_pool_reader(pool, name)
    for name in ("city", "platform", ""):
        with pytest.raises(Denied, match="bill_not_yours"):
            check_pool_reader(pool, name)


def test_what_is_not_there_is_not_printed(connection: Connection) -> None:
    with pytest.raises(NotFound, match="bill_unknown"):
        bill_paper(connection, "p1", "licence_x", PRINTING)
    with pytest.raises(NotFound, match="statement_unknown"):
        statement_paper(connection, "p1", "stranger", PRINTING)
    with pytest.raises(NotFound, match="statement_unknown"):
        bill_paper(connection, "p2", "licence_a", PRINTING)
    with pytest.raises(NotFound, match="journal_unknown"):
        voucher_paper(connection, "none", "enterprise", PRINTING)


def test_every_kind_of_account_and_journal_has_its_words() -> None:
    assert set(LEDGER_ACCOUNTS) == {kind.value for kind in AccountKind}
    assert set(JOURNALS) == set(JournalKind)
