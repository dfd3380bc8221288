"""Make statement entries from the facts of one `Ntry` and its `TxDtls` (ISO 20022 camt)."""

from collections.abc import Sequence
from datetime import date
from typing import Any, Final

import msgspec

from sampan.codecs.statement import (
    Balance,
    BalanceKind,
    EntryStatus,
    FaultCode,
    ReferenceText,
    Source,
    StatementEntry,
    StatementFault,
)
from sampan.codecs.statement_values import (
    bank_reference,
    clean,
    currency,
    day,
    moment,
    plain_amount,
    shown,
)

_STATUSES: Final = {
    "BOOK": EntryStatus.BOOKED,
    "PDNG": EntryStatus.PENDING,
    "INFO": EntryStatus.INFORMATION,
}
_SIGNS: Final = {"CRDT": 1, "DBIT": -1}
_TRUTHS: Final = {"": False, "false": False, "0": False, "true": True, "1": True}
_OPENING: Final = ("OPBD", "PRCD")
_COMES_BACK: Final = frozenset({"RPRTRN", "RPRFND"})
"""FPS purposes of a return and a refund (hk-fps reference, category purposes)."""


class Facts:
    """The facts of one element: single texts, repeated texts, and the line that it began on."""

    __slots__ = ("line", "many", "one")

    def __init__(self, line: int) -> None:
        self.line = line
        self.one: dict[str, str] = {}
        self.many: dict[str, list[str]] = {}

    def get(self, fact: str) -> str:
        """Return a single text with its blanks put right; empty when it was not told."""
        return clean(self.one.get(fact, ""))

    def need(self, fact: str, element: str) -> str:
        """Return a text that must be there, or raise."""
        found = self.get(fact)
        if not found:
            raise StatementFault(FaultCode.MISSING, f"{element} is missing or empty")
        return found

    def number(self, fact: str) -> int | None:
        """Return a count, None when it was not told."""
        found = self.get(fact)
        return count(found) if found else None

    def truth(self, fact: str) -> bool:
        """Return an indicator; false when it was not told."""
        found = self.get(fact)
        if found not in _TRUTHS:
            raise StatementFault(FaultCode.VALUE, f"neither true nor false: {shown(found)}")
        return _TRUTHS[found]


def count(text: str) -> int:
    """Read a number of things, at most 15 digits, or raise."""
    if not (text.isascii() and text.isdigit() and len(text) <= 15):  # noqa: PLR2004 - ISO's bound
        raise StatementFault(FaultCode.VALUE, f"not a number: {shown(text)}")
    return int(text)


def balances(found: Sequence[Facts]) -> tuple[Balance, ...]:
    """Return the balances of a statement.

    The day's opening balance counts, and the closing one of the day before only where there is
    none.
    """
    read = [_balance(facts) for facts in found]
    codes = {balance.code for balance in read}
    opening = next((code for code in _OPENING if code in codes), "")
    kinds = {"CLBD": BalanceKind.CLOSING, opening: BalanceKind.OPENING}
    return tuple(
        msgspec.structs.replace(balance, kind=kinds.get(balance.code, BalanceKind.OTHER))
        for balance in read
    )


def _balance(facts: Facts) -> Balance:
    amount_minor, code = _amount(facts, "amount", element="Amt of a balance")
    return Balance(
        kind=BalanceKind.OTHER,
        code=facts.get("code"),
        amount_minor=amount_minor * _sign(facts),
        currency=code,
        on=_day(facts, "on", at="at"),
    )


def entries(entry: Facts, parts: Sequence[Facts]) -> list[StatementEntry]:
    """Return what an `Ntry` tells, one for each of its transactions; account and page are missing.

    What is booked is the entry's sum. Where the transactions of a batch have no sums of their own,
    or not ones that make up the entry's, the entry stays one, marked as collective.
    """
    total, code = _amount(entry, "amount", element="Amt of an entry")
    sign = _sign(entry)
    whole = StatementEntry(
        account="",
        currency=code,
        amount_minor=total * sign,
        reversal=entry.truth("reversal"),
        bank_ref=bank_reference(entry.get("bank_ref")),
        booked_on=_day(entry, "booked_on", at="booked_at"),
        booked_us=_us(entry, "booked_at"),
        value_on=_day(entry, "value_on", at="value_at"),
        **_status(entry),
    )
    several = sum(count(clean(text)) for text in entry.many.get("batch_count", ())) > 1
    if len(parts) == 1 and not several:
        return [_told(whole, entry, part=parts[0])]
    sums = [_part_minor(part, code, sign=sign) for part in parts]
    if len(parts) > 1 and None not in sums and sum(filter(None, sums)) == whole.amount_minor:
        return [
            msgspec.structs.replace(
                _told(whole, entry, part=part), amount_minor=amount, bank_ref=_part_ref(whole, part)
            )
            for part, amount in zip(parts, sums, strict=True)
            if amount is not None
        ]
    text = entry.get("text")
    return [
        msgspec.structs.replace(
            whole,
            collective=several or bool(parts),
            description=text,
            references=(ReferenceText(Source.DESCRIPTION, text),) if text else (),
        )
    ]


def _status(entry: Facts) -> dict[str, Any]:
    text = entry.get("status") or entry.need("own_status", "Sts")
    own = not entry.get("status")
    status = EntryStatus.OTHER if own else _STATUSES.get(text, EntryStatus.OTHER)
    return {"status": status, "status_text": text}


def _told(whole: StatementEntry, entry: Facts, *, part: Facts) -> StatementEntry:
    """Return an entry with what one of its transactions tells."""
    transaction = bank_reference(part.get("transaction"))
    description = clean(f"{part.get('text')} {entry.get('text')}")
    texts = [
        *((Source.CREDITOR_REFERENCE, text) for text in part.many.get("creditor_reference", ())),
        *((Source.REMITTANCE, text) for text in part.many.get("remittance", ())),
        *((Source.REMITTANCE, text) for text in part.many.get("remittance_more", ())),
        (Source.END_TO_END, bank_reference(part.get("end_to_end"))),
        (Source.INSTRUCTION, bank_reference(part.get("instruction"))),
        (Source.TRANSACTION, transaction),
        (Source.DESCRIPTION, part.get("text")),
        (Source.DESCRIPTION, entry.get("text")),
    ]
    back = "returned" in part.one or part.get("purpose").upper() in _COMES_BACK
    return msgspec.structs.replace(
        whole,
        reversal=whole.reversal or back,
        bank_ref=whole.bank_ref or bank_reference(part.get("bank_ref")) or _scheme_ref(part),
        end_to_end=bank_reference(part.get("end_to_end")),
        references=tuple(
            ReferenceText(source, clean(text)) for source, text in texts if clean(text)
        ),
        payer_name=part.get("payer") or part.get("ultimate_payer"),
        payer_account=part.get("payer_account"),
        payer_bank=part.get("payer_member") or part.get("payer_bic"),
        payee_name=part.get("payee"),
        payee_account=part.get("payee_account"),
        payee_proxy=part.get("payee_proxy"),
        description=description,
    )


def _scheme_ref(part: Facts) -> str:
    """Return what the payment system calls a transfer: the next best to the bank's reference."""
    found = (bank_reference(part.get(fact)) for fact in ("transaction", "clearing", "uetr"))
    return next(filter(None, found), "")


def _part_ref(whole: StatementEntry, part: Facts) -> str:
    """Return the reference of one transaction in a batch: its own before the batch's."""
    own = bank_reference(part.get("bank_ref"))
    return (own if own != whole.bank_ref else "") or _scheme_ref(part) or whole.bank_ref


def _part_minor(part: Facts, code: str, *, sign: int) -> int | None:
    """Return the signed sum of one transaction in a batch; None when it is not told in `code`."""
    fact = next((f for f in ("amount", "transaction_amount") if part.get(f)), None)
    if fact is None:
        return None
    amount_minor, own_code = _amount(part, fact, element="Amt of a transaction")
    return amount_minor * _sign(part, otherwise=sign) if own_code == code else None


def _amount(facts: Facts, fact: str, *, element: str) -> tuple[int, str]:
    text = facts.need(fact, element)
    code = currency(facts.need(f"{fact}.currency", f"the currency of {element}"))
    return plain_amount(text, code), code


def _sign(facts: Facts, *, otherwise: int = 0) -> int:
    text = facts.get("direction") if otherwise else facts.need("direction", "CdtDbtInd")
    if otherwise and not text:
        return otherwise
    if text not in _SIGNS:
        raise StatementFault(FaultCode.VALUE, f"neither CRDT nor DBIT: {shown(text)}")
    return _SIGNS[text]


def _day(facts: Facts, on: str, *, at: str) -> date | None:
    if text := facts.get(at):
        return moment(text)[0]
    text = facts.get(on)
    return day(text) if text else None


def _us(facts: Facts, at: str) -> int | None:
    text = facts.get(at)
    return moment(text)[1] if text else None
