"""A project: the merchant's unit of settings, with its own id and secret."""

from enum import StrEnum
from typing import Annotated

import msgspec
from msgspec import Meta

METHOD = "hk-qr"
"""The method code on the wire (hk-qr page)."""

Amount = Annotated[int, Meta(ge=0, le=10**13)]
Seconds = Annotated[int, Meta(ge=0, le=31 * 86_400)]


class Flow(StrEnum):
    """Who shows the QR: the merchant (`display`) or our hosted page (`redirect`)."""

    DISPLAY = "display"
    REDIRECT = "redirect"


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


class ProjectSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Every setting of a project, with its default. `docs/settings.md` documents each."""

    enabled: bool = True
    hkd_enabled: bool = True
    cny_enabled: bool = True
    hkd_amount_min: Amount = 1
    hkd_amount_max: Amount = 1_000_000
    cny_amount_min: Amount = 1
    cny_amount_max: Amount = 1_000_000
    qr_lifetime_s: Annotated[int, Meta(ge=60, le=86_400)] = 600
    decline_after_s: Annotated[int, Meta(ge=1, le=31 * 86_400)] | None = None
    flow: Flow = Flow.DISPLAY
    display_profile: DisplayProfile = DisplayProfile.IMAGE
    strict_customer: bool = False
    other_amount: OtherAmount = OtherAmount.HOLD
    late_accept_s: Seconds = 0
    provider: Annotated[str, Meta(pattern="^[a-z][a-z0-9_]{0,30}$")] = "sandbox"
    payee_fps_id: Annotated[str, Meta(pattern="^[0-9]{7,9}$")] = "1029384"
    payee_name: Annotated[str, Meta(min_length=1, max_length=25)] = "SAMPAN DEMO SHOP"
    payee_name_zh: Annotated[str, Meta(max_length=25)] = ""
    reference_mode: ReferenceMode = ReferenceMode.BILL_NUMBER
    sandbox_scenario: Annotated[str, Meta(pattern="^[a-z_]{1,30}$")] = "by_amount"
    sandbox_autopay_ms: Annotated[int, Meta(ge=0, le=86_400_000)] = 0

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
    """A project as the doors use it; `secrets` holds the current one first, then a previous one."""

    id: int
    name: str
    callback_url: str
    secrets: tuple[str, ...]
    settings: ProjectSettings

    def __repr__(self) -> str:
        """Name the project; its secrets never appear in a log or a traceback."""
        return f"Project(id={self.id})"


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
