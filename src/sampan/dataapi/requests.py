"""Take a request in: bound it, read it, find whose it is, verify its signature, count it.

Each refusal has its place; `docs/data-api.md` lists the order:

1. body too large (413)                      4. too many requests (429)
2. not JSON, or not an object (400)          5. no right (403)
3. token or signature missing or wrong (401) 6. a field that holds what it must not (400)
"""

from dataclasses import dataclass
from typing import Any, Final

from starlette.requests import Request

from sampan.clock import Clock
from sampan.codecs.signature import canonical, verify
from sampan.codecs.strict_json import BadJson, loads
from sampan.dataapi.refusals import TooMany, bad, forbidden, other, unknown
from sampan.domain.rights import Right
from sampan.flow import data_api
from sampan.flow.data_api import CALLS_MAX, Caller, Wait
from sampan.storage.engine import Store
from sampan.storage.vault import Vault
from sampan.web.body import read_body

BODY_BYTES_MAX: Final = 131_072
JSON_DEPTH_MAX: Final = 20
TOKEN_CHARS_MAX: Final = 128
_HTTP_TOO_LARGE: Final = 413


@dataclass(frozen=True, slots=True)
class Signed:
    """A request whose sender knows the secret of a person's token."""

    caller: Caller
    body: dict[str, Any]


class Reader:
    """Reads requests up to a verified signature and counts them."""

    def __init__(self, store: Store, clock: Clock, *, vault: Vault) -> None:
        self._store = store
        self._clock = clock
        self._vault = vault

    async def read(self, request: Request, right: Right) -> Signed:
        """Return a request of somebody with a right. Raises `Refusal` at the documented place."""
        body = _object(await read_body(request, bytes_max=BODY_BYTES_MAX))
        asking = await self._known(body)
        now_us = self._clock.now_us()
        outcome = await self._store.transact(lambda tx: data_api.admit(tx, asking, now_us=now_us))
        if isinstance(outcome, Wait):
            why = f"More than {CALLS_MAX} requests a minute; wait {outcome.seconds} s"
            raise TooMany(why, wait_s=outcome.seconds)
        if outcome is not None:
            raise unknown()
        if not asking.may(right):
            raise forbidden()
        return Signed(asking, body)

    async def space(self, asking: Caller) -> None:
        """Keep questions over a long period apart. Raises `TooMany` for one too early."""
        now_us = self._clock.now_us()
        outcome = await self._store.transact(
            lambda tx: data_api.admit_wide(tx, asking, now_us=now_us)
        )
        if outcome is not None:
            why = f"One request over more than 180 days in 10 s; wait {outcome.seconds} s"
            raise TooMany(why, wait_s=outcome.seconds)

    async def _known(self, body: dict[str, Any]) -> Caller:
        token = body.get("token")
        if not isinstance(token, str) or not 1 <= len(token) <= TOKEN_CHARS_MAX:
            raise unknown()
        asking = await self._store.read(lambda tx: data_api.caller(tx, token, vault=self._vault))
        if asking is None or not verify([asking.secret], body, signature=body.get("signature")):
            raise unknown()
        return asking


def _object(raw: bytes | None) -> dict[str, Any]:
    if raw is None:
        raise other(_HTTP_TOO_LARGE, f"The body has more than {BODY_BYTES_MAX} bytes")
    try:
        body = loads(raw, depth_max=JSON_DEPTH_MAX)
    except BadJson as error:
        raise bad("The body is not JSON") from error
    if not isinstance(body, dict):
        raise bad("The body is not a JSON object")
    if b"\\u0000" in raw and "\0" in canonical(body):
        # PostgreSQL cannot look for NUL, and no honest field holds one.
        raise bad("The body holds NUL")
    return body
