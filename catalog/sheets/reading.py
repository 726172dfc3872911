"""Has a foreign spreadsheet read by a confined child, and trusts nothing that it says.

The child gets one socket: no network, no key, no path, bounded memory and time. What comes back is
text cells, checked again here; the service itself never parses the file. Where no child can be
confined nothing is read.

    reader = SheetReader(environment, bounds)
    sheet = reader.read(data, "目录.xlsx")         # raises InvalidInput: which place, which rule
    sheet.headers, sheet.rows                      # row 1, and the rest, as text
"""

import csv
import io
from dataclasses import dataclass
from pathlib import Path

from catalog.sheets.forms import Bounds, CellFault, Cells, FileRefused, Span, from_json, order_line
from catalog.sheets.refusals import CELL_MESSAGES, RULE, place_of, sheet_refused
from foundation.confined_exchange import AnswerTooLarge, ChildStopped, exchange
from foundation.confinement import Confinement, Limits
from foundation.errors import InvalidInput, Message
from policies.schema.exchange import SheetBounds

GUEST = Path(__file__).with_name("reading_child.py")
_MODULES = ("__init__.py", "forms.py", "package.py", "text_table.py", "workbook.py")
READ_SECONDS_MAX = 60.0
MEMORY_BYTES_MAX = 1 << 30
PIDS_MAX = 16
FILE_NAME_CHARACTERS_MAX = 200
SHEET_NAME_CHARACTERS_MAX = 31  # of any spreadsheet


@dataclass(frozen=True)
class Sheet:
    """One sheet as text. Every row is as wide as the widest; ``rows[0]`` is the sheet's row 2."""

    name: str
    sheets: tuple[str, ...]
    cells: tuple[tuple[str, ...], ...]
    spans: tuple[Span, ...]
    faults: tuple[CellFault, ...]
    encoding: str

    @property
    def headers(self) -> tuple[str, ...]:
        """Row 1."""
        return self.cells[0]

    @property
    def rows(self) -> tuple[tuple[str, ...], ...]:
        """All rows after row 1."""
        return self.cells[1:]

    def require_clean(self) -> None:
        """Refuse a sheet of which any cell cannot be used. Raises InvalidInput."""
        if self.faults:
            first = self.faults[0]
            reason, place = CELL_MESSAGES[first.rule], place_of(first.row, first.column)
            raise InvalidInput(
                f"sheet_{first.rule}",
                Message(f"{reason.zh}{place.zh}。", f"{reason.en}{place.en}."),
                field="$.file",
                rule=RULE,
            )

    def as_csv(self) -> bytes:
        """Return the cells as CSV in UTF-8 (RFC 4180), for what reads CSV already.

        This is for machines of ours: cells stand as they are. For people see ``exchange.inert``.
        """
        text = io.StringIO(newline="")
        csv.writer(text).writerows(self.cells)
        return text.getvalue().encode()


@dataclass(frozen=True)
class SheetReader:
    """Reads foreign spreadsheets, each in a bubblewrap child that holds one socket."""

    environment: Path
    bounds: Bounds
    bubblewrap: Path | None = None
    processors: frozenset[int] = frozenset()
    seconds_max: float = READ_SECONDS_MAX
    memory_bytes_max: int = MEMORY_BYTES_MAX

    def read(self, data: bytes, file_name: str, sheet: str | None = None) -> Sheet:
        """Read the sheet of a name, or the first visible one.

        Raises InvalidInput where the file is refused, and Unavailable without confinement.
        """
        if len(data) > self.bounds.file_bytes_max:
            raise sheet_refused("file_bytes")
        if len(file_name) > FILE_NAME_CHARACTERS_MAX:
            raise sheet_refused("not_a_spreadsheet")
        if sheet is not None and len(sheet) > SHEET_NAME_CHARACTERS_MAX:
            raise sheet_refused("sheet_missing")
        answer = self._ask(data, file_name, sheet)
        if not answer:  # ended by a bound of memory or time before it said a word
            raise sheet_refused("stopped")
        try:
            cells = from_json(answer, self.bounds)
        except FileRefused as refused:
            raise sheet_refused(refused.code, refused.row, refused.column) from refused
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise sheet_refused("unreadable") from error
        return _sheet(cells, self.bounds.cells_max)

    def _ask(self, data: bytes, file_name: str, sheet: str | None) -> bytes:
        try:
            return exchange(
                self._confinement,
                order_line(file_name, sheet, self.bounds) + data,
                seconds_max=self.seconds_max,
                answer_bytes_max=self.bounds.unpacked_bytes_max,
                bubblewrap=self.bubblewrap,
            )
        except AnswerTooLarge as error:
            raise sheet_refused("unpacked_bytes") from error
        except ChildStopped as error:
            raise sheet_refused("stopped") from error

    def _confinement(self, channel: int) -> Confinement:
        here = GUEST.parent
        return Confinement(
            environment=self.environment,
            program=GUEST,
            arguments=(str(channel),),
            guest_files={
                "catalog/__init__.py": here.parent / "__init__.py",
                **{f"catalog/sheets/{name}": here / name for name in _MODULES},
            },
            inherited_fds=(channel,),
            limits=Limits(
                memory_bytes_max=self.memory_bytes_max,
                pids_max=PIDS_MAX,
                cpu_seconds_max=max(5, int(self.seconds_max)),
                processors=self.processors,
            ),
            profile="worker",
        )


def bounds_of(rules: SheetBounds) -> Bounds:
    """Return the bounds that a rule file states."""
    return Bounds(**rules.model_dump())


def _sheet(cells: Cells, cells_max: int) -> Sheet:
    width = max(map(len, cells.rows), default=0)
    if not width:
        raise sheet_refused("empty")
    if width * len(cells.rows) > cells_max:
        raise sheet_refused("cells")
    even = tuple(row + ("",) * (width - len(row)) for row in cells.rows)
    return Sheet(cells.sheet, cells.sheets, even, cells.spans, cells.faults, cells.encoding)
