"""The refusals of the planner: each says which rule, and shows a question that would be allowed.

The example is built from the declared group sets and the granted columns only, so it is a
function of policy and licence, never of data.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from catalog.datasets import GroupSet
from disclosure.outcome import Refused
from disclosure.plan.model import AskedDataset
from foundation.errors import Message

RULE = "disclosure.plan"
_TRY = Message(zh="可以改问：{sql}", en="You can ask instead: {sql}")


@dataclass(frozen=True)
class Refusals:
    """Makes refusals about one data set as one licence may ask it."""

    asked: AskedDataset

    def form(self, field: str, zh: str, en: str) -> Refused:
        """Refuse a part of SQL that a private aggregate cannot hold."""
        return self._refused("aggregate_form", field, Message(zh, en))

    def not_granted(self) -> Refused:
        """Refuse a name that is unknown or not granted: the two read the same."""
        return self._refused(
            "not_granted",
            "sql",
            Message(
                zh="查询提到了本授权未授予的表或列。",
                en="The question names a table or a column that this licence does not grant.",
            ),
        )

    def value_unknown(self, column: str) -> Refused:
        """Refuse a literal that is no public value of its key."""
        return self._refused(
            "key_value_unknown",
            f"where.{column}",
            Message(
                zh=f"“{column}”的筛选值不在其公开取值之列，或各条件之间没有交集。",
                en=f"A filter on {column!r} uses a value that is not among its public values, "
                "or the filters have nothing in common.",
            ),
        )

    def no_group_set(self, columns: frozenset[str]) -> Refused:
        """Refuse keys and measures that no one declared group set holds together."""
        names = ", ".join(sorted(columns))
        return self._refused(
            "group_set_not_declared",
            "sql",
            Message(
                zh=f"没有一个已声明的分组集同时包含这些列：{names}。",
                en=f"No declared group set holds these columns together: {names}.",
            ),
        )

    def units_not_countable(self) -> Refused:
        """Refuse to count units over groups that would count one unit several times."""
        return self._refused(
            "units_not_countable",
            "select",
            Message(
                zh="COUNT(DISTINCT unit) 只能按完整的分组集计算：合并分组会把同一主体重复计数。",
                en="COUNT(DISTINCT unit) needs the whole declared group set: merged groups "
                "would count one unit several times.",
            ),
        )

    def too_many_groups(self, groups_max: int) -> Refused:
        """Refuse an answer of more groups than the rule allows."""
        return self._refused(
            "groups_too_many",
            "group by",
            Message(
                zh=f"答案的分组数超过上限 {groups_max}，请用 WHERE 选取较少的取值。",
                en=f"The answer would have more than {groups_max} groups; select fewer key "
                "values in WHERE.",
            ),
        )

    def range_not_provable(self, measure: str) -> Refused:
        """Refuse a sum whose range the declared caps do not bound below 2^62."""
        return self._refused(
            "sum_range_not_provable",
            f"select.{measure}",
            Message(
                zh=f"“{measure}”声明的上下界过宽，无法证明求和不会溢出；请供数单位收窄上下界。",
                en=f"The declared bounds of {measure!r} are too wide to prove that its sum "
                "cannot overflow; its source department would have to narrow them.",
            ),
        )

    def _refused(self, code: str, field: str, message: Message) -> Refused:
        sql = example_sql(self.asked)
        return Refused(
            code, message, field=field, rule=RULE, way_out=try_instead(sql), allowed_sql=sql
        )


def try_instead(sql: str | None) -> Message | None:
    """Return the way out that shows a question, where there is one."""
    return None if sql is None else Message(_TRY.zh.format(sql=sql), _TRY.en.format(sql=sql))


def example_sql(asked: AskedDataset, wanted: Collection[str] = ()) -> str | None:
    """Write one question that would be planned, or None where the licence grants none.

    ``wanted`` are the columns that were asked for: the set that serves most of them is chosen.
    """
    sets = [item for item in asked.declaration.group_sets if usable(item, asked)]
    if not sets:
        return None
    nearest = max(sets, key=lambda item: len(set(wanted) & {*item.keys, *item.measures}))
    granted = sorted(asked.columns, key=lambda name: name not in wanted)
    return _example(asked.declaration.name, nearest, granted)


def usable(group_set: GroupSet, asked: AskedDataset) -> bool:
    """Tell whether every key is granted and the licence's row filters are keys of the set."""
    return set(group_set.keys) <= asked.columns and set(asked.forced_values) <= set(group_set.keys)


def _example(dataset: str, group_set: GroupSet, granted: Sequence[str]) -> str:
    keys = ", ".join(group_set.keys)
    measure = next((name for name in granted if name in group_set.measures), None)
    average = "" if measure is None else f", AVG({measure}) AS mean_{measure}"
    return f"SELECT {keys}, COUNT(*) AS n{average} FROM {dataset} GROUP BY {keys}"  # noqa: S608
