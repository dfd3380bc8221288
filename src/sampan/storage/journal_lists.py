"""Find rows of the journal: what people did, money of no payment, and the moves of payments.

What people did has an index of its own, with what happened to no payment: no sale writes to it, and
it is read by time. What payments do by themselves is written while they are sold and has no index
by time. It is read along the payments instead, the newest first, each with its whole story: so
it is exact for any project and period, and costs a sale nothing.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import (
    ColumnElement,
    Select,
    select,
    tuple_,
)

from sampan.storage import schema
from sampan.storage.engine import Row, Tx
from sampan.storage.journal import INDEXED
from sampan.storage.payments import folded

PAGE_MAX: Final = 1000
LOOKED_MAX: Final = 2_000
"""Payments that one page looks at, at most, for rows that fit."""
FIRST_LOOK: Final = 20
NEXT_LOOK: Final = 200
PLATFORM: Final = schema.PLATFORM_ACTORS
_INTEGER_MAX: Final = 2**62

_j = schema.journal
_p = schema.payments
Condition = ColumnElement[bool]
Place = tuple[int, int]
"""Where a page begins: time and id of the last row before it, or of the last payment."""


class Filter(msgspec.Struct, frozen=True, kw_only=True):
    """What is listed: all that is set must hold, and None is no condition.

    `by` is who acted, as the journal writes it; None: all people. `is_whole`: whoever acted on
    payments; `is_loose`: what the platform noted that belongs to no payment. The period is that of
    the rows, or where payments are gone along, of their beginning; it ends before `at_to_us`.
    """

    by: str | None = None
    is_whole: bool = False
    is_loose: bool = False
    what: str | None = None
    project_id: int | None = None
    payment_id: str | None = None
    at_from_us: int | None = None
    at_to_us: int | None = None


class Noted(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the journal; `payment_id` is the merchant's, None where it is about no payment."""

    id: int
    at_us: int
    project_id: int
    what: str
    status_from: str | None
    status_to: str | None
    by: str
    why: str
    payment: int | None
    payment_id: str | None


class Page(msgspec.Struct, frozen=True):
    """Some rows, the newest first, and where the next page begins; None: nothing follows.

    There may be few rows, or none, and still a next page: then `LOOKED_MAX` payments were looked
    at. A payment with more rows than `most` is not cut.
    """

    rows: tuple[Noted, ...]
    next: Place | None


def page(tx: Tx, wanted: Filter, *, after: Place | None = None, most: int) -> Page:
    """Return at most `most` rows below `after`. Raises `ValueError` for a `most` too large."""
    if not 1 <= most <= PAGE_MAX:
        raise ValueError(f"a page has 1 to {PAGE_MAX} rows")
    if not _holdable(wanted):
        return Page((), None)
    along = wanted.is_whole or (wanted.by in PLATFORM and not wanted.is_loose)
    if wanted.payment_id is None and along:
        return _along_payments(tx, wanted, after=after, most=most)
    below = [] if after is None else [tuple_(_j.c.at_us, _j.c.id) < _cut(after)]
    chosen = _COLUMNS.where(
        *_narrow(tx, wanted), *_fitting(wanted), *_period(_j.c.at_us, wanted), *below
    )
    rows = tx.query(chosen.order_by(_j.c.at_us.desc(), _j.c.id.desc()).limit(most + 1))
    kept = [_noted(row) for row in rows[:most]]
    following = (kept[-1].at_us, kept[-1].id) if len(rows) > most else None
    return Page(tuple(kept), following)


_COLUMNS: Final[Select[Any]] = select(
    *(_j.c[name] for name in Noted.__struct_fields__[:-1]), _p.c.payment_id
).join_from(_j, _p, _p.c.id == _j.c.payment, isouter=True)


def _noted(row: Row) -> Noted:
    return Noted(**dict(zip(Noted.__struct_fields__, row, strict=True)))


def _cut(place: Place) -> Place:
    first, second = (min(_INTEGER_MAX, number) for number in place)
    return first, second


def _holdable(wanted: Filter) -> bool:
    """Whether both engines can hold the texts; one that they cannot hold is nobody's."""
    texts = (wanted.by, wanted.what, wanted.payment_id)
    return not any(
        "\0" in one or any("\ud800" <= char <= "\udfff" for char in one) for one in texts if one
    )


def _narrow(tx: Tx, wanted: Filter) -> Iterator[Condition]:
    """Return by which index the rows are found, and whose they are."""
    if wanted.payment_id is not None:
        yield _j.c.payment.in_(_payment_keys(tx, wanted))
    else:
        yield INDEXED
    if wanted.is_loose:
        yield _j.c.payment.is_(None)
        yield _j.c.by.in_(PLATFORM)
    elif wanted.by is None and not wanted.is_whole:
        yield _j.c.by.not_in(PLATFORM)


def _fitting(wanted: Filter) -> Iterator[Condition]:
    if wanted.by is not None:
        yield _j.c.by == wanted.by
    if wanted.what is not None:
        yield _j.c.what == wanted.what
    if wanted.project_id is not None:
        yield _j.c.project_id == min(wanted.project_id, _INTEGER_MAX)


def _period(column: ColumnElement[int], wanted: Filter) -> Iterator[Condition]:
    if wanted.at_from_us is not None:
        yield column >= wanted.at_from_us
    if wanted.at_to_us is not None:
        yield column < wanted.at_to_us


def _payment_keys(tx: Tx, wanted: Filter) -> Sequence[int]:
    """Return the keys of the payments with an id, which may be in several projects."""
    chosen = select(_p.c.id).where(
        _p.c.project_id.in_(select(schema.projects.c.id)),
        _p.c.payment_id_folded == folded(wanted.payment_id or ""),
    )
    return [row[0] for row in tx.query(chosen)]


# --- along the payments ---------------------------------------------------------------------


def _along_payments(tx: Tx, wanted: Filter, *, after: Place | None, most: int) -> Page:
    """Go from payment to payment until there are enough rows; a payment's rows stay together."""
    kept: list[Noted] = []
    looked, asked = 0, FIRST_LOOK
    while looked < LOOKED_MAX:
        asked = min(asked, LOOKED_MAX - looked)
        places = _payments(tx, wanted, after=after, most=asked)
        stories = _stories(tx, wanted, [key for _, key in places])
        for place in places:
            story = stories.get(place[1], [])
            if kept and len(kept) + len(story) > most:
                return Page(tuple(kept), after)
            kept += story
            after = place
        if len(places) < asked:
            return Page(tuple(kept), None)
        looked, asked = looked + asked, NEXT_LOOK
    return Page(tuple(kept), after)


def _payments(tx: Tx, wanted: Filter, *, after: Place | None, most: int) -> Sequence[Place]:
    chosen = select(_p.c.created_us, _p.c.id).where(*_period(_p.c.created_us, wanted))
    if wanted.project_id is not None:
        chosen = chosen.where(_p.c.project_id == min(wanted.project_id, _INTEGER_MAX))
    if after is not None:
        chosen = chosen.where(tuple_(_p.c.created_us, _p.c.id) < _cut(after))
    rows = tx.query(chosen.order_by(_p.c.created_us.desc(), _p.c.id.desc()).limit(most))
    return [(row[0], row[1]) for row in rows]


def _stories(tx: Tx, wanted: Filter, keys: Sequence[int]) -> Mapping[int, list[Noted]]:
    """Return payment → its rows that fit, the newest first."""
    newest = (_j.c.at_us.desc(), _j.c.id.desc())
    chosen = _COLUMNS.where(_j.c.payment.in_(keys), *_fitting(wanted)).order_by(*newest)
    stories: dict[int, list[Noted]] = {}
    for row in map(_noted, tx.query(chosen)):
        assert row.payment is not None  # noqa: S101 - asked for by its payment
        stories.setdefault(row.payment, []).append(row)
    return stories
