"""Find payments: filtered lists in pages, totals of what is listed, and search by an exact id.

A list is the newest first and goes on by keyset: a page begins below the last row of the one
before, so rows that arrive meanwhile make no gap and no repeat, and the thousandth page costs what
the first does. Every filter is a line of one closed table; nothing else reaches the SQL.
"""

import base64
import hashlib
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import ColumnElement, Select, and_, func, literal_column, select, tuple_, union
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler

from sampan.domain import reference
from sampan.domain.statuses import FINAL, Origin, PaymentStatus
from sampan.storage import schema
from sampan.storage.engine import Row, Tx
from sampan.storage.payments import folded

PAGE_MAX: Final = 10_000
TOTALS_MAX: Final = 500_000
"""So many sums of the largest amount stay below 2^63, where SQLite's SUM ends."""
SEARCH_MAX: Final = 100
VALUES_MAX: Final = 10_000
"""Values in one list of a filter; both engines bind more."""
WALKS_MAX: Final = 16
"""So many projects are each walked by themselves and merged; more are picked from all payments."""
INTEGER_MAX: Final = 2**62
"""Bounds beyond it are cut to it: no row lies there, and no driver refuses it."""
_PROJECT_MAX: Final = 2**32 - 1
_OPERATION_MAX: Final = 2**53 - 1
_DIGITS_MAX: Final = 16
_MARK_BYTES: Final = 8
_PLACE: Final = struct.Struct(">qq")

_p = schema.payments
_o = schema.operations
Condition = ColumnElement[bool]


class _Unwalked(ColumnElement[int]):
    """A payment's project, by which SQLite must not walk.

    Without figures about the rows it would take the project's index where another one leads to a
    few of them; PostgreSQL has figures. https://sqlite.org/optoverview.html, "unary +".
    """

    inherit_cache = True
    type = _p.c.project_id.type


@compiles(_Unwalked)
def _as_it_is(_: _Unwalked, compiler: SQLCompiler, **given: object) -> str:
    return compiler.process(_p.c.project_id, **given)


@compiles(_Unwalked, "sqlite")
def _unwalked(_: _Unwalked, compiler: SQLCompiler, **given: object) -> str:
    return f"+{compiler.process(_p.c.project_id, **given)}"


class Filter(msgspec.Struct, frozen=True, kw_only=True):
    """What is listed: all that is set must hold, and None is no condition.

    An empty tuple lets nothing through, so a person without projects sees none. `…_from` and
    `…_min` belong to the range, `…_to_us` does not, `amount_max_minor` does. `held`: only payments
    with money that waits for staff. `text`: one of the exact ids that `search` knows.
    """

    project_ids: tuple[int, ...] | None = None
    statuses: tuple[PaymentStatus, ...] | None = None
    currencies: tuple[str, ...] | None = None
    amount_min_minor: int | None = None
    amount_max_minor: int | None = None
    created_from_us: int | None = None
    created_to_us: int | None = None
    updated_from_us: int | None = None
    updated_to_us: int | None = None
    origin: Origin | None = None
    held: bool = False
    customer_id: str | None = None
    text: str | None = None


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
    code: str


class Page(msgspec.Struct, frozen=True):
    """Some rows, newest first, and the cursor of what follows; None: nothing does."""

    rows: tuple[PaymentRow, ...]
    next: str | None


class Total(msgspec.Struct, frozen=True, kw_only=True):
    """What payments of one currency and status come to."""

    currency: str
    status: PaymentStatus
    count: int
    asked_minor: int
    paid_minor: int


class Totals(msgspec.Struct, frozen=True):
    """Totals by currency and status; none at all when there are more rows than may be counted."""

    groups: tuple[Total, ...]
    counts_capped: bool


_COLUMNS: Final = [_p.c.id, *(_p.c[name] for name in PaymentRow.__struct_fields__[1:-1])]
# Written into the text, since SQLite uses a partial index only where it reads the same words.
_HELD: Final = _p.c.held_count > literal_column("0")
_HAS_REF: Final = _o.c.provider_ref != literal_column("''")
_NEWEST: Final = (_p.c.created_us.desc(), _p.c.id.desc())


def _cut(number: int) -> int:
    return max(-INTEGER_MAX, min(INTEGER_MAX, number))


def _plain(text: str) -> bool:
    """Whether both engines can hold a text; one that they cannot is nobody's id."""
    return "\0" not in text and not any("\ud800" <= char <= "\udfff" for char in text)


def _statuses(chosen: tuple[PaymentStatus, ...]) -> Condition:
    """Open payments are few and have an index of their own."""
    known = _p.c.status.in_([status.value for status in chosen])
    return known if FINAL & set(chosen) else and_(known, _p.c.finished_us.is_(None))


def _updated_to(end_us: int) -> Condition:
    """What changed before a moment was made before it, too: the walk begins there."""
    return and_(_p.c.updated_us < _cut(end_us), _p.c.created_us < _cut(end_us))


_CONDITIONS: Final[Mapping[str, Callable[[Any], Condition]]] = {
    "statuses": _statuses,
    "currencies": lambda v: _p.c.currency.in_([text for text in v if _plain(text)]),
    "amount_min_minor": lambda v: _p.c.amount_minor >= _cut(v),
    "amount_max_minor": lambda v: _p.c.amount_minor <= _cut(v),
    "created_from_us": lambda v: _p.c.created_us >= _cut(v),
    "created_to_us": lambda v: _p.c.created_us < _cut(v),
    "updated_from_us": lambda v: _p.c.updated_us >= _cut(v),
    "updated_to_us": _updated_to,
    "origin": lambda v: _p.c.origin == v.value,
    "held": lambda _: _HELD,
    "customer_id": lambda v: _p.c.customer_id == v,
}
"""Every filter but the project and the text, which decide on which way the rows are found."""


def _conditions(wanted: Filter) -> list[Condition]:
    given = ((name, getattr(wanted, name)) for name in _CONDITIONS)
    return [_CONDITIONS[name](v) for name, v in given if v is not None and v is not False]


def _projects(wanted: Filter) -> list[int] | None:
    if wanted.project_ids is None:
        return None
    return sorted({number for number in wanted.project_ids if 0 < number <= _PROJECT_MAX})


def _impossible(wanted: Filter) -> bool:
    """Whether nothing can fit. Raises `ValueError` for more values than a list may have."""
    lists = (wanted.project_ids, wanted.statuses, wanted.currencies)
    if any(values is not None and len(values) > VALUES_MAX for values in lists):
        raise ValueError(f"a filter takes at most {VALUES_MAX} values")
    texts = (wanted.customer_id, wanted.text)
    empty = any(values is not None and not values for values in (*lists, _projects(wanted)))
    return empty or any(text is not None and not _plain(text) for text in texts)


def _named(text: str, projects: list[int] | None) -> Iterator[Condition]:
    """Return one condition for each kind of id that a text may be; each finds rows by an index."""
    every = select(schema.projects.c.id) if projects is None else projects
    yield and_(_p.c.project_id.in_(every), _p.c.payment_id_folded == folded(text))
    steps = [
        and_(_o.c.project_id.in_(every), _o.c.request_id == text),
        and_(_o.c.provider_ref == text, _HAS_REF),
    ]
    number = int(text) if text.isascii() and text.isdigit() and len(text) <= _DIGITS_MAX else None
    ids = [one for one in (number, reference.decode(text)) if one is not None]
    steps.extend(_o.c.id == one for one in ids if one <= _OPERATION_MAX)
    elsewhere = [] if projects is None else [_Unwalked().in_(projects)]
    for step in steps:
        yield and_(_p.c.id.in_(select(_o.c.payment).where(step)), *elsewhere)
    yield and_(_p.c.customer_id == text, *elsewhere)


def _ways(wanted: Filter, *, merged: bool) -> list[list[Condition]]:
    """Return the ways on which all rows are found, each a list of conditions.

    `merged`: the rows of all ways come in order and are merged, so each project may have its own.
    """
    projects = _projects(wanted)
    rest = _conditions(wanted)
    if wanted.text is not None:
        return [[way, *rest] for way in _named(wanted.text, projects)]
    if projects is None:
        return [rest]
    few = wanted.customer_id is not None or wanted.held or _only_open(wanted)
    if few or len(projects) > WALKS_MAX:
        return [[_Unwalked().in_(projects), *rest]]
    if merged:
        return [[_p.c.project_id == number, *rest] for number in projects]
    return [[_p.c.project_id.in_(projects), *rest]]


def _only_open(wanted: Filter) -> bool:
    return wanted.statuses is not None and not FINAL & set(wanted.statuses)


# --- pages ----------------------------------------------------------------------------------


def page(tx: Tx, wanted: Filter, *, after: str | None = None, most: int) -> Page:
    """Return at most `most` payments, the newest first, from the cursor `after` on.

    Raises `ValueError` for a cursor that is broken or of another filter, for `most` outside
    1 … `PAGE_MAX`, and for a filter with more than `VALUES_MAX` values in one list.
    """
    if not 1 <= most <= PAGE_MAX:
        raise ValueError(f"a page has 1 to {PAGE_MAX} rows")
    place = None if after is None else _read_cursor(after, wanted)
    if _impossible(wanted):
        return Page((), None)
    found: dict[int, Row] = {}
    for way in _ways(wanted, merged=True):
        chosen = select(*_COLUMNS).where(*way).order_by(*_NEWEST).limit(most + 1)
        if place is not None:
            chosen = chosen.where(tuple_(_p.c.created_us, _p.c.id) < place)
        found.update((row[0], row) for row in tx.query(chosen))
    rows = sorted(found.values(), key=_place, reverse=True)
    kept = rows[:most]
    codes = _codes(tx, [row[0] for row in kept])
    following = _cursor(_place(kept[-1]), wanted) if len(rows) > most else None
    return Page(tuple(_row(row, codes) for row in kept), following)


def search(tx: Tx, text: str, project_ids: Sequence[int] | None) -> Sequence[PaymentRow]:
    """Return the payments that a text names exactly, the newest first, at most `SEARCH_MAX`.

    A text may be a payment id (without regard to case), an operation's id, its reference or that
    of the provider, a request id or a customer id. `project_ids` None: in all projects.
    """
    chosen = None if project_ids is None else tuple(project_ids)
    return page(tx, Filter(project_ids=chosen, text=text), most=SEARCH_MAX).rows


def _place(row: Row) -> tuple[int, int]:
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
    currency, amount, paid, customer_id, created, updated, held = rest
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
        code=codes.get(key, ""),
    )


# --- cursors --------------------------------------------------------------------------------


def _mark(place: bytes, wanted: Filter) -> bytes:
    """Return what binds a place to its filter. It finds mistakes; it guards no secret."""
    said = repr(wanted).encode("utf-8", "surrogatepass")
    return hashlib.blake2b(place + said, digest_size=_MARK_BYTES).digest()


def _cursor(place: tuple[int, int], wanted: Filter) -> str:
    packed = _PLACE.pack(*place)
    return base64.urlsafe_b64encode(packed + _mark(packed, wanted)).decode()


def _read_cursor(text: str, wanted: Filter) -> tuple[int, int]:
    """Return the place of a cursor. Raises `ValueError` when it is none of this filter's."""
    try:
        raw = base64.b64decode(text.encode("ascii"), altchars=b"-_", validate=True)
    except ValueError as error:
        raise ValueError("not a cursor") from error
    if len(raw) != _PLACE.size + _MARK_BYTES:
        raise ValueError("not a cursor")
    created_us, key = _PLACE.unpack_from(raw)
    if _cursor((created_us, key), wanted) != text:
        raise ValueError("not a cursor of this list")
    return created_us, key


# --- totals ---------------------------------------------------------------------------------


def totals(tx: Tx, wanted: Filter, *, most: int) -> Totals:
    """Return count, sum asked and sum paid by currency and status, in this order.

    With more than `most` rows nothing is added up, and `counts_capped` says so. Raises
    `ValueError` for `most` outside 1 … `TOTALS_MAX` and for a filter as in `page`.
    """
    if not 1 <= most <= TOTALS_MAX:
        raise ValueError(f"totals count 1 to {TOTALS_MAX} rows")
    if _impossible(wanted):
        return Totals((), counts_capped=False)
    rows = tx.query(_added(_ways(wanted, merged=False), most))
    if sum(row[2] for row in rows) > most:
        return Totals((), counts_capped=True)
    groups = (
        Total(
            currency=row[0],
            status=PaymentStatus(row[1]),
            count=int(row[2]),
            asked_minor=int(row[3]),
            paid_minor=int(row[4]),
        )
        for row in rows
    )
    return Totals(tuple(sorted(groups, key=lambda g: (g.currency, g.status))), counts_capped=False)


def _added(ways: list[list[Condition]], most: int) -> Select[Any]:
    """Return the statement that adds up at most one row more than may be counted."""
    columns = (_p.c.id, _p.c.currency, _p.c.status, _p.c.amount_minor, _p.c.paid_minor)
    parts = [select(*columns).where(*way) for way in ways]
    if len(parts) == 1:
        rows = parts[0].limit(most + 1).subquery()
    else:
        # A row that several ways find is one row.
        rows = select(union(*parts).subquery()).limit(most + 1).subquery()
    c = rows.c
    sums = (func.count(), func.sum(c.amount_minor), func.sum(c.paid_minor))
    return select(c.currency, c.status, *sums).group_by(c.currency, c.status)
