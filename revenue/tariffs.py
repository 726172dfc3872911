"""What one fetch of a product costs, by the licence's own approved tariff and nothing else.

A product without an approved tariff is never billed: the 2023 central audit found charges on
thirteen systems' data without approval. The price reads no data (I14).
"""

from authorization.documents import ProductTerms
from foundation.errors import Denied, Message
from foundation.money import MICRO_FEN_PER_FEN
from policies.schema.revenue import RevenueRules

PRICING_DOCUMENT = "发改价格〔2025〕65号"


def price_of_fetch(product: ProductTerms, rules: RevenueRules) -> int:
    """Return the price of one fetch in micro-fen: zero for a free class, else the tariff's.

    Raises Denied where the tariff has no approval or the price stands above its ceiling.
    """
    if product.price_class.value in rules.free_price_classes:
        return 0
    check_tariff(product)
    return product.tariff.fen_per_fetch * MICRO_FEN_PER_FEN


def check_tariff(product: ProductTerms) -> None:
    """Refuse a tariff that may not be billed: no approval, or above its approved ceiling."""
    tariff = product.tariff
    if not tariff.approval.strip():
        raise Denied(
            "tariff_not_approved",
            Message(
                zh=f"产品资费“{tariff.version}”没有批准文号，不得计费。",
                en=f"The tariff {tariff.version!r} carries no approval, so nothing is billed.",
            ),
            field="$.product.tariff.approval",
            rule=PRICING_DOCUMENT,
            way_out=Message(
                zh="请先取得价格主管部门的批准，再由数据主管部门签发含该文号的授权。",
                en="Have the tariff approved, then let the authority sign a licence naming it.",
            ),
        )
    if tariff.fen_per_fetch > tariff.ceiling_fen_per_fetch:
        raise Denied(
            "tariff_above_ceiling",
            Message(
                zh=f"产品资费“{tariff.version}”高于其批准的最高价。",
                en=f"The tariff {tariff.version!r} stands above its approved ceiling.",
            ),
            field="$.product.tariff.fen_per_fetch",
            rule=PRICING_DOCUMENT,
            way_out=Message(
                zh="请将价格定在最高价以内，或先调整最高价。",
                en="Set the price at or below the ceiling, or have the ceiling adjusted first.",
            ),
        )
