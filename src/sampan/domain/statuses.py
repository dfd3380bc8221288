"""Statuses and types of payments and operations, in the field's own spelling (Gate docs, 5)."""

from enum import StrEnum


class PaymentStatus(StrEnum):
    """Where a payment stands."""

    PROCESSING = "processing"
    AWAITING_CUSTOMER_ACTION = "awaiting customer action"
    AWAITING_REDIRECT_RESULT = "awaiting redirect result"
    AWAITING_CUSTOMER = "awaiting customer"
    AWAITING_PAYMENT = "awaiting payment"
    INVOICE_SENT = "invoice sent"
    SUCCESS = "success"
    DECLINE = "decline"
    ERROR = "error"
    EXPIRED = "expired"
    INVOICE_CANCELED = "invoice canceled"


class OperationType(StrEnum):
    """What a step on a payment is."""

    INVOICE = "invoice"
    SALE = "sale"
    REFUND = "refund"
    MANUAL_CHANGE = "manual change"


class Origin(StrEnum):
    """Where a payment was asked for."""

    GATE = "gate"
    PAGE = "page"
    LINK = "link"


class PaymentType(StrEnum):
    """What a payment is for; `invoice` is the wire's word for a payment link."""

    PURCHASE = "purchase"
    INVOICE = "invoice"


OperationStatus = PaymentStatus
"""An operation uses the payment's words. The newest sale has its payment's status, but a sale that
failed is declined while its payment awaits the customer's next attempt."""


def type_of(origin: Origin) -> PaymentType:
    """Return what a payment of an origin is for, in the word of the wire."""
    return PaymentType.INVOICE if origin is Origin.LINK else PaymentType.PURCHASE


FINAL = frozenset(
    {
        PaymentStatus.SUCCESS,
        PaymentStatus.DECLINE,
        PaymentStatus.ERROR,
        PaymentStatus.EXPIRED,
        PaymentStatus.INVOICE_CANCELED,
    }
)
"""Statuses that nothing leaves by itself.

`error` may be sent again by the merchant, `decline` may become `success` by a late credit that the
project or its staff accept (decisions 3 and 6); both are listed moves of `domain.machine`.
"""

WAITING = frozenset(
    {PaymentStatus.AWAITING_CUSTOMER_ACTION, PaymentStatus.AWAITING_REDIRECT_RESULT}
)
"""Statuses in which the customer has a QR and may pay."""

LINK_OPEN = frozenset({PaymentStatus.AWAITING_PAYMENT, PaymentStatus.INVOICE_SENT})
"""Statuses of a payment link that the customer has not confirmed yet: no sale, no QR, no money."""
