"""A settlement file as bytes: ISO 20022 pain.001.001.09, and a CSV with the same payments.

Equal payments give equal bytes. Names were checked when they were registered, so that nothing in
a file is a formula to a spreadsheet or a control character to a bank.
"""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree import ElementTree as ET

from foundation.money import FEN_PER_YUAN
from revenue.settlement_files.details import Details

NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:pain.001.001.09"
CURRENCY = "CNY"
CNAPS_DIGITS = 12
CSV_NAMES = (
    *("end_to_end_id", "holder", "account", "bank_code", "amount_yuan", "currency"),
    *("period", "line"),
)


@dataclass(frozen=True)
class Payment:
    """One payment of a file."""

    end_to_end_id: str
    period: str
    line: str
    fen: int
    payee: Details


@dataclass(frozen=True)
class PaymentFile:
    """A whole file. ``created`` is ISO 8601 with seconds, ``execution`` a date."""

    id: str
    created: str
    execution: str
    debtor: Details
    payments: Sequence[Payment]

    @property
    def fen(self) -> int:
        """What the file pays in all."""
        return sum(payment.fen for payment in self.payments)


def yuan(fen: int) -> str:
    """Render fen as yuan with two decimals and no grouping: ``12345.60``."""
    whole, rest = divmod(fen, FEN_PER_YUAN)
    return f"{whole}.{rest:02d}"


def csv_text(file: PaymentFile) -> str:
    """Write the file as CSV in UTF-8, one payment a row."""
    out = io.StringIO(newline="")
    rows = csv.writer(out, lineterminator="\r\n")
    rows.writerow(CSV_NAMES)
    for one in file.payments:
        rows.writerow(
            (
                *(one.end_to_end_id, one.payee.holder, one.payee.account, one.payee.bank_code),
                *(yuan(one.fen), CURRENCY, one.period, one.line),
            )
        )
    return out.getvalue()


def pain_text(file: PaymentFile) -> str:
    """Write the file as a customer credit transfer initiation, pain.001.001.09."""
    ET.register_namespace("", NAMESPACE)
    document = ET.Element(_name("Document"))
    start = _add(document, "CstmrCdtTrfInitn")
    count, total = str(len(file.payments)), yuan(file.fen)
    header = _add(start, "GrpHdr")
    _add(header, "MsgId", file.id)
    _add(header, "CreDtTm", file.created)
    _add(header, "NbOfTxs", count)
    _add(header, "CtrlSum", total)
    _add(_add(header, "InitgPty"), "Nm", file.debtor.holder)
    block = _add(start, "PmtInf")
    _add(block, "PmtInfId", file.id)
    _add(block, "PmtMtd", "TRF")
    _add(block, "NbOfTxs", count)
    _add(block, "CtrlSum", total)
    _add(_add(block, "ReqdExctnDt"), "Dt", file.execution)
    _add(_add(block, "Dbtr"), "Nm", file.debtor.holder)
    _add_account(_add(block, "DbtrAcct"), file.debtor.account)
    _add_bank(_add(block, "DbtrAgt"), file.debtor.bank_code)
    for one in file.payments:
        _add_payment(block, one)
    text: str = ET.tostring(document, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'


def _add_payment(block: ET.Element, one: Payment) -> None:
    payment = _add(block, "CdtTrfTxInf")
    _add(_add(payment, "PmtId"), "EndToEndId", one.end_to_end_id)
    amount = _add(_add(payment, "Amt"), "InstdAmt", yuan(one.fen))
    amount.set("Ccy", CURRENCY)
    _add_bank(_add(payment, "CdtrAgt"), one.payee.bank_code)
    _add(_add(payment, "Cdtr"), "Nm", one.payee.holder)
    _add_account(_add(payment, "CdtrAcct"), one.payee.account)
    _add(_add(payment, "RmtInf"), "Ustrd", f"{one.period} {one.end_to_end_id}")


def _add_account(parent: ET.Element, account: str) -> None:
    _add(_add(_add(parent, "Id"), "Othr"), "Id", account)


def _add_bank(parent: ET.Element, code: str) -> None:
    """Name a bank by its CNAPS number (clearing system code CNAPS) or by its BIC."""
    bank = _add(parent, "FinInstnId")
    if len(code) == CNAPS_DIGITS:
        member = _add(bank, "ClrSysMmbId")
        _add(_add(member, "ClrSysId"), "Cd", "CNAPS")
        _add(member, "MmbId", code)
    else:
        _add(bank, "BICFI", code)


def _add(parent: ET.Element, name: str, text: str | None = None) -> ET.Element:
    found = ET.SubElement(parent, _name(name))
    found.text = text
    return found


def _name(local: str) -> str:
    return f"{{{NAMESPACE}}}{local}"
