"""FPS accounts, the projects that use them, and the account and amount in an operation's QR.

Revision 0012.
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
Int = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make room for accounts; operations before them name none."""
    _create_accounts()
    op.create_table(
        "project_accounts",
        sa.Column("project_id", Int, autoincrement=False, nullable=False),
        sa.Column("account_id", Int, autoincrement=False, nullable=False),
        sa.Column("position", Int, nullable=False),
        sa.Column("chosen_us", Int, nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name=op.f("fk_project_accounts_project_id")
        ),
        sa.ForeignKeyConstraint(
            ["account_id"], ["fps_accounts.id"], name=op.f("fk_project_accounts_account_id")
        ),
        sa.PrimaryKeyConstraint("project_id", "account_id", name=op.f("pk_project_accounts")),
        sqlite_strict=True,
    )
    op.create_index(
        op.f("ix_project_accounts_account_id"), "project_accounts", ["account_id"], unique=False
    )
    op.add_column("operations", sa.Column("account", sa.Text(), nullable=True))
    op.add_column("operations", sa.Column("qr_minor", Int, nullable=True))
    for name, last in (("account", ("created_us", "qr_minor")), ("qr", ("qr_minor", "created_us"))):
        op.create_index(
            f"ix_operations_{name}",
            "operations",
            ["account", "currency", *last],
            unique=False,
            sqlite_where=sa.text("account IS NOT NULL"),
            postgresql_where=sa.text("account IS NOT NULL"),
        )


def _create_accounts() -> None:
    texts = (
        *("name", "proxy_kind", "proxy", "clearing_code", "bank_account", "payee_name"),
        *("payee_name_zh", "city", "mcc", "currencies", "reference_mode"),
    )
    numbers = ("amount_lock", "timeout_in_qr", "off_max_minor", "is_on")
    op.create_table(
        "fps_accounts",
        sa.Column("id", Int, autoincrement=False, nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in texts),
        *(sa.Column(name, Int, nullable=False) for name in numbers),
        sa.Column("key_sealed", sa.Text(), nullable=False),
        sa.Column("key_previous_sealed", sa.Text(), nullable=True),
        sa.Column("key_previous_until_us", Int, nullable=True),
        *(sa.Column(name, Int, nullable=False) for name in ("key_set_us", "created_us")),
        sa.Column("updated_us", Int, nullable=False),
        sa.CheckConstraint(
            "proxy_kind IN ('email', 'fps_id', 'mobile')",
            name=op.f("ck_fps_accounts_proxy_kind_known"),
        ),
        sa.CheckConstraint(
            "currencies IN ('HKD', 'CNY', 'HKD,CNY')", name=op.f("ck_fps_accounts_currencies_known")
        ),
        sa.CheckConstraint(
            "reference_mode IN ('bill_number', 'both', 'none', 'reference_label')",
            name=op.f("ck_fps_accounts_reference_mode_known"),
        ),
        sa.CheckConstraint("amount_lock IN (0, 1)", name=op.f("ck_fps_accounts_amount_lock_flag")),
        sa.CheckConstraint(
            "timeout_in_qr IN (0, 1)", name=op.f("ck_fps_accounts_timeout_in_qr_flag")
        ),
        sa.CheckConstraint("is_on IN (0, 1)", name=op.f("ck_fps_accounts_is_on_flag")),
        sa.CheckConstraint(
            "off_max_minor BETWEEN 0 AND 100", name=op.f("ck_fps_accounts_off_max_range")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_fps_accounts")),
        sa.UniqueConstraint("name", name=op.f("uq_fps_accounts_name")),
        sqlite_strict=True,
    )
