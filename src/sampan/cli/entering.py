"""`sampan credits enter`: money that a person saw at the bank."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from sampan.cli.books import credit
from sampan.cli.common import USAGE, ByOption, Desk, Failed, JsonFlag, WhyOption, with_options
from sampan.cli.money import amount_minor, decide, payment_key
from sampan.cli.statements import AccountOption, account_of

if TYPE_CHECKING:
    from sampan.domain.money_decisions import Wish


def register(_: typer.Typer) -> None:
    """Add the command to those of credits."""
    credit.command("enter")(with_options(Wanted, enter))


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What `enter` is told."""

    amount: Annotated[str, typer.Argument(metavar="AMOUNT", help="What came, like 100.00.")]
    account: AccountOption
    by: ByOption
    why: WhyOption
    currency: Annotated[str, typer.Option(help="HKD or CNY.")] = "HKD"
    booked: Annotated[
        str | None,
        typer.Option(metavar="DATE", help="When, ISO; Hong Kong time without a zone; else now."),
    ] = None
    bank_txn_id: Annotated[
        str, typer.Option("--id", help="The bank's id: its own word then changes nothing.")
    ] = ""
    reference: Annotated[str, typer.Option(help="The reference that it carried.")] = ""
    payer: Annotated[str, typer.Option(help="Who paid.")] = ""
    pays: Annotated[
        str | None,
        typer.Option(metavar="PROJECT/PAYMENT", help="What it pays, if it does not find that."),
    ] = None
    as_json: JsonFlag = False


def enter(wanted: Wanted) -> None:
    """Enter money that a person saw at the bank, before the bank tells of it.

    It finds its payment as any credit does. With the bank's id it is not taken twice; without,
    merge what the bank tells later into it.
    """

    async def wish(at: Desk) -> "Wish":
        import msgspec

        from sampan.domain.money_decisions import Enter

        provider, account = await _known(at, wanted.account)
        told = {
            "provider": provider,
            "account": account,
            "amount_minor": _minor(wanted),
            "currency": wanted.currency,
            "booked_us": _booked_us(wanted.booked, now_us=at.clock.now_us()),
            "bank_txn_id": wanted.bank_txn_id,
            "reference": wanted.reference,
            "payer_name": wanted.payer,
            "payment": None if wanted.pays is None else await payment_key(at, wanted.pays),
        }
        try:
            return msgspec.convert({**told, "what": "enter"}, Enter)
        except msgspec.ValidationError as error:
            raise Failed(f"this cannot be entered: {error}", exit_code=USAGE) from error

    decide(wish, by=wanted.by, why=wanted.why, as_json=wanted.as_json)


async def _known(at: Desk, text: str) -> tuple[str, str]:
    """Return the account that is meant. One that nobody knows is mistyped."""
    from sampan.flow import credit_views

    now_us, vault = at.clock.now_us(), at.vault
    named = await account_of(at, text)
    known = await at.read(lambda tx: credit_views.known_accounts(tx, vault=vault, now_us=now_us))
    if named not in known:
        told = ", ".join(f"{provider}/{account}" for provider, account in known)
        raise Failed(f"no money comes to an account {text}; known are: {told or 'none'}")
    return named


def _minor(wanted: Wanted) -> int:
    from sampan.money import DECIMALS

    if wanted.currency not in DECIMALS:
        raise Failed(f"--currency: one of {', '.join(DECIMALS)}", exit_code=USAGE)
    return amount_minor(wanted.amount, wanted.currency)


def _booked_us(given: str | None, *, now_us: int) -> int:
    from sampan.domain.days import Zone

    if given is None:
        return now_us
    try:
        at = datetime.fromisoformat(given)
        at = at if at.tzinfo else at.replace(tzinfo=Zone.HONG_KONG.info)
        booked_us = (at - datetime.fromtimestamp(0, UTC)) // timedelta(microseconds=1)
    except (ValueError, OverflowError):
        told = f"--booked: {given!r} is no ISO date, such as 2030-01-31T09:00"
        raise Failed(told, exit_code=USAGE) from None
    if not 0 <= booked_us <= now_us:
        raise Failed(f"--booked: {given} has not come yet, or is before 1970", exit_code=USAGE)
    return booked_us
