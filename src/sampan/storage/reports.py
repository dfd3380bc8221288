"""Reports: what is asked for, how far it is, and what became of it.

waiting → running → ready → gone, or failed, or cancelled. Whoever works on one writes down now and
then how far its file is whole; what is written is guarded by what stood there before, so of two
who work on the same one only one goes on.
"""

from collections.abc import Sequence
from typing import Final

import msgspec
from sqlalchemy import bindparam, delete, func, insert, or_, select, tuple_, update

from sampan.domain.report_spec import ReportType, Spec, to_json
from sampan.storage import schema_reports
from sampan.storage.engine import Row, Statement, Tx

PAGE_MAX: Final = 1000
NO_PLACE: Final = ""

_t = schema_reports.reports
_OPEN: Final = or_(_t.c.status == "waiting", _t.c.status == "running")

_INSERT = Statement(insert(_t))
_ONE = Statement(select(_t).where(_t.c.id == bindparam("key")))
_OPEN_COUNT = Statement(select(func.count()).select_from(_t).where(_t.c.finished_us.is_(None)))
_BEGIN = Statement(
    update(_t)
    .where(_t.c.id == bindparam("key"), _OPEN)
    .values(
        status="running",
        started_us=func.coalesce(_t.c.started_us, bindparam("now_us", type_=_t.c.started_us.type)),
    )
)
_COUNTED = Statement(
    update(_t)
    .where(_t.c.id == bindparam("key"), _t.c.status == "running")
    .values(rows_all=bindparam("rows"))
)
_PROGRESS = Statement(
    update(_t)
    .where(
        _t.c.id == bindparam("key"),
        _t.c.status == "running",
        _t.c.rows_done == bindparam("rows_before"),
        _t.c.bytes_done == bindparam("bytes_before"),
        _t.c.place == bindparam("place_before"),
    )
    .values(
        rows_done=bindparam("rows_to"),
        bytes_done=bindparam("bytes_to"),
        place=bindparam("place_to"),
        deaths_count=0,
    )
)
_READY = Statement(
    update(_t)
    .where(_t.c.id == bindparam("key"), _t.c.status == "running")
    .values(
        status="ready",
        rows_all=_t.c.rows_done,
        finished_us=bindparam("now_us"),
        gone_us=bindparam("until_us"),
    )
)
_END = Statement(
    update(_t)
    .where(_t.c.id == bindparam("key"), _OPEN)
    .values(status=bindparam("status_to"), error=bindparam("why"), finished_us=bindparam("now_us"))
)
_DIED = Statement(
    update(_t)
    .where(_t.c.id == bindparam("key"), _t.c.status == "running")
    .values(deaths_count=_t.c.deaths_count + 1)
    .returning(_t.c.deaths_count)
)
_OVER = Statement(
    select(_t)
    .where(_t.c.status == "ready", _t.c.gone_us <= bindparam("now_us"))
    .order_by(_t.c.gone_us)
    .limit(bindparam("most"))
)
_GONE = Statement(
    update(_t).where(_t.c.id == bindparam("key"), _t.c.status == "ready").values(status="gone")
)
_REMOVE = Statement(delete(_t).where(_t.c.id == bindparam("key"), _t.c.finished_us.is_not(None)))


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """A report as kept; its period is told by two moments.

    `rows_all` is how many rows there will be, as counted at the beginning (None: not yet).
    `place` is where its rows go on ("": at the beginning). `made_by` is a person of the Dashboard,
    None for the command line; `schedule` the id of what asked for it by itself. `gone_us` is until
    when its file is kept; `error` is a sentence for people.
    """

    id: int
    type: ReportType
    title: str
    spec: Spec
    status: str = "waiting"
    rows_done: int = 0
    rows_all: int | None = None
    bytes_done: int = 0
    place: str = NO_PLACE
    error: str = ""
    deaths_count: int = 0
    made_by: int | None = None
    schedule: int | None = None
    mail_to: str = ""
    mail_language: str = "en"
    created_us: int
    started_us: int | None = None
    finished_us: int | None = None
    gone_us: int | None = None

    @property
    def is_open(self) -> bool:
        """Whether it is still to be made."""
        return self.finished_us is None

    @property
    def per_mille(self) -> int | None:
        """How much of it is made, of 1000; None before its rows have been counted.

        Less than all until it is ready: rows may come while they are counted.
        """
        if self.status in {"ready", "gone"}:
            return 1000
        if self.rows_all is None:
            return None
        return min(999, self.rows_done * 1000 // max(1, self.rows_all))


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """How far a file is whole: rows without the heads, bytes, and where its rows go on."""

    rows: int = 0
    bytes: int = 0
    place: str = NO_PLACE


def _report(row: Row) -> Report:
    given = dict(zip(Report.__struct_fields__, row, strict=True))
    given["type"] = ReportType(given["type"])
    # What was kept was right; a column that is gone since then is found when it is made.
    given["spec"] = msgspec.json.decode(given["spec"], type=Spec)
    return Report(**given)


def add(tx: Tx, report: Report) -> None:
    """Keep a report that is asked for."""
    row = {name: getattr(report, name) for name in Report.__struct_fields__}
    tx.do(_INSERT, row | {"type": report.type.value, "spec": to_json(report.spec)})


def find(tx: Tx, key: int) -> Report | None:
    """Return a report, None when there is none."""
    row = tx.one(_ONE, {"key": key})
    return _report(row) if row else None


def page(
    tx: Tx,
    *,
    after: tuple[int, int] | None = None,
    most: int,
    made_by: int | None = None,
    types: Sequence[ReportType] | None = None,
) -> Sequence[Report]:
    """Return reports, the newest first, from below the (created_us, id) of `after`.

    `made_by`: only those of a person. `types`: only of these, which the reader may see.
    """
    assert 1 <= most <= PAGE_MAX, most  # noqa: S101 - our bug
    chosen = select(_t).order_by(_t.c.created_us.desc(), _t.c.id.desc()).limit(most)
    if after is not None:
        chosen = chosen.where(tuple_(_t.c.created_us, _t.c.id) < after)
    if made_by is not None:
        chosen = chosen.where(_t.c.made_by == made_by)
    if types is not None:
        chosen = chosen.where(_t.c.type.in_([one.value for one in types]))
    return [_report(row) for row in tx.query(chosen)]


def open_count(tx: Tx) -> int:
    """Return how many reports are still to be made."""
    row = tx.one(_OPEN_COUNT, {})
    return int(row[0]) if row else 0


def begin(tx: Tx, key: int, *, now_us: int) -> bool:
    """Let a report be worked on, again where that was so; False when it has ended."""
    return tx.run(_BEGIN, {"key": key, "now_us": now_us}) == 1


def counted(tx: Tx, key: int, *, rows: int) -> None:
    """Note how many rows a report will have."""
    tx.do(_COUNTED, {"key": key, "rows": rows})


def progress(tx: Tx, key: int, *, before: Progress, after: Progress) -> bool:
    """Note how far a file is whole that was so as `before`.

    False when the report has been cancelled or somebody else works on it: then stop.
    """
    given = {
        "key": key,
        "rows_before": before.rows,
        "bytes_before": before.bytes,
        "place_before": before.place,
        "rows_to": after.rows,
        "bytes_to": after.bytes,
        "place_to": after.place,
    }
    return tx.run(_PROGRESS, given) == 1


def ready(tx: Tx, key: int, *, now_us: int, until_us: int) -> bool:
    """Note that the file is whole and kept until then; False when the report has ended before."""
    return tx.run(_READY, {"key": key, "now_us": now_us, "until_us": until_us}) == 1


def end(tx: Tx, key: int, status: str, *, why: str, now_us: int) -> bool:
    """End a report without a file (`failed` or `cancelled`); False when it has ended before."""
    given = {"key": key, "status_to": status, "why": why, "now_us": now_us}
    return tx.run(_END, given) == 1


def died(tx: Tx, key: int) -> int:
    """Count that the work on a report ended before it was done.

    Returns how often that was so since it last went on; 0 when it is not at work.
    """
    row = tx.one(_DIED, {"key": key})
    return int(row[0]) if row else 0


def over(tx: Tx, *, now_us: int, most: int) -> Sequence[Report]:
    """Return reports whose files need not be kept any more."""
    return [_report(row) for row in tx.all(_OVER, {"now_us": now_us, "most": most})]


def gone(tx: Tx, key: int) -> bool:
    """Note that the file is gone; False when that is known."""
    return tx.run(_GONE, {"key": key}) == 1


def remove(tx: Tx, key: int) -> bool:
    """Forget a report that is no longer to be made; False for any other, and when it is gone."""
    return tx.run(_REMOVE, {"key": key}) == 1


def newest_of(tx: Tx, schedules: Sequence[int]) -> dict[int, Report]:
    """Return the newest report of each of these schedules that has made one."""
    made = _t.c.schedule.in_(schedules)
    last = select(_t.c.schedule, func.max(_t.c.created_us)).where(made).group_by(_t.c.schedule)
    rows = tx.query(select(_t).where(tuple_(_t.c.schedule, _t.c.created_us).in_(last)))
    return {report.schedule: report for report in map(_report, rows) if report.schedule is not None}
