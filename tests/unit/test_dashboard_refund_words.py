"""Refunds in the Dashboard without a server: a word for everything, and how the form begins."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from sampan.dashboard import credit_words, refund_forms, refund_words, story, told
from sampan.domain.money_decisions import NAMES
from sampan.domain.refunds import PayeeKind, RefundStatus
from sampan.flow import refund_records
from sampan.flow.credits import Outcome
from sampan.storage.credits import Credit

CREDIT = Credit(
    id=1,
    provider="fps",
    account="fps:1",
    bank_txn_id="B1",
    identity="B1",
    payment=7,
    status="applied",
    amount_minor=10_000,
    currency="HKD",
    reference="",
    payer_name="CHAN TAI MAN",
    payer_account="024-987654321",
    booked_us=0,
    booked_to_us=0,
    received_us=0,
    updated_us=0,
)


def test_word_for_everything() -> None:
    """Every status, kind, format, decision, outcome and row of the journal has its words."""
    assert set(refund_words.STATUSES) == {one.value for one in RefundStatus}
    assert set(refund_words.KINDS) == {one.value for one in PayeeKind}
    assert set(refund_words.NUMBER_FAULTS) == {one.value for one in PayeeKind}
    assert set(refund_words.FORMATS) == set(refund_words.SUFFIXES) == set(refund_records.FORMATS)
    assert set(credit_words.WISHES) == set(credit_words.DECIDED) == set(NAMES.values())
    assert set(credit_words.OUTCOMES) >= {one.value for one in Outcome}
    written = {f"refund {one.value}" for one in RefundStatus}
    assert written <= set(told.WHATS)
    assert written <= set(story.EVENTS)


@pytest.mark.parametrize(
    ("account", "kind", "number", "bank_code"),
    [
        ("024-987654321", "account", "987654321", "024"),
        ("024987654321", "account", "024987654321", ""),
        ("004-123-456789-001", "account", "123-456789-001", "004"),
        ("+852-91234567", "mobile", "+852-91234567", ""),
        ("chan@example.com", "email", "chan@example.com", ""),
        ("****4321", "account", "", ""),
        ("", "account", "", ""),
    ],
)
def test_form_begins_with_who_paid(account: str, kind: str, number: str, bank_code: str) -> None:
    """What the bank told of the payer's account fills the form where a bank could pay to it."""
    blank = refund_forms.blank(replace(CREDIT, payer_account=account), left_minor=6_000)
    assert blank == {
        "amount": "60.00",
        "name": "CHAN TAI MAN",
        "kind": kind,
        "number": number,
        "bank_code": bank_code,
    }
