"""Find payments: filtered lists in pages, totals of what is listed, and search by an exact id.

A list is the newest first and goes on by keyset: a page begins below the last row of the one
before, so rows that arrive meanwhile make no gap and no repeat, and the thousandth page costs what
the first does. A page looks through `LOOKS_MAX` rows and no more: where few of many fit, it ends
there, says how far it looked, and the next one goes on. So no filter, however rare what it finds,
makes anybody wait. Every filter is a line of one closed table; nothing else reaches the SQL.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import Select, func, select, tuple_, union

from sampan.domain.statuses import Origin, PaymentStatus
from sampan.storage import list_cursors, schema
from sampan.storage.engine import Row, Tx
from sampan.storage.list_cursors import Place
from sampan.storage.payment_ways import VALUES_MAX, Condition, Filter, Way, impossible, ways_of

__all__ = [
    "VALUES_MAX",
    "Filter",
    "Page",
    "PaymentRow",
    "Total",
    "Totals",
    "page",
    "search",
    "totals",
]

PAGE_MAX: Final = 10_000
TOTALS_MAX: Final = 500_000
"""So many sums of the largest amount stay below 2^63, where SQLite's SUM ends."""
LOOKS_MAX: Final = 10_000
"""Rows that a page looks through, all ways together."""
SEARCH_MAX: Final = 100

_p = schema.payments
_o = schema.operations


class PaymentRow(msgspec.Struct, frozen=True, kw_only=True):
    """A payment as a list shows it; `code` is that of its newest operation, "" without one."""

    key: int
    project_id: int
    payment_id: str
    status: PaymentStatus
    currency: str
    amount_minor: int
    paid_minor: int
    customer_id: str
    created_us: int
    updated_us: int
    held_count: int
    origin: Origin
    description: str
    code: str


class Page(msgspec.Struct, frozen=True):
    """Some rows, newest first, and the cursor of what follows; None: nothing does.

    `looked_to_us`: fewer rows than asked for were found as far back as this, and more may follow.
    """

    rows: tuple[PaymentRow, ...]
    next: str | None
    looked_to_us: int | None = None


class Total(msgspec.Struct, frozen=True, kw_only=True):
    """What payments of one currency and status come to."""

    currency: str
    status: PaymentStatus
    count: int
    asked_minor: int
    paid_minor: int


class Totals(msgspec.Struct, frozen=True):
    """Totals by currency and status; none at all when there are too many rows to look through."""

    groups: tuple[Total, ...]
    counts_capped: bool


_COLUMNS: Final = [_p.c.id, *(_p.c[name] for name in PaymentRow.__struct_fields__[1:-1])]
_NEWEST: Final = (_p.c.created_us.desc(), _p.c.id.desc())


# --- pages ----------------------------------------------------------------------------------


def page(tx: Tx, wanted: Filter, *, after: str | None = None, most: int) -> Page:
    """Return at most `most` payments, the newest first, from the cursor `after` on.

    Raises `ValueError` for a cursor that is broken or of another filter, for `most` outside
    1 … `PAGE_MAX`, and for a filter with more than `VALUES_MAX` values in one list.
    """
    if not 1 <= most <= PAGE_MAX:
        raise ValueError(f"a page has 1 to {PAGE_MAX} rows")
    place = None if after is None else list_cursors.read(after, wanted)
    if impossible(wanted):
        return Page((), None)
    ways = ways_of(wanted)
    looks = max(1, LOOKS_MAX // len(ways))
    found: dict[int, Row] = {}
    edges: list[Place] = []
    for way in ways:
        edge = _edge(tx, way, place=place, looks=looks)
        chosen = select(*_COLUMNS).where(*way.walk, *way.picks, *_between(place, edge))
        rows = tx.query(chosen.order_by(*_NEWEST).limit(most + 1))
        found.update((row[0], row) for row in rows)
        edges.extend([edge] if edge else [])
    # Beyond the nearest edge one way may have rows that it has not looked at yet.
    edge = max(edges, default=None)
    rows = sorted(found.values(), key=_place, reverse=True)
    rows = [row for row in rows if edge is None or _place(row) >= edge]
    kept = rows[:most]
    codes = _codes(tx, [row[0] for row in kept])
    listed = tuple(_row(row, codes) for row in kept)
    if len(rows) > most:
        return Page(listed, list_cursors.cursor(_place(kept[-1]), wanted))
    if edge is None:
        return Page(listed, None)
    return Page(listed, list_cursors.cursor(edge, wanted), looked_to_us=edge[0])


def _between(place: Place | None, edge: Place | None) -> list[Condition]:
    """Return what keeps a walk below a place and not below an edge."""
    here = tuple_(_p.c.created_us, _p.c.id)
    below = [] if place is None else [here < place]
    return below if edge is None else [*below, here >= edge]


def _edge(tx: Tx, way: Way, *, place: Place | None, looks: int) -> Place | None:
    """Return how far a way is looked at, None where it may be walked to its end.

    Only an index is read for it. Without picks each row of the walk is one of the page.
    """
    if not way.picks:
        return None
    last = select(_p.c.created_us, _p.c.id).where(*way.walk, *_between(place, None))
    rows = tx.query(last.order_by(*_NEWEST).limit(1).offset(looks - 1))
    return (rows[0][0], rows[0][1]) if rows else None


def search(tx: Tx, text: str, project_ids: Sequence[int] | None) -> Sequence[PaymentRow]:
    """Return the payments that a text names exactly, the newest first, at most `SEARCH_MAX`.

    A text may be a payment id (without regard to case), an operation's id, its reference or that
    of the provider, a request id or a customer id. `project_ids` None: in all projects.
    """
    chosen = None if project_ids is None else tuple(project_ids)
    return page(tx, Filter(project_ids=chosen, text=text), most=SEARCH_MAX).rows


def _place(row: Row) -> Place:
    """Return where a row stands in a list; `_COLUMNS` has the id first and the time ninth."""
    return row[8], row[0]


def _codes(tx: Tx, keys: list[int]) -> dict[int, str]:
    """Return payment → code of its newest operation."""
    if not keys:
        return {}
    chosen = select(_o.c.payment, _o.c.code).where(_o.c.payment.in_(keys))
    rows = tx.query(chosen.order_by(_o.c.created_us, _o.c.id))
    return {row[0]: row[1] for row in rows}


def _row(row: Row, codes: Mapping[int, str]) -> PaymentRow:
    key, project_id, payment_id, status, *rest = row
    currency, amount, paid, customer_id, created, updated, held, origin, description = rest
    return PaymentRow(
        key=key,
        project_id=project_id,
        payment_id=payment_id,
        status=PaymentStatus(status),
        currency=currency,
        amount_minor=amount,
        paid_minor=paid,
        customer_id=customer_id,
        created_us=created,
        updated_us=updated,
        held_count=held,
        origin=Origin(origin),
        description=description,
        code=codes.get(key, ""),
    )


# --- totals ---------------------------------------------------------------------------------


def totals(tx: Tx, wanted: Filter, *, most: int) -> Totals:
    """Return count, sum asked and sum paid by currency and status, in this order.

    With more than `most` rows to look through nothing is added up, and `counts_capped` says so:
    also where few of them would fit. Raises `ValueError` for `most` outside 1 … `TOTALS_MAX` and
    for a filter as in `page`.
    """
    if not 1 <= most <= TOTALS_MAX:
        raise ValueError(f"totals count 1 to {TOTALS_MAX} rows")
    if impossible(wanted):
        return Totals((), counts_capped=False)
    ways = ways_of(wanted)
    looked = (
        select(_p.c.id).where(*way.walk).order_by(*_NEWEST).limit(most + 1).subquery()
        for way in ways
    )
    counted = [tx.query(select(func.count()).select_from(each))[0][0] for each in looked]
    if sum(counted) > most:
        return Totals((), counts_capped=True)
    groups = (
        Total(
            currency=row[0],
            status=PaymentStatus(row[1]),
            count=int(row[2]),
            asked_minor=int(row[3]),
            paid_minor=int(row[4]),
        )
        for row in tx.query(_added(ways))
    )
    return Totals(tuple(sorted(groups, key=lambda g: (g.currency, g.status))), counts_capped=False)


def _added(ways: list[Way]) -> Select[Any]:
    """Return the statement that adds up; a row that several ways find is one row."""
    columns = (_p.c.id, _p.c.currency, _p.c.status, _p.c.amount_minor, _p.c.paid_minor)
    parts = [select(*columns).where(*way.walk, *way.picks) for way in ways]
    c = (parts[0] if len(parts) == 1 else union(*parts)).subquery().c
    sums = (func.count(), func.sum(c.amount_minor), func.sum(c.paid_minor))
    return select(c.currency, c.status, *sums).group_by(c.currency, c.status)
