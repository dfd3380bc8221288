"""Rows for tests of reports: operations of a period, written at once."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Final

from sampan.domain.payment import Customer, Operation
from sampan.domain.statuses import OperationType, PaymentStatus
from sampan.settings import Settings, as_environment
from sampan.storage import payments
from sampan.storage.engine import Tx
from sampan.testing.storage_suite import new_payment

BEGUN_US: Final = 1_700_000_000_000_000
DAY: Final = "2023-11-15"
"""The day in Hong Kong on which all of them ended; in UTC it was the day before."""


def add_payments(tx: Tx, project_id: int, *, count: int) -> None:
    """Write payments that ended a second after each other, two at a time, each with its sale."""
    for number in range(count):
        at_us = BEGUN_US + number // 2 * 1_000_000
        made = new_payment(
            tx,
            f"R-{number}",
            project_id=project_id,
            customer=Customer(id="茶"),
            description="=1+1",
            created_us=at_us,
            updated_us=at_us,
            decline_us=at_us,
            status=PaymentStatus.DECLINE,
            finished_us=at_us,
        )
        assert payments.insert_payment(tx, made)
        sale = Operation(
            id=tx.new_id(),
            payment_key=made.key,
            type=OperationType.SALE,
            status=PaymentStatus.DECLINE,
            amount_minor=made.amount_minor,
            currency=made.currency,
            request_id=f"{number:040x}",
            code="20105",
            message="Time-out",
            provider_id=0,
            provider_ref="",
            created_us=at_us,
            updated_us=at_us,
        )
        payments.insert_operation(tx, sale, project_id=project_id, digest="")


def environment(settings: Settings) -> Mapping[str, str]:
    """Return what a command needs to work on the same platform."""
    return {**os.environ, **as_environment(settings)}
