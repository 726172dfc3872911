"""Against the regulator's witness as a real process: races, kills, floods and a platform's own key.

The attacker holds the platform's true log key in all of these; what the witness has cosigned must
stay one history, and nothing of it may be lost.
"""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import httpx
import pytest

from audit.notes import checkpoint_of, signatures_by, split_note
from audit.proofs import receipt_text
from audit.tree import inclusion_proof, verify_consistency
from audit.verify.__main__ import run
from audit.witness.memory import DISPUTES_MAX
from audit.witness.protocol import REQUEST_BYTES_MAX, request_body
from audit.witness.witness import hash_of_origin
from tests.witness_process import WitnessProcess, witness_process
from tests.witnessed_logs import ORIGIN, PaperLog, made_witness

KILLS = 4
FORKS = 6


@pytest.fixture
def paper() -> PaperLog:
    log = PaperLog()
    log.grow(5)
    return log


@pytest.fixture
def witness(tmp_path: Path, paper: PaperLog) -> Iterator[WitnessProcess]:
    with witness_process(tmp_path / "witness") as made:
        made.place.trust(paper.verifier.text())
        made.start()
        yield made


def post(witness: WitnessProcess, body: bytes) -> httpx.Response:
    return httpx.post(f"{witness.url}/add-checkpoint", content=body, timeout=30.0)


def held(witness: WitnessProcess, paper: PaperLog) -> tuple[int, bytes]:
    """Return size and root of the newest checkpoint that both signed."""
    response = httpx.get(f"{witness.url}/{hash_of_origin(ORIGIN)}/checkpoint", timeout=30.0)
    if response.status_code == 404:
        return 0, paper.root(0)
    text, lines = signatures_by(response.text, [*witness.keys, paper.verifier])
    assert len(lines) == 3
    head = checkpoint_of(text)
    return head.size, head.root


def test_forks_raced_against_each_other_get_one_cosignature_a_size(
    witness: WitnessProcess, paper: PaperLog
) -> None:
    cosigned: dict[int, bytes] = {}
    assert post(witness, paper.request(0)).status_code == 200
    for lap in range(5):
        size = len(paper.leaves)
        forks = [paper.fork(size) for _ in range(FORKS)]
        for number, fork in enumerate(forks):
            fork.grow(2, f"{lap}-{number}-")
        bodies = [fork.request(size) for fork in forks]
        gate = threading.Barrier(FORKS)

        def bring(body: bytes, gate: threading.Barrier = gate) -> int:
            gate.wait()
            return post(witness, body).status_code

        with ThreadPoolExecutor(FORKS) as pool:
            statuses = list(pool.map(bring, bodies))
        assert sorted(statuses) == [200, *[409] * (FORKS - 1)]
        paper = forks[statuses.index(200)]
        assert cosigned.setdefault(size + 2, paper.root(size + 2)) == paper.root(size + 2)
        assert held(witness, paper) == (size + 2, paper.root(size + 2))


def test_a_killed_witness_never_signs_a_second_history(
    witness: WitnessProcess, paper: PaperLog
) -> None:
    signed: list[tuple[int, bytes]] = []
    for lap in range(KILLS):
        stopping = threading.Event()

        def grow_and_ask(lap: int = lap, stopping: threading.Event = stopping) -> None:
            """Bring the log and a fork of it by turns, as fast as the witness answers."""
            number = 0
            while not stopping.is_set():
                number += 1
                try:
                    size, _ = held(witness, paper)
                    paper.grow(1, f"{lap}-{number}-")
                    whole = len(paper.leaves)
                    if post(witness, paper.request(size, whole)).status_code == 200:
                        signed.append((whole, paper.root(whole)))
                    fork = paper.fork(size // 2)
                    fork.grow(whole + 1, "fork")
                    assert post(witness, fork.request(whole)).status_code in {409, 422}
                except httpx.HTTPError:
                    return

        asking = threading.Thread(target=grow_and_ask)
        asking.start()
        asking.join(0.6)
        witness.kill()
        stopping.set()
        asking.join()
        witness.start()
        size, root = held(witness, paper)
        assert signed, "the witness answered nothing before it was killed"
        assert size >= signed[-1][0]  # what was cosigned is remembered
        assert root == paper.root(size)  # and is the log, not the fork
    for (old, old_root), (new, new_root) in pairwise(signed):
        assert verify_consistency(old, new, paper.proof(old, new), old_root, new_root)


def test_a_flood_of_bytes_is_cut_off_and_the_witness_goes_on(
    witness: WitnessProcess, paper: PaperLog
) -> None:
    assert post(witness, b"old 0\n" + b"A" * (REQUEST_BYTES_MAX + 1)).status_code == 413
    for body in (b"", b"\x00" * 1_000, b"old 0\n\n" + "— ".encode() * 50_000):
        assert post(witness, body).status_code == 400
    for path in ("/", "/add-checkpoint", "/../keys/ed25519/checkpoint", "/keys/checkpoint"):
        assert httpx.get(f"{witness.url}{path}", timeout=30.0).status_code in {404, 405}
    assert post(witness, paper.request(0)).status_code == 200


def test_a_log_cannot_crowd_out_the_proof_against_it(
    witness: WitnessProcess, paper: PaperLog
) -> None:
    """True checkpoints under wrong proofs tell nothing and fill the room; the fork comes last."""
    assert post(witness, paper.request(0)).status_code == 200
    size = len(paper.leaves)
    fork = paper.fork(size - 1)
    fork.grow(1, "fork")
    for number in range(DISPUTES_MAX + 5):
        paper.grow(1, f"{number}-")
        wrong = request_body(size, [bytes(32)], paper.note())
        assert post(witness, wrong).status_code == 422
    assert post(witness, request_body(size, [], fork.note())).status_code == 422
    kept = [note for _, note, _ in witness.place.memory().disputes()]
    assert len(kept) == DISPUTES_MAX + 1
    assert fork.note() in kept


def test_cosignatures_cannot_be_borrowed_for_a_rebuilt_log(
    witness: WitnessProcess, paper: PaperLog, tmp_path: Path
) -> None:
    """The true key signs another tree and the witness's lines are moved under it: found offline."""
    reply = post(witness, paper.request(0))
    honest = paper.note() + reply.text
    rebuilt = paper.fork(2)
    rebuilt.grow(3, "other")
    lines = "".join(line.text() for line in split_note(honest)[1][1:])
    path = tmp_path / "receipt"
    for log, note, code in (
        (paper, honest, 0),
        (rebuilt, rebuilt.note(), 3),
        (rebuilt, rebuilt.note() + lines, 1),
        (paper, honest.replace("— regulator", "— anybody"), 3),
    ):
        path.write_text(receipt_text(4, inclusion_proof(4, 5, log.node), note), encoding="utf-8")
        arguments = ["receipt", str(path), "--key", paper.verifier.text()]
        arguments += ["--leaf", log.leaves[4].hex(), "--require-witness", "1"]
        arguments += [part for key in witness.keys for part in ("--witness-key", key.text())]
        assert run(arguments) == code


def test_a_file_named_like_a_witness_key_does_not_stand_in_for_it(
    tmp_path: Path, paper: PaperLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The evidence holds a file whose name is the regulator's key, and in it the insider's own."""
    asked, place = made_witness(tmp_path / "regulator", paper)
    false, own = made_witness(tmp_path / "insider", paper)
    reply = false.add_checkpoint(paper.request(0))
    note = paper.note() + reply.body
    assert asked.latest(hash_of_origin(ORIGIN)) is None
    evidence = tmp_path / "evidence"
    key = place.keys().verifier_keys[-1].text()  # the Ed25519 one: a file can have its name
    own_keys = [key.text() for key in own.keys().verifier_keys]
    (evidence / key).parent.mkdir(parents=True)
    (evidence / key).write_text("\n".join(own_keys), encoding="utf-8")
    receipt = evidence / "receipt"
    receipt.write_text(receipt_text(4, inclusion_proof(4, 5, paper.node), note), encoding="utf-8")
    monkeypatch.chdir(evidence)
    arguments = ["receipt", str(receipt), "--key", paper.verifier.text()]
    arguments += ["--leaf", paper.leaves[4].hex(), "--require-witness", "1"]
    assert run([*arguments, "--witness-key", key]) == 3
    assert run([*arguments, "--witness-key", own_keys[0]]) == 0
