"""Where the facts stand in camt.052, camt.053 and camt.054, all versions in one table.

Versions differ in few places, and those never contradict each other, so one table serves all: up
to 06 a status is plain text and a party has its name itself, from 07 `Sts/Cd` and `Pty/Nm`; 01 has
no `NtryDtls`, a body that ends in `V01`, and other names for accounts and references (ISO 20022
message definitions 01 to 14). What is not in the table is passed over.
"""

import re
from enum import StrEnum
from functools import lru_cache
from typing import Final

NAMESPACE: Final = re.compile(r"urn:iso:std:iso:20022:tech:xsd:(camt\.05[234])\.001\.([0-9]{2})")
"""The namespace names the message and its version."""

VERSIONS: Final = range(1, 15)

_ROOTS: Final = {
    "camt.052": ("BkToCstmrAcctRpt", "Rpt"),
    "camt.053": ("BkToCstmrStmt", "Stmt"),
    "camt.054": ("BkToCstmrDbtCdtNtfctn", "Ntfctn"),
}


STATEMENTS: Final = tuple(statement for _, statement in _ROOTS.values())
"""The elements that are statements."""


class Scope(StrEnum):
    """An element whose facts belong together."""

    HEADER = "header"
    STATEMENT = "statement"
    BALANCE = "balance"
    ENTRY = "entry"
    PART = "part"


_ACCOUNT_ID = "Id/(IBAN|BBAN|UPIC|PrtryAcct/Id|Othr/Id)"

# Scope -> (fact, path, with alternatives in brackets). A star behind the fact: any number of them.
# `@`: the currency is taken along. `!`: that it is there is the fact.
_FACTS: Final[dict[Scope, tuple[tuple[str, str], ...]]] = {
    Scope.HEADER: (("page", "MsgPgntn/PgNb"), ("last_page", "MsgPgntn/LastPgInd")),
    Scope.STATEMENT: (
        ("id", "Id"),
        ("created_at", "CreDtTm"),
        ("account", f"Acct/{_ACCOUNT_ID}"),
        ("account_proxy", "Acct/Prxy/Id"),
        ("page", "(StmtPgntn|RptPgntn|NtfctnPgntn)/PgNb"),
        ("last_page", "(StmtPgntn|RptPgntn|NtfctnPgntn)/LastPgInd"),
        ("declared_count", "TxsSummry/TtlNtries/NbOfNtries"),
    ),
    Scope.BALANCE: (
        ("code", "Tp/(Cd|Prtry|CdOrPrtry/Cd|CdOrPrtry/Prtry)"),
        ("amount@", "Amt"),
        ("direction", "CdtDbtInd"),
        ("on", "Dt/Dt"),
        ("at", "Dt/DtTm"),
    ),
    Scope.ENTRY: (
        ("amount@", "Amt"),
        ("direction", "CdtDbtInd"),
        ("reversal", "RvslInd"),
        ("status", "(Sts|Sts/Cd)"),
        ("own_status", "Sts/Prtry"),
        ("booked_on", "BookgDt/Dt"),
        ("booked_at", "BookgDt/DtTm"),
        ("value_on", "ValDt/Dt"),
        ("value_at", "ValDt/DtTm"),
        ("bank_ref", "AcctSvcrRef"),
        ("batch_count*", "(Btch|NtryDtls/Btch)/NbOfTxs"),
        ("text", "AddtlNtryInf"),
    ),
    Scope.PART: (
        ("amount@", "Amt"),
        ("transaction_amount@", "AmtDtls/TxAmt/Amt"),
        ("direction", "CdtDbtInd"),
        ("bank_ref", "Refs/AcctSvcrRef"),
        ("instruction", "Refs/InstrId"),
        ("end_to_end", "Refs/EndToEndId"),
        ("uetr", "Refs/UETR"),
        ("transaction", "Refs/TxId"),
        ("clearing", "Refs/ClrSysRef"),
        ("payer", "RltdPties/Dbtr/(Nm|Pty/Nm|Agt/FinInstnId/Nm)"),
        ("ultimate_payer", "RltdPties/UltmtDbtr/(Nm|Pty/Nm)"),
        ("payer_account", f"RltdPties/DbtrAcct/{_ACCOUNT_ID}"),
        ("payer_member", "RltdAgts/DbtrAgt/FinInstnId/ClrSysMmbId/MmbId"),
        ("payer_bic", "RltdAgts/DbtrAgt/FinInstnId/(BIC|BICFI)"),
        ("payee", "RltdPties/Cdtr/(Nm|Pty/Nm|Agt/FinInstnId/Nm)"),
        ("payee_account", f"RltdPties/CdtrAcct/{_ACCOUNT_ID}"),
        ("payee_proxy", "RltdPties/CdtrAcct/Prxy/Id"),
        ("purpose", "Purp/(Cd|Prtry)"),
        ("creditor_reference*", "RmtInf/Strd/CdtrRefInf/(Ref|CdtrRef)"),
        ("remittance*", "RmtInf/Ustrd"),
        ("remittance_more*", "RmtInf/Strd/AddtlRmtInf"),
        ("returned!", "RtrInf"),
        ("text", "AddtlTxInf"),
    ),
}


class Node:
    """An element on the way to a fact: what it opens or tells, and which elements lead on."""

    __slots__ = ("children", "currency", "fact", "many", "marks", "opens")

    def __init__(self) -> None:
        self.children: dict[str, Node] = {}
        self.opens: Scope | None = None
        self.fact = ""
        self.many = False
        self.marks = False
        self.currency = False

    def below(self, names: list[str], prefix: str) -> "Node":
        """Return the node at the end of a path, made where it is missing."""
        node = self
        for name in names:
            node = node.children.setdefault(prefix + name, Node())
        return node


def _paths(pattern: str) -> list[list[str]]:
    """Return every path that a pattern with at most one bracket stands for."""
    before, bracket, rest = pattern.partition("(")
    inside, _, after = rest.partition(")")
    chosen = inside.split("|") if bracket else [""]
    return [f"{before}{one}{after}".split("/") for one in chosen]


def _fill(node: Node, scope: Scope, *, prefix: str) -> None:
    node.opens = scope
    for fact, pattern in _FACTS[scope]:
        for path in _paths(pattern):
            leaf = node.below(path, prefix)
            leaf.fact = fact.rstrip("*@!")
            leaf.many = fact.endswith("*")
            leaf.currency = fact.endswith("@")
            leaf.marks = fact.endswith("!")


@lru_cache(maxsize=3 * len(VERSIONS))
def document(namespace: str, message: str) -> Node:
    """Return the node of `Document` for a message; names are "namespace name", as expat says."""
    prefix = f"{namespace} "
    root, statement_name = _ROOTS[message]
    top = Node()
    body = top.below([root], prefix)
    top.children[f"{prefix}{root}V01"] = body
    _fill(body.below(["GrpHdr"], prefix), Scope.HEADER, prefix=prefix)
    statement = body.below([statement_name], prefix)
    _fill(statement, Scope.STATEMENT, prefix=prefix)
    _fill(statement.below(["Bal"], prefix), Scope.BALANCE, prefix=prefix)
    entry = statement.below(["Ntry"], prefix)
    _fill(entry, Scope.ENTRY, prefix=prefix)
    part = entry.below(["TxDtls"], prefix)
    _fill(part, Scope.PART, prefix=prefix)
    entry.below(["NtryDtls"], prefix).children[f"{prefix}TxDtls"] = part
    return top
