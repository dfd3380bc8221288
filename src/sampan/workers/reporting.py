"""The task `report`: have a report made by a process of its own; and what is due by the clock.

A report takes a core for as long as it has rows. In a process of its own, which yields to all
others, it leaves the interpreter lock of the server to the sales.
"""

import asyncio
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Final

import structlog

from sampan.clock import MINUTE_US, SECOND_US, Clock
from sampan.errors import Unavailable
from sampan.flow import reports as flow
from sampan.reports import files
from sampan.storage import outbox, report_plans, reports
from sampan.storage.engine import Store, Tx
from sampan.storage.outbox import Task
from sampan.storage.reports import Report
from sampan.workers.loop import Work

log = structlog.get_logger(__name__)
AT_ONCE_MAX: Final = 1
"""Reports of one process at work at once: the second is not done sooner beside the first."""
RENEW_S: Final = 15.0
"""The lease is renewed so often, four times before it would end."""
AGAIN_US: Final = 2 * SECOND_US
STOP_S: Final = 2.0
PAUSE_S: Final = 1.0
TIDY_EVERY_US: Final = 10 * MINUTE_US
OVER_AT_ONCE: Final = 100
_STOPPED: Final = frozenset({-signal.SIGTERM, -signal.SIGINT, 128 + signal.SIGINT})


class MakeReports:
    """Has reports made, one at a time."""

    def __init__(self, store: Store, *, environment: Mapping[str, str]) -> None:
        self._store = store
        self._clock = store.clock
        self._environment = environment

    def work(self) -> Work[Report]:
        """Return what the worker needs to know about this kind of task."""
        return Work(
            flow.TASK,
            lease_us=flow.LEASE_US,
            prepare=self._prepare,
            act=self._act,
            lane_bound=lambda _tx, _lane: AT_ONCE_MAX,
        )

    def _prepare(self, tx: Tx, task: Task, now_us: int) -> Report | None:
        report = reports.find(tx, task.subject)
        if report is None or not reports.begin(tx, report.id, now_us=now_us):
            outbox.done(tx, task)
            return None
        return report

    async def _act(self, task: Task, report: Report) -> None:
        child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "sampan", "report", "make", str(report.id), "--with-parent"),
            # It notices that we are gone, however we went, when this pipe ends.
            stdin=PIPE,
            stdout=DEVNULL,
            env=dict(self._environment),
            # A key that stops the server in its terminal is ours alone to act on.
            start_new_session=True,
        )
        try:
            code = await self._waited(task, child)
        finally:
            await _end(child)
        if code is not None:
            await self._settle(task, report, code=code)

    async def _waited(self, task: Task, child: Process) -> int | None:
        """Hold the lease while the child works; None when it was lost, with the child or not."""
        waiting = asyncio.create_task(child.wait())
        try:
            while True:
                done, _ = await asyncio.wait({waiting}, timeout=RENEW_S)
                if done:
                    return waiting.result()
                until_us = self._clock.now_us() + flow.LEASE_US
                with suppress(Unavailable):
                    hold = partial(outbox.put_back, task=task, due_us=until_us)
                    held = await self._store.transact(hold)
                    if not held:
                        return None
        finally:
            waiting.cancel()

    async def _settle(self, task: Task, report: Report, *, code: int) -> None:
        now_us = self._clock.now_us()
        if code:
            log.warning("report not made", report=report.id, code=code)

        def settle(tx: Tx) -> None:
            again = code != 0
            if again and code not in _STOPPED:
                again = flow.note_death(tx, report, now_us=now_us)
            if again:
                outbox.put_back(tx, task, due_us=now_us + AGAIN_US)
            else:
                outbox.done(tx, task)

        await self._store.transact(settle)


async def _end(child: Process) -> None:
    """Let no child outlive the work on it."""
    if child.returncode is not None:
        return
    child.terminate()
    try:
        await asyncio.wait_for(child.wait(), STOP_S)
    except TimeoutError:
        child.kill()
        await child.wait()


class ReportKeeper:
    """Asks for the reports of schedules when they are due, and removes files in time."""

    def __init__(self, store: Store, clock: Clock, *, folder: Path) -> None:
        self._store = store
        self._clock = clock
        self._folder = folder
        self._tidied_us = 0

    async def order_due(self) -> int:
        """Ask for what is due; return how many reports that were."""
        now_us = self._clock.now_us()
        # Asked first without writing: nearly always nothing is due.
        if not await self._store.read(lambda tx: report_plans.due(tx, now_us=now_us, most=1)):
            return 0
        return await self._store.transact(lambda tx: flow.order_due(tx, now_us=now_us))

    async def tidy(self) -> None:
        """Remove the files whose time has passed, and what cancelled and failed ones left."""
        now_us = self._clock.now_us()
        over = await self._store.read(lambda tx: reports.over(tx, now_us=now_us, most=OVER_AT_ONCE))
        for report in over:
            await self._removed(report.id)
            await self._store.transact(partial(reports.gone, key=report.id))
        if abs(now_us - self._tidied_us) < TIDY_EVERY_US:
            return
        self._tidied_us = now_us
        for key in await asyncio.to_thread(files.found, self._folder):
            there = await self._store.read(partial(reports.find, key=key))
            # One that is not known may be of another database that keeps its files here.
            if there is not None and there.status in {"failed", "cancelled", "gone"}:
                await self._removed(key)

    async def run(self, stop: asyncio.Event) -> None:
        """Look again and again until `stop` is set."""
        while not stop.is_set():
            try:
                await self.order_due()
                await self.tidy()
            except Unavailable as error:
                log.warning("reports not looked after", why=str(error))
            except OSError as error:
                log.warning("file of a report not removed", why=str(error))
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), PAUSE_S)

    async def _removed(self, key: int) -> None:
        await asyncio.to_thread(files.remove, self._folder, key)
