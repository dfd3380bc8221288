"""What people keep for reports: templates of their own, and schedules for all."""

from collections.abc import Sequence
from typing import Final

import msgspec
from sqlalchemy import bindparam, delete, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from sampan.domain.report_schedule import Rule
from sampan.domain.report_schedule import to_json as rule_json
from sampan.domain.report_spec import Spec, to_json
from sampan.storage import schema_reports
from sampan.storage.engine import Buildable, Row, Statement, Tx

TEMPLATES_MAX: Final = 50
"""So many templates one person keeps."""

_t = schema_reports.report_templates
_s = schema_reports.report_schedules


def _save(dialect: str) -> Buildable:
    make = sqlite.insert if dialect == "sqlite" else postgresql.insert
    row = make(_t)
    return row.on_conflict_do_update(
        index_elements=["user_id", "name"],
        set_={"spec": row.excluded.spec, "updated_us": row.excluded.updated_us},
    )


_SAVE = Statement(_save)
_OF_USER = Statement(select(_t).where(_t.c.user_id == bindparam("of_user")).order_by(_t.c.name))
_TEMPLATE = Statement(
    select(_t).where(_t.c.id == bindparam("key"), _t.c.user_id == bindparam("of_user"))
)
_OTHERS = Statement(
    select(func.count()).where(
        _t.c.user_id == bindparam("of_user"), _t.c.name != bindparam("but_name")
    )
)
_FORGET = Statement(
    delete(_t).where(_t.c.id == bindparam("key"), _t.c.user_id == bindparam("of_user"))
)
_RENAME = Statement(
    update(_t)
    .where(_t.c.id == bindparam("key"), _t.c.user_id == bindparam("of_user"))
    .values(name=bindparam("name_to"), updated_us=bindparam("now_us"))
)
_ADD = Statement(insert(_s))
_ALL = Statement(select(_s).order_by(_s.c.name, _s.c.id))
_ONE = Statement(select(_s).where(_s.c.id == bindparam("key")))
_COUNT = Statement(select(func.count()).select_from(_s))
_CHANGE = Statement(
    update(_s)
    .where(_s.c.id == bindparam("key"))
    .values(
        name=bindparam("name_to"),
        spec=bindparam("spec_to"),
        rule=bindparam("rule_to"),
        is_on=bindparam("is_on_to"),
        next_us=bindparam("next_to"),
        mail_to=bindparam("mail_to_to"),
        mail_language=bindparam("mail_language_to"),
        updated_us=bindparam("now_us"),
    )
)
_DELETE = Statement(delete(_s).where(_s.c.id == bindparam("key")))
_DUE = Statement(
    select(_s)
    .where(_s.c.is_on == 1, _s.c.next_us <= bindparam("now_us"))
    .order_by(_s.c.next_us)
    .limit(bindparam("most"))
)
_NEXT = Statement(
    update(_s)
    .where(_s.c.id == bindparam("key"), _s.c.is_on == 1, _s.c.next_us == bindparam("before_us"))
    .values(next_us=bindparam("after_us"))
)


class Template(msgspec.Struct, frozen=True, kw_only=True):
    """A report that a person keeps under a name."""

    id: int
    user_id: int
    name: str
    spec: Spec
    updated_us: int


class Schedule(msgspec.Struct, frozen=True, kw_only=True):
    """A report that is made again and again while `is_on`; `next_us` is when the next is due."""

    id: int
    made_by: int | None
    name: str
    spec: Spec
    rule: Rule
    is_on: bool
    next_us: int
    mail_to: str
    mail_language: str
    created_us: int
    updated_us: int


def _template(row: Row) -> Template:
    given = dict(zip(Template.__struct_fields__, row, strict=True))
    return Template(**given | {"spec": msgspec.json.decode(given["spec"], type=Spec)})


def _schedule(row: Row) -> Schedule:
    given = dict(zip(Schedule.__struct_fields__, row, strict=True))
    given["spec"] = msgspec.json.decode(given["spec"], type=Spec)
    given["rule"] = msgspec.json.decode(given["rule"], type=Rule)
    return Schedule(**given | {"is_on": bool(given["is_on"])})


def save_template(tx: Tx, template: Template) -> bool:
    """Keep a template, in place of the person's one of this name; False when there are too many."""
    asked = {"of_user": template.user_id, "but_name": template.name}
    others = tx.one(_OTHERS, asked)
    if others is not None and others[0] >= TEMPLATES_MAX:
        return False
    row = {name: getattr(template, name) for name in Template.__struct_fields__}
    tx.do(_SAVE, row | {"spec": to_json(template.spec)})
    return True


def templates_of(tx: Tx, user_id: int) -> Sequence[Template]:
    """Return a person's templates by name."""
    return [_template(row) for row in tx.all(_OF_USER, {"of_user": user_id})]


def template(tx: Tx, user_id: int, *, key: int) -> Template | None:
    """Return a template of a person, None when they have none of this id."""
    row = tx.one(_TEMPLATE, {"key": key, "of_user": user_id})
    return _template(row) if row else None


def forget_template(tx: Tx, user_id: int, *, key: int) -> bool:
    """Forget a template; False when the person has none of this id."""
    return tx.run(_FORGET, {"key": key, "of_user": user_id}) == 1


def rename_template(tx: Tx, template: Template, name: str, *, now_us: int) -> bool:
    """Give a template of a person another name; False when it is gone.

    Raises `Conflict` when another template of theirs has that name.
    """
    given = {"key": template.id, "of_user": template.user_id, "name_to": name, "now_us": now_us}
    return tx.run(_RENAME, given) == 1


def add_schedule(tx: Tx, schedule: Schedule) -> None:
    """Keep a schedule."""
    row = {name: getattr(schedule, name) for name in Schedule.__struct_fields__}
    tx.do(_ADD, row | _texts(schedule))


def schedules(tx: Tx) -> Sequence[Schedule]:
    """Return every schedule by name."""
    return [_schedule(row) for row in tx.all(_ALL, {})]


def schedule(tx: Tx, key: int) -> Schedule | None:
    """Return a schedule, None when there is none."""
    row = tx.one(_ONE, {"key": key})
    return _schedule(row) if row else None


def schedules_count(tx: Tx) -> int:
    """Return how many schedules there are."""
    row = tx.one(_COUNT, {})
    return int(row[0]) if row else 0


def change_schedule(tx: Tx, after: Schedule) -> bool:
    """Write all of a schedule that can change; False when there is none of its id."""
    given = _texts(after)
    return (
        tx.run(
            _CHANGE,
            {
                "key": after.id,
                "name_to": after.name,
                "spec_to": given["spec"],
                "rule_to": given["rule"],
                "is_on_to": given["is_on"],
                "next_to": after.next_us,
                "mail_to_to": after.mail_to,
                "mail_language_to": after.mail_language,
                "now_us": after.updated_us,
            },
        )
        == 1
    )


def delete_schedule(tx: Tx, key: int) -> bool:
    """Forget a schedule; False when there is none. Its reports stay."""
    return tx.run(_DELETE, {"key": key}) == 1


def due(tx: Tx, *, now_us: int, most: int) -> Sequence[Schedule]:
    """Return schedules whose report is due, the longest due first."""
    return [_schedule(row) for row in tx.all(_DUE, {"now_us": now_us, "most": most})]


def move_on(tx: Tx, before: Schedule, *, next_us: int) -> bool:
    """Take a due moment of a schedule: False when somebody else has taken it."""
    given = {"key": before.id, "before_us": before.next_us, "after_us": next_us}
    return tx.run(_NEXT, given) == 1


def _texts(schedule: Schedule) -> dict[str, object]:
    return {
        "spec": to_json(schedule.spec),
        "rule": rule_json(schedule.rule),
        "is_on": int(schedule.is_on),
    }
