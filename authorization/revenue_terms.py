"""The money terms of a licence: its product, and the tariff that alone may price its use.

A tariff is a document of its own with a digest. The licence embeds the first version; later ones
are proposed and approved by two persons (``revenue.tariffs.versions``).
"""

from enum import StrEnum

from pydantic import Field

from catalog.datasets import Frozen
from policies.schema.revenue import Meter

PARTS_PER_MILLION = 1_000_000
PRICE_MICRO_FEN_MAX = 10**15
FEE_FEN_MAX = 10**12
UNITS_MAX = 10**15
DATE = r"^\d{4}-\d{2}-\d{2}$"


class Purpose(StrEnum):
    """Purpose classes of 发改价格〔2025〕65号: the first two are free of charge."""

    PUBLIC_GOVERNANCE = "public_governance"
    PUBLIC_WELFARE = "public_welfare"
    INDUSTRY = "industry"


class Tier(Frozen):
    """From this unit of a period on, each unit costs this much less (marginal, 1 is the first)."""

    from_unit: int = Field(ge=1, le=UNITS_MAX)
    discount_ppm: int = Field(ge=0, le=PARTS_PER_MILLION)


class MeterPrice(Frozen):
    """What one unit of a meter costs, in micro-fen, and the ceiling approved for it."""

    meter: Meter
    micro_fen: int = Field(ge=0, le=PRICE_MICRO_FEN_MAX)
    ceiling_micro_fen: int = Field(ge=0, le=PRICE_MICRO_FEN_MAX)
    tiers: tuple[Tier, ...] = Field(default=(), max_length=50)


class IncludedUnits(Frozen):
    """Units of a meter that a subscription's fee has paid for, in each period."""

    meter: Meter
    units: int = Field(ge=1, le=UNITS_MAX)


class Subscription(Frozen):
    """A fee for each period, whatever is used, and the units it includes.

    ``ceiling_fen_per_period`` is the fee's own approved ceiling.
    """

    fen_per_period: int = Field(ge=0, le=FEE_FEN_MAX)
    ceiling_fen_per_period: int = Field(ge=0, le=FEE_FEN_MAX)
    included: tuple[IncludedUnits, ...] = ()


class Tariff(Frozen):
    """A version of a licence's prices. Empty ``approval``: no bill.

    ``valid_from`` and ``valid_until`` are ISO 8601 dates, the end excluded. ``trial`` marks a
    tariff of 发改价格〔2025〕65号 part 2, before a full year of operation. ``prepaid`` use stops
    where the payer's wallet is empty. A meter that is not named costs nothing.
    """

    version: str = Field(min_length=1, max_length=60)
    approval: str = Field(default="", max_length=200)
    trial: bool = False
    valid_from: str = Field(pattern=DATE)
    valid_until: str = Field(pattern=DATE)
    price_class: Purpose
    prices: tuple[MeterPrice, ...] = Field(default=(), max_length=len(Meter))
    subscription: Subscription | None = None
    prepaid: bool = False
    fictional: bool = True

    def price(self, meter: Meter) -> MeterPrice | None:
        """Return the price of a meter, or None where it costs nothing."""
        return next((price for price in self.prices if price.meter is meter), None)

    def included(self, meter: Meter) -> int:
        """Return how many units of a meter each period's fee includes."""
        terms = () if self.subscription is None else self.subscription.included
        return sum(item.units for item in terms if item.meter is meter)


class ProductTerms(Frozen):
    """The one product of this licence: who bills, who pays, at which tariff."""

    name_zh: str = Field(min_length=1, max_length=200)
    name_en: str = Field(min_length=1, max_length=200)
    price_class: Purpose
    tariff: Tariff
    biller: str
    payer: str
