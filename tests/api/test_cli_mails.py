"""`sampan mail`, the doctor's look at the mail server, and work that is killed while it sends."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sampan.clock import SystemClock
from sampan.domain.mails import Invitation
from sampan.flow import mailing
from sampan.flow.mailing import Letter, Mailroom
from sampan.storage import outbox
from sampan.storage.vault import Vault
from tests.api.test_cli import Folder
from tests.support.databases import open_store
from tests.support.smtp import USERNAME, Act, MailServer, Trouble, make_certificate

AMY = "amy@customer.example"
PASSWORD = "correct-horse-battery"
LINK = "https://pay.tea.example/dashboard/invitation/0123456789abcdef"
MASTER_KEY = "a key of tests, long enough"


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate for this machine."""
    return make_certificate(tmp_path)


@pytest.fixture
def server(certificate: Path) -> Iterator[MailServer]:
    """A mail server that wants TLS and a password."""
    with MailServer(security="starttls", certificate=certificate, password=PASSWORD) as made:
        yield made


@pytest.fixture
def folder(tmp_path: Path, server: MailServer, certificate: Path) -> Folder:
    """A folder whose settings name the mail server."""
    return Folder(
        tmp_path,
        SAMPAN_MASTER_KEY=MASTER_KEY,
        SAMPAN_SMTP_HOST="127.0.0.1",
        SAMPAN_SMTP_PORT=str(server.port),
        SAMPAN_SMTP_USERNAME=USERNAME,
        SAMPAN_SMTP_PASSWORD=PASSWORD,
        SAMPAN_MAIL_FROM="海港茶舍 <shop@tea.example>",
        SSL_CERT_FILE=str(certificate),
    )


def mail_finding(folder: Folder) -> dict[str, Any]:
    """What the doctor says about mail."""
    findings = json.loads(folder.run("doctor", "--json").stdout)["findings"]
    (found,) = [one for one in findings if one["what"] == "mail"]
    assert PASSWORD not in str(findings)
    return dict(found)


def test_test_mail(folder: Folder, server: MailServer) -> None:
    """A test mail arrives in the language asked for; it does not stand in the log."""
    assert "took the test e-mail" in folder.good("mail", "test", AMY, "--language", "zh-hant")
    (got,) = server.received
    assert (got.recipients, got.user) == ((AMY,), USERNAME)
    assert got.message["From"].addresses[0].display_name == "海港茶舍"
    assert 'lang="zh-Hant-HK"' in got.part("html")
    assert "No e-mails" in folder.good("mail", "list")


def test_test_mail_that_is_refused(folder: Folder, server: MailServer) -> None:
    """What went wrong is one line; the password is not in it."""
    server.trouble(Trouble("rcpt", "550 5.1.1 No such user"))
    assert folder.bad(1, "mail", "test", AMY) == "error never: 550 5.1.1 No such user"
    assert folder.bad(2, "mail", "test", "amy@tea..example").endswith("not an e-mail address")
    folder.environment["SAMPAN_SMTP_PASSWORD"] = "wrong-password"
    told = folder.bad(1, "mail", "test", AMY)
    assert told == "error login: 535 5.7.8 Wrong name or password"


def test_test_mail_when_mail_is_off(folder: Folder) -> None:
    """Without a server it says what to set."""
    del folder.environment["SAMPAN_SMTP_HOST"]
    assert "SAMPAN_SMTP_HOST" in folder.bad(1, "mail", "test", AMY)


def test_doctor(folder: Folder, server: MailServer) -> None:
    """The doctor signs in without sending, and says what to mend."""
    found = mail_finding(folder)
    assert (found["state"], found["found"]) == (
        "ok",
        f"127.0.0.1:{server.port} lets us in: TLSv1.3, signed in",
    )
    assert server.received == []
    folder.environment["SAMPAN_SMTP_PASSWORD"] = "wrong-password"
    found = mail_finding(folder)
    assert (found["state"], "SAMPAN_SMTP_PASSWORD" in found["advice"]) == ("fail", True)
    del folder.environment["SSL_CERT_FILE"]
    found = mail_finding(folder)
    assert (found["state"], "certificate" in found["found"]) == ("fail", True)
    del folder.environment["SAMPAN_SMTP_HOST"]
    assert mail_finding(folder)["state"] == "ok"


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"SAMPAN_MAIL_FROM": ""}, "SAMPAN_MAIL_FROM: "),
        ({"SAMPAN_MAIL_FROM": "Tea House"}, "SAMPAN_MAIL_FROM: "),
        ({"SAMPAN_MAIL_FROM": "a@tea.example\nBcc: b@tea.example"}, "SAMPAN_MAIL_FROM: "),
        ({"SAMPAN_SMTP_SECURITY": "none"}, "SAMPAN_SMTP_PASSWORD: "),
        ({"SAMPAN_SMTP_PASSWORD": f"{PASSWORD}茶"}, "SAMPAN_SMTP_PASSWORD: "),
        ({"SAMPAN_SMTP_SECURITY": "ssl"}, "SAMPAN_SMTP_SECURITY: "),
    ],
)
def test_bad_setting(folder: Folder, settings: dict[str, str], told: str) -> None:
    """A setting that cannot be is named; a password is never repeated."""
    folder.environment |= settings
    said = folder.bad(1, "mail", "list")
    assert said.startswith(f"error {told}")
    assert PASSWORD not in said


def ask(database_url: str) -> None:
    """Ask for an invitation's mail, as the Dashboard does."""

    async def story() -> None:
        clock = SystemClock()
        facts = Invitation(link=LINK, expires_us=clock.now_us() + 10**11, name="Amy")
        room = Mailroom(Vault(MASTER_KEY, clock), is_on=True)
        async with open_store(database_url, clock) as store:
            now_us = clock.now_us()
            await store.transact(
                lambda tx: mailing.ask(tx, Letter(AMY, facts), room=room, now_us=now_us)
            )

    asyncio.run(story())


def end_leases(database_url: str) -> None:
    """Let the lease of whoever holds a task run out."""

    async def story() -> None:
        async with open_store(database_url) as store:
            await store.transact(lambda tx: outbox.hurry(tx, now_us=0))

    asyncio.run(story())


def test_killed_while_it_sends(database_url: str, folder: Folder, server: MailServer) -> None:
    """Killed after the server took the mail, the next life sends it again as the same message."""
    folder.environment["SAMPAN_DATABASE_URL"] = database_url
    ask(database_url)
    server.trouble(Trouble("end", Act.HANG))
    with subprocess.Popen(
        [sys.executable, "-m", "sampan", "work"],
        cwd=folder.path,
        env=folder.environment,
        stderr=subprocess.DEVNULL,
    ) as first:
        try:
            server.wait(1)
        finally:
            first.kill()
    assert first.returncode == -signal.SIGKILL
    (waiting,) = folder.read("mail", "list")
    assert (waiting["status"], waiting["tries"]) == ("sending", 1)
    end_leases(database_url)
    with folder.running("work", ready="is working"):
        one, two = server.wait(2)
    assert one.raw == two.raw
    assert LINK in one.part("plain")
    (sent,) = folder.read("mail", "list", "--status", "sent")
    assert (sent["kind"], sent["to"], sent["tries"]) == ("invitation", AMY, 2)
    assert LINK not in folder.good("mail", "list")


def test_no_secret_in_the_log(database_url: str, folder: Folder, server: MailServer) -> None:
    """Whatever the server answers, neither password nor link gets into log or database."""
    folder.environment |= {
        "SAMPAN_DATABASE_URL": database_url,
        "SAMPAN_LOG_LEVEL": "debug",
        "SAMPAN_LOG_FORMAT": "json",
    }
    ask(database_url)
    server.trouble(Trouble("auth", f"535 5.7.8 Not {PASSWORD}"), Trouble("auth", "535 5.7.8 No"))
    with folder.running("work", ready="is working") as working:
        said = working.err.find("mail not sent")
    assert "it repeated the password" in said.string
    assert PASSWORD not in said.string
    (kept,) = folder.read("mail", "list")
    assert kept["note"] == "login: 535 (it repeated the password)"
    raw = b"".join(file.read_bytes() for file in folder.path.glob("sampan.db*"))
    assert PASSWORD.encode() not in raw
    assert LINK.encode() not in raw
