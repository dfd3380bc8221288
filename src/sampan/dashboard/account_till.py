"""A reusable QR code of an FPS account for a till: to look at, to save, to print."""

from typing import Any, Final, NamedTuple
from urllib.parse import urlencode

from starlette.responses import Response

from sampan import money
from sampan.dashboard.account_pages import ONE, TILL, card_of, part_page
from sampan.dashboard.visit import Visit
from sampan.dashboard.ways import Way
from sampan.domain.fps_account import FpsAccount
from sampan.domain.rights import Right
from sampan.errors import Refusal
from sampan.flow import fps_codes
from sampan.web.i18n import mark
from sampan.web.security import page_headers

BAD_AMOUNT: Final = mark("An amount such as 18.80, or nothing.")
_AMOUNT_CHARS_MAX: Final = 20


class _Wanted(NamedTuple):
    """What the address asks for; `typed` is the amount as it was typed, `payload` "" with a fault.

    `query` asks for the same again.
    """

    currency: str
    typed: str
    amount_minor: int | None
    payload: str
    query: str


async def till(visit: Visit) -> Response:
    """Show the code, with what is to be in it."""
    card = await card_of(visit)
    wanted = _wanted(visit, card.account)
    more: dict[str, Any] = _context(wanted) | {
        "currencies": [(one, one) for one in card.account.currencies.split(",")],
        "amount_error": "" if wanted.payload else BAD_AMOUNT,
        "status": 200 if wanted.payload else 400,
    }
    return part_page(visit, TILL, card=card, template="till.html", more=more)


async def poster(visit: Visit) -> Response:
    """Show the code as a sheet to be printed."""
    card = await card_of(visit)
    wanted = _wanted(visit, card.account)
    if not wanted.payload:
        return visit.go(f"/accounts/{card.account.id}/{TILL.path}?{wanted.query}")
    return part_page(visit, TILL, card=card, template="poster.html", more=_context(wanted))


async def picture(visit: Visit) -> Response:
    """Return the code as a PNG; `save=1` offers it as a file."""
    account = (await card_of(visit)).account
    wanted = _wanted(visit, account)
    if not wanted.payload:
        return Response(BAD_AMOUNT, status_code=400, media_type="text/plain")
    headers = page_headers()
    if visit.asked("save"):
        name = f"fps-{account.id}-{wanted.currency.lower()}"
        name += "" if wanted.amount_minor is None else f"-{wanted.amount_minor}"
        headers["Content-Disposition"] = f'attachment; filename="{name}.png"'
    return Response(fps_codes.picture(wanted.payload), headers=headers, media_type="image/png")


def _wanted(visit: Visit, account: FpsAccount) -> _Wanted:
    """Read the address; a currency that the account does not take is its first one."""
    asked, typed = visit.asked("currency"), visit.asked("amount")[:_AMOUNT_CHARS_MAX]
    currency = asked if account.takes(asked) else account.currencies[:3]
    query = urlencode({"currency": currency, "amount": typed})
    try:
        minor = money.from_text(typed.replace(",", ""), currency) if typed else None
        payload = fps_codes.counter_payload(account, currency=currency, amount_minor=minor)
    except (ValueError, Refusal):
        return _Wanted(currency, typed, None, "", query)
    return _Wanted(currency, typed, minor, payload, query)


def _context(wanted: _Wanted) -> dict[str, Any]:
    return {
        "currency": wanted.currency,
        "typed": wanted.typed,
        "amount_minor": wanted.amount_minor,
        "asked": wanted.query,
    }


_PATH: Final = f"{ONE}/{TILL.path}"
WAYS: Final = (
    Way("GET", _PATH, till, Right.VIEW_PROJECTS),
    Way("GET", f"{_PATH}/print", poster, Right.VIEW_PROJECTS),
    Way("GET", f"{_PATH}/qr.png", picture, Right.VIEW_PROJECTS),
)
