"""The one group-commit writer: entries, their effects, tiles and a signed checkpoint, together.

Callers wait until the batch's transaction and the head file are durable, then get a receipt that
proves their entry's place. A refused item rolls back alone and consumes no index. No size is
signed twice for release: after a commit of unknown outcome the head is read again first.
"""

import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from sqlalchemy import Connection, Engine, RootTransaction, select, text
from sqlalchemy.exc import SQLAlchemyError

from audit.batch import Aside, Batch, Item, Waiting
from audit.events import AuditEvent, PendingEntry, Recorded
from audit.head import HeadFile
from audit.intake import Intake
from audit.log_signers import LogSigner, log_signer
from audit.notes import Checkpoint, VerifierKey
from audit.recovery import LogState, check_against_head, load_log, missing_head
from audit.sealing import ClassOfField, FieldSealer, unclassed
from audit.store import checkpoint
from audit.tree import EMPTY_ROOT, TreeEdge
from foundation.clock import Clock
from foundation.errors import Message, SandgateError, Unavailable
from foundation.keys import AES_GCM, BoxCipher, KeyStore

T = TypeVar("T")


class GroupCommitWriter:
    """Implements ``audit.events.Writer`` with one thread over one connection."""

    def __init__(
        self,
        engine: Engine,
        keys: KeyStore,
        clock: Clock,
        origin: str,
        head_path: Path,
        *,
        signer: LogSigner | None = None,
        fault: Callable[[str], None] | None = None,
        class_of_field: ClassOfField = unclassed,
        cipher: BoxCipher = AES_GCM,
    ) -> None:
        """Open the log, or refuse to. ``fault`` is called at named points, for crash tests.

        ``class_of_field`` names the class of record under whose keys a private field is sealed,
        and ``cipher`` is what new keys of it seal with.
        """
        self._engine = engine
        self._clock = clock
        self._signer = signer or log_signer(keys, origin)
        self._key = self._signer.verifier_keys[0]
        self._fault = fault or (lambda _point: None)
        self._sealer = FieldSealer(keys, class_of_field, cipher)
        self._intake = Intake()
        self._told: list[Callable[[], None]] = []
        self._connection: Connection | None = None
        self._head_file = HeadFile(head_path)
        try:
            self._state: LogState | None = self._open()
        except BaseException:
            self._drop_connection()
            self._head_file.release()
            raise
        self._head_note = self._state.note
        self._thread = threading.Thread(target=self._run, name="log-writer", daemon=True)
        self._thread.start()

    @property
    def verifier_key(self) -> VerifierKey:
        """The public key that others check this log with; publish its ``text()``."""
        return self._key

    def head(self) -> str:
        """Return the last durable checkpoint as a signed note."""
        return self._head_note

    def on_head(self, told: Callable[[], None]) -> None:
        """Call this after each durable checkpoint, from the writer's thread: it must not block."""
        self._told.append(told)

    def keep_beside(self, rows: Callable[[Connection], None]) -> None:
        """Commit rows that are no entry, such as a witness's line; return once they are durable.

        There is one writer, so they wait for their turn like entries do.
        """
        aside = Aside(rows)
        self._intake.put(aside)
        aside.done()

    def submit(
        self, event: AuditEvent, apply: Callable[[Connection, PendingEntry], T]
    ) -> Recorded[T]:
        """Commit the entry and its effect together, or neither; return once both are durable."""
        if threading.current_thread() is self._thread:
            raise RuntimeError("an effect cannot submit another entry: it would wait for itself")
        item = Item(event, apply)
        self._intake.put(item)
        recorded: Recorded[T] = item.wait()
        return recorded

    def close(self) -> None:
        """Finish what was submitted, then stop; a second call changes nothing."""
        self._intake.close()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self.close()

    def _run(self) -> None:
        try:
            while items := self._intake.take():
                self._serve(items)
        finally:
            self._drop_connection()
            self._head_file.release()

    def _serve(self, items: list[Waiting]) -> None:
        try:
            batch = self._commit(items)
        except BaseException as error:  # noqa: BLE001 - no caller may wait forever
            self._state = None
            self._drop_connection()
            for item in items:
                item.fail(error if isinstance(error, SandgateError) else _failed(error))
            return
        batch.release()

    def _commit(self, items: list[Waiting]) -> Batch:
        if self._state is None or self._connection is None:
            self._state = self._open()
        state, connection = self._state, self._connection
        assert connection is not None  # noqa: S101 - _open made it
        self._fault("before_batch")
        transaction = connection.begin()
        batch = Batch(connection, state, self._clock, self._sealer)
        for item in items:
            if isinstance(item, Item):
                batch.add(item)
            elif isinstance(item, Aside):
                batch.add_aside(item)
        self._fault("after_apply")
        sealed = batch.seal(self._signer.sign)
        if sealed is None:
            if batch.holds_asides:
                transaction.commit()
            else:
                transaction.rollback()
            return batch
        self._fault("before_commit")
        self._commit_or_reread(transaction, sealed.note)
        self._publish(sealed)
        return batch

    def _commit_or_reread(self, transaction: RootTransaction, note: str) -> None:
        try:
            transaction.commit()
            self._fault("after_commit")
        except Exception as error:
            self._drop_connection()
            if self._stored_head() != note:
                raise _failed(error) from error
            self._connection = self._connect()

    def _publish(self, sealed: LogState) -> None:
        self._fault("before_head")
        self._head_file.write(sealed.note)
        self._fault("after_head")
        self._signer.confirm(sealed.head)
        self._state = sealed
        self._head_note = sealed.note
        for told in self._told:
            told()

    def _stored_head(self) -> str | None:
        with self._engine.connect() as connection:
            newest = select(checkpoint.c.note).order_by(checkpoint.c.size.desc()).limit(1)
            note: str | None = connection.execute(newest).scalar_one_or_none()
            return note

    def _open(self) -> LogState:
        self._drop_connection()
        self._connection = self._connect()
        with self._connection.begin():
            state = load_log(self._connection, self._key)
            kept = self._head_file.read()
            if state is None:
                state = self._empty()
                if kept is None:
                    self._head_file.write(state.note)
                    return state
            if kept is None:
                raise missing_head()
            check_against_head(self._connection, state, kept, self._key)
        if kept != state.note:
            self._head_file.write(state.note)
        return state

    def _empty(self) -> LogState:
        head = Checkpoint(self._key.name, 0, EMPTY_ROOT)
        return LogState(TreeEdge(), head, self._signer.sign(head, head, list), 0)

    def _connect(self) -> Connection:
        connection = self._engine.connect()
        if self._engine.dialect.name == "postgresql":
            # A killed client's backend may still be committing: it holds this lock until done.
            with connection.begin():
                connection.execute(
                    text("SELECT pg_advisory_lock(hashtext(:log))"), {"log": self._key.name}
                )
        return connection

    def _drop_connection(self) -> None:
        connection, self._connection = self._connection, None
        if connection is None:
            return
        try:
            connection.invalidate()
            connection.close()
        except SQLAlchemyError:
            return


def _failed(error: BaseException) -> Unavailable:
    failure = Unavailable(
        "log_unavailable",
        Message(
            zh="审计日志无法写入（例如磁盘已满），操作未确认。",
            en="The audit log could not be written (a full disk, for example); "
            "the operation was not confirmed.",
        ),
        way_out=Message(
            zh="请腾出空间或恢复数据库后用同一幂等键重试。",
            en="Free space or restore the database, then retry with the same idempotency key.",
        ),
    )
    failure.__cause__ = error
    return failure
