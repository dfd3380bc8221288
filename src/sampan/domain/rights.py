"""Who may do what: the five roles of the Dashboard and the rights that each has.

The table is that of the platform whose protocol Sampan speaks, kept to what Sampan has. A person
may have several roles, and then has the rights of all of them.
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import Final


class Role(StrEnum):
    """A person's part in the company; the value is what is kept and shown."""

    SUPPORT = "support"
    OPERATIONS = "operations"
    FINANCE = "finance"
    RISKS = "risks"
    ADMIN = "admin"


class Right(StrEnum):
    """One thing that a person may do."""

    VIEW_PAYMENTS = "view payments"
    VIEW_PROJECTS = "view projects"
    REPORTS = "reports"
    DATA_API_TOKENS = "data API tokens"
    PAYMENT_LINKS = "payment links"
    RESEND_CALLBACKS = "resend callbacks"
    DECIDE_MONEY = "decide about money"
    FINANCE = "finance"
    ANALYTICS = "analytics"
    CREDITS = "credits"
    TEAM = "team"
    PROJECT_SETTINGS = "project settings"
    JOURNAL = "journal"


_ALL: Final = frozenset(Role)
_MONEY: Final = frozenset({Role.OPERATIONS, Role.ADMIN})
_ADMIN: Final = frozenset({Role.ADMIN})

HOLDERS: Final[dict[Right, frozenset[Role]]] = {
    Right.VIEW_PAYMENTS: _ALL,
    Right.VIEW_PROJECTS: _ALL,
    Right.REPORTS: _ALL,
    Right.DATA_API_TOKENS: _ALL,
    Right.PAYMENT_LINKS: _MONEY,
    Right.RESEND_CALLBACKS: _MONEY,
    Right.DECIDE_MONEY: _MONEY,
    Right.FINANCE: frozenset({Role.FINANCE, Role.ADMIN}),
    Right.ANALYTICS: _ALL - {Role.SUPPORT},
    # Unapplied money and alarms: who decides about it, who books it, who watches it.
    Right.CREDITS: _ALL - {Role.SUPPORT},
    Right.TEAM: _ADMIN,
    Right.PROJECT_SETTINGS: _ADMIN,
    Right.JOURNAL: frozenset({Role.RISKS, Role.ADMIN}),
}
"""Right → the roles that have it: one row of the table each."""

RIGHTS: Final[dict[Role, frozenset[Right]]] = {
    role: frozenset(right for right, holders in HOLDERS.items() if role in holders) for role in Role
}
"""Role → its rights: the same table by column."""


CHANGING: Final = frozenset(
    {
        Right.PAYMENT_LINKS,
        Right.RESEND_CALLBACKS,
        Right.DECIDE_MONEY,
        Right.TEAM,
        Right.PROJECT_SETTINGS,
    }
)
"""Rights that change something for others: who has one must sign in with a second factor."""


def needs_second_factor(roles: Iterable[Role]) -> bool:
    """Whether a person with these roles must have a second factor; others may."""
    return bool(rights_of(roles) & CHANGING)


def rights_of(roles: Iterable[Role]) -> frozenset[Right]:
    """Return the rights of a person with these roles; none without a role."""
    return frozenset[Right]().union(*(RIGHTS[role] for role in roles))
