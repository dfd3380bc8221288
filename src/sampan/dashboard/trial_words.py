"""What people are asked and told while they try an FPS account out."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from sampan.dashboard.project_fields import Options
from sampan.dashboard.project_forms import translated
from sampan.domain import fps_trial as domain
from sampan.domain.fps_trial import Amount, Ended, Opened, Payee, Seen, Step, Why
from sampan.domain.project import ReferenceMode
from sampan.web.i18n import mark

BAD_APP: Final = mark("The name of a bank’s app, of at most 40 characters.")
SAME_APP: Final = mark("Two apps of different banks, please.")
MISSING: Final = mark("Please look in the app and choose.")
TRIED_MEANWHILE: Final = mark(
    "The account was tried out again after you opened this page. Nothing was set; look again."
)


class Question(NamedTuple):
    """A question about an app: a field of `domain.fps_trial.App` and its answers.

    `may_be_unknown`: it may be left open. The last two say which codes it can be asked of.
    """

    name: str
    label: str
    options: Options
    may_be_unknown: bool = False
    of_reference: bool = False
    of_end: bool = False


_SEEN: Final[Options] = (
    (Seen.BILL_NUMBER, mark("The text that begins with BILL")),
    (Seen.REFERENCE_LABEL, mark("The text that begins with REFL")),
    (Seen.BOTH, mark("Both texts")),
    (Seen.NEITHER, mark("Neither")),
)
_UNKNOWN: Final[Mapping[str, str]] = {
    "shown": mark("Not looked"),
    "booked": mark("Not paid, or not seen yet"),
    "ended": mark("Not tried"),
}

QUESTIONS: Final = (
    Question(
        "opened",
        mark("Did the app open the code?"),
        (
            (Opened.YES, mark("Yes, it shows a payment")),
            (Opened.REFUSED, mark("No, it refuses the code")),
        ),
    ),
    Question(
        "payee",
        mark("Was the payee’s name right?"),
        (
            (Payee.RIGHT, mark("Yes, ours")),
            (Payee.OTHER, mark("No, another name")),
            (Payee.HIDDEN, mark("No name was shown")),
        ),
    ),
    Question(
        "amount",
        mark("Was the amount fixed?"),
        (
            (Amount.FIXED, mark("Yes, it cannot be changed")),
            (Amount.CHANGEABLE, mark("No, it can be changed")),
            (Amount.MISSING, mark("No amount was filled in")),
        ),
    ),
    Question(
        "shown",
        mark("Which reference did the app show?"),
        _SEEN,
        may_be_unknown=True,
        of_reference=True,
    ),
    Question(
        "booked",
        mark("If you paid: which reference is in your bank’s notice or statement?"),
        _SEEN,
        may_be_unknown=True,
        of_reference=True,
    ),
    Question(
        "ended",
        mark("Ten minutes later: what does the app say to the same code?"),
        (
            (Ended.REFUSED, mark("It refuses: the time is over")),
            (Ended.STILL_OPEN, mark("It still opens it")),
        ),
        may_be_unknown=True,
        of_end=True,
    ),
)

STEPS: Final[Mapping[Step, str]] = {
    Step.BOTH: mark("A reference in both fields, and a time limit"),
    Step.BILL_NUMBER: mark("A reference as bill number, and a time limit"),
    Step.REFERENCE_LABEL: mark("A reference as reference label, and a time limit"),
    Step.NO_REFERENCE: mark("No reference, and a time limit"),
    Step.NO_TIMEOUT: mark("Neither a reference nor a time limit"),
}
"""What the code of each step carries."""

HEADS: Final[Mapping[str, str]] = {
    "reference_mode": mark("Where the QR code carries our reference"),
    "amount_lock": mark("Customers cannot change the amount"),
    "timeout_in_qr": mark("The QR code says until when it may be paid"),
}
"""What a trial sets, in the order of the reasons of `domain.fps_trial.Advice`."""

REASONS: Final[Mapping[Why, str]] = {
    Why.OTHER_PAYEE: mark(
        "An app named another payee. Somebody else would get the money: check the FPS ID, mobile"
        " number or e-mail address in the settings. Nothing was set."
    ),
    Why.NEVER_OPENED: mark(
        "An app refuses even the plainest code. Check the FPS ID, mobile number or e-mail address,"
        " and ask your bank whether the account takes FPS payments by QR code. Nothing was set."
    ),
    Why.BOOKED: mark(
        "Your bank gives this reference back with the money, so each payment is recognised by it."
    ),
    Why.BOOKED_APART: mark(
        "Your bank gives a reference back, though not the same for every app. Payments without one"
        " are recognised by their amount."
    ),
    Why.NOT_BOOKED: mark(
        "The apps take a reference, but your bank does not give it back with the money. Then it"
        " tells nothing, and other banks’ apps may refuse it."
    ),
    Why.SHOWN: mark(
        "The apps show this reference. Nobody has seen yet whether your bank gives it back: pay a"
        " code once, look at the notice, and try again."
    ),
    Why.NOT_SHOWN: mark(
        "The apps take a reference, but nobody has seen it anywhere. Pay a code once, look at the"
        " notice, and try again."
    ),
    Why.NO_REFERENCE: mark(
        "An app refuses codes with a reference. Your bank has to switch that on for the account;"
        " ask for “merchant FPS” or “bill payment collection”. Until then payments are recognised"
        " by their amount."
    ),
    Why.AMOUNT_FIXED: mark("Both apps keep to the amount."),
    Why.AMOUNT_CHANGEABLE: mark(
        "An app lets people change the amount all the same. If another amount arrives, the payment"
        " waits for your decision."
    ),
    Why.AMOUNT_MISSING: mark(
        "An app does not take the amount from the code; people must type it. If another amount"
        " arrives, the payment waits for your decision."
    ),
    Why.TIMEOUT_HEEDED: mark("An app refuses the code when its time is over."),
    Why.TIMEOUT_IGNORED: mark(
        "An app opens the code after its time, so late money can come; it is kept and shown to"
        " you. For the other apps the limit stays."
    ),
    Why.TIMEOUT_HARMLESS: mark("Both apps open codes with a time limit."),
    Why.TIMEOUT_REFUSED: mark("An app refuses codes with a time limit."),
}
"""Why something follows → a sentence; `Why.REFUSED` leads on to another code, and needs none."""

_OF_FIELD: Final = {
    ReferenceMode.BILL_NUMBER: Seen.BILL_NUMBER,
    ReferenceMode.REFERENCE_LABEL: Seen.REFERENCE_LABEL,
}


def options_of(question: Question, step: Step, *, language: str) -> list[tuple[str, str]]:
    """Return the answers that a step's code can have, in words; first the open one."""
    options = question.options
    if question.of_reference and len(domain.FIELDS[step]) < len(_OF_FIELD):
        carried = {_OF_FIELD[field] for field in domain.FIELDS[step]}
        options = [one for one in options if one[0] in carried | {Seen.NEITHER}]
    blank = _UNKNOWN.get(question.name, mark("Please choose"))
    return translated([("", blank), *options], language)
