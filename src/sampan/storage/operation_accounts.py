"""The account and the amount that the QR of an operation shows."""

from dataclasses import dataclass

from sqlalchemy import bindparam, func, or_, select, update

from sampan.domain.payment import Operation
from sampan.storage import schema
from sampan.storage.engine import Statement, Tx

_o = schema.operations
_p = schema.payments
_SET = Statement(
    update(_o)
    .where(_o.c.id == bindparam("key"))
    .values(
        account=bindparam("shown_account"),
        qr_minor=bindparam("shown_minor"),
        provider_id=bindparam("provider"),
    )
)
_since = (
    _o.c.account == bindparam("account_key"),
    _o.c.currency == bindparam("in_currency"),
    _o.c.created_us >= bindparam("since_us"),
)
_ASKED = Statement(select(func.sum(_o.c.qr_minor)).where(*_since))

_TAKEN = Statement(
    select(_o.c.qr_minor)
    .join(_p, _p.c.id == _o.c.payment)
    .where(
        _o.c.account == bindparam("account_key"),
        _o.c.currency == bindparam("in_currency"),
        _o.c.qr_minor >= bindparam("least"),
        _o.c.qr_minor <= bindparam("greatest"),
        or_(_p.c.finished_us.is_(None), _p.c.finished_us >= bindparam("freed_us")),
    )
    .distinct()
)


def set_account(tx: Tx, operation: Operation) -> None:
    """Write the provider's number, and the account and the amount that an operation's QR shows."""
    tx.do(
        _SET,
        {
            "key": operation.id,
            "shown_account": operation.account or None,
            "shown_minor": operation.qr_minor,
            "provider": operation.provider_id,
        },
    )


def asked_minor(tx: Tx, account: str, currency: str, *, since_us: int) -> int:
    """Return the sum of what QRs of an account have asked for since then, minor units."""
    asked = {"account_key": account, "in_currency": currency, "since_us": since_us}
    row = tx.one(_ASKED, asked)
    return int(row[0] or 0) if row else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Amounts from `least` to `greatest` in QRs of one account and currency, minor units."""

    account: str
    currency: str
    least: int
    greatest: int


def taken_minor(tx: Tx, span: Span, *, freed_us: int) -> set[int]:
    """Return the amounts of a span for whose payments money may still come.

    Those are the open ones, and those that ended at `freed_us` or later.
    """
    asked = {
        "account_key": span.account,
        "in_currency": span.currency,
        "least": span.least,
        "greatest": span.greatest,
        "freed_us": freed_us,
    }
    return {int(row[0]) for row in tx.all(_TAKEN, asked)}
