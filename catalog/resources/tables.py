"""Reads one declared table of a department's database into a file, by a process of its own.

Who may be reached, with which password and for which tables, stands in the connections file of the
machine's keeper (``SANDGATE_SOURCE_CONNECTIONS``), which nobody else may read: no password is in
the control store, the log or an answer, and no caller names an address.
"""

import json
import stat
import subprocess
import tomllib
from dataclasses import dataclass
from pathlib import Path

from pydantic import Field, ValidationError

from catalog.datasets import Dataset, Frozen
from foundation.errors import Conflict, InvalidInput, Message, SandgateError, Unavailable

CHILD = Path(__file__).with_name("table_child.py")
CONNECT_SECONDS_MAX = 10
READ_SECONDS_MAX = 3_600
RULE = "source-connections"
_CODES = {3: "source_not_reached", 4: "source_table_not_read", 5: "file_too_large"}


class SourceConnection(Frozen):
    """One database that a department lets the platform read: whose, where, and which tables."""

    provider: str = Field(min_length=1, max_length=64)
    url: str = Field(pattern=r"^postgresql://", max_length=2_000, repr=False)
    tables: tuple[str, ...] = Field(min_length=1, max_length=1_000)


class _Connections(Frozen):
    connections: dict[str, SourceConnection]


@dataclass(frozen=True)
class TableReader:
    """Reads tables through a child of the service's own Python. No file: no table is read."""

    environment: Path
    connections: Path | None
    bytes_max: int
    seconds_max: int = READ_SECONDS_MAX

    def check(self, dataset: Dataset) -> SourceConnection:
        """Return the connection of a data set. Raises where none is declared on both sides."""
        declaration = dataset.declaration
        if not declaration.system or declaration.system_table is None:
            raise Conflict(
                "source_table_undeclared",
                Message(
                    "该数据集未声明来源系统和数据表，不能从系统读取。",
                    "The data set declares no system and table to be read from.",
                ),
                field="$.system_table",
                rule=RULE,
            )
        found = self._connections().get(declaration.system)
        allowed = found is not None and found.provider == dataset.provider
        if found is None or not allowed or declaration.system_table not in found.tables:
            raise InvalidInput(
                "source_not_connected",
                Message(
                    "平台未获准读取该系统的这张表，请由平台管理员登记连接。",
                    "The platform is not let into this table of this system; its keeper names the "
                    "connection and the table.",
                ),
                field="$.system",
                rule=RULE,
            )
        return found

    def read(self, dataset: Dataset, into: Path) -> None:
        """Copy the declared columns of the declared table as CSV into a new file.

        Raises Unavailable where the database does not answer or the table is not as declared.
        """
        connection = self.check(dataset)
        schema, _, table = (dataset.declaration.system_table or "").partition(".")
        order = {
            "url": connection.url,
            "schema": schema,
            "table": table,
            "columns": [column.name for column in dataset.declaration.columns],
            "bytes_max": self.bytes_max,
            "connect_seconds_max": CONNECT_SECONDS_MAX,
            "seconds_max": self.seconds_max,
        }
        with into.open("xb") as out:
            into.chmod(0o600)
            code = self._run(json.dumps(order).encode() + b"\n", out.fileno())
        if code:
            into.unlink()
            raise _not_read(code)

    def _run(self, order: bytes, out: int) -> int:
        try:
            return subprocess.run(
                [str(self.environment / "bin" / "python"), "-I", str(CHILD)],
                input=order,
                stdout=out,
                stderr=subprocess.DEVNULL,
                env={},
                cwd="/",
                timeout=self.seconds_max + CONNECT_SECONDS_MAX,
                check=False,
                start_new_session=True,
            ).returncode
        except subprocess.TimeoutExpired:
            return 4

    def _connections(self) -> dict[str, SourceConnection]:
        if self.connections is None:
            return {}
        try:
            if stat.S_IMODE(self.connections.stat().st_mode) & 0o077:
                raise _file_unusable()
            told = tomllib.loads(self.connections.read_text(encoding="utf-8"))
            return _Connections.model_validate(told).connections
        except (OSError, ValueError, ValidationError):
            raise _file_unusable() from None  # its text holds passwords


def _not_read(code: int) -> SandgateError:
    return Unavailable(
        _CODES.get(code, "source_table_not_read"),
        Message(
            "未能读取来源系统的数据表（无法连接、表或列不符、超时或超过大小上限），未保存任何内容。",
            "The table was not read: no connection, other columns, too long or too large. Nothing "
            "was stored.",
        ),
        field="$.system",
        rule=RULE,
        way_out=Message(
            "请与来源系统管理员核对连接、表和列后重试。",
            "Compare connection, table and columns with the keeper of the system, then retry.",
        ),
    )


def _file_unusable() -> Unavailable:
    return Unavailable(
        "source_connections_unusable",
        Message(
            "来源连接文件缺失、格式不符，或可被他人读取（须为 0600）。",
            "The file of source connections is missing, malformed, or readable by others (0600).",
        ),
        rule=RULE,
    )
