"""Projects in the Dashboard: the list, a new one, every setting, keys and who may do what."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from html import unescape
from typing import Any, Final
from urllib.parse import quote

import msgspec
import pytest
from sqlalchemy import select

from sampan import log
from sampan.bank.scenarios import Scenario
from sampan.dashboard.project_choices import SCENARIOS
from sampan.dashboard.project_fields import Kind, Tab
from sampan.dashboard.project_tabs import TABS
from sampan.domain.project import Project, ProjectSettings
from sampan.domain.rights import Role
from sampan.storage import projects, schema
from sampan.storage.projects import Card
from tests.support.client import Body, signed
from tests.support.logs import plain
from tests.support.merchant import Merchant
from tests.support.platform import SALE, ProjectClient, RunningPlatform
from tests.support.staff import Member, Staff, text_of

SECRET = "first secret of the project"
FIELDS: Final = {field.name: (tab, field) for tab in TABS for field in tab.fields}
OWN: Final = {"name", "callback_url"}
STRANGE: Final = (
    "茶" * 3000,
    "🍵\u202e",
    "a\0b",
    "'; DROP TABLE projects; --",
    "1e9",
    "-1",
    "٣",
    " ",
)


@pytest.fixture(scope="module")
def amy(platform: RunningPlatform) -> Member:
    """An admin at work."""
    return Staff(platform).member()


@pytest.fixture(scope="module", autouse=True)
def _far_ahead(platform: RunningPlatform) -> None:
    """Let the Dashboard give numbers that no other test takes."""
    far = Project(
        id=4_000_000, name="far", callback_url="", secrets=("s",), settings=ProjectSettings()
    )
    vault, now_us = platform.inside.vault, platform.clock.now_us()
    platform.transact(lambda tx: projects.add(tx, far, vault=vault, now_us=now_us))


@pytest.fixture
def logs() -> Iterator[None]:
    """Logs as a server writes them, which look for standard error anew."""
    log.set_up("error", "text")
    yield
    plain()


def card(platform: RunningPlatform, project_id: int) -> Card:
    """Return a project as it is kept."""
    vault, now_us = platform.inside.vault, platform.clock.now_us()
    found = platform.read(lambda tx: projects.card(tx, project_id, vault=vault, now_us=now_us))
    assert found is not None
    return found


def told(platform: RunningPlatform, project_id: int) -> list[tuple[str, str, str]]:
    """Return what, by whom and why of a project's entries in the journal, oldest first."""
    # No door shows entries without a payment yet.
    t = schema.journal
    wanted = select(t.c.what, t.c.by, t.c.why).where(
        t.c.project_id == project_id, t.c.payment.is_(None)
    )
    rows = platform.read(lambda tx: tx.query(wanted.order_by(t.c.at_us, t.c.id)))
    return [(row[0], row[1], row[2]) for row in rows]


def form_of(member: Member, path: str) -> dict[str, str]:
    """Return what a browser would send of a page's form as it stands."""
    html = member.get(path).raw.decode()
    main = re.search(r"<main.*</main>", html, re.DOTALL)
    assert main
    form = re.search(r"<form method=\"post\".*?</form>", main[0], re.DOTALL)
    assert form
    sent: dict[str, str] = {}
    for tag in re.findall(r"<input[^>]*>", form[0]):
        name = re.search(r'name="([^"]*)"', tag)
        value = re.search(r'value="([^"]*)"', tag)
        if name and ('type="checkbox"' not in tag or " checked" in tag):
            sent[name[1]] = unescape(value[1]) if value else ""
    for box in re.findall(r"<select.*?</select>", form[0], re.DOTALL):
        name = re.search(r'name="([^"]*)"', box)
        chosen = re.search(r'value="([^"]*)" selected', box)
        first = re.search(r'value="([^"]*)"', box)
        assert name
        assert first
        sent[name[1]] = unescape((chosen or first)[1])
    del sent["csrf"]
    return sent


def path_of(project: ProjectClient, name: str) -> str:
    """Return the address of the tab that has a setting."""
    return tab_path(project.id, FIELDS[name][0])


CHANGES: Final[Mapping[str, tuple[dict[str, str], object]]] = {
    "enabled": ({}, False),
    "hkd_enabled": ({}, False),
    "cny_enabled": ({}, False),
    "hkd_amount_min": ({"hkd_amount_min": "12.5"}, 1250),
    "hkd_amount_max": ({"hkd_amount_max": "1,234,567.89"}, 123_456_789),
    "cny_amount_min": ({"cny_amount_min": "3"}, 300),
    "cny_amount_max": ({"cny_amount_max": "20 000.00"}, 2_000_000),
    "qr_lifetime_s": ({"qr_lifetime_s": "2", "qr_lifetime_s.unit": "3600"}, 7200),
    "decline_after_s": ({"decline_after_s": "90", "decline_after_s.unit": "1"}, 90),
    "display_profile": ({"display_profile": "extended"}, "extended"),
    "strict_customer": ({"strict_customer": "1"}, True),
    "other_amount": ({"other_amount": "accept"}, "accept"),
    "four_eyes": ({"four_eyes": "1"}, True),
    "refunds": ({"refunds": "1"}, True),
    "refund_alone_max_minor": ({"refund_alone_max_minor": "1,500.00"}, 150_000),
    "late_accept_s": ({"late_accept_s": "3", "late_accept_s.unit": "86400"}, 259_200),
    "provider": ({"provider": "sandbox"}, "sandbox"),
    "payee_fps_id": ({"payee_fps_id": "7654321"}, "7654321"),
    "payee_name": ({"payee_name": "HARBOUR TEA"}, "HARBOUR TEA"),
    "payee_name_zh": ({"payee_name_zh": "海港茶舍"}, "海港茶舍"),
    "reference_mode": ({"reference_mode": "both"}, "both"),
    "account_rule": ({"account_rule": "turns"}, "turns"),
    "flow": ({"flow": "redirect"}, "redirect"),
    "retry_attempts_max": ({"retry_attempts_max": "3"}, 3),
    "retry_window_s": ({"retry_window_s": "1", "retry_window_s.unit": "3600"}, 3600),
    "page_confirm": ({"page_confirm": "1"}, True),
    "page_intermediate_callback": ({"page_intermediate_callback": "1"}, True),
    "page_language": ({"page_language": "zh-hant"}, "zh-hant"),
    "page_frame_ancestors": (
        {
            "page_frame_ancestors": "list",
            "page_frame_ancestors.list": "https://a.example  https://b.example",
        },
        "https://a.example https://b.example",
    ),
    "bank_app_url": (
        {"bank_app_url": "https://bank.example/fps?qr={payload}"},
        "https://bank.example/fps?qr={payload}",
    ),
    "bank_picker_url": (
        {"bank_picker_url": "https://apps.scheme.example/"},
        "https://apps.scheme.example/",
    ),
    "app_request_url": (
        {"app_request_url": "https://fps.tea.example"},
        "https://fps.tea.example",
    ),
    "sandbox_scenario": ({"sandbox_scenario": "silent"}, "silent"),
    "sandbox_autopay_ms": ({"sandbox_autopay_ms": "3", "sandbox_autopay_ms.unit": "1000"}, 3000),
    **{
        f"{way}_url": ({f"{way}_url": "https://tea.example/x?a=1"}, "https://tea.example/x?a=1")
        for way in (
            "merchant_success",
            "merchant_fail",
            "merchant_return",
            "redirect_success",
            "redirect_fail",
        )
    },
    **{
        f"merchant_{way}_enabled": ({f"merchant_{way}_enabled": "2"}, "2")
        for way in ("success", "fail", "return")
    },
    **{
        name: ({name: "blank_page"}, "blank_page")
        for name in (
            "merchant_success_redirect_mode",
            "merchant_fail_redirect_mode",
            "merchant_return_redirect_mode",
            "redirect_success_mode",
            "redirect_fail_mode",
        )
    },
}
"""Setting → what is typed for it, and what is kept then."""


def test_every_setting_on_one_tab() -> None:
    """Every setting of a project can be reached, on exactly one tab, and nothing else can."""
    names = [field.name for tab in TABS for field in tab.fields]
    assert sorted(names) == sorted([*ProjectSettings.__struct_fields__, *OWN])
    assert {field.name for _, field in FIELDS.values() if field.of_project} == OWN
    assert set(CHANGES) == set(ProjectSettings.__struct_fields__)


def test_every_setting_is_told_in_words() -> None:
    """Each has a label of its own words, and one that may be mistyped says what would fit."""
    for _, field in FIELDS.values():
        assert field.label
        assert "_" not in field.label
        assert field.fault or field.kind in {Kind.TICK, Kind.CHOICE}


def test_scenarios_are_those_of_the_bank() -> None:
    """The test bank's endings are all to be chosen."""
    assert set(SCENARIOS) == {*Scenario}


@pytest.mark.parametrize("tab", [tab for tab in TABS if tab.fields], ids=lambda tab: tab.name)
def test_settings(platform: RunningPlatform, project: ProjectClient, amy: Member, tab: Tab) -> None:
    """Every setting of a tab is changed, kept, shown again, and named in the journal."""
    names = [field.name for field in tab.fields if not field.of_project]
    path, before = tab_path(project.id, tab), card(platform, project.id).project
    sent = form_of(amy, path)
    for name in names:
        typed, _ = CHANGES[name]
        sent.pop(name) if not typed else sent.update(typed)
    answer = amy.post(path, **sent)
    assert (answer.status, answer.headers.get("location")) == (303, f"/dashboard{path}?said=saved")
    after = card(platform, project.id).project
    wanted = {name: CHANGES[name][1] for name in names}
    assert msgspec.to_builtins(after.settings) == msgspec.to_builtins(before.settings) | wanted
    assert (after.name, after.callback_url) == (before.name, before.callback_url)
    entries = told(platform, project.id)
    changed = [name for name in names if name != "provider"]
    assert len(entries) == bool(changed)
    for what, by, why in entries:
        assert (what, by) == ("project changed", amy_of(amy))
        assert sorted(pair.split("=")[0] for pair in why.split("; ")) == sorted(changed)
    # What is shown then means the same.
    assert amy.post(path, **form_of(amy, path)).status == 303
    assert card(platform, project.id).project == after


def tab_path(project_id: int | str, tab: Tab) -> str:
    """Return the address of a tab."""
    return f"/projects/{project_id}" + (f"/{tab.path}" if tab.path else "")


def amy_of(member: Member) -> str:
    """Return how the journal names a person."""
    return f"staff:{member.user.email}"


BAD: Final[tuple[tuple[str, dict[str, str]], ...]] = (
    ("name", {"name": ""}),
    ("name", {"name": "茶" * 101}),
    ("callback_url", {"callback_url": "ftp://tea.example/"}),
    ("callback_url", {"callback_url": "https://user@tea.example/"}),
    ("payee_fps_id", {"payee_fps_id": "123"}),
    ("payee_name", {"payee_name": "茶"}),
    ("payee_name", {"payee_name": ""}),
    ("payee_name_zh", {"payee_name_zh": "茶;舍"}),
    ("payee_name_zh", {"payee_name_zh": "茶\0舍"}),
    ("provider", {"provider": "swift"}),
    ("sandbox_scenario", {"sandbox_scenario": "earthquake"}),
    ("sandbox_autopay_ms", {"sandbox_autopay_ms": "2", "sandbox_autopay_ms.unit": "7"}),
    ("hkd_amount_min", {"hkd_amount_min": "1.005"}),
    ("hkd_amount_min", {"hkd_amount_min": "-1"}),
    ("hkd_amount_min", {"hkd_amount_min": "20000.00"}),
    ("cny_amount_max", {"cny_amount_max": "9" * 16}),
    ("cny_amount_max", {"cny_amount_max": ""}),
    ("qr_lifetime_s", {"qr_lifetime_s": "59", "qr_lifetime_s.unit": "1"}),
    ("qr_lifetime_s", {"qr_lifetime_s": "2", "qr_lifetime_s.unit": "86400"}),
    ("qr_lifetime_s", {"qr_lifetime_s": "1.5"}),
    ("qr_lifetime_s", {"qr_lifetime_s": ""}),
    ("decline_after_s", {"decline_after_s": "0"}),
    ("late_accept_s", {"late_accept_s": "32", "late_accept_s.unit": "86400"}),
    ("retry_attempts_max", {"retry_attempts_max": "21"}),
    ("retry_attempts_max", {"retry_attempts_max": "٣"}),
    ("page_language", {"page_language": "tlh"}),
    ("page_frame_ancestors", {"page_frame_ancestors": "list", "page_frame_ancestors.list": ""}),
    ("page_frame_ancestors", {"page_frame_ancestors": "list", "page_frame_ancestors.list": "a;b"}),
    ("page_frame_ancestors", {"page_frame_ancestors": "somebody"}),
    ("bank_app_url", {"bank_app_url": "javascript:alert(1)"}),
    ("bank_picker_url", {"bank_picker_url": "javascript:alert(1)"}),
    ("app_request_url", {"app_request_url": "https://fps.tea.example/path"}),
    ("merchant_success_url", {"merchant_success_url": "tea.example"}),
    ("redirect_fail_url", {"redirect_fail_url": "https://tea.example/a b"}),
    ("merchant_fail_enabled", {"merchant_fail_enabled": "3"}),
)


@pytest.fixture(scope="module")
def still(platform: RunningPlatform) -> ProjectClient:
    """A project that no test changes."""
    return platform.add_project("https://tea.example/callbacks", secret=SECRET)


@pytest.fixture(scope="module")
def forms(still: ProjectClient, amy: Member) -> dict[str, dict[str, str]]:
    """The form of each tab as it stands."""
    paths = [tab_path(still.id, tab) for tab in TABS if tab.fields]
    return {path: form_of(amy, path) for path in paths}


@pytest.mark.parametrize(("name", "typed"), BAD)
def test_bad_value(
    platform: RunningPlatform,
    still: ProjectClient,
    amy: Member,
    forms: dict[str, dict[str, str]],
    name: str,
    typed: dict[str, str],
) -> None:
    """A value that does not fit changes nothing, is shown again, and is told at its field."""
    path, before = path_of(still, name), card(platform, still.id)
    answer = amy.post(path, **(forms[path] | typed))
    assert answer.status == 400
    html = answer.raw.decode()
    assert f'aria-describedby="d-{name}' in html
    assert len(re.findall(r'class="error"', html)) == 1
    assert card(platform, still.id) == before
    if FIELDS[name][1].kind is Kind.TEXT and "\0" not in typed[name]:
        assert f'value="{typed[name]}"' in html


@pytest.mark.parametrize("text", STRANGE)
def test_strange_forms(amy: Member, forms: dict[str, dict[str, str]], text: str) -> None:
    """Whatever stands in all fields at once, the form is refused, and nothing breaks."""
    for path, form in forms.items():
        sent = dict.fromkeys(form, text) | {"unknown": text}
        assert amy.post(path, **sent).status in {400, 409, 413}


def test_lost_update(platform: RunningPlatform, project: ProjectClient, amy: Member) -> None:
    """Who saves over somebody else's change is shown both first, and may then save anyway."""
    path = f"/projects/{project.id}/bank"
    mine, theirs = form_of(amy, path), form_of(amy, path)
    bob = Staff(platform).member()
    assert bob.post(path, **(theirs | {"payee_name": "BOBS TEA"})).status == 303
    answer = amy.post(path, **(mine | {"payee_name": "AMYS TEA"}))
    assert answer.status == 409
    words = text_of(answer)
    assert "Somebody else has changed this project" in words
    assert "Kept meanwhile: BOBS TEA" in words
    assert words.count("Kept meanwhile:") == 1
    assert 'value="AMYS TEA"' in answer.raw.decode()
    assert card(platform, project.id).project.settings.payee_name == "BOBS TEA"
    again = re.search(r'name="updated_us" value="(\d+)"', answer.raw.decode())
    assert again
    sent = mine | {"payee_name": "AMYS TEA", "updated_us": again[1]}
    assert amy.post(path, **sent).status == 303
    assert card(platform, project.id).project.settings.payee_name == "AMYS TEA"


@pytest.mark.parametrize("seen", ["", "x", "-1", "9" * 30])
def test_form_without_its_time(project: ProjectClient, amy: Member, seen: str) -> None:
    """A form that does not say what it was made from is taken for an old one."""
    path = f"/projects/{project.id}"
    assert amy.post(path, **(form_of(amy, path) | {"updated_us": seen})).status == 409


def test_wrong_field_keeps_the_guard(
    platform: RunningPlatform, project: ProjectClient, amy: Member
) -> None:
    """A form shown again for a wrong field does not forget what its person has seen."""
    path = f"/projects/{project.id}/bank"
    mine = form_of(amy, path)
    amy.post(path, **(mine | {"payee_name": "OTHER"}))
    answer = amy.post(path, **(mine | {"payee_fps_id": "1"}))
    assert f'name="updated_us" value="{mine["updated_us"]}"' in answer.raw.decode()
    assert card(platform, project.id).updated_us != int(mine["updated_us"])


def test_change_is_seen_at_the_gate(
    platform: RunningPlatform, project: ProjectClient, amy: Member
) -> None:
    """A project that is switched off in the Dashboard takes no sale."""
    path = f"/projects/{project.id}"
    sent = form_of(amy, path)
    del sent["enabled"]
    amy.post(path, **sent)
    platform.clock.advance(1)
    answer = project.post(SALE, project.sale_body("off-1"))
    assert (answer.status, answer.body["code"]) == (400, "310")


def test_list(platform: RunningPlatform, merchant: Merchant, amy: Member) -> None:
    """The list says of each project what it is, what it takes and where its callbacks go."""
    one = platform.add_project(merchant.url, secret=SECRET, cny_enabled=False)
    two = platform.add_project("", secret=SECRET, enabled=False, provider="fps")
    words = text_of(amy.get("/projects"))
    assert f"project {one.id} {one.id} Test HKD {merchant.url} On" in words
    assert f"project {two.id} {two.id} Live HKD, CNY – Off" in words


NEW: Final = {
    "name": "Peak Snacks 山頂小食",
    "provider": "sandbox",
    "payee_fps_id": "1234567",
    "payee_name": "PEAK SNACKS",
    "payee_name_zh": "山頂小食",
    "callback_url": "",
}


def shown_secret(answer_html: str) -> str:
    """Return the one secret that a page shows."""
    (found,) = set(re.findall(r"<code>([0-9a-f]{64})</code>", answer_html))
    return str(found)


def test_new_project(platform: RunningPlatform, merchant: Merchant, amy: Member) -> None:
    """A new project sells at once with the secret that its page shows once."""
    free = form_of(amy, "/projects/new")["id"]
    answer = amy.post("/projects/new", **(NEW | {"callback_url": merchant.url, "id": free}))
    assert answer.status == 200
    assert answer.headers["cache-control"] == "no-store"
    secret, made = shown_secret(answer.raw.decode()), card(platform, int(free)).project
    assert made.secrets == (secret,)
    assert (made.name, made.callback_url) == (NEW["name"], merchant.url)
    assert made.settings.payee_name_zh == "山頂小食"
    assert told(platform, made.id) == [("project added", amy_of(amy), NEW["name"])]
    shown = re.search(r"<pre[^>]*>(.*?)</pre>", answer.raw.decode(), re.DOTALL)
    assert shown
    command = unescape(shown[1])
    body = re.search(r"'(\{.*\})'", command)
    assert body
    assert secret not in command
    merchant.secrets = (secret,)
    sold = platform.client.request("POST", SALE, body=body[1].encode())
    assert (sold.status, sold.body["status"]) == (200, "success")
    merchant.callback("first-payment", "awaiting customer action")


def test_new_project_sent_twice(amy: Member) -> None:
    """A form that is sent twice adds one project: its number is taken the second time."""
    sent = NEW | {"id": form_of(amy, "/projects/new")["id"]}
    assert amy.post("/projects/new", **sent).status == 200
    answer = amy.post("/projects/new", **sent)
    assert answer.status == 400
    assert "Another project has this number." in text_of(answer)
    assert NEW["name"] in answer.raw.decode()


def test_new_project_takes_the_next_number(platform: RunningPlatform, amy: Member) -> None:
    """Without a number the one after the highest is taken."""
    free = int(form_of(amy, "/projects/new")["id"])
    assert amy.post("/projects/new", **NEW, id="").status == 200
    assert card(platform, free).project.name == NEW["name"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("id", "0"),
        ("id", "4294967296"),
        ("id", "x"),
        ("id", "\uff19"),
        ("id", "9" * 5000),
        ("name", ""),
        ("payee_name", ""),
        ("provider", "nobody"),
        ("callback_url", "http://"),
    ],
)
def test_bad_new_project(amy: Member, name: str, text: str) -> None:
    """A new project with something wrong is not added, and told what."""
    answer = amy.post("/projects/new", **(NEW | {"id": "", name: text}))
    assert answer.status == 400
    assert f'aria-describedby="d-{name}"' in answer.raw.decode()


@pytest.fixture
def eve(platform: RunningPlatform) -> Member:
    """An admin whose session is new: other tests let days go by."""
    return Staff(platform).member()


def try_sale(project: ProjectClient, payment_id: str, secret: str) -> int:
    """Send a sale signed with a secret; return the HTTP status."""
    body: Body = signed(project.sale_body(payment_id), secret)
    return project.platform.client.post(SALE, body).status


@pytest.mark.parametrize(("overlap_s", "hours"), [("3600", 1), ("604800", 168)])
def test_overlap_of_secrets(
    platform: RunningPlatform, eve: Member, overlap_s: str, hours: int
) -> None:
    """The old secret verifies as long as was chosen and no longer; the new one at once."""
    # Without callbacks: their payments go on while the hours go by.
    project = platform.add_project("", secret=SECRET)
    path = f"/projects/{project.id}/keys"
    answer = eve.post(path, **(form_of_keys(eve, path) | {"overlap_s": overlap_s}))
    new = shown_secret(answer.raw.decode())
    platform.clock.advance(1)
    assert try_sale(project, "new-1", new) == 200
    assert try_sale(project, "old-1", SECRET) == 200
    platform.clock.advance(hours * 3600 - 60)
    assert try_sale(project, "old-2", SECRET) == 200
    platform.clock.advance(61)
    assert try_sale(project, "old-3", SECRET) == 400
    assert try_sale(project, "new-2", new) == 200
    assert told(platform, project.id)[-1][0] == "key rotated"


def form_of_keys(member: Member, path: str) -> dict[str, str]:
    """Return the form that makes a new key."""
    html = member.get(path).raw.decode()
    seen = re.search(r'name="secret_set_us" value="(\d+)"', html)
    assert seen
    return {"secret_set_us": seen[1]}


def test_no_overlap(
    platform: RunningPlatform, project: ProjectClient, merchant: Merchant, eve: Member
) -> None:
    """Without an overlap the old secret stops at once, and callbacks have one signature."""
    path = f"/projects/{project.id}/keys"
    answer = eve.post(path, **(form_of_keys(eve, path) | {"overlap_s": "0"}))
    new = shown_secret(answer.raw.decode())
    merchant.secrets = (new,)
    platform.clock.advance(1)
    assert try_sale(project, "old", SECRET) == 400
    assert try_sale(project, "new", new) == 200
    merchant.callback("new", "awaiting customer action")
    assert card(platform, project.id).previous_until_us is None


def test_end_of_overlap(platform: RunningPlatform, project: ProjectClient, eve: Member) -> None:
    """The old secret can be ended before its time; a second time does nothing."""
    path = f"/projects/{project.id}/keys"
    eve.post(path, **(form_of_keys(eve, path) | {"overlap_s": "604800"}))
    platform.clock.advance(1)
    assert "Still good" in text_of(eve.get(path))
    for _ in range(2):
        answer = eve.post(f"{path}/end-overlap")
        assert answer.headers["location"] == f"/dashboard{path}?said=key-ended"
    platform.clock.advance(1)
    assert try_sale(project, "old", SECRET) == 400
    assert [what for what, *_ in told(platform, project.id)] == ["key rotated", "old key ended"]


def test_rotation_sent_twice(
    platform: RunningPlatform, project: ProjectClient, eve: Member
) -> None:
    """The same form a second time does not push out the secret that shops still use."""
    path = f"/projects/{project.id}/keys"
    sent = form_of_keys(eve, path) | {"overlap_s": "86400"}
    first = shown_secret(eve.post(path, **sent).raw.decode())
    answer = eve.post(path, **sent)
    assert answer.status == 409
    assert first not in answer.raw.decode()
    assert card(platform, project.id).project.secrets == (first, SECRET)


@pytest.mark.parametrize("overlap", ["", "1", "-1", "9" * 40, "一天"])
def test_bad_overlap(
    platform: RunningPlatform, project: ProjectClient, eve: Member, overlap: str
) -> None:
    """An overlap that is not offered changes nothing."""
    path = f"/projects/{project.id}/keys"
    assert eve.post(path, **(form_of_keys(eve, path) | {"overlap_s": overlap})).status == 400
    assert card(platform, project.id).project.secrets == (SECRET,)


def test_secrets_are_shown_nowhere(
    platform: RunningPlatform, project: ProjectClient, eve: Member
) -> None:
    """No page but the one answer shows a secret, and neither does the journal."""
    base = f"/projects/{project.id}"
    keys = f"{base}/keys"
    new = shown_secret(
        eve.post(keys, **(form_of_keys(eve, keys) | {"overlap_s": "3600"})).raw.decode()
    )
    paths = [base, *(f"{base}/{tab.path}" for tab in TABS if tab.path), "/projects"]
    paths += [f"{base}/callbacks/rules/new", f"{base}/design/preview", "/projects/new"]
    pages = [eve.get(path).raw.decode() for path in paths]
    pages.append(eve.post(base, **(form_of(eve, base) | {"payee_fps_id": "1"})).raw.decode())
    pages.append(eve.post(keys, overlap_s="x").raw.decode())
    t = schema.projects
    kept = select(t.c.secret_sealed, t.c.secret_previous_sealed).where(t.c.id == project.id)
    hidden = [new, SECRET, *platform.read(lambda tx: tx.query(kept))[0]]
    for text in [*pages, *(" ".join(entry) for entry in told(platform, project.id))]:
        assert not any(secret in text for secret in hidden)


@pytest.mark.usefixtures("logs")
def test_faults_show_no_secret(
    project: ProjectClient,
    eve: Member,
    broken: Callable[[str], Any],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Where the database fails in the middle, neither page nor log has a secret."""
    path = f"/projects/{project.id}/keys"
    sent = form_of_keys(eve, path) | {"overlap_s": "0"}
    with broken("journal"):
        answer = eve.post(path, **sent)
    assert answer.status == 500
    said = answer.raw.decode() + "".join(capsys.readouterr())
    assert SECRET not in said
    assert set(re.findall(r"[0-9a-f]{64}", said)) == {eve.csrf}


@pytest.mark.parametrize("role", [Role.SUPPORT, Role.RISKS])
def test_who_only_looks(platform: RunningPlatform, project: ProjectClient, role: Role) -> None:
    """Who may not change projects sees them without a form or a button for it."""
    viewer = Staff(platform).member(role)
    for tab in TABS:
        path = tab_path(project.id, tab)
        answer = viewer.get(path)
        assert answer.status == 200
        main = answer.raw.decode().split("<main", 1)[1]
        assert '<form method="post"' not in main
        assert "/new" not in main
    assert "/projects/new" not in viewer.get("/projects").raw.decode()


@pytest.mark.parametrize("bad", ["0", "999999999", "x", "-1", "1.5", "9" * 5000, "%00", "\uff11"])
def test_no_such_project(amy_again: Member, bad: str) -> None:
    """A number of no project is answered 404, whatever it is."""
    assert amy_again.get(f"/projects/{quote(bad, safe='%')}/methods").status == 404


def test_no_such_project_anywhere(amy_again: Member) -> None:
    """Every tab of no project is answered 404, and so is its form."""
    for tab in TABS:
        assert amy_again.get(tab_path(999_999_999, tab)).status == 404
        assert amy_again.post(tab_path(999_999_999, tab), overlap_s="0").status == 404


@pytest.fixture(scope="module")
def amy_again(platform: RunningPlatform) -> Member:
    """An admin at work, after the days of other tests."""
    return Staff(platform).member()


def test_languages(project: ProjectClient, eve: Member) -> None:
    """Every tab can be read in Chinese too."""
    for tab in TABS:
        path = tab_path(project.id, tab)
        assert eve.get(path, lang="zh-hant").headers["content-language"] == "zh-Hant-HK"


def test_twice_at_once(platform: RunningPlatform, project: ProjectClient, eve: Member) -> None:
    """Of two forms made from the same state, sent at once, one is saved and one is told."""
    from concurrent.futures import ThreadPoolExecutor

    path = f"/projects/{project.id}/bank"
    sent = form_of(eve, path)
    assert eve.csrf
    with ThreadPoolExecutor(2) as pool:
        names = ["ONE", "TWO"]
        answers = list(pool.map(lambda n: eve.post(path, **(sent | {"payee_name": n})), names))
    assert sorted(answer.status for answer in answers) == [303, 409]
    (won,) = [n for n, answer in zip(names, answers, strict=True) if answer.status == 303]
    assert card(platform, project.id).project.settings.payee_name == won


def test_kept_choice_stays(platform: RunningPlatform, merchant: Merchant, eve: Member) -> None:
    """A provider that is no longer installed stays chosen until somebody chooses another."""
    one = platform.add_project(merchant.url, secret=SECRET, provider="formerbank")
    path = f"/projects/{one.id}/bank"
    assert eve.post(path, **form_of(eve, path)).status == 303
    assert card(platform, one.id).project.settings.provider == "formerbank"
