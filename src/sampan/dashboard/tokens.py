"""One's own token of the Data API: made, shown this once, replaced, deleted."""

from typing import Final

from starlette.responses import Response

from sampan.dashboard.visit import Visit
from sampan.dashboard.ways import Way
from sampan.domain.rights import Right
from sampan.flow import data_api

TOKEN: Final = "/profile/token"  # noqa: S105 - a path


async def make(visit: Visit) -> Response:
    """Make a token in the place of the one before, and show its secret this once."""
    desk, user, act = visit.desk, visit.user, visit.act()
    key = data_api.new_key(desk.clock)
    await desk.store.transact(
        lambda tx: data_api.give_token(tx, user, key, vault=desk.vault, act=act)
    )
    return visit.page("token.html", {"key": key, "address": f"{desk.public_url}/v1"})


async def back(visit: Visit) -> Response:
    """Lead to the profile who comes back to where the secret was shown."""
    return visit.go("/profile")


async def delete(visit: Visit) -> Response:
    """Delete one's token; a repeat finds none and is as good."""
    user, act = visit.user, visit.act()
    await visit.desk.store.transact(lambda tx: data_api.end_token(tx, user, act=act))
    return visit.go("/profile", said="token-deleted")


WAYS: Final = (
    Way("GET", TOKEN, back, Right.DATA_API_TOKENS),
    Way("POST", TOKEN, make, Right.DATA_API_TOKENS),
    Way("POST", f"{TOKEN}/delete", delete, Right.DATA_API_TOKENS),
)
