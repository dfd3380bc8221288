"""What can happen to a payment. Each event is a value; `domain.machine` decides what follows."""

from dataclasses import dataclass

from sampan.domain.payment import DisplayData, Fault


@dataclass(frozen=True, slots=True)
class Accepted:
    """The merchant's sale passed every check; the provider is to be asked."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """The accepted sale failed a check against the project (stage 2)."""

    faults: tuple[Fault, ...]


@dataclass(frozen=True, slots=True)
class Issued:
    """The provider made a QR; the merchant shows it."""

    display: DisplayData


@dataclass(frozen=True, slots=True)
class IssuedRedirect:
    """The provider made a QR; our hosted page shows it."""

    display: DisplayData


@dataclass(frozen=True, slots=True)
class Refused:
    """The provider, or the customer at the provider, said no; no money moved."""

    code: str


@dataclass(frozen=True, slots=True)
class Credited:
    """The bank says money for this payment arrived (minor units)."""

    amount_minor: int
    currency: str
    provider_ref: str


@dataclass(frozen=True, slots=True)
class Expired:
    """The time to pay and the grace for a late notice are over."""


@dataclass(frozen=True, slots=True)
class StaffAccepted:
    """Staff take what arrived (minor units, all held credits together) as the payment."""

    amount_minor: int
    provider_ref: str


@dataclass(frozen=True, slots=True)
class StaffDeclined:
    """Staff give the payment up; what arrived stays unapplied."""


Event = (
    Accepted
    | Rejected
    | Issued
    | IssuedRedirect
    | Refused
    | Credited
    | Expired
    | StaffAccepted
    | StaffDeclined
)
