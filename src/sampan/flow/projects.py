"""Projects are added and changed; the journal says by whom and what, and never a secret.

Each use case takes hold of its project first, so that nobody's change is lost.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import msgspec

from sampan.domain.callback import wire_time
from sampan.domain.callback_rules import RULES_MAX, CallbackRule
from sampan.domain.codes import Code
from sampan.domain.project import Project, differences
from sampan.errors import Refusal
from sampan.storage import journal, projects
from sampan.storage.engine import Tx
from sampan.storage.journal import Entry
from sampan.storage.projects import Card, NewSecret
from sampan.storage.vault import Vault

SECRET_BYTES: Final = 32
OVERLAP_S_MAX: Final = 31 * 86_400
ID_MAX: Final = 4_294_967_295
OPERATOR: Final = "staff:operator"
"""Who changes projects at the command line: whoever owns the machine."""
_SECOND_US: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Act:
    """Something that somebody does to a project: when, who, and what seals its secrets."""

    now_us: int
    by: str
    vault: Vault


class Meanwhile(msgspec.Struct, frozen=True):
    """Somebody else has changed the project since it was read; nothing was written."""

    card: Card


def add(tx: Tx, project: Project, *, act: Act) -> None:
    """Add a project. Raises `Conflict` when the id is taken."""
    projects.add(tx, project, vault=act.vault, now_us=act.now_us)
    note(tx, project.id, "project added", act=act, why=project.name)


def next_id(tx: Tx) -> int:
    """Return the id after the highest one. Raises `Refusal` where there is none."""
    highest = projects.highest_id(tx)
    if highest >= ID_MAX:
        raise Refusal(Code.MALFORMED_REQUEST, "no id is left; give one", http_status=409)
    return highest + 1


def change(
    tx: Tx,
    project_id: int,
    *,
    edit: Callable[[Project], Project],
    act: Act,
    seen_us: int | None = None,
) -> Card | Meanwhile:
    """Write what `edit` makes of the name, address and settings of a project; return it.

    `seen_us` is the `updated_us` of what the person saw; None for who did not look. A change of
    nothing writes nothing. Raises `Refusal` 404.
    """
    before = hold(tx, project_id, act=act)
    if seen_us is not None and seen_us != before.updated_us:
        return Meanwhile(before)
    after = edit(before.project)
    found = differences(before.project, after)
    if not found:
        return before
    # Two changes in one microsecond must be told apart too, and a clock may be set back.
    now_us = max(act.now_us, before.updated_us + 1)
    projects.change(tx, after, now_us=now_us)
    note(tx, project_id, "project changed", act=act, why="; ".join(found))
    return msgspec.structs.replace(before, project=after, updated_us=now_us)


class RuleEdit(StrEnum):
    """What may be done to a callback rule that is there."""

    ON = "on"
    OFF = "off"
    REMOVE = "remove"


class Rotation(msgspec.Struct, frozen=True, kw_only=True):
    """A new secret, how long the present one still verifies, and since when that one was seen.

    `seen_us` None means that nobody looked, so nothing is compared.
    """

    secret: str
    overlap_s: int
    seen_us: int | None = None

    def __repr__(self) -> str:
        """Name no secret."""
        return f"Rotation(overlap_s={self.overlap_s})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        """Do the same for pretty tracebacks."""
        return [("overlap_s", self.overlap_s)]


def rotate(tx: Tx, project_id: int, *, rotation: Rotation, act: Act) -> Card | Meanwhile:
    """Put a new secret in; return the project with it.

    A form that is sent twice must not push the secret out that shops still use: the second time
    finds another present secret than was seen. Raises `Refusal` 404.
    """
    before = hold(tx, project_id, act=act)
    if rotation.seen_us is not None and rotation.seen_us != (before.secret_set_us or 0):
        return Meanwhile(before)
    now_us = max(act.now_us, (before.secret_set_us or 0) + 1)
    until_us = act.now_us + rotation.overlap_s * _SECOND_US
    new = NewSecret(secret=rotation.secret, set_us=now_us, previous_until_us=until_us)
    projects.rotate_secret(tx, project_id, new, vault=act.vault)
    told = f"until {wire_time(until_us)}" if rotation.overlap_s else "no longer"
    note(tx, project_id, "key rotated", act=act, why=f"the old key verifies {told}")
    return msgspec.structs.replace(
        before,
        project=msgspec.structs.replace(before.project, secrets=(rotation.secret,)),
        secret_set_us=now_us,
        previous_until_us=until_us if rotation.overlap_s else None,
    )


def end_overlap(tx: Tx, project_id: int, *, act: Act) -> None:
    """Let only the present secret verify; a repeat does nothing. Raises `Refusal` 404."""
    before = hold(tx, project_id, act=act)
    if before.previous_until_us is not None:
        projects.end_overlap(tx, project_id)
        note(tx, project_id, "old key ended", act=act)


def add_rule(tx: Tx, project_id: int, rule: CallbackRule, *, act: Act) -> CallbackRule:
    """Add a callback rule behind the others; return it with its id. Raises `Refusal` 404, 409."""
    before = hold(tx, project_id, act=act).project
    if len(before.callback_rules) >= RULES_MAX:
        raise Refusal(
            Code.MALFORMED_REQUEST, f"a project has at most {RULES_MAX} rules", http_status=409
        )
    made = msgspec.structs.replace(rule, id=tx.new_id())
    projects.set_rules(tx, project_id, [*before.callback_rules, made])
    note(tx, project_id, "callback rule added", act=act, why=rule_text(made))
    return made


def edit_rule(tx: Tx, project_id: int, rule_id: int, *, to: RuleEdit, act: Act) -> CallbackRule:
    """Switch a callback rule on or off, or remove it; return it as it was.

    A repeat writes nothing. Raises `Refusal` 404 where the project has no such rule.
    """
    rules = hold(tx, project_id, act=act).project.callback_rules
    found = next((rule for rule in rules if rule.id == rule_id), None)
    if found is None:
        raise Refusal(Code.NOT_FOUND, f"there is no rule {rule_id}", http_status=404)
    after = _edited(rules, found, to=to)
    if after != rules:
        projects.set_rules(tx, project_id, after)
        done = {RuleEdit.REMOVE: "removed", RuleEdit.ON: "switched on"}.get(to, "switched off")
        note(tx, project_id, f"callback rule {done}", act=act, why=rule_text(found))
    return found


def hold(tx: Tx, project_id: int, *, act: Act) -> Card:
    """Take hold of a project until the transaction ends. Raises `Refusal` 404."""
    found = projects.hold(tx, project_id, vault=act.vault, now_us=act.now_us)
    if found is None:
        raise Refusal(Code.NOT_FOUND, f"there is no project {project_id}", http_status=404)
    return found


def note(tx: Tx, project_id: int, what: str, *, act: Act, why: str = "") -> None:
    """Write into the journal what somebody did to a project."""
    journal.write(tx, Entry(at_us=act.now_us, project_id=project_id, what=what, by=act.by, why=why))


def rule_text(rule: CallbackRule) -> str:
    """Write a rule in one line, as the journal has it."""
    kinds = (rule.payment_type or "any", rule.result or "any", rule.method or "any")
    return f"{rule.id}: {' / '.join(kinds)} → {rule.url}"


def _edited(
    rules: tuple[CallbackRule, ...], found: CallbackRule, *, to: RuleEdit
) -> tuple[CallbackRule, ...]:
    if to is RuleEdit.REMOVE:
        return tuple(rule for rule in rules if rule is not found)
    switched = msgspec.structs.replace(found, enabled=to is RuleEdit.ON)
    return tuple(switched if rule is found else rule for rule in rules)
