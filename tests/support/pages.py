"""A shop's side of the Payment Page for tests: signed requests as a browser sends them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import unescape
from typing import Any, Final
from urllib.parse import urlencode

from payment_page_sdk.signature_handler import SignatureHandler

from tests.support.client import Answer
from tests.support.platform import ProjectClient

FORM: Final = {"Content-Type": "application/x-www-form-urlencoded"}
SESSION: Final = re.compile(r'data-path="(/payment/s/[\w-]+)"')


def fields_of(project: ProjectClient, payment_id: str, /, **more: object) -> dict[str, str]:
    """Return the required parameters over HK$100.00 and more, unsigned."""
    wanted: dict[str, object] = {
        "project_id": project.id,
        "payment_id": payment_id,
        "payment_amount": 10_000,
        "payment_currency": "HKD",
        "customer_id": "customer1",
    }
    merged = wanted | more
    return {name: str(value) for name, value in merged.items() if value is not None}


def sign_fields(fields: Mapping[str, str], secret: str) -> dict[str, str]:
    """Return the parameters with their signature, made by the SDK."""
    return {**fields, "signature": SignatureHandler(secret).sign(dict(fields))}


def query(project: ProjectClient, payment_id: str, /, **more: object) -> str:
    """Return a signed query."""
    return urlencode(sign_fields(fields_of(project, payment_id, **more), project.secret))


def open_page(project: ProjectClient, payment_id: str, /, **more: object) -> Answer:
    """Open a page by GET."""
    client = project.platform.client
    return client.request("GET", f"/payment?{query(project, payment_id, **more)}")


def post_page(project: ProjectClient, fields: Mapping[str, str]) -> Answer:
    """Open a page by a form as it stands."""
    client = project.platform.client
    return client.request("POST", "/payment", body=urlencode(fields).encode(), headers=FORM)


def session_of(answer: Answer) -> str:
    """Return the address of the session that a page shows."""
    found = SESSION.search(answer.raw.decode())
    assert found, answer.raw[:400]
    return found[1]


def screen_of(answer: Answer) -> str:
    """Return which screen a page or its news shows."""
    return attribute(html_of(answer), "screen")


def html_of(answer: Answer) -> str:
    """Return the HTML of a page, or of its news."""
    if answer.headers["content-type"].startswith("application/json"):
        return str(answer.body["html"])
    return answer.raw.decode()


def attribute(html: str, name: str) -> str:
    """Return a `data-…` attribute of the screen."""
    found = re.search(rf'data-{name}="([^"]*)"', html)
    return unescape(found[1]) if found else ""


def payload_of(project: ProjectClient, payment_id: str) -> str:
    """Return the text of the QR that a payment shows."""
    payment = project.payment(payment_id)
    assert payment is not None
    assert payment.display is not None
    return payment.display.payload


def state_of(project: ProjectClient, session: str, **more: Any) -> Answer:  # noqa: ANN401
    """Ask what a page shows now."""
    asked = urlencode({"wait": "0", **more})
    return project.platform.client.request("GET", f"{session}/state?{asked}")
