"""Figures of payments: what is counted as paid, and how much of it."""

from __future__ import annotations

import pytest

from sampan.domain.figures import Figures, total
from sampan.domain.statuses import PaymentStatus


def of(status: PaymentStatus, count: int, *, currency: str = "HKD", paid_minor: int = 0) -> Figures:
    """Figures of payments of one status."""
    return Figures.of(status, currency, count=count, paid_minor=paid_minor)


def test_total() -> None:
    """Every payment counts; money is added up by currency, and only what was paid."""
    found = total(
        [
            of(PaymentStatus.SUCCESS, 3, paid_minor=300),
            of(PaymentStatus.SUCCESS, 1, paid_minor=70, currency="CNY"),
            of(PaymentStatus.SUCCESS, 2, paid_minor=500),
            of(PaymentStatus.DECLINE, 2),
            of(PaymentStatus.ERROR, 5),
            of(PaymentStatus.PROCESSING, 7),
        ]
    )
    assert (found.count, found.paid_count, found.declined_count) == (20, 6, 2)
    assert found.paid_minor == {"HKD": 800, "CNY": 70}


@pytest.mark.parametrize(
    ("paid", "declined", "per_mille"),
    [(0, 0, None), (0, 1, 0), (1, 0, 1000), (1, 2, 333), (2, 1, 666), (9999, 1, 999)],
)
def test_conversion(paid: int, declined: int, per_mille: int | None) -> None:
    """Only what has an end is asked; a thousand means all of them."""
    both = [of(PaymentStatus.SUCCESS, paid, paid_minor=paid), of(PaymentStatus.DECLINE, declined)]
    assert total([*both, of(PaymentStatus.ERROR, 4)]).conversion_per_mille == per_mille


def test_nothing() -> None:
    """Without payments there is no rate, and no sum."""
    assert total([]) == Figures()
    assert total([]).conversion_per_mille is None
