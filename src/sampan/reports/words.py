"""What reports are called for people: marked texts, by the words of `domain.report_spec`."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from sampan.domain.days import Zone
from sampan.domain.report_spec import Clue, Flaw, Period, ReportType, Wrong
from sampan.web.i18n import mark

TYPES: Final[Mapping[ReportType, str]] = MappingProxyType(
    {
        ReportType.PAYMENTS: mark("Payments"),
        ReportType.OPERATIONS: mark("Payment operations"),
        ReportType.CREDITS: mark("Credits"),
        ReportType.CALLBACKS: mark("Callbacks"),
    }
)
STATUSES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "waiting": mark("Waiting"),
        "running": mark("Being made"),
        "ready": mark("Ready"),
        "failed": mark("Failed"),
        "cancelled": mark("Cancelled"),
        "gone": mark("Deleted after 4 days"),
    }
)
"""Status of a report → how it is shown."""
PERIODS: Final[Mapping[Period, str]] = MappingProxyType(
    {
        Period.TODAY: mark("Today so far"),
        Period.YESTERDAY: mark("Yesterday"),
        Period.THIS_WEEK: mark("This week so far"),
        Period.LAST_WEEK: mark("Last week"),
        Period.LAST_7_DAYS: mark("Last 7 days"),
        Period.THIS_MONTH: mark("This month so far"),
        Period.LAST_MONTH: mark("Last month"),
        Period.LAST_30_DAYS: mark("Last 30 days"),
    }
)
ZONES: Final[Mapping[Zone, str]] = MappingProxyType(
    {Zone.HONG_KONG: mark("Hong Kong time"), Zone.UTC: mark("UTC")}
)
CLUES: Final[Mapping[Clue, str]] = MappingProxyType(
    {
        Clue.CREATED: mark("Created"),
        Clue.FINISHED: mark("Ended"),
        Clue.UPDATED: mark("Changed"),
        Clue.RECEIVED: mark("Received at"),
    }
)
COLUMNS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "account": mark("Account"),
        "amount": mark("Amount"),
        "attempts": mark("Attempts"),
        "bank_id": mark("Id at the bank"),
        "best_before": mark("Valid until"),
        "booked_at": mark("Booked"),
        "callback_id": mark("Callback id"),
        "code": mark("Response code"),
        "completed_at": mark("Ended"),
        "converted_amount": mark("Amount paid or asked for"),
        "created_at": mark("Created"),
        "credit_id": mark("Credit id"),
        "currency": mark("Currency"),
        "customer_email": mark("Customer e-mail"),
        "customer_id": mark("Customer id"),
        "customer_ip": mark("Customer IP address"),
        "description": mark("Description"),
        "duration_ms": mark("Duration of the last attempt, ms"),
        "error": mark("Error"),
        "finished_at": mark("Ended"),
        "held": mark("Credits that wait"),
        "http_status": mark("HTTP status"),
        "kind": mark("Kind"),
        "last_attempt_at": mark("Last attempt"),
        "message": mark("Message"),
        "method": mark("Method"),
        "note": mark("Note"),
        "operation_id": mark("Operation id"),
        "operation_status": mark("Operation status"),
        "operation_type": mark("Operation type"),
        "origin": mark("Came by"),
        "paid_amount": mark("Paid"),
        "payer_name": mark("Payer"),
        "payment_amount": mark("Amount of the payment"),
        "payment_created_at": mark("Payment created"),
        "payment_finished_at": mark("Payment ended"),
        "payment_id": mark("Payment id"),
        "payment_key": mark("Internal number"),
        "payment_status": mark("Payment status"),
        "project_id": mark("Project id"),
        "project_name": mark("Project"),
        "provider": mark("Provider"),
        "provider_date": mark("Booked by the bank"),
        "provider_payment_id": mark("Id at the provider"),
        "received_at": mark("Received at"),
        "reference": mark("Reference"),
        "refund_id": mark("Refund id"),
        "request_id": mark("Request id"),
        "status": mark("Status"),
        "type": mark("Type"),
        "updated_at": mark("Changed"),
        "url": mark("Address"),
    }
)
"""Column → its head for people, the same in every type."""

_FLAWS: Final[Mapping[Wrong, str]] = MappingProxyType(
    {
        Wrong.MISSING: mark("Say from when to when."),
        Wrong.TWICE: mark("Choose a period or dates, not both."),
        Wrong.ORDER: mark("The end lies before the beginning."),
        Wrong.UNKNOWN: mark("This is not known here: %(detail)s"),
        Wrong.DOUBLED: mark("This is named twice: %(detail)s"),
        Wrong.UNFIT: mark("This does not fit here."),
        Wrong.SAME: mark("Separator and decimal mark must differ."),
        Wrong.TOO_MANY: mark("These are too many."),
    }
)


def sentence(flaw: Flaw) -> str:
    """Return the marked sentence of a flaw; `%(detail)s` in it is to be filled in."""
    return _FLAWS[flaw.wrong]
