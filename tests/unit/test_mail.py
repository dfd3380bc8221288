"""The SMTP client against a real server: what arrives, and what each failure means."""

from __future__ import annotations

import asyncio
import gc
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sampan.mail import Mailer, MailError, Server
from tests.support.smtp import USERNAME, Act, MailServer, Trouble, make_certificate

PASSWORD = "correct horse"
MESSAGE = b"Subject: tea\r\n\r\nfirst\r\n.\r\n..dots\r\nlast\r\n"
TO = "amy@customer.example"
TRY_S = 0.5


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for this machine that nobody but its file vouches for."""
    return make_certificate(tmp_path_factory.mktemp("tls"))


def mailer(
    server: MailServer,
    *,
    trust: Path | None = None,
    try_s_max: float = 10.0,
    **changes: Any,  # noqa: ANN401
) -> Mailer:
    """A client for a server, which trusts what a file says."""
    told: dict[str, Any] = {
        "host": "127.0.0.1",
        "port": server.port,
        "security": server.security,
        "sender": "shop@tea.example",
    }
    context = ssl.create_default_context(cafile=trust) if trust else None
    return Mailer(Server(**(told | changes)), trust=context, try_s_max=try_s_max)


def send(client: Mailer, *, to: str = TO, message: bytes = MESSAGE) -> None:
    """Send one message and let the client go."""
    try:
        asyncio.run(client.send(message, to=to))
    finally:
        client.close()


def refused(client: Mailer, *, to: str = TO) -> tuple[str, str]:
    """Send, and return how it was refused: kind and text."""
    with pytest.raises(MailError) as caught:
        send(client, to=to)
    return caught.value.kind, str(caught.value)


def test_message_arrives_as_it_was() -> None:
    """Bytes, sender and recipient arrive unchanged, dots at the start of a line too."""
    with MailServer() as server:
        send(mailer(server))
        got = server.received[0]
    assert (got.raw, got.sender, got.recipients) == (MESSAGE, "shop@tea.example", (TO,))


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_over_tls_with_a_password(certificate: Path, security: Any) -> None:  # noqa: ANN401
    """Name and password are said inside TLS alone."""
    with MailServer(security=security, certificate=certificate, password=PASSWORD) as server:
        send(mailer(server, trust=certificate, username=USERNAME, password=PASSWORD))
        got = server.received[0]
    assert (got.over_tls, got.user) == (True, USERNAME)


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_certificate_of_a_stranger(certificate: Path, security: Any) -> None:  # noqa: ANN401
    """A certificate that nobody vouches for ends the try before a password is said."""
    with MailServer(security=security, certificate=certificate, password=PASSWORD) as server:
        kind, text = refused(mailer(server, username=USERNAME, password=PASSWORD))
        assert not any(line.startswith(("AUTH", "MAIL")) for line in server.heard)
    assert kind == "tls"
    assert "self-signed certificate" in text


def test_certificate_of_another_host(tmp_path: Path) -> None:
    """A trusted certificate for another name is refused."""
    other = make_certificate(tmp_path, name="other.example", ip="192.0.2.1")
    with MailServer(security="starttls", certificate=other) as server:
        kind, text = refused(mailer(server, trust=other))
    assert kind == "tls"
    assert "127.0.0.1" in text


def test_starttls_that_is_not_offered() -> None:
    """Where TLS is wanted and not offered, nothing is sent: somebody may have cut the offer out."""
    with MailServer(security="none", password=PASSWORD) as server:
        client = mailer(server, security="starttls", username=USERNAME, password=PASSWORD)
        assert refused(client) == ("tls", "the server offers no STARTTLS")
        assert [line.split()[0] for line in server.heard] == ["EHLO"]


ANSWERED = {
    "greylisted": (Trouble("rcpt", "450 4.2.0 Greylisted"), "later", "450 4.2.0 Greylisted"),
    "unknown": (Trouble("rcpt", "550 5.1.1 No such user"), "never", "550 5.1.1 No such user"),
    "sender": (Trouble("mail", "553 5.7.1 Not yours"), "sender", "553 5.7.1 Not yours"),
    "sender later": (Trouble("mail", "452 4.3.1 Full"), "later", "452 4.3.1 Full"),
    "spam": (Trouble("end", "554 5.7.1 Spam"), "never", "554 5.7.1 Spam"),
    "full": (Trouble("end", "452 4.3.1 Full"), "later", "452 4.3.1 Full"),
    "data": (Trouble("data", "451 4.3.0 Not now"), "later", "451 4.3.0 Not now"),
    "busy": (Trouble("connect", "421 4.3.2 Busy"), "later", "421 4.3.2 Busy"),
    "closed": (Trouble("connect", "554 5.3.2 No service"), "later", "554 5.3.2 No service"),
    "dropped": (Trouble("rcpt", Act.DROP), "later", "the server hung up"),
    "dropped at once": (Trouble("connect", Act.DROP), "later", "the server hung up"),
    "lost answer": (Trouble("end", Act.DROP), "later", "the server hung up"),
}


@pytest.mark.parametrize(("trouble", "kind", "text"), ANSWERED.values(), ids=ANSWERED)
def test_what_a_failure_means(trouble: Trouble, kind: str, text: str) -> None:
    """Each refusal and each broken line says whether a further try makes sense, and why."""
    with MailServer() as server:
        server.trouble(trouble)
        got_kind, got_text = refused(mailer(server))
    assert got_kind == kind
    assert got_text.startswith(text)


def test_wrong_password(certificate: Path) -> None:
    """A refused sign-in is the operator's to mend."""
    with MailServer(security="starttls", certificate=certificate, password=PASSWORD) as server:
        client = mailer(server, trust=certificate, username=USERNAME, password="wrong")
        assert refused(client) == ("login", "535 5.7.8 Wrong name or password")


def test_no_way_to_sign_in() -> None:
    """A name where the server knows no sign-in is the operator's to mend."""
    with MailServer() as server:
        client = mailer(server, username=USERNAME, password=PASSWORD)
        assert refused(client)[0] == "login"


def test_missing_password() -> None:
    """A server that wants a sign-in says so."""
    with MailServer(password=PASSWORD) as server:
        kind, text = refused(mailer(server))
    assert (kind, text) == ("login", "530 5.7.0 Authentication required")


@pytest.mark.parametrize("spoken", [PASSWORD, "AHNob3BAdGVhLmV4YW1wbGUAY29ycmVjdCBob3JzZQ=="])
def test_password_in_an_answer(certificate: Path, spoken: str) -> None:
    """A server that repeats the password does not get it into our log, plain or packed."""
    with MailServer(security="starttls", certificate=certificate, password=PASSWORD) as server:
        server.trouble(Trouble("auth", f"535 5.7.8 Not {spoken}"))
        client = mailer(server, trust=certificate, username=USERNAME, password=PASSWORD)
        assert refused(client) == ("login", "535 (it repeated the password)")
    assert PASSWORD not in repr(client.server)


def test_password_with_blanks_in_an_answer() -> None:
    """Blanks in a password that an answer repeats do not hide it, though they are joined there."""
    spoken = "correct  horse"
    with MailServer(password=spoken) as server:
        server.trouble(Trouble("auth", f"535 5.7.8 Not {spoken}"))
        client = mailer(server, username=USERNAME, password=spoken)
        assert refused(client) == ("login", "535 (it repeated the password)")


def test_answer_is_kept_short_and_printable() -> None:
    """A server cannot fill the log or move a terminal's cursor."""
    with MailServer() as server:
        server.trouble(Trouble("rcpt", "550 \x1b[2J" + "x" * 1000))
        _, text = refused(mailer(server))
    assert text.isprintable()
    assert len(text) < 320


@pytest.mark.parametrize("stage", ["connect", "ehlo", "rcpt", "end"])
@pytest.mark.parametrize("act", [Act.HANG, Act.DRIP])
def test_silent_server(stage: Any, act: Act) -> None:  # noqa: ANN401
    """A server that says nothing, or never ends saying it, costs the time of a try and no more."""
    with MailServer() as server:
        server.trouble(Trouble(stage, act))
        assert refused(mailer(server, try_s_max=TRY_S)) == ("later", "no answer within 0.5 s")
    gc.collect()


def test_server_that_hangs_in_the_handshake(certificate: Path) -> None:
    """A server that accepts and never shakes hands costs the time of a try."""
    with MailServer(security="none") as server:
        server.trouble(Trouble("connect", Act.HANG))
        client = mailer(server, security="tls", trust=certificate, try_s_max=TRY_S)
        assert refused(client) == ("later", "no answer within 0.5 s")


@pytest.mark.parametrize("act", [Act.HANG, Act.DROP, "500 What?"])
def test_farewell_does_not_matter(act: Act | str) -> None:
    """A mail that was taken stays sent, however badly the server says goodbye."""
    with MailServer() as server:
        server.trouble(Trouble("quit", act))
        send(mailer(server, try_s_max=1.0))
        assert len(server.received) == 1


def test_nobody_listens() -> None:
    """A server that is away, or has no address, is tried again later."""
    with MailServer() as gone:
        pass
    assert refused(mailer(gone)) == ("later", "the mail server does not listen")


def test_host_without_an_address(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host name that does not resolve is tried again later."""
    import socket

    def nothing(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "no")

    with MailServer() as server:
        client = mailer(server, host="mail.invalid")
        monkeypatch.setattr("socket.getaddrinfo", nothing)
        kind, text = refused(client)
        monkeypatch.undo()
    assert (kind, text) == ("later", "the host name of the mail server has no address")


def test_addresses_beyond_ascii() -> None:
    """A domain goes as IDNA everywhere; a local part only where the server says SMTPUTF8."""
    with MailServer() as server:
        send(mailer(server), to="amy@茶.example")
        send(mailer(server), to="陳@茶.example")
        assert [got.recipients[0] for got in server.received] == [
            "amy@xn--cl1a.example",
            "陳@xn--cl1a.example",
        ]
    with MailServer(offers=()) as plain:
        assert refused(mailer(plain), to="陳@tea.example")[0] == "never"


def test_command_in_an_address() -> None:
    """A line break in an address cannot become a command."""
    with MailServer() as server:
        kind, _ = refused(mailer(server), to="amy@tea.example>\r\nRCPT TO:<eve@tea.example")
        assert kind == "never"
        assert not any("eve" in line for line in server.heard)


CHECKS: dict[str, tuple[Any, Callable[[Path], dict[str, Any]], str]] = {
    "none": ("none", lambda _: {}, "without TLS, without signing in"),
    "tls": ("tls", lambda file: {"trust": file}, "TLSv1.3, without signing in"),
    "starttls": ("starttls", lambda file: {"trust": file}, "TLSv1.3, without signing in"),
}


@pytest.mark.parametrize(("security", "options", "told"), CHECKS.values(), ids=CHECKS)
def test_check(
    certificate: Path,
    security: Any,  # noqa: ANN401
    options: Callable[[Path], dict[str, Any]],
    told: str,
) -> None:
    """A check says how the server is spoken to, and sends nothing."""
    with MailServer(security=security, certificate=certificate) as server:
        client = mailer(server, **options(certificate))
        assert asyncio.run(client.check()) == told
        client.close()
        assert server.received == []


def test_check_signs_in(certificate: Path) -> None:
    """A check finds a wrong password before the first mail does."""
    with MailServer(security="starttls", certificate=certificate, password=PASSWORD) as server:
        good = mailer(server, trust=certificate, username=USERNAME, password=PASSWORD)
        assert asyncio.run(good.check()) == "TLSv1.3, signed in"
        bad = mailer(server, trust=certificate, username=USERNAME, password="wrong")
        with pytest.raises(MailError, match="535"):
            asyncio.run(bad.check())
