"""Bank files of ISO 20022 as banks write them: every message, every version, schema-valid.

What differs between versions stands here a second time, independent of the reader: which elements
exist (01 has no `NtryDtls`), how a status and a name are wrapped (07), what is new (03, 08).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final
from xml.sax.saxutils import escape

MESSAGES: Final = ("camt.052", "camt.053", "camt.054")
VERSIONS: Final = range(1, 15)
_BODY: Final = {
    "camt.052": ("BkToCstmrAcctRpt", "Rpt"),
    "camt.053": ("BkToCstmrStmt", "Stmt"),
    "camt.054": ("BkToCstmrDbtCdtNtfctn", "Ntfctn"),
}
STATUS_WRAPPED: Final = 7
AMOUNT_IN_TRANSACTION: Final = 3
PROXY: Final = 8
PAGED_STATEMENT: Final = 4


def tag(name: str, inside: str, attributes: str = "") -> str:
    """Return an element, or nothing where it would be empty."""
    return f"<{name}{attributes}>{inside}</{name}>" if inside else ""


@dataclass(frozen=True)
class Tx:
    """One transaction of an entry."""

    amount: str = "388.00"
    currency: str = "HKD"
    direction: str = "CRDT"
    bank_ref: str = ""
    instruction: str = ""
    end_to_end: str = "NOTPROVIDED"
    transaction: str = ""
    clearing: str = ""
    payer: str = "CHAN TAI MAN"
    payer_account: str = "024987654321"
    payer_bank: str = "024"
    payee: str = ""
    payee_account: str = "004123456789001"
    payee_proxy: str = ""
    purpose: str = ""
    texts: tuple[str, ...] = ()
    creditor_reference: str = ""
    returned: bool = False
    more: str = ""

    def xml(self, version: int) -> str:
        """Return `TxDtls`."""
        amount = tag("Amt", self.amount, f' Ccy="{self.currency}"')
        own = amount + tag("CdtDbtInd", self.direction)
        in_details = tag("AmtDtls", tag("TxAmt", amount))
        reason = tag("RtrRsn" if version == 1 else "Rsn", tag("Cd", "AC04"))
        return tag(
            "TxDtls",
            tag(
                "Refs",
                tag("AcctSvcrRef", self.bank_ref)
                + tag("InstrId", self.instruction)
                + tag("EndToEndId", self.end_to_end)
                + tag("TxId", self.transaction)
                + tag("ClrSysRef", self.clearing),
            )
            + (own if version >= AMOUNT_IN_TRANSACTION else in_details)
            + self._parties(version)
            + tag("Purp", tag("Prtry", self.purpose))
            + self._remittance(version)
            + tag("RtrInf", reason if self.returned else "")
            + tag("AddtlTxInf", escape(self.more)),
        )

    def _parties(self, version: int) -> str:
        proxy = tag("Prxy", tag("Tp", tag("Prtry", "SVID")) + tag("Id", self.payee_proxy))
        member = tag("ClrSysMmbId", (tag("Id", "HKNCC") if version == 1 else "") + self._member())
        return tag(
            "RltdPties",
            party("Dbtr", self.payer, version)
            + tag("DbtrAcct", account(self.payer_account, version))
            + party("Cdtr", self.payee, version)
            + tag(
                "CdtrAcct",
                account(self.payee_account, version)
                + (proxy if self.payee_proxy and version >= PROXY else ""),
            ),
        ) + (tag("RltdAgts", tag("DbtrAgt", tag("FinInstnId", member))) if version > 1 else "")

    def _member(self) -> str:
        return tag("MmbId", self.payer_bank)

    def _remittance(self, version: int) -> str:
        inner = "CdtrRef" if version == 1 else "Ref"
        return tag(
            "RmtInf",
            "".join(tag("Ustrd", escape(text)) for text in self.texts)
            + tag("Strd", tag("CdtrRefInf", tag(inner, self.creditor_reference))),
        )


def party(role: str, name: str, version: int) -> str:
    """Return a party with its name."""
    named = tag("Nm", escape(name))
    return tag(role, tag("Pty", named) if version >= STATUS_WRAPPED else named)


def account(number: str, version: int) -> str:
    """Return the `Id` of an account: an IBAN where it looks like one."""
    if number[:2].isalpha():
        return tag("Id", tag("IBAN", number))
    return tag("Id", tag("PrtryAcct" if version == 1 else "Othr", tag("Id", number)))


@dataclass(frozen=True)
class Ntry:
    """An entry with its transactions."""

    amount: str = "388.00"
    currency: str = "HKD"
    direction: str = "CRDT"
    status: str = "BOOK"
    own_status: str = ""
    reversal: str = ""
    booked: str = "2026-11-22T15:04:06+08:00"
    value: str = "2026-11-22"
    bank_ref: str = "HKBANK20261122A000123"
    batch_count: int = 0
    txs: tuple[Tx, ...] = (Tx(),)
    more: str = ""

    def xml(self, version: int) -> str:
        """Return `Ntry`."""
        wrapped = tag("Cd", self.status) + tag("Prtry", self.own_status)
        batch = tag("Btch", tag("NbOfTxs", str(self.batch_count) if self.batch_count else ""))
        details = batch + "".join(tx.xml(version) for tx in self.txs)
        return tag(
            "Ntry",
            tag("Amt", self.amount, f' Ccy="{self.currency}"')
            + tag("CdtDbtInd", self.direction)
            + tag("RvslInd", self.reversal)
            + tag("Sts", wrapped if version >= STATUS_WRAPPED else self.status)
            + tag("BookgDt", when(self.booked))
            + tag("ValDt", when(self.value))
            + tag("AcctSvcrRef", self.bank_ref)
            + tag("BkTxCd", tag("Prtry", tag("Cd", "FPS")))
            + (details if version == 1 else tag("NtryDtls", details))
            + tag("AddtlNtryInf", escape(self.more)),
        )


def when(text: str) -> str:
    """Return a date or a time in its element."""
    return tag("DtTm" if "T" in text else "Dt", text)


@dataclass(frozen=True)
class Bal:
    """A balance."""

    code: str
    amount: str
    direction: str = "CRDT"
    on: str = "2026-11-22"
    currency: str = "HKD"

    def xml(self, version: int) -> str:
        """Return `Bal`."""
        code = tag("Cd", self.code)
        return tag(
            "Bal",
            tag("Tp", code if version == 1 else tag("CdOrPrtry", code))
            + tag("Amt", self.amount, f' Ccy="{self.currency}"')
            + tag("CdtDbtInd", self.direction)
            + tag("Dt", when(self.on)),
        )


@dataclass(frozen=True)
class Stmt:
    """A statement, report or notification."""

    id: str = "NTF20261122000001-1"
    account: str = "004123456789001"
    created: str = "2026-11-22T15:04:07+08:00"
    page: int = 0
    last_page: str = "true"
    balances: tuple[Bal, ...] = (Bal("OPBD", "1000.00"), Bal("CLBD", "1388.00"))
    declared_count: int = 0
    entries: tuple[Ntry, ...] = (Ntry(),)

    def xml(self, message: str, version: int, body: str = "") -> str:
        """Return the statement; `body` stands in for its entries where they are made elsewhere."""
        name = _BODY[message][1]
        pages = tag("PgNb", str(self.page) if self.page else "") + tag("LastPgInd", self.last_page)
        paged = self.page and version >= PAGED_STATEMENT
        totals = tag("NbOfNtries", str(self.declared_count) if self.declared_count else "")
        return tag(
            name,
            tag("Id", self.id)
            + (tag(f"{name}Pgntn", pages) if paged else "")
            + tag("CreDtTm", self.created)
            + tag("Acct", account(self.account, version) + tag("Ccy", "HKD"))
            + ("" if message == "camt.054" else "".join(b.xml(version) for b in self.balances))
            + tag("TxsSummry", tag("TtlNtries", totals))
            + (body or "".join(entry.xml(version) for entry in self.entries)),
        )


@dataclass(frozen=True)
class File:
    """A whole file."""

    message: str = "camt.054"
    version: int = 8
    statements: tuple[Stmt, ...] = field(default=(Stmt(),))
    header_page: str = ""

    @property
    def namespace(self) -> str:
        """The namespace of its `Document`."""
        return f"urn:iso:std:iso:20022:tech:xsd:{self.message}.001.{self.version:02d}"

    def document(self, body: str = "") -> str:
        """Return the `Document`; `body` stands in for the entries of its statements."""
        name = _BODY[self.message][0] + ("V01" if self.version == 1 else "")
        header = (
            tag("MsgId", "NTF20261122000001")
            + tag("CreDtTm", "2026-11-22T15:04:07+08:00")
            + self.header_page
        )
        inside = tag("GrpHdr", header) + "".join(
            statement.xml(self.message, self.version, body) for statement in self.statements
        )
        return tag("Document", tag(name, inside), f' xmlns="{self.namespace}"')

    def xml(self, encoding: str = "UTF-8", body: str = "") -> bytes:
        """Return the file."""
        text = f'<?xml version="1.0" encoding="{encoding}"?>\n{self.document(body)}\n'
        return text.encode(encoding)
