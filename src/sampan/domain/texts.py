"""What texts of a request may hold, the same at every door."""

import re
from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlsplit

TEXT_CHARS_MAX: Final = 255
URL_CHARS_MAX: Final = 2048
PROJECT_ID_MAX: Final = 4_294_967_295

MOMENT: Final = "YYYY-MM-DDThh:mm:ss±hh:mm"
"""How a moment is written, in words."""

_FRAMING: Final = " \t\0\v\r\n"
_EMAIL: Final = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+")
_MOMENT: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?"
    r"(Z|[+-][0-9]{2}(:?[0-9]{2})?)?"
)


def is_payment_id(text: str) -> bool:
    """Whether a text may name a payment: 1 to 255 characters, not framed by blanks, no `;`.

    Ids go back as they came, and a `;` makes one widespread shop module fail on every callback.
    """
    framed = text.strip(_FRAMING) != text
    return 1 <= len(text) <= TEXT_CHARS_MAX and not framed and ";" not in text


def is_web_url(text: str) -> bool:
    """Whether a text is an http or https address that a browser may be sent to."""
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    printable = text.isprintable() and " " not in text
    return parts.scheme in {"http", "https"} and bool(parts.netloc) and printable


def is_email(text: str) -> bool:
    """Whether a text looks like an e-mail address."""
    return bool(_EMAIL.fullmatch(text))


def project_number(text: str) -> int | None:
    """Read the id of a project from a text of digits; None where it cannot be one."""
    digits = text.isascii() and text.isdigit() and len(text) <= len(str(PROJECT_ID_MAX))
    number = int(text) if digits else 0
    return number if 1 <= number <= PROJECT_ID_MAX else None


def moment_us(text: str) -> int | None:
    """Read a moment, whole seconds as microseconds UTC; None where it is none.

    Without a zone it is UTC, as one library writes it.
    """
    if not _MOMENT.fullmatch(text):
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return int(moment.timestamp()) * 1_000_000
