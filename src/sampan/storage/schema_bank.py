"""The sandbox bank's own books; `storage.schema` has them with all other tables.

Only `storage.bank` touches them.
"""

from sqlalchemy import CheckConstraint, Column, Index, Text, text

from sampan.storage.columns import id_, in_, int_, table, text_

bank_accounts = table(
    "bank_accounts",
    Column("fps_id", Text, primary_key=True),
    text_("name"),
    text_("name_zh"),
    int_("created_us"),
)

bank_orders = table(
    "bank_orders",
    Column("reference", Text, primary_key=True),
    text_("fps_id"),
    text_("payload"),
    text_("reference_mode"),
    int_("amount_minor"),
    text_("currency"),
    text_("scenario"),
    text_("status"),
    int_("expires_us"),
    int_("closes_us"),
    int_("autopay_ms"),
    int_("autopay_due_us", null=True),
    int_("tries_count"),
    int_("created_us"),
    CheckConstraint(in_("status", ("open", "paid", "refused")), name="status_known"),
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

bank_transfers = table(
    "bank_transfers",
    id_(),
    text_("fps_id"),
    text_("reference"),
    int_("amount_minor"),
    text_("currency"),
    text_("payer_name"),
    int_("booked_us"),
    CheckConstraint("amount_minor <> 0", name="amount_range"),
    Index(None, "fps_id", "currency"),
    Index(None, "reference"),
)
"""Money in (positive) and money sent back (negative)."""

bank_notices = table(
    "bank_notices",
    id_(),
    text_("body"),
    text_("status"),
    int_("due_us"),
    int_("attempts_count"),
    int_("copies_count"),
    int_("created_us"),
    CheckConstraint(in_("status", ("open", "delivered")), name="status_known"),
    Index(None, "status", "due_us"),
)
