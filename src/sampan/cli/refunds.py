"""`sampan refunds`: money of the merchant's own account that goes back to who paid it."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from sampan.cli.common import (
    ByOption,
    Desk,
    Failed,
    JsonFlag,
    WhyOption,
    desk,
    emit,
    run,
    stdout,
    with_options,
)
from sampan.cli.money import amount_minor, decided, find_credit, step_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from sampan.domain.money_decisions import Refund as Wish
    from sampan.flow.settle import Step
    from sampan.storage.engine import Tx
    from sampan.storage.refunds import Refund, RefundFile

LIST_MAX = 1_000

refunds = typer.Typer(
    help="Refunds from the merchant's own FPS account (project setting `refunds`).",
    no_args_is_help=True,
)
RefundArgument = Annotated[int, typer.Argument(metavar="ID", help="Refund id.", min=1)]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(refunds, name="refunds", rich_help_panel="Money")
    refunds.command("ask")(with_options(Asked, ask))
    refunds.command("file")(with_options(Filed, make_file))


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What `ask` is told."""

    credit_id: Annotated[
        int, typer.Argument(metavar="CREDIT", help="Credit whose money goes back.", min=1)
    ]
    amount: Annotated[str, typer.Argument(metavar="AMOUNT", help="How much, such as 12.50.")]
    to: Annotated[str, typer.Option(help="Name of who is paid.")]
    kind: Annotated[
        Literal["account", "fps_id", "mobile", "email"],
        typer.Option(help="What the number is."),
    ] = "account"
    number: Annotated[
        str, typer.Option(help="Account number, FPS ID, mobile number or e-mail address.")
    ]
    bank: Annotated[str, typer.Option(help="Clearing code of the payee's bank, 3 digits.")] = ""
    despite_doubts: Annotated[
        bool,
        typer.Option("--despite-doubts", help="Pay though this may be another than who paid."),
    ] = False
    by: ByOption
    why: WhyOption
    as_json: JsonFlag = False


def ask(asked: Asked) -> None:
    """Refund money of a credit; above the project's limit a second person has to approve it."""
    made = run(decided(lambda at: _wish(at, asked), by=asked.by, why=asked.why))
    if asked.as_json:
        emit({"decision": made.id, "status": made.status, "credit": made.credit})
    elif made.status == "proposed":
        stdout().print(f"Proposed as {made.id}; another person has to approve it.")
    else:
        stdout().print("Approved. Ask the bank for it: sampan refunds file")


@refunds.command("list")
def listing(
    *,
    status: Annotated[
        str | None,
        typer.Option(help="Only approved, exported, confirmed, failed or withdrawn ones."),
    ] = None,
    limit: Annotated[int, typer.Option(help="At most so many.", min=1, max=LIST_MAX)] = 50,
    as_json: JsonFlag = False,
) -> None:
    """List refunds, the newest first."""
    from sampan.domain.refunds import RefundStatus
    from sampan.storage import refunds as kept

    known = {one.value: one for one in RefundStatus}
    if status is not None and status not in known:
        raise Failed(f"not a status: {status}; say one of {', '.join(known)}")
    wanted = () if status is None else (known[status],)

    async def read() -> "list[Refund]":
        async with desk() as at:
            return list(await at.read(lambda tx: kept.page(tx, statuses=wanted, most=limit)))

    found = run(read())
    if as_json:
        emit([_told(one) for one in found])
        return
    stdout().print(_table(found) if found else "No refunds.")


@refunds.command("show")
def show(refund_id: RefundArgument, *, as_json: JsonFlag = False) -> None:
    """Show a refund."""
    from sampan.flow import refund_records

    async def read() -> "Refund":
        async with desk() as at:
            return await at.read(lambda tx: refund_records.find(tx, refund_id))

    _say(run(read()), as_json=as_json)


@dataclass(frozen=True, kw_only=True)
class Filed:
    """What `file` is told."""

    refund_ids: Annotated[
        list[int] | None,
        typer.Argument(metavar="ID…", help="Refunds; none: all that are approved."),
    ] = None
    form: Annotated[
        Literal["pain.001", "csv"], typer.Option("--format", help="What the bank takes.")
    ] = "pain.001"
    out: Annotated[
        Path | None, typer.Option(help="Where to write it; without it, its name is made.")
    ] = None
    again: Annotated[
        int | None, typer.Option(help="Write this file again that was made before.")
    ] = None
    by: ByOption = "command line"
    as_json: JsonFlag = False


def make_file(filed: Filed) -> None:
    """Write a file that asks the bank for approved refunds; they are exported from then on."""
    made = run(_make_file(filed))
    suffix = "csv" if made.format == "csv" else "xml"
    path = filed.out or Path(f"refunds-{made.id}.{suffix}")
    try:
        path.write_bytes(made.data)
    except OSError as error:
        told = f"cannot write {path}: {error.strerror}"
        raise Failed(f"{told}; once more: sampan refunds file --again {made.id}") from error
    if filed.as_json:
        emit({"file": made.id, "refunds": made.refunds_count, "path": str(path)})
    else:
        told = "1 refund is" if made.refunds_count == 1 else f"{made.refunds_count} refunds are"
        stdout().print(f"{told} in {path} (file {made.id}).")


@refunds.command("confirm")
def confirm(
    refund_id: RefundArgument,
    *,
    bank_txn_id: Annotated[str, typer.Option("--bank-id", help="The bank's id of it.")] = "",
    by: ByOption,
    why: WhyOption,
    as_json: JsonFlag = False,
) -> None:
    """Note that the bank has paid a refund; its debit on a bank file does that by itself."""
    from sampan.flow import refund_records

    def act(tx: "Tx", step: "Step") -> "Refund":
        return refund_records.confirm(tx, refund_id, bank_txn_id=bank_txn_id, step=step)

    _say(run(_acted(act, by=by, why=why)), as_json=as_json)


@refunds.command("fail")
def fail(
    refund_id: RefundArgument, *, by: ByOption, why: WhyOption, as_json: JsonFlag = False
) -> None:
    """Note that the bank did not pay an exported refund."""
    from sampan.flow import refund_records

    _say(
        run(_acted(lambda tx, step: refund_records.fail(tx, refund_id, step=step), by=by, why=why)),
        as_json=as_json,
    )


@refunds.command("withdraw")
def withdraw(
    refund_id: RefundArgument, *, by: ByOption, why: WhyOption, as_json: JsonFlag = False
) -> None:
    """Give up a refund that no bank was asked for."""
    from sampan.flow import refund_records

    def act(tx: "Tx", step: "Step") -> "Refund":
        return refund_records.withdraw(tx, refund_id, step=step)

    _say(run(_acted(act, by=by, why=why)), as_json=as_json)


@refunds.command("came-back")
def came_back(
    refund_id: RefundArgument, *, by: ByOption, why: WhyOption, as_json: JsonFlag = False
) -> None:
    """Note that the money of a paid refund is on the account again."""
    from sampan.flow import refund_records

    def act(tx: "Tx", step: "Step") -> "Refund":
        return refund_records.come_back(tx, refund_id, step=step)

    _say(run(_acted(act, by=by, why=why)), as_json=as_json)


async def _wish(at: Desk, asked: Asked) -> "Wish":
    from sampan import money
    from sampan.domain.money_decisions import Refund
    from sampan.domain.refunds import payee_of

    credit = await find_credit(at, asked.credit_id)
    values = {"name": asked.to, "kind": asked.kind, "number": asked.number, "bank_code": asked.bank}
    wanted_minor = amount_minor(asked.amount, credit.currency)
    try:
        payee = payee_of(values)
    except ValueError as error:
        raise Failed(str(error)) from error
    if not 1 <= wanted_minor <= credit.amount_minor:
        raise Failed(f"not more than came, {money.to_text(credit.amount_minor, credit.currency)}")
    return Refund(
        credit=credit.id,
        amount_minor=wanted_minor,
        payee=payee,
        despite_doubts=asked.despite_doubts,
    )


async def _make_file(filed: Filed) -> "RefundFile":
    from sampan.domain.refunds import RefundStatus
    from sampan.flow import refund_records
    from sampan.storage import refunds as kept

    async with desk() as at:
        if filed.again is not None:
            number = filed.again
            found = await at.read(lambda tx: kept.find_file(tx, number))
            if found is None:
                raise Failed(f"there is no file {number}")
            return found
        step = step_of(at, filed.by, why="for the bank")

        def make(tx: "Tx") -> "RefundFile":
            approved = (RefundStatus.APPROVED,)
            keys = filed.refund_ids or [
                one.id for one in kept.page(tx, statuses=approved, most=refund_records.FILE_MAX)
            ]
            return refund_records.make_file(tx, keys, filed.form, step=step)

        return await at.store.transact(make)


async def _acted(act: "Callable[[Tx, Step], Refund]", *, by: str, why: str) -> "Refund":
    async with desk() as at:
        if not by.strip() or not why.strip():
            raise Failed("a decision about money needs a person and a reason")
        step = step_of(at, by, why=why)
        return await at.store.transact(lambda tx: act(tx, step))


def _say(refund: "Refund", *, as_json: bool) -> None:
    from sampan.cli import look

    told = _told(refund)
    if as_json:
        emit(told)
        return
    facts = look.facts(f"Refund {refund.id}")
    payee = told.pop("payee")
    shown = told | {"to": f"{payee['name']}, {payee['kind']} {payee['number']}"}
    for name in ("status", "amount", "currency", "to", "reference", "credit", "doubts", "by"):
        value = shown[name]
        facts.add_row(name, ", ".join(value) if isinstance(value, list) else str(value))
    stdout().print(facts)


def _table(found: "list[Refund]") -> Any:  # noqa: ANN401 - a table of Rich
    from sampan import money
    from sampan.cli import look
    from sampan.flow import refund_records

    table = look.table("Refunds", ">id", "status", ">amount", "to", "reference", ">credit")
    for one in found:
        amount = money.to_display(one.amount_minor, one.currency)
        told = (one.status.value, amount, look.safe(one.payee.name))
        table.add_row(str(one.id), *told, refund_records.reference_of(one), str(one.credit))
    return table


def _told(refund: "Refund") -> dict[str, Any]:
    import msgspec

    from sampan import money
    from sampan.flow import refund_records

    told: dict[str, Any] = msgspec.to_builtins(refund)
    return told | {
        "amount": money.to_text(refund.amount_minor, refund.currency),
        "reference": refund_records.reference_of(refund),
    }
