"""Who the Data API answers: tokens, signatures, rights, how often, and every refusal (docs, 7)."""

from __future__ import annotations

import copy
import re
from typing import Any, Final

import msgspec
import pytest
from sqlalchemy import select

from sampan.domain.rights import Role
from sampan.flow import data_api, team
from sampan.flow.team import Act
from sampan.storage import schema, users
from tests.docs.tables import FOLDER
from tests.support.client import Body, signed
from tests.support.data_client import BALANCE, BY_PAYMENT, OPERATIONS, Program, Programs, shown_key
from tests.support.platform import ProjectClient, RunningPlatform
from tests.support.staff import Staff

PATHS: Final = [OPERATIONS, BY_PAYMENT, BALANCE]
NO_ACCESS: Final = "The token or the signature is not valid"
NAMES: Final = {
    400: "Bad Request",
    401: "Authorization Required",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    413: "Content Too Large",
    429: "Too Many Requests",
    500: "Internal Error",
}
MINUTE_S: Final = 60


@pytest.fixture
def staff(platform: RunningPlatform) -> Staff:
    """The people of the platform."""
    return Staff(platform)


@pytest.fixture
def program(platform: RunningPlatform, staff: Staff) -> Program:
    """A program of an admin who has just been added."""
    return Programs(platform).of(staff.add(Role.ADMIN))


def refusal(status: int, message: str) -> Body:
    """Return the whole body of a refusal."""
    return {"name": NAMES[status], "message": message, "code": 0, "status": status}


def assert_refused(answer: Any, status: int, message: str) -> None:  # noqa: ANN401 - an answer
    """Check status, type and body of a refusal."""
    assert (answer.status, answer.body) == (status, refusal(status, message))
    assert answer.headers["content-type"] == "application/json"


# --- the envelope -----------------------------------------------------------------------------


@pytest.mark.parametrize("path", PATHS)
def test_refused_in_order(platform: RunningPlatform, program: Program, path: str) -> None:
    """Size, JSON, token, signature: each fault is named before every later one."""
    token = program.key.token
    for body, status, message in (
        (b"[" * 131_073, 413, "The body has more than 131072 bytes"),
        (b"{" + b" " * 131_071, 400, "The body is not JSON"),
        (b"", 400, "The body is not JSON"),
        (b'{"token": "a", "token": "b"}', 400, "The body is not JSON"),
        (b"[" * 30 + b"]" * 30, 400, "The body is not JSON"),
        ([], 400, "The body is not a JSON object"),
        ({"token": "\0", "payment_id": 1}, 400, "The body holds NUL"),
        ({"payment_id": 1}, 401, NO_ACCESS),
        ({"token": None}, 401, NO_ACCESS),
        ({"token": 7}, 401, NO_ACCESS),
        ({"token": ""}, 401, NO_ACCESS),
        ({"token": "é" * 30}, 401, NO_ACCESS),
        ({"token": "a" * 131_000}, 401, NO_ACCESS),
        ({"token": token.upper(), "signature": "x"}, 401, NO_ACCESS),
        ({"token": token}, 401, NO_ACCESS),
        ({"token": token, "signature": ""}, 401, NO_ACCESS),
        ({"token": token, "signature": None}, 401, NO_ACCESS),
        ({"token": token, "signature": ["A" * 88]}, 401, NO_ACCESS),
        ({"token": token, "signature": "A" * 88}, 401, NO_ACCESS),
    ):
        assert_refused(platform.client.post(path, body), status, message)


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
def test_only_post(platform: RunningPlatform, method: str) -> None:
    """Another method is refused with the one that is served."""
    answer = platform.client.request(method, OPERATIONS)
    assert_refused(answer, 405, "Requests are made by POST")
    assert answer.headers["allow"] == "POST"


def test_no_such_path(program: Program) -> None:
    """A path that does not exist is answered in the same shape."""
    assert_refused(program.ask("/v1/chargeback/list"), 404, "There is no such path")


@pytest.mark.parametrize("path", PATHS)
def test_fault_of_ours(program: Program, broken: Any, path: str) -> None:  # noqa: ANN401
    """A fault of the platform says nothing of itself."""
    with broken("projects"):
        answer = program.ask(path, payment_id="p-1")
    assert_refused(answer, 500, "The request could not be answered")


def test_altered_requests(program: Program, project: ProjectClient) -> None:
    """A signature fits the very fields that were signed, wherever they stand."""
    asked = program.signed(
        project_id=[project.id],
        interval={"from": "2026-01-01 00:00:00", "to": "2026-01-02 00:00:00"},
        limit="2",
    )
    assert program.client.post(OPERATIONS, asked).status == 200

    def alter(key: str, value: object) -> Body:
        return copy.deepcopy(asked) | {key: value}

    flipped = "B" if asked["signature"][0] == "A" else "A"
    for altered in (
        alter("limit", "3"),
        alter("project_id", [project.id, project.id]),
        alter("interval", {"from": "2026-01-01 00:00:00", "to": "2026-01-03 00:00:00"}),
        alter("fields", ["payment_id"]),
        alter("signature", flipped + asked["signature"][1:]),
        alter("signature", asked["signature"].rstrip("=")),
        {name: value for name, value in asked.items() if name != "limit"},
    ):
        assert_refused(program.client.post(OPERATIONS, altered), 401, NO_ACCESS)


def test_orders_of_leaves(program: Program) -> None:
    """Lists of eleven and more are taken in the order of the PHP and of the Python library."""
    answer = program.answer(OPERATIONS, fields=["arn", "rrn"] * 10, limit=0)
    assert answer["operations"] == []


def test_signed_by_others(program: Program, staff: Staff) -> None:
    """Another person's secret signs nothing for this token."""
    other = Programs(staff.platform).of(staff.add(Role.ADMIN))
    body = signed({"token": program.key.token}, other.key.secret)
    assert_refused(program.client.post(BALANCE, body), 401, NO_ACCESS)


# --- tokens and people ------------------------------------------------------------------------


def test_newest_token_alone(platform: RunningPlatform, staff: Staff) -> None:
    """A new token takes the place of the old one at once."""
    amy = staff.add(Role.ADMIN)
    old = Programs(platform).of(amy)
    assert old.ask(BALANCE).status == 200
    new = Programs(platform).of(amy)
    assert_refused(old.ask(BALANCE), 401, NO_ACCESS)
    assert new.ask(BALANCE).status == 200
    mixed = signed({"token": new.key.token}, old.key.secret)
    assert_refused(platform.client.post(BALANCE, mixed), 401, NO_ACCESS)


def test_deleted_token(platform: RunningPlatform, staff: Staff) -> None:
    """A deleted token is nobody's; deleting it again changes nothing."""
    amy = staff.add(Role.ADMIN)
    program = Programs(platform).of(amy)
    act = Act(platform.clock.now_us(), "staff:amy")
    assert platform.transact(lambda tx: data_api.end_token(tx, amy, act=act))
    assert not platform.transact(lambda tx: data_api.end_token(tx, amy, act=act))
    assert_refused(program.ask(BALANCE), 401, NO_ACCESS)


def test_disabled_person(platform: RunningPlatform, staff: Staff) -> None:
    """Who is shut out of the Dashboard is shut out here; who is let in again is answered again."""
    amy = staff.add(Role.FINANCE)
    program = Programs(platform).of(amy)
    act = Act(platform.clock.now_us(), "staff:operator", "left")
    platform.transact(lambda tx: team.disable(tx, amy.id, act=act))
    assert_refused(program.ask(BALANCE), 401, NO_ACCESS)
    platform.transact(lambda tx: team.enable(tx, amy.id, act=act))
    assert program.ask(BALANCE).status == 200


def test_rights_are_those_of_now(platform: RunningPlatform, staff: Staff) -> None:
    """A token may what its person may at this moment: balances need the finance section."""
    amy = staff.add(Role.FINANCE)
    program = Programs(platform).of(amy)
    assert program.ask(BALANCE).status == 200
    act = Act(platform.clock.now_us(), "staff:operator", "new job")
    platform.transact(lambda tx: team.set_roles(tx, amy.id, roles=[Role.SUPPORT], act=act))
    assert_refused(program.ask(BALANCE), 403, "Your account has no right to this section")
    assert program.ask(OPERATIONS).status == 200


def test_no_rights(platform: RunningPlatform, staff: Staff) -> None:
    """Whose roles are gone is known and may nothing; the right comes before the fields."""
    amy = staff.add(Role.ADMIN)
    program = Programs(platform).of(amy)

    def strip(tx: Any) -> None:  # noqa: ANN401 - no door leaves a person without a role
        found = users.hold(tx, amy.id)
        assert found is not None
        users.change(tx, msgspec.structs.replace(found, roles=()))

    platform.transact(strip)
    for path in PATHS:
        answer = program.ask(path, limit="many")
        assert_refused(answer, 403, "Your account has no right to this section")


# --- how often --------------------------------------------------------------------------------


def test_sixty_a_minute(platform: RunningPlatform, staff: Staff) -> None:
    """The 61st request in a minute is told to wait; a minute after the first it is answered.

    Neither another path nor a new token gives more, and other people have their own sixty.
    """
    amy = staff.add(Role.ADMIN)
    program = Programs(platform).of(amy)
    for number in range(60):
        assert program.ask(PATHS[number % 3], payment_id="p").status == 200
    again = Programs(platform).of(amy)
    answer = again.ask(OPERATIONS)
    wait_s = int(answer.headers["retry-after"])
    assert_refused(answer, 429, f"More than 60 requests a minute; wait {wait_s} s")
    assert 3 <= wait_s <= MINUTE_S
    assert Programs(platform).of(staff.add(Role.ADMIN)).ask(OPERATIONS).status == 200
    platform.clock.advance(wait_s)
    assert again.ask(OPERATIONS).status == 200


def test_strangers_use_up_nothing(platform: RunningPlatform, program: Program) -> None:
    """Requests that nobody signed are not counted."""
    for _ in range(61):
        assert platform.client.post(BALANCE, {"token": program.key.token}).status == 401
    assert program.ask(BALANCE).status == 200


def test_long_periods_are_spaced(platform: RunningPlatform, program: Program) -> None:
    """More than 180 days are asked for once in ten seconds; shorter periods at any time."""
    half_year = {"from": "2025-01-01 00:00:00", "to": "2025-06-30 00:00:00"}
    longer = {"from": "2025-01-01 00:00:00", "to": "2025-06-30 00:00:01"}
    assert program.ask(OPERATIONS, interval=longer).status == 200
    answer = program.ask(OPERATIONS, interval=longer)
    wait_s = int(answer.headers["retry-after"])
    assert_refused(answer, 429, f"One request over more than 180 days in 10 s; wait {wait_s} s")
    assert 3 <= wait_s <= 10
    assert program.ask(OPERATIONS, interval=half_year).status == 200
    platform.clock.advance(wait_s)
    assert program.ask(OPERATIONS, interval=longer).status == 200


# --- secrets ----------------------------------------------------------------------------------


def test_secret_stands_nowhere(
    platform: RunningPlatform,
    staff: Staff,
    capfd: pytest.CaptureFixture[str],
    broken: Any,  # noqa: ANN401
) -> None:
    """The secret is in the answer to its making alone: not in the database, journal or log."""
    amy = staff.member(Role.ADMIN)
    page = amy.post("/profile/token")
    key = shown_key(page)
    program = Program(platform.client, key)
    with broken("projects"):
        assert program.ask(OPERATIONS).status == 500
    assert program.ask(OPERATIONS).status == 200

    def every_text(tx: Any) -> str:  # noqa: ANN401 - a look behind the doors
        tables = (schema.api_tokens, schema.api_calls, schema.journal, schema.users)
        return repr([list(map(tuple, tx.query(select(table)))) for table in tables])

    said = "".join(capfd.readouterr())
    assert key.secret not in platform.read(every_text) + said
    assert key.secret not in amy.get("/profile").raw.decode()


# --- the document -----------------------------------------------------------------------------


def test_example_of_the_document(
    platform: RunningPlatform,
    program: Program,
    project: ProjectClient,
    capsys: Any,  # noqa: ANN401
) -> None:
    """The program in `docs/data-api.md` is answered as it stands there."""
    page = (FOLDER / "data-api.md").read_text()
    blocks = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    known = {"address": f"{platform.url}/v1", "token": program.key.token}
    scope: dict[str, Any] = known | {"secret": program.key.secret}
    exec("\n".join(blocks), scope)  # noqa: S102 - the document's own program
    assert scope["found"]["operations"] == []
    project.sell("rejected", amount=10_000_000)
    found = scope["ask"](*scope_of(scope), project_id=project.id, operation_status=["error"])
    assert [row["payment_id"] for row in found["operations"]] == ["rejected"]
    assert capsys.readouterr().out == ""


def scope_of(scope: dict[str, Any]) -> tuple[str, str, str, str]:
    """Return what the example's `ask` takes first."""
    return scope["address"], "/operations/get", scope["token"], scope["secret"]
