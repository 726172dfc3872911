"""Whether a tariff may be published: approved, in term, at or below its ceilings, tiers in order.

Asked when a licence is drafted or signed, and again when a later version is proposed or approved.
The same document tells offline verification nothing that is not in its bytes.
"""

from collections.abc import Iterator

from authorization.revenue_terms import MeterPrice, Purpose, Tariff
from foundation.clock import MICROSECONDS_PER_DAY, from_iso
from foundation.errors import InvalidInput, Message
from policies.schema.revenue import RevenueRules

PATH = "$.product.tariff"


def check_tariff(tariff: Tariff, price_class: Purpose, rules: RevenueRules) -> None:
    """Raise the first problem of a tariff; its way out names the other fields to correct."""
    problems = list(tariff_problems(tariff, price_class, rules, path="$.tariff"))
    if not problems:
        return
    first, *others = problems
    if others:
        fields = ", ".join(dict.fromkeys(str(problem.field) for problem in others))
        first.way_out = Message(
            zh=f"请同时更正以下字段：{fields}。", en=f"Correct these fields as well: {fields}."
        )
    raise first


def tariff_problems(
    tariff: Tariff, price_class: Purpose, rules: RevenueRules, path: str = PATH
) -> Iterator[InvalidInput]:
    """Return every problem of a tariff for a product of a price class, in the order of fields."""
    free = price_class.value in rules.free_price_classes
    if not free and not tariff.approval.strip():
        yield _problem(
            "tariff_not_approved",
            f"{path}.approval",
            rules,
            zh="用于产业发展、行业发展的产品须有价格批准文号。",
            en="A product for industry needs the number of its tariff's approval.",
        )
    yield from _term_problems(tariff, rules, path)
    if tariff.price_class is not price_class:
        yield _problem(
            "tariff_of_another_class",
            f"{path}.price_class",
            rules,
            zh="资费的价格类别须与产品一致。",
            en="A tariff's price class must be that of its product.",
        )
    for place, price in enumerate(tariff.prices):
        yield from _price_problems(price, rules, f"{path}.prices[{place}]", free=free)
    if len({price.meter for price in tariff.prices}) != len(tariff.prices):
        yield _problem(
            "meter_repeated",
            f"{path}.prices",
            rules,
            zh="同一计量方式只能定一个价格。",
            en="A meter is priced once.",
        )
    yield from _subscription_problems(tariff, rules, path, free=free)


def _term_problems(tariff: Tariff, rules: RevenueRules, path: str) -> Iterator[InvalidInput]:
    try:
        days = (from_iso(tariff.valid_until) - from_iso(tariff.valid_from)) // MICROSECONDS_PER_DAY
    except (ValueError, OverflowError):
        yield _problem(
            "tariff_term_not_a_date",
            f"{path}.valid_until",
            rules,
            zh="资费的起止日期须为有效日期（例如 2026-01-01）。",
            en="A tariff's term is two dates such as 2026-01-01.",
        )
        return
    if days <= 0:
        yield _problem(
            "tariff_term_reversed",
            f"{path}.valid_until",
            rules,
            zh="资费的截止日期须晚于起始日期。",
            en="A tariff ends after it begins.",
        )
    if tariff.trial and days > rules.tariff.trial_days_max:
        yield _problem(
            "trial_too_long",
            f"{path}.valid_until",
            rules,
            zh=f"试行收费标准的期限不得超过 {rules.tariff.trial_days_max} 天。",
            en=f"A trial tariff may stand for at most {rules.tariff.trial_days_max} days.",
        )


def _price_problems(
    price: MeterPrice, rules: RevenueRules, path: str, *, free: bool
) -> Iterator[InvalidInput]:
    if price.meter not in rules.meters:
        yield _problem(
            "meter_not_billable",
            f"{path}.meter",
            rules,
            zh=f"规则不允许按“{price.meter}”计费。",
            en=f"The rules let no tariff price the meter {price.meter!r}.",
        )
    if price.micro_fen > price.ceiling_micro_fen:
        yield _problem(
            "tariff_above_ceiling",
            f"{path}.micro_fen",
            rules,
            zh="执行价高于核定的上限。",
            en="The price is above its approved ceiling.",
        )
    if free and price.micro_fen:
        yield _free_priced(f"{path}.micro_fen", rules)
    starts = [tier.from_unit for tier in price.tiers]
    if starts != sorted(set(starts)):
        yield _problem(
            "tiers_out_of_order",
            f"{path}.tiers",
            rules,
            zh="阶梯的起始数量须逐级递增。",
            en="Each tier begins at a later unit than the one before it.",
        )


def _subscription_problems(
    tariff: Tariff, rules: RevenueRules, path: str, *, free: bool
) -> Iterator[InvalidInput]:
    terms = tariff.subscription
    if terms is None:
        return
    if terms.fen_per_period > terms.ceiling_fen_per_period:
        yield _problem(
            "tariff_above_ceiling",
            f"{path}.subscription.fen_per_period",
            rules,
            zh="包期费用高于核定的上限。",
            en="The fee is above its approved ceiling.",
        )
    if free and terms.fen_per_period:
        yield _free_priced(f"{path}.subscription.fen_per_period", rules)
    meters = [item.meter for item in terms.included]
    priced = {price.meter for price in tariff.prices}
    if len(set(meters)) != len(meters) or not set(meters) <= priced:
        yield _problem(
            "included_units_unpriced",
            f"{path}.subscription.included",
            rules,
            zh="包期所含的计量方式须各列一次，且须在本资费中有单价。",
            en="What a fee includes is named once for each meter, and only where it has a price.",
        )


def _free_priced(path: str, rules: RevenueRules) -> InvalidInput:
    return _problem(
        "free_product_priced",
        path,
        rules,
        zh="用于公共治理、公益事业的产品免费，价格须为 0。",
        en="Products for public governance or welfare are free: the price must be 0.",
    )


def _problem(code: str, field: str, rules: RevenueRules, *, zh: str, en: str) -> InvalidInput:
    return InvalidInput(code, Message(zh, en), field=field, rule=rules.document)
