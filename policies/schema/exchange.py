"""What an exchange rule file may say: how much of a spreadsheet is read, and what its headers mean.

A column names one field of a catalogue entry by its path; a code list names what bureaus write for
each value. Headers and words are compared without blanks, marks and width (NFKC).
"""

from typing import Literal

from pydantic import Field, model_validator

from policies.schema import RuleFile, Rules


class SheetBounds(Rules):
    """The most that is read of one spreadsheet; bytes of the file, and of its unpacked parts."""

    file_bytes_max: int = Field(ge=1_000, le=1 << 28)
    unpacked_bytes_max: int = Field(ge=1_000, le=1 << 31)
    members_max: int = Field(ge=8, le=100_000)
    rows_max: int = Field(ge=2, le=1_048_576)
    columns_max: int = Field(ge=1, le=16_384)
    cells_max: int = Field(ge=2, le=100_000_000)
    cell_characters_max: int = Field(ge=1, le=32_767)


class ImportColumn(Rules):
    """One column of a catalogue spreadsheet and the field of an entry that it fills.

    ``kind``: a text; a list of texts, one of a code list (``codes``), or several of it. ``note``
    and ``example`` stand in the template.
    """

    field: str = Field(pattern=r"^[a-z_]+(\.[a-z_]+){0,2}$")
    header: str = Field(min_length=1, max_length=60)
    synonyms: tuple[str, ...] = ()
    required: bool = False
    kind: Literal["text", "texts", "code", "codes", "identifier", "identifiers"] = "text"
    codes: str | None = None
    example: str = ""
    note: str = ""

    @model_validator(mode="after")
    def _names_its_list(self) -> "ImportColumn":
        if (self.codes is not None) != (self.kind in {"code", "codes"}):
            raise ValueError("a column of codes names its list, and no other does")
        return self


class CodeWord(Rules):
    """One value of a code list: what the template shows, and what else bureaus write for it."""

    value: str = Field(min_length=1, max_length=60)
    label: str = Field(min_length=1, max_length=60)
    synonyms: tuple[str, ...] = ()


class CodeList(Rules):
    """One code list by name."""

    name: str = Field(pattern=r"^[a-z][a-z_]{0,39}$")
    words: tuple[CodeWord, ...] = Field(min_length=1)


class ExchangeRules(RuleFile):
    """One exchange rule file. ``separators`` split one cell into several values."""

    sheets: SheetBounds
    header_rows_searched: int = Field(ge=1, le=100)
    batch_rows: int = Field(ge=1, le=500)
    report_faults_max: int = Field(ge=1, le=1_000_000)
    separators: str = Field(min_length=1, max_length=20)
    columns: tuple[ImportColumn, ...] = Field(min_length=1)
    lists: tuple[CodeList, ...]

    @model_validator(mode="after")
    def _lists_exist(self) -> "ExchangeRules":
        named = {column.codes for column in self.columns if column.codes}
        if not named <= {one.name for one in self.lists}:
            raise ValueError("a column names a code list that is not here")
        return self
