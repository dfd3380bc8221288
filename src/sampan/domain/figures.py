"""What a number of payments comes to: how many, how many were paid, and how much."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Self

from sampan.domain.analytics import conversion_per_mille
from sampan.domain.statuses import PaymentStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Payments of some time: `paid_minor` by currency. Sums of several times are added by `+`."""

    count: int = 0
    paid_count: int = 0
    declined_count: int = 0
    paid_minor: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, status: PaymentStatus, currency: str, *, count: int, paid_minor: int) -> Self:
        """Return the figures of payments of one status and currency."""
        paid = status is PaymentStatus.SUCCESS
        declined = status is PaymentStatus.DECLINE
        return cls(
            count=count,
            paid_count=count if paid else 0,
            declined_count=count if declined else 0,
            paid_minor={currency: paid_minor} if paid else {},
        )

    def __add__(self, other: "Figures") -> "Figures":
        """Return both together."""
        currencies = dict.fromkeys((*self.paid_minor, *other.paid_minor))
        return Figures(
            count=self.count + other.count,
            paid_count=self.paid_count + other.paid_count,
            declined_count=self.declined_count + other.declined_count,
            paid_minor={
                one: self.paid_minor.get(one, 0) + other.paid_minor.get(one, 0)
                for one in currencies
            },
        )

    @property
    def conversion_per_mille(self) -> int | None:
        """How many of 1000 that were paid or declined were paid; None when none was."""
        return conversion_per_mille(self.paid_count, self.declined_count)


def total(parts: Iterable[Figures]) -> Figures:
    """Return all of them together."""
    return sum(parts, start=Figures())
