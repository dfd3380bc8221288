"""What people may decide about money: values, kept as they were asked for."""

from typing import Annotated

import msgspec
from msgspec import Meta

from sampan.domain.refunds import Payee
from sampan.money import AMOUNT_MINOR_MAX

PARTS_MAX = 50
"""Parts of one split, and so payments of one credit."""

Key = Annotated[int, Meta(ge=1, lt=2**53)]
Amount = Annotated[int, Meta(ge=1, le=AMOUNT_MINOR_MAX)]


class _Decision(msgspec.Struct, frozen=True, kw_only=True, tag_field="what"):
    pass


class Apply(_Decision, frozen=True, kw_only=True, tag="apply"):
    """A credit, with what is held for the payment, is the payment: it is paid what they sum up to.

    The payment must wait, or have been declined.
    """

    credit: Key
    payment: Key


class Part(msgspec.Struct, frozen=True):
    """A sum of a split credit, and the payment that it pays; None: it waits on."""

    amount_minor: Amount
    payment: Key | None = None


class Split(_Decision, frozen=True, kw_only=True, tag="split"):
    """A credit is several sums, which make it up; each may pay a payment of its own."""

    credit: Key
    parts: Annotated[tuple[Part, ...], Meta(min_length=2, max_length=PARTS_MAX)]


class Return(_Decision, frozen=True, kw_only=True, tag="return"):
    """A credit went back to its payer, outside Sampan."""

    credit: Key


class Ignore(_Decision, frozen=True, kw_only=True, tag="ignore"):
    """A credit is no payment, but the merchant's all the same: it waits for nobody any more."""

    credit: Key


class Merge(_Decision, frozen=True, kw_only=True, tag="merge"):
    """A credit is the same money as another one, which somebody entered by hand before."""

    credit: Key
    into: Key


class TakeBack(_Decision, frozen=True, kw_only=True, tag="take_back"):
    """A credit that was ignored, returned or merged by hand waits again."""

    credit: Key


class Explain(_Decision, frozen=True, kw_only=True, tag="explain"):
    """What the bank took back was this credit."""

    reversal: Key
    credit: Key


class Note(_Decision, frozen=True, kw_only=True, tag="note"):
    """What the bank took back is known to people and needs nothing more; the books keep it."""

    reversal: Key


class Enter(_Decision, frozen=True, kw_only=True, tag="enter"):
    """Money that a person saw at the bank, before the bank tells of it.

    With the bank's id, the bank's own word about it later changes nothing. `payment` is what it
    pays where it does not find that by itself.
    """

    provider: Annotated[str, Meta(min_length=1, max_length=40)]
    account: Annotated[str, Meta(min_length=1, max_length=64)]
    amount_minor: Amount
    currency: Annotated[str, Meta(pattern="^(HKD|CNY)$")]
    booked_us: Annotated[int, Meta(ge=0, lt=2**53)]
    bank_txn_id: Annotated[str, Meta(max_length=64, pattern=r"^[!-~]*\Z")] = ""
    reference: Annotated[str, Meta(max_length=140, pattern=r"^[^\x00-\x1f]*\Z")] = ""
    payer_name: Annotated[str, Meta(max_length=140, pattern=r"^[^\x00-\x1f]*\Z")] = ""
    payment: Key | None = None


class Refund(_Decision, frozen=True, kw_only=True, tag="refund"):
    """Money of a credit goes back by a transfer of the merchant's bank, see `domain.refunds`.

    Of a credit that pays nothing all goes back. `despite_doubts`: who decides has seen that the
    payee may be another than the payer, and wants it all the same.
    """

    credit: Key
    amount_minor: Amount
    payee: Payee
    despite_doubts: bool = False


class Accept(_Decision, frozen=True, kw_only=True, tag="accept"):
    """Whatever came for a payment is what it is paid."""

    payment: Key


class Decline(_Decision, frozen=True, kw_only=True, tag="decline"):
    """A payment is given up; what came for it waits for a decision of its own."""

    payment: Key


Wish = (
    Apply
    | Split
    | Return
    | Ignore
    | Merge
    | TakeBack
    | Explain
    | Note
    | Enter
    | Refund
    | Accept
    | Decline
)

NAMES = {kind: str(kind.__struct_config__.tag) for kind in Wish.__args__}
"""Kind → how the journal and the table of decisions call it."""


def payments_of(wish: Wish) -> tuple[int, ...]:
    """Return the payments that a decision names."""
    if isinstance(wish, Split):
        return tuple(part.payment for part in wish.parts if part.payment is not None)
    payment = getattr(wish, "payment", None)
    return () if payment is None else (payment,)
