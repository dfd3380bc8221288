"""The worker of e-mails: who is told, and mails that cannot be written out."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sampan.clock import DAY_US
from sampan.domain.mails import Facts, Invitation, Trial
from sampan.flow import mailing
from sampan.flow.mailing import Letter, Mailroom
from sampan.mail import Mailer, Server
from sampan.storage import mails
from sampan.storage.engine import Tx
from sampan.storage.mails import Mail
from sampan.storage.vault import Vault
from sampan.workers.loop import Worker
from sampan.workers.mailing import SendMails
from tests.support.flow_world import FlowWorld
from tests.support.smtp import MailServer, Trouble

AMY = "amy@customer.example"


class Post:
    """A worker of mails over a real mail server, and whom it tells."""

    def __init__(self, flow: FlowWorld, server: MailServer) -> None:
        self.flow = flow
        self.server = server
        self.told: list[tuple[int, str]] = []
        self.mailer = Mailer(Server("127.0.0.1", server.port, "none", "shop@tea.example"))

    def ask(self, facts: Facts, *, to: str = AMY) -> Mail:
        """Ask for a mail."""
        room = Mailroom(Vault("a master key for tests", self.flow.clock), is_on=True)
        now_us = self.flow.next_us()
        mail = self.flow.do(lambda tx: mailing.ask(tx, Letter(to, facts), room=room, now_us=now_us))
        assert mail is not None
        return mail

    def work(self, *, key: str = "a master key for tests") -> int:
        """Do all that is due now; return how many tries that were."""
        flow = self.flow
        flow.clock.advance(1)
        sending = SendMails(
            flow.store,
            flow.clock,
            mailer=self.mailer,
            vault=Vault(key, flow.clock),
            tell=self._tell,
        )
        worker = Worker(sending.work(), flow.store, clock=flow.clock)
        return flow.runner.run(worker.drain())

    def now(self, mail: Mail) -> Mail:
        """A mail as it stands."""
        found = self.flow.do(lambda tx: mails.find(tx, mail.id))
        assert found is not None
        return found

    def _tell(self, tx: Tx, mail: Mail) -> None:
        assert mails.find(tx, mail.id) == mail
        self.told.append((mail.id, mail.status))


@pytest.fixture
def post(flow: FlowWorld) -> Iterator[Post]:
    """A worker on each engine."""
    with MailServer() as server:
        made = Post(flow, server)
        try:
            yield made
        finally:
            made.mailer.close()


def test_told(post: Post) -> None:
    """Whoever wants to know hears of a mail when it is given up, not while it is tried again."""
    every = [post.ask(Trial(at_us=0), to=f"{name}@tea.example") for name in "abc"]
    post.server.trouble(*[Trouble("rcpt", "450 4.2.0 Later")] * 3)
    post.work()
    assert post.told == []
    post.flow.clock.advance(11_000_000)
    post.server.trouble(*[Trouble("rcpt", "450 4.2.0 Later")] * 3)
    post.work()
    assert {post.now(mail).attempts_count for mail in every} == {2}
    post.flow.clock.advance(3 * DAY_US)
    assert post.work() == 0
    assert sorted(post.told) == sorted((mail.id, "given up") for mail in every)


def test_told_of_the_sent(post: Post) -> None:
    """A mail that was sent, and one that was refused for good, are told of too."""
    sent = post.ask(Trial(at_us=0))
    assert post.work() == 1
    post.server.trouble(Trouble("rcpt", "550 5.1.1 No such user"))
    refused = post.ask(Trial(at_us=0))
    assert post.work() == 1
    assert post.told == [(sent.id, "sent"), (refused.id, "given up")]


def test_another_master_key(post: Post) -> None:
    """A sealed link that cannot be opened: no letter without it goes out, and nothing is lost."""
    facts = Invitation(link="https://tea.example/secret", expires_us=post.flow.clock.now_us() * 2)
    mail = post.ask(facts)
    post.work(key="the key of another platform")
    assert post.server.received == []
    assert post.now(mail).status == "pending"
    assert "master key" in post.now(mail).note
    post.flow.clock.advance(11_000_000)
    post.work()
    assert post.now(mail).status == "sent"
    assert "https://tea.example/secret" in post.server.received[0].part("plain")


def test_domain_that_is_none(post: Post) -> None:
    """An address that looks like one, and that no server could take, is given up at once."""
    mail = post.ask(Trial(at_us=0), to="amy@tea..example")
    post.work()
    assert (post.now(mail).status, post.now(mail).note) == (
        "given up",
        "this is not an e-mail address",
    )
    assert post.server.connections_count == 0
