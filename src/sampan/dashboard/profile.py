"""One's own part: sessions, password, second factor."""

from base64 import b64encode
from typing import Final

from starlette.responses import Response

from sampan.codecs import qr_image
from sampan.dashboard.signing_in import UNALIKE, WRONG_CODE, secret, verified
from sampan.dashboard.visit import Visit
from sampan.dashboard.ways import Way, Who
from sampan.domain.rights import Right
from sampan.errors import Refusal
from sampan.flow import sign_in, team
from sampan.flow.sign_in import CODE_CHARS_MAX, Fine
from sampan.storage import api_tokens, users
from sampan.storage.engine import Tx
from sampan.web.i18n import mark

WRONG_PASSWORD: Final = mark("This is not your password.")
PROFILE: Final = "/profile"
_SHA_CHARS: Final = 64


async def profile(visit: Visit) -> Response:
    """Show one's sessions and how one signs in."""
    return await _profile(visit)


async def end_session(visit: Visit) -> Response:
    """End one of one's sessions."""
    sha, now_us = visit.text("session")[:_SHA_CHARS], visit.now_us
    # Anything else names no session, and a database may not even hold it.
    if sha.isalnum():
        await visit.desk.store.transact(
            lambda tx: sign_in.close(tx, visit.user, token_sha=sha, now_us=now_us)
        )
    return visit.go(PROFILE, said="session-ended")


async def end_others(visit: Visit) -> Response:
    """End all of one's sessions but this one."""
    here, act = visit.here, visit.act()
    await visit.desk.store.transact(
        lambda tx: sign_in.close_all(tx, here.user, but_sha=here.session.token_sha, act=act)
    )
    return visit.go(PROFILE, said="sessions-ended")


async def change_password(visit: Visit) -> Response:
    """Take a new password of who knows the old one; the other sessions end."""
    user, new = visit.user, secret(visit, "password")
    if new != secret(visit, "again"):
        return await _profile(visit, fault=UNALIKE)
    try:
        team.refuse_bad_password(new, user.email)
    except Refusal as error:
        return await _profile(visit, fault=error.message)
    verdict = await verified(visit, user.email, password=secret(visit, "old"))
    hashed, here, now_us = await visit.desk.hashed(new), visit.here.session, visit.now_us

    def change(tx: Tx) -> bool:
        outcome = sign_in.check_password(tx, user.email, verdict=verdict, now_us=now_us)
        if not isinstance(outcome, Fine):
            return False
        sign_in.change_password(tx, here, password_hash=hashed, now_us=now_us)
        return True

    if not await visit.desk.store.transact(change):
        return await _profile(visit, fault=WRONG_PASSWORD)
    return visit.go(PROFILE, said="password-changed")


async def second_factor(visit: Visit) -> Response:
    """Show the QR for an authenticator app, or that there is a second factor."""
    return await _second_factor(visit)


async def prove_second_factor(visit: Visit) -> Response:
    """Take the first code of a new second factor, and show the recovery codes this once."""
    desk, here, now_us = visit.desk, visit.here.session, visit.now_us
    code, codes = visit.text("code")[:CODE_CHARS_MAX], sign_in.new_recovery_codes(desk.clock)
    proved = await desk.store.transact(
        lambda tx: sign_in.prove_totp(
            tx, here, code, recovery=codes, vault=desk.vault, now_us=now_us
        )
    )
    if not proved:
        return await _second_factor(visit, fault=WRONG_CODE)
    return visit.page("recovery.html", {"codes": codes})


async def renew_recovery(visit: Visit) -> Response:
    """Make new recovery codes for who shows a code; the old ones are worth nothing then."""
    desk, user_id, now_us = visit.desk, visit.user.id, visit.now_us
    code, codes = visit.text("code")[:CODE_CHARS_MAX], sign_in.new_recovery_codes(desk.clock)

    def renew(tx: Tx) -> bool:
        outcome = sign_in.check_code(tx, user_id, code, vault=desk.vault, now_us=now_us)
        if isinstance(outcome, Fine):
            sign_in.renew_recovery(tx, user_id, codes=codes, now_us=now_us)
        return isinstance(outcome, Fine)

    if not await desk.store.transact(renew):
        return await _profile(visit, fault=WRONG_CODE)
    return visit.page("recovery.html", {"codes": codes})


async def _profile(visit: Visit, *, fault: str = "") -> Response:
    user_id = visit.user.id
    sessions, token = await visit.desk.store.read(
        lambda tx: (users.sessions_of(tx, user_id), api_tokens.of_user(tx, user_id))
    )
    context = {
        "token": token,
        "may_ask_by_program": Right.DATA_API_TOKENS in visit.rights,
        "sessions": [one for one in sessions if not sign_in.has_ended(one, visit.now_us)],
        "here": visit.here.session.token_sha,
        "recovery_count": len(visit.user.recovery),
        "fault": fault,
    }
    return visit.page("profile.html", context, status=400 if fault else 200)


async def _second_factor(visit: Visit, *, fault: str = "") -> Response:
    user, desk, now_us = visit.user, visit.desk, visit.now_us
    if user.has_totp:
        return visit.go(PROFILE)
    fresh = sign_in.new_secret(desk.clock)
    shown = await desk.store.transact(
        lambda tx: sign_in.show_totp(tx, user.id, fresh=fresh, vault=desk.vault, now_us=now_us)
    )
    address = sign_in.totp_address(shown, user.email)
    context = {
        "picture": b64encode(qr_image.png(address)).decode(),
        "secret": " ".join(shown[at : at + 4] for at in range(0, len(shown), 4)),
        "fault": fault,
    }
    return visit.page("second_factor.html", context, status=400 if fault else 200)


WAYS: Final = (
    Way("GET", PROFILE, profile, Who.SIGNED_IN),
    Way("POST", f"{PROFILE}/sessions/end", end_session, Who.SIGNED_IN),
    Way("POST", f"{PROFILE}/sessions/end-others", end_others, Who.SIGNED_IN),
    Way("POST", f"{PROFILE}/password", change_password, Who.SIGNED_IN),
    Way("GET", f"{PROFILE}/second-factor", second_factor, Who.SIGNED_IN),
    Way("POST", f"{PROFILE}/second-factor", prove_second_factor, Who.SIGNED_IN),
    Way("POST", f"{PROFILE}/recovery", renew_recovery, Who.SIGNED_IN),
)
