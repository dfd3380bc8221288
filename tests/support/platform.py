"""The real platform for tests: the production server in a thread, on a free port of this machine.

`running(database_url)` yields a `RunningPlatform`. A test makes a project in it, speaks to Gate as
an integrator's software would (`ProjectClient`), lets the sandbox bank act (`BankClient`), and
receives callbacks with a `tests.support.merchant.Merchant`. `TravelClock` skips waiting: it is the
machine's clock, moved forward as far as a test says.

    with running(f"sqlite:///{folder}/sampan.db") as platform:
        merchant = Merchant(secrets=["secret"])
        project = platform.add_project(merchant.url, secret="secret")
        project.sell("p-1")
        shown = merchant.callback("p-1", "awaiting customer action")
        platform.bank.act(shown.body["qr"]["payload"], "pay")
        merchant.callback("p-1", "success")
        merchant.close()
"""

from __future__ import annotations

import asyncio
import hmac
import itertools
import json
import socket
import threading
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager
from hashlib import sha256
from tempfile import TemporaryDirectory
from typing import Any, Final, TypeVar

import msgspec
from granian.constants import Interfaces
from granian.server.embed import Server
from starlette.applications import Starlette

from sampan.app import Platform, create_app
from sampan.clock import SystemClock
from sampan.domain.payment import Payment
from sampan.domain.project import Project, ProjectSettings
from sampan.settings import Settings
from sampan.storage import callbacks, ledger, payments, projects
from sampan.storage.callbacks import Attempt, Callback
from sampan.storage.engine import Tx
from sampan.storage.projects import NewSecret
from tests.support.client import Answer, Body, Client, signed
from tests.support.merchant import WAIT_S
from tests.support.ports import free_port

Result = TypeVar("Result")

SALE: Final = "/v2/payment/banks/hk-qr/sale"
STATUS: Final = "/v2/payment/status"
MASTER_KEY: Final = "a key of tests, long enough"
_POLL_S: Final = 0.005
_POLL_S_MAX: Final = 0.04
"""What takes longer is asked for less often: a platform that is asked all the time is slow."""
_numbers = itertools.count(1)


def until(found: Callable[[], Result | None], *, timeout_s: float = WAIT_S) -> Result:
    """Ask again and again until the answer is true, and return it. For what nobody announces."""
    never = threading.Event()
    end_s, wait_s = time.monotonic() + timeout_s, _POLL_S
    while not (answer := found()):
        assert time.monotonic() < end_s, f"still {answer!r} after {timeout_s} s"
        never.wait(wait_s)
        wait_s = min(2 * wait_s, _POLL_S_MAX)
    return answer


class TravelClock(SystemClock):
    """The machine's clock, moved forward as far as a test says."""

    def __init__(self) -> None:
        super().__init__()
        self._ahead_us = 0

    def now_us(self) -> int:
        """Return microseconds UTC since the epoch, as if all that time had passed."""
        return super().now_us() + self._ahead_us

    def monotonic_us(self) -> int:
        """Return microseconds since some start, as if all that time had passed."""
        return super().monotonic_us() + self._ahead_us

    def advance(self, seconds: float) -> None:
        """Let so much time pass at once."""
        self._ahead_us += int(seconds * 1_000_000)


class RunningPlatform:
    """A platform that serves and works; made by `running`.

    `inside` is for what has no door: a test may look behind it, and must say why.
    """

    def __init__(
        self, inside: Platform, clock: TravelClock, loop: asyncio.AbstractEventLoop
    ) -> None:
        self.inside = inside
        self.clock = clock
        self.url = inside.settings.own_url
        self.database_url = inside.settings.database_url
        self.client = Client(self.url)
        self.bank = BankClient(self)
        self._loop = loop

    def call(self, coroutine: Coroutine[Any, Any, Result]) -> Result:
        """Run a coroutine in the platform's event loop and return its result."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(WAIT_S)

    def transact(self, fn: Callable[[Tx], Result]) -> Result:
        """Run a function in a transaction of the platform's store."""
        return self.call(self.inside.store.transact(fn))

    def read(self, fn: Callable[[Tx], Result]) -> Result:
        """Run a function that only reads."""
        return self.call(self._read(fn))

    async def _read(self, fn: Callable[[Tx], Result]) -> Result:
        return await self.inside.store.read(fn)

    def add_project(
        self, callback_url: str, *, secret: str = "secret", **settings: object
    ) -> ProjectClient:
        """Add a project with settings of its own and an account of its own at the bank."""
        return self.add_numbered(next(_numbers), callback_url, secret=secret, settings=settings)

    def add_numbered(
        self,
        number: int,
        callback_url: str = "",
        *,
        secret: str = "secret",
        settings: Mapping[str, object] | None = None,
    ) -> ProjectClient:
        """Do the same under a number that the caller knows to be free."""
        fps_id = str(1_000_000 + number)
        chosen = msgspec.convert({"payee_fps_id": fps_id} | dict(settings or {}), ProjectSettings)
        project = Project(
            id=number,
            name=f"project {number}",
            callback_url=callback_url,
            secrets=(secret,),
            settings=chosen,
        )
        now_us = self.clock.now_us()
        self.transact(lambda tx: projects.add(tx, project, vault=self.inside.vault, now_us=now_us))
        return ProjectClient(self, project)

    def callbacks_of(self, project: ProjectClient, payment_id: str) -> Sequence[Callback]:
        """Return the callbacks of a payment as kept, sent or not, oldest first."""

        def look(tx: Tx) -> Sequence[Callback]:
            payment = payments.payment_by_id(tx, project.id, payment_id)
            return callbacks.of_payment(tx, payment.key) if payment else []

        return self.read(look)

    def attempts_of(self, callback: Callback) -> Sequence[Attempt]:
        """Return the attempts to deliver a callback, oldest first."""
        return self.read(lambda tx: callbacks.attempts_of(tx, callback.id))

    def balances(self) -> dict[tuple[str, str], int]:
        """Return (ledger account, currency) → minor units, after checking that all postings fit."""
        assert self.read(ledger.unbalanced) == []
        lines = self.read(ledger.balances)
        return {(line.account, line.currency): line.amount_minor for line in lines}


class ProjectClient:
    """An integrator's software for one project: signs with the SDK, speaks only HTTP."""

    def __init__(self, platform: RunningPlatform, project: Project) -> None:
        self.platform = platform
        self.project = project
        self.id = project.id
        self.secret = project.secrets[0]
        self.fps_id = project.settings.payee_fps_id

    def sale_body(
        self, payment_id: str, *, amount: int = 10_000, currency: str = "HKD", **more: Body
    ) -> Body:
        """Return an unsigned sale with just the required members; `more` is merged by object."""
        body: Body = {
            "general": {"project_id": self.id, "payment_id": payment_id},
            "customer": {"id": "c-1", "ip_address": "203.0.113.7"},
            "payment": {"amount": amount, "currency": currency},
        }
        for name, members in more.items():
            body[name] = body.get(name, {}) | members
        return body

    def post(self, path: str, body: Body) -> Answer:
        """Sign a request and post it."""
        return self.platform.client.post(path, signed(body, self.secret))

    def sell(
        self, payment_id: str, *, amount: int = 10_000, currency: str = "HKD", **more: Body
    ) -> str:
        """Sell, check that the sale was taken, and return the request id."""
        body = self.sale_body(payment_id, amount=amount, currency=currency, **more)
        answer = self.post(SALE, body)
        assert answer.status == 200, answer.raw
        return str(answer.body["request_id"])

    def about(self, payment_id: str) -> Body:
        """Return an unsigned request about a payment, for status and refunds."""
        return {"general": {"project_id": self.id, "payment_id": payment_id}}

    def status(self, payment_id: str) -> Body:
        """Ask for the status of a payment and return the whole answer."""
        answer = self.post(STATUS, self.about(payment_id))
        assert answer.status == 200, answer.raw
        return dict(answer.body)

    def change(self, **settings: object) -> None:
        """Change settings of the project; they hold when this returns."""
        wanted = msgspec.to_builtins(self.project.settings) | settings
        chosen = msgspec.convert(wanted, ProjectSettings)
        self.project = msgspec.structs.replace(self.project, settings=chosen)
        now_us = self.platform.clock.now_us()
        self.platform.transact(lambda tx: projects.change(tx, self.project, now_us=now_us))
        self.platform.clock.advance(1)

    def rotate(self, secret: str, *, overlap_s: int) -> None:
        """Put a new secret in; the old one verifies for `overlap_s` more."""
        clock, vault = self.platform.clock, self.platform.inside.vault
        now_us = clock.now_us()
        until_us = now_us + overlap_s * 1_000_000
        new = NewSecret(secret=secret, set_us=now_us, previous_until_us=until_us)
        self.platform.transact(lambda tx: projects.rotate_secret(tx, self.id, new, vault=vault))
        clock.advance(1)
        self.secret = secret

    def payment(self, payment_id: str) -> Payment | None:
        """Return a payment as stored, None when there is none."""
        return self.platform.read(lambda tx: payments.payment_by_id(tx, self.id, payment_id))


class BankClient:
    """The sandbox bank's side: payers' actions, balances, and notices signed as the bank signs."""

    def __init__(self, platform: RunningPlatform) -> None:
        self._platform = platform
        self._secret = platform.inside.vault.derive("sandbox bank")

    def act(self, payload: str, action: str = "pay") -> Body:
        """Do what a payer does with a scanned QR; see `sampan.bank.service.Bank.act`."""
        asked = {"payload": payload, "action": action}
        answer = self._platform.client.post("/bank/v1/simulate", asked)
        assert answer.status == 200, answer.raw
        return dict(answer.body)

    def balance(self, fps_id: str, currency: str = "HKD") -> int:
        """Return what stands on an account of the bank, minor units."""
        answer = self._platform.client.request("GET", f"/bank/v1/accounts/{fps_id}")
        assert answer.status == 200, answer.raw
        return int(answer.body["balances"][currency])

    def mark(self, raw: bytes, *, age_s: int = 0) -> dict[str, str]:
        """Return the two headers that prove a body to be the bank's."""
        stamp = str(self._platform.clock.now_us() // 1_000_000 - age_s)
        digest = hmac.new(self._secret.encode(), stamp.encode() + b"." + raw, sha256)
        return {"x-bank-timestamp": stamp, "x-bank-signature": digest.hexdigest()}

    def notify(self, *notices: Body) -> Answer:
        """Post notices to the platform's door, genuine and fresh."""
        raw = json.dumps({"notices": notices}).encode()
        return self.post(raw, self.mark(raw))

    def post(self, raw: bytes, headers: dict[str, str], *, provider: str = "sandbox") -> Answer:
        """Post any bytes with any headers to the platform's door for banks."""
        path = f"/notifications/{provider}"
        return self._platform.client.request("POST", path, body=raw, headers=headers)


class _Serving:
    """The server's thread."""

    def __init__(self, app: Starlette, port: int) -> None:
        self._app = app
        self._port = port
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def wait(self) -> asyncio.AbstractEventLoop:
        """Wait until requests are taken; return the loop that takes them."""
        until(lambda: self._ended.is_set() or self._answers())
        assert not self._ended.is_set(), "the platform did not start"
        return self._loop

    def stop(self) -> None:
        """Stop as an operator would and wait for the end."""
        self._loop.call_soon_threadsafe(self._server.stop)
        self._thread.join(60)
        assert not self._thread.is_alive(), "the platform did not stop"

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self._port)):
                return hasattr(self._app.state, "platform")
        except OSError:
            return False

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        finally:
            self._ended.set()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._server = Server(
            self._app,
            address="127.0.0.1",
            port=self._port,
            interface=Interfaces.ASGI,
            log_enabled=False,
        )
        await self._server.serve()


@contextmanager
def running(database_url: str, **settings: object) -> Iterator[RunningPlatform]:
    """Run a platform on a database as long as the block lasts, workers and sandbox bank included.

    Callbacks may go to this machine, and reports into a folder that goes in the end, unless
    `settings` say otherwise.
    """
    with (
        TemporaryDirectory(prefix="sampan-reports-") as reports,
        _serving(database_url, {"reports_folder": reports} | settings) as made,
    ):
        yield made


@contextmanager
def _serving(database_url: str, settings: Mapping[str, object]) -> Iterator[RunningPlatform]:
    clock = TravelClock()
    port = free_port()
    wanted = {"master_key": MASTER_KEY, "allow_private_callbacks": True, "log_level": "error"}
    chosen = Settings.model_validate(
        {"database_url": database_url, "port": port} | wanted | dict(settings)
    )
    app = create_app(chosen, clock)
    serving = _Serving(app, port)
    loop = serving.wait()
    try:
        yield RunningPlatform(app.state.platform, clock, loop)
    finally:
        serving.stop()
