"""The platform's side: what it believes of a witness, what it keeps, and what it never forgets."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, insert, select
from sqlalchemy.exc import IntegrityError

from audit.cosigned import (
    best_cosigned_size,
    cosigned_receipt,
    keep_lines,
    uncovered_since_us,
    with_cosignatures,
)
from audit.cosigning import Answer, Cosigning, Peer, Seen, Standing, Tempo, Unreachable
from audit.events import AuditEvent, no_effect
from audit.notes import SignatureLine, parse_checkpoint, signatures_by
from audit.proofs import parse_receipt, verify_receipt
from audit.store import checkpoint, cosignature
from audit.witness.directory import WitnessDirectory
from audit.witness.witness import Witness
from audit.writer import GroupCommitWriter
from foundation.db import reading
from tests.fakes import SteppedClock

TEMPO = Tempo(round_seconds_max=5.0, idle_seconds_between=3_600, waiting_max=10)


class Wire:
    """Carries requests to witnesses in this process; any of them can be cut off or replaced."""

    def __init__(self) -> None:
        self.witnesses: dict[str, Witness] = {}
        self.instead: dict[str, Callable[[bytes], Answer]] = {}
        self.calls: list[tuple[str, bytes]] = []

    def __call__(self, url: str, body: bytes) -> Answer:
        name = url.removeprefix("http://").removesuffix("/add-checkpoint")
        self.calls.append((name, body))
        if name in self.instead:
            return self.instead[name](body)
        reply = self.witnesses[name].add_checkpoint(body)
        return Answer(reply.status, reply.body.encode())


def cut(_body: bytes) -> Answer:
    raise Unreachable


class Scene:
    """A log with three witnesses on a wire."""

    def __init__(self, writer: GroupCommitWriter, engine: Engine, home: Path) -> None:
        self.writer, self.engine, self.wire = writer, engine, Wire()
        self.places: dict[str, WitnessDirectory] = {}
        self.changes: list[tuple[str, str]] = []
        peers = []
        for name in ("w1", "w2", "w3"):
            place = WitnessDirectory(home / name)
            place.create(f"{name}.example")
            place.trust(writer.verifier_key.text())
            self.places[name] = place
            self.wire.witnesses[name] = place.witness(SteppedClock())
            peers.append(Peer(f"{name}.example", place.keys().verifier_keys, f"http://{name}"))
        self.peers = tuple(peers)

    def cosigning(self) -> Cosigning:
        def told(peer: Peer, before: Seen, after: Seen) -> None:
            self.changes.append((peer.name, f"{before.standing}>{after.standing}"))

        return Cosigning(
            self.writer, self.engine, self.peers, self.wire, SteppedClock(), TEMPO, told=told
        )

    def standings(self, cosigning: Cosigning) -> list[str]:
        return [cosigning.seen()[peer.name].standing.value for peer in self.peers]


@pytest.fixture
def scene(writer: GroupCommitWriter, engine: Engine, tmp_path: Path) -> Scene:
    return Scene(writer, engine, tmp_path)


@pytest.fixture
def cosigning(scene: Scene) -> Iterator[Cosigning]:
    made = scene.cosigning()
    yield made
    made.close()


def lines_stored(engine: Engine) -> int:
    with reading(engine) as connection:
        return len(connection.execute(select(cosignature)).all())


def test_every_witness_gets_each_new_checkpoint_and_its_lines_are_kept(
    scene: Scene, cosigning: Cosigning, event: AuditEvent
) -> None:
    done = scene.writer.submit(event, no_effect)
    for _ in range(3):
        cosigning.round()
    assert scene.standings(cosigning) == ["agrees"] * 3
    assert lines_stored(scene.engine) == 6  # asking again for the same size stores nothing
    scene.writer.submit(event, no_effect)
    cosigning.round()
    assert lines_stored(scene.engine) == 12
    with reading(scene.engine) as connection:
        assert best_cosigned_size(connection, done.index) == 2
        receipt = cosigned_receipt(connection, done.index, 2)
        note = with_cosignatures(connection, 2, scene.writer.head())
    verify_receipt(receipt, done.leaf_hash, scene.writer.verifier_key)
    keys = [key for peer in scene.peers for key in peer.keys]
    for carrier in (note, parse_receipt(receipt).checkpoint_note):
        assert len(signatures_by(carrier, keys)[1]) == 6


def test_an_empty_log_is_shown_too_and_stores_nothing(scene: Scene, cosigning: Cosigning) -> None:
    cosigning.round()
    assert scene.standings(cosigning) == ["agrees"] * 3
    assert lines_stored(scene.engine) == 0


def test_a_witness_that_is_cut_off_is_told_all_it_missed(
    scene: Scene, cosigning: Cosigning, event: AuditEvent
) -> None:
    scene.writer.submit(event, no_effect)
    cosigning.round()
    scene.wire.instead["w2"] = cut
    for _ in range(5):
        scene.writer.submit(event, no_effect)
        cosigning.round()
    assert scene.standings(cosigning) == ["agrees", "unreachable", "agrees"]
    assert (cosigning.covered_size(2), cosigning.covered_size(3)) == (6, 1)
    del scene.wire.instead["w2"]
    cosigning.round()
    assert cosigning.covered_size(3) == 6
    assert cosigning.contrary() is None


def test_what_a_process_forgot_its_witnesses_tell_it(
    scene: Scene, cosigning: Cosigning, event: AuditEvent
) -> None:
    for _ in range(3):
        scene.writer.submit(event, no_effect)
    cosigning.round()
    again = scene.cosigning()
    assert again.covered_size(3) == 3  # from its table
    scene.writer.submit(event, no_effect)
    again.round()
    assert again.covered_size(3) == 4
    again.close()


def test_a_conflict_is_answered_with_a_proof_from_the_size_the_witness_named(
    scene: Scene, cosigning: Cosigning, event: AuditEvent
) -> None:
    for _ in range(7):
        scene.writer.submit(event, no_effect)
    other = scene.cosigning()
    other.round()
    other.close()
    scene.writer.submit(event, no_effect)
    cosigning.round()  # it believes that nothing was cosigned yet
    assert scene.standings(cosigning) == ["agrees"] * 3
    assert [body.split(b"\n")[0] for name, body in scene.wire.calls if name == "w1"] == [
        b"old 0",
        b"old 0",
        b"old 7",
    ]


def ahead(_body: bytes) -> Answer:
    return Answer(409, b"1000\n")


def contradicts(_body: bytes) -> Answer:
    return Answer(422, b"a fork\n")


@pytest.mark.parametrize(
    ("reply", "standing"), [(ahead, Standing.AHEAD), (contradicts, Standing.CONTRADICTS)]
)
def test_a_contradiction_outlasts_silence_and_ends_with_agreement(
    scene: Scene,
    cosigning: Cosigning,
    event: AuditEvent,
    reply: Callable[[bytes], Answer],
    standing: Standing,
) -> None:
    scene.writer.submit(event, no_effect)
    scene.wire.instead["w3"] = reply
    cosigning.round()
    assert cosigning.contrary() == scene.peers[2]
    assert cosigning.seen()["w3.example"].standing is standing
    assert cosigning.wait_for(0, 1, 30.0) is None  # others agree, and it is withheld all the same
    for quiet in (cut, lambda _body: Answer(404, b""), lambda _body: Answer(200, b"\xff")):
        scene.wire.instead["w3"] = quiet
        cosigning.round()
        assert cosigning.seen()["w3.example"].standing is standing
    del scene.wire.instead["w3"]
    cosigning.round()
    assert cosigning.contrary() is None
    changes = [change for name, change in scene.changes if name == "w3.example"]
    assert changes == [f"unknown>{standing}", f"{standing}>agrees"]


def strangers_line(_body: bytes) -> Answer:
    return Answer(200, SignatureLine("w3.example", b"zzzz", b"\x00" * 72).text().encode())


@pytest.mark.parametrize(
    "reply",
    [
        strangers_line,
        lambda _body: Answer(200, b""),
        lambda _body: Answer(200, b"\xff\xff"),
        lambda _body: Answer(200, "— w3.example AAAA\n".encode()),
        lambda _body: Answer(409, b"many\n"),
        lambda _body: Answer(409, b"0\n"),
        lambda _body: Answer(500, b""),
        lambda _body: Answer(302, b""),
    ],
)
def test_an_answer_that_makes_no_sense_counts_for_nothing(
    scene: Scene, cosigning: Cosigning, event: AuditEvent, reply: Callable[[bytes], Answer]
) -> None:
    scene.writer.submit(event, no_effect)
    scene.wire.instead["w3"] = reply
    cosigning.round()
    assert cosigning.seen()["w3.example"].standing is Standing.REFUSES
    assert cosigning.contrary() is None
    assert cosigning.covered_size(3) == 0
    assert lines_stored(scene.engine) == 4


def test_a_false_cosignature_under_the_witness_key_is_not_kept(
    scene: Scene, cosigning: Cosigning, event: AuditEvent
) -> None:
    scene.writer.submit(event, no_effect)
    cosigning.round()
    stale: list[bytes] = []

    def replay(body: bytes) -> Answer:
        """Answer the next request with the lines of the one before."""
        reply = scene.wire.witnesses["w3"].add_checkpoint(body)
        stale.append(reply.body.encode())
        return Answer(200, stale[0])

    scene.wire.instead["w3"] = replay
    scene.writer.submit(event, no_effect)
    cosigning.round()
    assert scene.standings(cosigning)[2] == "agrees"
    scene.writer.submit(event, no_effect)
    cosigning.round()
    assert scene.standings(cosigning)[2] == "refuses"
    assert cosigning.covered_size(3) == 2


def test_one_waits_for_so_many_witnesses_and_no_longer_than_said(
    scene: Scene, cosigning: Cosigning, event: AuditEvent
) -> None:
    cosigning.start()
    scene.wire.instead["w3"] = cut
    done = scene.writer.submit(event, no_effect)
    assert cosigning.wait_for(done.index, 2, 30.0) == 1
    assert cosigning.wait_for(done.index, 3, 0.3) is None
    threading.Timer(0.2, lambda: scene.wire.instead.pop("w3")).start()
    assert cosigning.wait_for(done.index, 3, 30.0) == 1


def test_many_callers_are_served_by_few_rounds(
    scene: Scene, cosigning: Cosigning, event: AuditEvent
) -> None:
    cosigning.start()
    sizes: list[int | None] = []

    def ask() -> None:
        for _ in range(5):
            done = scene.writer.submit(event, no_effect)
            sizes.append(cosigning.wait_for(done.index, 3, 30.0))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(sizes) == 40
    assert None not in sizes
    assert len(scene.wire.calls) < 3 * 40


def test_no_more_wait_than_may(scene: Scene, cosigning: Cosigning, event: AuditEvent) -> None:
    cosigning.start()
    for name in scene.wire.witnesses:
        scene.wire.instead[name] = cut
    done = scene.writer.submit(event, no_effect)
    found: list[int | None] = []
    waiting = [
        threading.Thread(target=lambda: found.append(cosigning.wait_for(done.index, 1, 60.0)))
        for _ in range(TEMPO.waiting_max)
    ]
    for thread in waiting:
        thread.start()
    while cosigning._waiting < TEMPO.waiting_max:
        threading.Event().wait(0.01)
    assert cosigning.wait_for(done.index, 1, 60.0) is None  # at once
    scene.wire.instead.clear()
    for thread in waiting:
        thread.join()
    assert found == [1] * TEMPO.waiting_max


def test_the_last_checkpoint_is_shown_before_the_end(
    scene: Scene, cosigning: Cosigning, event: AuditEvent
) -> None:
    cosigning.start()
    scene.writer.submit(event, no_effect)
    cosigning.close()
    assert cosigning.covered_size(3) == 1


def test_closing_lets_who_waits_go_without_a_cosignature(
    scene: Scene, cosigning: Cosigning, event: AuditEvent
) -> None:
    cosigning.start()
    for name in scene.wire.witnesses:
        scene.wire.instead[name] = cut
    done = scene.writer.submit(event, no_effect)
    threading.Timer(0.2, cosigning.close).start()
    assert cosigning.wait_for(done.index, 1, 30.0) is None


def test_lines_are_append_only_and_stand_beside_a_checkpoint(
    scene: Scene, event: AuditEvent
) -> None:
    scene.writer.submit(event, no_effect)
    line = SignatureLine("w1.example", b"abcd", b"\x01" * 72)
    scene.writer.keep_beside(lambda connection: keep_lines(connection, 1, [line], 5))
    for statement in (
        "UPDATE cosignature SET line = 'x'",
        "DELETE FROM cosignature",
        "INSERT OR REPLACE INTO cosignature SELECT * FROM cosignature",
    ):
        with pytest.raises(IntegrityError), scene.engine.begin() as connection:
            connection.exec_driver_sql(statement)
    with pytest.raises(Exception, match="could not be written"):  # no checkpoint of that size
        scene.writer.keep_beside(lambda connection: keep_lines(connection, 99, [line], 5))
    scene.writer.submit(event, no_effect)  # and the log goes on
    assert lines_stored(scene.engine) == 1


def test_rows_beside_the_log_make_no_entry(scene: Scene, event: AuditEvent) -> None:
    scene.writer.submit(event, no_effect)
    before = scene.writer.head()
    line = SignatureLine("w1.example", b"abcd", b"\x01" * 72)
    scene.writer.keep_beside(lambda connection: keep_lines(connection, 1, [line], 5))
    assert scene.writer.head() == before

    def fails(_connection: object) -> None:
        raise ValueError("refused")

    with pytest.raises(ValueError, match="refused"):
        scene.writer.keep_beside(fails)
    assert parse_checkpoint(scene.writer.head()).size == 1


def test_the_first_uncovered_checkpoint_tells_how_late_the_witnesses_are(
    scene: Scene, event: AuditEvent, clock: SteppedClock
) -> None:
    times = []
    for _ in range(3):
        times.append(scene.writer.submit(event, no_effect).time_us)
        clock.advance(1_000_000)
    with reading(scene.engine) as connection:
        assert [uncovered_since_us(connection, size) for size in range(4)] == [*times, None]
        assert best_cosigned_size(connection, 0) is None


def test_a_checkpoint_row_is_what_a_line_refers_to(scene: Scene) -> None:
    with pytest.raises(IntegrityError), scene.engine.begin() as connection:
        connection.execute(
            insert(cosignature).values(size=7, witness="w", key_id="00", line="x", time_us=1)
        )
    with reading(scene.engine) as connection:
        assert connection.execute(select(checkpoint)).all() == []
