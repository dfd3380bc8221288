"""Find credits for people: by status, account, currency, project, time and text; and sums of them.

The newest comes first. One status is a range of an index; several are merged by the database.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import BigInteger, ColumnElement, and_, cast, func, or_, select, tuple_

from sampan.storage import schema
from sampan.storage.credits import Credit, credit_of
from sampan.storage.engine import Tx

PAGE_MAX: Final = 1_000
WAITING: Final = ("unapplied", "held")
"""Statuses of money that people have to decide about."""
_t = schema.credits
_p = schema.payments
Condition = ColumnElement[bool]
Place = tuple[int, int]
"""(received, id) of the last row of a page."""


class Filter(msgspec.Struct, frozen=True, kw_only=True):
    """What is listed: all that is set must hold, and None is no condition.

    `project_ids` lets through the credits of payments of these projects, and of `accounts`
    (provider, account) those that belong to no payment; an empty tuple lets nothing through.
    `received_from_us` belongs to the period, `received_to_us` does not, `amount_max_minor` does.
    The same holds for `booked_from_us` and `booked_to_us`. `as_asked`: whether the payment was paid
    just what it asked for. `text` is the bank's id, a reference, or a part of the payer's name.
    """

    statuses: tuple[str, ...] | None = None
    provider: str | None = None
    account: str | None = None
    currencies: tuple[str, ...] | None = None
    sources: tuple[str, ...] | None = None
    project_ids: tuple[int, ...] | None = None
    accounts: tuple[tuple[str, str], ...] = ()
    amount_min_minor: int | None = None
    amount_max_minor: int | None = None
    received_from_us: int | None = None
    received_to_us: int | None = None
    booked_from_us: int | None = None
    booked_to_us: int | None = None
    import_id: int | None = None
    as_asked: bool | None = None
    text: str | None = None


class Sum(msgspec.Struct, frozen=True):
    """How many credits of a status and currency a filter lets through, and their sum."""

    status: str
    currency: str
    credits_count: int
    amount_minor: int


class Page(msgspec.Struct, frozen=True):
    """Credits, and where the next page begins, None behind the last one."""

    rows: tuple[Credit, ...]
    next: Place | None


def page(tx: Tx, wanted: Filter, *, after: Place | None = None, most: int) -> Page:
    """Return credits, the newest first, from below `after`."""
    assert 1 <= most <= PAGE_MAX, most  # noqa: S101 - our bug
    chosen = select(_t).where(*_conditions(wanted))
    if after is not None:
        chosen = chosen.where(tuple_(_t.c.received_us, _t.c.id) < after)
    chosen = chosen.order_by(_t.c.received_us.desc(), _t.c.id.desc()).limit(most + 1)
    rows = [credit_of(row) for row in tx.query(chosen)]
    last = rows[most - 1] if len(rows) > most else None
    return Page(tuple(rows[:most]), None if last is None else (last.received_us, last.id))


def totals(tx: Tx, wanted: Filter) -> Sequence[Sum]:
    """Return counts and sums of what a filter lets through, by status and currency.

    The parts of a split credit are counted, and not the credit.
    """
    rows = tx.query(
        select(
            _t.c.status,
            _t.c.currency,
            func.count(),
            # PostgreSQL sums bigints as numeric; both engines shall give an integer.
            cast(func.sum(_t.c.amount_minor), BigInteger),
        )
        .where(*_conditions(wanted), _t.c.status != "split")
        .group_by(_t.c.status, _t.c.currency)
        .order_by(_t.c.status, _t.c.currency)
    )
    return [Sum(row[0], row[1], int(row[2]), int(row[3])) for row in rows]


def accounts(tx: Tx) -> Sequence[tuple[str, str]]:
    """Return (provider, account) of every account that money ever came to."""
    rows = tx.query(
        select(_t.c.provider, _t.c.account).distinct().order_by(_t.c.provider, _t.c.account)
    )
    return [(row[0], row[1]) for row in rows]


_PICKED: Final[Mapping[str, Callable[[Any], Condition]]] = {
    "statuses": _t.c.status.in_,
    "currencies": _t.c.currency.in_,
    "sources": _t.c.source.in_,
    "provider": lambda v: _t.c.provider == v,
    "account": lambda v: _t.c.account == v,
    "import_id": lambda v: _t.c.import_id == v,
    "amount_min_minor": lambda v: _t.c.amount_minor >= v,
    "amount_max_minor": lambda v: _t.c.amount_minor <= v,
    "received_from_us": lambda v: _t.c.received_us >= v,
    "received_to_us": lambda v: _t.c.received_us < v,
}
"""Every filter but the project and the text."""


def _conditions(wanted: Filter) -> Iterator[Condition]:
    for name, condition in _PICKED.items():
        value = getattr(wanted, name)
        if value is not None:
            yield condition(value)
    if wanted.project_ids is not None:
        yield _of_projects(wanted.project_ids, wanted.accounts)
    if wanted.as_asked is not None:
        even, paid = _p.c.amount_minor, _p.c.paid_minor
        fits = paid == even if wanted.as_asked else paid != even
        yield select(_p.c.id).where(_p.c.id == _t.c.payment, fits).exists()
    if wanted.text is not None:
        yield _named(wanted.text)


def _of_projects(project_ids: Sequence[int], of_accounts: Sequence[tuple[str, str]]) -> Condition:
    owned = select(_p.c.id).where(_p.c.project_id.in_(project_ids), _p.c.id == _t.c.payment)
    if not of_accounts:
        return owned.exists()
    loose = or_(
        *(
            and_(_t.c.provider == provider, _t.c.account == account)
            for provider, account in of_accounts
        )
    )
    return or_(owned.exists(), and_(_t.c.payment.is_(None), loose))


def _named(text: str) -> Condition:
    plain = text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()
    return or_(
        _t.c.bank_txn_id == plain,
        _t.c.reference == plain,
        _t.c.reference == plain.upper(),
        func.lower(_t.c.payer_name).contains(plain.lower(), autoescape=True),
    )
