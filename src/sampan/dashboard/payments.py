"""The list of payments: filters, pages, totals, columns of one's own, CSV, and exact search."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

from starlette.responses import Response, StreamingResponse

from sampan.codecs.safe_csv import csv_file, csv_lines
from sampan.dashboard import payment_columns as columns
from sampan.dashboard import payment_query, words
from sampan.dashboard.asked import day_text
from sampan.dashboard.payment_columns import LIST
from sampan.dashboard.payment_query import DAYS, NAMES, Query
from sampan.dashboard.visit import Visit
from sampan.dashboard.ways import Way
from sampan.domain.codes import message
from sampan.domain.rights import Right
from sampan.domain.statuses import Origin, PaymentStatus
from sampan.money import DECIMALS
from sampan.storage import payment_lists, projects, saved_filters
from sampan.storage.engine import Tx
from sampan.storage.payment_lists import TOTALS_MAX, Page, Totals
from sampan.storage.saved_filters import FILTERS_MAX, SavedFilter
from sampan.web.i18n import mark, translate
from sampan.web.render import language_of

PAYMENTS: Final = "/payments"
ROWS_COUNT: Final = 50
COUNTED_MAX: Final = 10_000
"""So many payments are added up by themselves; more only when somebody asks."""
CSV_ROWS_COUNT: Final = 1_000
BACK_CHARS_MAX: Final = 8_000
NAME_CHARS_MAX: Final = 60
ID_DIGITS_MAX: Final = 16

NOTHING: Final = Page((), None)
USUAL_ORIGINS: Final = frozenset({"gate", "page"})
"""What comes by these needs no one-click filter: nearly everything does."""

NO_NAME: Final = mark("Give the filter a name of at most 60 characters.")
TOO_MANY: Final = mark("You have saved 50 filters; remove one first.")
LOST_PAGE: Final = mark("That page of the list cannot be found any more. Here is its beginning.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a list shows, and what its person has set for it."""

    projects: Mapping[int, str]
    columns: Sequence[str]
    saved: Sequence[SavedFilter]
    page: Page = NOTHING
    totals: Totals | None = None
    is_lost: bool = False


async def listing(visit: Visit) -> Response:
    """Show the payments that fit the filter in the address, which is brought into one spelling."""
    query = _query(visit)
    blank = [name for name, value in visit.request.query_params.multi_items() if not value.strip()]
    if blank:
        kept = {"count": "all"} if visit.asked("count") == "all" else {}
        return visit.go(_path(query, **kept))
    return await _listing(visit, query)


async def keep_filter(visit: Visit) -> Response:
    """Keep the present filter under a name."""
    name, query = visit.text("name"), _back(visit)
    if not 1 <= len(name) <= NAME_CHARS_MAX or not is_line(name):
        return await _listing(visit, query, errors={"name": NO_NAME})
    if query.faults:
        return await _listing(visit, query)
    user_id, now_us = visit.user.id, visit.now_us

    def save(tx: Tx) -> bool:
        kept = SavedFilter(
            id=tx.new_id(),
            user_id=user_id,
            list=LIST,
            name=name,
            query=query.text,
            updated_us=now_us,
        )
        return saved_filters.save(tx, kept)

    if not await visit.desk.store.transact(save):
        return await _listing(visit, query, errors={"name": TOO_MANY})
    return visit.go(_path(query), said="filter-kept")


async def back(visit: Visit) -> Response:
    """Lead to the list from where its forms go, which a link to another language may ask for."""
    query = visit.request.url.query
    return visit.go(f"{PAYMENTS}?{query}" if query else PAYMENTS)


async def remove_filter(visit: Visit) -> Response:
    """Forget a filter; one that is gone already is no fault."""
    user_id, number = visit.user.id, number_of(visit.text("filter"))
    await visit.desk.store.transact(
        lambda tx: saved_filters.remove(tx, user_id, of_list=LIST, filter_id=number)
    )
    return visit.go(_path(_back(visit)), said="filter-removed")


async def choose_columns(visit: Visit) -> Response:
    """Keep which columns the person sees, and in which order."""
    ticked = [str(value) for value in visit.form.getlist("column")]
    chosen = columns.known(() if visit.text("reset") else ticked)
    name, _, way = visit.text("move").partition(":")
    if way:
        chosen = columns.moved(chosen, name, by=-1 if way == "up" else 1)
    user_id = visit.user.id
    await visit.desk.store.transact(
        lambda tx: saved_filters.choose_columns(tx, user_id, of_list=LIST, columns=chosen)
    )
    # Who moves a column goes on moving.
    return visit.go(_path(_back(visit), panel="columns"), said="columns-chosen")


async def as_csv(visit: Visit) -> Response:
    """Send all that the list shows, page by page, with the person's own columns."""
    query = _query(visit)
    if query.faults:
        return visit.go(_path(query))
    user_id, code = visit.user.id, language_of(visit.request)
    found = await visit.desk.store.read(lambda tx: _surroundings(tx, user_id))
    day = day_text(visit.now_us)

    async def chunks() -> AsyncIterator[bytes]:
        head = [translate(code, columns.COLUMNS[name].name) for name in found.columns]
        yield csv_file([head])
        after: str | None = None
        while True:
            page = await visit.desk.store.read(_page_after(query, after))
            cells = (
                columns.csv_row(row, found.columns, projects=found.projects) for row in page.rows
            )
            yield csv_lines(cells)
            after = page.next
            if after is None:
                return

    headers = {
        "Content-Disposition": f'attachment; filename="payments-{day}.csv"',
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
    }
    return StreamingResponse(chunks(), media_type="text/csv; charset=utf-8", headers=headers)


async def search(visit: Visit) -> Response:
    """Find a payment by an exact id: one hit is shown at once, several are listed."""
    text = visit.asked("q")
    user_id, fits = visit.user.id, 0 < len(text) <= payment_query.TEXT_CHARS_MAX

    def find(tx: Tx) -> Found:
        rows = payment_lists.search(tx, text, None) if fits else ()
        around = _surroundings(tx, user_id)
        return Found(
            projects=around.projects,
            columns=around.columns,
            saved=(),
            page=Page(tuple(rows), None),
        )

    found = await visit.desk.store.read(find)
    if len(found.page.rows) == 1:
        return visit.go(f"{PAYMENTS}/{found.page.rows[0].key}")
    context = {**_table(found), "text": text[: payment_query.TEXT_CHARS_MAX]}
    return visit.page("payments_found.html", context)


def number_of(text: str) -> int:
    """Read an id of ours; 0, which is nobody's, for anything else."""
    digits = text.isascii() and text.isdigit() and len(text) <= ID_DIGITS_MAX
    return int(text) if digits else 0


# --- parts ----------------------------------------------------------------------------------


def _query(visit: Visit) -> Query:
    pairs = visit.request.query_params.multi_items()
    return payment_query.read(pairs, now_us=visit.now_us)


def _back(visit: Visit) -> Query:
    """Return the query of the list from which a form was sent."""
    pairs = parse_qsl(visit.text("back")[:BACK_CHARS_MAX])
    return payment_query.read(pairs, now_us=visit.now_us)


def _path(query: Query, **more: str) -> str:
    told = urlencode([*query.given, *more.items()])
    return f"{PAYMENTS}?{told}" if told else PAYMENTS


def is_line(text: str) -> bool:
    """Whether a text is one line that every database takes; emoji of several parts are."""
    return not any(char < " " or char == "\x7f" or "\ud800" <= char <= "\udfff" for char in text)


def _page_after(query: Query, after: str | None) -> Any:  # noqa: ANN401 - a use case
    return lambda tx: payment_lists.page(tx, query.wanted, after=after, most=CSV_ROWS_COUNT)


def _surroundings(tx: Tx, user_id: int) -> Found:
    return Found(
        projects=projects.names(tx),
        columns=columns.known(saved_filters.columns_of(tx, user_id, of_list=LIST)),
        saved=saved_filters.of_user(tx, user_id, of_list=LIST),
    )


async def _listing(
    visit: Visit, query: Query, *, errors: Mapping[str, str] | None = None
) -> Response:
    user_id, after = visit.user.id, visit.asked("after")
    counts_all = visit.asked("count") == "all"
    counted_max = TOTALS_MAX if counts_all else COUNTED_MAX

    def find(tx: Tx) -> Found:
        around = _surroundings(tx, user_id)
        if query.faults:
            return around
        page, is_lost = _page(tx, query, after)
        return Found(
            projects=around.projects,
            columns=around.columns,
            saved=around.saved,
            page=page,
            totals=payment_lists.totals(tx, query.wanted, most=counted_max),
            is_lost=is_lost,
        )

    found = await visit.desk.store.read(find)
    kept = {"count": "all"} if counts_all else {}
    following = {**kept, "after": found.page.next or ""}
    context = {
        **_table(found),
        **_choices(query, found),
        "totals": None if found.totals is None else _summed(found.totals),
        "capped_at": counted_max if found.totals and found.totals.counts_capped else 0,
        "may_count": not counts_all,
        "looked_to_us": found.page.looked_to_us,
        "count_query": urlencode([*query.given, ("count", "all")]),
        "next": urlencode([*query.given, *following.items()]) if found.page.next else "",
        # A bare "?" would be no link; an empty name leads to the plain address.
        "first": urlencode([*query.given, *kept.items()] or [("after", "")]) if after else "",
        "notice": LOST_PAGE if found.is_lost else "",
        "errors": {**query.faults, **(errors or {})},
        "panel": "filter" if query.faults else "keep" if errors else visit.asked("panel"),
    }
    return visit.page("payments.html", context, status=400 if context["errors"] else 200)


def _page(tx: Tx, query: Query, after: str) -> tuple[Page, bool]:
    """Return a page, and whether the one that was asked for is lost and this is the first."""
    find = partial(payment_lists.page, tx, query.wanted, most=ROWS_COUNT)
    if after:
        try:
            return find(after=after), False
        except ValueError:
            return find(), True
    return find(), False


def _table(found: Found) -> dict[str, Any]:
    return {
        "rows": found.page.rows,
        "columns": found.columns,
        "column_table": columns.COLUMNS,
        "numbers": columns.NUMBERS,
        "projects": found.projects,
        "statuses": words.STATUSES,
        "origins": words.ORIGINS,
        "code_message": message,
    }


def _choices(query: Query, found: Found) -> dict[str, Any]:
    """Return what the filter panel, the quick filters and the chooser offer."""
    names = words.STATUSES
    statuses = [(status.value, names.get(status, (status.value,))[0]) for status in PaymentStatus]
    return {
        "asked": query,
        "chips": [
            (NAMES[chip.name], _said(chip.name, chip.value, found=found), chip.without)
            for chip in query.chips()
        ],
        "quick": _quick(query),
        "days": _days(query),
        "day_names": [(value, name) for value, (name, *_) in DAYS.items()],
        "status_names": [
            ("waiting", mark("Waiting (any)"), False),
            # Two statuses of one name are told apart by their words on the wire.
            *((value, name, [n for _, n in statuses].count(name) > 1) for value, name in statuses),
        ],
        "origin_names": [(one.value, words.ORIGINS.get(one, one.value)) for one in Origin],
        "currencies": list(DECIMALS),
        "saved": found.saved,
        "filters_max": FILTERS_MAX,
        "other_columns": [name for name in columns.COLUMNS if name not in found.columns],
    }


def _said(name: str, value: str, *, found: Found) -> tuple[str, str]:
    """Return a value of a filter in words: a text to translate, or one that stands as it is.

    What somebody typed is never a text to translate: the catalogues' texts are taken for markup.
    """
    known = _VALUE_NAMES.get(name, {}).get(value)
    if known is not None:
        return known, ""
    if name == "project":
        return "", f"{value} {found.projects.get(number_of(value), '')}".strip()
    return "", value.replace("T", " ") if name in payment_query.DATES else value


_VALUE_NAMES: Final[Mapping[str, Mapping[str, str]]] = {
    "status": {"waiting": mark("Waiting (any)")}
    | {status: name for status, (name, _) in words.STATUSES.items()},
    "origin": words.ORIGINS,
    "days": {value: name for value, (name, *_) in DAYS.items()},
    "held": {"1": mark("yes")},
}


def _quick(query: Query) -> list[tuple[str, str, bool]]:
    """Return the one-click filters: name, query, and whether it is on."""
    of = ("status", "held", "origin")
    offered: list[tuple[str, tuple[tuple[str, str], ...]]] = [
        (mark("All"), ()),
        (mark("Waiting"), (("status", "waiting"),)),
        (mark("Paid"), (("status", PaymentStatus.SUCCESS.value),)),
        (mark("Declined"), (("status", PaymentStatus.DECLINE.value),)),
        (mark("Held money"), (("held", "1"),)),
    ]
    others = [one for one in Origin if one.value not in USUAL_ORIGINS]
    offered += [(words.ORIGINS.get(one, one.value), (("origin", one.value),)) for one in others]
    now = tuple(pair for pair in query.given if pair[0] in of)
    return [(name, query.changed(*of, to=to), now == to) for name, to in offered]


def _days(query: Query) -> list[tuple[str, str, bool]]:
    """Return the one-click days; one that is on leads to where it is off."""
    of = ("days", "created_from", "created_to")
    on = query.value("days")
    return [
        (name, query.changed(*of, to=() if on == value else (("days", value),)), on == value)
        for value, (name, *_) in DAYS.items()
    ]


def _summed(totals: Totals) -> list[tuple[str, int, int, int]]:
    """Return (currency, count, asked, paid) by currency."""
    sums: dict[str, tuple[int, int, int]] = {}
    for group in totals.groups:
        count, asked, paid = sums.get(group.currency, (0, 0, 0))
        sums[group.currency] = (
            count + group.count,
            asked + group.asked_minor,
            paid + group.paid_minor,
        )
    return [(currency, *numbers) for currency, numbers in sums.items()]


WAYS: Final = (
    Way("GET", PAYMENTS, listing, Right.VIEW_PAYMENTS),
    Way("GET", f"{PAYMENTS}.csv", as_csv, Right.VIEW_PAYMENTS),
    Way("GET", f"{PAYMENTS}/filters", back, Right.VIEW_PAYMENTS),
    Way("POST", f"{PAYMENTS}/filters", keep_filter, Right.VIEW_PAYMENTS),
    Way("POST", f"{PAYMENTS}/filters/remove", remove_filter, Right.VIEW_PAYMENTS),
    Way("POST", f"{PAYMENTS}/columns", choose_columns, Right.VIEW_PAYMENTS),
    Way("GET", "/search", search, Right.VIEW_PAYMENTS),
)
