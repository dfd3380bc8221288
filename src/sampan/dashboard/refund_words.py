"""Words about refunds: where they stand, to whom they go, and why a person has to look twice."""

from collections.abc import Mapping
from typing import Final

from sampan.dashboard.account_forms import KINDS as PROXIES
from sampan.dashboard.account_forms import PROXY_FAULTS
from sampan.domain.fps_account import ProxyKind
from sampan.domain.refunds import PayeeKind
from sampan.flow import refund_debits
from sampan.web.i18n import mark

STATUSES: Final[Mapping[str, tuple[str, str]]] = {
    "approved": (mark("Not sent to the bank"), "busy"),
    "exported": (mark("In a file for the bank"), "busy"),
    "confirmed": (mark("Paid back"), "good"),
    "failed": (mark("Not paid"), "bad"),
    "withdrawn": (mark("Withdrawn"), "idle"),
}
"""Status → its name for people and its tone."""

KINDS: Final[Mapping[str, str]] = {
    PayeeKind.ACCOUNT.value: mark("Account number"),
    **{kind.value: name for kind, name in PROXIES.items()},
}
"""By what the bank finds who is paid."""

FORMATS: Final[Mapping[str, str]] = {
    "pain.001": mark("pain.001 (ISO 20022)"),
    "csv": mark("CSV"),
}
SUFFIXES: Final[Mapping[str, tuple[str, str]]] = {
    "pain.001": ("xml", "application/xml"),
    "csv": ("csv", "text/csv"),
}
"""Format → how a file's name ends, and its media type."""

NO_NAME: Final = mark("1 to 70 characters in one line.")
NO_KIND: Final = mark("Choose by what your bank finds the account.")
NO_BANK: Final = mark("The 3 digits of the bank, such as 004.")
NO_BANK_OR_EMPTY: Final = mark("Empty, or 3 digits.")
NUMBER_FAULTS: Final[Mapping[str, str]] = {
    PayeeKind.ACCOUNT.value: mark("An account number has 6 to 34 digits and hyphens."),
    **{ProxyKind(kind).value: fault for kind, fault in PROXY_FAULTS.items()},
}
NO_AMOUNT: Final = mark("This is no amount. Write it like 1234.50.")
MORE_THAN_LEFT: Final = mark("That is more than what is left of the money.")
OTHER_LEFT: Final = mark(
    "Money was paid back or decided about after you opened the form. You changed nothing; below is"
    " how it stands now."
)
NOT_CHECKED: Final = mark("Tick this if you are sure; otherwise nothing goes out.")

OTHER_ALARM: Final = mark("The bank told of it what does not fit: %(id)s")
ALARMS: Final[Mapping[str, str]] = {
    refund_debits.OTHER_SUM: mark("The bank paid another sum under this reference: %(id)s"),
    refund_debits.PAID_TWICE: mark("The bank paid it once more: %(id)s"),
    refund_debits.GIVEN_UP: mark("The bank paid it, though it had been given up: %(id)s"),
    refund_debits.CAME_BACK: mark("Money came back that fits no paid refund: %(id)s"),
}
"""What the journal says when the bank's word does not fit a refund → a sentence with its id."""
