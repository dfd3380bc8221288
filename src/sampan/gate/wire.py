"""Shapes of requests as they stand on the wire; every member optional, unknown members ignored.

Only types are checked here. Which members are needed and what they may hold is decided by
`gate.fields`, after the signature, in the documented order.
"""

from typing import Any

from msgspec import UNSET, Struct, UnsetType

Text = str | UnsetType
Number = int | UnsetType


class General(Struct, kw_only=True):
    """Object `general` of a request."""

    project_id: int | str | UnsetType = UNSET
    payment_id: Text = UNSET
    signature: str | UnsetType | None = UNSET
    merchant_callback_url: Text = UNSET
    merchant_success_callback_url: Text = UNSET
    merchant_decline_callback_url: Text = UNSET


class CustomerWire(Struct, kw_only=True):
    """Object `customer` of a sale."""

    id: Text = UNSET
    ip_address: Text = UNSET
    first_name: Text = UNSET
    last_name: Text = UNSET
    email: Text = UNSET
    phone: Text = UNSET


class PaymentWire(Struct, kw_only=True):
    """Object `payment` of a sale or a refund."""

    amount: Number = UNSET
    currency: Text = UNSET
    description: Text = UNSET
    merchant_refund_id: Text = UNSET


class ReturnUrl(Struct, kw_only=True):
    """Object `return_url`; a bare text stands for its member `return`."""

    success: Text = UNSET
    decline: Text = UNSET
    any: Text = UNSET

    @staticmethod
    def read(value: dict[str, Any] | str | UnsetType) -> "ReturnUrl":
        """Return the object in either of its forms. Raises TypeError for members not text."""
        if value is UNSET or isinstance(value, UnsetType):
            return ReturnUrl()
        if isinstance(value, str):
            return ReturnUrl(any=value)
        found: dict[str, Any] = {
            name: value[name] for name in ("success", "decline") if name in value
        }
        if "return" in value:
            found["any"] = value["return"]
        if not all(isinstance(text, str) for text in found.values()):
            raise TypeError("return_url holds something that is not text")
        return ReturnUrl(**found)


class CallbackWire(Struct, kw_only=True):
    """Object `callback`: when and whether to tell."""

    delay: Number = UNSET
    force_disable: bool | int | UnsetType = UNSET


class Sale(Struct, kw_only=True):
    """`POST /v2/payment/banks/{payment_method}/sale`."""

    general: General | UnsetType = UNSET
    customer: CustomerWire | UnsetType = UNSET
    payment: PaymentWire | UnsetType = UNSET
    return_url: dict[str, Any] | str | UnsetType = UNSET
    callback: CallbackWire | UnsetType = UNSET


class InvoiceCustomer(CustomerWire, kw_only=True):
    """Object `customer` of a payment link."""

    language: Text = UNSET


class InvoicePayment(PaymentWire, kw_only=True):
    """Object `payment` of a payment link."""

    best_before: Text = UNSET
    extra_param: Text = UNSET
    force_method: Text = UNSET


class Invoice(Sale, kw_only=True):
    """`POST /v2/payment/invoice/create`: a payment link."""

    customer: InvoiceCustomer | UnsetType = UNSET
    payment: InvoicePayment | UnsetType = UNSET
    send_email: bool | int | UnsetType = UNSET
    operation_type: Text = UNSET


class Refund(Struct, kw_only=True):
    """`POST /v2/payment/…/refund`."""

    general: General | UnsetType = UNSET
    payment: PaymentWire | UnsetType = UNSET


class Status(Struct, kw_only=True):
    """`POST /v2/payment/status`."""

    general: General | UnsetType = UNSET
    destination: Text = UNSET


class Flat(Struct, kw_only=True):
    """Requests that are signed at the top level."""

    project_id: int | str | UnsetType = UNSET
    signature: str | UnsetType | None = UNSET
    request_id: Text = UNSET
    currency: Text = UNSET
    payment_method: Text = UNSET


class Anything(Struct, kw_only=True):
    """A request of which only the project and the signature matter."""

    general: General | UnsetType = UNSET
    project_id: int | str | UnsetType = UNSET
    signature: str | UnsetType | None = UNSET
