"""Bank files, their entries, and what is known of each account's files."""

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec
from sqlalchemy import bindparam, delete, func, insert, select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite

from sampan.codecs.statement import Balance, StatementEntry
from sampan.codecs.statement_csv import Mapping
from sampan.storage import schema
from sampan.storage.engine import Buildable, Row, Statement, Tx

PAGE_MAX: Final = 10_000
_i = schema.imports
_e = schema.import_entries
_a = schema.account_files
_entry = msgspec.json.Decoder(StatementEntry)
_mapping = msgspec.json.Decoder(Mapping)
_balances = msgspec.json.Decoder(tuple[Balance, ...])


class Import(msgspec.Struct, frozen=True, kw_only=True):
    """A bank file. `status`: reading, running (being applied), done, or refused with a `fault`.

    `file_account` is how the file names the account, `balances` what it says stood on it, `notes`
    what people should know of it (sums that do not add up); `by` is who sent it, as the journal
    writes people. One that waits for a person is being read, and has a count of entries.
    """

    id: int
    provider: str
    account: str
    file_name: str
    format: str
    sha256: str
    status: str
    by: str
    entries_count: int = 0
    fault: str = ""
    file_account: str = ""
    notes: str = ""
    created_us: int
    finished_us: int | None = None
    balances: tuple[Balance, ...] = ()


class ImportEntry(msgspec.Struct, frozen=True, kw_only=True):
    """An entry of a file: what became of it, empty while nothing has, and the credit it is."""

    import_id: int
    number: int
    outcome: str
    entry: StatementEntry
    credit: int | None = None


class AccountFile(msgspec.Struct, frozen=True, kw_only=True):
    """How an account is named in its files, and how its CSV and XLSX are read."""

    provider: str
    account: str
    file_account: str
    mapping: Mapping | None
    updated_us: int


def _know(dialect: str) -> Buildable:
    make = sqlite.insert if dialect == "sqlite" else postgresql.insert
    new = make(_a)
    return new.on_conflict_do_update(
        index_elements=["provider", "account"],
        set_={name: new.excluded[name] for name in ("file_account", "mapping", "updated_us")},
    )


_INSERT = Statement(insert(_i))
_ONE = Statement(select(_i).where(_i.c.id == bindparam("key")))
_SAME = Statement(
    select(_i)
    .where(
        _i.c.provider == bindparam("provider"),
        _i.c.account == bindparam("account"),
        _i.c.sha256 == bindparam("sha256"),
    )
    .order_by(_i.c.id.desc())
)
_SET = Statement(
    update(_i)
    .where(_i.c.id == bindparam("key"), _i.c.status == bindparam("status_from"))
    .values(
        status=bindparam("status_to"),
        entries_count=bindparam("entries"),
        fault=bindparam("because"),
        finished_us=bindparam("ended_us"),
    )
)
_INSERT_ENTRY = Statement(insert(_e))
_LEFT = Statement(
    select(_e)
    .where(_e.c.import_id == bindparam("key"), _e.c.outcome == "")
    .order_by(_e.c.number)
    .limit(bindparam("most"))
)
_SETTLE = Statement(
    update(_e)
    .where(
        _e.c.import_id == bindparam("key"),
        _e.c.number == bindparam("nth"),
        _e.c.outcome == "",
    )
    .values(outcome=bindparam("became"), credit=bindparam("credit_key"))
)
_COUNTS = Statement(
    select(_e.c.outcome, func.count())
    .where(_e.c.import_id == bindparam("key"))
    .group_by(_e.c.outcome)
)
_DROP_ENTRIES = Statement(delete(_e).where(_e.c.import_id == bindparam("key")))
_DROP = Statement(delete(_i).where(_i.c.id == bindparam("key"), _i.c.status == "reading"))
_KNOW = Statement(_know)
_KNOWN = Statement(
    select(_a).where(_a.c.provider == bindparam("provider"), _a.c.account == bindparam("account"))
)


def _import(row: Row) -> Import:
    fields = dict(zip((column.name for column in _i.c), row, strict=True))
    told = fields["balances"]
    return Import(**fields | {"balances": _balances.decode(told) if told else ()})


def _import_entry(row: Row) -> ImportEntry:
    return ImportEntry(
        import_id=row[0],
        number=row[1],
        outcome=row[2],
        entry=_entry.decode(row[3]),
        credit=row[4],
    )


def add(tx: Tx, made: Import) -> None:
    """Keep a file."""
    row = {name: getattr(made, name) for name in Import.__struct_fields__}
    told = msgspec.json.encode(made.balances).decode() if made.balances else None
    tx.do(_INSERT, row | {"balances": told})


def find(tx: Tx, key: int) -> Import | None:
    """Return a file, None when there is none."""
    row = tx.one(_ONE, {"key": key})
    return _import(row) if row else None


def with_balances(tx: Tx, provider: str, account: str, *, most: int) -> Sequence[Import]:
    """Return the newest files of an account that were taken and say what stood on it."""
    chosen = select(_i).where(
        _i.c.provider == provider,
        _i.c.account == account,
        _i.c.status.in_(["running", "done"]),
        _i.c.balances.is_not(None),
    )
    return [_import(row) for row in tx.query(chosen.order_by(_i.c.id.desc()).limit(most))]


def same(tx: Tx, provider: str, account: str, *, sha256: str) -> Sequence[Import]:
    """Return the files of an account with these bytes, the newest first."""
    key = {"provider": provider, "account": account, "sha256": sha256}
    return [_import(row) for row in tx.all(_SAME, key)]


def move(tx: Tx, before: Import, after: Import) -> bool:
    """Write status, fault and count of a file if it still stands as `before`; else False."""
    return (
        tx.run(
            _SET,
            {
                "key": before.id,
                "status_from": before.status,
                "status_to": after.status,
                "entries": after.entries_count,
                "because": after.fault,
                "ended_us": after.finished_us,
            },
        )
        == 1
    )


def drop(tx: Tx, key: int) -> None:
    """Forget a file that was never read to its end."""
    tx.do(_DROP_ENTRIES, {"key": key})
    tx.do(_DROP, {"key": key})


def page(tx: Tx, *, after: tuple[int, int] | None, most: int) -> Sequence[Import]:
    """Return files, the newest first, from below the (time, id) of `after`."""
    chosen = select(_i).order_by(_i.c.created_us.desc(), _i.c.id.desc()).limit(most)
    if after is not None:
        chosen = chosen.where(tuple_(_i.c.created_us, _i.c.id) < after)
    return [_import(row) for row in tx.query(chosen)]


def unread(tx: Tx, *, before_us: int) -> Sequence[Import]:
    """Return files that were begun before a moment and never read to their end."""
    rows = tx.query(select(_i).where(_i.c.status == "reading", _i.c.created_us < before_us))
    return [_import(row) for row in rows]


def add_entries(tx: Tx, key: int, entries: Iterable[tuple[int, StatementEntry]]) -> None:
    """Keep entries of a file, each with its number."""
    for number, entry in entries:
        row = {"import_id": key, "number": number, "outcome": "", "credit": None}
        tx.do(_INSERT_ENTRY, row | {"entry": msgspec.json.encode(entry).decode()})


def left(tx: Tx, key: int, *, most: int) -> Sequence[ImportEntry]:
    """Return the first entries with which nothing has been done yet."""
    return [_import_entry(row) for row in tx.all(_LEFT, {"key": key, "most": most})]


def settle(tx: Tx, entry: ImportEntry, *, outcome: str, credit: int | None) -> bool:
    """Note what became of an entry; False when that is known."""
    asked = {
        "key": entry.import_id,
        "nth": entry.number,
        "became": outcome,
        "credit_key": credit,
    }
    return tx.run(_SETTLE, asked) == 1


def counts(tx: Tx, key: int) -> dict[str, int]:
    """Return how many entries of a file became what; "" counts those that still wait."""
    return {row[0]: int(row[1]) for row in tx.all(_COUNTS, {"key": key})}


def entries(
    tx: Tx, key: int, *, after: int = 0, most: int, outcomes: Sequence[str] = ()
) -> Sequence[ImportEntry]:
    """Return entries of a file in its order below the number `after`; `outcomes` () means all."""
    assert 1 <= most <= PAGE_MAX, most  # noqa: S101 - our bug
    chosen = select(_e).where(_e.c.import_id == key, _e.c.number > after)
    if outcomes:
        chosen = chosen.where(_e.c.outcome.in_(outcomes))
    return [_import_entry(row) for row in tx.query(chosen.order_by(_e.c.number).limit(most))]


def know(tx: Tx, known: AccountFile) -> None:
    """Keep what is known of an account's files, in place of what was."""
    row = {name: getattr(known, name) for name in AccountFile.__struct_fields__}
    mapping = None if known.mapping is None else msgspec.json.encode(known.mapping).decode()
    tx.do(_KNOW, row | {"mapping": mapping})


def known(tx: Tx, provider: str, account: str) -> AccountFile:
    """Return what is known of an account's files; empty where nothing is."""
    row = tx.one(_KNOWN, {"provider": provider, "account": account})
    if row is None:
        return AccountFile(
            provider=provider, account=account, file_account="", mapping=None, updated_us=0
        )
    mapping = None if row[3] is None else _mapping.decode(row[3])
    return AccountFile(
        provider=row[0], account=row[1], file_account=row[2], mapping=mapping, updated_us=row[4]
    )
