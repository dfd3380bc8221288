"""`sampan mail`: see what became of e-mails, and try the mail server."""

from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from sampan.cli.common import USAGE, Failed, JsonFlag, desk, emit, load_settings, run, stdout

if TYPE_CHECKING:
    from sampan.settings import Settings
    from sampan.storage.mails import Mail

LIST_MAX = 10_000

group = typer.Typer(help="E-mail: the log, and a test.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(group, name="mail", rich_help_panel="Operate")


@group.command("test")
def send_test(
    to: Annotated[str, typer.Argument(metavar="TO", help="Whom to send it to.")],
    *,
    language: Annotated[Literal["en", "zh-hant", "zh"], typer.Option(help="Its language.")] = "en",
) -> None:
    """Send a test e-mail now; it does not stand in the log. Exit code 1 when it is not taken."""
    settings = load_settings()
    host = run(_send_test(settings, to, language=language))
    stdout().print(f"{host} took the test e-mail for {to}.", markup=False, soft_wrap=True)


@group.command("list")
def listing(
    *,
    status: Annotated[
        Literal["pending", "sending", "sent", "given up"] | None, typer.Option(help="Only these.")
    ] = None,
    limit: Annotated[int, typer.Option(help="At most so many.", min=1, max=LIST_MAX)] = 50,
    as_json: JsonFlag = False,
) -> None:
    """List e-mails, the newest first."""
    found = run(_newest(status, limit))
    if as_json:
        emit([_shown(mail) for mail in found])
        return
    from sampan.cli import look

    table = look.table("E-mails", ">id", "created", "kind", "to", "status", ">tries", "note")
    for mail in found:
        table.add_row(
            str(mail.id),
            look.moment(mail.created_us),
            mail.kind,
            mail.to_address,
            look.status(mail.status),
            str(mail.attempts_count),
            mail.note,
        )
    stdout().print(table if found else "No e-mails.")


async def _send_test(settings: "Settings", to: str, *, language: str) -> str:
    from sampan.clock import SystemClock
    from sampan.domain.mails import Trial
    from sampan.flow.mailing import Letter, draft
    from sampan.mail import Mailer, MailError
    from sampan.workers.mailing import message_of

    mailer = Mailer.of(settings)
    if mailer is None:
        raise Failed("mail is off; set SAMPAN_SMTP_HOST and SAMPAN_MAIL_FROM")
    now_us = SystemClock().now_us()
    try:
        mail = draft(Letter(to, Trial(at_us=now_us), language), key=0, now_us=now_us)
        await mailer.send(message_of(mail, mail.facts, server=mailer.server), to=to)
    except ValueError as error:
        raise Failed(f"{to}: this is not an e-mail address", exit_code=USAGE) from error
    except MailError as error:
        raise Failed(f"{error.kind}: {error}") from error
    finally:
        mailer.close()
    return settings.smtp_host


async def _newest(status: str | None, limit: int) -> "list[Mail]":
    from sampan.storage import mails

    async with desk() as at:
        return list(await at.read(lambda tx: mails.newest(tx, status=status, most=limit)))


def _shown(mail: "Mail") -> dict[str, Any]:
    """Return what the log says about a mail; never a link that lets somebody in."""
    return {
        "id": mail.id,
        "project_id": mail.project_id,
        "payment": mail.payment,
        "kind": mail.kind,
        "to": mail.to_address,
        "language": mail.language,
        "status": mail.status,
        "note": mail.note,
        "tries": mail.attempts_count,
        "created_us": mail.created_us,
        "finished_us": mail.finished_us,
    }
