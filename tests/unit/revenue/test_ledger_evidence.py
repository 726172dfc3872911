"""A platform that doctors its own ledger before exporting it is caught by the verifier alone."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from audit.events import AuditEvent, no_effect
from audit.export import export_bundle
from audit.tags import EntryKind
from audit.verify.__main__ import verify_files
from audit.verify.findings import Report
from audit.verify.notes import read_key
from audit.verify.sources import read_source
from audit.writer import GroupCommitWriter
from authorization.signing import document_bytes, document_digest
from foundation.canonical import canonical_bytes, digest
from foundation.db import reading
from foundation.identity import Actor
from policies.schema.revenue import Meter
from revenue.billing import Billing
from revenue.export import export_ledger
from revenue.metering import Source, Use
from revenue.periods import close_period
from revenue.schemes.versions import scheme_digest_in_force
from tests.fakes import TickingClock
from tests.unit.revenue.flow_scene import CHIEF, CLERK, RULES, Scene
from tests.unit.revenue.settling import pot_scheme, source

Files = dict[str, bytes]
Verify = Callable[[Files], Report]
BILLING = Billing(RULES, scheme_digest_in_force)


def used(scene: Scene, name: str, key: str, **rows: int) -> None:
    """Bill a fetch that rests on some rows of each data set."""
    sources = [Source(dataset, ("a", "b"), count) for dataset, count in rows.items()]
    use = Use(scene.licences[name], "rel_1", "enterprise", {Meter.FETCH: 1}, sources, key)
    scene.act(lambda connection, entry: BILLING.bill(connection, entry, use))


def exported(engine: Engine) -> Files:
    with reading(engine) as connection:
        return dict(export_ledger(connection))


@pytest.fixture
def ledger(engine: Engine, writer: GroupCommitWriter, clock: TickingClock) -> Files:
    scene = Scene.over(engine, writer, clock)
    sources = (source("d_roads", approved_rows=250), source("d_people", maximum_ppm=400_000))
    pot = pot_scheme(sources=sources)
    for licence in (scene.licence(), scene.licence("licence_b", fen=7, payer="city", scheme=pot)):
        public = {"document_digest": document_digest(document_bytes(licence))}
        writer.submit(AuditEvent(EntryKind.LICENCE_ACTIVATED, CLERK, public), no_effect)
    for times in (1, 3):
        scene.use(times=times)
    for key in ("k1", "k2", "k1"):
        used(scene, "licence_b", key, d_roads=200, d_people=40)
    scene.settle()
    scene.receive(6_000)
    scene.confirm()
    scene.distribute()
    used(scene, "licence_b", "k3", d_roads=1)
    scene.dispute(hold=True)
    scene.next_period("p2", "p3")
    undone = next(
        journal["id"]
        for journal in lines_of(exported(engine)["journals.jsonl"])
        if (journal["period"], journal["kind"]) == ("p2", "settlement")
    )
    scene.approve(scene.moves.propose_reversal(CLERK, undone, "误记"), CHIEF)
    close_period(writer, CLERK, "p3", RULES)
    files = exported(engine)
    documents = b"".join(document_bytes(one) + b"\n" for one in scene.licences.values())
    return {**files, "licences.jsonl": documents}


@pytest.fixture
def verify(engine: Engine, writer: GroupCommitWriter, authority: Actor, tmp_path: Path) -> Verify:
    def checked(files: Files) -> Report:
        out = tmp_path / "bundle.zip"
        key = writer.verifier_key
        export_bundle(engine, writer, authority, key=key, files=files, out=out)
        return verify_files(read_source(out), read_key(key.text()))

    return checked


def lines_of(data: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in data.splitlines()]


def as_lines(records: list[dict[str, Any]]) -> bytes:
    return b"".join(canonical_bytes(record) + b"\n" for record in records)


def resealed(document: Mapping[str, Any], *, without: tuple[str, ...] = ()) -> dict[str, Any]:
    content = {key: value for key, value in document.items() if key not in {"digest", *without}}
    return {**document, "digest": digest(content)}


def as_documents(name: str, change: Callable[[dict[str, Any]], None]) -> Callable[[Files], None]:
    """Change every document of a folder, each kept under its new digest as if it were true."""

    def doctor(files: Files) -> None:
        for path in [path for path in files if path.startswith(f"{name}/")]:
            document = json.loads(files.pop(path))
            change(document)
            files[f"{name}/{digest(document).removeprefix('sha256:')}.json"] = canonical_bytes(
                document
            )

    return doctor


def in_statement(change: Callable[[dict[str, Any]], None], period: str = "p1") -> Any:
    def doctor(files: Files) -> None:
        statement = json.loads(files[f"statements/{period}.json"])
        change(statement)
        files[f"statements/{period}.json"] = canonical_bytes(resealed(statement))

    return doctor


def in_lines(name: str, change: Callable[[list[dict[str, Any]]], Any]) -> Callable[[Files], None]:
    def doctor(files: Files) -> None:
        records = lines_of(files[name])
        change(records)
        files[name] = as_lines(records)

    return doctor


def one_fen_moved(statement: dict[str, Any]) -> None:
    first, second = statement["lines"][:2]
    first["fen"], second["fen"] = first["fen"] + 1, second["fen"] - 1
    lines = statement["pools"][0]["lines"]
    lines[0]["fen"], lines[1]["fen"] = lines[0]["fen"] + 1, lines[1]["fen"] - 1


def pool_hidden(statement: dict[str, Any]) -> None:
    gone = statement["pools"].pop()
    statement["lines"] = [line for line in statement["lines"] if line["licence"] != gone["licence"]]
    statement["pool_fen"] -= gone["billed_fen"]


def leg_moved(journals: list[dict[str, Any]]) -> None:
    legs = journals[0]["postings"]
    legs[1]["fen"], legs[2]["fen"] = legs[1]["fen"] - 1, legs[2]["fen"] + 1
    journals[0] = resealed(journals[0], without=("audit_leaf",))


def journal_doubled(journals: list[dict[str, Any]]) -> None:
    again = {**journals[0], "id": "journal_again"}
    journals.append(resealed(again, without=("audit_leaf",)))


def of_kind(kind: str, change: Callable[[list[dict[str, Any]], int], None]) -> Any:
    def doctor(journals: list[dict[str, Any]]) -> None:
        place = next(i for i, journal in enumerate(journals) if journal["kind"] == kind)
        change(journals, place)

    return doctor


def renamed(journals: list[dict[str, Any]], place: int) -> None:
    changed = {**journals[place], "kind": "adjustment"}
    journals[place] = resealed(changed, without=("audit_leaf",))


def forgotten(journals: list[dict[str, Any]], place: int) -> None:
    del journals[place]


def statement_dropped(files: Files) -> None:
    del files["statements/p1.json"]


def share_edited_in_the_licence(documents: list[dict[str, Any]]) -> None:
    shares = documents[0]["scheme"]["shares"]
    shares[0]["ppm"], shares[1]["ppm"] = 333_332, 333_334


DOCTORED: Mapping[str, Callable[[Files], None]] = {
    "a fen moved between payees": in_statement(one_fen_moved),
    "a pool left out": in_statement(pool_hidden),
    "a weight raised": in_statement(
        lambda doc: doc["pools"][1]["contributions"][0].update(weight=10**9)
    ),
    "a carry kept back": in_statement(
        lambda doc: doc["pools"][0]["lines"][0].update(carry_out_micro_fen=1)
    ),
    "a statement dropped": statement_dropped,
    "usage dropped": in_lines("usage.jsonl", lambda lines: lines.pop(0)),
    "usage priced higher": in_lines(
        "usage.jsonl", lambda lines: lines[0].update(gross_micro_fen=10**12)
    ),
    "usage of another licence": in_lines(
        "usage.jsonl", lambda lines: lines[0].update(licence="licence_b")
    ),
    "usage of no entry": in_lines("usage.jsonl", lambda lines: lines[0].update(audit_index=10**6)),
    "a contribution padded": in_lines(
        "contributions.jsonl", lambda lines: lines[0].update(rows=10**6)
    ),
    "a contribution dropped": in_lines("contributions.jsonl", lambda lines: lines.pop()),
    "a journal dropped": in_lines("journals.jsonl", lambda lines: lines.pop(0)),
    "a journal edited": in_lines("journals.jsonl", leg_moved),
    "a journal doubled": in_lines("journals.jsonl", journal_doubled),
    "a distribution that never was": in_lines("journals.jsonl", of_kind("distribution", forgotten)),
    "a receipt by another name": in_lines("journals.jsonl", of_kind("receipt", renamed)),
    "a hold forgotten": in_lines("journals.jsonl", of_kind("hold", forgotten)),
    "a share edited in the licence": in_lines("licences.jsonl", share_edited_in_the_licence),
    "a tariff raised": as_documents(
        "tariffs", lambda document: document["prices"][0].update(micro_fen=1)
    ),
    "a scheme changed": as_documents("schemes", lambda document: document.update(version="s9")),
    "a rule changed": as_documents("rules", lambda document: document.update(payer="nobody")),
}


@pytest.mark.parametrize("name", DOCTORED)
def test_a_doctored_ledger_is_refused(ledger: Files, verify: Verify, name: str) -> None:
    DOCTORED[name](ledger)
    report = verify(ledger)
    assert report.exit_code != 0, report.as_json()
    assert "ledger_intact" not in {finding.code for finding in report.findings}


def test_the_true_ledger_verifies_offline(ledger: Files, verify: Verify) -> None:
    report = verify(ledger)
    assert report.exit_code == 0, report.as_json()
    assert "ledger_intact" in {finding.code for finding in report.findings}
