"""Settlement: what was paid and what arrived, by day, project and currency, and why they differ."""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final
from urllib.parse import urlencode

from starlette.responses import Response

from sampan import money
from sampan.codecs.safe_csv import BOM, safe_cell
from sampan.dashboard import words
from sampan.dashboard.asked import Asked, day_text
from sampan.dashboard.visit import Visit
from sampan.dashboard.ways import Way
from sampan.domain.codes import Code
from sampan.domain.rights import Right
from sampan.domain.settlement import DAYS_MAX, Arrived, Key, Line, Paid, lines, totals
from sampan.domain.texts import PROJECT_ID_MAX
from sampan.errors import Refusal
from sampan.money import DECIMALS
from sampan.storage import projects, settlement
from sampan.storage.engine import Tx
from sampan.web import charts
from sampan.web.charts import Across, Chart
from sampan.web.i18n import mark, money_text, translate
from sampan.web.render import language_of
from sampan.web.security import page_headers

PATH: Final = "/settlement"
USUAL_DAYS: Final = 14
LINES_MAX: Final = 2_000
"""Rows of one page; with more, a project or fewer days have to be chosen."""
ROWS_MAX: Final = 100
"""Days that are named below a chart."""
MINOR: Final = 100
NO_PROJECT: Final = "none"
"""In an address: money that belongs to no payment, and so to no project."""
TOO_LONG: Final = mark("At most 92 days can be looked at together.")
TURNED: Final = mark("The end lies before the beginning.")
NOT_READ: Final = mark("A part of the address made no sense and was left out.")
TOO_EARLY: Final = mark("So early there were no payments.")
TO_COME: Final = mark("These days are still to come.")
COLUMNS: Final = (
    mark("Day"),
    mark("Project id"),
    mark("Project"),
    mark("Currency"),
    mark("Payments paid"),
    mark("Gross"),
    mark("Credits"),
    mark("Received"),
    mark("Taken"),
    mark("Waiting"),
    mark("Sent back"),
    mark("Difference"),
    mark("Of payments of another day"),
    mark("Arrived on another day"),
    mark("Refunded"),
)
_FIRST_DAY: Final = date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is looked at: days, a project or all, and what is wrong with it."""

    first: int
    last: int
    project_id: int | None
    fault: str = ""

    @property
    def query(self) -> str:
        """The query of its address."""
        given = {"from": text_of(self.first), "to": text_of(self.last)}
        project = {} if self.project_id is None else {"project": self.project_id}
        return urlencode(given | project)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """All that the page shows."""

    lines: Sequence[Line]
    totals: Sequence[Line]
    names: Mapping[int, str]
    is_cut: bool


async def settled(visit: Visit) -> Response:
    """Show days, projects and currencies with their sums, charts of them, and the totals."""
    wanted = _wanted(visit)
    seen = await visit.desk.store.read(lambda tx: _seen(tx, wanted))
    context = {
        "wanted": wanted,
        "given_from": text_of(wanted.first),
        "given_to": text_of(wanted.last),
        "lines": [(line, text_of(line.key.day), _day_path(line.key)) for line in seen.lines],
        "totals": seen.totals,
        "names": seen.names,
        "is_cut": seen.is_cut,
        "with_refunds": any(one.refunded_minor for one in seen.totals),
        "charts": [
            (one.key.currency, _chart(seen.lines, wanted, currency=one.key.currency))
            for one in seen.totals
            if one.gross_minor
        ],
        "spans": _spans(visit.now_us, wanted),
        "may_settle": True,
    }
    return visit.page("settlement.html", context, status=400 if wanted.fault else 200)


async def as_csv(visit: Visit) -> Response:
    """Send the table of the page."""
    wanted, code = _wanted(visit), language_of(visit.request)
    if wanted.fault:
        return visit.go(f"{PATH}?{wanted.query}")
    seen = await visit.desk.store.read(lambda tx: _seen(tx, wanted))
    written = io.StringIO(newline="")
    csv.writer(written).writerows(_cells(seen, code))
    name = f"settlement-{text_of(wanted.first)}-{text_of(wanted.last)}.csv"
    headers = page_headers() | {"Content-Disposition": f'attachment; filename="{name}"'}
    data = (BOM + written.getvalue()).encode("utf-8", "replace")
    return Response(data, headers=headers, media_type="text/csv")


async def day(visit: Visit) -> Response:
    """Show what a line of the table is made of, and prove its difference."""
    key = _key(visit)

    def look(tx: Tx) -> dict[str, Any]:
        found = _lines(tx, first=key.day, last=key.day)
        return {
            "line": next((line for line in found if line.key == key), Line(key=key)),
            "names": projects.names(tx),
            "odd_payments": _paid_rows(tx, key, is_odd=True),
            "odd_credits": settlement.credit_rows(tx, key, is_odd=True, most=ROWS_MAX),
            "payments": _paid_rows(tx, key, is_odd=False),
            "credits": settlement.credit_rows(tx, key, is_odd=False, most=ROWS_MAX),
            "proved_minor": 0
            if key.project_id is None
            else settlement.from_elsewhere_minor(tx, key),
        }

    found = await visit.desk.store.read(look)
    context = found | {
        "day": text_of(key.day),
        "key": key,
        "rows_max": ROWS_MAX,
        "credit_statuses": words.CREDIT_STATUSES,
        "is_proved": found["line"].from_elsewhere_minor == found["proved_minor"],
        "report_query": _report_query(key),
    }
    return visit.page("settlement_day.html", context)


def text_of(number: int) -> str:
    """Return a day as `YYYY-MM-DD`."""
    return f"{_FIRST_DAY + timedelta(days=number)}"


def _wanted(visit: Visit) -> Wanted:
    asked = Asked(visit.request.query_params)
    today = settlement.day_of(visit.now_us)
    from_us, to_us = asked.day("from"), asked.day("to")
    last = today if to_us is None else settlement.day_of(to_us)
    first = last - USUAL_DAYS + 1 if from_us is None else settlement.day_of(from_us)
    project = asked.number("project")
    fault = NOT_READ if asked.is_partial else ""
    if first < 0:
        first, last, fault = today - USUAL_DAYS + 1, today, TOO_EARLY
    elif first > last:
        fault = TURNED
    elif last - first >= DAYS_MAX:
        fault = TOO_LONG
    elif first > today:
        fault = TO_COME
    return Wanted(first, last, project, fault)


def _lines(tx: Tx, *, first: int, last: int) -> Sequence[Line]:
    paid: Sequence[Paid] = settlement.paid(tx, first=first, last=last)
    arrived: Sequence[Arrived] = settlement.arrived(tx, first=first, last=last)
    return lines(paid, arrived, repaid=settlement.repaid(tx, first=first, last=last))


def _seen(tx: Tx, wanted: Wanted) -> Seen:
    names = projects.names(tx)
    if wanted.fault:
        return Seen(lines=(), totals=(), names=names, is_cut=False)
    found = _lines(tx, first=wanted.first, last=wanted.last)
    if wanted.project_id is not None:
        found = [line for line in found if line.key.project_id == wanted.project_id]
    return Seen(
        lines=found[:LINES_MAX],
        totals=totals(found),
        names=names,
        is_cut=len(found) > LINES_MAX,
    )


def _paid_rows(tx: Tx, key: Key, *, is_odd: bool) -> Sequence[settlement.PaidRow]:
    if key.project_id is None:
        return ()
    return settlement.paid_rows(tx, key, is_odd=is_odd, most=ROWS_MAX)


def _key(visit: Visit) -> Key:
    """Return the line that the address names. Raises `Refusal` with 404 for none that can be."""
    asked = Asked(visit.request.query_params)
    begin_us, currency = asked.day("day"), asked.one_of("currency", DECIMALS)
    is_loose = asked.text("project") == NO_PROJECT
    project_id = None if is_loose else asked.number("project")
    if begin_us is None or currency is None or (project_id is None and not is_loose):
        raise Refusal(Code.NOT_FOUND, "", http_status=404)
    if project_id is not None and not 1 <= project_id <= PROJECT_ID_MAX:
        raise Refusal(Code.NOT_FOUND, "", http_status=404)
    return Key(settlement.day_of(begin_us), project_id, currency)


def _day_path(key: Key) -> str:
    given = {
        "day": text_of(key.day),
        "project": NO_PROJECT if key.project_id is None else key.project_id,
        "currency": key.currency,
    }
    return f"/dashboard{PATH}/day?{urlencode(given)}"


def _report_query(key: Key) -> str:
    """Return the query of the form of a report about a day and a project."""
    given = {"from": text_of(key.day), "to": text_of(key.day), "currency": key.currency}
    return urlencode(given | ({} if key.project_id is None else {"project": key.project_id}))


def _chart(found: Sequence[Line], wanted: Wanted, *, currency: str) -> Chart:
    """Return the gross sums of the days, each as a column."""
    sums = dict.fromkeys(range(wanted.first, wanted.last + 1), 0)
    for line in found:
        if line.key.currency == currency:
            sums[line.key.day] += line.gross_minor
    days = [_short(number) for number in sums]
    told = [f"{text_of(number)}: {money_text(minor, currency)}" for number, minor in sums.items()]
    return charts.columns(
        [list(sums.values())],
        Across(names=days, told=told),
        text=lambda minor: f"{minor // MINOR:,}",
        unit=MINOR,
    )


def _short(number: int) -> str:
    found = _FIRST_DAY + timedelta(days=number)
    return f"{found.day}/{found.month}"


def _spans(now_us: int, wanted: Wanted) -> list[tuple[str, str, bool]]:
    """Return one-click periods: name, query, and whether it is the present one."""
    today = date.fromisoformat(day_text(now_us))
    month = today.replace(day=1)
    before = month - timedelta(days=1)
    offered = (
        (mark("Last 14 days"), today - timedelta(days=USUAL_DAYS - 1), today),
        (mark("This month"), month, today),
        (mark("Last month"), before.replace(day=1), before),
    )
    spans = []
    for name, first, last in offered:
        one = Wanted((first - _FIRST_DAY).days, (last - _FIRST_DAY).days, wanted.project_id)
        is_on = (one.first, one.last) == (wanted.first, wanted.last)
        spans.append((name, one.query, is_on))
    return spans


def _cells(seen: Seen, code: str) -> Iterator[list[str]]:
    """Give the rows of the file. Numbers are ours, so a minus makes no formula of them."""
    yield [translate(code, name) for name in COLUMNS]
    for line in seen.lines:
        project_id, currency = line.key.project_id, line.key.currency

        def text(minor: int, currency: str = currency) -> str:
            return money.to_text(minor, currency)

        yield [
            text_of(line.key.day),
            "" if project_id is None else str(project_id),
            safe_cell(seen.names.get(project_id or 0, "")),
            currency,
            str(line.paid_count),
            text(line.gross_minor),
            str(line.received_count),
            text(line.received_minor),
            text(line.applied_minor),
            text(line.waiting_minor),
            text(line.returned_minor),
            text(line.difference_minor),
            text(line.elsewhere_minor),
            text(line.from_elsewhere_minor),
            text(line.refunded_minor),
        ]


WAYS: Final = (
    Way("GET", PATH, settled, Right.FINANCE),
    Way("GET", f"{PATH}.csv", as_csv, Right.FINANCE),
    Way("GET", f"{PATH}/day", day, Right.FINANCE),
)
