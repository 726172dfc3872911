"""Settlement files: written, sent by another, answered by a bank whose bytes nobody trusts."""

import csv
import io
import re
import shutil
import subprocess
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from sqlalchemy import Engine, select

from audit.store import entry
from audit.writer import GroupCommitWriter
from foundation.canonical import sha256_hex
from foundation.db import reading
from foundation.errors import Conflict, Denied, InvalidInput, NotFound
from foundation.identity import Actor, Role
from revenue.flow.confirmations import claim_of
from revenue.settlement_files.details import Details
from revenue.settlement_files.payable import payables
from revenue.settlement_files.writing import (
    FileState,
    SettlementFile,
    file_bytes,
    require_file,
    send_file,
    withdraw_file,
    write_file,
)
from tests.fakes import TickingClock
from tests.parts import need_xmllint
from tests.unit.revenue.bank_answers import answer, answer_csv
from tests.unit.revenue.flow_scene import BUYER, CHIEF, CLERK, REGULATOR, SERVICE, TELLER, Scene

PARTIES = (
    ("platform", "account"),
    ("tax", "tax"),
    ("civil_affairs", "treasury"),
    ("education", "treasury"),
    ("operator", "bank"),
)
XSD = Path(__file__).with_name("pain_001_subset.xsd")
NS = "{urn:iso:std:iso:20022:tech:xsd:pain.001.001.09}"


@pytest.fixture
def scene(engine: Engine, writer: GroupCommitWriter) -> Scene:
    """5,997 fen, collected, confirmed and distributed; accounts registered."""
    made = Scene.over(engine, writer, TickingClock())
    made.licence()
    made.use(times=3)
    made.settle()
    made.receive(5_997)
    made.confirm()
    made.distribute()
    made.register(PARTIES)
    return made


def written(scene: Scene) -> SettlementFile:
    return write_file(scene.writer, CLERK, "operator").value


def sent(scene: Scene) -> SettlementFile:
    return send_file(scene.writer, CHIEF, written(scene).id).value


def lines_of(scene: Scene, file: str) -> list[dict[str, str]]:
    with reading(scene.engine) as connection:
        text = file_bytes(connection, file, "csv").decode()
    return list(csv.DictReader(io.StringIO(text, newline="")))


def take_in(scene: Scene, file: str, data: bytes, form: str = "pain.002") -> object:
    return scene.approve(scene.moves.propose_return(CLERK, file, data, form, "回单"))


@pytest.mark.parametrize(
    "actor", [BUYER, SERVICE, REGULATOR, Actor("x", "another", frozenset({Role.OPERATOR}))]
)
def test_a_stranger_writes_no_file(scene: Scene, actor: Actor) -> None:
    with pytest.raises(Denied):
        write_file(scene.writer, actor, "operator")


def test_a_file_needs_a_second_person_and_goes_once(scene: Scene) -> None:
    file = write_file(scene.writer, TELLER, "operator").value
    with pytest.raises(Denied):
        send_file(scene.writer, TELLER, file.id)
    own = written_by_chief(scene, file)
    with pytest.raises(Denied, match="applicant_cannot_approve"):
        send_file(scene.writer, CHIEF, own.id)
    send_file(scene.writer, CLERK, own.id)
    for move in (send_file, withdraw_file):
        with pytest.raises(Conflict, match="file_state_forbids"):
            move(scene.writer, CLERK, own.id)


def written_by_chief(scene: Scene, before: SettlementFile) -> SettlementFile:
    with pytest.raises(Conflict, match="nothing_payable"):
        write_file(scene.writer, CHIEF, "operator")  # all of it stands in the first file
    withdraw_file(scene.writer, TELLER, before.id)
    return write_file(scene.writer, CHIEF, "operator").value


def test_no_account_no_payment(engine: Engine, writer: GroupCommitWriter) -> None:
    scene = Scene.over(engine, writer, TickingClock())
    scene.licence()
    scene.use()
    scene.settle()
    with pytest.raises(Conflict, match="nothing_payable"):
        written(scene)
    scene.receive(1_999)
    scene.confirm()
    scene.distribute()
    with pytest.raises(Conflict, match="payment_details_missing"):
        written(scene)


@pytest.mark.parametrize(
    "details",
    [
        Details("", "62220000", "102100099996"),
        Details("=cmd()", "62220000", "102100099996"),
        Details("局\u202e", "62220000", "102100099996"),
        Details("局", "6222-0000", "102100099996"),
        Details("局", "62220000", "123"),
        Details("x" * 71, "62220000", "102100099996"),
    ],
)
def test_an_account_is_well_formed(scene: Scene, details: Details) -> None:
    with pytest.raises(InvalidInput, match="payment_details_invalid"):
        scene.moves.propose_details(CLERK, "education", "treasury", details, "登记")


def test_the_files_digests_are_logged_before_anyone_reads_them(
    engine: Engine, scene: Scene
) -> None:
    file = written(scene)
    with reading(engine) as connection:
        body = connection.execute(
            select(entry.c.body).order_by(entry.c.idx.desc()).limit(1)
        ).scalar_one()
        for form, digest in (("csv", file.csv_digest), ("pain.001", file.pain_digest)):
            data = file_bytes(connection, file.id, form)
            assert digest == f"sha256:{sha256_hex(data)}"
            assert digest.encode() in body
    assert re.search(rb"6222[0-9]{10}", body) is None


def test_each_payment_names_the_statement_it_rests_on(engine: Engine, scene: Scene) -> None:
    rows = lines_of(scene, written(scene).id)
    assert sum(round(float(row["amount_yuan"]) * 100) for row in rows) == 5_997
    with reading(engine) as connection:
        for row in rows:
            payee = row["line"].split(":")[1]
            claim = claim_of(connection, row["period"], payee)["digest"]
            assert row["end_to_end_id"].startswith(claim.removeprefix("sha256:")[:24])
    assert len({row["end_to_end_id"] for row in rows}) == 4


# The elements of pain.001.001.09 that we write, in the order of the standard, with its limits.
ORDER = {
    "Document": ("CstmrCdtTrfInitn",),
    "CstmrCdtTrfInitn": ("GrpHdr", "PmtInf"),
    "GrpHdr": ("MsgId", "CreDtTm", "NbOfTxs", "CtrlSum", "InitgPty"),
    "PmtInf": (
        *("PmtInfId", "PmtMtd", "NbOfTxs", "CtrlSum", "ReqdExctnDt", "Dbtr", "DbtrAcct"),
        *("DbtrAgt", "CdtTrfTxInf"),
    ),
    "CdtTrfTxInf": ("PmtId", "Amt", "CdtrAgt", "Cdtr", "CdtrAcct", "RmtInf"),
    "PmtId": ("EndToEndId",),
    "FinInstnId": ("BICFI", "ClrSysMmbId"),
    "ClrSysMmbId": ("ClrSysId", "MmbId"),
}
TEXTS = {
    "MsgId": r".{1,35}",
    "PmtInfId": r".{1,35}",
    "EndToEndId": r".{1,35}",
    "CreDtTm": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ",
    "Dt": r"\d{4}-\d\d-\d\d",
    "NbOfTxs": r"\d{1,15}",
    "CtrlSum": r"\d{1,16}\.\d\d",
    "InstdAmt": r"\d{1,16}\.\d\d",
    "PmtMtd": "TRF",
    "Nm": r".{1,140}",
    "Cd": "CNAPS",
    "MmbId": r".{1,35}",
    "BICFI": r"[A-Z0-9]{4}[A-Z]{2}[A-Z0-9]{2}([A-Z0-9]{3})?",
    "Ustrd": r".{1,140}",
}


def test_the_file_keeps_the_standards_order_and_limits(engine: Engine, scene: Scene) -> None:
    with reading(engine) as connection:
        root = ET.fromstring(file_bytes(connection, written(scene).id, "pain.001"))
    for element in root.iter():
        name = element.tag.removeprefix(NS)
        children = [child.tag.removeprefix(NS) for child in element]
        if name in ORDER:
            places = [ORDER[name].index(child) for child in children]
            assert places == sorted(places), name
        if not children and name in TEXTS:
            assert re.fullmatch(TEXTS[name], element.text or ""), name
    amounts = [element.text for element in root.iter(f"{NS}InstdAmt")]
    assert {element.get("Ccy") for element in root.iter(f"{NS}InstdAmt")} == {"CNY"}
    assert [one.text for one in root.iter(f"{NS}CtrlSum")] == ["59.97", "59.97"]
    assert len(amounts) == 4


@need_xmllint
def test_the_file_is_valid_against_the_schema(engine: Engine, scene: Scene, tmp_path: Path) -> None:
    with reading(engine) as connection:
        data = file_bytes(connection, written(scene).id, "pain.001")
    good, bad = tmp_path / "good.xml", tmp_path / "bad.xml"
    good.write_bytes(data)
    bad.write_bytes(data.replace(b"<PmtMtd>TRF</PmtMtd>", b""))
    command = [shutil.which("xmllint") or "", "--nonet", "--noout", "--schema", str(XSD)]
    assert subprocess.run([*command, str(good)], capture_output=True, check=False).returncode == 0
    assert subprocess.run([*command, str(bad)], capture_output=True, check=False).returncode != 0


def test_what_the_bank_paid_is_posted_and_the_rest_stays_payable(scene: Scene) -> None:
    file = sent(scene)
    rows = lines_of(scene, file.id)
    names = {row["line"]: row["end_to_end_id"] for row in rows}
    failed = names.pop("account:platform")
    data = answer(file.id, [(name, "ACSC") for name in names.values()] + [(failed, "RJCT")])
    take_in(scene, file.id, data)
    held = scene.balances()
    assert held == {"account:platform": -1_886, "bank:operator": 1_886}
    with reading(scene.engine) as connection:
        assert require_file(connection, file.id).state is FileState.RETURNED
        (left,) = payables(connection, "operator")
    assert (left.line, left.fen) == ("account:platform", 1_886)
    again = sent(scene)
    assert lines_of(scene, again.id)[0]["end_to_end_id"] != failed
    take_in(scene, again.id, answer(again.id, [], group="ACSC"))
    assert scene.balances() == {}


def test_an_answer_comes_in_parts_and_each_line_once(scene: Scene) -> None:
    file = sent(scene)
    rows = lines_of(scene, file.id)
    first = [(rows[0]["end_to_end_id"], "paid", rows[0]["amount_yuan"], "")]
    take_in(scene, file.id, answer_csv(first), "csv")
    with pytest.raises(Conflict, match="return_line_unknown"):
        take_in(scene, file.id, answer_csv(first), "csv")
    with reading(scene.engine) as connection:
        assert require_file(connection, file.id).state is FileState.SENT
    rest = [(row["end_to_end_id"], "paid", row["amount_yuan"], "") for row in rows[1:]]
    take_in(scene, file.id, answer_csv(rest), "csv")
    assert scene.balances() == {}


def test_two_proposals_of_one_answer_pay_once(scene: Scene) -> None:
    file = sent(scene)
    data = answer(file.id, [], group="ACSC")
    first = scene.moves.propose_return(CLERK, file.id, data, "pain.002", "回单")
    second = scene.moves.propose_return(CLERK, file.id, data, "pain.002", "回单")
    scene.approve(first)
    with pytest.raises(Conflict, match="file_state_forbids"):
        scene.approve(second)


def test_a_payout_that_came_back_is_payable_again(scene: Scene) -> None:
    file = sent(scene)
    done = take_in(scene, file.id, answer(file.id, [], group="ACSC"))
    journal = done.value.journals[0].id  # type: ignore[attr-defined]
    scene.approve(scene.moves.propose_reversal(CLERK, journal, "退汇"))
    with reading(scene.engine) as connection:
        assert sum(one.fen for one in payables(connection, "operator")) == 5_997


def test_a_distribution_in_a_file_is_not_undone(scene: Scene) -> None:
    from revenue.store import journal  # noqa: PLC0415 - only this test names the table

    file = written(scene)
    with reading(scene.engine) as connection:
        query = select(journal.c.id).where(journal.c.kind == "distribution")
        name = connection.execute(query).scalar_one()
    with pytest.raises(Conflict, match="distribution_paid_out"):
        scene.moves.propose_reversal(CLERK, name, "记错")
    withdraw_file(scene.writer, CLERK, file.id)
    scene.approve(scene.moves.propose_reversal(CLERK, name, "记错"))


def test_an_answer_speaks_only_of_its_own_file(scene: Scene) -> None:
    file = written(scene)
    good = answer(file.id, [], group="ACSC")
    with pytest.raises(Conflict, match="file_state_forbids"):
        take_in(scene, file.id, good)
    send_file(scene.writer, CHIEF, file.id)
    with pytest.raises(NotFound, match="file_unknown"):
        take_in(scene, "file_none", good)
    with pytest.raises(InvalidInput, match="message_not_named"):
        take_in(scene, file.id, answer("file_other", [], group="ACSC"))
    with pytest.raises(Conflict, match="return_line_unknown"):
        take_in(scene, file.id, answer(file.id, [("abc-1", "ACSC")]))
    name = lines_of(scene, file.id)[0]["end_to_end_id"]
    with pytest.raises(InvalidInput, match="amount_invalid"):
        take_in(scene, file.id, answer_csv([(name, "paid", "0.01", "")]), "csv")
    with pytest.raises(Conflict, match="return_line_unknown"):
        take_in(scene, file.id, answer(file.id, [(name, "PDNG")]))  # nothing final in it
