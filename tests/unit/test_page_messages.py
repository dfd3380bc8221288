"""What the shop's page around the Payment Page is told of a result."""

from __future__ import annotations

from typing import Any, Final

import msgspec
import pytest

from sampan.codecs.signature import verify
from sampan.domain.payment import Payment
from sampan.domain.project import METHOD
from sampan.domain.statuses import PaymentStatus
from sampan.page import messages
from tests.support.page_examples import (
    EXAMPLES,
    NOW_US,
    PROJECT,
    SECOND_US,
    SHOP,
    operation_of,
    payment_in,
)

KEYS: Final = {
    "sum_request": {"amount", "currency"},
    "request_id": None,
    "transaction": {"id", "date", "type"},
    "payment": {
        "method",
        "date",
        "result_code",
        "result_message",
        "status",
        "is_new_attempts_available",
        "attempts_timeout",
        "id",
        "provider_id",
    },
    "sum_real": {"amount", "currency"},
    "customer": {"id"},
    "status": None,
    "account": set(),
    "rrn": None,
    "auth_code": None,
    "general": {"project_id", "payment_id", "signature"},
    "description": None,
    "operations": None,
    "return_url": None,
}
"""Members of both bodies as shops read them; None: no object."""
OPERATION_KEYS: Final = {
    "id",
    "type",
    "status",
    "date",
    "processing_time",
    "request_id",
    "sum",
    "code",
    "message",
    "provider",
}

PAID: Final = payment_in(PaymentStatus.SUCCESS, paid_minor=30_000)
DECLINED: Final = payment_in(PaymentStatus.DECLINE)
OFFER: Final = payment_in(PaymentStatus.AWAITING_CUSTOMER, retry_until_us=NOW_US + 297 * SECOND_US)
FAILED: Final = payment_in(PaymentStatus.ERROR, display=None)
RESULTS: Final = [(PAID, ""), (DECLINED, "20602"), (OFFER, "20301"), (FAILED, "")]
IDS: Final = ["paid", "declined", "offer", "failed"]


def body(payment: Payment, code: str = "") -> dict[str, Any]:
    """Return what is told of a payment."""
    operation = operation_of(payment, code)
    return messages.result(PROJECT, payment, operation=operation, return_url=f"{SHOP}/back")


@pytest.mark.parametrize(("payment", "code"), RESULTS, ids=IDS)
def test_members(payment: Payment, code: str) -> None:
    """Every body has the members that handlers of shops read, and no others."""
    told = body(payment, code)
    assert told.keys() == KEYS.keys()
    for name, names in KEYS.items():
        if names is not None:
            assert told[name].keys() == names, name
    (operation,) = told["operations"]
    assert operation.keys() == OPERATION_KEYS
    assert operation["sum"].keys() == {"amount", "currency"}
    assert operation["provider"].keys() == {"id", "payment_id"}


@pytest.mark.parametrize(("payment", "code"), RESULTS, ids=IDS)
def test_signature(payment: Payment, code: str) -> None:
    """A shop can prove with its secret that the body is ours, and that nobody changed it."""
    told = msgspec.json.decode(msgspec.json.encode(body(payment, code)))
    signature = told["general"]["signature"]
    assert verify(PROJECT.secrets, told, signature=signature)
    assert not verify(("another secret",), told, signature=signature)
    told["sum_real"]["amount"] += 1
    assert not verify(PROJECT.secrets, told, signature=signature)


def test_present_secret_signs() -> None:
    """While a secret is being replaced the new one signs."""
    project = msgspec.structs.replace(PROJECT, secrets=("new", "old"))
    told = messages.result(project, PAID, operation=operation_of(PAID), return_url="")
    assert verify(("new",), told, signature=told["general"]["signature"])


def test_success() -> None:
    """A success says what was asked for and what was really paid."""
    told = body(PAID)
    assert (told["status"], told["payment"]["status"]) == ("success", "success")
    assert told["sum_request"] == {"amount": 26_800, "currency": "HKD"}
    assert told["sum_real"] == {"amount": 30_000, "currency": "HKD"}
    assert (told["payment"]["result_code"], told["payment"]["result_message"]) == ("0", "Success")
    (operation,) = told["operations"]
    assert operation["processing_time"] == operation["date"] == "2026-01-31T04:04:15+0000"
    assert told["transaction"]["date"] == "2026-01-31T04:03:31+0000"
    assert told["return_url"] == f"{SHOP}/back"


@pytest.mark.parametrize(
    ("payment", "code", "stands", "words"),
    [
        (DECLINED, "20602", "decline", "Time-out"),
        (DECLINED, "20301", "decline", "Account owner cancelled operation"),
        (OFFER, "20301", "awaiting customer", "Account owner cancelled operation"),
        (FAILED, "", "error", "Validation error"),
    ],
)
def test_fail(payment: Payment, code: str, stands: str, words: str) -> None:
    """Whatever failed is a decline to the shop's page, with its reason; nothing was processed."""
    told = body(payment, code)
    assert (told["status"], told["payment"]["status"]) == ("decline", stands)
    assert told["payment"]["result_message"] == words
    assert told["sum_real"] == told["sum_request"]
    (operation,) = told["operations"]
    assert operation["processing_time"] is None
    assert operation["code"] == told["payment"]["result_code"]


@pytest.mark.parametrize(
    ("payment", "available", "timeout_s"),
    [(PAID, False, 0), (DECLINED, False, 0), (FAILED, False, 0), (OFFER, True, 300)],
    ids=["paid", "declined", "failed", "offer"],
)
def test_offer(payment: Payment, available: bool, timeout_s: int) -> None:  # noqa: FBT001 - a column
    """Whether the customer may try again is a real boolean here, and for how long a number."""
    told = body(payment)["payment"]
    assert told["is_new_attempts_available"] is available
    assert told["attempts_timeout"] == timeout_s


@pytest.mark.parametrize(
    ("name", "status"),
    [("paid", "success"), ("retry_refused", "decline"), ("timed_out", "decline")],
)
def test_page_carries_the_body(name: str, status: str) -> None:
    """The screen of a result carries the body that the page around it is told."""
    result = EXAMPLES[name].result
    assert result is not None
    assert result["status"] == status
    assert verify(PROJECT.secrets, result, signature=result["general"]["signature"])


def test_method_as_the_handlers_name_it() -> None:
    """The page's script names the method as the handlers' documents do: a purchase by `hk-qr`."""
    from sampan.web.render import static_files

    script = static_files()["page/page.js"].plain.decode()
    for told in ('payment_method_type: "1"', f'payment_method_code: "{METHOD}"'):
        assert told in script
