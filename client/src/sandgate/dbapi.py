"""DB-API 2.0 (PEP 249) over the session's gateway: read only, one checked question a statement.

A refusal is ``ProgrammingError`` with the whole card as its text and the ``Refused`` itself in
``.refusal``. Parameters are written into the text as typed literals here, because the platform
checks and logs whole texts; there is no transaction to commit or to roll back.
"""

from collections.abc import Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

import pyarrow as pa

from sandgate.answers import Answer
from sandgate.gateway import Gateway
from sandgate.language import pick
from sandgate.literals import CannotWrite, with_parameters
from sandgate.refusals import Refused, Unreachable

apilevel = "2.0"
threadsafety = 1  # threads may share the module, not a connection
paramstyle = "qmark"

Parameters = Sequence[Any] | Mapping[str, Any]


class Warning(Exception):  # noqa: A001 - PEP 249 names it so
    """A notice that is no error."""


class Error(Exception):
    """Anything that went wrong; ``refusal`` is the platform's own, where it gave one."""

    refusal: Refused | None = None


class InterfaceError(Error):
    """The interface was used wrongly."""


class DatabaseError(Error):
    """The platform did not answer."""


class DataError(DatabaseError):
    """A value cannot be written."""


class OperationalError(DatabaseError):
    """The session's one way to the platform does not answer."""


class IntegrityError(DatabaseError):
    """Never raised: nothing is written."""


class InternalError(DatabaseError):
    """The connection or cursor is closed."""


class ProgrammingError(DatabaseError):
    """The question was refused; the text says why and what would be allowed."""


class NotSupportedError(DatabaseError):
    """The platform only answers questions."""


class _Kind:
    """A type object that compares equal to every type code of its family (PEP 249)."""

    def __init__(self, *prefixes: str) -> None:
        self._prefixes = prefixes

    def __eq__(self, other: object) -> bool:
        return self is other or str(other).startswith(self._prefixes)

    def __hash__(self) -> int:
        return hash(self._prefixes)


STRING = _Kind("string", "large_string")
BINARY = _Kind("binary", "large_binary")
NUMBER = _Kind("int", "uint", "float", "double", "half", "decimal")
DATETIME = _Kind("date", "time", "timestamp")
ROWID = _Kind("\0")

Column = tuple[str, str, None, None, int | None, int | None, bool]


def connect(socket: str | None = None) -> "Connection":
    """Open a connection to the session's gateway, or to the Unix socket named."""
    return Connection(Gateway(socket))


class Connection:
    """One conversation with the gateway; it holds no credential and no state of its own."""

    Warning = Warning
    Error = Error
    InterfaceError = InterfaceError
    DatabaseError = DatabaseError
    DataError = DataError
    OperationalError = OperationalError
    IntegrityError = IntegrityError
    InternalError = InternalError
    ProgrammingError = ProgrammingError
    NotSupportedError = NotSupportedError

    def __init__(self, gateway: Gateway) -> None:
        """Speak to a gateway."""
        self.gateway = gateway
        self._open = True

    def cursor(self) -> "Cursor":
        """Return a new cursor."""
        self.check_open()
        return Cursor(self)

    def close(self) -> None:
        """Close; every later use raises InternalError."""
        self._open = False

    def commit(self) -> None:
        """Do nothing: every question is its own, and nothing is written."""
        self.check_open()

    def rollback(self) -> None:
        """Do nothing: what was asked and charged stays so."""
        self.check_open()

    def check_open(self) -> None:
        """Raise InternalError once closed."""
        if not self._open:
            raise InternalError(pick("连接已关闭", "The connection is closed"))

    def __enter__(self) -> Self:
        self.check_open()
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self.close()


class Cursor:
    """Asks questions and gives their rows. ``answer`` is the whole answer, receipt and all."""

    arraysize = 1

    def __init__(self, connection: Connection) -> None:
        """Belong to a connection."""
        self.connection = connection
        self.answer: Answer | None = None
        self._rows: Iterator[tuple[Any, ...]] | None = None
        self._open = True

    @property
    def description(self) -> list[Column] | None:
        """Name, type code, precision, scale and nullability of each column of the last answer."""
        if self.answer is None:
            return None
        return [_described(item) for item in self.answer.table.schema]

    @property
    def rowcount(self) -> int:
        """The number of rows of the last answer; -1 before one."""
        return -1 if self.answer is None else self.answer.table.num_rows

    def execute(self, operation: str, parameters: Parameters = ()) -> "Cursor":
        """Ask one question. ``?`` takes a sequence, ``:name`` a mapping."""
        self._check_open()
        self.answer, self._rows = None, None
        try:
            text = with_parameters(operation, parameters)
        except CannotWrite as error:
            raise DataError(str(error)) from None
        try:
            self.answer = self.connection.gateway.sql(text)
        except Refused as refusal:
            raise _as_error(refusal) from refusal
        self._rows = _rows(self.answer.table)
        return self

    def executemany(self, _operation: str, _parameters: Sequence[Parameters]) -> None:
        """Raise: a question is asked once, so that its price is seen."""
        self._check_open()
        raise NotSupportedError(
            pick(
                "不支持 executemany：请逐条提问，或用 IN (…) 一次问完",
                "executemany is not supported: ask once with IN (…), or one by one",
            )
        )

    def fetchone(self) -> tuple[Any, ...] | None:
        """Return the next row, or None."""
        return next(self._answered(), None)

    def fetchmany(self, size: int | None = None) -> list[tuple[Any, ...]]:
        """Return the next rows, ``arraysize`` of them unless told."""
        rows = self._answered()
        wanted = self.arraysize if size is None else size
        return [row for _, row in zip(range(wanted), rows, strict=False)]

    def fetchall(self) -> list[tuple[Any, ...]]:
        """Return all rows that are left."""
        return list(self._answered())

    def fetch_arrow_table(self) -> pa.Table:
        """Return the whole answer as an Arrow table."""
        self._answered()
        if self.answer is None:
            raise InterfaceError(pick("尚未提问", "Nothing was asked yet"))
        return self.answer.table

    def close(self) -> None:
        """Close; every later use raises InternalError."""
        self._open = False

    def setinputsizes(self, _sizes: Sequence[object]) -> None:
        """Do nothing, as PEP 249 allows."""

    def setoutputsize(self, _size: int, _column: int | None = None) -> None:
        """Do nothing, as PEP 249 allows."""

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        return self._answered()

    def __enter__(self) -> Self:
        self._check_open()
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _answered(self) -> Iterator[tuple[Any, ...]]:
        self._check_open()
        if self._rows is None:
            raise InterfaceError(pick("尚未提问", "Nothing was asked yet"))
        return self._rows

    def _check_open(self) -> None:
        self.connection.check_open()
        if not self._open:
            raise InternalError(pick("游标已关闭", "The cursor is closed"))


def _as_error(refusal: Refused) -> DatabaseError:
    kind = OperationalError if isinstance(refusal, Unreachable) else ProgrammingError
    error = kind(refusal.plain())
    error.refusal = refusal
    return error


def _rows(table: pa.Table) -> Iterator[tuple[Any, ...]]:
    for batch in table.to_batches():
        columns = [column.to_pylist() for column in batch.columns]
        yield from zip(*columns, strict=True)


def _described(field: pa.Field) -> Column:
    precision = scale = None
    if pa.types.is_decimal(field.type):
        precision, scale = field.type.precision, field.type.scale
    return (field.name, str(field.type), None, None, precision, scale, field.nullable)
