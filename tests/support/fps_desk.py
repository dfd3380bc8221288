"""FPS accounts as a merchant has them, for pictures and browser tests of the Dashboard."""

from __future__ import annotations

import itertools
from datetime import timedelta
from typing import Any, Final

from sampan.codecs import emv_qr
from sampan.codecs.emv_reader import EPOCH
from sampan.domain.fps_trial import Amount, App, Ended, Opened, Payee, Seen, Step, Trial
from sampan.domain.payment import Payment
from sampan.flow import fps_trials
from tests.support import payment_examples
from tests.support.client import Body
from tests.support.fps import AccountClient, add_account
from tests.support.merchant import Merchant
from tests.support.platform import ProjectClient, RunningPlatform

GOOD: Final[dict[str, Any]] = {
    "opened": Opened.YES,
    "payee": Payee.RIGHT,
    "amount": Amount.FIXED,
    "shown": Seen.BILL_NUMBER,
}
_numbers: Final = itertools.count(1)


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


class Shop:
    """A new project that is paid to an FPS account: its bank, and what the shop is told."""

    def __init__(self, account: AccountClient, merchant: Merchant) -> None:
        self.account = account
        self.merchant = merchant
        platform, secret = account.platform, merchant.secrets[0]
        self.project = platform.add_project(merchant.url, secret=secret, provider="fps")
        account.attach(self.project)

    def asks(self, payment_id: str, amount: int) -> Payment:
        """Ask for money; return the payment whose QR is shown."""
        return payment_examples.waiting(self.project, payment_id, amount=amount)

    def comes(self, amount: int, payment: Payment) -> str:
        """Let the bank tell by a marked notice that money came now; return the bank's id of it."""
        told = f"FRN20261124{next(_numbers):06}"
        now = EPOCH + timedelta(microseconds=self.project.platform.clock.now_us())
        more = {"amount_minor": amount, "booked_at": now.isoformat(), "payer_name": "CHAN TAI MAN"}
        notice = self.account.credit(told, self.reference(payment), **more)
        assert self.account.notify(notice).body == {"taken": 1}
        return told

    @staticmethod
    def reference(payment: Payment) -> str:
        """Return the bill number in a payment's QR."""
        assert payment.display is not None
        code = emv_qr.decode(payment.display.payload).fps
        assert code is not None
        return code.bill_number or ""

    def gate(self, payment_id: str) -> tuple[str, int]:
        """Return what Gate says: a payment's status, and its sum in cents."""
        payment = self.project.status(payment_id)["payment"]
        return payment["status"], payment["sum"]["amount"]

    def operations(self, payment_id: str) -> list[tuple[str, str]]:
        """Return what Gate says of a payment's operations, the oldest first: types, statuses."""
        operations = self.project.status(payment_id)["operations"]
        return [(one["type"], one["status"]) for one in operations]

    def told(self, payment_id: str, operation: str) -> Body:
        """Return the payment in the callback about an operation that made it paid."""
        found = self.merchant.callback(payment_id, "success", operation=operation)
        return dict(found.body["payment"])
