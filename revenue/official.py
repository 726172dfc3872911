"""Official papers of the ledger: a payee's statement, a payer's bill and a voucher (记账凭证).

Each is laid out once and leaves as PDF or XLSX. Amounts are yuan with two decimals, made from whole
fen; what is below a fen is written with all its digits. Nothing is computed here but sums that the
paper shows. Whoever reads one can check it: it ends in digests, a checkpoint and what to run.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from foundation.errors import Message
from foundation.money import yuan_text
from foundation.paper import Paper
from foundation.sheet import Book, Cell
from revenue.readable import ReadableTable

_AMOUNT = re.compile(r"-?[0-9][0-9,]*(\.[0-9]+)?")
_NAME_WIDTH = 30.0
_COLUMN_MIN, _COLUMN_MAX = 9, 34


@dataclass(frozen=True)
class Checkpoint:
    """The state of the log that a paper was printed over."""

    origin: str
    size: int
    root: str


@dataclass(frozen=True)
class Official:
    """What an official paper says, before its form.

    ``bars`` are names with whole fen >= 0; ``digests`` are shown in full as a name and a value.
    """

    title: Message
    subtitle: Message
    notice: Message | None
    facts: tuple[tuple[Message, Message], ...]
    tables: tuple[ReadableTable, ...]
    bars_title: Message
    bars: tuple[tuple[str, int], ...]
    sentences: tuple[Message, ...]
    digests: tuple[tuple[Message, str], ...]
    checking: tuple[Message, ...]
    commands: tuple[str, ...]
    checkpoint: Checkpoint
    made_at_us: int

    @property
    def footer(self) -> str:
        """What stands on each page: the paper's own digest and the checkpoint, both shortened."""
        own = self.digests[0][1][:23] if self.digests else ""
        at = self.checkpoint
        return f"{own}… · {at.origin} · {at.size} · {at.root[:12]}…"


def as_pdf(official: Official, language: str) -> bytes:
    """Return a paper as PDF in one language."""
    paper = Paper(
        official.title.in_language(language),
        made_at_us=official.made_at_us,
        subtitle=official.subtitle.in_language(language),
        footer=official.footer,
        language=language,
    )
    if official.notice is not None:
        paper.paragraph(official.notice.in_language(language), small=True)
    paper.facts(_pairs(official.facts, language))
    for table in official.tables:
        _table(paper, table, language)
    if official.bars:
        paper.heading(official.bars_title.in_language(language), 2)
        paper.bars([(name, fen, yuan_text(fen)) for name, fen in official.bars])
    if official.sentences:
        paper.heading(_HOW.in_language(language), 2)
        for number, sentence in enumerate(official.sentences, start=1):
            paper.paragraph(f"{number}. {sentence.in_language(language)}")
    _checks(paper, official, language)
    return paper.pdf()


def as_xlsx(official: Official, language: str) -> bytes:
    """Return a paper as XLSX in one language: facts, each table, sentences, and what to check."""
    book = Book(official.title.in_language(language), made_at_us=official.made_at_us)
    facts: list[tuple[str, str]] = _pairs(official.facts, language)
    if official.notice is not None:
        facts.insert(0, ("", official.notice.in_language(language)))
    title = official.title.in_language(language)
    book.sheet(_SUMMARY.in_language(language), [title, ""], facts, widths=[_NAME_WIDTH, 90])
    for number, table in enumerate(official.tables, start=1):
        headings = [heading.in_language(language) for heading in table.headings]
        rows = [_cells(row, table.numbers, language) for row in table.rows]
        book.sheet(f"{_TABLE.in_language(language)} {number}", headings, rows)
    told: list[list[Cell]] = [
        [n, one.in_language(language)] for n, one in enumerate(official.sentences, start=1)
    ]
    if told:
        book.sheet(_HOW.in_language(language), ["", title], told, widths=[6, 120])
    checks = [["", one.in_language(language)] for one in official.checking]
    checks += [["", command] for command in official.commands]
    checks += [[name.in_language(language), value] for name, value in _proofs(official)]
    book.sheet(_CHECK.in_language(language), [title, ""], checks, widths=[_NAME_WIDTH, 120])
    return book.xlsx()


_HOW = Message("如何得出", "How it followed")
_CHECK = Message("核验", "Checking")
_SUMMARY = Message("概要", "Summary")
_TABLE = Message("表", "Table")


def _pairs(facts: Sequence[tuple[Message, Message]], language: str) -> list[tuple[str, str]]:
    return [(name.in_language(language), value.in_language(language)) for name, value in facts]


def _table(paper: Paper, table: ReadableTable, language: str) -> None:
    shown = table.in_language(language)
    paper.heading(shown["title"], 2)
    columns = zip(shown["headings"], *shown["rows"], strict=True)
    widths = [float(max(map(_places, column))) for column in columns]
    paper.table(shown["headings"], shown["rows"], widths=widths, numbers=table.numbers)


def _places(text: str) -> int:
    """Return how wide a column a text wants, in Latin characters, within bounds."""
    longest = max((len(line.encode("gb18030")) for line in text.split("\n")), default=0)
    return max(_COLUMN_MIN, min(_COLUMN_MAX, longest))


def _checks(paper: Paper, official: Official, language: str) -> None:
    paper.heading(_CHECK.in_language(language), 2)
    for told in official.checking:
        paper.paragraph(told.in_language(language), small=True)
    for command in official.commands:
        paper.code(command)
    for name, value in _proofs(official):
        paper.paragraph(name.in_language(language), small=True)
        paper.code(value)


def _proofs(official: Official) -> list[tuple[Message, str]]:
    at = official.checkpoint
    state = f"{at.origin}\n{at.size}\n{at.root}"
    return [*official.digests, (Message("日志检查点", "Checkpoint of the log"), state)]


def _cells(row: Sequence[Message], numbers: frozenset[int], language: str) -> list[Cell]:
    """Return a row's cells: an amount as a number, everything else as text."""
    texts = [cell.in_language(language) for cell in row]
    return [_cell(text, place in numbers) for place, text in enumerate(texts)]


def _cell(text: str, is_amount: bool) -> Cell:
    if is_amount and _AMOUNT.fullmatch(text):
        return Decimal(text.replace(",", ""))
    return text


def fictional_notice(documents: Sequence[Mapping[str, Any]]) -> Message | None:
    """Return the notice of a paper where anything in it was made up."""
    if not any(document["fictional"] for document in documents):
        return None
    return Message(
        "虚构示例：资费、税率、分配比例与科目均为演示而设，不代表任何真实安排。",
        "Fictional: tariffs, tax rate, shares and accounting codes are made up for demonstration.",
    )
