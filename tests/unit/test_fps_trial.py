"""What follows from what two bank apps did with a test code."""

from __future__ import annotations

from typing import Any

import pytest

from sampan.codecs.emv_qr import decode
from sampan.domain import reference
from sampan.domain.fps_account import FpsAccount, account_of
from sampan.domain.fps_trial import (
    Advice,
    Again,
    Amount,
    App,
    Ended,
    Opened,
    Payee,
    Seen,
    Step,
    Stop,
    Trial,
    Why,
    follows,
    texts,
)
from sampan.domain.project import ReferenceMode
from sampan.flow import fps_codes

NONE, BILL, LABEL, BOTH = (
    ReferenceMode.NONE,
    ReferenceMode.BILL_NUMBER,
    ReferenceMode.REFERENCE_LABEL,
    ReferenceMode.BOTH,
)
NO = {"opened": Opened.REFUSED}
ACCOUNT = account_of(
    {"id": 7, "name": "Main", "proxy_kind": "fps_id", "proxy": "1029384", "payee_name": "TEA"}
)
NOON_US = 1_795_492_800_000_000
"""Noon of 24 November 2026 in Hong Kong."""


def told(step: Step, first: dict[str, Any], second: dict[str, Any]) -> Trial:
    """Return a trial in which both apps opened the code and named the payee, unless changed."""
    usual = {"opened": Opened.YES, "payee": Payee.RIGHT}
    apps = (App(name="HSBC", **{**usual, **first}), App(name="ZA", **{**usual, **second}))
    return Trial(step=step, apps=apps)


def advice(step: Step, first: dict[str, Any], second: dict[str, Any]) -> Advice:
    """Return what such a trial advises."""
    found = follows(told(step, first, second))
    assert isinstance(found, Advice)
    return found


@pytest.mark.parametrize(
    ("first", "second"), [(NO, {}), ({}, NO), (NO, NO)], ids=["first", "second", "both"]
)
def test_codes_get_barer(first: dict[str, Any], second: dict[str, Any]) -> None:
    """As long as one app refuses, the next code carries less; after the barest there is none."""
    gone, step = [], Step.BOTH
    while isinstance(found := follows(told(step, first, second)), Again):
        step = found.step
        gone.append(step)
    assert gone == list(Step)[1:]
    assert found == Stop(Why.NEVER_OPENED)


def test_a_wrong_payee_ends_it() -> None:
    """Where an app names somebody else nothing is set, whatever the other one did."""
    other = {"payee": Payee.OTHER}
    assert follows(told(Step.BOTH, NO, other)) == Stop(Why.OTHER_PAYEE)
    assert follows(told(Step.NO_TIMEOUT, other, {})) == Stop(Why.OTHER_PAYEE)


def test_an_app_that_shows_no_payee_is_taken() -> None:
    """Some apps name the payee only after the payment; that is no reason against the account."""
    assert isinstance(follows(told(Step.BOTH, {"payee": Payee.HIDDEN}, {})), Advice)


@pytest.mark.parametrize(
    ("step", "first", "second", "mode", "why"),
    [
        # What the bank's books say decides, against what apps show.
        (Step.BOTH, {"booked": Seen.BILL_NUMBER, "shown": Seen.BOTH}, {}, BILL, Why.BOOKED),
        (Step.BOTH, {"booked": Seen.REFERENCE_LABEL}, {}, LABEL, Why.BOOKED),
        (Step.BOTH, {"booked": Seen.BOTH}, {}, BOTH, Why.BOOKED),
        (Step.BOTH, {"booked": Seen.BOTH}, {"booked": Seen.BILL_NUMBER}, BILL, Why.BOOKED),
        (
            Step.BOTH,
            {"booked": Seen.BILL_NUMBER},
            {"booked": Seen.REFERENCE_LABEL},
            BOTH,
            Why.BOOKED_APART,
        ),
        (
            Step.BOTH,
            {"booked": Seen.NEITHER},
            {"booked": Seen.BILL_NUMBER},
            BILL,
            Why.BOOKED_APART,
        ),
        (Step.BOTH, {"booked": Seen.NEITHER, "shown": Seen.BOTH}, {}, NONE, Why.NOT_BOOKED),
        # Nobody has paid.
        (Step.BOTH, {"shown": Seen.BILL_NUMBER}, {}, BILL, Why.SHOWN),
        (
            Step.BOTH,
            {"shown": Seen.BILL_NUMBER},
            {"shown": Seen.REFERENCE_LABEL},
            BOTH,
            Why.SHOWN,
        ),
        (Step.BOTH, {"shown": Seen.NEITHER}, {}, NONE, Why.NOT_SHOWN),
        (Step.BOTH, {}, {}, NONE, Why.NOT_SHOWN),
        # A code tells only of what it carries.
        (Step.BILL_NUMBER, {"booked": Seen.BOTH}, {}, BILL, Why.BOOKED),
        (Step.BILL_NUMBER, {"booked": Seen.REFERENCE_LABEL}, {}, NONE, Why.NOT_BOOKED),
        (Step.REFERENCE_LABEL, {"shown": Seen.REFERENCE_LABEL}, {}, LABEL, Why.SHOWN),
        (Step.NO_REFERENCE, {"booked": Seen.BOTH}, {"shown": Seen.BOTH}, NONE, Why.NO_REFERENCE),
        (Step.NO_TIMEOUT, {}, {}, NONE, Why.NO_REFERENCE),
    ],
)
def test_reference(
    step: Step, first: dict[str, Any], second: dict[str, Any], mode: ReferenceMode, why: Why
) -> None:
    """The reference goes where it comes back; one that nobody has seen again is left out."""
    found = advice(step, first, second)
    assert (found.reference_mode, found.reference_why) == (mode, why)


@pytest.mark.parametrize(
    ("first", "second", "why"),
    [
        (Amount.FIXED, Amount.FIXED, Why.AMOUNT_FIXED),
        (Amount.FIXED, Amount.CHANGEABLE, Why.AMOUNT_CHANGEABLE),
        (Amount.MISSING, Amount.CHANGEABLE, Why.AMOUNT_MISSING),
    ],
)
def test_amount(first: Amount, second: Amount, why: Why) -> None:
    """The amount is locked in any case; people are told which apps do not keep to it."""
    found = advice(Step.BOTH, {"amount": first}, {"amount": second})
    assert (found.amount_lock, found.amount_why) == (True, why)


@pytest.mark.parametrize(
    ("step", "first", "second", "expected"),
    [
        (Step.BOTH, Ended.REFUSED, Ended.UNKNOWN, (True, Why.TIMEOUT_HEEDED)),
        (Step.BOTH, Ended.REFUSED, Ended.STILL_OPEN, (True, Why.TIMEOUT_IGNORED)),
        (Step.NO_REFERENCE, Ended.UNKNOWN, Ended.UNKNOWN, (True, Why.TIMEOUT_HARMLESS)),
        (Step.NO_TIMEOUT, Ended.UNKNOWN, Ended.UNKNOWN, (False, Why.TIMEOUT_REFUSED)),
    ],
)
def test_timeout(step: Step, first: Ended, second: Ended, expected: tuple[bool, Why]) -> None:
    """The end of the code stays in it, unless an app takes no code that has one."""
    found = advice(step, {"ended": first}, {"ended": second})
    assert (found.timeout_in_qr, found.timeout_why) == expected


def test_only_three_values_are_set() -> None:
    """An account that is set as advised differs in what the trial was about, and in no more."""
    before = account_of(
        {
            **{name: getattr(ACCOUNT, name) for name in FpsAccount.__struct_fields__},
            "amount_lock": False,
            "off_max_minor": 30,
            "is_on": False,
        }
    )
    after = advice(Step.NO_TIMEOUT, {}, {}).onto(before)
    assert (after.reference_mode, after.amount_lock, after.timeout_in_qr) == (NONE, True, False)
    assert (after.off_max_minor, after.is_on, after.proxy) == (30, False, "1029384")


@pytest.mark.parametrize(
    ("step", "bill", "label", "has_end"),
    [
        (Step.BOTH, "BILL24120000", "REFL24120000", True),
        (Step.BILL_NUMBER, "BILL24120000", None, True),
        (Step.REFERENCE_LABEL, None, "REFL24120000", True),
        (Step.NO_REFERENCE, None, None, True),
        (Step.NO_TIMEOUT, None, None, False),
    ],
)
def test_code(step: Step, bill: str | None, label: str | None, has_end: bool) -> None:  # noqa: FBT001 - a column of a table
    """The code of each step carries just what the step says, and HK$1.00 that nobody changes."""
    payload = fps_codes.step_payload(ACCOUNT, step, currency="HKD", now_us=NOON_US)
    view = decode(payload).fps
    assert view is not None
    assert (view.bill_number, view.reference_label) == (bill, label)
    assert (view.timeout_us is not None) == has_end
    assert (view.amount_minor, view.amount_editable) == (100, False)


def test_texts_name_no_payment() -> None:
    """A bank that gives such a text back never pays a payment of ours with it."""
    for day in range(1, 32):
        for second in range(0, 86_400, 61):
            stamp = f"{day:02}{second // 3600:02}{second // 60 % 60:02}{second % 60:02}"
            for text in texts(Step.BOTH, stamp).values():
                named = reference.decode(text)
                assert named is None or named > 2**53
