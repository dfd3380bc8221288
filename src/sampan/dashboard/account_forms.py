"""Read and show the form of an FPS account: what was typed, what is wrong, what is kept."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec

from sampan.dashboard.project_choices import fixed
from sampan.dashboard.project_fields import Field, Kind, Section
from sampan.dashboard.project_forms import OFF, ON, UNKNOWN_CHOICE, Filled, translated
from sampan.domain import fps_account as domain
from sampan.domain.fps_account import FpsAccount, ProxyKind
from sampan.domain.project import ReferenceMode
from sampan.web.i18n import mark, translate

Sent = Callable[[str], str]

_TYPED_CHARS_MAX: Final = 200
_NOT_DIALLED: Final = re.compile(r"[\s()-]")
_LOCAL: Final = re.compile(r"(?:\+?852)?([0-9]{8})")

KINDS: Final[Mapping[ProxyKind, str]] = {
    ProxyKind.FPS_ID: mark("FPS ID"),
    ProxyKind.MOBILE: mark("Mobile number"),
    ProxyKind.EMAIL: mark("E-mail address"),
}
MODES: Final[Mapping[ReferenceMode, str]] = {
    ReferenceMode.NONE: mark("Nowhere"),
    ReferenceMode.BILL_NUMBER: mark("As bill number"),
    ReferenceMode.REFERENCE_LABEL: mark("As reference label"),
    ReferenceMode.BOTH: mark("As both"),
}
PROXY_FAULTS: Final[Mapping[str, str]] = {
    ProxyKind.FPS_ID: mark("An FPS ID has 7 to 9 digits."),
    ProxyKind.MOBILE: mark("A mobile number of Hong Kong has 8 digits; others begin with “+86-”."),
    ProxyKind.EMAIL: mark("An e-mail address of at most 34 Latin letters, digits and signs."),
}

ACCOUNT: Final = Section(
    mark("Account"),
    (
        Field(
            name="name",
            label=mark("Name of the account"),
            help=mark("For your team, such as “HSBC main”. Customers do not see it."),
            fault=mark("1 to 60 characters, not of digits alone."),
        ),
        Field(
            name="proxy_kind",
            label=mark("The QR code names the account by"),
            kind=Kind.CHOICE,
            help=mark("Prefer an FPS ID: it belongs to one account and cannot move."),
            options=fixed(*((kind.value, name) for kind, name in KINDS.items())),
        ),
        Field(
            name="proxy",
            label=mark("FPS ID, mobile number or e-mail address"),
            help=mark("As it is registered with FPS."),
        ),
        Field(
            name="clearing_code",
            label=mark("Clearing code of the bank"),
            help=mark("3 digits, such as 004. May be empty; a QR code with an FPS ID has none."),
            fault=mark("Empty, or 3 digits."),
        ),
        Field(
            name="bank_account",
            label=mark("Account number"),
            help=mark("As your statements write it. It stands in no QR code; may be empty."),
            fault=mark("At most 34 letters, digits and hyphens."),
        ),
        Field(
            name="currencies",
            label=mark("Currencies"),
            kind=Kind.CHOICE,
            options=fixed(
                ("HKD", mark("HKD")), ("CNY", mark("CNY")), ("HKD,CNY", mark("HKD and CNY"))
            ),
        ),
    ),
)
PAYEE: Final = Section(
    mark("Payee in the QR code"),
    (
        Field(
            name="payee_name",
            label=mark("Name in English"),
            help=mark("Bank apps show the name that is registered with FPS; write the same."),
            fault=mark("1 to 25 Latin letters, digits and signs, without “;” and “~”."),
        ),
        Field(
            name="payee_name_zh",
            label=mark("Name in Chinese"),
            help=mark("May be empty."),
            fault=mark("At most 25 characters, without “;”."),
        ),
        Field(
            name="city",
            label=mark("City"),
            fault=mark("1 to 15 Latin letters, digits and signs, without “;” and “~”."),
        ),
        Field(
            name="mcc",
            label=mark("Merchant category"),
            help=mark("4 digits; 0000: none."),
            fault=mark("4 digits."),
        ),
    ),
)
MAKING: Final = Section(
    mark("How QR codes are made"),
    (
        Field(
            name="reference_mode",
            label=mark("Where the QR code carries our reference"),
            kind=Kind.CHOICE,
            options=fixed(*((mode.value, name) for mode, name in MODES.items())),
        ),
        Field(
            name="off_max_minor",
            label=mark("Give off at most (cents)"),
            kind=Kind.NUMBER,
            help=mark(
                "Without a reference, so that no two open payments have one amount. Customers are"
                " told. 0: nothing."
            ),
            fault=mark("A whole number from 0 to 100."),
        ),
        Field(
            name="amount_lock",
            label=mark("Customers cannot change the amount"),
            kind=Kind.TICK,
        ),
        Field(
            name="timeout_in_qr",
            label=mark("The QR code says until when it may be paid"),
            kind=Kind.TICK,
        ),
    ),
    mark(
        "Ordinary accounts take no reference, and an app then refuses the whole QR code. “Try it"
        " out” finds the right values by asking what two bank apps do."
    ),
)
USE: Final = Section(
    mark("Use"),
    (
        Field(
            name="is_on",
            label=mark("Use it for new payments"),
            kind=Kind.TICK,
            help=mark("Off: QR codes that are out can still be paid, and notices are taken."),
        ),
    ),
)
SECTIONS: Final = (ACCOUNT, PAYEE, MAKING, USE)
NEW: Final = (ACCOUNT, Section(PAYEE.title, PAYEE.fields[:2]))
"""What a new account is asked for; the rest has usual values."""

BLANK: Final = FpsAccount(
    id=0, name="A", proxy_kind=ProxyKind.FPS_ID, proxy="1234567", payee_name="A"
)
"""An account without a fault, to which values are put one by one."""


def read(sections: Sequence[Section], sent: Sent) -> Filled:
    """Read a form of these sections; `sent` returns a text of it. Nothing is raised."""
    filled = Filled()
    for section in sections:
        for field in section.fields:
            typed = sent(field.name)[:_TYPED_CHARS_MAX]
            filled.typed[field.name] = typed
            filled.values[field.name] = ("true" if typed else "false") if _ticks(field) else typed
    values = filled.values
    kind = values["proxy_kind"]
    if kind == ProxyKind.MOBILE:
        values["proxy"] = dialled(values["proxy"])
    for section in sections:
        for field in section.fields:
            tried = {field.name: values[field.name]}
            if field.name == "proxy":
                # Whose kind is unknown is told so there, and not here as well.
                tried |= {"proxy_kind": kind} if kind in set(ProxyKind) else {"proxy": BLANK.proxy}
            elif field.name == "proxy_kind":
                tried |= {"proxy": _FITTING.get(kind, "")}
            fault = PROXY_FAULTS.get(kind, "") if field.name == "proxy" else field.fault
            if not _fits(tried):
                filled.errors[field.name] = fault or UNKNOWN_CHOICE
    return filled


_FITTING: Final = {
    ProxyKind.FPS_ID.value: BLANK.proxy,
    ProxyKind.MOBILE.value: "+852-91234567",
    ProxyKind.EMAIL.value: "a@b",
}


def _fits(values: Mapping[str, str]) -> bool:
    try:
        domain.changed(BLANK, values)
    except ValueError:
        return False
    return True


def dialled(text: str) -> str:
    """Return a number of Hong Kong as FPS writes it, however it was typed; others as they are."""
    local = _LOCAL.fullmatch(_NOT_DIALLED.sub("", text))
    return f"+852-{local[1]}" if local else text


def _ticks(field: Field) -> bool:
    return field.kind is Kind.TICK


def texts_of(account: FpsAccount) -> dict[str, str]:
    """Return an account's values as a form shows them, before anybody has typed."""
    return {
        name: ("1" if value else "") if isinstance(value, bool) else str(value)
        for name, value in msgspec.to_builtins(account).items()
    }


def rows(
    sections: Sequence[Section],
    account: FpsAccount,
    *,
    filled: Filled,
    language: str,
    meanwhile: bool = False,
) -> list[dict[str, Any]]:
    """Return sections as `projects/fields.html` shows them, with what was typed in `filled`.

    With `meanwhile`, what `account` has is told beside what was typed.
    """
    kept, typed = texts_of(account), filled.typed
    return [
        {
            "section": section,
            "fields": [
                {
                    "field": field,
                    "typed": typed.get(field.name, ""),
                    "options": translated(field.options(), language) if field.options else [],
                    "error": filled.errors.get(field.name, ""),
                    "said": _said(field, kept[field.name], language=language),
                    "meanwhile": meanwhile and kept[field.name] != typed.get(field.name, ""),
                }
                for field in section.fields
            ],
        }
        for section in sections
    ]


def _said(field: Field, text: str, *, language: str) -> str:
    """Say a value in words, for who only reads."""
    if _ticks(field):
        return translate(language, ON if text else OFF)
    if field.options:
        return translate(language, dict(field.options())[text])
    return text or "–"
