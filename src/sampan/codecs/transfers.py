"""Transfers that a merchant asks a bank for, and the files that say so.

`pain_001` writes ISO 20022 `pain.001.001.09`, the version with proxies (`Prxy`) and the one that
HVPS+ and CBPR+ use; `transfer_csv` writes rows for banks whose form is a spreadsheet. Both are for
transfers of one account and currency, and the same batch gives the same bytes.
"""

import xml.etree.ElementTree as ET
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Final

import msgspec

from sampan.codecs.safe_csv import csv_file

NAMESPACE: Final = "urn:iso:std:iso:20022:tech:xsd:pain.001.001.09"
CLEARING_SYSTEM: Final = "HKNCC"
"""Hong Kong's clearing codes in ISO 20022 (ExternalClearingSystemIdentification1Code)."""
PURPOSE: Final = "CXBSNS"
"""Category purpose of FPS: business payment."""
UNKNOWN: Final = "NOTPROVIDED"
PROXIES: Final = {"fps_id": "SVID", "mobile": "MOBN", "email": "EMAL"}
"""Kind of a payee → type of its FPS proxy."""
HEADS: Final = (
    "Reference",
    "Payee name",
    "Payee kind",
    "Payee number",
    "Bank code",
    "Amount",
    "Currency",
    "Message",
)
_HONG_KONG: Final = timezone(timedelta(hours=8))


class Transfer(msgspec.Struct, frozen=True, kw_only=True):
    """One transfer: `amount` as text with its decimals, such as `12.50`.

    `reference` (at most 35 characters) comes back on the account's statement. `kind` is `account`,
    or a kind of `PROXIES`; `bank_code` may be empty with a proxy.
    """

    reference: str
    amount: str
    payee_name: str
    kind: str
    number: str
    bank_code: str = ""
    message: str = ""


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """Transfers of one account: `id` at most 35 characters, `made_us` microseconds UTC.

    `total` is the sum of the amounts, as text.
    """

    id: str
    made_us: int
    currency: str
    total: str
    payer_name: str
    payer_account: str
    payer_bank: str
    transfers: tuple[Transfer, ...]


def pain_001(batch: Batch) -> bytes:
    """Return a batch as a file of `pain.001.001.09`, in UTF-8."""
    root = ET.Element("Document", xmlns=NAMESPACE)
    initiation = ET.SubElement(root, "CstmrCdtTrfInitn")
    made = datetime.fromtimestamp(batch.made_us // 1_000_000, UTC).astimezone(_HONG_KONG)
    sums = (("NbOfTxs", str(len(batch.transfers))), ("CtrlSum", batch.total))
    head = _fill(
        initiation, "GrpHdr", facts=(("MsgId", batch.id), ("CreDtTm", made.isoformat()), *sums)
    )
    _name(head, "InitgPty", name=batch.payer_name)
    order = _fill(
        initiation,
        "PmtInf",
        # Each transfer is asked to be a booking of its own, which then confirms one refund.
        facts=(("PmtInfId", batch.id), ("PmtMtd", "TRF"), ("BtchBookg", "false"), *sums),
    )
    purpose = ET.SubElement(ET.SubElement(order, "PmtTpInf"), "CtgyPurp")
    _text(purpose, "Prtry", text=PURPOSE)
    _text(ET.SubElement(order, "ReqdExctnDt"), "Dt", text=made.date().isoformat())
    _name(order, "Dbtr", name=batch.payer_name)
    account = ET.SubElement(order, "DbtrAcct")
    _text(ET.SubElement(ET.SubElement(account, "Id"), "Othr"), "Id", text=batch.payer_account)
    _text(account, "Ccy", text=batch.currency)
    _agent(order, "DbtrAgt", bank_code=batch.payer_bank)
    for transfer in batch.transfers:
        _transfer(order, transfer, currency=batch.currency)
    ET.indent(root, space=" ")
    written = ET.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{written}\n'.encode()


def transfer_csv(batch: Batch) -> bytes:
    """Return a batch as CSV with a line of names, in UTF-8 with the mark that Excel needs."""
    rows = (
        (
            one.reference,
            one.payee_name,
            one.kind,
            one.number,
            one.bank_code,
            one.amount,
            batch.currency,
            one.message,
        )
        for one in batch.transfers
    )
    return csv_file((HEADS, *rows))


def _transfer(order: ET.Element, transfer: Transfer, *, currency: str) -> None:
    made = ET.SubElement(order, "CdtTrfTxInf")
    _text(ET.SubElement(made, "PmtId"), "EndToEndId", text=transfer.reference)
    amount = ET.SubElement(ET.SubElement(made, "Amt"), "InstdAmt", Ccy=currency)
    amount.text = transfer.amount
    if transfer.bank_code:
        _agent(made, "CdtrAgt", bank_code=transfer.bank_code)
    _name(made, "Cdtr", name=transfer.payee_name)
    account = ET.SubElement(made, "CdtrAcct")
    is_proxy = transfer.kind in PROXIES
    other = ET.SubElement(ET.SubElement(account, "Id"), "Othr")
    # This version demands an account number even beside a proxy.
    _text(other, "Id", text=UNKNOWN if is_proxy else transfer.number)
    if is_proxy:
        proxy = ET.SubElement(account, "Prxy")
        _text(ET.SubElement(proxy, "Tp"), "Prtry", text=PROXIES[transfer.kind])
        _text(proxy, "Id", text=transfer.number)
    if transfer.message:
        _text(ET.SubElement(made, "RmtInf"), "Ustrd", text=transfer.message)


def _agent(parent: ET.Element, tag: str, *, bank_code: str) -> None:
    bank = ET.SubElement(ET.SubElement(parent, tag), "FinInstnId")
    if not bank_code:
        _text(ET.SubElement(bank, "Othr"), "Id", text=UNKNOWN)
        return
    member = ET.SubElement(bank, "ClrSysMmbId")
    _text(ET.SubElement(member, "ClrSysId"), "Cd", text=CLEARING_SYSTEM)
    _text(member, "MmbId", text=bank_code)


def _name(parent: ET.Element, tag: str, *, name: str) -> None:
    _text(ET.SubElement(parent, tag), "Nm", text=name)


def _fill(parent: ET.Element, tag: str, *, facts: Sequence[tuple[str, str]]) -> ET.Element:
    made = ET.SubElement(parent, tag)
    for name, text in facts:
        _text(made, name, text=text)
    return made


def _text(parent: ET.Element, tag: str, *, text: str) -> None:
    ET.SubElement(parent, tag).text = text
