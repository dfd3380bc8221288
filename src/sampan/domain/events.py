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
    """The provider made a QR; the merchant shows it. `attempt` is the sale it was made for."""

    display: DisplayData
    attempt: int = 1


@dataclass(frozen=True, slots=True)
class IssuedRedirect:
    """The provider made a QR; our hosted page shows it. `attempt` is the sale it was made for."""

    display: DisplayData
    attempt: int = 1


@dataclass(frozen=True, slots=True)
class Refused:
    """The provider, or the customer at the provider, said no; no money moved.

    `attempt` is the sale that was refused.
    """

    code: str
    attempt: int = 1


@dataclass(frozen=True, slots=True)
class Credited:
    """The bank says money for this payment arrived (minor units)."""

    amount_minor: int
    currency: str
    provider_ref: str


@dataclass(frozen=True, slots=True)
class Expired:
    """The time to pay and the grace for a late notice are over. `attempt` is the sale's."""

    attempt: int = 1


@dataclass(frozen=True, slots=True)
class AttemptFailed:
    """The attempt was refused or ran out of time, and the customer may try again on our page."""

    code: str
    retry_until_us: int


@dataclass(frozen=True, slots=True)
class TriedAgain:
    """The customer asks for another attempt; `request_id` names the new sale."""

    request_id: str


@dataclass(frozen=True, slots=True)
class GaveUp:
    """The customer goes back to the shop and does not try again."""


@dataclass(frozen=True, slots=True)
class LinkMade:
    """A payment link that passed every check waits for its customer."""


@dataclass(frozen=True, slots=True)
class LinkSent:
    """The platform has mailed the link to the customer. `url` is the link's address."""

    url: str


@dataclass(frozen=True, slots=True)
class LinkCancelled:
    """The merchant takes the link back before the customer has confirmed."""


@dataclass(frozen=True, slots=True)
class Confirmed:
    """The customer of a payment link wants to pay; `request_id` names the sale that begins."""

    request_id: str


@dataclass(frozen=True, slots=True)
class StaffAccepted:
    """Staff take what arrived (minor units, all held credits together) as the payment."""

    amount_minor: int
    provider_ref: str


@dataclass(frozen=True, slots=True)
class HeldMoved:
    """One credit that was held for the payment has gone elsewhere: back, or to other payments."""


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
    | AttemptFailed
    | TriedAgain
    | GaveUp
    | LinkMade
    | LinkSent
    | LinkCancelled
    | Confirmed
    | StaffAccepted
    | StaffDeclined
    | HeldMoved
)
