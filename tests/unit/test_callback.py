"""Bodies of callbacks and status answers, and the times at which callbacks are tried."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from itertools import accumulate
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sampan.codecs.signature import canonical
from sampan.domain.callback import (
    TRIES_MAX,
    Body,
    body,
    display_members,
    not_found,
    retry_gap_s,
    status_answer,
    wire_time,
)
from sampan.domain.codes import Code, message
from sampan.domain.payment import (
    Customer,
    DisplayData,
    Fault,
    Operation,
    Payment,
    Targets,
)
from sampan.domain.project import DisplayProfile
from sampan.domain.statuses import FINAL, OperationType, Origin, PaymentStatus
from tests.support.safe_profile import breaches, value_breaches

CREATED_US: Final = 1_619_426_393_000_000
UPDATED_US: Final = 1_619_426_429_999_999
DISPLAY: Final = DisplayData(payload="00020101", expires_us=CREATED_US, lifetime_s=600)


def a_payment(**changes: Any) -> Payment:  # noqa: ANN401 - fields of every type
    """The payment of the method's own examples, changed as told."""
    fields: dict[str, Any] = {
        "key": 1,
        "project_id": 123,
        "id": "123123123",
        "status": PaymentStatus.SUCCESS,
        "currency": "HKD",
        "amount_minor": 10_000,
        "paid_minor": 10_000,
        "description": "",
        "customer": Customer(id="customer1"),
        "targets": Targets(),
        "display": None,
        "faults": (),
        "held_count": 0,
        "created_us": CREATED_US,
        "updated_us": UPDATED_US,
        "decline_us": UPDATED_US,
        "finished_us": UPDATED_US,
    }
    return Payment(**(fields | changes))


def an_operation(**changes: Any) -> Operation:  # noqa: ANN401 - fields of every type
    """The sale of the method's own examples, changed as told."""
    fields: dict[str, Any] = {
        "id": 5_205_000_010_711,
        "payment_key": 1,
        "type": OperationType.SALE,
        "status": PaymentStatus.SUCCESS,
        "amount_minor": 10_000,
        "currency": "HKD",
        "request_id": "23fdebfc248b",
        "code": "0",
        "message": "Success",
        "provider_id": 5161,
        "provider_ref": "",
        "created_us": CREATED_US,
        "updated_us": UPDATED_US,
    }
    return Operation(**(fields | changes))


FIGURES: Final = {
    "11 and 15": (PaymentStatus.SUCCESS, "123123123", 5_205_000_010_711, "0", "Success"),
    "12 and 16": (
        PaymentStatus.DECLINE, "12341234", 4_991_000_010_711, "20602", "Time-out",
    ),
}  # fmt: skip


@pytest.mark.parametrize("figure", FIGURES)
def test_final_body_is_the_methods_own(figure: str) -> None:
    """Members, order and form of a final callback are those of the method's page."""
    status, payment_id, operation_id, code, text = FIGURES[figure]
    told = body(
        a_payment(id=payment_id, status=status),
        an_operation(id=operation_id, status=status, code=code, message=text),
    )
    assert json.dumps(told, indent=1) == json.dumps(
        {
            "project_id": 123,
            "payment": {
                "id": payment_id,
                "type": "purchase",
                "status": status.value,
                "date": "2021-04-26T08:40:29+0000",
                "method": "hk-qr",
                "sum": {"amount": 10000, "currency": "HKD"},
                "description": "",
            },
            "customer": {"id": "customer1"},
            "operation": {
                "id": operation_id,
                "type": "sale",
                "status": status.value,
                "date": "2021-04-26T08:40:29+0000",
                "created_date": "2021-04-26T08:39:53+0000",
                "request_id": "23fdebfc248b",
                "sum_initial": {"amount": 10000, "currency": "HKD"},
                "sum_converted": {"amount": 10000, "currency": "HKD"},
                "code": code,
                "message": text,
                "provider": {"id": 5161, "payment_id": "", "auth_code": ""},
            },
        },
        indent=1,
    )


def test_intermediate_body_shows_between_customer_and_operation() -> None:
    """The display data stand where the platform puts them."""
    waiting = PaymentStatus.AWAITING_CUSTOMER_ACTION
    extra = display_members(DISPLAY, DisplayProfile.PAYLOAD, draw=str.encode)
    told = body(a_payment(status=waiting), an_operation(status=waiting), extra=extra)
    assert list(told) == ["project_id", "payment", "customer", "display_data", "qr", "operation"]


def test_error_body_lists_its_faults() -> None:
    """A payment in `error` says what was wrong, with the field where there is one."""
    faults = (
        Fault(code="3358", message="Operation amount is less than limit", field="payment.amount"),
        Fault(code="502", message="Validation error"),
    )
    told = body(a_payment(status=PaymentStatus.ERROR, faults=faults), an_operation())
    assert told["errors"] == [
        {
            "code": "3358",
            "message": "Operation amount is less than limit",
            "field": "payment.amount",
        },
        {"code": "502", "message": "Validation error"},
    ]
    assert list(told)[-1] == "errors"


def test_no_more_than_ten_faults() -> None:
    """Clients that sign lists of at most ten entries are not broken by more faults."""
    faults = (Fault(code="502", message="Validation error"),) * 12
    told = body(a_payment(status=PaymentStatus.ERROR, faults=faults), an_operation())
    assert len(told["errors"]) == 10


def test_old_faults_are_no_news() -> None:
    """A payment that got over its error no longer lists it."""
    told = body(a_payment(faults=(Fault(code="502", message="x"),)), an_operation())
    assert "errors" not in told


def test_another_sum_paid() -> None:
    """`sum` and `sum_converted` are what was really paid, `sum_initial` what was asked."""
    told = body(a_payment(paid_minor=9_000), an_operation())
    assert told["payment"]["sum"]["amount"] == 9_000
    assert told["operation"]["sum_converted"]["amount"] == 9_000
    assert told["operation"]["sum_initial"]["amount"] == 10_000


def test_a_refused_refund_converts_nothing() -> None:
    """An operation that did not succeed on a paid payment shows its own sum."""
    refund = an_operation(type=OperationType.REFUND, status=PaymentStatus.DECLINE, amount_minor=500)
    told = body(a_payment(paid_minor=9_000), refund)
    assert told["operation"]["sum_converted"]["amount"] == 500


def test_semicolons_become_commas() -> None:
    """One widespread shop module fails on `;` while it signs what it received."""
    told = body(
        a_payment(description="tea; hot", customer=Customer(id="c;1")),
        an_operation(provider_ref="T;1"),
    )
    assert told["payment"]["description"] == "tea, hot"
    assert told["customer"]["id"] == "c,1"
    assert told["operation"]["provider"]["payment_id"] == "T,1"


def test_payment_id_is_told_as_sent() -> None:
    """The merchant finds the payment by its id, so not even a `;` in it is altered."""
    assert body(a_payment(id="a;B"), an_operation())["payment"]["id"] == "a;B"


SECOND_US: Final = 1_000_000
AGAIN: Final = PaymentStatus.AWAITING_CUSTOMER


@pytest.mark.parametrize(
    ("status", "held_count", "left_us", "available", "timeout_s"),
    [
        (AGAIN, 0, 600 * SECOND_US, 1, 600),
        (AGAIN, 0, 600 * SECOND_US - 1, 1, 599),
        (AGAIN, 0, SECOND_US, 1, 1),
        (AGAIN, 0, 1, 1, 0),
        (AGAIN, 0, 0, 0, 0),
        (AGAIN, 0, -SECOND_US, 0, 0),
        (AGAIN, 1, 600 * SECOND_US, 0, 0),
        *(
            (status, 0, 600 * SECOND_US, 0, 0)
            for status in PaymentStatus
            if status is not PaymentStatus.AWAITING_CUSTOMER
        ),
    ],
)
def test_further_attempts(
    status: PaymentStatus, held_count: int, left_us: int, available: int, timeout_s: int
) -> None:
    """Once an attempt has failed, each body says whether another may follow, and for how long."""
    payment = a_payment(status=status, held_count=held_count, retry_until_us=UPDATED_US + left_us)
    for told in (body(payment, an_operation()), status_answer(payment, [an_operation()])):
        assert list(told["payment"])[-2:] == ["is_new_attempts_available", "attempts_timeout"]
        assert told["payment"]["is_new_attempts_available"] == available
        assert type(told["payment"]["is_new_attempts_available"]) is int
        assert told["payment"]["attempts_timeout"] == timeout_s


@pytest.mark.parametrize("status", PaymentStatus)
def test_nothing_is_said_of_attempts_before_one_failed(status: PaymentStatus) -> None:
    """A payment whose attempts never failed, as every one through Gate, has neither member."""
    told = body(a_payment(status=status, origin=Origin.PAGE), an_operation())
    assert told["payment"].keys().isdisjoint({"is_new_attempts_available", "attempts_timeout"})


@pytest.mark.parametrize("status", PaymentStatus)
def test_merchant_data(status: PaymentStatus) -> None:
    """What the merchant sent along comes back last in a final callback, with `,` for `;`."""
    told = body(a_payment(status=status, merchant_data="a=1;b=2"), an_operation())
    assert told.get("merchant_data") == ("a=1,b=2" if status in FINAL else None)
    assert (list(told)[-1] == "merchant_data") == (status in FINAL)


def test_no_merchant_data() -> None:
    """Without data of the merchant there is no such member."""
    assert "merchant_data" not in body(a_payment(), an_operation())


PNG: Final = b"\x89PNG made from 00020101"
QR: Final = {"payload": "00020101", "expires_at": "2021-04-26T08:39:53+0000", "lifetime": 600}


def draw(payload: str) -> bytes:
    """Draw nothing, but say from what."""
    return b"\x89PNG made from " + payload.encode()


def shown(kind: str, title: str, data: str) -> Body:
    """One item of `display_data`."""
    return {"type": kind, "title": title, "data": data}


@pytest.mark.parametrize(
    ("profile", "items"),
    [
        (DisplayProfile.IMAGE, [shown("qr_data", "QR code", b64encode(PNG).decode())]),
        (DisplayProfile.PAYLOAD, [shown("qr_data", "QR code", "00020101")]),
        (
            DisplayProfile.EXTENDED,
            [
                shown("qr_data", "QR code", "00020101"),
                shown("qr_img", "QR code", b64encode(PNG).decode()),
                shown("add_info", "lifetime", "600"),
                shown("add_info", "expired_timestamp", "1619426393"),
            ],
        ),
    ],
)
def test_display_data(profile: DisplayProfile, items: list[Body]) -> None:
    """Each profile shows the QR in its way, and always with our own `qr`."""
    assert display_members(DISPLAY, profile, draw=draw) == {"display_data": items, "qr": QR}


def test_the_image_has_no_prefix() -> None:
    """`data` is Base64 alone: a `data:` prefix would bring a `;`."""
    told = display_members(DISPLAY, DisplayProfile.IMAGE, draw=draw)
    assert b64decode(told["display_data"][0]["data"], validate=True) == PNG


@pytest.mark.parametrize("profile", DisplayProfile)
def test_redirect(profile: DisplayProfile) -> None:
    """A hosted page is shown by its address alone, never beside display data."""
    display = DisplayData(
        payload="00020101", expires_us=1, lifetime_s=1, redirect_url="https://pay.example/q/1"
    )
    assert display_members(display, profile, draw=draw) == {
        "redirect_data": {
            "method": "GET",
            "body": [],
            "encrypted": [],
            "url": "https://pay.example/q/1",
        }
    }


def test_status_answer_lists_operations() -> None:
    """The status answer carries the same members with a list of operations, oldest first."""
    refund = an_operation(id=2, type=OperationType.REFUND, status=PaymentStatus.DECLINE)
    told = status_answer(a_payment(), [an_operation(), refund])
    assert list(told) == ["project_id", "payment", "customer", "operations"]
    assert [each["type"] for each in told["operations"]] == ["sale", "refund"]
    assert told["operations"][0] == body(a_payment(), an_operation())["operation"]


def test_status_answer_shows_what_waits() -> None:
    """While the payment waits the answer shows the QR as the callback did."""
    extra = display_members(DISPLAY, DisplayProfile.PAYLOAD, draw=draw)
    told = status_answer(a_payment(), [an_operation()], extra=extra)
    assert told["display_data"] == extra["display_data"]


def test_status_answer_lists_faults() -> None:
    """A payment in `error` says why in the status answer too."""
    faults = (Fault(code="502", message="Validation error"),)
    told = status_answer(a_payment(status=PaymentStatus.ERROR, faults=faults), [an_operation()])
    assert told["errors"] == [{"code": "502", "message": "Validation error"}]


def test_status_answer_has_at_most_ten_operations() -> None:
    """Of many operations the first and the nine newest are shown: the sale stays the first."""
    told = status_answer(a_payment(), [an_operation(id=number) for number in range(1, 15)])
    assert [each["id"] for each in told["operations"]] == [1, *range(6, 15)]


def test_not_found() -> None:
    """A payment that never was has status `error` and code 3061."""
    assert not_found(7) == {
        "project_id": 7,
        "payment": {"status": "error"},
        "operations": [],
        "errors": [{"code": "3061", "message": "Transaction not found"}],
    }


# Everything a merchant or a payer may write, but `;` in a payment id, which is echoed as sent.
hostile = st.one_of(
    st.text(max_size=40),
    st.sampled_from(
        [
            "",
            ";",
            "a;b",
            '"',
            "'\\",
            "\x00\x1f\x7f",
            "茶室 舢舨",
            "🥟🚣",
            "\u202e",
            "null",
            "true",
            "1.5",
        ]
    ),
)
payment_ids = hostile.map(lambda text: text.replace(";", "") or "p-1")
times = st.integers(0, 4_102_444_800_000_000)
amounts = st.integers(1, 10**13)
displays = st.builds(
    DisplayData,
    payload=st.text("0123456789ABCDEF ", min_size=1, max_size=60),
    expires_us=times,
    lifetime_s=st.integers(0, 86_400),
    redirect_url=st.sampled_from(["", "https://pay.example/q/1?a=b"]),
)
fault_lists = st.lists(
    st.sampled_from(Code).map(
        lambda code: Fault(code=code.value, message=message(code), field="payment.amount")
    ),
    max_size=15,
).map(tuple)
some_payments = st.builds(
    Payment,
    key=st.integers(1, 2**53 - 1),
    project_id=st.integers(1, 2**32 - 1),
    id=payment_ids,
    status=st.sampled_from(PaymentStatus),
    currency=st.sampled_from(["HKD", "CNY", "USD"]),
    amount_minor=st.integers(0, 10**13),
    paid_minor=amounts,
    description=hostile,
    customer=st.builds(Customer, id=hostile, first_name=hostile),
    targets=st.just(Targets()),
    display=st.none(),
    faults=fault_lists,
    held_count=st.integers(0, 1),
    created_us=times,
    updated_us=times,
    decline_us=times,
    finished_us=st.none(),
    origin=st.sampled_from(Origin),
    merchant_data=hostile,
    attempts_count=st.integers(1, 21),
    retry_until_us=st.one_of(st.none(), times),
)
some_operations = st.builds(
    Operation,
    id=st.integers(1, 2**53 - 1),
    payment_key=st.just(1),
    type=st.sampled_from(OperationType),
    status=st.sampled_from(PaymentStatus),
    amount_minor=amounts,
    currency=st.sampled_from(["HKD", "CNY"]),
    request_id=st.text("0123456789abcdef-", min_size=1, max_size=90),
    code=st.sampled_from(Code).map(str),
    message=st.sampled_from(Code).map(message),
    provider_id=st.integers(0, 2**31),
    provider_ref=hostile,
    created_us=times,
    updated_us=times,
)
extras = st.one_of(
    st.none(),
    st.builds(display_members, displays, st.sampled_from(DisplayProfile), draw=st.just(draw)),
)


@given(some_payments, some_operations, extras)
def test_every_body_keeps_to_the_safe_profile(
    payment: Payment, operation: Operation, extra: Body | None
) -> None:
    """Whatever anybody wrote, every known client reads the callback, and reads it the same."""
    told = body(payment, operation, extra=extra)
    assert breaches(told) == []
    assert json.loads(json.dumps(told)) == told
    assert canonical(told)


@given(some_payments, st.lists(some_operations, min_size=1, max_size=15), extras)
def test_every_status_answer_keeps_to_the_safe_profile(
    payment: Payment, operations: list[Operation], extra: Body | None
) -> None:
    """The status answer is signed and read by the same clients."""
    assert list(value_breaches(status_answer(payment, operations, extra=extra))) == []


@pytest.mark.parametrize(
    ("us", "text"),
    [
        (0, "1970-01-01T00:00:00+0000"),
        (UPDATED_US, "2021-04-26T08:40:29+0000"),
        (1_735_689_599_999_999, "2024-12-31T23:59:59+0000"),
    ],
)
def test_wire_time(us: int, text: str) -> None:
    """Times are UTC, whole seconds rounded down, an offset without colon."""
    assert wire_time(us) == text


def gaps() -> list[float]:
    """Seconds before the tries 2, 3, … up to the last."""
    found: list[float] = []
    while (gap := retry_gap_s(len(found) + 1)) is not None:
        found.append(gap)
    return found


def test_at_most_120_tries() -> None:
    """There is no 121st try."""
    assert len(gaps()) + 1 == TRIES_MAX == 120
    assert retry_gap_s(121) is None


@pytest.mark.parametrize(
    ("tries", "gap_s"),
    [
        *((number, 10) for number in range(2, 7)),
        *((number, 70 + 10 * 1.12 ** (number - 4)) for number in range(7, 69)),
        *((number, 14_400) for number in range(69, 121)),
    ],
)
def test_gap_before_each_try(tries: int, gap_s: float) -> None:
    """Six tries ten seconds apart, 62 with a growing gap, then one every four hours."""
    assert retry_gap_s(tries - 1) == pytest.approx(gap_s)


def test_published_figures_of_the_schedule() -> None:
    """Tries 1 to 6 at 0 to 50 s, the 7th 84 s later, the 68th after 14,194 s, all in 10.24 days."""
    found = gaps()
    at_s = list(accumulate(found, initial=0))
    assert at_s[:6] == [0, 10, 20, 30, 40, 50]
    assert round(at_s[6] - at_s[5]) == 84
    assert round(found[68 - 2]) == 14_194
    assert found == sorted(found)
    assert at_s[-1] / 86_400 == pytest.approx(10.24, abs=0.005)
    assert at_s[-1] < 11 * 86_400
