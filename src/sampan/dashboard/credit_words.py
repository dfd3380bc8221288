"""Words about money that came: why it waits, what speaks for a payment, what people decided."""

from collections.abc import Mapping
from typing import Final

from sampan.domain.credit_reasons import Left
from sampan.domain.machine import Reason
from sampan.domain.matching import Clue, How
from sampan.web.i18n import mark

WHY: Final[Mapping[str, str]] = {
    Reason.SHORT.value: mark("Too little"),
    Reason.OVER.value: mark("Too much"),
    Reason.LATE.value: mark("Too late"),
    Reason.DOUBLE.value: mark("Paid once more"),
    Reason.WRONG_CURRENCY.value: mark("Wrong currency"),
    Reason.NOT_STARTED.value: mark("The payment was not started"),
    Reason.NO_QR.value: mark("No QR code was made"),
    Left.NO_REFERENCE.value: mark("No reference"),
    Left.UNKNOWN_REFERENCE.value: mark("Unknown reference"),
    Left.ALMOST_NAMED.value: mark("Reference with a slip"),
    Left.SEVERAL_NAMED.value: mark("Names several payments"),
    Left.SEVERAL_FIT.value: mark("Several payments fit"),
}
"""Why money waits → its name for people."""

CLUES: Final[Mapping[str, tuple[str, str]]] = {
    How.EXACT_REFERENCE.value: (mark("names this payment's reference"), "good"),
    How.REFERENCE_IN_TEXT.value: (mark("names this payment's reference"), "good"),
    How.CLOSE_REFERENCE.value: (mark("names its reference with one wrong character"), "good"),
    How.AMOUNT.value: (mark("the only payment of this amount in its time"), "good"),
    How.AMOUNT_AND_PAYER.value: (mark("amount and payer fit"), "good"),
    Clue.NAMED.value: (mark("names this payment's reference"), "good"),
    Clue.ALMOST_NAMED.value: (mark("names its reference with one wrong character"), "good"),
    Clue.SEVERAL_NAMED.value: (mark("names other payments as well"), "bad"),
    Clue.OTHER_NAMED.value: (mark("names a reference that is none of these"), "bad"),
    Clue.SAME_AMOUNT.value: (mark("same amount"), "good"),
    Clue.RIVALS.value: (mark("another payment of this amount fits as well"), "bad"),
    Clue.IN_TIME.value: (mark("came in its time"), "good"),
    Clue.SAME_PAYER.value: (mark("same payer"), "good"),
    Clue.OTHER_PAYER.value: (mark("another payer"), "bad"),
    Clue.CLOSED.value: (mark("the payment is closed"), "bad"),
    Reason.SHORT.value: (mark("too little"), "bad"),
    Reason.OVER.value: (mark("too much"), "bad"),
    Reason.LATE.value: (mark("too late"), "bad"),
    Reason.DOUBLE.value: (mark("paid already"), "bad"),
    Reason.WRONG_CURRENCY.value: (mark("another currency"), "bad"),
}
"""What speaks for a payment (good) or against it (bad)."""

FOUND: Final[Mapping[str, str]] = {
    How.EXACT_REFERENCE.value: mark("by its reference"),
    How.REFERENCE_IN_TEXT.value: mark("by its reference in a longer text"),
    How.CLOSE_REFERENCE.value: mark("by its reference with one wrong character"),
    How.AMOUNT.value: mark("as the only payment of this amount in its time"),
    How.AMOUNT_AND_PAYER.value: mark("by amount and payer"),
}
"""How the payment of a credit was found."""

SOURCES: Final[Mapping[str, str]] = {
    "notice": mark("the bank's notice"),
    "file": mark("a bank file"),
    "hand": mark("entered by hand"),
}
"""How we learned of the money."""

WISHES: Final[Mapping[str, str]] = {
    "apply": mark("Take the money as a payment"),
    "split": mark("Split the money"),
    "return": mark("Note that the money went back"),
    "ignore": mark("Set the money aside: it is no payment"),
    "merge": mark("Note that it is the same money as an entry by hand"),
    "take_back": mark("Let the money wait again"),
    "explain": mark("Say which money the bank took back"),
    "note": mark("Note what the bank took back"),
    "enter": mark("Enter money by hand"),
    "accept": mark("Take what waits as the payment"),
    "decline": mark("Decline the payment"),
}
"""A decision as something that somebody wants."""

DECIDED: Final[Mapping[str, str]] = {
    "apply": mark("The money was taken as a payment"),
    "split": mark("The money was split"),
    "return": mark("It was noted that the money went back"),
    "ignore": mark("The money was set aside: it is no payment"),
    "merge": mark("It was noted as the same money as an entry by hand"),
    "take_back": mark("The decision was taken back: the money waits again"),
    "explain": mark("It was said that the bank took this money back"),
    "note": mark("What the bank took back was noted"),
    "enter": mark("The money was entered by hand"),
    "accept": mark("What waited was taken as the payment"),
    "decline": mark("The payment was declined by hand"),
}
"""A decision that was carried out."""

DECISION_STATUSES: Final[Mapping[str, tuple[str, str]]] = {
    "proposed": (mark("Waits for a second person"), "busy"),
    "done": (mark("Carried out"), "good"),
    "refused": (mark("Not approved"), "bad"),
    "withdrawn": (mark("Withdrawn"), "idle"),
}

REVERSAL_STATUSES: Final[Mapping[str, tuple[str, str]]] = {
    "open": (mark("Waits for a decision"), "bad"),
    "settled": (mark("Explained"), "good"),
    "noted": (mark("Noted"), "idle"),
}
