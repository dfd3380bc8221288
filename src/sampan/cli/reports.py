"""`sampan report`: payments, operations, credits and callbacks of a period, as CSV."""

import os
import select
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from sampan.cli import report_run
from sampan.cli.common import Failed, JsonFlag, desk, emit, put, run, stdout, with_options

if TYPE_CHECKING:
    from sampan.storage.reports import Report

LIST_MAX: Final = 1000
NICENESS: Final = 10
"""The processes of the server come first."""

group = typer.Typer(help="Reports: CSV files of a period.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the group."""
    group.command("run")(with_options(report_run.Wanted, report_run.run_report))
    group.command("columns")(columns)
    group.command("list")(listing)
    group.command("make", hidden=True)(make)
    app.add_typer(group, name="report", rich_help_panel="Operate")


def columns(
    kind: Annotated[str, typer.Argument(metavar="TYPE", help=report_run.TYPES)],
    *,
    as_json: JsonFlag = False,
) -> None:
    """List the columns that a report may have; those with a mark are in it without being named."""
    from sampan.cli import look
    from sampan.domain.report_spec import USUAL, columns_of
    from sampan.reports.words import COLUMNS

    chosen = report_run.type_of(kind)
    usual = USUAL[chosen]
    if as_json:
        emit([{"name": name, "usual": name in usual} for name in columns_of(chosen)])
        return
    table = look.table(f"Columns of {chosen.value}", "name", "meaning", "usual")
    for name in columns_of(chosen):
        table.add_row(name, COLUMNS[name], "✓" if name in usual else "")
    stdout().print(table)


def listing(
    *,
    most: Annotated[int, typer.Option(help="At most so many.", min=1, max=LIST_MAX)] = 50,
    as_json: JsonFlag = False,
) -> None:
    """List the reports that the server makes and keeps, the newest first."""
    from sampan.storage import reports

    async def read() -> "tuple[Any, ...]":
        async with desk() as at:
            return tuple(await at.read(lambda tx: reports.page(tx, most=most)))

    found = run(read())
    if as_json:
        emit([_shown(report) for report in found])
        return
    if not found:
        put("No reports.")
        return
    _print(found)


def make(
    report_id: Annotated[int, typer.Argument(metavar="ID")],
    *,
    with_parent: Annotated[
        bool, typer.Option("--with-parent", help="End when standard input ends.")
    ] = False,
) -> None:
    """Make a report that is kept, or go on with it. The server calls it so."""
    os.nice(NICENESS)
    run(_make(report_id, is_wanted=_has_parent if with_parent else _always))


async def _make(report_id: int, *, is_wanted: Callable[[], bool]) -> None:
    from sampan.reports import files
    from sampan.reports.files import Busy
    from sampan.reports.kept import End, Office, make_kept
    from sampan.storage.report_rows import RowReader

    async with desk() as at:
        public_url = at.settings.public_url
        office = Office(
            folder=files.folder_of(at.settings),
            room=lambda: at.office.room,
            page=lambda key: f"{public_url}/dashboard/reports/{key}",
        )
        reader = RowReader(at.settings.database_url)
        try:
            ended = await make_kept(
                at.store, reader, report_id=report_id, office=office, is_wanted=is_wanted
            )
        except Busy as error:
            raise Failed(f"somebody else writes it: {error}") from error
        finally:
            reader.close()
    if ended is End.STOPPED:
        put("stopped")


def _always() -> bool:
    return True


def _has_parent() -> bool:
    """Whether whoever started this process is still there and holds the pipe to it."""
    readable, _, _ = select.select([sys.stdin], [], [], 0)
    return not readable


def _shown(report: "Report") -> dict[str, Any]:
    import msgspec

    shown: dict[str, Any] = msgspec.to_builtins(report)
    return shown | {"per_mille": report.per_mille}


def _print(found: "tuple[Report, ...]") -> None:
    from sampan.cli import look

    table = look.table("Reports", "id", "asked for", "type", "title", "status", ">rows", "error")
    for report in found:
        told = report.status
        if report.status == "running" and report.per_mille is not None:
            told = f"{told} {report.per_mille // 10} %"
        table.add_row(
            str(report.id),
            look.moment(report.created_us),
            report.type.value,
            report.title,
            told,
            f"{report.rows_done:,}",
            report.error,
        )
    stdout().print(table)
