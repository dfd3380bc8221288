"""Callback rules of a project: add, switch, remove."""

from typing import Any, Final

import msgspec
from starlette.responses import Response

from sampan.dashboard.project_forms import translated
from sampan.dashboard.project_pages import LIST, act_of, card_of, language, project_id, whole
from sampan.dashboard.project_tabs import CALLBACKS
from sampan.dashboard.visit import Visit
from sampan.dashboard.ways import Way
from sampan.domain.callback_rules import RULES_MAX, CallbackRule
from sampan.domain.codes import Code
from sampan.domain.project import Project
from sampan.domain.rights import Right
from sampan.errors import Refusal
from sampan.flow import projects as flow
from sampan.flow.projects import RuleEdit
from sampan.web.i18n import mark

_ANY: Final = ("", mark("Any"))
TYPES: Final = (
    _ANY,
    ("purchase", mark("Purchase")),
    ("invoice", mark("Payment link")),
)
RESULTS: Final = (
    _ANY,
    ("success", mark("Paid")),
    ("decline", mark("Declined")),
    ("error", mark("Not started")),
    ("other", mark("All other news")),
)
METHODS: Final = (_ANY, ("hk-qr", "FPS QR (hk-qr)"))
_KINDS: Final = {"payment_type": TYPES, "result": RESULTS, "method": METHODS}


def context(visit: Visit, project: Project) -> dict[str, Any]:
    """Return what the tab needs to show the rules and the form for a new one."""
    code = language(visit)
    return {
        "rules": project.callback_rules,
        "may_add": len(project.callback_rules) < RULES_MAX,
        "types": translated(TYPES, code),
        "results": translated(RESULTS, code),
        "methods": translated(METHODS, code),
        "rule": {"url": "", "payment_type": "", "result": "", "method": ""},
        "rule_errors": {},
    }


async def new(visit: Visit) -> Response:
    """Show the form for a rule."""
    return await _form(visit, typed={}, errors={})


async def add(visit: Visit) -> Response:
    """Add a rule behind the others."""
    typed = {name: visit.text(name) for name in ("url", *_KINDS)}
    errors = {
        name: mark("Please choose one of these.")
        for name, options in _KINDS.items()
        if typed[name] not in dict(options)
    }
    try:
        visit.desk.check_url(typed["url"])
    except ValueError:
        errors["url"] = CALLBACKS.fields[0].fault
    if errors:
        return await _form(visit, typed=typed, errors=errors)
    rule = msgspec.convert({"id": 0, **typed}, CallbackRule)
    key, act = project_id(visit), act_of(visit)
    await visit.desk.store.transact(lambda tx: flow.add_rule(tx, key, rule, act=act))
    return visit.go(f"{LIST}/{key}/{CALLBACKS.path}", said="rule-added")


async def edit(visit: Visit) -> Response:
    """Switch a rule on or off, or remove it."""
    wish, key, act = visit.text("to"), project_id(visit), act_of(visit)
    rule_id = whole(visit.request.path_params["rule_id"])
    if wish not in set(RuleEdit):
        raise Refusal(Code.NOT_FOUND, "", http_status=404)
    to = RuleEdit(wish)
    await visit.desk.store.transact(lambda tx: flow.edit_rule(tx, key, rule_id, to=to, act=act))
    said = "rule-removed" if to is RuleEdit.REMOVE else "rule-changed"
    return visit.go(f"{LIST}/{key}/{CALLBACKS.path}", said=said)


async def _form(visit: Visit, *, typed: dict[str, str], errors: dict[str, str]) -> Response:
    from_project = (await card_of(visit)).project
    shown = context(visit, from_project)
    shown["rule"] |= typed
    more = {"project": from_project, "back": f"/dashboard{LIST}/{from_project.id}/callbacks"}
    shown["rule_errors"] = errors
    return visit.page("projects/rule.html", shown | more, status=400 if errors else 200)


_PATH: Final = f"{LIST}/{{project_id}}/{CALLBACKS.path}/rules"
WAYS: Final = (
    Way("GET", f"{_PATH}/new", new, Right.PROJECT_SETTINGS),
    Way("POST", f"{_PATH}/new", add, Right.PROJECT_SETTINGS),
    Way("POST", f"{_PATH}/{{rule_id}}", edit, Right.PROJECT_SETTINGS),
)
