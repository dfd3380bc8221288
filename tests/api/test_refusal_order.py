"""Gate refuses in one documented order: the request of each step has that fault and all later ones.

Codes and messages stand here as an integrator knows them, not as the product spells them.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, Final

import pytest

from tests.support.client import Body, signed
from tests.support.platform import SALE, STATUS, ProjectClient, RunningPlatform

MALFORMED: Final = "Malformed request"
FRAMED: Final = "1..255, not framed by blanks, no `;`"
MISSING: Final = "Required field not provided"
UNKNOWN_METHOD_SALE: Final = "/v2/payment/banks/no-such/sale"
USED_ID: Final = "p-used"

SIGNED_PATHS: Final = [
    SALE,
    STATUS,
    "/v2/payment/status/request",
    "/v2/payment/refund",
    "/v2/payment/card/refund",
    "/v2/payment/hk-qr/refund",
    "/v2/payment/banks/hk-qr/refund",
    "/v2/payment/invoice/create",
    "/v2/payment/invoice/cancel",
    "/v2/info/check/signature",
    "/v2/info/available_methods_for_merchant/list",
]
FLAT: Final = {"/v2/payment/status/request", "/v2/info/available_methods_for_merchant/list"}
"""Paths whose requests are signed at the top level."""

Change = Callable[[Body], None]


def fault(field: str, constraint: str, *, code: str = "702", message: str = MALFORMED) -> Body:
    """Return one entry of `errors[]`."""
    return {"code": code, "message": message, "field": field, "constraint": constraint}


def absent(*fields: str) -> list[Body]:
    """Return `errors[]` for missing fields."""
    return [fault(one, "required", code="2004", message=MISSING) for one in fields]


def error(code: str, message: str, errors: list[Body] | None = None) -> Body:
    """Return the whole body of a refusal."""
    made: Body = {"status": "error", "code": code, "message": message}
    return made | ({"errors": errors} if errors else {})


@pytest.fixture
def off(platform: RunningPlatform) -> ProjectClient:
    """A project that is switched off, in which `USED_ID` was used before."""
    made = platform.add_project("")
    made.sell(USED_ID)
    made.change(enabled=False)
    return made


# --- steps 1 to 7: the envelope, the same at every door of Gate -------------------------------


def nameless(path: str, project_id: object, signature: object) -> Body:
    """Return a request with nothing but these two (None: not even that), so all else is missing."""
    members = {"project_id": project_id, "signature": signature}
    kept = {name: value for name, value in members.items() if value is not None}
    return kept if path in FLAT else {"general": kept}


def envelope_steps(path: str, project_id: int) -> list[tuple[object, int, Body]]:
    """Return (body, status, refusal) in order; each body also has every later fault it can."""
    field = "project_id" if path in FLAT else "general.project_id"
    typed = "project_id" if path in FLAT else "general"
    bad_type: Body = {typed: []}
    what = "`int | str`" if path in FLAT else "`object`"
    return [
        (b"[" * 131_073, 413, error("702", MALFORMED)),
        (b"{" + b" " * 131_071, 422, error("2003", "Invalid JSON string")),
        ([], 400, error("702", MALFORMED)),
        (
            bad_type,
            400,
            error("702", MALFORMED, [fault(typed, f"type: Expected {what}, got `array`")]),
        ),
        (nameless(path, None, None), 400, error("2004", MISSING, absent(field))),
        (nameless(path, 4_000_000_000, None), 404, error("2442", "Project ID not found")),
        (nameless(path, project_id, None), 400, error("3262", "Empty signature")),
        (nameless(path, project_id, ""), 400, error("3262", "Empty signature")),
        (nameless(path, project_id, "A" * 88), 400, error("3261", "Invalid signature")),
    ]


@pytest.mark.parametrize("path", SIGNED_PATHS)
def test_envelope_is_refused_in_order(
    platform: RunningPlatform, off: ProjectClient, path: str
) -> None:
    """Size, JSON, types, project, signature: each fault is named before every later one."""
    for body, status, wanted in envelope_steps(path, off.id):
        answer = platform.client.post(path, body)
        assert (answer.status, answer.body) == (status, wanted)
        assert answer.headers["content-type"] == "application/json"


def test_null_signature_is_a_missing_one(platform: RunningPlatform, project: ProjectClient) -> None:
    """A `signature` of null is answered like none at all."""
    body = project.sale_body("p-1") | {"signature": None}
    body["general"]["signature"] = None
    assert platform.client.post(SALE, body).brief == (400, "3262")


def test_signature_of_another_project_is_wrong(
    platform: RunningPlatform, project: ProjectClient
) -> None:
    """A project's secret signs for that project alone."""
    other = platform.add_project("", secret="secret of another")
    answer = platform.client.post(SALE, signed(project.sale_body("p-1"), other.secret))
    assert answer.brief == (400, "3261")


# --- steps 8 to 11: a sale's fields, method and id, all with a good signature ------------------


def post_off(
    off: ProjectClient, change: Change, path: str = UNKNOWN_METHOD_SALE
) -> tuple[int, Body]:
    """Post a sale with a used id to an unknown method of a switched-off project, changed."""
    body = off.sale_body(USED_ID, amount=99_999)
    change(body)
    answer = off.post(path, body)
    return answer.status, answer.body


def test_missing_field_comes_before_malformed_ones(off: ProjectClient) -> None:
    """Every missing field is named at once, and no malformed one."""

    def change(body: Body) -> None:
        body["general"].pop("payment_id")
        body["payment"] = {"currency": "dollars"}
        body["customer"] = {"ip_address": "nowhere", "email": "nobody"}

    wanted = absent("general.payment_id", "payment.amount", "customer.id")
    assert post_off(off, change) == (400, error("2004", MISSING, wanted))


def test_required_fields_are_those_of_the_method(off: ProjectClient) -> None:
    """Without payment and customer all their required members are named."""

    def change(body: Body) -> None:
        del body["payment"], body["customer"], body["general"]["payment_id"]

    wanted = absent(
        "general.payment_id",
        "payment.amount",
        "payment.currency",
        "customer.id",
        "customer.ip_address",
    )
    assert post_off(off, change) == (400, error("2004", MISSING, wanted))


def test_strict_project_demands_more_fields(platform: RunningPlatform) -> None:
    """`strict_customer` also demands name, e-mail and where to return."""
    strict = platform.add_project("", strict_customer=True)
    answer = strict.post(SALE, strict.sale_body("p-1"))
    wanted = absent("customer.first_name", "customer.last_name", "customer.email", "return_url")
    assert (answer.status, answer.body) == (400, error("2004", MISSING, wanted))


MALFORMED_FIELDS: Final[list[tuple[str, str, object, str, str, str]]] = [
    ("general", "payment_id", "", "3024", "Invalid Payment ID", FRAMED),
    ("general", "payment_id", "x" * 256, "3024", "Invalid Payment ID", FRAMED),
    ("general", "payment_id", " x", "3024", "Invalid Payment ID", FRAMED),
    ("general", "payment_id", "x\n", "3024", "Invalid Payment ID", FRAMED),
    ("general", "payment_id", "a;b", "3024", "Invalid Payment ID", FRAMED),
    ("payment", "amount", -1, "702", MALFORMED, "0..10000000000000"),
    ("payment", "amount", 2**63 - 1, "702", MALFORMED, "0..10000000000000"),
    ("payment", "currency", "hkd", "3121", "Invalid currency", "^[A-Z]{3}$"),
    ("payment", "currency", "HKD\n", "3121", "Invalid currency", "^[A-Z]{3}$"),
    ("payment", "currency", "", "3121", "Invalid currency", "^[A-Z]{3}$"),
    ("payment", "description", "x" * 256, "702", MALFORMED, "..255"),
    ("customer", "id", "", "2124", "Invalid Customer ID", "1..255"),
    ("customer", "id", "x" * 256, "2124", "Invalid Customer ID", "1..255"),
    ("customer", "ip_address", "1.2.3", "702", MALFORMED, "IPv4 or IPv6"),
    ("customer", "ip_address", "fe80::1%eth0;x", "702", MALFORMED, "IPv4 or IPv6"),
    ("customer", "ip_address", "fe80::1%" + "x" * 300, "702", MALFORMED, "IPv4 or IPv6"),
    ("customer", "email", "nobody", "2426", "Invalid Email", "e-mail address"),
    ("customer", "phone", "9" * 256, "702", MALFORMED, "..255"),
    ("return_url", "success", "javascript:alert(1)", "702", MALFORMED, "http or https URL"),
    ("return_url", "decline", "https://", "702", MALFORMED, "http or https URL"),
    ("return_url", "return", "x", "702", MALFORMED, "http or https URL"),
    ("callback", "delay", 601, "702", MALFORMED, "0..600"),
    ("callback", "delay", -1, "702", MALFORMED, "0..600"),
    ("general", "merchant_callback_url", "ftp://x/", "702", MALFORMED, "address refused"),
    ("general", "merchant_success_callback_url", "x", "702", MALFORMED, "address refused"),
    ("general", "merchant_decline_callback_url", "http://[::", "702", MALFORMED, "address refused"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("group", "name", "value", "code", "message", "constraint"),
    MALFORMED_FIELDS,
    ids=[f"{one[0]}.{one[1]}-{number}" for number, one in enumerate(MALFORMED_FIELDS)],
)
def test_malformed_field_comes_before_the_method(
    off: ProjectClient,
    group: str,
    name: str,
    value: object,
    code: str,
    message: str,
    constraint: str,
) -> None:
    """A malformed field is refused with its own code, whatever is wrong with method and id."""

    def change(body: Body) -> None:
        body.setdefault(group, {})[name] = value

    wanted = fault(f"{group}.{name}", constraint, code=code, message=message)
    assert post_off(off, change) == (400, error(code, message, [wanted]))


def test_unknown_method_comes_before_a_method_that_is_off(off: ProjectClient) -> None:
    """An unknown method is named although the project is off and the id used."""
    wanted = error("2541", "Unknown Payment Method")
    assert post_off(off, lambda _: None) == (400, wanted)


def test_method_that_is_off_comes_before_the_used_id(off: ProjectClient) -> None:
    """A switched-off project says so although the id was used by another body."""
    wanted = error("310", "This operation is not allowed by project settings")
    assert post_off(off, lambda _: None, SALE) == (400, wanted)


def test_used_id_comes_last(project: ProjectClient) -> None:
    """A `payment_id` that another body used is refused."""
    project.sell(USED_ID)
    answer = project.post(SALE, project.sale_body(USED_ID, amount=99_999))
    assert (answer.status, answer.body) == (400, error("3041", "Payment ID already exists"))


def test_refused_sale_leaves_nothing(platform: RunningPlatform, project: ProjectClient) -> None:
    """A refused sale is not remembered: the same id is free for a good one."""
    assert project.post(SALE, project.sale_body("p-1", amount=-1)).status == 400
    assert project.post(UNKNOWN_METHOD_SALE, project.sale_body("p-1")).status == 400
    assert project.payment("p-1") is None
    assert platform.callbacks_of(project, "p-1") == []
    project.sell("p-1")


# --- types -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("group", "name", "value"),
    [
        ("payment", "amount", True),
        ("payment", "amount", "10000"),
        ("payment", "amount", 100.5),
        ("payment", "amount", None),
        ("payment", "currency", 344),
        ("general", "payment_id", 17),
        ("general", "payment_id", None),
        ("general", "project_id", True),
        ("customer", "id", False),
        ("customer", "ip_address", ["203.0.113.7"]),
        ("callback", "delay", True),
        ("callback", "force_disable", "yes"),
    ],
)
def test_wrong_type_is_malformed(
    platform: RunningPlatform, project: ProjectClient, group: str, name: str, value: object
) -> None:
    """A member of another type than documented is refused before the signature, and named."""
    body = project.sale_body("p-1")
    body.setdefault(group, {})[name] = value
    answer = platform.client.post(SALE, body)
    assert answer.brief == (400, "702")
    assert [one["field"] for one in answer.body["errors"]] == [f"{group}.{name}"]
    assert answer.body["errors"][0]["constraint"].startswith("type: ")


def test_return_url_may_be_a_text_but_no_number(project: ProjectClient) -> None:
    """`return_url` is a text or an object of texts."""
    body = project.sale_body("p-1")
    assert project.post(SALE, body | {"return_url": "https://shop.example/back"}).status == 200
    answer = project.post(SALE, body | {"return_url": {"success": 1}})
    assert answer.brief == (400, "702")


def test_project_id_may_be_a_text_of_digits(project: ProjectClient) -> None:
    """Some clients write the project's id as a text."""
    body = project.sale_body("p-1", general={"project_id": str(project.id)})
    answer = project.post(SALE, body)
    assert answer.status == 200
    assert answer.body["project_id"] == project.id


@pytest.mark.parametrize(
    ("project_id", "wanted"),
    [
        ("", (400, "702")),
        ("12a", (400, "702")),
        ("-1", (400, "702")),
        ("١٢", (400, "702")),
        ("9" * 11, (400, "702")),
        (0, (404, "2442")),
        (-5, (404, "2442")),
        (2**32, (404, "2442")),
        (2**63 - 1, (404, "2442")),
    ],
)
def test_impossible_project_ids(
    platform: RunningPlatform, project_id: object, wanted: tuple[int, str]
) -> None:
    """What is no number is malformed, a number that is no project's is not found."""
    body = {"general": {"project_id": project_id, "payment_id": "p"}}
    assert platform.client.post(SALE, body).brief == wanted


def test_unknown_members_are_ignored(project: ProjectClient) -> None:
    """Members that Gate does not know are signed and have no effect."""
    more: dict[str, Any] = {
        "interface_type": {"id": 24, "list": [1, "two", 3]},
        "customer": {"country": "HK", "ssn": 1234, "home": {"city": "Kowloon"}},
        "payment": {"extra_param": "x", "best_before": "2030-01-01"},
    }
    project.sell("p-1", **more)


def test_steps_do_not_share_state(platform: RunningPlatform, project: ProjectClient) -> None:
    """The same refused request is refused the same way again."""
    body = project.sale_body("p-1", amount=-1)
    first, second = (
        platform.client.post(SALE, signed(copy.deepcopy(body), project.secret)) for _ in "12"
    )
    assert (first.status, first.body) == (second.status, second.body)
