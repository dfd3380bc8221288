"""Who may be paid back, what speaks against it, and how a refund moves."""

from __future__ import annotations

from itertools import product

import pytest

from sampan.domain.refunds import (
    NEXT,
    Act,
    Doubt,
    Payee,
    PayeeKind,
    RefundStatus,
    doubts,
    is_of,
    payee_of,
)

CHAN = Payee(name="CHAN Tai Man", kind=PayeeKind.ACCOUNT, number="987-654321", bank_code="024")


@pytest.mark.parametrize(
    ("kind", "number", "bank_code"),
    [
        ("account", "987654321", "024"),
        ("account", "012-345678-999", "004"),
        ("fps_id", "1234567", ""),
        ("mobile", "+852-91234567", "024"),
        ("email", "a@tea.example", ""),
    ],
)
def test_payees(kind: str, number: str, bank_code: str) -> None:
    """Account numbers with their bank, and what FPS knows people by."""
    values = {"name": "陳大文", "kind": kind, "number": number, "bank_code": bank_code}
    assert payee_of(values).number == number


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"name": ""}, "name"),
        ({"name": " CHAN"}, "name"),
        ({"name": "A\nB"}, "name"),
        ({"name": "A" * 71}, "name"),
        ({"kind": "card"}, "kind"),
        ({"number": "12345"}, "account number"),
        ({"number": "12-3-4-5"}, "account number"),
        ({"number": "987654321x"}, "account number"),
        ({"bank_code": ""}, "clearing code"),
        ({"bank_code": "24"}, "bank_code"),
        ({"kind": "fps_id", "number": "12"}, "FPS ID"),
        ({"kind": "mobile", "number": "91234567"}, "mobile"),
        ({"kind": "email", "number": "a"}, "e-mail"),
    ],
)
def test_no_payees(changes: dict[str, str], said: str) -> None:
    """What cannot be is refused with the value at fault."""
    values = {"name": "CHAN", "kind": "account", "number": "987654321", "bank_code": "024"}
    with pytest.raises(ValueError, match=said):
        payee_of(values | changes)


@pytest.mark.parametrize(
    ("name", "account", "expected"),
    [
        ("CHAN TAI MAN", "987654321", ()),
        ("MR CHAN TAI MAN", "024987654321", ()),
        ("CHAN T** M**", "", ()),
        ("chan tai man", "", ()),
        ("WONG SIU MING", "", (Doubt.OTHER_NAME,)),
        ("", "", (Doubt.NAME_UNKNOWN,)),
        ("陳大文", "", (Doubt.NAME_UNKNOWN,)),
        ("CHAN TAI MAN", "111222333", (Doubt.OTHER_ACCOUNT,)),
        ("WONG SIU MING", "111222333", (Doubt.OTHER_NAME, Doubt.OTHER_ACCOUNT)),
    ],
)
def test_doubts(name: str, account: str, expected: tuple[Doubt, ...]) -> None:
    """Another name, one that cannot be compared, another account: each is said."""
    assert doubts(CHAN, payer_name=name, payer_account=account) == expected


def test_one_word_names_and_proxies() -> None:
    """The same name of one word is the same; a proxy is compared with no account number."""
    tea = Payee(name="TEALTD", kind=PayeeKind.FPS_ID, number="1234567")
    assert doubts(tea, payer_name="Tealtd", payer_account="987654321") == ()


@pytest.mark.parametrize(
    ("name", "account", "is_it"),
    [
        ("CHAN TAI MAN", "", True),
        ("", "024-987654321", True),
        ("WONG SIU MING", "987654321", True),
        ("WONG SIU MING", "", False),
        ("", "", False),
    ],
)
def test_receiver(name: str, account: str, *, is_it: bool) -> None:
    """A debit's receiver is the payee by account or by name."""
    assert is_of(CHAN, name=name, account=account) is is_it


def test_moves() -> None:
    """The whole table: what is not in it cannot happen."""
    allowed = {
        "approved": {"export": "exported", "withdraw": "withdrawn", "confirm": "confirmed"},
        "exported": {"confirm": "confirmed", "fail": "failed"},
        "confirmed": {"come back": "failed"},
        "failed": {"confirm": "confirmed"},
        "withdrawn": {"confirm": "confirmed"},
    }
    for status, act in product(RefundStatus, Act):
        to = NEXT.get((status, act))
        assert (None if to is None else to.value) == allowed[status.value].get(act.value)
