"""The account and the amount that the QR of an operation shows."""

from sqlalchemy import bindparam, func, select, update

from sampan.domain.payment import Operation
from sampan.storage import schema
from sampan.storage.engine import Statement, Tx

_o = schema.operations
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
