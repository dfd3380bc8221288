"""Many payment links from a file: send it, look at every line, start it, see what became of it."""

import asyncio
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import urlencode

import msgspec
from starlette.datastructures import UploadFile
from starlette.responses import Response

from sampan import money
from sampan.codecs import link_csv
from sampan.codecs.link_csv import FILE_BYTES_MAX, LinkFileError
from sampan.codecs.safe_csv import csv_file
from sampan.dashboard.links import PATH
from sampan.dashboard.visit import Visit
from sampan.dashboard.ways import KEY_MAX, Way
from sampan.domain import link_form
from sampan.domain.codes import Code
from sampan.domain.payment import Payment
from sampan.domain.project import Project
from sampan.domain.rights import Right
from sampan.domain.texts import project_number
from sampan.errors import Refusal
from sampan.flow import link_batches as flow
from sampan.flow.link_batches import Sent
from sampan.flow.links import url_of
from sampan.flow.settle import Step
from sampan.storage import link_batches, payments, projects
from sampan.storage.engine import Tx
from sampan.storage.link_batches import Batch, BatchLine, Counts
from sampan.web import i18n
from sampan.web.i18n import mark
from sampan.web.link_words import FLAWS, file_text, flaw_text
from sampan.web.render import language_of
from sampan.web.security import page_headers

BATCHES: Final = f"{PATH}/batches"
ONE: Final = f"{BATCHES}/{{key:key}}"
FORM_BYTES_MAX: Final = 2 * FILE_BYTES_MAX
"""More than a file may have: who sends somewhat too much is told so beside the form."""
LIST_COUNT: Final = 30
LINES_COUNT: Final = 100
SLICE_COUNT: Final = 500
NO_FILE: Final = mark("Choose a file.")
NO_PROJECT: Final = mark("Choose a project.")
_SEED_BYTES: Final = 16
_NUMBER_CHARS_MAX: Final = 15

STATUSES: Final = {
    "checked": (mark("Checked, not started"), "idle"),
    "running": (mark("At work"), "busy"),
    "done": (mark("Done"), "good"),
}
LINE_STATUSES: Final = {
    "ready": (mark("Waits"), "idle"),
    "faulty": (mark("Not right"), "bad"),
    "made": (mark("Link made"), "good"),
    "refused": (mark("No link"), "bad"),
}
VIEWS: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    "": (mark("All lines"), ()),
    "wrong": (mark("With faults"), ("faulty", "refused")),
    "made": (mark("With links"), ("made",)),
}
_EXAMPLE: Final = {
    "amount": "268.50",
    "currency": "HKD",
    "expires": "7",
    "description": "Iron Buddha oolong",
    "customer_name": "Chan Tai Man",
    "customer_email": "chan@example.com",
    "customer_phone": "91234567",
    "language": "zh-hant",
    "send_email": "no",
}
_EXAMPLE_SHORT: Final = {
    "payment_id": "INV-2031",
    "amount": "1200",
    "currency": "HKD",
    "expires": "30",
}
EXAMPLES: Final = tuple(
    [example.get(name, "") for name in link_form.COLUMNS] for example in (_EXAMPLE, _EXAMPLE_SHORT)
)


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """A line with its link, where it has one."""

    line: BatchLine
    payment: Payment | None = None
    url: str = ""


async def listed(visit: Visit) -> Response:
    """Show the files, newest first, and the form for another one."""
    return await _listed(visit)


async def template(_: Visit) -> Response:
    """Return a file to begin with."""
    return _csv("payment-links.csv", csv_file([link_form.COLUMNS, *EXAMPLES]))


async def upload(visit: Visit) -> Response:
    """Look at every line of a file, keep it, and lead to what was found. Makes no link."""
    desk, number = visit.desk, project_number(visit.text("project"))
    project = None
    if number is not None:
        project = await desk.store.read(lambda tx: desk.find_project(tx, number))
    file = visit.form.get("file")
    errors = {} if project else {"project": NO_PROJECT}
    if not isinstance(file, UploadFile) or not file.filename:
        errors["file"] = NO_FILE
    if project is None or not isinstance(file, UploadFile) or errors:
        return await _listed(visit, errors=errors)
    now_us, seed = visit.now_us, desk.clock.token(_SEED_BYTES)
    data = await file.read()

    def look() -> tuple[BatchLine, ...]:
        lines = link_csv.read(data, known=link_form.COLUMNS, required=link_form.REQUIRED)
        return flow.looked_at(project, lines, seed=seed, mail_on=desk.mail_on, now_us=now_us)

    try:
        # A quarter of a second for the longest file: pages of payers must not wait for it.
        lines = await asyncio.to_thread(look)
    except LinkFileError as fault:
        told = file_text(language_of(visit.request), fault)
        return await _listed(visit, errors={"file": told})
    sent = Sent(file_name=_plain(file.filename or ""), by=visit.by, lines=lines)
    batch = await desk.store.transact(lambda tx: flow.take(tx, project, sent, now_us=now_us))
    return visit.go(f"{BATCHES}/{batch.id}")


async def one(visit: Visit) -> Response:
    """Show a file: what is wrong with its lines, how far it is, what became of them."""
    batch = await _batch(visit)
    desk, view = visit.desk, visit.asked("show")
    view = view if view in VIEWS else ""
    after = _number(visit.asked("after"))

    def look(tx: Tx) -> tuple[Project | None, Counts, list[Shown]]:
        lines = link_batches.lines(
            tx, batch.id, after=after, most=LINES_COUNT + 1, statuses=VIEWS[view][1]
        )
        shown = [_shown(visit, tx, line=line) for line in lines]
        return desk.find_project(tx, batch.project_id), link_batches.counts(tx, batch.id), shown

    project, counts, shown = await desk.store.read(look)
    rows, more = shown[:LINES_COUNT], len(shown) > LINES_COUNT
    right = counts.ready + counts.made + counts.refused
    context = {
        "batch": batch,
        "project": project,
        "counts": counts,
        "right": right,
        "percent": 100 * (counts.made + counts.refused) // right if right else 100,
        "rows": rows,
        "flaws": FLAWS,
        "view": view,
        "views": [(name, text, urlencode({"show": name})) for name, (text, _) in VIEWS.items()],
        "next": urlencode({"show": view, "after": rows[-1].line.line}) if more else "",
        "first": urlencode({"show": view}) if after else "",
        "statuses": STATUSES,
        "line_statuses": LINE_STATUSES,
    }
    return visit.page("link_batch.html", context)


async def start(visit: Visit) -> Response:
    """Let the links be made. A repeat changes nothing."""
    batch, step = await _batch(visit), Step(visit.now_us, visit.by)
    await visit.desk.store.transact(lambda tx: flow.start(tx, batch, step=step))
    return visit.go(f"{BATCHES}/{batch.id}", said="batch-started")


async def report(visit: Visit) -> Response:
    """Return every line with its link, or with what is wrong, as CSV."""
    batch, code = await _batch(visit), language_of(visit.request)
    found: list[Shown] = []
    while True:
        after = found[-1].line.line if found else 0

        def look(tx: Tx, after: int = after) -> list[Shown]:
            lines = link_batches.lines(tx, batch.id, after=after, most=SLICE_COUNT)
            return [_shown(visit, tx, line=line) for line in lines]

        part = await visit.desk.store.read(look)
        found += part
        if len(part) < SLICE_COUNT:
            break
    data = await asyncio.to_thread(lambda: csv_file(report_rows(found, code)))
    return _csv(f"payment-links-{batch.id}.csv", data)


def report_rows(found: list[Shown], code: str) -> Iterator[list[str]]:
    """Give the rows of a report: what was asked for, what became of it, and the address."""
    yield ["line", "status", "payment_id", "amount", "currency", "expires", "link", "faults"]
    for shown in found:
        line, payment = shown.line, shown.payment
        amount, expires = line.given.get("amount", ""), line.given.get("expires", "")
        currency = line.given.get("currency", "")
        if payment is not None:
            amount, currency = (
                money.to_text(payment.amount_minor, payment.currency),
                payment.currency,
            )
            expires = f"{i18n.moment(payment.best_before_us or 0):%Y-%m-%d %H:%M}"
        faults = " ".join(
            f"{flaw.field}: {flaw_text(code, flaw)}" if flaw.field else flaw_text(code, flaw)
            for flaw in line.flaws
        )
        yield [
            str(line.line),
            line.status,
            line.payment_id,
            amount,
            currency,
            expires,
            shown.url,
            faults,
        ]


def _shown(visit: Visit, tx: Tx, *, line: BatchLine) -> Shown:
    payment = None if line.payment is None else payments.payment_by_key(tx, line.payment)
    url = "" if payment is None else url_of(visit.desk.page_links, payment)
    return Shown(line=line, payment=payment, url=url)


async def _listed(visit: Visit, *, errors: Mapping[str, str] | None = None) -> Response:
    desk, now_us = visit.desk, visit.now_us
    parts = visit.asked("after").partition("-")
    place = (_number(parts[0]), _number(parts[2])) if parts[2] else None

    def look(tx: Tx) -> dict[str, Any]:
        batches = link_batches.page(tx, after=place, most=LIST_COUNT + 1)
        every = projects.every(tx, vault=desk.vault, now_us=now_us)
        return {
            "batches": [(one, link_batches.counts(tx, one.id)) for one in batches[:LIST_COUNT]],
            "more": len(batches) > LIST_COUNT,
            "projects": [one for one in every if one.settings.enabled],
            "names": {one.id: one.name for one in every},
        }

    found = await desk.store.read(look)
    last = found["batches"][-1][0] if found["more"] else None
    context = found | {
        "errors": errors or {},
        "typed": {"project": visit.text("project") or visit.asked("project")},
        "next": urlencode({"after": f"{last.created_us}-{last.id}"}) if last else "",
        "first": "after=" if place else "",
        "statuses": STATUSES,
        "required": link_form.REQUIRED,
        "optional": link_form.OPTIONAL,
    }
    return visit.page("link_batches.html", context, status=400 if errors else 200)


async def _batch(visit: Visit) -> Batch:
    """Return the file that the address names. Raises `Refusal` with 404 where there is none."""
    key = visit.request.path_params["key"]
    found = None
    if key < KEY_MAX:
        found = await visit.desk.store.read(lambda tx: link_batches.find(tx, key))
    if found is None:
        raise Refusal(Code.NOT_FOUND, "", http_status=404)
    return found


def _number(text: str) -> int:
    """Read a number of an address; 0 for anything else."""
    plain = text.isascii() and text.isdigit() and len(text) <= 2 * _NUMBER_CHARS_MAX
    return min(int(text), KEY_MAX) if plain else 0


def _plain(name: str) -> str:
    shown = "".join(char if char.isprintable() else "\ufffd" for char in name)
    return shown[: flow.FILE_NAME_CHARS_MAX]


def _csv(name: str, data: bytes) -> Response:
    headers = page_headers() | {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(data, headers=headers, media_type="text/csv")


WAYS: Final = (
    Way("GET", BATCHES, listed, Right.PAYMENT_LINKS),
    Way("POST", BATCHES, upload, Right.PAYMENT_LINKS, form_bytes_max=FORM_BYTES_MAX),
    Way("GET", f"{BATCHES}/template.csv", template, Right.PAYMENT_LINKS),
    Way("GET", ONE, one, Right.PAYMENT_LINKS),
    Way("POST", f"{ONE}/start", start, Right.PAYMENT_LINKS),
    Way("GET", f"{ONE}/lines.csv", report, Right.PAYMENT_LINKS),
)
