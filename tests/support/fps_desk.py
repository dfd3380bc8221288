"""FPS accounts as a merchant has them, for pictures and browser tests of the Dashboard."""

from __future__ import annotations

from typing import Any, Final

from sampan.domain.fps_trial import Amount, App, Ended, Opened, Payee, Seen, Step, Trial
from sampan.flow import fps_trials
from tests.support.fps import AccountClient, add_account
from tests.support.platform import ProjectClient, RunningPlatform

GOOD: Final[dict[str, Any]] = {
    "opened": Opened.YES,
    "payee": Payee.RIGHT,
    "amount": Amount.FIXED,
    "shown": Seen.BILL_NUMBER,
}


def tried(account: AccountClient, step: Step, *apps: App) -> None:
    """Keep what apps did with a test code of an account."""
    act = account.act
    told = Trial(step=step, apps=apps, at_us=act.now_us, by=act.by)
    account.platform.transact(
        lambda tx: fps_trials.note(tx, account.account.id, told, act=act),
    )


def fill(platform: RunningPlatform, project: ProjectClient) -> dict[str, str]:
    """Give a project three accounts, one tried out; return name → path of every screen of them."""
    main = add_account(platform, name="HSBC main", proxy="166069526")
    till = add_account(
        platform,
        name="BOC renminbi",
        proxy_kind="mobile",
        proxy="+852-91234567",
        clearing_code="012",
        currencies="HKD,CNY",
        reference_mode="none",
        off_max_minor=30,
    )
    old = add_account(platform, name="Old account", proxy="1029384", is_on=False)
    for account in (main, till):
        account.attach(project)
    hsbc = App(name="HSBC HK", booked=Seen.BILL_NUMBER, ended=Ended.REFUSED, **GOOD)
    tried(main, Step.BOTH, hsbc, App(name="ZA Bank", **{**GOOD, "amount": Amount.CHANGEABLE}))
    tried(
        old,
        Step.NO_TIMEOUT,
        App(name="HSBC HK", opened=Opened.REFUSED),
        App(name="ZA Bank", opened=Opened.REFUSED),
    )
    below = {
        "accounts": "",
        "account-new": "/new",
        "account": f"/{main.account.id}",
        "account-trial": f"/{till.account.id}/trial",
        "account-trial-result": f"/{main.account.id}/trial/result",
        "account-trial-stopped": f"/{old.account.id}/trial/result",
        "account-notices": f"/{main.account.id}/notices",
        "account-till": f"/{main.account.id}/till",
        "account-poster": f"/{main.account.id}/till/print",
    }
    return {name: f"/dashboard/accounts{path}" for name, path in below.items()} | {
        "project-bank": f"/dashboard/projects/{project.id}/bank"
    }
