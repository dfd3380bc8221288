"""Statuses and types of payments and operations, in the field's own spelling (Gate docs, 5)."""

from enum import StrEnum


class PaymentStatus(StrEnum):
    """Where a payment stands."""

    PROCESSING = "processing"
    AWAITING_CUSTOMER_ACTION = "awaiting customer action"
    AWAITING_REDIRECT_RESULT = "awaiting redirect result"
    AWAITING_CUSTOMER = "awaiting customer"
    SUCCESS = "success"
    DECLINE = "decline"
    ERROR = "error"


class OperationType(StrEnum):
    """What a step on a payment is."""

    SALE = "sale"
    REFUND = "refund"
    MANUAL_CHANGE = "manual change"


class Origin(StrEnum):
    """Where a payment was asked for."""

    GATE = "gate"
    PAGE = "page"


class PaymentType(StrEnum):
    """What a payment is for; `hk-qr` has one."""

    PURCHASE = "purchase"


OperationStatus = PaymentStatus
"""An operation uses the payment's words. The newest sale has its payment's status, but a sale that
failed is declined while its payment awaits the customer's next attempt."""

FINAL = frozenset({PaymentStatus.SUCCESS, PaymentStatus.DECLINE, PaymentStatus.ERROR})
"""Statuses that nothing leaves by itself.

`error` may be sent again by the merchant, `decline` may become `success` by a late credit that the
project or its staff accept (decisions 3 and 6); both are listed moves of `domain.machine`.
"""

WAITING = frozenset(
    {PaymentStatus.AWAITING_CUSTOMER_ACTION, PaymentStatus.AWAITING_REDIRECT_RESULT}
)
"""Statuses in which the customer has a QR and may pay."""
