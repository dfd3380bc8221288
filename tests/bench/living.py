"""How many whole lives of payments a second: from the sale to the final callback.

The load process is the merchant and the payer: it sends sales, takes both callbacks in over HTTP,
and on the first one lets the bank be told that the customer pays. The platform, the sandbox bank
and their own HTTP to each other are one process.
"""

import asyncio
import time
from collections import deque

import msgspec

from sampan.codecs.strict_json import dumps
from tests.bench import load, world

WARM_COUNT = 300
LIVES_COUNT = 1_500
AT_ONCE = 96
"""Lives under way: enough that nobody waits for the network, few enough that none waits long."""
LIMIT_S = 90.0
_OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK"


class _Status(msgspec.Struct):
    status: str


class _Qr(msgspec.Struct):
    payload: str


class _Callback(msgspec.Struct):
    payment: _Status
    qr: _Qr | None = None


_CALLBACK = msgspec.json.Decoder(_Callback)


class _Client(asyncio.Protocol):
    """A keep-alive connection that takes requests from a queue shared with others."""

    def __init__(self, queue: "_Queue") -> None:
        self._queue = queue
        self._message = load.Message()
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        if self._message.feed(data):
            first, body = self._message.take()
            if first[9:12] != b"200":
                self._queue.failed = f"{first!r} {body[:200]!r}"
            self._queue.free(self)


class _Queue:
    """Sends requests over a fixed number of connections, in order."""

    def __init__(self) -> None:
        self.failed = ""
        self._waiting: deque[bytes] = deque()
        self._idle: list[_Client] = []

    async def connect(self, port: int, connections: int) -> None:
        """Open the connections."""
        loop = asyncio.get_running_loop()
        for _ in range(connections):
            _, client = await loop.create_connection(lambda: _Client(self), "127.0.0.1", port)
            self._idle.append(client)

    def put(self, request: bytes) -> None:
        """Send a request as soon as a connection is free."""
        if self._idle:
            self._send(self._idle.pop(), request)
        else:
            self._waiting.append(request)

    def free(self, client: _Client) -> None:
        """Use a connection again."""
        if self._waiting:
            self._send(client, self._waiting.popleft())
        else:
            self._idle.append(client)

    def _send(self, client: _Client, request: bytes) -> None:
        assert client.transport is not None
        client.transport.write(request)

    def close(self) -> None:
        """Close the idle connections."""
        for client in self._idle:
            assert client.transport is not None
            client.transport.close()


class _Merchant(asyncio.Protocol):
    """Takes callbacks in, answers 200 and says what each was about."""

    def __init__(self, phases: "list[_Lives]") -> None:
        # A connection outlives the phase that it was opened in.
        self._phases = phases
        self._message = load.Message()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        if self._message.feed(data):
            _, body = self._message.take()
            assert self._transport is not None
            self._transport.write(_OK)
            self._phases[-1].told(_CALLBACK.decode(body))


class _Lives:
    """Keeps `AT_ONCE` lives under way until all are over."""

    def __init__(self, requests: list[bytes]) -> None:
        self.done = asyncio.Event()
        self.queue = _Queue()
        self._requests = iter(requests)
        self._left = len(requests)

    def begin(self) -> None:
        """Begin the first lives."""
        for _ in range(AT_ONCE):
            self._sell()

    def told(self, callback: _Callback) -> None:
        """Go on with a life, or count its end and begin the next one."""
        if callback.payment.status == "success":
            self._left -= 1
            if not self._left:
                self.done.set()
            self._sell()
        elif callback.qr is not None:
            body = dumps({"payload": callback.qr.payload, "action": "pay"})
            self.queue.put(load.request("/bank/v1/simulate", body))
        else:
            self.queue.failed = f"a callback says {callback.payment.status}"

    def _sell(self) -> None:
        request = next(self._requests, None)
        if request is not None:
            self.queue.put(request)


async def _live(database: str, name: str, profile: str) -> dict[str, float | None]:
    phases: list[_Lives] = []
    loop = asyncio.get_running_loop()
    merchant = await loop.create_server(lambda: _Merchant(phases), "127.0.0.1", 0)
    callback_port = merchant.sockets[0].getsockname()[1]
    url = f"http://127.0.0.1:{callback_port}/callback"
    async with world.platform(database, workers=True, callback_url=url, profile=profile) as port:
        rate = 0.0
        for count, prefix in ((WARM_COUNT, "warm"), (LIVES_COUNT, "life")):
            lives = _Lives(world.sales(count, prefix))
            phases.append(lives)
            await lives.queue.connect(port, load.CONNECTIONS)
            begun = time.perf_counter()
            lives.begin()
            try:
                async with asyncio.timeout(LIMIT_S):
                    await lives.done.wait()
            except TimeoutError:
                raise RuntimeError(f"lives did not end: {lives.queue.failed}") from None
            rate = count / (time.perf_counter() - begun)
            if lives.queue.failed:
                raise RuntimeError(lives.queue.failed)
            lives.queue.close()
    merchant.close()
    return {name: rate}


def sqlite(profile: str = "") -> dict[str, float | None]:
    """Whole lives a second on SQLite."""
    with world.sqlite() as database:
        return asyncio.run(_live(database, "lives_per_s", profile))


def postgres(profile: str = "") -> dict[str, float | None]:
    """Whole lives a second on PostgreSQL."""
    with world.postgres() as database:
        return asyncio.run(_live(database, "lives_postgres_per_s", profile))
