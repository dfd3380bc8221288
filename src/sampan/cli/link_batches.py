"""`sampan link batch`: payment links from a file, many at once."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from sampan.cli.common import (
    ByOption,
    Desk,
    Failed,
    JsonFlag,
    desk,
    emit,
    put,
    run,
    stderr,
    with_options,
)
from sampan.cli.links import ProjectArgument, group

if TYPE_CHECKING:
    from sampan.domain.project import Project
    from sampan.flow.link_batches import Sent
    from sampan.storage.engine import Tx
    from sampan.storage.link_batches import Batch, BatchLine, Counts

FAULTS_SHOWN_MAX: Final = 20
SLICE_COUNT: Final = 500
_SEED_BYTES: Final = 16


def register(_: typer.Typer) -> None:
    """Add the command to those of links."""
    group.command("batch")(with_options(Wanted, batch))


@dataclass(frozen=True)
class Done:
    """A file as it stands, and its lines with the addresses of their links."""

    batch: "Batch"
    counts: "Counts"
    lines: "list[tuple[BatchLine, str]]"


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What `batch` is told."""

    project: ProjectArgument
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE.csv", help="The links, one a line.", exists=True, dir_okay=False
        ),
    ]
    check: Annotated[bool, typer.Option("--check", help="Look at the lines, make nothing.")] = False
    skip_faults: Annotated[
        bool, typer.Option("--skip-faults", help="Leave out lines with faults.")
    ] = False
    by: ByOption = "command line"
    as_json: JsonFlag = False


def batch(wanted: Wanted) -> None:
    """Make the payment links of a CSV file; `docs/dashboard.md` says what its columns mean.

    Every line is looked at before a link is made. Stopped half-way, the platform goes on with it.
    """
    done = run(_batch(wanted))
    if wanted.as_json:
        emit(_told(done))
    else:
        _print(done)
    if done.counts.refused or (wanted.check and done.counts.faulty):
        raise Failed("some lines have no link")


async def _batch(wanted: Wanted) -> Done:
    from sampan.flow import link_batches as flow
    from sampan.flow.settle import Step

    async with desk() as at:
        project = await at.project(wanted.project)
        sent = _looked_at(at, project, file=wanted.file, by=f"staff:{wanted.by}")
        faulty = [line for line in sent.lines if line.flaws]
        if faulty and not wanted.check and not wanted.skip_faults:
            _complain(faulty)
            raise Failed(_left(len(faulty)))
        now_us = at.clock.now_us()
        kept = await at.store.transact(lambda tx: flow.take(tx, project, sent, now_us=now_us))
        taken = await _done(at, kept.id)
        used = [line for line, _ in taken.lines if line.flaws]
        if wanted.check:
            return taken
        if len(used) > len(faulty) and not wanted.skip_faults:
            _complain(used)
            raise Failed(_left(len(used)))
        step = Step(at.clock.now_us(), sent.by)
        await at.store.transact(lambda tx: flow.start(tx, kept, step=step))
        await _work(at, project, kept=kept, all_count=taken.counts.ready)
        return await _done(at, kept.id)


def _left(count: int) -> str:
    return f"lines with faults: {count}; nothing is made (--skip-faults leaves them out)"


def _looked_at(at: Desk, project: "Project", *, file: Path, by: str) -> "Sent":
    from sampan.codecs import link_csv
    from sampan.domain import link_form
    from sampan.flow import link_batches as flow
    from sampan.web.link_words import file_text

    try:
        lines = link_csv.read(
            file.read_bytes(), known=link_form.COLUMNS, required=link_form.REQUIRED
        )
    except link_csv.LinkFileError as error:
        raise Failed(f"{file.name}: {file_text('en', error)}") from error
    seed, now_us = at.clock.token(_SEED_BYTES), at.clock.now_us()
    found = flow.looked_at(project, lines, seed=seed, mail_on=False, now_us=now_us)
    return flow.Sent(file_name=file.name, by=by, lines=found)


async def _work(at: Desk, project: "Project", *, kept: "Batch", all_count: int) -> None:
    """Make the links here; a running platform may do so at the same time."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    from sampan.flow import link_batches as flow
    from sampan.flow.sale import new_request_id
    from sampan.flow.settle import Step
    from sampan.storage import link_batches

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=stderr()) as bar:
        shown = bar.add_task("Links", total=all_count)
        while True:
            steps = [
                Step(at.clock.now_us(), kept.by, new_request_id(at.clock, project.id))
                for _ in range(flow.LINES_AT_ONCE)
            ]

            def some(tx: "Tx", steps: list[Step] = steps) -> tuple[int, int]:
                worked = flow.work(tx, project, kept, office=at.office, steps=steps)
                return worked, link_batches.counts(tx, kept.id).ready

            worked, left = await at.store.transact(some)
            bar.update(shown, completed=all_count - left)
            if worked < len(steps):
                return


async def _done(at: Desk, key: int) -> Done:
    from sampan.flow.links import url_of
    from sampan.storage import link_batches, payments

    links, found = at.office.links, list["tuple[BatchLine, str]"]()

    def look(tx: "Tx", after: int) -> "list[tuple[BatchLine, str]]":
        lines = link_batches.lines(tx, key, after=after, most=SLICE_COUNT)
        made = [
            None if one.payment is None else payments.payment_by_key(tx, one.payment)
            for one in lines
        ]
        urls = [url_of(links, payment) if payment else "" for payment in made]
        return list(zip(lines, urls, strict=True))

    while True:
        after = found[-1][0].line if found else 0
        part = await at.read(partial(look, after=after))
        found += part
        if len(part) < SLICE_COUNT:
            break
    kept = await at.read(lambda tx: link_batches.find(tx, key))
    assert kept is not None  # noqa: S101 - it was just written
    return Done(kept, await at.read(lambda tx: link_batches.counts(tx, key)), found)


def _faults(line: "BatchLine") -> str:
    from sampan.web.link_words import flaw_text

    return " ".join(
        f"{flaw.field}: {flaw_text('en', flaw)}".removeprefix(": ") for flaw in line.flaws
    )


def _complain(lines: "list[BatchLine]") -> None:
    for line in lines[:FAULTS_SHOWN_MAX]:
        stderr().print(f"line {line.line}: {_faults(line)}", markup=False, soft_wrap=True)
    if len(lines) > FAULTS_SHOWN_MAX:
        stderr().print(f"… and {len(lines) - FAULTS_SHOWN_MAX} more", markup=False)


def _print(done: Done) -> None:
    counts = done.counts
    for line, url in done.lines:
        told = url or _faults(line) or line.status
        put(f"{line.line}\t{line.payment_id}\t{told}")
    stderr().print(
        f"{counts.made} links made, {counts.ready} lines right, {counts.faulty} with faults,"
        f" {counts.refused} refused"
    )


def _told(done: Done) -> dict[str, Any]:
    counts = done.counts
    return {
        "batch": done.batch.id,
        "status": done.batch.status,
        "made": counts.made,
        "ready": counts.ready,
        "faulty": counts.faulty,
        "refused": counts.refused,
        "lines": [
            {
                "line": line.line,
                "status": line.status,
                "payment_id": line.payment_id,
                "payment_link": url,
                "faults": [
                    {"field": flaw.field, "fault": flaw.wrong.value, "detail": flaw.detail}
                    for flaw in line.flaws
                ],
            }
            for line, url in done.lines
        ],
    }
