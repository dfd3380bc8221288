"""Tables of reports: those that are asked for, templates of people, and schedules."""

from typing import Final

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text

from sampan.domain.report_spec import ReportType
from sampan.storage.columns import id_, in_, int_, table, text_

REPORT_STATUSES: Final = ("waiting", "running", "ready", "failed", "cancelled", "gone")
_HAS_FILE: Final = "status IN ('ready', 'gone')"

reports = table(
    "reports",
    id_(),
    text_("type"),
    text_("title"),
    text_("spec"),
    text_("status"),
    int_("rows_done"),
    int_("rows_all", null=True),
    int_("bytes_done"),
    text_("place"),
    text_("error"),
    int_("deaths_count"),
    int_("made_by", ForeignKey("users.id"), null=True),
    int_("schedule", null=True),
    text_("mail_to"),
    text_("mail_language"),
    int_("created_us"),
    int_("started_us", null=True),
    int_("finished_us", null=True),
    int_("gone_us", null=True),
    CheckConstraint(in_("type", sorted(ReportType)), name="type_known"),
    CheckConstraint(in_("status", REPORT_STATUSES), name="status_known"),
    CheckConstraint(
        "(status IN ('waiting', 'running')) = (finished_us IS NULL)", name="ended_is_finished"
    ),
    CheckConstraint(f"({_HAS_FILE}) = (gone_us IS NOT NULL)", name="ready_goes"),
    CheckConstraint("rows_done >= 0 AND bytes_done >= 0", name="progress_range"),
    CheckConstraint("deaths_count >= 0", name="deaths_range"),
    Index(None, "created_us", "id"),
    Index(
        "ix_reports_ready",
        "gone_us",
        sqlite_where=text("status = 'ready'"),
        postgresql_where=text("status = 'ready'"),
    ),
    Index(
        "ix_reports_open",
        "status",
        sqlite_where=text("finished_us IS NULL"),
        postgresql_where=text("finished_us IS NULL"),
    ),
)
"""Reports: asked for (waiting), at work (running), with a file (ready) or not.

`place`, `bytes_done` and `rows_done` are the checkpoint: what of the file is whole, and behind
which row it goes on. `schedule` outlives the schedule that it names.
"""

report_templates = table(
    "report_templates",
    id_(),
    int_("user_id", ForeignKey("users.id")),
    text_("name"),
    text_("spec"),
    int_("updated_us"),
    UniqueConstraint("user_id", "name"),
)
"""Reports that a person keeps under a name, to be asked for again."""

report_schedules = table(
    "report_schedules",
    id_(),
    int_("made_by", ForeignKey("users.id"), null=True),
    text_("name"),
    text_("spec"),
    text_("rule"),
    int_("is_on"),
    int_("next_us"),
    text_("mail_to"),
    text_("mail_language"),
    int_("created_us"),
    int_("updated_us"),
    CheckConstraint("is_on IN (0, 1)", name="is_on_known"),
    Index(
        "ix_report_schedules_due",
        "next_us",
        sqlite_where=text("is_on = 1"),
        postgresql_where=text("is_on = 1"),
    ),
)
"""Reports that are made again and again; `next_us` is when the next one is due."""
