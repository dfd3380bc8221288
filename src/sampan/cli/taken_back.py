"""`sampan credits reversals`, `explain` and `note`: what the bank took back."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sampan.cli.books import LIST_MAX, credit
from sampan.cli.common import ByOption, JsonFlag, WhyOption, desk, emit, run, stdout
from sampan.cli.money import CreditArgument, decide, just

if TYPE_CHECKING:
    from sampan.storage.engine import Tx

FITTING_MAX = 20
ReversalArgument = Annotated[
    int, typer.Argument(metavar="REVERSAL", help="Reversal id, from `reversals`.", min=1)
]


class Status(StrEnum):
    """How a reversal stands."""

    OPEN = "open"
    SETTLED = "settled"
    NOTED = "noted"


def register(_: typer.Typer) -> None:
    """Add the commands to those of credits."""
    for command in (reversals, explain, note):
        credit.command(command.__name__)(command)


def reversals(
    *,
    status: Annotated[
        Status | None, typer.Option(help="Only those that wait, have their credit, or are noted.")
    ] = None,
    limit: Annotated[int, typer.Option(help="At most so many.", min=1, max=LIST_MAX)] = 50,
    as_json: JsonFlag = False,
) -> None:
    """List what the bank took back, the newest first, each with the credits that it may have been.

    Open ones wait for `explain` or `note`.
    """

    def look(tx: "Tx") -> list[dict[str, Any]]:
        import msgspec

        from sampan.flow import credit_views
        from sampan.storage import reversals as kept

        return [
            {
                **msgspec.to_builtins(one),
                "fitting": [each.id for each in credit_views.fitting(tx, one, most=FITTING_MAX)],
            }
            for one in kept.listing(tx, status=status, most=limit)
        ]

    async def read() -> list[dict[str, Any]]:
        async with desk() as at:
            return await at.read(look)

    found = run(read())
    if as_json:
        emit(found)
    else:
        stdout().print(_table(found) if found else "No reversals.")


def explain(
    reversal_id: ReversalArgument,
    credit_id: CreditArgument,
    *,
    by: ByOption,
    why: WhyOption,
    as_json: JsonFlag = False,
) -> None:
    """Say which credit the bank took back; unless it is a payment's, it is returned by that."""
    from sampan.domain.money_decisions import Explain

    wish = Explain(reversal=reversal_id, credit=credit_id)
    decide(just(wish), by=by, why=why, as_json=as_json)


def note(
    reversal_id: ReversalArgument, *, by: ByOption, why: WhyOption, as_json: JsonFlag = False
) -> None:
    """Note that what the bank took back is known, and needs nothing more; the books keep it."""
    from sampan.domain.money_decisions import Note

    decide(just(Note(reversal=reversal_id)), by=by, why=why, as_json=as_json)


def _table(found: list[dict[str, Any]]) -> Any:  # noqa: ANN401 - a table of Rich
    from sampan import money
    from sampan.cli import look

    columns = (">id", "received", ">amount", "status", "account", "bank", "credit", "may be")
    table = look.table("Taken back by the bank", *columns)
    for one in found:
        table.add_row(
            str(one["id"]),
            look.moment(one["received_us"]),
            money.to_display(one["amount_minor"], one["currency"]),
            look.status(one["status"]),
            f"{one['provider']}/{one['account']}",
            "\n".join([one["bank_txn_id"], *one["texts"]]),
            str(one["credit"] or "–"),
            " ".join(map(str, one["fitting"])) or "–",
        )
    return table
