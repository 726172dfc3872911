"""What the tariff bills, in yuan: integers of micro-fen, written exactly and never rounded."""

from typing import Any

from sandgate.language import pick

MICRO_FEN_PER_YUAN = 100_000_000
MICRO_FEN_PER_FEN = 1_000_000
DECIMALS_MIN = 2


def yuan(micro_fen: int) -> str:
    """Write micro-fen as yuan with two decimals, or with as many as the amount has."""
    whole, part = divmod(micro_fen, MICRO_FEN_PER_YUAN)
    decimals = f"{part:08d}".rstrip("0").ljust(DECIMALS_MIN, "0")
    return f"¥{whole:,}.{decimals}"


def price_lines(money: dict[str, Any] | None) -> list[str]:
    """Say what a question would cost, of rows also each row, and a fetch of the product."""
    if not money:
        return []
    if money.get("refused"):
        return [
            pick(
                f"费用：资费“{money.get('tariff')}”未获批准或已过期，提问会被拒绝",
                f"Money: no approved tariff holds ({money.get('tariff')}); asking is refused",
            )
        ]
    asked, row = (int(money.get(name) or 0) for name in ("question_micro_fen", "row_micro_fen"))
    line = pick("费用：提问不收费", "Money: asking is free")
    if asked or row:
        line = pick(f"费用：本次提问 {yuan(asked)}", f"Money: {yuan(asked)} for this question")
    if row:
        line += pick(f"，返回的每行另计 {yuan(row)}", f", and {yuan(row)} for each row given")
    fetched = int(money.get("product_fetch_fen") or 0) * MICRO_FEN_PER_FEN
    if fetched:
        line += pick(
            f"；产品每次调用 {yuan(fetched)}", f"; each fetch of the product is {yuan(fetched)}"
        )
    return [line]


def billed(micro_fen: int) -> list[str]:
    """Say what an answer was billed; nothing where it was free."""
    return [pick(f"计费 {yuan(micro_fen)}", f"billed {yuan(micro_fen)}")] if micro_fen else []
