"""`sampan ledger` and `sampan credits`: the books, and money that fits no payment."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from sampan.cli.common import (
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
    from sampan.flow.proof import Check, Proof
    from sampan.storage.credits import Credit

LIST_MAX = 10_000

ledger = typer.Typer(help="The double-entry ledger.", no_args_is_help=True)
credit = typer.Typer(help="Credits: money that the banks say arrived.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(ledger, name="ledger", rich_help_panel="Money")
    app.add_typer(credit, name="credits", rich_help_panel="Money")


@ledger.callback()
def _ledger() -> None:
    pass


@ledger.command("verify")
def verify(*, as_json: JsonFlag = False) -> None:
    """Prove the books: ledger = credits = payments = the bank's own books.

    Exit code 1 when they do not agree.
    """
    proof = run(_prove())
    if as_json:
        emit({"ok": proof.ok, "checks": [_shown_check(check) for check in proof.checks]})
    else:
        print_proof(proof)
    if not proof.ok:
        raise typer.Exit(1)


@credit.command("list")
def listing(
    *,
    status: Annotated[
        str | None, typer.Option(help="Only unapplied, held, applied or returned ones.")
    ] = None,
    limit: Annotated[int, typer.Option(help="At most so many.", min=1, max=LIST_MAX)] = 50,
    as_json: JsonFlag = False,
) -> None:
    """List credits, the newest first."""
    from sampan.storage import credits as kept

    async def read() -> "list[Credit]":
        async with desk() as at:
            return list(await at.read(lambda tx: kept.listing(tx, status=status, most=limit)))

    found = run(read())
    if as_json:
        emit([shown_credit(each) for each in found])
        return
    stdout().print(credits_table(found) if found else "No credits.")


@credit.command("return")
def return_credit(
    credit_id: Annotated[int, typer.Argument(metavar="ID", help="Credit id.", min=1)],
    *,
    by: ByOption,
    why: WhyOption,
    as_json: JsonFlag = False,
) -> None:
    """Note that an unapplied credit went back to its payer outside Sampan."""
    status = run(_return(credit_id, by=by, why=why))
    if as_json:
        emit({"id": credit_id, "status": "returned" if status == "done" else status})
    elif status == "proposed":
        stdout().print("Proposed; another person has to approve it.")
    else:
        stdout().print(f"Credit {credit_id} is marked returned.")


def shown_credit(each: "Credit") -> dict[str, Any]:
    """Return a credit as the JSON output has it."""
    import msgspec

    shown: dict[str, Any] = msgspec.to_builtins(each)
    return shown


def credits_table(found: "list[Credit]") -> Any:  # noqa: ANN401 - a table of Rich
    """Return credits as a table."""
    from sampan import money
    from sampan.cli import look

    table = look.table(
        "Credits", ">id", "received", ">amount", "status", "account", "payer", "bank"
    )
    for each in found:
        table.add_row(
            str(each.id),
            look.moment(each.received_us),
            money.to_display(each.amount_minor, each.currency),
            look.status(each.status),
            f"{each.provider}/{each.account}",
            each.payer_name or "–",
            f"{each.bank_txn_id}\n{each.reference}".strip(),
        )
    return table


def print_proof(proof: "Proof") -> None:
    """Print a proof as a table with its verdict."""
    from rich.text import Text

    from sampan.cli import look

    out = stdout()
    table = look.table("Books", "", "account", "compared with", ">ledger", ">expected", "note")
    for check in proof.checks:
        table.add_row(
            look.mark(check.ok),
            check.account or "every posting",
            {"postings": "zero", "bank": "the bank's own books"}.get(check.against, check.against),
            _money(check.found_minor, check),
            Text(_money(check.expected_minor, check), "" if check.ok else "bold red"),
            _note(check),
        )
    out.print(table)
    if proof.ok:
        out.print("[bold green]The books agree.[/]")
    else:
        count = sum(not check.ok for check in proof.checks)
        out.print(f"[bold red]The books do NOT agree: {count} of {len(proof.checks)} differ.[/]")


async def _prove() -> "Proof":
    from sampan.flow.proof import prove

    async with desk() as at:
        return await at.read(prove)


async def _return(credit_id: int, *, by: str, why: str) -> str:
    from sampan.domain.money_decisions import Return
    from sampan.flow import credit_decisions
    from sampan.flow.settle import Step
    from sampan.storage import credits as kept
    from sampan.storage.engine import Tx

    async with desk() as at:
        step = Step(at.clock.now_us(), f"staff:{by}" if by.strip() else "", why)

        def change(tx: Tx) -> str:
            if kept.find(tx, credit_id) is None:
                raise Failed(f"there is no credit {credit_id}; see: sampan credits list")
            wish = Return(credit=credit_id)
            made = credit_decisions.decide(tx, wish, find_project=at.projects.in_tx, step=step)
            return made.status

        return await at.store.transact(change)


def _money(amount_minor: int, check: "Check") -> str:
    from sampan import money

    return money.to_display(amount_minor, check.currency) if check.currency else str(amount_minor)


def _note(check: "Check") -> str:
    notes = []
    if check.unnotified_minor:
        notes.append(f"{_money(check.unnotified_minor, check)} at the bank, not yet notified")
    if check.returned_minor and check.against == "bank":
        notes.append(f"{_money(check.returned_minor, check)} returned outside the bank")
    if not check.ok and check.currency:
        notes.append(f"off by {_money(check.found_minor - check.expected_minor, check)}")
    return "; ".join(notes)


def _shown_check(check: "Check") -> dict[str, Any]:
    import msgspec

    return {**msgspec.to_builtins(check), "ok": check.ok, "note": _note(check)}
