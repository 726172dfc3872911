"""Whatever is submitted in whatever order, a witness's cosigned checkpoints form one history."""

import tempfile
from itertools import pairwise
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from audit.notes import Checkpoint, checkpoint_of, split_note
from audit.tree import verify_consistency
from audit.witness.protocol import request_body
from audit.witness.witness import hash_of_origin
from tests.fakes import SteppedClock
from tests.witnessed_logs import ORIGIN, PaperLog, made_witness

LEAVES_MAX = 40


class Submissions(RuleBasedStateMachine):
    """A log and its forks, all under the true key, brought in any order, with restarts."""

    def __init__(self) -> None:
        super().__init__()
        self._home = tempfile.TemporaryDirectory()
        self.logs = [PaperLog()]
        self.witness, self.place = made_witness(Path(self._home.name) / "w", self.logs[0])
        self.cosigned: list[tuple[PaperLog, Checkpoint]] = []

    @rule(log=st.integers(0, 5), count=st.integers(1, 6))
    def grow(self, log: int, count: int) -> None:
        which = self.logs[log % len(self.logs)]
        if len(which.leaves) + count <= LEAVES_MAX:
            which.grow(count, f"log{log % len(self.logs)}-")

    @rule(log=st.integers(0, 5), shared=st.integers(0, 3) | st.integers(0, LEAVES_MAX))
    def fork(self, log: int, shared: int) -> None:
        if len(self.logs) < 6:
            self.logs.append(self.logs[log % len(self.logs)].fork(shared))
            self.logs[-1].grow(2, f"fork{len(self.logs)}-")

    @rule(log=st.integers(0, 5), size=st.just(LEAVES_MAX) | st.integers(0, LEAVES_MAX))
    def submit(self, log: int, size: int) -> None:
        """Bring an honest proof from whatever the witness holds."""
        which = self.logs[log % len(self.logs)]
        size = min(size, len(which.leaves))
        held = self.held()
        if held.size > size:
            body = request_body(size, [], which.note(size))
        else:
            body = request_body(
                held.size, which.proof(held.size, size) if held.size else [], which.note(size)
            )
        self.note_reply(which, size, self.witness.add_checkpoint(body).status)

    @rule(
        log=st.integers(0, 5),
        old=st.integers(0, LEAVES_MAX),
        proof=st.lists(st.binary(min_size=32, max_size=32), max_size=6),
    )
    def submit_nonsense(self, log: int, old: int, proof: list[bytes]) -> None:
        which = self.logs[log % len(self.logs)]
        size = len(which.leaves)
        status = self.witness.add_checkpoint(request_body(old, proof, which.note())).status
        self.note_reply(which, size, status)

    @rule()
    def restart(self) -> None:
        self.witness = self.place.witness(SteppedClock())

    def note_reply(self, which: PaperLog, size: int, status: int) -> None:
        if status == 200:
            self.cosigned.append((which, Checkpoint(ORIGIN, size, which.root(size))))

    def held(self) -> Checkpoint:
        note = self.witness.latest(hash_of_origin(ORIGIN))
        if note is None:
            return Checkpoint(ORIGIN, 0, self.logs[0].root(0))
        return checkpoint_of(split_note(note)[0])

    @invariant()
    def all_that_was_cosigned_is_one_history(self) -> None:
        for (_, old), (log, new) in pairwise(self.cosigned):
            assert old.size <= new.size
            proof = log.proof(old.size, new.size) if old.size else []
            assert verify_consistency(old.size, new.size, proof, old.root, new.root)
        if self.cosigned:
            assert self.held() == self.cosigned[-1][1]

    def teardown(self) -> None:
        self._home.cleanup()


TestSubmissions = Submissions.TestCase
TestSubmissions.settings = settings(max_examples=25, stateful_step_count=30, deadline=None)
