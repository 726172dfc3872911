"""The rules a licence document must keep before the authority may sign it."""

from pydantic import Field

from policies.schema import RuleFile


class LicenceRules(RuleFile):
    """Term, budgets and the purposes that are free of charge.

    ``free_purposes`` follow 发改价格〔2025〕65号: products for public governance and public welfare
    carry no price. The budget figures are a house rule: no statutory value exists.
    """

    term_years_max: int = Field(ge=1, le=50)
    term_document: str = Field(min_length=1)
    free_purposes: tuple[str, ...]
    free_document: str = Field(min_length=1)
    redevelopment_document: str = Field(min_length=1)
    budget_nano_rho_max: int = Field(ge=0)
    question_nano_rho_max: int = Field(ge=0)
    shares_total_ppm: int = Field(ge=1)
