"""Read the form of a refund: what was typed, what is wrong with each field, whom it means. Pure."""

import re
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from sampan import money
from sampan.dashboard import refund_words as words
from sampan.dashboard.account_forms import dialled
from sampan.dashboard.payments import is_line
from sampan.domain.fps_account import PROXY_FORMS, ProxyKind
from sampan.domain.refunds import ACCOUNT_FORM, Payee, PayeeKind, payee_of
from sampan.storage.credits import Credit

Sent = Callable[[str], str]
FIELDS: Final = ("amount", "name", "kind", "number", "bank_code")
TYPED_CHARS_MAX: Final = 200
NAME_CHARS_MAX: Final = 70
_WITH_BANK: Final = re.compile(r"([0-9]{3})-([0-9][0-9-]*[0-9])")
_GOOD: Final[Mapping[str, str]] = {
    "name": "A",
    "kind": PayeeKind.FPS_ID.value,
    "number": "1234567",
    "bank_code": "",
}
"""A payee without a fault, to which values are put one by one."""


class Read(NamedTuple):
    """A form as it is meant: sum and payee, or what is wrong, by field. `payee` is None then."""

    typed: Mapping[str, str]
    amount_minor: int = 0
    payee: Payee | None = None
    errors: Mapping[str, str] = {}


def read(sent: Sent, credit: Credit, *, left_minor: int) -> Read:
    """Read a form; `sent` returns a text of it. Nothing is raised.

    Money that pays nothing goes back whole, whatever was typed for its sum.
    """
    typed = {name: sent(name)[:TYPED_CHARS_MAX] for name in FIELDS}
    values = {name: typed[name] for name in _GOOD}
    if values["kind"] == PayeeKind.MOBILE:
        values["number"] = dialled(values["number"])
    errors = dict(_payee_faults(values))
    amount_minor = left_minor
    if credit.status == "applied":
        amount_minor = _amount_minor(typed["amount"], credit.currency)
        if amount_minor <= 0:
            errors["amount"] = words.NO_AMOUNT
        elif amount_minor > left_minor:
            errors["amount"] = words.MORE_THAN_LEFT
    shown = {name: text if is_line(text) else "" for name, text in typed.items()}
    if errors:
        return Read(shown, errors=errors)
    return Read(shown, amount_minor, payee_of(values))


def blank(credit: Credit, *, left_minor: int) -> dict[str, str]:
    """Return what stands in the form before anybody has typed: all back to who paid."""
    kind, number, bank_code = PayeeKind.ACCOUNT.value, credit.payer_account, ""
    if told := _WITH_BANK.fullmatch(number):
        bank_code, number = told[1], told[2]
    for proxy in (ProxyKind.MOBILE, ProxyKind.EMAIL):
        if PROXY_FORMS[proxy].fullmatch(number):
            kind = proxy.value
    if kind == PayeeKind.ACCOUNT and not ACCOUNT_FORM.fullmatch(number):
        # Masked, perhaps: nothing that a bank could pay to.
        number = ""
    return {
        "amount": money.to_text(left_minor, credit.currency),
        "name": credit.payer_name[:NAME_CHARS_MAX].strip(),
        "kind": kind,
        "number": number,
        "bank_code": bank_code,
    }


def _payee_faults(values: Mapping[str, str]) -> Mapping[str, str]:
    """Return field → what is wrong with it; each is tried by itself."""
    kind = values["kind"]
    faults = {}
    if not values["name"].isprintable() or not _fits({"name": values["name"]}):
        faults["name"] = words.NO_NAME
    if kind not in words.KINDS:
        return faults | {"kind": words.NO_KIND}
    of_account = kind == PayeeKind.ACCOUNT
    tried = {"kind": kind, "number": values["number"]}
    if not _fits(tried | ({"bank_code": "004"} if of_account else {})):
        faults["number"] = words.NUMBER_FAULTS[kind]
    if not _fits({"bank_code": values["bank_code"]}) or (of_account and not values["bank_code"]):
        faults["bank_code"] = words.NO_BANK if of_account else words.NO_BANK_OR_EMPTY
    return faults


def _fits(values: Mapping[str, str]) -> bool:
    try:
        payee_of({**_GOOD, **values})
    except ValueError:
        return False
    return True


def _amount_minor(text: str, currency: str) -> int:
    try:
        return money.from_text(text.replace(",", ""), currency)
    except ValueError:
        return 0
