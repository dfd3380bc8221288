"""A request of a person: who it is, what they may do, and how a page is answered."""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from sampan.dashboard.desk import Desk
from sampan.dashboard.menu import entries
from sampan.dashboard.words import SAID
from sampan.domain.rights import Right, rights_of
from sampan.flow.sign_in import SignedIn
from sampan.flow.team import Act
from sampan.storage.users import User
from sampan.web.render import render
from sampan.web.security import text_field

PATH: Final = "/dashboard"
HOME: Final = f"{PATH}/"
SIGN_IN: Final = f"{PATH}/sign-in"
CODE: Final = f"{PATH}/code"
SECOND_FACTOR: Final = f"{PATH}/profile/second-factor"
CSRF_FIELD: Final = "csrf"


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """A request as a handler gets it: admitted, its form read and known to be ours."""

    request: Request
    desk: Desk
    signed: SignedIn | None
    form: FormData = field(default_factory=FormData)

    @property
    def now_us(self) -> int:
        """Microseconds UTC since the epoch."""
        return self.desk.clock.now_us()

    @property
    def here(self) -> SignedIn:
        """Who is signed in; only for pages that ask for it."""
        assert self.signed is not None  # noqa: S101 - the guard lets nobody else in
        return self.signed

    @property
    def user(self) -> User:
        """The person who is signed in."""
        return self.here.user

    @property
    def rights(self) -> frozenset[Right]:
        """What the person may do; nothing before the second factor is passed."""
        if self.signed is None or self.signed.is_half:
            return frozenset()
        return rights_of(self.signed.user.roles)

    @property
    def by(self) -> str:
        """Who acts, as the journal writes it."""
        return f"staff:{self.user.email}"

    def act(self, why: str = "") -> Act:
        """Return what the person does to the team or to themselves now."""
        return Act(self.now_us, self.by, why, self.user.id)

    def text(self, name: str) -> str:
        """Return a text of the form without blanks around it; "" where there is none."""
        return text_field(self.form, name)

    def asked(self, name: str) -> str:
        """Return a text of the address's query without blanks around it."""
        return self.request.query_params.get(name, "").strip()

    @property
    def csrf(self) -> str:
        """What every form of this session carries, and nobody outside can know."""
        return csrf_of(self.desk, self.signed)

    def page(
        self,
        template: str,
        context: Mapping[str, Any] | None = None,
        *,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        """Return a page below `templates/dashboard` with the frame of the Dashboard around it.

        `headers` replace those of `page_headers()` as a whole.
        """
        said = self.request.query_params.get("said", "")
        frame = {
            "path": self.request.url.path,
            "user": self.signed.user if self.rights and self.signed else None,
            "rights": self.rights,
            "menu": entries(self.rights),
            "csrf": self.csrf,
            "now_us": self.now_us,
            "said": SAID.get(said, ""),
            "query": self.request.query_params,
        }
        return render(
            self.request,
            f"dashboard/{template}",
            context=frame | dict(context or {}),
            status=status,
            headers=headers,
        )

    def go(self, path: str, *, said: str = "") -> Response:
        """Lead on to another page, after a form; `said` names the sentence of `SAID` shown there.

        `path` is ours: the part after `/dashboard`, or a whole path that was checked.
        """
        assert not said or said in SAID, said  # noqa: S101 - our bug
        to = path if path.startswith(PATH) else PATH + path
        if said:
            to += ("&" if "?" in to else "?") + urlencode({"said": said})
        return RedirectResponse(to, status_code=303)


def csrf_of(desk: Desk, signed: SignedIn | None) -> str:
    """Return the token of a session's forms, "" for a visitor."""
    if signed is None:
        return ""
    key = desk.vault.derive("dashboard forms").encode()
    return hmac.digest(key, signed.session.token_sha.encode(), "sha256").hex()


def own_path(text: str) -> str:
    """Return a path of the Dashboard that somebody asked to be led to; home for anything else."""
    try:
        parts = urlsplit(text)
    except ValueError:
        return HOME
    foreign = parts.scheme or parts.netloc or "\\" in text or not text.isprintable()
    within = parts.path == PATH or parts.path.startswith(f"{PATH}/")
    return HOME if foreign or not within else text
