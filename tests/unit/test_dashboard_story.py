"""The time line of a payment: everything is told once, in order, and bounded."""

from __future__ import annotations

from typing import Any

from sampan.dashboard import story
from sampan.dashboard.story import Moment, Past
from sampan.domain.machine import Reason
from sampan.domain.payment import Customer, DisplayData, Operation, Payment, Targets
from sampan.domain.statuses import OperationType, PaymentStatus
from sampan.storage.callbacks import Attempt, Callback
from sampan.storage.credits import Credit
from sampan.storage.journal import Entry

NOW_US = 1_000


def payment(**changes: Any) -> Payment:  # noqa: ANN401 - fields of every type
    """Return a payment that waits, changed as told."""
    values: dict[str, Any] = {
        "key": 1,
        "project_id": 7,
        "id": "p-1",
        "status": PaymentStatus.AWAITING_CUSTOMER_ACTION,
        "currency": "HKD",
        "amount_minor": 10_000,
        "paid_minor": 0,
        "description": "",
        "customer": Customer(id="c-1"),
        "targets": Targets(),
        "display": None,
        "faults": (),
        "held_count": 0,
        "created_us": 1,
        "updated_us": 1,
        "decline_us": 900,
        "finished_us": None,
    }
    return Payment(**(values | changes))


def entry(at_us: int, what: str, **changes: Any) -> Entry:  # noqa: ANN401 - fields of every type
    """Return a row of the journal, changed as told."""
    values: dict[str, Any] = {"at_us": at_us, "what": what, "project_id": 7, "by": "bank"}
    return Entry(**(values | changes))


def operation(at_us: int, key: int = 5, **changes: Any) -> Operation:  # noqa: ANN401
    """Return a sale, changed as told."""
    values: dict[str, Any] = {
        "id": key,
        "payment_key": 1,
        "type": OperationType.SALE,
        "status": PaymentStatus.DECLINE,
        "amount_minor": 10_000,
        "currency": "HKD",
        "request_id": "r-1",
        "code": "20602",
        "message": "",
        "provider_id": 1,
        "provider_ref": "",
        "created_us": at_us,
        "updated_us": at_us,
    }
    return Operation(**(values | changes))


def credit(at_us: int, **changes: Any) -> Credit:  # noqa: ANN401 - fields of every type
    """Return a credit, changed as told."""
    values: dict[str, Any] = {
        "id": 9,
        "provider": "sandbox",
        "account": "024",
        "bank_txn_id": "T1",
        "status": "held",
        "amount_minor": 9_900,
        "currency": "HKD",
        "reference": "",
        "payer_name": "CHAN TAI MAN",
        "payment": 1,
        "booked_us": at_us - 1,
        "received_us": at_us,
        "updated_us": at_us,
    }
    return Credit(**(values | changes))


def callback(at_us: int, **changes: Any) -> Callback:  # noqa: ANN401 - fields of every type
    """Return a callback, changed as told."""
    values: dict[str, Any] = {
        "id": 20,
        "project_id": 7,
        "payment": 1,
        "operation": 5,
        "kind": "final",
        "status": "pending",
        "url": "https://shop.example/cb",
        "body": '{"a":1}',
        "note": "",
        "attempts_count": 1,
        "created_us": at_us,
        "finished_us": None,
    }
    return Callback(**(values | changes))


def attempt(at_us: int, **changes: Any) -> Attempt:  # noqa: ANN401 - fields of every type
    """Return an attempt that was answered well, changed as told."""
    values: dict[str, Any] = {
        "callback": 20,
        "number": 1,
        "at_us": at_us,
        "url": "https://shop.example/cb",
        "http_status": 200,
        "duration_ms": 34,
        "answer": "",
        "error": "",
    }
    return Attempt(**(values | changes))


def told(**past: Any) -> list[Moment]:  # noqa: ANN401 - parts of every type
    """Return the line of a payment with these parts."""
    return story.line(Past(**({"payment": payment()} | past)), now_us=NOW_US)


def said(moment: Moment) -> str:
    """Return the sentence of a moment in English."""
    return moment.text % moment.values


def facts(moment: Moment) -> dict[str, str | int | None]:
    """Return the details of a moment."""
    return {fact.name: fact.us if fact.value == "" else fact.value for fact in moment.facts}


def test_everything_in_order() -> None:
    """Each row of each kind is told once, by time, and at one moment causes come first."""
    line = told(
        operations=[operation(10)],
        entries=[
            entry(10, "accepted", by="merchant", status_to="processing", operation=5),
            entry(20, "issued", by="provider", status_from="processing", status_to="x"),
            entry(30, "alarm", why=Reason.SHORT.value),
        ],
        credits=[credit(30)],
        callbacks=[callback(20)],
        attempts=[attempt(40)],
    )
    assert [(moment.at_us, said(moment)) for moment in line] == [
        (10, "The payment was asked for"),
        (10, "Operation: sale of HK$100.00"),
        (20, "The QR code was made; the shop shows it"),
        (20, "A callback was written: the result"),
        (30, "HK$99.00 arrived"),
        (30, "Less came than was asked for: a person must decide"),
        (40, "Callback delivered at try 1"),
    ]
    assert [moment.actor for moment in line[:3]] == ["the shop", "", "the bank"]


def test_decision_has_name_and_reason() -> None:
    """What staff decided stands with who it was and why, whether their name is known or not."""
    row = entry(5, "staffaccepted", by="staff:amy@tea.example", why="agreed by phone")
    [moment] = told(entries=[row], people={"amy@tea.example": "Amy Lam"})
    assert (moment.person, moment.why) == ("Amy Lam (amy@tea.example)", "agreed by phone")
    [moment] = told(entries=[row])
    assert (moment.person, moment.actor) == ("amy@tea.example", "")
    assert story.people_of([row, row, entry(6, "alarm")]) == ["amy@tea.example"]


def test_status_only_where_it_moved() -> None:
    """A status is told when it changed, not when a row only repeats it."""
    line = told(
        entries=[
            entry(1, "alarm", status_from="decline", status_to="decline", why=Reason.LATE.value),
            entry(2, "credited", status_from="decline", status_to="success"),
        ]
    )
    assert [moment.status for moment in line] == ["", "success"]


def test_code_at_the_end_of_an_operation() -> None:
    """The code stands at the last event of its operation, for an earlier one had another."""
    line = told(
        operations=[operation(1)],
        entries=[
            entry(2, "issued", operation=5, status_to="awaiting customer action"),
            entry(3, "expired", operation=5, status_to="decline", by="clock"),
        ],
    )
    assert [facts(moment).get("Response code") for moment in line] == [None, None, "20602 Time-out"]
    ended_by_staff = told(
        operations=[operation(1, code="0")],
        entries=[entry(2, "issued", operation=5, status_to="awaiting customer action")],
    )
    assert not any("Response code" in facts(moment) for moment in ended_by_staff)
    failed = told(
        operations=[operation(1)],
        entries=[entry(2, "attemptfailed", operation=5, status_to="awaiting customer")],
    )
    assert facts(failed[-1])["Response code"] == "20602 Time-out"


def test_unknown_words() -> None:
    """What a later version wrote is told in its own words, never left out."""
    line = told(
        entries=[entry(1, "teleported", by="command line"), entry(2, "alarm", why="strange: 100%")],
        operations=[operation(3, type="odd")],
        callbacks=[callback(4, kind="odd", url="", note="no address")],
        credits=[credit(5, status="odd")],
    )
    assert [said(moment) for moment in line[:2]] == [
        "In the journal: teleported",
        "Money came that does not fit: strange: 100%",
    ]
    assert line[0].person == "command line"
    assert facts(line[3]) == {"Note": "no address"}


def test_failed_attempts() -> None:
    """A try without a good answer says what came instead."""
    line = told(
        callbacks=[callback(1)],
        attempts=[
            attempt(2, http_status=500, answer="<h1>oops</h1>"),
            attempt(3, number=2, http_status=None, error="timeout"),
        ],
    )
    assert [moment.tone for moment in line[1:]] == ["bad", "bad"]
    assert facts(line[1])["Answer"] == "HTTP 500"
    assert facts(line[1])["Took"] == "34 ms"
    assert line[1].texts == [("What the shop answered", "<h1>oops</h1>")]
    assert "Answer" not in facts(line[2])
    assert facts(line[2])["Error"] == "timeout"


def test_qr_that_ran_out() -> None:
    """The end of a QR is told once it is over, unless the payment had ended before."""
    shown = DisplayData(payload="x", expires_us=500, lifetime_s=1)
    words = [said(moment) for moment in told(payment=payment(display=shown))]
    assert words == ["The QR code ran out"]
    paid = payment(display=shown, status=PaymentStatus.SUCCESS, paid_minor=1, finished_us=400)
    assert told(payment=paid) == []
    late = payment(display=shown, status=PaymentStatus.DECLINE, finished_us=600)
    assert len(told(payment=late)) == 1
    open_still = DisplayData(payload="x", expires_us=NOW_US + 1, lifetime_s=1)
    assert told(payment=payment(display=open_still)) == []


def test_sizes_are_bounded() -> None:
    """However much the outside sent, a moment stays of a size that a page can carry."""
    huge = "長" * 100_000
    line = told(
        operations=[operation(1, provider_ref=huge)],
        entries=[entry(2, "staffdeclined", by="staff:a", why=huge), entry(3, huge)],
        credits=[credit(4, payer_name=huge, reference=huge, bank_txn_id=huge)],
        callbacks=[callback(5, url=huge, note=huge, body='{"qr":{"img":"' + huge + '"}}')],
        attempts=[attempt(6, url=huge, answer=huge, error=huge, http_status=500)],
    )
    assert all(len(repr(moment)) < 10_000 for moment in line)


def test_bodies_are_readable() -> None:
    """JSON is set out in lines with long texts cut; anything else is shown as it is, cut."""
    body = '{"a":{"img":"' + "x" * 500 + '","n":[1,"二"]}}'
    shown = story.body_text(body)
    assert '"img": "' + "x" * story.VALUE_CHARS_MAX + ' …"' in shown
    assert '"二"' in shown
    assert story.body_text("no json") == "no json"
    assert len(story.body_text("x" * 10_000)) < story.BODY_CHARS_MAX + 5
    assert len(story.body_text("[" + "1," * 9_000 + "1]")) < story.BODY_CHARS_MAX + 5
