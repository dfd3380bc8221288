"""Words about money that came: why it waits, what speaks for a payment, what people decided."""

from collections.abc import Mapping
from typing import Final

from sampan.codecs.csv_sniff import Doubt
from sampan.codecs.statement import FaultCode
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
    "refund": mark("Pay money back"),
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
    "refund": mark("It was decided to pay money back"),
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

IMPORT_STATUSES: Final[Mapping[str, tuple[str, str]]] = {
    "reading": (mark("Waits for you to look at it"), "busy"),
    "running": (mark("At work"), "busy"),
    "done": (mark("Done"), "good"),
    "refused": (mark("Not taken"), "bad"),
}

OUTCOMES: Final[Mapping[str, tuple[str, str]]] = {
    "new": (mark("New money"), "good"),
    "reversal": (mark("Taken back by the bank"), "busy"),
    "known": (mark("Known already"), "idle"),
    "": (mark("Waits"), "idle"),
    "applied": (mark("Paid a payment"), "good"),
    "held": (mark("Waits for a decision"), "busy"),
    "unapplied": (mark("Unapplied"), "bad"),
    "returned": (mark("Taken back before"), "idle"),
    "reversed": (mark("Taken back by the bank"), "busy"),
    "refunded": (mark("Paid a refund"), "good"),
    "came back": (mark("A refund came back"), "bad"),
    "repeated": (mark("Known already"), "idle"),
    "pending": (mark("Only announced"), "idle"),
    "information": (mark("For information"), "idle"),
    "debit": (mark("Money out"), "idle"),
    "collective": (mark("One sum for several payments"), "bad"),
    "currency": (mark("Another currency"), "bad"),
    "amount": (mark("No amount that can be"), "bad"),
    "failed": (mark("Failed here: see the log"), "bad"),
    "other account": (mark("Of another account"), "idle"),
}
"""What becomes of an entry of a bank file → its name and tone."""

FAULTS: Final[Mapping[str, str]] = {
    FaultCode.AMOUNT.value: mark("An amount cannot be read."),
    FaultCode.BALANCE.value: mark("A balance cannot be read."),
    FaultCode.CURRENCY.value: mark("A currency cannot be read."),
    FaultCode.DATE.value: mark("A date cannot be read."),
    FaultCode.DTD.value: mark("The file holds what no bank sends (a document type)."),
    FaultCode.EMPTY.value: mark("The file is empty."),
    FaultCode.ENCODING.value: mark("The characters of the file cannot be read."),
    FaultCode.MALFORMED.value: mark("The file is damaged, or of another kind than it says."),
    FaultCode.MAPPING.value: mark("The columns do not fit the file."),
    FaultCode.MISPLACED.value: mark("A part of the file stands in a wrong place."),
    FaultCode.MISSING.value: mark("Something that must be there is missing."),
    FaultCode.NOT_STATEMENT.value: mark("This is no bank statement that is known here."),
    FaultCode.REPEATED.value: mark("Something stands there twice."),
    FaultCode.TOO_DEEP.value: mark("The file is nested too deeply."),
    FaultCode.TOO_LARGE.value: mark("The file is too large."),
    FaultCode.TOO_LONG.value: mark("A text in the file is too long."),
    FaultCode.TOO_MANY.value: mark("The file has too many entries."),
    FaultCode.TRUNCATED.value: mark("The end of the file is missing."),
    FaultCode.VALUE.value: mark("A value is not what it must be."),
    FaultCode.VERSION.value: mark("This version of the format is not known."),
}
"""Why a bank file is not taken."""

DOUBTS: Final[Mapping[str, str]] = {
    Doubt.DAY_OR_MONTH.value: mark("Days and months could be exchanged: look at the dates."),
    Doubt.ENCODING.value: mark("The characters are a guess: look whether names are right."),
    Doubt.NO_AMOUNT.value: mark("No column with amounts was found."),
    Doubt.NO_BANK_REFERENCE.value: mark(
        "No column with the bank's own id was found: send whole days, so that nothing counts twice."
    ),
    Doubt.NO_DATE.value: mark("No column with dates was found."),
    Doubt.NO_HEADER.value: mark("No line with the names of the columns was found."),
}
"""What a person should look at before the columns are saved."""
