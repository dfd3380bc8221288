"""Analytics are exact: with sums that are kept, without, and whatever changes afterwards."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Final

import pytest
from sqlalchemy import select

from sampan.clock import DAY_US, HOUR_US, MINUTE_US, SECOND_US
from sampan.domain import analytics
from sampan.domain.analytics import Answer, Dataset, Granularity, Question, Sums
from sampan.domain.days import Zone
from sampan.domain.statuses import FINAL
from sampan.storage import callbacks, rollups, schema
from sampan.storage.callbacks import Attempt
from sampan.storage.engine import Tx
from sampan.storage.schema_rollups import EIGHT_US
from sampan.workers import adding
from sampan.workers.adding import AddUp
from tests.support.flow_world import FlowWorld

HOURS: Final = 30
p, o, a, s = schema.payments, schema.operations, schema.attempts, schema.rollup_spans


def lived(flow: FlowWorld) -> FlowWorld:
    """Let payments of every fate happen over more than a day."""
    fates: list[Callable[[str, int], None]] = [
        lambda name, n: flow.pay(10_000, txn=f"T{n}", of=name),
        lambda name, n: flow.refuse(name, notice_id=f"N{n}"),
        lambda name, n: flow.pay(9_000, txn=f"T{n}", of=name),
        lambda _name, _n: flow.run_out(),
    ]
    for number in range(HOURS):
        name = f"p-{number}"
        flow.waiting(name, currency="HKD" if number % 5 else "CNY")
        flow.clock.advance((number % 4) * 7 * SECOND_US)
        if number % 5:
            fates[number % len(fates)](name, number)
        attempt(flow, name, number, http_status=(200, 302, 404, 500, None, 100)[number % 6])
        flow.clock.advance(HOUR_US + 7 * MINUTE_US)
    flow.sale("usd", currency="USD")
    return flow


def attempt(flow: FlowWorld, name: str, number: int, *, http_status: int | None) -> None:
    """Let a callback of a payment be tried once."""
    callback = flow.callbacks(name)[-1]
    tried = Attempt(
        callback=callback.id,
        number=number + 1,
        at_us=flow.clock.now_us(),
        url=callback.url,
        http_status=http_status,
        duration_ms=number,
        answer="",
        error="",
    )
    flow.do(lambda tx: callbacks.insert_attempt(tx, tried))


def ask(flow: FlowWorld, dataset: Dataset, *, days_before: int = 4, **more: object) -> Answer:
    """Ask about all of the story's days."""
    now_us = flow.clock.now_us()
    first, last = (analytics.day_text(now_us + n * DAY_US, Zone.UTC) for n in (-days_before, 1))
    asked = Question.of_days(dataset, (first, last), zone=Zone.HONG_KONG, **more)
    cells = flow.runner.run(flow.store.read(lambda tx: rollups.cells(tx, asked)))
    return analytics.answer(asked, cells)


def add_up(flow: FlowWorld) -> int:
    """Note what is over, wait a minute, and add it up."""
    worker = AddUp(flow.store, flow.clock)
    flow.runner.run(worker.sweep())
    flow.clock.advance(adding.NOTED_US)
    return flow.runner.run(worker.sweep())


def kept_spans(flow: FlowWorld, hours: int = 1) -> set[tuple[str, int]]:
    """Return source and start of the spans whose sums are kept."""
    chosen = select(s.c.source, s.c.start_us).where(s.c.is_built == 1, s.c.hours == hours)
    return {(row[0], row[1]) for row in flow.do(lambda tx: tx.query(chosen))}


def model(tx: Tx) -> dict[Dataset, Sums]:
    """Return what the rows themselves say, all periods and series together."""
    payments = list(tx.query(select(p.c.status, p.c.amount_minor, p.c.paid_minor)))
    operations = list(
        tx.query(select(o.c.type, o.c.status, o.c.amount_minor, o.c.updated_us - o.c.created_us))
    )
    attempts = list(tx.query(select(a.c.duration_ms)))
    decided = [row for row in payments if row[0] in {"success", "decline"}]
    paid = [row for row in payments if row[0] == "success"]
    ended = [row for row in operations if row[1] in {one.value for one in FINAL}]
    sales = [row for row in ended if row[0] == "sale"]
    took = [row[3] // 1000 for row in sales if row[1] == "success"]
    every = sum(row[3] // 1000 for row in ended if row[:2] == ("sale", "success"))

    def of_payments(rows: list[tuple[str, int, int]]) -> Sums:
        return Sums(
            count=len(rows),
            amount_minor=sum(row[1] for row in rows),
            paid_minor=sum(row[2] for row in rows),
        )

    def of_operations(rows: list[tuple[str, str, int, int]], time_ms: int) -> Sums:
        return Sums(count=len(rows), amount_minor=sum(row[2] for row in rows), time_ms=time_ms)

    return {
        Dataset.PAYMENTS: of_payments(payments),  # type: ignore[arg-type]  # rows are tuples
        Dataset.CONVERSION: of_payments(decided),  # type: ignore[arg-type]  # rows are tuples
        Dataset.TURNOVER: of_payments(paid),  # type: ignore[arg-type]  # rows are tuples
        Dataset.OPERATIONS: of_operations(ended, every),  # type: ignore[arg-type]  # rows are tuples
        Dataset.DECLINES: of_operations([s for s in sales if s[1] == "decline"], 0),  # type: ignore[misc]  # rows are tuples
        Dataset.TIME_TO_PAY: of_operations([s for s in sales if s[1] == "success"], sum(took)),  # type: ignore[misc]  # rows are tuples
        Dataset.CALLBACKS: Sums(count=len(attempts), time_ms=sum(row[0] for row in attempts)),
    }


@pytest.fixture
def story(flow: FlowWorld) -> FlowWorld:
    """A platform on which a day and more has passed."""
    return lived(flow)


def test_kept_or_not_the_answer_is_the_same(story: FlowWorld) -> None:
    """Every dataset says what the rows say, before and after their hours are added up."""
    everything = [(dataset, granularity) for dataset in Dataset for granularity in Granularity]
    before = {one: ask(story, one[0], granularity=one[1]) for one in everything}
    expected = story.do(model)
    assert {dataset: before[dataset, Granularity.DAY].every for dataset in Dataset} == expected
    added = add_up(story)
    assert added == len(kept_spans(story)) + len(kept_spans(story, 8))
    assert len(kept_spans(story)) > 4 * HOURS
    assert len(kept_spans(story, 8)) > 4 * HOURS // 8 - 4
    after = {one: ask(story, one[0], granularity=one[1]) for one in everything}
    assert after == before
    assert add_up(story) == 0


def test_details(story: FlowWorld) -> None:
    """Series are told apart: by status, currency and origin, code, slot, and answer."""
    add_up(story)
    assert ask(story, Dataset.CONVERSION).series == (("decline",), ("success",))
    assert ask(story, Dataset.TURNOVER).series == (("HKD", "gate"),)
    assert {one[0] for one in ask(story, Dataset.DECLINES).series} == {"20301", "20602"}
    assert ask(story, Dataset.TIME_TO_PAY).series == ((0,),)
    counts = Counter(
        {
            one[0]: ask(story, Dataset.CALLBACKS).total(*one).count
            for one in ask(story, Dataset.CALLBACKS).series
        }
    )
    assert counts == {"2xx": 5, "3xx": 5, "4xx": 5, "5xx": 5, "no answer": 5, "other": 5}


def test_filters(story: FlowWorld) -> None:
    """A project, or a currency, narrows the answer; attempts are not told apart by currency."""
    whole = ask(story, Dataset.PAYMENTS).every.count
    add_up(story)
    by_currency = [
        ask(story, Dataset.PAYMENTS, currency=one).every.count for one in ("HKD", "CNY", "USD")
    ]
    assert sum(by_currency) == whole
    assert all(by_currency)
    assert ask(story, Dataset.PAYMENTS, project_ids=(story.project.id,)).every.count == whole
    assert ask(story, Dataset.PAYMENTS, project_ids=(7,)).every.count == 0
    assert ask(story, Dataset.CALLBACKS, currency="CNY").every.count == HOURS


def test_a_late_change_is_seen_at_once(story: FlowWorld) -> None:
    """A decision of staff about an old payment forgets its hour in the same transaction."""
    add_up(story)
    kept, eights = kept_spans(story), kept_spans(story, 8)
    payment = story.payment("p-2")  # paid short
    story.accept("p-2")
    made_us = payment.created_us // HOUR_US * HOUR_US
    assert kept - kept_spans(story) == {("payments made", made_us)}
    assert eights - kept_spans(story, 8) == {("payments made", made_us // EIGHT_US * EIGHT_US)}
    expected = story.do(model)
    assert {dataset: ask(story, dataset).every for dataset in Dataset} == expected
    story.clock.advance(2 * HOUR_US)
    assert add_up(story) > 0
    assert {dataset: ask(story, dataset).every for dataset in Dataset} == expected
    assert ("payments made", made_us) in kept_spans(story)


def test_a_clock_set_back(story: FlowWorld) -> None:
    """Payments that come at a time that is added up already are counted all the same."""
    add_up(story)
    story.clock.advance(-8 * HOUR_US)
    story.waiting("again")
    story.pay(10_000, txn="again", of="again")
    attempt(story, "again", 99, http_status=200)
    expected = story.do(model)
    story.clock.advance(8 * HOUR_US)
    assert {dataset: ask(story, dataset).every for dataset in Dataset} == expected


def test_a_change_meanwhile(story: FlowWorld) -> None:
    """Sums of an hour that changes while it is added up are not kept."""
    worker = AddUp(story.store, story.clock)
    story.runner.run(worker.sweep())
    story.clock.advance(adding.NOTED_US)
    due = story.do(
        lambda tx: rollups.due(tx, opened_to_us=story.clock.now_us(), hours_from_us=0, most=1000)
    )
    made_us = story.payment("p-2").created_us // HOUR_US * HOUR_US
    hour = next(
        one for one in due if (one.source, one.hours, one.start_us) == ("payments made", 1, made_us)
    )
    sums = story.do(lambda tx: rollups.gather(tx, hour))
    story.accept("p-2")
    assert story.do(lambda tx: rollups.keep(tx, hour, sums)) is False
    again = story.do(
        lambda tx: rollups.due(tx, opened_to_us=story.clock.now_us(), hours_from_us=0, most=1000)
    )
    changed = next(
        one
        for one in again
        if (one.hours, one.within) == (1, hour.within) and one.source is hour.source
    )
    assert changed.changes_count == hour.changes_count + 1
    sums = story.do(lambda tx: rollups.gather(tx, changed))
    assert story.do(lambda tx: rollups.keep(tx, changed, sums)) is True
    assert story.do(lambda tx: rollups.keep(tx, changed, sums)) is False


def test_hours_of_long_ago(story: FlowWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a while (a month; here days) eights alone are kept, and the answer is the same."""
    monkeypatch.setattr(adding, "HOURS_KEPT_US", 4 * DAY_US)
    add_up(story)
    expected = story.do(model)
    eights = kept_spans(story, 8)
    story.clock.advance(adding.HOURS_KEPT_US)
    begun_us = story.clock.now_us() - adding.HOURS_KEPT_US
    add_up(story)
    assert all(start_us >= begun_us for _, start_us in kept_spans(story))
    assert kept_spans(story, 8) >= eights
    asked = {dataset: ask(story, dataset, days_before=10).every for dataset in Dataset}
    assert asked == expected


def test_nothing_yet(flow: FlowWorld) -> None:
    """Without a payment there is no hour to add up, and every answer is zero."""
    assert add_up(flow) == 0
    assert all(ask(flow, dataset).every == Sums() for dataset in Dataset)
