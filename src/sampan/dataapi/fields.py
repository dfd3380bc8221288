"""What is told of an operation: every field with its meaning, in the order of the answer.

The order is that of the Data API's specification (7.5): first what is told when a request names no
fields, then the rest. What `hk-qr` cannot have (cards, recurring payments, conversion) is there
and empty, so that programs written for other methods find what they look for.
"""

from collections.abc import Callable, Sequence
from datetime import tzinfo
from typing import Any, Final, NamedTuple

from sampan.dataapi import times
from sampan.domain.callback import converted_minor, safe
from sampan.domain.project import METHOD
from sampan.domain.statuses import FINAL, OperationType, PaymentStatus
from sampan.storage.operation_lists import Listed

METHOD_TYPE: Final = "banks"
"""The group of the method in Gate's paths."""
PAYMENT_TYPE_SALE: Final = 3
NAMES_MAX: Final = 200
Read = Callable[[Listed, tzinfo], Any]


class Field(NamedTuple):
    """One field: its name, how it is read, what it means; `told` without being asked for."""

    name: str
    read: Read
    meaning: str
    told: bool = False


def _money(amount_minor: int, currency: str) -> dict[str, Any]:
    return {"amount": amount_minor, "currency": currency}


def _initial(row: Listed, _: tzinfo) -> dict[str, Any]:
    return _money(row.operation.amount_minor, row.operation.currency)


def _converted(row: Listed, _: tzinfo) -> dict[str, Any]:
    return _money(converted_minor(row.payment, row.operation), row.operation.currency)


def _completed(row: Listed, within: tzinfo) -> str:
    ended = row.operation.status in FINAL
    return times.written(row.operation.updated_us, within) if ended else ""


def _booked(row: Listed, within: tzinfo) -> str:
    """Of what brought money alone: not of a refused refund or of a failed attempt before it."""
    brought = (
        row.operation.status is PaymentStatus.SUCCESS
        and row.operation.type is not OperationType.REFUND
    )
    return "" if not brought or row.booked_us is None else times.written(row.booked_us, within)


def _finished(row: Listed, within: tzinfo) -> str:
    finished_us = row.payment.finished_us
    return "" if finished_us is None else times.written(finished_us, within)


def _empty(_row: Listed, _within: tzinfo) -> str:
    return ""


def _zero(_row: Listed, _within: tzinfo) -> int:
    return 0


_NO_CARD: Final = "Always empty: no card is used."
_NO_AVS: Final = "Always empty: addresses of card holders are not checked."
_NO_REFUND: Final = "Always empty: `hk-qr` knows no refunds."
_NO_RECURRING: Final = "Always empty: `hk-qr` knows no recurring payments."

FIELDS: Final[tuple[Field, ...]] = (
    Field(
        "project_id", lambda r, _: str(r.payment.project_id), "Number of the project.", told=True
    ),
    Field("operation_id", lambda r, _: str(r.operation.id), "Number of the operation.", told=True),
    Field("payment_id", lambda r, _: r.payment.id, "The merchant's id of the payment.", told=True),
    Field(
        "operation_type",
        lambda r, _: r.operation.type.value,
        "`sale`, `refund` or `manual change`.",
        told=True,
    ),
    Field(
        "operation_status",
        lambda r, _: r.operation.status.value,
        "Status of the operation, in Gate's words.",
        told=True,
    ),
    Field("account_number", _empty, "Always empty: FPS does not tell the payer's.", told=True),
    Field(
        "customer_ip",
        lambda r, _: r.payment.customer.ip_address,
        "Address of the customer, as Gate was told.",
        told=True,
    ),
    Field("payment_method_name", lambda _r, _w: METHOD, "`hk-qr`.", told=True),
    Field("payment_method_type", lambda _r, _w: METHOD_TYPE, "`banks`.", told=True),
    Field(
        "payment_description",
        lambda r, _: safe(r.payment.description),
        "Description of the payment.",
        told=True,
    ),
    Field(
        "operation_created_at",
        lambda r, w: times.written(r.operation.created_us, w),
        "When the operation began.",
        told=True,
    ),
    Field(
        "operation_completed_at",
        _completed,
        "When it ended; empty before.",
        told=True,
    ),
    Field(
        "provider_date",
        _booked,
        "When the bank booked the money of a successful operation; else empty.",
        told=True,
    ),
    Field("shipment_date", _empty, "Always empty: nothing is cleared later.", told=True),
    Field(
        "sum_initial", _initial, "The sum asked for: `amount` (minor units), `currency`.", told=True
    ),
    Field(
        "sum_converted",
        _converted,
        "The sum it became: what was really paid once the payment succeeded.",
        told=True,
    ),
    Field("arn", _empty, _NO_CARD, told=True),
    Field("rrn", _empty, _NO_CARD, told=True),
    Field(
        "payment_provider_code",
        lambda r, _: r.operation.code,
        "Code of the result, as `operation.code` of a callback.",
        told=True,
    ),
    Field(
        "payment_provider_message",
        lambda r, _: r.operation.message,
        "The same in words.",
        told=True,
    ),
    Field("acquirer_bank_name", _empty, "Always empty: there is no acquirer."),
    Field("auth_code", _empty, _NO_CARD),
    Field("avs_post_code", _empty, _NO_AVS),
    Field("avs_result", _empty, _NO_AVS),
    Field("avs_street_address", _empty, _NO_AVS),
    Field("balance_id", _empty, "Always empty: balances have no number."),
    Field("bank_name", _empty, "Always empty: FPS does not tell the payer's."),
    Field("bin", _empty, _NO_CARD),
    Field("card_enroll_check", _empty, _NO_CARD),
    Field("card_holder", _empty, _NO_CARD),
    Field("card_product_name", _empty, _NO_CARD),
    Field("card_token", _empty, _NO_CARD),
    Field("completed_refund", _empty, _NO_REFUND),
    Field("country_by_ip", _empty, "Always empty: addresses are not looked up."),
    Field("country_by_bin", _empty, _NO_CARD),
    Field("currency_rate", _empty, "Always empty: nothing is converted."),
    Field("customer_email", lambda r, _: safe(r.payment.customer.email), "E-mail of the customer."),
    Field(
        "customer_id",
        lambda r, _: safe(r.payment.customer.id),
        "The merchant's id of the customer.",
    ),
    Field("eci", _empty, _NO_CARD),
    Field("expiration_date", _empty, _NO_CARD),
    Field("legal_entity_name", _empty, "Always empty: a server belongs to one company."),
    Field("merchant_id", _empty, "Always empty: a server belongs to one company."),
    Field("payment_currency", lambda r, _: r.payment.currency, "Currency of the payment."),
    Field("payment_type", lambda _r, _w: PAYMENT_TYPE_SALE, "Always `3`: a purchase."),
    Field("project_name", lambda r, _: safe(r.project_name), "Name of the project."),
    Field("project_url", _empty, "Always empty: projects have no address of their own."),
    Field(
        "provider_payment_id",
        lambda r, _: safe(r.operation.provider_ref),
        "The bank's id, as `provider.payment_id` of a callback.",
    ),
    Field("recurring_id", _empty, _NO_RECURRING),
    Field("recurring_register", _zero, "Always `0`: `hk-qr` knows no recurring payments."),
    Field("recurring_valid_thru", _empty, _NO_RECURRING),
    Field("remaining_refund", _empty, _NO_REFUND),
    Field("secure_3ds_check", _zero, "Always `0`: no card is used."),
    Field("transaction_completed_at", _finished, "When the payment ended; empty before."),
    Field(
        "transaction_created_at",
        lambda r, w: times.written(r.payment.created_us, w),
        "When the payment began.",
    ),
    Field("transaction_status", lambda r, _: r.payment.status.value, "Status of the payment."),
)
_MEMBERS: Final = {"sum_initial": ("amount", "currency"), "sum_converted": ("amount", "currency")}
_KNOWN: Final = frozenset(field.name for field in FIELDS) | {
    f"{name}.{member}" for name, members in _MEMBERS.items() for member in members
}


class Chosen(NamedTuple):
    """A field that is told, and which of its members; None for all of it."""

    field: Field
    members: tuple[str, ...] | None = None


DEFAULT: Final = tuple(Chosen(field) for field in FIELDS if field.told)


def choose(names: Sequence[str]) -> tuple[Chosen, ...]:
    """Return the fields that these names stand for, in the order of the answer.

    Raises `LookupError` with the name of a field that does not exist.
    """
    unknown = [name for name in names if name not in _KNOWN]
    if unknown:
        raise LookupError(unknown[0])
    wanted = frozenset(names)
    found = []
    for field in FIELDS:
        members = tuple(m for m in _MEMBERS.get(field.name, ()) if f"{field.name}.{m}" in wanted)
        if field.name in wanted:
            found.append(Chosen(field))
        elif members:
            found.append(Chosen(field, members))
    return tuple(found)


def told(row: Listed, chosen: Sequence[Chosen], *, within: tzinfo) -> dict[str, Any]:
    """Return an operation as it stands in the answer."""
    body: dict[str, Any] = {}
    for field, members in chosen:
        value = field.read(row, within)
        if members is not None:
            value = {member: value[member] for member in members}
        body[field.name] = value
    return body


def told_of_payment(row: Listed, within: tzinfo) -> dict[str, Any]:
    """Return an operation as the answer about one payment has it (7.4)."""
    operation = row.operation
    return {
        "operation_id": str(operation.id),
        "operation_type": operation.type.value,
        "operation_created_at": times.written(operation.created_us, within),
        "operation_completed_at": _completed(row, within),
        "amount": operation.amount_minor,
        "currency": operation.currency,
        "arn": "",
        "rrn": "",
    }
