"""Refunds of a merchant's own account, from money in to the bank's debit: for tests and screens.

    refunding = RefundWorld(project, account)
    credit = refunding.paid("TEA-1")                 # money that paid a payment
    refunding.debit(refund)                          # the bank's file says that it paid a refund

Money comes and goes by the bank's files, sent over HTTP with the account's mark.
"""

from __future__ import annotations

import itertools
from typing import Any, Final

from sampan import money
from sampan.codecs import emv_qr
from sampan.flow.refund_records import reference_of
from sampan.providers.marks import mark
from sampan.storage import credits as kept
from sampan.storage import decisions, refunds
from sampan.storage.credits import Credit
from sampan.storage.refunds import Refund
from sampan.web.i18n import moment
from tests.support import camt, payment_examples
from tests.support.fps import AccountClient, add_account
from tests.support.platform import ProjectClient, RunningPlatform, until
from tests.support.staff import Member

PAYER: Final = "CHAN TAI MAN"
PAYER_ACCOUNT: Final = "024-987654321"
NUMBER: Final = "004123456789001"
_numbers: Final = itertools.count(1)


class RefundWorld:
    """A project that lets money of its account be refunded, and the account's bank."""

    def __init__(self, project: ProjectClient, account: AccountClient) -> None:
        self.project = project
        self.account = account
        self.platform = project.platform

    def file(self, *entries: camt.Ntry) -> bytes:
        """Return a camt.053 of the account."""
        statement = camt.Stmt(
            id=f"S{next(_numbers)}",
            balances=(),
            entries=entries,
            account=self.account.account.bank_account or NUMBER,
        )
        return camt.File(message="camt.053", statements=(statement,)).xml()

    def send(self, *entries: camt.Ntry) -> None:
        """Let the bank send a file of the account."""
        raw = self.file(*entries)
        headers = mark(self.account.key, raw, now_us=self.platform.clock.now_us())
        path = f"/notifications/fps/{self.account.account.id}/statements?name=day.xml"
        answer = self.platform.client.request("POST", path, body=raw, headers=headers)
        assert answer.status == 200, answer.raw

    def entry(self, amount_minor: int, *, currency: str = "HKD", **changes: str) -> camt.Ntry:
        """Return an entry of now: money in, or out where the sum is negative."""
        direction, amount = "CRDT", money.to_text(abs(amount_minor), currency)
        if amount_minor < 0:
            direction = "DBIT"
        identity = f"R{self.project.id:05}{next(_numbers):06}"
        told: dict[str, Any] = {"payer_account": PAYER_ACCOUNT, **changes}
        one = camt.Tx(
            amount=amount, currency=currency, direction=direction, bank_ref=identity, **told
        )
        return camt.Ntry(
            amount=amount,
            currency=currency,
            direction=direction,
            bank_ref=identity,
            booked=moment(self.platform.clock.now_us()).isoformat(timespec="seconds"),
            txs=(one,),
        )

    def came(self, amount_minor: int = 10_000, reference: str = "", **changes: str) -> Credit:
        """Let money come in; return it as it is kept."""
        entry = self.entry(amount_minor, end_to_end=reference or "NOTPROVIDED", **changes)
        self.send(entry)

        def there() -> Credit | None:
            every = self.platform.read(lambda tx: kept.listing(tx, status=None, most=1_000))
            return next((one for one in every if one.bank_txn_id == entry.bank_ref), None)

        return until(there)

    def paid(self, payment_id: str, *, amount: int = 10_000, **changes: str) -> Credit:
        """Return money that paid a payment."""
        payment = payment_examples.waiting(self.project, payment_id, amount=amount)
        assert payment.display is not None
        fps = emv_qr.decode(payment.display.payload).fps
        assert fps is not None
        credit = self.came(amount, fps.bill_number or "", **changes)
        assert credit.status == "applied"
        return credit

    def debit_of(self, refund: Refund) -> camt.Ntry:
        """Return the entry by which the bank says that it paid a refund."""
        return self.entry(
            -refund.amount_minor,
            currency=refund.currency,
            end_to_end=reference_of(refund),
            payer="HARBOUR TEA HOUSE",
            payer_account=NUMBER,
            payee=refund.payee.name,
        )

    def debit(self, refund: Refund) -> None:
        """Let the bank say that it paid a refund, and wait until that is known."""
        self.send(self.debit_of(refund))
        until(lambda: self.again(refund).status == "confirmed" or None)

    def refunds(self, credit: Credit) -> list[Refund]:
        """Return the refunds of some money, the oldest first."""
        return list(self.platform.read(lambda tx: refunds.of_credit(tx, credit.id)))

    def again(self, refund: Refund) -> Refund:
        """Return a refund as it stands now."""
        found = self.platform.read(lambda tx: refunds.find(tx, refund.id))
        assert found is not None
        return found

    def credit(self, credit: Credit) -> Credit:
        """Return some money as it stands now."""
        found = self.platform.read(lambda tx: kept.find(tx, credit.id))
        assert found is not None
        return found


def refund_world(
    platform: RunningPlatform,
    *,
    callback_url: str = "",
    bank_account: str = NUMBER,
    **settings: object,
) -> RefundWorld:
    """Add a project whose staff may have money refunded, with an account of its own."""
    chosen: dict[str, Any] = {"refunds": True, "refund_alone_max_minor": 1_000_000, **settings}
    project = platform.add_project(callback_url, provider="fps", **chosen)
    account = add_account(platform, bank_account=bank_account, currencies="HKD,CNY")
    account.attach(project)
    return RefundWorld(project, account)


def refund_screens(platform: RunningPlatform, owner: Member) -> dict[str, str]:
    """Let money be refunded, some of it still on its way; return name → path of every screen."""
    world = refund_world(platform, refund_alone_max_minor=50_000)
    chan = {"name": "Chan Tai Man", "kind": "account", "number": "987654321", "bank_code": "024"}
    wong = {"name": "WONG SIU MING", "kind": "mobile", "number": "91234567", "bank_code": ""}
    sure = {"confirmed": "1", "checked": "1"}

    def refund(credit: Credit, amount: str, payee: dict[str, str], why: str) -> None:
        fields = {"amount": amount, "left": credit.amount_minor, "why": why, **payee, **sure}
        assert owner.post(f"/credits/{credit.id}/refund", **fields).status == 303

    paid = [world.paid(f"TEA-5000{number}", amount=16_800) for number in range(4)]
    refund(paid[0], "168.00", chan, "The pot came broken")
    refund(paid[1], "40.00", chan, "One tin was missing")
    refund(paid[2], "168.00", wong, "Her husband had paid")
    dear = world.paid("TEA-50009", amount=128_000)
    refund(dear, "1280.00", wong, "The order was cancelled")
    made = [world.refunds(credit)[-1] for credit in paid[:3]]
    filed = {"refund": [one.id for one in made[:2]], "format": "pain.001"}
    assert owner.post("/refunds/files", **filed).status == 303
    world.debit(made[0])
    (proposed,) = platform.read(lambda tx: decisions.about(tx, credit=dear.id))
    below = {
        "refunds": "/refunds",
        "refund": f"/refunds/{made[0].id}",
        "refund-waiting": f"/refunds/{made[2].id}",
        "refund-new": f"/credits/{paid[3].id}/refund",
        "refund-proposed": f"/credits/decisions/{proposed.id}",
        "credit-refunded": f"/credits/{paid[1].id}",
    }
    return {name: f"/dashboard{path}" for name, path in below.items()}
