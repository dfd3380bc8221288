"""Tables of payment links that are made many at once from a file."""

from typing import Final

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index

from sampan.storage.columns import Int, id_, in_, int_, table, text_

BATCH_STATUSES: Final = ("checked", "running", "done")
LINE_STATUSES: Final = ("faulty", "made", "ready", "refused")

link_batches = table(
    "link_batches",
    id_(),
    int_("project_id", ForeignKey("projects.id")),
    text_("file_name"),
    text_("status"),
    text_("by"),
    int_("lines_count"),
    int_("created_us"),
    int_("started_us", null=True),
    int_("finished_us", null=True),
    CheckConstraint(in_("status", BATCH_STATUSES), name="status_known"),
    CheckConstraint("(status = 'done') = (finished_us IS NOT NULL)", name="done_is_finished"),
    CheckConstraint("lines_count >= 1", name="lines_range"),
    Index(None, "created_us", "id"),
)
"""Files of links: looked at (checked), at work (running), at their end (done)."""

link_batch_lines = table(
    "link_batch_lines",
    Column("batch", Int, ForeignKey("link_batches.id"), primary_key=True, autoincrement=False),
    Column("line", Int, primary_key=True, autoincrement=False),
    text_("status"),
    text_("payment_id"),
    text_("given"),
    text_("flaws"),
    int_("payment", ForeignKey("payments.id"), null=True),
    CheckConstraint(in_("status", LINE_STATUSES), name="status_known"),
    CheckConstraint("(status = 'made') = (payment IS NOT NULL)", name="made_has_payment"),
    Index(None, "batch", "status", "line"),
)
"""Lines of a file: right (ready) or not (faulty); then with a link (made) or without (refused).

What becomes of a line is written in the transaction that makes its link.
"""
