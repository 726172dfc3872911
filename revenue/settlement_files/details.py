"""Where payees and billers have their money: registered by two persons, shown to nobody else.

A department's share goes to the treasury's account in its name (财资〔2024〕1号). Account numbers
stand in the control store and in the files to the bank; the log holds a salted commitment only.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, insert, select

from audit.events import PendingEntry
from foundation.errors import Conflict, InvalidInput, Message
from revenue.flow.receipts import check_parties
from revenue.flow.store import payment_details
from revenue.kinds import AccountKind

BANK = AccountKind.BANK.value
CHANNELS = (
    BANK,
    *(kind.value for kind in (AccountKind.TREASURY, AccountKind.ACCOUNT, AccountKind.TAX)),
)
HOLDER_CHARACTERS_MAX = 70  # as much as banks take of a name
_ACCOUNT = re.compile(r"[A-Z0-9]{5,34}")
_BANK_CODE = re.compile(r"[0-9]{12}|[A-Z0-9]{8}([A-Z0-9]{3})?")  # 联行号, or a BIC
_UNPRINTED = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u200b-\u200f\u2060-\u206f\ufeff\ufffe\uffff\ud800-\udfff]"
)
_FORMULA = re.compile(r"[=+@\s-]")  # a name that a spreadsheet would run is no name


@dataclass(frozen=True)
class Details:
    """An account with a bank. ``bank_code`` is the 12 digits of CNAPS (联行号) or a BIC."""

    holder: str
    account: str
    bank_code: str


def prepare_details(
    connection: Connection, payee: str, channel: str, details: Details
) -> dict[str, Any]:
    """Check an account that is to be registered."""
    del connection  # nothing stored decides whether it is well formed
    check_parties(payee)
    good = (
        channel in CHANNELS
        and 0 < len(details.holder.strip()) <= HOLDER_CHARACTERS_MAX
        and not _UNPRINTED.search(details.holder)
        and not _FORMULA.match(details.holder)
        and _ACCOUNT.fullmatch(details.account)
        and _BANK_CODE.fullmatch(details.bank_code)
    )
    if not good:
        raise InvalidInput(
            "payment_details_invalid",
            Message(
                f"户名不超过 {HOLDER_CHARACTERS_MAX} 字；账号为 5 至 34 位大写字母或数字；"
                "联行号 12 位数字，或 BIC。",
                f"A holder has at most {HOLDER_CHARACTERS_MAX} characters, an account 5 to 34 "
                "capitals or digits; the bank is 12 digits (CNAPS) or a BIC.",
            ),
            field="$.account",
        )
    return {
        "payee": payee,
        "channel": channel,
        "holder": details.holder,
        "account": details.account,
        "bank_code": details.bank_code,
    }


def keep_details(connection: Connection, entry: PendingEntry, subject: Mapping[str, Any]) -> None:
    """Write an approved account; the newest of a payee and channel holds."""
    names = ("payee", "channel", "holder", "account", "bank_code")
    row = {name: subject[name] for name in names}
    connection.execute(insert(payment_details).values(audit_index=entry.index, **row))


def require_details(connection: Connection, payee: str, channel: str) -> Details:
    """Return where a payee is paid. Raises Conflict where nobody registered that."""
    query = (
        select(payment_details)
        .where(payment_details.c.payee == payee, payment_details.c.channel == channel)
        .order_by(payment_details.c.audit_index.desc())
    )
    row = connection.execute(query).first()
    if row is None:
        raise Conflict(
            "payment_details_missing",
            Message(
                f"“{payee}”（{channel}）尚未登记收付款账户。",
                f"No account is registered for {payee!r} ({channel}).",
            ),
            field="$.payee",
            way_out=Message(
                "请由两人登记并确认该账户。", "Let two persons register and confirm the account."
            ),
        )
    return Details(row.holder, row.account, row.bank_code)
