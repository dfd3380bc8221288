"""FPS accounts: the list, a new one, and the settings of one."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from starlette.responses import Response

from sampan.dashboard import account_keys, account_till, account_trial
from sampan.dashboard.account_forms import BLANK, KINDS, MODES, NEW, SECTIONS, read, rows, texts_of
from sampan.dashboard.account_keys import shown_once
from sampan.dashboard.account_pages import LIST, ONE, SETTINGS, card_of, part_page, path_of
from sampan.dashboard.project_forms import Filled
from sampan.dashboard.project_pages import act_of, language, may_change, seen_of
from sampan.dashboard.visit import PATH, Visit
from sampan.dashboard.ways import Way
from sampan.domain import fps_account as domain
from sampan.domain.rights import Right
from sampan.errors import Refusal
from sampan.flow import fps_accounts as flow
from sampan.flow.projects import SECRET_BYTES
from sampan.storage import fps_accounts as kept
from sampan.storage import projects
from sampan.storage.engine import Conflict, Tx
from sampan.storage.fps_accounts import Card
from sampan.web.i18n import mark

TAKEN: Final = mark("Another account is called so.")
CHANGED_MEANWHILE: Final = mark(
    "Somebody else has changed this account since you opened it. Nothing is saved yet: compare,"
    " and save again."
)


async def listing(visit: Visit) -> Response:
    """Show every account, and the projects that use it."""
    now_us = visit.now_us

    def look(tx: Tx) -> list[tuple[Card, Sequence[int]]]:
        every = kept.every(tx, now_us=now_us)
        return [(card, kept.projects_of(tx, card.account.id)) for card in every]

    found = await visit.desk.store.read(look)
    named = await visit.desk.store.read(projects.names)
    context = {
        "accounts": [
            {
                "account": card.account,
                "path": path_of(card.account),
                "projects": _named(used_by, named),
            }
            for card, used_by in found
        ],
        "kinds": KINDS,
        "modes": MODES,
        "may_change": may_change(visit),
    }
    return visit.page("accounts/list.html", context)


def _named(found: Sequence[int], names: Mapping[int, str]) -> list[tuple[int, str]]:
    return [(one, names.get(one, "") or str(one)) for one in found]


async def new(visit: Visit) -> Response:
    """Show the form for a new account."""
    return _new(visit, Filled())


async def add(visit: Visit) -> Response:
    """Add an account, and show the key of its notices this once."""
    desk, filled = visit.desk, read(NEW, visit.text)
    if filled.errors:
        return _new(visit, filled)
    account = domain.account_of({"id": 0, **filled.values})
    key, act = desk.clock.token(SECRET_BYTES), act_of(visit)
    try:
        made = await desk.store.transact(lambda tx: flow.add(tx, account, key=key, act=act))
    except (Refusal, Conflict):
        # Looked for before, and refused by the database where two people add at once.
        filled.errors["name"] = TAKEN
        return _new(visit, filled)
    return shown_once(visit, made, key=key, previous_until_us=None, is_new=True)


def _new(visit: Visit, filled: Filled) -> Response:
    blank = {**texts_of(BLANK), "name": "", "proxy": "", "payee_name": ""}
    shown = Filled(blank | filled.typed, {}, filled.errors)
    context = {
        "sections": rows(NEW, BLANK, filled=shown, language=language(visit)),
        "back": PATH + LIST,
    }
    return visit.page("accounts/new.html", context, status=400 if filled.errors else 200)


async def settings(visit: Visit) -> Response:
    """Show the settings of an account."""
    return await _settings(visit, await card_of(visit))


async def save(visit: Visit) -> Response:
    """Take the form of an account's settings."""
    card, filled = await card_of(visit), read(SECTIONS, visit.text)
    if filled.errors:
        return await _settings(visit, card, filled=filled)
    key, act, seen_us = card.account.id, act_of(visit), seen_of(visit, "updated_us")
    try:
        after = await visit.desk.store.transact(
            lambda tx: flow.change(
                tx,
                key,
                edit=lambda before: domain.changed(before, filled.values),
                act=act,
                seen_us=seen_us,
            )
        )
    except (Refusal, Conflict):
        filled.errors["name"] = TAKEN
        return await _settings(visit, card, filled=filled)
    if isinstance(after, flow.Meanwhile):
        return await _settings(visit, after.card, filled=filled, meanwhile=True)
    return visit.go(path_of(card.account), said="saved")


async def _settings(
    visit: Visit, card: Card, *, filled: Filled | None = None, meanwhile: bool = False
) -> Response:
    """Return the tab, with what was typed where the form was not taken."""
    account = card.account

    def look(tx: Tx) -> list[tuple[int, str]]:
        return _named(kept.projects_of(tx, account.id), projects.names(tx))

    more: dict[str, Any] = {
        "sections": rows(
            SECTIONS,
            account,
            filled=filled or Filled(texts_of(account)),
            language=language(visit),
            meanwhile=meanwhile,
        ),
        # Who was told of a wrong field has still seen only what they saw before.
        "updated_us": visit.text("updated_us") if filled and not meanwhile else card.updated_us,
        "projects": await visit.desk.store.read(look),
        "status": 409 if meanwhile else 400 if filled else 200,
    }
    if meanwhile:
        more["fault"] = CHANGED_MEANWHILE
    return part_page(visit, SETTINGS, card=card, template="settings.html", more=more)


WAYS: Final = (
    Way("GET", LIST, listing, Right.VIEW_PROJECTS),
    Way("GET", f"{LIST}/new", new, Right.PROJECT_SETTINGS),
    Way("POST", f"{LIST}/new", add, Right.PROJECT_SETTINGS),
    Way("GET", ONE, settings, Right.VIEW_PROJECTS),
    Way("POST", ONE, save, Right.PROJECT_SETTINGS),
    *account_keys.WAYS,
    *account_trial.WAYS,
    *account_till.WAYS,
)
