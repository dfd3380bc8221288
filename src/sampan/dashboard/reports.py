"""Reports: the list of them, the form, how far one is, its file."""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Final

from starlette.responses import FileResponse, Response

from sampan.dashboard import report_form as forms
from sampan.dashboard import report_words as said
from sampan.dashboard.asked import Asked, place_text
from sampan.dashboard.report_form import Typed
from sampan.dashboard.visit import Visit
from sampan.dashboard.ways import KEY_MAX, Way
from sampan.domain.codes import Code
from sampan.domain.days import local
from sampan.domain.report_spec import RIGHTS, ReportType, Spec
from sampan.domain.rights import Right
from sampan.errors import Refusal
from sampan.flow import reports as flow
from sampan.flow.reports import NAME_CHARS_MAX, Wish
from sampan.reports import files
from sampan.reports.preview import Preview, preview
from sampan.reports.words import TYPES
from sampan.storage import projects, report_plans, reports, users
from sampan.storage.engine import Tx
from sampan.storage.reports import Report
from sampan.web.i18n import mark
from sampan.web.render import language_of
from sampan.web.security import page_headers

REPORTS: Final = "/reports"
NEW: Final = f"{REPORTS}/new"
ONE: Final = f"{REPORTS}/{{key:key}}"
LIST_COUNT: Final = 30
PREVIEW_COUNT: Final = 10
TOO_MANY: Final = mark("20 reports are still to be made. Wait for one, or cancel one.")
TOO_MANY_KEPT: Final = mark("You have 50 templates; delete one first.")
NAMELESS: Final = mark("Give the template a name.")
OPEN_STILL: Final = mark("It is still being made. Cancel it first.")
FILE_GONE: Final = mark("The file was deleted: files are kept for 4 days. Make the report again.")
FILE_LOST: Final = mark("The file is not on this server any more. Make the report again.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A report as lists show it."""

    report: Report
    title: str
    type: str
    period: str
    size: str
    by: str
    may_change: bool
    is_kept: bool


class RefusedAt(Exception):  # noqa: N818 - what happened; nobody erred
    """What is wrong with a form that only the store can know: the field, "" for all of it."""

    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(sentence)
        self.field = field
        self.sentence = sentence


@contextmanager
def refused_at(field: str, sentence: str) -> Iterator[None]:
    """Say a refusal of a use case with a sentence of ours at a field. Raises `RefusedAt`."""
    try:
        yield
    except Refusal as error:
        raise RefusedAt(field, sentence) from error


async def listed(visit: Visit) -> Response:
    """Show the reports that the person may see, the newest first."""
    return await _listed(visit)


async def new(visit: Visit) -> Response:
    """Show the form, filled in from a template, an earlier report or the address."""
    asked = Asked(visit.request.query_params)
    template, report = asked.number("template"), asked.number("report")

    def begin(tx: Tx) -> tuple[Typed | None, str]:
        if template is not None:
            kept = report_plans.template(tx, visit.user.id, key=template)
            return (None, "") if kept is None else (forms.typed_of(kept.spec), kept.name)
        if report is not None:
            found = reports.find(tx, report)
            return (
                (None, "")
                if found is None
                else (
                    forms.typed_of(found.spec, title=found.title),
                    "",
                )
            )
        return forms.read(visit.request.query_params, is_form=False), ""

    typed, name = await visit.desk.store.read(begin)
    if typed is None:
        raise Refusal(Code.NOT_FOUND, "", http_status=404)
    return await form_page(visit, typed, template_name=name)


async def start(visit: Visit) -> Response:
    """Ask for a report and lead to its page, or keep it as a template, or arrange its columns."""
    typed = forms.read(visit.form, is_form=True)
    check_right(visit, typed.kind)
    arranged = arrange(visit, typed)
    if arranged is not None:
        return await form_page(visit, arranged)
    name, keeps_only = visit.text("keep"), bool(visit.text("only"))
    known = await visit.desk.store.read(projects.names)
    spec, errors = forms.spec_of(typed, projects=known, now_us=visit.now_us)
    if not forms.is_name(name):
        errors["keep"] = forms.NO_NAME
    elif keeps_only and not name:
        errors["keep"] = NAMELESS
    if spec is None or errors:
        return await form_page(visit, typed, errors=errors)
    act, mail_to = visit.act(), visit.user.email if visit.text("mail") else ""
    wish = Wish(
        spec=spec,
        title=typed.title,
        made_by=visit.user.id,
        mail_to=mail_to if visit.desk.mail_on else "",
        mail_language=language_of(visit.request),
    )

    def order(tx: Tx) -> Report | None:
        with refused_at("keep", TOO_MANY_KEPT):
            if name:
                flow.save_template(tx, name, spec, user_id=visit.user.id, now_us=act.now_us)
        with refused_at("", TOO_MANY):
            return None if keeps_only else flow.order(tx, wish, act=act)

    try:
        made = await visit.desk.store.transact(order)
    except RefusedAt as error:
        return await form_page(visit, typed, errors={error.field: error.sentence})
    if made is None:
        return visit.go(f"{REPORTS}/templates", said="template-kept")
    return visit.go(f"{REPORTS}/{made.id}", said="report-started")


async def one(visit: Visit) -> Response:
    """Show how far a report is, and what it holds once it is made."""
    return await _shown(visit, await _report(visit))


async def file(visit: Visit) -> Response:
    """Send the file of a report."""
    report = await _report(visit)
    if report.is_open:
        return visit.go(f"{REPORTS}/{report.id}")
    if report.status in {"failed", "cancelled"}:
        raise Refusal(Code.NOT_FOUND, "", http_status=404)
    if not _is_kept(report, visit.now_us):
        return await _shown(visit, report, fault=FILE_GONE, status=410)
    path = files.path_of(visit.desk.reports_folder, report.id)
    try:
        stat = await asyncio.to_thread(path.stat)
    except OSError:
        return await _shown(visit, report, fault=FILE_LOST, status=410)
    return FileResponse(
        path,
        stat_result=stat,
        filename=f"{report.type}-{_dates(report.spec)}.csv",
        media_type="text/csv; charset=utf-8",
        headers=page_headers(),
    )


async def cancel(visit: Visit) -> Response:
    """Let a report be that is still to be made; who has ended meanwhile is no fault."""
    report, act = await _own_report(visit), visit.act()
    await visit.desk.store.transact(lambda tx: flow.cancel(tx, report, act=act))
    return visit.go(f"{REPORTS}/{report.id}", said="report-cancelled")


async def again(visit: Visit) -> Response:
    """Ask for the same report again."""
    report, act = await _report(visit), visit.act()
    try:
        made = await visit.desk.store.transact(lambda tx: flow.repeat(tx, report, act=act))
    except Refusal:
        fault = OPEN_STILL if report.is_open else TOO_MANY
        return await _shown(visit, report, fault=fault, status=409)
    return visit.go(f"{REPORTS}/{made.id}", said="report-started")


async def remove(visit: Visit) -> Response:
    """Forget a report and its file."""
    report, act = await _own_report(visit), visit.act()
    if report.is_open:
        return await _shown(visit, report, fault=OPEN_STILL, status=409)
    await visit.desk.store.transact(lambda tx: flow.remove(tx, report, act=act))
    # A file that stays is fetched by nobody any more.
    with suppress(OSError):
        await asyncio.to_thread(files.remove, visit.desk.reports_folder, report.id)
    return visit.go(REPORTS, said="report-removed")


async def form_page(
    visit: Visit,
    typed: Typed,
    *,
    errors: Mapping[str, str] | None = None,
    template_name: str = "",
) -> Response:
    """Return the form of a single report as it was typed, with what is wrong beside it."""
    check_right(visit, typed.kind)
    known = await visit.desk.store.read(projects.names)
    context = {
        **forms.choices(typed, projects=known, is_planned=False),
        "types": own_types(visit),
        "errors": errors or {},
        "keep": visit.text("keep") or template_name,
        "open_columns": bool(visit.text("move") or visit.text("preset")),
        "mail": bool(visit.text("mail")),
        "mail_on": visit.desk.mail_on,
        "name_chars_max": NAME_CHARS_MAX,
    }
    return visit.page("reports/new.html", context, status=400 if errors else 200)


def arrange(visit: Visit, typed: Typed) -> Typed | None:
    """Return a form with its columns arranged as a button asks, None when none of them did."""
    if visit.text("preset"):
        columns = forms.preset(typed.kind, visit.text("preset"))
        return forms.arranged(typed, columns)
    name, _, way = visit.text("move").partition(":")
    if way:
        columns = forms.moved(typed.columns, name, by=-1 if way == "up" else 1)
        return forms.arranged(typed, columns)
    return None


def own_types(visit: Visit) -> list[tuple[str, str]]:
    """Return the types of reports that the person may see, with their names."""
    return [(one.value, TYPES[one]) for one in ReportType if RIGHTS[one] in visit.rights]


def may_change(visit: Visit, made_by: int | None) -> bool:
    """Whether the person may cancel or remove what somebody made: their own, or as an admin."""
    return made_by == visit.user.id or Right.TEAM in visit.rights


def check_right(visit: Visit, kind: ReportType) -> None:
    """Raise `Refusal` with 403 for reports of a type that the person may not see."""
    if RIGHTS[kind] not in visit.rights:
        raise Refusal(Code.ACCESS_DENIED, "", http_status=403)


async def _report(visit: Visit) -> Report:
    """Return the report of the address. Raises `Refusal` where the person sees none there."""
    key = visit.request.path_params["key"]
    found = None
    if key < KEY_MAX:
        found = await visit.desk.store.read(lambda tx: reports.find(tx, key))
    if found is None or RIGHTS[found.type] not in visit.rights:
        raise Refusal(Code.NOT_FOUND, "", http_status=404)
    return found


async def _own_report(visit: Visit) -> Report:
    report = await _report(visit)
    if not may_change(visit, report.made_by):
        raise Refusal(Code.ACCESS_DENIED, "", http_status=403)
    return report


async def _listed(visit: Visit) -> Response:
    after = Asked(visit.request.query_params).place("after")
    types = [one for one in ReportType if RIGHTS[one] in visit.rights]

    def look(tx: Tx) -> tuple[Sequence[Report], Callable[[Report], str]]:
        found = reports.page(tx, after=after, most=LIST_COUNT + 1, types=types)
        return found, _makers(tx)

    found, makers = await visit.desk.store.read(look)
    rows = [_row(visit, report, by=makers(report)) for report in found[:LIST_COUNT]]
    last = rows[-1].report if len(found) > LIST_COUNT else None
    context = {
        "rows": rows,
        "statuses": said.STATUSES,
        "is_live": any(row.report.is_open for row in rows),
        "may_settle": Right.FINANCE in visit.rights,
        "first": "after=" if after else "",
        "next": f"after={place_text((last.created_us, last.id))}" if last else "",
    }
    return visit.page("reports/list.html", context)


async def _shown(visit: Visit, report: Report, *, fault: str = "", status: int = 200) -> Response:
    makers, named = await visit.desk.store.read(lambda tx: (_makers(tx), projects.names(tx)))
    code = language_of(visit.request)
    row = _row(visit, report, by=makers(report))
    seen: Preview | None = None
    if row.is_kept:
        path = files.path_of(visit.desk.reports_folder, report.id)
        look = partial(preview, path, separator=report.spec.separator, most=PREVIEW_COUNT)
        try:
            seen = await asyncio.to_thread(look)
        except OSError:
            fault = fault or FILE_LOST
    context = {
        "row": row,
        "report": report,
        "facts": list(said.told(code, report.spec, projects=named)),
        "preview": seen,
        "statuses": said.STATUSES,
        "is_live": report.is_open,
        "fault": fault,
    }
    return visit.page("reports/one.html", context, status=status)


def _row(visit: Visit, report: Report, *, by: str) -> Row:
    code = language_of(visit.request)
    return Row(
        report=report,
        title=said.title_of(code, report),
        type=said.type_name(code, report.type),
        period=said.period_text(code, report.spec),
        size=said.size_text(report.bytes_done),
        by=by,
        may_change=may_change(visit, report.made_by),
        is_kept=_is_kept(report, visit.now_us),
    )


def _is_kept(report: Report, now_us: int) -> bool:
    """Whether the file is there to be fetched, as far as the clock tells."""
    return report.status == "ready" and report.gone_us is not None and now_us < report.gone_us


def _makers(tx: Tx) -> Callable[[Report], str]:
    """Return how to tell who asked for a report; "" for the command line."""
    people = {one.id: one.name or one.email for one in users.every(tx)}
    return lambda report: people.get(report.made_by or 0, "")


def _dates(spec: Spec) -> str:
    """Return the days of a period as names of files have them."""
    assert spec.from_us is not None, spec  # noqa: S101 - kept reports have moments
    assert spec.to_us is not None, spec  # noqa: S101 - kept reports have moments
    first = local(spec.from_us, spec.zone).date()
    last = local(max(spec.from_us, spec.to_us - 1), spec.zone).date()
    return f"{first}" if first == last else f"{first}-{last}"


WAYS: Final = (
    Way("GET", REPORTS, listed, Right.REPORTS),
    Way("GET", NEW, new, Right.REPORTS),
    Way("POST", NEW, start, Right.REPORTS),
    Way("GET", ONE, one, Right.REPORTS),
    Way("GET", f"{ONE}/file", file, Right.REPORTS),
    Way("POST", f"{ONE}/cancel", cancel, Right.REPORTS),
    Way("POST", f"{ONE}/again", again, Right.REPORTS),
    Way("POST", f"{ONE}/remove", remove, Right.REPORTS),
)
