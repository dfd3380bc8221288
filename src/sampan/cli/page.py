"""`sampan page`: signed addresses, a project's looks, and taking a page back."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final
from urllib.parse import urlencode

import typer

from sampan.cli.common import (
    USAGE,
    Failed,
    JsonFlag,
    ProjectOption,
    desk,
    emit,
    load_settings,
    put,
    run,
    stdout,
)

if TYPE_CHECKING:
    from sampan.domain.look import Look, Picture
    from sampan.storage.page_styles import Style

NUMBER_MAX: Final = 999_999_999

NumberOption = Annotated[
    int,
    typer.Option(help="The `style_id` of requests; 0 is the usual look.", min=0, max=NUMBER_MAX),
]
FileOption = Annotated[
    Path | None, typer.Option(exists=True, dir_okay=False, help="A PNG, JPEG or WebP up to 64 KiB.")
]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="A parameter; may be given many times."),
]

group = typer.Typer(help="The Payment Page: addresses and looks.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(group, name="page", rich_help_panel="Integrate")


@group.command("url")
def url(
    payment_id: Annotated[str, typer.Argument(metavar="PAYMENT_ID", help="The merchant's id.")],
    *,
    project: ProjectOption,
    amount: Annotated[int, typer.Option(help="Minor units.", min=1)] = 10_000,
    currency: Annotated[str, typer.Option(help="HKD or CNY.")] = "HKD",
    pairs: SetOption = None,
) -> None:
    """Print a signed address that opens the Payment Page of this server."""
    fields = {
        "project_id": str(project),
        "payment_id": payment_id,
        "payment_amount": str(amount),
        "payment_currency": currency,
        "customer_id": "customer-1",
    }
    for pair in pairs or ():
        name, equals, value = pair.partition("=")
        if not equals:
            raise Failed(f"--set wants NAME=VALUE, not {pair!r}", exit_code=USAGE)
        fields[name] = value
    put(run(_url(project, fields)))


@group.command("look")
def look(  # noqa: PLR0913 - a command's parameters are its options
    *,
    project: ProjectOption,
    number: NumberOption = 0,
    name: Annotated[str | None, typer.Option(help="What people call it.")] = None,
    title: Annotated[str | None, typer.Option(help="Stands for the project's name.")] = None,
    accent: Annotated[str | None, typer.Option(help="Colour of buttons: #rrggbb.")] = None,
    background: Annotated[str | None, typer.Option(help="Colour of the page: #rrggbb.")] = None,
    logo: FileOption = None,
    artwork: FileOption = None,
    remove: Annotated[bool, typer.Option("--remove", help="Remove this look.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Show a look of the Payment Page, or change what is given; an empty text takes it away."""
    texts = {"title": title, "accent": accent, "background": background}
    wanted: dict[str, Any] = {key: text for key, text in texts.items() if text is not None}
    for key, file in (("logo", logo), ("artwork", artwork)):
        if file is not None:
            wanted[key] = _picture(file)
    if remove:
        run(_remove(project, number))
        return
    style = run(_change(project, number, name=name, wanted=wanted))
    shown = _shown(style)
    if as_json:
        emit(shown)
        return
    from sampan.cli import look as looks

    table = looks.facts("Look of the Payment Page")
    for key, value in shown.items():
        table.add_row(key, str(value) or "–")
    stdout().print(table)


@group.command("cancel")
def cancel(
    payment_id: Annotated[str, typer.Argument(metavar="PAYMENT_ID", help="The merchant's id.")],
    *,
    project: ProjectOption,
    as_json: JsonFlag = False,
) -> None:
    """Take back pages that were opened and whose payment has not begun."""
    count = run(_cancel(project, payment_id))
    if as_json:
        emit({"payment_id": payment_id, "cancelled": count})
    elif count:
        stdout().print(f"Cancelled; who opens the page is told so ({count}).")
    if not count:
        raise Failed("no page of this payment id waits for its customer")


async def _url(project_id: int, fields: dict[str, str]) -> str:
    from sampan.codecs.signature import sign

    settings = load_settings()
    async with desk(settings) as at:
        project = await at.project(project_id)
    signed = fields | {"signature": sign(project.secrets[0], fields)}
    return f"{settings.public_url}/payment?{urlencode(signed)}"


async def _change(
    project_id: int, number: int, *, name: str | None, wanted: dict[str, Any]
) -> "Style":
    import msgspec

    from sampan.cli.projects import act_of
    from sampan.domain.look import Look
    from sampan.flow import designs
    from sampan.storage import page_styles
    from sampan.storage.engine import Tx
    from sampan.storage.page_styles import Style

    async with desk() as at:
        await at.project(project_id)
        act = act_of(at)

        def change(tx: Tx) -> Style:
            styles = {one.number: one for one in page_styles.of_project(tx, project_id)}
            kept = styles.get(number)
            before: Look = kept.look if kept else Look()
            after = msgspec.structs.replace(before, **wanted)
            style = Style(
                number=number,
                name=name if name is not None else (kept.name if kept else ""),
                look=_checked(after),
                updated_us=act.now_us,
            )
            if wanted or name is not None:
                designs.keep(tx, project_id, style, act=act)
            return style

        return await at.store.transact(change)


async def _remove(project_id: int, number: int) -> None:
    from sampan.cli.projects import act_of
    from sampan.flow import designs

    async with desk() as at:
        await at.project(project_id)
        act = act_of(at)
        removed = await at.store.transact(
            lambda tx: designs.remove(tx, project_id, number, act=act)
        )
    if not removed:
        raise Failed(f"the project has no look {number}")


async def _cancel(project_id: int, payment_id: str) -> int:
    from sampan.storage import page_sessions

    async with desk() as at:
        await at.project(project_id)
        now_us = at.clock.now_us()
        return await at.store.transact(
            lambda tx: page_sessions.cancel(tx, project_id, payment_id, now_us=now_us)
        )


def _checked(look: "Look") -> "Look":
    """Return the look. Raises `Failed` for what it must not hold."""
    import msgspec

    try:
        return msgspec.json.decode(msgspec.json.encode(look), type=type(look))
    except msgspec.ValidationError as error:
        raise Failed(f"no such look: {error}", exit_code=USAGE) from error


def _picture(file: Path) -> "Picture":
    """Read a picture. Raises `Failed` for a file that is too large or no picture."""
    from sampan.codecs.pictures import media_type
    from sampan.codecs.qr_image import ImageError
    from sampan.domain.look import PICTURE_BYTES_MAX, Picture

    data = file.read_bytes()
    if len(data) > PICTURE_BYTES_MAX:
        raise Failed(f"{file} has more than {PICTURE_BYTES_MAX // 1024} KiB", exit_code=USAGE)
    try:
        return Picture(media_type(data), data)
    except ImageError as error:
        raise Failed(f"{file}: {error}", exit_code=USAGE) from error


def _shown(style: "Style") -> dict[str, Any]:
    look = style.look
    return {
        "number": style.number,
        "name": style.name,
        "title": look.title,
        "accent": look.accent,
        "background": look.background,
        "logo": f"{look.logo.media_type}, {len(look.logo.data)} bytes" if look.logo else "",
        "artwork": f"{look.artwork.media_type}, {len(look.artwork.data)} bytes"
        if look.artwork
        else "",
    }
