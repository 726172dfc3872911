"""What the gate says when it refuses: the construct by name, and the nearest form that passes.

An unknown table, and one that is not granted, get the same sentence, byte for byte; so do an
unknown column and one outside the licence.
"""

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple, Self

from disclosure.outcome import Refused
from foundation.errors import Message

RULE = "policies/gate"
_SHOWN_CHARACTERS_MAX = 60
_NAMES_SHOWN_MAX = 12


class GateRefused(Refused):
    """A refusal of the gate, with the part of the tree it fell on for the nearest form.

    ``construct`` is what was refused, as the engine's tree or the asker names it; ``node`` is
    where; ``field`` says the same to the asker, as clause and word.
    """

    construct = ""
    node: Mapping[str, Any] | None = None

    def of(self, construct: str) -> Self:
        """Keep the name of what was refused."""
        self.construct = construct
        self.field = self.field or "sql"
        return self

    def at(self, clause: str, node: Mapping[str, Any]) -> Self:
        """Say in which clause it stands; the innermost place that says so is kept."""
        if self.node is None:
            self.node = node
            word = shown(self.construct).lower() if self.code in _NAMING else ""
            self.field = ".".join(part for part in (clause, word) if part) or "sql"
        return self


_NAMING = frozenset({
    "function_not_allowed", "argument_not_allowed", "type_not_allowed", "table_not_granted",
    "column_not_granted", "name_not_allowed",
})  # fmt: skip


class Construct(NamedTuple):
    """A part of SQL by its names in both languages, and what to write in its place."""

    name: Message
    way_out: Message


_SELECT = Message("请写一条 SELECT 查询。", "Write one SELECT statement.")
_FLAT = Message(
    "请使用普通的列、数值和文本，不用列表、结构或 JSON。",
    "Work with plain columns, numbers and text; no lists, structs or JSON.",
)

CLOCK_WORDS = frozenset({
    "now", "today", "current_date", "current_time", "current_timestamp", "localtime",
    "localtimestamp", "current_localtime", "current_localtimestamp", "get_current_timestamp",
    "get_current_time", "transaction_timestamp", "getdate", "sysdate", "curdate",
})  # fmt: skip

CONSTRUCTS: dict[str, Construct] = {
    "TABLE_FUNCTION": Construct(
        Message("表函数（包括读取文件）", "a table function, or reading a file"),
        Message(
            "请在 FROM 中直接写已授权数据集的名称；少量自备的值可用 VALUES；文件请先上传审查。",
            "Name one of your data sets in FROM, list a few values of your own with VALUES, or "
            "have the file uploaded and reviewed first.",
        ),
    ),
    "PIVOT_STATEMENT": Construct(
        Message("PIVOT 或 UNPIVOT", "PIVOT or UNPIVOT"),
        Message(
            "PIVOT 的列由数据决定，因此不允许；可用 sum(CASE WHEN … THEN … END) 加 GROUP BY。",
            "Its columns would come from the data. Use sum(CASE WHEN … THEN … END) with GROUP BY.",
        ),
    ),
    "SHOW_REF": Construct(
        Message("SHOW、DESCRIBE 或 SUMMARIZE", "SHOW, DESCRIBE or SUMMARIZE"),
        Message("可用 sandgate.datasets() 查看数据集和列。", "Call sandgate.datasets() instead."),
    ),
    "PIVOT": Construct(
        Message("PIVOT 或 UNPIVOT", "PIVOT or UNPIVOT"),
        Message(
            "可用 sum(CASE WHEN … THEN … END) 加 GROUP BY 代替。",
            "Use sum(CASE WHEN … THEN … END) with GROUP BY.",
        ),
    ),
    "RECURSIVE_CTE_NODE": Construct(
        Message("递归查询", "a recursive query"),
        Message("请用普通 WITH，不加 RECURSIVE。", "Use a plain WITH, without RECURSIVE."),
    ),
    "COPY_QUERY_NODE": Construct(Message("COPY", "COPY"), _SELECT),
    "INSERT_QUERY_NODE": Construct(Message("INSERT", "INSERT"), _SELECT),
    "UPDATE_QUERY_NODE": Construct(Message("UPDATE", "UPDATE"), _SELECT),
    "DELETE_QUERY_NODE": Construct(Message("DELETE", "DELETE"), _SELECT),
    **dict.fromkeys(
        ("schema", "schema_name", "catalog", "catalog_name", "qualified_name"),
        Construct(
            Message("带库名或模式名的名称", "a name with a catalogue or schema before it"),
            Message("请只写名称本身。", "Write the name alone."),
        ),
    ),
    "LAMBDA": Construct(Message("lambda 表达式", "a lambda"), _FLAT),
    "PARAMETER": Construct(
        Message("参数占位符", "a parameter"),
        Message("请把数值直接写进查询。", "Write the value into the question."),
    ),
    "POSITIONAL_REFERENCE": Construct(
        Message("按位置引用的列（#1）", "a column by position (#1)"),
        Message("请写列名。", "Write the column's name."),
    ),
    "DEFAULT": Construct(
        Message("DEFAULT", "DEFAULT"), Message("请写出值。", "Write the value itself.")
    ),
    "sample": Construct(
        Message("TABLESAMPLE 抽样", "TABLESAMPLE"),
        Message("可用 ORDER BY 加 LIMIT。", "Use ORDER BY with LIMIT."),
    ),
    "at_clause": Construct(
        Message("AT 版本引用", "an AT clause"),
        Message("平台总是使用当前数据版本。", "The current version is always used."),
    ),
    "kind": Construct(
        Message("十六进制或二进制常量", "a hexadecimal or binary literal"),
        Message("请写十进制数或普通文本。", "Write a decimal number or plain text."),
    ),
    "named_param_map": Construct(
        Message("参数占位符", "a parameter"),
        Message("请把数值直接写进查询。", "Write the value into the question."),
    ),
    "expr": Construct(
        Message("COLUMNS(…)", "COLUMNS(…)"), Message("请逐一写出列名。", "Name the columns.")
    ),
    "columns": Construct(
        Message("COLUMNS(…)", "COLUMNS(…)"), Message("请逐一写出列名。", "Name the columns.")
    ),
    "ref_type": Construct(
        Message("POSITIONAL JOIN", "POSITIONAL JOIN"),
        Message("请用 JOIN … ON 或 JOIN … USING。", "Use JOIN … ON or JOIN … USING."),
    ),
    "export_state": Construct(
        Message("聚合状态", "an aggregate state"), Message("请直接聚合。", "Aggregate directly.")
    ),
    "ARRAY_EXTRACT": Construct(Message("列表取值", "an element of a list"), _FLAT),
    "ARRAY_SLICE": Construct(Message("列表切片", "a slice of a list"), _FLAT),
    "STRUCT_EXTRACT": Construct(Message("结构取值", "a field of a struct"), _FLAT),
    "ARRAY_CONSTRUCTOR": Construct(Message("列表", "a list"), _FLAT),
}

_OTHER = Construct(
    Message("此处的写法", "this form"),
    Message(
        "可用：SELECT、JOIN、WITH、子查询、窗口函数、CASE 和常用函数。",
        "SELECT, JOIN, WITH, subqueries, window functions, CASE and the usual functions pass.",
    ),
)


_NO_CLOCK = Message(
    "请直接写出日期，例如 DATE '2026-01-31'：同一查询才能得到同一答案。",
    "Write the date itself, such as DATE '2026-01-31', so that one question has one answer.",
)
_NO_LISTS = Message(
    "请使用 string_agg，或按该列 GROUP BY。",
    "Use string_agg, or GROUP BY the column: answers hold no lists.",
)
_NO_CHANCE = Message(
    "同一查询必须得到同一答案；取样可用 hash(列) % 100 < 10。",
    "One question has one answer; to sample, use hash(column) % 100 < 10.",
)
_NO_PATTERN = Message(
    "请用 concat、||、round 或 strftime 组成文本。",
    "Put text together with concat, ||, round or strftime.",
)
_FUNCTION_WAYS_OUT: dict[str, Message] = {
    **dict.fromkeys(("format", "printf", "to_char", "date_format"), _NO_PATTERN),
    **dict.fromkeys(CLOCK_WORDS, _NO_CLOCK),
    **dict.fromkeys(("list", "array_agg", "histogram", "approx_top_k"), _NO_LISTS),
    **dict.fromkeys(("random", "rand", "uuid", "gen_random_uuid", "setseed"), _NO_CHANCE),
    **dict.fromkeys(
        ("list_value", "list_contains", "unnest", "struct_pack", "json", "to_json"), _FLAT
    ),
    "repeat": Message("请直接写出文本，或用 lpad。", "Write the text out, or use lpad."),
    "range": Message("请用 VALUES 列出各值。", "List the values with VALUES."),
    "generate_series": Message("请用 VALUES 列出各值。", "List the values with VALUES."),
}


def construct_refused(name: str) -> GateRefused:
    """Refuse a part of SQL by its name in the engine's own tree."""
    construct = CONSTRUCTS.get(name, _OTHER)
    return GateRefused(
        "sql_not_allowed",
        Message(
            f"查询中含有平台不允许的写法：{construct.name.zh}。",
            f"The question uses something that is not allowed: {construct.name.en}.",
        ),
        field="sql",
        rule=f"{RULE}/grammar",
        way_out=construct.way_out,
    ).of(name)


def function_refused(name: str) -> GateRefused:
    """Refuse a function that is not on the allow-list."""
    way_out = _FUNCTION_WAYS_OUT.get(name)
    return GateRefused(
        "function_not_allowed",
        Message(
            f"函数“{shown(name)}”不在允许使用的函数之列。",
            f"The function {shown(name)!r} is not among those that may be used.",
        ),
        rule=f"{RULE}/scalar_functions",
        way_out=Message(
            "常用的数值、文本、日期、聚合和窗口函数均可使用。",
            "The usual numeric, text, date, aggregate and window functions may be used.",
        )
        if way_out is None
        else way_out,
    ).of(name)


def argument_refused(name: str, limit: int) -> GateRefused:
    """Refuse a length that is not written out, or is too great."""
    return GateRefused(
        "argument_not_allowed",
        Message(
            f"函数“{shown(name)}”的长度必须直接写成不超过 {limit} 的整数。",
            f"The length given to {shown(name)!r} must be a whole number up to {limit}, "
            "written out.",
        ),
        rule=f"{RULE}/bounded_arguments",
        way_out=Message(
            f"例如 {shown(name)}(a, 10, '0')。", f"For example {shown(name)}(a, 10, '0')."
        ),
    ).of(name)


def type_refused(name: str) -> GateRefused:
    """Refuse a type or collation that is not on the allow-list."""
    return GateRefused(
        "type_not_allowed",
        Message(
            f"类型“{shown(name)}”不在允许使用的类型之列。",
            f"The type {shown(name)!r} is not among those that may be used.",
        ),
        rule=f"{RULE}/types",
        way_out=Message(
            "可用 INTEGER、BIGINT、DECIMAL、DOUBLE、VARCHAR、DATE、TIMESTAMP、BOOLEAN。",
            "INTEGER, BIGINT, DECIMAL, DOUBLE, VARCHAR, DATE, TIMESTAMP and BOOLEAN may be used.",
        ),
    ).of(name)


def table_refused(name: str, granted: Collection[str] = ()) -> GateRefused:
    """Refuse a table that does not exist or is not granted: one text for both.

    The names of the licence's own data sets are its holder's to know.
    """
    own = ", ".join(sorted(granted)[:_NAMES_SHOWN_MAX])
    listed = Message(f"可查询：{own}。", f" Yours: {own}.") if own else Message("", "")
    return GateRefused(
        "table_not_granted",
        Message(
            f"“{shown(name)}”不是本授权下可以查询的数据集。",
            f"{shown(name)!r} is not a data set that this licence may ask.",
        ),
        rule=RULE,
        way_out=Message(
            "请写数据集本身的名称，不加库名、模式名或路径；可用 sandgate.datasets() 查看。"
            + listed.zh,
            "Use the data set's own name, without catalogue, schema or path; "
            "sandgate.datasets() lists yours." + listed.en,
        ),
    ).of(name)


def column_refused(name: str) -> GateRefused:
    """Refuse a column that does not exist or is outside the licence: one text for both."""
    return GateRefused(
        "column_not_granted",
        Message(
            f"列“{shown(name)}”不在本授权范围内。",
            f"The column {shown(name)!r} is not in your licence.",
        ),
        rule=RULE,
        way_out=Message(
            "可用 sandgate.datasets() 查看本授权包含的列。",
            "sandgate.datasets() lists the columns of your licence.",
        ),
    ).of(name)


def name_refused(name: str) -> GateRefused:
    """Refuse a name of the asker's own that is not plain."""
    return GateRefused(
        "name_not_allowed",
        Message(
            f"名称“{shown(name)}”只能由汉字、英文字母、数字和下划线组成，且不得与已授权数据集重名。",
            f"The name {shown(name)!r} must be letters, digits and underscores, and differ "
            "from the names of your data sets.",
        ),
        rule=RULE,
        way_out=Message("请换一个名称。", "Choose another name."),
    ).of(name)


def statements_refused() -> GateRefused:
    """Refuse anything but exactly one SELECT statement."""
    return GateRefused(
        "one_select_only",
        Message("每次只能提交一条 SELECT 查询。", "A question is exactly one SELECT statement."),
        field="sql",
        rule=RULE,
        way_out=_SELECT,
    )


def no_data_set() -> GateRefused:
    """Refuse a question that asks nothing of any data set."""
    return GateRefused(
        "no_data_set",
        Message("查询没有使用任何数据集。", "The question uses no data set."),
        field="sql",
        rule=RULE,
        way_out=Message(
            "请在 FROM 中写数据集的名称。",
            "Name a data set in FROM; sandgate.datasets() lists yours.",
        ),
    )


def syntax_refused(position: int | None) -> GateRefused:
    """Refuse a text that does not parse; it holds nothing but the asker's own words."""
    place = (
        Message("", "")
        if position is None
        else Message(f"（第 {position + 1} 个字符附近）", f" (near character {position + 1})")
    )
    return GateRefused(
        "syntax_error",
        Message(f"查询有语法错误{place.zh}。", f"The question has a syntax error{place.en}."),
        field="sql",
        rule=RULE,
        way_out=Message("请检查拼写、引号和括号。", "Check spelling, quotes and brackets."),
    )


def size_refused(limit: int) -> GateRefused:
    """Refuse a text that is too long."""
    return GateRefused(
        "question_too_long",
        Message(f"查询文本不得超过 {limit} 字节。", f"A question may be {limit} bytes long."),
        field="sql",
        rule=f"{RULE}/text_bytes_max",
        way_out=Message(
            "请缩短查询，例如用条件代替长列表。", "Shorten it, for example by a range."
        ),
    )


def depth_refused() -> GateRefused:
    """Refuse a text or tree that is nested too deep, or has too many parts."""
    return GateRefused(
        "question_too_deep",
        Message("查询嵌套过深或组成部分过多。", "The question is nested too deep, or too large."),
        field="sql",
        rule=f"{RULE}/nesting_max",
        way_out=Message("请用 WITH 把它拆成几步。", "Split it into steps with WITH."),
    )


def characters_refused() -> GateRefused:
    """Refuse control and invisible characters."""
    return GateRefused(
        "character_not_allowed",
        Message(
            "查询中含有控制字符或不可见字符。",
            "The question holds control or invisible characters.",
        ),
        field="sql",
        rule=RULE,
        way_out=Message("请删除后重新输入。", "Remove them and type the text again."),
    )


def shown(name: str) -> str:
    """Return the asker's own word, cut to a length that is fit to show."""
    plain = "".join(character if character.isprintable() else "?" for character in name)
    return plain[:_SHOWN_CHARACTERS_MAX]
