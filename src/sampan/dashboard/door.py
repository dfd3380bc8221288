"""Every way into the Dashboard, section by section."""

from typing import Final

from starlette.responses import Response
from starlette.routing import Route

from sampan.dashboard import (
    callbacks,
    journal,
    link_batches,
    link_new,
    links,
    overview,
    payment_card,
    payments,
    profile,
    projects,
    signing_in,
    team,
    tokens,
)
from sampan.dashboard.desk import Desk
from sampan.dashboard.guard import route
from sampan.dashboard.visit import HOME, Visit
from sampan.dashboard.ways import Way, Who
from sampan.domain.codes import Code
from sampan.errors import Refusal


async def nowhere(_: Visit) -> Response:
    """Say that there is no such page."""
    raise Refusal(Code.NOT_FOUND, "", http_status=404)


async def home(visit: Visit) -> Response:
    """Lead to the page that the Dashboard begins with."""
    return visit.go(HOME)


WAYS: Final[tuple[Way, ...]] = (
    *signing_in.WAYS,
    *profile.WAYS,
    *projects.WAYS,
    *overview.WAYS,
    *callbacks.WAYS,
    *team.WAYS,
    *journal.WAYS,
    *payments.WAYS,
    *payment_card.WAYS,
    *tokens.WAYS,
    *links.WAYS,
    *link_new.WAYS,
    *link_batches.WAYS,
    Way("GET", "", home, Who.SIGNED_IN),
    # The last of all: it takes whatever is left.
    Way("GET", "/{rest:path}", nowhere, Who.SIGNED_IN),
)
"""The table that the guard keeps and that the tests walk, role by role."""


def routes(desk: Desk) -> list[Route]:
    """Return the routes of the Dashboard, all below `/dashboard`."""
    return [route(desk, way) for way in WAYS]
