"""What a bank answered, read from foreign bytes: pain.002 or CSV. Runs inside a confined child.

Standard library only. A document type, an entity or a processing instruction ends the reading
before anything is expanded; size, depth and number of elements are capped. Nothing of the bytes
gets into a refusal: it is a code.
"""

import csv
import io
import json
import re
from dataclasses import asdict, dataclass
from xml.parsers import expat

BYTES_MAX = 4 << 20
ELEMENTS_MAX = 500_000
DEPTH_MAX = 24
RESULTS_MAX = 20_000
TEXT_CHARACTERS_MAX = 2_048
FEN_MAX = 10**15
NAMESPACE = re.compile(r"urn:iso:std:iso:20022:tech:xsd:pain\.002\.001\.[0-9]{2}")
PAID = frozenset({"ACSC", "ACCC", "ACWC"})
FAILED = frozenset({"RJCT", "CANC"})
WAITING = frozenset({"RCVD", "PDNG", "ACTC", "ACCP", "ACSP", "ACFC", "PATC", "PART", "PRES"})
CSV_NAMES = ("end_to_end_id", "status", "amount_yuan", "reason_code")
CODES = frozenset(
    {
        "amount_invalid",
        "columns_unknown",
        "currency_unknown",
        "declarations_refused",
        "empty",
        "end_to_end_id_invalid",
        "form_unknown",
        "line_named_twice",
        "line_part_named_twice",
        "message_not_named",
        "namespace_unknown",
        "reason_code_invalid",
        "row_invalid",
        "status_unknown",
        "too_large",
        "unreadable",
    }
)
_NAME = re.compile(r"[A-Za-z0-9_-]{1,35}")
_REASON = re.compile(r"[A-Za-z0-9_-]{0,35}")
_YUAN = re.compile(r"([0-9]{1,13})(?:\.([0-9]{1,2}))?")
_STATUS_ELEMENT = "TxInfAndSts"


class ReturnRefused(Exception):
    """The bytes are no answer that can be used; the argument is a code."""


@dataclass(frozen=True)
class ReturnedLine:
    """What the bank says of one payment. ``fen`` is None where it names no amount."""

    end_to_end_id: str
    status: str
    fen: int | None
    reason_code: str


@dataclass(frozen=True)
class Returned:
    """A whole answer. ``group`` speaks for every payment that has no line of its own."""

    message_id: str | None
    group: str | None
    lines: tuple[ReturnedLine, ...]
    waiting: int


def read_return(data: bytes, form: str) -> Returned:
    """Read an answer in a form, ``pain.002`` or ``csv``. Raises ReturnRefused."""
    if len(data) > BYTES_MAX:
        raise ReturnRefused("too_large")
    if form == "pain.002":
        found = _Pain002().read(data)
    elif form == "csv":
        found = _read_csv(data)
    else:
        raise ReturnRefused("form_unknown")
    if len({line.end_to_end_id for line in found.lines}) != len(found.lines):
        raise ReturnRefused("line_named_twice")
    return found


def as_json(found: Returned) -> bytes:
    """Return an answer as the child sends it."""
    return json.dumps(asdict(found)).encode()


def from_json(data: bytes) -> Returned:
    """Read what a child sent, and check it as if a stranger had sent it. Raises ReturnRefused."""
    try:
        raw = json.loads(data)
        lines = tuple(
            _line(row["end_to_end_id"], row["status"], row["fen"], row["reason_code"])
            for row in raw["lines"]
        )
        message_id, group, waiting = raw["message_id"], raw["group"], raw["waiting"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ReturnRefused("unreadable") from error
    good = (
        (message_id is None or (isinstance(message_id, str) and _NAME.fullmatch(message_id)))
        and group in {None, "paid", "failed"}
        and type(waiting) is int
        and len(lines) <= RESULTS_MAX
        and len({line.end_to_end_id for line in lines}) == len(lines)
    )
    if not good:
        raise ReturnRefused("unreadable")
    return Returned(message_id, group, lines, waiting)


def _line(name: object, status: object, fen: object, reason: object) -> ReturnedLine:
    if not (isinstance(name, str) and _NAME.fullmatch(name)):
        raise ReturnRefused("end_to_end_id_invalid")
    if status not in {"paid", "failed"}:
        raise ReturnRefused("status_unknown")
    if fen is not None and not (type(fen) is int and 0 < fen <= FEN_MAX):
        raise ReturnRefused("amount_invalid")
    if not (isinstance(reason, str) and _REASON.fullmatch(reason)):
        raise ReturnRefused("reason_code_invalid")
    return ReturnedLine(name, str(status), fen if isinstance(fen, int) else None, reason)


def _fen(text: str) -> int:
    found = _YUAN.fullmatch(text)
    if found is None:
        raise ReturnRefused("amount_invalid")
    return int(found[1]) * 100 + int((found[2] or "").ljust(2, "0"))


def _status(code: str) -> str | None:
    if code in PAID:
        return "paid"
    if code in FAILED:
        return "failed"
    if code in WAITING:
        return None
    raise ReturnRefused("status_unknown")


def _read_csv(data: bytes) -> Returned:
    try:
        text = data.decode("utf-8-sig")
        rows = csv.reader(io.StringIO(text, newline=""), strict=True)
        if tuple(next(rows, ())) != CSV_NAMES:
            raise ReturnRefused("columns_unknown")
        lines: list[ReturnedLine] = []
        for row in rows:
            if len(row) != len(CSV_NAMES) or len(lines) >= RESULTS_MAX:
                raise ReturnRefused("row_invalid")
            name, status, yuan, reason = row
            lines.append(_line(name, status, _fen(yuan), reason))
    except (UnicodeDecodeError, csv.Error) as error:
        raise ReturnRefused("unreadable") from error
    if not lines:
        raise ReturnRefused("empty")
    return Returned(None, None, tuple(lines), 0)


class _Pain002:
    """One pass over a pain.002: only the few paths that matter are kept."""

    def __init__(self) -> None:
        self._parser = expat.ParserCreate(namespace_separator=" ")
        self._path: list[str] = []
        self._text: list[str] = []
        self._characters = 0
        self._elements = 0
        self._line: dict[str, str] = {}
        self._lines: list[ReturnedLine] = []
        self._waiting = 0
        self._group: str | None = None
        self._group_code = ""
        self._message_id: str | None = None
        self._currency = ""

    def read(self, data: bytes) -> Returned:
        parser = self._parser
        parser.buffer_text = True
        parser.StartDoctypeDeclHandler = self._refuse
        parser.EntityDeclHandler = self._refuse
        parser.ExternalEntityRefHandler = self._refuse
        parser.SkippedEntityHandler = self._refuse
        parser.ProcessingInstructionHandler = self._refuse
        parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._characters_of
        try:
            parser.Parse(data, True)
        except (expat.ExpatError, ValueError, LookupError) as error:
            raise ReturnRefused("unreadable") from error
        if self._message_id is None:
            raise ReturnRefused("message_not_named")
        if not self._lines and self._group is None and not self._waiting and not self._group_code:
            raise ReturnRefused("empty")
        return Returned(self._message_id, self._group, tuple(self._lines), self._waiting)

    def _refuse(self, *_arguments: object) -> int:
        raise ReturnRefused("declarations_refused")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._elements += 1
        namespace, _, local = name.rpartition(" ")
        if self._elements > ELEMENTS_MAX or len(self._path) >= DEPTH_MAX:
            raise ReturnRefused("too_large")
        if not NAMESPACE.fullmatch(namespace):
            raise ReturnRefused("namespace_unknown")
        if not self._path and local != "Document":
            raise ReturnRefused("namespace_unknown")
        self._path.append(local)
        self._text, self._characters = [], 0
        if local == _STATUS_ELEMENT:
            self._line = {}
        if local == "InstdAmt":
            self._currency = attributes.get("Ccy", "")

    def _characters_of(self, text: str) -> None:
        self._characters += len(text)
        if self._characters > TEXT_CHARACTERS_MAX:
            raise ReturnRefused("too_large")
        self._text.append(text)

    def _end(self, _name: str) -> None:
        local, text = self._path[-1], "".join(self._text).strip()
        parent = self._path[-2] if len(self._path) > 1 else ""
        if local == _STATUS_ELEMENT:
            self._finish_line()
        elif _STATUS_ELEMENT in self._path:
            self._line_part(local, parent, text)
        elif parent == "OrgnlGrpInfAndSts":
            self._group_part(local, text)
        self._path.pop()
        self._text, self._characters = [], 0

    def _group_part(self, local: str, text: str) -> None:
        if local == "OrgnlMsgId":
            if self._message_id is not None or not _NAME.fullmatch(text):
                raise ReturnRefused("message_not_named")
            self._message_id = text
        elif local == "GrpSts":
            self._group_code, self._group = text, _status(text)

    def _line_part(self, local: str, parent: str, text: str) -> None:
        wanted = {
            ("OrgnlEndToEndId", _STATUS_ELEMENT): "name",
            ("TxSts", _STATUS_ELEMENT): "status",
            ("Cd", "Rsn"): "reason",
            ("Prtry", "Rsn"): "reason",
            ("InstdAmt", "Amt"): "amount",
        }.get((local, parent))
        if wanted is None:
            return
        if wanted in self._line:
            raise ReturnRefused("line_part_named_twice")
        self._line[wanted] = text
        if wanted == "amount" and self._currency != "CNY":
            raise ReturnRefused("currency_unknown")

    def _finish_line(self) -> None:
        if len(self._lines) >= RESULTS_MAX:
            raise ReturnRefused("too_large")
        status = _status(self._line.get("status", ""))
        if status is None:
            self._waiting += 1
            return
        fen = _fen(self._line["amount"]) if "amount" in self._line else None
        reason = self._line.get("reason", "")
        self._lines.append(_line(self._line.get("name"), status, fen, reason))
