"""`sampan project`: add, list, change, and rotate the secret."""

import asyncio
import re
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from sampan.cli import rules
from sampan.cli.common import (
    USAGE,
    Desk,
    Failed,
    JsonFlag,
    advise,
    desk,
    emit,
    run,
    stdout,
)

if TYPE_CHECKING:
    from sampan.domain.project import Project, ProjectSettings
    from sampan.flow.projects import Act
    from sampan.storage.engine import Tx

ID_TRIES_MAX: Final = 20
ID_MADE_MIN: Final = 100_000
ID_MADE_COUNT: Final = 900_000
OVERLAP_S_MAX: Final = 31 * 86_400

SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="A setting; may be given many times."),
]
IdArgument = Annotated[int | None, typer.Argument(metavar="ID", help="Project id.", min=1)]
IdOption = Annotated[int | None, typer.Option("--id", help="Project id.", min=1)]
UrlOption = Annotated[str | None, typer.Option("--callback-url", help="Where callbacks go.")]

group = typer.Typer(help="Projects: the merchants' units of settings.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group.add_typer(rules.group, name="rules")
    app.add_typer(group, name="project", rich_help_panel="Operate")


@group.command("add")
def add(  # noqa: PLR0913 - a command's parameters are its options
    *,
    project_id: Annotated[
        int | None, typer.Option("--id", help="Project id; made when left out.", min=1)
    ] = None,
    secret: Annotated[
        str | None, typer.Option(help="Secret that signs; made and shown once when left out.")
    ] = None,
    callback_url: UrlOption = None,
    name: Annotated[str, typer.Option(help="The merchant's name.")] = "",
    pairs: SetOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Add a project and print what its merchant needs."""
    from sampan.domain.project import ProjectSettings

    settings = _settings(ProjectSettings(), pairs)
    url = checked_url(callback_url or "")
    if secret == "":
        raise Failed("the secret is empty: anybody could sign with it", exit_code=USAGE)
    made = run(_add(_Wanted(project_id, secret, name, url, settings)))
    shown: dict[str, Any] = {"id": made.id, "name": made.name, "callback_url": made.callback_url}
    if secret is None:
        shown["secret"] = made.secrets[0]
    if as_json:
        emit(shown)
        return
    from sampan.cli import look

    table = look.facts("Project added")
    for key, value in shown.items():
        table.add_row(key.replace("_", " "), str(value) or "–")
    stdout().print(table)
    if secret is None:
        stdout().print("[dim]The secret is shown this once: keep it.[/]")


@group.command("list")
def listing(*, as_json: JsonFlag = False) -> None:
    """List every project; secrets are never shown."""
    found = run(_every())
    if as_json:
        emit([_shown(project) for project in found])
        return
    from sampan.cli import look
    from sampan.domain.project import ProjectSettings

    table = look.table("Projects", ">id", "name", "callbacks to", "provider", "changed settings")
    plain = _shown_settings(ProjectSettings())
    for project in found:
        changed = [
            f"{key}={value}"
            for key, value in _shown_settings(project.settings).items()
            if value != plain[key]
        ]
        table.add_row(
            str(project.id),
            project.name or "–",
            project.callback_url or "–",
            project.settings.provider,
            "\n".join(changed) or "–",
        )
    stdout().print(table if found else "No project yet; add one with: sampan project add")


@group.command("set")
def change(  # noqa: PLR0913 - a command's parameters are its options
    project_id: IdArgument = None,
    *,
    id_option: IdOption = None,
    name: Annotated[str | None, typer.Option(help="The merchant's name.")] = None,
    callback_url: UrlOption = None,
    pairs: SetOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Change a project; returns when every server sees the change."""
    chosen = _one_id(project_id, id_option)
    url = None if callback_url is None else checked_url(callback_url)
    changed = run(_change(chosen, name, url=url, pairs=pairs))
    if as_json:
        emit(_shown(changed))
    else:
        stdout().print(f"Project {changed.id} changed.")


@group.command("rotate-secret")
def rotate_secret(
    project_id: IdArgument = None,
    *,
    id_option: IdOption = None,
    secret: Annotated[str | None, typer.Option(help="The new secret; made when left out.")] = None,
    overlap_s: Annotated[
        int,
        typer.Option(
            help="Seconds in which the old secret still verifies.", min=0, max=OVERLAP_S_MAX
        ),
    ] = 86_400,
    as_json: JsonFlag = False,
) -> None:
    """Give a project a new secret; the old one still verifies for a while."""
    chosen = _one_id(project_id, id_option)
    if secret == "":
        raise Failed("the secret is empty: anybody could sign with it", exit_code=USAGE)
    made, until_us = run(_rotate(chosen, secret, overlap_s=overlap_s))
    from sampan.cli import look

    if as_json:
        shown: dict[str, Any] = {"id": chosen, "previous_until_us": until_us}
        emit(shown if secret else {**shown, "secret": made})
        return
    if secret is None:
        stdout().print(f"secret  [bold]{made}[/]\n[dim]It is shown this once: keep it.[/]")
    stdout().print(f"The old secret of project {chosen} verifies until {look.moment(until_us)}.")


@dataclass(frozen=True)
class _Wanted:
    """What is to be added; an id or a secret of None is made."""

    project_id: int | None
    secret: str | None
    name: str
    url: str
    settings: "ProjectSettings"


async def _add(wanted: _Wanted) -> "Project":
    from sampan.domain.project import Project
    from sampan.flow import projects as flow
    from sampan.storage.engine import Conflict

    async with desk() as at:
        secret = wanted.secret or at.clock.token(flow.SECRET_BYTES)
        act = act_of(at)

        def insert(tx: "Tx", project: Project) -> Project:
            flow.add(tx, project, act=act)
            return project

        for _ in range(ID_TRIES_MAX):
            made = ID_MADE_MIN + int(at.clock.token(4), 16) % ID_MADE_COUNT
            project = Project(
                id=wanted.project_id or made,
                name=wanted.name,
                callback_url=wanted.url,
                secrets=(secret,),
                settings=wanted.settings,
            )
            try:
                await at.store.transact(partial(insert, project=project))
            except Conflict as error:
                if wanted.project_id is None:
                    continue
                raise Failed(
                    f"project {project.id} exists already; change it with: "
                    f"sampan project set {project.id}"
                ) from error
            warn_of_private(at, project.callback_url)
            return project
    raise Failed("no free project id was found; give one with --id")


async def _every() -> "list[Project]":
    from sampan.storage import projects

    async with desk() as at:
        vault, now_us = at.vault, at.clock.now_us()
        return list(await at.read(lambda tx: projects.every(tx, vault=vault, now_us=now_us)))


async def _change(
    project_id: int, name: str | None, *, url: str | None, pairs: list[str] | None
) -> "Project":
    from msgspec.structs import replace

    from sampan.flow import projects as flow

    async with desk() as at:
        # Told first, with the hint where to look.
        await at.project(project_id)

        def edit(before: "Project") -> "Project":
            return replace(
                before,
                name=before.name if name is None else name,
                callback_url=before.callback_url if url is None else url,
                settings=_settings(before.settings, pairs),
            )

        act = act_of(at)
        after = await at.store.transact(lambda tx: flow.change(tx, project_id, edit=edit, act=act))
        warn_of_private(at, url or "")
        await seen_by_servers()
        return after.card.project if isinstance(after, flow.Meanwhile) else after.project


async def _rotate(project_id: int, secret: str | None, *, overlap_s: int) -> tuple[str, int]:
    from sampan.flow import projects as flow

    async with desk() as at:
        await at.project(project_id)
        chosen, act = secret or at.clock.token(flow.SECRET_BYTES), act_of(at)
        rotation = flow.Rotation(secret=chosen, overlap_s=overlap_s)
        await at.store.transact(lambda tx: flow.rotate(tx, project_id, rotation=rotation, act=act))
        await seen_by_servers()
        return chosen, act.now_us + overlap_s * 1_000_000


def act_of(at: Desk) -> "Act":
    """Return what the operator does to a project now."""
    from sampan.flow import projects as flow

    return flow.Act(at.clock.now_us(), flow.OPERATOR, at.vault)


async def seen_by_servers() -> None:
    """Wait until no server works with what it read before."""
    from sampan.storage.projects import FRESH_US

    await asyncio.sleep(FRESH_US / 1_000_000 * 1.2)


def _one_id(positional: int | None, option: int | None) -> int:
    chosen = {given for given in (positional, option) if given is not None}
    if len(chosen) != 1:
        raise Failed("give the id of one project", exit_code=USAGE)
    return chosen.pop()


def _settings(base: "ProjectSettings", pairs: list[str] | None) -> "ProjectSettings":
    from sampan.domain.project import settings_from_pairs

    texts: dict[str, str] = {}
    for pair in pairs or ():
        key, equals, value = pair.partition("=")
        if not equals:
            raise Failed(f"--set takes KEY=VALUE, not {pair!r}", exit_code=USAGE)
        texts[key.strip()] = value.strip()
    try:
        return settings_from_pairs(base, texts)
    except ValueError as error:
        raise Failed(f"--set: {error}", exit_code=USAGE) from error


def checked_url(url: str) -> str:
    """Return an address for callbacks. Raises `Failed` for what is none."""
    if url and not re.fullmatch(r"https?://[^\s/?#]+[^\s#]*", url):
        raise Failed(f"callbacks go to an http or https address, not {url!r}", exit_code=USAGE)
    return url


def warn_of_private(at: Desk, url: str) -> None:
    """Tell when the platform, set up as here, would refuse to call an address."""
    from sampan.addresses import Policy, TargetRefused, check_url

    private = at.settings.allow_private_callbacks
    policy = Policy(
        ports=frozenset(range(1, 65_536)) if private else None,
        allow_private=private,
        allow_http=at.settings.allow_http_callbacks or private,
    )
    try:
        if url:
            check_url(url, policy)
    except TargetRefused as refused:
        advise(
            f"callbacks to {url} will be refused ({refused.why}); for development set "
            "SAMPAN_ALLOW_PRIVATE_CALLBACKS=true where `sampan serve` runs"
        )


def _shown_settings(settings: "ProjectSettings") -> dict[str, Any]:
    import msgspec

    shown: dict[str, Any] = msgspec.to_builtins(settings)
    return shown


def _shown(project: "Project") -> dict[str, Any]:
    return {
        "id": project.id,
        "name": project.name,
        "callback_url": project.callback_url,
        "settings": _shown_settings(project.settings),
    }
