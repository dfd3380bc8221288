"""Callbacks: the log, one with every attempt, and sending again."""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import msgspec
from starlette.responses import Response

from sampan.dashboard.asked import Asked, place_text
from sampan.dashboard.visit import Visit
from sampan.dashboard.ways import Way
from sampan.dashboard.words import CALLBACK_STATUSES
from sampan.domain.codes import Code
from sampan.domain.rights import Right
from sampan.errors import Refusal
from sampan.flow import delivery, telling
from sampan.flow.delivery import FAILING_AFTER
from sampan.storage import callback_lists, callbacks, projects
from sampan.storage.callback_lists import Filter, Page
from sampan.storage.callbacks import Attempt, Callback, Endpoint
from sampan.storage.engine import Tx
from sampan.storage.payments import payment_by_key
from sampan.web.i18n import mark

PAGE_ROWS: Final = 50
RESEND_MAX: Final = 2000
"""Sent again at one request; the rest asks once more, so that no browser gives up waiting."""
NO_ADDRESS: Final = mark("This callback has no address, so it cannot be sent.")
PATH: Final = "/callbacks"
RESEND_FAILED: Final = f"{PATH}/resend-failed"

CALLBACK_KINDS: Final[Mapping[str, str]] = {
    "intermediate": mark("QR code for the customer"),
    "final": mark("Result"),
    "error": mark("Payment not started"),
    "refund": mark("Refund refused"),
    "link": mark("Payment link"),
}


class Found(NamedTuple):
    """A page of the log, and what stands beside it."""

    page: Page
    endpoints: Sequence[Endpoint]
    projects: Mapping[int, str]


async def log(visit: Visit) -> Response:
    """Show callbacks, the newest first, with the health of the addresses that fail."""
    asked = Asked(visit.request.query_params)
    wanted, after = _wanted(asked), asked.place("after")

    def read(tx: Tx) -> Found:
        return Found(
            callback_lists.page(tx, wanted, after=after, most=PAGE_ROWS),
            callback_lists.endpoints(tx, failures_min=1),
            _project_names(visit, tx),
        )

    found = await visit.desk.store.read(read)
    return visit.page(
        "callbacks.html",
        {
            "rows": found.page.rows,
            "endpoints": found.endpoints,
            "failing_after": FAILING_AFTER,
            "projects": found.projects,
            "chosen": asked.kept,
            "is_partial": asked.is_partial,
            "statuses": CALLBACK_STATUSES,
            "kinds": CALLBACK_KINDS,
            "first": asked.query() if after else "",
            "next": asked.query(after=place_text(found.page.next)) if found.page.next else "",
            "may_resend": Right.RESEND_CALLBACKS in visit.rights,
        },
    )


async def one(visit: Visit) -> Response:
    """Show a callback, its body and every attempt to deliver it."""
    return await _one(visit)


async def resend(visit: Visit) -> Response:
    """Send a callback again now."""
    callback_id, now_us = _number(visit), visit.now_us

    def again(tx: Tx) -> bool:
        callback = _found(tx, callback_id)
        if not callback.url:
            return False
        lane = telling.lane(callback.url)
        delivery.resend(tx, callback, lane=lane, by=visit.by, now_us=now_us)
        return True

    if not await visit.desk.store.transact(again):
        return await _one(visit, fault=NO_ADDRESS)
    return visit.go(f"{PATH}/{callback_id}", said="callback-resent")


async def ask_resend_failed(visit: Visit) -> Response:
    """Say how many failed callbacks of a period and project there are, before any is sent."""
    return await _resend_failed(visit, Asked(visit.request.query_params))


async def resend_failed(visit: Visit) -> Response:
    """Send the failed callbacks of a period and project again, each chunk by itself."""
    given = {name: visit.text(name) for name in ("project", "created_from", "created_to", "after")}
    asked = Asked(given)
    wanted, after, done = _failing(asked), asked.place("after"), 0
    if asked.is_partial:
        # What was meant is not known, and all of them is the worst guess.
        return await _resend_failed(visit, asked, status=400)
    while done < RESEND_MAX:
        count, after = await _chunk(visit, wanted, after=after)
        done += count
        if after is None:
            break
    return await _resend_failed(visit, asked, done=done, after=after)


async def _chunk(
    visit: Visit, wanted: Filter, *, after: callback_lists.Place | None
) -> tuple[int, callback_lists.Place | None]:
    by, now_us = visit.by, visit.now_us
    return await visit.desk.store.transact(
        lambda tx: delivery.resend_failing(tx, wanted, after=after, by=by, now_us=now_us)
    )


async def _resend_failed(
    visit: Visit,
    asked: Asked,
    *,
    done: int | None = None,
    after: callback_lists.Place | None = None,
    status: int = 200,
) -> Response:
    wanted, most = _failing(asked), callback_lists.COUNT_MAX
    is_over = done is not None and after is None

    def read(tx: Tx) -> tuple[int, Mapping[int, str]]:
        count = 0 if is_over else callback_lists.count(tx, wanted, after=after, most=most)
        return count, _project_names(visit, tx)

    count, names = await visit.desk.store.read(read)
    context = {
        "count": count,
        "is_capped": count == most,
        "done": done,
        "after": place_text(after),
        "projects": names,
        "chosen": asked.kept,
        "is_partial": asked.is_partial,
        "most": RESEND_MAX,
        "back": asked.query(failing="1"),
    }
    return visit.page("resend_failed.html", context, status=status)


def _failing(asked: Asked) -> Filter:
    return Filter(
        project_id=asked.number("project"),
        created_from_us=asked.day("created_from"),
        created_to_us=asked.day("created_to", ends=True),
        failing=True,
    )


def _wanted(asked: Asked) -> Filter:
    return Filter(
        project_id=asked.number("project"),
        status=asked.one_of("status", CALLBACK_STATUSES),
        kind=asked.one_of("kind", CALLBACK_KINDS),
        payment_id=asked.text("payment"),
        created_from_us=asked.day("created_from"),
        created_to_us=asked.day("created_to", ends=True),
        failing=asked.flag("failing"),
    )


def _project_names(visit: Visit, tx: Tx) -> dict[int, str]:
    found = projects.every(tx, vault=visit.desk.vault, now_us=visit.now_us)
    return {project.id: project.name for project in found}


async def _one(visit: Visit, *, fault: str = "") -> Response:
    callback_id = _number(visit)

    def read(tx: Tx) -> tuple[Callback, Sequence[Attempt], Endpoint | None, str]:
        callback = _found(tx, callback_id)
        payment = payment_by_key(tx, callback.payment)
        assert payment is not None  # noqa: S101 - payments are never deleted
        health = callbacks.endpoint(tx, telling.lane(callback.url))
        return callback, callbacks.attempts_of(tx, callback_id), health, payment.id

    callback, attempts, health, payment_id = await visit.desk.store.read(read)
    context = {
        "callback": callback,
        "payment_id": payment_id,
        "attempts": attempts,
        "health": health if health is not None and health.failures_count else None,
        "failing_after": FAILING_AFTER,
        "body": msgspec.json.format(callback.body, indent=2),
        "no_outcome": delivery.NO_OUTCOME,
        "statuses": CALLBACK_STATUSES,
        "kinds": CALLBACK_KINDS,
        "may_resend": Right.RESEND_CALLBACKS in visit.rights and callback.url,
        "fault": fault,
    }
    return visit.page("callback.html", context, status=400 if fault else 200)


def _number(visit: Visit) -> int:
    number = Asked(visit.request.path_params).number("id")
    if number is None:
        raise Refusal(Code.NOT_FOUND, "", http_status=404)
    return number


def _found(tx: Tx, callback_id: int) -> Callback:
    callback = callbacks.find(tx, callback_id)
    if callback is None:
        raise Refusal(Code.NOT_FOUND, "", http_status=404)
    return callback


WAYS: Final = (
    Way("GET", PATH, log, Right.VIEW_PAYMENTS),
    Way("GET", RESEND_FAILED, ask_resend_failed, Right.RESEND_CALLBACKS),
    Way("POST", RESEND_FAILED, resend_failed, Right.RESEND_CALLBACKS),
    Way("GET", f"{PATH}/{{id}}", one, Right.VIEW_PAYMENTS),
    Way("POST", f"{PATH}/{{id}}/resend", resend, Right.RESEND_CALLBACKS),
)
