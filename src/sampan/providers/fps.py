"""The provider of real FPS accounts: makes the QR itself and hears of money by signed notices.

It asks nobody over the network. What a bank tells comes as JSON from whatever the merchant has
that hears of credits and of what is taken back (a host-to-host line, a script), marked by the
account's notice key; the form stands in docs/providers.md.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from sampan.clock import Clock
from sampan.codecs.emv_qr import FpsQr, QrError, encode
from sampan.domain.codes import Code
from sampan.domain.fps_account import PROVIDER, PROVIDER_ID, ProxyKind
from sampan.domain.project import ReferenceMode
from sampan.money import AMOUNT_MINOR_MAX
from sampan.outbound import Outbound
from sampan.providers.base import (
    Credit,
    Debit,
    Issued,
    Notice,
    Outcome,
    Provider,
    ProviderConfig,
    ProviderOrder,
    RawRequest,
    Refused,
    Reversal,
    Unreadable,
    Untrusted,
)
from sampan.providers.marks import mark_fault

NOTICES_MAX: Final = 100
"""Notices in one notification."""
QR_FIELDS: Final = (
    *(kind.value for kind in ProxyKind),
    "clearing_code",
    "merchant_name",
    "merchant_name_zh",
    "merchant_city",
    "mcc",
)
"""Options of an order that stand in its QR as they are, see `domain.fps_account.qr_fields`."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)

# No control characters: PostgreSQL keeps no NUL, and nobody is called by a line feed.
_Text = Annotated[str, Meta(max_length=140, pattern=r"^[^\x00-\x1f]*\Z")]


class _Told(msgspec.Struct, frozen=True):
    bank_txn_id: Annotated[str, Meta(pattern=r"^[!-~]{1,64}\Z")]
    amount_minor: Annotated[int, Meta(ge=1, le=AMOUNT_MINOR_MAX)]
    currency: Literal["HKD", "CNY"]
    booked_at: Annotated[datetime, Meta(tz=True)]
    reference: _Text = ""
    payer_name: _Text = ""
    payee_name: _Text = ""
    # No tag of a union: whoever has told of credits alone may have left it out.
    type: Literal["credit", "reversal", "debit"] = "credit"


class _Notification(msgspec.Struct, frozen=True):
    notices: Annotated[list[_Told], Meta(max_length=NOTICES_MAX)]


_NOTIFICATION: Final = msgspec.json.Decoder(_Notification)


class FpsProvider:
    """The provider of merchants' own FPS accounts; made by `create`."""

    id: int = PROVIDER_ID
    name: Final = PROVIDER

    async def start(self, order: ProviderOrder, _http: Outbound) -> Outcome:
        """See `Provider.start`. The same order always gives the same QR.

        An order without an account is refused with 310, one of which no QR can be made with 20100.
        """
        if not any(order.options.get(kind.value) for kind in ProxyKind):
            return Refused(Code.NOT_ALLOWED_BY_PROJECT)
        try:
            return Issued(qr_payload(order), order.expires_us)
        except QrError:
            return Refused(Code.DECLINED_BY_PROVIDER)

    async def status(self, _reference: str, _http: Outbound) -> Outcome:
        """See `Provider.status`. Nothing is remembered, and starting anew gives the same QR."""
        return Refused(Code.NOT_FOUND)

    def parse_notification(self, raw: RawRequest) -> Sequence[Notice]:
        """See `Provider.parse_notification`. The mark is that of the account that `raw` names."""
        faults = [
            mark_fault(key, raw.body, headers=raw.headers, now_us=raw.received_us)
            for key in raw.keys
        ]
        if None not in faults:
            raise Untrusted(faults[0] if faults else "no account is named")
        try:
            told = _NOTIFICATION.decode(raw.body)
            return [_notice(one, raw.account) for one in told.notices]
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise Unreadable(f"not a notification: {error}") from error


def create(_config: ProviderConfig, _clock: Clock) -> Provider:
    """Return the provider. It needs neither an address nor a secret: keys belong to accounts."""
    return FpsProvider()


def qr_payload(order: ProviderOrder) -> str:
    """Return the text of an order's QR. Raises `QrError` where none can be made."""
    options = order.options
    fields: dict[str, Any] = {name: options[name] for name in QR_FIELDS if options.get(name)}
    fields |= {"currency": order.currency, "amount_minor": order.amount_minor}
    mode = options.get("reference_mode", ReferenceMode.NONE)
    if mode in {ReferenceMode.BILL_NUMBER, ReferenceMode.BOTH}:
        fields["bill_number"] = order.reference
    if mode in {ReferenceMode.REFERENCE_LABEL, ReferenceMode.BOTH}:
        fields["reference_label"] = order.reference
    if options.get("timeout_in_qr") == "true":
        fields["timeout_us"] = order.expires_us
    return encode(FpsQr(**fields, amount_editable=options.get("amount_lock") == "false"))


def _notice(told: _Told, account: str) -> Credit | Reversal | Debit:
    booked_us = (told.booked_at - _EPOCH) // _MICROSECOND
    if booked_us < 0:
        raise msgspec.ValidationError("before 1970 - at `$.notices[...].booked_at`")
    facts: dict[str, Any] = {
        "account": account,
        "bank_txn_id": told.bank_txn_id,
        "amount_minor": told.amount_minor,
        "currency": told.currency,
        "reference": told.reference,
        "booked_us": booked_us,
    }
    if told.type == "debit":
        return Debit(**facts, payee_name=told.payee_name)
    kind = Credit if told.type == "credit" else Reversal
    return kind(**facts, payer_name=told.payer_name)
