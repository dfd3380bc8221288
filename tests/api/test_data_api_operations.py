"""What the Data API tells: operations, their fields, filters, pages and zones; balances."""

from __future__ import annotations

import hmac
import itertools
from base64 import b64encode
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from hashlib import sha512
from typing import Any, Final

import pytest

from sampan.domain.payment import Customer, Payment, Targets
from sampan.domain.rights import Role
from sampan.flow import resolution
from sampan.flow.sale import SaleRequest, sale
from sampan.flow.settle import Step
from sampan.storage import operation_lists
from sampan.storage.engine import Tx
from sampan.storage.operation_lists import Wanted
from tests.support.client import Body
from tests.support.data_client import BALANCE, BY_PAYMENT, OPERATIONS, Program, Programs
from tests.support.merchant import Merchant
from tests.support.platform import ProjectClient, RunningPlatform, until
from tests.support.staff import Staff

DEFAULT: Final = [
    "project_id", "operation_id", "payment_id", "operation_type", "operation_status",
    "account_number", "customer_ip", "payment_method_name", "payment_method_type",
    "payment_description", "operation_created_at", "operation_completed_at", "provider_date",
    "shipment_date", "sum_initial", "sum_converted", "arn", "rrn", "payment_provider_code",
    "payment_provider_message",
]  # fmt: skip
OPTIONAL: Final = [
    "acquirer_bank_name", "auth_code", "avs_post_code", "avs_result", "avs_street_address",
    "balance_id", "bank_name", "bin", "card_enroll_check", "card_holder", "card_product_name",
    "card_token", "completed_refund", "country_by_ip", "country_by_bin", "currency_rate",
    "customer_email", "customer_id", "eci", "expiration_date", "legal_entity_name",
    "merchant_id", "payment_currency", "payment_type", "project_name", "project_url",
    "provider_payment_id", "recurring_id", "recurring_register", "recurring_valid_thru",
    "remaining_refund", "secure_3ds_check", "transaction_completed_at",
    "transaction_created_at", "transaction_status",
]  # fmt: skip
FOUND_NOTHING: Final[list[Body]] = []
DAY_S: Final = 86_400
_numbers = itertools.count(1)


@pytest.fixture
def program(platform: RunningPlatform) -> Program:
    """A program of an admin who has just been added."""
    return Programs(platform).of(Staff(platform).add(Role.ADMIN))


@pytest.fixture
def pay(
    platform: RunningPlatform, merchant: Merchant, project: ProjectClient
) -> Callable[..., str]:
    """Sell and let the customer pay or refuse at the bank; return the payment id."""

    def paid(action: str = "pay", **more: Any) -> str:  # noqa: ANN401 - members of a sale
        payment_id = f"p-{next(_numbers)}"
        project.sell(payment_id, **more)
        shown = merchant.callback(payment_id, "awaiting customer action")
        platform.bank.act(shown.body["qr"]["payload"], action)
        merchant.callback(payment_id, "success" if action == "pay" else "decline")
        return payment_id

    return paid


def seconds(moment: str) -> str:
    """Return the moment of a callback as the Data API tells it in UTC."""
    return moment[:-2] + ":" + moment[-2:]


def held_of(project: ProjectClient, payment_id: str) -> Payment | None:
    """Return a payment that has money waiting for staff, None before."""
    found = project.payment(payment_id)
    return found if found is not None and found.held_count else None


def names(rows: list[Body]) -> list[str]:
    """Return the payment ids of a list."""
    return [row["payment_id"] for row in rows]


# --- fields -----------------------------------------------------------------------------------


def test_every_field_of_a_success(
    program: Program, project: ProjectClient, pay: Callable[..., str]
) -> None:
    """Every field there is, in its order, tells what Gate tells of the same payment."""
    customer = {"id": "c;7", "email": "amy@tea.example", "ip_address": "203.0.113.9"}
    payment_id = pay(amount=12_300, customer=customer, payment={"description": "茶; 2"})
    told = project.status(payment_id)
    payment, step = told["payment"], told["operations"][-1]
    asked = {"project_id": project.id, "tz": "UTC", "fields": [*reversed(OPTIONAL), *DEFAULT]}
    [row] = program.operations(**asked)
    empty = dict.fromkeys([*DEFAULT, *OPTIONAL], "")
    ended, begun = seconds(step["date"]), seconds(step["created_date"])
    assert row == empty | {
        "project_id": str(project.id),
        "operation_id": str(step["id"]),
        "payment_id": payment_id,
        "operation_type": step["type"],
        "operation_status": step["status"],
        "customer_ip": "203.0.113.9",
        "payment_method_name": payment["method"],
        "payment_method_type": "banks",
        "payment_description": payment["description"],
        "operation_created_at": begun,
        "operation_completed_at": ended,
        "provider_date": row["provider_date"],
        "sum_initial": step["sum_initial"],
        "sum_converted": step["sum_converted"],
        "payment_provider_code": step["code"],
        "payment_provider_message": step["message"],
        "customer_email": "amy@tea.example",
        "customer_id": told["customer"]["id"],
        "payment_currency": payment["sum"]["currency"],
        "payment_type": 3,
        "project_name": project.project.name,
        "provider_payment_id": step["provider"]["payment_id"],
        "recurring_register": 0,
        "secure_3ds_check": 0,
        "transaction_completed_at": seconds(payment["date"]),
        "transaction_created_at": begun,
        "transaction_status": payment["status"],
    }
    assert begun <= row["provider_date"] <= ended
    assert list(row) == [*DEFAULT, *OPTIONAL]


def test_default_fields(program: Program, project: ProjectClient, pay: Callable[..., str]) -> None:
    """Without `fields` an operation has the required ones, in their order; so with none named."""
    pay()
    same: tuple[Body, ...] = ({}, {"fields": []}, {"fields": None}, {"fields": ""})
    for asked in same:
        [row] = program.operations(project_id=project.id, **asked)
        assert list(row) == DEFAULT


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (["rrn", "payment_id", "arn"], ["payment_id", "arn", "rrn"]),
        ("payment_id", ["payment_id"]),
        (["customer_id", "customer_id"], ["customer_id"]),
    ],
)
def test_some_fields(
    program: Program,
    project: ProjectClient,
    pay: Callable[..., str],
    asked: Any,  # noqa: ANN401 - a text or a list
    told: list[str],
) -> None:
    """Fields may be named in any order, alone and twice; they stand in the order of the answer."""
    pay()
    [row] = program.operations(project_id=project.id, fields=asked)
    assert list(row) == told


def test_dotted_fields(program: Program, project: ProjectClient, pay: Callable[..., str]) -> None:
    """A name with a point is a member; the whole beside its member is the whole."""
    pay(amount=500, currency="CNY")
    asked = ["sum_converted.currency", "sum_converted", "sum_initial.amount"]
    [row] = program.operations(project_id=project.id, fields=asked)
    assert row == {
        "sum_initial": {"amount": 500},
        "sum_converted": {"amount": 500, "currency": "CNY"},
    }
    both = ["sum_initial.currency", "sum_initial.amount"]
    [row] = program.operations(project_id=project.id, fields=both)
    assert list(row["sum_initial"]) == ["amount", "currency"]


def test_an_open_payment(program: Program, project: ProjectClient, merchant: Merchant) -> None:
    """What has not ended has no time of completion, and no date of the bank."""
    project.sell("open")
    merchant.callback("open", "awaiting customer action")
    [row] = program.operations(
        project_id=project.id,
        operation_status="awaiting customer action",
        fields=[*DEFAULT, "transaction_completed_at", "transaction_status"],
    )
    assert row["operation_status"] == row["transaction_status"] == "awaiting customer action"
    assert row["operation_completed_at"] == row["transaction_completed_at"] == ""
    assert row["provider_date"] == ""
    assert row["payment_provider_code"] == "9999"


def test_a_refused_refund(
    program: Program, project: ProjectClient, pay: Callable[..., str]
) -> None:
    """A refund of a paid payment stands beside its sale, declined and without the bank's date."""
    payment_id = pay()
    assert project.post("/v2/payment/refund", project.about(payment_id)).status == 200
    refund, sale = program.operations(project_id=project.id)
    assert [refund["operation_type"], sale["operation_type"]] == ["refund", "sale"]
    assert refund["payment_provider_code"] == "20706"
    assert (refund["provider_date"], bool(sale["provider_date"])) == ("", True)


def test_another_sum(
    platform: RunningPlatform, program: Program, merchant: Merchant, project: ProjectClient
) -> None:
    """Money that staff accepted: the sum asked for, the sum that came, and who decided shows."""
    project.sell("less", amount=90_000)
    shown = merchant.callback("less", "awaiting customer action")
    platform.bank.act(shown.body["qr"]["payload"], "pay")
    payment = until(lambda: held_of(project, "less"))
    step = Step(platform.clock.now_us(), "staff:amy", "agreed")
    platform.transact(lambda tx: resolution.accept(tx, project.project, payment, step=step))
    rows = program.operations(project_id=project.id)
    told = project.status("less")["operations"]
    assert {row["operation_type"] for row in rows} == {"sale", "manual change"}
    for row in rows:
        assert row["sum_initial"] == {"amount": 90_000, "currency": "HKD"}
        assert row["sum_converted"] in [one["sum_converted"] for one in told]
        assert row["sum_converted"] != row["sum_initial"]
        assert row["provider_date"]


def test_an_error(program: Program, project: ProjectClient, merchant: Merchant) -> None:
    """A payment that was never started is told with its code."""
    project.sell("odd", amount=10_000_000)
    merchant.callback("odd", "error")
    [row] = program.operations(project_id=project.id)
    assert (row["operation_status"], row["payment_provider_code"]) == ("error", "2642")
    assert row["operation_completed_at"]


# --- filters ----------------------------------------------------------------------------------


def test_filters(program: Program, project: ProjectClient, pay: Callable[..., str]) -> None:
    """Each filter takes a text or a list; all that are given must hold; nobody's is nothing."""
    customer = {"id": "c-2", "email": "bob@tea.example"}
    first, second = pay(), pay("refuse", customer=customer)
    assert project.post("/v2/payment/refund", project.about(first)).status == 200

    def found(**asked: Any) -> list[str]:  # noqa: ANN401 - filters
        rows = program.operations(project_id=[project.id], **asked)
        return [f"{row['payment_id']} {row['operation_type']}" for row in rows]

    sale, refused, refund = f"{first} sale", f"{second} sale", f"{first} refund"
    assert found() == [refund, refused, sale]
    assert found(operation_type="sale") == [refused, sale]
    assert found(operation_type=["sale", "refund"]) == [refund, refused, sale]
    assert found(operation_type=["payout", "refund"]) == [refund]
    assert found(operation_type="payout") == []
    assert found(operation_status="success") == [sale]
    assert found(operation_status=["success", "decline"]) == [refund, refused, sale]
    assert found(operation_status=["nonsense", "success"]) == [sale]
    assert found(operation_status="nonsense") == []
    assert found(customer_id="c-2") == [refused]
    assert found(customer_id=["c-1", "c-2", "c-3"]) == [refund, refused, sale]
    assert found(customer_id="C-2") == []
    assert found(customer_email="bob@tea.example") == [refused]
    assert found(customer_email="bob@tea") == []
    assert found(customer_email="%") == []
    assert found(customer_email='"') == []
    assert found(customer_id="c-1", operation_type="sale", operation_status="success") == [sale]
    assert found(operation_type="", customer_id=None, customer_email="") == [refund, refused, sale]


def test_projects(
    platform: RunningPlatform, program: Program, project: ProjectClient, pay: Callable[..., str]
) -> None:
    """Without `project_id` all projects are told; a number, its digits and a list are one."""
    pay()
    [row] = program.operations(project_id=project.id)
    for same in ([project.id], str(project.id), [str(project.id), project.id]):
        assert program.operations(project_id=same) == [row]
    everywhere: tuple[Body, ...] = (
        {},
        {"project_id": []},
        {"project_id": None},
        {"project_id": ""},
    )
    for asked in everywhere:
        assert row in program.operations(limit=10, **asked)
    quiet = platform.add_project("")
    assert program.operations(project_id=quiet.id) == FOUND_NOTHING


@pytest.mark.parametrize("foreign", [0, 4_000_000_000, 2**53 - 1])
def test_projects_of_nobody(program: Program, project: ProjectClient, foreign: int) -> None:
    """A project that the account does not see is answered with its number."""
    answer = program.ask(OPERATIONS, project_id=[project.id, foreign])
    assert answer.status == 401
    assert answer.body == {
        "name": "Authorization Required",
        "message": f"You have no access to project_id = {foreign}",
        "code": 0,
        "status": 401,
    }


BAD: Final[list[tuple[Body, str]]] = [
    ({"project_id": "x"}, "project_id"),
    ({"project_id": -1}, "project_id"),
    ({"project_id": [True]}, "project_id"),
    ({"project_id": [[1]]}, "project_id"),
    ({"project_id": {"0": 1}}, "project_id"),
    ({"project_id": [None]}, "project_id"),
    ({"project_id": 1.5}, "project_id"),
    ({"project_id": [1] * 1001}, "project_id"),
    ({"project_id": 2**53}, "project_id"),
    ({"limit": 1001}, "limit"),
    ({"limit": -1}, "limit"),
    ({"limit": "-1"}, "limit"),
    ({"limit": "1e2"}, "limit"),
    ({"limit": "٣"}, "limit"),
    ({"limit": "9" * 17}, "limit"),
    ({"limit": 2.0}, "limit"),
    ({"limit": True}, "limit"),
    ({"limit": [1]}, "limit"),
    ({"offset": -1}, "offset"),
    ({"offset": 2**53}, "offset"),
    ({"offset": {}}, "offset"),
    ({"operation_type": 1}, "operation_type"),
    ({"operation_type": [""]}, "operation_type"),
    ({"operation_status": ["success", None]}, "operation_status"),
    ({"operation_status": {}}, "operation_status"),
    ({"customer_id": 7}, "customer_id"),
    ({"customer_id": "c" * 256}, "customer_id"),
    ({"customer_email": ["a@b.c"]}, "customer_email"),
    ({"customer_email": "c" * 256}, "customer_email"),
    ({"fields": ["payment_id", "pan"]}, "there is no field pan"),
    ({"fields": ["sum_initial."]}, "there is no field sum_initial."),
    ({"fields": ["arn.amount"]}, "there is no field arn.amount"),
    ({"fields": [1]}, "fields"),
    ({"fields": {"a": "b"}}, "fields"),
    ({"tz": "Hong Kong"}, "tz"),
    ({"tz": "Asia"}, "tz"),
    ({"tz": "Asia/Nowhere"}, "tz"),
    ({"tz": "../etc/passwd"}, "tz"),
    ({"tz": "/etc/passwd"}, "tz"),
    ({"tz": "tzdata.zi"}, "tz"),
    ({"tz": "+24:00"}, "tz"),
    ({"tz": "+0800"}, "tz"),
    ({"tz": "+08:60"}, "tz"),
    ({"tz": 8}, "tz"),
    ({"tz": "A" * 1000}, "tz"),
    ({"interval": "2026-01-01"}, "interval"),
    ({"interval": [1]}, "interval"),
    ({"interval": {"from": "2026-01-01 00:00:00"}}, "interval.to is missing"),
    ({"interval": {"to": "2026-01-01 00:00:00"}}, "interval.from is missing"),
    ({"interval": {"from": None, "to": ""}}, "interval.from is missing"),
    ({"interval": {"from": "2026-01-01", "to": "2026-01-02"}}, "interval.from"),
    ({"interval": {"from": 1, "to": 2}}, "interval.from"),
    ({"interval": {"from": "2026-02-30 00:00:00", "to": "2026-03-01 00:00:00"}}, "interval.from"),
    ({"interval": {"from": "2026-01-01 00:00:00", "to": "2026-01-01 24:00:00"}}, "interval.to"),
    ({"interval": {"from": "2026-01-02 00:00:00", "to": "2026-01-01 00:00:00"}}, "interval.from"),
    ({"interval": {"from": "2026-01-01T00:00", "to": "2026-01-02T00:00"}}, "interval.from"),
    ({"interval": {"from": "٢٠٢٦-01-01 00:00:00", "to": "2026-01-01 00:00:00"}}, "interval.from"),
]


def test_bad_fields(platform: RunningPlatform) -> None:
    """A field that holds what it must not is named, and is never a fault of ours."""
    staff = Staff(platform)
    for number, (asked, message) in enumerate(BAD):
        if number % 50 == 0:
            program = Programs(platform).of(staff.add(Role.ADMIN))
        answer = program.ask(OPERATIONS, **asked)
        assert answer.status == 400, (asked, answer.raw)
        assert answer.body.keys() == {"name", "message", "code", "status"}
        assert message in answer.body["message"], asked
        assert (answer.body["name"], answer.body["code"]) == ("Bad Request", 0)


def test_unknown_parameters(program: Program, project: ProjectClient) -> None:
    """What is not known is signed and has no effect."""
    asked = {"destination": "x", "page": {"size": 1}, "emoji": "😀"}
    assert program.operations(project_id=project.id, **asked) == FOUND_NOTHING


# --- periods and zones ------------------------------------------------------------------------

NOON_US: Final = 1_767_240_000_000_000
"""2026-01-01 12:00:00 in Hong Kong."""
HONG_KONG: Final = "Asia/Hong_Kong"


@pytest.fixture
def moments(platform: RunningPlatform, project: ProjectClient) -> Callable[..., None]:
    """Make operations that ended at given moments, behind the doors: time cannot go back."""

    def make(**at: int) -> None:
        for name, us in at.items():
            platform.transact(partial(_past, project=project, name=name, us=us))

    return make


def _past(tx: Tx, project: ProjectClient, *, name: str, us: int) -> None:
    request = SaleRequest(
        payment_id=name,
        amount_minor=100_000_000,
        currency="HKD",
        description="",
        customer=Customer(id="c-1"),
        targets=Targets(callback_disabled=True),
        digest=name,
    )
    sale(tx, project.project, request, request_id=f"r-{name}", now_us=us)


def us_of(text: str, offset_h: float) -> int:
    """Return microseconds UTC of a time on a clock so many hours ahead."""
    at = datetime.fromisoformat(text).replace(tzinfo=UTC) - timedelta(hours=offset_h)
    return int(at.timestamp()) * 1_000_000


@pytest.mark.parametrize(
    ("tz", "offset_h", "suffix"),
    [
        (None, 8, "+08:00"),
        (HONG_KONG, 8, "+08:00"),
        ("Asia/Kathmandu", 5.75, "+05:45"),
        ("UTC", 0, "+00:00"),
        ("+05:45", 5.75, "+05:45"),
        ("-03:30", -3.5, "-03:30"),
        ("America/New_York", -4, "-04:00"),
        ("Etc/GMT+5", -5, "-05:00"),
    ],
)
def test_days_of_a_zone(
    program: Program,
    project: ProjectClient,
    moments: Callable[..., None],
    tz: str | None,
    offset_h: float,
    suffix: str,
) -> None:
    """A day begins and ends by the clock of the zone, both of its last seconds included."""
    start, end = us_of("2025-07-04", offset_h), us_of("2025-07-05", offset_h)
    moments(before=start - 1, first=start, last=end - 1, after=end)
    for middle in (" ", "T"):
        rows = program.operations(
            project_id=project.id,
            interval={
                "from": f"2025-07-04{middle}00:00:00",
                "to": f"2025-07-04{middle}23:59:59",
            },
            fields=["payment_id", "operation_created_at", "operation_completed_at"],
            **({} if tz is None else {"tz": tz}),
        )
        last, first = f"2025-07-04T23:59:59{suffix}", f"2025-07-04T00:00:00{suffix}"
        assert [list(row.values()) for row in rows] == [
            ["last", last, last],
            ["first", first, first],
        ]


def test_moments_with_an_offset(
    program: Program, project: ProjectClient, moments: Callable[..., None]
) -> None:
    """A moment may be given as it was told: its own offset wins over the zone."""
    moments(one=NOON_US, two=NOON_US + 1_000_000)
    [row] = program.operations(
        project_id=project.id,
        interval={"from": "2026-01-01T12:00:00+08:00", "to": "2026-01-01T04:00:00Z"},
        tz="Asia/Tokyo",
    )
    assert row["payment_id"] == "one"
    assert row["operation_completed_at"] == "2026-01-01T13:00:00+09:00"


def test_an_hour_shown_twice(
    program: Program, project: ProjectClient, moments: Callable[..., None]
) -> None:
    """When clocks are put back, answers tell the two hours apart by their offset."""
    first = us_of("2025-10-26T00:30:00", 0)
    moments(first=first, second=first + 3_600_000_000)
    rows = program.operations(project_id=project.id, tz="Europe/Berlin")
    assert [row["operation_completed_at"] for row in rows] == [
        "2025-10-26T02:30:00+01:00",
        "2025-10-26T02:30:00+02:00",
    ]


@pytest.mark.parametrize("tz", ["+14:00", "-12:00", "Asia/Kathmandu", "+23:59", "-23:59"])
def test_ends_of_time(program: Program, project: ProjectClient, tz: str) -> None:
    """The first and the last year are a period like any other."""
    always = {"from": "0001-01-01 00:00:00", "to": "9999-12-31 23:59:59"}
    assert program.operations(project_id=project.id, interval=always, tz=tz) == FOUND_NOTHING


def test_by_last_update(
    platform: RunningPlatform, program: Program, project: ProjectClient, merchant: Merchant
) -> None:
    """What counts is the last change: a payment of days ago that is declined now is of now."""
    project.sell("old")
    merchant.callback("old", "awaiting customer action")
    platform.clock.advance(3 * DAY_S)
    merchant.callback("old", "decline")
    [row] = program.operations(project_id=project.id, fields=DEFAULT)
    begun, ended = row["operation_created_at"], row["operation_completed_at"]
    assert program.operations(project_id=project.id, interval={"from": begun, "to": begun}) == []
    [again] = program.operations(project_id=project.id, interval={"from": ended, "to": ended})
    assert again == row


def test_without_a_period(
    program: Program, project: ProjectClient, merchant: Merchant, pay: Callable[..., str]
) -> None:
    """Without a period it is what completed; a status or a period asks for the rest too."""
    paid = pay()
    project.sell("open")
    merchant.callback("open", "awaiting customer action")
    every = {"from": "2026-01-01 00:00:00", "to": "2026-01-01 00:00:00"}

    def found(**asked: Any) -> list[str]:  # noqa: ANN401 - filters
        return names(program.operations(project_id=project.id, **asked))

    assert found() == [paid]
    assert found(interval={}) == found(interval=None) == [paid]
    assert found(operation_status="awaiting customer action") == ["open"]
    now = program.operations(project_id=project.id)[0]["operation_completed_at"][:4]
    year = {"from": f"{now}-01-01 00:00:00", "to": f"{int(now) + 1}-01-01 00:00:00"}
    assert found(interval=year, limit=10) == ["open", paid]
    assert found(interval=every) == []


# --- pages ------------------------------------------------------------------------------------


def test_pages(program: Program, project: ProjectClient, moments: Callable[..., None]) -> None:
    """Pages join without gap and repeat, the newest change first, then the greater number."""
    at = {f"q-{number:02}": NOON_US + number // 3 * 1_000_000 for number in range(24)}
    moments(**at)
    fields = ["payment_id", "operation_id", "operation_completed_at"]
    whole = program.operations(project_id=project.id, fields=fields)
    assert sorted(names(whole)) == sorted(at)
    places = [(row["operation_completed_at"], int(row["operation_id"])) for row in whole]
    assert places == sorted(places, reverse=True)
    for size in (7, "7"):
        found = []
        for offset in range(0, 28, 7):
            found += program.operations(
                project_id=project.id, fields=fields, limit=size, offset=str(offset)
            )
        assert found == whole
    assert program.operations(project_id=project.id, limit=0) == FOUND_NOTHING
    assert program.operations(project_id=project.id, offset=24) == FOUND_NOTHING
    assert program.operations(project_id=project.id, offset=2**53 - 1) == FOUND_NOTHING


def test_a_thousand(platform: RunningPlatform, program: Program, project: ProjectClient) -> None:
    """An answer has a thousand operations at most, and as many when no limit is given."""

    def some(tx: Tx, numbers: range) -> None:
        for number in numbers:
            _past(tx, project, name=f"m-{number}", us=NOON_US + number)

    # A transaction has only so many ids at hand.
    for begin in range(0, 1001, 143):
        platform.transact(partial(some, numbers=range(begin, begin + 143)))
    rows = program.operations(project_id=project.id, fields="payment_id")
    assert names(rows) == [f"m-{number}" for number in range(1000, 0, -1)]
    assert naturally_signed(program.answer(OPERATIONS, project_id=project.id), program)


def naturally_signed(body: Body, program: Program) -> bool:
    """Whether an answer is signed in natural order: rebuilt here, since the SDK sorts by bytes."""
    lines = []
    for index, row in enumerate(body["operations"]):
        for name, value in row.items():
            members = value if isinstance(value, dict) else {None: value}
            for member, text in members.items():
                key = name if member is None else f"{name}:{member}"
                lines.append((index, key, f"operations:{index}:{key}:{text}"))
    text = ";".join(line for _, _, line in sorted(lines))
    digest = hmac.digest(program.key.secret.encode(), text.encode(), sha512)
    return b64encode(digest).decode() == str(body["signature"])


def test_walks_agree(
    platform: RunningPlatform,
    project: ProjectClient,
    merchant: Merchant,
    pay: Callable[..., str],
) -> None:
    """What has ended and what has not is told together, whole and in one order."""
    project.sell("first")
    merchant.callback("first", "awaiting customer action")
    paid = pay()
    project.sell("third")
    merchant.callback("third", "awaiting customer action")
    wanted = Wanted(project_ids=(project.id,))
    rows = platform.read(lambda tx: operation_lists.listing(tx, wanted, most=10))
    assert [row.payment.id for row in rows] == ["third", paid, "first"]
    middle = platform.read(lambda tx: operation_lists.listing(tx, wanted, most=1, skipped=1))
    assert list(middle) == [rows[1]]


# --- one payment ------------------------------------------------------------------------------


def test_by_payment(
    platform: RunningPlatform, program: Program, project: ProjectClient, pay: Callable[..., str]
) -> None:
    """The operations of a payment, the newest first, with the eight members of this answer."""
    payment_id = pay(amount=777)
    assert project.post("/v2/payment/refund", project.about(payment_id)).status == 200
    body = program.answer(BY_PAYMENT, payment_id=payment_id.upper())
    refund, sale = body["operations"]
    [told, _] = project.status(payment_id)["operations"]
    whole = program.operations(project_id=project.id, operation_type="sale")[0]
    assert sale == {
        "operation_id": str(told["id"]),
        "operation_type": "sale",
        "operation_created_at": whole["operation_created_at"],
        "operation_completed_at": whole["operation_completed_at"],
        "amount": 777,
        "currency": "HKD",
        "arn": "",
        "rrn": "",
    }
    assert refund["operation_type"] == "refund"
    other = platform.add_project("")
    other.sell(payment_id, amount=888)
    amounts = [
        row["amount"] for row in program.answer(BY_PAYMENT, payment_id=payment_id)["operations"]
    ]
    assert amounts == [888, 777, 777]


def test_a_payment_of_nobody(program: Program) -> None:
    """A payment that does not exist has no operations; without an id nothing is asked."""
    assert program.answer(BY_PAYMENT, payment_id="no-such 😀")["operations"] == []
    for bad in (None, "", 7, ["p"], "p" * 256):
        answer = program.ask(BY_PAYMENT, payment_id=bad)
        assert (answer.status, answer.body["name"]) == (400, "Bad Request")
        assert "payment_id" in answer.body["message"]
    assert program.ask(BY_PAYMENT).status == 400


# --- balances ---------------------------------------------------------------------------------


def test_balances(
    platform: RunningPlatform, program: Program, project: ProjectClient, pay: Callable[..., str]
) -> None:
    """A project holds what was applied to its payments, by currency, as texts of minor units."""
    pay(amount=10_000)
    pay(amount=2_345)
    pay(amount=600, currency="CNY")
    pay("refuse", amount=999)
    body = program.answer(BALANCE)
    assert list(body) == ["balance", "signature"]
    name = project.project.name
    mine = [row for row in body["balance"] if row["name"].startswith(f"Project_{name}_")]
    assert mine == [
        {"name": f"Project_{name}_balance_HKD", "HKD": "12345"},
        {"name": f"Project_{name}_balance_CNY", "CNY": "600"},
    ]
    books = platform.balances()
    assert books[f"project/{project.id}", "HKD"] == -12_345


def test_an_empty_balance(platform: RunningPlatform, program: Program) -> None:
    """A project without money stands there with nothing."""
    quiet = platform.add_project("")
    rows = program.answer(BALANCE)["balance"]
    name = f"Project_{quiet.project.name}_balance_HKD"
    assert {"name": name, "HKD": "0"} in rows
