"""`sampan payments`: a payment's whole story, and decisions about money that does not fit."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sampan.cli import payment_lists
from sampan.cli.common import (
    ByOption,
    Failed,
    JsonFlag,
    ProjectOption,
    WhyOption,
    advise,
    desk,
    emit,
    run,
    stdout,
)

if TYPE_CHECKING:
    from sampan.domain.payment import Operation, Payment
    from sampan.storage.callbacks import Attempt, Callback
    from sampan.storage.credits import Credit
    from sampan.storage.decisions import Decision
    from sampan.storage.engine import Tx
    from sampan.storage.journal import Entry

ID_CHARS_SHOWN = 40
PaymentArgument = Annotated[str, typer.Argument(metavar="PAYMENT_ID", help="The merchant's id.")]

group = typer.Typer(help="Payments and what staff decide about them.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    payment_lists.register(group)
    app.add_typer(group, name="payments", rich_help_panel="Money")


@dataclass(frozen=True)
class Story:
    """Everything that is known about a payment."""

    payment: "Payment"
    operations: "list[Operation]"
    journal: "list[Entry]"
    credits: "list[Credit]"
    callbacks: "list[tuple[Callback, list[Attempt]]]"


@group.command("show")
def show(payment_id: PaymentArgument, *, project: ProjectOption, as_json: JsonFlag = False) -> None:
    """Show a payment's whole story: operations, journal, credits and callbacks."""
    story = run(_story(project, payment_id))
    if as_json:
        emit(_shown(story))
    else:
        _print(story)


@group.command("accept")
def accept(
    payment_id: PaymentArgument,
    *,
    project: ProjectOption,
    by: ByOption,
    why: WhyOption,
    as_json: JsonFlag = False,
) -> None:
    """Take the money that waits for a payment as the payment."""
    _print_decision(run(_decide("accept", payment_id, project_id=project, by=by, why=why)), as_json)


@group.command("decline")
def decline(
    payment_id: PaymentArgument,
    *,
    project: ProjectOption,
    by: ByOption,
    why: WhyOption,
    as_json: JsonFlag = False,
) -> None:
    """Give a waiting payment up; its money stays as unapplied credits."""
    _print_decision(
        run(_decide("decline", payment_id, project_id=project, by=by, why=why)), as_json
    )


def _found(tx: "Tx", project_id: int, *, payment_id: str) -> "Payment":
    from sampan.storage import payments

    payment = payments.payment_by_id(tx, project_id, payment_id)
    if payment is None:
        raise Failed(f"project {project_id} has no payment {payment_id!r}")
    return payment


async def _story(project_id: int, payment_id: str) -> Story:
    from sampan.storage import callbacks, journal, payments
    from sampan.storage import credits as kept

    def read(tx: "Tx") -> Story:
        payment = _found(tx, project_id, payment_id=payment_id)
        return Story(
            payment,
            list(payments.operations_of(tx, payment.key)),
            list(journal.of_payment(tx, payment.key)),
            list(kept.of_payment(tx, payment.key)),
            [
                (callback, list(callbacks.attempts_of(tx, callback.id)))
                for callback in callbacks.of_payment(tx, payment.key)
            ],
        )

    async with desk() as at:
        return await at.read(read)


async def _decide(what: str, payment_id: str, *, project_id: int, by: str, why: str) -> "Payment":
    from sampan.domain.money_decisions import Accept, Decline
    from sampan.flow import credit_decisions
    from sampan.flow.settle import Step

    kind = Accept if what == "accept" else Decline
    async with desk() as at:
        await at.project(project_id)
        step = Step(at.clock.now_us(), f"staff:{by}" if by.strip() else "", why)

        def change(tx: "Tx") -> "tuple[Payment, Decision]":
            payment = _found(tx, project_id, payment_id=payment_id)
            wish = kind(payment=payment.key)
            made = credit_decisions.decide(tx, wish, find_project=at.projects.in_tx, step=step)
            return _found(tx, project_id, payment_id=payment_id), made

        payment, made = await at.store.transact(change)
    if made.status == "proposed":
        advise(f"proposed as {made.id}; another person has to approve it")
    return payment


def _print_decision(payment: "Payment", as_json: bool) -> None:  # noqa: FBT001 - the flag itself
    if as_json:
        shown = {"id": payment.id, "status": payment.status.value, "paid_minor": payment.paid_minor}
        emit(shown)
        return
    from sampan import money

    paid = f", paid {money.to_display(payment.paid_minor, payment.currency)}"
    told = f"Payment {payment.id} is now: {payment.status.value}"
    stdout().print(told + (paid if payment.paid_minor else ""), markup=False)


def _shown(story: Story) -> dict[str, Any]:
    import msgspec

    from sampan.cli.books import shown_credit
    from sampan.cli.callbacks import shown_attempt

    return {
        "payment": msgspec.to_builtins(story.payment),
        "operations": msgspec.to_builtins(story.operations),
        "journal": msgspec.to_builtins(story.journal),
        "credits": [shown_credit(each) for each in story.credits],
        "callbacks": [
            {
                **msgspec.structs.asdict(callback),
                "body": msgspec.json.decode(callback.body),
                "attempts": [shown_attempt(each) for each in attempts],
            }
            for callback, attempts in story.callbacks
        ],
    }


def _print(story: Story) -> None:
    from sampan.cli.books import credits_table

    out = stdout()
    out.print(_head(story.payment))
    out.print(_operations(story))
    out.print(_time_line(story))
    if story.credits:
        out.print(credits_table(story.credits))


def _head(payment: "Payment") -> Any:  # noqa: ANN401 - a table of Rich
    from sampan import money
    from sampan.cli import look

    def amount(minor: int) -> str:
        known = payment.currency in money.DECIMALS
        return money.to_display(minor, payment.currency) if known else f"{minor} {payment.currency}"

    facts = look.facts(f"Payment {payment.id} of project {payment.project_id}")
    facts.add_row("status", look.status(payment.status.value))
    facts.add_row("amount", amount(payment.amount_minor))
    if payment.paid_minor:
        facts.add_row("paid", amount(payment.paid_minor))
    if payment.held_count:
        facts.add_row("waiting for staff", f"{payment.held_count} credit(s)")
    facts.add_row("description", payment.description or "–")
    facts.add_row("customer", payment.customer.id)
    facts.add_row("created", look.moment(payment.created_us))
    facts.add_row("finished", look.moment(payment.finished_us))
    for fault in payment.faults:
        facts.add_row("fault", f"{fault.code} {fault.message} {fault.field}".strip())
    return facts


def _operations(story: Story) -> Any:  # noqa: ANN401 - a table of Rich
    from sampan import money
    from sampan.cli import look
    from sampan.domain import reference
    from sampan.domain.statuses import OperationType

    table = look.table("Operations", ">id", "type", "status", ">amount", "code", "reference")
    for each in story.operations:
        known = each.currency in money.DECIMALS
        shown = money.to_display(each.amount_minor, each.currency) if known else "–"
        code = f"{each.code} {each.message}".strip()
        paid_by = reference.encode(each.id) if each.type is OperationType.SALE else "–"
        row = (shown, code, paid_by)
        table.add_row(str(each.id), each.type.value, look.status(each.status.value), *row)
    return table


def _short(words: str) -> str:
    """Cut a long id that nobody reads; sentences stay whole."""
    return words if len(words) <= ID_CHARS_SHOWN or " " in words else f"{words[:12]}…"


def _time_line(story: Story) -> Any:  # noqa: ANN401 - a table of Rich
    """Return journal, credits, callbacks and attempts in the order in which they happened."""
    from rich.text import Text

    from sampan import money
    from sampan.cli import look
    from sampan.cli.callbacks import was_taken
    from sampan.clock import DAY_US

    lines: list[tuple[int, str, Text | str, str]] = []
    for entry in story.journal:
        moved = Text(entry.what)
        if entry.status_to and entry.status_to != entry.status_from:
            moved.append(" → ").append_text(look.status(entry.status_to))
        lines.append((entry.at_us, entry.by, moved, _short(entry.why)))
    for credit in story.credits:
        told = f"{money.to_display(credit.amount_minor, credit.currency)} arrived"
        lines.append((credit.received_us, "bank", told, credit.bank_txn_id))
    for callback, attempts in story.callbacks:
        if not attempts:
            state = Text(f"callback {callback.kind} ").append_text(look.status(callback.status))
            lines.append((callback.created_us, "sampan", state, callback.note))
        for each in attempts:
            sent = look.mark(was_taken(each)).append(
                f" callback {callback.kind}, attempt {each.number}", ""
            )
            answer = each.error or f"{each.http_status} in {each.duration_ms} ms"
            lines.append((each.at_us, "sampan", sent, answer))
    table = look.table("Time line", "at", "by", "what", "detail")
    lines.sort(key=lambda line: line[0])
    # The story of a link may go on for weeks.
    days = bool(lines) and lines[-1][0] - lines[0][0] > DAY_US
    for at_us, by, what, detail in lines:
        at = look.moment(at_us) if days else look.clock_time(at_us)
        table.add_row(at, by, what, detail)
    return table
