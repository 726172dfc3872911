"""Says in plain words how each figure of a pool followed, step by step, in Chinese and English.

Every number in a sentence is the pool document's own, or a sum of its own steps. Nothing is
decided here, and nothing is rounded: amounts below a fen are written with all their digits.
"""

from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any

from foundation.errors import Message
from foundation.money import MICRO_FEN_PER_FEN, PARTS_PER_MILLION, yuan_text

MICRO_FEN_PER_YUAN = 100 * MICRO_FEN_PER_FEN
_DECIMALS = 8  # a micro-fen is 10^-8 yuan
_LEAST_DECIMALS = 2

STEPS: Mapping[str, Message] = {
    "tax": Message("税费（价内）", "Tax (inside the price)"),
    "cost_recovery": Message("成本补偿", "Cost recovery"),
    "permitted_profit": Message("准许利润", "Permitted profit"),
    "clawback": Message("超出准许收入的返还准备", "Reserve for what exceeds permitted revenue"),
    "share": Message("固定份额", "Fixed share"),
    "pot": Message("按贡献分配", "Share by contribution"),
    "pot_unused": Message("贡献池未用部分", "Unused part of the pot"),
}
METERS: Mapping[str, Message] = {
    "fetch": Message("调用产品", "product fetches"),
    "call": Message("提问", "questions answered"),
    "repeat": Message("重复提问", "repeated questions"),
    "verification": Message("核验", "verifications"),
    "row": Message("行", "rows"),
    "release": Message("出域交付", "releases delivered"),
    "session_hour": Message("会话小时", "session hours"),
    "nano_rho": Message("隐私额度（nano-ρ）", "privacy budget (nano-rho)"),
}
CLASSES: Mapping[str, Message] = {
    "industry": Message("产业发展", "industry"),
    "public_governance": Message("公共治理", "public governance"),
    "public_welfare": Message("公益事业", "public welfare"),
}
CHANNELS: Mapping[str, Message] = {
    "treasury": Message("国库（非税收入）", "Treasury (non-tax revenue)"),
    "account": Message("账户", "Account"),
    "tax": Message("税费", "Tax"),
    "reserve": Message("返还准备金", "Clawback reserve"),
}


def plain(text: str) -> Message:
    """Return text that reads the same in both languages."""
    return Message(text, text)


def exact_yuan(micro_fen: int) -> str:
    """Render micro-fen as yuan with every digit it has, at least two decimals."""
    sign = "-" if micro_fen < 0 else ""
    whole, rest = divmod(abs(micro_fen), MICRO_FEN_PER_YUAN)
    digits = f"{rest:0{_DECIMALS}d}".rstrip("0").ljust(_LEAST_DECIMALS, "0")
    return f"{sign}{whole:,}.{digits}"


def percent(ppm: int) -> str:
    """Render parts per million as per cent with every digit it has."""
    whole, rest = divmod(ppm, PARTS_PER_MILLION // 100)
    return f"{whole}.{rest:04d}".rstrip("0").rstrip(".") + " %"


def bill_sentences(pool: Mapping[str, Any]) -> Iterator[Message]:
    """Say how the bill of a pool followed from what was used."""
    used_zh = "、".join(f"{METERS[m].zh} {n:,}" for m, n in pool["usage_totals"].items())
    used_en = ", ".join(f"{METERS[m].en}: {n:,}" for m, n in pool["usage_totals"].items())
    tariff = pool["tariff"]
    yield Message(
        f"本账期计量 {pool['usage_count']:,} 个结果（{used_zh or '无使用'}），按资费"
        f" {tariff['version']}（{tariff['approval'] or '无批准文号'}）计"
        f" {exact_yuan(pool['gross_micro_fen'])} 元。",
        f"{pool['usage_count']:,} outcomes were metered ({used_en or 'no use'}); under tariff "
        f"{tariff['version']} ({tariff['approval'] or 'no approval'}) they come to "
        f"{exact_yuan(pool['gross_micro_fen'])} yuan.",
    )
    if pool["subscription_fen"]:
        fee = yuan_text(pool["subscription_fen"])
        yield Message(f"另加本账期订阅费 {fee} 元。", f"The period's fee adds {fee} yuan.")
    brought, kept = pool["carry_in_micro_fen"], pool["carry_out_micro_fen"]
    billed = yuan_text(pool["billed_fen"])
    yield Message(
        f"加上期结转 {exact_yuan(brought)} 元，账单为 {billed} 元；不足一分的"
        f" {exact_yuan(kept)} 元转入下期。",
        f"With {exact_yuan(brought)} yuan carried in, the bill is {billed} yuan; "
        f"{exact_yuan(kept)} yuan below a fen is carried on.",
    )
    if pool["prepaid_fen"]:
        paid = yuan_text(pool["prepaid_fen"])
        yield Message(
            f"其中 {paid} 元由预付款支付。", f"{paid} yuan of it was paid from the prepaid wallet."
        )
    if pool["excess_fen"]:
        excess = yuan_text(pool["excess_fen"])
        yield Message(
            f"运营机构本年度尚可收取的准许收入不足，超出 {excess} 元。",
            f"It is {excess} yuan above what the operator may still bill this year.",
        )


def step_sentences(pool: Mapping[str, Any], payee: str | None = None) -> Iterator[Message]:
    """Say how the bill was split: each step, or only the steps that one payee is in."""
    left = pool["billed_fen"] * MICRO_FEN_PER_FEN
    before: dict[str, int] = {}
    for step in pool["steps"]:
        kind = "pot" if step["step"].startswith("pot") else step["step"]
        base = before.setdefault(kind, left)
        left -= step["micro_fen"]
        if payee is None or step["payee"] == payee:
            yield _step_sentence(pool, step, base)


def line_sentence(line: Mapping[str, Any]) -> Message:
    """Say how a payee's line became whole fen."""
    due, brought = exact_yuan(line["micro_fen"]), exact_yuan(line["carry_in_micro_fen"])
    fen, kept = yuan_text(line["fen"]), exact_yuan(line["carry_out_micro_fen"])
    channel = CHANNELS[line["channel"]]
    return Message(
        f"{line['payee']} 合计应得 {due} 元，加上期结转 {brought} 元，本期实付 {fen} 元"
        f"（{channel.zh}），结转下期 {kept} 元；各方实付之和等于账单，分币按最大余数法取整。",
        f"{line['payee']} is due {due} yuan in all; with {brought} carried in, {fen} yuan is paid "
        f"({channel.en}) and {kept} carried on. All payments sum to the bill; fen are rounded by "
        "largest remainder.",
    )


def _step_sentence(pool: Mapping[str, Any], step: Mapping[str, Any], base: int) -> Message:
    name, money = STEPS[step["step"]], exact_yuan(step["micro_fen"])
    if step["step"] == "pot":
        return _source_sentence(pool, step)
    left = exact_yuan(base)
    if step["step"] == "pot_unused":
        left = exact_yuan(_pot_micro_fen(pool))
    scheme = pool["scheme"]["version"]
    return Message(
        f"{name.zh}：从 {left} 元中，{step['payee']} 得 {money} 元（方案 {scheme}）。",
        f"{name.en}: out of {left} yuan, {step['payee']} gets {money} yuan (scheme {scheme}).",
    )


def _source_sentence(pool: Mapping[str, Any], step: Mapping[str, Any]) -> Message:
    """Say what counted of a source, what it weighs, and what that gave."""
    source = next(one for one in pool["contributions"] if one["dataset"] == step["dataset"])
    weights = sum(one["weight"] for one in pool["contributions"])
    part = Fraction(source["weight"] * PARTS_PER_MILLION, weights) if weights else Fraction(0)
    low, high = percent(source["minimum_ppm"]), percent(source["maximum_ppm"])
    money, pot = exact_yuan(step["micro_fen"]), exact_yuan(_pot_micro_fen(pool))
    figures = {name: f"{source[name]:,}" for name in ("calls", "columns", "rows", "approved_rows")}
    quality, share = percent(source["quality_ppm"]), percent(int(part))
    return Message(
        f"按贡献分配：数据集 {source['dataset']} 计入 {figures['calls']} 个不同的问题、"
        f"{figures['columns']} 列、{figures['rows']} 行（核定至多 {figures['approved_rows']} 行），"
        f"质量 {quality}；权重 {source['weight']:,}，约占 {share}（下限 {low}，上限 {high}），"
        f"从贡献池 {pot} 元中，{step['payee']} 得 {money} 元。",
        f"By contribution: of data set {source['dataset']} {figures['calls']} different questions, "
        f"{figures['columns']} columns and {figures['rows']} rows counted (at most "
        f"{figures['approved_rows']} approved), quality {quality}; its weight {source['weight']:,} "
        f"is about {share} of all (at least {low}, at most {high}), so out of the pot of {pot} "
        f"yuan {step['payee']} gets {money} yuan.",
    )


def _pot_micro_fen(pool: Mapping[str, Any]) -> int:
    return sum(step["micro_fen"] for step in pool["steps"] if step["step"].startswith("pot"))
