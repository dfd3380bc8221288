"""`sampan callbacks`: listen as a merchant; list, show and resend as staff."""

import signal
from threading import Thread
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sampan.cli.common import Failed, JsonFlag, desk, emit, run, say, stdout

if TYPE_CHECKING:
    from sampan.cli.listening import Heard
    from sampan.storage.callbacks import Attempt, Callback

IdArgument = Annotated[int, typer.Argument(metavar="ID", help="Callback id.", min=1)]
LIST_MAX = 10_000
BODY_LINES_MAX = 60

group = typer.Typer(help="Callbacks: receive, inspect and resend them.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(group, name="callbacks", rich_help_panel="Integrate")


@group.command("listen")
def listen(
    *,
    port: Annotated[int, typer.Option(help="Port; 0 takes any free one.", min=0, max=65_535)],
    secret: Annotated[str, typer.Option(help="The project's secret.")],
    fail_first: Annotated[
        int, typer.Option(help="Answer 500 to so many callbacks first.", min=0)
    ] = 0,
    as_json: JsonFlag = False,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
) -> None:
    """Receive callbacks as a merchant would, verify their signatures and print them."""
    from sampan.cli.listening import Listener

    if not secret:
        raise Failed("the secret is empty", exit_code=2)
    tell = _tell_json if as_json else _teller()
    try:
        listener = Listener((host, port), [secret], fail_first=fail_first, tell=tell)
    except OSError as error:
        raise Failed(f"cannot listen on {host}:{port}: {error.strerror}") from error
    # shutdown() waits for the loop that this handler interrupts, hence another thread.
    stop = Thread(target=listener.shutdown, daemon=True)

    def end(*_: object) -> None:
        if stop.ident is None:
            stop.start()

    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, end)
    with listener:
        say(f"Listening for callbacks at http://{host}:{listener.server_port}/ (stop: Ctrl-C)")
        listener.serve_forever(poll_interval=0.1)


@group.command("list")
def listing(
    *,
    project: Annotated[int | None, typer.Option(help="Only of this project.")] = None,
    status: Annotated[
        str | None,
        typer.Option(help="Only pending, sending, delivered, exhausted or dropped ones."),
    ] = None,
    limit: Annotated[int, typer.Option(help="At most so many.", min=1, max=LIST_MAX)] = 50,
    as_json: JsonFlag = False,
) -> None:
    """List callbacks, the newest first."""
    from sampan.storage import callback_lists
    from sampan.storage.callback_lists import Filter

    async def read() -> "list[Callback]":
        async with desk() as at:
            return list(
                await at.read(
                    lambda tx: callback_lists.newest(
                        tx, Filter(project_id=project, status=status), most=limit
                    )
                )
            )

    found = run(read())
    if as_json:
        emit([_shown(callback) for callback in found])
        return
    from sampan.cli import look

    table = look.table(
        "Callbacks", ">id", "created", ">project", "payment", "kind", "status", ">tries", "to"
    )
    for callback in found:
        table.add_row(
            str(callback.id),
            look.moment(callback.created_us),
            str(callback.project_id),
            _payment_id(callback),
            callback.kind,
            look.status(callback.status),
            str(callback.attempts_count),
            callback.url or callback.note,
        )
    stdout().print(table if found else "No callbacks.")


@group.command("show")
def show(callback_id: IdArgument, *, as_json: JsonFlag = False) -> None:
    """Show a callback with its body and every attempt to deliver it."""
    from sampan.storage import callbacks

    async def read() -> "tuple[Callback, list[Attempt]]":
        async with desk() as at:
            found = await at.read(
                lambda tx: (callbacks.find(tx, callback_id), callbacks.attempts_of(tx, callback_id))
            )
        callback, attempts = found
        if callback is None:
            raise _unknown(callback_id)
        return callback, list(attempts)

    callback, attempts = run(read())
    if as_json:
        emit({**_shown(callback), "attempts": [shown_attempt(each) for each in attempts]})
        return
    _print(callback, attempts)


@group.command("resend")
def resend(callback_id: IdArgument, *, as_json: JsonFlag = False) -> None:
    """Send a callback again now, whatever became of it."""
    run(_resend(callback_id))
    if as_json:
        emit({"id": callback_id, "status": "pending"})
    else:
        stdout().print(f"Callback {callback_id} goes out again.")


def shown_attempt(attempt: "Attempt") -> dict[str, Any]:
    """Return an attempt as the JSON output has it."""
    import msgspec

    shown: dict[str, Any] = msgspec.structs.asdict(attempt)
    return shown


def was_taken(attempt: "Attempt") -> bool:
    """Whether the merchant took the callback: any 2xx."""
    return attempt.http_status is not None and attempt.http_status // 100 == 2  # noqa: PLR2004


async def _resend(callback_id: int) -> None:
    from sampan.flow import delivery, telling
    from sampan.storage import callbacks
    from sampan.storage.engine import Tx

    async with desk() as at:
        now_us = at.clock.now_us()

        def again(tx: Tx) -> None:
            callback = callbacks.find(tx, callback_id)
            if callback is None:
                raise _unknown(callback_id)
            if not callback.url:
                raise Failed(f"callback {callback_id} has no address: {callback.note}")
            lane = telling.lane(callback.url)
            if not delivery.resend(tx, callback, lane=lane, by="command line", now_us=now_us):
                raise Failed(f"callback {callback_id} is being sent just now")

        await at.store.transact(again)


def _unknown(callback_id: int) -> Failed:
    return Failed(f"there is no callback {callback_id}; see: sampan callbacks list")


def _shown(callback: "Callback") -> dict[str, Any]:
    import msgspec

    shown: dict[str, Any] = msgspec.structs.asdict(callback)
    return {
        **shown,
        "payment_id": _payment_id(callback),
        "body": msgspec.json.decode(callback.body),
    }


def _payment_id(callback: "Callback") -> str:
    import msgspec

    return str(msgspec.json.decode(callback.body).get("payment", {}).get("id", ""))


def _print(callback: "Callback", attempts: "list[Attempt]") -> None:
    import json

    from rich.syntax import Syntax

    from sampan.cli import look

    out = stdout()
    facts = look.facts(f"Callback {callback.id}")
    facts.add_row("payment", f"{_payment_id(callback)} of project {callback.project_id}")
    facts.add_row("kind", callback.kind)
    facts.add_row("status", look.status(callback.status))
    facts.add_row("address", callback.url or "–")
    facts.add_row("created", look.moment(callback.created_us))
    facts.add_row("finished", look.moment(callback.finished_us))
    facts.add_row("note", callback.note or "–")
    out.print(facts)
    table = look.table("Attempts", ">#", "at", "answer", ">ms", "said")
    for each in attempts:
        table.add_row(
            str(each.number),
            look.moment(each.at_us),
            look.mark(was_taken(each)).append(f" {each.http_status or 'none'}"),
            str(each.duration_ms),
            each.error or each.answer[:200],
        )
    if attempts:
        out.print(table)
    body = json.dumps(json.loads(callback.body), ensure_ascii=False, indent=2)
    out.print(Syntax(body, "json", background_color="default", word_wrap=True))


def _tell_json(heard: "Heard") -> None:
    emit(
        {
            "status": heard.status,
            "payment_id": heard.payment_id,
            "signature_valid": heard.signature_valid,
            "attempt": heard.attempt,
            "body": heard.body,
        }
    )


def _teller() -> Any:  # noqa: ANN401 - a function that prints
    """Return what prints a callback for a person."""
    from rich.text import Text

    from sampan.cli import look
    from sampan.clock import SystemClock

    out, clock = stdout(), SystemClock()

    def tell(heard: "Heard") -> None:
        line = Text(f"{look.clock_time(clock.now_us())}  ", "dim")
        line.append_text(look.mark(heard.signature_valid))
        word = "signature valid" if heard.signature_valid else "signature INVALID"
        line.append(f" {word:<18}", "green" if heard.signature_valid else "bold red")
        line.append(f"{look.safe(heard.payment_id) or '(no payment)'}  ", "bold")
        line.append_text(look.status(look.safe(heard.status) or "unreadable"))
        if heard.operation_status:
            line.append(look.safe(f"  operation {heard.operation_status} {heard.code}"), "dim")
        line.append(f"  attempt {heard.attempt} → {heard.answered}", "dim")
        out.print(line, soft_wrap=True)

    return tell
