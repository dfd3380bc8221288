"""Figures of payments: what is counted as paid, and how much of it."""

from __future__ import annotations

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


def test_conversion() -> None:
    """Only what has an end is asked."""
    both = [of(PaymentStatus.SUCCESS, 2, paid_minor=2), of(PaymentStatus.DECLINE, 1)]
    assert total([*both, of(PaymentStatus.ERROR, 4)]).conversion_per_mille == 666
    assert total([]).conversion_per_mille is None
