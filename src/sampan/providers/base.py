"""The port between Sampan and a bank, and every value that crosses it.

A provider gets values and a bounded HTTP client and returns values. It never sees storage,
templates or settings and cannot move a status. The contract is `sampan.testing.provider_suite`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from sampan.outbound import Outbound


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderOrder:
    """A payment to be issued. `reference` is ours, unique, and the same at every repeat.

    Money in minor units, times in microseconds UTC: the QR may be paid until `expires_us`; money
    that is notified after `closes_us` comes too late. `options` are the project's settings that
    concern the provider (payee, scenario), as text.
    """

    reference: str
    amount_minor: int
    currency: str
    description: str
    created_us: int
    expires_us: int
    closes_us: int
    options: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Issued:
    """The QR exists: `payload` is its EMV text, `expires_us` until when it may be paid."""

    payload: str
    expires_us: int


@dataclass(frozen=True, slots=True)
class Refused:
    """The bank will not take the order; `code` is a response code of `domain.codes`."""

    code: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """No answer, or none that proves anything. The order may or may not exist there."""

    why: str


Outcome = Issued | Refused | Unknown


@dataclass(frozen=True, slots=True, kw_only=True)
class RawRequest:
    """A provider notification as it came in: nothing in it is trusted yet.

    Header names in lower case. `received_us` is ours. A notification about an account of ours, sent
    to an address of its own, comes with the account's name in credits and with the keys that may
    have marked it; others come with none.
    """

    headers: dict[str, str]
    body: bytes
    received_us: int
    account: str = ""
    keys: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Movement:
    """What a bank tells of money on an account of the merchant; the sum is positive."""

    account: str
    bank_txn_id: str
    amount_minor: int
    currency: str
    reference: str
    booked_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Credit(_Movement):
    """The bank says money arrived on an account of the merchant.

    `bank_txn_id` is unique per (provider, account): the same id again is the same money.
    """

    payer_name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """The bank says that nobody will pay this order: the customer refused or the bank did."""

    account: str
    notice_id: str
    reference: str
    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reversal(_Movement):
    """The bank says it took money back that had arrived on an account of the merchant.

    `bank_txn_id` is the bank's id of the taking back, which may be that of the money; the same id
    and sum again is the same reversal. `amount_minor` is positive. `reference` is a text that the
    money carried, by which it is found where the ids differ.
    """

    payer_name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Debit(_Movement):
    """The bank says money went out of an account of the merchant: perhaps a refund of ours.

    `amount_minor` is positive; `reference` is what the transfer was asked for with.
    """

    payee_name: str = ""


Notice = Credit | Refusal | Reversal | Debit


class Untrusted(Exception):  # noqa: N818 - the house's word, see docs/glossary.md
    """The notification does not carry the bank's mark, or cannot be read. Nothing is kept of it."""


class Unreadable(Untrusted):
    """It carries the mark and cannot be read: whoever made the mark may be told why."""


class Provider(Protocol):
    """What every provider can do. Nothing here raises but `parse_notification`."""

    id: int
    """Number that stands in callbacks as `operation.provider.id`."""

    async def start(self, order: ProviderOrder, http: Outbound) -> Outcome:
        """Ask the bank for a QR. Repeating it with the same reference makes no second order."""
        ...

    async def status(self, reference: str, http: Outbound) -> Outcome:
        """Ask what became of an order that was started and never answered.

        `Unknown` when the bank cannot tell; `Refused("3061")` when it never heard of it: it is then
        started anew. So answers who makes the QR without a bank and remembers nothing.
        """
        ...

    def parse_notification(self, raw: RawRequest) -> Sequence[Notice]:
        """Read the bank's message; raises `Untrusted`. A repeat yields the same values."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A payment whose QR is shown and waits to be paid: reference, QR text, money, end."""

    reference: str
    payload: str
    amount_minor: int
    currency: str
    expires_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentRequest:
    """What a bank's app downloads from the address that it was handed, and its media type."""

    media_type: str
    body: bytes


@runtime_checkable
class HandsToApps(Protocol):
    """What a provider can do beside: hand a payment to the bank's app on the customer's phone.

    The form of the request is between its bank and the apps. No provider of ours knows one.
    """

    def payment_request(self, shown: Shown) -> PaymentRequest:
        """Return what the app downloads; asked as often as it likes, and nothing is kept."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderConfig:
    """What a provider is built from: where its bank is and the secret shared with it."""

    base_url: str
    secret: str
    timeout_s: float = 10.0
