"""Payment links: the register, and one link with what one does with it."""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote, urlencode

import msgspec
from starlette.responses import Response

from sampan.codecs import qr_image
from sampan.dashboard.payments import is_line
from sampan.dashboard.visit import Visit
from sampan.dashboard.ways import KEY_MAX, Way
from sampan.dashboard.words import STATUSES
from sampan.domain.codes import Code
from sampan.domain.link_form import expires_us
from sampan.domain.payment import Payment
from sampan.domain.project import Project
from sampan.domain.rights import Right
from sampan.domain.statuses import LINK_OPEN, Origin, PaymentStatus
from sampan.domain.texts import TEXT_CHARS_MAX, project_number
from sampan.errors import Refusal
from sampan.flow import links as flow
from sampan.flow.page import PageRequest
from sampan.flow.settle import Step
from sampan.storage import journal, link_lists, page_sessions, payment_lists, payments, projects
from sampan.storage.engine import Tx
from sampan.storage.payment_lists import Filter
from sampan.web import i18n
from sampan.web.i18n import mark
from sampan.web.render import language_of
from sampan.web.security import page_headers

PATH: Final = "/links"
PAGE_COUNT: Final = 50
TOTALS_MAX: Final = 20_000
NEEDS_REASON: Final = mark("Say why: it stands in the journal.")
TOO_LATE: Final = mark("The customer has confirmed already, or the link is over.")
DEACTIVATED: Final = "switched off in the list"
"""The reason in the journal where somebody switched a link off by one click."""

STATES: Final[Mapping[str, tuple[str, tuple[PaymentStatus, ...] | None]]] = {
    "": (mark("All"), None),
    "open": (mark("Open"), (PaymentStatus.AWAITING_PAYMENT,)),
    "sent": (mark("Sent"), (PaymentStatus.INVOICE_SENT,)),
    "paid": (mark("Paid"), (PaymentStatus.SUCCESS,)),
    "expired": (mark("Expired"), (PaymentStatus.EXPIRED,)),
    "cancelled": (mark("Cancelled"), (PaymentStatus.INVOICE_CANCELED,)),
}
"""State in an address → its name, and the statuses that it means."""

MESSAGE: Final = mark(
    "Hello%(name)s, please pay %(amount)s to %(merchant)s%(what)s with FPS by %(until)s"
    " (Hong Kong time): %(url)s"
)
SUBJECT: Final = mark("Payment link from %(merchant)s")


class Story(msgspec.Struct, frozen=True, kw_only=True):
    """A link as its page shows it."""

    payment: Payment
    project: Project
    url: str
    language: str
    entries: tuple[journal.Entry, ...]

    @property
    def is_open(self) -> bool:
        """Whether the customer has not confirmed yet."""
        return self.payment.status in LINK_OPEN


async def register(visit: Visit) -> Response:
    """Show the links that fit the filters of the address, newest first."""
    wanted, cursor = _filter(visit), visit.asked("after") or None
    vault, now_us = visit.desk.vault, visit.now_us

    def look(tx: Tx) -> dict[str, Any]:
        try:
            page = payment_lists.page(tx, wanted, after=cursor, most=PAGE_COUNT)
        except ValueError:
            # A cursor of another list: begin with the newest.
            page = payment_lists.page(tx, wanted, most=PAGE_COUNT)
        return {
            "page": page,
            "facts": link_lists.facts(tx, [row.key for row in page.rows]),
            "totals": payment_lists.totals(tx, wanted, most=TOTALS_MAX),
            "projects": projects.every(tx, vault=vault, now_us=now_us),
        }

    found = await visit.desk.store.read(look)
    kept = {name: visit.asked(name) for name in ("state", "project", "from", "to")}
    kept = {name: text for name, text in kept.items() if text}
    following = found["page"].next
    context = found | {
        "names": {one.id: one.name for one in found["projects"]},
        "states": [
            (name, text, urlencode({**kept, "state": name})) for name, (text, _) in STATES.items()
        ],
        "state": kept.get("state", "") if kept.get("state", "") in STATES else "",
        "kept": kept,
        "here": urlencode({**kept, **({"after": cursor} if cursor else {})}),
        "next": urlencode({**kept, "after": following}) if following else "",
        "first": (urlencode(kept) or "state=") if cursor else "",
        "open": LINK_OPEN,
        "names_of_statuses": STATUSES,
    }
    return visit.page("links.html", context)


async def card(visit: Visit) -> Response:
    """Show one link."""
    return await _card(visit)


async def poster(visit: Visit) -> Response:
    """Show one link as a sheet for a counter."""
    story = await _story(visit)
    return visit.page("link_poster.html", {"story": story, "payment": story.payment})


async def picture(visit: Visit) -> Response:
    """Return the QR of a link's address as PNG; `save` makes browsers keep it as a file."""
    story = await _story(visit)
    headers = page_headers()
    if visit.asked("save"):
        name = "".join(char if char.isalnum() else "-" for char in story.payment.id[:40])
        headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(name)}.png"
    data = qr_image.png(story.url, module_px=20)
    return Response(data, headers=headers, media_type="image/png")


async def deactivate(visit: Visit) -> Response:
    """Take a link back; from the list without a reason of one's own."""
    quick = visit.text("from") == "list"
    why = visit.text("why")[:TEXT_CHARS_MAX] or (DEACTIVATED if quick else "")
    if not why or not is_line(why):
        return await _card(visit, fault=NEEDS_REASON)
    story, step = await _story(visit), Step(visit.now_us, visit.by, why)
    at, found = visit.desk, story.payment

    def change(tx: Tx) -> None:
        flow.cancel(tx, story.project, found.id, office=at.office, step=step)

    try:
        await at.store.transact(change)
    except Refusal:
        return await _card(visit, fault=TOO_LATE)
    if quick:
        query = visit.text("query")[:TEXT_CHARS_MAX]
        kept = f"?{query}" if query.isascii() and query.isprintable() else ""
        return visit.go(f"{PATH}{kept}", said="link-off")
    return visit.go(f"{PATH}/{found.key}", said="link-off")


async def _card(visit: Visit, *, fault: str = "") -> Response:
    story = await _story(visit)
    wish = visit.asked("message").lower()
    code = i18n.choose((wish, story.language), "", default=language_of(visit.request))
    message, subject = message_of(story, code)
    address = story.payment.customer.email
    context = {
        "story": story,
        "payment": story.payment,
        "message": message,
        "message_language": code,
        "whatsapp": f"https://wa.me/?{urlencode({'text': message}, quote_via=quote)}",
        "mail": f"mailto:{quote(address, safe='@')}?"
        + urlencode({"subject": subject, "body": message}, quote_via=quote),
        "fault": fault,
        "names_of_statuses": STATUSES,
    }
    return visit.page("link.html", context, status=400 if fault else 200)


def message_of(story: Story, code: str) -> tuple[str, str]:
    """Return what may be sent to the customer of a link in a language, and its subject."""
    payment, merchant = story.payment, story.project.name
    name = " ".join(filter(None, (payment.customer.first_name, payment.customer.last_name)))
    said = {
        "name": f" {name}" if name else "",
        "amount": i18n.money_text(payment.amount_minor, payment.currency),
        "merchant": merchant,
        "what": f" ({payment.description})" if payment.description else "",
        "until": i18n.date_time_text(code, payment.best_before_us or payment.decline_us),
        "url": story.url,
    }
    subject = i18n.translate(code, SUBJECT) % {"merchant": merchant}
    return i18n.translate(code, MESSAGE) % said, subject


async def _story(visit: Visit) -> Story:
    """Return the link that the address names. Raises `Refusal` with 404 where there is none."""
    key, desk = visit.request.path_params["key"], visit.desk

    def look(tx: Tx) -> Story | None:
        payment = payments.payment_by_key(tx, key) if key < KEY_MAX else None
        if payment is None or payment.origin is not Origin.LINK:
            return None
        project = desk.find_project(tx, payment.project_id)
        assert project is not None  # noqa: S101 - the payment refers to it
        url = flow.url_of(desk.page_links, payment)
        session = page_sessions.find(tx, url.rpartition("/")[2])
        asked = msgspec.json.decode(session.request, type=PageRequest) if session else None
        return Story(
            payment=payment,
            project=project,
            url=url,
            language=asked.language if asked else "",
            entries=tuple(journal.of_payment(tx, key)),
        )

    story = await desk.store.read(look)
    if story is None:
        raise Refusal(Code.NOT_FOUND, "", http_status=404)
    return story


def _filter(visit: Visit) -> Filter:
    """Return what the address asks for; what cannot be read is no condition."""
    _, statuses = STATES.get(visit.asked("state"), STATES[""])
    number = project_number(visit.asked("project"))
    return Filter(
        origin=Origin.LINK,
        statuses=statuses,
        project_ids=None if number is None else (number,),
        created_from_us=_day_us(visit.asked("from"), visit.now_us),
        created_to_us=_day_us(visit.asked("to"), visit.now_us, whole=True),
    )


def _day_us(text: str, now_us: int, *, whole: bool = False) -> int | None:
    """Return the start of a day in Hong Kong, or the end of a whole one; None for no day."""
    if len(text) != len("2030-01-31") or not text[:4].isdigit():
        return None
    last_us = expires_us(text, now_us=now_us)
    if last_us is None:
        return None
    end_us = last_us + 1_000_000
    return end_us if whole else end_us - 86_400_000_000


WAYS: Final = (
    Way("GET", PATH, register, Right.PAYMENT_LINKS),
    Way("GET", f"{PATH}/{{key:key}}", card, Right.PAYMENT_LINKS),
    Way("GET", f"{PATH}/{{key:key}}/poster", poster, Right.PAYMENT_LINKS),
    Way("GET", f"{PATH}/{{key:key}}/qr.png", picture, Right.PAYMENT_LINKS),
    Way("POST", f"{PATH}/{{key:key}}/deactivate", deactivate, Right.PAYMENT_LINKS),
)
