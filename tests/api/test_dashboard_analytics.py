"""Analytics in the Dashboard: figures of known payments, filters, CSV, and a board of one's own."""

from __future__ import annotations

import csv
import io
import itertools
import re
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from html import unescape
from pathlib import Path
from typing import Final

import pytest
from sqlalchemy import text

from sampan.clock import DAY_US, HOUR_US, MINUTE_US
from sampan.domain.analytics import Question, day_us
from sampan.domain.analytics_spec import DRAWINGS, Period
from sampan.domain.board import PANELS_MAX
from sampan.domain.days import Zone
from sampan.domain.rights import Role
from sampan.storage import board_panels, rollups
from sampan.storage import open as opening
from sampan.storage.engine import Tx
from tests.fixtures import ENGINES
from tests.support.client import Answer
from tests.support.history import History, weeks
from tests.support.platform import RunningPlatform, running
from tests.support.postgres import PostgresServer
from tests.support.staff import Member, Staff, text_of

PATH: Final = "/analytics"
PAGES: Final = [one.value for one in DRAWINGS]
DAY: Final = day_us("2025-06-05", Zone.HONG_KONG)
"""A Thursday."""
DAYS: Final = {"from": "2025-06-02", "to": "2025-06-08"}
STRANGE: Final = ["x", "1e9", "-1", "9" * 400, "茶", "🍵", "a\0b", "%00", "' OR 1=1 --", "<b>"]
MINE, OTHER, NOBODY = 1, 2, 3


@pytest.fixture(scope="module", params=ENGINES)
def platform(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningPlatform]:
    """A platform with a week of known payments; the books do not know them, so none are proved."""
    with ExitStack() as stack:
        if request.param == "sqlite":
            template: Path = request.getfixturevalue("sqlite_template")
            path = tmp_path_factory.mktemp("analytics") / "sampan.db"
            shutil.copyfile(template, path)
            url = f"sqlite:///{path}"
        else:
            server: PostgresServer = request.getfixturevalue("postgres_server")
            url = stack.enter_context(server.database())
        # What was written behind the doors is nobody's task.
        made = stack.enter_context(running(url, run_workers=False))
        for number in (MINE, OTHER):
            made.add_numbered(number)
        made.transact(week)
        yield made


def week(tx: Tx) -> None:
    """Write what the tests count: on Thursday seven payments, on Friday two, one of another shop.

    Paid on Thursday: 100.00, 200.50 and 300.00 in HKD, 88.00 in CNY. One was begun on Thursday and
    declined on Friday.
    """
    history = History(tx)
    noon = DAY + 12 * HOUR_US
    paid = history.payment(MINE, made_us=noon, took_s=4, amount=10_000)
    history.payment(MINE, made_us=noon, took_s=20, amount=20_050, origin="page")
    history.payment(MINE, made_us=noon, took_s=90, amount=30_000, origin="link")
    history.payment(MINE, made_us=noon, took_s=30, amount=8_800, currency="CNY")
    history.payment(MINE, made_us=noon, status="decline", code="20301", took_s=60)
    late = DAY + DAY_US - MINUTE_US
    lost = history.payment(MINE, made_us=late, status="decline", code="20602", took_s=900)
    history.payment(MINE, made_us=noon, status="awaiting customer action", code="9999")
    history.payment(MINE, made_us=noon + DAY_US, status="decline", code="20602", took_s=900)
    history.payment(OTHER, made_us=noon + DAY_US, took_s=10, amount=70_000)
    ended_us = noon + HOUR_US
    history.operation(
        paid,
        MINE,
        began_us=ended_us,
        ended_us=ended_us,
        status="decline",
        amount=10_000,
        code="20706",
        kind="refund",
    )
    history.attempts(paid, MINE, at_us=noon, answers=(503, None, 200))
    history.attempts(lost, MINE, at_us=late + DAY_US, answers=(200,))


@pytest.fixture
def amy(platform: RunningPlatform) -> Member:
    """Somebody of Finance, whose board is as it comes."""
    return Staff(platform).member(Role.FINANCE)


def rows_of(answer: Answer) -> list[list[str]]:
    """Return the cells of a page's table of numbers, its head first."""
    assert answer.status == 200, text_of(answer)
    table = re.search(
        r'<table class="list grid numbers">.*?</table>', answer.raw.decode(), re.DOTALL
    )
    assert table, text_of(answer)
    rows = re.findall(r"<tr>(.*?)</tr>", table[0], re.DOTALL)
    cells = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.DOTALL) for row in rows]
    return [[unescape(re.sub(r"<[^>]+>", "", cell)).strip() for cell in row] for row in cells]


def table(member: Member, page: str, **query: object) -> dict[str, dict[str, str]]:
    """Return a page's table as row → column → text."""
    head, *rows = rows_of(member.get(f"{PATH}/{page}", **{**DAYS, "project": MINE, **query}))
    return {row[0]: dict(zip(head[1:], row[1:], strict=True)) for row in rows}


def figures(answer: Answer) -> dict[str, str]:
    """Return the numbers on top of a page by their names."""
    found = re.findall(
        r'class="stat"[^>]*><strong>([^<]*)</strong><span>([^<]*)', answer.raw.decode()
    )
    return {unescape(name): unescape(number) for number, name in found}


# --- figures --------------------------------------------------------------------------------


def test_payments(amy: Member) -> None:
    """Payments count for the day they were made on, by what has become of them by now."""
    rows = table(amy, "payments")
    assert list(rows) == [f"2025-06-0{day}" for day in range(2, 9)] + ["All"]
    assert rows["2025-06-05"] == {
        "Payments": "7",
        "Paid": "4",
        "Declined": "2",
        "Waiting": "1",
        "Paid HKD": "HK$600.50",
        "Paid CNY": "CN¥88.00",
    }
    assert rows["2025-06-06"]["Declined"] == "1"
    assert rows["All"]["Payments"] == "8"
    everybody = table(amy, "payments", project=[])
    assert everybody["All"]["Paid HKD"] == "HK$1,300.50"


def test_conversion(amy: Member) -> None:
    """Conversion counts what was decided on a day; a rate is cut, and of nothing there is none."""
    rows = table(amy, "conversion")
    assert rows["2025-06-05"] == {"Paid": "4", "Declined": "1", "Conversion": "80.0%"}
    assert rows["2025-06-06"] == {"Paid": "0", "Declined": "2", "Conversion": "0.0%"}
    assert rows["2025-06-07"] == {"Paid": "0", "Declined": "0", "Conversion": "–"}
    assert rows["All"]["Conversion"] == "57.1%"
    page = amy.get(f"{PATH}/conversion", **DAYS, project=MINE)
    assert figures(page) == {"Conversion": "57.1%", "Paid": "4", "Declined": "3"}


def test_turnover(amy: Member) -> None:
    """Each currency has its own sums and its own chart; none is ever added to another."""
    rows = table(amy, "turnover")
    assert rows["2025-06-05"] == {
        "Turnover HKD": "HK$600.50",
        "Payments HKD": "3",
        "Average payment HKD": "HK$200.16",
        "Gate API HKD": "HK$100.00",
        "Payment Page HKD": "HK$200.50",
        "Payment link HKD": "HK$300.00",
        "Turnover CNY": "CN¥88.00",
        "Payments CNY": "1",
        "Average payment CNY": "CN¥88.00",
    }
    page = amy.get(f"{PATH}/turnover", **DAYS, project=MINE)
    assert page.raw.count(b'role="img"') == 2
    assert page.raw.count(b'value="turnover"') == 0  # own days cannot stand on a board
    only = table(amy, "turnover", currency="CNY")
    assert set(only["All"]) == {"Turnover CNY", "Payments CNY", "Average payment CNY"}


def test_operations(amy: Member) -> None:
    """The pivot adds up in both directions, by type and by status, counts and amounts."""
    by_type = table(amy, "operations")
    assert by_type["2025-06-05"] == {"Sale": "5", "Refund": "1", "All": "6"}
    assert by_type["All"] == {"Sale": "7", "Refund": "1", "All": "8"}
    by_status = table(amy, "operations", apart="status")
    assert by_status["All"] == {"Paid": "4", "Declined": "4", "All": "8"}
    amounts = table(amy, "operations", measure="amount")
    assert amounts["2025-06-05"]["Sale"] == "HK$700.50"
    assert amounts["All"] == {"Sale": "HK$900.50", "Refund": "HK$100.00", "All": "HK$1,000.50"}
    chinese = table(amy, "operations", measure="amount", currency="CNY")
    assert chinese["All"] == {"Sale": "CN¥88.00", "All": "CN¥88.00"}


def test_declines(amy: Member) -> None:
    """Codes stand by how often, with their messages; what a refund was refused with does not."""
    page = amy.get(f"{PATH}/declines", **DAYS, project=MINE)
    assert rows_of(page) == [
        ["Code", "Reason", "Declined sales", "Share"],
        ["20602", "Time-out", "2", "66.6%"],
        ["20301", "Account owner cancelled operation", "1", "33.3%"],
        ["All", "", "3", "100.0%"],
    ]
    assert figures(page)["Most frequent reason"] == "66.6%"
    assert "20602 Time-out" in text_of(page)


def test_many_reasons(platform: RunningPlatform, amy: Member) -> None:
    """Ten reasons are drawn and the others together; the table has them all."""
    at_us = DAY - 60 * DAY_US

    def decline(tx: Tx) -> None:
        history = History(tx)
        for number in range(12):
            for _ in range(12 - number):
                history.payment(MINE, made_us=at_us, status="decline", code=f"{30_000 + number}")

    platform.transact(decline)
    page = amy.get(f"{PATH}/declines", **{"from": "2025-04-06", "to": "2025-04-06"})
    html = page.raw.decode()
    drawn = re.search(r'<ol class="ranks">.*?</ol>', html, re.DOTALL)
    assert drawn
    assert drawn[0].count("<li>") == 11
    assert "30009" in drawn[0]
    assert "30010" not in drawn[0]
    assert "All other codes" in drawn[0]
    assert "3 · 3.8%" in drawn[0]
    assert len(rows_of(page)) == 14


def test_time_to_pay(amy: Member) -> None:
    """The median is a slot, the mean exact; waiting and declined sales have no time."""
    rows = table(amy, "time-to-pay")
    assert rows["2025-06-05"]["Half of them paid within"] == "up to 20 s"
    assert rows["2025-06-05"]["Mean time"] == "36.0 s"
    assert rows["2025-06-05"]["Paid within a minute"] == "75.0%"
    slots = {name: number for name, number in rows["All"].items() if number == "1"}
    assert set(slots) == {"up to 5 s", "up to 20 s", "up to 30 s", "up to 2 min"}
    assert rows["2025-06-06"]["Mean time"] == "–"


def test_a_slow_customer(platform: RunningPlatform, amy: Member) -> None:
    """Who takes long is in the last slot, and times are said in minutes."""
    made_us = DAY - 90 * DAY_US
    platform.transact(lambda tx: History(tx).payment(MINE, made_us=made_us, took_s=3_725))
    rows = table(amy, "time-to-pay", **{"from": "2025-03-07", "to": "2025-03-07"})
    assert rows["All"]["Half of them paid within"] == "over 15 min"
    assert rows["All"]["Mean time"] == "62 min 5 s"


def test_callbacks(amy: Member) -> None:
    """Attempts count for the day they were made on, by how they were answered."""
    rows = table(amy, "callbacks")
    assert rows["2025-06-05"] == {
        "2xx": "1",
        "5xx": "1",
        "No answer": "1",
        "Attempts": "3",
        "Answered with 2xx": "33.3%",
        "Mean time to answer": "10.0 s",
    }
    assert rows["2025-06-06"]["Attempts"] == "1"
    assert rows["2025-06-06"]["Mean time to answer"] == "40 ms"
    assert table(amy, "callbacks", currency="CNY")["All"]["Attempts"] == "4"
    # The log of callbacks knows one project: figures of several lead nowhere.
    two = amy.get(f"{PATH}/callbacks", **DAYS, project=[MINE, OTHER]).raw.decode()
    assert "/dashboard/callbacks?" not in two


# --- days, steps and filters ----------------------------------------------------------------


def test_steps(amy: Member) -> None:
    """Hours, weeks and months; a period that is cut says from when to when."""
    one = {"from": "2025-06-05", "to": "2025-06-05"}
    hours = table(amy, "conversion", **one)
    assert len(hours) == 25
    assert hours["2025-06-05 12:00"]["Paid"] == "4"
    cut = table(amy, "conversion", **{"from": "2025-06-04", "to": "2025-06-10"}, by="week")
    assert [*cut] == ["2025-06-04 – 06-08", "2025-06-09 – 06-10", "All"]
    months = table(amy, "conversion", **{"from": "2025-06-01", "to": "2025-07-02"}, by="month")
    assert [*months] == ["2025-06", "2025-07-01 – 07-02", "All"]
    assert months["2025-06"]["Declined"] == "3"


def test_zone(amy: Member) -> None:
    """A day of UTC begins eight hours later, and its lists are those of its very hours."""
    rows = table(amy, "conversion", zone="UTC")
    assert rows["2025-06-05"]["Declined"] == "2"
    page = amy.get(f"{PATH}/conversion", **DAYS, zone="UTC").raw.decode()
    assert "Days of UTC" in page
    assert "updated_from=2025-06-05T08%3A00&amp;updated_to=2025-06-06T08%3A00" in page


def test_too_small_steps(amy: Member) -> None:
    """Steps that would be too many give way, and it is said that they did."""
    page = amy.get(f"{PATH}/conversion", **{"from": "2025-06-01", "to": "2025-06-30"}, by="hour")
    assert len(rows_of(page)) == 32
    assert "Smaller steps would be more columns" in text_of(page)


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("period", [*Period])
def test_named_periods(amy: Member, page: str, period: Period) -> None:
    """Every page knows every named period; where nothing happened it says so kindly."""
    answer = amy.get(f"{PATH}/{page}", period=period.value, project=NOBODY)
    assert answer.status == 200
    assert "Nothing happened in these days." in text_of(answer)
    assert 'aria-current="true"' in answer.raw.decode()


def test_figures_lead_to_their_lists(amy: Member) -> None:
    """Following a figure of Thursday lists exactly so many payments."""
    for page, name, number in (("payments", "Paid", 4), ("conversion", "Declined", 2)):
        html = amy.get(f"{PATH}/{page}", **DAYS, project=MINE).raw.decode()
        day = "2025-06-05" if page == "payments" else "2025-06-06"
        row = re.search(rf"<tr><th scope=\"row\">{day}</th>.*?</tr>", html, re.DOTALL)
        assert row
        cell = re.search(rf'data-label="{name}"><a href="/dashboard([^"]*)">{number}<', row[0])
        assert cell, row[0]
        listed = amy.get(unescape(cell[1]))
        assert listed.status == 200
        assert listed.raw.count(b'data-label="Status"') == number
    page = amy.get(f"{PATH}/callbacks", **DAYS, project=MINE).raw.decode()
    link = re.search(r'href="/dashboard(/callbacks\?project=1&amp;failing=1[^"]*)"', page)
    assert link
    assert amy.get(unescape(link[1])).status == 200


@pytest.mark.parametrize(
    "name", ["period", "from", "to", "project", "currency", "by", "zone", "apart", "measure"]
)
def test_strange_queries(amy: Member, name: str) -> None:
    """Whatever stands in an address is understood, or has a sentence that says why it is not."""
    for value in STRANGE:
        page = amy.get(f"{PATH}/operations", **{name: value})
        assert page.status == 400, value
        assert "Nothing is shown, since the filter is not right yet." in text_of(page)
        assert "<b>" not in page.raw.decode()
        assert amy.get(f"{PATH}/operations.csv", **{name: value}).status == 303


@pytest.mark.parametrize(
    ("first", "last", "said"),
    [
        ("2025-06-02", "", "Give the first and the last day."),
        ("", "2025-06-02", "Give the first and the last day."),
        ("2025-06-02", "2025-06-01", "The end lies before the beginning."),
        ("2020-01-01", "2025-06-01", "A period has at most two years."),
        ("1970-01-01", "1970-01-02", "This is no date."),
        ("2025-02-30", "2025-03-01", "This is no date."),
    ],
)
def test_days_that_are_none(amy: Member, first: str, last: str, said: str) -> None:
    """What is wrong with two dates is said at their fields, with what was typed in them."""
    page = amy.get(f"{PATH}/turnover?from={first}&to={last}&currency=HKD")
    assert page.status == 400
    assert said in text_of(page)
    assert all(f'value="{day}"' in page.raw.decode() for day in (first, last))


def test_addresses(amy: Member) -> None:
    """Empty fields are left out of the address; a dataset that is none is nowhere."""
    query = "period=30days&from=&to=&currency=&by=&zone=Asia%2FHong_Kong&project=2&project=1"
    answer = amy.get(f"{PATH}/turnover?{query}")
    wanted = "/dashboard/analytics/turnover?period=30days&project=2&project=1"
    assert (answer.status, answer.headers["location"]) == (303, wanted)
    for page in ("x", "conversion%00", "9" * 300, "%E8%8C%B6"):
        assert amy.get(f"{PATH}/{page}").status == 404
        assert amy.get(f"{PATH}/{page}.csv").status == 404
    assert amy.get(f"{PATH}/turnover", drawing="slots").status == 400
    many = "&".join(f"project={number}" for number in range(1, 60))
    assert "At most 50 projects" in text_of(amy.get(f"{PATH}/turnover?{many}"))


@pytest.mark.parametrize("page", PAGES)
def test_csv_is_the_table(amy: Member, page: str) -> None:
    """The file has the table's rows; amounts and counts are plain numbers."""
    query = {**DAYS, "project": MINE}
    shown = rows_of(amy.get(f"{PATH}/{page}", **query))
    answer = amy.get(f"{PATH}/{page}.csv", **query)
    name = f'filename="{page}-2025-06-02-2025-06-08.csv"'
    assert name in answer.headers["content-disposition"]
    assert answer.raw.startswith(b"\xef\xbb\xbf")
    rows = list(csv.reader(io.StringIO(answer.raw.decode("utf-8-sig"), newline="")))
    assert rows[0] == shown[0]
    assert [row[0] for row in rows] == [row[0] for row in shown]
    for plain, people in itertools.chain.from_iterable(
        zip(one, other, strict=True) for one, other in zip(rows[1:], shown[1:], strict=True)
    ):
        if people.startswith(("HK$", "CN¥")) or people.replace(",", "").isdigit():
            assert plain == people.removeprefix("HK$").removeprefix("CN¥").replace(",", "")


# --- the board ------------------------------------------------------------------------------


def titles(member: Member) -> list[str]:
    """Return the panels of a person's board in their order."""
    page = member.get(PATH)
    assert page.status == 200
    found = re.findall(r'<h2 id="p\d+"><a href="[^"]*">([^<]*)</a>', page.raw.decode())
    return [unescape(one) for one in found]


def numbers(member: Member) -> list[int]:
    """Return the numbers of a person's panels in their order."""
    return [int(one) for one in re.findall(r'<h2 id="p(\d+)">', member.get(PATH).raw.decode())]


READY: Final = ["Conversion", "All operations", "Turnover", "Decline reasons"]


def test_ready_board(platform: RunningPlatform, amy: Member) -> None:
    """Who changed nothing sees the ready panels, and looking makes none of them their own."""
    assert titles(amy) == READY
    kept = platform.read(lambda tx: board_panels.of_user(tx, amy.user.id))
    assert kept is None
    assert 'href="/dashboard/analytics/turnover?period=7days"' in amy.get(PATH).raw.decode()


def test_changing_a_board(platform: RunningPlatform, amy: Member) -> None:
    """Panels are moved, widened, renamed, removed, and all of it undone; others see nothing."""
    bob = Staff(platform).member(Role.RISKS)
    deeds: list[tuple[int, dict[str, str], list[str]]] = [
        (1, {"do": "down"}, ["All operations", "Conversion", "Turnover", "Decline reasons"]),
        (1, {"do": "up"}, READY),
        (1, {"do": "up"}, READY),
        (2, {"do": "rename", "title": "茶 & <b> 🍵"}, [READY[0], "茶 & <b> 🍵", *READY[2:]]),
        (2, {"do": "rename", "title": ""}, READY),
        (3, {"do": "remove"}, [READY[0], READY[1], READY[3]]),
        (3, {"do": "remove"}, [READY[0], READY[1], READY[3]]),
        (10**9, {"do": "down"}, [READY[0], READY[1], READY[3]]),
    ]
    for number, form, after in deeds:
        assert amy.post(f"{PATH}/panels/{number}", **form).status == 303
        assert titles(amy) == after, form
    assert amy.post(f"{PATH}/panels/1", do="widen", width="2").status == 303
    assert amy.get(PATH).raw.count(b'class="card two"') == 2
    assert titles(bob) == READY
    amy.post(f"{PATH}/panels/reset")
    assert titles(amy) == READY


def test_an_empty_board(amy: Member) -> None:
    """A board from which all was removed stays empty, and a new panel has a new number."""
    for number in numbers(amy):
        amy.post(f"{PATH}/panels/{number}", do="remove")
    assert titles(amy) == []
    assert "Your board is empty." in text_of(amy.get(PATH))
    amy.post(f"{PATH}/panels/add", drawing="rate")
    assert numbers(amy) == [5]


def test_adding_from_a_page(platform: RunningPlatform, amy: Member) -> None:
    """A chart comes to the board with the filters of its page, and leads back to them."""
    begun_us = platform.clock.now_us() - HOUR_US
    platform.transact(lambda tx: History(tx).payment(OTHER, made_us=begun_us))
    page = amy.get(f"{PATH}/conversion", period="30days", project=OTHER, currency="HKD")
    form = re.search(
        r'name="of" value="([^"]*)"><input type="hidden" name="drawing" value="rate"',
        page.raw.decode(),
    )
    assert form
    added = amy.post(f"{PATH}/panels/add", of=unescape(form[1]), drawing="rate")
    assert added.headers["location"] == "/dashboard/analytics?said=panel-added"
    assert titles(amy) == [*READY, "Conversion over time"]
    html = amy.get(PATH).raw.decode()
    where = "conversion{}?period=30days&amp;project=2&amp;currency=HKD"
    assert f'href="/dashboard/analytics/{where.format("")}"' in html
    assert f'href="/dashboard/analytics/{where.format(".csv")}"' in html


def test_adding_on_the_board(amy: Member) -> None:
    """The board's own form makes a panel of any chart, with a title and a width."""
    form = {"drawing": "slots", "period": "30days", "project": ["1", "2"], "by": "week"}
    amy.post(f"{PATH}/panels/add", **form, title="How quick", width="2", zone="UTC", currency="")
    assert titles(amy)[-1] == "How quick"
    page = text_of(amy.get(PATH))
    assert "Last 30 days · project 1 · project 2 · Days of UTC" in page
    for drawing in itertools.chain.from_iterable(DRAWINGS.values()):
        assert amy.post(f"{PATH}/panels/add", drawing=drawing.value).status == 303
    assert len(titles(amy)) == 5 + sum(map(len, DRAWINGS.values()))


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"drawing": ""}, "This value is not known."),
        ({"drawing": "x" * 5_000}, "This value is not known."),
        ({"drawing": "rate", "period": "soon"}, "This value is not known."),
        ({"drawing": "rate", "project": "茶"}, "This value is not known."),
        ({"drawing": "rate", "currency": "USD"}, "This value is not known."),
        ({"drawing": "rate", "title": "t" * 81}, "A title is one line"),
        ({"drawing": "rate", "title": "a\0b"}, "A title is one line"),
        (
            {"drawing": "rate", "of": "from=2025-06-01&to=2025-06-02"},
            "A panel shows days that move along",
        ),
        ({"drawing": "rate", "of": "%00=%ff&project=%00"}, "This value is not known."),
    ],
)
def test_panels_that_are_none(amy: Member, form: dict[str, str], said: str) -> None:
    """A panel that makes no sense is not added; the form says why and keeps what was typed."""
    page = amy.post(f"{PATH}/panels/add", **form)
    assert page.status == 400
    assert said in text_of(page)
    assert titles(amy) == READY


def test_bad_changes(amy: Member) -> None:
    """A title of two lines is said at its field; a deed that is none changes nothing."""
    page = amy.post(f"{PATH}/panels/2", do="rename", title="t" * 81)
    assert page.status == 400
    assert re.search(r'id="t2"[^>]*aria-invalid="true" aria-describedby="e2"', page.raw.decode())
    assert amy.post(f"{PATH}/panels/2", do="explode").status == 400
    assert titles(amy) == READY


def test_a_full_board(amy: Member) -> None:
    """Many who add at once never make more panels than fit, and none is made twice."""
    assert amy.csrf

    def add(_: int) -> int:
        return amy.post(f"{PATH}/panels/add", drawing="rate").status

    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(add, range(PANELS_MAX)))
    assert sorted(set(statuses)) == [303, 400]
    assert statuses.count(303) == PANELS_MAX - len(READY)
    assert len(set(numbers(amy))) == PANELS_MAX
    assert "A board has at most 24 panels" in text_of(
        amy.post(f"{PATH}/panels/add", drawing="rate")
    )


def test_same_cells_are_fetched_once(amy: Member, monkeypatch: pytest.MonkeyPatch) -> None:
    """Panels of one dataset over the same days share what is read for them."""
    for drawing in ("outcomes", "rate", "rate"):
        amy.post(f"{PATH}/panels/add", drawing=drawing)
    asked: list[object] = []
    cells: Callable[..., object] = rollups.cells

    def watched(tx: Tx, question: Question) -> object:
        asked.append(question)
        return cells(tx, question)

    monkeypatch.setattr(rollups, "cells", watched)
    assert len(titles(amy)) == 7
    assert len(asked) == len(READY)


def test_a_panel_of_tomorrow(platform: RunningPlatform, amy: Member) -> None:
    """What this version cannot read is left out, and breaks nothing."""
    amy.post(f"{PATH}/panels/1", do="down")
    spoil = 'UPDATE board_panels SET spec = \'{"dataset":"weather"}\' WHERE number = 1'
    _run(platform, f"{spoil} AND user_id = {amy.user.id}")
    assert titles(amy) == [READY[1], *READY[2:]]
    amy.post(f"{PATH}/panels/2", do="down")
    assert titles(amy) == [READY[2], READY[1], READY[3]]


def _run(platform: RunningPlatform, sql: str) -> None:
    engine = opening.make_engine(platform.database_url)
    with engine.begin() as conn:
        conn.execute(text(sql))
    engine.dispose()


def test_another_language_after_a_form(amy: Member) -> None:
    """The answer to a form leads to other languages: of the board."""
    for path in ("panels", "panels/add", "panels/7", "panels/reset"):
        answer = amy.get(f"{PATH}/{path}", lang="zh-hant")
        while answer.headers["location"] != "/dashboard/analytics?lang=zh-hant":
            to = answer.headers["location"].removeprefix("/dashboard")
            assert to.startswith(f"{PATH}/panels?")
            answer = amy.get(to)


def test_who_sees_it(platform: RunningPlatform, amy: Member) -> None:
    """Support has no analytics, neither in the navigation nor on the overview."""
    sue = Staff(platform).member(Role.SUPPORT)
    assert "/dashboard/analytics" not in sue.get("/").raw.decode()
    assert amy.get("/").raw.count(b'href="/dashboard/analytics"') == 2


def test_believable_weeks(platform: RunningPlatform, amy: Member) -> None:
    """What pictures are made of fills every page."""
    now_us = platform.clock.now_us()
    platform.transact(lambda tx: weeks(tx, (MINE, OTHER), now_us=now_us, days=9, per_day=40))
    for page in PAGES:
        answer = amy.get(f"{PATH}/{page}")
        assert len(rows_of(answer)) > 3
        drawings = re.findall(r'<svg class="chart".*?</svg>', answer.raw.decode(), re.DOTALL)
        assert all("<title id=" in one and "<desc id=" in one for one in drawings)
    assert "style=" not in amy.get(PATH).raw.decode()
