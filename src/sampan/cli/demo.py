"""`sampan demo`: a whole platform in one command, with one purchase shown as it happens."""

import asyncio
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from sampan.cli.common import Failed, JsonFlag, emit, run, say, stderr, stdout
from sampan.cli.demo_world import OWNER, PROJECT_ID, add_person, add_project, demo_settings

if TYPE_CHECKING:
    from rich.console import Console

    from sampan.app import Platform
    from sampan.settings import Settings
    from sampan.shop.app import Shop
    from sampan.shop.orders import Order

CART: Final = {"oolong": 1, "milk-tea": 2}
PAGE_MINOR: Final = 10_000
PAGE_ID_BYTES: Final = 4
CALLBACK_S_MAX: Final = 20.0
HTTP_S_MAX: Final = 10.0
GRACE_S: Final = 1.0
"""A page of the shop that is open must not keep Ctrl-C waiting."""

OnceFlag = Annotated[bool, typer.Option("--once", help="End after the purchase.")]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(rich_help_panel="Start here")(demo)


def demo(
    *,
    once: OnceFlag = False,
    port: Annotated[int | None, typer.Option(help="Port to listen on.", min=1, max=65_535)] = None,
    as_json: JsonFlag = False,
) -> None:
    """Start a platform with a demo shop and a sandbox bank, and make one purchase.

    Everything lies in a folder of its own; nothing of yours is touched.
    """
    out = stderr() if as_json else stdout()
    with ExitStack() as stack:
        if once:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sampan-")))
        else:
            folder = Path(tempfile.mkdtemp(prefix="sampan-demo-"))
        purchase = run(_demo(demo_settings(folder, port), out, once=once))
    if as_json:
        emit(purchase.shown())
    if purchase.faults:
        raise Failed("; ".join(purchase.faults))


@dataclass
class Purchase:
    """What happened, step by step. Nothing went wrong while `faults` is empty."""

    payment_id: str = ""
    status: str = ""
    payload: str = ""
    decoded: str = ""
    callbacks: list[dict[str, object]] = field(default_factory=list)
    steps: list[tuple[str, float]] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    addresses: dict[str, str] = field(default_factory=dict)

    def shown(self) -> dict[str, Any]:
        """Return it as the JSON output has it."""
        return {
            "payment": {"id": self.payment_id, "status": self.status},
            "qr": {"payload": self.payload, "decoded_from_image": self.decoded},
            "callbacks": self.callbacks,
            "steps": [{"name": name, "ms": round(ms, 1)} for name, ms in self.steps],
            "addresses": self.addresses,
        }


class _Stage:
    """Shows each step the moment it is done, and keeps the time."""

    def __init__(self, out: "Console", platform: "Platform", *, purchase: Purchase) -> None:
        self.out = out
        self.clock = platform.clock
        self.purchase = purchase
        self._since_us = self.clock.monotonic_us()

    def begin(self) -> None:
        """Let the next step begin now."""
        self._since_us = self.clock.monotonic_us()

    def done(self, name: str, detail: str, *, good: bool = True, ms: float | None = None) -> None:
        """Show a step; one that went wrong is a fault of the purchase."""
        from rich.table import Table
        from rich.text import Text

        from sampan.cli import look

        took_ms = (self.clock.monotonic_us() - self._since_us) / 1000 if ms is None else ms
        self.purchase.steps.append((name, took_ms))
        if not good:
            self.purchase.faults.append(name)
        row = Table.grid(padding=(0, 1))
        row.add_column(width=1)
        row.add_column(width=30, no_wrap=True)
        row.add_column(width=10, justify="right", no_wrap=True)
        row.add_column(overflow="fold")
        took = Text(f"{took_ms:,.1f} ms", "cyan")
        row.add_row(look.mark(good), Text(name, "bold"), took, Text(look.safe(detail), "dim"))
        self.out.print(row)
        self.begin()


async def _demo(settings: "Settings", out: "Console", *, once: bool) -> Purchase:
    from sampan.cli.server import serving
    from sampan.cli.serving import stop_on_signals

    stop = stop_on_signals()
    secret = await add_project(settings)
    password = await add_person(settings)
    purchase = Purchase()
    async with serving(settings, grace_s=GRACE_S) as running:
        purchase.addresses = _addresses(running.platform)
        _print_head(out, settings)
        buying = asyncio.create_task(_buy(running.platform, out, purchase=purchase))
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait({buying, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if not buying.done():
            buying.cancel()
            purchase.faults.append("interrupted")
            return purchase
        buying.result()
        _print_result(out, purchase)
        if not once:
            _print_addresses(out, settings, addresses=purchase.addresses, keys=(secret, password))
            await running.until(stop)
            out.print("\nStopping…")
    return purchase


async def _buy(platform: "Platform", out: "Console", *, purchase: Purchase) -> None:
    """Make one purchase as a shop and its customer do, over HTTP alone."""
    from sampan import money

    shop = platform.shop
    if shop is None:
        raise Failed("the demo shop is not open")
    stage = _Stage(out, platform, purchase=purchase)
    order = await shop.buy(CART)
    purchase.payment_id = order.id
    asked = money.to_display(order.amount_minor, "HKD")
    taken = not order.status
    request_id = str(order.answer.get("request_id", ""))
    told = f"{asked}, accepted as {request_id[:8]}…" if taken else f"{order.code} {order.message}"
    stage.done("Signed sale → Gate", told, good=taken)
    if not taken:
        purchase.status = order.status
        return
    try:
        if await _intermediate(stage, order):
            paid_us = await _pay(stage, platform)
            await _final(stage, platform, shop=shop, order=order, paid_us=paid_us)
    except TimeoutError as error:
        purchase.faults.append(str(error))
    purchase.status = order.status
    purchase.callbacks += [
        {"status": each.status, "signature_valid": each.signature_valid} for each in order.callbacks
    ]


async def _intermediate(stage: _Stage, order: "Order") -> bool:
    """Wait for the QR, draw it, and read it back from the picture as a telephone would."""
    from rich.padding import Padding

    from sampan.cli import look
    from sampan.codecs import qr_image

    first = await anext(order.events(CALLBACK_S_MAX), None)
    if first is None:
        raise TimeoutError(f"the order ended before it began: {order.code} {order.message}")
    valid = "signature valid" if first.signature_valid else "signature INVALID"
    good = first.signature_valid and bool(order.qr_png)
    stage.done("Intermediate callback → shop", f"{first.status}, {valid}", good=good)
    if not good:
        return False
    purchase = stage.purchase
    purchase.payload = order.qr_payload
    found = qr_image.read(order.qr_png)
    purchase.decoded = found[0] if found else ""
    same = purchase.decoded == purchase.payload
    stage.done("QR read from its picture", f"{len(order.qr_png)} bytes of PNG", good=same)
    stage.out.print()
    stage.out.print(Padding(look.qr(stage.out, purchase.payload), (0, 0, 0, 4)))
    stage.out.print()
    stage.begin()
    return same


async def _pay(stage: _Stage, platform: "Platform") -> int:
    """Pay as the bank app does: with nothing but what the QR says. Return when it was done."""
    import msgspec

    asked = {"payload": stage.purchase.decoded, "action": "pay", "payer_name": "CHAN TAI MAN"}
    url = f"{platform.settings.own_url}/bank/v1/simulate"
    started_us = platform.clock.now_us()
    answer = await platform.bank_http.post(url, msgspec.json.encode(asked), timeout_s=HTTP_S_MAX)
    told = "by CHAN TAI MAN, with the bank app" if answer.status == HTTPStatus.OK else "refused"
    stage.done("Payer pays at the bank", told, good=answer.status == HTTPStatus.OK)
    return started_us


async def _final(
    stage: _Stage, platform: "Platform", *, shop: "Shop", order: "Order", paid_us: int
) -> None:
    """Wait for the result, and see that everybody says the same about it."""
    from sampan import money
    from sampan.flow.proof import prove
    from sampan.storage import journal, payments
    from sampan.storage.engine import Tx

    last = None
    async for received in order.events(CALLBACK_S_MAX):
        last = received

    def noticed_us(tx: Tx) -> int:
        payment = payments.payment_by_id(tx, shop.config.project_id, order.id)
        entries = journal.of_payment(tx, payment.key) if payment else ()
        return next((each.at_us for each in entries if each.by == "bank"), 0)

    noticed = await platform.store.read(noticed_us)
    ms = max(0, noticed - paid_us) / 1000
    stage.done("Bank notice → Sampan", "money matched by its reference", good=bool(noticed), ms=ms)
    good = last is not None and last.signature_valid and order.paid_as_asked
    valid = "signature valid" if last and last.signature_valid else "signature INVALID"
    paid = money.to_display(order.paid_minor, "HKD")
    final_ms = (last.at_us - noticed) / 1000 if last else 0.0
    told = f"{order.status}, {paid}, {valid}"
    stage.done("Final callback → shop", told, good=good and order.status == "success", ms=final_ms)
    stage.begin()
    proof = await platform.store.read(prove)
    stage.done("Books proved", "ledger = credits = payments = bank", good=proof.ok)


def _print_head(out: "Console", settings: "Settings") -> None:
    from sampan import __version__

    out.print()
    out.print(f"  [bold]Sampan {__version__}[/]  [dim]{settings.own_url}[/]")
    out.print("  [dim]Harbour Tea House sells tea; its customer pays by FPS.[/]")
    out.print()


def _print_result(out: "Console", purchase: Purchase) -> None:
    out.print()
    if purchase.faults:
        out.print(f"[bold red]Something went wrong: {', '.join(purchase.faults)}.[/]")
    else:
        total_ms = sum(ms for _, ms in purchase.steps)
        out.print(
            f"[bold green]Paid.[/] {purchase.payment_id}: from order to final callback "
            f"in [bold]{total_ms:,.0f} ms[/]."
        )


def _addresses(platform: "Platform") -> dict[str, str]:
    """Return where to go on: both roads to pay, and who else is there."""
    from sampan.shop import paying

    if platform.shop is None:
        raise Failed("the demo shop is not open")
    config, own_url = platform.shop.config, platform.settings.own_url
    wanted: dict[str, str | int] = {
        "payment_id": f"DEMO-{platform.clock.token(PAGE_ID_BYTES).upper()}",
        "payment_amount": PAGE_MINOR,
        "payment_currency": "HKD",
        "customer_id": "demo",
    }
    return {
        "shop": f"{own_url}/shop/",
        "payment_page": paying.page_address(config, paying.sign_fields(config, wanted)),
        "gate": own_url + paying.SALE_PATH,
        "bank_app": f"{own_url}/bank/",
        "dashboard": f"{own_url}/dashboard/",
    }


def _print_addresses(
    out: "Console", settings: "Settings", *, addresses: dict[str, str], keys: tuple[str, str]
) -> None:
    from sampan.cli import look
    from sampan.storage.open import database_file

    secret, password = keys
    database = database_file(settings.database_url)
    facts = look.facts("Now try it yourself")
    facts.add_row("shop", addresses["shop"])
    facts.add_row("payment page", "a payment of HK$100.00, by the address below")
    facts.add_row("Gate", addresses["gate"])
    facts.add_row("bank app", addresses["bank_app"])
    facts.add_row("Dashboard", addresses["dashboard"])
    facts.add_row("sign in as", f"{OWNER}, password {password}")
    facts.add_row("project", f"{PROJECT_ID}")
    facts.add_row("secret", secret)
    facts.add_row("files", str(database.parent if database else ""))
    facts.add_row("stop", "Ctrl-C")
    out.print()
    out.print(facts)
    # Outside the table and in one piece, so that it can be clicked and copied whole.
    out.print()
    out.print(addresses["payment_page"], style="cyan", markup=False, soft_wrap=True)
    sys.stdout.flush()
    if not out.is_terminal:
        say(f"The demo is up at {settings.own_url}; stop it with Ctrl-C or SIGTERM")
