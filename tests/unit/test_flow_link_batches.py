"""Payment links from a file: each right line has one link, whoever is stopped or works beside."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Final

import pytest

from sampan.clock import DAY_US
from sampan.codecs.link_csv import Line
from sampan.domain.link_form import COLUMNS, REQUIRED, Flaw, Wrong
from sampan.domain.payment import Payment
from sampan.domain.project import Project
from sampan.flow import link_batches as batches
from sampan.flow.link_batches import LINES_AT_ONCE, TASK, Sent
from sampan.flow.links import Office
from sampan.flow.sale import new_request_id
from sampan.flow.settle import Step
from sampan.storage import link_batches, outbox, payment_lists, payments
from sampan.storage.engine import Tx
from sampan.storage.link_batches import Batch, BatchLine
from sampan.storage.payment_lists import Filter
from sampan.workers.linking import LEASE_US, MakeLinks
from sampan.workers.loop import Worker
from tests.support.flow_links import OFFICE, asked, create
from tests.support.flow_world import STAFF, FlowWorld

COUNT: Final = 2 * LINES_AT_ONCE + 3


def taken(flow: FlowWorld, *lines: Line) -> Batch:
    """Look at a file and keep it."""
    now_us = flow.next_us()
    found = batches.looked_at(flow.project, lines, seed="seed", mail_on=False, now_us=now_us)
    sent = Sent(file_name="a.csv", by=STAFF, lines=found)
    return flow.do(lambda tx: batches.take(tx, flow.project, sent, now_us=now_us))


def line(number: int, **cells: str) -> Line:
    """Return a line over HK$1.00."""
    given = {"amount": "1", "currency": "HKD", "expires": "7", "payment_id": f"f-{number}"}
    return Line(number, given | cells)


def started(flow: FlowWorld, count: int = COUNT) -> Batch:
    """Keep a file of right lines and start it."""
    batch = taken(flow, *(line(number) for number in range(2, count + 2)))
    assert flow.do(lambda tx: batches.start(tx, batch, step=Step(flow.next_us(), STAFF)))
    return batch


def steps(flow: FlowWorld, count: int = LINES_AT_ONCE) -> list[Step]:
    """Return steps with request ids of their own."""
    now_us = flow.next_us()
    return [Step(now_us, STAFF, new_request_id(flow.clock, flow.project.id)) for _ in range(count)]


def work(tx: Tx, flow: FlowWorld, batch: Batch, some: list[Step]) -> int:
    """Make some links."""
    return batches.work(tx, flow.project, batch, office=OFFICE, steps=some)


def counts(flow: FlowWorld, batch: Batch) -> tuple[int, int, int, int]:
    """Return how many lines are ready, faulty, made and refused."""
    found = flow.do(lambda tx: link_batches.counts(tx, batch.id))
    return found.ready, found.faulty, found.made, found.refused


def payments_count(flow: FlowWorld) -> int:
    """Return how many payments there are."""
    return len(flow.do(lambda tx: payment_lists.page(tx, Filter(), most=1_000)).rows)


def found_lines(flow: FlowWorld, batch: Batch) -> list[link_batches.BatchLine]:
    """Return the lines of a file."""
    return list(flow.do(lambda tx: link_batches.lines(tx, batch.id, most=1_000)))


def worker(flow: FlowWorld) -> Worker[object]:
    """Return a worker as the platform has it."""
    made = MakeLinks(flow.store, find_project=lambda _tx, _id: flow.project, office=OFFICE)
    return Worker(made.work(), flow.store, clock=flow.clock)  # type: ignore[arg-type]


def test_looked_at_and_made(flow: FlowWorld) -> None:
    """Faults are found before anything is made; then the right lines have links."""
    create(flow, asked(flow, "Used"))
    batch = taken(
        flow,
        line(2, payment_id="used"),
        line(3, payment_id="same"),
        line(4, payment_id="SAME"),
        line(5, amount="x", payment_id="a\0" + "b" * 300),
        line(6, amount="10000.01"),
        line(7, payment_id=""),
        Line(8, None),
    )
    assert payments_count(flow) == 1
    lines = found_lines(flow, batch)
    assert [one.flaws for one in lines] == [
        (Flaw("payment_id", Wrong.USED),),
        (),
        (Flaw("payment_id", Wrong.DOUBLED, "3"),),
        (Flaw("payment_id", Wrong.TOO_LONG), Flaw("amount", Wrong.AMOUNT)),
        (Flaw("amount", Wrong.AMOUNT_HIGH, "HK$10,000.00"),),
        (),
        (Flaw("", Wrong.CELLS),),
    ]
    flow.do(lambda tx: batches.start(tx, batch, step=Step(flow.next_us(), STAFF)))
    assert flow.do(lambda tx: work(tx, flow, batch, steps(flow))) == 2
    assert flow.do(lambda tx: work(tx, flow, batch, steps(flow))) == 0
    made = [one.payment for one in found_lines(flow, batch) if one.status == "made"]
    assert len(made) == 2
    drawn = flow.do(lambda tx: payments.payment_by_key(tx, made[1] or 0))
    assert isinstance(drawn, Payment)
    assert drawn.id.startswith("LINK-")
    assert drawn.customer.id == drawn.id


def test_started_once(flow: FlowWorld) -> None:
    """Who starts a file at the same time as another starts it once."""
    batch = taken(flow, line(2))
    begin = partial(batches.start, batch=batch, step=Step(flow.next_us(), STAFF))
    assert sorted(flow.together(begin, begin), key=str) == [False, True]
    tasks = flow.do(
        lambda tx: outbox.claim(
            tx, TASK, lane=str(flow.project.id), now_us=flow.next_us(), lease_until_us=0, most=9
        )
    )
    assert [task.subject for task in tasks] == [batch.id]


def test_what_changed_meanwhile(flow: FlowWorld) -> None:
    """Lines whose link cannot be made any more say why, and the others go on."""
    batch = taken(
        flow,
        line(2),
        line(3, amount="9"),
        line(4, expires="2025-01-02"),
        line(5),
    )
    flow.do(lambda tx: batches.start(tx, batch, step=Step(flow.next_us(), STAFF)))
    create(flow, asked(flow, "f-2"))
    flow.set(hkd_amount_max=500)
    flow.clock.advance(2 * DAY_US)
    flow.do(lambda tx: work(tx, flow, batch, steps(flow)))
    assert [one.flaws for one in found_lines(flow, batch)] == [
        (Flaw("payment_id", Wrong.USED),),
        (Flaw("amount", Wrong.AMOUNT_HIGH, "HK$5.00"),),
        (Flaw("expires", Wrong.EXPIRES_OVER),),
        (),
    ]
    flow.set(enabled=False)
    off = taken(flow, line(2))
    assert found_lines(flow, off)[0].flaws == (Flaw("project", Wrong.PROJECT_OFF),)
    flow.set(enabled=True, hkd_enabled=False, cny_amount_min=200)
    other = taken(flow, line(2), line(3, currency="CNY"))
    assert [one.flaws for one in found_lines(flow, other)] == [
        (Flaw("currency", Wrong.CURRENCY_OFF),),
        (Flaw("amount", Wrong.AMOUNT_LOW, "CN¥2.00"),),
    ]


def test_a_fault_half_way_makes_nothing_of_its_part(flow: FlowWorld) -> None:
    """Links and what is noted of their lines are one: what fails before its end leaves neither."""
    batch, some = started(flow), steps(flow)
    assert flow.do(lambda tx: work(tx, flow, batch, some)) == LINES_AT_ONCE

    def cut(tx: Tx) -> None:
        work(tx, flow, batch, some)
        raise KeyError("the power is gone")

    (fault,) = flow.together(cut)
    assert isinstance(fault, KeyError)
    assert counts(flow, batch) == (COUNT - LINES_AT_ONCE, 0, LINES_AT_ONCE, 0)
    assert payments_count(flow) == LINES_AT_ONCE


def test_two_work_at_once(flow: FlowWorld) -> None:
    """Whoever works beside another makes no line twice."""
    batch = started(flow)
    while counts(flow, batch)[0]:
        ran = [partial(work, flow=flow, batch=batch, some=steps(flow)) for _ in range(3)]
        assert all(isinstance(each, int) for each in flow.together(*ran))
    assert counts(flow, batch) == (0, 0, COUNT, 0)
    assert payments_count(flow) == COUNT


def test_a_stopped_worker_is_gone_on_for(flow: FlowWorld) -> None:
    """A worker that dies between two parts, or in one, leaves the rest to the next one."""
    batch = started(flow)

    async def dies() -> None:
        stop, first = asyncio.Event(), worker(flow)
        running = asyncio.create_task(first.run(stop))
        while (await flow.store.read(lambda tx: link_batches.counts(tx, batch.id))).made == 0:  # noqa: ASYNC110 - only the store knows
            await asyncio.sleep(0)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    flow.runner.run(dies())
    ready, _, made, _ = counts(flow, batch)
    assert made >= LINES_AT_ONCE
    assert payments_count(flow) == made
    flow.clock.advance(LEASE_US)
    flow.runner.run(worker(flow).drain())
    assert counts(flow, batch) == (0, 0, COUNT, 0)
    assert payments_count(flow) == COUNT == ready + made
    found = flow.do(lambda tx: link_batches.find(tx, batch.id))
    assert found is not None
    assert found.status == "done"
    assert flow.do(lambda tx: outbox.lanes_due(tx, TASK, now_us=2**60)) == []


def test_a_lost_lease_makes_nothing(flow: FlowWorld) -> None:
    """Who held a task that is gone makes no link; a task of no file at work is dropped."""
    batch = started(flow, 3)
    made = MakeLinks(flow.store, find_project=lambda _tx, _id: flow.project, office=OFFICE)
    job, lane = made.work(), str(flow.project.id)

    def claim(tx: Tx) -> outbox.Task:
        now_us = flow.clock.now_us()
        (task,) = outbox.claim(tx, TASK, lane=lane, now_us=now_us, lease_until_us=now_us, most=1)
        return task

    old = flow.do(claim)
    underway = flow.do(lambda tx: job.prepare(tx, old, flow.clock.now_us()))
    assert underway is not None
    flow.do(claim)
    flow.runner.run(job.act(old, underway))  # type: ignore[arg-type]
    assert counts(flow, batch) == (3, 0, 0, 0)
    flow.do(lambda tx: outbox.put(tx, TASK, lane=lane, subject=1, due_us=flow.clock.now_us()))
    # A claim that finds nothing to do ends a drain.
    for _ in range(3):
        flow.runner.run(worker(flow).drain())
    assert counts(flow, batch) == (0, 0, 3, 0)
    assert flow.do(lambda tx: outbox.lanes_due(tx, TASK, now_us=2**60)) == []


def test_a_fault_of_ours_costs_one_line(flow: FlowWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line that cannot be worked on for a reason nobody foresaw is given up; the others go on."""
    batch, whole = started(flow), batches._make

    def fails(tx: Tx, project: Project, line: BatchLine, *, office: Office, step: Step) -> object:
        if line.line == 5:
            raise KeyError("nobody thought of it")
        return whole(tx, project, line, office=office, step=step)

    monkeypatch.setattr(batches, "_make", fails)
    flow.runner.run(worker(flow).drain())
    assert counts(flow, batch) == (0, 0, COUNT - 1, 1)
    (given_up,) = [one for one in found_lines(flow, batch) if one.status == "refused"]
    assert (given_up.line, given_up.flaws) == (5, (Flaw("", Wrong.FAILED),))
    assert flow.do(lambda tx: batches.give_up(tx, batch)) is None


def test_columns_are_documented_in_one_order() -> None:
    """What is needed is among what may be said."""
    assert set(REQUIRED) < set(COLUMNS)
