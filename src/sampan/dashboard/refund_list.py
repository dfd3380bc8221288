"""Refunds: where each stands, as a list and as CSV, and the files that ask a bank for them."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from starlette.responses import Response, StreamingResponse

from sampan import money
from sampan.codecs.safe_csv import csv_file, csv_lines
from sampan.dashboard import bank_accounts, credit_words, refund_words
from sampan.dashboard.asked import Asked, day_text, place_text
from sampan.dashboard.told import people_names
from sampan.dashboard.visit import Visit
from sampan.dashboard.ways import Way
from sampan.domain.payment import Payment
from sampan.domain.refunds import RefundStatus
from sampan.domain.rights import Right
from sampan.flow.refund_records import FILE_PREFIX, alarmed, reference_of
from sampan.storage import decisions, payments, refunds, users
from sampan.storage.decisions import Decision
from sampan.storage.engine import Tx
from sampan.storage.refunds import Refund, RefundFile
from sampan.web.i18n import mark, moment, translate
from sampan.web.render import language_of

PATH: Final = "/refunds"
SECTION: Final = "/dashboard/credits"
"""The section of the menu that these pages belong to."""
ROWS_COUNT: Final = 50
"""All of a page can be ticked: a form has at most 100 fields (`web.security`)."""
FILES_COUNT: Final = 20
PROPOSALS_MAX: Final = 100
CSV_ROWS_COUNT: Final = 1_000
Place = tuple[int, int]

_HEAD: Final = (
    mark("Decided"),
    mark("Status"),
    mark("Amount"),
    mark("Currency"),
    mark("Payee"),
    mark("Account number, FPS ID, mobile number or e-mail address"),
    mark("Clearing code of the bank"),
    mark("Reference at the bank"),
    mark("Account"),
    mark("Payment id"),
    mark("The bank's id"),
    mark("Reason"),
    mark("Number"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """All that the list shows. `file` is the one whose refunds are shown, `next` a place.

    `alarmed`: of which the bank has told what does not fit.
    """

    rows: Sequence[Refund]
    next: Place | None
    counts: Mapping[str, int]
    payments: Mapping[int, Payment]
    proposals: Sequence[Decision]
    alarmed: frozenset[int]
    files: Sequence[RefundFile]
    file: RefundFile | None
    accounts: Mapping[tuple[str, str], str]
    people: Mapping[str, str]


async def listing(visit: Visit) -> Response:
    """Show refunds, the newest first, and the files that were made of them."""
    return await show(visit)


async def show(visit: Visit, *, fault: str = "", chosen: Sequence[int] = ()) -> Response:
    """Return the list, with what was amiss with a file that somebody wanted to make."""
    asked = Asked(visit.request.query_params)
    after, file = asked.place("after"), asked.number("file")
    status = asked.one_of("status", refund_words.STATUSES)

    def look(tx: Tx) -> Found:
        rows = _page(tx, status, file, after=after, most=ROWS_COUNT + 1)
        shown = rows[:ROWS_COUNT]
        keys = sorted({one.payment for one in shown if one.payment is not None})
        proposed = decisions.page(tx, status="proposed", most=PROPOSALS_MAX)
        return Found(
            rows=shown,
            next=(shown[-1].created_us, shown[-1].id) if len(rows) > ROWS_COUNT else None,
            counts=refunds.counts(tx),
            payments=payments.payments_by_keys(tx, keys) if keys else {},
            proposals=[one for one in proposed if one.what == "refund"],
            alarmed=alarmed(tx, shown),
            files=refunds.files(tx, most=FILES_COUNT),
            file=None if file is None else refunds.find_file(tx, file),
            accounts=bank_accounts.names(bank_accounts.every(visit, tx)),
            people=people_names(users.every(tx)),
        )

    found = await visit.desk.store.read(look)
    context = _context(visit, asked, found=found) | {
        "after": after,
        "here": asked.query(after=place_text(after)),
        "fault": fault,
        "ticked": chosen,
        "format": visit.text("format"),
    }
    return visit.page("refunds.html", context, status=409 if fault else 200)


def _context(visit: Visit, asked: Asked, *, found: Found) -> dict[str, Any]:
    every = sum(found.counts.values())
    names = {"": mark("All")} | {name: text for name, (text, _) in refund_words.STATUSES.items()}
    may_decide = Right.DECIDE_MONEY in visit.rights
    return {
        "found": found,
        "path": SECTION,
        "references": {one.id: reference_of(one) for one in found.rows},
        "quick": [
            (
                text,
                asked.query(status=name, file=""),
                found.counts.get(name, 0) if name else every,
                name,
            )
            for name, text in names.items()
        ],
        "view": asked.kept.get("status", "") if found.file is None else None,
        "is_partial": asked.is_partial,
        "csv": asked.query(),
        "first": asked.query() or "status=",
        "next": asked.query(after=place_text(found.next)) if found.next else "",
        "statuses": refund_words.STATUSES,
        "kinds": refund_words.KINDS,
        "formats": refund_words.FORMATS,
        "suffixes": refund_words.SUFFIXES,
        "prefix": FILE_PREFIX,
        "wishes": credit_words.WISHES,
        "may_decide": may_decide,
        "may_make": may_decide and any(one.status == "approved" for one in found.rows),
    }


def _page(
    tx: Tx, status: str | None, file: int | None, *, after: Place | None, most: int
) -> Sequence[Refund]:
    statuses = () if status is None else (RefundStatus(status),)
    return refunds.page(tx, statuses=statuses, file=file, after=after, most=most)


async def as_csv(visit: Visit) -> Response:
    """Send all that the list shows, page by page."""
    asked, code = Asked(visit.request.query_params), language_of(visit.request)
    file, status = asked.number("file"), asked.one_of("status", refund_words.STATUSES)

    async def chunks() -> AsyncIterator[bytes]:
        yield csv_file([[translate(code, name) for name in _HEAD]])
        after: Place | None = None
        while True:

            def some(tx: Tx, after: Place | None = after) -> Sequence[Refund]:
                return _page(tx, status, file, after=after, most=CSV_ROWS_COUNT)

            rows = await visit.desk.store.read(some)
            cells = await visit.desk.store.read(
                lambda tx, rows=rows: _cells(visit, tx, rows=rows, code=code)  # type: ignore[misc]
            )
            yield csv_lines(cells)
            if len(rows) < CSV_ROWS_COUNT:
                return
            after = (rows[-1].created_us, rows[-1].id)

    headers = {
        "Content-Disposition": f'attachment; filename="refunds-{day_text(visit.now_us)}.csv"',
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
    }
    return StreamingResponse(chunks(), media_type="text/csv; charset=utf-8", headers=headers)


def _cells(visit: Visit, tx: Tx, *, rows: Sequence[Refund], code: str) -> list[list[str]]:
    named = bank_accounts.names(bank_accounts.every(visit, tx))
    keys = sorted({one.payment for one in rows if one.payment is not None})
    paid = payments.payments_by_keys(tx, keys) if keys else {}
    return [
        [
            moment(one.created_us).isoformat(timespec="seconds"),
            translate(code, refund_words.STATUSES[one.status.value][0]),
            money.to_text(one.amount_minor, one.currency),
            one.currency,
            one.payee.name,
            one.payee.number,
            one.payee.bank_code,
            reference_of(one),
            named.get((one.provider, one.account), one.account),
            "" if one.payment is None else paid[one.payment].id,
            one.bank_txn_id,
            one.why,
            str(one.id),
        ]
        for one in rows
    ]


WAYS: Final = (
    Way("GET", PATH, listing, Right.CREDITS),
    Way("GET", f"{PATH}.csv", as_csv, Right.CREDITS),
)
