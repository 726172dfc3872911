"""The closed lists of the ledger: which accounts there are, and why a journal may be posted.

``docs`` and the database's own checks are made from these two lists, so that no third place says
what a ledger may hold.
"""

from enum import StrEnum


class AccountKind(StrEnum):
    """What an account holds. Debits are positive; each kind says which side is its own."""

    RECEIVABLE = "receivable"  # debit: what a payer owes a biller (应收)
    ACCRUED = "accrued"  # credit: a payee's line of a closed pool, not yet collected or confirmed
    DISPUTED = "disputed"  # credit: part of an accrued line, held while a dispute is open
    TREASURY = "treasury"  # credit: distributed, payable to the treasury for a department (国库)
    ACCOUNT = "account"  # credit: distributed, payable to a payee's own bank account
    TAX = "tax"  # credit: distributed, payable as tax
    RESERVE = "reserve"  # credit: over the permitted maximum, to be deducted from a later period
    BANK = "bank"  # debit: a biller's money in the bank
    WALLET = "wallet"  # credit: what a payer paid in advance
    UNMATCHED = "unmatched"  # credit: received from a payer, matched to no bill yet


class JournalKind(StrEnum):
    """Why a journal was posted."""

    SETTLEMENT = "settlement"
    ADJUSTMENT = "adjustment"
    REVERSAL = "reversal"
    RECEIPT = "receipt"
    MATCHING = "matching"
    DISTRIBUTION = "distribution"
    PAYOUT = "payout"
    DEPOSIT = "deposit"
    REFUND = "refund"
    HOLD = "hold"
    RELEASE = "release"
    CORRECTION = "correction"


CHANNELS = (AccountKind.TREASURY, AccountKind.ACCOUNT, AccountKind.TAX, AccountKind.RESERVE)
"""The kinds of account that a line of a pool may be distributed to."""


def one_of(column: str, kinds: type[StrEnum]) -> str:
    """Return the database's condition that a column holds a value of a closed list."""
    return f"{column} IN ({', '.join(repr(kind.value) for kind in kinds)})"
