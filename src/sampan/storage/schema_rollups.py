"""Tables of what is added up by time, and the triggers that keep them true.

A span of time that is added up is forgotten in the very transaction that changes a row of it,
whoever writes that row: the database does it, so no use case can forget to (docs/decisions/0009).
"""

from typing import Final

from sqlalchemy import DDL, CheckConstraint, Column, Text, event

from sampan.clock import HOUR_US
from sampan.domain.statuses import FINAL
from sampan.storage.columns import Int, in_, int_, metadata, table

SOURCES: Final = ("attempts", "operations", "payments ended", "payments made")

HOURS: Final = (1, 8)
"""How long spans are. Days of Hong Kong and of UTC are both made of eights."""
EIGHT_US: Final = 8 * HOUR_US

rollup_spans = table(
    "rollup_spans",
    Column("source", Text, primary_key=True),
    Column("hours", Int, primary_key=True, autoincrement=False),
    Column("start_us", Int, primary_key=True, autoincrement=False),
    int_("opened_us"),
    int_("changes_count"),
    int_("is_built"),
    CheckConstraint(in_("source", SOURCES), name="source_known"),
    CheckConstraint("hours IN (1, 8)", name="hours_known"),
    CheckConstraint(
        f"start_us / (hours * {HOUR_US}) * (hours * {HOUR_US}) = start_us", name="start_is_even"
    ),
    CheckConstraint("is_built IN (0, 1)", name="built_or_not"),
)
"""Spans that are over. `changes_count` counts the rows of one that changed since it is here.

A span of eight is here only when its hours are: their triggers tell it.
"""

rollups = table(
    "rollups",
    Column("source", Text, primary_key=True),
    Column("hours", Int, primary_key=True, autoincrement=False),
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
"""Sums of each span that is built, and of no other."""

_ENDED_NEW: Final = in_("NEW.status", sorted(FINAL))
_ENDED_OLD: Final = in_("OLD.status", sorted(FINAL))

CHANGES: Final[tuple[tuple[str, str, str, str, tuple[str, ...]], ...]] = (
    ("operations", "operations", "INSERT", _ENDED_NEW, ("NEW.updated_us",)),
    (
        "operations",
        "operations",
        "UPDATE",
        f"{_ENDED_NEW} OR {_ENDED_OLD}",
        (
            f"(CASE WHEN {_ENDED_OLD} THEN OLD.updated_us END)",
            f"(CASE WHEN {_ENDED_NEW} THEN NEW.updated_us END)",
        ),
    ),
    ("payments made", "payments", "INSERT", "", ("NEW.created_us",)),
    ("payments made", "payments", "UPDATE", "", ("NEW.created_us",)),
    (
        "payments ended",
        "payments",
        "INSERT",
        "NEW.finished_us IS NOT NULL",
        ("NEW.finished_us",),
    ),
    (
        "payments ended",
        "payments",
        "UPDATE",
        "OLD.finished_us IS NOT NULL OR NEW.finished_us IS NOT NULL",
        ("OLD.finished_us", "NEW.finished_us"),
    ),
    ("attempts", "attempts", "INSERT", "", ("NEW.at_us",)),
    ("attempts", "attempts", "UPDATE", "", ("NEW.at_us",)),
)
"""Source, table, what is done to a row, when that counts, and the times whose hours it touches.

No row of these tables is ever deleted, and what it was made at never changes.
"""


def _forgetting(source: str, times: tuple[str, ...]) -> str:
    """Return the statement that forgets the hours of some times."""
    hours = [f"{at} / {HOUR_US} * {HOUR_US}" for at in times]
    those = f"= {hours[0]}" if len(hours) == 1 else f"IN ({', '.join(hours)})"
    return (
        "UPDATE rollup_spans"  # noqa: S608 - words of ours
        " SET is_built = 0, changes_count = changes_count + 1"
        f" WHERE source = '{source}' AND hours = 1 AND start_us {those};"
    )


def _triggers() -> list[tuple[str, str, str, str, str]]:
    """Return name, deed, table, condition and body of each trigger."""
    made = [
        (
            f"rollup_{source.replace(' ', '_')}_{deed.lower()}",
            deed,
            on,
            when,
            _forgetting(source, times),
        )
        for source, on, deed, when, times in CHANGES
    ]
    eight = (
        "UPDATE rollup_spans"  # noqa: S608 - words of ours
        " SET is_built = 0, changes_count = changes_count + 1"
        " WHERE source = OLD.source AND hours = 8"
        f" AND start_us = OLD.start_us / {EIGHT_US} * {EIGHT_US};"
    )
    changed = "OLD.hours = 1 AND NEW.changes_count <> OLD.changes_count"
    forgotten = "OLD.is_built = 1 AND NEW.is_built = 0"
    sums = (
        "DELETE FROM rollups"
        " WHERE source = OLD.source AND hours = OLD.hours AND start_us = OLD.start_us;"
    )
    return [
        *made,
        ("rollup_spans_changed", "UPDATE", "rollup_spans", changed, eight),
        ("rollup_spans_forgotten", "UPDATE", "rollup_spans", forgotten, sums),
    ]


def _on_sqlite() -> list[str]:
    return [
        f"CREATE TRIGGER {name} AFTER {deed} ON {on}{f' WHEN {when}' if when else ''}"
        f" BEGIN {body} END"
        for name, deed, on, when, body in _triggers()
    ]


def _on_postgres() -> list[str]:
    made = []
    for name, deed, on, when, body in _triggers():
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
