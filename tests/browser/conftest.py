"""A whole platform on a free port of this machine, and a Chromium that looks at it."""

from __future__ import annotations

import asyncio
import shutil
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import uvicorn
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

from sampan.app import Platform, create_app
from sampan.bank.service import OrderRequest, OrderView
from sampan.clock import MINUTE_US, SystemClock
from sampan.domain.project import Project, ProjectSettings
from sampan.settings import Settings
from sampan.shop.orders import Order
from sampan.storage import open as opening
from sampan.storage import projects
from sampan.storage.vault import Vault
from tests.support.ports import free_port

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
MASTER_KEY = "a key of the browser tests"
PROJECT_ID = 1
INSTRUCTIONS = (
    "二維碼有效期",
    "QR code expiration date",
    "請下載二維碼並在網上銀行應用程序的二維碼掃描功能中使用",
    "Please download the QR code and use it in the QR scan function of your online banking",
    "此二維碼僅供一次性掃描",
    "For one-time use only",
)
"""What the method asks every QR screen to say (hk-qr page, payment instructions)."""


@dataclass(frozen=True)
class World:
    """A running platform: its address, and its insides for what a browser cannot do."""

    url: str
    platform: Platform
    loop: asyncio.AbstractEventLoop

    def bank_order(self, **changes: object) -> OrderView:
        """Order a QR at the bank, as the platform would; HK$128.00 unless told otherwise."""
        clock = self.platform.clock
        wanted = {
            "reference": clock.token(8),
            "amount_minor": 12_800,
            "currency": "HKD",
            "expires_us": clock.now_us() + 10 * MINUTE_US,
            "closes_us": clock.now_us() + 15 * MINUTE_US,
            "payee_name": "HARBOUR TEA HOUSE",
            "payee_name_zh": "海港茶舍",
        }
        order = OrderRequest(**(wanted | changes))  # type: ignore[arg-type]  # values of a test
        return asyncio.run_coroutine_threadsafe(self.platform.bank.order(order), self.loop).result()

    def shop_order(self, page: Page) -> Order:
        """Return the shop's order that a page shows."""
        assert self.platform.shop is not None
        order = self.platform.shop.orders.find(page.url.split("?")[0].rsplit("/", 1)[1])
        assert order is not None
        return order

    def refuse_by_platform(self, order: Order, code: str) -> None:
        """Make the shop's order end as a decline of the platform with this code would."""

        def change() -> None:
            order.status, order.code, order.finished_us = "decline", code, order.created_us
            order.wake()

        self.loop.call_soon_threadsafe(change)

    def expire(self, order: Order) -> None:
        """Let the time of the shop's order be over."""

        def change() -> None:
            order.expires_us = order.created_us
            order.wake()

        self.loop.call_soon_threadsafe(change)


def _prepare(settings: Settings) -> None:
    """Make the database with the shop's project in it."""
    clock = SystemClock()

    async def add() -> None:
        store = await opening.open_store(settings.database_url, clock)
        project = Project(
            id=PROJECT_ID,
            name="Harbour Tea House",
            callback_url="",
            secrets=("secret of the shop",),
            settings=ProjectSettings(payee_name="HARBOUR TEA HOUSE", payee_name_zh="海港茶舍"),
        )
        vault = Vault(settings.master_key, clock)
        await store.transact(
            lambda tx: projects.add(tx, project, vault=vault, now_us=clock.now_us())
        )
        await store.close()

    asyncio.run(add())


class _Server(uvicorn.Server):
    """A server that tells the loop it runs in, and whether it has begun."""

    loop: asyncio.AbstractEventLoop

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self.loop = asyncio.get_running_loop()
        await super().startup(sockets)
        self.ready.set()


# Not for the session: while Playwright is open, no test on this thread can start an event loop.
@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A platform with the sandbox bank and the demo shop, for one module of tests."""
    folder: Path = tmp_path_factory.mktemp("platform")
    settings = Settings(
        database_url=f"sqlite:///{folder}/sampan.db",
        master_key=MASTER_KEY,
        port=free_port(),
        allow_private_callbacks=True,
        demo_shop_project=PROJECT_ID,
    )
    app = create_app(settings)
    config = uvicorn.Config(
        app,
        port=settings.port,
        ws="none",
        log_level="warning",
        timeout_graceful_shutdown=1,
    )
    server = _Server(config)

    def serve() -> None:
        _prepare(settings)
        server.run()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    assert server.ready.wait(30), "the server did not start"
    yield World(settings.own_url, app.state.platform, server.loop)
    server.should_exit = True
    thread.join(30)
    assert not thread.is_alive(), "the server did not stop"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, without a window."""
    if CHROMIUM is None:
        pytest.skip("there is no Chromium")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture
def page(browser: Browser, world: World) -> Iterator[Page]:
    """A page of a phone; every console error, foreign request or page error fails the test."""
    context = browser.new_context(
        viewport={"width": 390, "height": 844}, base_url=world.url, locale="en-HK"
    )
    made = context.new_page()
    faults = watch(made, world)
    yield made
    context.close()
    assert faults == []


@pytest.fixture
def plain_page(browser: Browser, world: World) -> Iterator[Page]:
    """A page in a browser that runs no scripts."""
    context = browser.new_context(base_url=world.url, locale="en-HK", java_script_enabled=False)
    yield context.new_page()
    context.close()


def watch(page: Page, world: World) -> list[str]:
    """Return a list that fills with what must not happen: errors and requests to others."""
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(f"page error: {error}"))
    page.on(
        "console",
        lambda line: (
            faults.append(f"console: {line.text}")
            # A page that is answered with 422 or 404 on purpose is reported there too.
            if line.type == "error" and "Failed to load resource" not in line.text
            else None
        ),
    )
    page.on(
        "request",
        lambda request: (
            None
            if request.url.startswith((world.url, "data:", "blob:"))
            else faults.append(f"foreign request: {request.url}")
        ),
    )
    return faults


def barriers(page: Page) -> list[str]:
    """Return what axe-core finds on a page that is serious or critical for somebody."""
    found = Axe().run(page).response["violations"]
    return [
        f"{one['id']}: {node['html'][:160]}"
        for one in found
        if one["impact"] in {"serious", "critical"}
        for node in one["nodes"]
    ]
