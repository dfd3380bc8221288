"""Amounts: integers in minor units, never fractions (ISO 4217: HKD and CNY have two decimals)."""

from typing import Final

DECIMALS: Final = {"HKD": 2, "CNY": 2}
"""Currency → decimals of its minor unit; the currencies of `hk-qr` (hk-qr page, overview)."""

SYMBOLS: Final = {"HKD": "HK$", "CNY": "CN¥"}

AMOUNT_MINOR_MAX: Final = 10**13
"""Upper bound of an amount on the wire (Gate spec, `payment.amount`)."""


def to_text(amount_minor: int, currency: str) -> str:
    """Write an amount as a plain decimal: `to_text(10050, "HKD") == "100.50"`.

    Raises KeyError for a currency that is not in `DECIMALS`.
    """
    scale: int = 10 ** DECIMALS[currency]
    sign = "-" if amount_minor < 0 else ""
    whole, part = divmod(abs(amount_minor), scale)
    return f"{sign}{whole}.{part:0{DECIMALS[currency]}d}"


def to_display(amount_minor: int, currency: str) -> str:
    """Write an amount for people: `to_display(1234500, "HKD") == "HK$12,345.00"`."""
    whole, _, part = to_text(abs(amount_minor), currency).partition(".")
    sign = "-" if amount_minor < 0 else ""
    return f"{sign}{SYMBOLS[currency]}{int(whole):,}.{part}"


def from_text(text: str, currency: str) -> int:
    """Read a plain decimal with at most the currency's decimals into minor units.

    Raises ValueError for anything else (signs, grouping, exponents, too many decimals).
    """
    decimals = DECIMALS[currency]
    whole, _, part = text.partition(".")
    digits_only = (whole + part).isascii() and (whole + part).isdigit()
    if not whole or not digits_only or len(part) > decimals:
        raise ValueError(f"not an amount in {currency}: {text[:40]!r}")
    return int(whole + part.ljust(decimals, "0"))
