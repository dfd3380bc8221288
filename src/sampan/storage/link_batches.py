"""Files of payment links and their lines."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec
from sqlalchemy import bindparam, func, insert, select, tuple_, update

from sampan.domain.link_form import Flaw
from sampan.storage import schema
from sampan.storage.engine import Row, Statement, Tx
from sampan.storage.payments import folded

PAGE_MAX: Final = 10_000
_IDS_AT_ONCE: Final = 500

_b = schema.link_batches
_l = schema.link_batch_lines
_p = schema.payments
_INSERT = Statement(insert(_b))
_INSERT_LINE = Statement(insert(_l))
_ONE = Statement(select(_b).where(_b.c.id == bindparam("key")))
_START = Statement(
    update(_b)
    .where(_b.c.id == bindparam("key"), _b.c.status == "checked")
    .values(status="running", started_us=bindparam("now_us"))
)
_FINISH = Statement(
    update(_b)
    .where(_b.c.id == bindparam("key"), _b.c.status == "running")
    .values(status="done", finished_us=bindparam("now_us"))
)
_READY = Statement(
    select(_l)
    .where(_l.c.batch == bindparam("key"), _l.c.status == "ready")
    .order_by(_l.c.line)
    .limit(bindparam("most"))
)
_SETTLE = Statement(
    update(_l)
    .where(_l.c.batch == bindparam("key"), _l.c.line == bindparam("number"), _l.c.status == "ready")
    .values(
        status=bindparam("status_to"), flaws=bindparam("told"), payment=bindparam("payment_key")
    )
)
_COUNTS = Statement(
    select(_l.c.status, func.count()).where(_l.c.batch == bindparam("key")).group_by(_l.c.status)
)

_given = msgspec.json.Decoder(dict[str, str])
_flaws = msgspec.json.Decoder(tuple[Flaw, ...])


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """A file of links; `by` is who sent it, as the journal writes people."""

    id: int
    project_id: int
    file_name: str
    status: str
    by: str
    lines_count: int
    created_us: int
    started_us: int | None = None
    finished_us: int | None = None


class BatchLine(msgspec.Struct, frozen=True, kw_only=True):
    """A line of a file: what it says by column, what is wrong with it, the payment of its link."""

    batch: int
    line: int
    status: str
    payment_id: str
    given: Mapping[str, str]
    flaws: tuple[Flaw, ...] = ()
    payment: int | None = None


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """How many lines of a file are where."""

    ready: int = 0
    faulty: int = 0
    made: int = 0
    refused: int = 0


def _batch(row: Row) -> Batch:
    return Batch(**dict(zip(Batch.__struct_fields__, row, strict=True)))


def _line(row: Row) -> BatchLine:
    return BatchLine(
        batch=row[0],
        line=row[1],
        status=row[2],
        payment_id=row[3],
        given=_given.decode(row[4]),
        flaws=_flaws.decode(row[5]),
        payment=row[6],
    )


def _said(flaws: Sequence[Flaw]) -> str:
    return msgspec.json.encode(tuple(flaws)).decode()


def add(tx: Tx, batch: Batch, lines: Iterable[BatchLine]) -> None:
    """Keep a file with all of its lines."""
    tx.do(_INSERT, {name: getattr(batch, name) for name in Batch.__struct_fields__})
    for line in lines:
        row = {name: getattr(line, name) for name in BatchLine.__struct_fields__}
        given = msgspec.json.encode(line.given).decode()
        tx.do(_INSERT_LINE, row | {"given": given, "flaws": _said(line.flaws)})


def find(tx: Tx, key: int) -> Batch | None:
    """Return a file, None when there is none."""
    row = tx.one(_ONE, {"key": key})
    return _batch(row) if row else None


def page(tx: Tx, *, after: tuple[int, int] | None, most: int) -> Sequence[Batch]:
    """Return files, the newest first, from below the (time, id) of `after`."""
    chosen = select(_b).order_by(_b.c.created_us.desc(), _b.c.id.desc()).limit(most)
    if after is not None:
        chosen = chosen.where(tuple_(_b.c.created_us, _b.c.id) < after)
    return [_batch(row) for row in tx.query(chosen)]


def start(tx: Tx, key: int, *, now_us: int) -> bool:
    """Let a file be worked on; False when that is so already, or it is done."""
    return tx.run(_START, {"key": key, "now_us": now_us}) == 1


def finish(tx: Tx, key: int, *, now_us: int) -> bool:
    """Note that a file is done; False when that is no news."""
    return tx.run(_FINISH, {"key": key, "now_us": now_us}) == 1


def ready(tx: Tx, key: int, *, most: int) -> Sequence[BatchLine]:
    """Return the first lines of which no link has been made yet."""
    return [_line(row) for row in tx.all(_READY, {"key": key, "most": most})]


def settle(tx: Tx, line: BatchLine, *, payment: int | None, flaws: Sequence[Flaw] = ()) -> bool:
    """Note what became of a line: a payment, or why there is none; False when it is known."""
    return (
        tx.run(
            _SETTLE,
            {
                "key": line.batch,
                "number": line.line,
                "status_to": "refused" if payment is None else "made",
                "told": _said(flaws),
                "payment_key": payment,
            },
        )
        == 1
    )


def counts(tx: Tx, key: int) -> Counts:
    """Return how many lines of a file are where."""
    return Counts(**{row[0]: int(row[1]) for row in tx.all(_COUNTS, {"key": key})})


def lines(
    tx: Tx, key: int, *, after: int = 0, most: int, statuses: Sequence[str] = ()
) -> Sequence[BatchLine]:
    """Return lines of a file in their order below the line `after`; `statuses` () means all."""
    assert 1 <= most <= PAGE_MAX, most  # noqa: S101 - our bug
    chosen = select(_l).where(_l.c.batch == key, _l.c.line > after).order_by(_l.c.line).limit(most)
    if statuses:
        chosen = chosen.where(_l.c.status.in_(statuses))
    return [_line(row) for row in tx.query(chosen)]


def used_ids(tx: Tx, project_id: int, payment_ids: Sequence[str]) -> frozenset[str]:
    """Return those of the payment ids that a project has used, in any case, but for `error`."""
    by_folded: dict[str, list[str]] = {}
    for payment_id in payment_ids:
        by_folded.setdefault(folded(payment_id), []).append(payment_id)
    names, found = list(by_folded), set[str]()
    for at in range(0, len(names), _IDS_AT_ONCE):
        rows = tx.query(
            select(_p.c.payment_id_folded).where(
                _p.c.project_id == project_id,
                _p.c.payment_id_folded.in_(names[at : at + _IDS_AT_ONCE]),
                _p.c.status != "error",
            )
        )
        found.update(name for row in rows for name in by_folded[row[0]])
    return frozenset(found)
