"""Draws how one bill is split, with figures that the ledger's own arithmetic works out."""

from collections.abc import Mapping
from typing import NamedTuple

from authorization.scheme_terms import FixedAmount, Party, Pot, Share, ShareScheme, Source
from docs.pictures import BLUE, GREEN, GREY, INK, ROSE, SAND, Drawing, Language, Tone
from foundation.money import MICRO_FEN_PER_FEN, yuan_text
from revenue.schemes.measures import Contribution, measure, weights_of
from revenue.shares import Money, Step, pay, split_pool

EXAMPLE_POT = Pot(
    ppm=600_000,
    weight="rows*quality_ppm",
    sources=(
        Source(
            dataset="d_people",
            payee="people_bureau",
            channel="treasury",
            approved_rows=1_000,
            quality_ppm=900_000,
            minimum_ppm=250_000,
        ),
        Source(
            dataset="d_roads",
            payee="roads_bureau",
            channel="treasury",
            approved_rows=250,
            maximum_ppm=700_000,
        ),
    ),
    unused_to=Party(payee="public_finance", channel="treasury"),
)
EXAMPLE_SCHEME = ShareScheme(
    version="s1",
    approval="分配〔2026〕1号",
    cost_recovery=(FixedAmount(payee="data_centre", channel="treasury", fen_per_period=1_000),),
    permitted_profit=FixedAmount(payee="operator", channel="account", fen_per_period=500),
    clawback=True,
    shares=(
        Share(payee="platform", channel="account", ppm=250_000),
        Share(payee="public_finance", channel="treasury", ppm=150_000),
    ),
    pot=EXAMPLE_POT,
)
"""The example of the documentation; ``tests/unit/revenue/example_pool.py`` settles it for real."""

EXAMPLE_QUESTIONS: tuple[tuple[str, Mapping[str, int]], ...] = (
    ("k1", {"d_roads": 200, "d_people": 40}),
    ("k1", {"d_roads": 200, "d_people": 40}),
    ("k2", {"d_roads": 300}),
    ("k3", {"d_people": 20}),
    ("k2", {"d_roads": 300}),
)
EXAMPLE_BILLED_FEN = 9_997
EXAMPLE_TAX_PPM = 60_000

TITLE: Mapping[Language, str] = {
    "en": "How one bill of a period is split (fictional figures, yuan)",
    "zh": "一个账期的一张账单如何分配（虚构示例，单位：元）",
}
NAMES: Mapping[Language, Mapping[str, str]] = {
    "en": {
        "bill": "Billed",
        "tax": "Tax, inside the price",
        "cost_recovery": "Cost recovery: data centre",
        "permitted_profit": "Permitted profit: operator",
        "clawback": "Above the permitted maximum: reserve",
        "platform": "Fixed share 25 %: platform",
        "public_finance": "Fixed share 15 %: public finance",
        "d_roads": "Pot, roads bureau",
        "d_people": "Pot, residents' bureau",
        "pot_unused": "What no source may take",
    },
    "zh": {
        "bill": "账单",
        "tax": "税费（价内）",
        "cost_recovery": "成本补偿：数据中心",
        "permitted_profit": "准许利润：运营机构",
        "clawback": "超出准许收入上限：返还准备金",
        "platform": "固定份额 25 %：平台",
        "public_finance": "固定份额 15 %：公共财政",
        "d_roads": "贡献池：交通部门",
        "d_people": "贡献池：住户部门",
        "pot_unused": "各来源均不能再取的部分",
    },
}
BESIDE: Mapping[Language, Mapping[str, str]] = {
    "en": {
        "d_roads": "weight 250 rows × 1.0: 82 % of the pot, but at most 70 %",
        "d_people": "weight 60 rows × 0.9: 18 %, and what the roads may not take",
        "platform": "of what is left after the steps above",
    },
    "zh": {
        "d_roads": "权重 250 行 × 1.0：应占贡献池 82 %，上限 70 %",
        "d_people": "权重 60 行 × 0.9：应占 18 %，另得前者超限的部分",
        "platform": "按以上各步之后的余额计",
    },
}
FOOT: Mapping[Language, str] = {
    "en": "Each step takes from what the steps before it left. A question asked twice, or in a "
    "newer version of the data, counts once.",
    "zh": "每一步都从前面各步剩下的金额中取。同一问题重复提问，或在新版本数据上再问，只计一次。",
}
TONES: Mapping[str, Tone] = {
    "tax": GREY,
    "cost_recovery": SAND,
    "permitted_profit": SAND,
    "clawback": ROSE,
    "share": BLUE,
    "pot": GREEN,
    "pot_unused": GREEN,
}
LEFT_X, BAR_WIDTH = 290, 420


class Bar(NamedTuple):
    """One step: its key among the names, where it begins, what it takes, and the fen it pays."""

    key: str
    tone: Tone
    start: int
    micro_fen: int
    fen: int


def example_steps() -> tuple[Step, ...]:
    """Return the example's steps as the ledger works them out."""
    given = [
        Contribution(dataset, ("a",), rows, key)
        for key, sources in EXAMPLE_QUESTIONS
        for dataset, rows in sources.items()
    ]
    approved = {source.dataset: source.approved_rows for source in EXAMPLE_POT.sources}
    weights = weights_of(EXAMPLE_POT, measure(given, approved))
    return split_pool(
        Money(EXAMPLE_BILLED_FEN, EXAMPLE_TAX_PPM), EXAMPLE_SCHEME, weights, "licence"
    )


def waterfall(language: Language) -> str:
    """Draw the example as steps that each begin where the one before ended."""
    bars = _bars()
    drawing = Drawing(116 + 42 * (len(bars) + 1), TITLE[language])
    drawing.text((30, 38), TITLE[language], size=18, bold=True, colour=INK)
    whole = EXAMPLE_BILLED_FEN * MICRO_FEN_PER_FEN
    bill = Bar("bill", Tone("#ffffff", INK), 0, whole, EXAMPLE_BILLED_FEN)
    for place, bar in enumerate([bill, *bars]):
        top = 62 + 42 * place
        left = LEFT_X + BAR_WIDTH * bar.start / whole
        width = max(BAR_WIDTH * bar.micro_fen / whole, 3)
        drawing.text((30, top + 20), NAMES[language][bar.key], size=13.5)
        drawing.box((left, top, width, 30), bar.tone)
        amount = yuan_text(bar.fen)
        drawing.text((left + width + 8, top + 20), amount, bold=True, colour=INK)
        beside = BESIDE[language].get(bar.key)
        if beside is not None:
            drawing.text((LEFT_X + BAR_WIDTH + 66, top + 20), beside, size=12)
    drawing.text((30, 62 + 42 * (len(bars) + 1) + 24), FOOT[language], size=13, colour=INK)
    return drawing.written()


def _bars() -> list[Bar]:
    steps = example_steps()
    paid = {line.payee: line.fen for line in pay(EXAMPLE_BILLED_FEN, steps, {})}
    bars: list[Bar] = []
    start = 0
    for step in steps:
        named = step.payee if step.step == "share" else step.dataset or step.step
        fen = paid.pop(step.payee, 0)  # each payee here takes from one step alone
        bars.append(Bar(named, TONES[step.step], start, step.micro_fen, fen))
        start += step.micro_fen
    return bars
