"""Why a credit is left to people: from how it was matched, and from what stands in the books.

Short, over, late and double are never kept: they are seen in sums and times, here.
"""

from collections.abc import Sequence
from enum import StrEnum

from sampan.domain.machine import Reason
from sampan.domain.matching import Clue, Nothing, Suggested
from sampan.domain.payment import Payment
from sampan.domain.statuses import PaymentStatus


class Left(StrEnum):
    """Why nothing was certain as a credit arrived."""

    NO_REFERENCE = "no reference"
    UNKNOWN_REFERENCE = "unknown reference"
    ALMOST_NAMED = "reference with a wrong character"
    SEVERAL_NAMED = "several payments are named"
    SEVERAL_FIT = "several payments fit"


def left_because(result: Suggested | Nothing, *, texts: Sequence[str]) -> Left:
    """Say in a word why a credit was matched to nothing."""
    clues = result.suggestions[0].clues if isinstance(result, Suggested) else ()
    for clue, told in (
        (Clue.SEVERAL_NAMED, Left.SEVERAL_NAMED),
        (Clue.ALMOST_NAMED, Left.ALMOST_NAMED),
        (Clue.OTHER_NAMED, Left.UNKNOWN_REFERENCE),
        (Clue.RIVALS, Left.SEVERAL_FIT),
    ):
        if clue in clues:
            return told
    return Left.UNKNOWN_REFERENCE if any(texts) else Left.NO_REFERENCE


def misfits(
    payment: Payment, *, amount_minor: int, currency: str, received_us: int, others_minor: int
) -> tuple[Reason, ...]:
    """Say how money differs from what its payment asked for; nothing where it fits.

    `others_minor` is what else arrived for the payment before; `received_us` when this did.
    """
    if currency != payment.currency:
        return (Reason.WRONG_CURRENCY,)
    late = received_us >= payment.decline_us
    if payment.status is PaymentStatus.DECLINE:
        # Refused before its time was over; what came earlier was in time.
        late = late or received_us >= (payment.finished_us or 0)
    told = [
        (others_minor > 0, Reason.DOUBLE),
        (late, Reason.LATE),
        (amount_minor < payment.qr_minor, Reason.SHORT),
        (amount_minor > payment.amount_minor, Reason.OVER),
    ]
    return tuple(reason for holds, reason in told if holds)
