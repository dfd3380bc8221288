"""The checker of the safe callback profile finds each breach, and only breaches."""

from __future__ import annotations

import copy
from typing import Any, Final

import pytest

from tests.support.safe_profile import breaches

GOOD: Final[dict[str, Any]] = {
    "project_id": 1,
    "payment": {
        "id": "1",
        "type": "purchase",
        "status": "success",
        "date": "2025-01-01T00:00:00+0000",
        "method": "hk-qr",
        "sum": {"amount": 1, "currency": "HKD"},
        "description": "",
    },
    "operation": {
        "id": 1,
        "type": "sale",
        "status": "success",
        "date": "2025-01-01T00:00:00+0000",
        "created_date": "2025-01-01T00:00:00+0000",
        "request_id": "r",
        "sum_initial": {"amount": 1, "currency": "HKD"},
        "code": "0",
        "message": "Success",
    },
    "signature": "s",
}


def test_a_good_body() -> None:
    """A body as the platform sends it has no breach."""
    assert breaches(GOOD) == []


@pytest.mark.parametrize(
    ("path", "value", "breach"),
    [
        ("payment.description", None, "payment.description: NoneType"),
        ("payment.description", True, "payment.description: bool"),
        ("payment.sum.amount", 1.5, "payment.sum.amount: float"),
        ("payment.sum.amount", "1", "payment.sum.amount: not int"),
        ("payment.sum", None, "payment.sum: missing"),
        ("payment.id", 1, "payment.id: not str"),
        ("payment.description", "a;b", "payment.description: a semicolon"),
        ("payment.Name", "x", "payment.Name: not a lower-case key"),
        ("payment.signature", "x", "payment.signature: a signature below the top"),
        ("payment.date", "2025-01-01T00:00:00Z", "payment.date: not a date"),
        ("operation.id", 2**53, f"operation.id: {2**53} is not exact in a double"),
        ("operation.id", "1", "operation.id: not int"),
        ("operation.request_id", "", "operation.request_id: empty"),
        ("errors", [1] * 11, "errors: 11 entries"),
        ("errors", [{"code": None}], "errors.0.code: NoneType"),
        ("operation", [], "operation: not dict"),
        ("payment", [], "payment: not dict"),
    ],
)
def test_each_breach_is_found(path: str, value: object, breach: str) -> None:
    """One thing wrong, one breach named with its place."""
    told = copy.deepcopy(GOOD)
    *owners, name = path.split(".")
    owner = told
    for each in owners:
        owner = owner[each]
    owner[name] = value
    assert any(found.endswith(breach) for found in breaches(told)), breaches(told)


def test_a_body_that_is_no_object() -> None:
    """Clients expect an object."""
    assert breaches([]) == ["not an object"]
