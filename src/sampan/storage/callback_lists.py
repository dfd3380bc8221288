"""Find callbacks: filtered lists in pages, the newest first, and how many are failing.

A list is merged from one walk for each status and kind, each along an index that has them first and
the time after them. So any filter, on whatever project, reads no more rows than it shows, and one
index less is written for each callback than there are filters.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import ColumnElement, Select, and_, func, select, tuple_, union_all

from sampan.storage import callbacks, schema
from sampan.storage.callbacks import Callback, Endpoint
from sampan.storage.engine import Row, Tx
from sampan.storage.payments import folded

PAGE_MAX: Final = 1000
COUNT_MAX: Final = 10_000
ENDPOINTS_MAX: Final = 100
STATUSES: Final = schema.CALLBACK_STATUSES
KINDS: Final = schema.CALLBACK_KINDS
_INTEGER_MAX: Final = 2**62
"""Bounds beyond it are cut to it: no row lies there, and no driver refuses it."""

_c = schema.callbacks
_p = schema.payments
_a = schema.attempts
_e = schema.endpoints
Condition = ColumnElement[bool]
_TRIED: Final = _c.c.attempts_count > 0
_FAILING: Final = (_c.c.status == "exhausted") | and_(_c.c.status == "pending", _TRIED)
Place = tuple[int, int]
"""Where a row stands in a list: when it was made, and its id."""


class Filter(msgspec.Struct, frozen=True, kw_only=True):
    """What is listed: all that is set must hold, and None is no condition.

    `payment_id` is the merchant's, without regard to case. `failing`: what was given up, or has
    failed and waits for its next try. `created_to_us` does not belong to the range. Statuses and
    kinds that do not exist let nothing through.
    """

    project_id: int | None = None
    status: str | None = None
    kind: str | None = None
    payment_id: str | None = None
    created_from_us: int | None = None
    created_to_us: int | None = None
    failing: bool = False


class CallbackRow(msgspec.Struct, frozen=True, kw_only=True):
    """A callback as a list shows it; `http_status` and `error` are those of its newest attempt."""

    id: int
    project_id: int
    payment: int
    payment_id: str
    kind: str
    status: str
    url: str
    note: str
    attempts_count: int
    created_us: int
    http_status: int | None
    error: str


class Page(msgspec.Struct, frozen=True):
    """Some rows, the newest first, and where the next page begins; None: nothing follows."""

    rows: tuple[CallbackRow, ...]
    next: Place | None


def page(tx: Tx, wanted: Filter, *, after: Place | None = None, most: int) -> Page:
    """Return at most `most` callbacks below `after`. Raises `ValueError` for a `most` too large."""
    places = failing_places if wanted.failing else _places
    found = places(tx, wanted, after=after, most=_bounded(most, PAGE_MAX) + 1)
    kept = found[:most]
    rows = _rows(tx, [key for _, key in kept])
    following = kept[-1] if len(found) > most else None
    return Page(tuple(rows[key] for _, key in kept if key in rows), following)


def newest(tx: Tx, wanted: Filter, *, most: int) -> Sequence[Callback]:
    """Return the newest callbacks whole, with their bodies; at most some thousands."""
    keys = [key for _, key in _places(tx, wanted, after=None, most=most)]
    found = callbacks.some(tx, keys)
    return [found[key] for key in keys if key in found]


def failing_places(
    tx: Tx, wanted: Filter, *, after: Place | None = None, most: int
) -> Sequence[Place]:
    """Return where callbacks stand that are failing, besides all that is wanted."""
    failing = msgspec.structs.replace(wanted, failing=True)
    return _places(tx, failing, after=after, most=most)


def count(tx: Tx, wanted: Filter, *, after: Place | None = None, most: int) -> int:
    """Return how many there are below `after`, counted up to `most`."""
    below = _below(after)
    ways = [
        select(_c.c.id).where(*way, *below).limit(_bounded(most, COUNT_MAX))
        for way in _ways(tx, wanted)
    ]
    if not ways:
        return 0
    found = union_all(*(select(way.subquery()) for way in ways)).limit(most).subquery()
    return int(tx.query(select(func.count()).select_from(found))[0][0])


def endpoints(tx: Tx, *, failures_min: int, most: int = ENDPOINTS_MAX) -> Sequence[Endpoint]:
    """Return the addresses that failed so often in a row, those that fail longest first."""
    rows = tx.query(
        select(_e)
        .where(_e.c.failures_count >= failures_min)
        .order_by(_e.c.failing_since_us, _e.c.origin)
        .limit(most)
    )
    return [
        Endpoint(origin=row[0], failures_count=row[1], failing_since_us=row[2], updated_us=row[3])
        for row in rows
    ]


def _bounded(most: int, limit: int) -> int:
    if not 1 <= most <= limit:
        raise ValueError(f"1 to {limit} rows")
    return most


def _places(tx: Tx, wanted: Filter, *, after: Place | None, most: int) -> Sequence[Place]:
    newest = (_c.c.created_us.desc(), _c.c.id.desc())
    below = _below(after)
    walks = [
        select(_c.c.created_us, _c.c.id).where(*way, *below).order_by(*newest).limit(most)
        for way in _ways(tx, wanted)
    ]
    if not walks:
        return []
    merged = union_all(*(select(walk.subquery()) for walk in walks)).subquery()
    at, key = merged.c
    rows = tx.query(select(at, key).order_by(at.desc(), key.desc()).limit(most))
    return [(row[0], row[1]) for row in rows]


def _below(after: Place | None) -> list[Condition]:
    return [] if after is None else [tuple_(_c.c.created_us, _c.c.id) < _cut(after)]


def _ways(tx: Tx, wanted: Filter) -> Iterator[list[Condition]]:
    """Return one list of conditions for each walk; no row is found by two of them."""
    if wanted.status not in {None, *STATUSES} or wanted.kind not in {None, *KINDS}:
        return
    if not 0 <= (wanted.project_id or 0) <= _INTEGER_MAX:
        return
    rest = list(_conditions(tx, wanted))
    if wanted.payment_id is not None:
        chosen = [_c.c[name] == value for name, value in _chosen(wanted)]
        yield [*rest, *chosen, *([_FAILING] if wanted.failing else [])]
        return
    for status in STATUSES:
        for kind in KINDS:
            if wanted.status not in {None, status} or wanted.kind not in {None, kind}:
                continue
            if wanted.failing and status not in {"pending", "exhausted"}:
                continue
            tried = [_TRIED] if wanted.failing and status == "pending" else []
            yield [_c.c.status == status, _c.c.kind == kind, *rest, *tried]


def _chosen(wanted: Filter) -> Iterator[tuple[str, str]]:
    for name in ("status", "kind"):
        value = getattr(wanted, name)
        if value is not None:
            yield name, value


def _conditions(tx: Tx, wanted: Filter) -> Iterator[Condition]:
    if wanted.payment_id is not None:
        yield _c.c.payment.in_(_payment_keys(tx, wanted))
    if wanted.project_id is not None:
        yield _c.c.project_id == wanted.project_id
    if wanted.created_from_us is not None:
        yield _c.c.created_us >= wanted.created_from_us
    if wanted.created_to_us is not None:
        yield _c.c.created_us < wanted.created_to_us


def _payment_keys(tx: Tx, wanted: Filter) -> list[int]:
    """Return the keys of the payments with an id, which may be in several projects."""
    text = wanted.payment_id or ""
    if "\0" in text or any("\ud800" <= char <= "\udfff" for char in text):
        return []
    every: Any = select(schema.projects.c.id)
    here = [wanted.project_id] if wanted.project_id is not None else every
    chosen = select(_p.c.id).where(
        _p.c.project_id.in_(here), _p.c.payment_id_folded == folded(text)
    )
    return [row[0] for row in tx.query(chosen)]


def _cut(place: Place) -> Place:
    first, second = (max(-_INTEGER_MAX, min(_INTEGER_MAX, number)) for number in place)
    return first, second


def _rows(tx: Tx, keys: list[int]) -> dict[int, CallbackRow]:
    if not keys:
        return {}
    newest = and_(_a.c.callback == _c.c.id, _a.c.number == _c.c.attempts_count)
    columns = [_c.c[name] for name in ("id", "project_id", "payment")]
    columns += [_p.c.payment_id]
    columns += [_c.c[name] for name in CallbackRow.__struct_fields__[4:10]]
    chosen: Select[Any] = (
        select(*columns, _a.c.http_status, func.coalesce(_a.c.error, ""))
        .join_from(_c, _p, _p.c.id == _c.c.payment)
        .outerjoin(_a, newest)
        .where(_c.c.id.in_(keys))
    )
    return {row[0]: _row(row) for row in tx.query(chosen)}


def _row(row: Row) -> CallbackRow:
    return CallbackRow(**dict(zip(CallbackRow.__struct_fields__, row, strict=True)))
