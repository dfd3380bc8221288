"""Sign in, show the second factor, sign out, accept an invitation."""

import asyncio
from typing import Final
from urllib.parse import urlencode

from starlette.responses import Response

from sampan.dashboard.guard import close_cookie, open_cookie
from sampan.dashboard.visit import CODE, SIGN_IN, Visit, own_path
from sampan.dashboard.ways import Way, Who
from sampan.domain.codes import Code
from sampan.domain.passwords import PASSWORD_CHARS_MAX
from sampan.errors import Refusal
from sampan.flow import sign_in, team
from sampan.flow.passwords import Verdict
from sampan.flow.sign_in import AGENT_CHARS_MAX, CODE_CHARS_MAX, Fine, Outcome, Visitor
from sampan.flow.team import TOKEN_BYTES
from sampan.storage import users
from sampan.storage.engine import Tx
from sampan.storage.users import User
from sampan.web.i18n import mark

WRONG: Final = mark(
    "This e-mail and password do not fit, or it was tried too often. Wait a minute."
)
"""The same words for a wrong password, nobody and a lock: others would say who exists."""
WRONG_CODE: Final = mark("This code is not right, or it was used already. Wait for the next one.")
UNALIKE: Final = mark("The two passwords are not the same.")


async def sign_in_page(visit: Visit) -> Response:
    """Show the form, or lead on who is signed in."""
    if visit.signed is not None and not visit.signed.is_half:
        return visit.go(own_path(visit.asked("next")))
    return await _sign_in_form(visit)


async def sign_in_post(visit: Visit) -> Response:
    """Check e-mail and password, and open a session."""
    email, password = visit.text("email"), secret(visit, "password")
    verdict = await verified(visit, email, password=password)
    now_us = visit.now_us
    outcome = await visit.desk.store.transact(
        lambda tx: sign_in.check_password(tx, email, verdict=verdict, now_us=now_us)
    )
    if not isinstance(outcome, Fine):
        return await _sign_in_form(visit, email=email, fault=WRONG, status=403)
    following = own_path(visit.text("next"))
    if outcome.user.has_totp:
        following = f"{CODE}?{urlencode({'next': following})}"
    return await _opened(visit, outcome.user, passed_totp=False, following=following)


async def code_page(visit: Visit) -> Response:
    """Ask for the code of the second factor."""
    return visit.page("code.html", {"next": own_path(visit.asked("next")), "fault": ""})


async def code_post(visit: Visit) -> Response:
    """Check a code, and turn the half session into a whole one."""
    code, user_id, now_us = visit.text("code")[:CODE_CHARS_MAX], visit.user.id, visit.now_us
    following = own_path(visit.text("next"))

    def check(tx: Tx) -> Outcome:
        return sign_in.check_code(tx, user_id, code, vault=visit.desk.vault, now_us=now_us)

    outcome = await visit.desk.store.transact(check)
    if not isinstance(outcome, Fine):
        return visit.page("code.html", {"next": following, "fault": WRONG_CODE}, status=403)
    return await _opened(visit, outcome.user, passed_totp=True, following=following)


async def sign_out(visit: Visit) -> Response:
    """End this session. Who is not signed in is led to the same page."""
    signed = visit.signed
    if signed is not None:
        sha, now_us = signed.session.token_sha, visit.now_us
        await visit.desk.store.transact(
            lambda tx: sign_in.close(tx, signed.user, token_sha=sha, now_us=now_us)
        )
    return close_cookie(visit.desk, visit.go(SIGN_IN, said="signed-out"))


async def invitation_page(visit: Visit) -> Response:
    """Show who is invited and ask for a password."""
    return await _invitation_form(visit)


async def invitation_post(visit: Visit) -> Response:
    """Take the password of who was invited; an invitation is good once."""
    token, password = _token(visit), secret(visit, "password")
    if password != secret(visit, "again"):
        return await _invitation_form(visit, fault=UNALIKE)
    user = await _invited(visit)
    try:
        team.refuse_bad_password(password, user.email)
    except Refusal as error:
        return await _invitation_form(visit, fault=error.message)
    hashed, now_us = await visit.desk.hashed(password), visit.now_us
    await visit.desk.store.transact(
        lambda tx: team.accept_invitation(tx, token, password_hash=hashed, now_us=now_us)
    )
    return close_cookie(visit.desk, visit.go(SIGN_IN, said="password-set"))


async def verified(visit: Visit, email: str, *, password: str) -> Verdict:
    """Compare a password with the one of whoever has this e-mail; takes as long without one."""
    user = await visit.desk.store.read(lambda tx: users.by_email(tx, email))
    kept = user.password_hash if user else None
    async with visit.desk.hashing:
        return await asyncio.to_thread(visit.desk.passwords.verify, kept, password)


def secret(visit: Visit, name: str) -> str:
    """Return a password of the form as typed: blanks at its ends are part of it."""
    value = visit.form.get(name)
    return value[: PASSWORD_CHARS_MAX + 1] if isinstance(value, str) else ""


async def _opened(visit: Visit, user: User, *, passed_totp: bool, following: str) -> Response:
    desk, now_us = visit.desk, visit.now_us
    token, request = desk.clock.token(TOKEN_BYTES), visit.request
    visitor = Visitor(
        request.client.host if request.client else "",
        request.headers.get("user-agent", "")[:AGENT_CHARS_MAX],
    )
    await desk.store.transact(
        lambda tx: sign_in.open_session(
            tx, user, token=token, visitor=visitor, passed_totp=passed_totp, now_us=now_us
        )
    )
    return open_cookie(desk, visit.go(following), token=token)


async def _sign_in_form(
    visit: Visit, *, email: str = "", fault: str = "", status: int = 200
) -> Response:
    following = visit.text("next") or visit.asked("next")
    nobody = not await visit.desk.store.read(users.every)
    context = {"email": email, "fault": fault, "next": own_path(following), "nobody": nobody}
    return visit.page("sign_in.html", context, status=status)


async def _invited(visit: Visit) -> User:
    token, now_us = _token(visit), visit.now_us
    user = await visit.desk.store.read(lambda tx: team.invited(tx, token, now_us=now_us))
    if user is None:
        raise Refusal(
            Code.NOT_FOUND, mark("This invitation is over. Ask for a new one."), http_status=404
        )
    return user


async def _invitation_form(visit: Visit, *, fault: str = "") -> Response:
    user = await _invited(visit)
    context = {"invited": user, "fault": fault}
    return visit.page("invitation.html", context, status=400 if fault else 200)


def _token(visit: Visit) -> str:
    token: str = visit.request.path_params["token"]
    return token


WAYS: Final = (
    Way("GET", "/sign-in", sign_in_page, Who.ANYBODY),
    Way("POST", "/sign-in", sign_in_post, Who.ANYBODY),
    Way("GET", "/code", code_page, Who.HALF),
    Way("POST", "/code", code_post, Who.HALF),
    Way("POST", "/sign-out", sign_out, Who.ANYBODY),
    Way("GET", "/invitation/{token}", invitation_page, Who.ANYBODY),
    Way("POST", "/invitation/{token}", invitation_post, Who.ANYBODY),
)
