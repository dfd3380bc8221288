"""Sending many failed callbacks again: in chunks, newest first, and safe to stop and repeat."""

from __future__ import annotations

import msgspec
import pytest

from sampan.flow import delivery
from sampan.flow.telling import lane
from sampan.storage import callbacks, outbox
from sampan.storage.callback_lists import Filter, Place
from sampan.storage.callbacks import Callback
from sampan.storage.engine import Tx
from tests.support.flow_world import CALLBACK_URL, STAFF, FlowWorld
from tests.support.interfering import InterferingTx

LANE = lane(CALLBACK_URL)


@pytest.fixture
def told(flow: FlowWorld) -> Callback:
    """A callback of a payment that waits; its first try is due."""
    payment = flow.waiting()
    return flow.do(lambda tx: callbacks.of_payment(tx, payment.key))[0]


def add(flow: FlowWorld, like: Callback, **changes: object) -> Callback:
    """Keep another callback like one that there is."""

    def write(tx: Tx) -> Callback:
        made = msgspec.structs.replace(like, id=tx.new_id(), **changes)
        callbacks.insert_callback(tx, made)
        return made

    return flow.do(write)


def kept(flow: FlowWorld, callback: Callback) -> Callback | None:
    """A callback as it stands."""
    return flow.do(lambda tx: callbacks.find(tx, callback.id))


def due(flow: FlowWorld) -> list[int]:
    """The callbacks whose next try is due now, each as often as there is a task for it."""
    now_us = flow.next_us()
    claimed = flow.do(
        lambda tx: outbox.claim(
            tx, "callback", lane=LANE, now_us=now_us, lease_until_us=now_us + 1, most=100
        )
    )
    return sorted(task.subject for task in claimed)


def resend(flow: FlowWorld, *, after: Place | None = None) -> tuple[int, Place | None]:
    """Send the next chunk again."""
    now_us = flow.next_us()
    return flow.do(
        lambda tx: delivery.resend_failing(tx, Filter(), after=after, by=STAFF, now_us=now_us)
    )


def test_only_what_fails(flow: FlowWorld, told: Callback) -> None:
    """What was given up or has failed is due at once; all else is left alone."""
    lost = add(flow, told, status="exhausted", attempts_count=120)
    failed = add(flow, told, status="pending", attempts_count=3)
    flow.do(lambda tx: outbox.put(tx, "callback", lane=LANE, subject=failed.id, due_us=2**50))
    done = add(flow, told, status="delivered", attempts_count=1)
    busy = add(flow, told, status="sending", attempts_count=2)
    assert resend(flow) == (2, None)
    assert due(flow) == sorted([told.id, lost.id, failed.id])
    assert [kept(flow, one) for one in (done, busy)] == [done, busy]
    after = kept(flow, lost)
    assert after is not None
    assert (after.status, after.note) == ("pending", f"resent by {STAFF}")


def test_chunks(flow: FlowWorld, told: Callback, monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunk by chunk each is sent once, though what was sent still counts as failing."""
    monkeypatch.setattr(delivery, "RESEND_CHUNK", 2)
    lost = [
        add(flow, told, status="pending", attempts_count=1, created_us=told.created_us + n // 2)
        for n in range(4)
    ]
    first, place = resend(flow)
    second, place = resend(flow, after=place)
    assert (first, second) == (2, 2)
    assert place is not None
    assert resend(flow, after=place) == (0, None)
    assert due(flow) == sorted([told.id, *(one.id for one in lost)])


def test_again_is_no_second_sending(flow: FlowWorld, told: Callback) -> None:
    """Whoever presses twice has one task for each callback."""
    lost = add(flow, told, status="exhausted", attempts_count=120)
    assert resend(flow) == (1, None)
    assert resend(flow) == (1, None)
    assert due(flow) == sorted([told.id, lost.id])


def test_taken_in_hand_meanwhile(flow: FlowWorld, told: Callback) -> None:
    """What a worker takes between reading and writing is left to the worker."""
    failed = add(flow, told, status="pending", attempts_count=3)
    now_us = flow.next_us()

    def take(tx: Tx) -> None:
        sending = msgspec.structs.replace(failed, status="sending")
        assert callbacks.move(tx, sending, status_from="pending")

    def resend_late(tx: Tx) -> tuple[int, Place | None]:
        late = InterferingTx(tx, callbacks._MOVE, meddle=take)
        return delivery.resend_failing(late, Filter(), after=None, by=STAFF, now_us=now_us)

    assert flow.do(resend_late) == (0, None)
    assert due(flow) == [told.id]
