"""The fields from which the columns of reports are written: SQL by type and name.

Nothing else reaches the statement of a report. A figure here is the one that the lists and the Data
API tell: what was paid is `payments.paid_minor`, and nothing is added up anew.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, and_, case, func, literal_column, select

from sampan.domain.report_spec import ReportType
from sampan.storage import schema

_p = schema.payments
_o = schema.operations
_cr = schema.credits
_c = schema.callbacks
_a = schema.attempts

PAYMENT: Final = "payment"
ATTEMPT: Final = "attempt"
Expression = ColumnElement[Any]


class Field(NamedTuple):
    """A value of a row, and the other table that it needs, "" for none."""

    value: Expression
    table: str = ""


def _own(table: Any, *names: str) -> dict[str, Field]:  # noqa: ANN401 - any table
    return {name: Field(table.c[name]) for name in names}


def _joined(names: Mapping[str, str]) -> dict[str, Field]:
    """Return fields of the payment: name of the field → that of the column."""
    return {name: Field(_p.c[column], PAYMENT) for name, column in names.items()}


# Not by status in the condition: SQLite would walk through all credits of it instead.
_applied = case((_cr.c.status == literal_column("'applied'"), _cr.c.booked_us))


def _booked(payment: Expression) -> Expression:
    """Return when the bank booked what was applied to a payment, the last of it."""
    return select(func.max(_applied)).where(_cr.c.payment == payment).scalar_subquery()


def _newest_code() -> Expression:
    """Return the code of a payment's newest operation."""
    newest = (_o.c.created_us.desc(), _o.c.id.desc())
    of_payment = select(_o.c.code).where(_o.c.payment == _p.c.id).order_by(*newest).limit(1)
    return of_payment.correlate(_p).scalar_subquery()


_success: Final[Expression] = literal_column("'success'")
_paid = and_(_p.c.status == _success, _o.c.status == _success)
_brought = and_(_o.c.status == _success, _o.c.type != literal_column("'refund'"))

FIELDS: Final[Mapping[ReportType, Mapping[str, Field]]] = MappingProxyType(
    {
        ReportType.PAYMENTS: {
            **_own(
                _p,
                *("id", "project_id", "payment_id", "status", "currency", "amount_minor"),
                *("paid_minor", "description", "customer_id", "customer", "held_count"),
                *("created_us", "updated_us", "finished_us", "origin", "best_before_us"),
                "attempts_count",
            ),
            "code": Field(_newest_code()),
            "booked_us": Field(_booked(_p.c.id)),
        },
        ReportType.OPERATIONS: {
            **_own(
                _o,
                *("id", "project_id", "type", "status", "amount_minor", "currency", "request_id"),
                *("merchant_refund_id", "code", "message", "provider_ref", "created_us"),
                "updated_us",
            ),
            **_joined(
                {
                    "payment_id": "payment_id",
                    "description": "description",
                    "customer_id": "customer_id",
                    "customer": "customer",
                    "origin": "origin",
                    "payment_status": "status",
                    "payment_amount_minor": "amount_minor",
                    "paid_minor": "paid_minor",
                    "payment_created_us": "created_us",
                    "payment_finished_us": "finished_us",
                }
            ),
            "converted_minor": Field(
                case((_paid, _p.c.paid_minor), else_=_o.c.amount_minor), PAYMENT
            ),
            "booked_us": Field(case((_brought, _booked(_o.c.payment)))),
        },
        ReportType.CREDITS: {
            **_own(
                _cr,
                *("id", "provider", "account", "bank_txn_id", "status", "amount_minor"),
                *("currency", "reference", "payer_name", "booked_us", "received_us"),
                "updated_us",
            ),
            **_joined(
                {
                    "payment_id": "payment_id",
                    "project_id": "project_id",
                    "payment_status": "status",
                }
            ),
        },
        ReportType.CALLBACKS: {
            **_own(
                _c,
                *("id", "project_id", "operation", "kind", "status", "url", "note"),
                *("attempts_count", "created_us", "finished_us"),
            ),
            **_joined({"payment_id": "payment_id"}),
            "http_status": Field(_a.c.http_status, ATTEMPT),
            "error": Field(_a.c.error, ATTEMPT),
            "attempt_us": Field(_a.c.at_us, ATTEMPT),
            "duration_ms": Field(_a.c.duration_ms, ATTEMPT),
        },
    }
)
"""Type → name → what it is in SQL."""
