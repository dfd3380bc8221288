"""Response codes and messages (unified codes of the platform, Gate docs, Appendix A).

Each code that Sampan can send stands here once, with what it means for the merchant; the page
`docs/codes.md` is made from this table.
"""

from enum import StrEnum
from typing import Final


class Code(StrEnum):
    """A unified response code; the value is what stands on the wire."""

    SUCCESS = "0"
    CANCELLED = "301"
    ACCESS_DENIED = "303"
    NOT_ALLOWED_BY_PROJECT = "310"
    PROVIDER_NOT_AVAILABLE = "314"
    INTERNAL_ERROR = "501"
    VALIDATION_ERROR = "502"
    MALFORMED_REQUEST = "702"
    INVALID_JSON = "2003"
    REQUIRED_FIELD_MISSING = "2004"
    INVALID_CUSTOMER_ID = "2124"
    INVALID_EMAIL = "2426"
    PROJECT_NOT_FOUND = "2442"
    UNKNOWN_METHOD = "2541"
    AMOUNT_GREATER_THAN_LIMIT = "2642"
    CURRENCY_DISABLED = "3023"
    INVALID_PAYMENT_ID = "3024"
    PAYMENT_ID_EXISTS = "3041"
    STATUS_FORBIDS = "3060"
    NOT_FOUND = "3061"
    INVALID_CURRENCY = "3121"
    REFUND_ID_EXISTS = "3230"
    INVALID_SIGNATURE = "3261"
    EMPTY_SIGNATURE = "3262"
    AMOUNT_LESS_THAN_LIMIT = "3358"
    AWAITING = "9999"
    DECLINED_BY_PROVIDER = "20100"
    PROVIDER_UNAVAILABLE = "20202"
    CANCELLED_BY_CUSTOMER = "20301"
    INCORRECT_AMOUNT = "20304"
    TIME_OUT = "20602"
    NOT_SUPPORTED_BY_PROVIDER = "20706"


MESSAGES: Final[dict[Code, str]] = {
    Code.SUCCESS: "Success",
    Code.CANCELLED: "Cancelled",
    Code.ACCESS_DENIED: "Access denied",
    Code.NOT_ALLOWED_BY_PROJECT: "This operation is not allowed by project settings",
    Code.PROVIDER_NOT_AVAILABLE: "Provider is not available now to perform the operation",
    Code.INTERNAL_ERROR: "Internal error",
    Code.VALIDATION_ERROR: "Validation error",
    Code.MALFORMED_REQUEST: "Malformed request",
    Code.INVALID_JSON: "Invalid JSON string",
    Code.REQUIRED_FIELD_MISSING: "Required field not provided",
    Code.INVALID_CUSTOMER_ID: "Invalid Customer ID",
    Code.INVALID_EMAIL: "Invalid Email",
    Code.PROJECT_NOT_FOUND: "Project ID not found",
    Code.UNKNOWN_METHOD: "Unknown Payment Method",
    Code.AMOUNT_GREATER_THAN_LIMIT: "Operation amount is greater than limit",
    Code.CURRENCY_DISABLED: "Provided currency disabled for Project ID",
    Code.INVALID_PAYMENT_ID: "Invalid Payment ID",
    Code.PAYMENT_ID_EXISTS: "Payment ID already exists",
    Code.STATUS_FORBIDS: "Current payment or operation status does not allow this action",
    Code.NOT_FOUND: "Transaction not found",
    Code.INVALID_CURRENCY: "Invalid currency",
    Code.REFUND_ID_EXISTS: "The operation with such merchant_refund_id already exists",
    Code.INVALID_SIGNATURE: "Invalid signature",
    Code.EMPTY_SIGNATURE: "Empty signature",
    Code.AMOUNT_LESS_THAN_LIMIT: "Operation amount is less than limit",
    Code.AWAITING: "Awaiting processing",
    Code.DECLINED_BY_PROVIDER: "Declined by external provider",
    Code.PROVIDER_UNAVAILABLE: "PSP system is unavailable",
    Code.CANCELLED_BY_CUSTOMER: "Account owner cancelled operation",
    Code.INCORRECT_AMOUNT: "Incorrect amount paid",
    Code.TIME_OUT: "Time-out",
    Code.NOT_SUPPORTED_BY_PROVIDER: "Operation not supported by provider",
}
"""Code → the message that stands beside it on the wire."""

MEANINGS: Final[dict[Code, str]] = {
    Code.SUCCESS: "The money is on the merchant's account.",
    Code.CANCELLED: "The merchant took the payment link back.",
    Code.ACCESS_DENIED: "The caller may not use this address.",
    Code.NOT_ALLOWED_BY_PROJECT: "The method is switched off for the project.",
    Code.PROVIDER_NOT_AVAILABLE: "No provider can take the payment now. Try later.",
    Code.INTERNAL_ERROR: "Our fault; says nothing about the payment. Ask for its status.",
    Code.VALIDATION_ERROR: "The accepted request failed a later check; see `errors`.",
    Code.MALFORMED_REQUEST: "Not a JSON object, or a member has the wrong type.",
    Code.INVALID_JSON: "The body is not JSON.",
    Code.REQUIRED_FIELD_MISSING: "A required field is missing; see `errors[].field`.",
    Code.INVALID_CUSTOMER_ID: "`customer.id` is empty or longer than 255 characters.",
    Code.INVALID_EMAIL: "`customer.email` is not an e-mail address.",
    Code.PROJECT_NOT_FOUND: "There is no such project, or `project_id` is not a number.",
    Code.UNKNOWN_METHOD: "The path names a method that does not exist.",
    Code.AMOUNT_GREATER_THAN_LIMIT: "Above the project's limit for this currency.",
    Code.CURRENCY_DISABLED: "The project does not take this currency.",
    Code.INVALID_PAYMENT_ID: "`payment_id` is empty, too long, framed by blanks or holds a `;`.",
    Code.PAYMENT_ID_EXISTS: "`payment_id` was used by another request of the project.",
    Code.STATUS_FORBIDS: "The payment is not in a status that allows this.",
    Code.NOT_FOUND: "There is no such payment or request.",
    Code.INVALID_CURRENCY: "`hk-qr` is paid in HKD or CNY only.",
    Code.REFUND_ID_EXISTS: "`merchant_refund_id` was used before.",
    Code.INVALID_SIGNATURE: "The signature does not fit body and secret.",
    Code.EMPTY_SIGNATURE: "The signature is missing or empty.",
    Code.AMOUNT_LESS_THAN_LIMIT: "Below the project's limit for this currency.",
    Code.AWAITING: "The customer has the QR, or a payment link, and has not paid yet.",
    Code.DECLINED_BY_PROVIDER: "The bank declined.",
    Code.PROVIDER_UNAVAILABLE: "The bank did not answer until the payment ran out of time.",
    Code.CANCELLED_BY_CUSTOMER: "The customer refused in the bank's app.",
    Code.INCORRECT_AMOUNT: "Another amount was paid and the payment was declined for it.",
    Code.TIME_OUT: "Nobody paid, or confirmed the payment link, in time.",
    Code.NOT_SUPPORTED_BY_PROVIDER: "`hk-qr` knows no refunds.",
}
"""Code → what it tells the merchant, in our words."""


def message(code: str) -> str:
    """Return the wire message of a code; for a code that is not ours, that of `20100`."""
    try:
        return MESSAGES[Code(code)]
    except ValueError:
        return MESSAGES[Code.DECLINED_BY_PROVIDER]
