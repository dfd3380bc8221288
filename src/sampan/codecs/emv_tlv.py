"""Tag-length-value text of EMVCo QR codes: objects, their checksum and the errors of both.

Source of the wire facts: EMVCo QRCPS-MPM 1.1, chapter 4. Lengths and positions count
characters; only the checksum counts UTF-8 bytes.
"""

import binascii
import re
from typing import NamedTuple

VALUE_CHARS_MAX = 99
"""Longest value that two length digits can announce."""

CRC_TAG = "63"
CRC_HEADER = "6304"
CRC_OBJECT_CHARS = 8

# Plain `str.isdigit` would also take digits of other scripts.
_HEADER = re.compile(r"[0-9]{4}")
_HEADER_CHARS = 4


class QrError(ValueError):
    """A value that may not be written into a payment QR code.

    `field` is the name of the offending field of the value given to the writer,
    `reason` is one sentence in English without the value itself.
    """

    def __init__(self, field: str, reason: str) -> None:
        """Keep both parts readable by a program."""
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


class QrSyntaxError(ValueError):
    """Text that is not a well formed EMVCo payload.

    `position` is the index of the character where the unreadable object starts.
    """

    def __init__(self, position: int, reason: str) -> None:
        """Keep both parts readable by a program."""
        super().__init__(f"at character {position}: {reason}")
        self.position = position
        self.reason = reason


class DataObject(NamedTuple):
    """One object as found: its two-digit tag, its value and where its header starts."""

    tag: str
    value: str
    position: int


def crc(text: str) -> str:
    """Return the checksum of `text` as four upper-case hex digits.

    CRC-16, polynomial 1021, initial value FFFF, not reflected, over the UTF-8 bytes
    (EMVCo QRCPS-MPM 1.1, 4.7.3). `text` runs up to and including the header `6304`.
    """
    return f"{binascii.crc_hqx(text.encode(), 0xFFFF):04X}"


def write_object(tag: str, value: str, *, field: str) -> str:
    """Return one object, header and value.

    Raises `QrError` naming `field` when the value does not fit into two length digits.
    """
    if len(value) > VALUE_CHARS_MAX:
        raise QrError(field, f"needs {len(value)} characters, at most {VALUE_CHARS_MAX} fit")
    return f"{tag}{len(value):02}{value}"


def read_objects(text: str, *, start: int, end: int) -> list[DataObject]:
    """Split `text[start:end]` into its objects, in the order found.

    Raises `QrSyntaxError` for a header that is not four digits, a value that runs past `end`,
    and a tag that occurs twice (an ID is unique within its level, EMVCo QRCPS-MPM 1.1, 4.2).
    """
    found: list[DataObject] = []
    seen: set[str] = set()
    position = start
    while position < end:
        value_start = position + _HEADER_CHARS
        header = text[position : min(value_start, end)]
        if not _HEADER.fullmatch(header):
            raise QrSyntaxError(position, "a tag and a length of two digits each must stand here")
        tag = header[:2]
        value_end = value_start + int(header[2:])
        if value_end > end:
            raise QrSyntaxError(position, f"object {tag} is longer than what is left")
        if tag in seen:
            raise QrSyntaxError(position, f"object {tag} stands here for the second time")
        seen.add(tag)
        found.append(DataObject(tag, text[value_start:value_end], position))
        position = value_end
    return found
