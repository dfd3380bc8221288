"""The state machine, as a table that a merchant's manager can read."""

from __future__ import annotations

from typing import Any, Final, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sampan.domain import events as ev
from sampan.domain.codes import message
from sampan.domain.machine import MOVES, Alarm, Decision, Ignore, Move, decide
from sampan.domain.payment import Customer, DisplayData, Payment, Targets
from sampan.domain.project import OtherAmount, ProjectSettings
from sampan.domain.statuses import FINAL, PaymentStatus

NOW_US: Final = 1_735_689_600_000_000
FINISHED_US: Final = NOW_US - 60_000_000
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
    "staff accept": ev.StaffAccepted(RIGHT, "T1"),
    "staff decline": ev.StaffDeclined(),
}

TABLE: Final = [
    ("no payment yet", "sale accepted", "becomes processing: 9999 Awaiting processing"),
    ("no payment yet", "sale rejected", "becomes error: 502 Validation error"),
    ("no payment yet", "QR issued", "nothing"),
    ("no payment yet", "QR issued on our page", "nothing"),
    ("no payment yet", "customer refuses", "nothing"),
    ("no payment yet", "right sum arrives", "cannot happen"),
    ("no payment yet", "time runs out", "nothing"),
    ("no payment yet", "staff accept", "nothing"),
    ("no payment yet", "staff decline", "nothing"),
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
    ("processing", "staff accept", "becomes success: 0 Success"),
    ("processing", "staff decline", "becomes decline: 20304 Incorrect amount paid"),
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
    ("awaiting customer action", "staff accept", "becomes success: 0 Success"),
    ("awaiting customer action", "staff decline", "becomes decline: 20304 Incorrect amount paid"),
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
    ("awaiting redirect result", "staff accept", "becomes success: 0 Success"),
    ("awaiting redirect result", "staff decline", "becomes decline: 20304 Incorrect amount paid"),
    ("success", "sale accepted", "nothing"),
    ("success", "sale rejected", "nothing"),
    ("success", "QR issued", "nothing"),
    ("success", "QR issued on our page", "nothing"),
    ("success", "customer refuses", "nothing"),
    ("success", "right sum arrives", "alarm: double, unapplied"),
    ("success", "time runs out", "nothing"),
    ("success", "staff accept", "nothing"),
    ("success", "staff decline", "nothing"),
    ("decline", "sale accepted", "nothing"),
    ("decline", "sale rejected", "nothing"),
    ("decline", "QR issued", "nothing"),
    ("decline", "QR issued on our page", "nothing"),
    ("decline", "customer refuses", "nothing"),
    ("decline", "right sum arrives", "alarm: late, unapplied"),
    ("decline", "time runs out", "nothing"),
    ("decline", "staff accept", "becomes success: 0 Success"),
    ("decline", "staff decline", "nothing"),
    ("error", "sale accepted", "becomes processing: 9999 Awaiting processing"),
    ("error", "sale rejected", "becomes error: 502 Validation error"),
    ("error", "QR issued", "nothing"),
    ("error", "QR issued on our page", "nothing"),
    ("error", "customer refuses", "nothing"),
    ("error", "right sum arrives", "alarm: payment in error, unapplied"),
    ("error", "time runs out", "nothing"),
    ("error", "staff accept", "nothing"),
    ("error", "staff decline", "nothing"),
]
"""(a payment's status, what happens, what follows), with a project's default settings."""

CREDITS: Final = [
    # the payment waits, another sum arrives
    ("processing", "hold", 9_999, "alarm: short, held for staff"),
    ("awaiting customer action", "hold", 9_999, "alarm: short, held for staff"),
    ("awaiting customer action", "hold", 10_001, "alarm: over, held for staff"),
    ("awaiting redirect result", "hold", 10_001, "alarm: over, held for staff"),
    ("awaiting customer action", "accept", 9_999, "becomes success: 0 Success"),
    ("awaiting customer action", "accept", 10_001, "becomes success: 0 Success"),
    ("awaiting customer action", "decline", 9_999, "becomes decline: 20304 Incorrect amount paid"),
    ("awaiting customer action", "decline", 10_001, "becomes decline: 20304 Incorrect amount paid"),
    ("awaiting customer action", "decline", 10_000, "becomes success: 0 Success"),
    # the payment is over, another sum arrives: what the project wants for waiting ones is no matter
    ("decline", "accept", 9_999, "alarm: late, unapplied"),
    ("success", "accept", 9_999, "alarm: double, unapplied"),
    ("error", "accept", 9_999, "alarm: payment in error, unapplied"),
]
"""(a payment's status, what the project wants with other sums, the sum, what follows)."""


def a_payment(status: str, **changes: Any) -> Payment:  # noqa: ANN401 - fields of every type
    """A payment over 100.00 in HKD in a status, finished a minute ago if it is final."""
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
    seen = {
        (payment and payment.status, type(event)): decision.to
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


@pytest.mark.parametrize("happens", ["customer refuses", "time runs out"])
def test_held_money_stops_the_clock(happens: str) -> None:
    """A payment with held money is declined by nobody but staff."""
    payment = a_payment("awaiting customer action", held_count=1)
    assert in_words(decided(payment, EVENTS[happens])) == "nothing"


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
    st.builds(ev.Refused, st.sampled_from(["20301", "20100"])),
    st.builds(ev.Credited, amounts, st.sampled_from(["HKD", "CNY"]), st.just("T1")),
    st.builds(ev.StaffAccepted, amounts, st.just("T1")),
)
choices = st.builds(
    ProjectSettings,
    other_amount=st.sampled_from(OtherAmount),
    late_accept_s=st.sampled_from([0, 60]),
)


@given(st.lists(happenings, max_size=30), choices, st.integers(0, 60_000_000))
def test_no_way_leaves_a_final_status_but_the_listed(
    happened: list[ev.Event], settings: ProjectSettings, pause_us: int
) -> None:
    """Whatever happens in whatever order, each change of status stands in `MOVES`."""
    payment = a_payment("processing")
    now_us = NOW_US
    for event in happened:
        now_us += pause_us
        before = payment.status
        decision = decide(payment, event, settings=settings, now_us=now_us)
        if isinstance(decision, Move):
            listed = {MOVES.get((before, type(event)))}
            if isinstance(event, ev.Credited):
                listed.add(MOVES.get((before, ev.StaffDeclined)))
            assert decision.to in listed
            payment = msgspec.structs.replace(
                payment,
                status=decision.to,
                finished_us=now_us if decision.to in FINAL else None,
            )
        if before is PaymentStatus.SUCCESS:
            assert payment.status is PaymentStatus.SUCCESS


@given(st.sampled_from(PaymentStatus), happenings, choices, st.integers(0, 2))
def test_decide_is_pure(
    status: PaymentStatus, event: ev.Event, settings: ProjectSettings, held_count: int
) -> None:
    """The same question has the same answer, and asking changes nothing."""
    payment = a_payment(status, held_count=held_count)
    first = decide(payment, event, settings=settings, now_us=NOW_US)
    assert decide(payment, event, settings=settings, now_us=NOW_US) == first
    assert payment == a_payment(status, held_count=held_count)
