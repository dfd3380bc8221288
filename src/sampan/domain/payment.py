"""Payment, operation and what is shown to the customer: frozen values as storage returns them."""

import msgspec

from sampan.domain.statuses import OperationType, Origin, PaymentStatus, PaymentType, type_of


class Customer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The person who pays, as the merchant described them; texts as sent."""

    id: str
    ip_address: str = ""
    first_name: str = ""
    last_name: str = ""
    email: str = ""
    phone: str = ""


class Targets(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where to tell and to return, when the request said so; empty texts mean the project's own.

    `callback_url` takes every callback, the other two only the final ones of their result and win
    over it (Gate docs, callbacks, address order).
    """

    callback_url: str = ""
    success_callback_url: str = ""
    decline_callback_url: str = ""
    return_success: str = ""
    return_decline: str = ""
    return_any: str = ""
    callback_delay_s: int = 0
    callback_disabled: bool = False


class DisplayData(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the customer must be shown: the EMV text of the QR and until when it may be paid.

    `amount_minor` is the amount in the QR where it is not the asked one (`domain.fingerprint`).
    """

    payload: str
    expires_us: int
    lifetime_s: int
    redirect_url: str = ""
    amount_minor: int | None = None


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of `errors[]` in a callback or a status answer."""

    code: str
    message: str
    field: str = ""


class Payment(msgspec.Struct, frozen=True, kw_only=True):
    """The task to move money. Money in minor units, times in microseconds UTC.

    `best_before_us` ends all attempts to pay. `attempts_count` counts the sales; `retry_until_us`
    is set by the first one that failed while the customer could still try again.
    """

    key: int
    project_id: int
    id: str
    status: PaymentStatus
    currency: str
    amount_minor: int
    paid_minor: int
    description: str
    customer: Customer
    targets: Targets
    display: DisplayData | None
    faults: tuple[Fault, ...]
    held_count: int
    created_us: int
    updated_us: int
    decline_us: int
    finished_us: int | None
    origin: Origin = Origin.GATE
    merchant_data: str = ""
    best_before_us: int | None = None
    attempts_count: int = 1
    retry_until_us: int | None = None

    @property
    def qr_minor(self) -> int:
        """The amount that the customer is shown, minor units."""
        shown = None if self.display is None else self.display.amount_minor
        return self.amount_minor if shown is None else shown

    @property
    def type(self) -> PaymentType:
        """What it is for, in the word of the wire."""
        return type_of(self.origin)


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """One step on a payment, with its own id and status.

    `account` is the account that its QR names, as credits name it, and `qr_minor` the amount in the
    QR; empty before the QR is asked for, and where the provider alone knows the account.
    """

    id: int
    payment_key: int
    type: OperationType
    status: PaymentStatus
    amount_minor: int
    currency: str
    request_id: str
    code: str
    message: str
    provider_id: int
    provider_ref: str
    created_us: int
    updated_us: int
    account: str = ""
    qr_minor: int | None = None
