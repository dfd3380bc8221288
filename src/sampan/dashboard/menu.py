"""The sections of the Dashboard, as its navigation shows them."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from sampan.domain.rights import Right
from sampan.web.i18n import mark


class Entry(NamedTuple):
    """A section: where it is, its name, the right to see it, its icon in `icons.html`."""

    path: str
    name: str
    right: Right
    icon: str


MENU: Final = (
    Entry("/dashboard/", mark("Overview"), Right.VIEW_PAYMENTS, "home"),
    Entry("/dashboard/payments", mark("Payments"), Right.VIEW_PAYMENTS, "rows"),
    Entry("/dashboard/links", mark("Payment links"), Right.PAYMENT_LINKS, "link"),
    Entry("/dashboard/credits", mark("Credits"), Right.CREDITS, "bank"),
    Entry("/dashboard/reconciliation", mark("Reconciliation"), Right.CREDITS, "scales"),
    Entry("/dashboard/callbacks", mark("Callbacks"), Right.VIEW_PAYMENTS, "send"),
    Entry("/dashboard/analytics", mark("Analytics"), Right.ANALYTICS, "chart"),
    Entry("/dashboard/reports", mark("Reports"), Right.REPORTS, "report"),
    Entry("/dashboard/settlement", mark("Settlement"), Right.FINANCE, "scales"),
    Entry("/dashboard/projects", mark("Projects"), Right.VIEW_PROJECTS, "box"),
    Entry("/dashboard/accounts", mark("FPS accounts"), Right.VIEW_PROJECTS, "bank"),
    Entry("/dashboard/team", mark("Team"), Right.TEAM, "people"),
    Entry("/dashboard/journal", mark("Journal"), Right.JOURNAL, "book"),
)


def entries(rights: frozenset[Right]) -> Sequence[Entry]:
    """Return the sections that somebody with these rights sees."""
    return [entry for entry in MENU if entry.right in rights]
