"""A project's secret: since when, until when an older one is good, and a new one shown once."""

from typing import Any, Final

import msgspec
from starlette.responses import Response

from sampan.codecs.signature import sign
from sampan.dashboard.project_forms import translated
from sampan.dashboard.project_pages import (
    LIST,
    act_of,
    card_of,
    is_test,
    language,
    path_of,
    project_id,
    seen_of,
    tab_page,
)
from sampan.dashboard.project_tabs import CALLBACKS, KEYS
from sampan.dashboard.visit import Visit
from sampan.dashboard.ways import Way
from sampan.domain.project import Project
from sampan.domain.rights import Right
from sampan.flow import projects as flow
from sampan.flow.projects import Rotation
from sampan.storage.projects import Card
from sampan.web.i18n import mark

SALE: Final = "/v2/payment/banks/hk-qr/sale"
OVERLAPS: Final = (
    ("0", mark("Not at all: the old key stops at once")),
    ("3600", mark("One hour")),
    ("86400", mark("One day")),
    ("604800", mark("Seven days")),
)
USUAL_OVERLAP: Final = "86400"
KEY_CHANGED: Final = mark(
    "The key was changed after you opened this page. Nothing was done; look at the times below."
)
BAD_OVERLAP: Final = mark("Please choose one of these.")


async def keys(visit: Visit) -> Response:
    """Show since when the present key is in use."""
    return _keys(visit, await card_of(visit))


async def rotate(visit: Visit) -> Response:
    """Make a new key and show it this once."""
    card, overlap = await card_of(visit), visit.text("overlap_s")
    if overlap not in dict(OVERLAPS):
        return _keys(visit, card, more={"overlap_error": BAD_OVERLAP, "status": 400})
    key, act = card.project.id, act_of(visit)
    rotation = Rotation(
        secret=visit.desk.clock.token(flow.SECRET_BYTES),
        overlap_s=int(overlap),
        seen_us=seen_of(visit, "secret_set_us"),
    )
    after = await visit.desk.store.transact(
        lambda tx: flow.rotate(tx, key, rotation=rotation, act=act)
    )
    if isinstance(after, flow.Meanwhile):
        return _keys(visit, after.card, more={"fault": KEY_CHANGED, "status": 409})
    until_us = after.previous_until_us
    return shown_once(visit, after.project, previous_until_us=until_us, is_new=False)


async def end_overlap(visit: Visit) -> Response:
    """Let only the present key be good from now on."""
    key, act = project_id(visit), act_of(visit)
    await visit.desk.store.transact(lambda tx: flow.end_overlap(tx, key, act=act))
    return visit.go(f"{LIST}/{key}/{KEYS.path}", said="key-ended")


def _keys(visit: Visit, card: Card, *, more: dict[str, Any] | None = None) -> Response:
    overlaps = translated(OVERLAPS, language(visit))
    context = {"overlaps": overlaps, "usual": USUAL_OVERLAP, "overlap_error": ""}
    return tab_page(visit, KEYS, card=card, template="keys.html", more=context | (more or {}))


def shown_once(
    visit: Visit, project: Project, *, previous_until_us: int | None, is_new: bool
) -> Response:
    """Return the page with a new secret, which no other page ever shows, and what to do next."""
    context = {
        "project": project,
        "secret": project.secrets[0],
        "is_new": is_new,
        "is_test": is_test(project),
        "previous_until_us": previous_until_us,
        "command": example(visit.desk.public_url, project),
        "keys_path": path_of(project, KEYS),
        "callbacks_path": path_of(project, CALLBACKS),
    }
    return visit.page("projects/secret.html", context)


def example(public_url: str, project: Project) -> str:
    """Return a signed command that sells; the secret does not stand in it."""
    settings = project.settings
    body: dict[str, Any] = {
        "general": {"project_id": project.id, "payment_id": "first-payment"},
        "customer": {"id": "customer-1", "ip_address": "203.0.113.7"},
        "payment": {"amount": 10_000, "currency": "HKD" if settings.hkd_enabled else "CNY"},
    }
    body["general"]["signature"] = sign(project.secrets[0], body)
    text = msgspec.json.encode(body).decode()
    return f"curl --json '{text}' {public_url}{SALE}"


_PATH: Final = f"{LIST}/{{project_id}}/{KEYS.path}"
WAYS: Final = (
    Way("GET", _PATH, keys, Right.VIEW_PROJECTS),
    Way("POST", _PATH, rotate, Right.PROJECT_SETTINGS),
    Way("POST", f"{_PATH}/end-overlap", end_overlap, Right.PROJECT_SETTINGS),
)
