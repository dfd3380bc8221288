"""Deliver callbacks: what to send, and what an attempt's outcome means."""

from typing import Final

import msgspec

from sampan.domain.callback import retry_gap_s
from sampan.flow import telling
from sampan.storage import callback_lists, callbacks, journal, outbox
from sampan.storage.callback_lists import Filter, Place
from sampan.storage.callbacks import Attempt, Callback
from sampan.storage.engine import Tx
from sampan.storage.journal import Entry
from sampan.storage.outbox import Task

WAIT_FOR_EARLIER_US: Final = 250_000
"""A final callback looks again this soon while the intermediate one is on its way."""
FAILING_AFTER: Final = 5
"""Failures in a row after which an address is called failing: an alarm, and one try at a time."""
RESEND_CHUNK: Final = 200
"""Callbacks sent again in one transaction: soon done, and within the ids that one has in hand."""

NO_OUTCOME: Final = "no outcome: under way, or cut short"
"""What an attempt says of itself until it ends; for ever, when the process was killed in it."""


def begin(tx: Tx, task: Task, *, now_us: int) -> Callback | None:
    """Return the callback to send now, None when there is nothing to send now.

    A final callback never overtakes what its payment said before, an intermediate one or an older
    result: one that is on its way is waited for, one that still waits for its next try is dropped,
    since its news is old. Neither does what is told of a payment link. A refused refund makes no
    news old: the customer may still need the QR (decision 5).
    """
    callback = callbacks.find(tx, task.subject)
    if callback is None or callback.status in {"delivered", "dropped"}:
        outbox.done(tx, task)
        return None
    follows = callback.kind in {"final", "link"}
    earlier_ones = callbacks.undelivered_before(tx, callback) if follows else ()
    clear = all(
        status == "pending" and _drop(tx, earlier_id, now_us=now_us)
        for earlier_id, status in earlier_ones
    )
    begun = msgspec.structs.replace(
        callback,
        status="sending",
        attempts_count=callback.attempts_count + 1,
        finished_us=None,
    )
    if clear and callbacks.move(tx, begun, status_from=callback.status):
        callbacks.insert_attempt(tx, _under_way(begun, at_us=now_us))
        return begun
    outbox.postpone(tx, task, due_us=now_us + WAIT_FOR_EARLIER_US)
    return None


def finish(tx: Tx, task: Task, callback: Callback, *, attempt: Attempt, jitter: float) -> None:
    """Record how an attempt ended and what follows: delivered, tried again later, or given up.

    `jitter` in [0, 1) spreads the next try over a tenth of the gap, so that a merchant who was
    away is not hit by everything at once. When the lease was lost, only the attempt is recorded.
    """
    callbacks.end_attempt(tx, attempt)
    now_us = attempt.at_us + attempt.duration_ms * 1000
    status = attempt.http_status
    good = status is not None and 200 <= status < 300  # noqa: PLR2004 - any 2xx
    if good:
        callbacks.note_success(tx, task.lane, now_us=now_us)
    else:
        callbacks.note_failure(tx, task.lane, now_us=now_us)
    gap_s = retry_gap_s(task.attempts_count)
    if good or gap_s is None:
        if outbox.done(tx, task):
            ended = "delivered" if good else "exhausted"
            note = callback.note if good else "every try of 11 days failed"
            after = msgspec.structs.replace(callback, status=ended, note=note, finished_us=now_us)
            callbacks.move(tx, after, status_from=callback.status)
        return
    gap_us = int(gap_s * 1_000_000 * (1 + jitter / 10))
    if outbox.put_back(tx, task, due_us=attempt.at_us + gap_us):
        after = msgspec.structs.replace(callback, status="pending")
        callbacks.move(tx, after, status_from=callback.status)


def resend(  # noqa: PLR0913 - what, through which lane, by whom, when, why
    tx: Tx, callback: Callback, *, lane: str, by: str, now_us: int, why: str = ""
) -> bool:
    """Send a callback again now, whatever became of it; its schedule starts anew.

    False, and nothing is done, when it no longer stands as `callback`: somebody else sends it.
    """
    if not callbacks.move(tx, _again(callback, by), status_from=callback.status):
        return False
    outbox.drop(tx, "callback", lane=lane, subject=callback.id)
    _put_again(tx, callback, lane=lane, by=by, now_us=now_us, why=why)
    return True


def resend_failing(
    tx: Tx, wanted: Filter, *, after: Place | None, by: str, now_us: int
) -> tuple[int, Place | None]:
    """Send the next `RESEND_CHUNK` callbacks again that are failing, the newest first.

    Returns how many, and where the next chunk begins; None: there is nothing more. Stopped between
    two chunks, it may be begun anew: what goes out again already only starts its schedule once
    more. What a worker has just taken in hand is left to it.
    """
    places = callback_lists.failing_places(tx, wanted, after=after, most=RESEND_CHUNK)
    found = callbacks.some(tx, [key for _, key in places])
    taken = [
        one for one in found.values() if callbacks.move(tx, _again(one, by), status_from=one.status)
    ]
    lanes = {telling.lane(one.url) for one in taken}
    outbox.drop_many(tx, "callback", lanes=lanes, subjects=[one.id for one in taken])
    for one in taken:
        _put_again(tx, one, lane=telling.lane(one.url), by=by, now_us=now_us)
    return len(taken), places[-1] if len(places) == RESEND_CHUNK else None


def _again(callback: Callback, by: str) -> Callback:
    return msgspec.structs.replace(
        callback, status="pending", note=f"resent by {by}", finished_us=None
    )


def _put_again(  # noqa: PLR0913 - one is the transaction
    tx: Tx, callback: Callback, *, lane: str, by: str, now_us: int, why: str = ""
) -> None:
    outbox.put(tx, "callback", lane=lane, subject=callback.id, due_us=now_us)
    journal.write(
        tx,
        Entry(
            at_us=now_us,
            project_id=callback.project_id,
            payment=callback.payment,
            operation=callback.operation,
            what="callback resent",
            by=by,
            why=f"{callback.id}: {why}" if why else str(callback.id),
        ),
    )


def _under_way(callback: Callback, *, at_us: int) -> Attempt:
    """Return the attempt that begins: what leaves the process is on record before it leaves."""
    return Attempt(
        callback=callback.id,
        number=callback.attempts_count,
        at_us=at_us,
        url=callback.url,
        http_status=None,
        duration_ms=0,
        answer="",
        error=NO_OUTCOME,
    )


def _drop(tx: Tx, callback_id: int, *, now_us: int) -> bool:
    """Drop a callback whose news is old; False when it is on its way by now."""
    callback = callbacks.find(tx, callback_id)
    assert callback is not None  # noqa: S101 - callbacks are never deleted
    dropped = msgspec.structs.replace(
        callback, status="dropped", note="overtaken by a later one", finished_us=now_us
    )
    return callbacks.move(tx, dropped, status_from="pending")
