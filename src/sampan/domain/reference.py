"""The reference that travels with a payment through the bank: 12 characters, one of them a check.

Upper-case Crockford base32 survives what banks do to texts (upper-casing, truncation, retyping).
Reference = 11 digits of the operation's id in base 32, then a check digit, so that one wrong
character never names another payment.
"""

from typing import Final

ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
LENGTH: Final = 12
_VALUE: Final = {char: value for value, char in enumerate(ALPHABET)} | {"O": 0, "I": 1, "L": 1}
_PRIME: Final = 31
"""Weights 1, 2, 4, … modulo a prime catch every single wrong digit but 0 against 31."""


def encode(operation_id: int) -> str:
    """Write an operation id (0 … 2^53-1) as its reference."""
    digits = []
    rest = operation_id
    for _ in range(LENGTH - 1):
        rest, digit = divmod(rest, 32)
        digits.append(digit)
    digits.reverse()
    return "".join(ALPHABET[digit] for digit in digits) + ALPHABET[_check(digits)]


def decode(text: str) -> int | None:
    """Read a reference as a person or a bank wrote it; None when it is not one of ours.

    Blanks and hyphens are dropped, case does not matter, O reads as 0, I and L as 1.
    """
    plain = text.replace(" ", "").replace("-", "").upper()
    if len(plain) != LENGTH or any(char not in _VALUE for char in plain):
        return None
    *digits, check = (_VALUE[char] for char in plain)
    if _check(digits) != check:
        return None
    value = 0
    for digit in digits:
        value = value * 32 + digit
    return value


def _check(digits: list[int]) -> int:
    return sum(digit * pow(2, place, _PRIME) for place, digit in enumerate(digits)) % _PRIME
