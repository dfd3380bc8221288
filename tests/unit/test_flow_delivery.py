"""Delivery: what is sent, in which order, how often, and when it is given up."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from sampan.domain.callback import TRIES_MAX, retry_gap_s
from sampan.domain.payment import Targets
from sampan.flow import delivery
from sampan.flow.refund import RefundRequest, refuse_refund
from sampan.flow.telling import lane
from sampan.storage import callbacks, outbox
from sampan.storage.callbacks import Attempt, Callback, Endpoint
from sampan.storage.engine import Tx
from sampan.storage.outbox import Task
from tests.support import flow_links
from tests.support.flow_world import CALLBACK_URL, FlowWorld
from tests.support.interfering import InterferingTx

LANE = lane(CALLBACK_URL)
LEASE_US = 45_000_000


def claim(flow: FlowWorld) -> list[Task]:
    """Claim what is due to be delivered now."""
    now_us = flow.next_us()
    found = flow.do(
        lambda tx: outbox.claim(
            tx, "callback", lane=LANE, now_us=now_us, lease_until_us=now_us + LEASE_US, most=100
        )
    )
    return sorted(found, key=lambda task: task.created_us)


def begin(flow: FlowWorld, task: Task) -> Callback | None:
    """Begin a claimed task."""
    now_us = flow.clock.now_us()
    return flow.do(lambda tx: delivery.begin(tx, task, now_us=now_us))


def finish(
    flow: FlowWorld, task: Task, callback: Callback, *, status: int | None, jitter: float = 0.0
) -> None:
    """Finish a try with this HTTP status, None when no answer came."""
    attempt = Attempt(
        callback=callback.id,
        number=callback.attempts_count,
        at_us=flow.clock.now_us(),
        url=callback.url,
        http_status=status,
        duration_ms=0,
        answer="",
        error="" if status else "timeout",
    )
    flow.do(lambda tx: delivery.finish(tx, task, callback, attempt=attempt, jitter=jitter))


def begun(flow: FlowWorld) -> tuple[Task, Callback]:
    """Claim and begin the only thing that is due."""
    (task,) = claim(flow)
    callback = begin(flow, task)
    assert callback is not None
    return task, callback


def deliver(flow: FlowWorld, status: int | None, **how: Any) -> Callback:  # noqa: ANN401
    """Try once what is due, with this outcome; return the callback as it stands after."""
    task, callback = begun(flow)
    finish(flow, task, callback, status=status, **how)
    return now(flow, callback)


def now(flow: FlowWorld, callback: Callback) -> Callback:
    """A callback as it stands."""
    found = flow.do(lambda tx: callbacks.find(tx, callback.id))
    assert found is not None
    return found


def attempts(flow: FlowWorld, callback: Callback) -> list[tuple[int, int | None]]:
    """(number, HTTP status) of every attempt."""
    found = flow.do(lambda tx: callbacks.attempts_of(tx, callback.id))
    return [(attempt.number, attempt.http_status) for attempt in found]


def health(flow: FlowWorld) -> Endpoint | None:
    """The health of the merchant's address."""
    return flow.do(lambda tx: callbacks.endpoint(tx, LANE))


@pytest.mark.parametrize("status", [200, 201, 204, 299])
def test_any_2xx_ends_delivery(flow: FlowWorld, status: int) -> None:
    """A callback that was answered well is delivered, and nothing is left to do."""
    flow.waiting()
    callback = deliver(flow, status)
    assert (callback.status, callback.attempts_count) == ("delivered", 1)
    assert callback.finished_us == flow.clock.now_us()
    assert attempts(flow, callback) == [(1, status)]
    flow.clock.advance(86_400_000_000)
    assert claim(flow) == []


@pytest.mark.parametrize("status", [None, 199, 301, 400, 404, 410, 500, 503])
def test_anything_else_is_tried_again(flow: FlowWorld, status: int | None) -> None:
    """No answer, a redirect or an error: the next try comes ten seconds later."""
    flow.waiting()
    callback = deliver(flow, status)
    assert (callback.status, callback.attempts_count, callback.finished_us) == ("pending", 1, None)
    flow.clock.advance(9_999_998)
    assert claim(flow) == []
    assert len(claim(flow)) == 1


def test_while_it_is_sent(flow: FlowWorld) -> None:
    """A callback under way is marked so, and nobody else sends it."""
    flow.waiting()
    _, callback = begun(flow)
    assert now(flow, callback).status == "sending"
    assert claim(flow) == []


def test_the_whole_schedule(flow: FlowWorld) -> None:
    """120 tries at the published times, then the callback is given up and says why."""
    flow.waiting()
    first_us = flow.clock.now_us()
    at_us = []
    for tries in range(1, TRIES_MAX + 1):
        at_us.append(flow.clock.now_us() - first_us)
        callback = deliver(flow, 500)
        gap_s = retry_gap_s(tries)
        if gap_s is not None:
            assert callback.status == "pending"
            flow.clock.advance(int(gap_s * 1_000_000))
    assert [round(us / 1_000_000) for us in at_us[:7]] == [0, 10, 20, 30, 40, 50, 134]
    assert at_us[-1] / 86_400_000_000 == pytest.approx(10.24, abs=0.005)
    assert (callback.status, callback.attempts_count) == ("exhausted", 120)
    assert callback.note == "every try of 11 days failed"
    flow.clock.advance(30 * 86_400_000_000)
    assert claim(flow) == []


def test_jitter_spreads_the_next_try(flow: FlowWorld) -> None:
    """The gap grows by at most a tenth, so that not everything comes back at once."""
    flow.waiting()
    deliver(flow, 500, jitter=0.5)
    flow.clock.advance(10_499_998)
    assert claim(flow) == []
    assert len(claim(flow)) == 1


def test_a_final_one_waits_for_the_intermediate_one_on_its_way(flow: FlowWorld) -> None:
    """While the intermediate callback is being sent, the final one looks again a little later."""
    flow.waiting()
    shown, intermediate = begun(flow)
    flow.pay()
    (final,) = claim(flow)
    assert begin(flow, final) is None
    assert claim(flow) == []
    finish(flow, shown, intermediate, status=200)
    flow.clock.advance(delivery.WAIT_FOR_EARLIER_US)
    (again,) = claim(flow)
    assert again.attempts_count == 1
    callback = begin(flow, again)
    assert callback is not None
    assert callback.kind == "final"
    assert now(flow, intermediate).status == "delivered"


def test_a_final_one_drops_the_intermediate_one_that_failed(flow: FlowWorld) -> None:
    """An intermediate callback that waits for its next try is old news to a final one."""
    flow.waiting()
    intermediate = deliver(flow, 500)
    flow.pay()
    final = deliver(flow, 200)
    assert (final.kind, final.status) == ("final", "delivered")
    dropped = now(flow, intermediate)
    assert (dropped.status, dropped.note) == ("dropped", "overtaken by a later one")
    assert dropped.finished_us is not None
    flow.clock.advance(10_000_000)
    (task,) = claim(flow)
    assert begin(flow, task) is None
    assert claim(flow) == []


def test_a_final_one_waits_for_one_that_starts_this_moment(flow: FlowWorld) -> None:
    """An intermediate callback that another worker begins just now is not dropped under it."""
    flow.waiting()
    intermediate = deliver(flow, 500)
    flow.pay()
    (final,) = claim(flow)

    def meddle(tx: Tx) -> None:
        callback = callbacks.find(tx, intermediate.id)
        assert callback is not None
        begun = msgspec.structs.replace(callback, status="sending")
        assert callbacks.move(tx, begun, status_from="pending")

    now_us = flow.next_us()
    waiting = flow.do(
        lambda tx: delivery.begin(
            InterferingTx(tx, callbacks._MOVE, meddle=meddle), final, now_us=now_us
        )
    )
    assert waiting is None
    assert now(flow, intermediate).status == "sending"


def test_a_final_one_drops_an_older_result(flow: FlowWorld) -> None:
    """A decline that nobody took yet is old news to the success that followed it."""
    flow.waiting()
    deliver(flow, 200)
    flow.run_out()
    declined = deliver(flow, 500)
    assert (declined.kind, declined.status) == ("final", "pending")
    flow.pay()
    flow.accept()
    assert deliver(flow, 200).kind == "final"
    assert now(flow, declined).status == "dropped"


def test_a_refused_refund_drops_nothing(flow: FlowWorld) -> None:
    """The customer still needs the QR: an intermediate callback outlives a refund's callback."""
    flow.waiting()
    intermediate = deliver(flow, 500)
    request = RefundRequest(
        payment_id="p-1", amount_minor=None, merchant_refund_id=None, digest="refund"
    )
    now_us = flow.next_us()
    flow.do(lambda tx: refuse_refund(tx, flow.project, request, request_id="r-2", now_us=now_us))
    assert deliver(flow, 200).kind == "refund"
    assert now(flow, intermediate).status == "pending"
    flow.clock.advance(10_000_000)
    assert deliver(flow, 200).kind == "intermediate"


def test_news_of_a_link_drops_older_news(flow: FlowWorld) -> None:
    """What was told of a link before is old by the time that something newer is delivered."""
    flow_links.create(flow)
    made = deliver(flow, 500)
    assert (made.kind, made.status) == ("link", "pending")
    flow_links.sent(flow)
    mailed = deliver(flow, 500)
    assert (mailed.kind, mailed.status) == ("link", "pending")
    assert now(flow, made).status == "dropped"
    flow_links.cancel(flow)
    assert deliver(flow, 200).kind == "final"
    assert now(flow, mailed).status == "dropped"


def test_news_of_a_link_never_drops_newer_news(flow: FlowWorld) -> None:
    """A second try of older news leaves what came after alone, though the clock was put back."""
    flow_links.create(flow)
    made = deliver(flow, 500)
    flow.clock.advance(-3_600_000_000)
    flow_links.sent(flow)
    _, mailed = flow.callbacks()
    assert mailed.created_us > made.created_us
    flow.clock.advance(3_700_000_000)
    later, first = sorted(claim(flow), key=lambda task: task.subject == made.id)
    begun_first = begin(flow, first)
    assert begun_first is not None
    assert begun_first.id == made.id
    assert now(flow, mailed).status == "pending"
    # The newer one waits for the older one on its way.
    assert begin(flow, later) is None


def test_an_error_does_not_come_after_the_link_that_followed_it(flow: FlowWorld) -> None:
    """A payment in error that became a link is told in this order, or the error not at all."""
    flow_links.create(flow, flow_links.asked(flow, amount_minor=9_999_999))
    failed = deliver(flow, 500)
    assert failed.kind == "error"
    flow_links.create(flow)
    assert deliver(flow, 200).kind == "link"
    assert now(flow, failed).status == "dropped"


def test_news_of_a_link_after_its_sale_began(flow: FlowWorld) -> None:
    """The callback with the QR, where it is wanted, drops what was told of the open link."""
    flow.set(page_intermediate_callback=True)
    made = flow_links.create(flow)
    opened = deliver(flow, 500)
    flow_links.confirm(flow, made.url)
    flow.issue()
    assert deliver(flow, 500).kind == "link"
    assert now(flow, opened).status == "dropped"
    flow.pay()
    assert deliver(flow, 200).kind == "final"
    assert [one.status for one in flow.callbacks()] == ["dropped", "dropped", "delivered"]


def test_an_intermediate_one_never_stands_in_its_own_way(flow: FlowWorld) -> None:
    """A second try of the intermediate callback is sent like the first."""
    flow.waiting()
    deliver(flow, 500)
    flow.clock.advance(10_000_000)
    assert deliver(flow, 200).kind == "intermediate"


def test_payments_do_not_wait_for_each_other(flow: FlowWorld) -> None:
    """Order is kept within a payment; another payment's callbacks go their own way."""
    flow.waiting("p-1")
    begun(flow)
    flow.waiting("p-2")
    flow.refuse("p-2")
    sent = [begin(flow, task) for task in claim(flow)]
    assert [callback.kind for callback in sent if callback] == ["intermediate"]
    assert flow.callbacks("p-1")[0].status == "sending"


def test_a_lost_lease(flow: FlowWorld) -> None:
    """Who comes back after the lease has ended records the attempt and changes nothing else."""
    flow.waiting()
    slow, callback = begun(flow)
    flow.clock.advance(LEASE_US)
    quick, again = begun(flow)
    assert again.id == callback.id
    finish(flow, slow, callback, status=500)
    assert now(flow, callback).status == "sending"
    finish(flow, slow, callback, status=200)
    assert now(flow, callback).status == "sending"
    finish(flow, quick, again, status=200)
    assert now(flow, callback).status == "delivered"
    assert [number for number, _ in attempts(flow, callback)] == [1, 2]


def test_an_attempt_is_on_record_before_it_ends(flow: FlowWorld) -> None:
    """A process that is killed while it sends leaves the attempt behind, without an outcome."""
    flow.waiting()
    _, callback = begun(flow)
    (kept,) = flow.do(lambda tx: callbacks.attempts_of(tx, callback.id))
    assert (kept.number, kept.http_status, kept.error) == (1, None, delivery.NO_OUTCOME)


def test_a_task_without_a_callback(flow: FlowWorld) -> None:
    """A task about nothing is done."""
    flow.do(lambda tx: outbox.put(tx, "callback", lane=LANE, subject=7, due_us=1))
    (task,) = claim(flow)
    assert begin(flow, task) is None
    flow.clock.advance(LEASE_US)
    assert claim(flow) == []


def test_a_resent_callback(flow: FlowWorld) -> None:
    """A delivered callback is sent again at once, the same body, with attempts counted on."""
    flow.waiting()
    before = deliver(flow, 200)
    resend(flow, before)
    pending = now(flow, before)
    assert (pending.status, pending.note, pending.finished_us) == ("pending", "resent by amy", None)
    after = deliver(flow, 200)
    assert (after.id, after.body, after.status) == (before.id, before.body, "delivered")
    assert attempts(flow, after) == [(1, 200), (2, 200)]
    entry = flow.journal()[-1]
    assert (entry.what, entry.by, entry.why) == ("callback resent", "amy", str(before.id))


def test_resending_starts_the_schedule_anew(flow: FlowWorld) -> None:
    """After a resend the gaps are the short ones again, and the old task is gone."""
    flow.waiting()
    for _ in range(7):
        callback = deliver(flow, 500)
        flow.clock.advance(120_000_000)
    resend(flow, callback)
    deliver(flow, 500)
    flow.clock.advance(10_000_000)
    assert deliver(flow, 200).attempts_count == 9


def test_resending_what_is_being_sent(flow: FlowWorld) -> None:
    """The one who holds the old task has lost its lease; the callback is sent once more."""
    flow.waiting()
    task, callback = begun(flow)
    resend(flow, callback)
    finish(flow, task, callback, status=200)
    assert now(flow, callback).status == "pending"
    assert deliver(flow, 200).status == "delivered"


def test_resending_twice_at_once(flow: FlowWorld) -> None:
    """Who saw a callback that has moved since sends nothing and leaves no trace."""
    flow.waiting()
    before = deliver(flow, 200)
    assert resend(flow, before, why="their server was away")
    assert not resend(flow, before)
    assert flow.journal()[-1].why == f"{before.id}: their server was away"
    assert [entry.what for entry in flow.journal()].count("callback resent") == 1
    assert len(claim(flow)) == 1


def resend(flow: FlowWorld, callback: Callback, why: str = "") -> bool:
    """Let a person send a callback again."""
    now_us = flow.next_us()
    return flow.do(
        lambda tx: delivery.resend(tx, callback, lane=LANE, by="amy", now_us=now_us, why=why)
    )


def test_health_of_an_address(flow: FlowWorld) -> None:
    """Failures in a row are counted, since when is kept, and one good answer heals."""
    flow.waiting()
    assert health(flow) is None
    for number in range(1, 4):
        failed = deliver(flow, 500)
        found = health(flow)
        assert found is not None
        assert found.failures_count == number
        assert found.failing_since_us is not None
        flow.clock.advance(10_000_000)
    assert deliver(flow, 200).id == failed.id
    healed = health(flow)
    assert healed is not None
    assert (healed.failures_count, healed.failing_since_us) == (0, None)


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://shop.example/a?b=c", "https://shop.example"),
        ("HTTPS://Shop.Example:8443/a/b", "https://shop.example:8443"),
        ("https://shop.example", "https://shop.example"),
    ],
)
def test_lane_of_an_address(url: str, name: str) -> None:
    """Trouble is counted for scheme, host and port together."""
    assert lane(url) == name


def test_lanes_are_apart(flow: FlowWorld) -> None:
    """A payment with its own address has its own lane."""
    flow.waiting(targets=Targets(callback_url="https://other.example/x"))
    assert claim(flow) == []
