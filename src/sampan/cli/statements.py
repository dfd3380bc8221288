"""`sampan credits import`: bank files."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sampan.cli.books import credit
from sampan.cli.common import (
    ByOption,
    Desk,
    Failed,
    JsonFlag,
    desk,
    emit,
    run,
    stderr,
    stdout,
    with_options,
)

if TYPE_CHECKING:
    from sampan.flow.imports import Begun
    from sampan.storage.engine import Tx
    from sampan.storage.imports import Import

AccountOption = Annotated[
    str,
    typer.Option("--account", help="Account: `fps:ID`, or `PROVIDER/ACCOUNT`."),
]


def register(_: typer.Typer) -> None:
    """Add the commands to those of credits."""
    credit.command("import")(with_options(Wanted, import_file))


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What `import` is told."""

    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="camt.052, 053, 054, MT940, MT942 or CSV.",
            exists=True,
            dir_okay=False,
        ),
    ]
    account: AccountOption
    by: ByOption = "command line"
    as_json: JsonFlag = False


def import_file(wanted: Wanted) -> None:
    """Take the credits of a bank file in; a file, or an entry, that is known changes nothing.

    The whole file is read before anything of it is taken. Stopped half-way, the platform goes on
    with it.
    """
    begun, counts = run(_import(wanted))
    if wanted.as_json:
        emit(told(begun.kept, counts) | {"imported_before": not begun.is_new})
    else:
        _print(begun, counts)
    if begun.kept.status == "refused":
        hint = "; see: sampan credits mapping" if begun.kept.fault.startswith("mapping:") else ""
        raise Failed(f"nothing was taken: {begun.kept.fault}{hint}")


async def _import(wanted: Wanted) -> "tuple[Begun, dict[str, int]]":
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    from sampan.flow.import_files import Addressed, take_file
    from sampan.flow.imports import Begun
    from sampan.storage import imports

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    async with desk() as at:
        provider, account = await account_of(at, wanted.account)
        to = Addressed(provider, account, wanted.file.name, f"staff:{wanted.by}")
        with (
            wanted.file.open("rb") as stream,
            Progress(*columns, console=stderr(), transient=True) as bar,
        ):
            shown = bar.add_task("Reading", total=None)
            begun = await take_file(
                at.store,
                stream,
                to=to,
                progress=lambda done, count: bar.update(shown, completed=done, total=count),
            )
            if begun.kept.status == "running":
                bar.update(shown, description="Taking in", completed=0)
                await _work(at, begun.kept, bar=bar, shown=shown)

        def look(tx: "Tx") -> "tuple[Begun, dict[str, int]]":
            kept = imports.find(tx, begun.kept.id) or begun.kept
            return Begun(kept, is_new=begun.is_new), imports.counts(tx, kept.id)

        return await at.read(look)


async def _work(at: Desk, kept: "Import", *, bar: Any, shown: Any) -> None:  # noqa: ANN401 - Rich's
    """Take the entries in here; a running platform may do so at the same time."""
    from sampan.flow import imports as flow
    from sampan.flow.finding import Where

    where = Where(kept.provider, kept.account, at.projects.in_tx)

    def some(tx: "Tx") -> int:
        return flow.work(tx, kept, where, now_us=at.clock.now_us(), most=flow.ENTRIES_AT_ONCE)

    while True:
        worked = await at.store.transact(some)
        bar.advance(shown, worked)
        if worked < flow.ENTRIES_AT_ONCE:
            return


async def account_of(at: Desk, text: str) -> tuple[str, str]:
    """Return provider and account that an option names. Raises `Failed`."""
    from sampan.domain.fps_account import PROVIDER, id_of_key
    from sampan.storage import fps_accounts

    account_id = id_of_key(text)
    if account_id is not None:
        now_us = at.clock.now_us()
        card = await at.read(lambda tx: fps_accounts.card(tx, account_id, now_us=now_us))
        if card is None:
            raise Failed(f"there is no account {text}; see: sampan fps list")
        return PROVIDER, card.account.key
    provider, _, account = text.partition("/")
    if not provider or not account:
        raise Failed(f"not an account: {text}; say fps:ID, or PROVIDER/ACCOUNT")
    return provider, account


def told(kept: "Import", counts: dict[str, int]) -> dict[str, Any]:
    """Return a file as the JSON output has it."""
    return {
        "id": kept.id,
        "account": f"{kept.provider}/{kept.account}",
        "file": kept.file_name,
        "format": kept.format,
        "status": kept.status,
        "fault": kept.fault,
        "notes": kept.notes.splitlines(),
        "entries": kept.entries_count,
        "became": {outcome or "waiting": count for outcome, count in counts.items()},
    }


def _print(begun: "Begun", counts: dict[str, int]) -> None:
    kept, out = begun.kept, stdout()
    if kept.status == "refused":
        return
    if not begun.is_new:
        out.print("This file was imported before; nothing has changed.")
    for note in kept.notes.splitlines():
        stderr().print(f"[bold yellow]note[/] {note}", highlight=False)
    table = ", ".join(
        f"{count} {outcome or 'waiting'}" for outcome, count in sorted(counts.items())
    )
    out.print(f"{kept.entries_count} entries: {table or 'none'}", markup=False)
