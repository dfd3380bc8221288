"""A few cents off, so that every open amount of an account is its own reference.

An ordinary FPS account carries no reference, so only the amount tells payments apart. Whatever is
given off is shown to the customer openly and is the merchant's loss, hence downward and capped.
"""

from collections.abc import Collection
from typing import Final

OFF_MAX_MINOR: Final = 50
OFF_MAX_PERCENT: Final = 1


def unique_amount(
    asked_minor: int,
    taken_minor: Collection[int],
    *,
    off_max_minor: int = OFF_MAX_MINOR,
    off_max_percent: int = OFF_MAX_PERCENT,
) -> int | None:
    """Return the largest amount up to the asked one that no open payment of the account has.

    `taken_minor` are the amounts of one account and currency for which money may still come:
    those that are open, and those whose time for a late notice is not over. At most
    `off_max_minor` and `off_max_percent` of the amount are given off. None where all are taken:
    the payment is then to be matched by people, or has to wait.
    """
    off_max = min(off_max_minor, asked_minor * off_max_percent // 100)
    taken = taken_minor if isinstance(taken_minor, set | frozenset) else set(taken_minor)
    for off in range(off_max + 1):
        if asked_minor - off > 0 and asked_minor - off not in taken:
            return asked_minor - off
    return None
