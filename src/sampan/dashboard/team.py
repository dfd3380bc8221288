"""The team: who is in it, inviting, roles, shutting out, and what somebody did lately."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from starlette.responses import Response

from sampan.clock import HOUR_US
from sampan.dashboard.asked import Asked
from sampan.dashboard.told import STAFF, WHATS
from sampan.dashboard.visit import PATH as DASHBOARD
from sampan.dashboard.visit import Visit
from sampan.dashboard.ways import Way
from sampan.dashboard.words import ROLES
from sampan.domain.codes import Code
from sampan.domain.mails import Invitation
from sampan.domain.rights import Right, Role, needs_second_factor
from sampan.errors import Refusal
from sampan.flow import mailing, sign_in, team
from sampan.flow.mailing import Letter
from sampan.flow.team import INVITATION_US, NAME_CHARS_MAX, TOKEN_BYTES, Act, Newcomer
from sampan.storage import journal_lists, users
from sampan.storage.engine import Tx
from sampan.storage.journal_lists import Filter, Noted
from sampan.storage.users import Session, User
from sampan.web.i18n import LANGUAGES, mark

PATH: Final = "/team"
LATELY_ROWS: Final = 20
WHY_CHARS_MAX: Final = 500
FORBIDDEN: Final = 403
SEE_OTHER: Final = 303
BAD_WHY: Final = mark("Say why, in at most 500 characters on one line.")
NO_ROLE: Final = mark("Choose at least one role.")
BAD_ROLE: Final = mark("There is no such role.")

MEANINGS: Final[Mapping[Role, str]] = {
    Role.SUPPORT: mark("Looks at payments and callbacks, answers customers."),
    Role.OPERATIONS: mark("Also makes payment links, resends callbacks, decides about money."),
    Role.FINANCE: mark("Looks at payments, money that waits, and the books."),
    Role.RISKS: mark("Looks at payments, money that waits, and the journal."),
    Role.ADMIN: mark("May do everything, also change projects and the team."),
}


@dataclass(frozen=True, slots=True)
class Typed:
    """A form as it was typed, and what is wrong with it by field; "" is the form as a whole."""

    values: Mapping[str, str] = field(default_factory=dict)
    roles: Sequence[str] = ()
    errors: Mapping[str, str] = field(default_factory=dict)


async def everybody(visit: Visit) -> Response:
    """List the people."""

    def read(tx: Tx) -> list[tuple[User, int | None]]:
        return [(user, _seen(users.sessions_of(tx, user.id))) for user in users.every(tx)]

    people = await visit.desk.store.read(read)
    rows = [(user, _state(user, visit.now_us), seen) for user, seen in people]
    return visit.page("team.html", {"people": rows, "role_names": ROLES, "states": STATES})


async def invitation(visit: Visit) -> Response:
    """Show the form for somebody new."""
    return _form(visit, Typed())


async def invite(visit: Visit) -> Response:
    """Add somebody; the invitation goes out by mail where that is set, and is shown this once."""
    roles, wrong = _roles(visit)
    typed = Typed(
        {name: visit.text(name) for name in ("email", "name", "language")},
        _ticked(visit),
        wrong,
    )
    if wrong:
        return _form(visit, typed)
    language = typed.values["language"]
    token = visit.desk.clock.token(TOKEN_BYTES)
    new = Newcomer(
        typed.values["email"],
        roles,
        name=typed.values["name"],
        language=language if language in LANGUAGES else "en",
        invitation=token,
    )
    act = visit.act()

    def add(tx: Tx) -> User:
        return _sent(tx, visit, user=team.add_user(tx, new, act=act), token=token)

    try:
        user = await visit.desk.store.transact(add)
    except Refusal as error:
        if error.http_status == FORBIDDEN:
            raise
        name = "name" if error.message.startswith("a name") else "email"
        return _form(visit, Typed(typed.values, typed.roles, {name: _sentence(error)}))
    return _invited(visit, user, token=token)


async def invite_anew(visit: Visit) -> Response:
    """Make a new invitation, for one that was lost or a forgotten password; shown this once."""
    user, token = await _one(visit), visit.desk.clock.token(TOKEN_BYTES)

    def change(tx: Tx, act: Act) -> User:
        return _sent(tx, visit, user=team.invite(tx, user.id, token=token, act=act), token=token)

    answer = await _changed(visit, user, change=change)
    return _invited(visit, user, token=token) if answer.status_code == SEE_OTHER else answer


async def card(visit: Visit) -> Response:
    """Show a person: roles, sessions, what they did lately, and what can be done to them."""
    return await _card(visit, (await _one(visit)).id)


async def set_roles(visit: Visit) -> Response:
    """Give a person these roles and no others."""
    user, (roles, wrong) = await _one(visit), _roles(visit)
    if wrong:
        return await _card(visit, user.id, fault=wrong["role"])
    act_on = team.set_roles
    return await _changed(
        visit, user, change=lambda tx, act: act_on(tx, user.id, roles=roles, act=act)
    )


async def disable(visit: Visit) -> Response:
    """Shut a person out at once."""
    user = await _one(visit)
    return await _changed(visit, user, change=lambda tx, act: team.disable(tx, user.id, act=act))


async def enable(visit: Visit) -> Response:
    """Let a person in again."""
    user = await _one(visit)
    return await _changed(visit, user, change=lambda tx, act: team.enable(tx, user.id, act=act))


async def reset_factor(visit: Visit) -> Response:
    """Take a second factor away that was lost."""
    user = await _one(visit)
    return await _changed(visit, user, change=lambda tx, act: team.reset_totp(tx, user.id, act=act))


async def end_sessions(visit: Visit) -> Response:
    """End a person's sessions; of one's own all but this one."""
    user = await _one(visit)
    here = visit.here.session.token_sha
    return await _changed(
        visit, user, change=lambda tx, act: sign_in.close_all(tx, user, but_sha=here, act=act)
    )


STATES: Final[Mapping[str, tuple[str, str]]] = {
    "active": (mark("Active"), "good"),
    "invited": (mark("Invited"), "busy"),
    "stale": (mark("Invitation is over"), "bad"),
    "locked": (mark("Locked for a while"), "bad"),
    "disabled": (mark("Shut out"), "idle"),
}

SENTENCES: Final[Mapping[str, str]] = {
    "this is not an e-mail address": mark("This is not an e-mail address."),
    "an e-mail address has at most": mark("This e-mail address is too long."),
    "somebody has the e-mail address": mark("Somebody has this e-mail address already."),
    "a name has at most": mark("A name has at most 100 printable characters."),
    "is the last admin who can sign in": mark(
        "This is the last admin who can sign in. Make another one first."
    ),
    "is disabled": mark("This person is shut out. Let them in first."),
}
"""What a refusal says, or begins with → the same for people."""


def _sentence(error: Refusal) -> str:
    known = (told for part, told in SENTENCES.items() if part in error.message)
    # Shown through the catalogues, which would take a sign of per cent for a place to fill.
    return next(known, error.message.replace("%", "%%"))


def _state(user: User, now_us: int) -> str:
    if user.disabled_us is not None:
        return "disabled"
    if user.locked_until_us is not None and now_us < user.locked_until_us:
        return "locked"
    if user.password_hash is None:
        still = user.invited_until_us is not None and now_us < user.invited_until_us
        return "invited" if still else "stale"
    return "active"


def _seen(sessions: Sequence[Session]) -> int | None:
    return max((one.seen_us for one in sessions), default=None)


def _number(visit: Visit) -> int:
    number = Asked(visit.request.path_params).number("id")
    if number is None:
        raise Refusal(Code.NOT_FOUND, "", http_status=404)
    return number


async def _one(visit: Visit) -> User:
    user_id = _number(visit)
    user = await visit.desk.store.read(lambda tx: users.find(tx, user_id))
    if user is None:
        raise Refusal(Code.NOT_FOUND, "", http_status=404)
    return user


def _roles(visit: Visit) -> tuple[list[Role], dict[str, str]]:
    """Return the roles that are ticked, and what is wrong with them."""
    given = _ticked(visit)
    if not given:
        return [], {"role": NO_ROLE}
    if not set(given) <= set(Role):
        return [], {"role": BAD_ROLE}
    return [Role(one) for one in given], {}


def _ticked(visit: Visit) -> list[str]:
    return [one for one in visit.form.getlist("role") if isinstance(one, str)]


def _why(visit: Visit) -> str | None:
    """Return the reason that was typed, None when it is none."""
    why = visit.text("why")
    return why if why and len(why) <= WHY_CHARS_MAX and why.isprintable() else None


async def _changed(visit: Visit, user: User, *, change: Callable[[Tx, Act], object]) -> Response:
    """Do something to a person for the reason that was typed."""
    why = _why(visit)
    if why is None:
        return await _card(visit, user.id, fault=BAD_WHY)
    act = visit.act(why)
    try:
        await visit.desk.store.transact(lambda tx: change(tx, act))
    except Refusal as error:
        if error.http_status == FORBIDDEN:
            raise
        return await _card(visit, user.id, fault=_sentence(error))
    return visit.go(f"{PATH}/{user.id}", said="saved")


async def _card(visit: Visit, user_id: int, *, fault: str = "") -> Response:
    def read(tx: Tx) -> tuple[User | None, Sequence[Session], Sequence[Noted]]:
        user = users.find(tx, user_id)
        if user is None:
            return None, (), ()
        did = journal_lists.page(tx, Filter(by=f"{STAFF}{user.email}"), most=LATELY_ROWS)
        return user, users.sessions_of(tx, user_id), did.rows

    user, sessions, did = await visit.desk.store.read(read)
    if user is None:
        raise Refusal(Code.NOT_FOUND, "", http_status=404)
    context = {
        "person": user,
        "state": _state(user, visit.now_us),
        "states": STATES,
        "sessions": [one for one in sessions if not sign_in.has_ended(one, visit.now_us)],
        "did": did,
        "whats": WHATS,
        "roles": [(role, ROLES[role], MEANINGS[role]) for role in Role],
        "needs_factor": needs_second_factor(user.roles),
        "is_me": user.id == visit.user.id,
        "may_read_journal": Right.JOURNAL in visit.rights,
        "why": visit.text("why") if fault else "",
        "fault": fault,
    }
    return visit.page("person.html", context, status=400 if fault else 200)


def _form(visit: Visit, typed: Typed) -> Response:
    context = {
        "typed": typed.values,
        "ticked": typed.roles,
        "errors": typed.errors,
        "roles": [(role, ROLES[role], MEANINGS[role]) for role in Role],
        "language_names": [(one.code, one.name) for one in LANGUAGES.values()],
        "name_chars_max": NAME_CHARS_MAX,
    }
    return visit.page("team_invite.html", context, status=400 if typed.errors else 200)


def _sent(tx: Tx, visit: Visit, *, user: User, token: str) -> User:
    """Ask for the mail with an invitation, where mail is on; return who is invited."""
    assert user.invited_until_us is not None  # noqa: S101 - invited in this transaction
    facts = Invitation(
        link=_address(visit, token), expires_us=user.invited_until_us, name=user.name
    )
    room, now_us = visit.desk.office.room, user.updated_us
    mailing.ask(tx, Letter(user.email, facts, user.language), room=room, now_us=now_us)
    return user


def _address(visit: Visit, token: str) -> str:
    return f"{visit.desk.public_url}{DASHBOARD}/invitation/{token}"


def _invited(visit: Visit, user: User, *, token: str) -> Response:
    context = {
        "person": user,
        "mail_on": visit.desk.mail_on,
        "address": _address(visit, token),
        "hours": INVITATION_US // HOUR_US,
    }
    return visit.page("team_invited.html", context)


WAYS: Final = (
    Way("GET", PATH, everybody, Right.TEAM),
    Way("GET", f"{PATH}/invite", invitation, Right.TEAM),
    Way("POST", f"{PATH}/invite", invite, Right.TEAM),
    Way("GET", f"{PATH}/{{id}}", card, Right.TEAM),
    Way("POST", f"{PATH}/{{id}}/invite", invite_anew, Right.TEAM),
    Way("POST", f"{PATH}/{{id}}/roles", set_roles, Right.TEAM),
    Way("POST", f"{PATH}/{{id}}/disable", disable, Right.TEAM),
    Way("POST", f"{PATH}/{{id}}/enable", enable, Right.TEAM),
    Way("POST", f"{PATH}/{{id}}/second-factor", reset_factor, Right.TEAM),
    Way("POST", f"{PATH}/{{id}}/sessions", end_sessions, Right.TEAM),
)
