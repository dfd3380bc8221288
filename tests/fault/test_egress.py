"""What hostile merchants, hostile names and broken servers can make the HTTP client do: nothing.

Refusals are judged by a recorder of connections, not by what the client says. Answers come from
servers on loopback; every name is resolved by the test.
"""

import asyncio
import datetime as dt
import gzip
import random
import socket
import ssl
import struct
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from sampan import outbound
from sampan.clock import ManualClock
from sampan.outbound import Answer, Outbound, OutboundError, Policy, TargetRefused, check_url

PUBLIC = "93.184.215.14"
PRIVATE = "10.0.0.7"
STRICT = Policy(allow_http=True)
DEMO = Policy(allow_private=True, timeout_s=5.0)
QUICK = Policy(allow_private=True, timeout_s=0.3)

ADDRESSES = [
    "0.0.0.0",
    "0.0.0.1",
    "0.255.255.255",
    "10.0.0.0",
    "10.0.0.1",
    "10.255.255.255",
    "100.64.0.0",
    "100.64.0.1",
    "100.100.100.200",
    "100.127.255.255",
    "127.0.0.0",
    "127.0.0.1",
    "127.0.0.254",
    "127.254.254.254",
    "127.255.255.255",
    "168.63.129.16",
    "169.254.0.1",
    "169.254.169.254",
    "169.254.170.2",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.1",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.0.1",
    "192.168.255.255",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::7f00:1",
    "::ffff:0.0.0.0",
    "::ffff:10.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:192.168.0.1",
    "::ffff:0:7f00:1",
    "64:ff9b::7f00:1",
    "64:ff9b::808:808",
    "64:ff9b:1::1",
    "100::1",
    "100:0:0:1::1",
    "2001::1",
    "2001:0:7f00:1::1",
    "2001:10::1",
    "2001:20::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:808:808::1",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd00::1",
    "fd00:ec2::254",
    "fe80::1",
    "febf::1",
    "fec0::1",
    "ff02::1",
    "ff0e::1",
]

WIDE_127 = "\uff11\uff12\uff17"
TRICKS = {
    # IPv4 in the spellings that resolvers understand and people do not.
    "one-number": "http://2130706433/",
    "hexadecimal": "http://0x7f000001/",
    "hexadecimal-dotted": "http://0x7f.0.0.1/",
    "hexadecimal-upper": "http://0X7F.0.0.1/",
    "hexadecimal-last": "http://127.0.0.0x1/",
    "octal": "http://0177.0.0.1/",
    "octal-number": "http://017700000001/",
    "leading-zero": "http://127.0.0.01/",
    "two-parts": "http://127.1/",
    "three-parts": "http://127.0.1/",
    "zero": "http://0/",
    "zero-hexadecimal": "http://0x/",
    "overflow": "http://127.0.0.257/",
    "overflow-number": "http://4294967297/",
    "five-parts": "http://127.0.0.0.1/",
    "public-one-number": "http://134744072/",
    "number-as-last-label": "http://shop.example.1/",
    "circled-digits": "http://\u2460\u2461\u2466.0.0.1/",
    "full-width-digits": f"http://{WIDE_127}.0.0.1/",
    "arabic-digits": "http://\u0661\u0662\u0667.0.0.1/",
    "superscript-digits": "http://\u00b9\u00b2\u2077.0.0.1/",
    "ideographic-dots": "http://127\u30020\u30020\u30021/",
    "full-width-dots": "http://127\uff0e0\uff0e0\uff0e1/",
    "half-width-dots": "http://127\uff610\uff610\uff611/",
    "trailing-dot": "http://127.0.0.1./",
    "percent-digits": "http://%31%32%37.0.0.1/",
    "percent-dots": "http://127%2e0%2e0%2e1/",
    # IPv6.
    "ipv6-unspecified": "http://[::]/",
    "ipv6-mapped-hexadecimal": "http://[::ffff:7f00:1]/",
    "ipv6-mapped-long": "http://[0:0:0:0:0:ffff:127.0.0.1]/",
    "ipv6-compatible": "http://[::127.0.0.1]/",
    "ipv6-upper": "http://[FE80::1]/",
    "ipv6-zone-escaped": "http://[fe80::1%25eth0]/",
    "ipv6-zone": "http://[fe80::1%eth0]/",
    "ipv6-public-zone": "http://[2606:4700:4700::1111%25lo]/",
    "ipv6-no-brackets": "http://::1/",
    "ipv6-open": "http://[::1/",
    "ipv6-brackets-v4": "http://[127.0.0.1]/",
    "ipv6-future": "http://[v1.fe80::1]/",
    "ipv6-behind": "http://[::1].shop.example/",
    # Names.
    "localhost": "http://localhost/",
    "localhost-upper": "http://LOCALHOST/",
    "localhost-below": "http://shop.localhost/",
    "localhost-dot": "http://localhost./",
    "localhost-circled": "http://\u24db\u24de\u24d2\u24d0\u24db\u24d7\u24de\u24e2\u24e3/",
    "localhost-long-s": "http://localho\u017ft/",
    "localdomain": "http://localhost.localdomain/",
    "mdns": "http://printer.local/",
    "internal": "http://db.internal/",
    "home": "http://router.home.arpa/",
    "single-label": "http://redis/",
    "metadata-google": "http://metadata.google.internal/computeMetadata/v1/",
    "metadata-goog": "http://metadata.goog/",
    "metadata-below": "http://a.metadata.goog/",
    "metadata-ec2": "http://instance-data.ec2.internal/",
    "name-trailing-dot": "http://shop.example./",
    "name-empty-label": "http://shop..example/",
    "name-leading-dot": "http://.shop.example/",
    "name-hyphen": "http://-shop.example/",
    "name-long-label": f"http://{'a' * 64}.example/",
    "name-too-long": f"http://{'a.' * 130}example/",
    "name-comma": "http://shop,example.com/",
    "name-star": "http://*.example.com/",
    "idn-sharp-s": "http://fa\u00df.example/",
    "idn-soft-hyphen": "http://sh\u00adop.example/",
    "idn-joiner": "http://sh\u200dop.example/",
    "idn-direction": "http://shop\u202e.example/",
    "idn-kelvin": "http://shop.\u212a/",
    "idn-mark": "http://e\u0301.example/",
    "idn-full-width": "http://\uff53hop.example/",
    "idn-too-long": f"http://{chr(0xE9) * 60}.example/",
    "idn-surrogate": "http://\ud800.example/",
    "idn-fraction": "http://shop.example\u2044@127.0.0.1/",
    # User-info and whatever makes two readers see two hosts.
    "user-before-name": "http://127.0.0.1@shop.example/",
    "user-before-address": "http://shop.example@127.0.0.1/",
    "user-password": "http://user:pass@shop.example/",
    "user-empty": "http://@shop.example/",
    "user-colon": "http://:@shop.example/",
    "user-escaped": "http://shop.example%40127.0.0.1/",
    "user-twice": "http://a@b@127.0.0.1/",
    "fragment-at": "http://shop.example#@127.0.0.1/",
    "fragment-at-reverse": "http://127.0.0.1#@shop.example/",
    "fragment": "http://shop.example/#x",
    "backslash-at": "http://shop.example\\@127.0.0.1/",
    "backslash-host": "http://127.0.0.1\\.shop.example/",
    "backslash-slashes": "http:\\\\127.0.0.1/",
    "backslash-path": "http://shop.example/\\..\\",
    "tab-host": "http://127.0.0.1\t.shop.example/",
    "tab-scheme": "ht\ttp://127.0.0.1/",
    "blank-host": "http://shop.example 127.0.0.1/",
    "blank-first": " http://shop.example/",
    "blank-last": "http://shop.example/ ",
    "blank-no-break": "http://shop.example/\u00a0",
    "newline-last": "http://shop.example/\n",
    "cr-lf-path": "http://shop.example/\r\nHost: 127.0.0.1\r\n\r\n",
    "cr-lf-host": "http://shop.example\r\n.example/",
    "line-separator": "http://shop.example/\u2028x",
    "nul-host": "http://127.0.0.1\x00.shop.example/",
    "nul-path": "http://shop.example/\x00",
    "escaped-cr-lf": "http://shop.example/%0D%0aX:1",
    "escaped-nul": "http://shop.example/%00",
    "escape-broken": "http://shop.example/%zz",
    "escape-short": "http://shop.example/%2",
    "control-c1": "http://shop.example/\x85",
    # Schemes and shapes.
    "file": "file:///etc/passwd",
    "gopher": "gopher://127.0.0.1:6379/_PING",
    "ftp": "ftp://shop.example/",
    "dict": "dict://127.0.0.1:11211/stats",
    "data": "data:text/plain,hello",
    "ws": "ws://shop.example/",
    "wss": "wss://shop.example/",
    "unix": "unix:///var/run/docker.sock",
    "http-unix": "http+unix://%2Fvar%2Frun%2Fdocker.sock/info",
    "javascript": "javascript:alert(1)",
    "ldap": "ldap://127.0.0.1/",
    "jar": "jar:http://127.0.0.1!/",
    "scheme-missing": "//127.0.0.1/",
    "scheme-long-s": "http\u017f://127.0.0.1/",
    "one-slash": "http:/127.0.0.1/",
    "no-slash": "http:127.0.0.1",
    "three-slashes": "http:///127.0.0.1/",
    "no-host": "http://",
    "no-host-port": "http://:80/",
    "empty": "",
    "too-long": "http://shop.example/".ljust(2049, "a"),
    # Ports.
    "port-zero": "http://shop.example:0/",
    "port-ssh": "http://shop.example:22/",
    "port-smtp": "http://shop.example:25/",
    "port-redis": "http://shop.example:6379/",
    "port-docker": "http://shop.example:2375/",
    "port-kubelet": "https://shop.example:10250/",
    "port-too-big": "http://shop.example:65536/",
    "port-wraps": "http://shop.example:65616/",
    "port-leading-zero": "http://shop.example:080/",
    "port-sign": "http://shop.example:+80/",
    "port-negative": "http://shop.example:-80/",
    "port-empty": "http://shop.example:/",
    "port-twice": "http://shop.example:80:80/",
    "port-full-width": "http://shop.example:\uff18\uff10/",
    "port-hexadecimal": "http://shop.example:0x50/",
}

# Names that say nothing until they are resolved.
INWARD = {
    "nip-io": ("127.0.0.1.nip.io", "127.0.0.1"),
    "nip-io-hexadecimal": ("7f000001.nip.io", "127.0.0.1"),
    "sslip-io": ("10-0-0-7.sslip.io", PRIVATE),
    "localtest": ("localtest.me", "127.0.0.1"),
    "metadata-alias": ("meta.shop.example", "169.254.169.254"),
    "xn": ("xn--bcher-kva.example", "::1"),
    "zone-in-answer": ("zone.shop.example", "fe80::1%eth0"),
    "nonsense-in-answer": ("bad.shop.example", "127.1"),
}

Address = tuple[Any, ...]
Connects = list[tuple[str, int]]
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@pytest.fixture
def connects(monkeypatch: pytest.MonkeyPatch) -> Connects:
    """Record every attempt to connect a socket, by whatever call; nothing leaves loopback.

    Only of this thread, in which the client under test runs: a platform that other tests left
    running in the background goes on with its own work.
    """
    seen: Connects = []
    mine = threading.get_ident()
    loop_class = asyncio.selector_events.BaseSelectorEventLoop
    real_loop = loop_class.sock_connect
    real = {name: getattr(socket.socket, name) for name in ("connect", "connect_ex")}

    async def sock_connect(
        loop: asyncio.BaseEventLoop, sock: socket.socket, address: Address
    ) -> None:
        if threading.get_ident() == mine and not str(address[0]).startswith("127."):
            seen.append((address[0], address[1]))
            raise ConnectionRefusedError(111, "walled in by the test")
        await real_loop(loop, sock, address)  # which calls connect() of the socket

    def recorded(name: str) -> Callable[[socket.socket, Address], object]:
        def connect(sock: socket.socket, address: Address) -> object:
            if threading.get_ident() == mine:
                seen.append((address[0], address[1]))
            return real[name](sock, address)

        return connect

    monkeypatch.setattr(loop_class, "sock_connect", sock_connect)
    for name in real:
        monkeypatch.setattr(socket.socket, name, recorded(name))
    return seen


@dataclass
class Names:
    """A DNS of the test's own: answers in turn, the last one for ever, unless they go round."""

    answers: list[list[str]]
    rounds: bool = False
    asked: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._round = cycle(self.answers)

    async def __call__(self, host: str, _port: int) -> list[str]:
        """Resolve any name."""
        self.asked.append(host)
        if self.rounds:
            return next(self._round)
        return self.answers[min(len(self.asked), len(self.answers)) - 1]


@asynccontextmanager
async def client(
    policy: Policy,
    *answers: list[str],
    resolver: outbound.Lookup | None = None,
    clock: ManualClock | None = None,
) -> AsyncIterator[Outbound]:
    """Lend a client whose names resolve to the answers."""
    http = Outbound(policy, resolver=resolver or Names(list(answers)), clock=clock)
    try:
        yield http
    finally:
        await http.close()


@asynccontextmanager
async def serving(serve: Serve, *, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """Run a server on loopback; yields its port."""
    tasks: set[asyncio.Task[None]] = set()

    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        tasks.add(task)
        try:
            await serve(reader, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the client went away, as it should, or the test is over
        finally:
            writer.close()

    server = await asyncio.start_server(one, "127.0.0.1", 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks)
        await server.wait_closed()


async def request_of(reader: asyncio.StreamReader) -> tuple[str, bytes]:
    """Read one request: its head as text, its body."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    sizes = [line[15:] for line in head.lower().split("\r\n") if line.startswith("content-length:")]
    return head, await reader.readexactly(int(sizes[0])) if sizes else b""


def answering(*parts: bytes, requests: list[tuple[str, bytes]] | None = None) -> Serve:
    """Make a server that answers one request with the bytes given and closes."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await request_of(reader)
        if requests is not None:
            requests.append(request)
        for part in parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(0.02)  # so that parts are packets of their own

    return serve


async def never(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    """Answer nothing until the client hangs up."""
    await reader.read(-1)


def exchange(serve: Serve, policy: Policy = DEMO) -> Answer:
    """Post once to a server of one behaviour."""

    async def main() -> Answer:
        async with serving(serve) as port, client(policy) as http:
            return await http.post(f"http://127.0.0.1:{port}/cb", b"{}")

    return asyncio.run(main())


def kind_of(serve: Serve, policy: Policy = DEMO) -> str:
    """Post once to a server that fails; the kind of the failure."""
    with pytest.raises(OutboundError) as caught:
        exchange(serve, policy)
    assert "127.0.0.1" not in str(caught.value)
    return caught.value.kind


def refused(url: str, *answers: list[str], policy: Policy = STRICT) -> TargetRefused:
    """Post to a URL that must be refused."""

    async def main() -> None:
        async with client(policy, *answers) as http:
            await http.post(url, b"{}")

    with pytest.raises(TargetRefused) as caught:
        asyncio.run(main())
    assert str(caught.value) == "refused"
    return caught.value


# --- where it may go ----------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("address", ADDRESSES)
def test_address_in_the_url(address: str, scheme: str, connects: Connects) -> None:
    """An address that is not public is refused when saved and when used, without a connection."""
    url = f"{scheme}://{f'[{address}]' if ':' in address else address}/cb"
    with pytest.raises(TargetRefused):
        check_url(url, STRICT)
    refused(url)
    assert connects == []


@pytest.mark.parametrize("address", ADDRESSES)
def test_address_in_the_answer_of_dns(address: str, connects: Connects) -> None:
    """A name that resolves to an address that is not public is refused without a connection."""
    refused("https://shop.example/cb", [address])
    assert connects == []


@pytest.mark.parametrize("url", TRICKS.values(), ids=TRICKS)
def test_trick(url: str, connects: Connects) -> None:
    """A URL that readers could take for another one is refused without a lookup or connection."""
    names = Names([[PUBLIC]])

    async def main() -> None:
        async with client(STRICT, resolver=names) as http:
            await http.post(url, b"{}")

    with pytest.raises(TargetRefused):
        check_url(url, STRICT)
    with pytest.raises(TargetRefused):
        asyncio.run(main())
    assert (connects, names.asked) == ([], [])


@pytest.mark.parametrize(("host", "address"), INWARD.values(), ids=INWARD)
def test_name_that_leads_inward(host: str, address: str, connects: Connects) -> None:
    """A name is judged by its addresses, whatever it says itself."""
    refused(f"https://{host}/cb", [address])
    assert connects == []


def test_check_resolves_and_sends_nothing(connects: Connects) -> None:
    """A URL can be judged with its addresses before it is saved."""

    async def main() -> str:
        async with client(STRICT, [PUBLIC], [PUBLIC, PRIVATE], []) as http:
            target = await http.check("https://shop.example/cb")
            await http.check("https://8.8.8.8/")
            with pytest.raises(TargetRefused):
                await http.check("https://shop.example/cb")
            with pytest.raises(OutboundError, match="no address"):
                await http.check("https://shop.example/cb")
            return target.url

    assert asyncio.run(main()) == "https://shop.example/cb"
    assert connects == []


def test_flip_between_check_and_connect(connects: Connects) -> None:
    """A name that was public when it was saved and is private when it is used is refused."""

    async def main() -> None:
        async with client(STRICT, [PUBLIC], [PRIVATE]) as http:
            await http.check("https://shop.example/cb")
            with pytest.raises(TargetRefused):
                await http.post("https://shop.example/cb", b"{}")

    asyncio.run(main())
    assert connects == []


def test_connection_goes_to_the_checked_address(connects: Connects) -> None:
    """One answer of DNS is both checked and connected to; there is no second lookup."""
    names = Names([[PUBLIC], ["127.0.0.1"]])

    async def main() -> None:
        async with client(STRICT, resolver=names) as http:
            with pytest.raises(OutboundError) as caught:
                await http.post("http://shop.example:8080/cb", b"{}")
            assert caught.value.kind == "connect"

    asyncio.run(main())
    assert (connects, names.asked) == ([(PUBLIC, 8080)], ["shop.example"])


@pytest.mark.parametrize(
    "answer",
    [[PUBLIC, PRIVATE], [PRIVATE, PUBLIC], [PUBLIC, "::1"], [PUBLIC] * 20 + ["127.0.0.1"]],
    ids=["last", "first", "ipv6", "far-behind"],
)
def test_one_private_answer_among_public_ones(answer: list[str], connects: Connects) -> None:
    """One forbidden address among many is enough to refuse."""
    refused("https://shop.example/cb", answer)
    assert connects == []


def test_chain_of_names_inward(connects: Connects) -> None:
    """However many names lie between, the address at the end decides."""
    why = refused("https://a.shop.example/cb", ["169.254.169.254"]).why
    assert "169.254.169.254" in why
    assert connects == []


def test_fifty_sends_while_dns_flips(connects: Connects) -> None:
    """Fifty sends at once to a name that flips at every lookup touch only public addresses."""
    names = Names([[PUBLIC], ["127.0.0.1"]], rounds=True)

    async def main() -> list[object]:
        async with client(STRICT, resolver=names) as http:
            found: list[object] = []
            for _ in range(4):
                posts = (http.post("http://shop.example/cb", b"{}") for _ in range(50))
                found += await asyncio.gather(*posts, return_exceptions=True)
            return found

    found = asyncio.run(main())
    assert {type(error) for error in found} <= {TargetRefused, OutboundError}
    assert len(names.asked) > 1
    assert set(connects) <= {(PUBLIC, 80)}


def test_few_addresses_are_tried(connects: Connects) -> None:
    """A name with hundreds of addresses does not make us call them all."""
    many = [f"93.184.215.{number}" for number in range(1, 200)]

    async def main() -> None:
        async with client(STRICT, many) as http:
            with pytest.raises(OutboundError):
                await http.post("http://shop.example/cb", b"{}")

    asyncio.run(main())
    assert 0 < len(set(connects)) <= outbound.ADDRESSES_MAX


@pytest.mark.parametrize("answer", [[PRIVATE], [PRIVATE, "::1"]], ids=["one", "race"])
def test_last_gate_holds_alone(
    answer: list[str], connects: Connects, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even if the check of DNS failed, no socket is made for a forbidden address."""

    async def careless(_guard: object, host: str, port: int, **_: object) -> list[dict[str, Any]]:
        family = {True: socket.AF_INET6, False: socket.AF_INET}
        common = {"hostname": host, "port": port, "proto": 0, "flags": 0}
        return [{"host": found, "family": family[":" in found], **common} for found in answer]

    async def main() -> None:
        async with client(STRICT) as http:
            await http.post("https://shop.example/cb", b"{}")

    monkeypatch.setattr(outbound._Guard, "resolve", careless)
    with pytest.raises((TargetRefused, OutboundError)):
        asyncio.run(main())
    assert connects == []


def test_plain_http_in_a_demo_stays_inside(connects: Connects) -> None:
    """`allow_private` alone sends nothing unencrypted to a public address."""
    refused("http://shop.example/cb", [PUBLIC], policy=DEMO)
    assert connects == []


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:8000/", "http://[::ffff:7f00:1]:8000/", "http://own.example:8000/"],
    ids=["address", "mapped", "name"],
)
def test_own_listener(url: str, connects: Connects) -> None:
    """Sampan does not call itself, by whatever name."""
    policy = Policy(allow_private=True, own_hosts=frozenset({("127.0.0.1", 8000)}))
    refused(url, ["127.0.0.1"], policy=policy)
    assert connects == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirect_is_an_answer(status: int, connects: Connects) -> None:
    """A redirect to a metadata service is reported, not followed."""
    head = f"HTTP/1.1 {status} Go\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n"
    assert exchange(answering(head.encode())).status == status
    assert len(connects) == 1


def test_redirect_of_a_get_is_an_answer(connects: Connects) -> None:
    """Reading does not follow redirects either."""
    head = b"HTTP/1.1 302 Go\r\nLocation: http://127.0.0.1:9/\r\nContent-Length: 0\r\n\r\n"

    async def main() -> Answer:
        async with serving(answering(head)) as port, client(DEMO) as http:
            return await http.get(f"http://127.0.0.1:{port}/")

    assert asyncio.run(main()).status == 302
    assert len(connects) == 1


def test_proxy_of_the_environment_is_ignored(
    connects: Connects, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No variable of the environment can put somebody between us and the merchant."""

    async def main() -> Answer:
        async with serving(never) as proxy:
            for name in ("http_proxy", "https_proxy", "all_proxy"):
                monkeypatch.setenv(name, f"http://127.0.0.1:{proxy}")
                monkeypatch.setenv(name.upper(), f"http://127.0.0.1:{proxy}")
            ok = answering(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            async with serving(ok) as port, client(QUICK, ["127.0.0.1"]) as http:
                answer = await http.post(f"http://shop.example:{port}/", b"{}")
                assert connects == [("127.0.0.1", port)]
                return answer

    assert asyncio.run(main()).status == 200


# --- what is sent -------------------------------------------------------------------------------

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def test_body_is_sent_byte_for_byte() -> None:
    """What was signed is what is sent, whatever bytes it has."""
    requests: list[tuple[str, bytes]] = []
    body = bytes(range(256)) * 64

    async def main() -> None:
        async with serving(answering(OK, requests=requests)) as port, client(DEMO) as http:
            await http.post(f"http://127.0.0.1:{port}/cb", body, headers={"X-Sampan-Attempt": "3"})

    asyncio.run(main())
    ((head, sent),) = requests
    assert sent == body
    assert "\r\nX-Sampan-Attempt: 3\r\n" in head


def test_request_head() -> None:
    """Host equals the URL, the type is JSON, and nothing asks for compressed answers."""
    requests: list[tuple[str, bytes]] = []

    async def main() -> int:
        ok = answering(OK, requests=requests)
        async with serving(ok) as port, client(DEMO, ["127.0.0.1"]) as http:
            await http.post(f"http://Shop.example:{port}/a%2Fb?c=d", b"{}")
            return port

    port = asyncio.run(main())
    first, *lines = requests[0][0].strip().split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines)
    assert first == "POST /a%2Fb?c=d HTTP/1.1"
    assert headers.pop("user-agent").startswith("sampan/")
    assert headers == {
        "host": f"shop.example:{port}",
        "accept": "*/*",
        "accept-encoding": "identity",
        "content-type": "application/json",
        "content-length": "2",
    }


@pytest.mark.parametrize("name", ["Host", "content-length", "Transfer-Encoding"])
def test_header_that_follows_from_the_request(name: str) -> None:
    """Nobody can set a header that would contradict the URL or the body."""

    async def main() -> None:
        async with client(DEMO) as http:
            await http.post("http://127.0.0.1:1/", b"{}", headers={name: "1"})

    with pytest.raises(ValueError, match="header"):
        asyncio.run(main())


def test_cookie_is_not_kept() -> None:
    """A cookie set by one answer is not sent with the next request."""
    requests: list[tuple[str, bytes]] = []
    answer = b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"

    async def main() -> None:
        ok = answering(answer, requests=requests)
        async with serving(ok) as port, client(DEMO, ["127.0.0.1"]) as http:
            for _ in range(2):
                await http.post(f"http://shop.example:{port}/", b"{}")

    asyncio.run(main())
    assert len(requests) == 2
    assert "cookie" not in requests[1][0].lower()


def test_pooled_connection_keeps_its_checked_peer(connects: Connects) -> None:
    """A name that turns private is not looked at while its connection lives, and refused after."""

    async def twice(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(2):
            await request_of(reader)
            writer.write(OK)

    async def main() -> None:
        async with serving(twice) as port, client(DEMO, ["127.0.0.1"], ["169.254.1.1"]) as http:
            url = f"http://shop.example:{port}/"
            assert [(await http.post(url, b"{}")).body for _ in range(2)] == [b"ok", b"ok"]
            assert len(connects) == 1
            with pytest.raises((TargetRefused, OutboundError)):
                await http.post(url, b"{}")
            with pytest.raises(TargetRefused):
                await http.post(url, b"{}")
        assert len(connects) == 1

    asyncio.run(main())


# --- what comes back ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parts", "status", "body"),
    [
        ([OK], 200, b"ok"),
        ([b"HTTP/1.0 200 OK\r\n\r\nbye"], 200, b"bye"),
        ([b"HTTP/1.0 500 No\r\nContent-Length: 2\r\n\r\nno"], 500, b"no"),
        ([b"HTTP/1.1 204 No Content\r\n\r\n"], 204, b""),
        ([b"HTTP/1.1 100 Continue\r\n\r\n", OK], 200, b"ok"),
        (
            [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"],
            200,
            b"ok",
        ),
        ([b"HTTP/1.1 200 OK\r\nContent-", b"Length: 2\r\n\r\no", b"k"], 200, b"ok"),
    ],
    ids=["plain", "1.0", "1.0-error", "empty", "continue", "chunked", "in-pieces"],
)
def test_answer(parts: list[bytes], status: int, body: bytes) -> None:
    """Every status is an answer, with the bytes that came."""
    answer = exchange(answering(*parts))
    assert (answer.status, answer.body, answer.truncated) == (status, body, False)


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    "parts",
    [
        [b"garbage\r\n\r\n"],
        [b"\x16\x03\x01\x00"],
        [b"HTTP/9.9 999999 ?\r\n\r\n"],
        [b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"],
        [b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"],
        [b"HTTP/1.1 200 OK\r\nX: " + b"a" * 100_000 + b"\r\n\r\n"],
        [b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 10_000 + b"\r\n"],
        [CHUNKED + b"zz\r\nab\r\n"],
        [CHUNKED + b"2\r\nabXX0\r\n\r\n"],
        [CHUNKED, b"zz\r\nab\r\n"],
        [CHUNKED + b"2\r\nab\r\n", b"3\r\nabcdef\r\n"],
    ],
    ids=[
        "words",
        "tls",
        "status-line",
        "negative-length",
        "two-lengths",
        "long-header",
        "many-headers",
        "chunk-size",
        "chunk-end",
        "chunk-later",
        "chunk-overrun",
    ],
)
def test_answer_that_is_not_http(parts: list[bytes]) -> None:
    """Garbage is a failure of the protocol, told at once."""
    assert kind_of(answering(*parts)) == "protocol"


@pytest.mark.parametrize(
    "parts",
    [
        [],
        [b"HTTP/1.1 200"],
        [b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nok"],
        [b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n", b"ok"],
        [CHUNKED + b"5\r\nab"],
        [CHUNKED + b"2\r\nab\r\n"],
    ],
    ids=["silence", "half-a-head", "short", "short-later", "half-a-chunk", "no-last-chunk"],
)
def test_answer_that_breaks_off(parts: list[bytes]) -> None:
    """An answer cut short is no answer."""
    assert kind_of(answering(*parts)) == "reset"


@pytest.mark.parametrize("head", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok"])
def test_reset_after_send(head: bytes) -> None:
    """A connection reset after the request was sent proves nothing and is an error."""

    async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_of(reader)
        writer.write(head)
        await writer.drain()
        linger = struct.pack("ii", 1, 0)  # closes with RST instead of FIN
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)

    assert kind_of(reset) == "reset"


def test_silence_is_a_timeout() -> None:
    """A server that takes the request and says nothing is cut at the time limit."""
    assert kind_of(never, QUICK) == "timeout"


@pytest.mark.parametrize(
    "head",
    [b"HTTP/1.1 200 ", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n"],
    ids=["status-line", "headers", "body"],
)
def test_trickle_is_a_timeout(head: bytes) -> None:
    """One byte after the other does not stretch the time limit, not even after the status."""

    async def trickle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_of(reader)
        writer.write(head)
        while not writer.is_closing():
            writer.write(b"H")
            await writer.drain()
            await asyncio.sleep(0.02)

    assert kind_of(trickle, QUICK) == "timeout"


def test_time_limit_of_one_call() -> None:
    """A call may have a time limit of its own."""

    async def main() -> None:
        async with serving(never) as port, client(DEMO) as http:
            await http.get(f"http://127.0.0.1:{port}/", timeout_s=0.05)

    with pytest.raises(OutboundError, match=r"within 0\.05 s"):
        asyncio.run(main())


def test_hanging_dns_is_a_timeout() -> None:
    """The time limit covers the lookup."""

    async def hang(_host: str, _port: int) -> list[str]:
        await asyncio.Event().wait()
        return []

    async def main() -> str:
        async with client(QUICK, resolver=hang) as http:
            with pytest.raises(OutboundError) as caught:
                await http.post("https://shop.example/", b"{}")
            return caught.value.kind

    assert asyncio.run(main()) == "timeout"


@pytest.mark.parametrize("chunked", [False, True])
def test_endless_body_is_cut(*, chunked: bool) -> None:
    """An endless answer counts with what was read of it, up to the limit."""
    piece = b"1000\r\n" + b"a" * 4096 + b"\r\n" if chunked else b"a" * 4096
    head = CHUNKED if chunked else b"HTTP/1.1 200 OK\r\n\r\n"

    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_of(reader)
        writer.write(head)
        while not writer.is_closing():
            writer.write(piece)
            await writer.drain()

    answer = exchange(endless)
    assert (answer.status, len(answer.body), answer.truncated) == (200, 65_536, True)


@pytest.mark.parametrize(("size", "truncated"), [(999, False), (1000, False), (1001, True)])
def test_limit_of_the_answer_is_exact(size: int, *, truncated: bool) -> None:
    """An answer of exactly the limit is whole, one byte more is cut."""
    policy = Policy(allow_private=True, answer_bytes_max=1000)
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n".encode()
    answer = exchange(answering(head + b"a" * size), policy)
    assert (len(answer.body), answer.truncated) == (min(size, 1000), truncated)


def test_bomb_is_not_expanded() -> None:
    """A compressed answer is kept as it came."""
    bomb = gzip.compress(bytes(10_000_000))
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(bomb)}\r\n\r\n"
    assert exchange(answering(head.encode() + bomb)).body == bomb


def test_duration_is_measured() -> None:
    """The duration spans from the call to the last byte, by the clock given."""
    clock = ManualClock()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_of(reader)
        clock.advance(1_234_567)
        writer.write(OK)

    async def main() -> Answer:
        async with serving(serve) as port, client(DEMO, clock=clock) as http:
            return await http.post(f"http://127.0.0.1:{port}/", b"{}")

    assert asyncio.run(main()).duration_ms == 1234


def test_no_answer_breaks_the_client() -> None:
    """Whatever bytes come back, the outcome is an answer or our own error."""
    chance = random.Random(7)
    seeds = [
        OK,
        CHUNKED + b"2\r\nok\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b; c\r\n\r\n",
    ]

    def mutated() -> bytes:
        raw = bytearray(chance.choice(seeds))
        for _ in range(chance.randrange(1, 6)):
            raw[chance.randrange(len(raw))] = chance.randrange(256)
        return bytes(raw[: chance.randrange(len(raw) + 1)])

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_of(reader)
        writer.write(mutated())

    async def main() -> set[type]:
        async with serving(serve) as port, client(DEMO) as http:
            posts = (http.post(f"http://127.0.0.1:{port}/", b"{}") for _ in range(250))
            return {type(found) for found in await asyncio.gather(*posts, return_exceptions=True)}

    assert asyncio.run(main()) <= {Answer, OutboundError}


# --- limits and ends ----------------------------------------------------------------------------


def test_nobody_listens() -> None:
    """A closed port is an error of the connection."""

    async def main() -> None:
        async with serving(never) as port:
            pass
        async with client(DEMO) as http:
            await http.post(f"http://127.0.0.1:{port}/", b"{}")

    with pytest.raises(OutboundError) as caught:
        asyncio.run(main())
    assert caught.value.kind == "connect"


@pytest.mark.parametrize(
    "error", [socket.gaierror(-2, "no such name"), None], ids=["error", "none"]
)
def test_name_without_addresses(error: OSError | None) -> None:
    """A name that does not resolve is an error of DNS."""

    async def resolve(_host: str, _port: int) -> list[str]:
        if error:
            raise error
        return []

    async def main() -> None:
        async with client(DEMO, resolver=resolve) as http:
            await http.post("https://shop.example/", b"{}")

    with pytest.raises(OutboundError) as caught:
        asyncio.run(main())
    assert caught.value.kind == "dns"


def test_system_resolver_is_guarded(connects: Connects, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a resolver of its own the client asks the system and checks what it answers."""
    answer = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 443))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: answer)

    async def main() -> None:
        http = Outbound(STRICT)
        try:
            await http.post("https://shop.example/", b"{}")
        finally:
            await http.close()

    with pytest.raises(TargetRefused):
        asyncio.run(main())
    assert connects == []


def test_slow_merchant_does_not_hold_up_others(connects: Connects) -> None:
    """Calls to a server that hangs wait for each other, not for anybody else."""

    async def main() -> tuple[int, Answer]:
        async with (
            serving(never) as slow,
            serving(answering(OK)) as fast,
            client(Policy(allow_private=True, timeout_s=0.5)) as http,
        ):
            url = f"http://127.0.0.1:{slow}/"
            waiting = [asyncio.create_task(http.post(url, b"{}")) for _ in range(100)]
            answer = await http.post(f"http://127.0.0.1:{fast}/", b"{}")
            count = connects.count(("127.0.0.1", slow))
            found = await asyncio.gather(*waiting, return_exceptions=True)
            assert {getattr(error, "kind", None) for error in found} == {"timeout"}
            return count, answer

    count, answer = asyncio.run(main())
    assert answer.status == 200
    assert count == outbound.CONNECTIONS_PER_HOST_MAX


def test_too_many_calls_are_turned_away() -> None:
    """Calls beyond the limit of one host fail at once and send nothing."""

    async def main() -> list[str]:
        async with serving(never) as port, client(QUICK) as http:
            url = f"http://127.0.0.1:{port}/"
            calls = (http.post(url, b"{}") for _ in range(outbound.CALLS_PER_HOST_MAX + 3))
            found = await asyncio.gather(*calls, return_exceptions=True)
            return [error.kind for error in found if isinstance(error, OutboundError)]

    kinds = asyncio.run(main())
    assert kinds.count("too many") == 3
    assert kinds.count("timeout") == outbound.CALLS_PER_HOST_MAX


def test_close_ends_calls_under_way() -> None:
    """Closing fails what is under way and whatever is asked afterwards; twice is once."""

    async def main() -> object:
        async with serving(never) as port, client(DEMO) as http:
            call = asyncio.create_task(http.post(f"http://127.0.0.1:{port}/", b"{}"))
            await asyncio.sleep(0.05)
            await http.close()
            (found,) = await asyncio.gather(call, return_exceptions=True)
            with pytest.raises(RuntimeError, match="close"):
                await http.post(f"http://127.0.0.1:{port}/", b"{}")
            return found

    assert isinstance(asyncio.run(main()), OutboundError)


# --- TLS ----------------------------------------------------------------------------------------


@dataclass
class Authority:
    """A certificate authority of the test's own."""

    folder: Path

    def __post_init__(self) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test authority")])
        builder = self._builder(self.name, self.key, days=1)
        whole = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        self.path = self.folder / "authority.pem"
        certificate = whole.sign(self.key, hashes.SHA256())
        self.path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    def _builder(
        self, name: x509.Name, key: ec.EllipticCurvePrivateKey, *, days: int
    ) -> x509.CertificateBuilder:
        now = dt.datetime.now(dt.UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(self.name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(days=9))
            .not_valid_after(now + dt.timedelta(days=days))
        )

    def server(self, host: str, *, days: int = 1, trusted: bool = True) -> ssl.SSLContext:
        """Make a server's side of TLS with a certificate for a host."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, host)])
        names = x509.SubjectAlternativeName([x509.DNSName(host)])
        builder = self._builder(name, key, days=days).add_extension(names, critical=False)
        certificate = builder.sign(
            self.key if trusted else ec.generate_private_key(ec.SECP256R1()), hashes.SHA256()
        )
        pem = self.folder / "server.pem"
        pem.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
            + certificate.public_bytes(serialization.Encoding.PEM)
        )
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(pem)
        return context


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Authority:
    """Trust one authority and no other."""
    authority = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.path))
    return authority


def exchange_tls(context: ssl.SSLContext) -> Answer:
    """Post once over TLS to shop.example, which is on loopback."""

    async def main() -> Answer:
        async with (
            serving(answering(OK), tls=context) as port,
            client(DEMO, ["127.0.0.1"]) as http,
        ):
            asyncio.get_running_loop().set_exception_handler(lambda *_: None)
            return await http.post(f"https://shop.example:{port}/", b"{}")

    return asyncio.run(main())


def test_tls_with_a_good_certificate(authority: Authority) -> None:
    """A certificate of a trusted authority for the name in the URL is good."""
    assert exchange_tls(authority.server("shop.example")).body == b"ok"


@pytest.mark.parametrize(
    ("host", "days", "trusted"),
    [("shop.example", -1, True), ("other.example", 1, True), ("shop.example", 1, False)],
    ids=["expired", "wrong-name", "unknown-authority"],
)
def test_tls_with_a_bad_certificate(
    authority: Authority, host: str, days: int, *, trusted: bool
) -> None:
    """A certificate that is old, another's or nobody's ends the call before anything is sent."""
    with pytest.raises(OutboundError, match="certificate refused") as caught:
        exchange_tls(authority.server(host, days=days, trusted=trusted))
    assert caught.value.kind == "tls"


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1 is deprecated:DeprecationWarning")
def test_tls_of_old_versions(authority: Authority) -> None:
    """TLS below 1.2 is not spoken."""
    context = authority.server("shop.example")
    context.minimum_version = ssl.TLSVersion.TLSv1_1
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    with pytest.raises(OutboundError) as caught:
        exchange_tls(context)
    assert caught.value.kind == "tls"


def test_tls_to_a_plain_server() -> None:
    """A server that greets instead of speaking TLS is an error of TLS."""

    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example\r\n")
        await reader.read(-1)

    async def main() -> None:
        async with serving(greet) as port, client(DEMO) as http:
            await http.post(f"https://127.0.0.1:{port}/", b"{}")

    with pytest.raises(OutboundError) as caught:
        asyncio.run(main())
    assert caught.value.kind == "tls"
