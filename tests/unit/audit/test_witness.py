"""What a witness refuses, by the letter of c2sp.org/tlog-witness, and what it then remembers."""

import base64
import os
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from audit.cosignatures import cosigned_at_s
from audit.notes import BadNote, checkpoint_of, signatures_by, split_note
from audit.witness.directory import WitnessDirectory
from audit.witness.memory import DISPUTES_MAX, WitnessMemory
from audit.witness.protocol import PROOF_LINES_MAX, parse_request, request_body
from audit.witness.witness import Witness, hash_of_origin
from foundation.errors import Conflict, InvalidInput, Unavailable
from tests.fakes import START_US, SteppedClock
from tests.witnessed_logs import ORIGIN, WITNESS, PaperLog, made_witness


@pytest.fixture
def paper() -> PaperLog:
    log = PaperLog()
    log.grow(10)
    return log


@pytest.fixture
def witness(tmp_path: Path, paper: PaperLog, clock: SteppedClock) -> Witness:
    made, _ = made_witness(tmp_path / "w", paper, clock)
    return made


def held_size(witness: Witness) -> int:
    note = witness.latest(hash_of_origin(ORIGIN))
    return 0 if note is None else checkpoint_of(split_note(note)[0]).size


@pytest.mark.parametrize(
    "spoil",
    [
        lambda _body: b"",
        lambda _body: b"\xff\xfe",
        lambda body: body.replace(b"old ", b"ald "),
        lambda body: body.replace(b"old 0", b"old 00"),
        lambda body: body.replace(b"old 0", b"old -1"),
        lambda body: body.replace(b"old 0", b"old 0 "),
        lambda body: body.replace(b"old 0", b"old 99999999999999999999"),
        lambda body: body.replace(b"old 0\n", b"old 0\nAAAA\n"),
        lambda body: body.replace(b"old 0\n", b"old 0\n!!\n"),
        lambda body: body.replace(b"old 0\n\n", b"old 0\n"),
        lambda body: body.split("—".encode())[0],
        lambda body: body.replace(b"\n10\n", b"\n010\n"),
        lambda body: body.replace(b"\n10\n", b"\n\n10\n"),
        lambda body: body.rstrip(b"\n"),
        lambda body: body + b"\x00\n",
    ],
)
def test_a_malformed_request_is_a_bad_request(
    witness: Witness, paper: PaperLog, spoil: Callable[[bytes], bytes]
) -> None:
    assert witness.add_checkpoint(spoil(paper.request(0))).status == 400
    assert held_size(witness) == 0


def test_a_proof_longer_than_any_can_be_is_a_bad_request(witness: Witness, paper: PaperLog) -> None:
    long = request_body(3, [bytes(32)] * (PROOF_LINES_MAX + 1), paper.note())
    assert witness.add_checkpoint(long).status == 400
    most = request_body(3, [bytes(32)] * PROOF_LINES_MAX, paper.note())
    assert witness.add_checkpoint(most).status == 409


def test_an_unknown_log_is_not_found(witness: Witness, paper: PaperLog) -> None:
    body = paper.request(0).replace(ORIGIN.encode(), b"other.example/log")
    assert witness.add_checkpoint(body).status == 404
    assert witness.latest(hash_of_origin("other.example/log")) is None


def test_a_checkpoint_without_the_logs_signature_is_forbidden(
    witness: Witness, paper: PaperLog
) -> None:
    stranger = PaperLog()
    stranger.grow(10)
    assert witness.add_checkpoint(stranger.request(0)).status == 403
    changed = paper.request(0).replace(b"\n10\n", b"\n11\n")
    assert witness.add_checkpoint(changed).status == 403
    assert held_size(witness) == 0


def test_an_old_size_beyond_the_checkpoint_is_a_bad_request(
    witness: Witness, paper: PaperLog
) -> None:
    assert witness.add_checkpoint(request_body(11, [], paper.note())).status == 400


def test_a_stale_old_size_is_told_the_true_one(witness: Witness, paper: PaperLog) -> None:
    assert witness.add_checkpoint(paper.request(0, 6)).status == 200
    reply = witness.add_checkpoint(paper.request(4))
    assert (reply.status, reply.body, reply.media_type) == (409, "6\n", "text/x.tlog.size")
    assert witness.add_checkpoint(paper.request(6)).status == 200


def test_a_rollback_gets_no_cosignature(witness: Witness, paper: PaperLog) -> None:
    witness.add_checkpoint(paper.request(0))
    for old, size, status in ((4, 6, 409), (0, 6, 409), (10, 6, 400), (0, 0, 409)):
        reply = witness.add_checkpoint(request_body(old, [], paper.note(size)))
        assert reply.status == status
    assert held_size(witness) == 10


@pytest.mark.parametrize("shared", [0, 1, 5, 7])
def test_a_fork_signed_with_the_true_key_gets_no_cosignature_and_is_kept_as_proof(
    witness: Witness, paper: PaperLog, tmp_path: Path, shared: int
) -> None:
    witness.add_checkpoint(paper.request(0, 8))
    fork = paper.fork(shared)
    fork.grow(20 - shared, "fork")
    for body in (
        fork.request(8, 20),
        fork.request(8, 8),
        request_body(8, paper.proof(8, 10), fork.note(10)),
        request_body(8, [], fork.note(20)),
    ):
        assert witness.add_checkpoint(body).status == 422
    assert held_size(witness) == 8
    kept = [note for _, note, _ in WitnessMemory(tmp_path / "w" / "memory.db").disputes()]
    assert fork.note(20) in kept


def test_one_size_under_two_roots_is_kept_as_proof_whatever_old_size_came_with_it(
    witness: Witness, paper: PaperLog, tmp_path: Path
) -> None:
    witness.add_checkpoint(paper.request(0, 8))
    fork = paper.fork(2)
    fork.grow(6, "fork")
    assert witness.add_checkpoint(fork.request(3, 8)).status == 409
    assert witness.add_checkpoint(paper.request(3, 8)).status == 409  # the log itself: no proof
    kept = [note for _, note, _ in WitnessMemory(tmp_path / "w" / "memory.db").disputes()]
    assert kept == [fork.note(8)]


@pytest.mark.parametrize(
    ("old", "proof", "size", "root"),
    [
        (0, [bytes(32)], 10, None),
        (0, [], 0, bytes(32)),
    ],
)
def test_what_contradicts_the_empty_tree_is_unprocessable(
    witness: Witness, paper: PaperLog, old: int, proof: list[bytes], size: int, root: bytes | None
) -> None:
    body = request_body(old, proof, paper.note(size, root=root))
    assert witness.add_checkpoint(body).status == 422


def test_a_proof_at_equal_sizes_must_be_empty(witness: Witness, paper: PaperLog) -> None:
    witness.add_checkpoint(paper.request(0))
    assert witness.add_checkpoint(request_body(10, [bytes(32)], paper.note())).status == 422


def test_disputes_are_kept_once_each_and_cannot_fill_the_disk(
    witness: Witness, paper: PaperLog, tmp_path: Path
) -> None:
    witness.add_checkpoint(paper.request(0, 8))
    for size in range(9, 9 + DISPUTES_MAX + 20):
        fork = paper.fork(0)
        fork.grow(size, "x")
        for _ in range(2):
            witness.add_checkpoint(fork.request(8))
    assert len(WitnessMemory(tmp_path / "w" / "memory.db").disputes()) == DISPUTES_MAX


def test_a_growing_log_is_cosigned_by_both_keys(
    witness: Witness, paper: PaperLog, clock: SteppedClock, tmp_path: Path
) -> None:
    keys = WitnessDirectory(tmp_path / "w").keys().verifier_keys
    for old, size in ((0, 1), (1, 1), (1, 7), (7, 10)):
        reply = witness.add_checkpoint(paper.request(old, size))
        assert reply.status == 200
        text, lines = signatures_by(paper.note(size) + reply.body, keys)
        assert checkpoint_of(text).size == size
        assert [key.kind.mark for key, _ in lines] == [b"\x06", b"\x04"]
        assert {cosigned_at_s(line) for _, line in lines} == {clock.now_us() // 1_000_000}
        clock.advance(5_000_000)
    latest = witness.latest(hash_of_origin(ORIGIN))
    assert latest is not None
    assert len(signatures_by(latest, [*keys, paper.verifier])[1]) == 3


def test_time_never_runs_back_between_cosignatures(tmp_path: Path, paper: PaperLog) -> None:
    clock = SteppedClock()
    witness, place = made_witness(tmp_path / "w", paper, clock)
    witness.add_checkpoint(paper.request(0, 5))
    clock.advance(-3_600_000_000)
    reply = witness.add_checkpoint(paper.request(5))
    _, lines = signatures_by(paper.note() + reply.body, place.keys().verifier_keys)
    assert {cosigned_at_s(line) for _, line in lines} == {START_US // 1_000_000}


def test_an_empty_log_may_be_the_first_that_is_seen(witness: Witness, paper: PaperLog) -> None:
    assert witness.add_checkpoint(paper.request(0, 0)).status == 200
    assert witness.add_checkpoint(paper.request(0, 10)).status == 200


def test_a_second_log_key_of_the_origin_carries_on_the_same_history(
    tmp_path: Path, paper: PaperLog
) -> None:
    witness, place = made_witness(tmp_path / "w", paper)
    witness.add_checkpoint(paper.request(0, 5))
    renewed = PaperLog()
    renewed.leaves = paper.leaves
    assert witness.add_checkpoint(renewed.request(5)).status == 403
    place.trust(renewed.verifier.text())
    place.trust(renewed.verifier.text())
    assert len(place.log_keys) == 2
    assert place.witness(SteppedClock()).add_checkpoint(renewed.request(5)).status == 200


def test_two_forks_at_once_get_one_cosignature_between_them(tmp_path: Path) -> None:
    for attempt in range(20):
        paper = PaperLog()
        paper.grow(4)
        witness, place = made_witness(tmp_path / f"w{attempt}", paper)
        twin = place.witness(SteppedClock())  # as a second process would open it
        witness.add_checkpoint(paper.request(0))
        forks = []
        for tag in "abcd":
            fork = paper.fork(4)
            fork.grow(3, tag)
            forks.append(fork)
        gate = threading.Barrier(len(forks))
        statuses: list[int] = []

        def bring(fork: PaperLog, at: Witness) -> None:
            gate.wait()  # noqa: B023
            statuses.append(at.add_checkpoint(fork.request(4)).status)  # noqa: B023

        threads = [
            threading.Thread(target=bring, args=(fork, witness if n % 2 else twin))
            for n, fork in enumerate(forks)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(statuses) == [200, 409, 409, 409]


class Stop(BaseException):
    """The process ends here."""


@pytest.mark.parametrize(("point", "size"), [("before_store", 0), ("after_store", 10)])
def test_a_crash_around_the_store_signs_nothing_twice(
    tmp_path: Path, paper: PaperLog, point: str, size: int
) -> None:
    def fault(name: str) -> None:
        if name == point:
            raise Stop

    witness, place = made_witness(tmp_path / "w", paper, fault=fault)
    with pytest.raises(Stop):
        witness.add_checkpoint(paper.request(0))
    again = place.witness(SteppedClock())
    assert held_size(again) == size
    fork = paper.fork(2)
    fork.grow(8, "f")
    assert again.add_checkpoint(fork.request(size)).status == (422 if size else 200)


def test_the_memory_itself_refuses_to_go_back(tmp_path: Path, paper: PaperLog) -> None:
    witness, _ = made_witness(tmp_path / "w", paper)
    witness.add_checkpoint(paper.request(0))
    database = sqlite3.connect(tmp_path / "w" / "memory.db")
    smaller = "SELECT origin, origin_hash, 1, root, note, 1 FROM witnessed"
    for statement in (
        "UPDATE witnessed SET size = 3",
        "DELETE FROM witnessed",
        f"INSERT OR REPLACE INTO witnessed {smaller}",
    ):
        with pytest.raises(sqlite3.IntegrityError):
            database.execute(statement)
    database.close()


def test_a_witness_starts_only_whole_and_with_a_log_key(tmp_path: Path, paper: PaperLog) -> None:
    place = WitnessDirectory(tmp_path / "w")
    with pytest.raises(Unavailable) as missing:
        place.witness(SteppedClock())
    assert missing.value.code == "witness_missing"
    place.create(WITNESS)
    with pytest.raises(Unavailable) as untrusting:
        place.witness(SteppedClock())
    assert untrusting.value.code == "witness_without_log_key"
    place.trust(paper.verifier.text())
    for code, path in (
        ("witness_memory_missing", "memory.db"),
        ("witness_key_unusable", "keys/ed25519"),
        ("witness_key_unusable", "keys/ml-dsa-44"),
    ):
        hidden = tmp_path / "hidden"
        (tmp_path / "w" / path).rename(hidden)
        with pytest.raises(Unavailable) as found:
            place.witness(SteppedClock())
        assert found.value.code == code
        hidden.rename(tmp_path / "w" / path)
    place.witness(SteppedClock())


def test_a_witness_is_never_made_over_another(tmp_path: Path) -> None:
    place = WitnessDirectory(tmp_path / "w")
    place.create(WITNESS)
    keys = [key.text() for key in place.keys().verifier_keys]
    with pytest.raises(Conflict):
        place.create(WITNESS)
    assert [key.text() for key in place.keys().verifier_keys] == keys
    for name in ("", "a b", "a+b"):
        with pytest.raises(InvalidInput):
            WitnessDirectory(tmp_path / "x").create(name)
    with pytest.raises(InvalidInput):
        place.trust(keys[0])  # a witness's key is no log key


def test_keys_that_others_may_read_are_refused(tmp_path: Path, paper: PaperLog) -> None:
    _, place = made_witness(tmp_path / "w", paper)
    seed = tmp_path / "w" / "keys" / "ed25519"
    assert seed.stat().st_mode & 0o777 == 0o600
    seed.chmod(0o640)
    with pytest.raises(Unavailable):
        place.keys()
    seed.chmod(0o600)
    seed.write_bytes(os.urandom(31))
    with pytest.raises(Unavailable):
        place.keys()


def test_a_request_reads_as_it_was_written() -> None:
    proof = [bytes([n]) * 32 for n in range(3)]
    parsed = parse_request(request_body(5, proof, "note\n"))
    assert (parsed.old_size, list(parsed.proof), parsed.note) == (5, proof, "note\n")
    with pytest.raises(BadNote):
        parse_request(b"old 1\n" + base64.b64encode(bytes(31)) + b"\n\nnote\n")
