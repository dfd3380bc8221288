"""`sampan fps`: the merchants' FPS accounts, their keys, and which projects use them."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sampan.cli import fps_codes
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
    with_options,
)
from sampan.cli.fps_codes import AccountArgument, at_account
from sampan.cli.projects import OVERLAP_S_MAX, SetOption, act_of, seen_by_servers

if TYPE_CHECKING:
    from sampan.domain.fps_account import FpsAccount
    from sampan.storage.engine import Tx
    from sampan.storage.fps_accounts import Card

ProjectIdArgument = Annotated[int, typer.Argument(metavar="PROJECT", help="Project id.", min=1)]
KeyOption = Annotated[
    str | None, typer.Option(help="Key that marks notices; made and shown once when left out.")
]

group = typer.Typer(help="FPS accounts that real payments are paid to.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group.command("add")(with_options(Wanted, add))
    group.command("qr")(fps_codes.counter)
    group.command("test-code")(with_options(fps_codes.Tried, fps_codes.trial))
    app.add_typer(group, name="fps", rich_help_panel="Operate")


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What `add` is told."""

    name: Annotated[str, typer.Argument(metavar="NAME", help="What staff call the account.")]
    payee: Annotated[str, typer.Option(help="Payee in the QR, ASCII.")]
    fps_id: Annotated[str | None, typer.Option(help="FPS ID, 7 to 9 digits.")] = None
    mobile: Annotated[str | None, typer.Option(help="Mobile, like +852-91234567.")] = None
    email: Annotated[str | None, typer.Option(help="E-mail address of the account.")] = None
    payee_zh: Annotated[str, typer.Option(help="Payee in the QR in Chinese.")] = ""
    key: KeyOption = None
    pairs: SetOption = None
    as_json: JsonFlag = False


def add(wanted: Wanted) -> None:
    """Add an account, and print the address and the key for its bank's notices."""
    proxies = {"fps_id": wanted.fps_id, "mobile": wanted.mobile, "email": wanted.email}
    given = [(kind, proxy) for kind, proxy in proxies.items() if proxy is not None]
    if len(given) != 1:
        raise Failed("give one of --fps-id, --mobile and --email", exit_code=USAGE)
    _refuse_empty(wanted.key)
    values: dict[str, object] = {"id": 0, "name": wanted.name, "payee_name": wanted.payee}
    values["payee_name_zh"] = wanted.payee_zh
    values["proxy_kind"], values["proxy"] = given[0]
    account = _checked(values | _pairs(wanted.pairs))
    run(_add(account, wanted.key, as_json=wanted.as_json))


@group.command("list")
def listing(*, as_json: JsonFlag = False) -> None:
    """List every account; keys are never shown."""
    found = run(_every())
    if as_json:
        emit([_told(card, projects) for card, projects in found])
        return
    from sampan.cli import look

    columns = (">id", "name", "paid to", "payee", "currencies", "reference", "on", "projects")
    table = look.table("FPS accounts", *columns)
    for card, projects in found:
        account = card.account
        table.add_row(
            str(account.id),
            account.name,
            account.proxy,
            " ".join(filter(None, (account.payee_name, account.payee_name_zh))),
            account.currencies,
            account.reference_mode.value,
            "yes" if account.is_on else "no",
            ", ".join(map(str, projects)) or "–",
        )
    stdout().print(table if found else "No account yet; add one with: sampan fps add")


@group.command("show")
def show(account: AccountArgument, *, as_json: JsonFlag = False) -> None:
    """Show an account with the address for its bank's notices; the key is never shown."""

    async def shown(at: Desk, account_id: int) -> None:
        from sampan.storage import fps_accounts as kept

        now_us = at.clock.now_us()
        card = await at.read(lambda tx: kept.card(tx, account_id, now_us=now_us))
        projects = await at.read(lambda tx: kept.projects_of(tx, account_id))
        assert card is not None  # noqa: S101 - accounts are never deleted
        told = {**_told(card, list(projects)), "notices_to": _notices_to(at, account_id)}
        if as_json:
            emit(told)
            return
        from sampan.cli import look

        facts = look.facts(f"FPS account {account_id}")
        moments = {"key_set_us": "key since", "previous_key_until_us": "previous key until"}
        for field, value in told.items():
            if field in moments:
                facts.add_row(moments[field], look.moment(value))
            else:
                facts.add_row(field.replace("_", " "), _word(value))
        stdout().print(facts)

    run(at_account(account, shown))


@group.command("change")
def change(account: AccountArgument, *, pairs: SetOption = None, as_json: JsonFlag = False) -> None:
    """Change an account: `--set reference_mode=bill_number`, `--set is_on=false`, and so on."""
    values = _pairs(pairs)

    async def changed(at: Desk, account_id: int) -> None:
        from sampan.domain import fps_account as domain
        from sampan.flow import fps_accounts as flow

        def edit(before: "FpsAccount") -> "FpsAccount":
            try:
                return domain.changed(before, values)
            except ValueError as error:
                raise Failed(f"--set: {error}", exit_code=USAGE) from error

        act = act_of(at)
        after = await at.store.transact(lambda tx: flow.change(tx, account_id, edit=edit, act=act))
        if as_json:
            emit(_told(after.card if isinstance(after, flow.Meanwhile) else after, None))
        else:
            stdout().print(f"FPS account {account_id} changed.")

    run(at_account(account, changed))


@group.command("key")
def rotate_key(
    account: AccountArgument,
    *,
    key: KeyOption = None,
    overlap_s: Annotated[
        int,
        typer.Option(help="Seconds in which the old key still verifies.", min=0, max=OVERLAP_S_MAX),
    ] = 86_400,
    as_json: JsonFlag = False,
) -> None:
    """Give an account a new key for notices; the old one still verifies for a while."""
    _refuse_empty(key)

    async def rotated(at: Desk, account_id: int) -> None:
        from sampan.cli import look
        from sampan.flow import fps_accounts as flow
        from sampan.flow.projects import SECRET_BYTES, Rotation

        made, act = key or at.clock.token(SECRET_BYTES), act_of(at)
        rotation = Rotation(secret=made, overlap_s=overlap_s)
        await at.store.transact(lambda tx: flow.rotate(tx, account_id, rotation=rotation, act=act))
        until_us = act.now_us + overlap_s * 1_000_000
        if as_json:
            shown: dict[str, Any] = {"id": account_id, "previous_key_until_us": until_us}
            emit(shown if key else {**shown, "key": made})
            return
        if key is None:
            stdout().print(f"key  [bold]{made}[/]\n[dim]It is shown this once: keep it.[/]")
        stdout().print(f"The old key verifies until {look.moment(until_us)}.")

    run(at_account(account, rotated))


@group.command("attach")
def attach(
    account: AccountArgument,
    project: ProjectIdArgument,
    *,
    first: Annotated[bool, typer.Option("--first", help="Before the others it has.")] = False,
) -> None:
    """Let a project use an account; its setting `account_rule` chooses among several."""

    async def attached(at: Desk, account_id: int) -> None:
        from sampan.flow import fps_accounts as flow

        found, act = await at.project(project), act_of(at)

        def give(tx: "Tx") -> None:
            flow.attach(tx, project, account_id, act=act)
            if first:
                flow.put_first(tx, project, account_id, act=act)

        await at.store.transact(give)
        stdout().print(f"Project {project} uses FPS account {account_id}.")
        if found.settings.provider != "fps":
            advise(f"its provider is another one; sampan project set {project} --set provider=fps")

    run(at_account(account, attached))


@group.command("detach")
def detach(account: AccountArgument, project: ProjectIdArgument) -> None:
    """Let a project no longer use an account; codes that are out are still paid."""

    async def detached(at: Desk, account_id: int) -> None:
        from sampan.flow import fps_accounts as flow

        await at.project(project)
        act = act_of(at)
        await at.store.transact(lambda tx: flow.detach(tx, project, account_id, act=act))
        await seen_by_servers()
        stdout().print(f"Project {project} does not use FPS account {account_id}.")

    run(at_account(account, detached))


async def _add(account: "FpsAccount", key: str | None, *, as_json: bool) -> None:
    from sampan.flow import fps_accounts as flow
    from sampan.flow.projects import SECRET_BYTES

    async with desk() as at:
        chosen, act = key or at.clock.token(SECRET_BYTES), act_of(at)
        made = await at.store.transact(lambda tx: flow.add(tx, account, key=chosen, act=act))
        shown: dict[str, Any] = {"id": made.id, "name": made.name, "paid_to": made.proxy}
        shown["notices_to"] = _notices_to(at, made.id)
        if key is None:
            shown["key"] = chosen
    if as_json:
        emit(shown)
        return
    from sampan.cli import look

    facts = look.facts("FPS account added")
    for field, value in shown.items():
        facts.add_row(field.replace("_", " "), str(value))
    stdout().print(facts)
    if key is None:
        stdout().print("[dim]The key is shown this once: keep it.[/]")
    stdout().print(f"Let a project use it: sampan fps attach {made.id} PROJECT")


async def _every() -> "list[tuple[Card, list[int]]]":
    from sampan.storage import fps_accounts as kept

    async with desk() as at:
        now_us = at.clock.now_us()

        def look(tx: "Tx") -> "list[tuple[Card, list[int]]]":
            cards = kept.every(tx, now_us=now_us)
            return [(card, list(kept.projects_of(tx, card.account.id))) for card in cards]

        return await at.read(look)


def _notices_to(at: Desk, account_id: int) -> str:
    return f"{at.settings.public_url}/notifications/fps/{account_id}"


def _told(card: "Card", projects: list[int] | None) -> dict[str, Any]:
    import msgspec

    told: dict[str, Any] = msgspec.to_builtins(card.account)
    told |= {"key_set_us": card.key_set_us, "previous_key_until_us": card.previous_until_us}
    return told if projects is None else {**told, "projects": projects}


def _word(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "–"
    return str(value) or "–"


def _pairs(pairs: list[str] | None) -> dict[str, object]:
    values: dict[str, object] = {}
    for pair in pairs or ():
        name, equals, value = pair.partition("=")
        if not equals:
            raise Failed(f"--set takes KEY=VALUE, not {pair!r}", exit_code=USAGE)
        values[name.strip()] = value.strip()
    return values


def _checked(values: dict[str, object]) -> "FpsAccount":
    from sampan.domain.fps_account import account_of

    try:
        return account_of(values)
    except ValueError as error:
        raise Failed(str(error), exit_code=USAGE) from error


def _refuse_empty(key: str | None) -> None:
    if key == "":
        raise Failed("the key is empty: anybody could mark with it", exit_code=USAGE)
