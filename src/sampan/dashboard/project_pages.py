"""What the pages of a project share: finding it, its tabs, who may change it."""

from collections.abc import Mapping
from typing import Any, Final

from starlette.responses import Response

from sampan.dashboard.project_choices import SANDBOX
from sampan.dashboard.project_fields import Tab
from sampan.dashboard.project_tabs import TABS
from sampan.dashboard.visit import PATH, Visit
from sampan.domain.codes import Code
from sampan.domain.project import Project
from sampan.domain.rights import Right
from sampan.errors import Refusal
from sampan.flow.projects import Act
from sampan.storage import projects
from sampan.storage.projects import Card
from sampan.web.i18n import mark
from sampan.web.render import language_of

LIST: Final = "/projects"
CHANGED_MEANWHILE: Final = mark(
    "Somebody else has changed this project since you opened it. Nothing is saved yet: compare,"
    " and save again."
)
NUMBER_DIGITS_MAX: Final = 10
_KEY_DIGITS_MAX: Final = 16


async def card_of(visit: Visit) -> Card:
    """Return the project that the address names. Raises `Refusal` 404."""
    key, desk, now_us = project_id(visit), visit.desk, visit.now_us
    found = await desk.store.read(
        lambda tx: projects.card(tx, key, vault=desk.vault, now_us=now_us)
    )
    if found is None:
        raise Refusal(Code.NOT_FOUND, "", http_status=404)
    return found


def project_id(visit: Visit) -> int:
    """Return the id in the address. Raises `Refusal` 404 for what is none."""
    return whole(visit.request.path_params["project_id"], digits_max=NUMBER_DIGITS_MAX)


def whole(text: str, *, digits_max: int = _KEY_DIGITS_MAX) -> int:
    """Return a number of an address or a hidden field. Raises `Refusal` 404 for what is none."""
    if not (text.isascii() and text.isdigit() and len(text) <= digits_max):
        raise Refusal(Code.NOT_FOUND, "", http_status=404)
    return int(text)


def seen_of(visit: Visit, name: str) -> int:
    """Return the moment that a form says it was made from; -1, which fits nothing, for none."""
    try:
        return whole(visit.text(name))
    except Refusal:
        return -1


def may_change(visit: Visit) -> bool:
    """Whether the person may change projects."""
    return Right.PROJECT_SETTINGS in visit.rights


def act_of(visit: Visit) -> Act:
    """Return what the person does to a project now."""
    return Act(visit.now_us, visit.by, visit.desk.vault)


def language(visit: Visit) -> str:
    """Return the code of the language that the page is shown in."""
    return language_of(visit.request)


def path_of(project: Project, tab: Tab) -> str:
    """Return the whole path of a tab."""
    end = f"/{tab.path}" if tab.path else ""
    return f"{PATH}{LIST}/{project.id}{end}"


def is_test(project: Project) -> bool:
    """Whether no real money moves."""
    return project.settings.provider == SANDBOX


def tab_page(
    visit: Visit,
    tab: Tab,
    *,
    card: Card,
    template: str,
    more: Mapping[str, Any],
) -> Response:
    """Return a tab; `more` may hold `status` and `headers` of the answer."""
    project = card.project
    context = {
        "project": project,
        "card": card,
        "is_test": is_test(project),
        "tab": tab,
        "tabs": [(path_of(project, one), one) for one in TABS],
        "here": path_of(project, tab),
        "may_change": may_change(visit),
        "fault": "",
    }
    answer = dict(more)
    status, headers = answer.pop("status", 200), answer.pop("headers", None)
    return visit.page(f"projects/{template}", context | answer, status=status, headers=headers)
