"""Which accounting code stands for each account of the ledger, in each system of accounts.

A voucher (记账凭证) names these codes; nothing in the ledger's own arithmetic depends on them.
"""

from typing import Literal, Self

from pydantic import Field, model_validator

from policies.schema import RuleFile, Rules

LedgerAccount = Literal[
    "receivable",
    "accrued",
    "disputed",
    "treasury",
    "account",
    "tax",
    "reserve",
    "bank",
    "wallet",
    "unmatched",
]
LEDGER_ACCOUNTS: tuple[LedgerAccount, ...] = LedgerAccount.__args__  # type: ignore[attr-defined]


class Title(Rules):
    """An accounting code with its name; ``code`` is digits, as the chart prints it."""

    code: str = Field(pattern=r"^[0-9]{3,14}$")
    name_zh: str = Field(min_length=1, max_length=200)
    name_en: str = Field(min_length=1, max_length=200)


class Chart(Rules):
    """One system of accounts: the code for every kind of account that the ledger has."""

    name_zh: str = Field(min_length=1, max_length=200)
    name_en: str = Field(min_length=1, max_length=200)
    document: str = Field(min_length=1, max_length=200)
    titles: dict[LedgerAccount, Title]

    @model_validator(mode="after")
    def _covers_every_account(self) -> Self:
        if set(self.titles) != set(LEDGER_ACCOUNTS):
            raise ValueError("a chart names a code for every kind of account, and no other")
        return self


class AccountRules(RuleFile):
    """Codes of the treasury's revenue item (非税收入科目) and of two charts of accounts.

    ``fictional`` is true until a finance department decided which codes apply; papers say so.
    """

    fictional: bool
    treasury_item: Title
    enterprise: Chart
    government: Chart
