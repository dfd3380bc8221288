"""Every table. Columns mean the same on SQLite and PostgreSQL.

Integers for money (minor units) and time (microseconds UTC), text for ids from outside, statuses
and JSON. Ids of ours are integers below 2^53, given out by `storage.engine`. What must never be
wrong is a CHECK or a UNIQUE here, not a hope in the code.
"""

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Text, UniqueConstraint, text

from sampan.domain.statuses import FINAL, OperationType, Origin, PaymentStatus
from sampan.money import AMOUNT_MINOR_MAX
from sampan.storage import (
    columns,
    schema_bank,
    schema_credits,
    schema_fps,
    schema_links,
    schema_mails,
    schema_refunds,
    schema_reports,
    schema_rollups,
    schema_users,
)
from sampan.storage.columns import id_, in_, int_, table, text_

Int = columns.Int
metadata = columns.metadata
users = schema_users.users
user_sessions = schema_users.user_sessions
mails = schema_mails.mails
api_tokens = schema_users.api_tokens
api_calls = schema_users.api_calls
boards = schema_users.boards
board_panels = schema_users.board_panels

bank_accounts = schema_bank.bank_accounts
bank_orders = schema_bank.bank_orders
bank_transfers = schema_bank.bank_transfers
bank_notices = schema_bank.bank_notices
fps_accounts = schema_fps.fps_accounts
project_accounts = schema_fps.project_accounts
link_batches = schema_links.link_batches
link_batch_lines = schema_links.link_batch_lines
rollup_spans = schema_rollups.rollup_spans
rollups = schema_rollups.rollups
reports = schema_reports.reports
report_templates = schema_reports.report_templates
report_schedules = schema_reports.report_schedules
inbox = schema_credits.inbox
credits = schema_credits.credits  # noqa: A001 - the table is called so
reversals = schema_credits.reversals
pending_credits = schema_credits.pending_credits
ledger = schema_credits.ledger
imports = schema_credits.imports
file_drafts = schema_credits.file_drafts
import_entries = schema_credits.import_entries
account_files = schema_credits.account_files
decisions = schema_credits.decisions
refunds = schema_refunds.refunds
refund_files = schema_refunds.refund_files

TASK_KINDS = ("ask_provider", "callback", "link_batch", "mail", "report", "statement")
CALLBACK_KINDS = ("intermediate", "final", "error", "refund", "link")
CALLBACK_STATUSES = ("pending", "sending", "delivered", "dropped", "exhausted")
PLATFORM_ACTORS = ("bank", "clock", "customer", "mail", "merchant", "provider")
"""Who writes the journal without being a person of the merchant's."""
JOURNAL_INDEXED = (
    "\"by\" NOT IN ('bank', 'clock', 'customer', 'mail', 'merchant', 'provider') OR payment IS NULL"
)
"""The condition of an index, which SQLite uses only where a query says the same words."""


ENDED = in_("status", sorted(FINAL))
"""The condition of rows that nothing moves by itself; an index of part of a table has its words."""
INVOICES = "type = 'invoice'"
"""That of operations that made payment links."""

id_blocks = table(
    "id_blocks",
    Column("name", Text, primary_key=True),
    int_("next"),
)
"""Where the next block of ids begins; a process takes a block at a time."""

projects = table(
    "projects",
    id_(),
    text_("name"),
    text_("callback_url"),
    text_("secret_sealed"),
    text_("secret_previous_sealed", null=True),
    int_("secret_previous_until_us", null=True),
    text_("settings"),
    int_("created_us"),
    int_("updated_us"),
    text_("callback_rules", null=True),
    int_("secret_set_us", null=True),
    CheckConstraint("id BETWEEN 1 AND 4294967295", name="id_range"),
)

payments = table(
    "payments",
    id_(),
    int_("project_id", ForeignKey("projects.id")),
    text_("payment_id"),
    text_("payment_id_folded"),
    text_("status"),
    text_("currency"),
    int_("amount_minor"),
    int_("paid_minor"),
    text_("description"),
    text_("customer_id"),
    text_("customer"),
    text_("targets"),
    text_("display", null=True),
    text_("faults"),
    int_("held_count"),
    int_("created_us"),
    int_("updated_us"),
    int_("decline_us"),
    int_("finished_us", null=True),
    text_("origin"),
    text_("merchant_data"),
    int_("best_before_us", null=True),
    int_("attempts_count"),
    int_("retry_until_us", null=True),
    UniqueConstraint("project_id", "payment_id_folded"),
    CheckConstraint(in_("status", sorted(PaymentStatus)), name="status_known"),
    CheckConstraint(f"({ENDED}) = (finished_us IS NOT NULL)", name="final_is_finished"),
    CheckConstraint(f"amount_minor BETWEEN 0 AND {AMOUNT_MINOR_MAX}", name="amount_range"),
    CheckConstraint("paid_minor >= 0", name="paid_range"),
    CheckConstraint("(status = 'success') = (paid_minor > 0)", name="paid_when_success"),
    CheckConstraint("held_count >= 0", name="held_range"),
    CheckConstraint(in_("origin", sorted(Origin)), name="origin_known"),
    CheckConstraint("attempts_count >= 1", name="attempts_range"),
    Index(None, "project_id", "created_us", "id"),
    Index(None, "created_us", "id"),
    Index(None, "customer_id", "created_us", "id"),
    Index(
        "ix_payments_open",
        "created_us",
        "id",
        sqlite_where=text("finished_us IS NULL"),
        postgresql_where=text("finished_us IS NULL"),
    ),
    Index(
        "ix_payments_finished",
        "finished_us",
        "id",
        sqlite_where=text("finished_us IS NOT NULL"),
        postgresql_where=text("finished_us IS NOT NULL"),
    ),
    Index(
        "ix_payments_held",
        "created_us",
        "id",
        sqlite_where=text("held_count > 0"),
        postgresql_where=text("held_count > 0"),
    ),
)
_open_until = payments.c.finished_us.is_(None) & (payments.c.held_count == 0)
Index(
    "ix_payments_open_until",
    payments.c.decline_us,
    sqlite_where=_open_until,
    postgresql_where=_open_until,
)
"""Finds the payments whose time has passed; finished ones leave the index by themselves."""

operations = table(
    "operations",
    id_(),
    int_("payment", ForeignKey("payments.id")),
    int_("project_id"),
    text_("type"),
    text_("status"),
    int_("amount_minor"),
    text_("currency"),
    text_("request_id"),
    text_("request_digest"),
    text_("merchant_refund_id", null=True),
    text_("code"),
    text_("message"),
    int_("provider_id"),
    text_("provider_ref"),
    int_("created_us"),
    int_("updated_us"),
    text_("account", null=True),
    int_("qr_minor", null=True),
    CheckConstraint(in_("type", sorted(OperationType)), name="type_known"),
    CheckConstraint(in_("status", sorted(PaymentStatus)), name="status_known"),
    Index(None, "payment", "id"),
    Index(None, "project_id", "request_id"),
    Index(
        None,
        "provider_ref",
        sqlite_where=text("provider_ref <> ''"),
        postgresql_where=text("provider_ref <> ''"),
    ),
    Index(
        "ix_operations_account",
        "account",
        "currency",
        "created_us",
        "qr_minor",
        sqlite_where=text("account IS NOT NULL"),
        postgresql_where=text("account IS NOT NULL"),
    ),
    Index(
        "ix_operations_qr",
        "account",
        "currency",
        "qr_minor",
        "created_us",
        sqlite_where=text("account IS NOT NULL"),
        postgresql_where=text("account IS NOT NULL"),
    ),
    Index(
        "ix_operations_ended",
        "updated_us",
        "id",
        sqlite_where=text(ENDED),
        postgresql_where=text(ENDED),
    ),
    Index(
        "ix_operations_invoices",
        "updated_us",
        "id",
        sqlite_where=text(INVOICES),
        postgresql_where=text(INVOICES),
    ),
)
"""`ix_operations_ended` finds what changed in a period. Operations enter it as they end, so it
costs a sale nothing; the few that have not ended are found by the payments that are open.

`account` is the account that the QR names, as credits name it, and `qr_minor` the amount in the QR;
both are set when the QR is asked for, and empty where the provider alone knows the account. One
index sums up what an account was asked for in a period, the other finds who was asked for a sum.
"""

page_sessions = table(
    "page_sessions",
    Column("token", Text, primary_key=True),
    int_("project_id", ForeignKey("projects.id")),
    text_("payment_id"),
    text_("payment_id_folded"),
    text_("digest"),
    text_("request"),
    int_("payment", ForeignKey("payments.id"), null=True),
    int_("created_us"),
    int_("cancelled_us", null=True),
    Index(None, "project_id", "payment_id_folded"),
    Index(None, "payment"),
    Index(None, "created_us"),
)
"""Opened Payment Pages: one row for each signed request, however often it is opened.

`payment` is set when this request has started its payment.
"""

page_styles = table(
    "page_styles",
    id_(),
    int_("project_id", ForeignKey("projects.id")),
    int_("number"),
    text_("name"),
    text_("look"),
    int_("updated_us"),
    UniqueConstraint("project_id", "number"),
)
"""Looks of a project's Payment Page; number 0 is the one without a `style_id`."""

outbox = table(
    "outbox",
    id_(),
    text_("kind"),
    text_("lane"),
    int_("subject"),
    int_("due_us"),
    int_("attempts_count"),
    int_("created_us"),
    CheckConstraint(in_("kind", TASK_KINDS), name="kind_known"),
    Index(None, "kind", "lane", "due_us"),
)
"""Tasks: what must be said or asked outside, written in the transaction that decided it.

A claim moves `due_us` to the end of the lease and counts an attempt; who finishes names the attempt
it holds, so a worker that lost its lease changes nothing. Done means deleted.
"""

journal = table(
    "journal",
    id_(),
    int_("at_us"),
    int_("project_id"),
    int_("payment", null=True),
    int_("operation", null=True),
    text_("what"),
    text_("status_from", null=True),
    text_("status_to", null=True),
    text_("by"),
    text_("why"),
    Index(None, "payment", "id"),
    Index(
        "ix_journal_people",
        "at_us",
        "id",
        "by",
        "what",
        "project_id",
        sqlite_where=text(JOURNAL_INDEXED),
        postgresql_where=text(JOURNAL_INDEXED),
    ),
)
"""What a payment does by itself is written when it is sold and is not in the index of people."""

callbacks = table(
    "callbacks",
    id_(),
    int_("project_id"),
    int_("payment", ForeignKey("payments.id")),
    int_("operation"),
    text_("kind"),
    text_("status"),
    text_("url"),
    text_("body"),
    text_("note"),
    int_("attempts_count"),
    int_("created_us"),
    int_("finished_us", null=True),
    CheckConstraint(in_("kind", CALLBACK_KINDS), name="kind_known"),
    CheckConstraint(in_("status", CALLBACK_STATUSES), name="status_known"),
    Index(None, "payment", "id"),
    Index("ix_callbacks_walk", "status", "kind", "created_us", "id"),
    Index("ix_callbacks_project_walk", "project_id", "status", "kind", "created_us", "id"),
)
"""A list walks each status and kind by itself and merges them, see `storage.callback_lists`."""

attempts = table(
    "attempts",
    id_(),
    int_("callback", ForeignKey("callbacks.id")),
    int_("number"),
    int_("at_us"),
    text_("url"),
    int_("http_status", null=True),
    int_("duration_ms"),
    text_("answer"),
    text_("error"),
    Index(None, "callback", "number"),
    Index(None, "at_us"),
)

endpoints = table(
    "endpoints",
    Column("origin", Text, primary_key=True),
    int_("failures_count"),
    int_("failing_since_us", null=True),
    int_("updated_us"),
)
"""Health of each address that callbacks go to; it slows, it never drops."""
