"""Field 86 of MT940 and MT942: free text, or sub-fields behind question marks (`166?00…?20…`)."""

import re
from collections.abc import Sequence
from typing import Final

import msgspec

from sampan.codecs.statement_values import clean

_STRUCTURED: Final = re.compile(r"([0-9]{3})?\?[0-9]{2}")
_SUBFIELD: Final = re.compile(r"\?([0-9]{2})")
_REMITTANCE: Final = (*(str(n) for n in range(20, 30)), *(str(n) for n in range(60, 64)))


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What a field 86 tells; empty texts where it tells nothing.

    `remittance` is what the payer wrote, `description` all of the text for people; `name`,
    `account` and `bank` are the other side's.
    """

    remittance: str = ""
    description: str = ""
    name: str = ""
    account: str = ""
    bank: str = ""


def read_information(lines: Sequence[str]) -> Told:
    """Read the lines of a field 86."""
    if not _STRUCTURED.match(lines[0]):
        text = clean(" ".join(lines))
        return Told(remittance=text, description=text)
    # Sub-fields are wrapped anywhere, in the middle of a word and of their own mark.
    _, *marked = _SUBFIELD.split("".join(lines))
    fields: dict[str, str] = {}
    for number, text in zip(marked[::2], marked[1::2], strict=True):
        fields[number] = fields.get(number, "") + text
    remittance = clean(" ".join(fields.get(number, "") for number in _REMITTANCE))
    return Told(
        remittance=remittance,
        description=clean(f"{fields.get('00', '')} {remittance}"),
        name=clean(fields.get("32", "") + fields.get("33", "")),
        account=clean(fields.get("31", "")),
        bank=clean(fields.get("30", "")),
    )
