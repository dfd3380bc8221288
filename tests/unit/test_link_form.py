"""What people type for a payment link is read, or every fault is named."""

from __future__ import annotations

from typing import Final

import pytest

from sampan.clock import DAY_US, HOUR_US
from sampan.domain import link_form
from sampan.domain.link_form import COLUMNS, Flaw, LinkForm, Wrong

NOW_US: Final = 1_735_689_600_000_000
"""2025-01-01 08:00 in Hong Kong."""
GOOD: Final = {"amount": "268.50", "currency": "hkd", "expires": "7"}


def read(**given: str) -> LinkForm | tuple[Flaw, ...]:
    """Read a link where mail can be sent."""
    return link_form.read(GOOD | given, now_us=NOW_US, mail_on=True)


def test_everything_is_read() -> None:
    """Blanks around texts go, codes are folded, a number is digits."""
    found = read(
        payment_id=" Tea-1 ",
        description="鐵觀音 👨\u200d👩\u3000x",
        customer_id="c",
        customer_name="Chan Tai Man",
        customer_email="chan@tea.hk",
        customer_phone="+852 9123-4567",
        language="ZH-Hant",
        send_email="Yes",
    )
    assert found == LinkForm(
        payment_id="Tea-1",
        amount_minor=26_850,
        currency="HKD",
        best_before_us=NOW_US + 7 * DAY_US,
        description="鐵觀音 👨\u200d👩\u3000x",
        customer_id="c",
        name="Chan Tai Man",
        email="chan@tea.hk",
        phone="85291234567",
        language="zh-hant",
        send_email=True,
    )


def test_little_is_needed() -> None:
    """Amount, currency and time are enough."""
    found = read(customer_name="陳大文")
    assert isinstance(found, LinkForm)
    assert (found.payment_id, found.customer_id, found.send_email) == ("", "", False)
    assert found.name == "陳大文"


@pytest.mark.parametrize(
    ("field", "text", "wrong"),
    [
        ("amount", "", Wrong.MISSING),
        ("currency", " ", Wrong.MISSING),
        ("expires", "", Wrong.MISSING),
        ("amount", "1.234", Wrong.AMOUNT),
        ("amount", "-1", Wrong.AMOUNT),
        ("amount", "9" * 15, Wrong.AMOUNT),
        ("amount", "0.00", Wrong.AMOUNT_ZERO),
        ("currency", "EUR", Wrong.CURRENCY),
        ("expires", "soon", Wrong.EXPIRES),
        ("expires", "2025-02-30", Wrong.EXPIRES),
        ("expires", "9999-12-31T23:59:59-23:59", Wrong.EXPIRES_FAR),
        ("expires", "9999-12-31", Wrong.EXPIRES_FAR),
        ("expires", "31", Wrong.EXPIRES_FAR),
        ("expires", "2024-12-31", Wrong.EXPIRES_OVER),
        ("payment_id", "a;b", Wrong.PAYMENT_ID),
        ("payment_id", "x" * 256, Wrong.TOO_LONG),
        ("description", "a\nb", Wrong.UNREADABLE),
        ("description", "\ud800", Wrong.UNREADABLE),
        ("customer_email", "nobody", Wrong.EMAIL),
        ("customer_phone", "12a", Wrong.PHONE),
        ("language", "fr", Wrong.LANGUAGE),
        ("send_email", "perhaps", Wrong.SEND_EMAIL),
    ],
)
def test_one_fault(field: str, text: str, wrong: Wrong) -> None:
    """A fault is named once, at its field."""
    assert read(**{field: text}) == (Flaw(field, wrong),)


def test_all_faults_in_their_order() -> None:
    """Every fault is named, in the order of the columns."""
    found = read(language="fr", amount="x", payment_id="a;b", currency="EUR")
    assert isinstance(found, tuple)
    assert [flaw.field for flaw in found] == ["payment_id", "amount", "currency", "language"]


def test_mail_needs_an_address_and_a_sender() -> None:
    """Who wants mail sent says where to; where none can be sent, that is said."""
    assert read(send_email="1") == (Flaw("customer_email", Wrong.EMAIL_MISSING),)
    wish = GOOD | {"send_email": "1", "customer_email": "a@b.hk"}
    found = link_form.read(wish, now_us=NOW_US, mail_on=False)
    assert found == (Flaw("send_email", Wrong.MAIL_OFF),)


@pytest.mark.parametrize(
    ("text", "hours"),
    [
        ("1h", 1),
        ("1", 24),
        ("30D", 720),
        ("2025-01-01 09:00", 1),
        ("2025-01-01T09:30:00+08:30", 1),
        ("2025-01-01T01:00Z", 1),
    ],
)
def test_times(text: str, hours: int) -> None:
    """Spans count from now, times without a zone are Hong Kong's."""
    assert link_form.expires_us(text, now_us=NOW_US) == NOW_US + hours * HOUR_US


def test_days_end_in_their_last_second() -> None:
    """Today and a date are good to their end in Hong Kong."""
    end_us = NOW_US + 16 * HOUR_US - 1_000_000
    assert link_form.expires_us("today", now_us=NOW_US) == end_us
    assert link_form.expires_us("2025-01-01", now_us=NOW_US) == end_us


def test_doubled_ids() -> None:
    """The later line of an id is named, with the earlier one; case does not matter."""
    found = link_form.doubled([(2, "a"), (3, ""), (4, "A"), (5, ""), (6, "b")])
    assert found == {4: Flaw("payment_id", Wrong.DOUBLED, "2")}


def test_drawn_ids_and_digests() -> None:
    """Both are the same for the same seed and for no other one."""
    assert link_form.drawn_id("a") == link_form.drawn_id("a") != link_form.drawn_id("b")
    assert link_form.drawn_id("a").startswith("LINK-")
    assert len(link_form.drawn_id("a")) == len("LINK-") + 8
    digests = {link_form.digest_of({name: "x"}, "seed") for name in COLUMNS}
    assert len(digests) == len(COLUMNS)
