"""Opening the Payment Page: what is taken, what is refused, and in which order."""

from __future__ import annotations

import socket
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest

from sampan.domain.statuses import PaymentStatus
from tests.support.merchant import Merchant
from tests.support.page_urls import npm_urls, python_url
from tests.support.pages import (
    FORM,
    fields_of,
    open_page,
    post_page,
    query,
    screen_of,
    session_of,
    sign_fields,
    state_of,
)
from tests.support.platform import ProjectClient, RunningPlatform

SHOP = "https://shop.example/back?order=1&x=a b".replace(" ", "%20")


def get(platform: RunningPlatform, text: str) -> int:
    """Open a page by a query as it stands; return the HTTP status."""
    return platform.client.request("GET", f"/payment?{text}").status


def test_page_shows_the_qr_at_once(project: ProjectClient) -> None:
    """One answer has the QR: there is one method, so nothing is to be chosen."""
    answer = open_page(project, "p-1")
    assert answer.status == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert screen_of(answer) == "pay"
    assert b"data:image/png;base64," in answer.raw
    payment = project.payment("p-1")
    assert payment is not None
    assert payment.status is PaymentStatus.AWAITING_CUSTOMER_ACTION


def test_form_post_is_the_same(project: ProjectClient) -> None:
    """A shop may post a form instead: same request, same page."""
    fields = sign_fields(fields_of(project, "p-2"), project.secret)
    assert session_of(post_page(project, fields)) == session_of(open_page(project, "p-2"))


def test_same_request_opens_the_present_state(project: ProjectClient) -> None:
    """However often a request is opened, there is one payment and one session."""
    first = open_page(project, "p-3")
    operation = project.status("p-3")["operations"]
    again = open_page(project, "p-3", _sw="1280", frame_mode="popup")
    assert session_of(again) == session_of(first)
    assert project.status("p-3")["operations"] == operation


@pytest.mark.parametrize("change", [{"payment_amount": 9_999}, {"customer_id": "other"}])
def test_used_payment_id_is_refused(project: ProjectClient, change: dict[str, object]) -> None:
    """A payment id that has started belongs to its request."""
    open_page(project, "p-4")
    before = project.payment("p-4")
    assert open_page(project, "p-4", **change).status == 400
    assert open_page(project, "P-4", **change).status == 400
    assert project.payment("p-4") == before


def test_payment_id_of_a_gate_sale_is_refused(project: ProjectClient) -> None:
    """What was sold through Gate is not opened by a page request."""
    project.sell("p-5")
    assert open_page(project, "p-5").status == 400


def test_real_clients_are_let_in(project: ProjectClient) -> None:
    """URLs of the public Python and npm packages open the page; altered ones do not."""
    platform = project.platform
    base = f"{platform.url}/payment"
    shared = {
        "payment_amount": 10_000,
        "payment_currency": "HKD",
        "payment_description": "Tea & 茶 🍵: 1/2+3",
        "merchant_success_url": SHOP,
        "redirect": True,
        "language_code": "zh-hant",
    }
    many = [
        {"project_id": project.id, "payment_id": f"sdk-{n}", "customer_id": "c 1"} | shared
        for n in range(4)
    ]
    urls = [python_url(base, project.secret, one) for one in many[:2]]
    urls += npm_urls(base, project.secret, many[2:])
    for url in urls:
        text = url.split("?", 1)[1]
        pairs = parse_qsl(text, keep_blank_values=True)
        for name in ("payment_amount", "payment_description", "customer_id"):
            altered = [(key, value + "1" if key == name else value) for key, value in pairs]
            assert get(platform, urlencode(altered)) == 400
            assert get(platform, urlencode([p for p in pairs if p[0] != name])) == 400
        assert get(platform, text) == 200


def test_allowances_for_real_clients(project: ProjectClient) -> None:
    """Booleans may be words though 1 or 0 was signed; names with `_` may be unsigned."""
    fields = sign_fields(fields_of(project, "p-6", redirect=1), project.secret)
    sent = fields | {"redirect": "true", "_plugin_version": "5", "frame_mode": "iframe"}
    assert post_page(project, sent).status == 200
    assert post_page(project, sent | {"redirect": "yes"}).status == 400


REQUIRED = ["project_id", "payment_id", "payment_amount", "payment_currency", "customer_id"]


@pytest.mark.parametrize("name", REQUIRED)
@pytest.mark.parametrize("value", [None, ""])
def test_missing_parameter(project: ProjectClient, name: str, value: str | None) -> None:
    """Without a required parameter nothing opens and nothing is registered."""
    assert open_page(project, "p-7", **{name: value}).status == 400
    assert project.payment("p-7") is None


MALFORMED = {
    "payment_id": [" p", "p;1", "x" * 256, "\n"],
    "payment_amount": ["0", "-1", "1.5", "1e3", "一百", "9" * 30, "10 000"],
    "payment_currency": ["hkd", "HK$", "HKDD"],
    "customer_id": ["c" * 256],
    "customer_email": ["nobody", "a@b", "x" * 300],
    "payment_description": ["x" * 256],
    "merchant_data": ["x" * 4097],
    "merchant_success_url": ["javascript:alert(1)", "data:text/html,x", "//shop", "x", "ftp://a/b"],
    "redirect_fail_url": ["vbscript:x", "https://", "http:///x"],
    "merchant_callback_url": ["ftp://shop.example/", "nonsense"],
    "best_before": ["tomorrow", "2026-13-01T00:00:00+00:00", "2026-11-24"],
    "mode": ["payout", "card_verify"],
    "force_payment_method": ["card", "hk_qr"],
    "force_payment_group": ["openbanking"],
    "hide": ["hk-qr", "card, hk-qr"],
}


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in MALFORMED.items() for value in values]
)
def test_malformed_parameter(project: ProjectClient, name: str, value: str) -> None:
    """What a parameter must not hold is refused, and nothing is registered."""
    answer = open_page(project, "p-8", **{name: value})
    assert answer.status == 400
    assert screen_of(answer) == "error"
    assert project.payment("p-8") is None


def test_unknown_parameters_are_signed_and_ignored(project: ProjectClient) -> None:
    """Parameters of other methods do no harm, but belong to the signature."""
    more = {"recurring": '{"id": 1}', "card_holder": "X", "billing_city": "香港", "avs": ""}
    fields = sign_fields(fields_of(project, "p-9", **more), project.secret)
    assert post_page(project, fields).status == 200
    assert post_page(project, fields | {"billing_city": "九龍"}).status == 400


@pytest.mark.parametrize("signature", ["", "x", "A" * 88, "é" * 88])
def test_wrong_signature(project: ProjectClient, signature: str) -> None:
    """Without the signature of the project nothing opens."""
    fields = fields_of(project, "p-10") | {"signature": signature}
    assert post_page(project, fields).status == 400
    assert project.payment("p-10") is None


@pytest.mark.parametrize("project_id", ["999999", "0", "-1", "abc", "9" * 40, "\uff11"])
def test_unknown_project(project: ProjectClient, project_id: str) -> None:
    """A project that does not exist is 404."""
    assert open_page(project, "p-11", project_id=project_id).status == 404


def test_switched_off_project(project: ProjectClient) -> None:
    """A project that takes no payments opens no page."""
    project.change(enabled=False)
    assert open_page(project, "p-12").status == 400
    assert open_page(project, "p-12", force_payment_method="hk-qr").status == 400


CUTS = [
    {
        "signed": {"customer_last_name": "A;payment_amount:1;payment_currency:HKD;x:y"},
        "sent": {
            "customer_last_name": "A",
            "payment_amount": "1",
            "x": "y;payment_amount:10000;payment_currency:HKD",
        },
    },
    {
        "signed": {"avs_street_address": "x", "best_before": "2020-01-01T00:00:00+00:00"},
        "sent": {"avs_street_address": "x;best_before:2020-01-01T00:00:00+00:00"},
    },
    {"signed": {"customer_phone": ":1", "z": "1"}, "sent": {"customer_phone:": "1", "z": "1"}},
]


@pytest.mark.parametrize("cut", CUTS)
def test_signed_text_is_cut_in_one_way_only(
    project: ProjectClient, cut: dict[str, dict[str, str]]
) -> None:
    """Nobody makes another price of a part of a name: `;` is refused, signed or not."""
    signed = sign_fields(fields_of(project, "cut", **cut["signed"]), project.secret)
    sent = {name: value for name, value in signed.items() if name not in cut["signed"]}
    assert post_page(project, sent | cut["sent"]).status == 400
    assert project.payment("cut") is None


def test_words_are_no_ids(project: ProjectClient) -> None:
    """`true` stands for 1 where a flag was signed, and never for an id or a sum."""
    fields = sign_fields(fields_of(project, "1", customer_id=1), project.secret)
    assert post_page(project, fields | {"payment_id": "true"}).status == 400
    assert post_page(project, fields | {"customer_id": "True"}).status == 400
    assert post_page(project, fields).status == 200


def test_body_that_is_cut_off(project: ProjectClient) -> None:
    """A body shorter than announced is answered quietly, and nothing is registered."""
    parts = urlsplit(project.platform.url)
    with socket.create_connection((parts.hostname, parts.port), timeout=10) as line:
        head = "POST /payment HTTP/1.1\r\nHost: x\r\nContent-Length: 999\r\n"
        line.sendall(f"{head}Content-Type: {FORM['Content-Type']}\r\n\r\na=1".encode())
        line.shutdown(socket.SHUT_WR)
        line.recv(4096)
    assert open_page(project, "after").status == 200


def test_order_of_refusals(project: ProjectClient) -> None:
    """An unknown project hides a wrong signature, and that hides what else is wrong."""
    bad = fields_of(project, "p-13", payment_amount="x")
    assert b"2442" in post_page(project, bad | {"project_id": "77777", "signature": "x"}).raw
    assert b"3262" in post_page(project, bad).raw
    assert b"3261" in post_page(project, bad | {"signature": "x"}).raw
    assert b"702" in post_page(project, sign_fields(bad, project.secret)).raw


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff=1",
        b"project_id=%ff",
        b"{}",
        b"project_id=1&project_id=2",
        b"a=%00",
        b"a=1&" * 400,
    ],
)
def test_unreadable_form(platform: RunningPlatform, body: bytes) -> None:
    """What is no form, or could be read in two ways, is refused with a page."""
    answer = platform.client.request("POST", "/payment", body=body, headers=FORM)
    assert answer.status == 400
    assert b"<h1>" in answer.raw


def test_other_content_types(platform: RunningPlatform) -> None:
    """JSON is for Gate."""
    assert platform.client.post("/payment", {"project_id": 1}).status == 400


def test_too_large(platform: RunningPlatform) -> None:
    """A form has a limit."""
    body = b"a=" + b"x" * 300_000
    answer = platform.client.request("POST", "/payment", body=body, headers=FORM)
    assert answer.status == 413


def test_refusal_tells_an_attacker_nothing(project: ProjectClient) -> None:
    """The page of a refusal repeats nothing that was sent."""
    answer = open_page(project, "p-14<script>", payment_amount="<img src=x>", lang="<b>")
    assert answer.status == 400
    for sent in (b"p-14", b"<img", b"<b>", project.secret.encode()):
        assert sent not in answer.raw


def test_refused_request_calls_nobody(project: ProjectClient, merchant: Merchant) -> None:
    """No callback is sent for a request that is not taken, nor for a page that is only opened."""
    project.change(page_confirm=True)
    assert open_page(project, "p-15", payment_amount="0").status == 400
    assert screen_of(open_page(project, "p-16")) == "choose"
    project.sell("p-17")
    merchant.callback("p-17", "awaiting customer action")
    assert {got.payment_id for got in merchant.received} == {"p-17"}
    assert project.payment("p-16") is None


@pytest.mark.parametrize(
    "headers", [{"Sec-Purpose": "prefetch;prerender"}, {"Purpose": "prefetch"}]
)
def test_who_looks_ahead_starts_nothing(project: ProjectClient, headers: dict[str, str]) -> None:
    """A browser that fetches the page before anybody asked sees it without a payment."""
    address = f"/payment?{query(project, 'p-18')}"
    answer = project.platform.client.request("GET", address, headers=headers)
    assert screen_of(answer) == "choose"
    assert project.platform.client.request("HEAD", address).status == 200
    assert project.payment("p-18") is None


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"payment_amount": 1_000_001}, "HK$10,000.00"),
        ({"payment_currency": "EUR"}, "€100.00"),
        ({"payment_currency": "XXQ"}, "XXQ"),
    ],
)
def test_sum_that_cannot_be_paid(
    project: ProjectClient, more: dict[str, object], told: str
) -> None:
    """The method is shown with its limits and cannot be chosen; no payment is registered."""
    answer = open_page(project, "p-19", **more)
    assert answer.status == 200
    assert screen_of(answer) == "choose"
    assert told in answer.raw.decode()
    assert b'<button class="button" data-submit>' not in answer.raw
    assert project.payment("p-19") is None


@pytest.mark.parametrize(
    ("text", "screen"),
    [
        ("2020-01-01T00:00:00+00:00", "expired"),
        ("2020-01-01T00:00:00+08", "expired"),
        ("2020-01-01T00:00:00", "expired"),
        ("2999-01-01T00:00:00+00:00", "pay"),
    ],
)
def test_best_before(project: ProjectClient, text: str, screen: str) -> None:
    """A page whose time is over says so; a time of more than 30 days ahead is no limit."""
    answer = open_page(project, "p-20", best_before=text)
    assert answer.status == 200
    assert screen_of(answer) == screen
    payment = project.payment("p-20")
    assert (payment is None) == (screen == "expired")
    if payment is not None:
        assert payment.best_before_us is None


@pytest.mark.parametrize(
    ("accept", "more", "setting", "language"),
    [
        ("", {}, "en", "en"),
        ("", {}, "zh-hant", "zh-Hant-HK"),
        ("zh-CN", {}, "en", "zh-Hans-HK"),
        ("zh-HK,en;q=0.5", {}, "en", "zh-Hant-HK"),
        ("zh-HK", {"language_code": "en"}, "zh", "en"),
        ("zh-HK", {"language_code": "ZH"}, "en", "zh-Hans-HK"),
        ("zh-HK", {"language_code": "fr"}, "zh", "en"),
    ],
)
def test_language(
    project: ProjectClient, accept: str, more: dict[str, str], setting: str, language: str
) -> None:
    """The request's language, else the browser's, else the project's; an unknown one is English."""
    project.change(page_language=setting)
    address = f"/payment?{query(project, 'p-21', **more)}"
    answer = project.platform.client.request("GET", address, headers={"Accept-Language": accept})
    assert answer.headers["content-language"] == language
    switched = project.platform.client.request("GET", f"{session_of(answer)}?lang=zh-hant")
    assert switched.headers["content-language"] == "zh-Hant-HK"


def test_headers(project: ProjectClient) -> None:
    """The policy names what the page may run by its hash, and who may frame it."""
    project.change(page_frame_ancestors="https://shop.example https://*.shop.example")
    answer = open_page(project, "p-22")
    policy = dict(
        part.strip().split(" ", 1) for part in answer.headers["content-security-policy"].split(";")
    )
    assert policy["default-src"] == "'none'"
    assert policy["frame-ancestors"] == "https://shop.example https://*.shop.example"
    for name in ("script-src", "style-src"):
        assert all(source.startswith("'sha256-") for source in policy[name].split())
    assert answer.headers["cache-control"] == "no-store"
    assert "set-cookie" not in answer.headers


def test_session_is_unguessable(project: ProjectClient) -> None:
    """An address that was not handed out is 404, and says nothing."""
    client = project.platform.client
    session = session_of(open_page(project, "p-23"))
    assert len(session.rsplit("/", 1)[1]) == 24
    for path in (session[:-1], session + "x", "/payment/s/" + "A" * 24, "/payment/s/%00"):
        for more in ("", "/state?wait=0", "/events", "/qr.png", "/logo.img"):
            assert client.request("GET", path + more).status == 404, path + more


def test_foreign_pages_change_nothing(project: ProjectClient) -> None:
    """A form on another site cannot start, repeat or leave a payment."""
    project.change(page_confirm=True)
    session = session_of(open_page(project, "p-24"))
    client = project.platform.client
    for act in ("start", "again", "leave"):
        for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}):
            answer = client.request("POST", f"{session}/{act}", body=b"", headers=headers)
            assert answer.status == 403
    assert project.payment("p-24") is None
    assert screen_of(state_of(project, session)) == "choose"


def test_generate_qr(project: ProjectClient) -> None:
    """The QR of the link opens the very same page elsewhere, and starts no payment itself."""
    fields = sign_fields(fields_of(project, "p-25"), project.secret)
    client = project.platform.client
    asked = urlencode(fields).encode()
    answer = client.request("POST", "/payment/generate-qr", body=asked, headers=FORM)
    assert answer.status == 200
    assert project.payment("p-25") is None
    image = answer.body["img_src"].removeprefix("data:image/png;base64,")
    from base64 import b64decode

    from sampan.codecs import qr_image

    (url,) = qr_image.read(b64decode(image))
    assert url == answer.body["url"]
    assert url == project.platform.url + session_of(open_page(project, "p-25"))
    for bad, status in (
        (fields | {"payment_amount": "1"}, 400),
        (fields | {"project_id": "0"}, 404),
    ):
        raw = urlencode(bad).encode()
        refused = client.request("POST", "/payment/generate-qr", body=raw, headers=FORM)
        assert (refused.status, refused.body["status"]) == (status, "error")


def test_fault_of_ours_is_a_page(project: ProjectClient, broken) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
    """A fault of ours is answered 500 with a page, and nothing is registered."""
    with broken("page_sessions"):
        answer = open_page(project, "p-26")
    assert answer.status == 500
    assert b"<h1>" in answer.raw
    assert project.payment("p-26") is None
