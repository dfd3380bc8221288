"""The tables of people; `storage.schema` has them with all others."""

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Text, UniqueConstraint

from sampan.storage.columns import Int, id_, int_, table, text_

users = table(
    "users",
    id_(),
    text_("email"),
    text_("email_folded"),
    text_("name"),
    text_("password_hash", null=True),
    text_("totp_sealed", null=True),
    int_("totp_step", null=True),
    text_("recovery"),
    text_("roles"),
    text_("language"),
    int_("created_us"),
    int_("updated_us"),
    int_("disabled_us", null=True),
    int_("failures_count"),
    int_("locked_until_us", null=True),
    text_("invited_sha", null=True),
    int_("invited_until_us", null=True),
    UniqueConstraint("email_folded"),
    UniqueConstraint("invited_sha"),
    CheckConstraint("totp_step IS NULL OR totp_sealed IS NOT NULL", name="step_has_totp"),
    CheckConstraint("failures_count >= 0", name="failures_range"),
    CheckConstraint(
        "(invited_sha IS NULL) = (invited_until_us IS NULL)", name="invitation_is_whole"
    ),
)
"""The people of the Dashboard.

`totp_sealed` without `totp_step` is a second factor that has been shown and not yet proved.
`recovery` holds hashes of codes, `invited_sha` that of the token in an invitation's address.
"""

user_sessions = table(
    "user_sessions",
    Column("token_sha", Text, primary_key=True),
    int_("user_id", ForeignKey("users.id")),
    int_("created_us"),
    int_("seen_us"),
    int_("ends_us"),
    text_("ip_address"),
    text_("agent"),
    int_("passed_totp"),
    CheckConstraint("passed_totp IN (0, 1)", name="passed_totp_known"),
    CheckConstraint("ends_us > created_us", name="ends_after_start"),
    Index(None, "user_id"),
)
"""Who is signed in where; the token itself is only in the browser."""

saved_filters = table(
    "saved_filters",
    id_(),
    int_("user_id", ForeignKey("users.id")),
    text_("list"),
    text_("name"),
    text_("query"),
    int_("updated_us"),
    UniqueConstraint("user_id", "list", "name"),
)
"""Filters that a person keeps under a name, each for one list of the Dashboard."""

list_columns = table(
    "list_columns",
    Column("user_id", Int, ForeignKey("users.id"), primary_key=True, autoincrement=False),
    Column("list", Text, primary_key=True),
    text_("columns"),
)
"""The columns that a person chose for a list, in their order; no row: as it comes."""
api_tokens = table(
    "api_tokens",
    Column("user_id", Int, ForeignKey("users.id"), primary_key=True, autoincrement=False),
    text_("token"),
    text_("secret_sealed"),
    int_("created_us"),
    int_("last_used_us", null=True),
    UniqueConstraint("token"),
)
"""What a person's programs ask the Data API with: the newest token alone."""

api_calls = table(
    "api_calls",
    Column("user_id", Int, ForeignKey("users.id"), primary_key=True, autoincrement=False),
    text_("recent"),
    int_("wide_us", null=True),
)
"""When a person's programs called the Data API within the last minute; outlives their tokens."""

boards = table(
    "boards",
    Column("user_id", Int, ForeignKey("users.id"), primary_key=True, autoincrement=False),
    int_("last_number"),
    int_("updated_us"),
)
"""Boards of figures that people have changed; no row: as it comes."""

board_panels = table(
    "board_panels",
    Column("user_id", Int, ForeignKey("boards.user_id"), primary_key=True, autoincrement=False),
    Column("number", Int, primary_key=True, autoincrement=False),
    int_("position"),
    text_("title"),
    int_("width"),
    text_("spec"),
    CheckConstraint("width IN (1, 2)", name="width_known"),
)
"""The charts on a board, in the order of `position`; a number is not given twice."""
