"""QR codes of an FPS account that belong to no payment: for a till, and for trying the account out.

Nothing is written. Money that arrives by one of them names no payment and waits for people.
"""

from datetime import timedelta
from typing import Any, Final

import msgspec

from sampan.codecs import qr_image
from sampan.codecs.emv_qr import FpsQr, QrError, encode
from sampan.codecs.emv_reader import EPOCH, HONG_KONG
from sampan.domain import fps_trial, reference
from sampan.domain.codes import Code, message
from sampan.domain.fps_account import FpsAccount, order_options, qr_fields
from sampan.domain.fps_trial import Step
from sampan.domain.project import ReferenceMode
from sampan.errors import Refusal
from sampan.providers.base import ProviderOrder
from sampan.providers.fps import qr_payload

TEST_REFERENCE: Final = reference.encode(2**53 - 1)
"""Has the form of ours and never names a payment: ids stay far below."""
TEST_LIFETIME_US: Final = 600_000_000
TEST_AMOUNT_MINOR: Final = 100
PRINT_MODULE_PX: Final = 24
"""Makes a symbol of about a thousand pixels, sharp on a sticker of the size of a hand."""


def counter_payload(
    account: FpsAccount, *, currency: str = "HKD", amount_minor: int | None = None
) -> str:
    """Return the text of a reusable code for a till: no reference and no end.

    Without an amount the payer types it. Raises `Refusal` for a currency that the account does not
    take and an amount that no code can carry.
    """
    _refuse_currency(account, currency)
    fields: dict[str, Any] = {**qr_fields(account), "currency": currency}
    try:
        return encode(FpsQr(**fields, amount_minor=amount_minor, one_off=False))
    except QrError as error:
        raise Refusal(Code.MALFORMED_REQUEST, f"no code can be made: {error}") from error


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """What a code for trying an account out asks for; `mode` None is the account's own."""

    amount_minor: int = TEST_AMOUNT_MINOR
    currency: str = "HKD"
    mode: ReferenceMode | None = None


def trial_payload(account: FpsAccount, trial: Trial, *, now_us: int) -> str:
    """Return the text of a code just as a payment of the account would show it now.

    It is for finding out which modes the bank's apps take: scan it, look, and do not confirm.
    Raises `Refusal` as `counter_payload` does.
    """
    _refuse_currency(account, trial.currency)
    tried = msgspec.structs.replace(account, reference_mode=trial.mode or account.reference_mode)
    order = ProviderOrder(
        reference=TEST_REFERENCE,
        amount_minor=trial.amount_minor,
        currency=trial.currency,
        description="",
        created_us=now_us,
        expires_us=now_us + TEST_LIFETIME_US,
        closes_us=now_us + TEST_LIFETIME_US,
        options=order_options(tried),
    )
    try:
        return qr_payload(order)
    except QrError as error:
        raise Refusal(Code.MALFORMED_REQUEST, f"no code can be made: {error}") from error


def step_payload(account: FpsAccount, step: Step, *, currency: str, now_us: int) -> str:
    """Return the text of a step's test code of 1.00; what the steps are says `domain.fps_trial`.

    Raises `Refusal` for a currency that the account does not take.
    """
    _refuse_currency(account, currency)
    stamp = (EPOCH + timedelta(microseconds=now_us)).astimezone(HONG_KONG).strftime("%d%H%M%S")
    fields: dict[str, Any] = {**qr_fields(account), **fps_trial.texts(step, stamp)}
    if fps_trial.has_timeout(step):
        fields["timeout_us"] = now_us + TEST_LIFETIME_US
    fields |= {"currency": currency, "amount_minor": TEST_AMOUNT_MINOR}
    return encode(FpsQr(**fields))


def picture(payload: str) -> bytes:
    """Return a code as a PNG to print or to show."""
    return qr_image.png(payload, module_px=PRINT_MODULE_PX)


def _refuse_currency(account: FpsAccount, currency: str) -> None:
    if not account.takes(currency):
        raise Refusal(Code.CURRENCY_DISABLED, message(Code.CURRENCY_DISABLED))
