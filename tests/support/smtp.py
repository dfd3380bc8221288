"""A mail server for tests: real SMTP on a socket of this machine, able to behave badly.

with MailServer(security="starttls", password="secret") as server:
    server.trouble(Trouble("rcpt", "450 4.2.1 come back later"))
    …
    assert server.received[0].message["Subject"] == "…"
"""

from __future__ import annotations

import asyncio
import base64
import ssl
import threading
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from enum import Enum
from ipaddress import ip_address
from pathlib import Path
from types import TracebackType
from typing import Final, Literal, Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

WAIT_S: Final = 15.0
USERNAME: Final = "shop@tea.example"
SIZE_BYTES_MAX: Final = 1_000_000

Stage = Literal["connect", "ehlo", "starttls", "auth", "mail", "rcpt", "data", "end", "quit"]
"""Where in a conversation trouble begins; `end` is after the whole message has arrived."""


class Act(Enum):
    """Ways to answer that are no answer."""

    HANG = "say nothing"
    DROP = "end the connection"
    DRIP = "send a byte of an endless answer now and then"


@dataclass(frozen=True)
class Trouble:
    """What one connection meets at a stage: an answer, or none. At `end` none keeps the mail."""

    stage: Stage
    answer: str | Act


@dataclass(frozen=True)
class Received:
    """A mail that was taken: who from, who to, its bytes, and how it came."""

    sender: str
    recipients: tuple[str, ...]
    raw: bytes
    over_tls: bool
    user: str

    @property
    def message(self) -> EmailMessage:
        """The mail, read."""
        return message_from_bytes(self.raw, _class=EmailMessage, policy=policy.default)

    def part(self, kind: str) -> str:
        """The text of the part of a kind (`plain`, `html`)."""
        body = self.message.get_body((kind,))
        assert body is not None
        return str(body.get_content())


def make_certificate(folder: Path, *, name: str = "localhost", ip: str = "127.0.0.1") -> Path:
    """Write a certificate that signs itself, with its key, into a file; return the file."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    names = [x509.DNSName(name), x509.IPAddress(ip_address(ip))]
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=30))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = folder / f"{name}-{ip}.pem"
    file.write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return file


@dataclass
class _Talk:
    """What a connection knows of itself."""

    writer: asyncio.StreamWriter
    reader: asyncio.StreamReader
    trouble: Trouble | None
    over_tls: bool
    user: str = ""
    sender: str = ""
    recipients: list[str] = field(default_factory=list)


class MailServer:
    """Takes mail on `port` until it is closed; every message is kept.

    With a `password` only `USERNAME` may send. `certificate` is what `make_certificate` wrote;
    `offers` are more lines of its answer to EHLO.
    """

    def __init__(
        self,
        *,
        security: Literal["starttls", "tls", "none"] = "none",
        certificate: Path | None = None,
        password: str = "",
        offers: Sequence[str] = ("8BITMIME", "SMTPUTF8"),
    ) -> None:
        self.security = security
        self.received: list[Received] = []
        self.connections_count = 0
        self.heard: list[str] = []
        self._password = password
        self._offers = offers
        self._troubles: deque[Trouble | None] = deque()
        self._news = threading.Condition()
        self._context: ssl.SSLContext | None = None
        if certificate is not None:
            self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._context.load_cert_chain(certificate)
        self._open: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        assert self._ready.wait(WAIT_S), "the mail server did not start"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def trouble(self, *troubles: Trouble | None) -> None:
        """Treat the next connections so, one after another; None is no trouble."""
        self._troubles.extend(troubles)

    def wait(self, count: int) -> list[Received]:
        """Wait until so many mails were taken and return them."""
        with self._news:
            came = self._news.wait_for(lambda: len(self.received) >= count, WAIT_S)
        assert came, f"only {len(self.received)} of {count} mails after {WAIT_S} s"
        return self.received

    def wait_connections(self, count: int) -> None:
        """Wait until so many connections were made."""
        with self._news:
            came = self._news.wait_for(lambda: self.connections_count >= count, WAIT_S)
        assert came, f"only {self.connections_count} of {count} connections after {WAIT_S} s"

    def close(self) -> None:
        """Stop, and end every connection."""
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(WAIT_S)
        assert not self._thread.is_alive(), "the mail server did not stop"

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._serve())
        finally:
            self._loop.close()

    async def _serve(self) -> None:
        self._stop = asyncio.Event()
        implicit = self._context if self.security == "tls" else None
        server = await asyncio.start_server(self._meet, "127.0.0.1", 0, ssl=implicit)
        self.port = int(server.sockets[0].getsockname()[1])
        self._ready.set()
        await self._stop.wait()
        server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with self._news:
            self.connections_count += 1
            self._news.notify_all()
        trouble = self._troubles.popleft() if self._troubles else None
        talk = _Talk(writer, reader, trouble, over_tls=self.security == "tls")
        try:
            # Cancelled means that the server stops; nobody waits for this task.
            with suppress(
                ConnectionError,
                ssl.SSLError,
                asyncio.IncompleteReadError,
                asyncio.CancelledError,
            ):
                if await self._say(talk, "connect", "220 tea.example ESMTP"):
                    while line := await reader.readline():
                        if not await self._obey(talk, line.decode().rstrip("\r\n")):
                            break
        finally:
            writer.transport.abort()

    async def _say(self, talk: _Talk, stage: Stage | None, answer: str) -> bool:
        """Answer, or do what the connection is to meet at this stage; False ends it."""
        if talk.trouble is not None and talk.trouble.stage == stage:
            said = talk.trouble.answer
            if said is Act.DROP:
                return False
            while isinstance(said, Act):
                await asyncio.sleep(0.05)
                if said is Act.DRIP:
                    talk.writer.write(b"2")
                    await talk.writer.drain()
            answer = said
        talk.writer.write(answer.encode() + b"\r\n")
        await talk.writer.drain()
        return not answer.startswith("421")

    async def _obey(self, talk: _Talk, line: str) -> bool:  # noqa: PLR0911 - one for each command
        verb, _, rest = line.partition(" ")
        verb = verb.upper()
        self.heard.append(f"{verb} {rest}")
        match verb:
            case "EHLO":
                return await self._say(talk, "ehlo", "\r\n".join(self._greeting(talk)))
            case "STARTTLS":
                return await self._start_tls(talk)
            case "AUTH":
                return await self._sign_in(talk, rest)
            case "MAIL" | "RCPT" if self._password and not talk.user:
                return await self._say(talk, None, "530 5.7.0 Authentication required")
            case "MAIL":
                talk.sender = rest.partition("<")[2].partition(">")[0]
                return await self._say(talk, "mail", "250 2.1.0 OK")
            case "RCPT":
                talk.recipients.append(rest.partition("<")[2].partition(">")[0])
                return await self._say(talk, "rcpt", "250 2.1.5 OK")
            case "DATA":
                return await self._take(talk)
            case "QUIT":
                await self._say(talk, "quit", "221 2.0.0 Bye")
                return False
            case "NOOP" | "RSET":
                return await self._say(talk, None, "250 2.0.0 OK")
        return await self._say(talk, None, "500 5.5.2 Unknown")

    def _greeting(self, talk: _Talk) -> list[str]:
        offers = [*self._offers, f"SIZE {SIZE_BYTES_MAX}"]
        if self.security == "starttls" and not talk.over_tls:
            offers.append("STARTTLS")
        if self._password:
            offers.append("AUTH PLAIN LOGIN")
        return [f"250-{line}" for line in ["tea.example", *offers[:-1]]] + [f"250 {offers[-1]}"]

    async def _start_tls(self, talk: _Talk) -> bool:
        assert self._context is not None
        if not await self._say(talk, "starttls", "220 2.0.0 Go ahead"):
            return False
        await talk.writer.start_tls(self._context)
        talk.over_tls = True
        return True

    async def _sign_in(self, talk: _Talk, rest: str) -> bool:
        way, _, given = rest.partition(" ")
        if way.upper() == "PLAIN":
            parts = base64.b64decode(given).decode().split("\0")[1:]
        else:
            parts = [base64.b64decode(given).decode()] if given else []
            for question in (b"Username:", b"Password:")[len(parts) :]:
                await self._say(talk, None, f"334 {base64.b64encode(question).decode()}")
                parts.append(base64.b64decode(await talk.reader.readline()).decode())
        if parts != [USERNAME, self._password]:
            return await self._say(talk, "auth", "535 5.7.8 Wrong name or password")
        talk.user = parts[0]
        return await self._say(talk, "auth", "235 2.7.0 Welcome")

    async def _take(self, talk: _Talk) -> bool:
        if not await self._say(talk, "data", "354 Go on"):
            return False
        if talk.trouble is not None and talk.trouble.stage == "data":
            return True
        lines = []
        while (line := await talk.reader.readuntil(b"\r\n")) != b".\r\n":
            lines.append(line[1:] if line.startswith(b".") else line)
        raw = b"".join(lines)
        met = talk.trouble is not None and talk.trouble.stage == "end"
        if not met or isinstance(talk.trouble and talk.trouble.answer, Act):
            with self._news:
                self.received.append(
                    Received(talk.sender, tuple(talk.recipients), raw, talk.over_tls, talk.user)
                )
                self._news.notify_all()
        return await self._say(talk, "end", f"250 2.0.0 Taken at {time.monotonic():.3f}")
