"""How long an attempt to pay may take, and whether the customer may make another. Pure.

The customer may try again on the Payment Page only, as often and as long as the project allows,
and never past the `best_before` of the request (Payment Page docs, try again and time limit).
"""

from typing import Final

from sampan.domain.payment import Payment
from sampan.domain.project import LATE_NOTICE_GRACE_S, ProjectSettings
from sampan.domain.statuses import Origin

_SECOND_US: Final = 1_000_000


def decline_us(settings: ProjectSettings, *, now_us: int, best_before_us: int | None) -> int:
    """Return when an attempt that begins now is declined if nobody pays.

    A `best_before` that comes first leaves the bank its minutes for a late notice, as any QR does.
    """
    until_us = now_us + settings.decline_after_effective_s * _SECOND_US
    if best_before_us is None:
        return until_us
    return min(until_us, best_before_us + LATE_NOTICE_GRACE_S * _SECOND_US)


def qr_expires_us(settings: ProjectSettings, payment: Payment, *, begun_us: int) -> int:
    """Return until when the QR of an attempt that began at `begun_us` may be paid."""
    ends = [begun_us + settings.qr_lifetime_s * _SECOND_US, payment.decline_us]
    if payment.best_before_us is not None:
        ends.append(payment.best_before_us)
    return min(ends)


def left_count(settings: ProjectSettings, payment: Payment) -> int:
    """Return how many more attempts the project allows after the present one."""
    if payment.origin is Origin.GATE:
        return 0
    return max(0, settings.retry_attempts_max + 1 - payment.attempts_count)


def retry_until_us(settings: ProjectSettings, payment: Payment, *, now_us: int) -> int | None:
    """Return until when another attempt may begin if the present one ends now; None: it may not.

    The window is counted from the first failure.
    """
    if not left_count(settings, payment):
        return None
    until_us = payment.retry_until_us or now_us + settings.retry_window_s * _SECOND_US
    if payment.best_before_us is not None:
        until_us = min(until_us, payment.best_before_us)
    return until_us if now_us < until_us else None
