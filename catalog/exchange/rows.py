"""Makes one row of a catalogue sheet the document of an entry, or names every fault of the row.

A fault names row, column, rule and way out. All faults of a row are found at once (一次性告知).
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from catalog.entries import CatalogueEntry, check_entry, missing_fields
from catalog.exchange.headers import Mapped
from catalog.exchange.words import known, lookup, narrow
from catalog.sheets.refusals import CELL_MESSAGES, column_letters
from foundation.errors import InvalidInput, Message
from policies.schema.catalog import CatalogRules
from policies.schema.exchange import ExchangeRules, ImportColumn

_ITEMS_FIELD = "data_items"
_FORM_WORDS = {
    "string_too_long": ("过长", "is too long"),
    "too_long": ("项数过多", "has too many items"),
    "string_too_short": ("位数不足", "is too short"),
    "string_pattern_mismatch": ("含有不允许的字符", "holds characters that it may not"),
}
_DISARMED = ("'=", "'+", "'-", "'@")


@dataclass(frozen=True)
class RowFault:
    """What is wrong with one row, where, by which rule, and what would be right."""

    column: int | None
    header: str
    rule: str
    message: Message
    way_out: Message

    def as_json(self) -> dict[str, Any]:
        """Return it for the report; a column is named by its letters."""
        return {
            "column": None if self.column is None else column_letters(self.column),
            "header": self.header,
            "rule": self.rule,
            "message": {"zh": self.message.zh, "en": self.message.en},
            "way_out": {"zh": self.way_out.zh, "en": self.way_out.en},
        }


class RowReader:
    """Reads the rows of one mapped sheet."""

    def __init__(self, mapped: Mapped, rules: ExchangeRules, catalog: CatalogRules) -> None:
        """Prepare the words of every code list once."""
        self._columns = mapped.columns
        self._headers = mapped.headers
        self._catalog = catalog
        self._by_field = {column.field: at for at, column in mapped.columns.items()}
        self._rules = {column.field: column for column in rules.columns}
        self._split = re.compile(f"[{re.escape(rules.separators)}]+")
        self._words = {
            one.name: lookup(
                (name, word.value)
                for word in one.words
                for name in (word.label, word.value, *word.synonyms)
            )
            for one in rules.lists
        }
        self._labels = {one.name: [word.label for word in one.words] for one in rules.lists}

    def is_blank(self, row: Sequence[str]) -> bool:
        """Tell whether no known column of a row holds anything."""
        return not any(row[at - 1] for at in self._columns)

    def read(
        self, row: Sequence[str], spoilt: Sequence[tuple[int, str]]
    ) -> tuple[CatalogueEntry | None, list[RowFault]]:
        """Return the entry, or the faults. ``spoilt`` are cells that could not be read."""
        faults = [self._spoilt(at, rule) for at, rule in spoilt if at in self._columns]
        raw: dict[str, Any] = {}
        for at, column in self._columns.items():
            text = _undisarmed(row[at - 1])
            if text:
                value, unknown = self._value(text, column)
                faults += [self._unknown_word(at, column, word) for word in unknown]
                if value not in (None, []):
                    _place(raw, column.field, value)
        hurt = {fault.column for fault in faults}
        entry, more = self._checked(raw)
        faults += [fault for fault in more if fault.column is None or fault.column not in hurt]
        return (None if faults else entry), faults

    def _value(self, text: str, column: ImportColumn) -> tuple[Any, list[str]]:
        """Return what a cell means, and the words in it that no code list has."""
        if column.kind == "text":
            return text, []
        if column.kind == "identifier":
            return narrow(text), []
        if column.kind == "code":
            value = known(text, self._words[column.codes or ""])
            return value, [] if value else [text]
        parts = [part.strip() for part in self._split.split(text) if part.strip()]
        if column.kind == "identifiers":
            return [narrow(part) for part in parts], []
        if column.kind == "texts":
            items = column.field == _ITEMS_FIELD
            return [{"zh": part} for part in parts] if items else parts, []
        found = [(part, known(part, self._words[column.codes or ""])) for part in parts]
        return [value for _, value in found if value], [part for part, value in found if not value]

    def _checked(self, raw: dict[str, Any]) -> tuple[CatalogueEntry | None, list[RowFault]]:
        try:
            return check_entry(raw, self._catalog), []
        except InvalidInput as refusal:
            faults = [*self._missing(raw), *self._broken(raw)]
            return None, faults or [self._by_refusal(refusal)]

    def _missing(self, raw: Mapping[str, Any]) -> Iterator[RowFault]:
        for item in missing_fields(raw, self._catalog):
            at, header = self._named(item.field, item.name_zh)
            yield RowFault(
                at,
                header,
                "required",
                Message(f"“{header}”未填写", f"{item.name_en} is missing"),
                Message(f"请填写“{header}”。", f"Fill in {item.name_en}."),
            )

    def _broken(self, raw: Mapping[str, Any]) -> Iterator[RowFault]:
        empty = {item.field for item in missing_fields(raw, self._catalog)}
        try:
            CatalogueEntry.model_validate(raw)
        except ValidationError as error:
            for fault in error.errors(include_input=False, include_url=False):
                path = ".".join(str(part) for part in fault["loc"] if isinstance(part, str))
                if path.partition(".")[0] in empty:
                    continue
                at, header = self._named(path, path)
                kind = str(fault["type"])
                yield RowFault(at, header, kind, *_form_words(kind, header))

    def _by_refusal(self, refusal: InvalidInput) -> RowFault:
        path = re.sub(r"\[[0-9]+\]", "", (refusal.field or "$.").removeprefix("$."))
        at, header = self._named(path, path)
        way_out = refusal.way_out or Message(
            f"请更正“{header}”后重新提交。", f"Correct {header} and submit the row again."
        )
        return RowFault(at, header, refusal.rule or refusal.code, refusal.message, way_out)

    def _named(self, path: str, fallback: str) -> tuple[int | None, str]:
        """Return column and header of a field: itself, a part of it, or what it is part of."""
        fields = [
            *(field for field in self._rules if field == path),
            *(field for field in self._rules if field.startswith(f"{path}.")),
            *(field for field in self._rules if path.startswith(f"{field}.")),
        ]
        placed = [field for field in fields if field in self._by_field]
        if placed:
            at = self._by_field[placed[0]]
            return at, self._headers[at]
        return None, self._rules[fields[0]].header if fields else fallback

    def _unknown_word(self, at: int, column: ImportColumn, _word: str) -> RowFault:
        labels = self._labels[column.codes or ""]
        return RowFault(
            at,
            self._headers[at],
            f"code_list:{column.codes}",
            Message("填写的内容不在代码表中", "the word is not in the code list"),
            Message(f"可填：{'、'.join(labels)}。", f"One of: {', '.join(labels)}."),
        )

    def _spoilt(self, at: int, rule: str) -> RowFault:
        message = CELL_MESSAGES[rule]
        return RowFault(
            at,
            self._headers[at],
            rule,
            message,
            Message("请按提示更正该单元格后重新提交。", "Correct the cell and submit it again."),
        )


def repeated_code(at: int | None, header: str, first_row: int) -> RowFault:
    """Say that a row repeats the code of an earlier one."""
    return RowFault(
        at,
        header,
        "code_repeated",
        Message(f"与第 {first_row} 行的目录代码相同", f"row {first_row} has the same code"),
        Message("请只保留一行，或更正目录代码。", "Keep one of the two, or correct the code."),
    )


def _undisarmed(text: str) -> str:
    """Take off the apostrophe that our own CSV files of refused rows put before a formula."""
    return text[1:] if text.startswith(_DISARMED) else text


def _place(raw: dict[str, Any], path: str, value: Any) -> None:
    *above, last = path.split(".")
    for part in above:
        raw = raw.setdefault(part, {})
    raw[last] = value


def _form_words(kind: str, header: str) -> tuple[Message, Message]:
    if kind == "missing":
        return (
            Message(f"“{header}”未填写", f"{header} is missing"),
            Message(f"请填写“{header}”。", f"Fill in {header}."),
        )
    zh, en = _FORM_WORDS.get(kind, ("格式不正确", "breaks its form"))
    return (
        Message(f"“{header}”{zh}", f"{header} {en}"),
        Message(
            "请按模板的“填写说明”更正后重新提交。",
            "Correct it as the template explains and submit the row again.",
        ),
    )
