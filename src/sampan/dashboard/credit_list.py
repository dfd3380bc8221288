"""Credits: what waits for somebody first, then whatever is asked for; with sums, and as CSV."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from starlette.responses import Response, StreamingResponse

from sampan import money
from sampan.codecs.safe_csv import csv_file, csv_lines
from sampan.dashboard import bank_accounts, credit_words, words
from sampan.dashboard.asked import Asked, day_text, place_text
from sampan.dashboard.bank_accounts import BankAccount
from sampan.dashboard.told import people_names
from sampan.dashboard.visit import Visit
from sampan.dashboard.ways import Way
from sampan.domain.payment import Payment
from sampan.domain.project import Project
from sampan.domain.rights import Right
from sampan.flow import credit_views
from sampan.money import DECIMALS
from sampan.storage import credit_lists, decisions, imports, payments, projects, reversals, users
from sampan.storage.credit_lists import WAITING, Filter, Page, Place, Sum
from sampan.storage.credits import Credit
from sampan.storage.decisions import Decision
from sampan.storage.engine import Tx
from sampan.storage.imports import Import
from sampan.storage.reversals import Reversal
from sampan.web.i18n import mark, moment, translate
from sampan.web.render import language_of

PATH: Final = "/credits"
ROWS_COUNT: Final = 50
ASIDE_MAX: Final = 20
"""Proposals and reversals that stand above the list; there are few, or something is wrong."""
CSV_ROWS_COUNT: Final = 1_000
ANY: Final = "any"

VIEWS: Final[Mapping[str, tuple[str, tuple[str, ...] | None]]] = {
    "": (mark("Waits for somebody"), WAITING),
    **{status: (name, (status,)) for status, (name, _) in words.CREDIT_STATUSES.items()},
    ANY: (mark("All"), None),
}
"""Value of `status` in the address → its name, and the statuses that it stands for."""
SUMS: Final[Mapping[str, str]] = {
    "asked": mark("What was asked for"),
    "other": mark("Another sum than was asked for"),
}
QUICK: Final = ("", "applied", "returned", "ignored", ANY)

_HEAD: Final = (
    mark("Came"),
    mark("Booked by the bank"),
    mark("Account"),
    mark("Amount"),
    mark("Currency"),
    mark("Status"),
    mark("Why"),
    mark("Payer"),
    mark("Reference"),
    mark("The bank's id"),
    mark("Payment id"),
    mark("How we know"),
    mark("Number"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A credit with its payment, and why it is not simply the payment's money."""

    credit: Credit
    payment: Payment | None
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """All that the list shows."""

    rows: Sequence[Row]
    next: Place | None
    totals: Sequence[Sum]
    waiting: Sequence[Sum]
    proposals: Sequence[Decision]
    reversals: Sequence[Reversal]
    accounts: Sequence[BankAccount]
    projects: Mapping[int, str]
    people: Mapping[str, str]
    file: Import | None


async def listing(visit: Visit) -> Response:
    """Show what waits, or the credits that fit the filter, the newest first."""
    asked = Asked(visit.request.query_params)
    after = asked.place("after")

    def look(tx: Tx) -> Found:
        accounts = bank_accounts.every(visit, tx)
        wanted = _wanted(tx, visit, asked=asked, accounts=accounts)
        page = credit_lists.page(tx, wanted, after=after, most=ROWS_COUNT)
        waiting = Filter(statuses=WAITING)
        return Found(
            rows=_rows(tx, page),
            next=page.next,
            totals=credit_lists.totals(tx, wanted),
            waiting=credit_lists.totals(tx, waiting),
            proposals=decisions.page(tx, status="proposed", most=ASIDE_MAX),
            reversals=reversals.listing(tx, most=ASIDE_MAX),
            accounts=accounts,
            projects=projects.names(tx),
            people=people_names(users.every(tx)),
            file=None if wanted.import_id is None else imports.find(tx, wanted.import_id),
        )

    found = await visit.desk.store.read(look)
    return visit.page("credits.html", _context(visit, asked, found=found) | {"after": after})


def _context(visit: Visit, asked: Asked, *, found: Found) -> dict[str, Any]:
    view = asked.kept.get("status", "")
    return {
        "found": found,
        "account_names": bank_accounts.names(found.accounts),
        "chosen": asked.kept,
        "is_partial": asked.is_partial,
        "is_filtered": bool(set(asked.kept) - {"status", "file"}),
        "view": view,
        "quick": [(VIEWS[name][0], asked.query(status=name), name == view) for name in QUICK],
        "views": {name: text for name, (text, _) in VIEWS.items() if name},
        "currencies": list(DECIMALS),
        "statuses": words.CREDIT_STATUSES,
        "sources": credit_words.SOURCES,
        "sums": SUMS,
        "why": credit_words.WHY,
        "wishes": credit_words.WISHES,
        "csv": asked.query(),
        "without_file": asked.query(file=""),
        "first": asked.query() or "status=",
        "next": asked.query(after=place_text(found.next)) if found.next else "",
        "may_decide": Right.DECIDE_MONEY in visit.rights,
    }


async def as_csv(visit: Visit) -> Response:
    """Send all that the list shows, page by page."""
    asked, code = Asked(visit.request.query_params), language_of(visit.request)

    def begin(tx: Tx) -> tuple[Sequence[BankAccount], Filter]:
        accounts = bank_accounts.every(visit, tx)
        return accounts, _wanted(tx, visit, asked=asked, accounts=accounts)

    accounts, wanted = await visit.desk.store.read(begin)
    named = bank_accounts.names(accounts)

    async def chunks() -> AsyncIterator[bytes]:
        yield csv_file([[translate(code, name) for name in _HEAD]])
        after: Place | None = None
        while True:

            def some(tx: Tx, after: Place | None = after) -> tuple[Sequence[Row], Place | None]:
                page = credit_lists.page(tx, wanted, after=after, most=CSV_ROWS_COUNT)
                return _rows(tx, page), page.next

            rows, after = await visit.desk.store.read(some)
            yield csv_lines(_cells(row, named, code=code) for row in rows)
            if after is None:
                return

    headers = {
        "Content-Disposition": f'attachment; filename="credits-{day_text(visit.now_us)}.csv"',
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
    }
    return StreamingResponse(chunks(), media_type="text/csv; charset=utf-8", headers=headers)


def _cells(row: Row, named: Mapping[tuple[str, str], str], *, code: str) -> list[str]:
    one, payment = row.credit, row.payment
    status, _ = words.CREDIT_STATUSES[one.status]
    return [
        moment(one.received_us).isoformat(timespec="seconds"),
        moment(one.booked_us).isoformat(timespec="seconds"),
        named.get((one.provider, one.account), f"{one.provider} {one.account}"),
        money.to_text(one.amount_minor, one.currency),
        one.currency,
        translate(code, status),
        ", ".join(translate(code, credit_words.WHY.get(why, why)) for why in row.reasons),
        one.payer_name,
        one.reference,
        one.bank_txn_id,
        "" if payment is None else payment.id,
        translate(code, credit_words.SOURCES[one.source]),
        str(one.id),
    ]


def _rows(tx: Tx, page: Page) -> list[Row]:
    keys = sorted({one.payment for one in page.rows if one.payment is not None})
    found = payments.payments_by_keys(tx, keys) if keys else {}
    reasons = credit_views.reasons_of(tx, page.rows)
    return [
        Row(
            credit=one,
            payment=None if one.payment is None else found.get(one.payment),
            reasons=reasons[one.id],
        )
        for one in page.rows
    ]


def _wanted(tx: Tx, visit: Visit, *, asked: Asked, accounts: Sequence[BankAccount]) -> Filter:
    view = asked.one_of("status", [name for name in VIEWS if name]) or ""
    value = asked.one_of("account", [one.value for one in accounts])
    account = None if value is None else bank_accounts.chosen(accounts, value)
    currency = asked.one_of("currency", DECIMALS)
    source = asked.one_of("source", credit_words.SOURCES)
    wanted = Filter(
        statuses=VIEWS[view][1],
        provider=None if account is None else account.provider,
        account=None if account is None else account.account,
        currencies=None if currency is None else (currency,),
        sources=None if source is None else (source,),
        received_from_us=asked.day("received_from"),
        received_to_us=asked.day("received_to", ends=True),
        booked_from_us=asked.day("booked"),
        booked_to_us=asked.day("booked", ends=True),
        import_id=asked.number("file"),
        as_asked={"asked": True, "other": False}.get(asked.one_of("sum", SUMS) or ""),
        text=asked.text("text"),
    )
    project_id = asked.number("project")
    if project_id is None:
        return wanted
    project = visit.desk.find_project(tx, project_id)
    return msgspec.structs.replace(wanted, **_of_project(tx, project))


def _of_project(tx: Tx, project: Project | None) -> dict[str, Any]:
    """Return what a filter by project lets through: nothing where there is no such project."""
    if project is None:
        return {"project_ids": ()}
    return {
        "project_ids": (project.id,),
        "accounts": tuple(credit_views.accounts_of(tx, project)),
    }


WAYS: Final = (
    Way("GET", PATH, listing, Right.CREDITS),
    Way("GET", f"{PATH}.csv", as_csv, Right.CREDITS),
)
