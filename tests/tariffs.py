"""Tariffs for tests: one price a meter, an approval, a term that holds in every test's years."""

from typing import Any

from authorization.revenue_terms import Tariff
from foundation.money import MICRO_FEN_PER_FEN


def price_json(meter: str, micro_fen: int, ceiling_micro_fen: int | None = None) -> dict[str, Any]:
    """Return the price of a meter; its ceiling is twice the price unless another is named."""
    ceiling = 2 * micro_fen if ceiling_micro_fen is None else ceiling_micro_fen
    return {"meter": meter, "micro_fen": micro_fen, "ceiling_micro_fen": ceiling}


def tariff_json(
    *, version: str = "fictional-1", fen_per_fetch: int = 10_001, **changes: Any
) -> dict[str, Any]:
    """Return a tariff that prices fetches alone, unless ``prices`` or other fields are named."""
    return {
        "version": version,
        "approval": "fictional approval",
        "valid_from": "2000-01-01",
        "valid_until": "2100-01-01",
        "price_class": "industry",
        "prices": [price_json("fetch", fen_per_fetch * MICRO_FEN_PER_FEN)],
        **changes,
    }


def tariff(**changes: Any) -> Tariff:
    """Return the same as a value."""
    return Tariff.model_validate(tariff_json(**changes))
