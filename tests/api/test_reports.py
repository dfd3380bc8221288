"""Reports of a running platform: made by a process of its own, mailed, kept, planned, taken up."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final

import pytest

from sampan.clock import DAY_US, SystemClock
from sampan.domain.report_schedule import Daily
from sampan.domain.report_spec import Period, ReportType, Spec
from sampan.flow import reports as flow
from sampan.flow.reports import LANE, LEASE_US, TASK, Plan, Wish
from sampan.flow.team import Act
from sampan.storage import outbox, reports
from sampan.storage.engine import Store, Tx
from sampan.storage.reports import Report
from sampan.workers import loop, reporting
from sampan.workers.loop import Worker
from sampan.workers.reporting import MakeReports
from tests.fixtures import ENGINES
from tests.support import commands
from tests.support.databases import open_store
from tests.support.dying import WHOLE_ROWS
from tests.support.platform import RunningPlatform, running, until
from tests.support.postgres import PostgresServer
from tests.support.reporting import BEGUN_US, DAY, add_payments, environment
from tests.support.smtp import MailServer

ROWS: Final = 3 * WHOLE_ROWS + 2
OPERATIONS: Final = Spec(type=ReportType.OPERATIONS, from_us=BEGUN_US, to_us=BEGUN_US + DAY_US)


@pytest.fixture(scope="module")
def server() -> Iterator[MailServer]:
    """A mail server."""
    with MailServer() as made:
        yield made


@pytest.fixture(scope="module", params=ENGINES)
def platform(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, server: MailServer
) -> Iterator[RunningPlatform]:
    """A platform on each engine, with mail and some payments that ended long ago."""
    folder = tmp_path_factory.mktemp("reports")
    mail: dict[str, Any] = {"smtp_host": "127.0.0.1", "smtp_port": server.port}
    mail |= {"smtp_security": "none", "mail_from": "shop@tea.example"}
    if request.param == "sqlite":
        template: Path = request.getfixturevalue("sqlite_template")
        shutil.copyfile(template, folder / "sampan.db")
        # Its files are beside the database without being told.
        with running(f"sqlite:///{folder}/sampan.db", **mail) as made:
            yield filled(made)
    else:
        postgres: PostgresServer = request.getfixturevalue("postgres_server")
        with (
            postgres.database() as url,
            running(url, reports_folder=str(folder / "files"), **mail) as made,
        ):
            yield filled(made)


def filled(platform: RunningPlatform) -> RunningPlatform:
    """Write what the reports of all tests hold."""
    project = platform.add_project("")
    platform.transact(lambda tx: add_payments(tx, project.id, count=ROWS))
    return platform


def ordered(platform: RunningPlatform, **wish: Any) -> Report:  # noqa: ANN401 - members of a wish
    """Ask for a report."""
    asked = Wish(**{"spec": OPERATIONS} | wish)
    act = Act(platform.clock.now_us(), "staff:amy")
    return platform.transact(lambda tx: flow.order(tx, asked, act=act))


def stands(platform: RunningPlatform, report: Report, status: str) -> Report:
    """Wait until a report has a status."""

    def come() -> Report | None:
        found = platform.read(lambda tx: reports.find(tx, report.id))
        assert found is not None
        return found if found.status == status else None

    return until(come)


def file_of(platform: RunningPlatform, report: Report) -> Path:
    """Return where the file of a report is."""
    return platform.inside.reports_folder / f"{report.id}.csv"


def whole(platform: RunningPlatform) -> bytes:
    """Return the file that `report run` makes of the same rows."""
    asked = ["report", "run", "operations", "--out", "-", "--from", DAY, "--to", DAY]
    done = commands.run(*asked, env=environment(platform.inside.settings))
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_report_is_made_and_mailed(platform: RunningPlatform, server: MailServer) -> None:
    """What is asked for is there soon, whole and readable by nobody else, and its place mailed."""
    report = ordered(platform, title="茶", mail_to="amy@tea.example", mail_language="zh-hant")
    ready = stands(platform, report, "ready")
    assert (ready.rows_done, ready.rows_all, ready.per_mille) == (ROWS, ROWS, 1000)
    file = file_of(platform, report)
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.stat().st_size == ready.bytes_done
    assert file.read_bytes() == whole(platform)
    assert file.read_bytes().count(b"\r\n") == ROWS + 1
    assert list(file.parent.glob("*.part")) == []
    mail = server.wait(1)[-1]
    assert mail.recipients == ("amy@tea.example",)
    assert f"{platform.url}/dashboard/reports/{report.id}" in mail.part("plain")
    assert "茶" in mail.part("html")


@pytest.mark.parametrize(("step", "number"), [("write", 4), ("sync", 2), ("finish", 1)])
def test_killed_report_is_taken_up_again(platform: RunningPlatform, step: str, number: int) -> None:
    """Killed anywhere, a report goes on from its checkpoint: no row twice, none missing."""
    held = claimed(platform)
    key = str(held.id)
    command = [sys.executable, "-m", "tests.support.dying", step, str(number), "report", "make"]
    settings = environment(platform.inside.settings)
    died = subprocess.run([*command, key], env=settings, check=False, capture_output=True)
    assert died.returncode == -9, died.stderr
    there = stands(platform, held, "running")
    assert there.rows_done == {"sync": WHOLE_ROWS, "finish": ROWS}.get(step, there.rows_done)
    assert there.rows_done % WHOLE_ROWS == 0 or step == "finish"
    assert commands.run("report", "make", key, env=settings).returncode == 0
    ready = stands(platform, held, "ready")
    assert ready.rows_done == ROWS
    assert file_of(platform, held).read_bytes() == unbroken(platform)


def claimed(platform: RunningPlatform) -> Report:
    """Return a report whose task the worker will not get."""
    act = Act(platform.clock.now_us(), "staff:amy")

    def order(tx: Tx) -> Report:
        made = flow.order(tx, Wish(spec=OPERATIONS), act=act)
        outbox.drop(tx, TASK, lane=LANE, subject=made.id)
        return made

    return platform.transact(order)


@cache
def unbroken(platform: RunningPlatform) -> bytes:
    """Return the file of a report that nobody disturbed."""
    made = stands(platform, ordered(platform), "ready")
    return file_of(platform, made).read_bytes()


def test_child_ends_with_its_parent(platform: RunningPlatform) -> None:
    """Whoever makes a report for a server that is gone stops and leaves what is whole."""
    held = claimed(platform)
    settings = environment(platform.inside.settings)
    done = commands.run("report", "make", held.id, "--with-parent", env=settings)
    assert done.stdout == b"stopped\n"
    there = stands(platform, held, "running")
    assert there.bytes_done == file_of(platform, held).with_suffix(".csv.part").stat().st_size
    assert commands.run("report", "make", held.id, env=settings).returncode == 0
    assert stands(platform, held, "ready").rows_done == ROWS


def test_file_that_cannot_be_written(platform: RunningPlatform, tmp_path: Path) -> None:
    """A report whose folder is none has failed at once, with the reason."""
    held = claimed(platform)
    (tmp_path / "file").write_text("")
    settings = {**environment(platform.inside.settings)}
    settings["SAMPAN_REPORTS_FOLDER"] = str(tmp_path / "file")
    assert commands.run("report", "make", held.id, env=settings).returncode == 0
    assert "could not be written" in stands(platform, held, "failed").error


def test_schedule_makes_reports_that_go_again(platform: RunningPlatform) -> None:
    """A planned report is made when it is due; its file is removed when its days are over.

    The last test: the program that makes reports does not travel in time with the platform.
    """
    spec = Spec(type=ReportType.PAYMENTS, period=Period.YESTERDAY)
    plan = Plan(name="Each day", spec=spec, rule=Daily(minute=0))
    act = Act(platform.clock.now_us(), "staff:amy")
    planned = platform.transact(lambda tx: flow.add_schedule(tx, plan, act=act))
    platform.clock.advance((planned.next_us - platform.clock.now_us()) / 1e6 + 60)

    def of_schedule() -> Report | None:
        found = platform.read(lambda tx: reports.page(tx, most=20))
        return next((one for one in found if one.schedule == planned.id), None)

    made = stands(platform, until(of_schedule), "ready")
    assert made.spec.to_us == planned.next_us
    file = file_of(platform, made)
    assert file.read_bytes().startswith(b"\xef\xbb\xbfpayment_id,")
    assert made.gone_us is not None
    platform.transact(lambda tx: flow.delete_schedule(tx, planned, act=act))
    platform.clock.advance((made.gone_us - platform.clock.now_us()) / 1e6 + 1)
    stands(platform, made, "gone")
    assert not file.exists()


# --- the worker alone, with a program that does what a test says --------------------------------


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let the worker start a program of the test's instead of Python."""
    path = tmp_path / "program"
    become(path, "exec sleep 60")
    path.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(path))
    monkeypatch.setattr(reporting, "RENEW_S", 0.02)
    monkeypatch.setattr(loop, "STOP_GRACE_S", 0.02)
    return path


def become(program: Path, does: str) -> None:
    """Let the program do something else from now on."""
    program.write_text(f"#!/bin/sh\n{does}\n")


def runs(pid: Path) -> bool:
    """Whether the process is there that wrote its number into a file."""
    return Path(f"/proc/{pid.read_text().strip()}").exists()


async def order_one(store: Store, **wish: Any) -> Report:  # noqa: ANN401 - members of a wish
    """Ask for a report that is due at once."""
    asked = Wish(**{"spec": OPERATIONS} | wish)
    act = Act(store.clock.now_us(), "staff:amy")
    return await store.transact(lambda tx: flow.order(tx, asked, act=act))


async def now(store: Store, report: Report) -> Report:
    """Return a report as it stands."""
    found = await store.read(lambda tx: reports.find(tx, report.id))
    assert found is not None
    return found


def worker_of(store: Store) -> Worker[Report]:
    """Return the worker of reports."""
    return Worker(MakeReports(store, environment={}).work(), store, clock=store.clock)


def test_program_that_dies_is_given_up(sqlite_url: str, program: Path) -> None:
    """Three ends before it was done are the end, and a sentence says so; a stop is no end."""
    become(program, "kill -TERM $$")

    async def story() -> None:
        clock = _Travelling()
        async with open_store(sqlite_url, clock) as store:
            report, worker = await order_one(store), worker_of(store)
            assert await worker.drain() == 1
            assert (await now(store, report)).deaths_count == 0
            become(program, "exit 3")
            for deaths in (1, 2):
                clock.ahead_us += reporting.AGAIN_US
                assert await worker.drain() == 1
                assert (await now(store, report)).deaths_count == deaths
            clock.ahead_us += reporting.AGAIN_US
            assert await worker.drain() == 1
            assert ((await now(store, report)).status) == "failed"
            clock.ahead_us += LEASE_US
            assert await worker.drain() == 0

    asyncio.run(story())


class _Travelling(SystemClock):
    """The machine's clock, moved forward as a test says."""

    ahead_us = 0

    def now_us(self) -> int:
        return super().now_us() + self.ahead_us


@pytest.mark.parametrize("how", ["cancelled", "stopped"])
def test_program_is_ended(sqlite_url: str, program: Path, tmp_path: Path, how: str) -> None:
    """A program whose report is cancelled, or whose server stops, is ended at once."""
    noted = tmp_path / "pid.new"
    become(program, f"echo $$ >{noted}; mv {noted} {tmp_path}/pid; exec sleep 60")

    async def story() -> None:
        async with open_store(sqlite_url) as store:
            report, stop = await order_one(store), asyncio.Event()
            working = asyncio.create_task(worker_of(store).run(stop))
            pid = tmp_path / "pid"
            await asyncio.to_thread(until, pid.exists)
            assert runs(pid)
            if how == "cancelled":
                act = Act(store.clock.now_us(), "staff:amy")
                await store.transact(lambda tx: flow.cancel(tx, report, act=act))
                await asyncio.to_thread(until, lambda: not runs(pid))
            stop.set()
            await working
            assert not runs(pid)
            there = await now(store, report)
            assert there.status == ("cancelled" if how == "cancelled" else "running")
            due = await store.read(
                lambda tx: outbox.lanes_due(tx, TASK, now_us=store.clock.now_us())
            )
            assert list(due) == ([] if how == "cancelled" else [LANE])

    asyncio.run(story())


def test_what_ended_otherwise_is_left(sqlite_url: str, program: Path, tmp_path: Path) -> None:
    """The task of a report that has ended is finished without a program; its part is removed."""
    become(program, "exit 1")

    async def story() -> None:
        async with open_store(sqlite_url) as store:
            report = await order_one(store)
            part = tmp_path / f"{report.id}.csv.part"
            other = tmp_path / "7.csv"
            for file in (part, other):
                file.write_bytes(b"x")
            now_us = store.clock.now_us()
            await store.transact(lambda tx: reports.end(tx, report.id, "failed", why="", now_us=1))
            assert await worker_of(store).drain() == 0
            keeper = reporting.ReportKeeper(store, store.clock, folder=tmp_path)
            await keeper.tidy()
            assert (part.exists(), other.exists()) == (False, True)
            assert not await store.read(lambda tx: outbox.lanes_due(tx, TASK, now_us=now_us))

    asyncio.run(story())
