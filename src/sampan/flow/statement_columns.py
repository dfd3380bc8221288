"""How an account's files of rows are read: chosen by a person, tried on a file, then kept.

`statement_files.propose` guesses. Nothing is kept that has not been tried, so a file that arrives
by itself is read as a person has seen it read.
"""

from collections.abc import Mapping as Table
from typing import Final

import msgspec

from sampan.codecs import statement_csv
from sampan.codecs.csv_sniff import Proposal
from sampan.codecs.statement import FaultCode, StatementEntry, StatementFault
from sampan.codecs.statement_csv import Mapping
from sampan.flow import imports as flow
from sampan.flow import statement_files as files
from sampan.flow.settle import Step
from sampan.flow.statement_files import Seekable
from sampan.storage import imports
from sampan.storage.engine import Tx

TRIED_MAX: Final = 20_000
"""Lines of a file that a mapping is tried on."""
SHOWN_MAX: Final = 8
FAULTS_MAX: Final = 8
COLUMNS: Final = (
    *("date", "time", "value_date", "amount", "direction", "credit", "debit", "currency"),
    *("payer_name", "payer_account", "description", "bank_ref"),
)
"""Fields of a mapping that name one column each."""


class Tried(msgspec.Struct, frozen=True, kw_only=True):
    """What a mapping gives on a file: its first entries, bad lines, and the whole's fault."""

    mapping: Mapping
    entries: tuple[StatementEntry, ...] = ()
    entries_count: int = 0
    faults: tuple[StatementFault, ...] = ()
    fault: StatementFault | None = None

    @property
    def is_right(self) -> bool:
        """Whether every line can be read, and there is one."""
        return bool(self.entries) and not self.faults and self.fault is None


def column_of(number: int, proposal: Proposal) -> str | int:
    """Return a column as a mapping keeps it: by its name where that is the only one so called."""
    header = proposal.header
    name = header[number - 1] if number <= len(header) else ""
    return name if name and header.count(name) == 1 else number


def chosen(fields: Table[str, object]) -> Mapping:
    """Return the mapping that was chosen; texts stand for values of every kind.

    Raises `StatementFault` where it is none, or contradicts itself.
    """
    try:
        mapping = msgspec.convert(dict(fields), Mapping, strict=False)
    except msgspec.ValidationError as error:
        raise StatementFault(FaultCode.MAPPING, str(error)) from error
    statement_csv.check(mapping)
    return mapping


def try_on(stream: Seekable, mapping: Mapping) -> Tried:
    """Read the beginning of a file by a mapping. Nothing is kept, and nothing raised."""
    try:
        items = files.preview(stream, mapping, most=TRIED_MAX)
    except StatementFault as fault:
        return Tried(mapping=mapping, fault=fault)
    entries = [item for item in items if isinstance(item, StatementEntry)]
    faults = [item for item in items if isinstance(item, StatementFault)]
    return Tried(
        mapping=mapping,
        entries=tuple(entries[:SHOWN_MAX]),
        entries_count=len(entries),
        faults=tuple(faults[:FAULTS_MAX]),
    )


def save(tx: Tx, tried: Tried, *, provider: str, account: str, step: Step) -> None:
    """Keep a mapping that was tried and is right, in place of what the account had."""
    assert tried.is_right  # noqa: S101 - whoever calls has shown what is wrong
    known = imports.known(tx, provider, account)
    flow.set_mapping(tx, msgspec.structs.replace(known, mapping=tried.mapping), step=step)
