"""Choices of a project's forms, and fields that many sections have in common."""

from collections.abc import Callable, Mapping
from typing import Final

from sampan.dashboard.project_fields import Field, Kind, Options, Section
from sampan.domain.fps_account import PROVIDER
from sampan.providers import registry
from sampan.web import i18n
from sampan.web.i18n import mark

SCENARIOS: Final[Mapping[str, str]] = {
    "by_amount": mark("By the amount"),
    "late": mark("The money arrives after the decline"),
    "twice": mark("The money arrives twice"),
    "short": mark("Less money arrives"),
    "over": mark("More money arrives"),
    "refused": mark("The customer refuses"),
    "silent": mark("The money arrives and the bank says nothing"),
    "notice_repeated": mark("The bank says it three times"),
    "notice_out_of_order": mark("The bank’s messages come in the wrong order"),
    "bank_slow": mark("The bank is slow"),
    "bank_down": mark("The bank is away at first"),
    "wrong_currency": mark("Another currency arrives"),
}
SANDBOX: Final = "sandbox"
_PROVIDERS: Final[Mapping[str, str]] = {
    SANDBOX: mark("Test: the sandbox bank"),
    PROVIDER: mark("Real: FPS accounts of your own"),
}


def provider_options() -> Options:
    """Return the providers that are installed; the first is the one for tests."""
    names = sorted(registry.available(), key=lambda name: (name != SANDBOX, name))
    return [(name, _PROVIDERS.get(name, name)) for name in names]


def scenarios() -> Options:
    """Return what the test bank can do, with names."""
    return tuple(SCENARIOS.items())


def fixed(*options: tuple[str, str]) -> Callable[[], Options]:
    """Return choices that never change."""
    return lambda: options


def languages() -> Options:
    """Return the languages of pages by their own names."""
    return [(code, language.name) for code, language in i18n.LANGUAGES.items()]


WEB_FAULT: Final = mark("An address that begins with https:// or http://, without blanks or “;”.")
USUAL: Final = ("", mark("Usual"))
ENABLED: Final = fixed(
    USUAL,
    ("0", mark("Off")),
    ("1", mark("On a page of its own only")),
    ("2", mark("In frames and windows of the shop too")),
)
MODES: Final = fixed(
    USUAL,
    ("iframe", mark("Inside the frame")),
    ("parent_page", mark("In the whole window")),
    ("blank_page", mark("In a new tab")),
)


def back(name: str, *, help_: str) -> tuple[Field, ...]:
    """Return the fields of a button that leads back to the shop."""
    return (
        Field(
            name=f"{name}_url",
            label=mark("Button back to the shop"),
            kind=Kind.URL,
            help=help_,
            fault=WEB_FAULT,
        ),
        Field(
            name=f"{name}_enabled",
            label=mark("Where the button is shown"),
            kind=Kind.CHOICE,
            options=ENABLED,
        ),
        Field(
            name=f"{name}_redirect_mode",
            label=mark("Where it opens from a frame"),
            kind=Kind.CHOICE,
            options=MODES,
        ),
    )


def away(name: str) -> tuple[Field, ...]:
    """Return the fields of an address to which the customer is led without a click."""
    return (
        Field(
            name=f"{name}_url",
            label=mark("Lead there at once"),
            kind=Kind.URL,
            help=mark("The customer leaves without seeing our result. Empty: our result is shown."),
            fault=WEB_FAULT,
        ),
        Field(
            name=f"{name}_mode",
            label=mark("Where that opens from a frame"),
            kind=Kind.CHOICE,
            options=MODES,
        ),
    )


def currency(code: str, title: str) -> Section:
    """Return the section of a currency: whether it is taken, and its limits."""
    low = code.lower()
    bounds = mark("An amount such as 10.00, at most 100,000,000,000.00.")
    return Section(
        title,
        (
            Field(name=f"{low}_enabled", label=mark("Take this currency"), kind=Kind.TICK),
            Field(
                name=f"{low}_amount_min",
                label=mark("Least amount of a payment"),
                kind=Kind.MONEY,
                fault=bounds,
                currency=code,
            ),
            Field(
                name=f"{low}_amount_max",
                label=mark("Greatest amount of a payment"),
                kind=Kind.MONEY,
                fault=bounds,
                currency=code,
            ),
        ),
    )
