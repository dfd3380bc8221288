"""A Payment Page on example data, for who designs it: nothing in it can be paid or pressed."""

from base64 import b64encode
from typing import Final

from markupsafe import Markup
from msgspec.structs import replace
from starlette.requests import Request
from starlette.responses import Response

from sampan.codecs import emv_qr
from sampan.domain.codes import Code, message
from sampan.domain.look import Picture
from sampan.domain.payment import Customer, DisplayData, Operation, Payment, Targets
from sampan.domain.project import Project
from sampan.domain.statuses import OperationType, Origin, PaymentStatus
from sampan.flow.page import PageRequest, Standing
from sampan.page import render
from sampan.page.render import Reader
from sampan.page.view import Frame, View, view_of
from sampan.storage.page_sessions import PageSession
from sampan.web import i18n
from sampan.web.i18n import mark, translate
from sampan.web.preview import Example, Preview, Scheme
from sampan.web.render import environment
from sampan.web.security import page_headers

GOODS: Final = mark("Oolong tea, 2 tins")
_SECOND_US: Final = 1_000_000
_AMOUNT_MINOR: Final = 26_800
_LEFT_US: Final = 553 * _SECOND_US
_NO_TIME_US: Final = 1_000_000_000 * _SECOND_US
"""Long over: a bank app that scans the example refuses it."""
_STATUSES: Final = {
    Example.PAY: (PaymentStatus.AWAITING_CUSTOMER_ACTION, Code.AWAITING),
    Example.PAID: (PaymentStatus.SUCCESS, Code.SUCCESS),
    Example.DECLINED: (PaymentStatus.DECLINE, Code.DECLINED_BY_PROVIDER),
}
_ID: Final = "EXAMPLE-0042"
_REFERENCE: Final = "EXAMPLE"
_NO_SECRET: Final = ("an example",)
"""Signs what the example tells a shop's page: never a project's own secret."""
_ASKS_DEVICE: Final = "(prefers-color-scheme: dark)"
_ASKS_DEVICE_SHORT: Final = "(prefers-color-scheme:dark)"
_ANSWERS: Final = {Scheme.LIGHT: "(max-width: 0)", Scheme.DARK: "(min-width: 0)"}


def answer(_: Request, asked: Preview) -> Response:
    """Return the page; only pages of ours may show it in a frame."""
    view = example(asked)
    css = _in_scheme(render.css(), asked.scheme)
    styled = _in_scheme(render.look_css(asked.look), asked.scheme)
    context = render.context(view, Reader(language=asked.language)) | {
        "css": Markup(css),  # noqa: S704 - a file of ours
        "look_css": Markup(styled),  # noqa: S704 - colours alone
        "picture": lambda name: _inline(getattr(asked.look, name)),
    }
    text = environment(asked.language).get_template("page/preview.html").render(context)
    styles = " ".join(render.hash_of(part) for part in (css, styled) if part)
    headers = page_headers(
        frame_ancestors="'self'",
        sources={
            "script-src": "'none'",
            "style-src": styles,
            "connect-src": "'none'",
            "form-action": "'none'",
        },
    )
    headers["Content-Language"] = i18n.LANGUAGES[asked.language].html
    return Response(text, headers=headers, media_type="text/html")


def example(asked: Preview) -> View:
    """Return what the page shows of a tea house's payment."""
    project = replace(asked.project, secrets=_NO_SECRET)
    now_us, settings = asked.now_us, project.settings
    currency = "HKD" if settings.hkd_enabled else "CNY"
    least, greatest = settings.amount_limits(currency) or (0, _AMOUNT_MINOR)
    request = PageRequest(
        payment_id=_ID,
        amount_minor=max(1, least, min(_AMOUNT_MINOR, greatest)),
        currency=currency,
        customer=Customer(id="example"),
        description=translate(asked.language, GOODS),
    )
    session = PageSession(
        token="",
        project_id=project.id,
        payment_id=_ID,
        digest="",
        request="",
        payment=None,
        created_us=now_us,
    )
    standing = Standing(session=session)
    if asked.example in _STATUSES:
        status, code = _STATUSES[asked.example]
        payment = _payment(project, request, status=status, now_us=now_us)
        operation = _operation(payment, code=code)
        standing = Standing(session=session, payment=payment, operation=operation)
    frame = Frame(now_us=now_us, sandbox_app="#")
    return view_of(standing, request, project=project, look=asked.look, frame=frame)


def _payment(
    project: Project, request: PageRequest, *, status: PaymentStatus, now_us: int
) -> Payment:
    final = status is not PaymentStatus.AWAITING_CUSTOMER_ACTION
    return Payment(
        key=0,
        project_id=project.id,
        id=request.payment_id,
        status=status,
        currency=request.currency,
        amount_minor=request.amount_minor,
        paid_minor=request.amount_minor if status is PaymentStatus.SUCCESS else 0,
        description=request.description,
        customer=request.customer,
        targets=Targets(),
        display=DisplayData(
            payload=_payload(project, request),
            expires_us=now_us + _LEFT_US,
            lifetime_s=project.settings.qr_lifetime_s,
        ),
        faults=(),
        held_count=0,
        created_us=now_us,
        updated_us=now_us,
        decline_us=now_us + _LEFT_US,
        finished_us=now_us if final else None,
        origin=Origin.PAGE,
    )


def _payload(project: Project, request: PageRequest) -> str:
    settings = project.settings
    said = emv_qr.FpsQr(
        fps_id=settings.payee_fps_id,
        currency="HKD" if request.currency == "HKD" else "CNY",
        amount_minor=request.amount_minor,
        timeout_us=_NO_TIME_US,
        merchant_name=settings.payee_name,
        merchant_name_zh=settings.payee_name_zh or None,
        bill_number=_REFERENCE,
    )
    try:
        return emv_qr.encode(said)
    except emv_qr.QrError:
        # A name that no QR can carry; the project cannot sell with it either.
        return emv_qr.encode(emv_qr.FpsQr(fps_id=settings.payee_fps_id, timeout_us=_NO_TIME_US))


def _operation(payment: Payment, *, code: Code) -> Operation:
    return Operation(
        id=0,
        payment_key=payment.key,
        type=OperationType.SALE,
        status=payment.status,
        amount_minor=payment.amount_minor,
        currency=payment.currency,
        request_id="",
        code=code,
        message=message(code),
        provider_id=0,
        provider_ref="",
        created_us=payment.created_us,
        updated_us=payment.updated_us,
    )


def _inline(picture: Picture | None) -> str:
    if picture is None:
        return ""
    return f"data:{picture.media_type};base64,{b64encode(picture.data).decode()}"


def _in_scheme(css: str, scheme: Scheme) -> str:
    """Return styles that take the wished colours for the device's."""
    if scheme not in _ANSWERS:
        return css
    answer_ = _ANSWERS[scheme]
    css = css.replace(_ASKS_DEVICE, answer_).replace(_ASKS_DEVICE_SHORT, answer_)
    return css.replace("color-scheme: light dark", f"color-scheme: {scheme}")
