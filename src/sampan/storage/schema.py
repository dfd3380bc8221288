"""Every table. Columns mean the same on SQLite and PostgreSQL.

Integers for money (minor units) and time (microseconds UTC), text for ids from outside, statuses
and JSON. Ids of ours are integers below 2^53, given out by `storage.engine`. What must never be
wrong is a CHECK or a UNIQUE here, not a hope in the code.
"""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.sql.schema import SchemaItem

from sampan.domain.statuses import FINAL, OperationType, Origin, PaymentStatus
from sampan.money import AMOUNT_MINOR_MAX, DECIMALS

Int = BigInteger().with_variant(Integer(), "sqlite")
metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

TASK_KINDS = ("ask_provider", "callback")
CALLBACK_KINDS = ("intermediate", "final", "error", "refund")
CALLBACK_STATUSES = ("pending", "sending", "delivered", "dropped", "exhausted")
CREDIT_STATUSES = ("unapplied", "held", "applied", "returned")


def _in(column: str, values: tuple[str, ...] | list[str]) -> str:
    return f"{column} IN ({', '.join(repr(str(value)) for value in values)})"


def _table(name: str, *items: SchemaItem) -> Table:
    return Table(name, metadata, *items, sqlite_strict=True)


def _id() -> Column[int]:
    return Column("id", Int, primary_key=True, autoincrement=False)


def _int(name: str, *rest: SchemaItem, null: bool = False) -> Column[int]:
    return Column(name, Int, *rest, nullable=null)


def _text(name: str, *, null: bool = False) -> Column[str]:
    return Column(name, Text, nullable=null)


_finals = _in("status", sorted(FINAL))
_currencies = _in("currency", sorted(DECIMALS))

id_blocks = _table(
    "id_blocks",
    Column("name", Text, primary_key=True),
    _int("next"),
)
"""Where the next block of ids begins; a process takes a block at a time."""

projects = _table(
    "projects",
    _id(),
    _text("name"),
    _text("callback_url"),
    _text("secret_sealed"),
    _text("secret_previous_sealed", null=True),
    _int("secret_previous_until_us", null=True),
    _text("settings"),
    _int("created_us"),
    _int("updated_us"),
    CheckConstraint("id BETWEEN 1 AND 4294967295", name="id_range"),
)

payments = _table(
    "payments",
    _id(),
    _int("project_id", ForeignKey("projects.id")),
    _text("payment_id"),
    _text("payment_id_folded"),
    _text("status"),
    _text("currency"),
    _int("amount_minor"),
    _int("paid_minor"),
    _text("description"),
    _text("customer_id"),
    _text("customer"),
    _text("targets"),
    _text("display", null=True),
    _text("faults"),
    _int("held_count"),
    _int("created_us"),
    _int("updated_us"),
    _int("decline_us"),
    _int("finished_us", null=True),
    _text("origin"),
    _text("merchant_data"),
    _int("best_before_us", null=True),
    _int("attempts_count"),
    _int("retry_until_us", null=True),
    UniqueConstraint("project_id", "payment_id_folded"),
    CheckConstraint(_in("status", sorted(PaymentStatus)), name="status_known"),
    CheckConstraint(f"({_finals}) = (finished_us IS NOT NULL)", name="final_is_finished"),
    CheckConstraint(f"amount_minor BETWEEN 0 AND {AMOUNT_MINOR_MAX}", name="amount_range"),
    CheckConstraint("paid_minor >= 0", name="paid_range"),
    CheckConstraint("(status = 'success') = (paid_minor > 0)", name="paid_when_success"),
    CheckConstraint("held_count >= 0", name="held_range"),
    CheckConstraint(_in("origin", sorted(Origin)), name="origin_known"),
    CheckConstraint("attempts_count >= 1", name="attempts_range"),
    Index(None, "project_id", "id"),
)
_open_until = payments.c.finished_us.is_(None) & (payments.c.held_count == 0)
Index(
    "ix_payments_open_until",
    payments.c.decline_us,
    sqlite_where=_open_until,
    postgresql_where=_open_until,
)
"""Finds the payments whose time has passed; finished ones leave the index by themselves."""

operations = _table(
    "operations",
    _id(),
    _int("payment", ForeignKey("payments.id")),
    _int("project_id"),
    _text("type"),
    _text("status"),
    _int("amount_minor"),
    _text("currency"),
    _text("request_id"),
    _text("request_digest"),
    _text("merchant_refund_id", null=True),
    _text("code"),
    _text("message"),
    _int("provider_id"),
    _text("provider_ref"),
    _int("created_us"),
    _int("updated_us"),
    CheckConstraint(_in("type", sorted(OperationType)), name="type_known"),
    CheckConstraint(_in("status", sorted(PaymentStatus)), name="status_known"),
    Index(None, "payment", "id"),
    Index(None, "project_id", "request_id"),
)

page_sessions = _table(
    "page_sessions",
    Column("token", Text, primary_key=True),
    _int("project_id", ForeignKey("projects.id")),
    _text("payment_id"),
    _text("payment_id_folded"),
    _text("digest"),
    _text("request"),
    _int("payment", ForeignKey("payments.id"), null=True),
    _int("created_us"),
    _int("cancelled_us", null=True),
    Index(None, "project_id", "payment_id_folded"),
    Index(None, "payment"),
    Index(None, "created_us"),
)
"""Opened Payment Pages: one row for each signed request, however often it is opened.

`payment` is set when this request has started its payment.
"""

page_styles = _table(
    "page_styles",
    _id(),
    _int("project_id", ForeignKey("projects.id")),
    _int("number"),
    _text("name"),
    _text("look"),
    _int("updated_us"),
    UniqueConstraint("project_id", "number"),
)
"""Looks of a project's Payment Page; number 0 is the one without a `style_id`."""

outbox = _table(
    "outbox",
    _id(),
    _text("kind"),
    _text("lane"),
    _int("subject"),
    _int("due_us"),
    _int("attempts_count"),
    _int("created_us"),
    CheckConstraint(_in("kind", TASK_KINDS), name="kind_known"),
    Index(None, "kind", "lane", "due_us"),
)
"""Tasks: what must be said or asked outside, written in the transaction that decided it.

A claim moves `due_us` to the end of the lease and counts an attempt; who finishes names the attempt
it holds, so a worker that lost its lease changes nothing. Done means deleted.
"""

inbox = _table(
    "inbox",
    Column("provider", Text, primary_key=True),
    Column("account", Text, primary_key=True),
    Column("notice_id", Text, primary_key=True),
    _int("received_us"),
)
"""Notices already taken: the same one again changes nothing."""

credits = _table(  # noqa: A001 - the table is called so
    "credits",
    _id(),
    _text("provider"),
    _text("account"),
    _text("bank_txn_id"),
    _text("status"),
    _int("amount_minor"),
    _text("currency"),
    _text("reference"),
    _text("payer_name"),
    _int("payment", ForeignKey("payments.id"), null=True),
    _int("booked_us"),
    _int("received_us"),
    _int("updated_us"),
    UniqueConstraint("provider", "account", "bank_txn_id"),
    CheckConstraint(_in("status", CREDIT_STATUSES), name="status_known"),
    CheckConstraint("amount_minor > 0", name="amount_range"),
    CheckConstraint("status NOT IN ('applied', 'held') OR payment IS NOT NULL", name="has_payment"),
    Index(None, "status", "id"),
    Index(None, "payment"),
)

ledger = _table(
    "ledger",
    _id(),
    _int("posting"),
    _text("account"),
    _text("currency"),
    _int("amount_minor"),
    _int("credit", ForeignKey("credits.id")),
    _int("posted_us"),
    CheckConstraint("amount_minor <> 0", name="amount_range"),
    CheckConstraint(_currencies, name="currency_known"),
    Index(None, "account", "currency"),
    Index(None, "credit"),
    Index(None, "posting"),
)

journal = _table(
    "journal",
    _id(),
    _int("at_us"),
    _int("project_id"),
    _int("payment", null=True),
    _int("operation", null=True),
    _text("what"),
    _text("status_from", null=True),
    _text("status_to", null=True),
    _text("by"),
    _text("why"),
    Index(None, "payment", "id"),
)

callbacks = _table(
    "callbacks",
    _id(),
    _int("project_id"),
    _int("payment", ForeignKey("payments.id")),
    _int("operation"),
    _text("kind"),
    _text("status"),
    _text("url"),
    _text("body"),
    _text("note"),
    _int("attempts_count"),
    _int("created_us"),
    _int("finished_us", null=True),
    CheckConstraint(_in("kind", CALLBACK_KINDS), name="kind_known"),
    CheckConstraint(_in("status", CALLBACK_STATUSES), name="status_known"),
    Index(None, "payment", "id"),
    Index(None, "status", "id"),
)

attempts = _table(
    "attempts",
    _id(),
    _int("callback", ForeignKey("callbacks.id")),
    _int("number"),
    _int("at_us"),
    _text("url"),
    _int("http_status", null=True),
    _int("duration_ms"),
    _text("answer"),
    _text("error"),
    Index(None, "callback", "number"),
)

endpoints = _table(
    "endpoints",
    Column("origin", Text, primary_key=True),
    _int("failures_count"),
    _int("failing_since_us", null=True),
    _int("updated_us"),
)
"""Health of each address that callbacks go to; it slows, it never drops."""

bank_accounts = _table(
    "bank_accounts",
    Column("fps_id", Text, primary_key=True),
    _text("name"),
    _text("name_zh"),
    _int("created_us"),
)
"""From here on: the sandbox bank's own books. Only `storage.bank` touches them."""

bank_orders = _table(
    "bank_orders",
    Column("reference", Text, primary_key=True),
    _text("fps_id"),
    _text("payload"),
    _text("reference_mode"),
    _int("amount_minor"),
    _text("currency"),
    _text("scenario"),
    _text("status"),
    _int("expires_us"),
    _int("closes_us"),
    _int("autopay_ms"),
    _int("autopay_due_us", null=True),
    _int("tries_count"),
    _int("created_us"),
    CheckConstraint(_in("status", ("open", "paid", "refused")), name="status_known"),
    Index(
        None,
        "autopay_due_us",
        sqlite_where=text("autopay_due_us IS NOT NULL"),
        postgresql_where=text("autopay_due_us IS NOT NULL"),
    ),
    Index(
        None,
        "payload",
        sqlite_where=text("reference_mode = 'none'"),
        postgresql_where=text("reference_mode = 'none'"),
    ),
)
"""A QR without a reference is found by its whole text; all others by their reference."""

bank_transfers = _table(
    "bank_transfers",
    _id(),
    _text("fps_id"),
    _text("reference"),
    _int("amount_minor"),
    _text("currency"),
    _text("payer_name"),
    _int("booked_us"),
    CheckConstraint("amount_minor <> 0", name="amount_range"),
    Index(None, "fps_id", "currency"),
    Index(None, "reference"),
)
"""Money in (positive) and money sent back (negative)."""

bank_notices = _table(
    "bank_notices",
    _id(),
    _text("body"),
    _text("status"),
    _int("due_us"),
    _int("attempts_count"),
    _int("copies_count"),
    _int("created_us"),
    CheckConstraint(_in("status", ("open", "delivered")), name="status_known"),
    Index(None, "status", "due_us"),
)
