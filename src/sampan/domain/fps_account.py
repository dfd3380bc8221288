"""A merchant's FPS account at a bank: what its QR says, and which account a payment's QR shows.

Forms of the values are those of the FPS QR (HKMA Common QR Code Specification, FPS template), and
none holds a `;`, because what stands in a QR stands in callbacks (safe callback profile).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from sampan.domain.project import AccountRule, ReferenceMode

PROVIDER: Final = "fps"
"""The provider whose payments are paid to these accounts."""
PROVIDER_ID: Final = 2
"""What stands in callbacks as `operation.provider.id`."""
PREFIX: Final = f"{PROVIDER}:"
OFF_MAX_MINOR: Final = 100
"""Most that an account may give off to make amounts unique, see `domain.fingerprint`."""
ATTACHED_MAX: Final = 20
"""Accounts of one project."""


class ProxyKind(StrEnum):
    """By what a QR names the account. A QR cannot name an account number."""

    FPS_ID = "fps_id"
    MOBILE = "mobile"
    EMAIL = "email"


_KEY: Final = re.compile(PREFIX + "([0-9]{1,16})")
PROXY_FORMS: Final = {
    ProxyKind.FPS_ID: re.compile(r"[0-9]{7,9}"),
    ProxyKind.MOBILE: re.compile(r"\+(852-[0-9]{8}|(?!852-)[1-9][0-9]{0,2}-[0-9]{6,12})"),
    ProxyKind.EMAIL: re.compile(r"(?=.{3,34}\Z)[!-:<-?A-~]+@[!-:<-?A-~]+"),
}
PROXY_RULES: Final = {
    ProxyKind.FPS_ID: "an FPS ID has 7 to 9 digits",
    ProxyKind.MOBILE: "a mobile number looks like +852-91234567",
    ProxyKind.EMAIL: "an e-mail address has at most 34 characters of ASCII and no semicolon",
}
_PRINTED = r"^[!-:<-~]([ -:<-~]*[!-:<-~])?\Z"


def _says(text: str, **bounds: Any) -> Meta:  # noqa: ANN401 - msgspec's own bounds
    return Meta(description=text, **bounds)


class FpsAccount(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An account. Its notice key is not here, see `storage.fps_accounts`.

    Made by `account_of` and read from storage, so its values fit together.
    """

    id: int
    name: Annotated[
        str,
        _says(
            "Name for staff, unique, not of digits alone.",
            min_length=1,
            max_length=60,
            pattern=r"^(?![0-9]+\Z)\S(.*\S)?\Z",
        ),
    ]
    proxy_kind: Annotated[
        ProxyKind, _says("By what the QR names the account: `fps_id`, `mobile` or `email`.")
    ]
    proxy: Annotated[str, _says("FPS ID, mobile number or e-mail address, as registered.")]
    clearing_code: Annotated[
        str,
        _says(
            "Clearing code of the bank, 3 digits, or empty. With a mobile number or an e-mail"
            " address the QR names this bank, not the payee's usual one.",
            pattern=r"^([0-9]{3})?\Z",
        ),
    ] = ""
    bank_account: Annotated[
        str,
        _says(
            "Account number at the bank, or empty. It stands in no QR; statements name it.",
            pattern=r"^[0-9A-Za-z-]{0,34}\Z",
        ),
    ] = ""
    payee_name: Annotated[
        str, _says("Payee in the QR, ASCII.", min_length=1, max_length=25, pattern=_PRINTED)
    ]
    payee_name_zh: Annotated[
        str, _says("Payee in the QR in Chinese, or empty.", max_length=25, pattern=r"^[^;]*\Z")
    ] = ""
    city: Annotated[
        str, _says("City in the QR, ASCII.", min_length=1, max_length=15, pattern=_PRINTED)
    ] = "HK"
    mcc: Annotated[str, _says("Merchant category in the QR, 4 digits.", pattern=r"^[0-9]{4}\Z")] = (
        "0000"
    )
    currencies: Annotated[
        str,
        _says("Currencies it takes: `HKD`, `CNY` or `HKD,CNY`.", pattern=r"^(HKD|CNY|HKD,CNY)\Z"),
    ] = "HKD"
    reference_mode: Annotated[
        ReferenceMode,
        _says(
            "Where the QR carries our reference: `none`, `bill_number`, `reference_label` or"
            " `both`. Ordinary bank accounts take only `none`."
        ),
    ] = ReferenceMode.NONE
    amount_lock: Annotated[bool, _says("Whether the payer cannot change the amount in the QR.")] = (
        True
    )
    timeout_in_qr: Annotated[bool, _says("Whether the QR says until when it may be paid.")] = True
    off_max_minor: Annotated[
        int,
        _says(
            "Most that is given off, in minor units, so that no two open payments have one amount;"
            " 0: nothing.",
            ge=0,
            le=OFF_MAX_MINOR,
        ),
    ] = 0
    is_on: Annotated[bool, _says("Whether new payments use the account.")] = True

    @property
    def key(self) -> str:
        """What operations, credits and the ledger call the account."""
        return f"{PREFIX}{self.id}"

    def takes(self, currency: str) -> bool:
        """Whether the account takes a currency."""
        return currency in self.currencies.split(",")


def id_of_key(key: str) -> int | None:
    """Return the id in a key, None where it is the key of no such account."""
    found = _KEY.fullmatch(key)
    return int(found[1]) if found else None


def account_of(values: Mapping[str, object]) -> FpsAccount:
    """Return the account with these values; texts are read as what they stand for.

    Raises ValueError with a sentence for people that names the value at fault.
    """
    try:
        account = msgspec.convert(values, FpsAccount, strict=False)
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from error
    if not PROXY_FORMS[account.proxy_kind].fullmatch(account.proxy):
        raise ValueError(f"{PROXY_RULES[account.proxy_kind]} - at `$.proxy`")
    zh = account.payee_name_zh
    if zh and (not zh.isprintable() or zh != zh.strip() or max(zh) > "\uffff"):
        raise ValueError("must be printable, without blanks around it - at `$.payee_name_zh`")
    return account


def changed(account: FpsAccount, values: Mapping[str, object]) -> FpsAccount:
    """Return the account with some values changed; its id stays. Raises ValueError."""
    return account_of({**msgspec.to_builtins(account), **values, "id": account.id})


def differences(before: FpsAccount, after: FpsAccount) -> list[str]:
    """Return what differs: `name=old → new`."""
    old, new = msgspec.to_builtins(before), msgspec.to_builtins(after)
    return [
        f"{name}={_told(old[name])} → {_told(new[name])}" for name in old if old[name] != new[name]
    ]


def _told(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value) or "empty"


def qr_fields(account: FpsAccount) -> dict[str, str]:
    """Return what every QR of the account says, by the names of `codecs.emv_qr.FpsQr`."""
    fields = {
        account.proxy_kind.value: account.proxy,
        # An FPS ID belongs to one bank already, and its QR must not name it.
        "clearing_code": "" if account.proxy_kind is ProxyKind.FPS_ID else account.clearing_code,
        "merchant_name": account.payee_name,
        "merchant_name_zh": account.payee_name_zh,
        "merchant_city": account.city,
        "mcc": account.mcc,
    }
    return {name: text for name, text in fields.items() if text}


def order_options(account: FpsAccount) -> dict[str, str]:
    """Return what the provider of FPS is told of an account with an order, as text."""
    return qr_fields(account) | {
        "reference_mode": account.reference_mode.value,
        "amount_lock": str(account.amount_lock).lower(),
        "timeout_in_qr": str(account.timeout_in_qr).lower(),
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Attached:
    """An account of a project: its place among them, when it was last chosen, and its day.

    `today_minor` is what was asked for in its QRs since midnight, in the currency of the payment.
    """

    account: FpsAccount
    position: int
    chosen_us: int = 0
    today_minor: int = 0


def usable(attached: Sequence[Attached], *, currency: str) -> list[Attached]:
    """Return the accounts that a new payment may use, by their place."""
    fit = [one for one in attached if one.account.is_on and one.account.takes(currency)]
    return sorted(fit, key=lambda one: one.position)


def choose(attached: Sequence[Attached], rule: AccountRule, *, currency: str) -> Attached | None:
    """Return the account whose QR a new payment shows, None where there is none to choose."""
    fit = usable(attached, currency=currency)
    if not fit or rule is AccountRule.FIRST:
        return fit[0] if fit else None
    if rule is AccountRule.TURNS:
        return min(fit, key=lambda one: (one.chosen_us, one.position))
    return min(fit, key=lambda one: (one.today_minor, one.position))
