"""A project: the merchant's unit of settings, with its own id and secret."""

from enum import StrEnum
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from sampan.domain.callback_rules import CallbackRule

METHOD = "hk-qr"
"""The method code on the wire (hk-qr page)."""


class DisplayProfile(StrEnum):
    """What `display_data` carries (decision 4)."""

    IMAGE = "image"
    PAYLOAD = "payload"
    EXTENDED = "extended"


class OtherAmount(StrEnum):
    """What happens when another amount than the asked one arrives (decision 6)."""

    HOLD = "hold"
    ACCEPT = "accept"
    DECLINE = "decline"


class ReferenceMode(StrEnum):
    """Where the QR carries our reference (FPS QR, tag 62)."""

    NONE = "none"
    BILL_NUMBER = "bill_number"
    REFERENCE_LABEL = "reference_label"
    BOTH = "both"


class AccountRule(StrEnum):
    """Which of a project's FPS accounts a payment is paid to."""

    FIRST = "first"
    TURNS = "turns"
    LEAST_TODAY = "least_today"


class Flow(StrEnum):
    """Who shows the QR of a payment that was asked for through Gate (decision 3)."""

    DISPLAY = "display"
    REDIRECT = "redirect"


def _setting(text: str, **bounds: Any) -> Meta:  # noqa: ANN401 - msgspec's own bounds
    return Meta(description=text, **bounds)


_AMOUNT_MAX = 10**13
_MONTH_S = 31 * 86_400
_DAY_S = 86_400
_WEB_URL = r"^(https?://[^\s;]+)?\Z"


def _address(what: str) -> Meta:
    return _setting(
        f"Payment Page: {what} Empty: none; a request's own wins.",
        max_length=2048,
        pattern=_WEB_URL,
    )


def _enabled(of: str) -> Meta:
    return _setting(
        f"Where `{of}` leads back from: `0` nowhere, `1` a page of its own, `2` frames too.",
        pattern=r"^[012]?\Z",
    )


def _mode(of: str) -> Meta:
    return _setting(
        f"Where `{of}` opens from a frame: `iframe`, `parent_page` or `blank_page`.",
        pattern=r"^(iframe|parent_page|blank_page)?\Z",
    )


class ProjectSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Every setting of a project, with its default. `docs/settings.md` is made from this."""

    enabled: Annotated[bool, _setting("Whether the project takes new payments.")] = True
    hkd_enabled: Annotated[bool, _setting("Whether HKD is taken.")] = True
    cny_enabled: Annotated[bool, _setting("Whether CNY is taken.")] = True
    hkd_amount_min: Annotated[
        int, _setting("Least amount in HKD, minor units.", ge=0, le=_AMOUNT_MAX)
    ] = 1
    hkd_amount_max: Annotated[
        int, _setting("Greatest amount in HKD, minor units.", ge=0, le=_AMOUNT_MAX)
    ] = 1_000_000
    cny_amount_min: Annotated[
        int, _setting("Least amount in CNY, minor units.", ge=0, le=_AMOUNT_MAX)
    ] = 1
    cny_amount_max: Annotated[
        int, _setting("Greatest amount in CNY, minor units.", ge=0, le=_AMOUNT_MAX)
    ] = 1_000_000
    qr_lifetime_s: Annotated[
        int, _setting("How long a QR may be paid, seconds.", ge=60, le=_DAY_S)
    ] = 600
    decline_after_s: (
        Annotated[
            int,
            _setting(
                "Seconds from the request until an unpaid payment is declined. Empty: the QR's"
                " lifetime and five minutes for a late notice of the bank.",
                ge=1,
                le=_MONTH_S,
            ),
        ]
        | None
    ) = None
    display_profile: Annotated[
        DisplayProfile, _setting("What `display_data` carries: `image`, `payload` or `extended`.")
    ] = DisplayProfile.IMAGE
    strict_customer: Annotated[
        bool, _setting("Whether a sale also needs the customer's names, e-mail and `return_url`.")
    ] = False
    other_amount: Annotated[
        OtherAmount,
        _setting("When another amount arrives: `hold` it for staff, `accept` or `decline`."),
    ] = OtherAmount.HOLD
    late_accept_s: Annotated[
        int,
        _setting(
            "Seconds after a decline in which the right amount is still accepted by itself.",
            ge=0,
            le=_MONTH_S,
        ),
    ] = 0
    four_eyes: Annotated[
        bool,
        _setting("Whether a second person has to approve what staff decide about money."),
    ] = False
    refunds: Annotated[
        bool,
        _setting(
            "Provider `fps`: whether staff may have money refunded from the project's accounts."
        ),
    ] = False
    refund_alone_max_minor: Annotated[
        int,
        _setting(
            "Greatest refund that one person decides alone, minor units; of a greater one a second"
            " person has to approve.",
            ge=0,
            le=_AMOUNT_MAX,
        ),
    ] = 0
    provider: Annotated[
        str,
        _setting("Who makes the QR and tells of the money.", pattern=r"^[a-z][a-z0-9_]{0,30}\Z"),
    ] = "sandbox"
    payee_fps_id: Annotated[
        str,
        _setting("FPS ID of the account that is paid. Not for `fps`.", pattern=r"^[0-9]{7,9}\Z"),
    ] = "1029384"
    # What stands in a QR stands in callbacks, and those carry no `;` (safe callback profile).
    payee_name: Annotated[
        str,
        _setting(
            "Payee in the QR, ASCII. Not for `fps`.",
            min_length=1,
            max_length=25,
            pattern=r"^[ -:<-~]+\Z",
        ),
    ] = "SAMPAN DEMO SHOP"
    payee_name_zh: Annotated[
        str,
        _setting(
            "Payee in the QR in Chinese, or empty. Not for `fps`.",
            max_length=25,
            pattern=r"^[^;]*\Z",
        ),
    ] = ""
    reference_mode: Annotated[
        ReferenceMode,
        _setting(
            "Where the QR carries our reference: `none`, `bill_number`, `reference_label` or"
            " `both`. Not for `fps`, whose accounts say it themselves (docs/providers.md)."
        ),
    ] = ReferenceMode.BILL_NUMBER
    account_rule: Annotated[
        AccountRule,
        _setting(
            "Provider `fps`: which account takes a payment: the `first` one that can, each in its"
            " `turns`, or the one asked for `least_today` (Hong Kong's day, in the currency)."
        ),
    ] = AccountRule.FIRST
    flow: Annotated[
        Flow,
        _setting(
            "Who shows the QR of a Gate sale: `display`, the merchant; `redirect`, our page, by"
            " `redirect_data`."
        ),
    ] = Flow.DISPLAY
    retry_attempts_max: Annotated[
        int,
        _setting("Payment Page: how often a customer may try again after a decline.", ge=0, le=20),
    ] = 0
    retry_window_s: Annotated[
        int,
        _setting(
            "Payment Page: seconds from the first decline in which another attempt may begin.",
            ge=60,
            le=_DAY_S,
        ),
    ] = 600
    page_confirm: Annotated[
        bool,
        _setting(
            "Payment Page: whether the customer confirms before the QR is made, though there is"
            " only one method."
        ),
    ] = False
    page_intermediate_callback: Annotated[
        bool, _setting("Payment Page: whether the callback with the QR is sent as well.")
    ] = False
    page_language: Annotated[
        str,
        _setting(
            "Payment Page: language where neither request nor browser name one of ours: `en`,"
            " `zh-hant` or `zh`.",
            pattern=r"^(en|zh-hant|zh)\Z",
        ),
    ] = "en"
    page_frame_ancestors: Annotated[
        str,
        _setting(
            "Payment Page: who may show it in a frame, a source list of CSP: `*` anybody, `'none'`"
            " nobody, or addresses with a blank between them.",
            max_length=1024,
            pattern=r"^[!-+\--:<-~]+( [!-+\--:<-~]+)*\Z",
        ),
    ] = "*"
    bank_app_url: Annotated[
        str,
        _setting(
            "Payment Page: address that opens a bank app, `{payload}` in it stands for the QR's"
            " text. Empty: no button, at the sandbox its own app.",
            max_length=1024,
            pattern=_WEB_URL,
        ),
    ] = ""
    bank_picker_url: Annotated[
        str,
        _setting(
            "Payment Page: page of the payment scheme that lists bank apps. Empty: payments are not"
            " handed to apps. No bank has certified this.",
            max_length=1024,
            pattern=_WEB_URL,
        ),
    ] = ""
    app_request_url: Annotated[
        str,
        _setting(
            "Payment Page: origin from which bank apps download payment requests, such as"
            " `https://fps.shop.example`. Empty: the public address.",
            max_length=80,
            pattern=r"^(https?://[^\s;/?#]+/?)?\Z",
        ),
    ] = ""
    merchant_success_url: Annotated[str, _address("where the button after a success leads.")] = ""
    merchant_success_enabled: Annotated[str, _enabled("merchant_success_url")] = ""
    merchant_success_redirect_mode: Annotated[str, _mode("merchant_success_url")] = ""
    merchant_fail_url: Annotated[str, _address("where the button after a decline leads.")] = ""
    merchant_fail_enabled: Annotated[str, _enabled("merchant_fail_url")] = ""
    merchant_fail_redirect_mode: Annotated[str, _mode("merchant_fail_url")] = ""
    merchant_return_url: Annotated[str, _address("where the way back before paying leads.")] = ""
    merchant_return_enabled: Annotated[str, _enabled("merchant_return_url")] = ""
    merchant_return_redirect_mode: Annotated[str, _mode("merchant_return_url")] = ""
    redirect_success_url: Annotated[
        str, _address("where a success leads by itself, without our result.")
    ] = ""
    redirect_success_mode: Annotated[str, _mode("redirect_success_url")] = ""
    redirect_fail_url: Annotated[
        str, _address("where a decline leads by itself, without our result.")
    ] = ""
    redirect_fail_mode: Annotated[str, _mode("redirect_fail_url")] = ""
    sandbox_scenario: Annotated[
        str,
        _setting(
            "How payments end at the sandbox bank, see docs/providers.md.",
            pattern=r"^[a-z_]{1,30}\Z",
        ),
    ] = "by_amount"
    sandbox_autopay_ms: Annotated[
        int,
        _setting(
            "Let the sandbox bank pay by itself after so long; 0: never.", ge=0, le=_DAY_S * 1000
        ),
    ] = 0

    @property
    def decline_after_effective_s(self) -> int:
        """Seconds from acceptance to decline: as set, else the QR's lifetime and 5 minutes."""
        if self.decline_after_s is not None:
            return self.decline_after_s
        return self.qr_lifetime_s + LATE_NOTICE_GRACE_S

    @property
    def late_accept_us(self) -> int:
        """Microseconds after a decline in which a fitting credit is still taken by itself."""
        return self.late_accept_s * 1_000_000

    def amount_limits(self, currency: str) -> tuple[int, int] | None:
        """Return (minimum, maximum) in minor units, or None when the currency is not taken."""
        if currency == "HKD" and self.hkd_enabled:
            return self.hkd_amount_min, self.hkd_amount_max
        if currency == "CNY" and self.cny_enabled:
            return self.cny_amount_min, self.cny_amount_max
        return None


LATE_NOTICE_GRACE_S = 300
"""A bank's notice may come this long after the QR has expired (decision 1)."""


class Project(msgspec.Struct, frozen=True, kw_only=True):
    """A project as the doors use it; `secrets` holds the current one first, then a previous one.

    `callback_rules` stand in their order: the first one that fits decides.
    """

    id: int
    name: str
    callback_url: str
    secrets: tuple[str, ...]
    settings: ProjectSettings
    callback_rules: tuple[CallbackRule, ...] = ()

    def __repr__(self) -> str:
        """Name the project; its secrets never appear in a log or a traceback."""
        return f"Project(id={self.id})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        """Do the same for pretty tracebacks, which ask for this."""
        return [("id", self.id)]


def differences(before: Project, after: Project) -> list[str]:
    """Return what differs in name, callback address and settings: `name=old → new`, no secrets."""
    pairs = [
        (name, getattr(before, name), getattr(after, name)) for name in ("name", "callback_url")
    ]
    old, new = msgspec.to_builtins(before.settings), msgspec.to_builtins(after.settings)
    pairs += [(name, old[name], new[name]) for name in old]
    return [f"{name}={_told(was)} → {_told(is_)}" for name, was, is_ in pairs if was != is_]


def _told(value: object) -> str:
    if value is None or value == "":
        return "empty"
    return str(value).lower() if isinstance(value, bool) else str(value)


def settings_from_pairs(base: ProjectSettings, pairs: dict[str, str]) -> ProjectSettings:
    """Return `base` with `key=value` texts laid over it.

    Raises ValueError with a sentence for people for an unknown key or a value out of bounds.
    """
    merged = msgspec.to_builtins(base)
    for key, value in pairs.items():
        if key not in merged:
            raise ValueError(f"unknown setting {key!r}; known: {', '.join(sorted(merged))}")
        merged[key] = None if value == "" and key == "decline_after_s" else value
    try:
        return msgspec.convert(merged, ProjectSettings, strict=False)
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from error
