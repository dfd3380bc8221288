"""`sampan user`: the people of the Dashboard."""

import sys
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from sampan.cli.common import (
    USAGE,
    ByOption,
    Failed,
    JsonFlag,
    WhyOption,
    desk,
    emit,
    run,
    stdout,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from sampan.domain.rights import Role
    from sampan.flow.team import Act
    from sampan.storage.api_tokens import Key
    from sampan.storage.engine import Tx
    from sampan.storage.users import User

INVITATION_PATH: Final = "/dashboard/invitation/"
OPERATOR: Final = "staff:operator"
"""Who adds people at the command line: whoever owns the machine."""

EmailArgument = Annotated[str, typer.Argument(metavar="EMAIL", help="The person's e-mail.")]

group = typer.Typer(help="The people of the Dashboard.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(group, name="user", rich_help_panel="Operate")


@group.command("add")
def add(
    email: EmailArgument,
    *,
    name: Annotated[str, typer.Option(help="The person's name.")] = "",
    roles: Annotated[
        list[str] | None,
        typer.Option(
            "--role",
            help="support, operations, finance, risks or admin (which it is when left out);"
            " may be given many times.",
        ),
    ] = None,
    password_stdin: Annotated[
        bool,
        typer.Option("--password-stdin", help="Read a password instead of making an invitation."),
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Add a person; print the path of an invitation, good once and for 72 hours."""
    chosen = _roles(roles or ["admin"])
    password = _password() if password_stdin else None
    user, token = run(_add(email, name, roles=chosen, password=password))
    _tell(user, "is added", token=token, as_json=as_json)


@group.command("list")
def listing(*, as_json: JsonFlag = False) -> None:
    """List everybody; secrets are never shown."""
    shown = run(_every())
    if as_json:
        emit(shown)
        return
    from sampan.cli import look

    table = look.table("People", "e-mail", "name", "roles", "state", "second factor")
    for one in shown:
        roles = ", ".join(one["roles"])
        factor = "yes" if one["second_factor"] else "no"
        table.add_row(one["email"], one["name"] or "–", roles, one["state"], factor)
    stdout().print(table if shown else "Nobody yet; add the first with: sampan user add EMAIL")


@group.command("invite")
def invite(
    email: EmailArgument, *, by: ByOption, why: WhyOption, as_json: JsonFlag = False
) -> None:
    """Make a new invitation, for one that was lost or a forgotten password."""
    user, token = run(_invite(email, by=by, why=why))
    _tell(user, "is invited", token=token, as_json=as_json)


@group.command("disable")
def disable(
    email: EmailArgument, *, by: ByOption, why: WhyOption, as_json: JsonFlag = False
) -> None:
    """Shut a person out at once; the last admin stays."""
    _tell(run(_change("disable", email, by=by, why=why)), "is disabled", as_json=as_json)


@group.command("enable")
def enable(
    email: EmailArgument, *, by: ByOption, why: WhyOption, as_json: JsonFlag = False
) -> None:
    """Let a person in again; lifts a lock as well."""
    _tell(run(_change("enable", email, by=by, why=why)), "is enabled", as_json=as_json)


@group.command("reset-2fa")
def reset_totp(
    email: EmailArgument, *, by: ByOption, why: WhyOption, as_json: JsonFlag = False
) -> None:
    """Take a second factor away that was lost. Make sure first who is asking."""
    told = "has no second factor now"
    _tell(run(_change("reset", email, by=by, why=why)), told, as_json=as_json)


@group.command("token")
def give_token(
    email: EmailArgument, *, by: ByOption, why: WhyOption, as_json: JsonFlag = False
) -> None:
    """Make a token of the Data API for a person; the one before it ends. Shown this once."""
    key = run(_token(email, by=by, why=why))
    if as_json:
        emit({"token": key.token, "secret": key.secret})
        return
    for name, text in (("token", key.token), ("secret", key.secret)):
        stdout().print(f"{name:7}{text}", markup=False, soft_wrap=True)


async def _token(email: str, *, by: str, why: str) -> "Key":
    from sampan.flow import data_api
    from sampan.storage import users

    if not (by.strip() and why.strip()):
        raise Failed("--by and --why must say something", exit_code=USAGE)
    async with desk() as at:
        vault, key = at.vault, data_api.new_key(at.clock)
        act = _act(at.clock.now_us(), by, why=why)

        def give(tx: "Tx") -> None:
            user = users.find(tx, _id(tx, email))
            assert user is not None  # noqa: S101 - found by its address just now
            data_api.give_token(tx, user, key, vault=vault, act=act)

        await at.store.transact(give)
        return key


async def _add(
    email: str, name: str, *, roles: "list[Role]", password: str | None
) -> "tuple[User, str | None]":
    from sampan.flow import team
    from sampan.flow.passwords import Passwords

    if password is not None:
        team.refuse_bad_password(password, email)
    async with desk() as at:
        token = at.clock.token(team.TOKEN_BYTES) if password is None else None
        newcomer = team.Newcomer(
            email,
            roles,
            name=name,
            password_hash=None if password is None else Passwords().hash(password),
            invitation=token,
        )
        act = team.Act(at.clock.now_us(), OPERATOR)
        return await at.store.transact(lambda tx: team.add_user(tx, newcomer, act=act)), token


async def _invite(email: str, *, by: str, why: str) -> "tuple[User, str]":
    from sampan.flow import team

    async with desk() as at:
        token, act = at.clock.token(team.TOKEN_BYTES), _act(at.clock.now_us(), by, why=why)
        return await at.store.transact(
            lambda tx: team.invite(tx, _id(tx, email), token=token, act=act)
        ), token


async def _change(what: str, email: str, *, by: str, why: str) -> "User":
    from sampan.flow import team

    uses: dict[str, Callable[..., User]] = {
        "disable": team.disable,
        "enable": team.enable,
        "reset": team.reset_totp,
    }
    async with desk() as at:
        act = _act(at.clock.now_us(), by, why=why)
        return await at.store.transact(lambda tx: uses[what](tx, _id(tx, email), act=act))


async def _every() -> list[dict[str, Any]]:
    from sampan.storage import users

    async with desk() as at:
        now_us = at.clock.now_us()
        return [_shown(user, now_us) for user in await at.read(users.every)]


def _act(now_us: int, by: str, *, why: str) -> "Act":
    from sampan.flow.team import Act

    return Act(now_us, f"staff:{by}" if by.strip() else "", why)


def _id(tx: "Tx", email: str) -> int:
    from sampan.storage import users

    user = users.by_email(tx, email)
    if user is None:
        raise Failed(f"nobody has the e-mail address {email}; see: sampan user list")
    return user.id


def _roles(names: list[str]) -> "list[Role]":
    from sampan.domain.rights import Role

    try:
        return [Role(name) for name in names]
    except ValueError as error:
        raise Failed(f"--role takes {', '.join(Role)}; {error}", exit_code=USAGE) from error


def _password() -> str:
    """Read the first line of standard input."""
    try:
        # Its bytes: as text, a locale without UTF-8 would let anything through, changed.
        return sys.stdin.buffer.readline().decode().rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise Failed("the password on standard input is not UTF-8", exit_code=USAGE) from error


def _shown(user: "User", now_us: int) -> dict[str, Any]:
    return {
        "id": user.id,
        "email": user.email,
        "name": user.name,
        "roles": list(user.roles),
        "state": _state(user, now_us),
        "second_factor": user.has_totp,
        "created_us": user.created_us,
    }


def _state(user: "User", now_us: int) -> str:
    if user.disabled_us is not None:
        return "disabled"
    if user.locked_until_us is not None and now_us < user.locked_until_us:
        return "locked"
    if user.password_hash is not None:
        return "active"
    invited = user.invited_until_us is not None and now_us < user.invited_until_us
    return "invited" if invited else "no password"


def _tell(user: "User", what: str, *, token: str | None = None, as_json: bool) -> None:
    if as_json:
        shown = _shown(user, user.updated_us)
        if token is not None:
            shown["invitation"] = INVITATION_PATH + token
            shown["invitation_until_us"] = user.invited_until_us
        emit(shown)
        return
    console = stdout()
    console.print(f"{user.email} {what}.", markup=False)
    if token is not None:
        console.print(INVITATION_PATH + token, markup=False, soft_wrap=True)
        console.print("[dim]The path of the invitation is shown this once: send it on.[/]")
