"""The journal: what people did, and every move of every payment."""

from collections.abc import Mapping
from typing import Final

from starlette.responses import Response

from sampan.dashboard.asked import Asked, place_text
from sampan.dashboard.told import ACTORS, REASONS, STAFF, WHATS, people_names
from sampan.dashboard.visit import Visit
from sampan.dashboard.ways import Way
from sampan.domain.rights import Right
from sampan.flow.refund_records import ALARM_BEGINS
from sampan.storage import journal_lists, projects, users
from sampan.storage.engine import Tx
from sampan.storage.journal_lists import Filter, Page
from sampan.web.i18n import mark

PATH: Final = "/journal"
PAGE_ROWS: Final = 50
EVERYBODY: Final = "all"
LOOSE: Final = "loose"
OTHERS: Final[Mapping[str, str]] = {
    LOOSE: mark("Money of no payment"),
    EVERYBODY: mark("All moves of payments"),
    **{name: ACTORS[name] for name in ("merchant", "bank", "clock", "customer")},
}
"""One-click filters beside that of people."""


async def journal(visit: Visit) -> Response:
    """Show rows, the newest first; of people, unless others are asked for."""
    asked = Asked(visit.request.query_params)
    wanted, after = _wanted(asked), asked.place("after")

    def read(tx: Tx) -> tuple[Page, Mapping[str, str], Mapping[int, str]]:
        people = people_names(users.every(tx))
        named = projects.every(tx, vault=visit.desk.vault, now_us=visit.now_us)
        page = journal_lists.page(tx, wanted, after=after, most=PAGE_ROWS)
        return page, people, {one.id: one.name for one in named}

    page, people, named = await visit.desk.store.read(read)
    return visit.page(
        "journal.html",
        {
            "rows": page.rows,
            "actors": ACTORS,
            "people": people,
            "others": OTHERS,
            "staff": STAFF,
            "whats": WHATS,
            "reasons": REASONS,
            "of_refund": ALARM_BEGINS,
            "projects": named,
            "chosen": asked.kept,
            "is_partial": asked.is_partial,
            "first": asked.query() if after else "",
            "next": asked.query(after=place_text(page.next)) if page.next else "",
            "is_newest": after is None,
        },
    )


def _wanted(asked: Asked) -> Filter:
    by, payment_id = asked.text("by"), asked.text("payment")
    return Filter(
        by=None if by in {EVERYBODY, LOOSE} else by,
        is_loose=by == LOOSE,
        # Whoever looks at one payment wants its whole story.
        is_whole=by == EVERYBODY or (by is None and payment_id is not None),
        what=asked.text("what"),
        project_id=asked.number("project"),
        payment_id=payment_id,
        at_from_us=asked.day("from"),
        at_to_us=asked.day("to", ends=True),
    )


WAYS: Final = (Way("GET", PATH, journal, Right.JOURNAL),)
