"""Reports are asked for, repeated, cancelled and planned; each due moment makes one."""

from __future__ import annotations

from functools import partial
from typing import Any, Final

import msgspec
import pytest

from sampan.clock import DAY_US, HOUR_US
from sampan.domain.mails import ReportReady
from sampan.domain.report_schedule import Cron, Daily, Monthly
from sampan.domain.report_spec import Period, ReportType, Spec
from sampan.domain.rights import Role
from sampan.errors import Refusal
from sampan.flow import reports as flow_reports
from sampan.flow.mailing import Mailroom
from sampan.flow.reports import (
    DEATHS_MAX,
    KEPT_US,
    LANE,
    OPEN_MAX,
    SCHEDULES_MAX,
    SETTLE_US,
    TASK,
    Plan,
    Wish,
)
from sampan.flow.team import Act
from sampan.storage import journal_lists, mails, outbox, report_plans, reports, users
from sampan.storage.engine import Tx
from sampan.storage.report_plans import TEMPLATES_MAX, Schedule, Template
from sampan.storage.reports import Progress, Report
from sampan.storage.users import User
from sampan.storage.vault import Vault
from tests.support.flow_world import STAFF, FlowWorld
from tests.support.interfering import InterferingTx

YESTERDAY: Final = Spec(type=ReportType.OPERATIONS, period=Period.YESTERDAY)
PLAN: Final = Plan(name="Each day", spec=YESTERDAY, rule=Daily(minute=8 * 60), mail_to="a@b.hk")
PAGE: Final = "https://pay.tea.example/dashboard/reports/7"


def act(flow: FlowWorld, user: int | None = None) -> Act:
    """Return something that staff do now."""
    return Act(flow.next_us(), STAFF, user=user)


def ordered(flow: FlowWorld, **wish: Any) -> Report:  # noqa: ANN401 - members of a wish
    """Ask for yesterday's operations."""
    asked, by = Wish(**{"spec": YESTERDAY} | wish), act(flow)
    return flow.do(lambda tx: flow_reports.order(tx, asked, act=by))


def now(flow: FlowWorld, report: Report) -> Report:
    """Return a report as it stands now."""
    found = flow.do(lambda tx: reports.find(tx, report.id))
    assert found is not None
    return found


def waiting_tasks(flow: FlowWorld, *, later_us: int = SETTLE_US) -> list[int]:
    """Return the reports that a worker could claim some time from now; it does not keep them."""
    now_us = flow.clock.now_us() + later_us

    def claim(tx: Tx) -> list[int]:
        found = outbox.claim(tx, TASK, lane=LANE, now_us=now_us, lease_until_us=now_us, most=99)
        for task in found:
            outbox.postpone(tx, task, due_us=now_us - later_us)
        return [task.subject for task in found]

    return flow.do(claim)


def person(flow: FlowWorld) -> User:
    """Write a person of the Dashboard."""
    roles = (Role.ADMIN,)
    made = User(id=0, email="amy@tea.example", name="Amy", roles=roles, created_us=1, updated_us=1)

    def add(tx: Tx) -> User:
        new = msgspec.structs.replace(made, id=tx.new_id())
        assert users.add(tx, new)
        return new

    return flow.do(add)


def planned(flow: FlowWorld, plan: Plan = PLAN) -> Schedule:
    """Add a schedule."""
    by = act(flow)
    return flow.do(lambda tx: flow_reports.add_schedule(tx, plan, act=by))


def test_report_is_ordered_with_its_task(flow: FlowWorld) -> None:
    """What is asked for is kept with two moments for its period, its task and a journal row."""
    made = ordered(flow, title="茶", mail_to="a@b.hk")
    assert now(flow, made) == made
    assert (made.status, made.is_open, made.per_mille) == ("waiting", True, None)
    assert made.spec.period is None
    assert made.spec.to_us is not None
    assert made.spec.from_us == made.spec.to_us - DAY_US
    assert waiting_tasks(flow) == [made.id]
    (entry, *_) = flow.do(lambda tx: journal_lists.page(tx, journal_lists.Filter(), most=9)).rows
    assert (entry.what, entry.by, entry.why) == ("report ordered", STAFF, "茶: operations")


def test_report_of_the_present_waits_for_what_is_on_its_way(flow: FlowWorld) -> None:
    """A period that ends now is left to settle before its rows are read."""
    made = ordered(flow, spec=msgspec.structs.replace(YESTERDAY, period=Period.TODAY))
    assert waiting_tasks(flow, later_us=0) == []
    assert waiting_tasks(flow) == [made.id]


@pytest.mark.parametrize(
    ("wish", "why"),
    [
        ({"spec": Spec(type=ReportType.PAYMENTS)}, "from_us: missing"),
        ({"spec": Spec(type=ReportType.CREDITS, period=Period.TODAY, statuses=("x",))}, r"\(x\)"),
        ({"title": "x" * 61}, "60 characters"),
        ({"title": "a\nb"}, "one line"),
        ({"mail_to": "nobody"}, "e-mail"),
        ({"mail_to": "a@" + "b" * 300 + ".hk"}, "e-mail"),
    ],
)
def test_what_cannot_be_made_is_refused(flow: FlowWorld, wish: dict[str, Any], why: str) -> None:
    """A report with something wrong is refused with the reason, and nothing is kept."""
    with pytest.raises(Refusal, match=why):
        ordered(flow, **wish)
    assert flow.do(lambda tx: reports.page(tx, most=9)) == []


def test_only_so_many_are_made_at_a_time(flow: FlowWorld) -> None:
    """Beyond the bound a report is refused until one has ended."""
    first = ordered(flow)
    for _ in range(OPEN_MAX - 1):
        ordered(flow)
    with pytest.raises(Refusal, match="still to be made"):
        ordered(flow)
    by = act(flow)
    assert flow.do(lambda tx: flow_reports.cancel(tx, first, act=by))
    ordered(flow)


def test_cancelled_report_is_let_be(flow: FlowWorld) -> None:
    """A report is cancelled once; its task is gone and who writes it hears of it."""
    made, by = ordered(flow), act(flow)
    assert flow.do(lambda tx: reports.begin(tx, made.id, now_us=5))
    assert flow.do(lambda tx: flow_reports.cancel(tx, made, act=by))
    assert not flow.do(lambda tx: flow_reports.cancel(tx, made, act=by))
    assert now(flow, made).status == "cancelled"
    assert waiting_tasks(flow) == []
    moved = partial(reports.progress, key=made.id, before=Progress(), after=Progress(rows=1))
    assert not flow.do(moved)
    assert not flow.do(lambda tx: reports.begin(tx, made.id, now_us=6))


def test_report_is_repeated_for_the_same_period(flow: FlowWorld) -> None:
    """One that has ended is asked for again as it was, by whoever does so; an open one is not."""
    made = ordered(flow, title="Tea", mail_to="a@b.hk", mail_language="zh-hant")
    with pytest.raises(Refusal, match="still to be made"):
        flow.do(lambda tx: flow_reports.repeat(tx, made, act=act(flow)))
    assert flow.do(lambda tx: flow_reports.fail(tx, made, why="No room.", now_us=7))
    failed = now(flow, made)
    assert (failed.status, failed.error) == ("failed", "No room.")
    flow.clock.advance(3 * DAY_US)
    by = act(flow, person(flow).id)
    again = flow.do(lambda tx: flow_reports.repeat(tx, failed, act=by))
    assert again.id != made.id
    for name in ("spec", "title", "mail_to", "mail_language"):
        assert getattr(again, name) == getattr(made, name)
    assert again.made_by == by.user


def test_two_who_write_one_report(flow: FlowWorld) -> None:
    """Of two who go on from the same checkpoint only the first is believed."""
    made = ordered(flow)
    flow.do(lambda tx: reports.begin(tx, made.id, now_us=5))
    flow.do(lambda tx: reports.counted(tx, made.id, rows=8))
    first, second = Progress(rows=2, bytes=9, place="1/2"), Progress(rows=2, bytes=9, place="1/3")
    assert flow.do(lambda tx: reports.progress(tx, made.id, before=Progress(), after=first))
    assert not flow.do(lambda tx: reports.progress(tx, made.id, before=Progress(), after=second))
    there = now(flow, made)
    assert (there.rows_done, there.bytes_done, there.place) == (2, 9, "1/2")
    assert there.per_mille == 250


def test_ready_report_is_told_and_kept_four_days(flow: FlowWorld) -> None:
    """Who asked for it gets a mail with its address; when its time is over it is to go."""
    made = ordered(flow, title="Tea", mail_to="a@b.hk", mail_language="zh-hant")
    flow.do(lambda tx: reports.begin(tx, made.id, now_us=5))
    room = Mailroom(Vault("a master key for tests", flow.clock), is_on=True)
    finish = partial(flow_reports.finish, report=made, address=PAGE, room=room, now_us=50)
    assert flow.do(finish)
    assert not flow.do(finish)
    there = now(flow, made)
    assert (there.status, there.gone_us, there.per_mille) == ("ready", 50 + KEPT_US, 1000)
    (mail,) = flow.do(lambda tx: mails.newest(tx, status=None, most=9))
    assert (mail.to_address, mail.language) == ("a@b.hk", "zh-hant")
    assert mail.facts == ReportReady(
        type="operations", title="Tea", link=PAGE, expires_us=50 + KEPT_US
    )
    assert flow.do(lambda tx: reports.over(tx, now_us=49 + KEPT_US, most=9)) == []
    assert flow.do(lambda tx: reports.over(tx, now_us=50 + KEPT_US, most=9)) == [there]
    assert flow.do(lambda tx: reports.gone(tx, made.id))
    assert not flow.do(lambda tx: reports.gone(tx, made.id))
    quiet = ordered(flow)
    flow.do(lambda tx: reports.begin(tx, quiet.id, now_us=5))
    assert flow.do(lambda tx: flow_reports.finish(tx, quiet, address="", room=room, now_us=60))
    assert len(flow.do(lambda tx: mails.newest(tx, status=None, most=9))) == 1


def test_report_whose_program_dies_is_given_up(flow: FlowWorld) -> None:
    """It is tried again while it goes on; three ends in one place are the end."""
    made = ordered(flow)
    assert not flow.do(lambda tx: flow_reports.note_death(tx, made, now_us=4))
    flow.do(lambda tx: reports.begin(tx, made.id, now_us=5))
    for _ in range(DEATHS_MAX - 1):
        assert flow.do(lambda tx: flow_reports.note_death(tx, made, now_us=6))
    on = Progress(rows=1, bytes=5, place="1/1")
    assert flow.do(lambda tx: reports.progress(tx, made.id, before=Progress(), after=on))
    for _ in range(DEATHS_MAX - 1):
        assert flow.do(lambda tx: flow_reports.note_death(tx, made, now_us=7))
    assert not flow.do(lambda tx: flow_reports.note_death(tx, made, now_us=8))
    assert now(flow, made).status == "failed"
    assert "three times" in now(flow, made).error


def test_templates_are_a_persons_own(flow: FlowWorld) -> None:
    """A template is kept under its name, in place of the one before; so many and no more."""
    user = person(flow).id

    def save(name: str, spec: Spec = YESTERDAY) -> int:
        save_it = partial(flow_reports.save_template, name=name, spec=spec, user_id=user, now_us=9)
        return flow.do(save_it).id

    save("b")
    other = msgspec.structs.replace(YESTERDAY, separator=";")
    save("a")
    save("b", other)
    first, second = flow.do(lambda tx: report_plans.templates_of(tx, user))
    assert [(each.name, each.spec) for each in (first, second)] == [("a", YESTERDAY), ("b", other)]
    assert flow.do(lambda tx: report_plans.template(tx, user, key=first.id)) == first
    assert flow.do(lambda tx: report_plans.template(tx, user + 1, key=first.id)) is None
    assert not flow.do(lambda tx: flow_reports.delete_template(tx, first.id, user_id=user + 1))
    assert flow.do(lambda tx: flow_reports.delete_template(tx, first.id, user_id=user))
    with pytest.raises(Refusal, match="a name"):
        save(" ")
    for number in range(TEMPLATES_MAX - 1):
        save(f"c{number}")
    with pytest.raises(Refusal, match="templates"):
        save("one more")


def test_template_is_renamed(flow: FlowWorld) -> None:
    """A template takes any good name that is not another's of the same person."""
    user = person(flow).id

    def save(name: str) -> Template:
        save_it = partial(
            flow_reports.save_template, name=name, spec=YESTERDAY, user_id=user, now_us=9
        )
        return flow.do(save_it)

    def rename(template: Template, name: str) -> bool:
        return flow.do(lambda tx: flow_reports.rename_template(tx, template, name, now_us=10))

    one, _ = save("one"), save("two")
    for name, why in (("two", "of this name"), (" ", "a name"), ("x" * 61, "a name")):
        with pytest.raises(Refusal, match=why):
            rename(one, name)
    assert rename(one, "one")
    assert rename(one, "three")
    names = [each.name for each in flow.do(lambda tx: report_plans.templates_of(tx, user))]
    assert names == ["three", "two"]
    flow.do(lambda tx: flow_reports.delete_template(tx, one.id, user_id=user))
    assert not rename(one, "four")


def test_report_is_removed(flow: FlowWorld) -> None:
    """A report that has ended is forgotten, once, and the journal says by whom."""
    made, by = ordered(flow, title="Mine"), act(flow)
    with pytest.raises(Refusal, match="still to be made"):
        flow.do(lambda tx: flow_reports.remove(tx, made, act=by))
    assert not flow.do(lambda tx: reports.remove(tx, made.id))
    flow.do(lambda tx: flow_reports.cancel(tx, made, act=by))
    ended = now(flow, made)
    assert flow.do(lambda tx: flow_reports.remove(tx, ended, act=by))
    assert not flow.do(lambda tx: flow_reports.remove(tx, ended, act=by))
    assert flow.do(lambda tx: reports.find(tx, made.id)) is None


def test_newest_report_of_each_schedule(flow: FlowWorld) -> None:
    """Of several reports of a schedule the newest is found; who has made none is left out."""
    _, second, other = (ordered(flow, schedule=number) for number in (7, 7, 8))
    newest = flow.do(lambda tx: reports.newest_of(tx, [7, 8, 9]))
    assert {key: each.id for key, each in newest.items()} == {7: second.id, 8: other.id}


@pytest.mark.parametrize(
    ("plan", "why"),
    [
        ({"name": ""}, "a name"),
        ({"rule": Cron(line="* * * * *")}, "once an hour"),
        ({"rule": Daily(minute=-1)}, "00:00"),
        ({"spec": Spec(type=ReportType.PAYMENTS, from_us=0, to_us=1)}, "moves with it"),
        ({"mail_to": "x"}, "e-mail"),
    ],
)
def test_what_cannot_be_planned_is_refused(flow: FlowWorld, plan: dict[str, Any], why: str) -> None:
    """A schedule with something wrong is refused, new or changed."""
    wrong = msgspec.structs.replace(PLAN, **plan)
    with pytest.raises(Refusal, match=why):
        planned(flow, wrong)
    there, by = planned(flow), act(flow)
    with pytest.raises(Refusal, match=why):
        flow.do(lambda tx: flow_reports.change_schedule(tx, there, wrong, act=by))
    assert flow.do(report_plans.schedules) == [there]


def test_schedule_is_changed_switched_and_deleted(flow: FlowWorld) -> None:
    """What staff do to a schedule holds at once and stands in the journal."""
    made = planned(flow)
    later = msgspec.structs.replace(PLAN, name="Each month", rule=Monthly(day=31, minute=0))
    by = act(flow)
    changed = flow.do(lambda tx: flow_reports.change_schedule(tx, made, later, act=by))
    off = flow.do(lambda tx: flow_reports.switch_schedule(tx, changed, is_on=False, act=by))
    assert flow.do(lambda tx: report_plans.schedule(tx, made.id)) == off
    assert (off.name, off.is_on) == ("Each month", False)
    assert off.next_us > made.next_us
    due_us = off.next_us + 1
    assert flow.do(lambda tx: flow_reports.order_due(tx, now_us=due_us)) == 0
    on = flow.do(lambda tx: flow_reports.switch_schedule(tx, off, is_on=True, act=by))
    assert flow.do(lambda tx: flow_reports.delete_schedule(tx, on, act=by))
    assert not flow.do(lambda tx: flow_reports.delete_schedule(tx, on, act=by))
    with pytest.raises(Refusal, match="no such schedule") as refused:
        flow.do(lambda tx: flow_reports.switch_schedule(tx, on, is_on=True, act=by))
    assert refused.value.http_status == 404
    found = flow.do(lambda tx: journal_lists.page(tx, journal_lists.Filter(), most=9)).rows
    assert sorted(entry.what for entry in found) == [
        *("report schedule added", "report schedule changed", "report schedule deleted"),
        *("report schedule off", "report schedule on"),
    ]


def test_due_moment_makes_one_report(flow: FlowWorld) -> None:
    """Whoever looks, and however many at once, each due moment makes one report, of its day."""
    made = planned(flow)
    early = flow.do(lambda tx: flow_reports.order_due(tx, now_us=made.next_us - 1))
    at_once = partial(flow_reports.order_due, now_us=made.next_us + 5)
    assert early == 0
    assert sorted(map(str, flow.together(at_once, at_once))) == ["0", "1"]
    (report,) = flow.do(lambda tx: reports.page(tx, most=9))
    assert (report.schedule, report.title, report.mail_to) == (made.id, made.name, "a@b.hk")
    # Eight in the morning of Hong Kong is midnight of UTC: the day before ended eight hours ago.
    assert report.spec.to_us == made.next_us - 8 * HOUR_US
    assert report.created_us == made.next_us + 5
    after = flow.do(lambda tx: report_plans.schedule(tx, made.id))
    assert after is not None
    assert after.next_us == made.next_us + DAY_US


def test_missed_moments_make_one_report(flow: FlowWorld) -> None:
    """After a stop of days there is one report, of the day before the last due moment."""
    made = planned(flow)
    late_us = made.next_us + 5 * DAY_US + HOUR_US
    assert flow.do(lambda tx: flow_reports.order_due(tx, now_us=late_us)) == 1
    assert flow.do(lambda tx: flow_reports.order_due(tx, now_us=late_us)) == 0
    (report,) = flow.do(lambda tx: reports.page(tx, most=9))
    assert report.spec.to_us == made.next_us + 5 * DAY_US - 8 * HOUR_US


def test_schedules_wait_for_room(flow: FlowWorld) -> None:
    """While too many reports are still to be made, a due one waits; there are so many schedules."""
    made = planned(flow)
    for _ in range(OPEN_MAX):
        last = ordered(flow)
    due_us = made.next_us
    assert flow.do(lambda tx: flow_reports.order_due(tx, now_us=due_us)) == 0
    by = act(flow)
    flow.do(lambda tx: flow_reports.cancel(tx, last, act=by))
    assert flow.do(lambda tx: flow_reports.order_due(tx, now_us=due_us)) == 1
    for _ in range(SCHEDULES_MAX - 1):
        planned(flow)
    with pytest.raises(Refusal, match="schedules"):
        planned(flow)


def test_moment_that_another_has_taken(flow: FlowWorld) -> None:
    """A due moment that somebody else takes at the same time makes nothing here."""
    made = planned(flow)

    def taken(tx: Tx) -> None:
        assert report_plans.move_on(tx, made, next_us=made.next_us + 1)

    def late(tx: Tx) -> int:
        beside = InterferingTx(tx, report_plans._NEXT, meddle=taken)
        return flow_reports.order_due(beside, now_us=made.next_us)

    assert flow.do(late) == 0
    assert flow.do(lambda tx: reports.page(tx, most=9)) == []


def test_lists_go_on_where_they_ended(flow: FlowWorld) -> None:
    """Reports are listed newest first, in pages, by person and by type."""
    credits_only = Spec(type=ReportType.CREDITS, period=Period.YESTERDAY)
    made = [ordered(flow, spec=spec) for spec in (YESTERDAY, credits_only, YESTERDAY)]
    first = flow.do(lambda tx: reports.page(tx, most=2))
    assert [report.id for report in first] == [made[2].id, made[1].id]
    after = (first[1].created_us, first[1].id)
    assert flow.do(lambda tx: reports.page(tx, after=after, most=2)) == [made[0]]
    types = (ReportType.CREDITS,)
    assert flow.do(lambda tx: reports.page(tx, types=types, most=9)) == [made[1]]
    assert flow.do(lambda tx: reports.page(tx, made_by=1, most=9)) == []
