"""Make a report that is kept in the database, from wherever it stands."""

from collections.abc import Callable
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Final

import msgspec
import structlog

from sampan.domain.report_spec import flaws
from sampan.errors import SetupError
from sampan.flow import reports as flow
from sampan.flow.mailing import Mailroom
from sampan.reports import files
from sampan.reports.files import PartFile
from sampan.reports.making import make
from sampan.storage import reports
from sampan.storage.engine import Store, Tx
from sampan.storage.report_rows import RowReader
from sampan.storage.reports import Progress, Report

log = structlog.get_logger(__name__)
NO_ROOM: Final = "The file could not be written: %s."
OUTDATED: Final = "It asks for what there is no more; ask for a new one."


class End(StrEnum):
    """How the work on a report ended."""

    READY = "ready"
    FAILED = "failed"
    STOPPED = "stopped"
    """It has ended otherwise, or somebody else works on it, or who wanted it is gone."""


class Office(msgspec.Struct, frozen=True, kw_only=True):
    """What making needs: where files are, the address of a report's page, and how mail is asked.

    `room` is called only where a mail is to go: it takes longer to come by than a small report.
    """

    folder: Path
    room: Callable[[], Mailroom]
    page: Callable[[int], str]


async def make_kept(
    store: Store,
    reader: RowReader,
    *,
    report_id: int,
    office: Office,
    is_wanted: Callable[[], bool],
) -> End:
    """Make the file of a report, or go on with it; end it in the database.

    `is_wanted` is asked at each checkpoint. Raises `Unavailable` when the database does not answer,
    and `Busy` when a process of this machine writes the same file.
    """
    now_us = store.clock.now_us()

    def begin(tx: Tx) -> Report | None:
        return reports.find(tx, report_id) if reports.begin(tx, report_id, now_us=now_us) else None

    report = await store.transact(begin)
    if report is None:
        return End.STOPPED
    if flaws(report.spec):
        return await _failed(store, report, why=OUTDATED)
    part = PartFile(files.path_of(office.folder, report.id))
    try:
        ended = await _write(store, reader, report=report, part=part, is_wanted=is_wanted)
    except (OSError, SetupError) as error:
        part.close()
        log.warning("report not written", report=report.id, why=str(error))
        reason = error.strerror if isinstance(error, OSError) else str(error)
        return await _failed(store, report, why=NO_ROOM % reason)
    if ended is not End.READY:
        return ended
    now_us = store.clock.now_us()
    address = office.page(report.id)
    room = office.room() if report.mail_to else None
    is_ready = await store.transact(
        lambda tx: flow.finish(tx, report, address=address, room=room, now_us=now_us)
    )
    if not is_ready:
        # Cancelled at the very end.
        files.remove(office.folder, report.id)
    return End.READY if is_ready else End.STOPPED


async def _write(
    store: Store,
    reader: RowReader,
    *,
    report: Report,
    part: PartFile,
    is_wanted: Callable[[], bool],
) -> End:
    """Write the rows that are not there yet, and name the file once it is whole."""
    before = Progress(rows=report.rows_done, bytes=report.bytes_done, place=report.place)
    try:
        part.open(before.bytes)
    except LookupError as error:
        log.warning("report begins anew", report=report.id, why=str(error))
        note = partial(reports.progress, key=report.id, before=before, after=Progress())
        await store.transact(note)
        before = Progress()
        part.open(0)
    if report.rows_all is None:
        rows = reader.count(report.spec)
        await store.transact(lambda tx: reports.counted(tx, report.id, rows=rows))
    for done in make(reader, report.spec, sink=part, done=before):
        note = partial(reports.progress, key=report.id, before=before, after=done)
        went_on = await store.transact(note)
        if not went_on or not is_wanted():
            return await _stopped(store, report, part=part)
        before = done
    part.finish()
    return End.READY


async def _stopped(store: Store, report: Report, *, part: PartFile) -> End:
    """Leave the part to whoever goes on, and remove it when nobody will."""
    now = await store.read(lambda tx: reports.find(tx, report.id))
    if now is None or not now.is_open:
        part.drop()
    else:
        part.close()
    return End.STOPPED


async def _failed(store: Store, report: Report, *, why: str) -> End:
    now_us = store.clock.now_us()
    await store.transact(lambda tx: flow.fail(tx, report, why=why, now_us=now_us))
    return End.FAILED
