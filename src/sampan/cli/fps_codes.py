"""`sampan fps qr` and `test-code`: codes for a till and for trying out; and finding accounts."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sampan.cli.common import USAGE, Desk, Failed, JsonFlag, desk, emit, put, run, stderr, stdout

if TYPE_CHECKING:
    from sampan.domain.fps_account import FpsAccount
    from sampan.storage.engine import Tx

AccountArgument = Annotated[str, typer.Argument(metavar="ACCOUNT", help="Its id or its name.")]
CurrencyOption = Annotated[
    str | None, typer.Option(help="HKD or CNY; the account's first one when left out.")
]
OutOption = Annotated[Path | None, typer.Option(help="Write the picture to this PNG file.")]


async def at_account(account: str, work: Callable[[Desk, int], Any]) -> None:
    """Open the database, find an account by its id or name, and do the work."""
    from sampan.storage import fps_accounts as kept

    async with desk() as at:
        now_us = at.clock.now_us()

        def find(tx: "Tx") -> int | None:
            by_name = kept.id_by_name(tx, account)
            if by_name is not None or not (account.isascii() and account.isdigit()):
                return by_name
            card = kept.card(tx, int(account[:16]), now_us=now_us)
            return None if card is None else card.account.id

        found = await at.read(find)
        if found is None:
            raise Failed(f"there is no FPS account {account!r}; see: sampan fps list")
        await work(at, found)


def counter(
    account: AccountArgument,
    *,
    amount: Annotated[
        str | None, typer.Option(help="The same amount for everybody; else payers type it.")
    ] = None,
    currency: CurrencyOption = None,
    out: OutOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Make a reusable code for a till: no reference, no end. Its money names no payment."""

    def made(found: "FpsAccount", _now_us: int) -> str:
        from sampan.flow import fps_codes

        chosen = currency or found.currencies[:3]
        minor = None if amount is None else _minor(amount, chosen)
        return fps_codes.counter_payload(found, currency=chosen, amount_minor=minor)

    run(at_account(account, partial(_code, made=made, out=out, as_json=as_json)))


@dataclass(frozen=True, kw_only=True)
class Tried:
    """What `test-code` is told."""

    account: AccountArgument
    mode: Annotated[
        str | None,
        typer.Option(help="none, bill_number, reference_label or both; the account's own if left."),
    ] = None
    amount: Annotated[str, typer.Option(help="Amount in the code, like 1.00.")] = "1.00"
    currency: CurrencyOption = None
    out: OutOption = None
    as_json: JsonFlag = False


def trial(tried: Tried) -> None:
    """Make a code as payments show it, to try with bank apps before customers do; do not pay it."""

    def made(found: "FpsAccount", now_us: int) -> str:
        from sampan.domain.project import ReferenceMode
        from sampan.flow import fps_codes

        currency = tried.currency or found.currencies[:3]
        if tried.mode is not None and tried.mode not in set(ReferenceMode):
            raise Failed(f"--mode: one of {', '.join(ReferenceMode)}", exit_code=USAGE)
        wanted = fps_codes.Trial(
            amount_minor=_minor(tried.amount, currency),
            currency=currency,
            mode=None if tried.mode is None else ReferenceMode(tried.mode),
        )
        return fps_codes.trial_payload(found, wanted, now_us=now_us)

    work = partial(_code, made=made, out=tried.out, as_json=tried.as_json)
    run(at_account(tried.account, work))


async def _code(
    at: Desk,
    account_id: int,
    *,
    made: "Callable[[FpsAccount, int], str]",
    out: Path | None,
    as_json: bool,
) -> None:
    from sampan.flow import fps_codes
    from sampan.storage import fps_accounts as kept

    now_us = at.clock.now_us()
    card = await at.read(lambda tx: kept.card(tx, account_id, now_us=now_us))
    assert card is not None  # noqa: S101 - accounts are never deleted
    payload = made(card.account, now_us)
    if out is not None:
        _write(out, fps_codes.picture(payload))
    if as_json:
        emit({"payload": payload, "png": None if out is None else str(out)})
        return
    put(payload)
    if stdout().is_terminal:
        from sampan.cli import look

        console = stdout()
        console.print()
        console.print(look.qr(console, payload))
    if out is not None:
        stderr().print(f"[dim]written to[/] {out}")


def _write(out: Path, picture: bytes) -> None:
    try:
        out.write_bytes(picture)
    except OSError as error:
        raise Failed(f"cannot write {out}: {error.strerror}") from error


def _minor(text: str, currency: str) -> int:
    from sampan import money

    try:
        return money.from_text(text, currency)
    except KeyError as error:
        raise Failed("--currency: must be HKD or CNY", exit_code=USAGE) from error
    except ValueError as error:
        raise Failed(f"--amount: {error}", exit_code=USAGE) from error
