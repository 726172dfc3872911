"""A maximum permitted revenue as a document: the cost sheet of one operator and how it is read.

The pricing authority (价格主管部门) decides it for a period of whole calendar years in China.
"""

from enum import StrEnum

from pydantic import Field

from authorization.organisations import CODE_PATTERN
from catalog.datasets import Frozen
from foundation.clock import from_iso
from foundation.money import PARTS_PER_MILLION
from policies.schema.revenue import PermittedRules
from revenue.permitted.law import Maximum, maximum_of, permitted_refusal

FEN_MAX = 10**14
YEAR_MIN, YEAR_MAX = 2025, 2199


class CostKind(StrEnum):
    """The costs that 发改价格〔2025〕65号 part 3 names."""

    PLATFORM = "platform"  # 平台建设和运维
    DATA = "data"  # 数据传输、汇聚、存储、治理
    STAFF = "staff"  # 人力资源
    ACQUISITION = "acquisition"  # 获取公共数据资源
    PERIOD_EXPENSES = "period_expenses"  # 期间费用


class CostItem(Frozen):
    """One line of the cost survey, for a year."""

    kind: CostKind
    name_zh: str = Field(min_length=1, max_length=200)
    name_en: str = Field(min_length=1, max_length=200)
    fen: int = Field(ge=0, le=FEN_MAX)


class PermittedRevenue(Frozen):
    """What an operator may take in each year from ``first_year`` to ``last_year``, and why.

    ``treasury_yield_ppm`` is the mean ten-year yield of ``treasury_year``, the year before the
    cost survey, with its source. ``smoothing_periods`` says over how many periods an excess of
    the period before this one is deducted, this one included.
    """

    version: str = Field(min_length=1, max_length=60)
    approval: str = Field(min_length=1, max_length=200)
    operator: str = Field(pattern=CODE_PATTERN)
    first_year: int = Field(ge=YEAR_MIN, le=YEAR_MAX)
    last_year: int = Field(ge=YEAR_MIN, le=YEAR_MAX)
    survey_year: int = Field(ge=YEAR_MIN - 5, le=YEAR_MAX)
    treasury_year: int = Field(ge=YEAR_MIN - 6, le=YEAR_MAX)
    treasury_yield_ppm: int = Field(ge=0, lt=PARTS_PER_MILLION)
    treasury_source: str = Field(min_length=1, max_length=500)
    margin_ppm: int = Field(ge=0, lt=PARTS_PER_MILLION)
    costs: tuple[CostItem, ...] = Field(min_length=1, max_length=500)
    subsidy_fen: int = Field(ge=0, le=FEN_MAX)
    tax_ppm: int = Field(ge=0, lt=PARTS_PER_MILLION)
    smoothing_periods: int = Field(default=1, ge=1, le=10)
    fictional: bool = True

    @property
    def years(self) -> tuple[int, ...]:
        """The calendar years of the period."""
        return tuple(range(self.first_year, self.last_year + 1))

    def maximum(self, rules: PermittedRules) -> Maximum:
        """Return the maximum of one year before deductions. Raises InvalidInput."""
        return maximum_of(
            costs_fen=[item.fen for item in self.costs],
            subsidy_fen=self.subsidy_fen,
            treasury_yield_ppm=self.treasury_yield_ppm,
            margin_ppm=self.margin_ppm,
            tax_ppm=self.tax_ppm,
            rules=rules,
        )


def check_document(document: PermittedRevenue, rules: PermittedRules) -> None:
    """Refuse a period that is too long or reversed, and a yield of another year than the law's."""
    length = len(document.years)
    if not 1 <= length <= rules.review_years_max:
        raise permitted_refusal(
            "permitted_period_too_long",
            "last_year",
            rules,
            zh=f"评估周期为 1 至 {rules.review_years_max} 年。",
            en=f"A period has 1 to {rules.review_years_max} years before it is reviewed.",
        )
    if document.treasury_year != document.survey_year - 1:
        raise permitted_refusal(
            "treasury_year_wrong",
            "treasury_year",
            rules,
            zh="国债收益率须取成本调查前一年的平均值。",
            en="The treasury yield is the mean of the year before the cost survey.",
        )
    if document.survey_year > document.first_year:
        raise permitted_refusal(
            "survey_after_period",
            "survey_year",
            rules,
            zh="成本调查须在周期开始之前或当年完成。",
            en="Costs are surveyed before the period, or in its first year.",
        )
    document.maximum(rules)


def year_bounds_us(year: int) -> tuple[int, int]:
    """Return a calendar year in China as UTC microseconds, the end excluded."""
    return from_iso(f"{year}-01-01T00:00:00+08:00"), from_iso(f"{year + 1}-01-01T00:00:00+08:00")
