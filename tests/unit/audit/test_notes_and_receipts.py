from collections.abc import Callable
from pathlib import Path

import pytest

from audit.events import AuditEvent, no_effect
from audit.notes import (
    BadNote,
    Checkpoint,
    HeldKey,
    VerifierKey,
    open_checkpoint,
    parse_checkpoint,
    parse_verifier_key,
    sign_note,
)
from audit.proofs import parse_receipt, receipt_text, verify_receipt
from audit.tree import leaf_hash
from audit.verify.__main__ import run
from audit.verify.findings import Unusable
from audit.verify.notes import NotSigned, read_head, read_key, read_receipt
from audit.writer import GroupCommitWriter
from foundation.keys import FileKeyStore

# The worked example of golang.org/x/mod/sumdb/note, a foreign implementation of the format.
FOREIGN_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
FOREIGN_NOTE = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
    "\n"
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6"
    "KE6RyyBwJnAM=\n"
)


@pytest.fixture
def key(keys: FileKeyStore) -> VerifierKey:
    return VerifierKey("test.example/log", keys.ensure_signing_key("log"))


def signed(keys: FileKeyStore, key: VerifierKey, head: Checkpoint) -> str:
    return sign_note(head.text(), [HeldKey(key, lambda data: keys.sign("log", data))])


@pytest.mark.parametrize(
    "text",
    ["", "name", "name+00", "name+00000000+!!", "name+00000000+AQ==", FOREIGN_KEY[:-4] + "AAAA"],
)
def test_a_broken_verifier_key_is_refused(text: str) -> None:
    with pytest.raises(BadNote):
        parse_verifier_key(text)
    with pytest.raises(Unusable):
        read_key(text)


def test_a_foreign_implementations_key_and_note_are_read() -> None:
    key = parse_verifier_key(FOREIGN_KEY)
    assert key.text() == FOREIGN_KEY
    assert read_key(FOREIGN_KEY).public_key == key.public_key
    with pytest.raises(BadNote, match="origin, a size and a root"):
        open_checkpoint(FOREIGN_NOTE, key)  # signed, but no checkpoint


@pytest.mark.parametrize(
    "damage",
    [
        lambda note: note.replace("\n7\n", "\n8\n"),
        lambda note: note.replace("— ", "- "),
        lambda note: note.rstrip("\n"),
        lambda note: note.replace("\n\n", "\n"),
        lambda note: note.replace("— test.example/log ", "— other.example/log "),
        lambda note: note[:-8] + "AAAAAA=\n",
        lambda note: note.replace("— test.example/log ", "— test.example/log !"),
    ],
)
def test_a_damaged_checkpoint_opens_for_nobody(
    keys: FileKeyStore, key: VerifierKey, damage: Callable[[str], str]
) -> None:
    note = damage(signed(keys, key, Checkpoint(key.name, 7, bytes(32))))
    with pytest.raises(BadNote):
        open_checkpoint(note, key)
    with pytest.raises(NotSigned):
        read_head(note, read_key(key.text()))


@pytest.mark.parametrize(
    "text", ["", "o\n1\n", "o\n01\nAAAA\n", "o\n-1\nAAAA\n", "o\n1\nAAAA\n", "\n1\nAAAA\n"]
)
def test_a_text_that_is_no_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(BadNote):
        parse_checkpoint(text)


def test_a_checkpoint_opens_with_cosignatures_beside_it(
    keys: FileKeyStore, key: VerifierKey
) -> None:
    head = Checkpoint(key.name, 7, bytes(range(32)))
    note = signed(keys, key, head) + "— witness.example/w AAAABBBBCCCC\n"
    assert open_checkpoint(note, key) == head
    assert read_head(note, read_key(key.text())).root == head.root


@pytest.mark.parametrize(
    "text",
    [
        "",
        "c2sp.org/tlog-proof@v2\nindex 0\n\nnote\n",
        "c2sp.org/tlog-proof@v1\n\nnote\n",
        "c2sp.org/tlog-proof@v1\nindex x\n\nnote\n",
        "c2sp.org/tlog-proof@v1\nindex 0\nAAAA\n\nnote\n",
        "c2sp.org/tlog-proof@v1\nindex 0\n!\n\nnote\n",
    ],
)
def test_a_broken_receipt_is_refused(text: str) -> None:
    with pytest.raises(BadNote):
        parse_receipt(text)
    with pytest.raises(Unusable):
        read_receipt(text)


def test_a_receipt_carries_extra_data_that_nobody_trusts() -> None:
    text = receipt_text(3, [bytes(32)], "note\n").replace("index", "extra AAAA\nindex")
    assert parse_receipt(text).index == read_receipt(text).index == 3
    assert parse_receipt(text).proof == (bytes(32),)


def test_a_receipt_proves_its_own_entry_only(
    writer: GroupCommitWriter,
    event: AuditEvent,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    writer.submit(event, no_effect)
    done = writer.submit(event, no_effect)
    with pytest.raises(BadNote, match="does not lead"):
        verify_receipt(done.receipt, leaf_hash(b"another"), writer.verifier_key)
    path, key = tmp_path / "r.tlog-proof", writer.verifier_key.text()
    path.write_text(done.receipt, encoding="utf-8")
    arguments = ["receipt", str(path), "--key", key]
    assert run([*arguments, "--leaf", leaf_hash(b"another").hex()]) == 1
    assert run([*arguments, "--leaf", "zz"]) == 2
    assert run(arguments) == 2
    assert run([*arguments, "--leaf", done.leaf_hash.hex(), "--lang", "en"]) == 0
    assert "place 1" in capsys.readouterr().out
    path.write_text(done.receipt.replace("\n2\n", "\n3\n"), encoding="utf-8")
    assert run([*arguments, "--leaf", done.leaf_hash.hex()]) == 1
