"""Tables of the merchants' FPS accounts, and of which project uses which."""

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, UniqueConstraint

from sampan.domain.fps_account import OFF_MAX_MINOR, ProxyKind
from sampan.domain.project import ReferenceMode
from sampan.storage.columns import Int, id_, in_, int_, table, text_

CURRENCIES = ("HKD", "CNY", "HKD,CNY")

fps_accounts = table(
    "fps_accounts",
    id_(),
    text_("name"),
    text_("proxy_kind"),
    text_("proxy"),
    text_("clearing_code"),
    text_("bank_account"),
    text_("payee_name"),
    text_("payee_name_zh"),
    text_("city"),
    text_("mcc"),
    text_("currencies"),
    text_("reference_mode"),
    int_("amount_lock"),
    int_("timeout_in_qr"),
    int_("off_max_minor"),
    int_("is_on"),
    text_("key_sealed"),
    text_("key_previous_sealed", null=True),
    int_("key_previous_until_us", null=True),
    int_("key_set_us"),
    int_("created_us"),
    int_("updated_us"),
    text_("trial", null=True),
    UniqueConstraint("name"),
    CheckConstraint(in_("proxy_kind", sorted(ProxyKind)), name="proxy_kind_known"),
    CheckConstraint(in_("currencies", CURRENCIES), name="currencies_known"),
    CheckConstraint(in_("reference_mode", sorted(ReferenceMode)), name="reference_mode_known"),
    CheckConstraint("amount_lock IN (0, 1)", name="amount_lock_flag"),
    CheckConstraint("timeout_in_qr IN (0, 1)", name="timeout_in_qr_flag"),
    CheckConstraint("is_on IN (0, 1)", name="is_on_flag"),
    CheckConstraint(f"off_max_minor BETWEEN 0 AND {OFF_MAX_MINOR}", name="off_max_range"),
)
"""Accounts. The key that marks notices about one is sealed, and a previous one verifies until its
time. Accounts are switched off and never deleted: credits and operations name them. `trial` is what
bank apps did with the last test code, as JSON."""

project_accounts = table(
    "project_accounts",
    Column("project_id", Int, ForeignKey("projects.id"), primary_key=True, autoincrement=False),
    Column("account_id", Int, ForeignKey("fps_accounts.id"), primary_key=True, autoincrement=False),
    int_("position"),
    int_("chosen_us"),
    Index(None, "account_id"),
)
"""Which accounts a project uses, in which order, and when each was last chosen."""
