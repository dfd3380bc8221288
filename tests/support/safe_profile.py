"""The safe callback profile: what every known client of the field reads, and reads the same."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

INTEGER_END: Final = 2**53
"""Integers from here on are rounded by clients that keep every number as a double."""
LIST_MAX: Final = 10
_KEY: Final = re.compile(r"[a-z][a-z0-9_]*")
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\+0000")
_DATES: Final = frozenset({"date", "created_date", "expires_at"})

_PAYMENT_TEXTS: Final = ("id", "type", "status", "date", "method")
_OPERATION_TEXTS: Final = (
    "type",
    "status",
    "date",
    "created_date",
    "request_id",
    "code",
    "message",
)


def breaches(told: object) -> list[str]:
    """Say everything that is wrong with a callback body, with or without its signature."""
    if not isinstance(told, dict):
        return ["not an object"]
    return [*value_breaches(told), *_callback_breaches(told)]


def value_breaches(value: object, path: str = "") -> Iterator[str]:
    """Say which values some client would refuse or misread, wherever they stand."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _member_breaches(key, inner, path=path)
    elif isinstance(value, list):
        if len(value) > LIST_MAX:
            yield f"{path}: {len(value)} entries"
        for number, inner in enumerate(value):
            yield from value_breaches(inner, f"{path}.{number}")
    elif isinstance(value, str):
        if ";" in value:
            yield f"{path}: a semicolon"
    elif isinstance(value, bool) or not isinstance(value, int):
        yield f"{path}: {type(value).__name__}"
    elif not -INTEGER_END < value < INTEGER_END:
        yield f"{path}: {value} is not exact in a double"


def _member_breaches(key: object, inner: object, *, path: str) -> Iterator[str]:
    here = f"{path}.{key}" if path else str(key)
    if not isinstance(key, str) or not _KEY.fullmatch(key):
        yield f"{here}: not a lower-case key"
    if key == "signature" and path:
        yield f"{here}: a signature below the top"
    if key in _DATES and not (isinstance(inner, str) and _DATE.fullmatch(inner)):
        yield f"{here}: not a date"
    yield from value_breaches(inner, here)


def _callback_breaches(told: dict[str, Any]) -> Iterator[str]:
    """Say which members are missing that clients rely on in every callback."""
    yield from _wanting(told, "", {"project_id": int, "payment": dict, "operation": dict})
    payment, operation = told.get("payment"), told.get("operation")
    if isinstance(payment, dict):
        yield from _wanting(payment, "payment", dict.fromkeys(_PAYMENT_TEXTS, str))
        yield from _sum_breaches(payment, "payment", "sum")
    if isinstance(operation, dict):
        yield from _wanting(operation, "operation", dict.fromkeys(_OPERATION_TEXTS, str))
        yield from _wanting(operation, "operation", {"id": int})
        yield from _sum_breaches(operation, "operation", "sum_initial")


def _sum_breaches(owner: dict[str, Any], path: str, name: str) -> Iterator[str]:
    found = owner.get(name)
    if not isinstance(found, dict):
        yield f"{path}.{name}: missing"
        return
    yield from _wanting(found, f"{path}.{name}", {"amount": int, "currency": str})


def _wanting(owner: dict[str, Any], path: str, kinds: dict[str, type]) -> Iterator[str]:
    for name, kind in kinds.items():
        found = owner.get(name)
        if not isinstance(found, kind) or isinstance(found, bool):
            yield f"{path}.{name}: not {kind.__name__}"
        elif found == "":
            yield f"{path}.{name}: empty"
