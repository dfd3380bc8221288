"""The ways on which payments are found: what of a filter is a range of an index, what is picked.

A way is walked from the newest to the oldest. What it walks is chosen so that an index gives the
rows in this order; everything else is looked at row by row.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NamedTuple

import msgspec
from sqlalchemy import ColumnElement, and_, literal_column, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler

from sampan.domain import reference
from sampan.domain.statuses import FINAL, Origin, PaymentStatus
from sampan.storage import schema
from sampan.storage.payments import folded

VALUES_MAX: Final = 10_000
"""Values in one list of a filter; both engines bind more."""
WALKS_MAX: Final = 16
"""So many projects are each walked by themselves and merged; more are picked from all payments."""
INTEGER_MAX: Final = 2**62
"""Bounds beyond it are cut to it: no row lies there, and no driver refuses it."""
_PROJECT_MAX: Final = 2**32 - 1
_OPERATION_MAX: Final = 2**53 - 1
_DIGITS_MAX: Final = 16

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


# Written into the text, since SQLite uses a partial index only where it reads the same words.
_HELD: Final = _p.c.held_count > literal_column("0")
_HAS_REF: Final = _o.c.provider_ref != literal_column("''")


def _cut(number: int) -> int:
    return max(-INTEGER_MAX, min(INTEGER_MAX, number))


def _plain(text: str) -> bool:
    """Whether both engines can hold a text; one that they cannot is nobody's id."""
    return "\0" not in text and not any("\ud800" <= char <= "\udfff" for char in text)


WALKED: Final[Mapping[str, Callable[[Any], Condition]]] = {
    "created_from_us": lambda v: _p.c.created_us >= _cut(v),
    "created_to_us": lambda v: _p.c.created_us < _cut(v),
    # What changed before a moment was made before it, too: the walk begins there.
    "updated_to_us": lambda v: _p.c.created_us < _cut(v),
    "held": lambda _: _HELD,
    "customer_id": lambda v: _p.c.customer_id == v,
}
PICKED: Final[Mapping[str, Callable[[Any], Condition]]] = {
    "statuses": lambda v: _p.c.status.in_([status.value for status in v]),
    "currencies": lambda v: _p.c.currency.in_([text for text in v if _plain(text)]),
    "amount_min_minor": lambda v: _p.c.amount_minor >= _cut(v),
    "amount_max_minor": lambda v: _p.c.amount_minor <= _cut(v),
    "updated_from_us": lambda v: _p.c.updated_us >= _cut(v),
    "updated_to_us": lambda v: _p.c.updated_us < _cut(v),
    "origin": lambda v: _p.c.origin == v.value,
}
"""Every filter but the project and the text. What is walked is a range of some index; what is
picked is looked at in each row of the walk."""


class Way(NamedTuple):
    """A way on which rows are found: a range of an index, and what is picked from it."""

    walk: list[Condition]
    picks: list[Condition]


def _conditions(wanted: Filter, table: Mapping[str, Callable[[Any], Condition]]) -> list[Condition]:
    given = ((name, getattr(wanted, name)) for name in table)
    return [table[name](v) for name, v in given if v is not None and v is not False]


def _walked(wanted: Filter) -> list[Condition]:
    # Open payments are few and have an index of their own.
    unfinished = [_p.c.finished_us.is_(None)] if _only_open(wanted) else []
    return [*_conditions(wanted, WALKED), *unfinished]


def _projects(wanted: Filter) -> list[int] | None:
    if wanted.project_ids is None:
        return None
    return sorted({number for number in wanted.project_ids if 0 < number <= _PROJECT_MAX})


def impossible(wanted: Filter) -> bool:
    """Whether nothing can fit. Raises `ValueError` for more values than a list may have."""
    lists = (wanted.project_ids, wanted.statuses, wanted.currencies)
    if any(values is not None and len(values) > VALUES_MAX for values in lists):
        raise ValueError(f"a filter takes at most {VALUES_MAX} values")
    texts = (wanted.customer_id, wanted.text)
    empty = any(values is not None and not values for values in (*lists, _projects(wanted)))
    return empty or any(text is not None and not _plain(text) for text in texts)


def _named(text: str, projects: list[int] | None) -> Iterator[Way]:
    """Return one way for each kind of id that a text may be; each finds rows by an index."""
    every = select(schema.projects.c.id) if projects is None else projects
    named = and_(_p.c.project_id.in_(every), _p.c.payment_id_folded == folded(text))
    yield Way([named], [])
    steps = [
        and_(_o.c.project_id.in_(every), _o.c.request_id == text),
        and_(_o.c.provider_ref == text, _HAS_REF),
    ]
    number = int(text) if text.isascii() and text.isdigit() and len(text) <= _DIGITS_MAX else None
    ids = [one for one in (number, reference.decode(text)) if one is not None]
    steps.extend(_o.c.id == one for one in ids if one <= _OPERATION_MAX)
    elsewhere: list[Condition] = [] if projects is None else [_Unwalked().in_(projects)]
    for step in steps:
        yield Way([_p.c.id.in_(select(_o.c.payment).where(step))], elsewhere)
    yield Way([_p.c.customer_id == text], elsewhere)


def ways_of(wanted: Filter) -> list[Way]:
    """Return the ways on which all rows are found; each gives them in the order of lists."""
    projects = _projects(wanted)
    walk, picks = _walked(wanted), _conditions(wanted, PICKED)
    if wanted.text is not None:
        named = _named(wanted.text, projects)
        return [Way([*way.walk, *walk], [*way.picks, *picks]) for way in named]
    if projects is None:
        return [Way(walk, picks)]
    few = wanted.customer_id is not None or wanted.held or _only_open(wanted)
    if few or len(projects) > WALKS_MAX:
        return [Way(walk, [_Unwalked().in_(projects), *picks])]
    return [Way([_p.c.project_id == number, *walk], picks) for number in projects]


def _only_open(wanted: Filter) -> bool:
    return wanted.statuses is not None and not FINAL & set(wanted.statuses)
