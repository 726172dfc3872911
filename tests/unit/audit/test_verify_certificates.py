"""A certificate of destruction stands or falls by the log: any change of a byte is found."""

import base64
import json
from pathlib import Path

import pytest

from audit.events import AuditEvent, no_effect
from audit.tags import EntryKind
from audit.verify.__main__ import run
from audit.writer import GroupCommitWriter
from foundation.canonical import digest
from foundation.db import metadata, open_engine
from foundation.identity import SYSTEM_ACTOR
from foundation.keys import FileKeyStore
from tests.fakes import SteppedClock

DOCUMENT = {
    "format": "sandgate/destruction-certificate@1",
    "subject": {"session": "ses_1"},
    "licence": "lic_1",
    "keys": [{"name": "homes-lic_1", "state": "destroyed"}],
}


@pytest.fixture
def certificate(writer: GroupCommitWriter) -> dict[str, object]:
    public = {"session": "ses_1", "licence": "lic_1", "document_digest": digest(DOCUMENT)}
    event = AuditEvent(EntryKind.DESTRUCTION_CERTIFIED, SYSTEM_ACTOR, public)
    recorded = writer.submit(event, no_effect)
    writer.submit(
        AuditEvent(
            EntryKind.SERVICE_STARTED,
            SYSTEM_ACTOR,
            {"mode": "development", "policy_digest": "sha256:0"},
        ),
        no_effect,
    )
    return {
        "document": DOCUMENT,
        "entry": {
            "index": recorded.index,
            "body": base64.b64encode(recorded.body).decode(),
            "receipt": recorded.receipt,
        },
    }


def verified(content: object, key: str, directory: Path) -> int:
    path = directory / "certificate.json"
    text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
    path.write_text(text, encoding="utf-8")
    return run(["certificate", str(path), "--key", key, "--json"])


def test_a_true_certificate_holds(
    certificate: dict[str, object], writer: GroupCommitWriter, tmp_path: Path
) -> None:
    assert verified(certificate, writer.verifier_key.text(), tmp_path) == 0


def test_a_changed_word_is_found(
    certificate: dict[str, object], writer: GroupCommitWriter, tmp_path: Path
) -> None:
    changed = {**certificate, "document": {**DOCUMENT, "licence": "lic_2"}}
    assert verified(changed, writer.verifier_key.text(), tmp_path) == 1


def test_a_changed_entry_is_found(
    certificate: dict[str, object], writer: GroupCommitWriter, tmp_path: Path
) -> None:
    entry = dict(certificate["entry"])  # type: ignore[call-overload]
    body = json.loads(base64.b64decode(entry["body"]))
    forged = {**DOCUMENT, "licence": "lic_2"}
    body["public"]["document_digest"] = digest(forged)
    entry["body"] = base64.b64encode(json.dumps(body).encode()).decode()
    assert verified({"document": forged, "entry": entry}, writer.verifier_key.text(), tmp_path) == 1


def test_an_entry_of_another_kind_vouches_for_nothing(
    writer: GroupCommitWriter, tmp_path: Path
) -> None:
    public = {
        "home": "h",
        "licence": digest(DOCUMENT),
        "key_name": "k",
        "box_digest": "d",
        "reason": "r",
    }
    recorded = writer.submit(AuditEvent(EntryKind.HOME_DESTROYED, SYSTEM_ACTOR, public), no_effect)
    entry = {
        "index": recorded.index,
        "body": base64.b64encode(recorded.body).decode(),
        "receipt": recorded.receipt,
    }
    key = writer.verifier_key.text()
    assert verified({"document": DOCUMENT, "entry": entry}, key, tmp_path) == 1


def test_another_log_vouches_for_nothing(
    certificate: dict[str, object], tmp_path: Path, clock: SteppedClock
) -> None:
    other = FileKeyStore(tmp_path / "other-keys")
    elsewhere = open_engine(f"sqlite:///{tmp_path}/other.db")
    metadata.create_all(elsewhere)
    with GroupCommitWriter(
        elsewhere, other, clock, "test.example/log", tmp_path / "other-head"
    ) as writer:
        assert verified(certificate, writer.verifier_key.text(), tmp_path) == 1
    elsewhere.dispose()


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", '{"document": {}, "entry": {"body": "x"}}', "\x00"]
)
def test_what_is_no_certificate_is_unusable(
    text: str, writer: GroupCommitWriter, tmp_path: Path
) -> None:
    assert verified(text, writer.verifier_key.text(), tmp_path) == 2
