"""Reports and a fortnight of settlement, for tests and pictures.

    world = report_world.fill(platform, owner)
    world.screens      # name → path of every screen

Payments are made through Gate and paid at the sandbox bank; then they are moved to earlier days,
with all that belongs to them, as if they had been made then.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

import msgspec
from sqlalchemy import update

from sampan.clock import DAY_US, HOUR_US
from sampan.domain.days import Zone, midnight_us
from sampan.domain.report_schedule import Cron, Monthly
from sampan.domain.report_spec import Period, ReportType, Spec
from sampan.flow import reports as flow
from sampan.flow import resolution
from sampan.flow.reports import Plan, Wish
from sampan.flow.settle import Step
from sampan.flow.team import Act
from sampan.storage import credits as kept
from sampan.storage import payments, reports, schema, settlement
from sampan.storage.engine import Statement, Tx
from sampan.storage.reports import Progress, Report
from tests.support import payment_examples as examples
from tests.support.platform import ProjectClient, RunningPlatform, until
from tests.support.staff import Member

_TIMES: Final[Mapping[Any, tuple[Any, ...]]] = {
    schema.payments: (schema.payments.c.id, "created_us", "updated_us", "finished_us"),
    schema.operations: (schema.operations.c.payment, "created_us", "updated_us"),
    schema.callbacks: (schema.callbacks.c.payment, "created_us"),
}


@dataclass(frozen=True)
class ReportWorld:
    """What was made: name of a screen → its path, and a report that is ready."""

    screens: Mapping[str, str]
    ready: Report


def move(platform: RunningPlatform, project: ProjectClient, payment_id: str, *, to_us: int) -> None:
    """Let a payment have changed last at another time, and all of it before by as much."""
    payment = project.payment(payment_id)
    assert payment is not None
    by_us = to_us - payment.updated_us

    def shift(tx: Tx) -> None:
        for table, (key, *times) in _TIMES.items():
            changed = {name: table.c[name] + by_us for name in times}
            tx.run(Statement(update(table).where(key == payment.key).values(changed)), {})

    platform.transact(shift)


def move_money(
    platform: RunningPlatform, project: ProjectClient, payment_id: str, *, to_us: int
) -> None:
    """Let the money of a payment have arrived, and been booked, at another time."""
    payment = project.payment(payment_id)
    assert payment is not None
    table = schema.credits
    changed = dict.fromkeys(("booked_us", "received_us", "updated_us"), to_us)
    moved = Statement(update(table).where(table.c.payment == payment.key).values(changed))
    platform.transact(lambda tx: tx.run(moved, {}))


def accept(platform: RunningPlatform, project: ProjectClient, payment_id: str) -> None:
    """Let staff take the money that waits as the payment."""
    step = Step(platform.clock.now_us(), "staff:amy@tea.example", "the customer called")

    def take(tx: Tx) -> None:
        payment = payments.payment_by_id(tx, project.id, payment_id)
        assert payment is not None
        resolution.accept(tx, project.project, payment, step=step)

    platform.transact(take)


def send_back(platform: RunningPlatform, project: ProjectClient, payment_id: str) -> None:
    """Let staff decline a payment and note that its money went back."""
    step = Step(platform.clock.now_us(), "staff:amy@tea.example", "nobody wanted less")

    def back(tx: Tx) -> None:
        payment = payments.payment_by_id(tx, project.id, payment_id)
        assert payment is not None
        resolution.decline(tx, project.project, payment, step=step)
        for credit in kept.waiting_of_payment(tx, payment.key):
            resolution.mark_returned(tx, credit, step=step)

    platform.transact(back)


def pay(project: ProjectClient, payment_id: str, **asked: object) -> None:
    """Let a payment be paid with exactly what it asks for."""
    examples.act(project, examples.waiting(project, payment_id, **asked), "pay")
    examples.stands(project, payment_id, "success")


def order(platform: RunningPlatform, owner: Member, spec: Spec, *, title: str = "") -> Report:
    """Ask for a report and wait until it is made."""
    act = Act(platform.clock.now_us(), f"staff:{owner.user.email}", user=owner.user.id)
    wish = Wish(spec=spec, title=title, made_by=owner.user.id)
    made = platform.transact(lambda tx: flow.order(tx, wish, act=act))

    def ended() -> Report | None:
        now = platform.read(lambda tx: reports.find(tx, made.id))
        assert now is not None
        return None if now.is_open else now

    return until(ended, timeout_s=60)


def fill(
    platform: RunningPlatform, owner: Member, houses: Sequence[ProjectClient], *, days: int = 14
) -> ReportWorld:
    """Fill a platform that has projects with everything that these pages show."""
    today = settlement.day_of(platform.clock.now_us())
    noon_us = settlement.begin_us(today) + 12 * HOUR_US
    for house in houses:
        for back in range(days):
            for number in range(1 + (back * 5 + house.id) % 3):
                name = f"TEA-{house.id}{back:02}{number}"
                currency = "CNY" if (back + number) % 5 == 4 else "HKD"
                pay(
                    house,
                    name,
                    amount=9_900 + 3_170 * ((back * 7 + number) % 11),
                    currency=currency,
                )
                for shift in (move, move_money):
                    shift(platform, house, name, to_us=noon_us - back * DAY_US)
    first = houses[0]
    for name, fate in (("LATE-1", "accepted"), ("SHORT-1", "held"), ("BACK-1", "returned")):
        examples.held(first, name)
        move_money(platform, first, name, to_us=noon_us - 3 * DAY_US)
        if fate == "accepted":
            accept(platform, first, name)
        elif fate == "returned":
            send_back(platform, first, name)
    return _reports(platform, owner, first, day=today)


def _reports(
    platform: RunningPlatform, owner: Member, house: ProjectClient, *, day: int
) -> ReportWorld:
    by, now_us = f"staff:{owner.user.email}", platform.clock.now_us()
    span = Spec(type=ReportType.PAYMENTS, period=Period.LAST_30_DAYS)
    ready = order(platform, owner, span, title="Payments for the bookkeeper")
    operations = Spec(type=ReportType.OPERATIONS, period=Period.LAST_7_DAYS, separator=";")
    order(platform, owner, operations)
    credits_spec = Spec(type=ReportType.CREDITS, period=Period.YESTERDAY, zone=Zone.UTC)
    order(platform, owner, credits_spec)
    far_us = midnight_us(date(2026, 1, 1), Zone.HONG_KONG)
    running = Report(
        id=platform.transact(lambda tx: tx.new_id()),
        type=ReportType.OPERATIONS,
        title="",
        spec=Spec(type=ReportType.OPERATIONS, from_us=far_us, to_us=now_us),
        made_by=owner.user.id,
        created_us=now_us,
    )
    cancelled = msgspec.structs.replace(running, id=running.id + 1, title="By mistake")

    def plan(tx: Tx) -> tuple[int, int]:
        """Keep what nobody works on: there is no task for these two reports."""
        act = Act(now_us, by, user=owner.user.id)
        for one in (running, cancelled):
            reports.add(tx, one)
            reports.begin(tx, one.id, now_us=now_us)
        reports.counted(tx, running.id, rows=1_000_000)
        after = Progress(rows=436_000, bytes=81_200_000, place="1/1")
        reports.progress(tx, running.id, before=Progress(), after=after)
        flow.cancel(tx, cancelled, act=act)
        kept_one = flow.save_template(
            tx, "Month for the bookkeeper", span, user_id=owner.user.id, now_us=now_us
        )
        flow.save_template(
            tx, "Operations, last week", operations, user_id=owner.user.id, now_us=now_us
        )
        monthly = Plan(name="Last month", rule=Monthly(day=1, minute=480), spec=span)
        made = flow.add_schedule(tx, monthly, act=act)
        workdays = Plan(
            name="Yesterday’s credits",
            rule=Cron(line="30 8 * * 1-5"),
            spec=credits_spec,
            mail_to=owner.user.email,
        )
        off = flow.add_schedule(tx, workdays, act=act)
        flow.switch_schedule(tx, off, is_on=False, act=act)
        return kept_one.id, made.id

    template, schedule = platform.transact(plan)
    late = settlement_path(day, house.id)
    paths = {
        "reports": "/reports",
        "report-new": "/reports/new",
        "report-running": f"/reports/{running.id}",
        "report": f"/reports/{ready.id}",
        "report-templates": "/reports/templates",
        "report-schedules": "/reports/schedules",
        "report-schedule-new": f"/reports/schedules/new?template={template}",
        "report-schedule": f"/reports/schedules/{schedule}",
        "settlement": "/settlement",
        "settlement-day": late,
    }
    return ReportWorld({name: f"/dashboard{path}" for name, path in paths.items()}, ready)


def settlement_path(day: int, project_id: int, currency: str = "HKD") -> str:
    """Return where a line of the settlement view is shown."""
    text = date(1970, 1, 1) + timedelta(days=day)
    return f"/settlement/day?day={text}&project={project_id}&currency={currency}"
