"""E-mails as bytes: read back by another parser, whatever stands in the values."""

from __future__ import annotations

from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.message import EmailMessage
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sampan.codecs.email_message import Message, ascii_address, compose, one_line

PLAIN: dict[str, Any] = {
    "sender_name": "Tea House",
    "sender": "shop@tea.example",
    "to": "amy@customer.example",
    "subject": "Payment link",
    "text": "Pay.\n",
    "html": "<p>Pay.</p>",
    "message_id": "1.2@tea.example",
    "date_us": 1_767_225_600_000_000,
}
HEADERS = [
    "Date",
    "From",
    "To",
    "Subject",
    "Message-ID",
    "Auto-Submitted",
    "MIME-Version",
    "Content-Type",
]


def composed(**changes: object) -> bytes:
    """A message as bytes, changed as told."""
    return compose(Message(**(PLAIN | changes)))


def read(raw: bytes) -> EmailMessage:
    """A message read back."""
    return message_from_bytes(raw, _class=EmailMessage, policy=policy.default)


def header(raw: bytes, name: str) -> str:
    """A header as the older parser reads it, which knows nothing of how it was written."""
    return str(make_header(decode_header(str(message_from_bytes(raw)[name]))))


def parts(raw: bytes) -> list[tuple[str, str]]:
    """Type and content of each part; lines end as they do in Python."""
    return [
        (each.get_content_type(), str(each.get_content()).replace("\r\n", "\n"))
        for each in read(raw).walk()
        if not each.is_multipart()
    ]


def test_headers() -> None:
    """A mail says who, to whom, when, and that a machine wrote it."""
    got = message_from_bytes(composed())
    assert got["From"] == "Tea House <shop@tea.example>"
    assert got["To"] == "amy@customer.example"
    assert got["Date"] == "Thu, 01 Jan 2026 00:00:00 +0000"
    assert got["Message-ID"] == "<1.2@tea.example>"
    assert got["Auto-Submitted"] == "auto-generated"
    assert got.get_content_type() == "multipart/alternative"
    assert got.keys() == HEADERS


def test_same_values_same_bytes() -> None:
    """A repeated try repeats the message byte for byte."""
    assert composed(text="茶\n") == composed(text="茶\n")


def test_chinese_and_emoji() -> None:
    """Names, subject and both parts come through in any script; the bytes are ASCII."""
    raw = composed(
        sender_name="陳記茶舍 🍵",
        subject="陳記茶舍的付款連結 🍵 " + "請付款" * 30,
        text="請付 HK$10.00 🍵\n",
        html="<p>請付 HK$10.00 🍵</p>",
    )
    assert raw.isascii()
    assert max(map(len, raw.split(b"\r\n"))) <= 78
    assert header(raw, "Subject") == "陳記茶舍的付款連結 🍵 " + "請付款" * 30
    assert header(raw, "From") == "陳記茶舍 🍵 <shop@tea.example>"
    assert parts(raw) == [
        ("text/plain", "請付 HK$10.00 🍵\n"),
        ("text/html", "<p>請付 HK$10.00 🍵</p>\n"),
    ]


@pytest.mark.parametrize("field", ["subject", "sender_name"])
@pytest.mark.parametrize(
    "evil",
    [
        "Tea\r\nBcc: eve@evil.example",
        "Tea\nBcc: eve@evil.example\n\nbody",
        "Tea\rBcc: eve@evil.example",
        "Tea\u2028Bcc: eve@evil.example",
        "=?utf-8?q?Tea=0D=0ABcc:_eve@evil.example?=",
        "=?utf-8?b?VGVhDQpCY2M6IGV2ZUBldmlsLmV4YW1wbGU=?=",
    ],
)
def test_no_value_adds_a_header(field: str, evil: str) -> None:
    """Line breaks, plain or packed, stay text of their header."""
    raw = composed(**{field: evil})
    head = raw.split(b"\r\n\r\n", maxsplit=1)[0]
    assert b"\nbcc" not in head.lower()
    assert message_from_bytes(raw).keys() == HEADERS
    assert "\n" not in header(raw, "Subject" if field == "subject" else "From")


@given(st.text(max_size=200), st.text(max_size=200))
def test_any_text_is_carried(name: str, subject: str) -> None:
    """Whatever somebody calls a shop, the headers stay ours and the subject is read back."""
    raw = composed(sender_name=name, subject=subject)
    assert message_from_bytes(raw).keys() == HEADERS
    assert read(raw)["From"].addresses[0].addr_spec == "shop@tea.example"
    assert header(raw, "Subject").split() == one_line(subject).split()


@given(st.text(alphabet=st.characters(exclude_categories=["Cs", "Cc"]), max_size=500))
def test_any_body_is_carried(body: str) -> None:
    """Whatever stands in a part, it stays that part."""
    raw = composed(text=f"{body}\n--=_0\n", html=f"<p>{body}</p>")
    assert [kind for kind, _ in parts(raw)] == ["text/plain", "text/html"]
    assert parts(raw)[0][1].splitlines() == f"{body}\n--=_0\n".splitlines()


def test_no_text_ends_its_part() -> None:
    """The very boundary of a message in its text ends nothing."""
    boundary = read(composed()).get_boundary()
    raw = composed(text=f"before\n--{boundary}--\nafter\n")
    assert parts(raw)[0] == ("text/plain", f"before\n--{boundary}--\nafter\n")


def test_addresses_beyond_ascii() -> None:
    """A domain is written as IDNA; a local part as it is, in UTF-8."""
    assert header(composed(to="amy@茶.example"), "To") == "amy@xn--cl1a.example"
    assert "陳@xn--cl1a.example".encode() in composed(to="陳@茶.example")


@pytest.mark.parametrize(
    "address",
    [
        "amy",
        "@tea.example",
        "amy@",
        "amy@tea..example",
        "a b@tea.example",
        "amy@tea.example>",
        "amy@tea.example\r\nBcc: eve@evil.example",
        "amy@tea.example,eve@evil.example",
        '"amy"@tea.example',
    ],
)
def test_not_an_address(address: str) -> None:
    """What is no address, or could be read as two, is refused."""
    with pytest.raises(ValueError):  # noqa: PT011 - its words depend on what is wrong
        ascii_address(address)
    with pytest.raises(ValueError):  # noqa: PT011 - its words depend on what is wrong
        composed(to=address)
