"""E-mail in the books: asked for, tried, sent, given up, withdrawn, and what is forgotten."""

from __future__ import annotations

import msgspec
import pytest
from sqlalchemy import text

from sampan.clock import DAY_US, HOUR_US
from sampan.domain.mails import Facts, Invitation, LinkCancelled, PaymentLink, Trial, retry_gap_s
from sampan.errors import SetupError
from sampan.flow import mailing
from sampan.flow.mailing import LANE, Letter, Mailroom, Outcome
from sampan.storage import mails, outbox
from sampan.storage.engine import Tx
from sampan.storage.mails import Mail
from sampan.storage.outbox import Task
from sampan.storage.vault import Vault
from tests.support.flow_world import FlowWorld
from tests.support.interfering import InterferingTx

LEASE_US = 45_000_000
AMY = "amy@customer.example"
SECRET_LINK = "https://pay.tea.example/dashboard/invitation/0123456789abcdef"
SENT = Outcome(is_sent=True)
LATER = Outcome(is_sent=False, note="later: 450 Greylisted")
NEVER = Outcome(is_sent=False, lasting=True, note="never: 550 No such user")


def payment_link(flow: FlowWorld, *, life_us: int = 30 * DAY_US) -> PaymentLink:
    """What a payment link over HK$100.00 states."""
    return PaymentLink(
        merchant="Tea house",
        payment_id="p-1",
        amount_minor=10_000,
        currency="HKD",
        link="https://pay.tea.example/pay/1",
        expires_us=flow.clock.now_us() + life_us,
    )


def invitation(flow: FlowWorld) -> Invitation:
    """What an invitation states; its link lets somebody in."""
    return Invitation(link=SECRET_LINK, expires_us=flow.clock.now_us() + 72 * HOUR_US, name="Amy")


def room(flow: FlowWorld, *, is_on: bool = True, key: str = "a master key for tests") -> Mailroom:
    """What asking needs."""
    return Mailroom(Vault(key, flow.clock), is_on=is_on)


def ask(flow: FlowWorld, facts: Facts | None = None, *, to: str = AMY) -> Mail:
    """Ask for a mail."""
    now_us = flow.next_us()
    letter = Letter(to, facts or payment_link(flow))
    mail = flow.do(lambda tx: mailing.ask(tx, letter, room=room(flow), now_us=now_us))
    assert mail is not None
    return mail


def claim(flow: FlowWorld) -> list[Task]:
    """Claim what is due to be sent now."""
    now_us = flow.next_us()
    return list(
        flow.do(
            lambda tx: outbox.claim(
                tx, "mail", lane=LANE, now_us=now_us, lease_until_us=now_us + LEASE_US, most=100
            )
        )
    )


def begin(flow: FlowWorld, task: Task) -> Mail | None:
    """Begin a claimed task."""
    now_us = flow.clock.now_us()
    return flow.do(lambda tx: mailing.begin(tx, task, now_us=now_us))


def begun(flow: FlowWorld) -> tuple[Task, Mail]:
    """Claim and begin the only mail that is due."""
    (task,) = claim(flow)
    mail = begin(flow, task)
    assert mail is not None
    return task, mail


def finish(
    flow: FlowWorld, task: Task, mail: Mail, *, outcome: Outcome, jitter: float = 0.0
) -> Mail | None:
    """Finish a try."""
    now_us = flow.clock.now_us()
    return flow.do(
        lambda tx: mailing.finish(tx, task, mail, outcome=outcome, now_us=now_us, jitter=jitter)
    )


def now(flow: FlowWorld, mail: Mail) -> Mail:
    """A mail as it stands."""
    found = flow.do(lambda tx: mails.find(tx, mail.id))
    assert found is not None
    return found


# --- asking -------------------------------------------------------------------------------------


def test_asked_for(flow: FlowWorld) -> None:
    """A mail is kept with all it states and is due at once."""
    facts = payment_link(flow)
    mail = ask(flow, facts)
    assert now(flow, mail) == mail
    assert (mail.kind, mail.status, mail.facts) == ("payment link", "pending", facts)
    assert mail.until_us == mail.created_us + 3 * DAY_US
    assert [task.subject for task in claim(flow)] == [mail.id]


def test_asked_for_in_a_transaction_that_fails(flow: FlowWorld) -> None:
    """What rolls back asks for nothing."""

    def fails(tx: Tx) -> None:
        mailing.ask(tx, Letter(AMY, payment_link(flow)), room=room(flow), now_us=1)
        raise LookupError

    with pytest.raises(LookupError):
        flow.do(fails)
    assert flow.do(lambda tx: mails.newest(tx, status=None, most=9)) == []
    assert claim(flow) == []


def test_mail_is_off(flow: FlowWorld) -> None:
    """Without a mail server nothing is written, and the caller is told."""
    off = room(flow, is_on=False)
    letter = Letter(AMY, payment_link(flow))
    assert flow.do(lambda tx: mailing.ask(tx, letter, room=off, now_us=1)) is None
    assert flow.do(lambda tx: mails.newest(tx, status=None, most=9)) == []


@pytest.mark.parametrize(
    "address", ["amy", "a@b@c", "amy@tea.example\r\nBcc: eve@evil.example", "amy\u200b@tea.example"]
)
def test_no_address(flow: FlowWorld, address: str) -> None:
    """A mail to nowhere is kept, given up, says why, and holds no secret."""
    mail = ask(flow, invitation(flow), to=address)
    assert (mail.status, mail.note) == ("given up", "this is not an e-mail address")
    assert now(flow, mail).link_sealed is None
    assert claim(flow) == []


def test_of_a_payment(flow: FlowWorld) -> None:
    """A payment's mails are found, oldest first."""
    payment = flow.waiting()
    facts = LinkCancelled(merchant="T", payment_id="p-1", amount_minor=1, currency="HKD")
    for each in (payment_link(flow), facts):
        letter = Letter(AMY, each, "zh-hant", project_id=flow.project.id, payment=payment.key)
        now_us = flow.next_us()
        flow.do(
            lambda tx, letter=letter, now_us=now_us: mailing.ask(  # type: ignore[misc]
                tx, letter, room=room(flow), now_us=now_us
            )
        )
    found = flow.do(lambda tx: mails.of_payment(tx, payment.key))
    assert [mail.kind for mail in found] == ["payment link", "payment link cancelled"]
    assert {(mail.project_id, mail.language) for mail in found} == {(flow.project.id, "zh-hant")}


def test_log(flow: FlowWorld) -> None:
    """The log has the newest first, optionally of one status."""
    one, two = ask(flow), ask(flow, to="nobody")
    assert [mail.id for mail in flow.do(lambda tx: mails.newest(tx, status=None, most=9))] == [
        two.id,
        one.id,
    ]
    pending = flow.do(lambda tx: mails.newest(tx, status="pending", most=9))
    assert [mail.id for mail in pending] == [one.id]


# --- secrets ------------------------------------------------------------------------------------


def test_link_of_an_invitation(flow: FlowWorld) -> None:
    """It is sealed while the mail waits, whole for the worker, and forgotten once it is sent."""
    mail = ask(flow, invitation(flow))
    assert mail.facts == Invitation(link="", expires_us=mail.until_us, name="Amy")
    task, sending = begun(flow)
    assert mailing.stated(sending, room(flow).vault) == invitation_of(sending)
    ended = finish(flow, task, sending, outcome=SENT)
    assert ended is not None
    assert now(flow, mail).link_sealed is None
    assert mailing.stated(ended, room(flow).vault) == mail.facts


def invitation_of(mail: Mail) -> Invitation:
    """The invitation with its link."""
    assert isinstance(mail.facts, Invitation)
    return Invitation(link=SECRET_LINK, expires_us=mail.facts.expires_us, name="Amy")


def test_copy_of_the_database(flow: FlowWorld) -> None:
    """Nothing of the link stands in the row, and another key opens nothing."""
    mail = ask(flow, invitation(flow))
    row = flow.do(lambda tx: tx.query(text("SELECT * FROM mails")))
    assert "0123456789abcdef" not in str(row)
    with pytest.raises(SetupError):
        mailing.stated(mail, room(flow, key="the key of somebody else").vault)


@pytest.mark.parametrize("outcome", [SENT, NEVER])
def test_database_forgets_too(flow: FlowWorld, outcome: Outcome) -> None:
    """The database itself refuses to keep the link of a mail that has ended."""
    mail = ask(flow, invitation(flow))
    task, sending = begun(flow)
    finish(flow, task, sending, outcome=outcome)
    assert now(flow, mail).link_sealed is None
    kept = msgspec.structs.replace(now(flow, mail), link_sealed="x")
    with pytest.raises(Exception, match="secret_is_forgotten"):
        flow.do(lambda tx: mails.move(tx, kept, status_from=kept.status))


# --- trying -------------------------------------------------------------------------------------


def test_sent(flow: FlowWorld) -> None:
    """A mail that was taken is sent, once."""
    mail = ask(flow)
    task, sending = begun(flow)
    assert (sending.status, sending.attempts_count) == ("sending", 1)
    ended = finish(flow, task, sending, outcome=SENT)
    assert ended == now(flow, mail)
    assert (now(flow, mail).status, now(flow, mail).note) == ("sent", "")
    flow.clock.advance(4 * DAY_US)
    assert claim(flow) == []


def test_tried_again(flow: FlowWorld) -> None:
    """A refusal for now is tried again after 10 s, and says meanwhile why."""
    mail = ask(flow)
    task, sending = begun(flow)
    assert finish(flow, task, sending, outcome=LATER) is None
    assert (now(flow, mail).status, now(flow, mail).note) == ("pending", LATER.note)
    flow.clock.advance(9_999_998)
    assert claim(flow) == []
    task, sending = begun(flow)
    finish(flow, task, sending, outcome=SENT)
    assert (now(flow, mail).status, now(flow, mail).attempts_count) == ("sent", 2)


def test_lasting_refusal(flow: FlowWorld) -> None:
    """A refusal that lasts ends it at once and says why."""
    mail = ask(flow)
    task, sending = begun(flow)
    assert finish(flow, task, sending, outcome=NEVER) == now(flow, mail)
    assert (now(flow, mail).status, now(flow, mail).note) == ("given up", NEVER.note)
    flow.clock.advance(4 * DAY_US)
    assert claim(flow) == []


def test_the_whole_schedule(flow: FlowWorld) -> None:
    """Quick tries, then ever longer gaps up to 4 h, given up before three days have passed."""
    mail = ask(flow)
    at_s = []
    while now(flow, mail).finished_us is None:
        task, sending = begun(flow)
        at_s.append((flow.clock.now_us() - mail.created_us) // 1_000_000)
        finish(flow, task, sending, outcome=LATER)
        flow.clock.advance(retry_gap_s(task.attempts_count) * 1_000_000)
    assert at_s[:7] == [0, 10, 40, 100, 220, 460, 940]
    assert len(at_s) == 27
    assert 2.8 < at_s[-1] / 86_400 < 3
    ended = now(flow, mail)
    assert (ended.status, ended.note, ended.attempts_count) == ("given up", LATER.note, 27)


def test_jitter(flow: FlowWorld) -> None:
    """The gap grows by at most a tenth, so that not everything comes back at once."""
    ask(flow)
    task, sending = begun(flow)
    finish(flow, task, sending, outcome=LATER, jitter=0.5)
    flow.clock.advance(10_499_998)
    assert claim(flow) == []
    assert len(claim(flow)) == 1


def test_news_that_is_old(flow: FlowWorld) -> None:
    """A link that has ended is not sent any more, whatever kept the mail; it says what did."""
    mail = ask(flow, payment_link(flow, life_us=HOUR_US))
    assert mail.until_us == mail.created_us + HOUR_US - 1
    task, sending = begun(flow)
    finish(flow, task, sending, outcome=LATER)
    flow.clock.advance(HOUR_US)
    (task,) = claim(flow)
    ended = begin(flow, task)
    assert ended == now(flow, mail)
    assert now(flow, mail).note == f"{mailing.TOO_LATE}: {LATER.note}"
    assert (now(flow, mail).status, claim(flow)) == ("given up", [])


def test_never_tried(flow: FlowWorld) -> None:
    """A mail that nobody worked on for days, as when mail was switched off, is given up."""
    mail = ask(flow, Trial(at_us=0))
    flow.clock.advance(3 * DAY_US)
    (task,) = claim(flow)
    begin(flow, task)
    assert (now(flow, mail).status, now(flow, mail).note) == ("given up", mailing.TOO_LATE)


def test_worker_that_died(flow: FlowWorld) -> None:
    """A mail whose worker died is sent by the next one when the lease ends, not before."""
    mail = ask(flow)
    begun(flow)
    assert claim(flow) == []
    flow.clock.advance(LEASE_US)
    task, sending = begun(flow)
    assert (sending.id, sending.attempts_count) == (mail.id, 2)
    finish(flow, task, sending, outcome=SENT)
    assert now(flow, mail).status == "sent"


@pytest.mark.parametrize("outcome", [SENT, LATER, NEVER])
def test_lost_lease(flow: FlowWorld, outcome: Outcome) -> None:
    """Who comes back after the lease changes nothing; the next one decides."""
    mail = ask(flow)
    slow_task, slow = begun(flow)
    flow.clock.advance(LEASE_US)
    task, sending = begun(flow)
    assert finish(flow, slow_task, slow, outcome=outcome) is None
    assert now(flow, mail) == sending
    finish(flow, task, sending, outcome=SENT)
    assert now(flow, mail).status == "sent"


def test_task_of_a_mail_that_has_ended(flow: FlowWorld) -> None:
    """A task that is left of a finished mail, or of none, goes away."""
    mail = ask(flow)
    task, sending = begun(flow)
    finish(flow, task, sending, outcome=SENT)
    for subject in (mail.id, 9_999_999):
        flow.do(lambda tx, s=subject: outbox.put(tx, "mail", lane=LANE, subject=s, due_us=1))  # type: ignore[misc]
        (left,) = claim(flow)
        assert begin(flow, left) is None
    flow.clock.advance(LEASE_US)
    assert claim(flow) == []


# --- withdrawing --------------------------------------------------------------------------------


def withdraw(flow: FlowWorld, mail: Mail) -> bool:
    """Withdraw a mail."""
    now_us = flow.next_us()
    return flow.do(lambda tx: mailing.withdraw(tx, mail, why="the link is off", now_us=now_us))


def test_withdrawn(flow: FlowWorld) -> None:
    """A mail that still waits is not sent any more, and says why; a repeat changes nothing."""
    mail = ask(flow)
    assert withdraw(flow, mail)
    assert (now(flow, mail).status, now(flow, mail).note) == ("given up", "the link is off")
    assert claim(flow) == []
    assert not withdraw(flow, mail)
    assert not withdraw(flow, now(flow, mail))


def test_withdrawn_too_late(flow: FlowWorld) -> None:
    """A mail that is on its way cannot be withdrawn, and its task stays."""
    mail = ask(flow)
    task, sending = begun(flow)
    assert not withdraw(flow, mail)
    assert not withdraw(flow, sending)
    finish(flow, task, sending, outcome=SENT)
    assert now(flow, mail).status == "sent"


def test_withdrawn_while_it_is_claimed(flow: FlowWorld) -> None:
    """Withdrawn between the look and the claim's write, a mail is not sent."""
    mail = ask(flow)
    (task,) = claim(flow)
    now_us = flow.clock.now_us()

    def meddle(tx: Tx) -> None:
        mailing.withdraw(tx, mail, why="the link is off", now_us=now_us)

    def meets(tx: Tx) -> Mail | None:
        meddled = InterferingTx(tx, mails._MOVE, meddle=meddle)
        return mailing.begin(meddled, task, now_us=now_us)

    assert flow.do(meets) is None
    assert now(flow, mail).status == "given up"
    flow.clock.advance(LEASE_US)
    assert claim(flow) == []
