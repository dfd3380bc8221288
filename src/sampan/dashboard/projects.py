"""Projects: the list, a new one, and the tabs with their settings."""

from typing import Any, Final

from starlette.responses import Response

from sampan.dashboard import project_bank, project_design, project_keys, project_rules
from sampan.dashboard.project_fields import Section, Tab
from sampan.dashboard.project_forms import Filled, read, rows, texts_of
from sampan.dashboard.project_keys import shown_once
from sampan.dashboard.project_pages import (
    CHANGED_MEANWHILE,
    LIST,
    NUMBER_DIGITS_MAX,
    act_of,
    card_of,
    is_test,
    language,
    may_change,
    path_of,
    seen_of,
    tab_page,
)
from sampan.dashboard.project_tabs import BANK, CALLBACKS, GENERAL, METHODS, PAGE, REDIRECTS
from sampan.dashboard.visit import PATH, Visit
from sampan.dashboard.ways import Handler, Way
from sampan.domain.project import Project, ProjectSettings
from sampan.domain.rights import Right
from sampan.flow import projects as flow
from sampan.storage import projects
from sampan.storage.engine import Conflict, Tx
from sampan.storage.projects import Card
from sampan.web.i18n import mark

TAKEN: Final = mark("Another project has this number.")
BAD_ID: Final = mark("A number from 1 to 4294967295.")
_TRIES_MAX: Final = 5
_FIELDS: Final = {field.name: field for tab in (GENERAL, BANK, CALLBACKS) for field in tab.fields}
NEW: Final = Tab(
    "new",
    mark("New project"),
    (
        Section(mark("Project"), (_FIELDS["name"], _FIELDS["provider"])),
        Section(
            mark("Payee in test QR codes"),
            tuple(_FIELDS[name] for name in ("payee_fps_id", "payee_name", "payee_name_zh")),
        ),
        Section(mark("Callbacks"), (_FIELDS["callback_url"],)),
    ),
)
"""What a new project is asked for; all else has a default."""
_TEMPLATES: Final = {CALLBACKS: "callbacks.html", BANK: "bank.html"}


async def listing(visit: Visit) -> Response:
    """Show every project."""
    vault, now_us = visit.desk.vault, visit.now_us
    found = await visit.desk.store.read(lambda tx: projects.every(tx, vault=vault, now_us=now_us))
    context = {
        "projects": [
            {
                "id": one.id,
                "name": one.name,
                "is_test": is_test(one),
                "currencies": [c for c in ("HKD", "CNY") if one.settings.amount_limits(c)],
                "callback_url": one.callback_url,
                "rules_count": sum(rule.enabled for rule in one.callback_rules),
                "enabled": one.settings.enabled,
            }
            for one in found
        ],
        "may_change": may_change(visit),
    }
    return visit.page("projects/list.html", context)


async def new(visit: Visit) -> Response:
    """Show the form for a new project, with the next number in it."""
    return await _new(visit, Filled())


async def add(visit: Visit) -> Response:
    """Add a project, and show its secret this once."""
    desk = visit.desk
    filled = read(NEW.fields, visit.text, before=_blank(), check_url=desk.check_url)
    wanted = visit.text("id")
    filled.typed["id"] = wanted[:NUMBER_DIGITS_MAX]
    if wanted and _number(wanted) is None:
        filled.errors["id"] = BAD_ID
    if filled.errors:
        return await _new(visit, filled)
    secret, act = desk.clock.token(flow.SECRET_BYTES), act_of(visit)

    def insert(tx: Tx) -> Project:
        number = _number(wanted) or flow.next_id(tx)
        project = filled.onto(
            Project(
                id=number,
                name="",
                callback_url="",
                secrets=(secret,),
                settings=ProjectSettings(),
            )
        )
        flow.add(tx, project, act=act)
        return project

    for _ in range(1 if wanted else _TRIES_MAX):
        try:
            made = await desk.store.transact(insert)
        except Conflict:
            # The next number went to somebody else in the same moment.
            continue
        return shown_once(visit, made, previous_until_us=None, is_new=True)
    filled.errors["id"] = TAKEN
    return await _new(visit, filled)


async def _new(visit: Visit, filled: Filled) -> Response:
    """Return the form; a number that is free stands in it, so that sending it twice adds one."""
    number = filled.typed.get("id", "") or str(await visit.desk.store.read(flow.next_id))
    blank = {**texts_of(_blank(), NEW.fields), "payee_name": ""}
    shown = Filled(blank | filled.typed, {}, filled.errors)
    context = {
        "sections": rows(NEW, _blank(), filled=shown, language=language(visit)),
        "number": number,
        "number_error": filled.errors.get("id", ""),
        "back": PATH + LIST,
    }
    return visit.page("projects/new.html", context, status=400 if filled.errors else 200)


def _blank() -> Project:
    return Project(id=0, name="", callback_url="", secrets=(), settings=ProjectSettings())


def _number(text: str) -> int | None:
    fits = text.isascii() and text.isdigit() and len(text) <= NUMBER_DIGITS_MAX
    return int(text) if fits and 1 <= int(text) <= flow.ID_MAX else None


def shower(tab: Tab) -> Handler:
    """Return what shows a tab of settings."""

    async def show(visit: Visit) -> Response:
        return await _shown(visit, tab, card=await card_of(visit))

    return show


def saver(tab: Tab) -> Handler:
    """Return what takes the form of a tab of settings."""

    async def save(visit: Visit) -> Response:
        card, desk = await card_of(visit), visit.desk
        filled = read(tab.fields, visit.text, before=card.project, check_url=desk.check_url)
        if filled.errors:
            return await _shown(visit, tab, card=card, filled=filled)
        act, key, seen_us = act_of(visit), card.project.id, seen_of(visit, "updated_us")
        after = await desk.store.transact(
            lambda tx: flow.change(tx, key, edit=filled.onto, act=act, seen_us=seen_us)
        )
        if isinstance(after, flow.Meanwhile):
            return await _shown(
                visit, tab, card=after.card, filled=filled, meanwhile=after.card.project
            )
        return visit.go(path_of(card.project, tab), said="saved")

    return save


async def _shown(
    visit: Visit,
    tab: Tab,
    *,
    card: Card,
    filled: Filled | None = None,
    meanwhile: Project | None = None,
) -> Response:
    """Return a tab of settings, with what was typed where the form was not taken."""
    project = card.project
    more: dict[str, Any] = {
        "sections": rows(
            tab, project, filled=filled, language=language(visit), meanwhile=meanwhile
        ),
        # Who was told of a wrong field has still seen only what they saw before.
        "updated_us": visit.text("updated_us") if filled and not meanwhile else card.updated_us,
        "status": 409 if meanwhile else 400 if filled else 200,
    }
    if meanwhile:
        more["fault"] = CHANGED_MEANWHILE
    if tab is CALLBACKS:
        more |= project_rules.context(visit, project)
    if tab is BANK:
        more |= await project_bank.context(visit, project)
    template = _TEMPLATES.get(tab, "settings.html")
    return tab_page(visit, tab, card=card, template=template, more=more)


_ONE: Final = f"{LIST}/{{project_id}}"


def _ways(tab: Tab) -> tuple[Way, Way]:
    path = f"{_ONE}/{tab.path}" if tab.path else _ONE
    return (
        Way("GET", path, shower(tab), Right.VIEW_PROJECTS),
        Way("POST", path, saver(tab), Right.PROJECT_SETTINGS),
    )


WAYS: Final = (
    Way("GET", LIST, listing, Right.VIEW_PROJECTS),
    Way("GET", f"{LIST}/new", new, Right.PROJECT_SETTINGS),
    Way("POST", f"{LIST}/new", add, Right.PROJECT_SETTINGS),
    *(way for tab in (GENERAL, BANK, METHODS, CALLBACKS, REDIRECTS, PAGE) for way in _ways(tab)),
    *project_keys.WAYS,
    *project_bank.WAYS,
    *project_rules.WAYS,
    *project_design.WAYS,
)
