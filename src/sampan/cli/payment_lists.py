"""`sampan payments list` and `find`: payments among many."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sampan.cli.common import USAGE, Failed, JsonFlag, desk, emit, run, stdout, with_options

if TYPE_CHECKING:
    from sampan.domain.statuses import PaymentStatus
    from sampan.storage.payment_lists import Filter, Page, PaymentRow

LIST_MAX = 10_000


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """The options of `list`: what is to be shown, and how."""

    project: Annotated[
        list[int] | None, typer.Option(metavar="N", help="Only of this project; repeatable.")
    ] = None
    status: Annotated[
        list[str] | None, typer.Option(metavar="S", help="Only in this status; repeatable.")
    ] = None
    currency: Annotated[
        list[str] | None, typer.Option(help="Only in this currency; repeatable.")
    ] = None
    since: Annotated[
        str | None, typer.Option(metavar="DATE", help="Made from this date or moment on (ISO).")
    ] = None
    until: Annotated[
        str | None, typer.Option(metavar="DATE", help="Made before this date or moment (ISO).")
    ] = None
    customer: Annotated[str | None, typer.Option(metavar="ID", help="Only of this customer.")] = (
        None
    )
    held: Annotated[bool, typer.Option("--held", help="Only with money that waits.")] = False
    most: Annotated[int, typer.Option(help="At most so many.", min=1, max=LIST_MAX)] = 50
    after: Annotated[
        str | None, typer.Option(metavar="CURSOR", help="Go on where a list ended.")
    ] = None
    as_json: JsonFlag = False


def register(group: typer.Typer) -> None:
    """Add the commands to the group of payments."""
    group.command("list")(with_options(Wanted, listing))
    group.command("find")(find)


def listing(wanted: Wanted) -> None:
    """List payments, the newest first.

    A date begins at midnight and a moment without an offset is meant in the time of this machine.
    """
    from sampan.storage import payment_lists

    chosen = _filter(wanted)

    async def read() -> "Page":
        async with desk() as at:
            return await at.read(
                lambda tx: payment_lists.page(tx, chosen, after=wanted.after, most=wanted.most)
            )

    try:
        found = run(read())
    except ValueError as error:
        raise Failed(f"--after: {error}", exit_code=USAGE) from error
    if wanted.as_json:
        emit({"payments": [_shown(row) for row in found.rows], "next": found.next})
        return
    _print(found.rows)
    if found.next:
        stdout().print(f"More: --after {found.next}", markup=False, soft_wrap=True)


def find(
    text: Annotated[
        str,
        typer.Argument(
            metavar="TEXT",
            help="A payment id, operation id, request id, customer id, or a bank's reference.",
        ),
    ],
    *,
    project: Annotated[int | None, typer.Option(help="Only of this project.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Find payments by an exact id of any kind. Exit code 1 when there is none."""
    from sampan.storage import payment_lists

    within = None if project is None else [project]

    async def read() -> "Sequence[PaymentRow]":
        async with desk() as at:
            return await at.read(lambda tx: payment_lists.search(tx, text, within))

    rows = run(read())
    if as_json:
        emit([_shown(row) for row in rows])
    else:
        _print(rows)
    if not rows:
        raise typer.Exit(1)


def _filter(wanted: Wanted) -> "Filter":
    from sampan.storage.payment_lists import Filter

    return Filter(
        project_ids=tuple(wanted.project or ()) or None,
        statuses=tuple(map(_status, wanted.status or ())) or None,
        currencies=tuple(each.upper() for each in wanted.currency or ()) or None,
        created_from_us=_moment("--since", wanted.since),
        created_to_us=_moment("--until", wanted.until),
        held=wanted.held,
        customer_id=wanted.customer,
    )


def _status(word: str) -> "PaymentStatus":
    from sampan.domain.statuses import PaymentStatus

    try:
        return PaymentStatus(word)
    except ValueError:
        known = ", ".join(PaymentStatus)
        raise Failed(f"--status: {word!r} is none of: {known}", exit_code=USAGE) from None


def _moment(option: str, given: str | None) -> int | None:
    """Read an ISO date or moment as microseconds."""
    if given is None:
        return None
    try:
        at = datetime.fromisoformat(given).astimezone(UTC)
    except (ValueError, OverflowError):
        told = f"{option}: {given!r} is no ISO date, such as 2030-01-31 or 2030-01-31T09:00+08:00"
        raise Failed(told, exit_code=USAGE) from None
    return (at - datetime.fromtimestamp(0, UTC)) // timedelta(microseconds=1)


def _shown(row: "PaymentRow") -> dict[str, Any]:
    import msgspec

    shown: dict[str, Any] = msgspec.to_builtins(row)
    return shown


def _print(rows: "Sequence[PaymentRow]") -> None:
    from sampan import money
    from sampan.cli import look

    if not rows:
        stdout().print("No payments.")
        return

    def amount(minor: int, currency: str) -> str:
        known = currency in money.DECIMALS
        return money.to_display(minor, currency) if known else f"{minor} {currency}"

    table = look.table(
        "Payments",
        "created",
        ">project",
        "payment",
        "status",
        ">asked",
        ">paid",
        "customer",
        "code",
    )
    for row in rows:
        status = look.status(row.status.value)
        table.add_row(
            look.moment(row.created_us),
            str(row.project_id),
            row.payment_id,
            status.append(" · held", "bold yellow") if row.held_count else status,
            amount(row.amount_minor, row.currency),
            amount(row.paid_minor, row.currency) if row.paid_minor else "–",
            row.customer_id,
            row.code or "–",
        )
    stdout().print(table)
