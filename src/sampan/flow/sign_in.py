"""Signing in: password, second factor, sessions. What is guessed at is counted and slowed.

The way of a door: read the person (`users.by_email`), verify outside any transaction
(`Passwords.verify`, also when there is nobody), then `check_password`. `Fine` opens a session;
where the person has a second factor it is a short one that only `check_code` turns into a whole
one. `Wrong` and `Locked` are told to a visitor in the same words, else they say who exists.
"""

import base64
import hmac
import unicodedata
from dataclasses import dataclass
from typing import Final

import msgspec
import pyotp

from sampan.clock import HOUR_US, MINUTE_US, SECOND_US, Clock
from sampan.domain.codes import Code
from sampan.errors import Refusal
from sampan.flow.passwords import Verdict
from sampan.flow.team import Act, hold_team, note, sha_of
from sampan.storage import users
from sampan.storage.engine import Tx
from sampan.storage.users import Session, User
from sampan.storage.vault import Vault

FAILURES_FREE: Final = 5
"""So many failures in a row lock; each further one, after the lock, locks twice as long."""
LOCK_US_MIN: Final = MINUTE_US
LOCK_US_MAX: Final = HOUR_US
DOUBLINGS_MAX: Final = 6
IDLE_US: Final = 30 * MINUTE_US
LIFE_US: Final = 12 * HOUR_US
HALF_US: Final = 10 * MINUTE_US
"""How long the code of the second factor may take."""
SEEN_US: Final = MINUTE_US
"""A use this soon after the last one is not written down."""
STEP_US: Final = 30 * SECOND_US
"""RFC 6238, 5.2; authenticator apps know no other."""
SECRET_BYTES: Final = 20
"""RFC 4226, 4: the length recommended."""
RECOVERY_COUNT: Final = 10
RECOVERY_BYTES: Final = 10
"""80 bits: too many to try, so a plain SHA-256 is kept."""
CODE_DIGITS: Final = 6
CODE_CHARS_MAX: Final = 64
AGENT_CHARS_MAX: Final = 200
ISSUER: Final = "Sampan"
VISITOR: Final = "visitor"
"""Who fails to sign in, in the journal: nobody knows who it is."""


@dataclass(frozen=True, slots=True)
class Locked:
    """Too many failures; nothing is looked at until then."""

    until_us: int


@dataclass(frozen=True, slots=True)
class Wrong:
    """Not this person, or nobody."""


@dataclass(frozen=True, slots=True)
class Fine:
    """It is this person."""

    user: User


Outcome = Locked | Wrong | Fine


@dataclass(frozen=True, slots=True)
class Visitor:
    """Where somebody comes from."""

    ip_address: str
    agent: str


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A person in a session."""

    user: User
    session: Session

    @property
    def is_half(self) -> bool:
        """Whether the code of the second factor is still missing."""
        return self.user.has_totp and not self.session.passed_totp


def check_password(tx: Tx, email: str, *, verdict: Verdict, now_us: int) -> Outcome:
    """Take in how a password compared; counts a failure, keeps a newer hash."""
    user = users.hold_by_email(tx, email)
    if user is None or user.disabled_us is not None or user.password_hash is None:
        return Wrong()
    if user.locked_until_us is not None and now_us < user.locked_until_us:
        return Locked(user.locked_until_us)
    # The hash is compared too: the password may have been changed since it was read.
    if not verdict.right or verdict.against != user.password_hash:
        return _failed(tx, user, now_us=now_us)
    if verdict.rehashed is not None:
        user = _changed(tx, user, password_hash=verdict.rehashed)
    return Fine(user)


def check_code(tx: Tx, user_id: int, code: str, *, vault: Vault, now_us: int) -> Outcome:
    """Check a code of the second factor, or a recovery code; each is good once.

    Asked of who has a half session, so that only who knows the password can guess.
    """
    user = users.hold(tx, user_id)
    if user is None or user.disabled_us is not None or user.totp_step is None:
        return Wrong()
    if user.locked_until_us is not None and now_us < user.locked_until_us:
        return Locked(user.locked_until_us)
    plain = _plain(code)
    step = _step_of(user, plain, vault=vault, now_us=now_us)
    if step is not None:
        return Fine(_changed(tx, user, totp_step=step))
    sha = sha_of(plain)
    if sha in user.recovery:
        left = tuple(one for one in user.recovery if one != sha)
        note(tx, user, "recovery code used", act=_own(user, now_us, why=f"{len(left)} left"))
        return Fine(_changed(tx, user, recovery=left))
    return _failed(tx, user, now_us=now_us)


def new_secret(clock: Clock) -> str:
    """Return a new secret of a second factor, in the form that authenticator apps read."""
    return base64.b32encode(bytes.fromhex(clock.token(SECRET_BYTES))).decode()


def new_recovery_codes(clock: Clock) -> tuple[str, ...]:
    """Return new recovery codes, to be shown once: four groups of four letters and digits."""
    codes = []
    for _ in range(RECOVERY_COUNT):
        text = base64.b32encode(bytes.fromhex(clock.token(RECOVERY_BYTES))).decode()
        codes.append("-".join(text[at : at + 4] for at in range(0, len(text), 4)))
    return tuple(codes)


def totp_address(secret: str, email: str) -> str:
    """Return what the QR for an authenticator app says."""
    return pyotp.TOTP(secret).provisioning_uri(name=email, issuer_name=ISSUER)


def begin_totp(tx: Tx, user_id: int, *, secret: str, vault: Vault, now_us: int) -> None:
    """Keep the secret of a second factor that is being shown; it counts once it is proved.

    Begun anew, the older secret is forgotten. Raises `Refusal` when there is a proved one.
    """
    user = users.hold(tx, user_id)
    if user is None or user.disabled_us is not None or user.has_totp:
        raise Refusal(Code.STATUS_FORBIDS, "there is a second factor already", http_status=409)
    sealed = vault.seal(secret, _row_name(user.id))
    _changed(tx, user, totp_sealed=sealed, updated_us=now_us)


def show_totp(tx: Tx, user_id: int, *, fresh: str, vault: Vault, now_us: int) -> str:
    """Return the secret of a second factor that is being set up; the first time begins `fresh`.

    Shown again it is the same, so a code of what was scanned before stays right. Raises `Refusal`
    when there is a proved one.
    """
    user = users.hold(tx, user_id)
    if user is not None and user.totp_sealed is not None and not user.has_totp:
        return vault.unseal(user.totp_sealed, _row_name(user_id))
    begin_totp(tx, user_id, secret=fresh, vault=vault, now_us=now_us)
    return fresh


def renew_recovery(tx: Tx, user_id: int, *, codes: tuple[str, ...], now_us: int) -> None:
    """Replace the recovery codes of a person who has just shown a code; hashes are kept."""
    user = users.hold(tx, user_id)
    assert user is not None  # noqa: S101 - people are never deleted, only disabled
    shas = tuple(sha_of(_plain(one)) for one in codes)
    note(tx, user, "recovery codes renewed", act=_own(user, now_us))
    _changed(tx, user, recovery=shas, updated_us=now_us)


def change_password(tx: Tx, here: Session, *, password_hash: str, now_us: int) -> None:
    """Change the password of who has just shown the old one.

    Their other sessions end, and so does an invitation that would set another password.
    """
    user = users.hold(tx, here.user_id)
    assert user is not None  # noqa: S101 - people are never deleted, only disabled
    _changed(
        tx,
        user,
        password_hash=password_hash,
        failures_count=0,
        invited_sha=None,
        invited_until_us=None,
        updated_us=now_us,
    )
    users.end_sessions(tx, user.id, but=here.token_sha)
    note(tx, user, "password changed", act=_own(user, now_us))


def prove_totp(  # noqa: PLR0913 - one is the transaction
    tx: Tx, here: Session, code: str, *, recovery: tuple[str, ...], vault: Vault, now_us: int
) -> bool:
    """Take the first code of a new second factor; False for a wrong one, which is not counted.

    From then on it is asked for. `recovery` codes are kept as hashes. The session in which it
    happens has passed; the person's others end.
    """
    user = users.hold(tx, here.user_id)
    if user is None or user.has_totp:
        return False
    step = _step_of(user, _plain(code), vault=vault, now_us=now_us)
    if step is None:
        return False
    shas = tuple(sha_of(_plain(one)) for one in recovery)
    _changed(tx, user, totp_step=step, recovery=shas, updated_us=now_us)
    users.pass_totp(tx, here.token_sha)
    users.end_sessions(tx, user.id, but=here.token_sha)
    note(tx, user, "second factor added", act=_own(user, now_us))
    return True


def open_session(  # noqa: PLR0913 - one is the transaction
    tx: Tx, user: User, *, token: str, visitor: Visitor, passed_totp: bool, now_us: int
) -> Session:
    """Sign a person in, after `Fine`; `token` goes into the cookie and is kept nowhere.

    A whole session forgives the failures before it; a half one does not, or whoever knows the
    password could guess at codes for ever. What has ended of the person's is forgotten, and with
    a whole session the half ones. Raises `Refusal` for who got another password after `Fine`: that
    ended their sessions, and has not seen this one.
    """
    checked = user
    # Before the session's row: that one takes a weaker lock on the person, and two who both have
    # the weaker one would wait for each other.
    user = users.hold(tx, user.id) or user
    if user.password_hash != checked.password_hash:
        raise Refusal(Code.STATUS_FORBIDS, "", http_status=409)
    half = user.has_totp and not passed_totp
    for old in users.sessions_of(tx, user.id):
        replaced = user.has_totp and passed_totp and not old.passed_totp
        if replaced or has_ended(old, now_us):
            users.end_session(tx, user.id, old.token_sha)
    session = Session(
        token_sha=sha_of(token),
        user_id=user.id,
        created_us=now_us,
        seen_us=now_us,
        ends_us=now_us + (HALF_US if half else LIFE_US),
        ip_address=visitor.ip_address,
        agent="".join(char for char in visitor.agent if char.isprintable())[:AGENT_CHARS_MAX],
        passed_totp=passed_totp,
    )
    users.open_session(tx, session)
    if not half:
        if user.failures_count:
            _changed(tx, user, failures_count=0, locked_until_us=None)
        note(tx, user, "signed in", act=_own(user, now_us, why=visitor.ip_address))
    return session


def touch(tx: Tx, token: str, *, now_us: int) -> SignedIn | None:
    """Return who is signed in with a token, and note that the session is used.

    None for a token that is unknown, has ended, was idle too long, or whose person is disabled.
    """
    session = users.session(tx, sha_of(token))
    if session is None:
        return None
    if has_ended(session, now_us):
        users.end_session(tx, session.user_id, session.token_sha)
        return None
    user = users.find(tx, session.user_id)
    if user is None or user.disabled_us is not None:
        return None
    if now_us - session.seen_us >= SEEN_US:
        users.seen(tx, session.token_sha, now_us=now_us)
        session = msgspec.structs.replace(session, seen_us=now_us)
    return SignedIn(user, session)


def close(tx: Tx, user: User, *, token_sha: str, now_us: int) -> bool:
    """End one session of a person, this or another; False when it has ended already."""
    ended = users.end_session(tx, user.id, token_sha)
    if ended:
        note(tx, user, "signed out", act=_own(user, now_us))
    return ended


def close_all(tx: Tx, user: User, *, but_sha: str = "", act: Act) -> int:
    """End a person's sessions, all but one; return how many.

    Raises `Refusal` when somebody else does it without the right.
    """
    if act.user != user.id:
        hold_team(tx, act)
    count = users.end_sessions(tx, user.id, but=but_sha)
    note(tx, user, "sessions ended", act=act)
    return count


def has_ended(session: Session, now_us: int) -> bool:
    """Whether a session's time is over, or it was idle too long."""
    return now_us >= session.ends_us or now_us - session.seen_us >= IDLE_US


def _failed(tx: Tx, user: User, *, now_us: int) -> Wrong:
    count = user.failures_count + 1
    until_us = None
    if count >= FAILURES_FREE:
        # Without a bound, years of guessing would make a number of thousands of bits.
        doublings = min(count - FAILURES_FREE, DOUBLINGS_MAX)
        until_us = now_us + min(LOCK_US_MIN << doublings, LOCK_US_MAX)
        note(tx, user, "sign-in locked", act=Act(now_us, VISITOR, f"{count} failures in a row"))
    _changed(tx, user, failures_count=count, locked_until_us=until_us)
    return Wrong()


def _step_of(user: User, code: str, *, vault: Vault, now_us: int) -> int | None:
    """Return the time step whose code this is: now or one beside, and later than the last."""
    if user.totp_sealed is None or len(code) != CODE_DIGITS:
        return None
    totp = pyotp.TOTP(vault.unseal(user.totp_sealed, _row_name(user.id)))
    now = now_us // STEP_US
    for step in range(max(now - 1, (user.totp_step or 0) + 1), now + 2):
        if hmac.compare_digest(totp.generate_otp(step).encode(), code.encode()):
            return step
    return None


def _plain(code: str) -> str:
    """Return a code as it is compared: people write blanks, dashes and full-width digits."""
    text = unicodedata.normalize("NFKC", code[:CODE_CHARS_MAX]).upper()
    return "".join(char for char in text if char.isascii() and char.isalnum())


def _own(user: User, now_us: int, *, why: str = "") -> Act:
    return Act(now_us, f"staff:{user.email}", why)


def _changed(tx: Tx, user: User, **values: object) -> User:
    after = msgspec.structs.replace(user, **values)
    users.change(tx, after)
    return after


def _row_name(user_id: int) -> str:
    return f"users/{user_id}/totp"
