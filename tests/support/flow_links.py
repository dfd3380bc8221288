"""Payment links for tests without doors: made, mailed, confirmed and cancelled by use cases."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from sampan.clock import DAY_US, SystemClock
from sampan.domain.page_links import PageLinks
from sampan.domain.payment import Customer
from sampan.flow import links
from sampan.flow import page as hosted
from sampan.flow.links import Link, LinkRequest, Office
from sampan.flow.mailing import Mailroom
from sampan.flow.page import PageRequest, Standing
from sampan.flow.sale import new_request_id
from sampan.flow.settle import Step
from sampan.storage.vault import Vault
from tests.support.flow_world import FlowWorld

LINKS: Final = PageLinks("https://pay.example", "a secret of links")
ROOM: Final = Mailroom(Vault("a master key for tests", SystemClock()), is_on=True)
OFFICE: Final = Office(LINKS, ROOM)
OPEN_US: Final = 7 * DAY_US
"""How long the links of these tests are good."""


def asked(flow: FlowWorld, payment_id: str = "p-1", **changes: Any) -> LinkRequest:  # noqa: ANN401 - fields of every type
    """Return a link over HK$100.00 that is good for a week, changed as told."""
    values: dict[str, Any] = {
        "payment_id": payment_id,
        "amount_minor": 10_000,
        "currency": "HKD",
        "customer": Customer(id="customer1"),
        "best_before_us": flow.clock.now_us() + OPEN_US,
        "digest": f"digest of {payment_id}",
    }
    return LinkRequest(**(values | changes))


def step(flow: FlowWorld, by: str = "merchant") -> Step:
    """Return a step with a request id of its own."""
    return Step(flow.next_us(), by, new_request_id(flow.clock, flow.project.id))


def create(flow: FlowWorld, request: LinkRequest | None = None, *, by: str = "merchant") -> Link:
    """Make a link."""
    wanted, made = request or asked(flow), step(flow, by)
    return flow.do(lambda tx: links.create(tx, flow.project, wanted, office=OFFICE, step=made))


def cancel(flow: FlowWorld, payment_id: str = "p-1") -> str:
    """Take a link back; return the request id of the operation that made it."""
    made = flow.step("sold out")
    operation = flow.do(
        lambda tx: links.cancel(tx, flow.project, payment_id, office=OFFICE, step=made)
    )
    return operation.request_id


def sent(flow: FlowWorld) -> bool:
    """Note that the link was mailed."""
    payment, made = flow.payment(), Step(flow.next_us(), "mail")
    return flow.do(lambda tx: links.mark_sent(tx, flow.project, payment, links=LINKS, step=made))


def standing(flow: FlowWorld, url: str) -> Standing:
    """Return where the page of a link stands."""
    found = flow.do(lambda tx: hosted.standing(tx, url.rpartition("/")[2]))
    assert found is not None
    return found


def confirm(flow: FlowWorld, url: str) -> None:
    """Let the customer confirm on the page of a link."""
    session, made = standing(flow, url).session, step(flow, "customer")
    request = msgspec.json.decode(session.request, type=PageRequest)
    flow.do(lambda tx: hosted.start(tx, flow.project, session, request=request, step=made))
