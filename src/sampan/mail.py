"""The one SMTP client: e-mail leaves through here, to the mail server that the settings name.

Python's own client does the talking, in threads of ours: it blocks, and it knows time limits only
for each step, so a whole try is bounded from outside by cutting its connection. TLS is verified
against the certificates of the system (`SSL_CERT_FILE` adds others), and without TLS no password is
sent.
"""

import asyncio
import base64
import smtplib
import socket
import ssl
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, Literal, TypeVar

from sampan.codecs.email_message import ascii_address
from sampan.settings import Settings

TRY_S_MAX: Final = 30.0
THREADS_MAX: Final = 8
STEP_S_SPARE: Final = 2.0
BYE_S_MAX: Final = 2.0
"""How long a server that has taken a mail may think about its farewell."""
TOLD_CHARS_MAX: Final = 300
PERMANENT: Final = 500
SIGN_IN_FIRST: Final = 530

Fault = Literal["later", "never", "tls", "login", "sender"]
Result = TypeVar("Result")


class MailError(Exception):
    """A mail was not taken; `kind` says what that means. The text may be shown.

    `never`: the server will not take it for this recipient, however often it is asked. `tls`,
    `login`, `sender`: an operator has to mend something. `later`: all else, and after a lost
    connection it may have been taken nevertheless.
    """

    def __init__(self, kind: Fault, text: str) -> None:
        super().__init__(text)
        self.kind: Fault = kind


@dataclass(frozen=True, slots=True)
class Server:
    """The mail server, how to speak to it, and the address that mail is from."""

    host: str
    port: int
    security: Literal["starttls", "tls", "none"]
    sender: str
    sender_name: str = ""
    username: str = ""
    password: str = field(default="", repr=False)


_REFUSED: Final[tuple[tuple[type[Exception], Fault], ...]] = (
    (smtplib.SMTPAuthenticationError, "login"),
    (smtplib.SMTPSenderRefused, "sender"),
    (smtplib.SMTPDataError, "never"),
)
_BROKEN: Final[tuple[tuple[type[Exception], Fault, str], ...]] = (
    (smtplib.SMTPServerDisconnected, "later", "the server hung up"),
    (smtplib.SMTPException, "login", "the server offers no way to sign in that we know"),
    (TimeoutError, "later", "no answer in time"),
    (socket.gaierror, "later", "the host name of the mail server has no address"),
    (ConnectionRefusedError, "later", "the mail server does not listen"),
    (ValueError, "never", "SMTP cannot carry the address"),
)


class Mailer:
    """Hands messages to one server, each over a connection of its own. Closed with `close`."""

    def __init__(
        self, server: Server, *, trust: ssl.SSLContext | None = None, try_s_max: float = TRY_S_MAX
    ) -> None:
        self.server = server
        self._trust = trust or ssl.create_default_context()
        self._try_s_max = try_s_max
        self._threads = ThreadPoolExecutor(THREADS_MAX, thread_name_prefix="smtp")

    @classmethod
    def of(cls, settings: Settings) -> "Mailer | None":
        """Return the mailer that the settings describe, None when mail is off."""
        if not settings.smtp_host:
            return None
        name, address = settings.mail_sender
        return cls(
            Server(
                host=settings.smtp_host,
                port=settings.smtp_port,
                security=settings.smtp_security,
                sender=address,
                sender_name=name,
                username=settings.smtp_username,
                password=settings.smtp_password.get_secret_value(),
            )
        )

    async def send(self, message: bytes, *, to: str) -> None:
        """Hand a message to the server for one recipient. Raises `MailError`.

        Returns when the server has taken it; whether it reaches its reader nobody knows then.
        """
        line = self._line()
        try:
            await self._try(line, lambda: line.send(message, to))
        except MailError:
            # Time may run out during the farewell.
            if not line.is_taken:
                raise

    async def check(self) -> str:
        """Connect, sign in and part without sending; return how. Raises `MailError`."""
        line = self._line()
        return await self._try(line, line.check)

    def close(self) -> None:
        """Let the threads go; what is under way ends by itself."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _line(self) -> "_Line":
        return _Line(self.server, self._trust, time_s_max=self._try_s_max)

    async def _try(self, line: "_Line", talk: Callable[[], Result]) -> Result:
        talking = asyncio.get_running_loop().run_in_executor(self._threads, line.run, talk)
        try:
            async with asyncio.timeout(self._try_s_max):
                return await asyncio.shield(talking)
        except TimeoutError:
            raise MailError("later", f"no answer within {self._try_s_max:g} s") from None
        finally:
            if not talking.done():
                line.cut()
                # Its thread still ends with an error, which by then is nobody's.
                talking.add_done_callback(lambda ended: ended.cancelled() or ended.exception())


class _Client(smtplib.SMTP):
    """The library's client on a socket that we made, and may cut."""

    def __init__(self, made: socket.socket, server: Server) -> None:
        self._made = made
        where = made.getsockname()[0]
        name = f"[IPv6:{where}]" if ":" in where else f"[{where}]"
        # Its own idea of a name asks DNS, which may take for ever.
        super().__init__(server.host, server.port, local_hostname=name)

    def _get_socket(self, *_: object) -> socket.socket:
        return self._made


class _Line:
    """One connection to the server, used in one thread and cut from another."""

    def __init__(self, server: Server, trust: ssl.SSLContext, *, time_s_max: float) -> None:
        self._server = server
        self._trust = trust
        self._time_s_max = time_s_max
        self._handle: socket.socket | None = None
        self._is_cut = False
        self.is_taken = False

    def run(self, talk: Callable[[], Result]) -> Result:
        """Talk; whatever goes wrong becomes a `MailError`."""
        try:
            return talk()
        except (smtplib.SMTPException, OSError, ValueError) as error:
            raise self._explained(error) from None
        finally:
            if self._handle is not None:
                self._handle.close()

    def cut(self) -> None:
        """Make every step under way in the other thread fail now."""
        self._is_cut = True
        if self._handle is not None:
            with suppress(OSError):
                self._handle.shutdown(socket.SHUT_RDWR)

    def send(self, message: bytes, to: str) -> None:
        """Hand over a message."""
        client = self._signed_in()
        try:
            sender, to = ascii_address(self._server.sender), ascii_address(to)
            utf8 = [] if f"{sender}{to}".isascii() else ["SMTPUTF8"]
            if utf8 and not client.has_extn("smtputf8"):
                raise MailError("never", "the server takes no addresses beyond ASCII")
            client.sendmail(sender, [to], message, mail_options=utf8)
            self.is_taken = True
            self._part(client)
        finally:
            client.close()

    def check(self) -> str:
        """Say hello and farewell."""
        client = self._signed_in()
        try:
            client.noop()
            line = client.sock
            kept = line.version() if isinstance(line, ssl.SSLSocket) else None
            self._part(client)
        finally:
            client.close()
        signed = "signed in" if self._server.username else "without signing in"
        return f"{kept or 'without TLS'}, {signed}"

    def _signed_in(self) -> _Client:
        client = _Client(self._connected(), self._server)
        try:
            client.ehlo_or_helo_if_needed()
            if self._server.security == "starttls":
                self._secure(client)
            if self._server.username:
                client.login(self._server.username, self._server.password)
        except BaseException:
            client.close()
            raise
        return client

    def _secure(self, client: _Client) -> None:
        if not client.has_extn("starttls"):
            raise MailError("tls", "the server offers no STARTTLS")
        client.starttls(context=self._trust)
        client.ehlo_or_helo_if_needed()

    def _connected(self) -> socket.socket:
        where = (self._server.host, self._server.port)
        # A step's own limit is only for what cannot be cut; the try's limit comes first.
        made = socket.create_connection(where, timeout=self._time_s_max + STEP_S_SPARE)
        try:
            # A second handle: TLS takes the first one over, and hides it while it shakes hands.
            self._handle = made.dup()
            if self._is_cut:
                self.cut()
            if self._server.security == "tls":
                return self._trust.wrap_socket(made, server_hostname=self._server.host)
        except BaseException:
            made.close()
            raise
        return made

    def _part(self, client: _Client) -> None:
        """Say farewell; the mail is taken, so nothing that happens now matters."""
        if client.sock is not None:
            client.sock.settimeout(BYE_S_MAX)
        with suppress(smtplib.SMTPException, OSError):
            client.quit()

    def _explained(self, error: Exception) -> MailError:
        """Return what an error of the library means."""
        if isinstance(error, MailError):
            return error
        if isinstance(error, smtplib.SMTPRecipientsRefused):
            code, told = next(iter(error.recipients.values()))
            return self._answered("never", code, told=told)
        if isinstance(error, smtplib.SMTPResponseException):
            kinds: list[Fault] = [kind for each, kind in _REFUSED if isinstance(error, each)]
            return self._answered([*kinds, "later"][0], error.smtp_code, told=error.smtp_error)
        if isinstance(error, ssl.SSLError):
            why = getattr(error, "verify_message", "") or error.reason or "the line was cut"
            return MailError("tls", f"TLS failed: {why}")
        for each, kind, text in _BROKEN:
            if isinstance(error, each):
                return MailError(kind, text)
        return MailError("later", f"the connection failed: {type(error).__name__}")

    def _answered(self, kind: Fault, code: int, *, told: bytes | str) -> MailError:
        """Return what an answer of the server means that would mean `kind` if it were lasting."""
        if code < PERMANENT:
            kind = "later"
        return MailError("login" if code == SIGN_IN_FIRST else kind, self._told(code, told))

    def _told(self, code: int, told: bytes | str) -> str:
        """Return a server's answer fit to be kept: on one line, not long, without our password."""
        text = told.decode("utf-8", "replace") if isinstance(told, bytes) else told
        text = _one_line(text)
        # Blanks are joined in both, or a password that has some would slip through.
        if any(_one_line(secret) in text for secret in self._secrets()):
            text = "(it repeated the password)"
        return f"{code} {text[:TOLD_CHARS_MAX]}".rstrip()

    def _secrets(self) -> list[str]:
        """Return the forms in which the password travels."""
        user, word = self._server.username.encode(), self._server.password.encode()
        if not word:
            return []
        packed = (word, b"\0" + user + b"\0" + word)
        return [self._server.password, *(base64.b64encode(raw).decode() for raw in packed)]


def _one_line(text: str) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
