"""Callback rules in the Dashboard: made, switched, removed, and callbacks go by them."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from sampan.domain.callback_rules import RULES_MAX, CallbackRule
from sampan.domain.rights import Role
from sampan.storage import projects
from tests.support.client import assert_good_callback
from tests.support.merchant import Merchant
from tests.support.platform import ProjectClient, RunningPlatform
from tests.support.staff import Member, Staff, text_of

SECRET = "first secret of the project"


@pytest.fixture(scope="module")
def amy(platform: RunningPlatform) -> Member:
    """An admin at work."""
    return Staff(platform).member()


@pytest.fixture
def other(platform: RunningPlatform) -> Iterator[Merchant]:
    """Another receiver of the same merchant."""
    made = Merchant(secrets=[SECRET], clock=lambda: platform.clock.now_us() / 1e6)
    try:
        yield made
    finally:
        made.close()
    for got in made.received:
        assert_good_callback(got)


def rules_of(platform: RunningPlatform, project: ProjectClient) -> tuple[CallbackRule, ...]:
    """Return the rules as kept."""
    vault, now_us = platform.inside.vault, platform.clock.now_us()
    found = platform.read(lambda tx: projects.find(tx, project.id, vault=vault, now_us=now_us))
    assert found is not None
    return found.callback_rules


def base(project: ProjectClient) -> str:
    """Return the address of the tab."""
    return f"/projects/{project.id}/callbacks"


def add(member: Member, project: ProjectClient, url: str, **kinds: str) -> None:
    """Add a rule through its form."""
    answer = member.post(f"{base(project)}/rules/new", url=url, **kinds)
    assert answer.headers["location"] == f"/dashboard{base(project)}?said=rule-added"


def test_callbacks_go_by_rules(
    platform: RunningPlatform,
    project: ProjectClient,
    merchant: Merchant,
    other: Merchant,
    amy: Member,
) -> None:
    """Final results go to the rule's address, all else to the project's; off means off."""
    add(amy, project, other.url, payment_type="purchase", result="success", method="hk-qr")
    platform.clock.advance(1)
    project.sell("ruled-1")
    shown = merchant.callback("ruled-1", "awaiting customer action")
    platform.bank.act(shown.body["qr"]["payload"], "pay")
    other.callback("ruled-1", "success")
    (rule,) = rules_of(platform, project)
    assert "Paid" in text_of(amy.get(base(project)))
    answer = amy.post(f"{base(project)}/rules/{rule.id}", to="off")
    assert answer.headers["location"].endswith("?said=rule-changed")
    platform.clock.advance(1)
    project.sell("ruled-2")
    shown = merchant.callback("ruled-2", "awaiting customer action")
    platform.bank.act(shown.body["qr"]["payload"], "pay")
    merchant.callback("ruled-2", "success")
    assert other.of("ruled-2") == []


def test_the_request_wins(
    platform: RunningPlatform,
    project: ProjectClient,
    merchant: Merchant,
    other: Merchant,
    amy: Member,
) -> None:
    """An address in the request wins over every rule."""
    add(amy, project, "https://nowhere.example/callbacks")
    platform.clock.advance(1)
    project.sell("asked-1", general={"merchant_callback_url": other.url})
    other.callback("asked-1", "awaiting customer action")
    assert merchant.of("asked-1") == []


def test_switch_and_remove(platform: RunningPlatform, project: ProjectClient, amy: Member) -> None:
    """A rule is switched and removed; a repeat changes nothing; the journal tells each once."""
    add(amy, project, "https://a.example/1")
    add(amy, project, "https://a.example/2", result="error")
    first, second = rules_of(platform, project)
    assert (second.url, second.result, second.payment_type) == ("https://a.example/2", "error", "")
    path = f"{base(project)}/rules/{first.id}"
    for to in ("off", "off", "on"):
        assert amy.post(path, to=to).status == 303
    assert rules_of(platform, project) == (first, second)
    assert amy.post(path, to="remove").headers["location"].endswith("?said=rule-removed")
    assert rules_of(platform, project) == (second,)
    assert amy.post(path, to="remove").status == 404


def test_settings_keep_rules(
    platform: RunningPlatform, project: ProjectClient, amy: Member
) -> None:
    """Saving the usual address leaves the rules alone, and the other way round."""
    html = amy.get(base(project)).raw.decode()
    seen = re.search(r'name="updated_us" value="(\d+)"', html)
    assert seen
    add(amy, project, "https://a.example/1")
    answer = amy.post(base(project), updated_us=seen[1], callback_url="https://b.example/usual")
    assert answer.status == 303
    assert [rule.url for rule in rules_of(platform, project)] == ["https://a.example/1"]
    assert "https://b.example/usual" in amy.get(base(project)).raw.decode()


@pytest.mark.parametrize(
    ("typed", "at"),
    [
        ({"url": ""}, "url"),
        ({"url": "ftp://a.example/"}, "url"),
        ({"url": "https://a.example/\0"}, "url"),
        ({"url": "https://a.example/" + "x" * 3000}, "url"),
        ({"url": "https://a.example", "result": "maybe"}, "result"),
        ({"url": "https://a.example", "payment_type": "禮物"}, "payment_type"),
        ({"url": "https://a.example", "method": "card"}, "method"),
    ],
)
def test_bad_rule(
    platform: RunningPlatform, project: ProjectClient, amy: Member, typed: dict[str, str], at: str
) -> None:
    """A rule with something wrong is not added, and told at its field."""
    answer = amy.post(f"{base(project)}/rules/new", **typed)
    assert answer.status == 400
    assert f'class="error" id="d-{at}"' in answer.raw.decode()
    assert rules_of(platform, project) == ()


def test_too_many_rules(platform: RunningPlatform, project: ProjectClient, amy: Member) -> None:
    """Rules have a bound; past it the page says so and offers no further one."""
    full = [CallbackRule(id=n + 1, url=f"https://a.example/{n}") for n in range(RULES_MAX)]
    platform.transact(lambda tx: projects.set_rules(tx, project.id, full))
    answer = amy.post(f"{base(project)}/rules/new", url="https://a.example/more")
    assert answer.status == 409
    assert len(rules_of(platform, project)) == RULES_MAX
    assert "rules/new" not in amy.get(base(project)).raw.decode()


@pytest.mark.parametrize("bad", ["0", "x", "9" * 5000, "-1", "%00"])
def test_no_such_rule(project: ProjectClient, amy: Member, bad: str) -> None:
    """A rule that is not there is answered 404, whatever it is called."""
    assert amy.post(f"{base(project)}/rules/{bad}", to="off").status == 404


def test_rules_of_other_projects(
    platform: RunningPlatform, project: ProjectClient, amy: Member
) -> None:
    """The id of another project's rule does nothing."""
    add(amy, project, "https://a.example/1")
    (rule,) = rules_of(platform, project)
    elsewhere = platform.add_project("", secret=SECRET)
    answer = amy.post(f"{base(elsewhere)}/rules/{rule.id}", to="remove")
    assert answer.status == 404
    assert rules_of(platform, project) == (rule,)


@pytest.mark.parametrize("to", ["", "upside down", "ON"])
def test_unknown_wish(
    platform: RunningPlatform, project: ProjectClient, amy: Member, to: str
) -> None:
    """What cannot be done to a rule is not done."""
    add(amy, project, "https://a.example/1")
    (rule,) = rules_of(platform, project)
    assert amy.post(f"{base(project)}/rules/{rule.id}", to=to).status == 404
    assert rules_of(platform, project) == (rule,)


def test_two_rules_at_once(platform: RunningPlatform, project: ProjectClient, amy: Member) -> None:
    """Rules that two people add at the same moment are both kept."""
    from concurrent.futures import ThreadPoolExecutor

    assert amy.csrf
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda n: add(amy, project, f"https://a.example/{n}"), range(6)))
    kept = rules_of(platform, project)
    assert {rule.url for rule in kept} == {f"https://a.example/{n}" for n in range(6)}
    assert len({rule.id for rule in kept}) == 6


def test_viewers_see_rules(platform: RunningPlatform, project: ProjectClient, amy: Member) -> None:
    """Who may not change projects sees the rules without buttons."""
    add(amy, project, "https://a.example/1", result="decline")
    viewer = Staff(platform).member(Role.SUPPORT)
    answer = viewer.get(base(project))
    assert "Declined" in text_of(answer)
    assert "https://a.example/1" in answer.raw.decode()
    assert 'name="to"' not in answer.raw.decode()
