"""A merchant's side of payment links for tests: signed requests, and what the link opens."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import urlsplit

from tests.support.client import Answer, Body
from tests.support.platform import ProjectClient

CREATE: Final = "/v2/payment/invoice/create"
CANCEL: Final = "/v2/payment/invoice/cancel"
EPOCH: Final = datetime.fromtimestamp(0, UTC)


def moment(project: ProjectClient, *, days: float) -> str:
    """Return a moment so many days from the platform's now, as it stands on the wire."""
    now_us = project.platform.clock.now_us()
    at = EPOCH + timedelta(microseconds=now_us) + timedelta(days=days)
    return at.strftime("%Y-%m-%dT%H:%M:%S+00:00")


def link_body(project: ProjectClient, payment_id: str, **more: Body) -> Body:
    """Return an unsigned link that is good for a week; `more` is merged by object."""
    body: Body = {
        "general": {"project_id": project.id, "payment_id": payment_id},
        "customer": {"id": "c-1"},
        "payment": {
            "amount": 10_000,
            "currency": "HKD",
            "best_before": moment(project, days=7),
        },
    }
    for name, members in more.items():
        body[name] = body.get(name, {}) | members
    return body


def make_link(project: ProjectClient, payment_id: str, **more: Body) -> str:
    """Ask for a link, check that it was taken, and return the request id."""
    answer = project.post(CREATE, link_body(project, payment_id, **more))
    assert answer.status == 200, answer.raw
    return str(answer.body["request_id"])


def cancel_link(project: ProjectClient, payment_id: str) -> Answer:
    """Ask to take a link back."""
    return project.post(CANCEL, project.about(payment_id))


def path_of(url: str) -> str:
    """Return the path of a link, under which tests reach the platform."""
    return urlsplit(url).path


def open_link(project: ProjectClient, url: str, method: str = "GET", **headers: str) -> Answer:
    """Open a link as a browser does."""
    return project.platform.client.request(method, path_of(url), headers=headers)


def act_on(project: ProjectClient, url: str, name: str) -> Answer:
    """Send a form of the link's page as our script does."""
    headers = {"Accept": "application/json", "Sec-Fetch-Site": "same-origin"}
    client = project.platform.client
    return client.request("POST", f"{path_of(url)}/{name}", body=b"", headers=headers)
