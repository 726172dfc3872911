"""A platform that doctors its own ledger before exporting it is caught by the verifier alone."""

import json
from collections.abc import Callable, Mapping
from functools import partial
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
from policies.schema.revenue import RevenueRules
from revenue.export import export_ledger
from revenue.ledger import reverse
from revenue.periods import close_period, open_period
from revenue.usage import meter_fetch
from tests.unit.revenue.selling import make_licence

Files = dict[str, bytes]
Verify = Callable[[Files], Report]
LICENCES = (
    make_licence(),
    make_licence("licence_b", fen=7, payer="city", shares=(("x", 600_000), ("y", 400_000))),
)


@pytest.fixture
def ledger(
    engine: Engine, writer: GroupCommitWriter, authority: Actor, rules: RevenueRules
) -> Files:
    for licence in LICENCES:
        public = {"document_digest": document_digest(document_bytes(licence))}
        writer.submit(AuditEvent(EntryKind.LICENCE_ACTIVATED, authority, public), no_effect)
    open_period(writer, authority, "2026-11")
    for licence in (*LICENCES, LICENCES[0]):
        writer.submit(
            AuditEvent(EntryKind.PRODUCT_FETCHED, authority),
            partial(meter_fetch, licence=licence, product="rel_1", buyer="b", rules=rules),
        )
    first = close_period(writer, authority, "2026-11").value.journals[0]
    open_period(writer, authority, "2026-12")
    event = AuditEvent(EntryKind.JOURNAL_REVERSED, authority)
    writer.submit(event, lambda connection, entry: reverse(connection, entry, first, "2026-12"))
    close_period(writer, authority, "2026-12")
    with reading(engine) as connection:
        files = dict(export_ledger(connection))
    documents = b"".join(document_bytes(licence) + b"\n" for licence in LICENCES)
    return {**files, "licences.jsonl": documents}


@pytest.fixture
def verify(engine: Engine, writer: GroupCommitWriter, authority: Actor, tmp_path: Path) -> Verify:
    def exported(files: Files) -> Report:
        out = tmp_path / "bundle.zip"
        key = writer.verifier_key
        export_bundle(engine, writer, authority, key=key, files=files, out=out)
        return verify_files(read_source(out), read_key(key.text()))

    return exported


def lines_of(data: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in data.splitlines()]


def as_lines(records: list[dict[str, Any]]) -> bytes:
    return b"".join(canonical_bytes(record) + b"\n" for record in records)


def resealed(document: Mapping[str, Any], *, without: tuple[str, ...] = ()) -> dict[str, Any]:
    content = {key: value for key, value in document.items() if key not in {"digest", *without}}
    return {**document, "digest": digest(content)}


def one_fen_moved(files: Files) -> None:
    statement = json.loads(files["statements/2026-11.json"])
    first, second = statement["lines"][:2]
    first["fen"], second["fen"] = first["fen"] + 1, second["fen"] - 1
    files["statements/2026-11.json"] = canonical_bytes(resealed(statement))


def statement_dropped(files: Files) -> None:
    del files["statements/2026-11.json"]


def accrual_dropped(files: Files) -> None:
    files["accruals.jsonl"] = as_lines(lines_of(files["accruals.jsonl"])[1:])


def accrual_raised(files: Files) -> None:
    records = lines_of(files["accruals.jsonl"])
    records[0]["micro_fen"] += 1
    files["accruals.jsonl"] = as_lines(records)


def journal_dropped(files: Files) -> None:
    files["journals.jsonl"] = as_lines(lines_of(files["journals.jsonl"])[1:])


def journal_edited(files: Files) -> None:
    records = lines_of(files["journals.jsonl"])
    legs = records[0]["postings"]
    legs[1]["fen"], legs[2]["fen"] = legs[1]["fen"] - 1, legs[2]["fen"] + 1
    files["journals.jsonl"] = as_lines(
        [resealed(records[0], without=("audit_leaf",)), *records[1:]]
    )


def journal_doubled(files: Files) -> None:
    records = lines_of(files["journals.jsonl"])
    again = resealed({**records[0], "id": "journal_again"}, without=("audit_leaf",))
    files["journals.jsonl"] = as_lines([*records, again])


def share_edited_in_the_licence(files: Files) -> None:
    documents = lines_of(files["licences.jsonl"])
    shares = documents[1]["scheme"]["shares"]
    shares[0]["ppm"], shares[1]["ppm"] = 700_000, 300_000
    files["licences.jsonl"] = as_lines(documents)


DOCTORED = (
    one_fen_moved,
    statement_dropped,
    accrual_dropped,
    accrual_raised,
    journal_dropped,
    journal_edited,
    journal_doubled,
    share_edited_in_the_licence,
)


@pytest.mark.parametrize("doctor", DOCTORED)
def test_a_doctored_ledger_is_refused(
    ledger: Files, verify: Verify, doctor: Callable[[Files], None]
) -> None:
    doctor(ledger)
    assert verify(ledger).exit_code != 0


def test_the_true_ledger_verifies_offline(ledger: Files, verify: Verify) -> None:
    report = verify(ledger)
    assert report.exit_code == 0, report.as_json()
    assert "ledger_intact" in {finding.code for finding in report.findings}
