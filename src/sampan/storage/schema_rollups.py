"""Tables of what is added up by the hour, and the triggers that keep them true.

An hour that is added up is forgotten in the very transaction that changes a row of it, whoever
writes that row: the database does it, so no use case can forget to (docs/decisions/0009).
"""

from typing import Final

from sqlalchemy import DDL, CheckConstraint, Column, Text, event

from sampan.clock import HOUR_US
from sampan.domain.statuses import FINAL
from sampan.storage.columns import Int, in_, int_, metadata, table

SOURCES: Final = ("attempts", "operations", "payments ended", "payments made")

rollup_hours = table(
    "rollup_hours",
    Column("source", Text, primary_key=True),
    Column("start_us", Int, primary_key=True, autoincrement=False),
    int_("opened_us"),
    int_("changes_count"),
    int_("is_built"),
    CheckConstraint(in_("source", SOURCES), name="source_known"),
    CheckConstraint(f"start_us / {HOUR_US} * {HOUR_US} = start_us", name="start_is_an_hour"),
    CheckConstraint("is_built IN (0, 1)", name="built_or_not"),
)
"""Hours that are over. `changes_count` counts the rows of an hour that changed since it is here."""

rollups = table(
    "rollups",
    Column("source", Text, primary_key=True),
    Column("start_us", Int, primary_key=True, autoincrement=False),
    Column("project_id", Int, primary_key=True, autoincrement=False),
    Column("kind", Text, primary_key=True),
    Column("status", Text, primary_key=True),
    Column("currency", Text, primary_key=True),
    Column("code", Text, primary_key=True),
    Column("slot", Int, primary_key=True, autoincrement=False),
    int_("count"),
    int_("amount_minor"),
    int_("paid_minor"),
    int_("time_ms"),
    CheckConstraint("count > 0", name="count_range"),
)
"""Sums of each hour that is built, and of no other."""

_ENDED_NEW: Final = in_("NEW.status", sorted(FINAL))
_ENDED_OLD: Final = in_("OLD.status", sorted(FINAL))

Times = dict[str, tuple[str, ...]]
CHANGES: Final[tuple[tuple[str, str, str, Times], ...]] = (
    # table, what is done to it, when that counts, and for each source the times it touches
    ("operations", "INSERT", _ENDED_NEW, {"operations": ("NEW.updated_us",)}),
    (
        "operations",
        "UPDATE",
        f"{_ENDED_NEW} OR {_ENDED_OLD}",
        {
            "operations": tuple(
                f"(CASE WHEN {ended} THEN {row}.updated_us END)"
                for row, ended in (("OLD", _ENDED_OLD), ("NEW", _ENDED_NEW))
            )
        },
    ),
    (
        "payments",
        "INSERT",
        "",
        {"payments made": ("NEW.created_us",), "payments ended": ("NEW.finished_us",)},
    ),
    (
        "payments",
        "UPDATE",
        "",
        {
            "payments made": ("OLD.created_us", "NEW.created_us"),
            "payments ended": ("OLD.finished_us", "NEW.finished_us"),
        },
    ),
    ("attempts", "INSERT", "", {"attempts": ("NEW.at_us",)}),
    ("attempts", "UPDATE", "", {"attempts": ("OLD.at_us", "NEW.at_us")}),
)
"""Which hours a written row belongs to. No row of these tables is ever deleted."""


def _forgetting(times: Times) -> str:
    """Return the statements that forget the hours of some times."""
    return " ".join(
        "UPDATE rollup_hours"  # noqa: S608 - words of ours
        " SET is_built = 0, changes_count = changes_count + 1"
        f" WHERE source = '{source}'"
        f" AND start_us IN ({', '.join(f'{at} / {HOUR_US} * {HOUR_US}' for at in of)});"
        for source, of in times.items()
    )


def _on_sqlite() -> list[str]:
    made = []
    for name, deed, when, times in CHANGES:
        condition = f" WHEN {when}" if when else ""
        made.append(
            f"CREATE TRIGGER rollup_{name}_{deed.lower()} AFTER {deed} ON {name}{condition}"
            f" BEGIN {_forgetting(times)} END"
        )
    made.append(
        "CREATE TRIGGER rollup_hours_forgotten AFTER UPDATE ON rollup_hours"
        " WHEN OLD.is_built = 1 AND NEW.is_built = 0"
        " BEGIN DELETE FROM rollups WHERE source = OLD.source AND start_us = OLD.start_us; END"
    )
    return made


def _on_postgres() -> list[str]:
    made = []
    bodies = [
        (f"rollup_{name}_{deed.lower()}", deed, name, when, _forgetting(times))
        for name, deed, when, times in CHANGES
    ]
    bodies.append(
        (
            "rollup_hours_forgotten",
            "UPDATE",
            "rollup_hours",
            "OLD.is_built = 1 AND NEW.is_built = 0",
            "DELETE FROM rollups WHERE source = OLD.source AND start_us = OLD.start_us;",
        )
    )
    for name, deed, on, when, body in bodies:
        condition = f" WHEN ({when})" if when else ""
        made.append(
            f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS"
            f" $$ BEGIN {body} RETURN NULL; END $$"
        )
        made.append(
            f"CREATE TRIGGER {name} AFTER {deed} ON {on} FOR EACH ROW{condition}"
            f" EXECUTE FUNCTION {name}()"
        )
    return made


TRIGGERS: Final = {"sqlite": _on_sqlite(), "postgresql": _on_postgres()}
"""Statements that make the triggers: engine → each of them."""

for _dialect, _statements in TRIGGERS.items():
    for _statement in _statements:
        _ddl: DDL = DDL(_statement)  # type: ignore[no-untyped-call]
        event.listen(metadata, "after_create", _ddl.execute_if(dialect=_dialect))
