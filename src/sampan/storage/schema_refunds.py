"""Tables of refunds, and of the files that ask a bank for them."""

from sqlalchemy import CheckConstraint, ForeignKey, Index

from sampan.domain.refunds import RefundStatus
from sampan.storage.columns import id_, in_, int_, table, text_

refund_files = table(
    "refund_files",
    id_(),
    text_("provider"),
    text_("account"),
    text_("format"),
    text_("currency"),
    int_("refunds_count"),
    int_("amount_minor"),
    text_("by"),
    int_("created_us"),
    text_("data"),
    Index(None, "created_us", "id"),
)
"""Files that were made for a bank, kept as they were handed out: again is the same bytes."""

refunds = table(
    "refunds",
    id_(),
    text_("provider"),
    text_("account"),
    int_("credit", ForeignKey("credits.id")),
    int_("payment", ForeignKey("payments.id"), null=True),
    int_("project_id"),
    text_("status"),
    int_("amount_minor"),
    text_("currency"),
    text_("payee"),
    text_("doubts"),
    text_("by"),
    text_("why"),
    int_("file", ForeignKey("refund_files.id"), null=True),
    text_("debit"),
    text_("bank_txn_id"),
    int_("created_us"),
    int_("updated_us"),
    CheckConstraint(in_("status", [one.value for one in RefundStatus]), name="status_known"),
    CheckConstraint("amount_minor > 0", name="amount_range"),
    CheckConstraint("status <> 'exported' OR file IS NOT NULL", name="exported_has_file"),
    Index(None, "status", "created_us", "id"),
    Index(None, "created_us", "id"),
    Index(None, "credit"),
    Index(None, "file"),
    Index("ix_refunds_debit", "provider", "account", "currency", "amount_minor"),
)
"""Money that goes back to who paid it. `payment` is set where the credit was that payment's money.

`debit` is the identity of the movement on the account that confirmed it, empty where people did.
"""
