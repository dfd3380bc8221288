"""Parameters of the Payment Page: which ones matter to `hk-qr`, and what they may hold.

All others are accepted, are part of the signature, and have no effect (Payment Page docs,
parameters). What is not wrong for any method but never reached by this one (cards, payouts) is not
looked at.
"""

import re
from collections.abc import Callable, Mapping
from typing import Final

from sampan.clock import DAY_US
from sampan.domain.codes import Code, message
from sampan.domain.payment import Customer, Targets
from sampan.domain.project import METHOD, Project
from sampan.domain.texts import (
    MOMENT,
    TEXT_CHARS_MAX,
    URL_CHARS_MAX,
    is_email,
    is_payment_id,
    is_web_url,
    moment_us,
)
from sampan.errors import FieldFault, Refusal
from sampan.flow.page import PageRequest
from sampan.money import AMOUNT_MINOR_MAX

CheckUrl = Callable[[str], None]
"""Raises ValueError when a callback must not go to this address."""

REQUIRED: Final = (
    "payment_id",
    "payment_amount",
    "payment_currency",
    "customer_id",
)
REQUIRED_STRICT: Final = ("customer_first_name", "customer_last_name", "customer_email")
"""What the project setting `strict_customer` asks for beside them."""

RETURN_URLS: Final = (
    "merchant_success_url",
    "merchant_fail_url",
    "merchant_return_url",
    "redirect_success_url",
    "redirect_fail_url",
    "redirect_return_url",
)
RETURN_ENABLED: Final = (
    "merchant_success_enabled",
    "merchant_fail_enabled",
    "merchant_return_enabled",
    "redirect_success_enabled",
    "redirect_fail_enabled",
)
RETURN_MODES: Final = (
    "merchant_success_redirect_mode",
    "merchant_fail_redirect_mode",
    "merchant_return_redirect_mode",
    "redirect_success_mode",
    "redirect_fail_mode",
)
MODES: Final = ("iframe", "parent_page", "blank_page")

MERCHANT_DATA_CHARS_MAX: Final = 4096
BEST_BEFORE_US_MAX: Final = 30 * DAY_US
"""A `best_before` further ahead is ignored: no limit applies (Payment Page docs, time limit)."""

_AMOUNT: Final = re.compile(r"([0-9]{1,14})(\.0+)?")
_CURRENCY: Final = re.compile(r"[A-Z]{3}")
_STYLE: Final = re.compile(r"[0-9]{1,9}")


def read(
    fields: Mapping[str, str], project: Project, *, check_url: CheckUrl, now_us: int
) -> PageRequest:
    """Return what verified fields ask for. Raises `Refusal` with the first fault.

    Missing fields first, then what a field may not hold, then what this project cannot do.
    """
    strict = REQUIRED_STRICT if project.settings.strict_customer else ()
    missing = [name for name in (*REQUIRED, *strict) if not fields.get(name)]
    if missing:
        raise refusal(Code.REQUIRED_FIELD_MISSING, *missing, constraint="required")
    if not is_payment_id(fields["payment_id"]):
        raise refusal(Code.INVALID_PAYMENT_ID, "payment_id", constraint="1..255, no `;`")
    if not _CURRENCY.fullmatch(fields["payment_currency"]):
        raise refusal(Code.INVALID_CURRENCY, "payment_currency", constraint="^[A-Z]{3}$")
    asked = PageRequest(
        payment_id=fields["payment_id"],
        amount_minor=_amount(fields["payment_amount"]),
        currency=fields["payment_currency"],
        customer=_customer(fields),
        description=_bounded(fields, "payment_description"),
        merchant_data=_bounded(fields, "merchant_data", chars_max=MERCHANT_DATA_CHARS_MAX),
        targets=_targets(fields, check_url),
        returns=_returns(fields),
        best_before_us=_best_before(fields.get("best_before", ""), now_us=now_us),
        language=_bounded(fields, "language_code").lower(),
        style=int(fields["style_id"]) if _STYLE.fullmatch(fields.get("style_id", "")) else 0,
        forced=fields.get("force_payment_method", "") == METHOD,
    )
    _check_method(fields, project)
    return asked


def refusal(code: Code, *names: str, constraint: str = "", http_status: int = 400) -> Refusal:
    """Return a refusal that names the fields at fault."""
    told = message(code)
    faults = tuple(FieldFault(code, told, name, constraint) for name in names)
    return Refusal(code, told, http_status=http_status, faults=faults)


def _amount(text: str) -> int:
    """Read minor units; libraries that know only fractions write `1000.0`."""
    found = _AMOUNT.fullmatch(text)
    amount = int(found[1]) if found else 0
    if not 1 <= amount <= AMOUNT_MINOR_MAX:
        raise refusal(Code.MALFORMED_REQUEST, "payment_amount", constraint=f"1..{AMOUNT_MINOR_MAX}")
    return amount


def _bounded(fields: Mapping[str, str], name: str, *, chars_max: int = TEXT_CHARS_MAX) -> str:
    text = fields.get(name, "")
    if len(text) > chars_max:
        raise refusal(Code.MALFORMED_REQUEST, name, constraint=f"..{chars_max}")
    return text


def _customer(fields: Mapping[str, str]) -> Customer:
    customer_id = _bounded(fields, "customer_id")
    email = _bounded(fields, "customer_email")
    if email and not is_email(email):
        raise refusal(Code.INVALID_EMAIL, "customer_email", constraint="e-mail address")
    return Customer(
        id=customer_id,
        first_name=_bounded(fields, "customer_first_name"),
        last_name=_bounded(fields, "customer_last_name"),
        email=email,
        phone=_bounded(fields, "customer_phone"),
    )


def _targets(fields: Mapping[str, str], check_url: CheckUrl) -> Targets:
    names = (
        "merchant_callback_url",
        "merchant_success_callback_url",
        "merchant_decline_callback_url",
    )
    for name in names:
        url = _bounded(fields, name, chars_max=URL_CHARS_MAX)
        try:
            if url:
                check_url(url)
        except ValueError as error:
            raise refusal(Code.MALFORMED_REQUEST, name, constraint="address refused") from error
    return Targets(
        callback_url=fields.get(names[0], ""),
        success_callback_url=fields.get(names[1], ""),
        decline_callback_url=fields.get(names[2], ""),
    )


def _returns(fields: Mapping[str, str]) -> dict[str, str]:
    """Return the parameters of the ways back. Addresses other than http and https are refused."""
    found = {name: fields[name] for name in RETURN_URLS if fields.get(name)}
    for name, url in found.items():
        if len(url) > URL_CHARS_MAX or not is_web_url(url):
            raise refusal(Code.MALFORMED_REQUEST, name, constraint="http or https URL")
    found |= {name: fields[name] for name in RETURN_ENABLED if fields.get(name) in {"0", "1", "2"}}
    found |= {name: fields[name] for name in RETURN_MODES if fields.get(name) in MODES}
    return found


def _best_before(text: str, *, now_us: int) -> int | None:
    """Read until when the page may be used."""
    if not text:
        return None
    until_us = moment_us(text)
    if until_us is None:
        raise refusal(Code.MALFORMED_REQUEST, "best_before", constraint=MOMENT)
    return None if until_us > now_us + BEST_BEFORE_US_MAX else until_us


def _check_method(fields: Mapping[str, str], project: Project) -> None:
    """Refuse what this project cannot do at all: another mode, another or a hidden method."""
    if fields.get("mode", "purchase") not in {"", "purchase"}:
        raise refusal(Code.NOT_ALLOWED_BY_PROJECT, "mode", constraint="purchase")
    forced = fields.get("force_payment_method", "")
    if forced not in {"", METHOD}:
        raise refusal(Code.UNKNOWN_METHOD, "force_payment_method", constraint=METHOD)
    if fields.get("force_payment_group"):
        raise refusal(Code.UNKNOWN_METHOD, "force_payment_group", constraint="none")
    hidden = METHOD in {name.strip() for name in fields.get("hide", "").split(",")}
    if hidden or not project.settings.enabled:
        raise refusal(Code.NOT_ALLOWED_BY_PROJECT, "hide" if hidden else "force_payment_method")
