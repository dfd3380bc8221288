"""The table of e-mails; `storage.schema` has it with all others."""

from sqlalchemy import CheckConstraint, ForeignKey, Index

from sampan.storage.columns import id_, in_, int_, table, text_

MAIL_STATUSES = ("pending", "sending", "sent", "given up")

mails = table(
    "mails",
    id_(),
    int_("project_id", null=True),
    int_("payment", ForeignKey("payments.id"), null=True),
    text_("kind"),
    text_("to_address"),
    text_("language"),
    text_("facts"),
    text_("link_sealed", null=True),
    text_("status"),
    text_("note"),
    int_("attempts_count"),
    int_("created_us"),
    int_("until_us"),
    int_("finished_us", null=True),
    CheckConstraint(in_("status", MAIL_STATUSES), name="status_known"),
    CheckConstraint(
        "(status IN ('sent', 'given up')) = (finished_us IS NOT NULL)", name="ended_is_finished"
    ),
    CheckConstraint("link_sealed IS NULL OR finished_us IS NULL", name="secret_is_forgotten"),
    CheckConstraint("attempts_count >= 0", name="attempts_range"),
    Index(None, "payment"),
    Index(None, "created_us", "id"),
    Index(None, "status", "created_us", "id"),
)
"""E-mails: `facts` say all that is written in one, frozen when the fact happened.

A link that lets somebody in stands apart in `link_sealed`, under the master key, and is forgotten
when the mail has ended. `until_us` is when a mail is not worth sending any more.
"""
