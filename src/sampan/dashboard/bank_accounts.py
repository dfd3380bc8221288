"""The accounts at banks that money comes to, with names for people."""

from collections.abc import Sequence
from typing import NamedTuple

from sampan.dashboard.visit import Visit
from sampan.domain import fps_account
from sampan.storage import credit_lists, fps_accounts, projects
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
    now_us = visit.now_us
    of_projects = {
        (one.settings.provider, one.settings.payee_fps_id): ""
        for one in projects.every(tx, vault=visit.desk.vault, now_us=now_us)
        if one.settings.provider != fps_account.PROVIDER and one.settings.payee_fps_id
    }
    known = dict.fromkeys(credit_lists.accounts(tx), "") | of_projects
    known |= set_up(tx, now_us=now_us)
    return [
        BankAccount(provider, account, name or f"{provider} {account}")
        for (provider, account), name in sorted(known.items())
    ]


def set_up(tx: Tx, *, now_us: int) -> dict[tuple[str, str], str]:
    """Return (provider, account) → the name that people gave it, of FPS accounts."""
    return {
        (fps_account.PROVIDER, card.account.key): card.account.name
        for card in fps_accounts.every(tx, now_us=now_us)
    }


def chosen(accounts: Sequence[BankAccount], value: str) -> BankAccount | None:
    """Return the account that a form or an address names, None where it is none of ours."""
    return next((one for one in accounts if one.value == value), None)


def names(accounts: Sequence[BankAccount]) -> dict[tuple[str, str], str]:
    """Return (provider, account) → name for people."""
    return {(one.provider, one.account): one.name for one in accounts}
