"""E-mail: ask for one in the transaction that decides it, and what becomes of it.

pending (its task waits) → sending (a worker has it) → sent, given up, or pending again. A worker
that dies leaves a mail in sending; its lease ends and it is sent again, perhaps for a second time,
under the same Message-ID.
"""

from dataclasses import dataclass, replace
from typing import Final

import msgspec

from sampan.clock import SECOND_US
from sampan.domain import mails as rules
from sampan.domain.mails import Facts, PaymentLink
from sampan.domain.statuses import FINAL
from sampan.storage import mails, outbox, payments
from sampan.storage.engine import Tx
from sampan.storage.mails import Mail
from sampan.storage.outbox import Task
from sampan.storage.vault import Vault

KIND: Final = "mail"
LANE: Final = "smtp"
"""One server takes every mail, so there is one lane."""
TOO_LATE: Final = "its time passed before it could be sent"
ENDED: Final = "its payment ended before it could be sent"


@dataclass(frozen=True, slots=True)
class Mailroom:
    """What asking for a mail needs: whether a mail server is set, and what seals links."""

    vault: Vault
    is_on: bool


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail that is asked for: to whom, in which language (a code of ours), what it states.

    `project_id` and `payment` (the payment's key) say what it is about, if about any.
    """

    to: str
    facts: Facts
    language: str = "en"
    project_id: int | None = None
    payment: int | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a try ended. `lasting` is a refusal that no further try changes; `note` says why."""

    is_sent: bool
    lasting: bool = False
    note: str = ""


def ask(tx: Tx, letter: Letter, *, room: Mailroom, now_us: int) -> Mail | None:
    """Write a mail and its task; None when mail is off: then somebody has to send the link by hand.

    An address that cannot be one makes a mail that is given up from the start and says why. Each
    call is a mail of its own.
    """
    if not room.is_on:
        return None
    facts, secret = rules.parted(letter.facts)
    mail = draft(replace(letter, facts=facts), key=tx.new_id(), now_us=now_us)
    if mail.finished_us is None:
        outbox.put(tx, KIND, lane=LANE, subject=mail.id, due_us=now_us)
        if secret:
            sealed = room.vault.seal(secret, _row(mail.id))
            mail = msgspec.structs.replace(mail, link_sealed=sealed)
    mails.insert_mail(tx, mail)
    return mail


def draft(letter: Letter, *, key: int, now_us: int) -> Mail:
    """Return the mail that a letter becomes, written nowhere; given up when it can go nowhere."""
    fault = rules.address_fault(letter.to)
    last_us = now_us + rules.LIFE_S * SECOND_US
    return Mail(
        id=key,
        project_id=letter.project_id,
        payment=letter.payment,
        kind=rules.kind_of(letter.facts),
        to_address=letter.to,
        language=letter.language,
        facts=letter.facts,
        link_sealed=None,
        status="pending" if fault is None else "given up",
        note=fault or "",
        attempts_count=0,
        created_us=now_us,
        until_us=min(last_us, rules.expires_us(letter.facts) or last_us),
        finished_us=None if fault is None else now_us,
    )


def stated(mail: Mail, vault: Vault) -> Facts:
    """Return all that a mail states. Raises `SetupError` when the master key is another one.

    The link of a mail that has ended is forgotten, and "".
    """
    if mail.link_sealed is None:
        return mail.facts
    return rules.joined(mail.facts, vault.unseal(mail.link_sealed, _row(mail.id)))


def begin(tx: Tx, task: Task, *, now_us: int) -> Mail | None:
    """Return the mail to send now, in status `sending`; None when there is nothing to send.

    One whose time has passed is returned as given up, so that its caller can tell. So is a payment
    link whose payment has ended: one that was on its way could not be withdrawn, and comes back.
    """
    mail = mails.find(tx, task.subject)
    if mail is None or mail.finished_us is not None:
        outbox.done(tx, task)
        return None
    over = TOO_LATE if now_us >= mail.until_us else ENDED if _has_ended(tx, mail) else ""
    if over:
        outbox.done(tx, task)
        note = f"{over}: {mail.note}" if mail.note else over
        return _ended(tx, mail, "given up", note=note, now_us=now_us)
    begun = msgspec.structs.replace(mail, status="sending", attempts_count=mail.attempts_count + 1)
    # Somebody may have withdrawn it meanwhile; its task is gone then, or finds that out next time.
    return begun if mails.move(tx, begun, status_from=mail.status) else None


def finish(  # noqa: PLR0913 - what was sent, how it ended, when, and how to spread the next try
    tx: Tx, task: Task, mail: Mail, *, outcome: Outcome, now_us: int, jitter: float
) -> Mail | None:
    """Record how a try ended; return the mail when it has ended with it, None when not.

    `jitter` in [0, 1) spreads the next try over a tenth of the gap. When the lease was lost nothing
    changes: whoever has it now decides.
    """
    gap_us = int(rules.retry_gap_s(task.attempts_count) * SECOND_US * (1 + jitter / 10))
    if not outcome.is_sent and not outcome.lasting and now_us + gap_us < mail.until_us:
        if outbox.put_back(tx, task, due_us=now_us + gap_us):
            after = msgspec.structs.replace(mail, status="pending", note=outcome.note)
            mails.move(tx, after, status_from=mail.status)
        return None
    if not outbox.done(tx, task):
        return None
    status = "sent" if outcome.is_sent else "given up"
    return _ended(tx, mail, status, note=outcome.note, now_us=now_us)


def withdraw(tx: Tx, mail: Mail, *, why: str, now_us: int) -> bool:
    """Keep a mail from being sent; False when it has ended or is on its way at this moment."""
    if mail.status != "pending" or _ended(tx, mail, "given up", note=why, now_us=now_us) is None:
        return False
    outbox.drop(tx, KIND, lane=LANE, subject=mail.id)
    return True


def _ended(tx: Tx, mail: Mail, status: str, *, note: str, now_us: int) -> Mail | None:
    """End a mail and forget its link; None when somebody else has moved it."""
    after = msgspec.structs.replace(
        mail, status=status, note=note, link_sealed=None, finished_us=now_us
    )
    return after if mails.move(tx, after, status_from=mail.status) else None


def _has_ended(tx: Tx, mail: Mail) -> bool:
    """Whether a mail asks for money that nobody waits for any more."""
    if not isinstance(mail.facts, PaymentLink) or mail.payment is None:
        return False
    payment = payments.payment_by_key(tx, mail.payment)
    assert payment is not None  # noqa: S101 - payments are never deleted
    return payment.status in FINAL


def _row(mail_id: int) -> str:
    return f"mail/{mail_id}"
