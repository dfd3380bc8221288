"""People of the Dashboard for tests: added behind the doors, at work through HTTP.

    staff = Staff(platform)
    amy = staff.member(Role.ADMIN)          # signed in, second factor passed
    amy.get("/payments")                    # below /dashboard; follows nothing
    amy.post("/team/invite", email="bob@tea.example", role="support")   # with the session's token

`Staff.member` opens the session in the store, which is quick; `sign_in` goes through the form.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Mapping
from html import unescape
from typing import Any, Final, Protocol, TypeVar
from urllib.parse import urlencode

import pyotp

from sampan.app import Platform
from sampan.clock import Clock
from sampan.dashboard.guard import cookie_name
from sampan.domain.rights import Role
from sampan.flow import sign_in, team
from sampan.flow.passwords import Passwords
from sampan.flow.sign_in import Visitor
from sampan.flow.team import Act, Newcomer
from sampan.storage import users
from sampan.storage.engine import Tx
from sampan.storage.users import User
from tests.support.client import Answer, Client

Result = TypeVar("Result")
PASSWORD: Final = "correct horse battery"
QUICK: Final = Passwords(time_cost=1, memory_kib=64)
"""As quick as argon2 can be; a right password is hashed anew at its first use."""
PATH: Final = "/dashboard"
FORM: Final = {"Content-Type": "application/x-www-form-urlencoded"}
_CSRF: Final = re.compile(r'name="csrf" value="([0-9a-f]*)"')
_numbers = itertools.count(1)


class Serving(Protocol):
    """A platform that serves: `RunningPlatform`, or what a browser test has."""

    @property
    def inside(self) -> Platform:
        """The platform itself."""
        ...

    @property
    def client(self) -> Client:
        """What sends requests to it."""
        ...

    @property
    def clock(self) -> Clock:
        """Its clock."""
        ...

    def transact(self, fn: Callable[[Tx], Result]) -> Result:
        """Run a function in a transaction of its store."""
        ...


class Staff:
    """The people of a platform."""

    def __init__(self, platform: Serving) -> None:
        self.platform = platform

    def add(self, *roles: Role, email: str = "", name: str = "") -> User:
        """Add a person with the password `PASSWORD`; an admin unless told otherwise."""
        now_us = self.platform.clock.now_us()
        new = Newcomer(
            email or f"person{next(_numbers)}@tea.example",
            roles or (Role.ADMIN,),
            name=name,
            password_hash=QUICK.hash(PASSWORD),
        )
        act = Act(now_us, "staff:operator")
        return self.platform.transact(lambda tx: team.add_user(tx, new, act=act))

    def factor(self, user: User) -> str:
        """Give a person a second factor that is proved; return its secret."""
        clock, vault = self.platform.clock, self.platform.inside.vault
        secret, now_us = sign_in.new_secret(clock), clock.now_us()

        def prove(tx: Tx) -> None:
            sign_in.begin_totp(tx, user.id, secret=secret, vault=vault, now_us=now_us)
            here = sign_in.open_session(
                tx, user, token="setting up", visitor=VISITOR, passed_totp=True, now_us=now_us
            )
            # An older code than any that a test shows.
            code = pyotp.TOTP(secret).at(now_us // 1_000_000 - 30)
            sign_in.prove_totp(tx, here, code, recovery=(), vault=vault, now_us=now_us)
            users.end_session(tx, user.id, here.token_sha)

        self.platform.transact(prove)
        return secret

    def member(self, *roles: Role, email: str = "", name: str = "") -> Member:
        """Return a new person with these roles, signed in with a second factor."""
        user = self.add(*roles, email=email, name=name)
        self.factor(user)
        return Member(self.platform, user, token=self.session(user))

    def session(self, user: User, *, passed_totp: bool = True) -> str:
        """Open a session of a person; return the token of its cookie."""
        now_us, token = self.platform.clock.now_us(), self.platform.clock.token(32)

        def open_one(tx: Tx) -> None:
            found = users.find(tx, user.id)
            assert found is not None
            sign_in.open_session(
                tx, found, token=token, visitor=VISITOR, passed_totp=passed_totp, now_us=now_us
            )

        self.platform.transact(open_one)
        return token

    def cookie(self, token: str) -> str:
        """Return a session's cookie as a browser sends it."""
        return f"{cookie_name(self.platform.inside.desk)}={token}"


VISITOR: Final = Visitor("198.51.100.47", "a browser of tests")


class Member:
    """A person at work; without a token a visitor."""

    def __init__(self, platform: Serving, user: User | None = None, *, token: str = "") -> None:
        self.platform = platform
        self.token = token
        self._user = user
        self._csrf: str | None = None

    @property
    def user(self) -> User:
        """The person."""
        assert self._user is not None
        return self._user

    def get(self, path: str, **query: object) -> Answer:
        """Ask for a page below `/dashboard`; redirects are not followed."""
        asked = f"?{urlencode(query, doseq=True)}" if query else ""
        return self._send("GET", f"{PATH}{path}{asked}")

    def post(self, path: str, /, **fields: object) -> Answer:
        """Send a form with the session's token in it; a list sends a field many times."""
        return self.post_raw(path, urlencode({"csrf": self.csrf, **fields}, doseq=True).encode())

    def post_raw(self, path: str, body: bytes, headers: Mapping[str, str] | None = None) -> Answer:
        """Send a form as it stands."""
        return self._send("POST", f"{PATH}{path}", body=body, headers={**FORM, **(headers or {})})

    def upload(
        self, path: str, /, *, file: bytes, name: str = "file", called: str = "a.csv", **fields: str
    ) -> Answer:
        """Send a form with a file, as browsers do."""
        mark = "----a-boundary-of-tests"
        parts = [
            f'--{mark}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{text}\r\n'.encode()
            for key, text in {"csrf": self.csrf, **fields}.items()
        ]
        head = f'Content-Disposition: form-data; name="{name}"; filename="{called}"'
        kind = "Content-Type: text/csv"
        parts.append(f"--{mark}\r\n{head}\r\n{kind}\r\n\r\n".encode() + file + b"\r\n")
        body = b"".join(parts) + f"--{mark}--\r\n".encode()
        form = {"Content-Type": f"multipart/form-data; boundary={mark}"}
        return self.post_raw(path, body, form)

    @property
    def csrf(self) -> str:
        """The token of the session's forms, read from a page."""
        if self._csrf is None:
            found = _CSRF.search(self.get("/profile").raw.decode())
            self._csrf = found[1] if found else ""
        return self._csrf

    def _send(self, method: str, path: str, **more: Any) -> Answer:  # noqa: ANN401
        cookie = f"{cookie_name(self.platform.inside.desk)}={self.token}"
        headers = {**more.pop("headers", {}), "Cookie": cookie}
        return self.platform.client.request(method, path, headers=headers, **more)


def text_of(answer: Answer) -> str:
    """Return the words of a page: without tags, blanks joined."""
    html = re.sub(r"<(script|style)\b.*?</\1>", " ", answer.raw.decode(), flags=re.DOTALL)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


def token_of(answer: Answer) -> str:
    """Return the session's token in the cookie that an answer sets, "" without one."""
    found = re.search(r"sampan_dashboard=\"?([0-9a-f]*)", answer.headers.get("set-cookie", ""))
    return found[1] if found else ""
