"""The refusals of the planner: each says which rule, and names what was asked.

They are functions of policy, licence and question, never of data. The nearest question that would
be allowed is added in ``disclosure.plan.nearest``.
"""

from disclosure.outcome import Refused
from foundation.errors import Message

RULE = "disclosure.plan"
_TRY = Message(zh="可以改问：{sql}", en="You can ask instead: {sql}")


def form(field: str, zh: str, en: str, construct: str = "") -> Refused:
    """Refuse a part of SQL that a private aggregate cannot hold; name it where it has a name."""
    if construct:
        zh, en = f"此处不支持 {construct}。{zh}", f"{construct} is not supported here. {en}"
    return _refused("aggregate_form", field, zh, en)


def unknown_structure() -> Refused:
    """Refuse a tree of another shape than is known here."""
    return form(
        "sql",
        "平台不认识此查询的结构。",
        "The structure of this question is not known here.",
    )


def not_granted() -> Refused:
    """Refuse a name that is unknown or not granted: the two read the same."""
    return _refused(
        "not_granted",
        "sql",
        "查询提到了本授权未授予的表或列。",
        "The question names a table or a column that this licence does not grant.",
    )


def value_unknown(column: str) -> Refused:
    """Refuse a literal that is no public value of its column, or filters that exclude all."""
    return _refused(
        "key_value_unknown",
        f"where.{column}",
        f"“{column}”的筛选值不在其公开取值之列，或各条件之间没有交集。",
        f"A filter on {column!r} uses a value that is not among its public values, "
        "or the filters have nothing in common.",
    )


def literal_unreadable(column: str, kind: str) -> Refused:
    """Refuse a literal that does not read as the type of what it is compared with."""
    return _refused(
        "literal_type",
        f"where.{column}",
        f"与“{column}”比较的常量不是 {kind} 类型；日期请写 DATE '2026-01-31'，空值请写 IS NULL。",
        f"{column!r} is compared with a literal that is no {kind}; a date reads "
        "DATE '2026-01-31', a missing value IS NULL.",
    )


def measure_unbounded(column: str) -> Refused:
    """Refuse to add up values without bounds."""
    return _refused(
        "measure_unbounded",
        f"select.{column}",
        f"“{column}”没有声明上下界，须写明：LEAST(GREATEST({column}, 下界), 上界)。",
        f"{column!r} declares no bounds: give them, as in LEAST(GREATEST({column}, lower), upper).",
    )


def distinct_not_unit(column: str) -> Refused:
    """Refuse to count different values of anything but the privacy unit."""
    return _refused(
        "distinct_not_unit",
        "select",
        f"COUNT(DISTINCT …) 只能计隐私主体（unit）；“{column}”请用 GROUP BY。",
        f"COUNT(DISTINCT …) counts privacy units only: for {column!r} use GROUP BY.",
    )


def join_not_unique(relation: str) -> Refused:
    """Refuse a join that could find several partners for one row."""
    return _refused(
        "join_not_unique",
        "from",
        f"与“{relation}”的连接须按其唯一列（每行至多一个匹配）以等式写明。",
        f"The join to {relation!r} needs one equality on a column of it that is unique, so that "
        "each row finds at most one partner.",
    )


def no_road(columns: frozenset[str]) -> Refused:
    """Refuse a question for which no stored form of the data set gives a bound."""
    names = ", ".join(sorted(columns))
    return _refused(
        "group_set_not_declared",
        "sql",
        f"没有一个已声明的分组集同时包含这些列，也没有声明行数上限：{names}。",
        f"No declared group set holds these columns together, and no row cap is declared: {names}.",
    )


def units_not_countable() -> Refused:
    """Refuse to count units over groups that would count one unit several times."""
    return _refused(
        "units_not_countable",
        "select",
        "COUNT(DISTINCT unit) 只能按完整的分组集计算：合并分组会把同一主体重复计数。",
        "COUNT(DISTINCT unit) needs the whole declared group set: merged groups "
        "would count one unit several times.",
    )


def too_many_groups(groups_max: int) -> Refused:
    """Refuse an answer of more groups than the rule allows."""
    return _refused(
        "groups_too_many",
        "group by",
        f"答案的分组数超过上限 {groups_max}，请用 WHERE 选取较少的取值或放宽分段。",
        f"The answer would have more than {groups_max} groups; select fewer key "
        "values in WHERE, or wider bins.",
    )


def range_not_provable(measure: str) -> Refused:
    """Refuse a sum whose range the bounds do not keep below 2^62."""
    return _refused(
        "sum_range_not_provable",
        f"select.{measure}",
        f"“{measure}”的上下界过宽，无法证明求和不会溢出；请用 LEAST(GREATEST(…)) 收窄。",
        f"The bounds of {measure!r} are too wide to prove that its sum cannot overflow; "
        "narrow them with LEAST(GREATEST(…)).",
    )


def bounding_not_available() -> Refused:
    """Refuse a shape of question for which the data set stores no ranks."""
    return _refused(
        "bounding_not_stored",
        "sql",
        "此数据集的当前版本未存储所需的贡献排序，暂不能回答此类查询。",
        "The version in force stores no ranks of this data set, which this form needs.",
    )


def with_way_out(refused: Refused, sql: str | None) -> Refused:
    """Return a refusal that shows the nearest allowed question, where there is one."""
    return Refused(
        refused.code,
        refused.message,
        field=refused.field,
        rule=refused.rule,
        way_out=try_instead(sql) or refused.way_out,
        allowed_sql=sql,
    )


def try_instead(sql: str | None) -> Message | None:
    """Return the way out that shows a question, where there is one."""
    return None if sql is None else Message(_TRY.zh.format(sql=sql), _TRY.en.format(sql=sql))


def _refused(code: str, field: str, zh: str, en: str) -> Refused:
    return Refused(code, Message(zh, en), field=field, rule=RULE)
