"""Whether a tariff may be billed: approved, within its ceilings and its term, of closed meters.

A tariff without approval is never billed: the 2023 central audit found charges on thirteen
systems' data without approval. Which tariffs may be published is ``authorization.tariff_problems``.
"""

from authorization.revenue_terms import ProductTerms, Tariff
from foundation.clock import from_iso
from foundation.errors import Denied, Message
from policies.schema.revenue import RevenueRules

PRICING_DOCUMENT = "发改价格〔2025〕65号"


def is_free(product: ProductTerms, rules: RevenueRules) -> bool:
    """Tell whether use under a product's price class costs nothing, whatever its tariff says."""
    return product.price_class.value in rules.free_price_classes


def is_in_term(tariff: Tariff, time_us: int) -> bool:
    """Tell whether a tariff holds at a time: from its first day, before its end."""
    return from_iso(tariff.valid_from) <= time_us < from_iso(tariff.valid_until)


def check_billable(tariff: Tariff, time_us: int) -> None:
    """Refuse a tariff that may not be billed now: no approval, expired, or above a ceiling."""
    if not tariff.approval.strip():
        raise tariff_denied(
            "approval",
            zh=f"产品资费“{tariff.version}”没有批准文号，不得计费，也不得使用。",
            en=f"The tariff {tariff.version!r} carries no approval, so nothing is billed or given.",
        )
    if not is_in_term(tariff, time_us):
        trial_zh, trial_en = ("试行", "trial ") if tariff.trial else ("", "")
        raise tariff_denied(
            "valid_until",
            zh=f"{trial_zh}资费“{tariff.version}”不在有效期内"
            f"（{tariff.valid_from} 至 {tariff.valid_until}）。",
            en=f"The {trial_en}tariff {tariff.version!r} is outside its term "
            f"({tariff.valid_from} to {tariff.valid_until}).",
        )
    if any(price.micro_fen > price.ceiling_micro_fen for price in tariff.prices):
        raise Denied(
            "tariff_above_ceiling",
            Message(
                zh=f"产品资费“{tariff.version}”高于其批准的最高价。",
                en=f"The tariff {tariff.version!r} stands above its approved ceiling.",
            ),
            field="$.product.tariff.prices",
            rule=PRICING_DOCUMENT,
            way_out=Message(
                zh="请将价格定在最高价以内，或先调整最高价。",
                en="Set the price at or below the ceiling, or have the ceiling adjusted first.",
            ),
        )


def tariff_denied(field: str, *, zh: str, en: str) -> Denied:
    """Return the refusal of use for which no approved tariff holds."""
    return Denied(
        "tariff_not_approved",
        Message(zh, en),
        field=f"$.product.tariff.{field}",
        rule=PRICING_DOCUMENT,
        way_out=Message(
            zh="请提出新的资费版本，由另一人批准后再使用。",
            en="Propose a new version of the tariff and have another person approve it.",
        ),
    )
