"""Rows 25 to 28: prices and their ceilings, permitted revenue, settlement, yearly disclosure.

What is right was worked out by hand beforehand and stands here as numbers; all of it is fictional.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from audit.reading import read_entries
from audit.tags import EntryKind
from foundation.db import reading
from foundation.errors import Message
from policies.schema.revenue import RevenueRules
from revenue.permitted.law import adjustment_for
from service.acceptance import data
from service.acceptance.audit_trials import REGULATOR, tampered, verified
from service.acceptance.entries import REVIEWER
from service.acceptance.release_trials import let_out, released, submitted
from service.acceptance.stage import CIVIL_AFFAIRS, REFUSED_FROM, Stage, expect

FETCHES, WELFARE_FETCHES = 3, 2
BILLED_FEN = 30_003  # 3 x 100.01 yuan
HAND_SHARES: Mapping[str, int] = {
    "tax": 1_698,  # 30,003 x 6 / 106 = 1,698.28
    CIVIL_AFFAIRS: 14_152,  # half of the remaining 28,304.72
    data.FINANCE: 4_246,  # 15 %: 4,245.71
    data.OPERATOR: 7_076,  # 25 %: 7,076.18
    "review_house": 2_831,  # 10 %: 2,830.47, and the fen that rounding leaves
}
_FIRST, _PERIOD = "demo-1", "demo-2"
_COSTS = ("platform", "data", "staff", "acquisition", "period_expenses")
_FIVE_COSTS_FEN = (420_000_000, 235_000_000, 180_000_000, 90_000_000, 45_000_000)
_FIVE_SUBSIDY_FEN, _FIVE_YIELD_PPM, _FIVE_MARGIN_PPM, _FIVE_TAX_PPM = (
    120_000_000,
    22_134,
    55_000,
    60_000,
)
_FIVE_MAXIMUM_FEN = 970_497_734  # 8,500,000.00 + 7.7134 % of it + 6 % tax on both
_DEVIATIONS: Sequence[tuple[int, int, str]] = (
    (100_000_000, 110_000_000, "prices"),  # exactly 10 %
    (970_497_734, 1_067_547_507, "prices"),  # just within
    (970_497_734, 1_067_547_508, "ceilings"),  # a fen more
    (970_497_734, 873_447_960, "ceilings"),  # a fen less than ten per cent below
)
_SMALL_MAXIMUM_FEN = 20_000
_CLAWED_FEN = BILLED_FEN - _SMALL_MAXIMUM_FEN  # 100.03 yuan above: comes off the next year


def pricing(stage: Stage) -> Sequence[Message]:
    """Row 25: nothing above its ceiling or without approval; public welfare is used and is free."""
    data.ensure_data(stage)
    reviewer, whole = stage.by(REVIEWER), data.licence(stage)
    for code, changed in (
        ("tariff_above_ceiling", data.tariff(stage, 2 * data.FETCH_FEN + 1)),
        ("tariff_not_approved", data.tariff(stage, approval=" ")),
    ):
        product = {**whole["product"], "tariff": changed}
        reviewer.refused("POST", "/licences", code, {**whole, "product": product})
    priced = _welfare(stage)
    priced["product"]["tariff"] = data.tariff(stage, price_class="public_welfare")
    reviewer.refused("POST", "/licences", "free_product_priced", priced)
    bills = {bill["licence"]: bill["billed_fen"] for bill in _settled(stage)["bills"]}
    expect(not bills.get(stage.kept["welfare"]), "公益用途产生了账单。", "welfare was billed")
    paid = bills.get(data.ensure_licence(stage)) == BILLED_FEN
    expect(paid, "产业用途的账单金额不对。", "the bill of the industry product is wrong")
    return (
        Message(
            "超过价格上限、没有价格批复、给公益产品定价，三种授权均被拒绝",
            "above the ceiling, without approval, a price on welfare: three licences are refused",
        ),
        Message(
            f"公益用途领取 {WELFARE_FETCHES} 次，计量而不收费；产业用途按批复价格计 300.03 元",
            f"{WELFARE_FETCHES} welfare fetches are metered at zero; industry owes 300.03 yuan",
        ),
    )


def permitted(stage: Stage) -> Sequence[Message]:
    """Row 26: maximum, ten-per-cent deviation and clawback, as worked out by hand."""
    _settled(stage)
    one, two = stage.by("pricer_one"), stage.by("pricer_two")
    five = _sheet(_FIVE_COSTS_FEN, _year(stage))
    five |= {"subsidy_fen": _FIVE_SUBSIDY_FEN, "treasury_yield_ppm": _FIVE_YIELD_PPM}
    five |= {"margin_ppm": _FIVE_MARGIN_PPM, "tax_ppm": _FIVE_TAX_PPM}
    found = one.post("/permitted-revenue", five)["yearly_fen"]
    expect(found == _FIVE_MAXIMUM_FEN, "最高准许收入与手算不符。", "the maximum is not the sheet's")
    high = {**five, "version": "high", "margin_ppm": 60_001}
    one.refused("POST", "/permitted-revenue", "permitted_rate_above_cap", high)
    rules = stage.platform.pack.rules(RevenueRules).permitted
    for maximum, actual, wanted in _DEVIATIONS:
        right = adjustment_for(actual, maximum, rules).value == wanted
        expect(right, "10% 偏差的处理与手算不符。", "a deviation is not the sheet's")
    year = _year(stage)
    small = _sheet((_SMALL_MAXIMUM_FEN,), year)
    digest = one.post("/permitted-revenue", small)["digest"]
    own = one.call("POST", f"/permitted-revenue/{digest}/decision")
    expect(own.status >= REFUSED_FROM, "一人即可核定。", "one person decided it alone")
    two.post(f"/permitted-revenue/{digest}/decision")
    _into_next_year(stage, year)
    path = f"/permitted-revenue/{data.OPERATOR}/reviews"
    review = two.post(path, {"year": year})
    reviewed = (review["actual_fen"], review["adjustment"]) == (BILLED_FEN, "ceilings")
    expect(reviewed, f"年度评估不对：{review}", f"the review is wrong: {review}")
    following = one.post("/permitted-revenue", _sheet((_SMALL_MAXIMUM_FEN,), year + 1))["digest"]
    decided = two.post(f"/permitted-revenue/{following}/decision")
    left = decided["maxima_fen"][str(year + 1)]
    clawed = left == _SMALL_MAXIMUM_FEN - _CLAWED_FEN
    expect(clawed, f"扣回后的上限为 {left} 分，与手算不符。", f"{left} fen is not the sheet's")
    return (
        Message(
            "五类成本的最高准许收入 9,704,977.34 元，与手算表一致；利润率超过上限被拒绝",
            "five kinds of cost permit 9,704,977.34 yuan, as by hand; a rate above the cap is not",
        ),
        Message(
            "偏差恰为 10% 调整价格，多一分即调整上限，与手算表一致",
            "exactly ten per cent adjusts prices, a fen more the ceilings, as by hand",
        ),
        Message(
            "实收 300.03 元超过核定 200.00 元，两人核定后次年上限扣回 100.03 元，余 99.97 元",
            "300.03 above 200.00 yuan: 100.03 comes off the next year, 99.97 is left",
        ),
    )


def settlement(stage: Stage) -> Sequence[Message]:
    """Row 27: shares as by hand to the fen, a bill from its events, a reversal that is told."""
    licence = data.ensure_licence(stage)
    whole = _settled(stage)["period"]
    shares = {line["payee"]: line["fen"] for line in whole["lines"] if line["licence"] == licence}
    expect(shares == HAND_SHARES, f"分账与手算不符：{shares}", f"not the sheet's: {shares}")
    expect(sum(shares.values()) == BILLED_FEN, "分账合计不等于账单。", "shares are not the bill")
    with reading(stage.platform.engine) as connection:
        fetched = read_entries(
            connection, kinds=(EntryKind.PRODUCT_FETCHED,), subjects={"licence": licence}
        )
    last = whole["close_index"]
    events = [one for one in fetched if stage.kept["first_close"] < one.index < last]
    again = len(events) * data.FETCH_FEN == BILLED_FEN
    expect(again, "账单不能由事件重算。", "the bill does not follow from its events")
    bundle = stage.by(REGULATOR).call("POST", "/log/bundles").body
    key = stage.by(REGULATOR).call("GET", "/log/key").body.decode().strip()
    expect(verified(bundle, key), "账目离线核验不通过。", "the books do not verify offline")
    forged = tampered(bundle, "journals.jsonl")
    expect(not verified(forged, key), "改动的账目未被发现。", "changed books verify")
    return (
        Message(
            "300.03 元分给五方：141.52、42.46、70.76、28.31、税 16.98 元，精确到分，与手算表一致",
            "300.03 yuan to five parties: 141.52, 42.46, 70.76, 28.31, tax 16.98, as by hand",
        ),
        Message(
            f"账单由 {len(events)} 条领取记录重算一致；导出后离线核验通过，改动一处即被发现",
            f"the bill follows from {len(events)} events, offline too; a change is found",
        ),
        Message(
            "上一账期的错账由两人冲正，注明所冲账目，冲正后各科目为零",
            "a wrong bill before it: two people reversed it by name, and the books are even",
        ),
    )


def disclosure(stage: Stage) -> Sequence[Message]:
    """Row 28: both roles' figures of the year, due by the end of March, and the page for people."""
    _settled(stage)
    year = int(stage.kept["settled_year"])
    figures = stage.by(REVIEWER).get(f"/disclosures/{year}")
    expect(figures["due"] == f"{year + 1}-03-31", "披露期限不是三月底。", "it is not due in March")
    (operator,) = figures["operators"]
    billed = operator["billed_fen"] == BILLED_FEN and operator["products"]
    expect(billed, "运营机构的披露不对。", "the operator's figures are wrong")
    (body,) = figures["implementers"]
    granted = body["authorisations"] and all(one["filing_number"] for one in body["authorisations"])
    expect(granted, "实施机构的披露不对。", "the implementing body's figures are wrong")
    page = stage.by("buyer").call("GET", f"/disclosures/{year}?form=page").body.decode()
    both = "（实施机构）" in page and "（运营机构）" in page and "300.03" in page
    expect(both, "公开页缺少一方。", "the page lacks a role")
    return (
        Message(
            f"{year} 年度披露报告（{year + 1} 年 3 月 31 日前）：实施机构的授权和价格上限，"
            "运营机构的资源、产品、价格、应收",
            f"the report of {year}, due by 31 March {year + 1}, for both roles",
        ),
        Message("双方公开页已生成，金额与结算一致", "the page of both roles agrees with the books"),
    )


def _settled(stage: Stage) -> dict[str, Any]:
    """Use two products in a period, close it once, and return its statement with the bills.

    The period before it holds one bill more, which was wrong and is reversed.
    """
    if "statement" not in stage.kept:
        licence, reviewer = data.ensure_licence(stage), stage.by(REVIEWER)
        released(stage)
        welfare = stage.kept["welfare"] = data.granted(stage, _welfare(stage))
        let_out(stage, submitted(stage, welfare))
        reviewer.post("/periods", {"id": _FIRST})
        _fetch(stage, licence, 1)
        stage.kept["first_close"] = reviewer.post(f"/periods/{_FIRST}/close")["close_index"]
        reviewer.post("/periods", {"id": _PERIOD})
        _reverse(stage)
        _fetch(stage, licence, FETCHES)
        _fetch(stage, welfare, WELFARE_FETCHES)
        stage.kept["settled_year"] = _year(stage)
        reviewer.post(f"/periods/{_PERIOD}/close")
        whole = reviewer.get(f"/periods/{_PERIOD}/statements")
        bills = stage.by("buyer").get(f"/periods/{_PERIOD}/statements")["bills"]
        stage.kept["statement"] = {"period": whole["period"], "bills": bills}
    found: dict[str, Any] = stage.kept["statement"]
    return found


def _fetch(stage: Stage, licence: str, times: int) -> None:
    for _ in range(times):
        reply = stage.by("buyer").call("POST", f"/products/{licence}/fetches")
        free = reply.headers["x-gross-micro-fen"] == "0"
        right = free is (licence == stage.kept["welfare"])
        expect(right, "计费与用途不符。", "the price is not the purpose's")


def _welfare(stage: Stage) -> dict[str, Any]:
    """Return the licence of a free product of public welfare."""
    whole = data.licence(stage)
    tariff = data.tariff(stage, price_class="public_welfare", approval="", prices=[])
    scenario = {**whole["scenario"], "purpose": "public_welfare"}
    product = {**whole["product"], "price_class": "public_welfare", "tariff": tariff}
    grants = whole["grants"][:1]
    return {**whole, "grants": grants, "scenario": scenario, "product": product}


def _sheet(costs_fen: Sequence[int], year: int) -> dict[str, Any]:
    """Return a cost sheet of one year; without margin, yield and tax its maximum is its costs."""
    costs = [
        {"kind": kind, "name_zh": kind, "name_en": kind, "fen": fen}
        for kind, fen in zip(_COSTS, costs_fen, strict=False)
    ]
    return {
        "version": f"fictional-{year}-{len(costs)}",
        "approval": "演示成本监审〔2026〕1号",
        "operator": data.OPERATOR,
        "first_year": year,
        "last_year": year,
        "survey_year": year - 1,
        "treasury_year": year - 2,
        "treasury_yield_ppm": 0,
        "treasury_source": "演示",
        "margin_ppm": 0,
        "costs": costs,
        "subsidy_fen": 0,
        "tax_ppm": 0,
    }


def _year(stage: Stage) -> int:
    return date.fromisoformat(data.day(stage)).year


def _into_next_year(stage: Stage, year: int) -> None:
    days = (date(year + 1, 1, 2) - date.fromisoformat(data.day(stage))).days
    stage.go_on(max(0, days))


def _reverse(stage: Stage) -> None:
    """Undo the period's journal by two people, and see that the books still balance."""
    keeper, treasurer = stage.by(REVIEWER), stage.by("treasurer")
    lines = treasurer.call("GET", "/journals/exports/csv").body.decode().splitlines()
    head = lines[0].split(",")
    rows = [dict(zip(head, line.split(","), strict=True)) for line in lines[1:]]
    journal = next(row["journal"] for row in rows if row["kind"] == "settlement")
    move = keeper.post(f"/journals/{journal}/reversal", {"reason": "演示：价格适用有误"})["id"]
    keeper.refused("POST", f"/moves/{move}/approval", "applicant_cannot_approve")
    treasurer.post(f"/moves/{move}/approval")
    exported = treasurer.call("GET", "/journals/exports/csv").body.decode()
    named = [line.split(",")[head.index("reverses")] for line in exported.splitlines()[1:]]
    expect(journal in named, "冲正没有注明所冲账目。", "the reversal does not name its journal")
    balances = keeper.get("/journals/balances")["balances"]
    expect(not any(balances.values()), "冲正后科目不为零。", "the books are not even")
