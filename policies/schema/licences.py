"""The rules a licence document must keep before the authority may sign it."""

from pydantic import Field

from policies.schema import RuleFile


class LicenceRules(RuleFile):
    """Term and budget ceilings.

    The budget figures are a house rule: no statutory value exists. Which price classes are free
    is a rule of ``policies/revenue``.
    """

    term_years_max: int = Field(ge=1, le=50)
    term_document: str = Field(min_length=1)
    redevelopment_document: str = Field(min_length=1)
    budget_nano_rho_max: int = Field(ge=0)
    question_nano_rho_max: int = Field(ge=0)
