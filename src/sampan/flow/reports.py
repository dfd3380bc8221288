"""Reports: ask for one, cancel it, keep templates, and have them made again and again."""

from typing import Final, NoReturn

import msgspec

from sampan.clock import DAY_US, SECOND_US
from sampan.domain import mails as mail_rules
from sampan.domain import report_schedule, report_spec
from sampan.domain.codes import Code
from sampan.domain.report_schedule import Rule
from sampan.domain.report_spec import Flaw, Spec
from sampan.domain.texts import TEXT_CHARS_MAX
from sampan.errors import Refusal
from sampan.flow.mailing import Letter, Mailroom, ask
from sampan.flow.team import Act
from sampan.storage import journal, outbox, report_plans, reports
from sampan.storage.engine import Tx
from sampan.storage.journal import Entry
from sampan.storage.report_plans import Schedule, Template
from sampan.storage.reports import Report

TASK: Final = "report"
LANE: Final = "reports"
"""Reports are made one after another, so there is one lane."""
OPEN_MAX: Final = 20
SCHEDULES_MAX: Final = 100
NAME_CHARS_MAX: Final = 60
KEPT_US: Final = 4 * DAY_US
"""So long a file can be fetched after it was ready."""
SETTLE_US: Final = 2 * SECOND_US
"""What happened within a period is committed so soon after its end."""
DUE_AT_ONCE: Final = 20
"""Schedules of one transaction."""
DEATHS_MAX: Final = 3
LEASE_US: Final = 60 * SECOND_US
GIVEN_UP: Final = "It could not be made: three times its program ended before it was done."
CLOCK: Final = "clock"


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """A report that somebody asks for; a title "" is made up by who shows it.

    `made_by` is a person of the Dashboard. To `mail_to`, if any, goes a link when it is ready.
    """

    spec: Spec
    title: str = ""
    made_by: int | None = None
    schedule: int | None = None
    mail_to: str = ""
    mail_language: str = "en"


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """A schedule that somebody wants: all of it that a person decides."""

    name: str
    spec: Spec
    rule: Rule
    mail_to: str = ""
    mail_language: str = "en"


def order(tx: Tx, wish: Wish, *, act: Act) -> Report:
    """Ask for a report: its task is written, and its period is told by two moments from now on.

    Raises `Refusal` for a report with flaws (`report_spec.flaws` names them all), for an address
    that cannot be one, and when `OPEN_MAX` reports are still to be made.
    """
    _check(wish.spec, wish.mail_to, name=wish.title)
    if reports.open_count(tx) >= OPEN_MAX:
        _refuse(f"{OPEN_MAX} reports are still to be made; wait or cancel one")
    return _ordered(tx, wish, act=act, at_us=act.now_us)


def repeat(tx: Tx, report: Report, *, act: Act) -> Report:
    """Ask for the same report again, for the same period; both are kept.

    Raises `Refusal` as `order` does, and for one that is still to be made.
    """
    if report.is_open:
        _refuse("it is still to be made")
    wish = Wish(
        spec=report.spec,
        title=report.title,
        made_by=act.user,
        mail_to=report.mail_to,
        mail_language=report.mail_language,
    )
    return order(tx, wish, act=act)


def cancel(tx: Tx, report: Report, *, act: Act) -> bool:
    """Let a report be; False when it has ended before. Who works on it hears of it and stops."""
    if not reports.end(tx, report.id, "cancelled", why="", now_us=act.now_us):
        return False
    outbox.drop(tx, TASK, lane=LANE, subject=report.id)
    _note(tx, "report cancelled", _told(report.title, report.spec), act=act)
    return True


def remove(tx: Tx, report: Report, *, act: Act) -> bool:
    """Forget a report that is no longer to be made, for everybody; False when it is gone.

    Its file is the caller's to remove, once this is committed. Raises `Refusal` for one that is
    still to be made: that is cancelled first.
    """
    if report.is_open:
        _refuse("it is still to be made")
    if not reports.remove(tx, report.id):
        return False
    _note(tx, "report removed", _told(report.title, report.spec), act=act)
    return True


def save_template(tx: Tx, name: str, spec: Spec, *, user_id: int, now_us: int) -> Template:
    """Keep a report under a name, in place of the person's one of this name.

    Raises `Refusal` for a bad name, a report with flaws, and too many templates.
    """
    _check(spec, "", name=name, is_named=True)
    kept = Template(id=tx.new_id(), user_id=user_id, name=name, spec=spec, updated_us=now_us)
    if not report_plans.save_template(tx, kept):
        _refuse(f"there are {report_plans.TEMPLATES_MAX} templates; remove one first")
    return kept


def rename_template(tx: Tx, template: Template, name: str, *, now_us: int) -> bool:
    """Give a template another name; False when it is gone.

    Raises `Refusal` for a bad name and for that of another template of the same person.
    """
    _check(template.spec, "", name=name, is_named=True)
    if any(one.name == name for one in report_plans.templates_of(tx, template.user_id)):
        if name == template.name:
            return True
        _refuse("there is a template of this name")
    return report_plans.rename_template(tx, template, name, now_us=now_us)


def delete_template(tx: Tx, key: int, *, user_id: int) -> bool:
    """Forget a template; False when the person has none of this id."""
    return report_plans.forget_template(tx, user_id, key=key)


def add_schedule(tx: Tx, plan: Plan, *, act: Act) -> Schedule:
    """Have a report made again and again, from its first due moment behind now on.

    Raises `Refusal` for anything that is wrong with it, and when there are `SCHEDULES_MAX`.
    """
    _check_plan(plan)
    if report_plans.schedules_count(tx) >= SCHEDULES_MAX:
        _refuse(f"there are {SCHEDULES_MAX} schedules; delete one first")
    made = Schedule(
        id=tx.new_id(),
        made_by=act.user,
        name=plan.name,
        spec=plan.spec,
        rule=plan.rule,
        is_on=True,
        next_us=_next_us(plan, act.now_us),
        mail_to=plan.mail_to,
        mail_language=plan.mail_language,
        created_us=act.now_us,
        updated_us=act.now_us,
    )
    report_plans.add_schedule(tx, made)
    _note(tx, "report schedule added", made.name, act=act)
    return made


def change_schedule(tx: Tx, before: Schedule, plan: Plan, *, act: Act) -> Schedule:
    """Change a schedule; it stays on or off. Raises `Refusal` for anything that is wrong."""
    _check_plan(plan)
    after = msgspec.structs.replace(
        before,
        name=plan.name,
        spec=plan.spec,
        rule=plan.rule,
        mail_to=plan.mail_to,
        mail_language=plan.mail_language,
        next_us=_next_us(plan, act.now_us),
        updated_us=act.now_us,
    )
    _changed(tx, after, "report schedule changed", act=act)
    return after


def switch_schedule(tx: Tx, before: Schedule, *, is_on: bool, act: Act) -> Schedule:
    """Let a schedule rest or go on; what was due while it rested is not made up for."""
    after = msgspec.structs.replace(
        before,
        is_on=is_on,
        next_us=report_schedule.next_us(before.rule, before.spec.zone, after_us=act.now_us),
        updated_us=act.now_us,
    )
    _changed(tx, after, f"report schedule {'on' if is_on else 'off'}", act=act)
    return after


def delete_schedule(tx: Tx, schedule: Schedule, *, act: Act) -> bool:
    """Forget a schedule; False when it was gone. The reports that it has made stay."""
    if not report_plans.delete_schedule(tx, schedule.id):
        return False
    _note(tx, "report schedule deleted", schedule.name, act=act)
    return True


def order_due(tx: Tx, *, now_us: int) -> int:
    """Ask for the reports of the schedules that are due; return how many moments were taken.

    A report is that of its due moment, however late it is asked for: "yesterday" is the day before
    it. Of moments that were missed only the latest counts. While too many reports are still to be
    made, nothing is taken.
    """
    taken = 0
    room = OPEN_MAX - reports.open_count(tx)
    for plan in report_plans.due(tx, now_us=now_us, most=min(DUE_AT_ONCE, max(0, room))):
        zone = plan.spec.zone
        at_us = report_schedule.last_us(plan.rule, zone, from_us=plan.next_us, now_us=now_us)
        following_us = report_schedule.next_us(plan.rule, zone, after_us=at_us)
        if report_plans.move_on(tx, plan, next_us=following_us):
            wish = Wish(
                spec=plan.spec,
                title=plan.name,
                made_by=plan.made_by,
                schedule=plan.id,
                mail_to=plan.mail_to,
                mail_language=plan.mail_language,
            )
            _ordered(tx, wish, act=Act(now_us, CLOCK), at_us=at_us)
            taken += 1
    return taken


def finish(tx: Tx, report: Report, *, address: str, room: Mailroom | None, now_us: int) -> bool:
    """Note that a report's file is whole, and mail its address; False when it has ended before.

    `room` may be None for a report without `mail_to`.
    """
    until_us = now_us + KEPT_US
    if not reports.ready(tx, report.id, now_us=now_us, until_us=until_us):
        return False
    if report.mail_to and room is not None:
        facts = mail_rules.ReportReady(
            title=report.title, type=report.type, link=address, expires_us=until_us
        )
        letter = Letter(to=report.mail_to, facts=facts, language=report.mail_language)
        ask(tx, letter, room=room, now_us=now_us)
    return True


def fail(tx: Tx, report: Report, *, why: str, now_us: int) -> bool:
    """End a report that cannot be made; `why` is a sentence for people."""
    return reports.end(tx, report.id, "failed", why=why, now_us=now_us)


def note_death(tx: Tx, report: Report, *, now_us: int) -> bool:
    """Count that its program ended too soon; False when that was once too often, or it has ended.

    What it brought forward in between starts the count anew.
    """
    deaths = reports.died(tx, report.id)
    if deaths >= DEATHS_MAX:
        fail(tx, report, why=GIVEN_UP, now_us=now_us)
    return 0 < deaths < DEATHS_MAX


def _ordered(tx: Tx, wish: Wish, *, act: Act, at_us: int) -> Report:
    spec = report_spec.fixed(wish.spec, now_us=at_us)
    made = Report(
        id=tx.new_id(),
        type=spec.type,
        title=wish.title,
        spec=spec,
        made_by=wish.made_by,
        schedule=wish.schedule,
        mail_to=wish.mail_to,
        mail_language=wish.mail_language,
        created_us=act.now_us,
    )
    reports.add(tx, made)
    key = outbox.put(tx, TASK, lane=LANE, subject=made.id, due_us=act.now_us)
    assert spec.to_us is not None  # noqa: S101 - it is fixed
    settled_us = min(spec.to_us, act.now_us) + SETTLE_US
    if settled_us > act.now_us:
        outbox.delay(tx, key, due_us=settled_us)
    _note(tx, "report ordered", _told(wish.title, spec), act=act)
    return made


def _next_us(plan: Plan, now_us: int) -> int:
    return report_schedule.next_us(plan.rule, plan.spec.zone, after_us=now_us)


def _changed(tx: Tx, after: Schedule, what: str, *, act: Act) -> None:
    if not report_plans.change_schedule(tx, after):
        _refuse("there is no such schedule", http_status=404)
    _note(tx, what, after.name, act=act)


def _check_plan(plan: Plan) -> None:
    _check(plan.spec, plan.mail_to, name=plan.name, is_named=True)
    if plan.spec.period is None:
        _refuse("period: a schedule has a period that moves with it, such as yesterday")
    try:
        report_schedule.check(plan.rule)
    except ValueError as error:
        _refuse(str(error))


def _check(spec: Spec, mail_to: str, *, name: str, is_named: bool = False) -> None:
    found = report_spec.flaws(spec)
    if found:
        _refuse(_said(found[0]))
    if (is_named and not name.strip()) or len(name) > NAME_CHARS_MAX or not name.isprintable():
        _refuse(f"a name has at most {NAME_CHARS_MAX} characters in one line")
    if mail_to and (len(mail_to) > TEXT_CHARS_MAX or mail_rules.address_fault(mail_to)):
        _refuse("this is not an e-mail address")


def _said(flaw: Flaw) -> str:
    return f"{flaw.field}: {flaw.wrong}{f' ({flaw.detail})' if flaw.detail else ''}"


def _told(title: str, spec: Spec) -> str:
    return f"{title}: {spec.type}" if title else spec.type.value


def _note(tx: Tx, what: str, told: str, *, act: Act) -> None:
    why = ": ".join(text for text in (told, act.why) if text)
    journal.write(tx, Entry(at_us=act.now_us, project_id=0, what=what, by=act.by, why=why))


def _refuse(why: str, *, http_status: int = 409) -> NoReturn:
    raise Refusal(Code.STATUS_FORBIDS, why, http_status=http_status)
