"""A merchant's callback receiver for tests: real HTTP in a thread, able to answer badly."""

from __future__ import annotations

import asyncio
import json
import secrets as chance
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final

WAIT_S: Final = 15.0
"""The longest that a test waits for anything; what works takes far less."""
_ENDLESS_CHUNK: Final = b"x" * 65_536


class Act(Enum):
    """Ways to answer that are no answer."""

    HANG = "take the request and say nothing"
    RESET = "take the request and reset the connection"
    ENDLESS = "answer 200 and send a body that never ends"


@dataclass(frozen=True)
class Reply:
    """One answer of a merchant."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b"OK"


Answering = int | Reply | Act
"""A status alone, a whole answer, or none."""


@dataclass(frozen=True)
class Received:
    """One request as it arrived: `raw` is its body byte for byte, header names in lower case.

    `secrets` are those that the merchant knew then, the current one first. `at_s` is monotonic,
    `clock_s` what the clock of the merchant's world showed.
    """

    path: str
    headers: Mapping[str, str]
    raw: bytes
    secrets: tuple[str, ...]
    at_s: float
    clock_s: float

    @property
    def body(self) -> Any:  # noqa: ANN401 - JSON of whatever shape
        """The body read as JSON."""
        return json.loads(self.raw)

    @property
    def payment_id(self) -> str:
        """The merchant's own id of the payment."""
        return str(self.body["payment"]["id"])

    @property
    def told(self) -> tuple[str, str]:
        """Type and status of the operation that the callback is about."""
        operation = self.body["operation"]
        return operation["type"], operation["status"]


class Merchant:
    """Receives callbacks at `url` until it is closed. Answers 200 `OK` unless told otherwise.

    Requests to other paths are answered 410 and not recorded: a port may be used again, and late
    callbacks for its last owner must not confuse the next.
    """

    def __init__(
        self, *, secrets: Sequence[str] = (), clock: Callable[[], float] = time.time
    ) -> None:
        self._clock = clock
        self.secrets = tuple(secrets)
        self.received: list[Received] = []
        self._news = threading.Condition()
        self._script: deque[Answering] = deque()
        self._default: Answering = 200
        self._path = f"/{chance.token_hex(4)}"
        self._loop = asyncio.new_event_loop()
        self._open: set[asyncio.StreamWriter] = set()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        assert self._ready.wait(WAIT_S), "the merchant's server did not start"

    @property
    def url(self) -> str:
        """Where callbacks go."""
        return f"{self.origin}{self._path}"

    def answer(self, *replies: Answering) -> None:
        """Answer the next requests so, one after another."""
        self._script.extend(replies)

    def always(self, reply: Answering) -> None:
        """Answer so from now on whenever nothing else is ordered."""
        self._default = reply

    def wait(
        self,
        fits: Callable[[Received], bool] = lambda _: True,
        *,
        count: int = 1,
        timeout_s: float = WAIT_S,
    ) -> list[Received]:
        """Wait until `count` received callbacks fit and return all that do, oldest first."""

        def found() -> list[Received]:
            return [one for one in self.received if fits(one)]

        with self._news:
            if not self._news.wait_for(lambda: len(found()) >= count, timeout_s):
                told = [(one.path, one.payment_id, one.told) for one in self.received[-20:]]
                raise AssertionError(f"{len(found())} of {count} callbacks came; all: {told}")
            return found()

    def callback(
        self, payment_id: str, status: str, *, operation: str = "sale", timeout_s: float = WAIT_S
    ) -> Received:
        """Wait for the first callback about an operation of a payment in a status."""
        return self.wait(
            lambda one: one.payment_id == payment_id and one.told == (operation, status),
            timeout_s=timeout_s,
        )[0]

    def told(self, payment_id: str, status: str) -> Received:
        """Wait for the first callback that tells this status of a payment."""
        return self.wait(
            lambda one: one.payment_id == payment_id and one.body["payment"]["status"] == status
        )[0]

    def of(self, payment_id: str) -> list[Received]:
        """Return what has arrived about a payment, oldest first."""
        return [one for one in self.received if one.payment_id == payment_id]

    def close(self) -> None:
        """Cut every connection and stop listening. A second time does nothing."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join(WAIT_S)
            assert not self._thread.is_alive(), "the merchant's server did not stop"

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._run())
        self._loop.close()

    async def _run(self) -> None:
        self._stop = asyncio.Event()
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.origin = "http://127.0.0.1:{1}".format(*server.sockets[0].getsockname())
        self._ready.set()
        await self._stop.wait()
        server.close()
        # Aborted connections end their handlers; one just accepted may still come in between.
        while rest := asyncio.all_tasks() - {asyncio.current_task()}:
            for writer in [*self._open]:
                writer.transport.abort()
            await asyncio.wait(rest, timeout=0.01)
        await server.wait_closed()
        # What was accepted in the last moment is let go too, before the loop is.
        for _ in range(3):
            for writer in [*self._open]:
                writer.transport.abort()
            await asyncio.sleep(0)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                while await self._one(reader, writer):
                    pass
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()
            self._open.discard(writer)

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Take one request; False when the connection is over."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        pairs = [line.split(":", 1) for line in head[1:] if line]
        headers = {name.strip().lower(): value.strip() for name, value in pairs}
        raw = await reader.readexactly(int(headers.get("content-length", "0")))
        path = head[0].split(" ")[1]
        reply: Answering = 410
        if path.startswith(self._path):
            with self._news:
                times = (time.monotonic(), self._clock())
                self.received.append(Received(path, headers, raw, self.secrets, *times))
                reply = self._script.popleft() if self._script else self._default
                self._news.notify_all()
        return await self._send(reply, writer)

    async def _send(self, reply: Answering, writer: asyncio.StreamWriter) -> bool:
        if reply is Act.HANG:
            await self._stop.wait()
            return False
        if reply is Act.RESET:
            writer.transport.abort()
            return False
        if reply is Act.ENDLESS:
            writer.write(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n")
            while not self._stop.is_set():
                writer.write(_ENDLESS_CHUNK)
                await writer.drain()
        answer = Reply(reply) if isinstance(reply, int) else reply
        assert isinstance(answer, Reply)
        lines = [f"HTTP/1.1 {answer.status} Said", f"content-length: {len(answer.body)}"]
        lines += [f"{name}: {value}" for name, value in answer.headers.items()]
        writer.write("\r\n".join([*lines, "\r\n"]).encode("latin-1") + answer.body)
        await writer.drain()
        return True
