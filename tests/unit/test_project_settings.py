"""Settings of a project: their defaults, their bounds, and reading them from texts."""

from __future__ import annotations

from typing import Final

import pytest
from rich.pretty import pretty_repr

from sampan.domain.project import (
    DisplayProfile,
    OtherAmount,
    Project,
    ProjectSettings,
    ReferenceMode,
    settings_from_pairs,
)

DEFAULTS: Final[dict[str, object]] = {
    "enabled": True,
    "hkd_enabled": True,
    "cny_enabled": True,
    "hkd_amount_min": 1,
    "hkd_amount_max": 1_000_000,
    "cny_amount_min": 1,
    "cny_amount_max": 1_000_000,
    "qr_lifetime_s": 600,
    "decline_after_s": None,
    "display_profile": "image",
    "strict_customer": False,
    "other_amount": "hold",
    "late_accept_s": 0,
    "provider": "sandbox",
    "reference_mode": "bill_number",
    "account_rule": "first",
    "sandbox_scenario": "by_amount",
    "sandbox_autopay_ms": 0,
}


@pytest.mark.parametrize("name", DEFAULTS)
def test_default(name: str) -> None:
    """Without a setting a project behaves as documented."""
    assert getattr(ProjectSettings(), name) == DEFAULTS[name]


def test_an_unpaid_payment_is_declined_after_lifetime_and_grace() -> None:
    """By default the bank has five minutes after the QR's end to tell of the money."""
    assert ProjectSettings().decline_after_effective_s == 900
    assert ProjectSettings(qr_lifetime_s=60).decline_after_effective_s == 360


def test_decline_after_as_set() -> None:
    """A project's own time to decline wins."""
    assert ProjectSettings(decline_after_s=30).decline_after_effective_s == 30


def test_late_accept_in_microseconds() -> None:
    """Seconds of the setting are compared with times in microseconds."""
    assert ProjectSettings(late_accept_s=3).late_accept_us == 3_000_000


@pytest.mark.parametrize(
    ("currency", "limits"), [("HKD", (5, 50)), ("CNY", (7, 70)), ("USD", None)]
)
def test_limits_by_currency(currency: str, limits: tuple[int, int] | None) -> None:
    """Each currency of the method has its own limits; others are not taken."""
    settings = ProjectSettings(
        hkd_amount_min=5, hkd_amount_max=50, cny_amount_min=7, cny_amount_max=70
    )
    assert settings.amount_limits(currency) == limits


@pytest.mark.parametrize("currency", ["HKD", "CNY"])
def test_a_currency_that_is_off(currency: str) -> None:
    """A currency that is switched off has no limits: it is not taken."""
    settings = ProjectSettings(hkd_enabled=False, cny_enabled=False)
    assert settings.amount_limits(currency) is None


def test_settings_from_texts() -> None:
    """Texts become values of the setting's type, laid over what was there."""
    base = ProjectSettings(qr_lifetime_s=120)
    made = settings_from_pairs(
        base,
        {
            "hkd_enabled": "false",
            "hkd_amount_max": "50000",
            "decline_after_s": "45",
            "display_profile": "extended",
            "other_amount": "accept",
            "reference_mode": "none",
            "payee_name_zh": "舢舨茶室",
        },
    )
    assert made.qr_lifetime_s == 120
    assert (made.hkd_enabled, made.hkd_amount_max, made.decline_after_s) == (False, 50_000, 45)
    assert made.display_profile is DisplayProfile.EXTENDED
    assert made.other_amount is OtherAmount.ACCEPT
    assert made.reference_mode is ReferenceMode.NONE
    assert made.payee_name_zh == "舢舨茶室"


def test_an_empty_time_to_decline() -> None:
    """An empty text goes back to the QR's lifetime and grace."""
    made = settings_from_pairs(ProjectSettings(decline_after_s=45), {"decline_after_s": ""})
    assert made.decline_after_s is None


def test_nothing_changes_without_texts() -> None:
    """No texts, the same settings."""
    assert settings_from_pairs(ProjectSettings(late_accept_s=9), {}).late_accept_s == 9


def test_an_unknown_setting() -> None:
    """A name that is no setting is answered with those that are."""
    with pytest.raises(ValueError, match=r"unknown setting 'colour'; known: .*qr_lifetime_s"):
        settings_from_pairs(ProjectSettings(), {"colour": "red"})


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("qr_lifetime_s", "59"),
        ("qr_lifetime_s", "86401"),
        ("qr_lifetime_s", "ten"),
        ("qr_lifetime_s", ""),
        ("decline_after_s", "0"),
        ("decline_after_s", "2678401"),
        ("late_accept_s", "-1"),
        ("hkd_amount_max", "10000000000001"),
        ("hkd_amount_min", "1.5"),
        ("hkd_enabled", "maybe"),
        ("other_amount", "guess"),
        ("display_profile", "hologram"),
        ("reference_mode", "tattoo"),
        ("provider", "../secrets"),
        ("payee_fps_id", "123"),
        ("payee_name", ""),
        ("payee_name", "A;B"),
        ("payee_name", "茶"),
        ("payee_name_zh", "茶;室"),
        ("payee_name_zh", "茶" * 26),
        ("sandbox_scenario", "Late!"),
        ("sandbox_autopay_ms", "86400001"),
    ],
)
def test_a_value_out_of_bounds(name: str, text: str) -> None:
    """A value that the setting cannot have is refused, naming the setting."""
    with pytest.raises(ValueError, match=name):
        settings_from_pairs(ProjectSettings(), {name: text})


def test_a_project_never_shows_its_secrets() -> None:
    """Neither a log nor a traceback can print what signs callbacks."""
    project = Project(
        id=7, name="n", callback_url="", secrets=("hush",), settings=ProjectSettings()
    )
    assert repr(project) == str(project) == "Project(id=7)"
    assert pretty_repr(project) == "Project(id=7)"
