"""The columns of reports: from which fields of a row each is written, and how.

One closed table; `domain.report_spec` has the names in their order, `reports.words` what people
call them.
"""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from sampan.domain.project import METHOD
from sampan.domain.report_spec import ReportType
from sampan.domain.statuses import Origin, type_of
from sampan.reports.hand import Hand, Texts

Write = Callable[..., Texts]
_PAYMENT_TYPES: Final = {one.value: type_of(one).value for one in Origin}


class Column(NamedTuple):
    """A column: the fields that it needs, and what writes their values as cells."""

    fields: tuple[str, ...]
    write: Write


def _methods(_: Hand, values: Sequence[Any]) -> Texts:
    return [METHOD] * len(values)


def _types(_: Hand, origins: Sequence[str]) -> Texts:
    return [_PAYMENT_TYPES[origin] for origin in origins]


def _text(field: str) -> Column:
    return Column((field,), Hand.texts)


def _word(field: str) -> Column:
    return Column((field,), Hand.words)


def _number(field: str) -> Column:
    return Column((field,), Hand.numbers)


def _moment(field: str) -> Column:
    return Column((field,), Hand.moments)


def _amount(field: str) -> Column:
    return Column((field, "currency"), Hand.amounts)


_PROJECT: Final = {
    "project_id": _number("project_id"),
    "project_name": Column(("project_id",), Hand.names),
}
_CUSTOMER: Final = {
    "customer_id": _text("customer_id"),
    "customer_email": Column(("customer",), Hand.emails),
    "customer_ip": Column(("customer",), Hand.addresses),
}

COLUMNS: Final[Mapping[ReportType, Mapping[str, Column]]] = MappingProxyType(
    {
        ReportType.PAYMENTS: {
            **_PROJECT,
            **_CUSTOMER,
            "payment_id": _text("payment_id"),
            "type": Column(("origin",), _types),
            "status": _word("status"),
            "amount": _amount("amount_minor"),
            "paid_amount": _amount("paid_minor"),
            "currency": _word("currency"),
            "description": _text("description"),
            "code": Column(("code",), Hand.texts),
            "message": Column(("code",), Hand.messages),
            "created_at": _moment("created_us"),
            "finished_at": _moment("finished_us"),
            "updated_at": _moment("updated_us"),
            "provider_date": _moment("booked_us"),
            "best_before": _moment("best_before_us"),
            "origin": _word("origin"),
            "method": Column(("id",), _methods),
            "attempts": _number("attempts_count"),
            "held": _number("held_count"),
            "payment_key": _number("id"),
        },
        ReportType.OPERATIONS: {
            **_PROJECT,
            **_CUSTOMER,
            "operation_id": _number("id"),
            "payment_id": _text("payment_id"),
            "operation_type": _word("type"),
            "operation_status": _word("status"),
            "amount": _amount("amount_minor"),
            "converted_amount": _amount("converted_minor"),
            "currency": _word("currency"),
            "code": _text("code"),
            "message": _text("message"),
            "created_at": _moment("created_us"),
            "completed_at": Column(("status", "updated_us"), Hand.ended),
            "updated_at": _moment("updated_us"),
            "provider_date": _moment("booked_us"),
            "provider_payment_id": _text("provider_ref"),
            "request_id": _text("request_id"),
            "refund_id": _text("merchant_refund_id"),
            "origin": _word("origin"),
            "method": Column(("id",), _methods),
            "description": _text("description"),
            "payment_status": _word("payment_status"),
            "payment_amount": _amount("payment_amount_minor"),
            "paid_amount": _amount("paid_minor"),
            "payment_created_at": _moment("payment_created_us"),
            "payment_finished_at": _moment("payment_finished_us"),
        },
        ReportType.CREDITS: {
            **_PROJECT,
            "credit_id": _number("id"),
            "provider": _word("provider"),
            "account": _text("account"),
            "bank_id": _text("bank_txn_id"),
            "status": _word("status"),
            "amount": _amount("amount_minor"),
            "currency": _word("currency"),
            "reference": _text("reference"),
            "payer_name": _text("payer_name"),
            "payment_id": _text("payment_id"),
            # None where a credit belongs to no payment.
            "payment_status": _text("payment_status"),
            "booked_at": _moment("booked_us"),
            "received_at": _moment("received_us"),
            "updated_at": _moment("updated_us"),
        },
        ReportType.CALLBACKS: {
            **_PROJECT,
            "callback_id": _number("id"),
            "payment_id": _text("payment_id"),
            "operation_id": _number("operation"),
            "kind": _word("kind"),
            "status": _word("status"),
            "url": _text("url"),
            "note": _text("note"),
            "attempts": _number("attempts_count"),
            "http_status": _number("http_status"),
            "error": _text("error"),
            "last_attempt_at": _moment("attempt_us"),
            "duration_ms": _number("duration_ms"),
            "created_at": _moment("created_us"),
            "finished_at": _moment("finished_us"),
        },
    }
)
"""Type → name → column."""


def fields_of(kind: ReportType, names: Sequence[str]) -> tuple[str, ...]:
    """Return the fields that these columns need, each once."""
    needed = (field for name in names for field in COLUMNS[kind][name].fields)
    return tuple(dict.fromkeys(needed))
