"""Look at a bank file that is kept and not taken yet: what each entry would become."""

from collections.abc import Iterator, Sequence
from datetime import date
from enum import StrEnum
from typing import Final

import msgspec

from sampan.codecs.statement import StatementEntry
from sampan.flow import imports as flow
from sampan.flow.statement_entries import passed_over, told_of
from sampan.storage import credits as kept
from sampan.storage import imports
from sampan.storage.engine import Tx
from sampan.storage.imports import Import, ImportEntry

LOOKED_AT_MAX: Final = imports.PAGE_MAX
_AT_ONCE: Final = 500
"""Names in one question to the database."""


class Outlook(StrEnum):
    """What an entry would be, besides what is passed over (`statement_entries.PassedOver`)."""

    NEW = "new"
    REVERSAL = "reversal"
    KNOWN = "known"


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """Entries of one outlook and currency: how many, and their signed sum."""

    outlook: str
    currency: str
    entries_count: int
    amount_minor: int


class Preview(msgspec.Struct, frozen=True, kw_only=True):
    """What taking a file would do. `is_cut`: only its first entries were looked at."""

    groups: tuple[Group, ...]
    first_on: date | None
    last_on: date | None
    is_cut: bool


def preview(tx: Tx, made: Import) -> Preview:
    """Return what taking a file would do, as things stand now; nothing is written."""
    found = imports.entries(tx, made.id, most=LOOKED_AT_MAX)
    sums: dict[tuple[str, str], tuple[int, int]] = {}
    for one, outlook in zip(found, outlooks(tx, made, found), strict=True):
        key = outlook, one.entry.currency
        count, amount_minor = sums.get(key, (0, 0))
        sums[key] = count + 1, amount_minor + one.entry.amount_minor
    days = [day for day in map(_day, (one.entry for one in found)) if day is not None]
    return Preview(
        groups=tuple(
            Group(outlook=outlook, currency=currency, entries_count=count, amount_minor=minor)
            for (outlook, currency), (count, minor) in sorted(sums.items())
        ),
        first_on=min(days, default=None),
        last_on=max(days, default=None),
        is_cut=made.entries_count > len(found),
    )


def outlooks(tx: Tx, made: Import, found: Sequence[ImportEntry]) -> list[str]:
    """Say of each entry what it would become."""
    told: list[str] = []
    for begin in range(0, len(found), _AT_ONCE):
        some = found[begin : begin + _AT_ONCE]
        told += _outlooks(tx, made, [one.entry for one in some])
    return told


def _outlooks(tx: Tx, made: Import, entries: Sequence[StatementEntry]) -> Iterator[str]:
    # Names are those of the account, whatever the file calls it.
    ours = [msgspec.structs.replace(entry, account=made.account) for entry in entries]
    names = [told_of(entry, import_id=made.id, now_us=made.created_us).identity for entry in ours]
    known = kept.known_notices(tx, made.provider, made.account, names=names)
    for entry, name in zip(entries, names, strict=True):
        passed = passed_over(entry)
        if made.file_account and entry.account != made.file_account:
            yield flow.OTHER_ACCOUNT
        elif passed is not None:
            yield passed.value
        elif name in known:
            yield Outlook.KNOWN.value
        else:
            yield (Outlook.REVERSAL if entry.amount_minor < 0 else Outlook.NEW).value


def _day(entry: StatementEntry) -> date | None:
    return entry.booked_on or entry.value_on
