"""Callbacks to merchants, every attempt to deliver one, and the health of their addresses."""

from collections.abc import Sequence

import msgspec
from sqlalchemy import and_, bindparam, insert, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from sampan.storage import schema
from sampan.storage.engine import Buildable, Row, Statement, Tx

_c = schema.callbacks
_a = schema.attempts
_e = schema.endpoints

_INSERT = Statement(insert(_c))
_ONE = Statement(select(_c).where(_c.c.id == bindparam("key")))
# By time, then id: ids of one process or thread grow, those of several may interleave.
_OF_PAYMENT = Statement(
    select(_c).where(_c.c.payment == bindparam("payment")).order_by(_c.c.created_us, _c.c.id)
)
_NEWEST_OF_PAYMENT = Statement(
    select(_c)
    .where(_c.c.payment == bindparam("payment"))
    .order_by(_c.c.created_us.desc(), _c.c.id.desc())
    .limit(bindparam("most"))
)
_MOVE = Statement(
    update(_c)
    .where(_c.c.id == bindparam("key"), _c.c.status == bindparam("status_from"))
    .values(
        status=bindparam("status_to"),
        note=bindparam("note_to"),
        attempts_count=bindparam("attempts_to"),
        finished_us=bindparam("finished_to"),
    )
)
_EARLIER = Statement(
    select(_c.c.id, _c.c.status).where(
        _c.c.payment == bindparam("payment"),
        or_(
            _c.c.kind == "intermediate",
            and_(
                or_(_c.c.kind == "final", _c.c.kind == "error", _c.c.kind == "link"),
                _c.c.created_us < bindparam("created_us"),
            ),
        ),
        or_(_c.c.status == "pending", _c.c.status == "sending"),
        _c.c.id != bindparam("key"),
    )
)
_INSERT_ATTEMPT = Statement(insert(_a))
_END_ATTEMPT = Statement(
    update(_a)
    .where(_a.c.callback == bindparam("of_callback"), _a.c.number == bindparam("of_number"))
    .values(
        at_us=bindparam("at"),
        http_status=bindparam("http_status_to"),
        duration_ms=bindparam("duration"),
        answer=bindparam("answer_to"),
        error=bindparam("error_to"),
    )
)
_ATTEMPTS = Statement(select(_a).where(_a.c.callback == bindparam("key")).order_by(_a.c.number))
_ATTEMPTS_OF_PAYMENT = Statement(
    select(_a)
    .join_from(_c, _a, _a.c.callback == _c.c.id)
    .where(_c.c.payment == bindparam("payment"))
    .order_by(_a.c.at_us.desc(), _a.c.id.desc())
    .limit(bindparam("most"))
)
_ENDPOINT = Statement(select(_e).where(_e.c.origin == bindparam("origin")))
_HEALED = Statement(
    update(_e)
    .where(_e.c.origin == bindparam("key"), _e.c.failures_count > 0)
    .values(failures_count=0, failing_since_us=None, updated_us=bindparam("now_us"))
)


def _failed(dialect: str) -> Buildable:
    make = sqlite.insert if dialect == "sqlite" else postgresql.insert
    row = make(_e).values(
        origin=bindparam("key"),
        failures_count=1,
        failing_since_us=bindparam("at_us"),
        updated_us=bindparam("at_us"),
    )
    return row.on_conflict_do_update(
        index_elements=["origin"],
        set_={
            "failures_count": _e.c.failures_count + 1,
            "failing_since_us": bindparam("at_us", type_=schema.Int),
            "updated_us": bindparam("at_us", type_=schema.Int),
        },
        where=or_(_e.c.failures_count == 0, _e.c.failing_since_us.is_(None)),
    )


_COUNT_FAILURE = Statement(
    update(_e)
    .where(and_(_e.c.origin == bindparam("key"), _e.c.failures_count > 0))
    .values(failures_count=_e.c.failures_count + 1, updated_us=bindparam("now_us"))
)
_FIRST_FAILURE = Statement(_failed)


class Callback(msgspec.Struct, frozen=True, kw_only=True):
    """A message to the merchant: `body` is its JSON text without the signature."""

    id: int
    project_id: int
    payment: int
    operation: int
    kind: str
    status: str
    url: str
    body: str
    note: str
    attempts_count: int
    created_us: int
    finished_us: int | None


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """One try to deliver: `http_status` None when no answer came, `error` says why."""

    callback: int
    number: int
    at_us: int
    url: str
    http_status: int | None
    duration_ms: int
    answer: str
    error: str


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """Health of an address: failures in a row and since when."""

    origin: str
    failures_count: int
    failing_since_us: int | None
    updated_us: int


def _callback(row: Row) -> Callback:
    return Callback(
        id=row[0],
        project_id=row[1],
        payment=row[2],
        operation=row[3],
        kind=row[4],
        status=row[5],
        url=row[6],
        body=row[7],
        note=row[8],
        attempts_count=row[9],
        created_us=row[10],
        finished_us=row[11],
    )


def insert_callback(tx: Tx, callback: Callback) -> None:
    """Insert a callback."""
    tx.do(_INSERT, {name: getattr(callback, name) for name in callback.__struct_fields__})


def find(tx: Tx, callback_id: int) -> Callback | None:
    """Return a callback."""
    row = tx.one(_ONE, {"key": callback_id})
    return _callback(row) if row else None


def of_payment(tx: Tx, payment_key: int) -> Sequence[Callback]:
    """Return a payment's callbacks, oldest first."""
    return [_callback(row) for row in tx.all(_OF_PAYMENT, {"payment": payment_key})]


def some(tx: Tx, callback_ids: Sequence[int]) -> dict[int, Callback]:
    """Return the callbacks with these ids, at most some thousands, by id."""
    chosen = select(_c).where(_c.c.id.in_(callback_ids))
    return {row[0]: _callback(row) for row in tx.query(chosen)}


def newest_of_payment(tx: Tx, payment_key: int, *, most: int) -> Sequence[Callback]:
    """Return the newest of a payment's callbacks, oldest first."""
    rows = tx.all(_NEWEST_OF_PAYMENT, {"payment": payment_key, "most": most})
    return [_callback(row) for row in reversed(rows)]


def move(tx: Tx, callback: Callback, *, status_from: str) -> bool:
    """Write status, note, tries and end of a callback that stands in `status_from`; else False."""
    return (
        tx.run(
            _MOVE,
            {
                "key": callback.id,
                "status_from": status_from,
                "status_to": callback.status,
                "note_to": callback.note,
                "attempts_to": callback.attempts_count,
                "finished_to": callback.finished_us,
            },
        )
        == 1
    )


def undelivered_before(tx: Tx, callback: Callback) -> Sequence[tuple[int, str]]:
    """Return (id, status) of what a final callback must not overtake and is not delivered yet.

    Every intermediate one of its payment, since nothing is shown after a final status; and older
    results and news of a link, told apart by their time, for ids tell no order. A payment link has
    no intermediate ones, so this holds for its news, too.
    """
    rows = tx.all(
        _EARLIER,
        {"payment": callback.payment, "created_us": callback.created_us, "key": callback.id},
    )
    return [(row[0], row[1]) for row in rows]


def insert_attempt(tx: Tx, attempt: Attempt) -> None:
    """Record an attempt."""
    row = {name: getattr(attempt, name) for name in attempt.__struct_fields__}
    tx.do(_INSERT_ATTEMPT, {"id": tx.new_id(), **row})


def end_attempt(tx: Tx, attempt: Attempt) -> None:
    """Write how an attempt ended that `insert_attempt` recorded when it began."""
    tx.do(
        _END_ATTEMPT,
        {
            "of_callback": attempt.callback,
            "of_number": attempt.number,
            "at": attempt.at_us,
            "http_status_to": attempt.http_status,
            "duration": attempt.duration_ms,
            "answer_to": attempt.answer,
            "error_to": attempt.error,
        },
    )


def attempts_of(tx: Tx, callback_id: int) -> Sequence[Attempt]:
    """Return a callback's attempts in order."""
    return [_attempt(row) for row in tx.all(_ATTEMPTS, {"key": callback_id})]


def newest_attempts_of_payment(tx: Tx, payment_key: int, *, most: int) -> Sequence[Attempt]:
    """Return the newest attempts to deliver any of a payment's callbacks, oldest first."""
    rows = tx.all(_ATTEMPTS_OF_PAYMENT, {"payment": payment_key, "most": most})
    return [_attempt(row) for row in reversed(rows)]


def _attempt(row: Row) -> Attempt:
    return Attempt(
        callback=row[1],
        number=row[2],
        at_us=row[3],
        url=row[4],
        http_status=row[5],
        duration_ms=row[6],
        answer=row[7],
        error=row[8],
    )


def endpoint(tx: Tx, origin: str) -> Endpoint | None:
    """Return the health of an address, None when nothing ever failed there."""
    row = tx.one(_ENDPOINT, {"origin": origin})
    if row is None:
        return None
    return Endpoint(
        origin=row[0], failures_count=row[1], failing_since_us=row[2], updated_us=row[3]
    )


def note_success(tx: Tx, origin: str, *, now_us: int) -> None:
    """The address answered well: it is healthy."""
    tx.do(_HEALED, {"key": origin, "now_us": now_us})


def note_failure(tx: Tx, origin: str, *, now_us: int) -> None:
    """The address failed once more."""
    if tx.run(_COUNT_FAILURE, {"key": origin, "now_us": now_us}) == 0:
        tx.run(_FIRST_FAILURE, {"key": origin, "at_us": now_us})
