"""The people of the Dashboard and where they are signed in.

Revision 0003.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
Int = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make room for people and their sessions."""
    _users()
    _sessions()


def _users() -> None:
    op.create_table(
        "users",
        sa.Column("id", Int, autoincrement=False, nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("email_folded", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=True),
        sa.Column("totp_sealed", sa.Text(), nullable=True),
        sa.Column("totp_step", Int, nullable=True),
        sa.Column("recovery", sa.Text(), nullable=False),
        sa.Column("roles", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("created_us", Int, nullable=False),
        sa.Column("updated_us", Int, nullable=False),
        sa.Column("disabled_us", Int, nullable=True),
        sa.Column("failures_count", Int, nullable=False),
        sa.Column("locked_until_us", Int, nullable=True),
        sa.Column("invited_sha", sa.Text(), nullable=True),
        sa.Column("invited_until_us", Int, nullable=True),
        sa.CheckConstraint(
            "totp_step IS NULL OR totp_sealed IS NOT NULL", name=op.f("ck_users_step_has_totp")
        ),
        sa.CheckConstraint("failures_count >= 0", name=op.f("ck_users_failures_range")),
        sa.CheckConstraint(
            "(invited_sha IS NULL) = (invited_until_us IS NULL)",
            name=op.f("ck_users_invitation_is_whole"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
        sa.UniqueConstraint("email_folded", name=op.f("uq_users_email_folded")),
        sa.UniqueConstraint("invited_sha", name=op.f("uq_users_invited_sha")),
        sqlite_strict=True,
    )


def _sessions() -> None:
    op.create_table(
        "user_sessions",
        sa.Column("token_sha", sa.Text(), nullable=False),
        sa.Column("user_id", Int, nullable=False),
        sa.Column("created_us", Int, nullable=False),
        sa.Column("seen_us", Int, nullable=False),
        sa.Column("ends_us", Int, nullable=False),
        sa.Column("ip_address", sa.Text(), nullable=False),
        sa.Column("agent", sa.Text(), nullable=False),
        sa.Column("passed_totp", Int, nullable=False),
        sa.CheckConstraint(
            "passed_totp IN (0, 1)", name=op.f("ck_user_sessions_passed_totp_known")
        ),
        sa.CheckConstraint("ends_us > created_us", name=op.f("ck_user_sessions_ends_after_start")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_user_sessions_user_id")),
        sa.PrimaryKeyConstraint("token_sha", name=op.f("pk_user_sessions")),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_user_sessions_user_id"), "user_sessions", ["user_id"], unique=False)
