"""The refusals of recomputed tables: each says what would be allowed, none says anything of rows.

Where another organisation's release stands behind a refusal, neither whose nor which is told.
"""

from disclosure.outcome import Refused
from foundation.errors import Denied, Message, Unavailable

RULE = "policies/tables"


def form(field: str, zh: str, en: str, allowed_sql: str | None = None) -> Refused:
    """Refuse a part of SQL that a recomputed table cannot hold."""
    return refused("table_form", field, zh, en, allowed_sql=allowed_sql)


def joined() -> Refused:
    """Refuse whatever reads more than the plain rows of one data set."""
    return form(
        "from",
        "出域表只能读取一个以明细授权的数据集，不能连接，也不能按主体汇总。",
        "A table for release reads the rows of one granted data set: no join, no inner aggregate.",
    )


def no_rows_granted() -> Refused:
    """Refuse where the licence holds no rows at all."""
    return refused(
        "table_without_rows",
        "sql",
        "本授权没有以明细授予的数据集，不能据以制表；受保护的列请提交差分隐私答案。",
        "This licence holds no rows to make a table of; of protected columns, release a private "
        "answer instead.",
    )


def unknown_name() -> Refused:
    """Refuse a name that is not among the granted rows: unknown and protected read the same."""
    return refused(
        "table_not_granted_as_rows",
        "sql",
        "查询提到了未以明细授予的表或列。出域表只能用授权副本中的列；受保护的列请提交差分隐私答案。",
        "The table names something that is not granted as rows. It may use the columns of the "
        "licence's extract; of protected columns, release a private answer instead.",
    )


def not_mixed() -> Denied:
    """Refuse exact figures over people of whom only private aggregates may ever be told."""
    return Denied(
        "table_population_private",
        Message(
            "该人群只可作差分隐私统计，不得发布精确表。",
            "Of this population only private aggregates may be told, never exact tables.",
        ),
        field="sql",
        rule="I4",
    )


def too_large(what: str, most: int) -> Refused:
    """Refuse a table of more keys, figures, categories or cells than the rule allows."""
    names = {
        "keys": ("分组键", "keys"),
        "figures": ("统计量", "figures"),
        "categories": ("单个键的取值", "values of one key"),
        "cells": ("单元格", "cells"),
    }
    zh, en = names[what]
    return refused(
        "table_too_large",
        "sql",
        f"表的{zh}数超过上限 {most}；请减少分组键，或用较宽的分段与 CASE 合并取值。",
        f"The table has more than {most} {en}: use fewer keys, wider bins, or a CASE that merges "
        "values.",
    )


def too_near() -> Refused:
    """Refuse a table that no suppression keeps far enough from what was released before."""
    return refused(
        "table_differs_too_little",
        "sql",
        "本表与已受理的发布相差的人数过少，隐去单元格后仍可推算，不予放行。平台不说明是哪一份。",
        "The table differs by too few people from what was released before, and no suppression "
        "helps. The desk does not say from which release.",
        way_out=Message(
            "请采用更粗的分组，或在数据有较大更新后再提交。",
            "Use coarser groups, or ask again once the data has changed by more.",
        ),
    )


def not_protectable() -> Refused:
    """Refuse a table whose protection failed, ran out of time, or would leave nothing."""
    return refused(
        "table_not_protectable",
        "sql",
        "本表无法在规定时间内得到有效保护，或保护后不剩任何数值，不予放行。",
        "The table cannot be protected in time, or protection leaves no figure of it.",
        way_out=Message("请采用更粗的分组，或减少分组键。", "Use coarser groups, or fewer keys."),
    )


def register_full() -> Unavailable:
    """Refuse where there is more to compare with than the rule file allows."""
    return Unavailable(
        "table_register_too_large",
        Message(
            "需比对的已发布数值超过规则上限，请联系主管部门。",
            "More published figures must be compared with than the rules allow; ask the authority.",
        ),
        rule=RULE,
    )


def register_unreadable() -> Unavailable:
    """Refuse where an earlier table cannot be opened: nothing can be attacked together with it."""
    return Unavailable(
        "table_register_unreadable",
        Message(
            "已受理表的密封数据无法打开，不能一并核验，故不予放行；请联系主管部门。",
            "The sealed cells of earlier tables cannot be opened, so that nothing can be examined "
            "together with them, and nothing is released; ask the authority.",
        ),
        rule=RULE,
    )


def register_busy() -> Unavailable:
    """Refuse where other tables keep coming in between."""
    return Unavailable(
        "table_register_busy",
        Message(
            "同一人群的其他表正在受理，请稍后再提交。",
            "Other tables of the same population are being taken in; try again.",
        ),
        rule=RULE,
    )


def version_gone() -> Refused:
    """Refuse where the rows behind the extract can no longer be read, or look otherwise now."""
    return refused(
        "table_rows_unavailable",
        "sql",
        "授权副本所依据的数据版本或脱敏规则已不可用，无法重新计算；请在副本更新后再提交。",
        "The version or the masks behind the extract are no longer available, so the table cannot "
        "be recomputed; ask again once the extract was renewed.",
    )


def refused(
    code: str,
    field: str,
    zh: str,
    en: str,
    *,
    allowed_sql: str | None = None,
    way_out: Message | None = None,
) -> Refused:
    """Return a refusal under the rules of tables."""
    if allowed_sql is not None and way_out is None:
        way_out = Message(f"可以改为：{allowed_sql}", f"You can ask instead: {allowed_sql}")
    return Refused(
        code, Message(zh, en), field=field, rule=RULE, way_out=way_out, allowed_sql=allowed_sql
    )
