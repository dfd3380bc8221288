"""What the commands share: settings, the open database, output for people and for programs."""

import asyncio
import inspect
import json
import os
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from sampan.clock import Clock
    from sampan.domain.project import Project
    from sampan.flow.links import Office
    from sampan.settings import Settings
    from sampan.storage.engine import Store, Tx
    from sampan.storage.projects import Projects
    from sampan.storage.vault import Vault

Result = TypeVar("Result")
Options = TypeVar("Options")

USAGE = 2
"""Exit code of a command that was called wrongly; click's own."""

JsonFlag = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
ProjectOption = Annotated[int, typer.Option("--project", help="Project id.", min=0)]
ByOption = Annotated[str, typer.Option("--by", help="Who decides; stands in the journal.")]
WhyOption = Annotated[str, typer.Option("--why", help="The reason; stands in the journal.")]


class Failed(Exception):  # noqa: N818 - what happened; the command has failed
    """The command cannot do what was asked; the text is for the person, in one line."""

    def __init__(self, text: str, *, exit_code: int = 1) -> None:
        super().__init__(text)
        self.exit_code = exit_code


def complain(text: str) -> None:
    """Write one error to standard error."""
    stderr().print("[bold red]error[/]", end=" ")
    stderr().print(text, markup=False, highlight=False, soft_wrap=True)


def advise(text: str) -> None:
    """Write one warning to standard error; the command goes on."""
    stderr().print("[bold yellow]note[/]", end="  ")
    stderr().print(text, markup=False, highlight=False, soft_wrap=True)


FILE_COLUMNS = 160
"""Width of what goes into a file or a pipe, where nothing says how wide it may be."""


def say(text: str) -> None:
    """Write a line for a person to standard error, at once."""
    print(text, file=sys.stderr, flush=True)  # noqa: T201 - it talks to a person


def stdout() -> "Console":
    """Return the console of what a command is asked for."""
    from rich.console import Console

    return _wide(Console(highlight=False))


def stderr() -> "Console":
    """Return the console of everything else."""
    from rich.console import Console

    return _wide(Console(stderr=True, highlight=False))


def _wide(console: "Console") -> "Console":
    """Give a file or a pipe room for whole rows; a terminal says itself how wide it is."""
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = FILE_COLUMNS
    return console


def emit(value: object) -> None:
    """Write a value as JSON on one line to standard output, at once."""
    print(json.dumps(value, ensure_ascii=False), flush=True)  # noqa: T201 - it talks to a program


def put(text: str) -> None:
    """Write a line to standard output as it is."""
    print(text, flush=True)  # noqa: T201 - it talks to a program


def run(work: Coroutine[Any, Any, Result]) -> Result:
    """Run a coroutine to its end."""
    return asyncio.run(work)


def load_settings(**overrides: object) -> "Settings":
    """Read the settings, with options laid over them, and set up the logs.

    An override of None leaves the setting alone. Raises `SetupError` naming each bad setting.
    """
    from pydantic import ValidationError

    from sampan import log
    from sampan.errors import SetupError
    from sampan.settings import Settings

    chosen: dict[str, Any] = {name: v for name, v in overrides.items() if v is not None}
    try:
        settings = Settings(**chosen)
    except ValidationError as error:
        told = [f"SAMPAN_{str(e['loc'][0]).upper()}: {e['msg']}" for e in error.errors()]
        raise SetupError("; ".join(told)) from error
    except ValueError as error:
        raise SetupError(f"sampan.toml cannot be read: {error}") from error
    log.set_up(settings.log_level, settings.log_format)
    return settings


@dataclass(frozen=True)
class Desk:
    """The open database with what belongs to it: what most commands work on."""

    settings: "Settings"
    store: "Store"
    clock: "Clock"

    @cached_property
    def office(self) -> "Office":
        """What payment links need: their addresses, and where mail is asked for."""
        from sampan.domain.page_links import PageLinks
        from sampan.flow.links import Office
        from sampan.flow.mailing import Mailroom

        links = PageLinks(self.settings.public_url, self.vault.derive("page sessions"))
        return Office(links, Mailroom(self.vault, is_on=bool(self.settings.smtp_host)))

    @cached_property
    def projects(self) -> "Projects":
        """The projects, as use cases look for them."""
        from sampan.storage.projects import Projects

        return Projects(self.store, self.clock, vault=self.vault)

    @cached_property
    def vault(self) -> "Vault":
        """The vault of the projects' secrets. Raises `SetupError` for an unusable master key."""
        from sampan.app import master_key
        from sampan.storage.vault import Vault

        return Vault(master_key(self.settings, self.clock), self.clock)

    async def read(self, fn: "Callable[[Tx], Result]") -> Result:
        """Run a function that only reads."""
        return await self.store.read(fn)

    async def project(self, project_id: int) -> "Project":
        """Return a project. Raises `Failed` when there is none."""
        from sampan.storage import projects

        vault, now_us = self.vault, self.clock.now_us()
        found = await self.store.read(
            lambda tx: projects.find(tx, project_id, vault=vault, now_us=now_us)
        )
        if found is None:
            raise Failed(f"there is no project {project_id}; see: sampan project list")
        return found


@asynccontextmanager
async def desk(settings: "Settings | None" = None) -> AsyncIterator[Desk]:
    """Open the database that the settings name, and close it. Raises `SetupError`."""
    from sampan.clock import SystemClock
    from sampan.storage import open as opening

    chosen = settings or load_settings()
    clock = SystemClock()
    store = await opening.open_store(
        chosen.database_url, clock, migrated=not chosen.migrate_on_start
    )
    try:
        yield Desk(chosen, store, clock)
    finally:
        await store.close()


def colours() -> bool:
    """Whether standard output is a terminal that shows colours."""
    return sys.stdout.isatty() and os.environ.get("TERM") != "dumb" and "NO_COLOR" not in os.environ


def with_options(options: type[Options], run_it: Callable[[Options], None]) -> Callable[..., None]:
    """Return a command whose options are the fields of a class, with the words of a function."""

    def command(**given: Any) -> None:  # noqa: ANN401 - Typer gives what the options say
        run_it(options(**given))

    # Typer reads it.
    command.__signature__ = inspect.signature(options)  # type: ignore[attr-defined]
    command.__doc__ = run_it.__doc__
    return command
