"""Money that fits and money that does not, made through the public doors: for tests and screens.

    money = MoneyWorld(project)
    credit = money.late("TEA-1")          # the credit, which waits for a person
    money.fill()                          # a day of it

Everything arrives by the sandbox bank's signed notices, as a bank's words would.
"""

from __future__ import annotations

import itertools
from typing import Final

from sampan.codecs import emv_qr
from sampan.domain.payment import Payment
from sampan.storage import credits as kept
from sampan.storage.credits import Credit
from tests.support import payment_examples
from tests.support.platform import ProjectClient

_numbers: Final = itertools.count(1)


class MoneyWorld:
    """A project's money, told by its bank."""

    def __init__(self, project: ProjectClient) -> None:
        self.project = project
        self.platform = project.platform

    def waiting(self, payment_id: str, *, amount: int = 10_000, **more: object) -> Payment:
        """Return a payment whose QR is shown."""
        return payment_examples.waiting(self.project, payment_id, amount=amount, **more)

    def reference(self, payment: Payment) -> str:
        """Return the reference in a payment's QR."""
        assert payment.display is not None
        fps = emv_qr.decode(payment.display.payload).fps
        assert fps is not None
        return fps.bill_number or fps.reference_label or ""

    def tell(self, amount_minor: int, reference: str = "", **changes: object) -> Credit:
        """Let the bank say that money came; return the credit as it is kept."""
        found = self.credit(self.notify(amount_minor, reference, **changes))
        assert found is not None
        return found

    def notify(self, amount_minor: int, reference: str = "", **changes: object) -> str:
        """Let the bank say that money came; return its id."""
        number = next(_numbers)
        notice = {
            "type": "credit",
            "account": self.project.fps_id,
            "bank_txn_id": f"HKB{self.project.id:05}{number:06}",
            "amount_minor": amount_minor,
            "currency": "HKD",
            "reference": reference,
            "booked_us": self.platform.clock.now_us(),
            "payer_name": "CHAN TAI MAN",
        } | changes
        answer = self.platform.bank.notify(notice)
        assert answer.status == 200, answer.raw
        return str(notice["bank_txn_id"])

    def credit(self, bank_txn_id: str) -> Credit | None:
        """Return a credit by the bank's id."""
        return self.platform.read(
            lambda tx: kept.find_known(tx, "sandbox", self.project.fps_id, identity=bank_txn_id)
        )

    def again(self, credit: Credit) -> Credit:
        """Return a credit as it stands now."""
        found = self.platform.read(lambda tx: kept.find(tx, credit.id))
        assert found is not None
        return found

    def paid(self, payment_id: str, *, amount: int = 10_000, **more: object) -> Credit:
        """Return the money of a payment that it pays."""
        payment = self.waiting(payment_id, amount=amount, **more)
        return self.tell(amount, self.reference(payment))

    def short(self, payment_id: str, *, amount: int = 10_000, less: int = 1_000) -> Credit:
        """Return money that is held: less than its payment asks for."""
        return self.tell(amount - less, self.reference(self.waiting(payment_id, amount=amount)))

    def over(self, payment_id: str, *, amount: int = 10_000, more: int = 500) -> Credit:
        """Return money that is held: more than its payment asks for."""
        return self.tell(amount + more, self.reference(self.waiting(payment_id, amount=amount)))

    def double(self, payment_id: str, *, amount: int = 10_000) -> Credit:
        """Return money that came a second time for a payment that is paid."""
        payment = self.waiting(payment_id, amount=amount)
        self.tell(amount, self.reference(payment))
        return self.tell(amount, self.reference(payment))

    def declined(self, payment_id: str, *, amount: int = 10_000, **more: object) -> Payment:
        """Return a payment whose customer said no at the bank."""
        payment = self.waiting(payment_id, amount=amount, **more)
        notice = {
            "type": "refusal",
            "account": self.project.fps_id,
            "notice_id": f"R{next(_numbers)}",
            "reference": self.reference(payment),
            "code": "20301",
        }
        assert self.platform.bank.notify(notice).status == 200
        return payment_examples.stands(self.project, payment_id, "decline")

    def late(self, payment_id: str, *, amount: int = 10_000) -> Credit:
        """Return money that came after its payment was declined."""
        return self.tell(amount, self.reference(self.declined(payment_id, amount=amount)))

    def mangled(self, payment_id: str, *, amount: int = 10_000) -> Credit:
        """Return money whose reference has a slip, and whose sum is not what was asked for."""
        named = self.reference(self.waiting(payment_id, amount=amount))
        slip = "7" if named[3] != "7" else "8"
        return self.tell(amount - 100, named[:3] + slip + named[4:])

    def strange(self, amount_minor: int = 4_200, **changes: object) -> Credit:
        """Return money that names nothing."""
        return self.tell(amount_minor, "RENT OCTOBER", **{"payer_name": "LEE SIU FUNG", **changes})

    def foreign(self, payment_id: str, *, amount: int = 10_000) -> Credit:
        """Return money in another currency than its payment's."""
        named = self.reference(self.waiting(payment_id, amount=amount))
        return self.tell(amount, named, currency="CNY")

    def fill(self) -> dict[str, Credit]:
        """Make a day of money of every kind; return kind → credit."""
        who = {"customer": {"first_name": "Tai Man", "last_name": "Chan"}}
        made = {
            f"paid-{number}": self.paid(f"TEA-201{number:02}", amount=8_800 + 700 * number, **who)
            for number in range(8)
        }
        made["short"] = self.short("TEA-30001", amount=128_000, less=8_000)
        made["over"] = self.over("TEA-30002", amount=9_900)
        made["late"] = self.late("TEA-30003", amount=45_000)
        made["double"] = self.double("TEA-30004", amount=16_800)
        made["mangled"] = self.mangled("TEA-30005", amount=23_650)
        made["foreign"] = self.foreign("TEA-30006", amount=31_200)
        made["strange"] = self.strange(660_000)
        self.waiting("TEA-30007", amount=52_000, **who)
        self.waiting("TEA-30008", amount=14_000, **who)
        made["several"] = self.tell(66_000, "TEA 30007 AND 30008", payer_name="WONG KA YAN")
        return made
