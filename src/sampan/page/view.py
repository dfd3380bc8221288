"""What a page shows: one small decision from where the payment stands and what time it is. Pure."""

from base64 import b64encode
from enum import StrEnum
from typing import Any, Final
from urllib.parse import quote

import msgspec

from sampan.codecs import emv_qr, qr_image
from sampan.domain import attempts
from sampan.domain.codes import Code
from sampan.domain.look import Look
from sampan.domain.page_links import PATH
from sampan.domain.payment import Payment
from sampan.domain.project import Project
from sampan.domain.statuses import LINK_OPEN, WAITING, PaymentStatus
from sampan.flow.page import PageRequest, Standing
from sampan.flow.sale import faults_of_amount
from sampan.page import messages
from sampan.page.returning import Back, OpenedAs, Way, Ways, after_result, before_paying

_SECOND_US: Final = 1_000_000
QR_MODULE_PX: Final = 4
PAYLOAD_MARK: Final = "{payload}"


class Screen(StrEnum):
    """Every screen of the Payment Page."""

    CHOOSE = "choose"
    PREPARING = "preparing"
    PAY = "pay"
    LATE = "late"
    HELD = "held"
    RETRY = "retry"
    PAID = "paid"
    DECLINED = "declined"
    TIMED_OUT = "timed_out"
    FAILED = "failed"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


ENDED: Final = frozenset(
    {
        Screen.PAID,
        Screen.DECLINED,
        Screen.TIMED_OUT,
        Screen.FAILED,
        Screen.EXPIRED,
        Screen.CANCELLED,
    }
)
"""Screens that nothing follows. Late money may still turn a decline into a success."""
LIVE: Final = frozenset({Screen.PREPARING, Screen.PAY, Screen.LATE, Screen.HELD, Screen.RETRY})
"""Screens that change by themselves when there is news of the payment."""


_BY_STATUS: Final = {
    PaymentStatus.SUCCESS: Screen.PAID,
    PaymentStatus.ERROR: Screen.FAILED,
    PaymentStatus.PROCESSING: Screen.PREPARING,
    PaymentStatus.AWAITING_CUSTOMER: Screen.RETRY,
    PaymentStatus.EXPIRED: Screen.EXPIRED,
    PaymentStatus.INVOICE_CANCELED: Screen.CANCELLED,
}


class Qr(msgspec.Struct, frozen=True, kw_only=True):
    """What can be read in a QR and helps to pay; texts as the bank app will show them."""

    png: str
    payload: str
    payee: str
    payee_zh: str
    fps_id: str
    reference: str
    expires_us: int
    proxy_type: str = "fps_id"


class View(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that a screen shows. Minor units, microseconds UTC, whole seconds.

    `changes_us` is when the clock alone leads to another screen, `left_s` how long that is from
    now; None where there is no limit.
    `amount_minor` is what the customer pays, which is `off_minor` less than the shop asks for.
    `order` grows with each change of the payment, so that old news can be told from new.
    """

    screen: Screen
    version: str
    order: int
    path: str
    opened: OpenedAs
    look: Look
    title: str
    payment_id: str
    description: str
    amount_minor: int
    paid_minor: int
    currency: str
    limits: tuple[int, int] | None
    available: bool
    at_us: int
    changes_us: int | None = None
    left_s: int | None = None
    best_before_us: int | None = None
    qr: Qr | None = None
    bank_app_url: str = ""
    code: str = ""
    retry_until_us: int | None = None
    can_retry: bool = False
    request_id: str = ""
    ways: Ways = Ways()
    result: dict[str, Any] | None = None
    off_minor: int = 0

    @property
    def ended(self) -> bool:
        """Whether nothing follows this screen."""
        return self.screen in ENDED

    @property
    def live(self) -> bool:
        """Whether news of the payment may come."""
        return self.screen in LIVE

    @property
    def leaving(self) -> bool:
        """Whether the customer is on the way back, without seeing the result."""
        to = self.ways.automatic
        return to is not None and to.way in {Way.WHOLE, Way.INSIDE}


class Frame(msgspec.Struct, frozen=True, kw_only=True):
    """What surrounds a page: who asks for it, when and how it was opened."""

    now_us: int
    opened: OpenedAs = OpenedAs.TAB
    sandbox_app: str = ""
    picker_url: str = ""


def screen_of(standing: Standing, request: PageRequest, *, now_us: int) -> Screen:
    """Say which screen stands for where a payment is now."""
    payment = standing.payment
    if payment is None and standing.taken:
        return Screen.FAILED
    if payment is None and standing.session.cancelled_us is not None:
        return Screen.CANCELLED
    if payment is None or payment.status in LINK_OPEN:
        over = request.best_before_us is not None and now_us >= request.best_before_us
        return Screen.EXPIRED if over else Screen.CHOOSE
    if payment.status is PaymentStatus.DECLINE:
        late = standing.operation is not None and standing.operation.code == Code.TIME_OUT
        return Screen.TIMED_OUT if late else Screen.DECLINED
    if payment.held_count:
        return Screen.HELD
    if payment.status in WAITING:
        shown = payment.display is not None and now_us < payment.display.expires_us
        return Screen.PAY if shown else Screen.LATE
    return _BY_STATUS[payment.status]


def view_of(
    standing: Standing, request: PageRequest, *, project: Project, look: Look, frame: Frame
) -> View:
    """Return what a page shows now."""
    payment, settings, now_us = standing.payment, project.settings, frame.now_us
    screen = screen_of(standing, request, now_us=now_us)
    ends_us = next_change_us(screen, request, payment=payment)
    order = payment.updated_us if payment else 0
    shown_minor = payment.qr_minor if payment else request.amount_minor
    limits = settings.amount_limits(request.currency)
    qr = _qr(payment) if screen is Screen.PAY and payment else None
    ways = _ways(screen, request, project=project, opened=frame.opened)
    operation = standing.operation
    result = None
    if payment and operation and screen in {*ENDED, Screen.RETRY}:
        target = ways.automatic or ways.button
        result = messages.result(
            project, payment, operation=operation, return_url=target.url if target else ""
        )
    can_retry = _can_retry(screen, payment, project=project, now_us=now_us)
    return View(
        screen=screen,
        version=f"{screen}.{order}.{can_retry:d}",
        order=order,
        path=f"{PATH}/{standing.session.token}",
        opened=frame.opened,
        look=look,
        title=look.title or project.name,
        payment_id=request.payment_id,
        description=request.description,
        amount_minor=shown_minor,
        off_minor=request.amount_minor - shown_minor,
        paid_minor=payment.paid_minor if payment else 0,
        currency=request.currency,
        limits=limits,
        available=not faults_of_amount(
            settings, request.currency, amount_minor=request.amount_minor
        ),
        at_us=(payment.finished_us or payment.updated_us) if payment else now_us,
        changes_us=ends_us,
        left_s=None if ends_us is None else max(0, -((now_us - ends_us) // _SECOND_US)),
        best_before_us=request.best_before_us,
        qr=qr,
        bank_app_url=_bank_app(project, qr, frame=frame),
        code=operation.code if operation else "",
        retry_until_us=payment.retry_until_us if payment else None,
        can_retry=can_retry,
        # Of a link that nobody has confirmed there is no payment to tell of yet.
        request_id=operation.request_id if operation and screen is not Screen.CHOOSE else "",
        ways=ways,
        result=result,
    )


def next_change_us(screen: Screen, request: PageRequest, *, payment: Payment | None) -> int | None:
    """Return when the clock alone leads to another screen; None: never."""
    if screen is Screen.CHOOSE:
        return request.best_before_us
    if screen is Screen.PAY and payment is not None and payment.display is not None:
        return payment.display.expires_us
    if screen is Screen.RETRY and payment is not None:
        return payment.retry_until_us
    return None


def _can_retry(screen: Screen, payment: Payment | None, *, project: Project, now_us: int) -> bool:
    if payment is None or screen not in {Screen.RETRY, Screen.LATE}:
        return False
    if screen is Screen.RETRY:
        return now_us < (payment.retry_until_us or 0)
    return attempts.retry_until_us(project.settings, payment, now_us=now_us) is not None


def _ways(screen: Screen, request: PageRequest, *, project: Project, opened: OpenedAs) -> Ways:
    settings = project.settings
    if screen not in {*ENDED, Screen.RETRY}:
        back: Back | None = before_paying(request.returns, settings, opened=opened)
        return Ways(back)
    result = "success" if screen is Screen.PAID else "fail"
    ways = after_result(request.returns, settings, result=result, opened=opened)
    # As long as the customer may try again, nobody is led away.
    return Ways(ways.button or ways.automatic) if screen is Screen.RETRY else ways


def _qr(payment: Payment) -> Qr | None:
    if payment.display is None:
        return None
    payload = payment.display.payload
    image = b64encode(qr_image.png(payload, module_px=QR_MODULE_PX)).decode()
    try:
        read = emv_qr.decode(payload)
    except emv_qr.QrSyntaxError:
        read = None
    fps = read.fps if read else None
    return Qr(
        png=image,
        payload=payload,
        payee=(fps.merchant_name or "") if fps else "",
        payee_zh=(fps.merchant_name_zh or "") if fps else "",
        fps_id=(fps.proxy or "") if fps else "",
        reference=(fps.bill_number or fps.reference_label or "") if fps else "",
        expires_us=payment.display.expires_us,
        proxy_type=(fps.proxy_type or "fps_id") if fps else "fps_id",
    )


def _bank_app(project: Project, qr: Qr | None, *, frame: Frame) -> str:
    """Return the address that opens the QR in a bank app; "" where none is known."""
    if qr is None:
        return ""
    if frame.picker_url:
        return frame.picker_url
    own = frame.sandbox_app if project.settings.provider == "sandbox" else ""
    pattern = project.settings.bank_app_url or own
    return pattern.replace(PAYLOAD_MARK, quote(qr.payload, safe=""))
