"""What a list of payment links shows beside the payments: until when, what for, who made them."""

from collections.abc import Mapping, Sequence

import msgspec
from sqlalchemy import select

from sampan.storage import schema
from sampan.storage.engine import Tx

_p = schema.payments
_j = schema.journal


class LinkFacts(msgspec.Struct, frozen=True, kw_only=True):
    """One link: `by` is who made it, in the word of the journal."""

    expires_us: int | None
    description: str
    by: str


def facts(tx: Tx, keys: Sequence[int]) -> Mapping[int, LinkFacts]:
    """Return what is known of links by the keys of their payments."""
    if not keys:
        return {}
    # A payment in `error` that was sent again has several: the last one counts.
    entries = select(_j.c.payment, _j.c.by).where(
        _j.c.payment.in_(keys), _j.c.what.in_(("linkmade", "rejected"))
    )
    makers = {row[0]: row[1] for row in tx.query(entries.order_by(_j.c.at_us, _j.c.id))}
    chosen = select(_p.c.id, _p.c.best_before_us, _p.c.description).where(_p.c.id.in_(keys))
    return {
        row[0]: LinkFacts(expires_us=row[1], description=row[2], by=makers.get(row[0], ""))
        for row in tx.query(chosen)
    }
