"""Response codes: what stands on the wire beside each."""

from __future__ import annotations

from typing import Final

import pytest

from sampan.domain.codes import MEANINGS, MESSAGES, Code, message

PUBLISHED: Final = {
    "0": "Success",
    "301": "Cancelled",
    "303": "Access denied",
    "310": "This operation is not allowed by project settings",
    "314": "Provider is not available now to perform the operation",
    "501": "Internal error",
    "502": "Validation error",
    "702": "Malformed request",
    "2003": "Invalid JSON string",
    "2004": "Required field not provided",
    "2124": "Invalid Customer ID",
    "2426": "Invalid Email",
    "2442": "Project ID not found",
    "2541": "Unknown Payment Method",
    "2642": "Operation amount is greater than limit",
    "3023": "Provided currency disabled for Project ID",
    "3024": "Invalid Payment ID",
    "3041": "Payment ID already exists",
    "3060": "Current payment or operation status does not allow this action",
    "3061": "Transaction not found",
    "3121": "Invalid currency",
    "3230": "The operation with such merchant_refund_id already exists",
    "3261": "Invalid signature",
    "3262": "Empty signature",
    "3358": "Operation amount is less than limit",
    "9999": "Awaiting processing",
    "20100": "Declined by external provider",
    "20202": "PSP system is unavailable",
    "20301": "Account owner cancelled operation",
    "20304": "Incorrect amount paid",
    "20602": "Time-out",
    "20706": "Operation not supported by provider",
}
"""The platform's published table, as far as Sampan uses it."""


@pytest.mark.parametrize("code", Code)
def test_message_is_the_published_one(code: Code) -> None:
    """Merchants look codes up in the platform's own table."""
    assert message(code) == PUBLISHED[code.value]


def test_every_code_has_message_and_meaning() -> None:
    """No code is sent that the tables do not explain, and the tables explain no others."""
    assert set(MESSAGES) == set(MEANINGS) == set(Code)
    assert all(MEANINGS.values())


def test_the_list_is_whole() -> None:
    """No code of the list has been lost."""
    assert {code.value for code in Code} == set(PUBLISHED)


def test_a_code_that_is_not_ours() -> None:
    """A bank's unknown code is told with the message of a bank's refusal."""
    assert message("77777") == "Declined by external provider"
