"""What two bank apps did with a test code of an FPS account, and what follows from it.

Banks differ in what they take in a QR: an ordinary account refuses a code that carries a reference,
and an app may refuse one that says until when it may be paid. So codes are tried from the fullest
to the barest, and the first that both apps open decides. The two fields of the reference carry
different texts here, so that people can tell which of them an app or a statement shows.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from sampan.domain.fps_account import FpsAccount
from sampan.domain.project import ReferenceMode

APPS: Final = 2
"""So many banks' apps are asked about: one alone may be the exception."""
BILL: Final = "BILL"
LABEL: Final = "REFL"
"""How the texts in the two fields begin. Read as references of ours they would name ids that are
never given (`domain.reference`), or none at all."""


class Step(StrEnum):
    """A test code, by what it carries; in the order in which codes are tried."""

    BOTH = "both"
    BILL_NUMBER = "bill_number"
    REFERENCE_LABEL = "reference_label"
    NO_REFERENCE = "no_reference"
    NO_TIMEOUT = "no_timeout"
    """Neither a reference nor an end: the barest there is."""


class Opened(StrEnum):
    """Whether the app opened the code."""

    YES = "yes"
    REFUSED = "refused"


class Payee(StrEnum):
    """Whom the app named as payee."""

    RIGHT = "right"
    OTHER = "other"
    HIDDEN = "hidden"


class Amount(StrEnum):
    """What the app did with the amount."""

    FIXED = "fixed"
    CHANGEABLE = "changeable"
    MISSING = "missing"


class Seen(StrEnum):
    """Which of the two texts was seen; `UNKNOWN`: nobody could look."""

    UNKNOWN = "unknown"
    NEITHER = "neither"
    BILL_NUMBER = "bill_number"
    REFERENCE_LABEL = "reference_label"
    BOTH = "both"


class Ended(StrEnum):
    """What the app did with the code after its end."""

    UNKNOWN = "unknown"
    REFUSED = "refused"
    STILL_OPEN = "still_open"


class App(msgspec.Struct, frozen=True, kw_only=True):
    """What one bank's app did. What comes after `opened` is meant only where it opened the code."""

    name: Annotated[str, Meta(min_length=1, max_length=40)]
    opened: Opened
    payee: Payee = Payee.HIDDEN
    amount: Amount = Amount.FIXED
    shown: Seen = Seen.UNKNOWN
    booked: Seen = Seen.UNKNOWN
    ended: Ended = Ended.UNKNOWN


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """A test code and what each app did with it. `at_us` is when that was told, `by` whom."""

    step: Step
    apps: tuple[App, ...]
    at_us: int = 0
    by: str = ""


class Why(StrEnum):
    """A reason for what follows."""

    OTHER_PAYEE = "other payee"
    NEVER_OPENED = "never opened"
    REFUSED = "refused"
    BOOKED = "booked"
    BOOKED_APART = "booked apart"
    NOT_BOOKED = "not booked"
    SHOWN = "shown"
    NOT_SHOWN = "not shown"
    NO_REFERENCE = "no reference"
    AMOUNT_FIXED = "amount fixed"
    AMOUNT_CHANGEABLE = "amount changeable"
    AMOUNT_MISSING = "amount missing"
    TIMEOUT_HEEDED = "timeout heeded"
    TIMEOUT_IGNORED = "timeout ignored"
    TIMEOUT_HARMLESS = "timeout harmless"
    TIMEOUT_REFUSED = "timeout refused"


class Again(msgspec.Struct, frozen=True):
    """Try the code of this step next."""

    step: Step
    why: Why


class Stop(msgspec.Struct, frozen=True):
    """Nothing can be set: something about the account itself is wrong."""

    why: Why


class Advice(msgspec.Struct, frozen=True, kw_only=True):
    """What the account should be set to, and one reason for each of the three."""

    reference_mode: ReferenceMode
    amount_lock: Literal[True] = True
    """Always: no app needs it off, and apps that heed it spare people a decision."""
    timeout_in_qr: bool
    reference_why: Why
    amount_why: Why
    timeout_why: Why

    def onto(self, account: FpsAccount) -> FpsAccount:
        """Return the account set so."""
        return msgspec.structs.replace(
            account,
            reference_mode=self.reference_mode,
            amount_lock=self.amount_lock,
            timeout_in_qr=self.timeout_in_qr,
        )


FIELDS: Final[dict[Step, frozenset[ReferenceMode]]] = {
    Step.BOTH: frozenset({ReferenceMode.BILL_NUMBER, ReferenceMode.REFERENCE_LABEL}),
    Step.BILL_NUMBER: frozenset({ReferenceMode.BILL_NUMBER}),
    Step.REFERENCE_LABEL: frozenset({ReferenceMode.REFERENCE_LABEL}),
    Step.NO_REFERENCE: frozenset(),
    Step.NO_TIMEOUT: frozenset(),
}
"""Step → the fields that carry a text in its code."""

_SEEN: Final[dict[Seen, frozenset[ReferenceMode]]] = {
    Seen.NEITHER: frozenset(),
    Seen.BILL_NUMBER: FIELDS[Step.BILL_NUMBER],
    Seen.REFERENCE_LABEL: FIELDS[Step.REFERENCE_LABEL],
    Seen.BOTH: FIELDS[Step.BOTH],
}
_MODES: Final[dict[frozenset[ReferenceMode], ReferenceMode]] = {
    frozenset(): ReferenceMode.NONE,
    FIELDS[Step.BILL_NUMBER]: ReferenceMode.BILL_NUMBER,
    FIELDS[Step.REFERENCE_LABEL]: ReferenceMode.REFERENCE_LABEL,
    FIELDS[Step.BOTH]: ReferenceMode.BOTH,
}


def texts(step: Step, stamp: str) -> dict[str, str]:
    """Return the texts in the fields of a step's code, by the names of `codecs.emv_qr.FpsQr`.

    `stamp` are 8 digits that are never the same again: some banks take each reference once.
    """
    begins = {ReferenceMode.BILL_NUMBER: BILL, ReferenceMode.REFERENCE_LABEL: LABEL}
    return {mode.value: begins[mode] + stamp for mode in sorted(FIELDS[step])}


def has_timeout(step: Step) -> bool:
    """Whether a step's code says until when it may be paid."""
    return step is not Step.NO_TIMEOUT


def follows(trial: Trial) -> Again | Stop | Advice:
    """Return what follows from what both apps did."""
    apps = [app for app in trial.apps if app.opened is Opened.YES]
    # A wrong name comes first: whoever paid such a code would pay somebody else.
    if any(app.payee is Payee.OTHER for app in apps):
        return Stop(Why.OTHER_PAYEE)
    if len(apps) < len(trial.apps):
        order = list(Step)
        later = order[order.index(trial.step) + 1 :]
        return Again(later[0], Why.REFUSED) if later else Stop(Why.NEVER_OPENED)
    mode, reference_why = _reference(trial.step, apps)
    timeout, timeout_why = _timeout(trial.step, apps)
    return Advice(
        reference_mode=mode,
        reference_why=reference_why,
        amount_why=_amount(apps),
        timeout_in_qr=timeout,
        timeout_why=timeout_why,
    )


def _reference(step: Step, apps: Sequence[App]) -> tuple[ReferenceMode, Why]:
    """Return where the reference goes: where the bank's books give it back, or else apps show it.

    A reference that nobody has seen again is left out: it tells no payments apart, and other banks'
    apps may refuse it.
    """
    fields = FIELDS[step]
    if not fields:
        return ReferenceMode.NONE, Why.NO_REFERENCE
    booked = [_SEEN[app.booked] & fields for app in apps if app.booked is not Seen.UNKNOWN]
    if booked:
        # Of money from every bank, one field is enough; else each bank's own is carried.
        everywhere, somewhere = frozenset.intersection(*booked), frozenset.union(*booked)
        found = everywhere or somewhere
        if not found:
            return ReferenceMode.NONE, Why.NOT_BOOKED
        return _MODES[found], Why.BOOKED if everywhere else Why.BOOKED_APART
    shown = [_SEEN[app.shown] & fields for app in apps if app.shown is not Seen.UNKNOWN]
    found = frozenset[ReferenceMode]().union(*shown)
    return _MODES[found], Why.SHOWN if found else Why.NOT_SHOWN


def _amount(apps: Sequence[App]) -> Why:
    amounts = {app.amount for app in apps}
    if Amount.MISSING in amounts:
        return Why.AMOUNT_MISSING
    return Why.AMOUNT_CHANGEABLE if Amount.CHANGEABLE in amounts else Why.AMOUNT_FIXED


def _timeout(step: Step, apps: Sequence[App]) -> tuple[bool, Why]:
    if not has_timeout(step):
        return False, Why.TIMEOUT_REFUSED
    ends = {app.ended for app in apps}
    if Ended.STILL_OPEN in ends:
        return True, Why.TIMEOUT_IGNORED
    return True, Why.TIMEOUT_HEEDED if Ended.REFUSED in ends else Why.TIMEOUT_HARMLESS
