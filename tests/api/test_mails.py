"""E-mails leave a whole platform over real SMTP, whatever the mail server does."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from sampan.domain.mails import Facts, Invitation, PaymentLink
from sampan.flow import mailing
from sampan.flow.mailing import Letter
from sampan.storage import mails, users
from sampan.storage.mails import Mail
from tests.support.links import CREATE, cancel_link, link_body
from tests.support.merchant import Merchant
from tests.support.platform import RunningPlatform, running, until
from tests.support.smtp import USERNAME, Act, MailServer, Trouble, make_certificate
from tests.support.staff import Staff

AMY = "amy@customer.example"
PASSWORD = "correct horse"
GAP_S = 12
"""More than the 10 s to the second try with their jitter of a tenth."""
LEASE_S = 46
LINK = "https://pay.tea.example/pay/0123"


@pytest.fixture
def server() -> Iterator[MailServer]:
    """A mail server without TLS."""
    with MailServer() as made:
        yield made


@pytest.fixture
def platform(database_url: str, server: MailServer) -> Iterator[RunningPlatform]:
    """A platform on each engine that sends by `server`."""
    settings = {"smtp_host": "127.0.0.1", "smtp_port": server.port, "smtp_security": "none"}
    with running(database_url, mail_from="Tea House <shop@tea.example>", **settings) as made:
        yield made


def payment_link(platform: RunningPlatform, merchant: str = "Tea House") -> PaymentLink:
    """What a payment link that is open for a day states."""
    return PaymentLink(
        merchant=merchant,
        payment_id="INV-1",
        amount_minor=128_850,
        currency="HKD",
        link=LINK,
        expires_us=platform.clock.now_us() + 86_400_000_000,
    )


def ask(
    platform: RunningPlatform, facts: Facts | None = None, *, to: str = AMY, language: str = "en"
) -> Mail:
    """Ask for a mail, as whoever makes payment links does."""
    letter = Letter(to, facts or payment_link(platform), language)
    room, now_us = platform.inside.mailroom, platform.clock.now_us()
    mail = platform.transact(lambda tx: mailing.ask(tx, letter, room=room, now_us=now_us))
    assert mail is not None
    return mail


def now(platform: RunningPlatform, mail: Mail) -> Mail:
    """A mail as it stands."""
    found = platform.read(lambda tx: mails.find(tx, mail.id))
    assert found is not None
    return found


def when(platform: RunningPlatform, mail: Mail, status: str, *, tries: int = 1) -> Mail:
    """Wait until a mail has a status after so many tries."""

    def stands() -> Mail | None:
        found = now(platform, mail)
        return found if (found.status, found.attempts_count) == (status, tries) else None

    return until(stands)


def test_sent_once(platform: RunningPlatform, server: MailServer) -> None:
    """A mail goes out once, from whom the settings say, with all that makes it proper."""
    mail = ask(platform)
    when(platform, mail, "sent")
    platform.clock.advance(7 * 86_400)
    when(platform, ask(platform, to="bob@customer.example"), "sent")
    got, other = server.received
    assert other.recipients == ("bob@customer.example",)
    assert (got.sender, got.recipients) == ("shop@tea.example", (AMY,))
    assert got.message["From"] == "Tea House <shop@tea.example>"
    assert got.message["Subject"] == "Payment link from Tea House"
    assert got.message["Auto-Submitted"] == "auto-generated"
    assert LINK in got.part("plain")
    assert f'href="{LINK}"' in got.part("html")


def test_payment_link(platform: RunningPlatform, server: MailServer) -> None:
    """A link that Gate is asked to mail goes out, which is told; so is its end."""
    merchant = Merchant(secrets=["secret"])
    try:
        project = platform.add_project(merchant.url, secret="secret")
        body = link_body(project, "p-1", customer={"email": AMY, "language": "zh-hant"})
        assert project.post(CREATE, body | {"send_email": True}).status == 200
        told = merchant.callback("p-1", "awaiting payment", operation="invoice").body["invoice"]
        assert merchant.callback("p-1", "invoice sent", operation="invoice").body["invoice"] == told
        assert cancel_link(project, "p-1").status == 200
        merchant.callback("p-1", "invoice canceled", operation="invoice")
        until(lambda: len(server.received) == 2 or None)
    finally:
        merchant.close()
    sent, ended = server.received
    assert sent.recipients == ended.recipients == (AMY,)
    assert told["payment_link"] in sent.part("plain")
    assert "付款連結" in sent.message["Subject"]
    assert told["payment_link"] not in ended.part("plain")


def test_invited_in_the_dashboard(platform: RunningPlatform, server: MailServer) -> None:
    """Who is invited in the Dashboard gets the address by mail; then it is kept nowhere."""
    staff = Staff(platform)
    form = {"email": AMY, "name": "Amy 陳", "role": "support", "language": "zh-hant"}
    shown = staff.member().post("/team/invite", **form)
    until(lambda: server.received or None)
    (got,) = server.received
    address = re.search(r"http\S+/dashboard/invitation/[0-9a-f]{64}", got.part("plain"))
    assert address
    assert address[0] in shown.raw.decode()
    assert got.recipients == (AMY,)
    user = platform.read(lambda tx: users.by_email(tx, AMY))
    assert user is not None
    assert user.language == "zh-hant"

    def forgotten() -> bool | None:
        (mail,) = platform.read(lambda tx: mails.newest(tx, status=None, most=9))
        return (mail.status == "sent" and mail.link_sealed is None) or None

    until(forgotten)


def test_tried_again(platform: RunningPlatform, server: MailServer) -> None:
    """A refusal for now is tried again later, with the same message."""
    server.trouble(Trouble("end", "451 4.3.0 Try later"), Trouble("end", Act.DROP))
    mail = ask(platform)
    assert when(platform, mail, "pending").note == "later: 451 4.3.0 Try later"
    platform.clock.advance(GAP_S)
    assert when(platform, mail, "pending", tries=2).note == "later: the server hung up"
    platform.clock.advance(3 * GAP_S)
    assert when(platform, mail, "sent", tries=3).note == ""
    lost, taken = server.received
    # The server took it the second time and died before it said so: nothing tells us.
    assert lost.raw == taken.raw


def test_given_up(platform: RunningPlatform, server: MailServer) -> None:
    """A recipient that does not exist is given up at once."""
    server.trouble(Trouble("rcpt", "550 5.1.1 No such user"))
    ended = when(platform, ask(platform), "given up")
    assert ended.note == "never: 550 5.1.1 No such user"
    assert ended.finished_us is not None
    assert server.received == []


def test_silent_server(platform: RunningPlatform, server: MailServer) -> None:
    """A server that says nothing costs the time of a try; other mails go out meanwhile."""
    assert platform.inside.mailer is not None
    platform.inside.mailer._try_s_max = 0.5
    server.trouble(Trouble("rcpt", Act.HANG))
    slow = ask(platform)
    server.wait_connections(1)
    when(platform, ask(platform, to="bob@customer.example"), "sent")
    assert when(platform, slow, "pending").note == "later: no answer within 0.5 s"
    platform.clock.advance(GAP_S)
    when(platform, slow, "sent", tries=2)


def test_worker_that_died(platform: RunningPlatform, server: MailServer) -> None:
    """What was claimed by a worker that died goes out when the lease ends."""
    server.trouble(Trouble("end", Act.HANG))
    mail = ask(platform)
    server.wait(1)
    assert now(platform, mail).status == "sending"
    platform.clock.advance(LEASE_S)
    one, two = server.wait(2)
    when(platform, mail, "sent", tries=2)
    assert one.message["Message-ID"] == two.message["Message-ID"]


def test_chinese_and_emoji(platform: RunningPlatform, server: MailServer) -> None:
    """Any script comes through, in the subject too."""
    ask(platform, payment_link(platform, "海港茶舍 🍵"), language="zh-hant")
    (got,) = server.wait(1)
    assert "海港茶舍 🍵" in got.message["Subject"]
    assert "海港茶舍 🍵" in got.part("plain")
    assert "海港茶舍 🍵" in got.part("html")
    assert '<html lang="zh-Hant-HK">' in got.part("html")
    assert got.raw.isascii()


def test_no_name_adds_a_header(platform: RunningPlatform, server: MailServer) -> None:
    """A merchant's name with line breaks stays in its line."""
    evil = "Tea\r\nBcc: eve@evil.example\r\n\r\n.\r\nRCPT TO:<eve@evil.example>"
    ask(platform, payment_link(platform, evil))
    (got,) = server.wait(1)
    assert got.recipients == (AMY,)
    assert "Bcc" not in got.message
    assert got.message["Subject"].strip().startswith("Payment link from Tea Bcc: eve@evil.example")


def test_invitation(platform: RunningPlatform, server: MailServer) -> None:
    """The link that lets somebody in arrives whole and is nowhere afterwards."""
    link = "https://pay.tea.example/dashboard/invitation/secret"
    mail = ask(platform, Invitation(link=link, expires_us=platform.clock.now_us() + 10**12))
    (got,) = server.wait(1)
    assert link in got.part("plain")
    assert when(platform, mail, "sent").link_sealed is None
    assert "secret" not in str(now(platform, mail))


def test_off(database_url: str) -> None:
    """Without a mail server nobody works on mails, and whoever asks is told."""
    with running(database_url) as platform:
        letter = Letter(AMY, payment_link(platform))
        room = platform.inside.mailroom
        assert platform.transact(lambda tx: mailing.ask(tx, letter, room=room, now_us=1)) is None


def test_over_tls(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With `SSL_CERT_FILE` a server of one's own is trusted; without it nothing is said to it."""
    certificate = make_certificate(tmp_path)
    settings = {"smtp_host": "127.0.0.1", "smtp_username": USERNAME, "smtp_password": PASSWORD}
    with MailServer(security="starttls", certificate=certificate, password=PASSWORD) as server:
        settings["smtp_port"] = str(server.port)
        with running(database_url, mail_from="shop@tea.example", **settings) as platform:
            mail = ask(platform)
            assert "self-signed certificate" in when(platform, mail, "pending").note
        assert not any(line.startswith("AUTH") for line in server.heard)
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        with running(database_url, mail_from="shop@tea.example", **settings) as platform:
            platform.clock.advance(GAP_S)
            when(platform, mail, "sent", tries=2)
        assert (server.received[0].user, server.received[0].over_tls) == (USERNAME, True)
