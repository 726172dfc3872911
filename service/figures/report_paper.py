"""The paper of a monthly security report: the figures of its entry, in Chinese, to be filed."""

from collections.abc import Mapping
from typing import Any

from foundation.canonical import digest
from foundation.clock import from_iso
from foundation.paper import Paper

PILLARS: Mapping[str, str] = {
    "institution": "制度规范",
    "technology": "技术防护",
    "operation": "运行管理",
}
STANDINGS: Mapping[str, str] = {
    "evidenced": "有据可查",
    "quiet": "本月无事项",
    "finding": "须核查",
    "missing": "应有而无",
}
SUMMARY_NAMES: Mapping[str, str] = {
    "entries": "日志条目",
    "refusals": "被拒绝的请求与查询",
    "fresh_logins_asked": "要求重新认证",
    "alerts": "预警",
    "alerts_acknowledged": "已确认的预警",
    "attempts_reported": "会话越界尝试",
    "logins": "登录",
    "logins_refused": "登录被拒",
    "releases_delivered": "出域交付",
    "releases_refused": "出域不予放行",
    "recalls": "召回",
    "role_grants_proposed": "角色授予（提出）",
    "role_grants_confirmed": "角色授予（确认）",
    "purges": "到期清理",
    "purges_refused": "清理被拒",
    "licences_suspended": "授权暂停",
    "witness_contradictions": "见证不符",
    "keys_turned_over": "签名密钥轮换",
}


def report_pdf(document: Mapping[str, Any], index: int) -> bytes:
    """Return the PDF of a report that the log holds at ``index``."""
    log = document["log"]
    paper = Paper(
        f"{document['month']} 月度安全报告",
        made_at_us=from_iso(document["made_at"]),
        subtitle=f"{log['origin']} · 日志第 {index} 条",
        footer=digest(dict(document)),
    )
    paper.facts(
        [
            (
                "报告月份",
                document["month"] + ("" if document["whole"] else "（未满月，截至编制时）"),
            ),
            ("编制时间（UTC）", document["made_at"][:16].replace("T", " ")),
            ("日志范围", f"第 {log['first']} 条至第 {log['end']} 条之前"),
            ("规则包摘要", document["policy_digest"]),
            ("见证方", _witnesses(document["witnesses"])),
        ]
    )
    paper.heading("一、概况")
    named = [(name, document["summary"][key]) for key, name in SUMMARY_NAMES.items()]
    paper.table(["事项", "数量"], [[name, f"{number:,}"] for name, number in named], numbers={1})
    if document["refusals"]:
        paper.heading("被拒绝的原因", 2)
        codes = [[code, f"{number:,}"] for code, number in document["refusals"].items()]
        paper.table(["代码", "次数"], codes, widths=[4, 1], numbers={1})
    paper.heading("二、安全控制措施")
    for pillar, name in PILLARS.items():
        paper.heading(name, 2)
        chosen = [one for one in document["controls"] if one["pillar"] == pillar]
        paper.table(
            ["编号", "措施", "承诺", "依据的条目数", "情况"],
            [_printed(one) for one in chosen],
            widths=[1, 2.2, 5, 1.3, 1.4],
            numbers={3},
        )
    paper.heading("三、安全事件与演练")
    paper.paragraph(document["incidents"]["zh"])
    paper.paragraph(
        "本报告由平台依审计日志生成，全文即日志条目，可离线核验；页脚为其内容摘要。", small=True
    )
    return paper.pdf()


def _printed(one: Mapping[str, Any]) -> list[str]:
    entries = f"{sum(one['entries'].values()):,}"
    return [one["id"], one["name"]["zh"], one["promise"]["zh"], entries, STANDINGS[one["standing"]]]


def _witnesses(state: Mapping[str, Any]) -> str:
    names = "、".join(f"{one['name']}（已见证至 {one['size']} 条）" for one in state["witnesses"])
    return ("与日志不符！" if state["contradicted"] else "") + (names or "未设见证方")
