"""Reports in the Dashboard: from the form to the file, templates, schedules, settlement."""

from __future__ import annotations

import csv
import io
import re
from html import unescape

import pytest
from sqlalchemy import update

from sampan.clock import DAY_US, HOUR_US
from sampan.dashboard.settlement import text_of as text_of_day
from sampan.domain.report_spec import ReportType, Spec
from sampan.domain.rights import Role
from sampan.flow.reports import KEPT_US, OPEN_MAX
from sampan.reports import files
from sampan.storage import journal_lists, report_plans, reports, schema, settlement
from sampan.storage.engine import Statement, Tx
from sampan.storage.report_plans import Schedule, Template
from sampan.storage.reports import Report
from tests.support import payment_examples as examples
from tests.support import report_world as made
from tests.support.client import Answer
from tests.support.platform import ProjectClient, RunningPlatform, running, until
from tests.support.staff import Member, Staff, text_of

STRANGE = ["x", "-1", "9" * 400, "茶", "🍵", "a\0b", "' OR 1=1 --", "%(detail)s %d", "<b>"]
NEW = "/reports/new"
FORM = {
    "type": "payments",
    "period": "today",
    "by": "created",
    "zone": "Asia/Hong_Kong",
    "separator": "comma",
    "decimal": "point",
    "heads": "",
}
"""What the form of a report sends when nothing is changed in it, but for its columns."""
PLANNED = {
    **FORM,
    "period": "yesterday",
    "name": "Each morning",
    "each": "day",
    "at": "08:00",
    "weekday": "1",
    "monthday": "1",
    "line": "",
}


@pytest.fixture(scope="module")
def amy(platform: RunningPlatform) -> Member:
    """An admin with a second factor."""
    return Staff(platform).member(Role.ADMIN, name="Amy Lam")


@pytest.fixture(scope="module")
def sue(platform: RunningPlatform) -> Member:
    """Somebody of support, who sees no credits."""
    return Staff(platform).member(Role.SUPPORT, name="Sue Ho")


@pytest.fixture(scope="module")
def shop(platform: RunningPlatform) -> ProjectClient:
    """A project whose callbacks nobody hears."""
    return platform.add_project("http://127.0.0.1:9/callbacks")


def started(answer: Answer) -> int:
    """Return the report to which the form has led."""
    assert answer.status == 303, text_of(answer)
    found = re.fullmatch(
        r"/dashboard/reports/(\d+)\?said=report-started", answer.headers["location"]
    )
    assert found
    return int(found[1])


def report_of(platform: RunningPlatform, key: int) -> Report:
    """Return a report as kept."""
    found = platform.read(lambda tx: reports.find(tx, key))
    assert found is not None
    return found


def ready(platform: RunningPlatform, key: int) -> Report:
    """Wait until a report is made."""

    def look() -> Report | None:
        now = report_of(platform, key)
        return None if now.is_open else now

    return until(look, timeout_s=60)


def csv_of(answer: Answer, separator: str = ",") -> list[list[str]]:
    """Return the rows of a CSV file."""
    assert answer.status == 200
    text = answer.raw.decode("utf-8-sig")
    return list(csv.reader(io.StringIO(text, newline=""), delimiter=separator))


def notes(platform: RunningPlatform, member: Member, what: str) -> list[str]:
    """Return what the journal says that a person did, the newest first."""
    wanted = journal_lists.Filter(by=f"staff:{member.user.email}", what=what)
    rows = platform.read(lambda tx: journal_lists.page(tx, wanted, after=None, most=50)).rows
    return [row.why for row in rows]


def stored(platform: RunningPlatform, kind: ReportType) -> Report:
    """Keep a report that nobody works on, since it has no task."""

    def add(tx: Tx) -> Report:
        spec = Spec(type=kind, from_us=0, to_us=DAY_US)
        one = Report(
            id=tx.new_id(), type=kind, title="", spec=spec, created_us=platform.clock.now_us()
        )
        reports.add(tx, one)
        return one

    return platform.transact(add)


def filed(platform: RunningPlatform, kind: ReportType = ReportType.PAYMENTS) -> Report:
    """Keep a report with a file of one row, as the worker would have left it."""
    report, now_us = stored(platform, kind), platform.clock.now_us()
    path = files.path_of(platform.inside.reports_folder, report.id)
    path.parent.mkdir(exist_ok=True)
    path.write_text("payment_id,status\r\np-1,success\r\n")

    def finish(tx: Tx) -> None:
        reports.begin(tx, report.id, now_us=now_us)
        reports.ready(tx, report.id, now_us=now_us, until_us=now_us + KEPT_US)

    platform.transact(finish)
    return report_of(platform, report.id)


def templates_of(platform: RunningPlatform, member: Member) -> list[Template]:
    """Return the templates of a person."""
    return list(platform.read(lambda tx: report_plans.templates_of(tx, member.user.id)))


def schedules_of(platform: RunningPlatform, member: Member) -> list[Schedule]:
    """Return the schedules of a person."""
    every = platform.read(report_plans.schedules)
    return [one for one in every if one.made_by == member.user.id]


def planned(member: Member, path: str = "/reports/schedules/new", **fields: object) -> Answer:
    """Send the form of a schedule, look at its next moments, and save it."""
    shown = member.post(path, **{**PLANNED, **fields})
    seen = re.search(r'name="seen" value="([^"]*)"', shown.raw.decode())
    assert seen, text_of(shown)
    return member.post(path, **{**PLANNED, **fields, "seen": unescape(seen[1])})


# --- one report -----------------------------------------------------------------------------


def test_from_form_to_file(platform: RunningPlatform, amy: Member, shop: ProjectClient) -> None:
    """The file has the chosen columns in their order, written as asked for."""
    made.pay(shop, "=1+1", amount=123_456, payment={"description": "茶; 🍵"})
    shop.sell("waits", amount=5_000)
    assert "New report" in text_of(amy.get(NEW))
    wanted = {
        **FORM,
        "title": "Für <Chan> & Co.",
        "project": shop.id,
        "status": ["success"],
        "currency": ["HKD"],
        "kind": ["gate"],
        "column": ["paid_amount", "payment_id", "description", "currency"],
        "separator": "semicolon",
        "decimal": "comma",
        "bom": "1",
        "mail": "1",
        "heads": "en",
    }
    key = started(amy.post(NEW, **wanted))
    report = ready(platform, key)
    assert report.status == "ready", report.error
    assert report.spec.bom
    assert report.mail_to == "", "no mail server is set"
    answer = amy.get(f"/reports/{key}/file")
    rows = [
        ["Paid", "Payment id", "Description", "Currency"],
        ["1234,56", "'=1+1", "茶; 🍵", "HKD"],
    ]
    assert csv_of(answer, ";") == rows
    assert answer.raw.startswith(b"\xef\xbb\xbf")
    assert report.spec.from_us is not None
    day = settlement.day_of(report.spec.from_us)
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-length"] == str(len(answer.raw)) == str(report.bytes_done)
    assert answer.headers["cache-control"] == "no-store"
    assert "attachment" in answer.headers["content-disposition"]
    assert f"payments-{text_of_day(day)}.csv" in answer.headers["content-disposition"]
    page = amy.get(f"/reports/{key}")
    for text in ("Für <Chan> & Co.", "Ready", "'=1+1", "1234,56", "Kept until", "Amy Lam", "Paid"):
        assert text in text_of(page), text
    assert 'data-live=""' in page.raw.decode()
    listed = text_of(amy.get("/reports"))
    assert "Für <Chan> & Co." in listed
    assert "Download" in listed
    assert "Für <Chan> & Co.: payments" in notes(platform, amy, "report ordered")


def test_empty_report(platform: RunningPlatform, amy: Member) -> None:
    """A report that nothing fits says so on its page."""
    report = filed(platform)
    files.path_of(platform.inside.reports_folder, report.id).write_text("payment_id,status\r\n")
    page = text_of(amy.get(f"/reports/{report.id}"))
    assert "Nothing fits." in page
    assert "Payments, 1970-01-01" in page


def test_every_type_can_be_made(platform: RunningPlatform, amy: Member) -> None:
    """Each type has a form whose unchanged fields ask for a report."""
    for kind in ReportType:
        by = {"operations": "updated", "credits": "received"}.get(kind, "created")
        assert amy.get(NEW, type=kind.value).status == 200
        key = started(amy.post(NEW, **{**FORM, "type": kind.value, "by": by}))
        # Before it begins: what happens now is waited for.
        assert amy.post(f"/reports/{key}/cancel").status == 303
        assert report_of(platform, key).type is kind
        assert amy.get(f"/reports/{key}").status == 200


@pytest.mark.parametrize(
    ("field", "told"),
    [
        ("type", "This value is not known."),
        ("period", "This value is not known."),
        ("by", "This value is not known."),
        ("zone", "This value is not known."),
        ("project", "There is no such project."),
        ("projects", "There is no such project."),
        ("status", "This value is not known."),
        ("kind", "This value is not known."),
        ("currency", "This value is not known."),
        ("column", "This value is not known."),
        ("separator", "This value is not known."),
        ("decimal", "This value is not known."),
        ("heads", "This value is not known."),
    ],
)
def test_unknown_values(platform: RunningPlatform, amy: Member, field: str, told: str) -> None:
    """Whatever stands in a field that it does not know is told there, and no report begins."""
    before = platform.read(reports.open_count)
    for value in STRANGE[::2]:
        answer = amy.post(NEW, **{**FORM, field: value})
        assert (answer.status, told in text_of(answer)) == (400, True), value
        assert amy.get(NEW, **{field: value}).status == 200
    assert platform.read(reports.open_count) == before


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"period": "dates"}, "Say from when to when."),
        ({"period": "dates", "from": "2026-02-30", "to": "2026-03-01"}, "This is no date."),
        ({"period": "dates", "from": "9999-12-31", "to": "9999-12-31"}, "This is no date."),
        ({"period": "dates", "from": "2026-03-02", "to": "2026-03-01"}, "The end lies before"),
        ({"period": "dates", "from": "9998-01-01", "to": "9998-01-01"}, "still to come"),
        ({"from": "2026-03-01", "to": "2026-03-01"}, "Choose “From day to day”"),
        ({"separator": "comma", "decimal": "comma"}, "must differ"),
        ({"column": ["status", "status"]}, "One of these is named twice."),
        ({"title": "x" * 61}, "A name has at most 60"),
        ({"title": "a\nb"}, "A name has at most 60"),
        ({"keep": "x" * 61}, "A name has at most 60"),
        ({"only": "1"}, "Give the template a name."),
        ({"only": "1", "keep": "a\0b"}, "A name has at most 60"),
    ],
)
def test_what_does_not_fit(amy: Member, fields: dict[str, object], told: str) -> None:
    """A form that makes no sense is shown again with a sentence, and with what was typed."""
    answer = amy.post(NEW, **{**FORM, "title": "Mine", **fields})
    assert answer.status == 400
    assert told in text_of(answer)


def test_columns_without_scripts(amy: Member) -> None:
    """Buttons move and tick columns by the form alone, and lose nothing that was typed."""
    wanted = {**FORM, "title": "Kept", "column": ["status", "amount"]}
    moved = amy.post(NEW, **wanted, move="amount:up").raw.decode()
    ticked = re.findall(r'name="column" value="(\w+)" checked', moved)
    assert ticked == ["amount", "status"]
    assert 'value="Kept"' in moved
    every = amy.post(NEW, **wanted, preset="all").raw.decode()
    assert 'name="column" value="payment_key" checked' in every
    assert amy.post(NEW, **wanted, move="x:up").status == 200


def test_only_so_many_at_a_time(platform: RunningPlatform, amy: Member) -> None:
    """When many are still to be made, the form says so and keeps what was typed."""
    waiting = [stored(platform, ReportType.PAYMENTS) for _ in range(OPEN_MAX)]
    answer = amy.post(NEW, **FORM, title="One more", keep="Not kept either")
    assert answer.status == 400
    assert "20 reports are still to be made." in text_of(answer)
    assert 'value="One more"' in answer.raw.decode()
    assert "Not kept either" not in [one.name for one in templates_of(platform, amy)]
    ended = ended_one(platform, stored(platform, ReportType.PAYMENTS))
    assert amy.post(f"/reports/{ended.id}/again").status == 409
    for one in waiting:
        amy.post(f"/reports/{one.id}/cancel")
    assert platform.read(reports.open_count) == 0


def ended_one(platform: RunningPlatform, report: Report) -> Report:
    """End a report without making it."""
    now_us = platform.clock.now_us()
    platform.transact(lambda tx: reports.end(tx, report.id, "failed", why="", now_us=now_us))
    return report


def test_progress_and_cancel(platform: RunningPlatform, amy: Member, sue: Member) -> None:
    """A report at work shows how far it is; its maker or an admin cancels it, nobody else."""
    report = stored(platform, ReportType.OPERATIONS)
    page = amy.get(f"/reports/{report.id}")
    assert "Waits for its turn" in text_of(page)
    assert 'data-live="yes"' in page.raw.decode()
    now_us = platform.clock.now_us()

    def work(tx: Tx) -> None:
        reports.begin(tx, report.id, now_us=now_us)
        reports.counted(tx, report.id, rows=1000)
        done = reports.Progress(rows=250, bytes=9, place="1/1")
        reports.progress(tx, report.id, before=reports.Progress(), after=done)

    platform.transact(work)
    for path in (f"/reports/{report.id}", "/reports"):
        page = sue.get(path)
        assert "25% · 250 of 1,000 rows" in text_of(page)
        assert 'max="1000" value="250"' in page.raw.decode()
        assert "/cancel" not in page.raw.decode()
    assert sue.post(f"/reports/{report.id}/cancel").status == 403
    assert amy.post(f"/reports/{report.id}/remove").status == 409
    assert amy.post(f"/reports/{report.id}/again").status == 409
    assert amy.get(f"/reports/{report.id}/file").status == 303
    for _ in range(2):
        assert amy.post(f"/reports/{report.id}/cancel").status == 303
    assert report_of(platform, report.id).status == "cancelled"
    assert notes(platform, amy, "report cancelled")[:1] == ["operations"]
    assert amy.get(f"/reports/{report.id}/file").status == 404
    assert "There is no file." in text_of(amy.get(f"/reports/{report.id}"))


def test_again_and_remove(platform: RunningPlatform, amy: Member, sue: Member) -> None:
    """Anybody may have a report made again; removed, it and its file are gone for all."""
    first = filed(platform)
    again = report_of(platform, started(sue.post(f"/reports/{first.id}/again")))
    assert again.spec == first.spec
    assert again.made_by == sue.user.id
    assert sue.post(f"/reports/{again.id}/cancel").status == 303
    assert sue.post(f"/reports/{first.id}/remove").status == 403
    path = files.path_of(platform.inside.reports_folder, first.id)
    assert path.exists()
    assert amy.post(f"/reports/{first.id}/remove").status == 303
    assert not path.exists()
    assert amy.get(f"/reports/{first.id}").status == 404
    assert amy.post(f"/reports/{first.id}/remove").status == 404
    assert notes(platform, amy, "report removed") == ["payments"]


def test_types_beyond_the_right(platform: RunningPlatform, amy: Member, sue: Member) -> None:
    """Who may not see credits neither sees nor orders reports of them."""
    report = ended_one(platform, stored(platform, ReportType.CREDITS))
    path = f"/reports/{report.id}"
    for one in (path, f"{path}/file"):
        assert sue.get(one).status == 404
    assert sue.post(f"{path}/again").status == 404
    assert f'{path}"' not in sue.get("/reports").raw.decode()
    assert f'{path}"' in amy.get("/reports").raw.decode()
    assert sue.get(NEW, type="credits").status == 403
    assert sue.get(NEW, report=report.id).status == 403
    assert sue.post(NEW, **{**FORM, "type": "credits", "by": "received"}).status == 403
    assert sue.post("/reports/schedules/new", **{**PLANNED, "type": "credits"}).status == 403
    assert 'type=credits"' not in sue.get(NEW).raw.decode()


def test_lost_and_strange_reports(platform: RunningPlatform, amy: Member) -> None:
    """A file that is not there is told of; addresses of nothing are 404."""
    report = filed(platform)
    files.remove(platform.inside.reports_folder, report.id)
    answer = amy.get(f"/reports/{report.id}/file")
    assert (answer.status, "not on this server any more" in text_of(answer)) == (410, True)
    assert amy.get(f"/reports/{report.id}").status == 200
    for key in ("1", "9" * 30, str(2**53)):
        assert amy.get(f"/reports/{key}").status == 404
        assert amy.get(f"/reports/{key}/file").status == 404
        assert amy.get(NEW, report=key[:18]).status == 404
        assert amy.get(NEW, template=key[:18]).status == 404
        assert amy.get("/reports/schedules/new", template=key[:18]).status == 404
    for value in STRANGE:
        assert amy.get("/reports", after=value).status == 200
        assert amy.get(NEW, report=value).status == 200


def test_pages_of_the_list(platform: RunningPlatform, amy: Member) -> None:
    """Older reports are on a second page, none twice and none left out."""
    every = [ended_one(platform, stored(platform, ReportType.CALLBACKS)).id for _ in range(32)]
    first = amy.get("/reports").raw.decode()
    older = re.search(r'href="\?(after=[^"]+)" data-next', first)
    assert older
    second = amy.get(f"/reports?{older[1]}").raw.decode()
    shown = re.findall(r'<tr data-part="(\d+)"', first + second)
    assert len(shown) == len(set(shown))
    assert {str(one) for one in every} <= set(shown)


# --- templates ------------------------------------------------------------------------------


def test_templates(platform: RunningPlatform, amy: Member, sue: Member) -> None:
    """A template is kept, fills the form in, is renamed and deleted, by its person alone."""
    kept = {**FORM, "zone": "UTC", "column": ["status", "amount"], "period": "last month"}
    assert (
        amy.post(NEW, **kept, keep="月報 & <b>", only="1")
        .headers["location"]
        .endswith("template-kept")
    )
    assert (
        amy.post(f"/reports/{started(amy.post(NEW, **kept, keep='Another'))}/cancel").status == 303
    )
    one = next(one for one in templates_of(platform, amy) if one.name == "月報 & <b>")
    assert "月報 & <b>" in text_of(amy.get("/reports/templates"))
    page = amy.get(NEW, template=one.id).raw.decode()
    assert re.findall(r'name="column" value="(\w+)" checked', page) == ["status", "amount"]
    assert '<option value="last month" selected>' in page
    assert '<option value="UTC" selected>' in page
    path = f"/reports/templates/{one.id}"
    for name in ("", "x" * 61, "a\0b", "Another"):
        assert amy.post(f"{path}/rename", name=name).status == 400
    assert "a template of this name already" in text_of(amy.post(f"{path}/rename", name="Another"))
    assert amy.post(f"{path}/rename", name="月報").status == 303
    assert amy.post(f"{path}/rename", name="月報").status == 303
    assert {one.name for one in templates_of(platform, amy)} >= {"月報", "Another"}
    for action in ("rename", "delete"):
        assert sue.post(f"{path}/{action}", name="Sue's").status == 404
    assert sue.get(NEW, template=one.id).status == 404
    assert "No templates yet" in text_of(sue.get("/reports/templates"))
    assert amy.post(f"{path}/delete").status == 303
    assert amy.post(f"{path}/delete").status == 404


def test_template_from_a_report(amy: Member) -> None:
    """The form is filled in from a report, its moments as the days that they are in."""
    own_days = {**FORM, "period": "dates", "from": "2026-01-31", "to": "2026-02-01"}
    key = started(amy.post(NEW, **own_days, status=["decline"], title="A title"))
    amy.post(f"/reports/{key}/cancel")
    page = amy.get(NEW, report=key).raw.decode()
    assert '<option value="dates" selected>' in page
    assert 'value="2026-01-31"' in page
    assert 'value="2026-02-01"' in page
    assert 'name="status" value="decline" checked' in page
    assert 'value="A title"' in page
    planning = amy.get("/reports/schedules/new", report=key).raw.decode()
    assert '<option value="yesterday" selected>' in planning
    assert 'value="dates"' not in planning


# --- schedules ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "rule", "told"),
    [
        ({"each": "day", "at": "23:59"}, "Daily", "Every day at 23:59"),
        ({"each": "week", "weekday": "7"}, "Weekly", "Every Sunday at 08:00"),
        ({"each": "month", "monthday": "31"}, "Monthly", "Every month on day 31 at 08:00"),
        ({"each": "cron", "line": "30 8-18/2 * * 1-5"}, "Cron", "30 8-18/2 * * 1-5"),
    ],
)
def test_schedules(platform: RunningPlatform, fields: dict[str, str], rule: str, told: str) -> None:
    """Each kind of rule shows its next five moments before it is saved."""
    ann = Staff(platform).member(Role.FINANCE)
    shown = ann.post("/reports/schedules/new", **{**PLANNED, **fields})
    assert told in text_of(shown)
    assert shown.raw.decode().count("<li>") >= 5
    assert schedules_of(platform, ann) == []
    answer = planned(ann, **fields, status=["success"])
    assert answer.headers["location"].endswith("said=schedule-added")
    (one,) = schedules_of(platform, ann)
    assert type(one.rule).__name__ == rule
    assert one.spec.statuses == ("success",)
    assert one.is_on
    assert one.next_us > platform.clock.now_us()
    assert told in text_of(ann.get("/reports/schedules"))
    assert notes(platform, ann, "report schedule added") == ["Each morning"]


def test_schedule_is_changed(platform: RunningPlatform, amy: Member, sue: Member) -> None:
    """A schedule is its person's own: changed, switched and deleted by them or by an admin."""
    bob = Staff(platform).member(Role.OPERATIONS, name="Bob Lee")
    planned(bob)
    (one,) = schedules_of(platform, bob)
    path = f"/reports/schedules/{one.id}"
    assert 'value="Each morning"' in bob.get(path).raw.decode()
    assert planned(bob, path, name="Later", at="21:30").status == 303
    (after,) = schedules_of(platform, bob)
    assert (after.name, after.id) == ("Later", one.id)
    assert sue.get(path).status == 404
    for action in ("", "/switch", "/delete"):
        assert sue.post(f"{path}{action}", **PLANNED).status == 404
    assert "Later" not in text_of(sue.get("/reports/schedules"))
    assert "Bob Lee" in text_of(amy.get("/reports/schedules"))
    assert amy.post(f"{path}/switch", on="").status == 303
    assert not schedules_of(platform, bob)[0].is_on
    assert bob.post(f"{path}/switch", on="1").status == 303
    assert schedules_of(platform, bob)[0].is_on
    assert bob.post(f"{path}/delete").status == 303
    assert schedules_of(platform, bob) == []
    assert bob.post(f"{path}/delete").status == 404
    assert notes(platform, amy, "report schedule off") == ["Later"]


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"name": ""}, "Give the schedule a name."),
        ({"name": "x" * 61}, "A name has at most 60"),
        ({"each": "year"}, "This value is not known."),
        ({"at": "24:00"}, "This is no time of day."),
        ({"at": "\uff18:00"}, "This is no time of day."),
        ({"each": "week", "weekday": "8"}, "This value is not known."),
        ({"each": "month", "monthday": "0"}, "A day of the month is 1 to 31."),
        ({"each": "month", "monthday": "9" * 300}, "A day of the month is 1 to 31."),
        ({"each": "cron", "line": "* * * * *"}, "This is no cron line."),
        ({"each": "cron", "line": "0 8 31 2 *"}, "This is no cron line."),
        ({"each": "cron", "line": "茶 " * 99}, "This is no cron line."),
        ({"mail_to": "stranger@evil.example"}, "was not saved"),
        ({"period": "dates", "from": "2026-01-01", "to": "2026-01-02"}, "not known"),
    ],
)
def test_schedules_that_make_no_sense(
    platform: RunningPlatform, amy: Member, fields: dict[str, str], told: str
) -> None:
    """What does not fit is told, and nothing is saved though it says that it was looked at."""
    answer = amy.post("/reports/schedules/new", **{**PLANNED, **fields, "seen": "x"})
    assert (answer.status, told in text_of(answer)) == (400, True)
    assert schedules_of(platform, amy) == []


def test_moments_of_another_rule_are_shown_again(platform: RunningPlatform, amy: Member) -> None:
    """Who changes the rule after its moments were shown sees the new ones before it is saved."""
    shown = amy.post("/reports/schedules/new", **PLANNED)
    seen = re.search(r'name="seen" value="([^"]*)"', shown.raw.decode())
    assert seen
    changed = {**PLANNED, "at": "09:00", "seen": unescape(seen[1])}
    assert "Every day at 09:00" in text_of(amy.post("/reports/schedules/new", **changed))
    assert schedules_of(platform, amy) == []


def test_links_by_mail(sqlite_url: str) -> None:
    """Where mail is on, links go to oneself or to people of the team who may see the report."""
    settings = {"smtp_host": "127.0.0.1", "smtp_port": 9, "smtp_security": "none"}
    with running(sqlite_url, mail_from="shop@tea.example", **settings) as platform:
        staff = Staff(platform)
        amy, sue = staff.member(Role.ADMIN), staff.member(Role.SUPPORT)
        assert "Send me an e-mail when it is ready" in text_of(amy.get(NEW))
        report = report_of(platform, started(amy.post(NEW, **FORM, mail="1")))
        assert report.mail_to == amy.user.email
        assert f"a link goes to {amy.user.email}" in text_of(amy.get(f"/reports/{report.id}"))
        amy.post(f"/reports/{report.id}/cancel")
        assert planned(amy, mail_to=sue.user.email).status == 303
        (one,) = schedules_of(platform, amy)
        assert one.mail_to == sue.user.email
        assert (
            f'value="{sue.user.email}" selected'
            in amy.get(f"/reports/schedules/{one.id}").raw.decode()
        )
        to_nobody = {**PLANNED, "type": "credits", "by": "received", "mail_to": sue.user.email}
        assert amy.post("/reports/schedules/new", **to_nobody).status == 400


# --- settlement -----------------------------------------------------------------------------

NOON_US = 12 * HOUR_US


class Books:
    """Two projects of a test, and days of their own before all others."""

    def __init__(self, platform: RunningPlatform) -> None:
        self.platform = platform
        nobody = "http://127.0.0.1:9/callbacks"
        self.house, self.peak = (platform.add_project(nobody) for _ in range(2))
        self.day = settlement.day_of(platform.clock.now_us()) - 40

    def at(self, day: int, after_us: int = NOON_US) -> int:
        """Return a moment of one of the days, counted from 0."""
        return settlement.begin_us(self.day + day) + after_us

    def paid(self, project: ProjectClient, name: str, at_us: int, **asked: object) -> None:
        """Let a payment be paid at a moment."""
        made.pay(project, name, **asked)
        made.move(self.platform, project, name, to_us=at_us)
        made.move_money(self.platform, project, name, to_us=at_us)

    def held(self, name: str, at_us: int) -> None:
        """Let a dollar too little arrive at a moment."""
        examples.held(self.house, name)
        made.move_money(self.platform, self.house, name, to_us=at_us)

    def table(self, member: Member, project: ProjectClient | None = None) -> list[list[str]]:
        """Return the rows of the CSV file, without its heads and the projects of other tests."""
        span = {"from": text_of_day(self.day), "to": text_of_day(self.day + 3)}
        more = {"project": project.id} if project else {}
        rows = csv_of(member.get("/settlement.csv", **span, **more))[1:]
        own = {str(self.house.id), str(self.peak.id)}
        return [row for row in rows if row[1] in own]

    def page(self, member: Member, day: int) -> str:
        """Return the words of the page of a day of the first project."""
        text = text_of_day(self.day + day)
        asked = {"day": text, "project": self.house.id, "currency": "HKD"}
        return text_of(member.get("/settlement/day", **asked))


@pytest.fixture
def books(platform: RunningPlatform) -> Books:
    """Two projects and their days."""
    return Books(platform)


def test_settlement(platform: RunningPlatform, amy: Member, books: Books) -> None:
    """Every sum is that of the payments and credits of its day, project and currency."""
    house, peak = books.house, books.peak
    books.paid(house, "first", books.at(0, 0), amount=10_000)
    books.paid(house, "last", books.at(1, 0) - 1, amount=20_050)
    books.paid(house, "next", books.at(1, 0), amount=3_000)
    books.paid(house, "yuan", books.at(0), amount=4_000, currency="CNY")
    books.paid(peak, "peak", books.at(0), amount=70_000)
    for name in ("waits", "back", "late"):
        books.held(name, books.at(0))
    made.send_back(platform, house, "back")
    made.accept(platform, house, "late")
    made.move(platform, house, "late", to_us=books.at(2))
    day = [text_of_day(books.day + number) for number in range(3)]
    none = "0.00"

    def row(on: int, project: ProjectClient, currency: str, *sums: str) -> list[str]:
        return [day[on], str(project.id), project.project.name, currency, *sums, none]

    sums = ("2", "300.50", "5", "597.50", "399.50", "99.00", "99.00", "99.00", "99.00", none)
    assert books.table(amy) == [
        row(2, house, "HKD", "1", "99.00", "0", none, none, none, none, "-99.00", none, "99.00"),
        row(1, house, "HKD", "1", "30.00", "1", "30.00", "30.00", none, none, none, none, none),
        row(0, house, "CNY", "1", "40.00", "1", "40.00", "40.00", none, none, none, none, none),
        row(0, house, "HKD", *sums),
        row(0, peak, "HKD", "1", "700.00", "1", "700.00", "700.00", none, none, none, none, none),
    ]
    assert {line[1] for line in books.table(amy, peak)} == {str(peak.id)}
    page = text_of(amy.get("/settlement", **{"from": day[0], "to": day[2], "project": house.id}))
    for text in (
        "HK$429.50 Gross of 4 paid payments",
        "HK$627.50 Received in 6 credits",
        "HK$99.00 Waiting for a decision",
        "HK$99.00 arrived for payments that ended on another day.",
        "HK$99.00 of the gross arrived on another day.",
        "Total CNY CN¥40.00",
    ):
        assert text in page, text
    assert "every payment that ended on this day was paid by money" in books.page(amy, 1)
    for text in ("Paid by money of another day", "Less than asked was accepted", "Money arrived"):
        assert text in books.page(amy, 2), text
    for text in (
        "Arrived for payments that ended on another day",
        "Taken as the payment",
        "Waits for a decision",
        "Sent back",
    ):
        assert text in books.page(amy, 0), text


def test_settlement_of_no_payment(platform: RunningPlatform, amy: Member, books: Books) -> None:
    """Money of no payment stands by itself, in the table and on a page of its day."""
    now_us = platform.clock.now_us()
    notice = {
        "type": "credit",
        "account": books.house.fps_id,
        "bank_txn_id": f"LOOSE-{books.house.id}",
        "amount_minor": 4_242,
        "currency": "HKD",
        "reference": "nothing known",
        "booked_us": now_us,
        "payer_name": "陳大文 <b>",
    }
    assert platform.bank.notify(notice).status == 200
    today = text_of_day(settlement.day_of(now_us))
    assert "No payment known" in text_of(amy.get("/settlement"))
    page = text_of(amy.get("/settlement/day", day=today, project="none", currency="HKD"))
    for text in (f"LOOSE-{books.house.id}", "陳大文 <b>", "Unapplied", "HK$42.42"):
        assert text in page, text


def test_difference_that_nothing_explains(amy: Member, books: Books) -> None:
    """Were payments and credits not to come to the same, the page of the day would say so."""
    books.paid(books.house, "right", books.at(3), amount=10_000)
    payment = books.house.payment("right")
    assert payment is not None
    table, told = schema.credits, "do not come to what was taken"

    def amount(minor: int) -> None:
        """Write what no use case can."""
        changed = update(table).where(table.c.payment == payment.key).values(amount_minor=minor)
        books.platform.transact(lambda tx: tx.run(Statement(changed), {}))

    amount(9_999)
    try:
        assert told in books.page(amy, 3)
    finally:
        amount(10_000)
    assert told not in books.page(amy, 3)


def test_settlement_asked_strangely(amy: Member) -> None:
    """Whatever stands in the address, the page or a sentence about it is the answer."""
    queries: list[tuple[dict[str, str], int]] = [
        ({}, 200),
        ({"from": "2026-01-01", "to": "2026-04-02"}, 200),
        ({"from": "2026-01-01", "to": "2026-04-03"}, 400),
        ({"from": "2026-01-02", "to": "2026-01-01"}, 400),
        ({"from": "9000-01-01", "to": "9000-01-02"}, 400),
        ({"to": "0001-01-01"}, 400),
        ({"to": "9999-12-31"}, 400),
        ({"project": "4294967296"}, 200),
    ]
    for query, status in queries:
        assert amy.get("/settlement", **query).status == status, query
        assert amy.get("/settlement.csv", **query).status == (303 if status == 400 else 200)
    good = {"day": "2026-01-01", "project": "none", "currency": "CNY"}
    assert amy.get("/settlement/day", **good).status == 200
    for value in STRANGE:
        for name in ("from", "to", "project"):
            assert amy.get("/settlement", **{name: value}).status == 400, (name, value)
            assert amy.get("/settlement.csv", **{name: value}).status == 303, (name, value)
        for name in good:
            assert amy.get("/settlement/day", **{**good, name: value}).status == 404, value


# --- the end of its time --------------------------------------------------------------------


def test_four_days_later(platform: RunningPlatform) -> None:
    """After four days the file is gone, whether or not it has been swept away yet."""
    report = filed(platform)
    platform.clock.advance(KEPT_US / 1_000_000 + 60)
    amy = Staff(platform).member(Role.ADMIN)
    for _ in range(2):
        answer = amy.get(f"/reports/{report.id}/file")
        assert (answer.status, "kept for 4 days" in text_of(answer)) == (410, True)
        until(lambda: report_of(platform, report.id).status == "gone")
    assert "Deleted after 4 days" in text_of(amy.get("/reports"))
    assert not files.path_of(platform.inside.reports_folder, report.id).exists()
