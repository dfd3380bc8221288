"""A hundred payments whose connections are cut at random: each page shows the result in time."""

from __future__ import annotations

import asyncio
import random
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.buyer import Buyer
from tests.browser.conftest import World

pytestmark = [pytest.mark.browser, pytest.mark.slow]

RUNS = 100
AT_ONCE = 10
IN_TIME_MS = 1_000
CUT_AFTER_S = (0.02, 0.7)
RESET = struct.pack("ii", 1, 0)
SEEN = """
  const look = () => {
    if (document.getElementById("screen")?.dataset.screen === "paid") window.paidAt ??= Date.now();
  };
  new MutationObserver(look).observe(document, { childList: true, subtree: true });
"""


class Cutter:
    """Passes bytes on to a server, and cuts each connection that follows a page, soon."""

    def __init__(self, port: int, *, seed: int) -> None:
        self.cuts_count = 0
        self._target = port
        self._random = random.Random(seed)
        self._kept: set[asyncio.Task[None]] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection, until either side or the test ends it."""
        with suppress(asyncio.CancelledError, OSError):
            await self._serve(reader, writer)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        onward = await asyncio.open_connection("127.0.0.1", self._target)
        pumps = [
            asyncio.create_task(self._up(reader, onward[1], cut=writer)),
            asyncio.create_task(self._pump(onward[0], writer)),
        ]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for end in (writer, onward[1]):
                end.transport.abort()
            await asyncio.gather(*pumps, return_exceptions=True)

    async def _up(
        self,
        reader: asyncio.StreamReader,
        onward: asyncio.StreamWriter,
        *,
        cut: asyncio.StreamWriter,
    ) -> None:
        doom: asyncio.Task[None] | None = None
        while data := await reader.read(65_536):
            follows = b"/events" in data or b"/state" in data
            if follows and (doom is None or doom.cancelled()):
                doom = asyncio.create_task(self._cut(cut))
                self._kept.add(doom)
                doom.add_done_callback(self._kept.discard)
            elif doom is not None and not follows:
                # The browser uses the connection again for a page: that one is not cut in two.
                doom.cancel()
                await asyncio.wait([doom])
            onward.write(data)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(65_536):
                writer.write(data)

    async def _cut(self, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(self._random.uniform(*CUT_AFTER_S))
        if writer.is_closing():
            return
        self.cuts_count += 1
        raw: socket.socket = writer.get_extra_info("socket")
        with suppress(OSError):
            if self._random.random() < 0.5:
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        writer.transport.abort()


@contextmanager
def cutting(url: str, *, seed: int) -> Iterator[tuple[str, Cutter]]:
    """Run a cutter before a server; yields its address and itself."""
    port = urlsplit(url).port
    assert port is not None
    cutter = Cutter(port, seed=seed)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def start() -> asyncio.Server:
        return await asyncio.start_server(cutter.serve, "127.0.0.1", 0)

    async def stop() -> None:
        server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        # What was aborted is closed in the loop's next turns.
        await asyncio.sleep(0.1)

    server = asyncio.run_coroutine_threadsafe(start(), loop).result(10)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", cutter
    finally:
        asyncio.run_coroutine_threadsafe(stop(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


def test_hundred_of_hundred_within_a_second(browser: Browser, world: World) -> None:
    """However often stream and polling are cut, the paid page follows within a second."""
    buyer = Buyer(world)
    chance = random.Random(7)
    late: dict[str, float] = {}
    with cutting(world.url, seed=11) as (front, cutter):
        for start in range(0, RUNS, AT_ONCE):
            context = browser.new_context()
            context.add_init_script(SEEN)
            pages: dict[str, Page] = {}
            for number in range(start, start + AT_ONCE):
                payment_id = f"cut-{number}"
                page = context.new_page()
                page.goto(buyer.url(payment_id).replace(world.url, front))
                pages[payment_id] = page
            for payment_id, page in pages.items():
                page.wait_for_timeout(chance.uniform(5, 60))
                buyer.act(payment_id)
            for payment_id, page in pages.items():
                # Not a function to wait for: asked a second time, the page's policy forbids it.
                expect(page.locator("#screen[data-screen=paid]")).to_be_visible(timeout=10_000)
                late[payment_id] = (
                    page.evaluate("window.paidAt") - buyer.noticed_us(payment_id) / 1000
                )
            context.close()
    print(f"slowest {max(late.values()):.0f} ms, cuts {cutter.cuts_count}")  # noqa: T201
    assert len(late) == RUNS
    assert cutter.cuts_count > RUNS
    assert {one: ms for one, ms in late.items() if ms > IN_TIME_MS} == {}
