"""E-mails: what is to be said to whom, and what became of it."""

from collections.abc import Sequence

import msgspec
from sqlalchemy import bindparam, insert, select, update

from sampan.domain.mails import Facts
from sampan.storage import schema
from sampan.storage.engine import Row, Statement, Tx

_t = schema.mails

_INSERT = Statement(insert(_t))
_ONE = Statement(select(_t).where(_t.c.id == bindparam("key")))
_OF_PAYMENT = Statement(
    select(_t).where(_t.c.payment == bindparam("payment")).order_by(_t.c.created_us, _t.c.id)
)
_MOVE = Statement(
    update(_t)
    .where(_t.c.id == bindparam("key"), _t.c.status == bindparam("status_from"))
    .values(
        status=bindparam("status_to"),
        note=bindparam("note_to"),
        attempts_count=bindparam("attempts_to"),
        link_sealed=bindparam("link_sealed_to"),
        finished_us=bindparam("finished_to"),
    )
)


class Mail(msgspec.Struct, frozen=True, kw_only=True):
    """An e-mail; `link_sealed` is the part of its facts that must not be read from a copy.

    `project_id` and `payment` (the payment's key) are None where it is about none.
    """

    id: int
    project_id: int | None
    payment: int | None
    kind: str
    to_address: str
    language: str
    facts: Facts
    link_sealed: str | None
    status: str
    note: str
    attempts_count: int
    created_us: int
    until_us: int
    finished_us: int | None


def _mail(row: Row) -> Mail:
    return Mail(
        id=row[0],
        project_id=row[1],
        payment=row[2],
        kind=row[3],
        to_address=row[4],
        language=row[5],
        facts=msgspec.json.decode(row[6], type=Facts),
        link_sealed=row[7],
        status=row[8],
        note=row[9],
        attempts_count=row[10],
        created_us=row[11],
        until_us=row[12],
        finished_us=row[13],
    )


def insert_mail(tx: Tx, mail: Mail) -> None:
    """Insert a mail."""
    row = {name: getattr(mail, name) for name in mail.__struct_fields__}
    tx.do(_INSERT, row | {"facts": msgspec.json.encode(mail.facts).decode()})


def find(tx: Tx, mail_id: int) -> Mail | None:
    """Return a mail."""
    row = tx.one(_ONE, {"key": mail_id})
    return _mail(row) if row else None


def of_payment(tx: Tx, payment_key: int) -> Sequence[Mail]:
    """Return the mails about a payment, oldest first."""
    return [_mail(row) for row in tx.all(_OF_PAYMENT, {"payment": payment_key})]


def newest(tx: Tx, *, status: str | None, most: int) -> Sequence[Mail]:
    """Return the newest mails, optionally of one status."""
    chosen = select(_t).order_by(_t.c.created_us.desc(), _t.c.id.desc()).limit(most)
    if status is not None:
        chosen = chosen.where(_t.c.status == status)
    return [_mail(row) for row in tx.query(chosen)]


def move(tx: Tx, mail: Mail, *, status_from: str) -> bool:
    """Write what became of a mail that stands in `status_from`; else False."""
    return (
        tx.run(
            _MOVE,
            {
                "key": mail.id,
                "status_from": status_from,
                "status_to": mail.status,
                "note_to": mail.note,
                "attempts_to": mail.attempts_count,
                "link_sealed_to": mail.link_sealed,
                "finished_to": mail.finished_us,
            },
        )
        == 1
    )
