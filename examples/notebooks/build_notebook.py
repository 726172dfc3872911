"""Write ``household_brief.ipynb``, the demo's notebook, from this list of cells.

Metadata ``sandgate`` tags each step and each forbidden thing, so that the demo and its report can
check what every cell ended with. ``--check`` fails where the file is not what this script writes.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

NOTEBOOK = Path(__file__).with_name("household_brief.ipynb")
KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}
RAISES = ["raises-exception"]  # "run all" goes on after a refusal that is expected

MASKED = """\
SELECT college_id, college_code, source_record, state, degree,
       earnings_median, working, not_working
FROM colleges
WHERE year = 2014
LIMIT 200"""
BY_STATE = """\
SELECT state, COUNT(*) AS tax_units, COUNT(DISTINCT unit) AS households,
       SUM(wages) AS wages_total, AVG(wages) AS wages_mean
FROM households GROUP BY state"""
BY_AGE = """\
SELECT age_band, COUNT(*) AS tax_units, AVG(wages) AS wages_mean,
       AVG(social_security) AS social_security_mean
FROM households GROUP BY age_band"""
FLIGHTS = """\
SELECT state, COUNT(*) AS arrivals, AVG(arrival_delay) AS delay_mean_minutes
FROM flights GROUP BY state ORDER BY arrivals DESC"""
OUTSIDE = """\
SELECT state, AVG(food_support) AS food_support_mean
FROM households GROUP BY state"""

INVENTED = """\
Path("invented.csv").write_text("state,households\\nCA,98765\\n", encoding="utf-8")
invented = sandgate.draft("自编的表", "An invented table")
invented.add_file("invented.csv").add_words("CA：98,765 户 / CA: 98,765 households")
invented.submit()"""
RELEASE = """\
top = max(by_state.to_pandas().itertuples(), key=lambda row: row.households)
request = sandgate.draft("各州住户与工资", "Households and wages by state")
request.add_answer(by_state, "households.csv")
request.add_figure(
    "households.png",
    data="households.csv",
    x="state",
    y="households",
    title="各州住户数 Households by state",
)
request.add_words(
    f"住户最多的州：{top.state}，{top.households:,} 户。\\n\\n"
    f"Most households: {top.state}, {top.households:,}.\\n"
)
request.submit()"""


def words(zh: str, en: str) -> dict[str, Any]:
    """Return a text cell in both languages."""
    return {"cell_type": "markdown", "metadata": {}, "source": f"{zh}\n\n{en}"}


def step(name: str, zh: str, en: str, source: str) -> dict[str, Any]:
    """Return a code cell that must succeed."""
    told = {"step": name, "title": {"zh": zh, "en": en}}
    return _code({"sandgate": told}, source)


def refused(name: str, zh: str, en: str, source: str) -> dict[str, Any]:
    """Return a code cell that the gateway must refuse."""
    told = {"forbidden": name, "title": {"zh": zh, "en": en}}
    return _code({"sandgate": told, "tags": RAISES}, source)


def barred(name: str, zh: str, en: str, source: str) -> dict[str, Any]:
    """Return a code cell that the sandbox must stop; its card says what stopped it."""
    told = {"forbidden": name, "title": {"zh": zh, "en": en}}
    return _code({"sandgate": told}, source)


def _code(metadata: dict[str, Any], source: str) -> dict[str, Any]:
    return {
        "cell_type": "code",
        "metadata": metadata,
        "source": source,
        "execution_count": None,
        "outputs": [],
    }


def _ask(name: str, sql: str) -> str:
    return f'{name} = sandgate.sql("""\n{sql}\n""")\n{name}'


def opening() -> list[dict[str, Any]]:
    """Return what an operator looks at first."""
    return [
        words(
            "# 住户简报\n\n本笔记本在隔离沙箱内运行：没有网络，没有主机文件，只有一条通往平台"
            "查询网关的通道。数据均为真实、早已公开且去标识的数据。",
            "# A household brief\n\nThis notebook runs inside the sandbox: no network, no file of "
            "the host, one way to the platform's query gateway. The data is real, long public "
            "and de-identified.",
        ),
        step("start", "开始", "Start", "import sandgate\n\n%load_ext sandgate"),
        words("## 授权给了什么", "## What the licence grants"),
        step("datasets", "数据集", "Data sets", "sandgate.datasets()"),
        step("budget", "隐私预算", "Privacy budget", "sandgate.budget()"),
    ]


def rows() -> list[dict[str, Any]]:
    """Return the masked rows of a data set about organisations."""
    return [
        words(
            "## 脱敏明细\n\n高校数据以组织为对象，可以逐行查看；编号已化名，数值按规则泛化。",
            "## Masked rows\n\nThe colleges are organisations and may be read row by row; their "
            "codes are masked and their figures coarsened by rule.",
        ),
        step("masked_rows", "高校脱敏明细", "Masked rows of colleges", _ask("colleges", MASKED)),
        step(
            "masked_rows_summary",
            "各学位层次收入中位数",
            "Median earnings by degree",
            "%%sandgate degrees\n"
            "SELECT degree, COUNT(*) AS colleges, AVG(earnings_median) AS earnings_mean\n"
            "FROM colleges WHERE year = 2014 GROUP BY degree ORDER BY degree",
        ),
    ]


def statistics() -> list[dict[str, Any]]:
    """Return the private statistics, drawn with their error bars."""
    return [
        words(
            "## 差分隐私统计\n\n住户数据受保护，只能按公开分组统计。先免费预估，再提问；"
            "答案带 95% 区间，同一问题再问不再消耗预算。",
            "## Private statistics\n\nHouseholds are protected: only statistics by public groups. "
            "First a free estimate, then the question; answers carry a 95% interval, and asking "
            "the same again costs nothing.",
        ),
        _code(
            {"sandgate": {"step": "estimate", "title": {"zh": "预估", "en": "Estimate"}}},
            f'BY_STATE = """\n{BY_STATE}\n"""\nsandgate.estimate(BY_STATE)',
        ),
        step(
            "dp_by_state",
            "各州住户与工资",
            "Households and wages by state",
            "by_state = sandgate.sql(BY_STATE)\nby_state",
        ),
        step(
            "plot_households",
            "各州住户数（差分隐私）",
            "Households by state (private)",
            'by_state.plot(x="state", y="households")',
        ),
        step(
            "plot_wages",
            "各州平均工资（差分隐私）",
            "Mean wages by state (private)",
            'by_state.plot(x="state", y="wages_mean")',
        ),
        step(
            "dp_by_age",
            "按年龄段的工资与养老金",
            "Wages and social security by age",
            _ask("by_age", BY_AGE),
        ),
        step(
            "plot_age",
            "按年龄段的平均工资（差分隐私）",
            "Mean wages by age (private)",
            'by_age.plot(x="age_band", y="wages_mean")',
        ),
        step(
            "repeat",
            "重复提问不再消耗预算",
            "A repeat costs nothing",
            "before = sandgate.budget().facts()\n"
            "again = sandgate.sql(BY_STATE)\n"
            "same = again.table.equals(by_state.table)\n"
            "free = sandgate.budget().facts() == before\n"
            "if not (same and free):\n"
            '    raise RuntimeError(f"a repeat: same answer {same}, free {free}")\n'
            "sandgate.budget()",
        ),
    ]


def open_data() -> list[dict[str, Any]]:
    """Return the open data and its join with the private answer: post-processing is free."""
    return [
        words(
            "## 与公开数据结合\n\n对已获答案的再加工不再消耗隐私预算。",
            "## Together with open data\n\nWhatever is made of an answer costs no further privacy.",
        ),
        step("flights", "各州航班", "Flights by state", _ask("flights", FLIGHTS)),
        step(
            "plot_flights",
            "各州到达航班数（公开数据）",
            "Arriving flights by state (open data)",
            'flights.plot(x="state", y="arrivals")',
        ),
        step(
            "together",
            "每千户到达航班数",
            "Arrivals per thousand households",
            'together = flights.to_pandas().merge(by_state.to_pandas(), on="state")\n'
            'together["arrivals_per_1000_households"] = (\n'
            '    1000 * together["arrivals"] / together["households"].clip(lower=1)\n'
            ").round(1)\n"
            'columns = ["state", "arrivals", "households", "arrivals_per_1000_households"]\n'
            "together[columns].head(10)",
        ),
    ]


def forbidden() -> list[dict[str, Any]]:
    """Return the five things that must not work."""
    return [
        words(
            "## 不允许的事\n\n下面五件事都应被拒绝，并以卡片说明原因与可行做法。",
            "## What is not allowed\n\nAll five below must be refused, with a card that says why "
            "and what would be allowed.",
        ),
        refused(
            "protected_column",
            "逐行读取受保护列",
            "Rows of a protected column",
            'sandgate.sql("SELECT state, wages FROM households LIMIT 10")',
        ),
        refused(
            "column_outside_licence",
            "授权之外的列",
            "A column outside the licence",
            f'sandgate.sql("""\n{OUTSIDE}\n""")',
        ),
        refused(
            "other_dataset",
            "未授权的数据集",
            "A data set that was not granted",
            'sandgate.sql("SELECT COUNT(*) AS n FROM tax_register")',
        ),
        barred(
            "network",
            "访问网络",
            "The network",
            "import urllib.request\n\n"
            "sandgate.attempt(\n"
            '    ("打开一个网址", "open a web address"),\n'
            '    lambda: urllib.request.urlopen("http://192.0.2.1/", timeout=5),\n'
            ")",
        ),
        barred(
            "host_file",
            "读取主机文件",
            "A file of the host",
            "from pathlib import Path\n\n"
            "sandgate.attempt(\n"
            '    ("读取主机的口令文件", "read the host\'s password file"),\n'
            '    lambda: Path("/etc/shadow").read_bytes(),\n'
            ")",
        ),
    ]


def release() -> list[dict[str, Any]]:
    """Return a request of invented figures, and one that an answer may leave with its words."""
    return [
        words(
            "## 申请出域\n\n答案与图形只报编号，由出域审核台自行重算、重画并检查；"
            "说明文字中的数字须见于同一申请的表格。平台无法重算的文件会被退回。",
            "## Asking for a release\n\nAn answer and its figure by name alone: the desk computes "
            "and draws them anew and checks them. Numbers in the words must stand in a table of "
            "the same request. What the desk cannot compute is sent back.",
        ),
        step("invented", "自编的数字", "Invented figures", INVENTED),
        step("release", "申请出域", "Release request", RELEASE),
        step("status", "本会话", "This session", "sandgate.status()"),
        step("budget_after", "剩余预算", "Budget left", "sandgate.budget()"),
    ]


def notebook() -> dict[str, Any]:
    """Return the whole notebook, without outputs."""
    parts = (opening, rows, statistics, open_data, forbidden, release)
    return notebook_of([cell for part in parts for cell in part()])


def notebook_of(cells: list[dict[str, Any]]) -> dict[str, Any]:
    """Return a notebook of these cells, numbered, without outputs."""
    for number, cell in enumerate(cells, start=1):
        cell["id"] = f"cell-{number:02d}"
        cell["source"] = cell["source"].splitlines(keepends=True)
    metadata = {"kernelspec": KERNEL, "language_info": {"name": "python"}}
    return {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}


def write_or_check(path: Path, made: dict[str, Any]) -> None:
    """Write a notebook, or with ``--check`` on the command line compare it."""
    parser = argparse.ArgumentParser(description=f"Write {path.name}.")
    parser.add_argument("--check", action="store_true")
    given = parser.parse_args()
    text = json.dumps(made, ensure_ascii=False, indent=1, sort_keys=True) + "\n"
    if not given.check:
        path.write_text(text, encoding="utf-8")
    elif not path.exists() or path.read_text(encoding="utf-8") != text:
        sys.exit(f"{path.name} is not what {Path(sys.argv[0]).name} writes: run it")


if __name__ == "__main__":
    write_or_check(NOTEBOOK, notebook())
