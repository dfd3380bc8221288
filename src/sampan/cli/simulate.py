"""`sampan simulate`: act as the payer at the sandbox bank."""

import asyncio
from enum import StrEnum
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from sampan.cli.common import (
    Desk,
    Failed,
    JsonFlag,
    ProjectOption,
    desk,
    emit,
    load_settings,
    run,
    stdout,
)

if TYPE_CHECKING:
    from sampan.domain.payment import Operation, Payment

WAIT_S_MAX: Final = 10.0
LOOK_AGAIN_S: Final = 0.05
HTTP_S_MAX: Final = 10.0


class Action(StrEnum):
    """What the payer does; the words of the bank's door."""

    PAY = "pay"
    REFUSE = "refuse"
    SHORT = "short"
    OVER = "over"
    LATE = "late"
    TWICE = "twice"
    WRONG_CURRENCY = "wrong-currency"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(rich_help_panel="Integrate")(simulate)


def simulate(
    action: Annotated[Action, typer.Argument(help="What the payer does.")],
    payment_id: Annotated[str, typer.Argument(metavar="PAYMENT_ID", help="The merchant's id.")],
    *,
    project: ProjectOption,
    url: Annotated[str | None, typer.Option(help="Address of the server.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Act as the payer of a payment at the sandbox bank.

    A payment that has no QR yet is waited for.
    """
    done = run(_simulate(action, payment_id, project_id=project, url=url))
    if as_json:
        emit({"payment_id": payment_id, "action": action.value, **done})
        return
    from sampan import money
    from sampan.cli import look

    facts = look.facts(f"{action.value}: {payment_id}")
    facts.add_row("order at the bank", str(done["status"]))
    if done["amount_minor"]:
        facts.add_row("booked", money.to_display(done["amount_minor"], done["currency"]))
    facts.add_row("notices to come", str(done["notices_count"]))
    if done["notice_due_us"] is not None:
        facts.add_row("first notice at", look.moment(done["notice_due_us"]))
    stdout().print(facts)


async def _simulate(
    action: Action, payment_id: str, *, project_id: int, url: str | None
) -> dict[str, Any]:
    from sampan.domain import reference

    settings = load_settings()
    async with desk(settings) as at:
        _, sale = await _issued(at, payment_id, project_id=project_id)
    body = {"reference": reference.encode(sale.id), "action": action.value}
    base = (url or settings.own_url).rstrip("/")
    return await _post(base, body)


async def _issued(at: Desk, payment_id: str, *, project_id: int) -> "tuple[Payment, Operation]":
    """Return a payment and its newest sale once the provider has answered."""
    from sampan.domain.statuses import OperationType, PaymentStatus
    from sampan.storage import payments
    from sampan.storage.engine import Tx

    def look(tx: Tx) -> "tuple[Payment, Operation] | None":
        payment = payments.payment_by_id(tx, project_id, payment_id)
        if payment is None:
            return None
        every = payments.operations_of(tx, payment.key)
        sales = [each for each in every if each.type is OperationType.SALE]
        if not sales:
            raise Failed(f"payment {payment_id!r} has no QR: nobody has confirmed its link")
        return payment, sales[-1]

    until_us = at.clock.monotonic_us() + int(WAIT_S_MAX * 1_000_000)
    while True:
        found = await at.read(look)
        if found is None:
            raise Failed(f"project {project_id} has no payment {payment_id!r}")
        if found[0].status is not PaymentStatus.PROCESSING:
            return found
        if at.clock.monotonic_us() > until_us:
            raise Failed(
                f"payment {payment_id!r} is still processing after {WAIT_S_MAX:g} s; "
                "are the workers running?"
            )
        await asyncio.sleep(LOOK_AGAIN_S)


async def _post(base: str, body: dict[str, str]) -> dict[str, Any]:
    import msgspec

    from sampan.addresses import Policy, TargetRefused
    from sampan.outbound import Outbound, OutboundError

    policy = Policy(allow_private=True, allow_http=True, ports=frozenset(range(1, 65_536)))
    http = Outbound(policy)
    try:
        answer = await http.post(
            f"{base}/bank/v1/simulate", msgspec.json.encode(body), timeout_s=HTTP_S_MAX
        )
    except TargetRefused as error:
        raise Failed(f"{base} is no address of a server") from error
    except OutboundError as error:
        raise Failed(
            f"the server at {base} does not answer; start it with: sampan serve"
        ) from error
    finally:
        await http.close()
    try:
        told = msgspec.json.decode(answer.body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        told = None
    if answer.status == HTTPStatus.OK and isinstance(told, dict):
        return told
    why = told.get("error") if isinstance(told, dict) else None
    if answer.status == HTTPStatus.NOT_FOUND and why in {None, "Not Found"}:
        raise Failed(f"the server at {base} has no sandbox bank (setting sandbox)")
    raise Failed(f"the bank refuses: {why or answer.status}")
