"""Every way into the Dashboard, section by section."""

from functools import cache
from re import Pattern
from typing import Final

from starlette.responses import Response
from starlette.routing import Route, compile_path

from sampan.dashboard import (
    accounts,
    analytics,
    analytics_board,
    bank_columns,
    bank_files,
    callbacks,
    credit_acts,
    credit_card,
    credit_list,
    credit_new,
    credit_proposals,
    credit_reversals,
    journal,
    ledger_proof,
    link_batches,
    link_new,
    links,
    overview,
    payment_card,
    payments,
    profile,
    projects,
    reconciliation,
    refund_card,
    refund_files,
    refund_list,
    refund_new,
    report_plans,
    reports,
    settlement,
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


async def nowhere(visit: Visit) -> Response:
    """Say that there is no such page; lead from where a form goes to the page that it is on.

    A form that was not taken is answered with a page, and that has links to itself: languages.
    """
    path, query = f"/{visit.request.path_params['rest']}", visit.request.url.query
    if any(form.match(path) for form in _paths("POST")):
        while not any(page.match(path) for page in _paths("GET")):
            path = path.rpartition("/")[0]
        return visit.go(f"{path}?{query}" if query else path)
    raise Refusal(Code.NOT_FOUND, "", http_status=404)


async def home(visit: Visit) -> Response:
    """Lead to the page that the Dashboard begins with."""
    return visit.go(HOME)


WAYS: Final[tuple[Way, ...]] = (
    *signing_in.WAYS,
    *profile.WAYS,
    *projects.WAYS,
    *accounts.WAYS,
    *overview.WAYS,
    *callbacks.WAYS,
    *credit_list.WAYS,
    *credit_new.WAYS,
    *bank_columns.WAYS,
    *bank_files.WAYS,
    *credit_card.WAYS,
    *credit_acts.WAYS,
    *credit_proposals.WAYS,
    *credit_reversals.WAYS,
    *refund_new.WAYS,
    *refund_list.WAYS,
    *refund_files.WAYS,
    *refund_card.WAYS,
    *team.WAYS,
    *journal.WAYS,
    *payments.WAYS,
    *payment_card.WAYS,
    *tokens.WAYS,
    *reconciliation.WAYS,
    *ledger_proof.WAYS,
    *links.WAYS,
    *link_new.WAYS,
    *link_batches.WAYS,
    *analytics_board.WAYS,
    *analytics.WAYS,
    *reports.WAYS,
    *report_plans.WAYS,
    *settlement.WAYS,
    Way("GET", "", home, Who.SIGNED_IN),
    # The last of all: it takes whatever is left.
    Way("GET", "/{rest:path}", nowhere, Who.SIGNED_IN),
)
"""The table that the guard keeps and that the tests walk, role by role."""


@cache
def _paths(method: str) -> list[Pattern[str]]:
    """Return what the addresses of all ways but the last one look like."""
    return [compile_path(way.path)[0] for way in WAYS[:-1] if way.method == method]


def routes(desk: Desk) -> list[Route]:
    """Return the routes of the Dashboard, all below `/dashboard`."""
    return [route(desk, way) for way in WAYS]
