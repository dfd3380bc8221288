"""Decline payments that nobody paid in time."""

from typing import Final

from sampan.domain import events as ev
from sampan.flow.notification import FindProject
from sampan.flow.settle import Step, settle
from sampan.storage import payments
from sampan.storage.engine import Tx

BATCH_MAX: Final = 100


def expire_due(tx: Tx, *, find_project: FindProject, now_us: int) -> int:
    """Decline up to `BATCH_MAX` payments whose time has passed; return how many were looked at."""
    keys = payments.keys_past_decline(tx, now_us=now_us, most=BATCH_MAX)
    for key in keys:
        payment = payments.payment_by_key(tx, key)
        assert payment is not None  # noqa: S101 - read in this very transaction
        project = find_project(tx, payment.project_id)
        assert project is not None  # noqa: S101 - a foreign key keeps it
        event = ev.Expired(payment.attempts_count)
        settle(tx, project, payment, event=event, step=Step(now_us, "clock"))
    return len(keys)
