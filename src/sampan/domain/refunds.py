"""A refund of money that came to a merchant's own FPS account: to whom it goes, and its states.

FPS gives a merchant no way back for a payment, so a refund is a new transfer that the merchant's
bank makes. Sampan keeps the record: people decide it, a file for the bank asks for it, the debit
on the account confirms it. `hk-qr` knows no refunds (decision 1.4), so nothing here is on the wire.
"""

import re
from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from sampan.domain.fps_account import PROXY_FORMS, PROXY_RULES, ProxyKind
from sampan.domain.payers import Payer, compare_names, same_account


class RefundStatus(StrEnum):
    """Where a refund stands; before it is approved it is a proposed decision."""

    APPROVED = "approved"
    EXPORTED = "exported"
    CONFIRMED = "confirmed"
    FAILED = "failed"
    WITHDRAWN = "withdrawn"


class Act(StrEnum):
    """What happens to a refund."""

    EXPORT = "export"
    """It stands in a file for the bank."""
    CONFIRM = "confirm"
    """The bank has paid it."""
    FAIL = "fail"
    """The bank has not paid it and will not."""
    WITHDRAW = "withdraw"
    COME_BACK = "come back"
    """The bank paid it, and the money came back to the account."""


NEXT: Final[Mapping[tuple[RefundStatus, Act], RefundStatus]] = MappingProxyType(
    {
        (RefundStatus.APPROVED, Act.EXPORT): RefundStatus.EXPORTED,
        (RefundStatus.APPROVED, Act.WITHDRAW): RefundStatus.WITHDRAWN,
        # Somebody paid it at the bank by hand.
        (RefundStatus.APPROVED, Act.CONFIRM): RefundStatus.CONFIRMED,
        (RefundStatus.EXPORTED, Act.CONFIRM): RefundStatus.CONFIRMED,
        (RefundStatus.EXPORTED, Act.FAIL): RefundStatus.FAILED,
        (RefundStatus.CONFIRMED, Act.COME_BACK): RefundStatus.FAILED,
        # The bank's debit is a fact, whatever people thought before.
        (RefundStatus.FAILED, Act.CONFIRM): RefundStatus.CONFIRMED,
        (RefundStatus.WITHDRAWN, Act.CONFIRM): RefundStatus.CONFIRMED,
    }
)
"""Status and act → status; what is not here cannot happen."""


class PayeeKind(StrEnum):
    """By what the bank finds who is paid."""

    ACCOUNT = "account"
    FPS_ID = "fps_id"
    MOBILE = "mobile"
    EMAIL = "email"


ACCOUNT_FORM: Final = re.compile(r"(?=(.*[0-9]){6})[0-9][0-9-]{4,32}[0-9]")
ACCOUNT_RULE: Final = "an account number has 6 to 34 digits and hyphens"
BANK_RULE: Final = "an account number needs its bank's clearing code, 3 digits"


class Payee(msgspec.Struct, frozen=True, kw_only=True):
    """Who is paid. Made by `payee_of`, so its values fit together.

    `bank_code` is the clearing code of the bank, 3 digits; a proxy may do without it.
    """

    name: Annotated[str, Meta(min_length=1, max_length=70, pattern=r"^\S[^\x00-\x1f\x7f]*\Z")]
    kind: PayeeKind
    number: Annotated[str, Meta(max_length=34)]
    bank_code: Annotated[str, Meta(pattern=r"^([0-9]{3})?\Z")] = ""


def payee_of(values: Mapping[str, object]) -> Payee:
    """Return the payee with these values.

    Raises ValueError with a sentence for people that names the value at fault.
    """
    try:
        payee = msgspec.convert(values, Payee)
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from error
    if fault := fault_of(payee):
        raise ValueError(fault)
    return payee


def fault_of(payee: Payee) -> str:
    """Say what in a payee cannot be, with the place; empty where all fits together."""
    if payee.kind is PayeeKind.ACCOUNT:
        if not ACCOUNT_FORM.fullmatch(payee.number):
            return f"{ACCOUNT_RULE} - at `$.number`"
        return "" if payee.bank_code else f"{BANK_RULE} - at `$.bank_code`"
    kind = ProxyKind(payee.kind.value)
    return (
        "" if PROXY_FORMS[kind].fullmatch(payee.number) else f"{PROXY_RULES[kind]} - at `$.number`"
    )


class Doubt(StrEnum):
    """Why a person has to look twice before money goes out."""

    OTHER_NAME = "other name"
    """The payee is called otherwise than who paid."""
    NAME_UNKNOWN = "name unknown"
    """Who paid is not known, or the two names cannot be compared."""
    OTHER_ACCOUNT = "other account"
    """It goes to another account than the money came from."""


def doubts(payee: Payee, *, payer_name: str, payer_account: str) -> tuple[Doubt, ...]:
    """Return what speaks against paying this payee back; empty where it is who paid."""
    found = []
    compared = compare_names(payee.name, payer_name)
    if compared is not Payer.SAME and payee.name.casefold() != payer_name.casefold():
        found.append(Doubt.OTHER_NAME if compared is Payer.OTHER else Doubt.NAME_UNKNOWN)
    if payee.kind is PayeeKind.ACCOUNT and payer_account:
        # Banks tell an account with the code of its bank before it, or without.
        numbers = (payee.number, payee.bank_code + payee.number)
        if not any(same_account(number, payer_account) for number in numbers):
            found.append(Doubt.OTHER_ACCOUNT)
    return tuple(found)


def is_of(payee: Payee, *, name: str, account: str) -> bool:
    """Whether a debit that names this receiver may be a payment to this payee."""
    numbers = (payee.number, payee.bank_code + payee.number)
    if account and any(same_account(number, account) for number in numbers):
        return True
    return compare_names(payee.name, name) is Payer.SAME
