"""The load tool: raw keep-alive connections that send prepared requests as fast as answered.

It does as little as an HTTP client can, so that what is measured is the server. Every comparison of
the benchmarks sends with this tool to both sides.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

CONNECTIONS = 64
_HEAD_END = b"\r\n\r\n"
_LENGTH = b"content-length:"
_CHUNKS_END = b"0\r\n\r\n"


def request(
    path: str,
    body: bytes,
    *,
    content_type: str = "application/json",
    more: str = "",
) -> bytes:
    """Return the bytes of a POST; `more` holds further header lines, each with its line end."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {content_type}\r\n"
        f"Content-Length: {len(body)}\r\n{more}\r\n"
    )
    return head.encode() + body


def get(path: str) -> bytes:
    """Return the bytes of a GET as a browser sends it."""
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept-Encoding: gzip\r\n\r\n".encode()


class Message:
    """Takes bytes in until one HTTP message is whole."""

    def __init__(self) -> None:
        self._got = b""
        self._whole_bytes = 0
        self._body_at = 0

    def feed(self, data: bytes) -> bool:
        """Take bytes in; tell whether a message is whole."""
        self._got = self._got + data if self._got else data
        if not self._whole_bytes:
            end = self._got.find(_HEAD_END)
            if end < 0:
                return False
            self._body_at = end + len(_HEAD_END)
            head = self._got[:end].lower()
            found = head.find(_LENGTH)
            if found < 0:
                return self._got.endswith(_CHUNKS_END)
            line_end = head.find(b"\r\n", found)
            digits = head[found + len(_LENGTH) : line_end if line_end >= 0 else end]
            self._whole_bytes = self._body_at + int(digits)
        return len(self._got) >= self._whole_bytes

    def take(self) -> tuple[bytes, bytes]:
        """Return the first line and the body of the whole message, and begin the next one."""
        whole = self._whole_bytes or len(self._got)
        first, body = self._got[: self._got.find(b"\r\n")], self._got[self._body_at : whole]
        self._got, self._whole_bytes = self._got[whole:], 0
        return first, body


@dataclass
class Outcome:
    """What came back: answers by HTTP status, and how long all of them took."""

    statuses: Counter[int] = field(default_factory=Counter)
    duration_s: float = 0.0
    sample: bytes = b""

    @property
    def per_s(self) -> float:
        """Good answers each second; raises when any answer was not 200."""
        if set(self.statuses) != {200}:
            raise RuntimeError(f"not every answer was 200: {self.statuses} {self.sample[:300]!r}")
        return self.statuses.total() / self.duration_s


class _Sender(asyncio.Protocol):
    """One connection: sends the next request when the last one is answered."""

    def __init__(self, requests: Iterator[bytes], outcome: Outcome) -> None:
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._requests = requests
        self._outcome = outcome
        self._message = Message()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def begin(self) -> None:
        """Send the first request."""
        self._next()

    def data_received(self, data: bytes) -> None:
        if self._message.feed(data):
            first, body = self._message.take()
            status = int(first[9:12])
            self._outcome.statuses[status] += 1
            if status != 200 or not self._outcome.sample:
                self._outcome.sample = body
            self._next()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(exc or ConnectionError("closed by the server"))

    def _next(self) -> None:
        assert self._transport is not None
        request = next(self._requests, None)
        if request is not None:
            self._transport.write(request)
        elif not self.done.done():
            self.done.set_result(None)
            self._transport.close()


async def send(port: int, requests: Iterable[bytes], *, connections: int = CONNECTIONS) -> Outcome:
    """Send every request once over `connections` connections to a port of this machine."""
    outcome, shared = Outcome(), iter(requests)
    loop = asyncio.get_running_loop()
    senders = [
        (await loop.create_connection(lambda: _Sender(shared, outcome), "127.0.0.1", port))[1]
        for _ in range(connections)
    ]
    begun = time.perf_counter()
    for sender in senders:
        sender.begin()
    await asyncio.gather(*(sender.done for sender in senders))
    outcome.duration_s = time.perf_counter() - begun
    return outcome
