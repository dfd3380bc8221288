"""The bank connection of a project: its settings, and which FPS accounts it uses in which order."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Final

from starlette.responses import Response

from sampan.dashboard.account_pages import key_of
from sampan.dashboard.project_pages import LIST, act_of, project_id, whole
from sampan.dashboard.project_tabs import BANK
from sampan.dashboard.visit import Visit
from sampan.dashboard.ways import Way
from sampan.domain import fps_account as domain
from sampan.domain.codes import Code
from sampan.domain.project import Project
from sampan.domain.rights import Right
from sampan.errors import Refusal
from sampan.flow import fps_accounts as flow
from sampan.storage import fps_accounts as kept
from sampan.storage.engine import Tx
from sampan.storage.fps_accounts import Card
from sampan.web.i18n import mark

FULL: Final = mark("A project uses at most 20 accounts.")

_Change = Callable[..., None]


async def context(visit: Visit, project: Project) -> dict[str, Any]:
    """Return what the tab shows below its settings."""
    now_us = visit.now_us

    def look(tx: Tx) -> tuple[list[domain.Attached], list[Card]]:
        return list(kept.of_project(tx, project.id)), list(kept.every(tx, now_us=now_us))

    used, every = await visit.desk.store.read(look)
    ids = {one.account.id for one in used}
    takes = [c for c in ("HKD", "CNY") if project.settings.amount_limits(c)]
    return {
        "used": [one.account for one in used],
        "others": [
            (str(card.account.id), f"{card.account.name} · {card.account.proxy}")
            for card in every
            if card.account.id not in ids
        ],
        "has_any": bool(every),
        "is_fps": project.settings.provider == domain.PROVIDER,
        "lacking": [one for one in takes if not domain.usable(used, currency=one)],
        "may_attach": len(used) < domain.ATTACHED_MAX,
    }


async def attach(visit: Visit) -> Response:
    """Let the project use one more account."""
    return await _changed(
        visit, flow.attach, key=whole(visit.text("account")), said="account-attached"
    )


async def change(visit: Visit) -> Response:
    """Put an account before the others, or let the project no longer use it."""
    key, to = key_of(visit), visit.text("to")
    if to == "first":
        return await _changed(visit, flow.put_first, key=key, said="account-first")
    if to == "away":
        return await _changed(visit, flow.detach, key=key, said="account-detached")
    raise Refusal(Code.MALFORMED_REQUEST, "", http_status=400)


async def _changed(visit: Visit, change_it: _Change, *, key: int, said: str) -> Response:
    project, act = project_id(visit), act_of(visit)
    try:
        await visit.desk.store.transact(lambda tx: change_it(tx, project, key, act=act))
    except Refusal as error:
        # What it says is for the command line.
        told = FULL if error.http_status == HTTPStatus.CONFLICT else ""
        raise Refusal(error.code, told, http_status=error.http_status) from error
    return visit.go(f"{LIST}/{project}/{BANK.path}", said=said)


_PATH: Final = f"{LIST}/{{project_id}}/{BANK.path}/accounts"
WAYS: Final = (
    Way("POST", _PATH, attach, Right.PROJECT_SETTINGS),
    Way("POST", f"{_PATH}/{{key:key}}", change, Right.PROJECT_SETTINGS),
)
