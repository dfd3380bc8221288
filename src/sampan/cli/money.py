"""`sampan credits`: what people decide about money, one by one."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sampan.cli.books import credit
from sampan.cli.common import ByOption, Desk, Failed, JsonFlag, WhyOption, desk, emit, run, stdout

if TYPE_CHECKING:
    from sampan.domain.money_decisions import Wish
    from sampan.flow.settle import Step
    from sampan.storage.decisions import Decision
    from sampan.storage.engine import Tx

CreditArgument = Annotated[int, typer.Argument(metavar="ID", help="Credit id.", min=1)]
PaymentArgument = Annotated[
    str, typer.Argument(metavar="PROJECT/PAYMENT", help="Project id and payment id.")
]
DecisionArgument = Annotated[int, typer.Argument(metavar="ID", help="Decision id.", min=1)]


def register(_: typer.Typer) -> None:
    """Add the commands to those of credits."""
    for command in (show, apply, split, ignore, merge, take_back, proposals, approve, turn_down):
        credit.command(command.__name__.replace("_", "-"))(command)


def show(credit_id: CreditArgument, *, as_json: JsonFlag = False) -> None:
    """Show a credit, why it waits, and the payments that it might pay."""
    told = run(_show(credit_id))
    if as_json:
        emit(told)
        return
    out = stdout()
    for name in ("id", "status", "amount", "account", "reference", "payer", "reasons", "payment"):
        out.print(f"{name:<10} {told[name] or '–'}", markup=False)
    for one in told["suggestions"]:
        clues = ", ".join(one["clues"])
        out.print(f"suggested  {one['payment']} ({one['score']}): {clues}", markup=False)


def apply(
    credit_id: CreditArgument,
    payment: PaymentArgument,
    *,
    by: ByOption,
    why: WhyOption,
    as_json: JsonFlag = False,
) -> None:
    """Take a credit, with what is held for the payment, as the payment."""
    from sampan.domain.money_decisions import Apply

    async def wish(at: Desk) -> "Wish":
        return Apply(credit=credit_id, payment=await payment_key(at, payment))

    decide(wish, by=by, why=why, as_json=as_json)


def split(
    credit_id: CreditArgument,
    parts: Annotated[
        list[str],
        typer.Argument(metavar="AMOUNT[=PROJECT/PAYMENT]…", help="Parts that make up the sum."),
    ],
    *,
    by: ByOption,
    why: WhyOption,
    as_json: JsonFlag = False,
) -> None:
    """Split a credit: `100.00=7/p-1 50.00=7/p-2 0.50`; each part may pay a payment of its own."""
    from sampan.domain.money_decisions import Part, Split

    async def wish(at: Desk) -> "Wish":
        found = await find_credit(at, credit_id)
        made = []
        for text in parts:
            amount, _, payment = text.partition("=")
            key = await payment_key(at, payment) if payment else None
            made.append(Part(amount_minor(amount, found.currency), key))
        return Split(credit=credit_id, parts=tuple(made))

    decide(wish, by=by, why=why, as_json=as_json)


def ignore(
    credit_id: CreditArgument, *, by: ByOption, why: WhyOption, as_json: JsonFlag = False
) -> None:
    """Note that a credit is no payment; it waits for nobody any more."""
    from sampan.domain.money_decisions import Ignore

    decide(just(Ignore(credit=credit_id)), by=by, why=why, as_json=as_json)


def merge(
    credit_id: CreditArgument,
    into: Annotated[int, typer.Argument(metavar="ID", help="Credit entered by hand.", min=1)],
    *,
    by: ByOption,
    why: WhyOption,
    as_json: JsonFlag = False,
) -> None:
    """Note that a credit is the same money as one that was entered by hand before."""
    from sampan.domain.money_decisions import Merge

    decide(just(Merge(credit=credit_id, into=into)), by=by, why=why, as_json=as_json)


def take_back(
    credit_id: CreditArgument, *, by: ByOption, why: WhyOption, as_json: JsonFlag = False
) -> None:
    """Let a credit that was ignored, returned or merged by hand wait again."""
    from sampan.domain.money_decisions import TakeBack

    decide(just(TakeBack(credit=credit_id)), by=by, why=why, as_json=as_json)


def proposals(*, as_json: JsonFlag = False) -> None:
    """List decisions that wait for a second person."""
    from sampan.storage import decisions

    async def read() -> "list[Decision]":
        async with desk() as at:
            found = await at.read(lambda tx: decisions.page(tx, status="proposed", most=1_000))
            return list(found)

    found = run(read())
    if as_json:
        emit([_told(one) for one in found])
        return
    for one in found:
        stdout().print(f"{one.id}  {one.what}  credit {one.credit}  {one.by}: {one.why}")
    if not found:
        stdout().print("No proposals.")


def approve(
    decision_id: DecisionArgument, *, by: ByOption, why: WhyOption, as_json: JsonFlag = False
) -> None:
    """Carry a proposed decision out, as another person than the one who made it."""
    from sampan.flow import credit_decisions

    def act(tx: "Tx", at: Desk, step: "Step") -> "Decision":
        return credit_decisions.approve(tx, decision_id, find_project=at.projects.in_tx, step=step)

    _say(run(_acted(act, by=by, why=why)), as_json=as_json)


def turn_down(
    decision_id: DecisionArgument, *, by: ByOption, why: WhyOption, as_json: JsonFlag = False
) -> None:
    """Refuse a proposed decision, or withdraw one's own."""
    from sampan.flow import credit_decisions

    def act(tx: "Tx", _: Desk, step: "Step") -> "Decision":
        return credit_decisions.turn_down(tx, decision_id, step=step)

    _say(run(_acted(act, by=by, why=why)), as_json=as_json)


def just(wish: "Wish") -> Callable[[Desk], Any]:
    """Return what `decide` asks for a decision that needs no look at the database."""

    async def given(_: Desk) -> "Wish":
        return wish

    return given


def decide(wish: Callable[[Desk], Any], *, by: str, why: str, as_json: bool) -> None:
    """Make a decision, and say what became of it; `wish` is asked with the database open."""
    _say(run(decided(wish, by=by, why=why)), as_json=as_json)


async def decided(wish: Callable[[Desk], Any], *, by: str, why: str) -> "Decision":
    """Make a decision; `wish` is asked with the database open."""
    from sampan.flow import credit_decisions

    async with desk() as at:
        wanted = await wish(at)
        step = step_of(at, by, why=why)
        return await at.store.transact(
            lambda tx: credit_decisions.decide(
                tx, wanted, find_project=at.projects.in_tx, step=step
            )
        )


async def _acted(act: "Callable[[Tx, Desk, Step], Decision]", *, by: str, why: str) -> "Decision":
    async with desk() as at:
        step = step_of(at, by, why=why)
        return await at.store.transact(lambda tx: act(tx, at, step))


def step_of(at: Desk, by: str, *, why: str) -> "Step":
    """Return what somebody of the staff does now; nobody's where `by` is blank."""
    from sampan.flow.settle import Step

    return Step(at.clock.now_us(), f"staff:{by}" if by.strip() else "", why)


def _say(made: "Decision", *, as_json: bool) -> None:
    if as_json:
        emit(_told(made))
    elif made.status == "proposed":
        stdout().print(f"Proposed as {made.id}; another person has to approve it.")
    else:
        about = f", credit {made.credit}" if made.credit else ""
        stdout().print(f"Decision {made.id} is {made.status}{about}.")


def _told(made: "Decision") -> dict[str, Any]:
    import msgspec

    told: dict[str, Any] = msgspec.to_builtins(made)
    return told


async def payment_key(at: Desk, text: str) -> int:
    """Return the key of the payment that `PROJECT/PAYMENT` names. Raises `Failed`."""
    from sampan.storage import payments

    project, _, payment_id = text.partition("/")
    if not project.isdecimal() or not payment_id:
        raise Failed(f"not a payment: {text}; say PROJECT/PAYMENT")
    found = await at.read(lambda tx: payments.payment_by_id(tx, int(project), payment_id))
    if found is None:
        raise Failed(f"there is no payment {payment_id} in project {project}")
    return found.key


async def find_credit(at: Desk, credit_id: int) -> Any:  # noqa: ANN401 - a credit
    """Return a credit. Raises `Failed`."""
    from sampan.storage import credits as kept

    found = await at.read(lambda tx: kept.find(tx, credit_id))
    if found is None:
        raise Failed(f"there is no credit {credit_id}; see: sampan credits list")
    return found


def amount_minor(text: str, currency: str) -> int:
    """Read an amount as cents. Raises `Failed`."""
    from sampan import money

    try:
        return money.from_text(text, currency)
    except ValueError as error:
        raise Failed(str(error)) from error


async def _show(credit_id: int) -> dict[str, Any]:
    from sampan import money
    from sampan.flow import credit_views

    async with desk() as at:
        found = await find_credit(at, credit_id)

        def look(tx: "Tx") -> dict[str, Any]:
            shown = credit_views.view(tx, found)
            likely = credit_views.suggestions(tx, found, find_project=at.projects.in_tx)
            paid = shown.payment
            return {
                "id": found.id,
                "status": found.status,
                "amount": money.to_display(found.amount_minor, found.currency),
                "account": f"{found.provider}/{found.account}",
                "reference": found.reference,
                "payer": found.payer_name,
                "reasons": list(shown.reasons),
                "payment": f"{paid.project_id}/{paid.id}" if paid else "",
                "parts": [one.id for one in shown.parts],
                "reversals": [one.id for one in shown.reversals],
                "decisions": [one.what for one in shown.decisions],
                "suggestions": [
                    {
                        "payment": f"{one.payment.project_id}/{one.payment.id}",
                        "score": one.score,
                        "clues": list(one.clues),
                    }
                    for one in likely
                ],
            }

        return await at.read(look)
