"""The state machine, as a table that a merchant's manager can read."""

from __future__ import annotations

import dataclasses
from typing import Any, Final, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sampan.domain import events as ev
from sampan.domain.codes import message
from sampan.domain.machine import MOVES, Alarm, Decision, Ignore, Move, Release, decide
from sampan.domain.payment import Customer, DisplayData, Payment, Targets
from sampan.domain.project import OtherAmount, ProjectSettings
from sampan.domain.statuses import FINAL, LINK_OPEN, Origin, PaymentStatus

NOW_US: Final = 1_735_689_600_000_000
FINISHED_US: Final = NOW_US - 60_000_000
RETRY_UNTIL_US: Final = NOW_US + 300_000_000
DISPLAY: Final = DisplayData(payload="0002", expires_us=NOW_US, lifetime_s=600)
RIGHT: Final = 10_000
NEW: Final = "no payment yet"

EVENTS: Final[dict[str, ev.Event]] = {
    "sale accepted": ev.Accepted(),
    "sale rejected": ev.Rejected(()),
    "QR issued": ev.Issued(DISPLAY),
    "QR issued on our page": ev.IssuedRedirect(DISPLAY),
    "customer refuses": ev.Refused("20301"),
    "right sum arrives": ev.Credited(RIGHT, "HKD", "T1"),
    "time runs out": ev.Expired(),
    "attempt fails": ev.AttemptFailed("20602", RETRY_UNTIL_US),
    "customer tries again": ev.TriedAgain("request-2"),
    "customer gives up": ev.GaveUp(),
    "link made": ev.LinkMade(),
    "link mailed": ev.LinkSent("https://pay.example/payment/s/x"),
    "link cancelled": ev.LinkCancelled(),
    "customer confirms": ev.Confirmed("request-2"),
    "staff accept": ev.StaffAccepted(RIGHT, "T1"),
    "staff decline": ev.StaffDeclined(),
    "held money goes elsewhere": ev.HeldMoved(),
}

TABLE: Final = [
    ("no payment yet", "sale accepted", "becomes processing: 9999 Awaiting processing"),
    ("no payment yet", "sale rejected", "becomes error: 502 Validation error"),
    ("no payment yet", "QR issued", "nothing"),
    ("no payment yet", "QR issued on our page", "nothing"),
    ("no payment yet", "customer refuses", "nothing"),
    ("no payment yet", "right sum arrives", "cannot happen"),
    ("no payment yet", "time runs out", "nothing"),
    ("no payment yet", "attempt fails", "nothing"),
    ("no payment yet", "customer tries again", "nothing"),
    ("no payment yet", "customer gives up", "nothing"),
    ("no payment yet", "link made", "becomes awaiting payment: 9999 Awaiting processing"),
    ("no payment yet", "link mailed", "nothing"),
    ("no payment yet", "link cancelled", "nothing"),
    ("no payment yet", "customer confirms", "nothing"),
    ("no payment yet", "staff accept", "nothing"),
    ("no payment yet", "staff decline", "nothing"),
    ("no payment yet", "held money goes elsewhere", "nothing"),
    ("processing", "sale accepted", "nothing"),
    ("processing", "sale rejected", "nothing"),
    ("processing", "QR issued", "becomes awaiting customer action: 9999 Awaiting processing"),
    (
        "processing",
        "QR issued on our page",
        "becomes awaiting redirect result: 9999 Awaiting processing",
    ),
    ("processing", "customer refuses", "becomes decline: 20301 Account owner cancelled operation"),
    ("processing", "right sum arrives", "becomes success: 0 Success"),
    ("processing", "time runs out", "becomes decline: 20602 Time-out"),
    ("processing", "attempt fails", "becomes awaiting customer: 20602 Time-out"),
    ("processing", "customer tries again", "nothing"),
    ("processing", "customer gives up", "nothing"),
    ("processing", "link made", "nothing"),
    ("processing", "link mailed", "nothing"),
    ("processing", "link cancelled", "nothing"),
    ("processing", "customer confirms", "nothing"),
    ("processing", "staff accept", "becomes success: 0 Success"),
    ("processing", "staff decline", "becomes decline: 20304 Incorrect amount paid"),
    ("processing", "held money goes elsewhere", "nothing"),
    ("awaiting customer action", "sale accepted", "nothing"),
    ("awaiting customer action", "sale rejected", "nothing"),
    ("awaiting customer action", "QR issued", "nothing"),
    ("awaiting customer action", "QR issued on our page", "nothing"),
    (
        "awaiting customer action",
        "customer refuses",
        "becomes decline: 20301 Account owner cancelled operation",
    ),
    ("awaiting customer action", "right sum arrives", "becomes success: 0 Success"),
    ("awaiting customer action", "time runs out", "becomes decline: 20602 Time-out"),
    ("awaiting customer action", "attempt fails", "becomes awaiting customer: 20602 Time-out"),
    ("awaiting customer action", "customer tries again", "nothing"),
    ("awaiting customer action", "customer gives up", "nothing"),
    ("awaiting customer action", "link made", "nothing"),
    ("awaiting customer action", "link mailed", "nothing"),
    ("awaiting customer action", "link cancelled", "nothing"),
    ("awaiting customer action", "customer confirms", "nothing"),
    ("awaiting customer action", "staff accept", "becomes success: 0 Success"),
    ("awaiting customer action", "staff decline", "becomes decline: 20304 Incorrect amount paid"),
    ("awaiting customer action", "held money goes elsewhere", "nothing"),
    ("awaiting redirect result", "sale accepted", "nothing"),
    ("awaiting redirect result", "sale rejected", "nothing"),
    ("awaiting redirect result", "QR issued", "nothing"),
    ("awaiting redirect result", "QR issued on our page", "nothing"),
    (
        "awaiting redirect result",
        "customer refuses",
        "becomes decline: 20301 Account owner cancelled operation",
    ),
    ("awaiting redirect result", "right sum arrives", "becomes success: 0 Success"),
    ("awaiting redirect result", "time runs out", "becomes decline: 20602 Time-out"),
    ("awaiting redirect result", "attempt fails", "becomes awaiting customer: 20602 Time-out"),
    ("awaiting redirect result", "customer tries again", "nothing"),
    ("awaiting redirect result", "customer gives up", "nothing"),
    ("awaiting redirect result", "link made", "nothing"),
    ("awaiting redirect result", "link mailed", "nothing"),
    ("awaiting redirect result", "link cancelled", "nothing"),
    ("awaiting redirect result", "customer confirms", "nothing"),
    ("awaiting redirect result", "staff accept", "becomes success: 0 Success"),
    ("awaiting redirect result", "staff decline", "becomes decline: 20304 Incorrect amount paid"),
    ("awaiting redirect result", "held money goes elsewhere", "nothing"),
    ("awaiting customer", "sale accepted", "nothing"),
    ("awaiting customer", "sale rejected", "nothing"),
    ("awaiting customer", "QR issued", "nothing"),
    ("awaiting customer", "QR issued on our page", "nothing"),
    ("awaiting customer", "customer refuses", "nothing"),
    ("awaiting customer", "right sum arrives", "becomes success: 0 Success"),
    ("awaiting customer", "time runs out", "becomes decline: 20602 Time-out"),
    ("awaiting customer", "attempt fails", "nothing"),
    ("awaiting customer", "customer tries again", "becomes processing: 9999 Awaiting processing"),
    (
        "awaiting customer",
        "customer gives up",
        "becomes decline: 20301 Account owner cancelled operation",
    ),
    ("awaiting customer", "link made", "nothing"),
    ("awaiting customer", "link mailed", "nothing"),
    ("awaiting customer", "link cancelled", "nothing"),
    ("awaiting customer", "customer confirms", "nothing"),
    ("awaiting customer", "staff accept", "becomes success: 0 Success"),
    ("awaiting customer", "staff decline", "becomes decline: 20304 Incorrect amount paid"),
    ("awaiting customer", "held money goes elsewhere", "nothing"),
    ("success", "sale accepted", "nothing"),
    ("success", "sale rejected", "nothing"),
    ("success", "QR issued", "nothing"),
    ("success", "QR issued on our page", "nothing"),
    ("success", "customer refuses", "nothing"),
    ("success", "right sum arrives", "alarm: double, unapplied"),
    ("success", "time runs out", "nothing"),
    ("success", "attempt fails", "nothing"),
    ("success", "customer tries again", "nothing"),
    ("success", "customer gives up", "nothing"),
    ("success", "link made", "nothing"),
    ("success", "link mailed", "nothing"),
    ("success", "link cancelled", "nothing"),
    ("success", "customer confirms", "nothing"),
    ("success", "staff accept", "nothing"),
    ("success", "staff decline", "nothing"),
    ("success", "held money goes elsewhere", "nothing"),
    ("decline", "sale accepted", "nothing"),
    ("decline", "sale rejected", "nothing"),
    ("decline", "QR issued", "nothing"),
    ("decline", "QR issued on our page", "nothing"),
    ("decline", "customer refuses", "nothing"),
    ("decline", "right sum arrives", "alarm: late, unapplied"),
    ("decline", "time runs out", "nothing"),
    ("decline", "attempt fails", "nothing"),
    ("decline", "customer tries again", "nothing"),
    ("decline", "customer gives up", "nothing"),
    ("decline", "link made", "nothing"),
    ("decline", "link mailed", "nothing"),
    ("decline", "link cancelled", "nothing"),
    ("decline", "customer confirms", "nothing"),
    ("decline", "staff accept", "becomes success: 0 Success"),
    ("decline", "staff decline", "nothing"),
    ("decline", "held money goes elsewhere", "nothing"),
    ("error", "sale accepted", "becomes processing: 9999 Awaiting processing"),
    ("error", "sale rejected", "becomes error: 502 Validation error"),
    ("error", "QR issued", "nothing"),
    ("error", "QR issued on our page", "nothing"),
    ("error", "customer refuses", "nothing"),
    ("error", "right sum arrives", "alarm: payment in error, unapplied"),
    ("error", "time runs out", "nothing"),
    ("error", "attempt fails", "nothing"),
    ("error", "customer tries again", "nothing"),
    ("error", "customer gives up", "nothing"),
    ("error", "link made", "becomes awaiting payment: 9999 Awaiting processing"),
    ("error", "link mailed", "nothing"),
    ("error", "link cancelled", "nothing"),
    ("error", "customer confirms", "nothing"),
    ("error", "staff accept", "nothing"),
    ("error", "staff decline", "nothing"),
    ("error", "held money goes elsewhere", "nothing"),
    ("awaiting payment", "sale accepted", "nothing"),
    ("awaiting payment", "sale rejected", "nothing"),
    ("awaiting payment", "QR issued", "nothing"),
    ("awaiting payment", "QR issued on our page", "nothing"),
    ("awaiting payment", "customer refuses", "nothing"),
    ("awaiting payment", "right sum arrives", "alarm: no QR was made, unapplied"),
    ("awaiting payment", "time runs out", "becomes expired: 20602 Time-out"),
    ("awaiting payment", "attempt fails", "nothing"),
    ("awaiting payment", "customer tries again", "nothing"),
    ("awaiting payment", "customer gives up", "nothing"),
    ("awaiting payment", "link made", "nothing"),
    ("awaiting payment", "link mailed", "becomes invoice sent: 9999 Awaiting processing"),
    ("awaiting payment", "link cancelled", "becomes invoice canceled: 301 Cancelled"),
    ("awaiting payment", "customer confirms", "becomes processing: 9999 Awaiting processing"),
    ("awaiting payment", "staff accept", "nothing"),
    ("awaiting payment", "staff decline", "nothing"),
    ("awaiting payment", "held money goes elsewhere", "nothing"),
    ("invoice sent", "sale accepted", "nothing"),
    ("invoice sent", "sale rejected", "nothing"),
    ("invoice sent", "QR issued", "nothing"),
    ("invoice sent", "QR issued on our page", "nothing"),
    ("invoice sent", "customer refuses", "nothing"),
    ("invoice sent", "right sum arrives", "alarm: no QR was made, unapplied"),
    ("invoice sent", "time runs out", "becomes expired: 20602 Time-out"),
    ("invoice sent", "attempt fails", "nothing"),
    ("invoice sent", "customer tries again", "nothing"),
    ("invoice sent", "customer gives up", "nothing"),
    ("invoice sent", "link made", "nothing"),
    ("invoice sent", "link mailed", "nothing"),
    ("invoice sent", "link cancelled", "becomes invoice canceled: 301 Cancelled"),
    ("invoice sent", "customer confirms", "becomes processing: 9999 Awaiting processing"),
    ("invoice sent", "staff accept", "nothing"),
    ("invoice sent", "staff decline", "nothing"),
    ("invoice sent", "held money goes elsewhere", "nothing"),
    ("expired", "sale accepted", "nothing"),
    ("expired", "sale rejected", "nothing"),
    ("expired", "QR issued", "nothing"),
    ("expired", "QR issued on our page", "nothing"),
    ("expired", "customer refuses", "nothing"),
    ("expired", "right sum arrives", "alarm: no QR was made, unapplied"),
    ("expired", "time runs out", "nothing"),
    ("expired", "attempt fails", "nothing"),
    ("expired", "customer tries again", "nothing"),
    ("expired", "customer gives up", "nothing"),
    ("expired", "link made", "nothing"),
    ("expired", "link mailed", "nothing"),
    ("expired", "link cancelled", "nothing"),
    ("expired", "customer confirms", "nothing"),
    ("expired", "staff accept", "nothing"),
    ("expired", "staff decline", "nothing"),
    ("expired", "held money goes elsewhere", "nothing"),
    ("invoice canceled", "sale accepted", "nothing"),
    ("invoice canceled", "sale rejected", "nothing"),
    ("invoice canceled", "QR issued", "nothing"),
    ("invoice canceled", "QR issued on our page", "nothing"),
    ("invoice canceled", "customer refuses", "nothing"),
    ("invoice canceled", "right sum arrives", "alarm: no QR was made, unapplied"),
    ("invoice canceled", "time runs out", "nothing"),
    ("invoice canceled", "attempt fails", "nothing"),
    ("invoice canceled", "customer tries again", "nothing"),
    ("invoice canceled", "customer gives up", "nothing"),
    ("invoice canceled", "link made", "nothing"),
    ("invoice canceled", "link mailed", "nothing"),
    ("invoice canceled", "link cancelled", "nothing"),
    ("invoice canceled", "customer confirms", "nothing"),
    ("invoice canceled", "staff accept", "nothing"),
    ("invoice canceled", "staff decline", "nothing"),
    ("invoice canceled", "held money goes elsewhere", "nothing"),
]
"""(a payment's status, what happens, what follows), with a project's default settings."""

CREDITS: Final = [
    # the payment waits, another sum arrives
    ("processing", "hold", 9_999, "alarm: short, held for staff"),
    ("awaiting customer action", "hold", 9_999, "alarm: short, held for staff"),
    ("awaiting customer action", "hold", 10_001, "alarm: over, held for staff"),
    ("awaiting redirect result", "hold", 10_001, "alarm: over, held for staff"),
    ("awaiting customer", "hold", 9_999, "alarm: short, held for staff"),
    ("awaiting customer action", "accept", 9_999, "becomes success: 0 Success"),
    ("awaiting customer action", "accept", 10_001, "becomes success: 0 Success"),
    ("awaiting customer action", "decline", 9_999, "becomes decline: 20304 Incorrect amount paid"),
    ("awaiting customer action", "decline", 10_001, "becomes decline: 20304 Incorrect amount paid"),
    ("awaiting customer action", "decline", 10_000, "becomes success: 0 Success"),
    ("awaiting customer", "accept", 10_001, "becomes success: 0 Success"),
    ("awaiting customer", "decline", 9_999, "becomes decline: 20304 Incorrect amount paid"),
    # the payment is over, another sum arrives: what the project wants for waiting ones is no matter
    ("decline", "accept", 9_999, "alarm: late, unapplied"),
    ("success", "accept", 9_999, "alarm: double, unapplied"),
    ("error", "accept", 9_999, "alarm: payment in error, unapplied"),
    ("awaiting payment", "accept", 9_999, "alarm: no QR was made, unapplied"),
    ("expired", "accept", 9_999, "alarm: no QR was made, unapplied"),
]
"""(a payment's status, what the project wants with other sums, the sum, what follows)."""


def a_payment(status: str, **changes: Any) -> Payment:  # noqa: ANN401 - fields of every type
    """A payment over 100.00 in HKD in a status, finished a minute ago if it is final.

    One that awaits the customer was asked for on our page, and may be tried again for five minutes.
    A link is good for another microsecond.
    """
    failed = status == PaymentStatus.AWAITING_CUSTOMER
    link = status in {*LINK_OPEN, PaymentStatus.EXPIRED, PaymentStatus.INVOICE_CANCELED}
    fields: dict[str, Any] = {
        "key": 1,
        "project_id": 123,
        "id": "p-1",
        "status": PaymentStatus(status),
        "currency": "HKD",
        "amount_minor": RIGHT,
        "paid_minor": RIGHT if status == PaymentStatus.SUCCESS else 0,
        "description": "",
        "customer": Customer(id="customer1"),
        "targets": Targets(),
        "display": None,
        "faults": (),
        "held_count": 0,
        "created_us": FINISHED_US - 1,
        "updated_us": FINISHED_US,
        "decline_us": NOW_US,
        "finished_us": FINISHED_US if status in FINAL else None,
        "origin": Origin.LINK if link else Origin.PAGE if failed else Origin.GATE,
        "retry_until_us": RETRY_UNTIL_US if failed else None,
        "best_before_us": NOW_US + 1 if link else None,
    }
    return Payment(**(fields | changes))


def decided(
    payment: Payment | None,
    event: ev.Event,
    *,
    now_us: int = NOW_US,
    **settings: Any,  # noqa: ANN401
) -> Decision:
    """What follows, with these project settings."""
    return decide(payment, event, settings=ProjectSettings(**settings), now_us=now_us)


def in_words(decision: Decision) -> str:
    """A decision as the table writes it."""
    match decision:
        case Move(to=to, code=code):
            return f"becomes {to}: {code} {message(code)}"
        case Alarm(reason=reason, held=held):
            return f"alarm: {reason}, {'held for staff' if held else 'unapplied'}"
        case Release():
            return "one held sum less"
        case Ignore():
            return "nothing"


@pytest.mark.parametrize(("status", "happens", "follows"), TABLE)
def test_what_follows(status: str, happens: str, follows: str) -> None:
    """Each status and event has the outcome of the table."""
    payment = None if status == NEW else a_payment(status)
    if follows == "cannot happen":
        with pytest.raises(AssertionError):
            decided(payment, EVENTS[happens])
    else:
        assert in_words(decided(payment, EVENTS[happens])) == follows


def test_the_table_is_whole() -> None:
    """Every status meets every event exactly once, and no event is forgotten."""
    met = [(status, happens) for status, happens, _ in TABLE]
    assert sorted(met) == sorted(
        (status, happens) for status in (NEW, *PaymentStatus) for happens in EVENTS
    )
    assert {type(event) for event in EVENTS.values()} == set(get_args(ev.Event))


def test_the_table_of_moves_says_what_is_decided() -> None:
    """Whatever `decide` may move to stands in `MOVES`, and each of its rows is possible."""
    seen: dict[tuple[PaymentStatus | None, type[ev.Event]], PaymentStatus] = {
        (payment.status if payment else None, type(event)): decision.to
        for payment in (None, *map(a_payment, PaymentStatus))
        for event in EVENTS.values()
        if payment or not isinstance(event, ev.Credited)
        if isinstance(decision := decided(payment, event, late_accept_s=600), Move)
    }
    assert seen == MOVES


@pytest.mark.parametrize(("status", "wants", "amount_minor", "follows"), CREDITS)
def test_other_sums(status: str, wants: str, amount_minor: int, follows: str) -> None:
    """Another sum is held, accepted or declined as the project wants, and only while one waits."""
    event = ev.Credited(amount_minor, "HKD", "T1")
    found = decided(a_payment(status), event, other_amount=OtherAmount(wants))
    assert in_words(found) == follows


@pytest.mark.parametrize("status", PaymentStatus)
def test_another_currency_never_pays(status: PaymentStatus) -> None:
    """The right number in another currency is an alarm in every status."""
    found = decided(a_payment(status), ev.Credited(RIGHT, "CNY", "T1"))
    assert in_words(found) == "alarm: wrong currency, unapplied"


@pytest.mark.parametrize("amount_minor", [1, RIGHT - 1, RIGHT])
def test_a_second_sum_waits_for_staff_too(amount_minor: int) -> None:
    """While one sum is held, a second one is held beside it, even one that fits."""
    payment = a_payment("awaiting customer action", held_count=1)
    found = decided(payment, ev.Credited(amount_minor, "HKD", "T2"))
    assert in_words(found) == "alarm: double, held for staff"


@pytest.mark.parametrize(
    ("status", "happens"),
    [
        ("awaiting customer action", "customer refuses"),
        ("awaiting customer action", "time runs out"),
        ("awaiting customer action", "attempt fails"),
        ("awaiting customer", "time runs out"),
        ("awaiting customer", "customer tries again"),
        ("awaiting customer", "customer gives up"),
    ],
)
def test_held_money_stops_the_clock(status: str, happens: str) -> None:
    """A payment with held money is declined, or tried again, by nobody but staff."""
    payment = a_payment(status, held_count=1, origin=Origin.PAGE)
    assert in_words(decided(payment, EVENTS[happens], retry_attempts_max=5)) == "nothing"


@pytest.mark.parametrize("held_count", [1, 2])
def test_held_money_goes_elsewhere(held_count: int) -> None:
    """A payment that was held for a sum is held for one less."""
    payment = a_payment("awaiting customer action", held_count=held_count)
    assert in_words(decided(payment, ev.HeldMoved())) == "one held sum less"


UNDER_WAY: Final = ("processing", "awaiting customer action", "awaiting redirect result")
FAILURES: Final = [
    ("customer refuses", "20301 Account owner cancelled operation"),
    ("time runs out", "20602 Time-out"),
]


@pytest.mark.parametrize("status", UNDER_WAY)
@pytest.mark.parametrize(("happens", "code"), FAILURES)
def test_a_failed_attempt(status: str, happens: str, code: str) -> None:
    """On our page, where another attempt is allowed, a refusal or a time-out ends no payment."""
    payment = a_payment(status, origin=Origin.PAGE)
    found = decided(payment, EVENTS[happens], retry_attempts_max=1, retry_window_s=600)
    assert in_words(found) == f"becomes awaiting customer: {code}"
    assert isinstance(found, Move)
    assert found.retry_until_us == NOW_US + 600_000_000


@pytest.mark.parametrize(
    ("changes", "attempts_max"),
    [
        ({"origin": Origin.GATE}, 5),
        ({}, 0),
        ({"attempts_count": 3}, 2),
        ({"attempts_count": 2, "retry_until_us": NOW_US}, 5),
        ({"best_before_us": NOW_US}, 5),
    ],
    ids=["Gate", "none allowed", "none left", "window over", "best_before over"],
)
@pytest.mark.parametrize(("happens", "code"), FAILURES)
def test_the_last_attempt(
    changes: dict[str, Any], attempts_max: int, happens: str, code: str
) -> None:
    """Where no other attempt may follow, a refusal or a time-out declines the payment."""
    payment = a_payment("awaiting customer action", **({"origin": Origin.PAGE} | changes))
    event = EVENTS[happens]
    assert isinstance(event, ev.Refused | ev.Expired)
    event = dataclasses.replace(event, attempt=payment.attempts_count)
    found = decided(payment, event, retry_attempts_max=attempts_max)
    assert in_words(found) == f"becomes decline: {code}"
    assert isinstance(found, Move)
    assert found.retry_until_us is None


def test_the_window_begins_with_the_first_failure() -> None:
    """A later failure leaves the end of the window where the first one put it."""
    until_us = NOW_US + 1
    payment = a_payment("processing", origin=Origin.PAGE, attempts_count=2, retry_until_us=until_us)
    found = decided(payment, ev.Expired(2), retry_attempts_max=5)
    assert isinstance(found, Move)
    assert (found.to, found.retry_until_us) == ("awaiting customer", until_us)


@pytest.mark.parametrize("status", PaymentStatus)
@pytest.mark.parametrize(
    "event",
    [ev.Issued(DISPLAY, 1), ev.IssuedRedirect(DISPLAY, 1), ev.Refused("20301", 1), ev.Expired(1)],
    ids=["QR issued", "QR issued on our page", "customer refuses", "time runs out"],
)
def test_news_of_an_earlier_attempt(status: PaymentStatus, event: ev.Event) -> None:
    """What was said about the first attempt is nothing to the second."""
    payment = a_payment(status, attempts_count=2, origin=Origin.PAGE)
    assert in_words(decided(payment, event, retry_attempts_max=5)) == "nothing"


@pytest.mark.parametrize(
    ("until_us", "follows"),
    [
        (NOW_US + 1, "becomes processing: 9999 Awaiting processing"),
        (NOW_US, "nothing"),
        (NOW_US - 1, "nothing"),
    ],
)
def test_trying_again_in_time(until_us: int, follows: str) -> None:
    """Another attempt begins before the end of the window, not at it."""
    payment = a_payment("awaiting customer", retry_until_us=until_us)
    assert in_words(decided(payment, EVENTS["customer tries again"])) == follows


@pytest.mark.parametrize("status", sorted(LINK_OPEN))
@pytest.mark.parametrize(
    ("until_us", "follows"),
    [
        (NOW_US + 1, "becomes processing: 9999 Awaiting processing"),
        (NOW_US, "nothing"),
        (NOW_US - 1, "nothing"),
    ],
)
def test_confirming_a_link_in_time(status: str, until_us: int, follows: str) -> None:
    """A link is confirmed before `best_before`, not at it."""
    payment = a_payment(status, best_before_us=until_us)
    assert in_words(decided(payment, EVENTS["customer confirms"])) == follows


@pytest.mark.parametrize("status", sorted(LINK_OPEN))
def test_a_link_that_is_too_late_is_no_failed_attempt(status: str) -> None:
    """Whatever the project allows, what nobody confirmed is not tried again; clocks may differ."""
    found = decided(a_payment(status), EVENTS["time runs out"], retry_attempts_max=5)
    assert in_words(found) == "becomes expired: 20602 Time-out"


@pytest.mark.parametrize("attempts_max", [0, 5])
def test_staff_decline_for_good(attempts_max: int) -> None:
    """Staff who decline leave the customer no other attempt."""
    payment = a_payment("awaiting customer action", origin=Origin.PAGE, held_count=1)
    found = decided(payment, ev.StaffDeclined(), retry_attempts_max=attempts_max)
    assert in_words(found) == "becomes decline: 20304 Incorrect amount paid"


@pytest.mark.parametrize(
    ("after_us", "follows"),
    [
        (0, "becomes success: 0 Success"),
        (59_999_999, "becomes success: 0 Success"),
        (60_000_000, "alarm: late, unapplied"),
    ],
)
def test_late_money_within_the_projects_patience(after_us: int, follows: str) -> None:
    """With `late_accept_s` 60 the right sum is taken for 60 seconds after the decline."""
    found = decided(
        a_payment("decline"),
        EVENTS["right sum arrives"],
        now_us=FINISHED_US + after_us,
        late_accept_s=60,
    )
    assert in_words(found) == follows


@pytest.mark.parametrize("after_us", [-1_000_000, 0, 1])
def test_late_money_without_patience(after_us: int) -> None:
    """By default nothing is taken after the decline, even by a clock that is slow."""
    now_us = FINISHED_US + after_us
    found = decided(a_payment("decline"), EVENTS["right sum arrives"], now_us=now_us)
    assert in_words(found) == "alarm: late, unapplied"


def test_late_money_of_another_sum() -> None:
    """Patience is for the right sum only."""
    event = ev.Credited(RIGHT - 1, "HKD", "T1")
    found = decided(a_payment("decline"), event, now_us=FINISHED_US, late_accept_s=60)
    assert in_words(found) == "alarm: late, unapplied"


@pytest.mark.parametrize(
    "event", [ev.Credited(10_001, "HKD", "T1"), ev.StaffAccepted(10_001, "T1")]
)
def test_what_was_really_paid(event: ev.Event) -> None:
    """The move to success carries the sum that arrived, not the sum asked."""
    found = decided(a_payment("processing"), event, other_amount=OtherAmount.ACCEPT)
    assert isinstance(found, Move)
    assert found.paid_minor == 10_001


amounts = st.one_of(st.just(RIGHT), st.integers(1, 20_000))
happenings = st.one_of(
    st.sampled_from(
        [EVENTS[name] for name in EVENTS if name not in {"right sum arrives", "staff accept"}]
    ),
    st.builds(ev.Refused, st.sampled_from(["20301", "20100"]), st.sampled_from([1, 2])),
    st.builds(ev.Issued, st.just(DISPLAY), st.sampled_from([1, 2])),
    st.builds(ev.Expired, st.sampled_from([1, 2])),
    st.builds(ev.Credited, amounts, st.sampled_from(["HKD", "CNY"]), st.just("T1")),
    st.builds(ev.StaffAccepted, amounts, st.just("T1")),
)
choices = st.builds(
    ProjectSettings,
    other_amount=st.sampled_from(OtherAmount),
    late_accept_s=st.sampled_from([0, 60]),
    retry_attempts_max=st.sampled_from([0, 1, 2]),
)
origins = st.sampled_from(Origin)


@given(st.lists(happenings, max_size=30), choices, st.integers(0, 60_000_000), origins)
def test_no_way_leaves_a_final_status_but_the_listed(
    happened: list[ev.Event], settings: ProjectSettings, pause_us: int, origin: Origin
) -> None:
    """Whatever happens in whatever order, each change of status stands in `MOVES`."""
    payment = a_payment("processing", origin=origin)
    now_us = NOW_US
    for event in happened:
        now_us += pause_us
        before = payment.status
        decision = decide(payment, event, settings=settings, now_us=now_us)
        if isinstance(decision, Move):
            listed = {MOVES.get((before, type(event)))}
            if isinstance(event, ev.Credited):
                listed.add(MOVES.get((before, ev.StaffDeclined)))
            if isinstance(event, ev.Refused | ev.Expired) and origin is not Origin.GATE:
                listed.add(MOVES.get((before, ev.AttemptFailed)))
            assert decision.to in listed
            begun = isinstance(event, ev.TriedAgain)
            payment = msgspec.structs.replace(
                payment,
                status=decision.to,
                finished_us=now_us if decision.to in FINAL else None,
                attempts_count=payment.attempts_count + begun,
                retry_until_us=decision.retry_until_us or payment.retry_until_us,
            )
        if before is PaymentStatus.SUCCESS:
            assert payment.status is PaymentStatus.SUCCESS
        assert payment.attempts_count <= 1 + settings.retry_attempts_max


changes = st.fixed_dictionaries(
    {
        "held_count": st.integers(0, 2),
        "origin": origins,
        "attempts_count": st.integers(1, 3),
        "retry_until_us": st.sampled_from([None, NOW_US, RETRY_UNTIL_US]),
        "best_before_us": st.sampled_from([None, NOW_US, RETRY_UNTIL_US]),
    }
)


@given(st.sampled_from(PaymentStatus), happenings, choices, changes)
def test_decide_is_pure(
    status: PaymentStatus, event: ev.Event, settings: ProjectSettings, changes: dict[str, Any]
) -> None:
    """The same question has the same answer, and asking changes nothing."""
    payment = a_payment(status, **changes)
    first = decide(payment, event, settings=settings, now_us=NOW_US)
    assert decide(payment, event, settings=settings, now_us=NOW_US) == first
    assert payment == a_payment(status, **changes)
