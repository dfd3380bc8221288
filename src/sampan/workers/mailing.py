"""The task `mail`: write an e-mail out, hand it to the mail server, record how it ended."""

from collections.abc import Callable
from typing import Final

import structlog

from sampan.clock import Clock
from sampan.codecs.email_message import Message, ascii_address, compose
from sampan.domain.mails import Facts
from sampan.errors import SetupError
from sampan.flow import mailing
from sampan.flow.mailing import Outcome
from sampan.mail import Mailer, MailError, Server
from sampan.storage.engine import Store, Tx
from sampan.storage.mails import Mail
from sampan.storage.outbox import Task
from sampan.storage.vault import Vault
from sampan.web import mails as pages
from sampan.workers.loop import Work

log = structlog.get_logger(__name__)
LEASE_US: Final = 45_000_000
"""Longer than `Mailer` takes for a try."""
LANE_MAX: Final = 4
"""Connections at once: mail servers count them, and turn away who has too many."""

Told = Callable[[Tx, Mail], None]
"""Is told in its transaction about each mail that has ended, sent or given up."""


def message_of(mail: Mail, facts: Facts, *, server: Server) -> bytes:
    """Return the bytes to send, the same at every try; `facts` are all that the mail states.

    Its Message-ID stays the same, so who receives it twice can tell. Raises ValueError for an
    address that is none.
    """
    written = pages.write(facts, mail.language)
    domain = ascii_address(server.sender).rpartition("@")[2]
    return compose(
        Message(
            sender_name=server.sender_name,
            sender=server.sender,
            to=mail.to_address,
            subject=written.subject,
            text=written.text,
            html=written.html,
            message_id=f"{mail.id}.{mail.created_us}@{domain}",
            date_us=mail.created_us,
        )
    )


class SendMails:
    """Sends e-mails."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        *,
        mailer: Mailer,
        vault: Vault,
        tell: Told = lambda _tx, _mail: None,
    ) -> None:
        self._store = store
        self._clock = clock
        self._mailer = mailer
        self._vault = vault
        self._tell = tell

    def work(self) -> Work[Mail]:
        """Return what the worker needs to know about this kind of task."""
        return Work(
            mailing.KIND,
            lease_us=LEASE_US,
            prepare=self._prepare,
            act=self._act,
            lane_bound=lambda _tx, _lane: LANE_MAX,
        )

    def _prepare(self, tx: Tx, task: Task, now_us: int) -> Mail | None:
        mail = mailing.begin(tx, task, now_us=now_us)
        if mail is not None and mail.finished_us is not None:
            self._tell(tx, mail)
            return None
        return mail

    async def _act(self, task: Task, mail: Mail) -> None:
        outcome = await self._send(mail)
        if not outcome.is_sent:
            log.warning("mail not sent", mail=mail.id, kind=mail.kind, why=outcome.note)
        jitter = self._clock.jitter()

        def settle(tx: Tx) -> None:
            now_us = self._clock.now_us()
            ended = mailing.finish(tx, task, mail, outcome=outcome, now_us=now_us, jitter=jitter)
            if ended is not None:
                self._tell(tx, ended)

        await self._store.transact(settle)

    async def _send(self, mail: Mail) -> Outcome:
        try:
            facts = mailing.stated(mail, self._vault)
            message = message_of(mail, facts, server=self._mailer.server)
        except SetupError as error:
            return Outcome(is_sent=False, note=str(error))
        except ValueError:
            return Outcome(is_sent=False, lasting=True, note="this is not an e-mail address")
        try:
            await self._mailer.send(message, to=mail.to_address)
        except MailError as error:
            return Outcome(
                is_sent=False, lasting=error.kind == "never", note=f"{error.kind}: {error}"
            )
        return Outcome(is_sent=True)
