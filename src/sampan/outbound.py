"""The one HTTP client: everything that Sampan says to the outside goes through here.

Where it may go is decided three times by the rules of `sampan.addresses`: from the URL, for every
address that DNS answers, and when the socket is made. The connection goes to the very addresses
that were checked, so an answer of DNS that changes in between changes nothing. A pooled connection
is used again only for the same scheme, host and port, and its peer was checked when it was made.

Redirects are not followed, proxies of the environment not asked, cookies not kept, compressed
answers not expanded.
"""

import asyncio
import os
import socket
import ssl
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Literal

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from sampan import __version__
from sampan.addresses import (
    Policy,
    Target,
    TargetRefused,
    address_fault,
    check_url,
    is_public,
    origin,
)
from sampan.clock import Clock, SystemClock

__all__ = [
    "Answer",
    "Kind",
    "Lookup",
    "Outbound",
    "OutboundError",
    "Policy",
    "Target",
    "TargetRefused",
    "check_url",
    "is_public",
    "origin",
]

CONNECTIONS_MAX: Final = 200
CONNECTIONS_PER_HOST_MAX: Final = 20
"""One slow merchant holds a tenth of all connections at most."""

CALLS_MAX: Final = 1024
CALLS_PER_HOST_MAX: Final = 256
"""Calls under way or waiting for a connection; one more is refused at once as `too many`."""

ADDRESSES_MAX: Final = 8
"""Addresses of a name that are tried; a name with hundreds would make us scan for somebody."""

KEEPALIVE_S: Final = 4.0
"""Below the 5 s of common servers, so that we seldom write to a connection being closed."""

LOOKUP_THREADS_MAX: Final = 32

Kind = Literal["timeout", "dns", "connect", "tls", "protocol", "reset", "too many"]

Lookup = Callable[[str, int], Awaitable[Sequence[str]]]
"""Resolve (host, port) into numeric addresses; raises OSError when there are none."""

_HEADERS: Final = {
    "Accept": "*/*",
    "Accept-Encoding": "identity",
    "User-Agent": f"Sampan/{__version__}",
}
_HEADERS_OURS: Final = frozenset(("host", "content-length", "transfer-encoding", "connection"))

_NO_ADDRESS: Final = "the host name has no address"
_NOT_HTTP: Final = "the answer is not HTTP"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. `body` holds at most `Policy.answer_bytes_max` bytes, as they were sent.

    `truncated` says that there was more. `duration_ms` is from the call to the last byte read.
    """

    status: int
    body: bytes
    truncated: bool
    duration_ms: int


class OutboundError(Exception):
    """No answer that could be used. Whether the request was taken depends on `kind`.

    `dns`, `connect`, `tls` and `too many` were never sent; `timeout`, `reset` and `protocol` prove
    nothing. `too many` is about our own limits and says nothing about the other side. The text is
    short and names no address, so it may be shown.
    """

    def __init__(self, kind: Kind, text: str) -> None:
        super().__init__(text)
        self.kind: Kind = kind


class _GateClosed(OSError):  # noqa: N818 - what happened, not an error of its own
    """The socket's address is refused; an OSError, because the dialling code knows only those."""


class _Guard(AbstractResolver):
    """Resolver and socket maker of one connector: nothing passes that the policy forbids."""

    def __init__(self, policy: Policy, lookup: Lookup, *, scheme: str) -> None:
        self._lookup = lookup
        self._fault = partial(address_fault, policy=policy, scheme=scheme)

    async def resolve(
        self, host: str, port: int = 0, *_family: object, **_named: object
    ) -> list[ResolveResult]:
        """Return the addresses of a name; raises `TargetRefused` if any of them is forbidden."""
        found = await self._lookup(host, port)
        if not found:
            raise OSError("no address")
        # All must pass: who mixes in one inner address is probing, and may reorder them next time.
        for address in found:
            fault = self._fault(address, port)
            if fault:
                raise TargetRefused(f"{host}: {fault}")
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=socket.IPPROTO_TCP,
                flags=socket.AI_NUMERICHOST,
            )
            for address in found[:ADDRESSES_MAX]
        ]

    def open_socket(self, info: aiohttp.AddrInfoType) -> socket.socket:
        """Make the socket for an address: the last gate, which every connection passes."""
        family, kind, proto, _, address = info
        fault = self._fault(str(address[0]), int(address[1]))
        if fault:
            raise _GateClosed(fault)
        return socket.socket(family, kind, proto)

    async def close(self) -> None:
        """Release nothing; the lookup belongs to `Outbound`."""


class Outbound:
    """A bounded HTTP client for addresses that others choose.

    Made anywhere, used in one event loop, closed with `close`. `resolver` stands in for DNS.
    """

    def __init__(
        self, policy: Policy, *, resolver: Lookup | None = None, clock: Clock | None = None
    ) -> None:
        self.policy = policy
        self._clock = clock or SystemClock()
        self._lookup = resolver or self._ask_dns
        # Lookups block a thread each; in the loop's own pool they would hold up everybody else.
        self._threads = ThreadPoolExecutor(LOOKUP_THREADS_MAX, thread_name_prefix="dns")
        self._sessions: dict[str, aiohttp.ClientSession] = {}
        self._calls: Counter[tuple[str, int]] = Counter()
        self._closed = False

    async def post(
        self,
        url: str,
        body: bytes,
        *,
        headers: Mapping[str, str] | None = None,
        timeout_s: float | None = None,
    ) -> Answer:
        """Send `body` byte for byte and read the answer, whatever its status; never repeats.

        `application/json` unless `headers` say otherwise. `timeout_s` covers everything from the
        wait for a connection to the last byte. Raises `TargetRefused` and `OutboundError`.
        """
        typed = {"Content-Type": "application/json", **(headers or {})}
        return await self._call("POST", url, body=body, headers=typed, timeout_s=timeout_s)

    async def get(
        self,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        timeout_s: float | None = None,
    ) -> Answer:
        """Read what is at `url`; limits and errors as of `post`."""
        return await self._call("GET", url, body=None, headers=headers or {}, timeout_s=timeout_s)

    async def check(self, url: str) -> Target:
        """Hold a URL against the policy and its addresses too, sending nothing.

        For the moment when a URL is saved. Raises `TargetRefused`; a name that does not resolve
        now is `OutboundError("dns")`, which need not keep anybody from saving it.
        """
        target = check_url(url, self.policy)
        if target.is_address:
            return target
        guard = _Guard(self.policy, self._lookup, scheme=target.scheme)
        try:
            async with asyncio.timeout(self.policy.timeout_s):
                await guard.resolve(target.host, target.port)
        except OSError as error:  # a time-out is one too
            raise OutboundError("dns", _NO_ADDRESS) from error
        return target

    async def close(self) -> None:
        """Close every connection; calls still under way fail. A second time does nothing."""
        self._closed = True
        sessions, self._sessions = self._sessions, {}
        for session in sessions.values():
            await session.close()
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _call(
        self,
        method: str,
        url: str,
        *,
        body: bytes | None,
        headers: Mapping[str, str],
        timeout_s: float | None,
    ) -> Answer:
        if not _HEADERS_OURS.isdisjoint(map(str.lower, headers)):
            raise ValueError("a header that follows from the request itself")
        target = check_url(url, self.policy)
        limit_s = self.policy.timeout_s if timeout_s is None else timeout_s
        started_us = self._clock.monotonic_us()
        with self._counted(target), _explained(limit_s):
            async with (
                # Our own limit: those of the library are per stage and rounded up to seconds.
                asyncio.timeout(limit_s),
                self._session(target.scheme).request(
                    method, target.url, data=body, headers=headers, allow_redirects=False
                ) as response,
            ):
                text, truncated = await self._read(response)
                if truncated:
                    response.close()
        duration_ms = (self._clock.monotonic_us() - started_us) // 1000
        return Answer(response.status, text, truncated, duration_ms)

    async def _read(self, response: aiohttp.ClientResponse) -> tuple[bytes, bool]:
        """Read up to the limit; True when there was more."""
        got = bytearray()
        while len(got) <= self.policy.answer_bytes_max:
            try:
                chunk = await _chunk(response)
            except RuntimeError as error:
                raise OutboundError("protocol", _NOT_HTTP) from error
            if not chunk:
                return bytes(got), False
            got += chunk
        return bytes(got[: self.policy.answer_bytes_max]), True

    @contextmanager
    def _counted(self, target: Target) -> Iterator[None]:
        """Count a call while it is under way, and turn it away when there are too many."""
        key = (target.host, target.port)
        if self._calls.total() >= CALLS_MAX or self._calls[key] >= CALLS_PER_HOST_MAX:
            raise OutboundError("too many", "too many calls at once")
        self._calls[key] += 1
        try:
            yield
        finally:
            self._calls[key] -= 1
            if not self._calls[key]:
                del self._calls[key]

    def _session(self, scheme: str) -> aiohttp.ClientSession:
        """Return the session of a scheme; one each, for their addresses have different rules."""
        session = self._sessions.get(scheme)
        if session is None:
            if self._closed:
                raise RuntimeError("used after close()")
            guard = _Guard(self.policy, self._lookup, scheme=scheme)
            connector = aiohttp.TCPConnector(
                limit=CONNECTIONS_MAX,
                limit_per_host=CONNECTIONS_PER_HOST_MAX,
                keepalive_timeout=KEEPALIVE_S,
                # Nothing is kept, but calls to one name at the same moment share one lookup, so
                # a name whose DNS hangs holds one thread.
                ttl_dns_cache=0,
                resolver=guard,
                socket_factory=guard.open_socket,
                # Reading the system's authorities takes longer than a whole call.
                ssl=_tls() if scheme == "https" else True,
            )
            session = self._sessions[scheme] = aiohttp.ClientSession(
                connector=connector,
                headers=_HEADERS,
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),
                auto_decompress=False,
                trust_env=False,
            )
        return session

    async def _ask_dns(self, host: str, port: int) -> list[str]:
        """Ask the system, in a thread."""
        ask = partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
        found = await asyncio.get_running_loop().run_in_executor(self._threads, ask)
        return [str(address[0]) for *_, address in found]


async def _chunk(response: aiohttp.ClientResponse) -> bytes:
    """Read what there is, empty at the end.

    aiohttp closes the connection on a malformed chunk, but when the chunk comes after the headers
    it forgets to tell the reader (seen in 3.14.5): one who waits does so until the time limit, one
    who comes later gets a bare RuntimeError.
    """
    content = response.content
    protocol = response.connection.protocol if response.connection else None
    closed = None if protocol is None else protocol.closed
    if content.is_eof() or closed is None:
        return await content.readany()
    # The connection outlives this call and may be lost later, when nobody looks at the reason.
    closed.remove_done_callback(_noted)
    closed.add_done_callback(_noted)
    reading = asyncio.ensure_future(content.readany())
    try:
        either: set[asyncio.Future[Any]] = {reading, closed}
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if not reading.done():
            await asyncio.sleep(0)  # what came before the end is still to be read
        if not reading.done():
            raise RuntimeError("closed in the middle of the answer")
        return reading.result()
    finally:
        reading.cancel()


def _noted(closed: asyncio.Future[None]) -> None:
    """Take the reason of a lost connection, so that the loop does not log it as overlooked."""
    if not closed.cancelled():
        closed.exception()


def _tls() -> ssl.SSLContext:
    """Verify by the system's authorities (`SSL_CERT_FILE` names others); TLS 1.2 and up."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    return context


@contextmanager
def _explained(limit_s: float) -> Iterator[None]:
    """Turn what the network library raises into our two exceptions."""
    try:
        yield
    except TimeoutError as error:
        raise OutboundError("timeout", f"no complete answer within {limit_s:g} s") from error
    except (aiohttp.ClientError, OSError) as error:
        raise _explanation(error) from error


def _explanation(error: Exception) -> TargetRefused | OutboundError:
    """Find the kind of a failure. The texts are ours, for theirs name addresses."""
    if isinstance(error, aiohttp.InvalidURL):
        return TargetRefused("unreadable URL")
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        reason = getattr(error.certificate_error, "verify_message", "")
        return OutboundError("tls", f"certificate refused: {reason}"[:200])
    if isinstance(error, aiohttp.ClientSSLError | ssl.SSLError):
        return OutboundError("tls", "no TLS connection")
    if isinstance(error, aiohttp.ClientConnectorError):
        return _unreached(error)
    # The parser names what a body cut short still lacked as the cause.
    cut = isinstance(error, aiohttp.ClientPayloadError) and error.__cause__ is not None
    if cut or isinstance(error, OSError | aiohttp.ServerDisconnectedError):
        return OutboundError("reset", "the connection was closed before the answer was complete")
    return OutboundError("protocol", _NOT_HTTP)


def _unreached(error: aiohttp.ClientConnectorError) -> TargetRefused | OutboundError:
    """Say why there is no connection."""
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return OutboundError("dns", _NO_ADDRESS)
    if isinstance(error.os_error, _GateClosed):
        return TargetRefused(str(error.os_error))
    # The system numbers its errors; one without a number is asyncio's, about the handshake.
    if isinstance(error.os_error, ConnectionError) and not error.os_error.errno:
        return OutboundError("tls", "no TLS connection")
    return OutboundError("connect", os.strerror(error.errno) if error.errno else "no way there")
