"""Catalogue spreadsheets as bureaus fill them in: realistic rows of the six base libraries."""

from collections.abc import Sequence
from typing import Any

from catalog.credit_codes import credit_check
from catalog.exchange.template import title_of
from foundation.sheet import Book
from policies.schema.exchange import ExchangeRules

LIBRARIES = (
    ("人口", "公安局", "常住人口登记", "公民身份号码、姓名、性别、出生日期、户籍地址"),
    ("法人", "市场监督管理局", "企业登记", "统一社会信用代码、企业名称、法定代表人、注册资本"),
    ("自然资源和空间地理", "自然资源局", "不动产单元", "不动产单元号、坐落、面积、用途"),
    ("电子证照", "政务服务局", "电子证照目录", "证照编号、证照类型、持证主体、有效期"),
    ("公共信用", "发展改革局", "信用信息", "主体名称、信用代码、事由、认定机关、认定日期"),
    ("宏观经济", "统计局", "经济指标", "指标代码、指标名称、统计期、数值、单位"),
)
KINDS = ("基本信息", "变更记录", "年度汇总", "注销信息", "核验接口", "统计报表", "异常名录")


def credit_code(number: int) -> str:
    """Return a made-up unified social credit code with its check character."""
    body = f"11440300{number:09d}"
    return body + credit_check(body)


def row_of(number: int, **changes: str) -> dict[str, str]:
    """Return one filled-in row by header."""
    library, bureau, subject, items = LIBRARIES[number % len(LIBRARIES)]
    kind = KINDS[number // len(LIBRARIES) % len(KINDS)]
    row = {
        "目录代码": f"1{number % 90 + 10:02d}001/{number + 1}",
        "目录名称": f"{subject}{kind}（第{number + 1}类）",
        "摘要": f"市{bureau}在履行职责中形成的{subject}{kind}，按月核对并更新。",
        "数据项": items,
        "提供单位": f"市{bureau}",
        "提供单位代码": credit_code(number % 52 + 1),
        "数据格式": "数据库表",
        "更新频率": ("每日", "每月", "实时", "每年")[number % 4],
        "共享属性": "有条件共享",
        "共享方式": ("服务接口", "批量交换", "文件下载")[number % 3],
        "使用条件": "仅限办理本部门职责范围内的行政事项使用",
        "共享范围": "市级政务部门",
        "允许用途": "行政审批与公共服务",
        "开放属性": "不予开放",
        "不予开放理由": "涉及个人信息和商业秘密",
        "不予开放依据": "《中华人民共和国个人信息保护法》第十三条",
        "回流属性": "有条件回流",
        "数据分类": f"基础信息资源/{library}",
        "数据分级": "三级",
        "所属基础库": library,
        "关联系统": "register",
        "数据来源": "业务系统生成",
    }
    return {**row, **changes}


def header_of(rules: ExchangeRules) -> list[str]:
    """Return the template's header without its stars."""
    return [title_of(column).rstrip("*") for column in rules.columns]


def table_of(rows: Sequence[dict[str, str]], rules: ExchangeRules) -> list[list[str]]:
    """Return rows in the order of the header."""
    header = header_of(rules)
    return [[row.get(title, "") for title in header] for row in rows]


def xlsx_of(rows: Sequence[dict[str, str]], rules: ExchangeRules) -> bytes:
    """Return a book with the template's header and these rows."""
    book = Book("目录", made_at_us=0)
    book.sheet("目录填报", header_of(rules), table_of(rows, rules))
    return book.xlsx()


def csv_of(rows: Sequence[dict[str, str]], header: Sequence[str], encoding: str) -> bytes:
    """Return a CSV file with any header, in any encoding."""
    lines: list[Sequence[Any]] = [header, *([row.get(name, "") for name in header] for row in rows)]
    return "".join(",".join(f'"{cell}"' for cell in line) + "\r\n" for line in lines).encode(
        encoding
    )
