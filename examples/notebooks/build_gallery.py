"""Write ``question_gallery.ipynb``: one worked question a capability, on the demo's data sets.

Run as ``python -m examples.notebooks.build_gallery``; ``--check`` fails where the file is not what
this script writes. Each question names its figures, so that the notebook can be read on its own.
"""

from pathlib import Path
from typing import Any

from examples.notebooks.build_notebook import (
    notebook_of,
    refused,
    step,
    words,
    write_or_check,
)

NOTEBOOK = Path(__file__).with_name("question_gallery.ipynb")
Cells = list[dict[str, Any]]


def titled(level: int, zh: str, en: str) -> dict[str, Any]:
    """Return a heading in both languages, each followed by its own sentence if it has one."""
    titles, told = zip(_split(zh, "："), _split(en, ": "), strict=True)
    heading = f"{'#' * level} {titles[0]} · {titles[1]}"
    return words("\n\n".join([heading, told[0]]) if told[0] else heading, told[1])


def _split(text: str, mark: str) -> tuple[str, str]:
    title, _, sentence = text.partition(mark)
    return title, sentence[:1].upper() + sentence[1:]


def question(name: str, zh: str, en: str, sql: str, *, plot: str | None = None) -> Cells:
    """Return a heading, the question as SQL, and a chart of it where ``plot`` says how."""
    title = _split(zh, "：")[0], _split(en, ": ")[0]
    cells = [titled(3, zh, en), step(name, *title, f"%%sandgate {name}\n{sql}")]
    if plot is not None:
        cells.append(step(f"plot_{name}", *title, f"{name}.plot({plot})"))
    return cells


def opening() -> Cells:
    """Return what stands before any question."""
    return [
        words(
            "# 问题示例库\n\n每个能力一个例子，可直接运行、修改。涉及个人的数据只给统计：每个数值"
            "都加了噪声，方括号内为 95% 区间；费用先扣后答，重复提问不再收费。",
            "# A gallery of questions\n\nOne worked example a capability, to run and to change. "
            "Of data about people there are statistics only: each figure holds noise, with its "
            "95% interval in brackets; a question is paid for before it is answered, and a repeat "
            "is free.",
        ),
        step("start", "开始", "Start", "import sandgate\n\n%load_ext sandgate"),
        words(
            "能问什么：取值、上下限、分组和连接。",
            "What can be asked: values, bounds, groups, joins.",
        ),
        step("datasets", "数据集", "Data sets", "sandgate.datasets()"),
        step("budget", "隐私预算", "Privacy budget", "sandgate.budget()"),
    ]


def counts_and_sums() -> Cells:
    """Return counts, people, sums, means and spread."""
    return [
        titled(2, "计数与合计", "Counts and sums"),
        *question(
            "counts",
            "计数：一共多少条记录。",
            "Counts: how many records there are.",
            "SELECT COUNT(*) AS tax_units FROM households",
        ),
        *question(
            "people",
            "数户数：`COUNT(DISTINCT unit)` 数隐私单元（此处为住户），一户多条记录只算一次。",
            "Counting households: `COUNT(DISTINCT unit)` counts privacy units, here households; "
            "one with several records counts once.",
            "SELECT age_band, COUNT(DISTINCT unit) AS households\nFROM households\n"
            "GROUP BY age_band",
            plot="",
        ),
        *question(
            "sums",
            "截断后的合计：上下限越窄，噪声越小；超出部分按上下限计。",
            "A sum within bounds: the narrower the bounds, the less noise; what lies beyond "
            "counts as the bound.",
            "SELECT filing_status,\n"
            "       SUM(LEAST(GREATEST(wages, 0), 100000)) AS wages_total\n"
            "FROM households\nGROUP BY filing_status",
        ),
        *question(
            "means",
            "平均值：分子、分母各加一次噪声，费用一次扣清。",
            "Means: numerator and denominator hold noise each, at one price.",
            "SELECT age_band, AVG(wages) AS wages_mean, COUNT(*) AS tax_units\n"
            "FROM households\nGROUP BY age_band",
            plot='x="age_band", y="wages_mean"',
        ),
        *question(
            "spread",
            "离散程度：标准差须先截断，平方和才有界。",
            "Spread: a standard deviation needs bounds, so that squares are bounded.",
            "SELECT STDDEV(LEAST(GREATEST(wages, 0), 100000)) AS wages_spread\nFROM households",
        ),
    ]


def distributions() -> Cells:
    """Return quantiles and a histogram."""
    return [
        titled(2, "分布", "Distributions"),
        *question(
            "quantiles",
            "中位数与九成分位：有工资者的中位数，以及九成人不超过的数额。",
            "Median and 90th percentile: of those with wages, what half of them and nine in ten "
            "stay below.",
            "SELECT age_band, MEDIAN(wages) AS median, QUANTILE_CONT(wages, 0.9) AS p90\n"
            "FROM households\nWHERE wages > 0\nGROUP BY age_band",
            plot='x="age_band", y="median"',
        ),
        *question(
            "histogram",
            "直方图：按固定宽度分组，上下限之间的每一组都会列出。",
            "A histogram: bins of one width; every bin between the bounds is shown.",
            "SELECT floor(wages / 20000) * 20000 AS wages_from, COUNT(*) AS tax_units\n"
            "FROM households\nWHERE wages BETWEEN 1 AND 199999\nGROUP BY wages_from",
            plot="",
        ),
    ]


def groups() -> Cells:
    """Return groups by time, by CASE, by values nobody declared, and ranges."""
    return [
        titled(2, "分组与条件", "Groups and conditions"),
        *question(
            "years",
            "按年：年份的取值是公开的，三年全部列出。",
            "By year: the years are public, so all three are shown.",
            "SELECT year, COUNT(*) AS tax_units\nFROM households\nGROUP BY year",
        ),
        *question(
            "months",
            "按月：航班是开放数据，结果精确，不耗隐私预算。",
            "By month: flights are open data; the answer is exact and costs no privacy.",
            "SELECT date_trunc('month', day) AS month_from, COUNT(*) AS arrivals,\n"
            "       AVG(arrival_delay) AS delay_mean_minutes\n"
            "FROM flights\nGROUP BY month_from\nORDER BY month_from",
            plot='x="month_from", y="arrivals"',
        ),
        *question(
            "labels",
            "用 CASE 分组：自己命名分组。",
            "Groups by CASE: under names of your own.",
            "SELECT CASE WHEN social_security > 0 THEN 'pension' ELSE 'none' END AS support,\n"
            "       COUNT(*) AS tax_units\n"
            "FROM households\nGROUP BY support",
        ),
        *question(
            "unknown_keys",
            "取值未公开的分组：人数没有公开的取值表，只有户数超过门槛的组才显示，另计少量 δ。",
            "Groups whose values are not public: sizes have no public list, so that a group shows "
            "only past a threshold, at a little δ.",
            "SELECT persons, COUNT(DISTINCT unit) AS households\nFROM households\nGROUP BY persons",
            plot="",
        ),
        *question(
            "ranges",
            "范围与集合：条件可用于任何获准的列。",
            "Ranges and sets: conditions may read any granted column.",
            "SELECT COUNT(*) AS tax_units\nFROM households\n"
            "WHERE wages BETWEEN 50000 AND 100000 AND year IN (2013, 2014)",
        ),
    ]


def joins() -> Cells:
    """Return a join to a public table, and a first aggregate by household."""
    return [
        titled(2, "连接与逐户汇总", "Joins, and households first"),
        *question(
            "public_join",
            "连接公开表：按州代码连到大区。",
            "A join to a public table: from the state to its region.",
            "SELECT s.region AS region, COUNT(*) AS tax_units, AVG(h.wages) AS wages_mean\n"
            "FROM households h JOIN states s ON h.state = s.postal\nGROUP BY region",
            plot='x="region", y="wages_mean"',
        ),
        *question(
            "per_household",
            "先逐户汇总：先算每户的工资总额，再对住户求平均。",
            "Households first: the wages of each household, then their mean over households.",
            "SELECT COUNT(*) AS households,\n"
            "       AVG(LEAST(GREATEST(wages_total, 0), 300000)) AS household_wages_mean\n"
            "FROM (SELECT unit, SUM(wages) AS wages_total FROM households GROUP BY unit)",
        ),
    ]


def after_the_noise() -> Cells:
    """Return what is made of noisy figures, free of charge."""
    return [
        titled(2, "对带噪声数值的再加工", "Made of the noisy figures"),
        *question(
            "ranking",
            "筛选、排序、取前几名：都在加噪之后进行，不另收费。",
            "HAVING, ORDER BY, LIMIT: after the noise, at no further price.",
            "SELECT state, COUNT(*) AS tax_units\nFROM households\nGROUP BY state\n"
            "HAVING COUNT(*) > 5000\nORDER BY tax_units DESC\nLIMIT 10",
            plot="",
        ),
        *question(
            "formula",
            "算式：社会保障金与工资之比，区间随之给出。",
            "A formula: social security over wages, with its interval.",
            "SELECT age_band, 100 * SUM(social_security) / SUM(wages) AS percent_of_wages\n"
            "FROM households\nGROUP BY age_band",
        ),
    ]


def prices() -> Cells:
    """Return estimates: before asking, at a wanted exactness, and what to ask instead."""
    return [
        titled(
            2,
            "先看代价：预估免费，不读数据。",
            "The price first: free, and without reading data.",
        ),
        step(
            "estimate",
            "提问之前",
            "Before asking",
            'BY_STATE_AGE = """\n'
            "SELECT state, age_band, COUNT(*) AS tax_units, AVG(wages) AS wages_mean\n"
            'FROM households GROUP BY state, age_band\n"""\n'
            "priced = sandgate.estimate(BY_STATE_AGE)\npriced",
        ),
        titled(
            3,
            "会不会被隐去：取值未公开的分组，预估会说明多大的组可能不显示。",
            "What stays hidden: where values are not public, the estimate says how large a group "
            "must be to show.",
        ),
        step(
            "withheld",
            "会不会被隐去",
            "What stays hidden",
            'sandgate.estimate("""\n'
            "SELECT state, persons, COUNT(DISTINCT unit) AS households\n"
            'FROM households GROUP BY state, persons\n""")',
        ),
        titled(
            3,
            "指定精度，反求价格：各申报身份的户数误差不超过 ±50（95%），最低要花多少？",
            "A wanted exactness: what is the least that ±50 households at 95% costs?",
        ),
        step(
            "wanted",
            "±50 的价格",
            "The price of ±50",
            'BY_STATUS = """\n'
            "SELECT filing_status, COUNT(DISTINCT unit) AS households\n"
            'FROM households GROUP BY filing_status\n"""\n'
            "wanted = sandgate.estimate(BY_STATUS, half_width=50)\nwanted",
        ),
        step("wanted_answer", "按此价格提问", "Asked at that price", "wanted.ask()"),
        titled(
            3,
            "更准的替代问法：预估卡片按收益列出替代问法；取第一个来问。",
            "More exact instead: the estimate ranks questions close to yours; ask the first.",
        ),
        step(
            "alternative",
            "替代问法",
            "The first alternative",
            "best = priced.alternatives[0]\nprint(best.sql)\nbest.ask()",
        ),
    ]


def refusals() -> Cells:
    """Return a refusal and the form that is allowed in its place."""
    return [
        titled(
            2,
            "被拒绝时：卡片说明理由，并给出最接近的可行问法。被拒绝不收费。",
            "When refused: the card says why, and gives the nearest question that is allowed. "
            "A refusal costs nothing.",
        ),
        refused(
            "maximum",
            "最高工资",
            "The highest wage",
            'sandgate.sql("SELECT state, MAX(wages) AS top FROM households GROUP BY state")',
        ),
        step("allowed", "可行的问法", "The allowed form", "sandgate.allowed()"),
    ]


def tools() -> Cells:
    """Return the other ways in."""
    return [
        titled(
            2,
            "其他用法：SQLAlchemy 与 pandas 直接可用；参数写成 `?`。",
            "Other ways in: SQLAlchemy and pandas work as they are; a parameter is `?`.",
        ),
        step(
            "read_sql",
            "pandas.read_sql",
            "pandas.read_sql",
            "import pandas as pd\nfrom sqlalchemy import create_engine\n\n"
            'engine = create_engine("sandgate://")\n'
            "pd.read_sql(\n"
            '    "SELECT carrier, COUNT(*) AS arrivals FROM flights WHERE state = ? "\n'
            '    "GROUP BY carrier ORDER BY arrivals DESC LIMIT 5",\n'
            '    engine,\n    params=("CA",),\n)',
        ),
        words(
            "对答案再做的计算不再收费。",
            "Whatever is computed from an answer costs nothing more.",
        ),
        step(
            "frames",
            "再加工",
            "Computed further",
            'people.to_pandas().merge(means.to_pandas(), on="age_band")[\n'
            '    ["age_band", "households", "tax_units", "wages_mean"]\n]',
        ),
        step("budget_after", "剩余预算", "Budget left", "sandgate.budget()"),
    ]


def gallery() -> dict[str, Any]:
    """Return the whole notebook, without outputs."""
    parts = (
        *(opening, counts_and_sums, distributions, groups, joins),
        *(after_the_noise, prices, refusals, tools),
    )
    return notebook_of([cell for part in parts for cell in part()])


if __name__ == "__main__":
    write_or_check(NOTEBOOK, gallery())
