"""Tasks: what is still to be asked or said outside.

todo (`due_us` has come) → doing (claimed: `due_us` is the end of the lease, the attempt is counted)
→ done (deleted) or todo again (put back with a later `due_us`).
"""

from collections.abc import Collection, Sequence
from typing import Final

import msgspec
from sqlalchemy import bindparam, delete, insert, or_, select, text, update

from sampan.clock import HOUR_US
from sampan.storage import schema
from sampan.storage.engine import Buildable, Statement, Tx

_t = schema.outbox
AHEAD_US_MAX: Final = 5 * HOUR_US
"""No lease and no gap between attempts is as long as this."""


class Task(msgspec.Struct, frozen=True):
    """A claimed task. `attempts_count` counts this attempt and names the lease."""

    id: int
    kind: str
    lane: str
    subject: int
    attempts_count: int
    created_us: int


def _claim(dialect: str) -> Buildable:
    due = (
        select(_t.c.id)
        .where(
            _t.c.kind == bindparam("of_kind"),
            _t.c.lane == bindparam("of_lane"),
            _t.c.due_us <= bindparam("now_us"),
        )
        .order_by(_t.c.due_us)
        .limit(bindparam("most"))
    )
    if dialect != "sqlite":
        due = due.with_for_update(skip_locked=True)
    return (
        update(_t)
        .where(_t.c.id.in_(due.scalar_subquery()))
        .values(due_us=bindparam("lease_until_us"), attempts_count=_t.c.attempts_count + 1)
        .returning(
            _t.c.id, _t.c.kind, _t.c.lane, _t.c.subject, _t.c.attempts_count, _t.c.created_us
        )
    )


_PUT = Statement(insert(_t))
_CLAIM = Statement(_claim)
_LANES = Statement(
    # A loose index scan: one step for each lane, however many tasks wait in it.
    text(
        "WITH RECURSIVE lanes(lane) AS ("
        " SELECT min(lane) FROM outbox WHERE kind = :of_kind"
        " UNION ALL"
        " SELECT (SELECT min(o.lane) FROM outbox o WHERE o.kind = :of_kind AND o.lane > lanes.lane)"
        " FROM lanes WHERE lanes.lane IS NOT NULL)"
        " SELECT lane FROM lanes WHERE lane IS NOT NULL AND EXISTS (SELECT 1 FROM outbox o"
        " WHERE o.kind = :of_kind AND o.lane = lanes.lane AND o.due_us <= :now_us)"
    ).bindparams(bindparam("of_kind"), bindparam("now_us"))
)
_DONE = Statement(
    delete(_t).where(_t.c.id == bindparam("key"), _t.c.attempts_count == bindparam("attempt"))
)
_BACK = Statement(
    update(_t)
    .where(_t.c.id == bindparam("key"), _t.c.attempts_count == bindparam("attempt"))
    .values(due_us=bindparam("until_us"))
)
_UNCOUNT = Statement(
    update(_t)
    .where(_t.c.id == bindparam("key"), _t.c.attempts_count == bindparam("attempt"))
    .values(due_us=bindparam("until_us"), attempts_count=bindparam("attempt_before"))
)
_DELAY = Statement(
    update(_t).where(_t.c.id == bindparam("key")).values(due_us=bindparam("until_us"))
)
_HURRY = Statement(
    update(_t)
    .where(
        _t.c.due_us > bindparam("now_us"),
        or_(_t.c.created_us > bindparam("now_us"), _t.c.due_us > bindparam("latest_us")),
    )
    .values(due_us=bindparam("now_us"))
)
_DROP = Statement(
    delete(_t).where(
        _t.c.kind == bindparam("of_kind"),
        _t.c.lane == bindparam("of_lane"),
        _t.c.subject == bindparam("of_subject"),
    )
)


def put(tx: Tx, kind: str, *, lane: str, subject: int, due_us: int) -> int:
    """Write a task that is due now and wake its workers after the commit; return its id."""
    key = tx.new_id()
    tx.do(
        _PUT,
        {
            "id": key,
            "kind": kind,
            "lane": lane,
            "subject": subject,
            "due_us": due_us,
            "attempts_count": 0,
            "created_us": due_us,
        },
    )
    tx.wake(kind)
    return key


def delay(tx: Tx, key: int, *, due_us: int) -> None:
    """Let a task that was just written wait."""
    tx.run(_DELAY, {"key": key, "until_us": due_us})


def hurry(tx: Tx, *, now_us: int) -> int:
    """After the clock was set back: make due what waits for a time of the old clock.

    That is what was written later than now, and what waits longer than anything may. A task that
    somebody holds may be carried out twice; its lease settles it once. Returns how many there were.
    """
    return tx.run(_HURRY, {"now_us": now_us, "latest_us": now_us + AHEAD_US_MAX})


def lanes_due(tx: Tx, kind: str, *, now_us: int) -> Sequence[str]:
    """Return the lanes of a kind in which something is due."""
    return [row[0] for row in tx.all(_LANES, {"of_kind": kind, "now_us": now_us})]


def claim(  # noqa: PLR0913 - what, where, when, until when, how many
    tx: Tx, kind: str, *, lane: str, now_us: int, lease_until_us: int, most: int
) -> Sequence[Task]:
    """Claim up to `most` due tasks of a lane until `lease_until_us`.

    Nobody else gets them before the lease ends; a worker that dies leaves them to be claimed again.
    """
    return [
        Task(*row)
        for row in tx.all(
            _CLAIM,
            {
                "of_kind": kind,
                "of_lane": lane,
                "now_us": now_us,
                "lease_until_us": lease_until_us,
                "most": most,
            },
        )
    ]


def done(tx: Tx, task: Task) -> bool:
    """Delete a finished task; False when the lease was lost to another worker."""
    return tx.run(_DONE, {"key": task.id, "attempt": task.attempts_count}) == 1


def put_back(tx: Tx, task: Task, *, due_us: int) -> bool:
    """Let a task be claimed again at `due_us`; False when the lease was lost."""
    changed = tx.run(_BACK, {"key": task.id, "attempt": task.attempts_count, "until_us": due_us})
    return changed == 1


def postpone(tx: Tx, task: Task, *, due_us: int) -> bool:
    """Put a task back as if it had not been claimed: this was no attempt."""
    changed = tx.run(
        _UNCOUNT,
        {
            "key": task.id,
            "attempt": task.attempts_count,
            "attempt_before": task.attempts_count - 1,
            "until_us": due_us,
        },
    )
    return changed == 1


def drop(tx: Tx, kind: str, *, lane: str, subject: int) -> None:
    """Delete the tasks of a kind about a subject; a worker that holds one loses its lease."""
    tx.do(_DROP, {"of_kind": kind, "of_lane": lane, "of_subject": subject})


def drop_many(tx: Tx, kind: str, *, lanes: Collection[str], subjects: Collection[int]) -> int:
    """Do what `drop` does for many subjects, in one walk through each lane; return how many."""
    chosen = (_t.c.kind == kind, _t.c.lane.in_(lanes), _t.c.subject.in_(subjects))
    return len(tx.query(delete(_t).where(*chosen).returning(_t.c.id)))
