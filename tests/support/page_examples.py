"""Payment Pages as customers of a tea house see them: one `View` for each screen and its variants.

Everything is fixed, times too, so that pictures of the pages can be compared.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import quote

import msgspec

from sampan.codecs import emv_qr
from sampan.domain.codes import Code, message
from sampan.domain.look import Look, Picture
from sampan.domain.payment import Customer, DisplayData, Operation, Payment, Targets
from sampan.domain.project import Project, ProjectSettings
from sampan.domain.statuses import FINAL, LINK_OPEN, OperationType, Origin, PaymentStatus
from sampan.flow.page import PageRequest, Standing
from sampan.page.returning import OpenedAs
from sampan.page.view import Frame, View, view_of
from sampan.storage.page_sessions import PageSession

SECOND_US: Final = 1_000_000
NOW_US: Final = int(datetime(2026, 1, 31, 4, 4, 18, tzinfo=UTC).timestamp()) * SECOND_US
"""12:04:18 in Hong Kong, on 31 January 2026."""
BEGUN_US: Final = NOW_US - 47 * SECOND_US
EXPIRES_US: Final = BEGUN_US + 600 * SECOND_US

SHOP: Final = "https://tea.example"
NAME: Final = "Harbour Tea House 海港茶舍"
TOKEN: Final = "n7XqkV2fTz0mB4sLhW9cRy1E"
ORDER: Final = "HTH-2026-0131-0042"
GOODS: Final = "Iron Buddha oolong 鐵觀音, 2 tins of 150 g"
REQUEST_ID: Final = (
    "5c1f0b7e9a3d2846" + "0" * 24 + "-" + "7be2401f6ad9c385" + "0" * 24 + "-00000123"
)
REFERENCE: Final = "0007XKQ2M9TB4"

PAYLOAD: Final = emv_qr.encode(
    emv_qr.FpsQr(
        fps_id="1029384",
        amount_minor=26_800,
        timeout_us=EXPIRES_US,
        merchant_name="HARBOUR TEA HOUSE",
        merchant_name_zh="海港茶舍",
        bill_number=REFERENCE,
    )
)
PAYLOAD_CNY: Final = emv_qr.encode(
    emv_qr.FpsQr(
        mobile="+852-91234567",
        currency="CNY",
        amount_minor=1_280_050,
        timeout_us=EXPIRES_US,
        merchant_name="HARBOUR TEA HOUSE",
    )
)

PROJECT: Final = Project(
    id=123,
    name=NAME,
    callback_url=f"{SHOP}/callbacks",
    secrets=("a secret of the tea house",),
    settings=ProjectSettings(payee_name="HARBOUR TEA HOUSE", payee_name_zh="海港茶舍"),
)
RETURNS: Final = {
    "merchant_success_url": f"{SHOP}/thanks?order=42",
    "merchant_success_enabled": "2",
    "merchant_success_redirect_mode": "parent_page",
    "merchant_fail_url": f"{SHOP}/cart",
    "merchant_fail_enabled": "2",
    "merchant_fail_redirect_mode": "parent_page",
    "merchant_return_url": f"{SHOP}/cart",
    "merchant_return_enabled": "2",
    "merchant_return_redirect_mode": "parent_page",
}
REQUEST: Final = PageRequest(
    payment_id=ORDER,
    amount_minor=26_800,
    currency="HKD",
    customer=Customer(id="chan-tai-man"),
    description=GOODS,
    returns=RETURNS,
)
SESSION: Final = PageSession(
    token=TOKEN,
    project_id=PROJECT.id,
    payment_id=ORDER,
    digest="d" * 64,
    request="{}",
    payment=None,
    created_us=BEGUN_US,
)
SHOWN: Final = DisplayData(payload=PAYLOAD, expires_us=EXPIRES_US, lifetime_s=600)
SANDBOX_APP: Final = "https://pay.example/bank/app#{payload}"


def project_with(**settings: Any) -> Project:  # noqa: ANN401 - settings of every type
    """Return the tea house's project with these settings."""
    return msgspec.structs.replace(
        PROJECT, settings=msgspec.structs.replace(PROJECT.settings, **settings)
    )


def request_with(**changes: Any) -> PageRequest:  # noqa: ANN401 - fields of every type
    """Return the request for tea, changed as told."""
    return msgspec.structs.replace(REQUEST, **changes)


def payment_in(status: PaymentStatus, **changes: Any) -> Payment:  # noqa: ANN401 - as above
    """Return the payment for tea in a status, changed as told."""
    final = status in FINAL
    link = status in {*LINK_OPEN, PaymentStatus.EXPIRED, PaymentStatus.INVOICE_CANCELED}
    values: dict[str, Any] = {
        "key": 41,
        "project_id": PROJECT.id,
        "id": ORDER,
        "status": status,
        "currency": "HKD",
        "amount_minor": 26_800,
        "paid_minor": 26_800 if status is PaymentStatus.SUCCESS else 0,
        "description": GOODS,
        "customer": REQUEST.customer,
        "targets": Targets(),
        "display": None if link else SHOWN,
        "faults": (),
        "held_count": 0,
        "created_us": BEGUN_US,
        "updated_us": NOW_US - 3 * SECOND_US,
        "decline_us": BEGUN_US + 900 * SECOND_US,
        "finished_us": NOW_US - 3 * SECOND_US if final else None,
        "origin": Origin.LINK if link else Origin.PAGE,
    }
    return Payment(**(values | changes))


def operation_of(payment: Payment, code: str = "") -> Operation:
    """Return the newest sale of a payment; a `code` of its own is that of a failure."""
    status = payment.status
    if status is PaymentStatus.AWAITING_CUSTOMER:
        status = PaymentStatus.DECLINE
    known = {PaymentStatus.SUCCESS: Code.SUCCESS, PaymentStatus.ERROR: Code.VALIDATION_ERROR}
    told = code or known.get(payment.status, Code.AWAITING).value
    return Operation(
        id=7_001_234_567,
        payment_key=payment.key,
        type=OperationType.SALE,
        status=status,
        amount_minor=payment.amount_minor,
        currency=payment.currency,
        request_id=REQUEST_ID,
        code=told,
        message=message(told),
        provider_id=1,
        provider_ref="FRN20260131PAYC0100042",
        created_us=payment.created_us,
        updated_us=payment.updated_us,
    )


def standing_of(payment: Payment | None, code: str = "") -> Standing:
    """Return where the page stands with a payment; without one, nothing has begun."""
    if payment is None:
        return Standing(session=SESSION)
    session = msgspec.structs.replace(SESSION, payment=payment.key)
    return Standing(session=session, payment=payment, operation=operation_of(payment, code))


def seen(
    standing: Standing,
    request: PageRequest = REQUEST,
    *,
    project: Project = PROJECT,
    look: Look | None = None,
    opened: OpenedAs = OpenedAs.TAB,
) -> View:
    """Return what the customer sees at `NOW_US`."""
    frame = Frame(now_us=NOW_US, opened=opened, sandbox_app=SANDBOX_APP)
    return view_of(standing, request, project=project, look=look or Look(), frame=frame)


def _failed(code: str, **changes: Any) -> Standing:  # noqa: ANN401 - fields of every type
    return standing_of(payment_in(PaymentStatus.DECLINE, **changes), code)


def _failed_attempt(code: str) -> Standing:
    until_us = NOW_US + 580 * SECOND_US
    return standing_of(payment_in(PaymentStatus.AWAITING_CUSTOMER, retry_until_us=until_us), code)


def _choosing() -> Mapping[str, View]:
    begun = standing_of(None)
    soon_us = NOW_US + 252 * SECOND_US
    cancelled = msgspec.structs.replace(SESSION, cancelled_us=NOW_US - 60 * SECOND_US)
    return {
        "choose": seen(begun),
        "choose_too_much": seen(begun, request_with(amount_minor=1_880_000)),
        "choose_other_currency": seen(begun, request_with(currency="EUR", amount_minor=3_150)),
        "choose_until": seen(begun, request_with(best_before_us=soon_us)),
        "choose_in_popup": seen(begun, opened=OpenedAs.POPUP),
        "expired": seen(begun, request_with(best_before_us=BEGUN_US)),
        "cancelled": seen(Standing(session=cancelled)),
    }


def _paying() -> Mapping[str, View]:
    waits = PaymentStatus.AWAITING_CUSTOMER_ACTION
    cny = DisplayData(payload=PAYLOAD_CNY, expires_us=NOW_US + 41 * SECOND_US, lifetime_s=600)
    plain = DisplayData(payload="a QR of another bank", expires_us=EXPIRES_US, lifetime_s=600)
    over = DisplayData(payload=PAYLOAD, expires_us=NOW_US - 5 * SECOND_US, lifetime_s=600)
    yuan = {"currency": "CNY", "amount_minor": 1_280_050}
    shown = standing_of(payment_in(waits))
    dressed = Look(
        title="海港茶舍",
        accent="#8a2be2",
        background="#f7f1e5",
        logo=Picture("image/png", b"a logo"),
        artwork=Picture("image/png", b"a mark"),
    )
    app = project_with(provider="fps", bank_app_url="https://bank.example/fps?qr={payload}")
    return {
        "preparing": seen(standing_of(payment_in(PaymentStatus.PROCESSING, display=None))),
        "pay": seen(shown),
        "pay_in_iframe": seen(shown, opened=OpenedAs.IFRAME),
        "pay_last_minute": seen(
            standing_of(payment_in(waits, display=cny, **yuan)),
            request_with(description="", returns={}, **yuan),
        ),
        "pay_unread_qr": seen(standing_of(payment_in(waits, display=plain))),
        "pay_own_look": seen(shown, look=dressed, project=app),
        "late": seen(standing_of(payment_in(waits, display=over))),
        "late_again": seen(
            standing_of(payment_in(waits, display=over)),
            project=project_with(retry_attempts_max=2),
        ),
        "held": seen(standing_of(payment_in(waits, held_count=1))),
        "retry_time_out": seen(_failed_attempt("20602")),
        "retry_refused": seen(_failed_attempt("20301")),
        "retry_declined": seen(_failed_attempt("20100")),
    }


def _ended() -> Mapping[str, View]:
    paid = standing_of(payment_in(PaymentStatus.SUCCESS))
    over = standing_of(payment_in(PaymentStatus.SUCCESS, paid_minor=30_000))
    error = payment_in(PaymentStatus.ERROR, display=None)
    home = request_with(returns={"redirect_success_url": f"{SHOP}/thanks"})
    cart = request_with(returns={"redirect_fail_url": f"{SHOP}/cart"})
    beside = request_with(returns=home.returns | {"redirect_success_mode": "blank_page"})
    quiet = request_with(returns={"merchant_success_url": f"{SHOP}/thanks"})
    return {
        "paid": seen(paid),
        "paid_other_amount": seen(over),
        "paid_without_ways": seen(paid, request_with(returns={})),
        "paid_leaving": seen(paid, home),
        "paid_new_tab": seen(paid, beside),
        "paid_in_iframe": seen(paid, quiet, opened=OpenedAs.IFRAME),
        "paid_in_popup": seen(paid, quiet, opened=OpenedAs.POPUP),
        "declined": seen(_failed("20100")),
        "declined_refused": seen(_failed("20301")),
        "declined_amount": seen(_failed("20304")),
        "declined_leaving": seen(_failed("20100"), cart),
        "timed_out": seen(_failed("20602")),
        "failed": seen(standing_of(error)),
    }


def app_address(payload: str) -> str:
    """Return where the sandbox bank's app shows a QR."""
    return SANDBOX_APP.replace("{payload}", quote(payload, safe=""))


EXAMPLES: Final[dict[str, View]] = {**_choosing(), **_paying(), **_ended()}
"""A page by the name of its screen, variants behind it: `pay`, `pay_in_iframe`."""
