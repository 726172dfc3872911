"""The key holder as its own process: what it signs, what it opens, what it refuses and names."""

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Engine

import audit.store  # noqa: F401 - the log's tables
from audit.events import AuditEvent, Recorded, no_effect
from audit.key_requests import request_keys
from audit.keyholder.client import HolderOptions, RemoteKeyStore, connect_holder, start_holder
from audit.keyholder.journal import JOURNAL, read_journal
from audit.keyholder.log_head import Mark
from audit.log_signers import HolderSigner
from audit.notes import Checkpoint, open_checkpoint, parse_checkpoint, signatures_by
from audit.recovery import edge_root
from audit.tags import EntryKind
from audit.tree import EMPTY_ROOT, TreeEdge, leaf_hash, node_hash
from audit.writer import GroupCommitWriter
from foundation.canonical import canonical_bytes, salted_commitment
from foundation.db import metadata
from foundation.errors import Denied, Unavailable
from foundation.identity import SYSTEM_ACTOR
from foundation.keys import Citation, signature_holds
from tests.fakes import SteppedClock
from tests.parts import REPOSITORY

ORIGIN = "test.example/log"
SALT = bytes(range(32))
DOCUMENT = canonical_bytes({"licence": "lic_a", "release": "rel_a", "salt": SALT.hex()})
CERTIFICATE = b"sandgate/release-certificate@2\n" + DOCUMENT
VOTE = {
    "release": "rel_a",
    "licence": "lic_a",
    "revision": 1,
    "state": "approved",
    "certifies": salted_commitment(SALT, DOCUMENT),
}


@contextmanager
def held(home: Path, *, sm2: bool = False) -> Iterator[RemoteKeyStore]:
    holder = start_holder(HolderOptions(home / "holder", ORIGIN, sm2=sm2))
    try:
        yield holder
    finally:
        holder.close()


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[RemoteKeyStore]:
    with held(tmp_path) as found:
        yield found


@contextmanager
def logging(engine: Engine, holder: RemoteKeyStore, home: Path) -> Iterator[GroupCommitWriter]:
    metadata.create_all(engine)
    with GroupCommitWriter(engine, holder, SteppedClock(), ORIGIN, home / "head") as writer:
        yield writer


@pytest.fixture
def writer(engine: Engine, holder: RemoteKeyStore, tmp_path: Path) -> Iterator[GroupCommitWriter]:
    with logging(engine, holder, tmp_path) as found:
        yield found


def record(
    writer: GroupCommitWriter, kind: EntryKind = EntryKind.SERVICE_STARTED, **public: object
) -> Recorded[None]:
    return writer.submit(AuditEvent(kind, SYSTEM_ACTOR, public), no_effect)


def refusal(kind: type[Exception], code: str) -> pytest.RaisesExc[Exception]:
    return pytest.raises(kind, match=code)


def lines(home: Path) -> list[dict[str, object]]:
    return [dict(line) for line in read_journal(home / "holder" / JOURNAL)]


def test_nothing_is_opened_without_an_entry(
    writer: GroupCommitWriter, holder: RemoteKeyStore, tmp_path: Path
) -> None:
    cited = request_keys(writer, SYSTEM_ACTOR, "extract", ["extract-a"], licence="lic_a")
    key = holder.create_data_key("extract-a", cited)
    for attempt in (holder.data_key, holder.ensure_data_key, holder.create_data_key):
        with refusal(Denied, "no_entry_cited"):
            attempt("extract-a")
    other = record(writer).citation
    with refusal(Denied, "entry_opens_another_key"):
        holder.data_key("extract-a", other)
    decided = record(writer, EntryKind.QUESTION_DECIDED, licence="lic_b")
    with refusal(Denied, "entry_opens_another_key"):
        holder.data_key("extract-a", decided.citation)
    decided = record(writer, EntryKind.QUESTION_DECIDED, licence="lic_a")
    assert holder.data_key("extract-a", decided.citation) == key
    with refusal(Denied, "entry_used_already"):
        holder.data_key("extract-a", decided.citation)
    told = [line["what"] for line in lines(tmp_path)]
    assert told.count("opened") == 1
    assert told.count("refused") == 6


def test_an_entry_that_is_not_in_the_log_opens_nothing(
    writer: GroupCommitWriter, holder: RemoteKeyStore
) -> None:
    cited = request_keys(writer, SYSTEM_ACTOR, "extract", ["extract-a"])
    forged = cited.body.replace(b"extract-a", b"extract-b")
    with refusal(Denied, "entry_not_proved"):
        holder.create_data_key("extract-b", Citation(cited.index, forged, cited.receipt))
    with refusal(Denied, "entry_not_proved"):
        holder.create_data_key("extract-a", Citation(cited.index + 1, cited.body, cited.receipt))
    with refusal(Denied, "entry_not_proved"):
        holder.create_data_key("extract-a", Citation(cited.index, cited.body, "nonsense"))
    assert len(holder.create_data_key("extract-a", cited)) == 32


def test_an_entry_signed_but_never_kept_opens_nothing(holder: RemoteKeyStore) -> None:
    """A batch that came to nothing was signed too; what was in it is in no log."""
    body = (
        b'{"index":0,"kind":"keys:data:requested",'
        b'"public":{"key_names":["extract-a"],"purpose":"extract"}}'
    )
    signer, empty = HolderSigner(holder, ORIGIN), Checkpoint(ORIGIN, 0, EMPTY_ROOT)
    lost = signer.sign(empty, Checkpoint(ORIGIN, 1, leaf_hash(body)), list)
    kept, later = Checkpoint(ORIGIN, 1, leaf_hash(b"another")), leaf_hash(b"and one more")
    signer.sign(empty, kept, list)
    receipt = f"c2sp.org/tlog-proof@v1\nindex 0\n\n{lost}"
    with refusal(Denied, "entry_not_proved"):
        holder.create_data_key("extract-a", Citation(0, body, receipt))
    grown = Checkpoint(ORIGIN, 2, node_hash(kept.root, later))
    signer.sign(kept, grown, lambda: [later])
    signer.confirm(grown)
    with refusal(Denied, "entry_not_proved"):  # nor once the log is longer than what was lost
        holder.create_data_key("extract-a", Citation(0, body, receipt))


def test_a_rebuilt_log_is_not_signed(
    engine: Engine, holder: RemoteKeyStore, tmp_path: Path
) -> None:
    with logging(engine, holder, tmp_path) as writer:
        for _ in range(5):
            record(writer)
        head = parse_checkpoint(writer.head())
    signer = HolderSigner(holder, ORIGIN)
    rebuilt = TreeEdge()
    for number in range(9):
        rebuilt.append(leaf_hash(b"rebuilt %d" % number))
    forged = Checkpoint(ORIGIN, 9, edge_root(rebuilt))
    with refusal(Denied, "checkpoint_base_unknown"):
        signer.sign(Checkpoint(ORIGIN, 0, EMPTY_ROOT), forged, list)
    with refusal(Denied, "checkpoint_not_extending"):
        signer.sign(head, forged, list)
    with refusal(Denied, "checkpoint_not_extending"):
        signer.sign(head, Checkpoint(ORIGIN, head.size, bytes(32)), list)
    other = Checkpoint("other.example/log", 9, bytes(32))
    with refusal(Denied, "checkpoint_of_another_log"):
        signer.sign(head, other, list)
    with refusal(Denied, "no_entry_cited"):
        holder.sign("log", forged.text().encode())
    with logging(engine, holder, tmp_path) as writer:  # the true log goes on
        assert record(writer).index == 5


def test_a_batch_that_came_to_nothing_is_signed_over_and_written_down(
    engine: Engine, holder: RemoteKeyStore, tmp_path: Path
) -> None:
    fail = threading.Event()

    def fault(point: str) -> None:
        if point == "before_commit" and fail.is_set():
            fail.clear()
            raise OSError("the disk is full")

    metadata.create_all(engine)
    clock, head = SteppedClock(), tmp_path / "head"
    with GroupCommitWriter(engine, holder, clock, ORIGIN, head, fault=fault) as writer:
        record(writer)
        fail.set()
        with pytest.raises(Unavailable):
            record(writer)
        assert record(writer).index == 1
        assert open_checkpoint(writer.head(), writer.verifier_key).size == 2
    (abandoned,) = [line for line in lines(tmp_path) if line["what"] == "abandoned"]
    assert abandoned["size"] == 2


def test_the_holder_remembers_what_it_stood_by(engine: Engine, tmp_path: Path) -> None:
    with held(tmp_path) as first, logging(engine, first, tmp_path) as writer:
        cited = request_keys(writer, SYSTEM_ACTOR, "extract", ["extract-a"], licence="lic_a")
        key = first.create_data_key("extract-a", cited)
        decided = record(writer, EntryKind.QUESTION_DECIDED, licence="lic_a").citation
        assert first.data_key("extract-a", decided) == key
    with held(tmp_path) as second:
        with refusal(Denied, "entry_used_already"):
            second.data_key("extract-a", decided)
        with refusal(Denied, "checkpoint_base_unknown"):
            empty = Checkpoint(ORIGIN, 0, EMPTY_ROOT)
            HolderSigner(second, ORIGIN).sign(empty, Checkpoint(ORIGIN, 1, bytes(32)), list)
        with logging(engine, second, tmp_path) as writer:
            again = record(writer, EntryKind.QUESTION_DECIDED, licence="lic_a").citation
            assert second.data_key("extract-a", again) == key
            second.destroy("extract-a")
            last = record(writer, EntryKind.QUESTION_DECIDED, licence="lic_a").citation
            with refusal(Unavailable, "key_unavailable"):
                second.data_key("extract-a", last)


def test_a_changed_journal_keeps_the_holder_shut(engine: Engine, tmp_path: Path) -> None:
    with held(tmp_path) as first, logging(engine, first, tmp_path) as writer:
        for name in ("extract-a", "extract-b"):
            first.create_data_key(name, request_keys(writer, SYSTEM_ACTOR, "extract", [name]))
    path = tmp_path / "holder" / JOURNAL
    text = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(text[1:]))
    with refusal(Unavailable, "key_holder_gone"):
        start_holder(HolderOptions(tmp_path / "holder", ORIGIN))
    path.write_bytes(b"".join(text))
    with held(tmp_path) as again:
        assert again.public_keys()


def test_certificates_are_signed_for_the_vote_on_that_release_alone(
    writer: GroupCommitWriter, holder: RemoteKeyStore
) -> None:
    public_key = holder.ensure_signing_key("release-desk")
    certificate = CERTIFICATE
    voted = record(writer, EntryKind.RELEASE_VOTED, **VOTE | {"release": "rel_b"})
    with refusal(Denied, "entry_certifies_another_release"):
        holder.sign("release-desk", certificate, voted.citation)
    voted = record(writer, EntryKind.RELEASE_VOTED, **VOTE)
    signature = holder.sign("release-desk", certificate, voted.citation)
    assert signature_holds(public_key, signature, certificate)
    with refusal(Denied, "key_not_for_signing"):
        holder.sign("authority", certificate, voted.citation)


def test_sm2_stands_as_a_second_line_over_the_same_checkpoint(
    engine: Engine, tmp_path: Path
) -> None:
    with held(tmp_path, sm2=True) as holder, logging(engine, holder, tmp_path) as writer:
        record(writer)
        keys = HolderSigner(holder, ORIGIN).verifier_keys
        assert len(keys) == 2
        _, found = signatures_by(writer.head(), keys)
        assert [key for key, _ in found] == keys


def test_the_holder_runs_under_a_uid_of_its_own_where_root_starts_it(
    holder: RemoteKeyStore, tmp_path: Path
) -> None:
    if os.geteuid() != 0:
        assert holder.uid() == os.geteuid()
        pytest.skip("own uid: only root can give one; run as root")
    assert holder.uid() != 0
    assert (tmp_path / "holder").stat().st_uid == holder.uid()


def test_another_user_is_cut_off_unheard(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("another user: only root can start one; run as root")
    path = tmp_path / "keys.sock"
    command = [sys.executable, "-m", "audit.keyholder", str(tmp_path / "holder")]
    command += ["--origin", ORIGIN, "--peer-uid", "12345", "--listen", str(path), "--uid", "0"]
    process = subprocess.Popen(command, cwd=REPOSITORY)
    try:
        deadline = time.monotonic() + 20
        while not path.exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        with refusal(Unavailable, "key_holder_gone"):
            connect_holder(path)
        assert lines(tmp_path)[-1]["code"] == "peer_uid"
    finally:
        process.kill()
        process.wait()


def test_a_holder_that_is_gone_stops_the_log(engine: Engine, tmp_path: Path) -> None:
    holder = start_holder(HolderOptions(tmp_path / "holder", ORIGIN))
    with logging(engine, holder, tmp_path) as writer:
        record(writer)
        assert holder._process is not None
        holder._process.kill()
        with refusal(Unavailable, "key_holder_gone"):
            record(writer)
    holder.close()


def test_the_socket_is_ours_alone(tmp_path: Path) -> None:
    with held(tmp_path) as holder:
        assert holder._channel.family == socket.AF_UNIX
        assert holder._channel.getsockname() == ""
        assert holder.public_keys()["Ed25519"]
        holder.confirm(Mark(7, bytes(32)))  # of nothing it signed: changes nothing
        signer = HolderSigner(holder, ORIGIN)
        assert signer.sign(
            Checkpoint(ORIGIN, 0, EMPTY_ROOT), Checkpoint(ORIGIN, 1, bytes(32)), list
        )


def test_one_directory_has_one_holder(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with held(tmp_path) as first:
        with refusal(Unavailable, "key_holder_gone"):
            start_holder(HolderOptions(tmp_path / "holder", ORIGIN))
        assert "key_holder_running" in capfd.readouterr().err
        assert first.public_keys()
