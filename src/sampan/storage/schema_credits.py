"""Tables of money: credits, what takes them back, the ledger, bank files, decisions of people."""

from typing import Final

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Text, UniqueConstraint, text

from sampan.money import DECIMALS
from sampan.storage.columns import Int, id_, in_, int_, table, text_

CREDIT_STATUSES: Final = (
    "unapplied",
    "held",
    "applied",
    "returned",
    "ignored",
    "merged",
    "split",
    "refunding",
)
CREDIT_SOURCES: Final = ("notice", "file", "hand")
REVERSAL_STATUSES: Final = ("open", "settled", "noted")
IMPORT_STATUSES: Final = ("reading", "running", "done", "refused")
DECISION_STATUSES: Final = ("proposed", "done", "refused", "withdrawn")
_currencies = in_("currency", sorted(DECIMALS))

inbox = table(
    "inbox",
    Column("provider", Text, primary_key=True),
    Column("account", Text, primary_key=True),
    Column("notice_id", Text, primary_key=True),
    int_("received_us"),
)
"""Notices already taken: the same one again changes nothing."""

credits = table(  # noqa: A001 - the table is called so
    "credits",
    id_(),
    text_("provider"),
    text_("account"),
    text_("bank_txn_id"),
    text_("status"),
    int_("amount_minor"),
    text_("currency"),
    text_("reference"),
    text_("payer_name"),
    int_("payment", ForeignKey("payments.id"), null=True),
    int_("booked_us"),
    int_("received_us"),
    int_("updated_us"),
    text_("identity"),
    int_("part"),
    int_("parent", ForeignKey("credits.id"), null=True),
    text_("source"),
    int_("import_id", null=True),
    int_("booked_to_us"),
    text_("payer_account"),
    text_("texts"),
    text_("found"),
    int_("refunded_minor"),
    UniqueConstraint("provider", "account", "identity", "part"),
    CheckConstraint(in_("status", CREDIT_STATUSES), name="status_known"),
    CheckConstraint(in_("source", CREDIT_SOURCES), name="source_known"),
    CheckConstraint("amount_minor > 0", name="amount_range"),
    CheckConstraint("status NOT IN ('applied', 'held') OR payment IS NOT NULL", name="has_payment"),
    CheckConstraint("(part > 0) = (parent IS NOT NULL)", name="part_has_parent"),
    CheckConstraint("refunded_minor BETWEEN 0 AND amount_minor", name="refunded_range"),
    Index(None, "status", "id"),
    Index(None, "payment"),
    Index(None, "provider", "account", "bank_txn_id"),
    Index("ix_credits_walk", "status", "received_us", "id"),
    Index(None, "received_us", "id"),
    Index("ix_credits_booked", "provider", "account", "booked_us"),
    Index(
        "ix_credits_parent",
        "parent",
        sqlite_where=text("parent IS NOT NULL"),
        postgresql_where=text("parent IS NOT NULL"),
    ),
)
"""`identity` tells one movement of an account from all others; `bank_txn_id` is the bank's word.

A credit that was split is followed by its parts, which carry its identity. `texts` are all in which
a reference may stand; `found` is how its payment was found, or what spoke for which, as it arrived.
`refunded_minor` is the sum of its refunds that are under way or paid: never more than came.
"""

reversals = table(
    "reversals",
    id_(),
    text_("provider"),
    text_("account"),
    text_("bank_txn_id"),
    text_("identity"),
    text_("status"),
    int_("amount_minor"),
    text_("currency"),
    text_("payer_name"),
    text_("texts"),
    int_("credit", ForeignKey("credits.id"), null=True),
    int_("booked_us"),
    int_("received_us"),
    int_("updated_us"),
    UniqueConstraint("provider", "account", "identity"),
    CheckConstraint(in_("status", REVERSAL_STATUSES), name="status_known"),
    CheckConstraint("amount_minor > 0", name="amount_range"),
    CheckConstraint("status <> 'settled' OR credit IS NOT NULL", name="settled_has_credit"),
    Index(None, "status", "received_us", "id"),
    Index(None, "credit"),
)
"""Money that the bank took back (amounts positive): open until it is known which credit that was.

Settled: that credit is returned. Noted: people said what it was; the books keep it.
"""

pending_credits = table(
    "pending_credits",
    Column("provider", Text, primary_key=True),
    Column("account", Text, primary_key=True),
    Column("identity", Text, primary_key=True),
    int_("amount_minor"),
    text_("currency"),
    text_("reference"),
    text_("payer_name"),
    int_("seen_us"),
    Index(None, "seen_us"),
)
"""What the bank announced and has not booked: nothing is posted for it."""

ledger = table(
    "ledger",
    id_(),
    int_("posting"),
    text_("account"),
    text_("currency"),
    int_("amount_minor"),
    int_("credit", ForeignKey("credits.id"), null=True),
    int_("posted_us"),
    int_("reversal", ForeignKey("reversals.id"), null=True),
    CheckConstraint("amount_minor <> 0", name="amount_range"),
    CheckConstraint(_currencies, name="currency_known"),
    CheckConstraint("credit IS NOT NULL OR reversal IS NOT NULL", name="about_something"),
    # With the amount in it a balance is added up without looking at the rows.
    Index(None, "account", "currency", "amount_minor"),
    Index(None, "credit"),
    Index(None, "posting"),
)

imports = table(
    "imports",
    id_(),
    text_("provider"),
    text_("account"),
    text_("file_name"),
    text_("format"),
    text_("sha256"),
    text_("status"),
    text_("by"),
    int_("entries_count"),
    text_("fault"),
    text_("file_account"),
    text_("notes"),
    int_("created_us"),
    int_("finished_us", null=True),
    text_("balances", null=True),
    CheckConstraint(in_("status", IMPORT_STATUSES), name="status_known"),
    CheckConstraint(
        "(status IN ('done', 'refused')) = (finished_us IS NOT NULL)", name="ended_is_finished"
    ),
    Index(None, "created_us", "id"),
    Index(None, "provider", "account", "sha256"),
)
"""Bank files: being read, being applied, done; or refused, with the fault and no entries.

`balances` are what the bank says stood on the account, as JSON.
"""

file_drafts = table(
    "file_drafts",
    id_(),
    text_("provider"),
    text_("account"),
    text_("file_name"),
    text_("by"),
    int_("created_us"),
    text_("data"),
    Index(None, "created_us"),
)
"""Files of rows that wait until somebody has said what their columns mean; in base64."""

import_entries = table(
    "import_entries",
    Column("import_id", Int, ForeignKey("imports.id"), primary_key=True, autoincrement=False),
    Column("number", Int, primary_key=True, autoincrement=False),
    text_("outcome"),
    text_("entry"),
    int_("credit", ForeignKey("credits.id"), null=True),
    Index(None, "import_id", "outcome", "number"),
)
"""Entries of a file in its order. What becomes of one is written in the transaction that does it;
until then its outcome is empty."""

account_files = table(
    "account_files",
    Column("provider", Text, primary_key=True),
    Column("account", Text, primary_key=True),
    text_("file_account"),
    text_("mapping", null=True),
    int_("updated_us"),
)
"""What is known of an account's files: its number in them, and how its CSV is read."""

decisions = table(
    "decisions",
    id_(),
    text_("what"),
    text_("status"),
    int_("credit", ForeignKey("credits.id"), null=True),
    int_("payment", ForeignKey("payments.id"), null=True),
    int_("project_id", null=True),
    text_("asked"),
    text_("by"),
    text_("why"),
    int_("created_us"),
    text_("ended_by"),
    text_("ended_why"),
    int_("ended_us", null=True),
    CheckConstraint(in_("status", DECISION_STATUSES), name="status_known"),
    CheckConstraint("(status = 'proposed') = (ended_us IS NULL)", name="ended"),
    Index(None, "status", "created_us", "id"),
    Index(None, "credit"),
    Index(None, "payment"),
)
"""What people decided about money; where two must, `proposed` until a second one says so."""
