"""What the pages of an FPS account share: finding it, its tabs, where notices about it go."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from starlette.responses import Response

from sampan.dashboard.project_pages import may_change
from sampan.dashboard.visit import PATH, Visit
from sampan.dashboard.ways import KEY_MAX
from sampan.domain.codes import Code
from sampan.domain.fps_account import PROVIDER, FpsAccount
from sampan.errors import Refusal
from sampan.storage import fps_accounts as kept
from sampan.storage.fps_accounts import Card
from sampan.web.i18n import mark

LIST: Final = "/accounts"
ONE: Final = f"{LIST}/{{key:key}}"


class Part(NamedTuple):
    """A tab of an account: the end of its address, and its name."""

    path: str
    name: str


SETTINGS: Final = Part("", mark("Settings"))
TRIAL: Final = Part("trial", mark("Try it out"))
TILL: Final = Part("till", mark("Code for a till"))
NOTICES: Final = Part("notices", mark("Notices of money"))
PARTS: Final = (SETTINGS, TRIAL, TILL, NOTICES)


async def card_of(visit: Visit) -> Card:
    """Return the account that the address names. Raises `Refusal` 404."""
    key, now_us = key_of(visit), visit.now_us
    found = await visit.desk.store.read(lambda tx: kept.card(tx, key, now_us=now_us))
    if found is None:
        raise Refusal(Code.NOT_FOUND, "", http_status=404)
    return found


def key_of(visit: Visit) -> int:
    """Return the id in the address. Raises `Refusal` 404 for what is nobody's."""
    key = int(visit.request.path_params["key"])
    if key >= KEY_MAX:
        raise Refusal(Code.NOT_FOUND, "", http_status=404)
    return key


def path_of(account: FpsAccount, part: Part = SETTINGS) -> str:
    """Return the whole path of a tab."""
    end = f"/{part.path}" if part.path else ""
    return f"{PATH}{LIST}/{account.id}{end}"


def notices_url(visit: Visit, account: FpsAccount) -> str:
    """Return where notices about an account are posted to."""
    return f"{visit.desk.public_url}/notifications/{PROVIDER}/{account.id}"


def part_page(
    visit: Visit, part: Part, *, card: Card, template: str, more: Mapping[str, Any]
) -> Response:
    """Return a tab; `more` may hold the `status` of the answer."""
    context = {
        "account": card.account,
        "card": card,
        "part": part,
        "parts_of_account": [(path_of(card.account, one), one) for one in PARTS],
        "here": path_of(card.account, part),
        "may_change": may_change(visit),
        "fault": "",
    }
    answer = dict(more)
    status = answer.pop("status", 200)
    return visit.page(f"accounts/{template}", context | answer, status=status)
