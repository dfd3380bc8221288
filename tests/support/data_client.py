"""A person's program that asks the Data API: signs with the SDK, speaks only HTTP.

programs = Programs(platform)
amy = programs.of(staff.add(Role.FINANCE))      # with a token, made behind the doors
amy.operations(project_id=[1], limit=10)        # the list, its signature checked
amy.ask("/v1/balance/get", {})                  # any request; the whole answer
"""

from __future__ import annotations

import re
from typing import Any, Final

from sampan.flow import data_api
from sampan.flow.team import Act
from sampan.storage.api_tokens import Key
from sampan.storage.users import User
from tests.support.client import Answer, Body, Client, assert_signed, signed
from tests.support.staff import Serving

OPERATIONS: Final = "/v1/operations/get"
BY_PAYMENT: Final = "/v1/operations/get-by-payment"
BALANCE: Final = "/v1/balance/get"
SIGNED_LIST_MAX: Final = 10
"""The SDK sorts by bytes and we sign in natural order: longer lists part them."""


_TOKEN: Final = re.compile("<code>([0-9a-f]{30})</code>")
_SECRET: Final = re.compile("<code>([0-9a-f]{64})</code>")


def shown_key(page: Answer) -> Key:
    """Return the token and the secret that a page of the Dashboard shows."""
    token, secret = (found.search(page.raw.decode()) for found in (_TOKEN, _SECRET))
    assert token is not None
    assert secret is not None
    return Key(token[1], secret[1])


class Program:
    """A program with a token and its secret."""

    def __init__(self, client: Client, key: Key) -> None:
        self.client = client
        self.key = key

    def signed(self, **asked: Any) -> Body:  # noqa: ANN401 - JSON of whatever shape
        """Return a request with the token and a signature."""
        body = {"token": self.key.token, **asked}
        return body | {"signature": signed(_as_signed(body), self.key.secret)["signature"]}

    def ask(self, path: str, **asked: Any) -> Answer:  # noqa: ANN401 - JSON of whatever shape
        """Sign a request and post it."""
        return self.client.post(path, self.signed(**asked))

    def answer(self, path: str, **asked: Any) -> Body:  # noqa: ANN401 - JSON of whatever shape
        """Ask; check that it is answered and, where the SDK can, the signature."""
        got = self.ask(path, **asked)
        assert got.status == 200, got.raw
        body = dict(got.body)
        if all(len(value) <= SIGNED_LIST_MAX for value in body.values() if type(value) is list):
            assert_signed(body, self.key.secret)
        return body

    def operations(self, **asked: Any) -> list[Body]:  # noqa: ANN401 - JSON of whatever shape
        """Return the operations that a request finds."""
        body = self.answer(OPERATIONS, **asked)
        assert list(body) == ["operations", "signature"]
        return list(body["operations"])


class Programs:
    """Gives people tokens."""

    def __init__(self, platform: Serving) -> None:
        self.platform = platform

    def of(self, user: User) -> Program:
        """Return a program with a new token of a person."""
        clock, vault = self.platform.clock, self.platform.inside.vault
        key, act = data_api.new_key(clock), Act(clock.now_us(), f"staff:{user.email}")
        self.platform.transact(lambda tx: data_api.give_token(tx, user, key, vault=vault, act=act))
        return Program(self.platform.client, key)


def _as_signed(value: Any) -> Any:  # noqa: ANN401 - JSON of whatever shape
    """Return a value that the SDK signs as other libraries sign this one (docs, 1.2).

    Null is empty and a whole fraction has no point; the SDK of this language says None and 2.0.
    """
    if isinstance(value, dict):
        return {key: _as_signed(member) for key, member in value.items()}
    if isinstance(value, list):
        return [_as_signed(member) for member in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return "" if value is None else value
