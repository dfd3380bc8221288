"""Make one payment link."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from starlette.responses import Response

from sampan.dashboard.links import PATH
from sampan.dashboard.visit import Visit
from sampan.dashboard.ways import Way
from sampan.domain import link_form
from sampan.domain.link_form import COLUMNS, Flaw, LinkForm
from sampan.domain.payment import Targets
from sampan.domain.project import Project
from sampan.domain.rights import Right
from sampan.domain.texts import URL_CHARS_MAX, is_web_url, project_number
from sampan.flow import staff_links
from sampan.flow.links import Link, LinkRequest
from sampan.flow.sale import new_request_id
from sampan.flow.settle import Step
from sampan.storage import projects
from sampan.storage.engine import Tx
from sampan.web.i18n import mark
from sampan.web.link_words import flaw_text
from sampan.web.render import language_of

SPANS: Final = (
    ("1h", mark("1 hour")),
    (link_form.TODAY, mark("Today, until midnight")),
    ("1d", mark("1 day")),
    ("3d", mark("3 days")),
    ("7d", mark("7 days")),
    ("30d", mark("30 days")),
    ("at", mark("Until a date and time")),
)
DEFAULT_SPAN: Final = "7d"
LANGUAGES: Final = (
    ("", mark("As the customer's browser")),
    ("zh-hant", "繁體中文"),
    ("en", "English"),
    ("zh", "简体中文"),
)
RETURNS: Final = ("return_success", "return_decline", "return_any")
NO_PROJECT: Final = mark("Choose a project.")
NO_ADDRESS: Final = mark("This is not an http or https address.")
_SEED_BYTES: Final = 16
_SEED_CHARS_MAX: Final = 64


async def new(visit: Visit) -> Response:
    """Show the form."""
    wish = {"project": visit.asked("project"), "expires": DEFAULT_SPAN, "currency": "HKD"}
    return await _shown(visit, typed=wish)


async def create(visit: Visit) -> Response:
    """Make the link that the form asks for; the same form again leads to the same link."""
    names = (*COLUMNS, "project", "until", *RETURNS)
    typed = {name: visit.text(name) for name in names}
    desk, seed = visit.desk, visit.text("once")[:_SEED_CHARS_MAX]
    given = typed | {"expires": typed["until"] if typed["expires"] == "at" else typed["expires"]}
    form = link_form.read(given, now_us=visit.now_us, mail_on=desk.mail_on)
    errors = {} if isinstance(form, LinkForm) else _errors(visit, form)
    errors |= {name: NO_ADDRESS for name in RETURNS if typed[name] and not _is_address(typed[name])}
    number = project_number(typed["project"])
    project = None if number is None else await _project(visit, number)
    if project is None:
        errors["project"] = NO_PROJECT
    if errors or project is None or not isinstance(form, LinkForm):
        return await _shown(visit, typed=typed, errors=errors)
    seed = seed or desk.clock.token(_SEED_BYTES)
    request = _request(typed, form, seed=f"{seed}/{project.id}/{visit.user.id}")
    made = await _make(visit, project, form=form, request=request)
    if not isinstance(made, Link):
        return await _shown(visit, typed=typed, errors=_errors(visit, made))
    return visit.go(f"{PATH}/{made.payment.key}", said="link-made")


def _request(typed: Mapping[str, str], form: LinkForm, *, seed: str) -> LinkRequest:
    # The texts as they were typed: "7 days" sent again a second later is the same wish.
    said = {name: typed.get(name, "") for name in (*COLUMNS, "until", *RETURNS)}
    digest = link_form.digest_of(said, "/".join([seed, *said.values()]))
    drawn = link_form.drawn_id(digest)
    targets = Targets(
        return_success=typed["return_success"],
        return_decline=typed["return_decline"],
        return_any=typed["return_any"],
    )
    request = staff_links.request_of(form, drawn_id=drawn, digest=digest)
    return msgspec.structs.replace(request, targets=targets)


async def _make(
    visit: Visit, project: Project, *, form: LinkForm, request: LinkRequest
) -> Link | Sequence[Flaw]:
    desk = visit.desk
    flaws = staff_links.flaws_of_project(project, form)
    if flaws:
        return flaws
    step = Step(visit.now_us, visit.by, new_request_id(desk.clock, project.id))

    def make(tx: Tx) -> Link | Flaw:
        return staff_links.make(tx, project, request, office=desk.office, step=step)

    made = await desk.store.transact(make)
    return made if isinstance(made, Link) else (made,)


async def _project(visit: Visit, number: int) -> Project | None:
    return await visit.desk.store.read(lambda tx: visit.desk.find_project(tx, number))


def _is_address(text: str) -> bool:
    return len(text) <= URL_CHARS_MAX and is_web_url(text)


def _errors(visit: Visit, flaws: Sequence[Flaw]) -> dict[str, str]:
    code = language_of(visit.request)
    return {flaw.field: flaw_text(code, flaw) for flaw in reversed(flaws)}


async def _shown(
    visit: Visit, *, typed: Mapping[str, str], errors: Mapping[str, str] | None = None
) -> Response:
    desk, now_us = visit.desk, visit.now_us
    every = await desk.store.read(lambda tx: projects.every(tx, vault=desk.vault, now_us=now_us))
    errors = dict(errors or {})
    if typed.get("expires") == "at" and "expires" in errors:
        errors["until"] = errors.pop("expires")
    context: dict[str, Any] = {
        "projects": [one for one in every if one.settings.enabled],
        "typed": dict.fromkeys((*COLUMNS, "project", "until", *RETURNS), "") | dict(typed),
        "errors": errors,
        "spans": SPANS,
        "languages_of_page": LANGUAGES,
        "mail_on": desk.mail_on,
        "returns_open": any(typed.get(name) for name in RETURNS),
        "once": desk.clock.token(_SEED_BYTES),
    }
    return visit.page("link_new.html", context, status=400 if errors else 200)


WAYS: Final = (
    Way("GET", f"{PATH}/new", new, Right.PAYMENT_LINKS),
    Way("POST", f"{PATH}/new", create, Right.PAYMENT_LINKS),
)
