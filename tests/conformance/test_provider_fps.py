"""The provider of real FPS accounts keeps the contract, and its QR says what an account does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace

import msgspec
import pytest

from sampan.clock import ManualClock
from sampan.codecs.emv_qr import FpsView, decode
from sampan.domain.fps_account import account_of, order_options
from sampan.domain.reference import encode
from sampan.outbound import Outbound, OutboundError
from sampan.providers.base import (
    Credit,
    Debit,
    Issued,
    Notice,
    Provider,
    ProviderConfig,
    ProviderOrder,
    RawRequest,
    Refused,
    Reversal,
    Unreadable,
    Untrusted,
)
from sampan.providers.fps import create
from sampan.providers.marks import mark
from sampan.testing.provider_suite import Harness, ProviderSuite, ScriptedHttp

KEY = "between one account's bank and us"
PREVIOUS = "the key before"
CONFIG = ProviderConfig(base_url="", secret="")
ACCOUNT = {
    "id": 7,
    "name": "Main",
    "proxy_kind": "fps_id",
    "proxy": "166069526",
    "payee_name": "HARBOUR TEA HOUSE",
    "payee_name_zh": "海港茶舍",
    "reference_mode": "both",
}
CREDIT = {
    "type": "credit",
    "bank_txn_id": "FRN1",
    "amount_minor": 12_345,
    "currency": "HKD",
    "booked_at": "2026-11-22T15:04:06+08:00",
    "reference": "P7K2M9QX4D",
    "payer_name": "CHAN TAI MAN",
}
REVERSAL = CREDIT | {"type": "reversal"}
NOWHERE = ScriptedHttp(OutboundError("connect", "nobody may be asked"))


@dataclass
class FpsHarness:
    """The provider alone: there is no bank to ask."""

    provider: Provider
    http: Outbound
    clock: ManualClock
    asks_bank: bool = False

    def order(self, number: int, **values: object) -> ProviderOrder:
        """Return an order over 123.45 in HKD to an account with these values."""
        now_us = self.clock.now_us()
        return ProviderOrder(
            reference=encode(number),
            amount_minor=12_345,
            currency="HKD",
            description="tea",
            created_us=now_us,
            expires_us=now_us + 600_000_000,
            closes_us=now_us + 900_000_000,
            options=order_options(account_of(ACCOUNT | values)),
        )

    async def orders_count(self, _reference: str) -> int:
        """Return 1: no bank keeps any."""
        return 1

    async def notification(self) -> RawRequest:
        """Return a marked credit, and that it was taken back."""
        return self.raw(msgspec.json.encode({"notices": [CREDIT, REVERSAL]}))

    def raw(self, body: bytes, *, key: str = KEY) -> RawRequest:
        """Return a body marked now, as the door hands it over."""
        now_us = self.clock.now_us()
        return RawRequest(
            headers=mark(key, body, now_us=now_us),
            body=body,
            received_us=now_us,
            account="fps:7",
            keys=(KEY, PREVIOUS),
        )

    def view(self, **values: object) -> FpsView:
        """Return what the QR of an account with these values says."""
        outcome = asyncio.run(self.provider.start(self.order(1, **values), self.http))
        assert isinstance(outcome, Issued)
        decoded = decode(outcome.payload)
        assert (decoded.crc_ok, decoded.warnings) == (True, ())
        assert decoded.fps is not None
        return decoded.fps

    def parsed(self, *notices: object) -> list[Notice]:
        """Return what marked notices are read as."""
        raw = self.raw(msgspec.json.encode({"notices": notices}))
        return list(self.provider.parse_notification(raw))


@pytest.fixture
def fps() -> FpsHarness:
    """The provider, and a client that reaches nobody."""
    return _made()


def _made() -> FpsHarness:
    clock = ManualClock()
    return FpsHarness(create(CONFIG, clock), NOWHERE, clock)


@asynccontextmanager
async def opened() -> AsyncIterator[Harness]:
    """Open a harness."""
    yield _made()


class TestFpsProvider(ProviderSuite):
    """The shipped suite on the provider of FPS accounts."""

    def open_harness(self) -> AbstractAsyncContextManager[Harness]:
        """Open a harness."""
        return opened()


# --- the QR ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "proxy", "bank"),
    [
        ("fps_id", "1660695", None),
        ("mobile", "+852-91234567", "004"),
        ("email", "Pay@Tea-House.example", "004"),
    ],
)
def test_qr_names_the_account(fps: FpsHarness, kind: str, proxy: str, bank: str | None) -> None:
    """Whichever proxy an account has stands in its QR; the bank only where the proxy may move."""
    view = fps.view(proxy_kind=kind, proxy=proxy, clearing_code="004")
    assert (view.proxy, view.proxy_type, view.clearing_code) == (proxy, kind, bank)
    assert (view.merchant_name, view.merchant_name_zh) == ("HARBOUR TEA HOUSE", "海港茶舍")
    assert (view.amount_minor, view.currency, view.one_off) == (12_345, "HKD", True)


@pytest.mark.parametrize(
    ("mode", "carried"),
    [
        ("none", ()),
        ("bill_number", ("bill_number",)),
        ("reference_label", ("reference_label",)),
        ("both", ("bill_number", "reference_label")),
    ],
)
def test_reference_stands_where_the_bank_takes_it(
    fps: FpsHarness, mode: str, carried: tuple[str, ...]
) -> None:
    """The mode of an account says which fields carry our reference; there may be none."""
    view = fps.view(reference_mode=mode)
    for name in ("bill_number", "reference_label"):
        assert getattr(view, name) == (encode(1) if name in carried else None)


def test_time_and_lock_are_the_accounts(fps: FpsHarness) -> None:
    """The end of the QR, and whether the payer may change the amount, follow the account."""
    ends_us = fps.order(1).expires_us // 1_000_000 * 1_000_000
    plain = fps.view()
    assert (plain.timeout_us, plain.amount_editable) == (ends_us, False)
    loose = fps.view(timeout_in_qr=False, amount_lock=False)
    assert (loose.timeout_us, loose.amount_editable) == (None, True)


def test_order_without_an_account_is_refused(fps: FpsHarness) -> None:
    """Nobody can be paid: a refusal that the merchant can read, never a wait."""
    order = replace(fps.order(1), options={"reference_mode": "none"})
    assert asyncio.run(fps.provider.start(order, fps.http)) == Refused("310")


def test_order_that_no_qr_can_carry_is_refused(fps: FpsHarness) -> None:
    """A sum beyond what a QR can say is refused, not tried for ever."""
    order = replace(fps.order(1), amount_minor=10**12)
    assert asyncio.run(fps.provider.start(order, fps.http)) == Refused("20100")


# --- notices -----------------------------------------------------------------------------------


def test_credit_is_read(fps: FpsHarness) -> None:
    """A notice becomes a credit on the account that the address named, at the bank's own time."""
    assert fps.parsed(CREDIT) == [
        Credit(
            account="fps:7",
            bank_txn_id="FRN1",
            amount_minor=12_345,
            currency="HKD",
            reference="P7K2M9QX4D",
            booked_us=1_795_331_046_000_000,
            payer_name="CHAN TAI MAN",
        )
    ]


def test_reversal_is_read(fps: FpsHarness) -> None:
    """A notice of the type `reversal` tells the same of what was taken back, a positive sum."""
    assert fps.parsed(REVERSAL) == [
        Reversal(
            account="fps:7",
            bank_txn_id="FRN1",
            amount_minor=12_345,
            currency="HKD",
            reference="P7K2M9QX4D",
            booked_us=1_795_331_046_000_000,
            payer_name="CHAN TAI MAN",
        )
    ]


def test_debit_is_read(fps: FpsHarness) -> None:
    """A notice of the type `debit` tells who got the money."""
    (found,) = fps.parsed(CREDIT | {"type": "debit", "payee_name": "CHAN TAI MAN"})
    assert isinstance(found, Debit)
    assert (found.payee_name, found.amount_minor) == ("CHAN TAI MAN", CREDIT["amount_minor"])


def test_type_may_be_left_out(fps: FpsHarness) -> None:
    """What says nothing of its type is a credit: who told of nothing else need not change."""
    bare = {name: value for name, value in CREDIT.items() if name != "type"}
    assert fps.parsed(bare) == fps.parsed(CREDIT)


def test_previous_key_marks_too(fps: FpsHarness) -> None:
    """While keys change, each of the two marks; a third does not."""
    body = msgspec.json.encode({"notices": [CREDIT]})
    for key in (KEY, PREVIOUS):
        assert len(fps.provider.parse_notification(fps.raw(body, key=key))) == 1
    with pytest.raises(Untrusted, match="wrong signature"):
        fps.provider.parse_notification(fps.raw(body, key="another"))


def test_notice_about_no_account_is_untrusted(fps: FpsHarness) -> None:
    """Without an account there is no key that could have marked it."""
    raw = replace(fps.raw(b'{"notices": []}'), account="", keys=())
    with pytest.raises(Untrusted, match="no account"):
        fps.provider.parse_notification(raw)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"amount_minor": 0}, "amount_minor"),
        ({"amount_minor": 1.5}, "amount_minor"),
        ({"amount_minor": 10**13 + 1}, "amount_minor"),
        ({"currency": "USD"}, "currency"),
        ({"bank_txn_id": ""}, "bank_txn_id"),
        ({"bank_txn_id": "a b"}, "bank_txn_id"),
        ({"bank_txn_id": "a\n"}, "bank_txn_id"),
        ({"booked_at": "2026-11-22T15:04:06"}, "booked_at"),
        ({"booked_at": "1969-12-31T23:59:59Z"}, "booked_at"),
        ({"booked_at": 1}, "booked_at"),
        ({"reference": "a\x00b"}, "reference"),
        ({"payer_name": "x" * 141}, "payer_name"),
        ({"type": "gift"}, "gift"),
        ({"type": "Reversal"}, "Reversal"),
        ({"type": None}, "type"),
    ],
)
def test_marked_but_misshapen_notice_is_unreadable(
    fps: FpsHarness, changes: dict[str, object], told: str
) -> None:
    """Who holds the key is told which member is wrong."""
    with pytest.raises(Unreadable, match=told):
        fps.parsed(CREDIT | changes)


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"\xff", b'{"notices": [' + b"[" * 60_000])
def test_marked_rubbish_is_unreadable(fps: FpsHarness, body: bytes) -> None:
    """The mark does not excuse what is no notification."""
    with pytest.raises(Unreadable):
        fps.provider.parse_notification(fps.raw(body))
