"""`sampan link`: payment links, made, shown and taken back."""

import re
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from sampan.cli.common import (
    USAGE,
    ByOption,
    Desk,
    Failed,
    JsonFlag,
    WhyOption,
    desk,
    emit,
    put,
    run,
    stdout,
    with_options,
)

if TYPE_CHECKING:
    from sampan.domain.page_links import PageLinks
    from sampan.domain.payment import Payment
    from sampan.flow.links import LinkRequest
    from sampan.storage.engine import Tx

_SPAN: Final = re.compile(r"([1-9][0-9]{0,4})([dhm])")
_UNITS: Final = {"d": "days", "h": "hours", "m": "minutes"}
_ID_BYTES: Final = 6

ProjectArgument = Annotated[int, typer.Argument(metavar="PROJECT", help="Project id.", min=1)]
PaymentArgument = Annotated[str, typer.Argument(metavar="PAYMENT_ID", help="The merchant's id.")]

group = typer.Typer(help="Payment links: payments under an address to send.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group.command("create")(with_options(Wanted, create))
    app.add_typer(group, name="link", rich_help_panel="Money")


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What `create` is told."""

    project: ProjectArgument
    amount: Annotated[str, typer.Argument(metavar="AMOUNT", help="Amount, like 100.00.")]
    currency: Annotated[str, typer.Option(help="HKD or CNY.")] = "HKD"
    payment_id: Annotated[
        str | None, typer.Option(help="Your id of the payment; made up when left out.")
    ] = None
    expires: Annotated[
        str,
        typer.Option(
            metavar="SPAN|DATE",
            help="Good for so long (7d, 12h, 30m), to the end of a date, or to a moment (ISO).",
        ),
    ] = "7d"
    description: Annotated[str, typer.Option(help="What is paid for; the customer sees it.")] = ""
    customer: Annotated[
        str | None, typer.Option(metavar="ID", help="Customer's id; the payment's when left out.")
    ] = None
    language: Annotated[str, typer.Option(help="Language of the page: en, zh-hant or zh.")] = ""
    email: Annotated[str, typer.Option(help="Customer's e-mail address.")] = ""
    by: ByOption = "command line"
    as_json: JsonFlag = False


@dataclass(frozen=True)
class Shown:
    """A link with its payment as it stands."""

    payment: "Payment"
    url: str

    @property
    def open(self) -> bool:
        """Whether the customer has not confirmed yet, and may."""
        from sampan.domain.statuses import LINK_OPEN

        return self.payment.status in LINK_OPEN


def create(wanted: Wanted) -> None:
    """Make a payment link and print its address; the merchant is told by callback, too."""
    shown = run(_create(wanted))
    if wanted.as_json:
        emit(_told(shown))
        return
    put(shown.url)
    _draw(shown)
    out = stdout()
    until = _moment(shown.payment.best_before_us)
    out.print(f"Payment {shown.payment.id}, good until {until}.", markup=False, soft_wrap=True)


@group.command("show")
def show(
    project: ProjectArgument, payment_id: PaymentArgument, *, as_json: JsonFlag = False
) -> None:
    """Show a link: how its payment stands, its address, and a QR of the address while it is open.

    That QR is for a camera, which opens the page; a bank app pays the one on the page.
    """
    shown = run(_show(project, payment_id))
    if as_json:
        emit(_told(shown))
        return
    from sampan.cli import look

    told = _told(shown)
    table = look.facts("Payment link")
    for name in ("payment_id", "amount", "description"):
        table.add_row(name.replace("_", " "), told[name] or "–")
    table.add_row("status", look.status(told["status"]))
    table.add_row("good until", _moment(shown.payment.best_before_us))
    stdout().print(table)
    put(shown.url)
    _draw(shown)


@group.command("cancel")
def cancel(
    project: ProjectArgument,
    payment_id: PaymentArgument,
    *,
    by: ByOption,
    why: WhyOption,
    as_json: JsonFlag = False,
) -> None:
    """Take a link back that its customer has not confirmed. A repeat changes nothing."""
    if not by.strip() or not why.strip():
        raise Failed("--by and --why must say something", exit_code=USAGE)
    shown = run(_cancel(project, payment_id, by=by, why=why))
    if as_json:
        emit(_told(shown))
    else:
        stdout().print(f"{shown.payment.id}: {shown.payment.status}", markup=False)


async def _create(wanted: Wanted) -> Shown:
    from sampan.flow import links
    from sampan.flow.sale import faults_of_amount, new_request_id
    from sampan.flow.settle import Step

    async with desk() as at:
        project = await at.project(wanted.project)
        if not project.settings.enabled:
            raise Failed(f"project {project.id} takes no payments")
        request, office = _request(wanted, at), at.office
        # Through Gate it would be a payment in error; a person is better told at once.
        for fault in faults_of_amount(
            project.settings, request.currency, amount_minor=request.amount_minor
        ):
            raise Failed(f"{fault.field}: {fault.message}", exit_code=USAGE)
        request_id = new_request_id(at.clock, project.id)
        step = Step(at.clock.now_us(), f"staff:{wanted.by}", request_id)
        made = await at.store.transact(
            lambda tx: links.create(tx, project, request, office=office, step=step)
        )
    return Shown(made.payment, made.url)


async def _show(project_id: int, payment_id: str) -> Shown:
    async with desk() as at:
        links = at.office.links
        return await at.read(lambda tx: _found(tx, project_id, payment_id, links=links))


async def _cancel(project_id: int, payment_id: str, *, by: str, why: str) -> Shown:
    from sampan.flow import links
    from sampan.flow.settle import Step

    async with desk() as at:
        project, office = await at.project(project_id), at.office
        step = Step(at.clock.now_us(), f"staff:{by}", why)

        def change(tx: "Tx") -> Shown:
            links.cancel(tx, project, payment_id, office=office, step=step)
            return _found(tx, project_id, payment_id, links=office.links)

        return await at.store.transact(change)


def _found(tx: "Tx", project_id: int, payment_id: str, *, links: "PageLinks") -> Shown:
    from sampan.domain.statuses import Origin
    from sampan.flow.links import url_of
    from sampan.storage import payments

    payment = payments.payment_by_id(tx, project_id, payment_id)
    if payment is None or payment.origin is not Origin.LINK:
        raise Failed(f"project {project_id} has no payment link {payment_id!r}")
    return Shown(payment, url_of(links, payment))


def _request(wanted: Wanted, at: Desk) -> "LinkRequest":
    from sampan import money
    from sampan.clock import DAY_US
    from sampan.domain import texts
    from sampan.domain.payment import Customer
    from sampan.flow.links import OPEN_DAYS_MAX, LinkRequest

    currency = wanted.currency.upper()
    payment_id = wanted.payment_id or f"link-{at.clock.token(_ID_BYTES)}"
    customer = wanted.customer or payment_id
    if currency not in money.DECIMALS:
        raise Failed("--currency: must be HKD or CNY", exit_code=USAGE)
    try:
        amount_minor = money.from_text(wanted.amount, currency)
    except ValueError as error:
        raise Failed(f"AMOUNT: {error}", exit_code=USAGE) from error
    for fits, told in (
        (texts.is_payment_id(payment_id), "--payment-id: 1 to 255 characters, no `;`"),
        (len(customer) <= texts.TEXT_CHARS_MAX, "--customer: at most 255 characters"),
        (len(wanted.description) <= texts.TEXT_CHARS_MAX, "--description: at most 255 characters"),
        (not wanted.email or texts.is_email(wanted.email), "--email: no e-mail address"),
        (1 <= amount_minor <= money.AMOUNT_MINOR_MAX, "AMOUNT: must be above nothing"),
    ):
        if not fits:
            raise Failed(told, exit_code=USAGE)
    now_us = at.clock.now_us()
    until_us = _until_us(wanted.expires, now_us=now_us)
    if not now_us < until_us <= now_us + OPEN_DAYS_MAX * DAY_US:
        told = f"--expires: must lie ahead, by at most {OPEN_DAYS_MAX} days"
        raise Failed(told, exit_code=USAGE)
    return LinkRequest(
        payment_id=payment_id,
        amount_minor=amount_minor,
        currency=currency,
        customer=Customer(id=customer, email=wanted.email),
        best_before_us=until_us,
        description=wanted.description,
        language=wanted.language.lower(),
    )


def _until_us(text: str, *, now_us: int) -> int:
    """Read how long a link is good: a span, or a date or moment in the time of this machine."""
    epoch, microsecond = datetime.fromtimestamp(0, UTC), timedelta(microseconds=1)
    span = _SPAN.fullmatch(text)
    if span:
        return now_us + timedelta(**{_UNITS[span[2]]: int(span[1])}) // microsecond
    try:
        at = datetime.fromisoformat(text)
        whole_day = "T" not in text and " " not in text
        at = at + timedelta(days=1) if whole_day else at
        return (at.astimezone(UTC) - epoch) // microsecond
    except (ValueError, OverflowError):
        told = f"--expires: {text!r} is neither a span (7d, 12h, 30m) nor an ISO date or moment"
        raise Failed(told, exit_code=USAGE) from None


def _told(shown: Shown) -> dict[str, Any]:
    from sampan import money
    from sampan.domain.callback import wire_time

    payment = shown.payment
    return {
        "project_id": payment.project_id,
        "payment_id": payment.id,
        "status": payment.status.value,
        "amount": money.to_display(payment.amount_minor, payment.currency),
        "amount_minor": payment.amount_minor,
        "currency": payment.currency,
        "description": payment.description,
        "customer_id": payment.customer.id,
        "expires_at": wire_time(payment.best_before_us or 0),
        "payment_link": shown.url,
    }


def _moment(us: int | None) -> str:
    from sampan.cli import look

    return look.moment(us)


def _draw(shown: Shown) -> None:
    if not sys.stdout.isatty() or not shown.open:
        return
    from sampan.cli import look

    out = stdout()
    out.print()
    out.print(look.qr(out, shown.url))
