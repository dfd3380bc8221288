"""Who may do what, as a table that a merchant's manager can read."""

from __future__ import annotations

import pytest

from sampan.domain.rights import HOLDERS, RIGHTS, Right, Role, rights_of

COLUMNS = (Role.SUPPORT, Role.OPERATIONS, Role.FINANCE, Role.RISKS, Role.ADMIN)
#                        support operations finance risks admin
TABLE = {
    "view payments": "        +     +          +     +     +  ",
    "view projects": "        +     +          +     +     +  ",
    "reports": "              +     +          +     +     +  ",
    "data API tokens": "      +     +          +     +     +  ",
    "payment links": "        -     +          -     -     +  ",
    "resend callbacks": "     -     +          -     -     +  ",
    "decide about money": "   -     +          -     -     +  ",
    "finance": "              -     -          +     -     +  ",
    "analytics": "            -     +          +     +     +  ",
    "credits": "              -     +          +     +     +  ",
    "team": "                 -     -          -     -     +  ",
    "project settings": "     -     -          -     -     +  ",
    "journal": "              -     -          -     +     +  ",
}


@pytest.mark.parametrize("right", TABLE)
def test_row(right: str) -> None:
    """Exactly the roles with a plus have the right."""
    signs = dict(zip(COLUMNS, TABLE[right].split(), strict=True))
    has = {role: "+" if Right(right) in rights_of([role]) else "-" for role in COLUMNS}
    assert has == signs


def test_table_is_whole() -> None:
    """Every right has its row, and every role its column."""
    assert set(TABLE) == set(Right) == set(HOLDERS)
    assert set(COLUMNS) == set(Role) == set(RIGHTS)


def test_several_roles_add_up() -> None:
    """A person with two roles may do what either may; one without a role may do nothing."""
    both = rights_of([Role.SUPPORT, Role.FINANCE])
    assert both == RIGHTS[Role.SUPPORT] | RIGHTS[Role.FINANCE]
    assert rights_of([]) == frozenset()


def test_admin_may_do_all() -> None:
    """No right is out of reach."""
    assert rights_of([Role.ADMIN]) == set(Right)
