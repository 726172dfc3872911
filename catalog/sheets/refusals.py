"""The sentences of refused spreadsheets: which sheet, row, column and rule, and the way out."""

from foundation.errors import InvalidInput, Message

RULE = "policies/exchange"
_SAVE_AGAIN = Message(
    "请用表格软件打开后另存为不带宏、密码和外部链接的“.xlsx”，或导出为 UTF-8 编码的 CSV 后提交。",
    "Open it and save it as a plain .xlsx without macros, password or outside links, or as CSV in "
    "UTF-8, and submit that.",
)
_SPLIT = Message(
    "请删去多余的行、列和空白区域，或拆分为多个文件后提交。",
    "Remove rows, columns and blank areas that are not needed, or split the file.",
)
_REASONS = {
    "active_form": Message("含有控件、嵌入对象或加载项", "it embeds controls, objects or add-ins"),
    "cells": Message("单元格数量超过上限", "it holds too many cells"),
    "columns": Message("列数超过上限", "it has too many columns"),
    "document_type": Message("含有 XML 文档类型或实体声明", "it declares XML types or entities"),
    "empty": Message("没有任何内容", "it is empty"),
    "encoding": Message("既不是 UTF-8 也不是 GB18030 编码", "it is neither UTF-8 nor GB 18030"),
    "encrypted": Message("设有打开密码", "it is under a password"),
    "external_links": Message("含有指向其他文件的链接", "it links to other files"),
    "file_bytes": Message("文件过大", "it is too large"),
    "legacy_xls": Message("是旧版“.xls”文件", "it is an old .xls file"),
    "macros": Message("含有宏", "it holds macros"),
    "members": Message("内部部件过多", "it has too many parts"),
    "not_a_spreadsheet": Message("内容与扩展名不符", "its bytes are not what its name says"),
    "quoting": Message("引号不成对", "its quotation marks do not pair"),
    "rows": Message("行数超过上限", "it has too many rows"),
    "sheet_missing": Message("没有所要的可见工作表", "it has no such visible sheet"),
    "stopped": Message("读取时超出时间或内存上限", "reading it took too much time or memory"),
    "unpacked_bytes": Message("解压后超过上限", "it unpacks to too much"),
    "unreadable": Message("文件已损坏或无法解析", "it is broken"),
}
_TOO_MUCH = frozenset({"cells", "columns", "file_bytes", "rows", "stopped", "unpacked_bytes"})

CELL_MESSAGES = {
    "cell_length": Message("单元格文字过长", "the cell's text is too long"),
    "cell_number_digits": Message(
        "超过 15 位的数字在表格中已丢失末位，请将该列设为“文本”格式后重新填写",
        "a number of over 15 digits has lost its last ones; format the column as text, enter anew",
    ),
    "cell_control_character": Message("单元格含有控制字符", "the cell holds a control character"),
}


def column_letters(column: int) -> str:
    """Return a column's letters as a spreadsheet shows them: 1 is A, 27 is AA."""
    letters = ""
    while column > 0:
        column, rest = divmod(column - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def place_of(row: int | None, column: int | None) -> Message:
    """Return a place in words, with a leading comma; empty where there is none."""
    zh = f"第 {row} 行" if row else ""
    en = f"row {row}" if row else ""
    if column:
        zh += f"{column_letters(column)} 列"
        en += f"{', ' if en else ''}column {column_letters(column)}"
    return Message(f"，{zh}" if zh else "", f", {en}" if en else "")


def sheet_refused(code: str, row: int | None = None, column: int | None = None) -> InvalidInput:
    """Return the refusal of a file. Its code is one of ours, never a text of the file."""
    known = code if code in _REASONS else "unreadable"
    reason, place = _REASONS[known], place_of(row, column)
    return InvalidInput(
        f"sheet_{known}",
        Message(
            f"该表格文件不能读取：{reason.zh}{place.zh}。",
            f"This spreadsheet cannot be read: {reason.en}{place.en}.",
        ),
        field="$.file",
        rule=RULE,
        way_out=_SPLIT if known in _TOO_MUCH else _SAVE_AGAIN,
    )
