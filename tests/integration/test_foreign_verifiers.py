"""Verifiers that are not ours accept every receipt of the log, and none that was tampered with.

Go's sumdb packages, Python sigstore and npm's @sigstore/verify each read the same receipts, and
Go builds its own proofs from our tile files.
"""

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import cycle
from pathlib import Path

import pytest

import audit.store  # noqa: F401 - the log's tables
from audit.events import AuditEvent, no_effect
from audit.export import export_bundle
from audit.proofs import parse_receipt
from audit.reading import read_entries
from audit.tags import EntryKind
from audit.verify.sources import read_source
from audit.writer import GroupCommitWriter
from benchmarks.foreign_verifiers import FOREIGN_VERIFIERS
from benchmarks.public_queries import Skipped
from foundation.db import metadata, open_engine, reading
from foundation.identity import SYSTEM_ACTOR
from foundation.keys import FileKeyStore
from tests.fakes import SteppedClock
from tests.parts import REQUIRE_ALL

RECEIPTS = 1_000


@dataclass(frozen=True)
class Case:
    """One receipt and the body it is about."""

    index: int
    body: bytes
    proof: tuple[bytes, ...]
    note: str

    def line(self) -> str:
        proof = [base64.b64encode(item).decode() for item in self.proof]
        body = base64.b64encode(self.body).decode()
        return json.dumps({"index": self.index, "body": body, "proof": proof, "note": self.note})


@dataclass(frozen=True)
class Receipts:
    """Files for a foreign verifier: key, good receipts, tampered ones, and the log itself."""

    key: str
    good: Path
    bad: Path
    log: Path

    def arguments(self) -> list[str]:
        return [self.key, str(self.good), str(self.bad), str(self.log)]


@pytest.fixture(scope="module")
def receipts(tmp_path_factory: pytest.TempPathFactory) -> Receipts:
    home = tmp_path_factory.mktemp("foreign")
    engine = open_engine(f"sqlite:///{home}/control.db")
    metadata.create_all(engine)
    event = AuditEvent(
        EntryKind.QUESTION_DECIDED, SYSTEM_ACTOR, {"licence": "lic"}, {"sql": "SELECT 1"}
    )
    with GroupCommitWriter(
        engine, FileKeyStore(home / "keys"), SteppedClock(), "test.example/log", home / "head"
    ) as writer:
        told = [writer.submit(event, no_effect) for _ in range(RECEIPTS + 1)]
        key = writer.verifier_key
        bundle = home / "bundle.zip"
        export_bundle(engine, writer, SYSTEM_ACTOR, key=key, files={}, out=bundle)
    with reading(engine) as connection:
        bodies = [entry.body for entry in read_entries(connection, limit=RECEIPTS + 1)]
    engine.dispose()
    cases = [cased(done.receipt, bodies[done.index]) for done in told[1:]]
    made = Receipts(key.text(), home / "good.jsonl", home / "bad.jsonl", home / "log")
    for path, content in ((made.good, cases), (made.bad, tampered(cases))):
        path.write_text("\n".join(case.line() for case in content) + "\n", encoding="utf-8")
    for name, data in read_source(bundle).items():
        (made.log / name).parent.mkdir(parents=True, exist_ok=True)
        (made.log / name).write_bytes(data)
    return made


def cased(text: str, body: bytes) -> Case:
    receipt = parse_receipt(text)
    return Case(receipt.index, body, receipt.proof, receipt.checkpoint_note)


def tampered(cases: Sequence[Case]) -> list[Case]:
    """Change each receipt in one place: a bit of body, proof, root or signature, or its index."""
    ways = cycle((other_body, other_proof, other_index, other_root, other_signature))
    return [way(case) for way, case in zip(ways, cases, strict=False)]


def flipped(data: bytes, place: int) -> bytes:
    return data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]


def other_body(case: Case) -> Case:
    return replace(case, body=flipped(case.body, case.index % len(case.body)))


def other_proof(case: Case) -> Case:
    place = case.index % len(case.proof)
    changed = flipped(case.proof[place], case.index % 32)
    return replace(case, proof=(*case.proof[:place], changed, *case.proof[place + 1 :]))


def other_index(case: Case) -> Case:
    return replace(case, index=case.index - 1)


def other_root(case: Case) -> Case:
    lines = case.note.split("\n")
    lines[2] = base64.b64encode(flipped(base64.b64decode(lines[2]), case.index % 32)).decode()
    return replace(case, note="\n".join(lines))


def other_signature(case: Case) -> Case:
    text, _, signature = case.note.strip().rpartition(" ")
    changed = flipped(base64.b64decode(signature), 4 + case.index % 64)
    return replace(case, note=f"{text} {base64.b64encode(changed).decode()}\n")


@pytest.mark.parametrize("name", FOREIGN_VERIFIERS)
@pytest.mark.timeout(900)
def test_a_foreign_verifier_accepts_every_receipt_and_no_tampered_one(
    name: str, receipts: Receipts
) -> None:
    try:
        told = FOREIGN_VERIFIERS[name](receipts.arguments())
    except Skipped as reason:
        if REQUIRE_ALL:
            pytest.fail(f"{name}: {reason}", pytrace=False)
        pytest.skip(f"{name}: {reason}")
    assert (told["accepted"], told["tampered_accepted"]) == (RECEIPTS, 0)
    if "records_from_tiles" in told:
        assert (told["records_from_tiles"], told["trees_from_tiles"]) == (RECEIPTS, RECEIPTS)
