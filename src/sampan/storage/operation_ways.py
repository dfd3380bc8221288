"""On which ways operations are found in the order of their last change, each of them by one way.

Conditions of an index are said in its own words, since SQLite uses an index of some rows only where
it reads them.
"""

from typing import Any, Final

from sqlalchemy import select, text

from sampan.domain.statuses import OperationType
from sampan.storage import schema

_o, _p = schema.operations, schema.payments
_OPEN: Final[Any] = text(f"NOT operations.{schema.ENDED}")
_OF_LINKS: Final[Any] = text(f"operations.{schema.INVOICES}")

ENDED: Final[tuple[Any, ...]] = (text(f"operations.{schema.ENDED}"),)
"""What has ended has an index of its own."""
OPEN: Final[tuple[tuple[Any, ...], ...]] = (
    (
        _OPEN,
        _o.c.type != OperationType.INVOICE.value,
        # Found through the payments that are open, which are few.
        _o.c.payment.in_(select(_p.c.id).where(_p.c.finished_us.is_(None))),
    ),
    (_OPEN, _OF_LINKS),
)
"""What has not. The operation that made a payment link stands for ever as its customer found it."""
