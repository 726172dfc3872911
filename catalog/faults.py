"""Says in both languages what is wrong with a provider's file: file, row, column, rule, way out.

The closed list of rules below is all that a refusal can say; no value of the file is repeated.
"""

from collections.abc import Sequence

from catalog.datasets import Frozen
from catalog.foreign import Fault
from foundation.errors import InvalidInput, Message

RULES: dict[str, Message] = {
    "builder_stopped": Message(
        "文件无法在规定的内存和时间内解析，请检查文件是否损坏，或拆分后提交",
        "the file could not be read within memory and time; check that it is whole, or split it",
    ),
    "column_duplicate": Message("列重复出现，请只保留一列", "the column stands twice; keep one"),
    "column_missing": Message("缺少已声明的列，请补上该列", "a declared column is missing; add it"),
    "column_unknown": Message(
        "出现未声明的列（以序号指明），请删除或先修改声明",
        "an undeclared column (named by its place); drop it or declare it first",
    ),
    "element_length": Message(
        "该列有值超过所绑定数据元的长度，请改正数据；条数见符合性报告",
        "values of the column are longer than its data element allows; the conformance report "
        "says how many",
    ),
    "element_pattern": Message(
        "该列有值不符合所绑定数据元的格式，请改正数据；条数见符合性报告",
        "values of the column are not of the form of its data element; the conformance report "
        "says how many",
    ),
    "element_value": Message(
        "该列有值不在所绑定数据元的代码表中，请改正数据；条数见符合性报告",
        "values of the column are not in the code list of its data element; the conformance "
        "report says how many",
    ),
    "empty": Message("文件没有数据行", "the file has no data rows"),
    "encoding": Message("不是 UTF-8 编码，请另存为 UTF-8", "not UTF-8; save it as UTF-8"),
    "field_count": Message(
        "本行字段数与表头不符，请检查逗号和引号",
        "the row has more or fewer fields than the header; check commas and quotes",
    ),
    "field_too_long": Message("字段过长", "a field is too long"),
    "not_unique": Message(
        "该列声明为唯一键，但此行的值缺失或重复，请改正数据或取消 unique_keys",
        "the column is declared unique, but here a value is missing or stands again; correct the "
        "data or drop it from unique_keys",
    ),
    "nul_byte": Message("含有空字节，文件可能损坏", "a NUL byte; the file may be damaged"),
    "null": Message(
        "该列不允许空值，请补值或改声明", "the column allows no null; fill it or declare nullable"
    ),
    "out_of_range": Message("数值超出可精确保存的范围", "a number beyond what is stored exactly"),
    "row_malformed": Message(
        "该行附近的引号或换行不完整", "a quote or line break near this row is incomplete"
    ),
    "sum_overflow": Message(
        "该列的界限过大，合计可能溢出，请收窄 lower 和 upper",
        "the column's bounds are so wide that a sum could overflow; narrow lower and upper",
    ),
    "too_many_columns": Message("列数过多", "too many columns"),
    "too_many_rows": Message("行数超过上限，请拆分", "more rows than allowed; split the file"),
    "type": Message(
        "内容与声明的类型不符，请改正数据或声明",
        "the content is not of the declared type; correct the data or the declaration",
    ),
    "unreadable": Message(
        "文件损坏或不完整，请重新导出", "the file is damaged or cut short; export it again"
    ),
}


class FileFault(Frozen):
    """One fault as the provider sees it. ``row`` counts as a spreadsheet does."""

    file: str
    row: int | None
    column: str | None
    rule: str
    zh: str
    en: str


class VersionRefused(InvalidInput):
    """A file broke its declaration; nothing of it was kept."""

    def __init__(self, faults: Sequence[FileFault]) -> None:
        """Tell the first fault in the sentence and carry all of them."""
        first = faults[0]
        super().__init__(
            "version_refused",
            Message(zh=f"文件未被接收。{first.zh}", en=f"The file was refused. {first.en}"),
            field="$.file",
            rule=first.rule,
        )
        self.faults = tuple(faults)


def explain(fault: Fault, file: str) -> FileFault:
    """Put a fault into words."""
    rule = fault.rule if fault.rule in RULES else "unreadable"
    sentence = RULES[rule]
    where_zh = "".join(
        [
            f"文件“{file}”",
            f"第 {fault.row} 行" if fault.row is not None else "",
            f"列“{fault.column}”" if fault.column else "",
        ]
    )
    where_en = ", ".join(
        part
        for part in (
            f"file {file!r}",
            f"row {fault.row}" if fault.row is not None else "",
            f"column {fault.column!r}" if fault.column else "",
        )
        if part
    )
    return FileFault(
        file=file,
        row=fault.row,
        column=fault.column,
        rule=rule,
        zh=f"{where_zh}：{sentence.zh}。",
        en=f"{where_en}: {sentence.en}.",
    )
