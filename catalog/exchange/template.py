"""The template of the import: a header, code lists to choose from, an example, and what is meant.

It follows the rule file alone, so that what the template asks for is what the import reads.
"""

from catalog.sheets.refusals import column_letters
from foundation.sheet import Book
from policies.schema.exchange import ExchangeRules, ImportColumn

LIST_SHEET = "代码表"
FILE_NAME = "政务数据目录导入模板.xlsx"


def template_xlsx(rules: ExchangeRules, *, made_at_us: int) -> bytes:
    """Return the template as a book: fill in, example, code lists, what each column means."""
    book = Book("政务数据目录导入模板", made_at_us=made_at_us)
    header = [title_of(column) for column in rules.columns]
    places = {one.name: at for at, one in enumerate(rules.lists)}
    choices = {
        at: _range(places[column.codes], len(rules.lists[places[column.codes]].words))
        for at, column in enumerate(rules.columns)
        if column.codes is not None and column.kind == "code"
    }
    book.sheet("目录填报", header, [], choices=choices)
    book.sheet("填写示例", header, [[column.example for column in rules.columns]])
    depth = max(len(one.words) for one in rules.lists)
    words = [
        [one.words[row].label if row < len(one.words) else "" for one in rules.lists]
        for row in range(depth)
    ]
    book.sheet(LIST_SHEET, [_list_title(one.name, rules) for one in rules.lists], words)
    book.sheet(
        "填写说明",
        ("表头", "是否必填", "填写要求", "也可写作"),
        [
            [
                column.header,
                "必填" if column.required else "",
                _meaning(column),
                "、".join(column.synonyms),
            ]
            for column in rules.columns
        ],
        widths=(24, 10, 60, 60),
    )
    return book.xlsx()


def title_of(column: ImportColumn) -> str:
    """Return a column's header in the template; a star marks what must be filled in."""
    return f"{column.header}*" if column.required else column.header


def _list_title(name: str, rules: ExchangeRules) -> str:
    return next((one.header for one in rules.columns if one.codes == name), name)


def _range(place: int, words: int) -> str:
    letters = column_letters(place + 1)
    return f"='{LIST_SHEET}'!${letters}$2:${letters}${words + 1}"


def _meaning(column: ImportColumn) -> str:
    if column.kind == "code":
        return column.note or f"从“{LIST_SHEET}”中选择"
    if column.kind == "codes":
        return column.note or f"从“{LIST_SHEET}”中选择，多个用顿号隔开"
    return column.note
