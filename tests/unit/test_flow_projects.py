"""Projects and designs are changed one after another, and the journal says what was done."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest
from rich.pretty import pretty_repr
from sqlalchemy import select

from sampan.domain.callback_rules import RULES_MAX, CallbackRule
from sampan.domain.look import Look, Picture
from sampan.domain.project import Project, ProjectSettings
from sampan.errors import Refusal
from sampan.flow import designs
from sampan.flow import projects as flow
from sampan.flow.projects import Act, Meanwhile, Rotation, RuleEdit
from sampan.storage import projects, schema
from sampan.storage.engine import Conflict
from sampan.storage.page_styles import Style
from sampan.storage.projects import Card, NewSecret
from sampan.storage.vault import Vault
from tests.support.flow_world import PROJECT_ID, FlowWorld, open_world

BY = "staff:amy@tea.example"
OLD = "a secret of the tea house"
RULE = CallbackRule(id=0, url="https://a.example/1", result="success")


@pytest.fixture
def world(database_url: str) -> Iterator[FlowWorld]:
    """A platform without doors, on either engine."""
    with open_world(database_url) as made:
        yield made


def act(world: FlowWorld) -> Act:
    """Something that Amy does now."""
    return Act(world.next_us(), BY, Vault("a master key for tests", world.clock))


def card(world: FlowWorld) -> Card:
    """The project as it is kept."""
    done = act(world)
    return world.do(lambda tx: flow.hold(tx, PROJECT_ID, act=done))


def told(world: FlowWorld) -> list[tuple[str, str]]:
    """What the journal has of the project; every entry is Amy's."""
    t = schema.journal
    rows = world.do(
        lambda tx: tx.query(select(t.c.what, t.c.why, t.c.by).order_by(t.c.at_us, t.c.id))
    )
    assert {row[2] for row in rows} <= {BY}
    return [(row[0], row[1]) for row in rows]


def renamed(before: Project) -> Project:
    """The project under another name."""
    return msgspec.structs.replace(before, name="Harbour")


def changed(before: Project) -> Project:
    """The project with three other settings."""
    settings = msgspec.structs.replace(
        before.settings, enabled=False, decline_after_s=90, payee_name_zh="茶"
    )
    return msgspec.structs.replace(before, settings=settings)


def test_change(world: FlowWorld) -> None:
    """What differs stands in the journal, old and new."""
    done = act(world)
    after = world.do(lambda tx: flow.change(tx, PROJECT_ID, edit=changed, act=done))
    assert isinstance(after, Card)
    kept = card(world)
    assert (kept.project, kept.updated_us) == (after.project, after.updated_us)
    assert told(world) == [
        (
            "project changed",
            "enabled=true → false; decline_after_s=empty → 90; payee_name_zh=empty → 茶",
        )
    ]


def test_change_of_nothing(world: FlowWorld) -> None:
    """Nothing is written where nothing differs."""
    before, done = card(world), act(world)
    world.do(lambda tx: flow.change(tx, PROJECT_ID, edit=lambda one: one, act=done))
    assert card(world) == before
    assert told(world) == []


def test_change_after_somebody_else(world: FlowWorld) -> None:
    """Who saw the project before somebody else's change writes nothing."""
    seen_us, first, second = card(world).updated_us, act(world), act(world)
    world.do(lambda tx: flow.change(tx, PROJECT_ID, edit=renamed, act=first, seen_us=seen_us))
    late = world.do(
        lambda tx: flow.change(tx, PROJECT_ID, edit=changed, act=second, seen_us=seen_us)
    )
    assert isinstance(late, Meanwhile)
    assert late.card.project.name == "Harbour"
    assert card(world).project.settings.enabled


def test_clock_set_back(world: FlowWorld) -> None:
    """Two changes are told apart though the clock did not go on."""
    before = card(world)
    early = msgspec.structs.replace(before, updated_us=before.updated_us)
    done = Act(before.updated_us - 10, BY, act(world).vault)
    after = world.do(lambda tx: flow.change(tx, PROJECT_ID, edit=renamed, act=done))
    assert isinstance(after, Card)
    assert after.updated_us > early.updated_us


def test_no_such_project(world: FlowWorld) -> None:
    """What is done to no project is refused."""
    done = act(world)
    with pytest.raises(Refusal) as refused:
        world.do(lambda tx: flow.change(tx, 999, edit=renamed, act=done))
    assert refused.value.http_status == 404


def test_add(world: FlowWorld) -> None:
    """A project is added once; the next number is the one after the highest."""
    number = world.do(flow.next_id)
    assert number == PROJECT_ID + 1
    new = Project(
        id=number, name="New", callback_url="", secrets=("hush",), settings=ProjectSettings()
    )
    done = act(world)
    world.do(lambda tx: flow.add(tx, new, act=done))
    with pytest.raises(Conflict):
        world.do(lambda tx: flow.add(tx, new, act=done))
    assert told(world) == [("project added", "New")]
    found = world.do(lambda tx: projects.find(tx, number, vault=done.vault, now_us=done.now_us))
    assert found == new


def test_no_number_is_left(world: FlowWorld) -> None:
    """Past the last number one must be given."""
    last = Project(
        id=flow.ID_MAX, name="", callback_url="", secrets=("s",), settings=ProjectSettings()
    )
    done = act(world)
    world.do(lambda tx: flow.add(tx, last, act=done))
    with pytest.raises(Refusal, match="no id is left"):
        world.do(flow.next_id)


def test_rotate(world: FlowWorld) -> None:
    """The new secret comes first; the old one stays as long as asked; neither is told."""
    done = act(world)
    rotation = Rotation(secret="the new one", overlap_s=60)
    after = world.do(lambda tx: flow.rotate(tx, PROJECT_ID, rotation=rotation, act=done))
    assert isinstance(after, Card)
    assert after.project.secrets == ("the new one",)
    kept = card(world)
    assert kept.project.secrets == ("the new one", OLD)
    assert kept.previous_until_us == after.previous_until_us == done.now_us + 60_000_000
    assert kept.secret_set_us == after.secret_set_us == done.now_us
    world.clock.advance(60_000_000)
    assert card(world).project.secrets == ("the new one",)
    assert card(world).previous_until_us is None
    ((what, why),) = told(world)
    assert (what, why[:26]) == ("key rotated", "the old key verifies until")
    new = NewSecret(secret="the new one", set_us=1, previous_until_us=2)
    for holder in (rotation, new, card(world)):
        assert "new one" not in repr(holder) + pretty_repr(holder)


def test_rotate_without_overlap(world: FlowWorld) -> None:
    """Without an overlap the old secret is good no longer."""
    done, rotation = act(world), Rotation(secret="new", overlap_s=0)
    after = world.do(lambda tx: flow.rotate(tx, PROJECT_ID, rotation=rotation, act=done))
    assert isinstance(after, Card)
    assert after.previous_until_us is None
    assert card(world).project.secrets == ("new",)
    assert told(world) == [("key rotated", "the old key verifies no longer")]


def test_rotate_twice(world: FlowWorld) -> None:
    """A second time by the same form does nothing."""
    seen_us, done = card(world).secret_set_us, act(world)
    rotation = Rotation(secret="new", overlap_s=60, seen_us=seen_us)
    again = msgspec.structs.replace(rotation, secret="newer")
    world.do(lambda tx: flow.rotate(tx, PROJECT_ID, rotation=rotation, act=done))
    late = world.do(lambda tx: flow.rotate(tx, PROJECT_ID, rotation=again, act=done))
    assert isinstance(late, Meanwhile)
    assert card(world).project.secrets == ("new", OLD)


def test_end_overlap(world: FlowWorld) -> None:
    """The old secret ends at once; where there is none, nothing is done."""
    rotation = Rotation(secret="new", overlap_s=60)
    done = act(world)
    world.do(lambda tx: flow.end_overlap(tx, PROJECT_ID, act=done))
    world.do(lambda tx: flow.rotate(tx, PROJECT_ID, rotation=rotation, act=done))
    world.do(lambda tx: flow.end_overlap(tx, PROJECT_ID, act=done))
    assert card(world).project.secrets == ("new",)
    assert [what for what, _ in told(world)].count("old key ended") == 1


def edit(world: FlowWorld, rule_id: int, to: RuleEdit) -> None:
    """Do something to a rule."""
    done = act(world)
    world.do(lambda tx: flow.edit_rule(tx, PROJECT_ID, rule_id, to=to, act=done))


def test_rules(world: FlowWorld) -> None:
    """A rule is added behind the others, switched, and removed; a repeat writes nothing."""
    done = act(world)
    one = world.do(lambda tx: flow.add_rule(tx, PROJECT_ID, RULE, act=done))
    two = world.do(lambda tx: flow.add_rule(tx, PROJECT_ID, RULE, act=done))
    assert one.id != two.id
    edits = (RuleEdit.ON, RuleEdit.OFF, RuleEdit.OFF, RuleEdit.ON, RuleEdit.REMOVE)
    seen = []
    for to in edits:
        edit(world, one.id, to)
        seen.append([rule.enabled for rule in card(world).project.callback_rules])
    assert seen == [[True, True], [False, True], [False, True], [True, True], [True]]
    assert card(world).project.callback_rules == (two,)
    assert [what for what, _ in told(world)][2:] == [
        "callback rule switched off",
        "callback rule switched on",
        "callback rule removed",
    ]
    assert told(world)[-1][1] == f"{one.id}: any / success / any → https://a.example/1"
    with pytest.raises(Refusal) as refused:
        edit(world, one.id, RuleEdit.ON)
    assert refused.value.http_status == 404


def test_too_many_rules(world: FlowWorld) -> None:
    """Rules have a bound."""
    full = [msgspec.structs.replace(RULE, id=number) for number in range(RULES_MAX)]
    world.do(lambda tx: projects.set_rules(tx, PROJECT_ID, full))
    done = act(world)
    with pytest.raises(Refusal, match="at most 100 rules"):
        world.do(lambda tx: flow.add_rule(tx, PROJECT_ID, RULE, act=done))


def style(number: int = 0, **look: object) -> Style:
    """A style with a look."""
    return Style(number=number, name="", look=msgspec.convert(look, Look), updated_us=0)


def keep(world: FlowWorld, one: Style) -> None:
    """Keep a style."""
    done = act(world)
    world.do(lambda tx: designs.keep(tx, PROJECT_ID, one, act=done))


def test_designs(world: FlowWorld) -> None:
    """A design is kept, changed and removed, each told; a repeat writes nothing."""
    picture, other = Picture("image/png", b"a"), Picture("image/png", b"b")
    steps = [
        style(),
        style(title="Tea", accent="#8a2be2"),
        style(title="Tea", accent="#8a2be2"),
        msgspec.structs.replace(style(title="Tea"), name="Red", look=Look(logo=picture)),
        msgspec.structs.replace(style(), look=Look(logo=other, artwork=picture)),
        msgspec.structs.replace(style(), look=Look(artwork=picture)),
    ]
    for one in steps:
        keep(world, one)
    done = act(world)
    removed = [world.do(lambda tx: designs.remove(tx, PROJECT_ID, 0, act=done)) for _ in range(2)]
    assert removed == [True, False]
    assert told(world) == [
        ("page design changed", "design 0; added"),
        ("page design changed", "design 0; title=empty → Tea; accent=empty → #8a2be2"),
        (
            "page design changed",
            "design 0; name=empty → Red; title=Tea → empty; accent=#8a2be2 → empty; logo added",
        ),
        ("page design changed", "design 0; name=Red → empty; logo changed; artwork added"),
        ("page design changed", "design 0; logo removed"),
        ("page design removed", "design 0"),
    ]


def test_design_after_somebody_else(world: FlowWorld) -> None:
    """Who saw a design before somebody else's change writes nothing."""
    done = act(world)
    first = world.do(lambda tx: designs.keep(tx, PROJECT_ID, style(), act=done, seen_us=0))
    assert first is not None
    late = style(title="late")
    assert world.do(lambda tx: designs.keep(tx, PROJECT_ID, late, act=done, seen_us=0)) is None
    seen_us = first.updated_us
    assert world.do(lambda tx: designs.keep(tx, PROJECT_ID, late, act=done, seen_us=seen_us))


def test_too_many_designs(world: FlowWorld) -> None:
    """Designs have a bound; those that are there may still be changed."""
    for number in range(designs.STYLES_MAX):
        keep(world, style(number))
    with pytest.raises(Refusal, match="at most 50 designs"):
        keep(world, style(999))
    keep(world, style(3, title="x"))
    assert told(world)[-1][1] == "design 3; title=empty → x"
