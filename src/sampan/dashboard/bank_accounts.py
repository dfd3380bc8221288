"""The accounts at banks that money comes to, with names for people."""

from collections.abc import Sequence
from typing import NamedTuple

from sampan.dashboard.visit import Visit
from sampan.flow import credit_views
from sampan.storage.engine import Tx


class BankAccount(NamedTuple):
    """An account as credits name it, and its name for people."""

    provider: str
    account: str
    name: str

    @property
    def value(self) -> str:
        """What forms and addresses carry."""
        return f"{self.provider}/{self.account}"


def every(visit: Visit, tx: Tx) -> Sequence[BankAccount]:
    """Return every account that is set up, that a project uses, or that money ever came to."""
    known = credit_views.known_accounts(tx, vault=visit.desk.vault, now_us=visit.now_us)
    return [
        BankAccount(provider, account, name or f"{provider} {account}")
        for (provider, account), name in known.items()
    ]


def chosen(accounts: Sequence[BankAccount], value: str) -> BankAccount | None:
    """Return the account that a form or an address names, None where it is none of ours."""
    return next((one for one in accounts if one.value == value), None)


def names(accounts: Sequence[BankAccount]) -> dict[tuple[str, str], str]:
    """Return (provider, account) → name for people."""
    return {(one.provider, one.account): one.name for one in accounts}
