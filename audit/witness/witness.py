"""Whether a checkpoint deserves a cosignature: c2sp.org/tlog-witness, the witness's side.

The witness never cosigns two checkpoints of one log that contradict each other, nor a smaller one
after a larger one: not under concurrent requests, and not across a crash between storing and
answering. It trusts a log by keys given from outside, and starts with none by default.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from audit.notes import (
    BadNote,
    Checkpoint,
    SignatureLine,
    VerifierKey,
    checkpoint_of,
    signatures_by,
    split_note,
)
from audit.tree import EMPTY_ROOT, verify_consistency
from audit.witness.keys import WitnessKeys
from audit.witness.memory import Turn, Witnessed, WitnessMemory
from audit.witness.protocol import (
    BAD_REQUEST,
    CONFLICT,
    FORBIDDEN,
    NOT_FOUND,
    OK,
    SIZE_TYPE,
    UNPROCESSABLE,
    AddCheckpoint,
    Reply,
    parse_request,
)
from foundation.clock import MICROSECONDS_PER_SECOND, Clock
from foundation.errors import Message, Unavailable


@dataclass(frozen=True)
class _Submitted:
    """A checkpoint whose log signature holds."""

    request: AddCheckpoint
    head: Checkpoint
    text: str
    log_lines: Sequence[SignatureLine]


class _Refused(Exception):
    """The reply that ends a request."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.reply = Reply(status, reason + "\n")


class Witness:
    """Cosigns checkpoints of the logs it was told to trust."""

    def __init__(
        self,
        keys: WitnessKeys,
        memory: WitnessMemory,
        log_keys: Sequence[VerifierKey],
        clock: Clock,
        *,
        fault: Callable[[str], None] | None = None,
    ) -> None:
        """Join the parts. Raises Unavailable without a log key. ``fault`` is for crash tests."""
        if not log_keys:
            raise Unavailable(
                "witness_without_log_key",
                Message(
                    "见证方没有配置日志公钥。公钥须由监管方从平台之外取得。",
                    "The witness was given no log key; the regulator brings it from outside.",
                ),
                way_out=Message(
                    "请运行 sandgate witness trust NAME+HASH+KEY。",
                    "Run `sandgate witness trust NAME+HASH+KEY`.",
                ),
            )
        self._keys = keys
        self._memory = memory
        self._log_keys = tuple(log_keys)
        self._clock = clock
        self._fault = fault or (lambda _point: None)

    def add_checkpoint(self, body: bytes) -> Reply:
        """Answer one add-checkpoint request."""
        try:
            submitted = self._submitted(body)
            return self._decide(submitted)
        except _Refused as refused:
            return refused.reply

    def latest(self, origin_hash: str) -> str | None:
        """Return the newest cosigned checkpoint of the log whose origin has this SHA-256 (hex)."""
        held = self._memory.by_hash(origin_hash)
        return None if held is None else held.note

    def _submitted(self, body: bytes) -> _Submitted:
        try:
            request = parse_request(body)
            text, _ = split_note(request.note)
            head = checkpoint_of(text)
        except BadNote as error:
            raise _Refused(BAD_REQUEST, str(error)) from error
        trusted = [key for key in self._log_keys if key.name == head.origin]
        if not trusted:
            raise _Refused(NOT_FOUND, "the log is not known here")
        try:
            _, signed = signatures_by(request.note, trusted)
        except BadNote as error:
            raise _Refused(FORBIDDEN, str(error)) from error
        if not signed:
            raise _Refused(FORBIDDEN, "the checkpoint carries no signature by the log's key")
        if request.old_size > head.size:
            raise _Refused(BAD_REQUEST, "the old size is larger than the checkpoint's")
        return _Submitted(request, head, text, [line for _, line in signed])

    def _decide(self, submitted: _Submitted) -> Reply:
        with self._memory.turn() as turn:
            held = turn.held(submitted.head.origin)
            held_size = 0 if held is None else held.size
            if submitted.request.old_size != held_size:
                if held is not None and _two_roots(submitted.head, held):
                    self._keep_dispute(turn, submitted, held_size, proof=True)
                return Reply(CONFLICT, f"{held_size}\n", SIZE_TYPE)
            fault = _inconsistency(submitted, held)
            if fault:
                proof = held is not None and _two_roots(submitted.head, held)
                self._keep_dispute(turn, submitted, held_size, proof=proof)
                return Reply(UNPROCESSABLE, fault + "\n")
            lines = self._cosign(turn, submitted, held)
            self._fault("before_store")
        self._fault("after_store")
        return Reply(OK, lines)

    def _cosign(self, turn: Turn, submitted: _Submitted, held: Witnessed | None) -> str:
        time_s = max(self._now_s(), 0 if held is None else held.time_s)
        text = submitted.text.encode()
        lines = "".join(
            SignatureLine(signer.name, signer.key_id, signer.sign(text)).text()
            for signer in self._keys.cosigners(time_s)
        )
        head = submitted.head
        note = f"{submitted.text}\n{''.join(line.text() for line in submitted.log_lines)}{lines}"
        turn.keep(
            hash_of_origin(head.origin), Witnessed(head.origin, head.size, head.root, note, time_s)
        )
        return lines

    def _keep_dispute(
        self, turn: Turn, submitted: _Submitted, held_size: int, *, proof: bool
    ) -> None:
        request = submitted.request
        turn.dispute(
            submitted.head.origin,
            request.note,
            request.old_size,
            held_size,
            self._now_s(),
            proof=proof,
        )

    def _now_s(self) -> int:
        return self._clock.now_us() // MICROSECONDS_PER_SECOND


def hash_of_origin(origin: str) -> str:
    """Return the SHA-256 of a log's origin, as the monitoring address spells it."""
    return hashlib.sha256(origin.encode()).hexdigest()


def _two_roots(head: Checkpoint, held: Witnessed) -> bool:
    """Tell whether one size was signed with two roots: proof by itself, whatever came with it."""
    return head.size == held.size and head.root != held.root


def _inconsistency(submitted: _Submitted, held: Witnessed | None) -> str:
    """Say why a checkpoint does not extend what was seen; nothing where it does."""
    head, request = submitted.head, submitted.request
    if head.size == 0 and head.root != EMPTY_ROOT:
        return "an empty log has the empty tree's root"
    if held is None or held.size == 0:
        return "the proof from an empty tree is empty" if request.proof else ""
    if not verify_consistency(held.size, head.size, request.proof, held.root, head.root):
        return "the checkpoint does not extend the one that was cosigned: a fork or a wrong proof"
    return ""
