"""What the fields of a request may hold: places 8 and 9 of the refusal order."""

import re
from ipaddress import ip_address
from typing import Final

from msgspec import UNSET, UnsetType

from sampan.domain.codes import Code
from sampan.domain.payment import Customer, Targets
from sampan.domain.project import Project
from sampan.domain.texts import (
    MOMENT,
    TEXT_CHARS_MAX,
    URL_CHARS_MAX,
    is_email,
    is_payment_id,
    is_web_url,
    moment_us,
)
from sampan.flow.links import LinkRequest
from sampan.flow.refund import RefundRequest
from sampan.flow.sale import SaleRequest
from sampan.gate import wire
from sampan.gate.requests import CheckUrl, Signed, malformed, missing
from sampan.money import AMOUNT_MINOR_MAX

CALLBACK_DELAY_S_MAX: Final = 600
_CURRENCY: Final = re.compile(r"[A-Z]{3}")
_OCTET: Final = "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_IPV4: Final = re.compile(rf"(?:{_OCTET}\.){{3}}{_OCTET}")

_REQUIRED: Final = (
    ("general", "payment_id"),
    ("payment", "amount"),
    ("payment", "currency"),
    ("customer", "id"),
    ("customer", "ip_address"),
)
_REQUIRED_LINK: Final = (*_REQUIRED[:-1], ("payment", "best_before"))
_REQUIRED_STRICT: Final = (
    ("customer", "first_name"),
    ("customer", "last_name"),
    ("customer", "email"),
)


def sale_request(signed: Signed[wire.Sale], check_url: CheckUrl) -> SaleRequest:
    """Return the sale that a signed request asks for. Raises `Refusal`.

    Limits of the fields: Gate spec, `banks/{payment_method}/sale`.
    """
    sale, project = signed.shape, signed.project
    _require(sale, project, required=_REQUIRED)
    payment_id = read_payment_id(sale.general)
    payment, customer = sale.payment, sale.customer
    assert not isinstance(payment, UnsetType)  # noqa: S101 - required above
    assert not isinstance(customer, UnsetType)  # noqa: S101 - required above
    return SaleRequest(
        payment_id=payment_id,
        amount_minor=_amount(payment, amount_min=0),
        currency=_currency(payment),
        description=_bounded(payment.description, "payment.description"),
        customer=_customer(customer),
        targets=_targets(sale, check_url),
        digest=signed.digest,
    )


def link_request(signed: Signed[wire.Invoice], check_url: CheckUrl) -> LinkRequest:
    """Return the payment link that a signed request asks for. Raises `Refusal`.

    Limits of the fields: Gate spec, `invoice/create`. Whether `best_before` is in its bounds is
    decided by `flow.links`, since a repeat may come after it.
    """
    invoice, project = signed.shape, signed.project
    _require(invoice, project, required=_REQUIRED_LINK)
    payment, customer = invoice.payment, invoice.customer
    assert not isinstance(payment, UnsetType)  # noqa: S101 - required above
    assert not isinstance(customer, UnsetType)  # noqa: S101 - required above
    send_email = invoice.send_email is not UNSET and bool(invoice.send_email)
    if send_email and not _text(customer.email):
        raise missing("customer.email")
    payment_id = read_payment_id(invoice.general)
    _bounded(payment.extra_param, "payment.extra_param")
    return LinkRequest(
        payment_id=payment_id,
        amount_minor=_amount(payment, amount_min=1),
        currency=_currency(payment),
        customer=_customer(customer),
        best_before_us=_best_before(payment),
        description=_bounded(payment.description, "payment.description"),
        targets=_targets(invoice, check_url),
        language=_bounded(customer.language, "customer.language").lower(),
        send_email=send_email,
        digest=signed.digest,
    )


def refund_request(signed: Signed[wire.Refund]) -> RefundRequest:
    """Return the refund that a signed request asks for. Raises `Refusal`."""
    general, payment = signed.shape.general, signed.shape.payment
    if isinstance(general, UnsetType) or general.payment_id is UNSET:
        raise missing("general.payment_id")
    payment_id = read_payment_id(general)
    if isinstance(payment, UnsetType):
        payment = wire.PaymentWire()
    amount = None if isinstance(payment.amount, UnsetType) else payment.amount
    if amount is not None and not 1 <= amount <= AMOUNT_MINOR_MAX:
        raise malformed("payment.amount", f"1..{AMOUNT_MINOR_MAX}")
    refund_id = _bounded(payment.merchant_refund_id, "payment.merchant_refund_id")
    return RefundRequest(
        payment_id=payment_id,
        amount_minor=amount,
        merchant_refund_id=refund_id or None,
        digest=signed.digest,
    )


def read_payment_id(general: wire.General | UnsetType) -> str:
    """Return `general.payment_id`. Raises `Refusal` when it is missing or malformed."""
    if isinstance(general, UnsetType) or isinstance(general.payment_id, UnsetType):
        raise missing("general.payment_id")
    payment_id = general.payment_id
    if not is_payment_id(payment_id):
        raise malformed(
            "general.payment_id",
            "1..255, not framed by blanks, no `;`",
            code=Code.INVALID_PAYMENT_ID,
        )
    return payment_id


def _amount(payment: wire.PaymentWire, *, amount_min: int) -> int:
    assert isinstance(payment.amount, int)  # noqa: S101 - required
    if not amount_min <= payment.amount <= AMOUNT_MINOR_MAX:
        raise malformed("payment.amount", f"{amount_min}..{AMOUNT_MINOR_MAX}")
    return payment.amount


def _currency(payment: wire.PaymentWire) -> str:
    currency = _text(payment.currency)
    if not _CURRENCY.fullmatch(currency):
        raise malformed("payment.currency", "^[A-Z]{3}$", code=Code.INVALID_CURRENCY)
    return currency


def _best_before(payment: wire.InvoicePayment) -> int:
    until_us = moment_us(_text(payment.best_before))
    if until_us is None:
        raise malformed("payment.best_before", MOMENT)
    return until_us


def _require(sale: wire.Sale, project: Project, *, required: tuple[tuple[str, str], ...]) -> None:
    strict = project.settings.strict_customer
    wanted = required + _REQUIRED_STRICT if strict else required
    absent = [
        f"{group}.{name}"
        for group, name in wanted
        if getattr(getattr(sale, group), name, UNSET) is UNSET
    ]
    if strict and sale.return_url is UNSET:
        absent.append("return_url")
    if absent:
        raise missing(*absent)


def _customer(customer: wire.CustomerWire) -> Customer:
    customer_id = _text(customer.id)
    if not 1 <= len(customer_id) <= TEXT_CHARS_MAX:
        raise malformed("customer.id", "1..255", code=Code.INVALID_CUSTOMER_ID)
    address = _text(customer.ip_address)
    if address:
        # The method's own example of a sufficient request has an empty address (figure 14).
        try:
            _check_ip_address(address)
        except ValueError as error:
            raise malformed("customer.ip_address", "IPv4 or IPv6") from error
    email = _bounded(customer.email, "customer.email")
    if email and not is_email(email):
        raise malformed("customer.email", "e-mail address", code=Code.INVALID_EMAIL)
    return Customer(
        id=customer_id,
        ip_address=address,
        first_name=_bounded(customer.first_name, "customer.first_name"),
        last_name=_bounded(customer.last_name, "customer.last_name"),
        email=email,
        phone=_bounded(customer.phone, "customer.phone"),
    )


def _check_ip_address(address: str) -> None:
    """Raise ValueError for what is no IPv4 or IPv6 address.

    Nor is one with a zone: that holds whatever one likes, as long as one likes.
    """
    if "%" in address:
        raise ValueError("a zone")
    if not _IPV4.fullmatch(address):
        # It knows every form and takes five times as long as the pattern of the common one.
        ip_address(address)


def _targets(sale: wire.Sale, check_url: CheckUrl) -> Targets:
    general = sale.general
    assert not isinstance(general, UnsetType)  # noqa: S101 - the project was found in it
    try:
        back = wire.ReturnUrl.read(sale.return_url)
    except TypeError as error:
        raise malformed("return_url", "type: text expected") from error
    delay_s, disabled = 0, False
    if not isinstance(sale.callback, UnsetType):
        delay = sale.callback.delay
        delay_s = 0 if isinstance(delay, UnsetType) else delay
        disabled = sale.callback.force_disable is not UNSET and bool(sale.callback.force_disable)
    if not 0 <= delay_s <= CALLBACK_DELAY_S_MAX:
        raise malformed("callback.delay", f"0..{CALLBACK_DELAY_S_MAX}")
    return Targets(
        callback_url=_target(
            general.merchant_callback_url, "merchant_callback_url", check_url=check_url
        ),
        success_callback_url=_target(
            general.merchant_success_callback_url,
            "merchant_success_callback_url",
            check_url=check_url,
        ),
        decline_callback_url=_target(
            general.merchant_decline_callback_url,
            "merchant_decline_callback_url",
            check_url=check_url,
        ),
        return_success=_web_url(back.success, "return_url.success"),
        return_decline=_web_url(back.decline, "return_url.decline"),
        return_any=_web_url(back.any, "return_url.return"),
        callback_delay_s=delay_s,
        callback_disabled=disabled,
    )


def _target(url: str | UnsetType, name: str, *, check_url: CheckUrl) -> str:
    text = _bounded(url, f"general.{name}")
    if text:
        try:
            check_url(text)
        except ValueError as error:
            raise malformed(f"general.{name}", "address refused") from error
    return text


def _web_url(url: str | UnsetType, field: str) -> str:
    text = _bounded(url, field, chars_max=URL_CHARS_MAX)
    if text and not is_web_url(text):
        raise malformed(field, "http or https URL")
    return text


def _bounded(text: str | UnsetType, field: str, *, chars_max: int = TEXT_CHARS_MAX) -> str:
    if isinstance(text, UnsetType):
        return ""
    if len(text) > chars_max:
        raise malformed(field, f"..{chars_max}")
    return text


def _text(text: str | UnsetType) -> str:
    return "" if isinstance(text, UnsetType) else text
