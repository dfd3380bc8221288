"""Pictures of a page: the QR to keep, with what it is for under it, and the merchant's own."""

import asyncio
from typing import Final

from starlette.responses import Response

from sampan.codecs import qr_card
from sampan.domain.codes import Code
from sampan.domain.look import Look
from sampan.page.params import refusal
from sampan.page.view import View
from sampan.web import i18n
from sampan.web.i18n import mark, translate

PAYEE: Final = mark("Payee")
PAYMENT_ID: Final = mark("Payment ID")
VALID_UNTIL: Final = mark("Valid until")
ONE_USE: Final = mark("For one-time use only")
PAY_BY_FPS: Final = mark("FPS QR code")
_SAFE_NAME: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_."
_MAX_AGE_S: Final = 86_400


async def card(view: View, *, language: str, font_file: str) -> Response:
    """Return the QR as a PNG to keep, named after the payment.

    In a language that the fonts of this machine cannot write, the labels are English.
    """
    made = _card(view, language)
    labels = made.heading + made.footer + "".join(label for label, _ in made.lines)
    if not qr_card.drawable(labels, font_file=font_file):
        made = _card(view, i18n.DEFAULT)
    image = await asyncio.to_thread(qr_card.png, made, font_file=font_file)
    name = "".join(char if char in _SAFE_NAME else "-" for char in view.payment_id)[:80]
    headers = {
        "Content-Disposition": f'attachment; filename="{name.strip("-.") or "fps-qr"}.png"',
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
    }
    return Response(image, headers=headers, media_type="image/png")


def _card(view: View, language: str) -> qr_card.Card:
    qr = view.qr
    assert qr is not None  # noqa: S101 - asked for where there is a QR alone
    payee = " ".join(filter(None, (qr.payee, qr.payee_zh))) or view.title
    return qr_card.Card(
        payload=qr.payload,
        heading=translate(language, PAY_BY_FPS),
        amount=i18n.money_text(view.amount_minor, view.currency),
        lines=(
            (translate(language, PAYEE), payee),
            (translate(language, PAYMENT_ID), view.payment_id),
            (translate(language, VALID_UNTIL), i18n.date_time_text(language, qr.expires_us)),
        ),
        footer=translate(language, ONE_USE),
    )


def of_look(look: Look, name: str) -> Response:
    """Return the logo or the artwork of a look. Raises `Refusal` 404 where there is none."""
    picture = {"logo": look.logo, "artwork": look.artwork}.get(name)
    if picture is None:
        raise refusal(Code.NOT_FOUND, http_status=404)
    headers = {
        "Cache-Control": f"private, max-age={_MAX_AGE_S}",
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "default-src 'none'",
    }
    return Response(picture.data, headers=headers, media_type=picture.media_type)
