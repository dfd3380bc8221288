"""Write an e-mail as the bytes that a mail server takes (RFC 5322, MIME).

The same values make the same bytes, so a repeated try repeats the message. No value can add a
header or a part.
"""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from typing import Final

_HASH_CHARS: Final = 24
_QUOTED: Final = frozenset(' <>()[],;:"\\')


@dataclass(frozen=True, slots=True)
class Message:
    """An e-mail. `message_id` without brackets; `date_us` microseconds UTC since the epoch."""

    sender_name: str
    sender: str
    to: str
    subject: str
    text: str
    html: str
    message_id: str
    date_us: int


def one_line(text: str) -> str:
    """Return a text as one line, without control characters and marks of direction.

    Encoded words (RFC 2047) are taken apart: the header classes of Python would decode them, line
    breaks included.
    """
    plain = "".join(char if char.isprintable() else " " for char in text)
    return " ".join(plain.split()).replace("=?", "= ?")


def ascii_address(address: str) -> str:
    """Return an address with its domain in ASCII (IDNA); other parts as they are.

    Raises ValueError when the domain cannot be a domain, or something stands in the address that
    needs quotes there: libraries read such addresses in different ways.
    """
    local, _, domain = address.rpartition("@")
    if not local or not domain or not address.isprintable() or not _QUOTED.isdisjoint(address):
        raise ValueError("not an e-mail address")
    return f"{local}@{domain.encode('idna').decode('ascii')}"


def compose(message: Message) -> bytes:
    """Return the message with a text and an HTML part, lines ended by CR LF.

    Raises ValueError for an address that is none.
    """
    sender, to = ascii_address(message.sender), ascii_address(message.to)
    # A local part beyond ASCII needs a server with SMTPUTF8, and headers that may say it.
    policy = SMTP if f"{sender}{to}".isascii() else SMTP.clone(utf8=True)
    made = EmailMessage(policy=policy)
    made["Date"] = datetime.fromtimestamp(message.date_us // 1_000_000, UTC)
    made["From"] = _address(sender, one_line(message.sender_name))
    made["To"] = _address(to)
    made["Subject"] = one_line(message.subject)
    made["Message-ID"] = f"<{message.message_id}>"
    made["Auto-Submitted"] = "auto-generated"
    made.set_content(message.text, charset="utf-8", cte=_encoding(message.text))
    made.add_alternative(message.html, subtype="html", charset="utf-8", cte=_encoding(message.html))
    # Neither base64 nor quoted-printable can contain `=_`, so no text can end its part.
    digest = hashlib.sha256(message.message_id.encode()).hexdigest()[:_HASH_CHARS]
    made.set_boundary(f"=_{digest}")
    return made.as_bytes()


def _address(address: str, name: str = "") -> Address:
    local, _, domain = address.rpartition("@")
    return Address(display_name=name, username=local, domain=domain)


def _encoding(text: str) -> str:
    """Return how a part is packed: readable as it is where it is mostly ASCII."""
    return "quoted-printable" if text.isascii() else "base64"
