"""How long an attempt may take, and whether there may be another."""

from __future__ import annotations

from typing import Any, Final

import pytest

from sampan.domain import attempts
from sampan.domain.payment import Customer, Payment, Targets
from sampan.domain.project import ProjectSettings
from sampan.domain.statuses import Origin, PaymentStatus

NOW_US: Final = 1_735_689_600_000_000
SECOND_US: Final = 1_000_000
GRACE_US: Final = 300 * SECOND_US
SETTINGS: Final = ProjectSettings(qr_lifetime_s=600, retry_attempts_max=2, retry_window_s=600)


def a_payment(**changes: Any) -> Payment:  # noqa: ANN401 - fields of every type
    """A payment asked for on our page whose first attempt is under way, changed as told."""
    fields: dict[str, Any] = {
        "key": 1,
        "project_id": 123,
        "id": "p-1",
        "status": PaymentStatus.PROCESSING,
        "currency": "HKD",
        "amount_minor": 10_000,
        "paid_minor": 0,
        "description": "",
        "customer": Customer(id="customer1"),
        "targets": Targets(),
        "display": None,
        "faults": (),
        "held_count": 0,
        "created_us": NOW_US,
        "updated_us": NOW_US,
        "decline_us": NOW_US + 900 * SECOND_US,
        "finished_us": None,
        "origin": Origin.PAGE,
    }
    return Payment(**(fields | changes))


@pytest.mark.parametrize(
    ("decline_after_s", "best_before_us", "after_us"),
    [
        (None, None, 600 * SECOND_US + GRACE_US),
        (60, None, 60 * SECOND_US),
        (None, 600 * SECOND_US + 1, 600 * SECOND_US + GRACE_US),
        (None, 600 * SECOND_US, 600 * SECOND_US + GRACE_US),
        (None, 600 * SECOND_US - 1, 600 * SECOND_US - 1 + GRACE_US),
        (60, 1, 60 * SECOND_US),
        (None, 0, GRACE_US),
    ],
)
def test_when_an_attempt_is_declined(
    decline_after_s: int | None, best_before_us: int | None, after_us: int
) -> None:
    """An attempt ends after the project's time, or when `best_before` and its grace are over."""
    settings = ProjectSettings(qr_lifetime_s=600, decline_after_s=decline_after_s)
    until_us = None if best_before_us is None else NOW_US + best_before_us
    found = attempts.decline_us(settings, now_us=NOW_US, best_before_us=until_us)
    assert found == NOW_US + after_us


@pytest.mark.parametrize(
    ("decline_us", "best_before_us", "after_us"),
    [
        (900 * SECOND_US, None, 600 * SECOND_US),
        (600 * SECOND_US + 1, None, 600 * SECOND_US),
        (600 * SECOND_US - 1, None, 600 * SECOND_US - 1),
        (900 * SECOND_US, 600 * SECOND_US + 1, 600 * SECOND_US),
        (900 * SECOND_US, 600 * SECOND_US - 1, 600 * SECOND_US - 1),
    ],
)
def test_how_long_a_qr_lives(decline_us: int, best_before_us: int | None, after_us: int) -> None:
    """A QR ends with its lifetime, with its attempt or with `best_before`, whichever is first."""
    payment = a_payment(
        decline_us=NOW_US + decline_us,
        best_before_us=None if best_before_us is None else NOW_US + best_before_us,
    )
    assert attempts.qr_expires_us(SETTINGS, payment, begun_us=NOW_US) == NOW_US + after_us


@pytest.mark.parametrize(
    ("origin", "allowed", "made", "left"),
    [
        (Origin.PAGE, 0, 1, 0),
        (Origin.PAGE, 2, 1, 2),
        (Origin.PAGE, 2, 2, 1),
        (Origin.PAGE, 2, 3, 0),
        (Origin.PAGE, 0, 3, 0),
        (Origin.GATE, 2, 1, 0),
    ],
)
def test_how_many_are_left(origin: Origin, allowed: int, made: int, left: int) -> None:
    """The first attempt is free; through Gate there is no other; never fewer than none."""
    settings = ProjectSettings(retry_attempts_max=allowed)
    payment = a_payment(origin=origin, attempts_count=made)
    assert attempts.left_count(settings, payment) == left


@pytest.mark.parametrize(
    ("changes", "after_us"),
    [
        ({}, 600 * SECOND_US),
        ({"attempts_count": 2, "retry_until_us": NOW_US + 1}, 1),
        ({"attempts_count": 2, "retry_until_us": NOW_US}, None),
        ({"attempts_count": 2, "retry_until_us": NOW_US - 1}, None),
        ({"attempts_count": 3, "retry_until_us": NOW_US + 1}, None),
        ({"best_before_us": NOW_US + 600 * SECOND_US + 1}, 600 * SECOND_US),
        ({"best_before_us": NOW_US + 600 * SECOND_US - 1}, 600 * SECOND_US - 1),
        ({"best_before_us": NOW_US + 1}, 1),
        ({"best_before_us": NOW_US}, None),
        ({"origin": Origin.GATE}, None),
    ],
    ids=str,
)
def test_until_when_another_may_begin(changes: dict[str, Any], after_us: int | None) -> None:
    """The window runs from the first failure, ends with `best_before`, and needs one left."""
    found = attempts.retry_until_us(SETTINGS, a_payment(**changes), now_us=NOW_US)
    assert found == (None if after_us is None else NOW_US + after_us)
