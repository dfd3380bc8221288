"""The reference that travels with a payment through the bank: 12 characters, one of them a check.

Upper-case Crockford base32 survives what banks do to texts (upper-casing, truncation, retyping).
Reference = 11 digits of the operation's id in base 32, then a check digit, so that one wrong
character never names another payment.
"""

from typing import Final

ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
LENGTH: Final = 12
_VALUE: Final = {char: value for value, char in enumerate(ALPHABET)} | {"O": 0, "I": 1, "L": 1}
_DIGITS: Final = frozenset(range(32))
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


def near(text: str) -> tuple[int, ...]:
    """Return the operation ids that a text names but for one wrong character.

    In each place at most two other characters give a right check.
    """
    plain = text.replace(" ", "").replace("-", "").upper()
    digits = [_VALUE.get(char, 0) for char in plain]
    strange = [place for place, char in enumerate(plain) if char not in _VALUE]
    if len(plain) != LENGTH or len(strange) > 1:
        return ()
    off = _check(digits[:-1]) - digits[-1]
    found: dict[int, None] = {}
    for place in strange or range(LENGTH):
        weight = -1 if place == LENGTH - 1 else pow(2, place, _PRIME)
        right = (digits[place] - off * pow(weight, -1, _PRIME)) % _PRIME
        for digit in {right, right + _PRIME} & _DIGITS:
            value = decode(f"{plain[:place]}{ALPHABET[digit]}{plain[place + 1 :]}")
            if value is not None and digit != _VALUE.get(plain[place]):
                found[value] = None
    return tuple(found)


def _check(digits: list[int]) -> int:
    return sum(digit * pow(2, place, _PRIME) for place, digit in enumerate(digits)) % _PRIME
