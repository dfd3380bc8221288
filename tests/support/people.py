"""People of the Dashboard over a platform without doors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import pytest
from sqlalchemy import select

from sampan.domain.rights import Role
from sampan.flow import sign_in, team
from sampan.flow.passwords import Passwords
from sampan.flow.sign_in import Outcome, SignedIn, Visitor
from sampan.flow.team import Act, Newcomer
from sampan.storage import schema, users
from sampan.storage.engine import Tx
from sampan.storage.users import Session, User
from sampan.storage.vault import Vault
from tests.support.flow_world import FlowWorld

PASSWORD: Final = "correct horse battery"
AMY: Final = "amy@tea.example"
BOB: Final = "bob@tea.example"
VISITOR: Final = Visitor("198.51.100.47", "Firefox/140")
QUICK: Final = Passwords(time_cost=1, memory_kib=64)
ONE_ENGINE: Final = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
"""For a rule that says nothing to the database that another test does not say on both engines."""


class People:
    """A team and what its people do, each thing at its own microsecond."""

    def __init__(self, flow: FlowWorld) -> None:
        self.flow = flow
        self.clock = flow.clock
        self.vault = Vault("a master key for tests", flow.clock)

    def act(
        self, why: str = "asked by phone", *, by: str = "staff:ops", user: int | None = None
    ) -> Act:
        """What the operator does now, or somebody who is signed in."""
        return Act(self.flow.next_us(), by, why, user)

    def add(self, email: str = AMY, *roles: Role, invitation: str | None = None) -> User:
        """Add a person with a password, or with an invitation instead; an admin unless told."""
        new = Newcomer(
            email,
            roles or (Role.ADMIN,),
            password_hash=None if invitation else QUICK.hash(PASSWORD),
            invitation=invitation,
        )
        made = self.act(why="")
        return self.flow.do(lambda tx: team.add_user(tx, new, act=made))

    def now(self, email: str = AMY) -> User:
        """Return a person as kept."""
        found = self.flow.do(lambda tx: users.by_email(tx, email))
        assert found is not None
        return found

    def password(self, password: str = PASSWORD, email: str = AMY) -> Outcome:
        """Try a password."""
        user = self.flow.do(lambda tx: users.by_email(tx, email))
        verdict = QUICK.verify(user.password_hash if user else None, password)
        now_us = self.flow.next_us()
        return self.flow.do(
            lambda tx: sign_in.check_password(tx, email, verdict=verdict, now_us=now_us)
        )

    def code(self, code: str, email: str = AMY) -> Outcome:
        """Try a code."""
        key, now_us = self.now(email).id, self.flow.next_us()
        return self.flow.do(
            lambda tx: sign_in.check_code(tx, key, code, vault=self.vault, now_us=now_us)
        )

    def open(self, email: str = AMY, *, token: str = "t1", passed: bool = False) -> Session:
        """Open a session."""
        user, now_us = self.now(email), self.flow.next_us()
        return self.flow.do(
            lambda tx: sign_in.open_session(
                tx, user, token=token, visitor=VISITOR, passed_totp=passed, now_us=now_us
            )
        )

    def touch(self, token: str = "t1") -> SignedIn | None:
        """Use a session."""
        now_us = self.flow.next_us()
        return self.flow.do(lambda tx: sign_in.touch(tx, token, now_us=now_us))

    def begin(self, email: str = AMY) -> str:
        """Let a second factor be shown; return its secret."""
        key, secret, now_us = (
            self.now(email).id,
            sign_in.new_secret(self.clock),
            self.clock.now_us(),
        )

        def do(tx: Tx) -> None:
            sign_in.begin_totp(tx, key, secret=secret, vault=self.vault, now_us=now_us)

        self.flow.do(do)
        return secret

    def prove(self, here: Session, code: str, *, recovery: tuple[str, ...] = ()) -> bool:
        """Prove a second factor by a code."""
        now_us = self.flow.next_us()
        return self.flow.do(
            lambda tx: sign_in.prove_totp(
                tx, here, code, recovery=recovery, vault=self.vault, now_us=now_us
            )
        )

    def journal(self) -> Sequence[tuple[str, str, str]]:
        """Return what, by whom and why of each row that is no payment's, oldest first."""
        t = schema.journal
        rows = select(t.c.what, t.c.by, t.c.why).where(t.c.project_id == 0)
        found = self.flow.do(lambda tx: tx.query(rows.order_by(t.c.at_us, t.c.id)))
        return [(row[0], row[1], row[2]) for row in found]
