"""Templates of one's own, and schedules: reports that are made again and again."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from starlette.responses import Response

from sampan.dashboard import report_form as forms
from sampan.dashboard import report_words as said
from sampan.dashboard import schedule_form
from sampan.dashboard.asked import Asked
from sampan.dashboard.report_form import Typed
from sampan.dashboard.reports import (
    REPORTS,
    RefusedAt,
    arrange,
    check_right,
    may_change,
    own_types,
    refused_at,
)
from sampan.dashboard.schedule_form import Timed
from sampan.dashboard.visit import Visit
from sampan.dashboard.ways import KEY_MAX, Way
from sampan.domain.codes import Code
from sampan.domain.days import Zone
from sampan.domain.report_schedule import Rule, to_json
from sampan.domain.report_spec import RIGHTS, ReportType, Spec
from sampan.domain.rights import Right, rights_of
from sampan.errors import Refusal
from sampan.flow import reports as flow
from sampan.flow.reports import NAME_CHARS_MAX, Plan
from sampan.storage import projects, report_plans, reports, users
from sampan.storage.engine import Tx
from sampan.storage.report_plans import Schedule, Template
from sampan.storage.users import User
from sampan.web.i18n import mark
from sampan.web.render import language_of

TEMPLATES: Final = f"{REPORTS}/templates"
SCHEDULES: Final = f"{REPORTS}/schedules"
NEW: Final = f"{SCHEDULES}/new"
ONE: Final = f"{SCHEDULES}/{{key:key}}"
TAKEN: Final = mark("You have a template of this name already.")
TOO_MANY: Final = mark("There are 100 schedules; delete one first.")


class Filled(NamedTuple):
    """A form as it was typed: of the report, and of when it is made."""

    typed: Typed
    timed: Timed


async def templates(visit: Visit) -> Response:
    """Show the person's templates."""
    return await _templates(visit)


async def rename_template(visit: Visit) -> Response:
    """Give a template another name."""
    template, name, now_us = await _template(visit), visit.text("name"), visit.now_us
    if not name or not forms.is_name(name):
        return await _templates(visit, wrong=(template.id, forms.NO_NAME))

    def rename(tx: Tx) -> None:
        with refused_at("name", TAKEN):
            flow.rename_template(tx, template, name, now_us=now_us)

    try:
        await visit.desk.store.transact(rename)
    except RefusedAt as error:
        return await _templates(visit, wrong=(template.id, error.sentence))
    return visit.go(TEMPLATES, said="template-renamed")


async def delete_template(visit: Visit) -> Response:
    """Forget a template; one that is gone already is no fault."""
    template, user_id = await _template(visit), visit.user.id
    await visit.desk.store.transact(
        lambda tx: flow.delete_template(tx, template.id, user_id=user_id)
    )
    return visit.go(TEMPLATES, said="template-deleted")


async def schedules(visit: Visit) -> Response:
    """Show the person's schedules; an admin sees those of everybody."""
    code = language_of(visit.request)

    def look(tx: Tx) -> list[dict[str, Any]]:
        people = _names(users.every(tx))
        shown = [one for one in report_plans.schedules(tx) if _may_see(visit, one)]
        last = reports.newest_of(tx, [one.id for one in shown])
        return [
            {
                "schedule": one,
                "type": said.type_name(code, one.spec.type),
                "period": said.period_text(code, one.spec),
                "rule": said.rule_text(code, one.rule),
                "next": said.moment_text(code, one.next_us, zone=one.spec.zone),
                "last": last.get(one.id),
                "by": people.get(one.made_by or 0, ""),
            }
            for one in shown
        ]

    context = {
        "rows": await visit.desk.store.read(look),
        "statuses": said.STATUSES,
        "sees_all": Right.TEAM in visit.rights,
        "may_settle": Right.FINANCE in visit.rights,
    }
    return visit.page("reports/schedules.html", context)


async def new(visit: Visit) -> Response:
    """Show the form of a new schedule, filled in from a template or a report."""
    asked = Asked(visit.request.query_params)
    template, report = asked.number("template"), asked.number("report")

    def begin(tx: Tx) -> tuple[Spec | None, str]:
        if template is not None:
            kept = report_plans.template(tx, visit.user.id, key=template)
            return (kept.spec, kept.name) if kept else (None, "")
        found = None if report is None else reports.find(tx, report)
        return (found.spec, found.title) if found else (None, "")

    spec, name = await visit.desk.store.read(begin)
    if spec is None and (template is not None or report is not None):
        raise Refusal(Code.NOT_FOUND, "", http_status=404)
    query = visit.request.query_params
    typed = forms.read(query, is_form=False, usual=forms.USUAL_PLANNED)
    if spec is not None:
        typed = forms.movable(forms.typed_of(spec))
    return await _form(visit, Filled(typed, Timed(name=name)))


async def add(visit: Visit) -> Response:
    """Keep a new schedule, once its next moments have been shown."""
    return await _saved(visit, None)


async def edit(visit: Visit) -> Response:
    """Show a schedule in its form."""
    schedule = await _schedule(visit)
    typed, timed = forms.typed_of(schedule.spec), schedule_form.timed_of(schedule)
    return await _form(visit, Filled(typed, timed), before=schedule, shown=schedule.rule)


async def change(visit: Visit) -> Response:
    """Change a schedule, once its next moments have been shown."""
    return await _saved(visit, await _schedule(visit))


async def switch(visit: Visit) -> Response:
    """Switch a schedule on or off. A repeat changes nothing that counts."""
    schedule, act, is_on = await _schedule(visit), visit.act(), visit.text("on") == "1"
    await visit.desk.store.transact(
        lambda tx: flow.switch_schedule(tx, schedule, is_on=is_on, act=act)
    )
    return visit.go(SCHEDULES, said="schedule-on" if is_on else "schedule-off")


async def delete(visit: Visit) -> Response:
    """Forget a schedule."""
    schedule, act = await _schedule(visit), visit.act()
    await visit.desk.store.transact(lambda tx: flow.delete_schedule(tx, schedule, act=act))
    return visit.go(SCHEDULES, said="schedule-deleted")


async def _saved(visit: Visit, before: Schedule | None) -> Response:
    """Save what a form says, or show it again: with what is wrong, or with the next moments."""
    typed = forms.read(visit.form, is_form=True, usual=forms.USUAL_PLANNED)
    timed = schedule_form.read(visit.form)
    check_right(visit, typed.kind)
    arranged = arrange(visit, typed)
    if arranged is not None:
        return await _form(visit, Filled(arranged, timed), before=before)
    known, team = await visit.desk.store.read(lambda tx: (projects.names(tx), users.every(tx)))
    people = _readers(team, typed.kind)
    spec, errors = forms.spec_of(typed, projects=known, now_us=visit.now_us)
    if typed.period == forms.OWN_DATES:
        errors["period"] = forms.NO_VALUE
    rule, more = schedule_form.rule_of(timed, people=people)
    errors |= more
    if spec is None or rule is None or errors:
        return await _form(visit, Filled(typed, timed), before=before, errors=errors)
    if visit.text("seen") != _seen(rule, spec.zone):
        return await _form(visit, Filled(typed, timed), before=before, shown=rule)
    unmailed = before.mail_to if before is not None else ""
    plan = Plan(
        name=timed.name,
        spec=spec,
        rule=rule,
        mail_to=timed.mail_to if visit.desk.mail_on else unmailed,
        mail_language=language_of(visit.request),
    )
    act = visit.act()

    def save(tx: Tx) -> None:
        with refused_at("", TOO_MANY):
            if before is None:
                flow.add_schedule(tx, plan, act=act)
        if before is not None:
            flow.change_schedule(tx, before, plan, act=act)

    try:
        await visit.desk.store.transact(save)
    except RefusedAt as error:
        return await _form(visit, Filled(typed, timed), errors={error.field: error.sentence})
    return visit.go(SCHEDULES, said="schedule-changed" if before else "schedule-added")


async def _form(
    visit: Visit,
    filled: Filled,
    *,
    before: Schedule | None = None,
    shown: Rule | None = None,
    errors: Mapping[str, str] | None = None,
) -> Response:
    typed, timed = filled
    check_right(visit, typed.kind)
    code = language_of(visit.request)
    known, team = await visit.desk.store.read(lambda tx: (projects.names(tx), users.every(tx)))
    zone = forms.zone_of(typed)
    moments = said.moments(code, shown, zone=zone, now_us=visit.now_us) if shown else ()
    readers = _readers(team, typed.kind)
    context = {
        **forms.choices(typed, projects=known, is_planned=True),
        **schedule_form.choices(timed),
        "types": own_types(visit),
        "errors": errors or {},
        "before": before,
        "action": f"/dashboard{SCHEDULES}/{before.id}" if before else f"/dashboard{NEW}",
        "moments": moments,
        "rule": said.rule_text(code, shown) if shown else "",
        "seen": _seen(shown, zone) if shown else "",
        "people": list(readers.items()),
        "mail_on": visit.desk.mail_on,
        "open_columns": bool(visit.text("move") or visit.text("preset")),
        "name_chars_max": NAME_CHARS_MAX,
    }
    return visit.page("reports/schedule.html", context, status=400 if errors else 200)


async def _templates(visit: Visit, *, wrong: tuple[int, str] | None = None) -> Response:
    code, user_id = language_of(visit.request), visit.user.id
    kept = await visit.desk.store.read(lambda tx: report_plans.templates_of(tx, user_id))
    seen = [one for one in kept if RIGHTS[one.spec.type] in visit.rights]
    context = {
        "rows": [
            (one, said.type_name(code, one.spec.type), said.period_text(code, one.spec))
            for one in seen
        ],
        "wrong": wrong,
        "typed_name": visit.text("name"),
        "name_chars_max": NAME_CHARS_MAX,
        "may_settle": Right.FINANCE in visit.rights,
    }
    return visit.page("reports/templates.html", context, status=400 if wrong else 200)


async def _template(visit: Visit) -> Template:
    """Return the person's template of the address. Raises `Refusal` where there is none."""
    key, user_id, found = visit.request.path_params["key"], visit.user.id, None
    if key < KEY_MAX:
        found = await visit.desk.store.read(lambda tx: report_plans.template(tx, user_id, key=key))
    if found is None:
        raise Refusal(Code.NOT_FOUND, "", http_status=404)
    return found


async def _schedule(visit: Visit) -> Schedule:
    """Return the schedule of the address. Raises `Refusal` where the person sees none there."""
    key, found = visit.request.path_params["key"], None
    if key < KEY_MAX:
        found = await visit.desk.store.read(lambda tx: report_plans.schedule(tx, key))
    if found is None or not _may_see(visit, found):
        raise Refusal(Code.NOT_FOUND, "", http_status=404)
    return found


def _may_see(visit: Visit, schedule: Schedule) -> bool:
    return RIGHTS[schedule.spec.type] in visit.rights and may_change(visit, schedule.made_by)


def _seen(rule: Rule, zone: Zone) -> str:
    """Return what says that the moments of a rule have been shown."""
    return f"{to_json(rule)} {zone}"


def _readers(team: Sequence[User], kind: ReportType) -> dict[str, str]:
    """Return who may be told of reports of a type: address → name."""
    needed = {Right.REPORTS, RIGHTS[kind]}
    return {
        one.email: one.name or one.email
        for one in team
        if one.disabled_us is None and needed <= rights_of(one.roles)
    }


def _names(team: Sequence[User]) -> dict[int, str]:
    return {one.id: one.name or one.email for one in team}


WAYS: Final = (
    Way("GET", TEMPLATES, templates, Right.REPORTS),
    Way("POST", f"{TEMPLATES}/{{key:key}}/rename", rename_template, Right.REPORTS),
    Way("POST", f"{TEMPLATES}/{{key:key}}/delete", delete_template, Right.REPORTS),
    Way("GET", SCHEDULES, schedules, Right.REPORTS),
    Way("GET", NEW, new, Right.REPORTS),
    Way("POST", NEW, add, Right.REPORTS),
    Way("GET", ONE, edit, Right.REPORTS),
    Way("POST", ONE, change, Right.REPORTS),
    Way("POST", f"{ONE}/switch", switch, Right.REPORTS),
    Way("POST", f"{ONE}/delete", delete, Right.REPORTS),
)
