"""The command line: one file for each group of commands.

Whatever a command needs beyond Typer it imports when it runs, so that `--help`, `sign` and `verify`
answer at once. Exit codes: 0 done, 1 refused or failed, 2 called wrongly.
"""

import gc
import os
import sys
from typing import Annotated

import typer

from sampan import __version__
from sampan.cli import (
    books,
    callbacks,
    columns,
    demo,
    doctor,
    entering,
    fps,
    link_batches,
    links,
    mails,
    money,
    page,
    payments,
    projects,
    qr,
    refunds,
    reports,
    serving,
    signing,
    simulate,
    statements,
    taken_back,
    users,
)
from sampan.cli.common import Failed, complain
from sampan.errors import Refusal, SetupError, Unavailable

INTERRUPTED = 130
COLLECT_AFTER = 20_000
"""New objects between two looks of the garbage collector; Python's own 700 are for a program that
makes garbage, and what a command makes first are the modules that it needs."""

app = typer.Typer(
    name="sampan",
    help="Self-hosted payment platform for Hong Kong FPS QR.",
    epilog="Start with: sampan demo",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)
for group in (
    demo,
    serving,
    projects,
    fps,
    users,
    mails,
    doctor,
    simulate,
    callbacks,
    page,
    signing,
    qr,
    payments,
    link_batches,
    links,
    books,
    refunds,
    reports,
    statements,
    columns,
    money,
    entering,
    taken_back,
):
    group.register(app)


def _version(asked: bool) -> None:  # noqa: FBT001 - Typer calls it so
    if asked:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def _options(
    *,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    pass


def main() -> None:
    """Run a command and exit; what may go wrong becomes one line on standard error."""
    gc.set_threshold(COLLECT_AFTER)
    try:
        app(prog_name="sampan")
    except Failed as failed:
        complain(str(failed))
        sys.exit(failed.exit_code)
    except Refusal as refusal:
        complain(refusal.message)
        sys.exit(1)
    except (SetupError, Unavailable) as error:
        complain(str(error))
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        # Who read us has gone; the interpreter must not complain about that when it flushes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
