"""`sampan report run`: make a report here and now, into a file or to standard output."""

import asyncio
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from sampan.cli.common import USAGE, Desk, Failed, advise, desk, run, stderr

if TYPE_CHECKING:
    from sampan.domain.days import Zone
    from sampan.domain.report_spec import ReportType, Spec
    from sampan.reports.files import PartFile
    from sampan.reports.making import Sink
    from sampan.storage.report_rows import RowReader
    from sampan.storage.reports import Progress

TYPES: Final = "payments, operations, credits or callbacks."
STDOUT: Final = Path("-")
CHECKPOINT: Final = ".checkpoint"
_SEPARATORS: Final = {"comma": ",", "semicolon": ";", "tab": "\t"}
_DECIMALS: Final = {"point": ".", "comma": ","}
_DAY_CHARS: Final = len("2030-01-31")


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """The options of `run`."""

    kind: Annotated[str, typer.Argument(metavar="TYPE", help=TYPES)]
    out: Annotated[
        Path, typer.Option(metavar="FILE", help="Where the rows go; - is standard output.")
    ]
    since: Annotated[
        str | None,
        typer.Option("--from", metavar="DATE", help="From this day or moment on (ISO)."),
    ] = None
    until: Annotated[
        str | None,
        typer.Option("--to", metavar="DATE", help="To the end of this day, or before this moment."),
    ] = None
    period: Annotated[
        str | None,
        typer.Option(metavar="PERIOD", help='Instead of dates: "yesterday", "last month" …'),
    ] = None
    by: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Time that decides: of payments created or finished."),
    ] = None
    project: Annotated[
        list[int] | None, typer.Option(metavar="N", help="Only of this project; repeatable.")
    ] = None
    status: Annotated[
        list[str] | None, typer.Option(metavar="S", help="Only in this status; repeatable.")
    ] = None
    currency: Annotated[
        list[str] | None, typer.Option(help="Only in this currency; repeatable.")
    ] = None
    only: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KIND",
            help="Only of this origin, operation type or kind of callback; repeatable.",
        ),
    ] = None
    zone: Annotated[str | None, typer.Option(help="Asia/Hong_Kong (default) or UTC.")] = None
    columns: Annotated[
        str | None,
        typer.Option(metavar="A,B,…", help="Columns in their order: sampan report columns TYPE."),
    ] = None
    separator: Annotated[str | None, typer.Option(help="comma (default), semicolon or tab.")] = None
    decimal: Annotated[str | None, typer.Option(help="point (default) or comma.")] = None
    heads: Annotated[
        str | None, typer.Option(help="Heads for people: en, zh-hant, zh. Default: names.")
    ] = None
    no_bom: Annotated[
        bool, typer.Option("--no-bom", help="Without the mark that Excel needs for Chinese.")
    ] = False
    template: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Begin with a person's template; see --user."),
    ] = None
    user: Annotated[str | None, typer.Option(metavar="E-MAIL", help="Whose template it is.")] = None
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with what was cut short, as it was asked for.")
    ] = False


def type_of(word: str) -> "ReportType":
    """Return a type. Raises `Failed` for a word that names none."""
    from sampan.domain.report_spec import ReportType

    found: ReportType = _one_of(ReportType, word, option="TYPE")
    return found


def run_report(wanted: Wanted) -> None:
    """Write a report of a period into a file.

    The rows go into FILE.part, which gets its name when it is whole; one that was cut short is
    taken up again with --resume.
    """
    run(_run(wanted))


async def _run(wanted: Wanted) -> None:
    from sampan.domain import report_spec
    from sampan.flow.reports import SETTLE_US
    from sampan.reports.files import Busy
    from sampan.storage.report_rows import RowReader

    kind = type_of(wanted.kind)
    async with desk() as at:
        now_us = at.clock.now_us()
        spec = await _spec(at, wanted, kind=kind)
        reader = RowReader(at.settings.database_url)
        try:
            if wanted.resume:
                _resume(reader, wanted.out, kind=kind)
                return
            asked = report_spec.fixed(spec, now_us=now_us)
            assert asked.to_us is not None  # noqa: S101 - it is fixed
            # What happened until then may be on its way into the database.
            settled_us = min(asked.to_us, now_us) + SETTLE_US
            await asyncio.sleep(max(0, settled_us - now_us) / 1_000_000)
            if wanted.out == STDOUT:
                _stream(reader, asked)
            else:
                _begin(reader, asked, out=wanted.out)
        except Busy as error:
            raise Failed(f"somebody else writes it: {error}") from error
        finally:
            reader.close()


# --- what is asked for ----------------------------------------------------------------------


async def _spec(at: Desk, wanted: Wanted, *, kind: "ReportType") -> "Spec":
    import msgspec

    from sampan.domain import report_spec
    from sampan.domain.days import Zone
    from sampan.domain.report_spec import Clue, Period, Spec
    from sampan.reports.words import sentence

    base = Spec(type=kind)
    if wanted.template is not None:
        base = await _template(at, wanted, kind=kind)
    given: dict[str, Any] = {}
    if wanted.zone is not None:
        given["zone"] = _one_of(Zone, wanted.zone, option="--zone")
    zone = given.get("zone", base.zone)
    if wanted.period is not None:
        period = _one_of(Period, wanted.period.replace("-", " "), option="--period")
        given |= {"period": period, "from_us": None, "to_us": None}
    if wanted.since is not None or wanted.until is not None:
        given |= {"from_us": _moment("--from", wanted.since, zone=zone)}
        given |= {"to_us": _moment("--to", wanted.until, zone=zone, is_end=True)}
        given |= {} if wanted.period is not None else {"period": None}
    if wanted.by is not None:
        given["by"] = _one_of(Clue, wanted.by, option="--by")
    given |= _lists(wanted) | _manner(wanted)
    spec = msgspec.structs.replace(base, **given)
    if wanted.resume:
        return spec
    for flaw in report_spec.flaws(spec):
        option = _OPTIONS[flaw.field]
        raise Failed(f"{option}: {sentence(flaw) % flaw._asdict()}", exit_code=USAGE)
    return spec


_OPTIONS: Final = {
    "period": "--period",
    "from_us": "--from",
    "to_us": "--to",
    "by": "--by",
    "project_ids": "--project",
    "statuses": "--status",
    "currencies": "--currency",
    "kinds": "--only",
    "columns": "--columns",
    "separator": "--separator",
    "decimal": "--decimal",
    "heads": "--heads",
}


def _lists(wanted: Wanted) -> dict[str, Any]:
    lists = {
        "project_ids": wanted.project,
        "statuses": wanted.status,
        "currencies": [one.upper() for one in wanted.currency or ()],
        "kinds": wanted.only,
        "columns": [one.strip() for one in (wanted.columns or "").split(",") if one.strip()],
    }
    return {name: tuple(values) for name, values in lists.items() if values}


def _manner(wanted: Wanted) -> dict[str, Any]:
    given: dict[str, Any] = {}
    if wanted.separator is not None:
        given["separator"] = _SEPARATORS.get(wanted.separator, wanted.separator)
    if wanted.decimal is not None:
        given["decimal"] = _DECIMALS.get(wanted.decimal, wanted.decimal)
    if wanted.heads is not None:
        given["heads"] = wanted.heads
    if wanted.no_bom:
        given["bom"] = False
    return given


async def _template(at: Desk, wanted: Wanted, *, kind: "ReportType") -> "Spec":
    from sampan.storage import report_plans, users

    user = await at.read(lambda tx: users.by_email(tx, wanted.user or ""))
    if user is None:
        raise Failed(
            "--user: a template belongs to a person; see: sampan user list", exit_code=USAGE
        )
    for template in await at.read(lambda tx: report_plans.templates_of(tx, user.id)):
        if template.name == wanted.template:
            if template.spec.type is not kind:
                raise Failed(f"--template: it is one of {template.spec.type}", exit_code=USAGE)
            return template.spec
    raise Failed(f"--template: {user.email} has none of this name", exit_code=USAGE)


def _one_of(words: Any, word: str, *, option: str) -> Any:  # noqa: ANN401 - any enumeration
    try:
        return words(word)
    except ValueError:
        known = ", ".join(one.value for one in words)
        raise Failed(f"{option}: {word!r} is none of: {known}", exit_code=USAGE) from None


def _moment(option: str, given: str | None, *, zone: "Zone", is_end: bool = False) -> int | None:
    """Read an ISO day or moment of a zone as microseconds; a day at the end is meant whole."""
    if given is None:
        return None
    try:
        if len(given) == _DAY_CHARS:
            day = date.fromisoformat(given) + timedelta(days=1 if is_end else 0)
            at = datetime(day.year, day.month, day.day, tzinfo=zone.info)
        else:
            at = datetime.fromisoformat(given)
            at = at if at.tzinfo else at.replace(tzinfo=zone.info)
    except (ValueError, OverflowError):
        told = f"{option}: {given!r} is no ISO date, such as 2030-01-31 or 2030-01-31T09:00+08:00"
        raise Failed(told, exit_code=USAGE) from None
    return (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


# --- making it ------------------------------------------------------------------------------


class _Pipe:
    """Standard output as a sink: gone is gone, so there is nothing to keep safe."""

    def write(self, data: bytes) -> int:
        return sys.stdout.buffer.write(data)

    def sync(self) -> None:
        sys.stdout.buffer.flush()


def _stream(reader: "RowReader", spec: "Spec") -> None:
    from sampan.storage.reports import Progress

    for _ in _made(reader, spec, sink=_Pipe(), done=Progress()):
        pass


def _begin(reader: "RowReader", spec: "Spec", *, out: Path) -> None:
    from sampan.reports.files import PartFile
    from sampan.storage.reports import Progress

    _write(reader, spec, part=PartFile(out).open(0), out=out, done=Progress())


def _resume(reader: "RowReader", out: Path, *, kind: "ReportType") -> None:
    from sampan.reports.files import PartFile

    try:
        spec, done = _kept(out)
        part = PartFile(out).open(done.bytes)
    except (OSError, ValueError, LookupError) as error:
        raise Failed(f"--resume: nothing of {out} can be gone on with", exit_code=USAGE) from error
    if spec.type is not kind:
        raise Failed(f"--resume: {out} is a report of {spec.type}", exit_code=USAGE)
    advise(f"going on behind row {done.rows:,}")
    _write(reader, spec, part=part, out=out, done=done)


def _write(
    reader: "RowReader", spec: "Spec", *, part: "PartFile", out: Path, done: "Progress"
) -> None:
    """Write a file and, beside it, how far it is, so that it can be gone on with."""
    try:
        for each in _made(reader, spec, sink=part, done=done):
            _keep(out, spec, done=each)
        part.finish()
    except OSError as error:
        raise Failed(f"{out} cannot be written: {error.strerror}") from error
    finally:
        part.close()
    with suppress(OSError):
        _beside(out).unlink()


def _beside(out: Path) -> Path:
    return out.with_name(out.name + CHECKPOINT)


def _keep(out: Path, spec: "Spec", *, done: "Progress") -> None:
    import msgspec

    from sampan.domain import report_spec

    text = msgspec.json.encode([report_spec.to_json(spec), done])
    new = _beside(out).with_suffix(".new")
    new.write_bytes(text)
    new.replace(_beside(out))


def _kept(out: Path) -> "tuple[Spec, Progress]":
    """Read a checkpoint. Raises `OSError` and `ValueError`."""
    import msgspec

    from sampan.domain import report_spec
    from sampan.storage.reports import Progress

    text, done = msgspec.json.decode(_beside(out).read_bytes(), type=tuple[str, Progress])
    return report_spec.from_json(text), done


def _made(
    reader: "RowReader", spec: "Spec", *, sink: "Sink", done: "Progress"
) -> "Iterator[Progress]":
    """Make a report and show on a terminal how far it is."""
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    from sampan.reports.making import make

    console = stderr()
    if not console.is_terminal:
        yield from make(reader, spec, sink=sink, done=done)
        return
    shown = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Bar(*shown, TimeRemainingColumn(), console=console) as bar:
        task = bar.add_task(spec.type.value, total=reader.count(spec), completed=done.rows)
        yield from make(
            reader,
            spec,
            sink=sink,
            done=done,
            tell=lambda rows: bar.update(task, completed=rows),
        )
