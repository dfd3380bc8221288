"""Payments as a merchant's day leaves them, made through the public doors: for tests and screens.

made = payment_examples.fill(project, merchant, platform.bank)
made["short"]      # the payment id of the one that was paid short
"""

from __future__ import annotations

from typing import Final

from sampan.domain.payment import Payment
from sampan.domain.statuses import WAITING
from tests.support.merchant import Merchant
from tests.support.platform import ProjectClient, until

ACTIONS: Final = {"paid": "pay", "short": "short", "over": "over", "refused": "refuse"}
ENDS: Final = {"paid": "success", "short": "held", "over": "held", "refused": "decline"}


def waiting(project: ProjectClient, payment_id: str, **more: object) -> Payment:
    """Ask for a payment and wait until its QR is there."""
    project.sell(payment_id, **more)  # type: ignore[arg-type]  # members of any JSON type

    def shown() -> Payment | None:
        found = project.payment(payment_id)
        return found if found is not None and found.status in WAITING else None

    return until(shown)


def act(project: ProjectClient, payment: Payment, action: str) -> None:
    """Let the payer do something with the QR."""
    assert payment.display is not None
    project.platform.bank.act(payment.display.payload, action)


def stands(project: ProjectClient, payment_id: str, end: str) -> Payment:
    """Wait until a payment has a status, or holds money."""

    def come() -> Payment | None:
        found = project.payment(payment_id)
        assert found is not None
        there = bool(found.held_count) if end == "held" else found.status == end
        return found if there else None

    return until(come)


def held(project: ProjectClient, payment_id: str = "short") -> Payment:
    """Return a payment for which a dollar too little has come."""
    act(project, waiting(project, payment_id), "short")
    return stands(project, payment_id, "held")


def fill(project: ProjectClient, merchant: Merchant | None = None) -> dict[str, str]:
    """Make one payment of each fate; return fate → payment id."""
    goods = {
        "paid": ("TEA-20418", 16_800, "Pu'er cake 2015, 357 g"),
        "short": ("TEA-20419", 128_000, "Gaiwan set, celadon"),
        "over": ("TEA-20420", 9_900, "Iron Goddess, 100 g"),
        "refused": ("TEA-20421", 45_000, "Tasting for two"),
        "waiting": ("TEA-20422", 23_650, "Longjing, spring harvest, and a tin"),
    }
    for fate, (payment_id, amount, description) in goods.items():
        asked = waiting(
            project,
            payment_id,
            amount=amount,
            payment={"description": description},
            customer={"id": f"cust-{amount}", "first_name": "Tai Man", "last_name": "Chan"},
        )
        if fate in ACTIONS:
            act(project, asked, ACTIONS[fate])
            stands(project, payment_id, ENDS[fate])
        if merchant is not None and fate in {"paid", "refused"}:
            merchant.callback(payment_id, ENDS[fate])
    project.sell("TEA-20423", amount=5_000, currency="USD")
    return {fate: payment_id for fate, (payment_id, *_) in goods.items()} | {"error": "TEA-20423"}
