"""Files of rows that wait until somebody has said what their columns mean."""

from base64 import b64decode, b64encode

import msgspec
from sqlalchemy import bindparam, delete, insert, select

from sampan.storage import schema
from sampan.storage.engine import Statement, Tx

_t = schema.file_drafts
_INSERT = Statement(insert(_t))
_ONE = Statement(select(_t).where(_t.c.id == bindparam("key")))
_DROP = Statement(delete(_t).where(_t.c.id == bindparam("key")))
_FORGET = Statement(delete(_t).where(_t.c.created_us < bindparam("before_us")))


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """A file of an account as it was sent; `by` as the journal writes people."""

    id: int
    provider: str
    account: str
    file_name: str
    by: str
    created_us: int
    data: bytes


def add(tx: Tx, draft: Draft) -> None:
    """Keep a file."""
    row = {name: getattr(draft, name) for name in Draft.__struct_fields__}
    tx.do(_INSERT, row | {"data": b64encode(draft.data).decode()})


def find(tx: Tx, key: int) -> Draft | None:
    """Return a file, None when there is none."""
    row = tx.one(_ONE, {"key": key})
    if row is None:
        return None
    fields = dict(zip(Draft.__struct_fields__, row, strict=True))
    return Draft(**fields | {"data": b64decode(fields["data"])})


def drop(tx: Tx, key: int) -> None:
    """Forget a file; one that is gone already is no fault."""
    tx.do(_DROP, {"key": key})


def forget(tx: Tx, *, before_us: int) -> int:
    """Forget files that were sent before a moment; return how many."""
    return tx.run(_FORGET, {"before_us": before_us})
