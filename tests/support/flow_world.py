"""A platform without doors: a real store, a clock that stands still, and every use case."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, TypeVar

import msgspec

from sampan.clock import ManualClock
from sampan.domain import events as ev
from sampan.domain import reference
from sampan.domain.machine import Decision
from sampan.domain.payment import Customer, Operation, Payment, Targets
from sampan.domain.project import Project, ProjectSettings
from sampan.domain.statuses import OperationType
from sampan.errors import Refusal
from sampan.flow import expiry, issuing, notification, resolution
from sampan.flow.sale import SaleRequest, new_request_id, sale
from sampan.flow.settle import Step, settle
from sampan.providers import base as bank
from sampan.storage import callbacks, journal, payments, projects
from sampan.storage import credits as kept
from sampan.storage.callbacks import Callback
from sampan.storage.engine import Store, Tx
from sampan.storage.journal import Entry
from sampan.storage.open import open_store
from sampan.storage.vault import Vault
from tests.support import books

Result = TypeVar("Result")
PROJECT_ID: Final = 123
ACCOUNT: Final = "024-1029384"
CALLBACK_URL: Final = "https://shop.example/callbacks"
PAYLOAD: Final = "00020101021226"
STAFF: Final = "staff:amy"


class FlowWorld:
    """Use cases of one project, each run in a transaction of its own."""

    def __init__(self, store: Store, runner: asyncio.Runner, clock: ManualClock) -> None:
        self.store = store
        self.runner = runner
        self.clock = clock
        self.project = Project(
            id=PROJECT_ID,
            name="Tea house",
            callback_url=CALLBACK_URL,
            secrets=("a secret of the tea house",),
            settings=ProjectSettings(),
        )
        vault = Vault("a master key for tests", clock)
        self.do(lambda tx: projects.add(tx, self.project, vault=vault, now_us=clock.now_us()))

    def do(self, fn: Callable[[Tx], Result]) -> Result:
        """Run a function in a transaction."""
        return self.runner.run(self.store.transact(fn))

    def next_us(self) -> int:
        """Return the time of the next thing that happens: never two at one microsecond."""
        self.clock.advance(1)
        return self.clock.now_us()

    def together(self, *fns: Callable[[Tx], Result]) -> list[Result | BaseException]:
        """Run functions at the same time, each in a transaction of its own."""

        async def gathered() -> list[Result | BaseException]:
            started = [self.store.transact(fn) for fn in fns]
            return await asyncio.gather(*started, return_exceptions=True)

        return self.runner.run(gathered())

    def set(self, **settings: Any) -> None:  # noqa: ANN401 - settings of every type
        """Change settings of the project."""
        changed = msgspec.structs.replace(self.project.settings, **settings)
        self.project = msgspec.structs.replace(self.project, settings=changed)

    def find_project(self, _tx: Tx, project_id: int) -> Project | None:
        """Return the project, None for another id."""
        return self.project if project_id == self.project.id else None

    def request(self, payment_id: str = "p-1", **changes: Any) -> SaleRequest:  # noqa: ANN401
        """A sale over 100.00 in HKD, changed as told."""
        asked: dict[str, Any] = {
            "payment_id": payment_id,
            "amount_minor": 10_000,
            "currency": "HKD",
            "description": "",
            "customer": Customer(id="customer1"),
            "targets": Targets(),
            "digest": f"digest of {payment_id}",
        }
        return SaleRequest(**(asked | changes))

    def take_sale(self, request: SaleRequest) -> Callable[[Tx], str]:
        """Return the use case that takes a sale in, with a request id of its own."""
        request_id = new_request_id(self.clock, self.project.id)
        now_us = self.next_us()
        return lambda tx: sale(tx, self.project, request, request_id=request_id, now_us=now_us)

    def sale(self, payment_id: str = "p-1", **changes: Any) -> str:  # noqa: ANN401
        """Take a sale in; return the request id answered."""
        return self.do(self.take_sale(self.request(payment_id, **changes)))

    def answer(self, outcome: bank.Issued | bank.Refused, *, of: str, redirect_url: str) -> None:
        """Ask the provider about a payment's newest sale and take this answer in."""
        now_us = self.next_us()

        def take(tx: Tx) -> None:
            payment = payments.payment_by_id(tx, self.project.id, of)
            assert payment is not None
            newest = payments.operations_of(tx, payment.key)[-1]
            asked = issuing.asking(tx, self.project, newest)
            if asked is not None:
                issuing.take_answer(tx, asked, outcome, redirect_url=redirect_url, now_us=now_us)

        self.do(take)

    def issue(self, payment_id: str = "p-1", *, redirect_url: str = "") -> None:
        """Let the provider make a QR that lives ten minutes."""
        until_us = self.clock.now_us() + 600_000_001
        issued = bank.Issued(PAYLOAD, until_us)
        self.answer(issued, of=payment_id, redirect_url=redirect_url)

    def waiting(self, payment_id: str = "p-1", **changes: Any) -> Payment:  # noqa: ANN401
        """Take a sale in and show its QR; return the payment."""
        self.sale(payment_id, **changes)
        self.issue(payment_id)
        return self.payment(payment_id)

    def notice(self, notice: bank.Notice, provider: str = "sandbox") -> None:
        """Take a provider's notice in."""
        self.do(self.take_notice(notice, provider))

    def take_notice(self, notice: bank.Notice, provider: str = "sandbox") -> Callable[[Tx], None]:
        """Return the use case that takes a notice in."""
        now_us = self.next_us()
        return lambda tx: notification.take_notice(
            tx, provider, notice, find_project=self.find_project, now_us=now_us
        )

    def credit(self, amount_minor: int = 10_000, *, txn: str = "T1", **changes: Any) -> bank.Credit:  # noqa: ANN401
        """A credit for payment `p-1` (or the one named by `of`), changed as told."""
        of = changes.pop("of", "p-1")
        told: dict[str, Any] = {
            "account": ACCOUNT,
            "bank_txn_id": txn,
            "amount_minor": amount_minor,
            "currency": "HKD",
            "booked_us": self.clock.now_us(),
            "payer_name": "CHAN TAI MAN",
        }
        if "reference" not in changes:
            told["reference"] = self.reference(of)
        return bank.Credit(**(told | changes))

    def pay(self, amount_minor: int = 10_000, *, txn: str = "T1", **changes: Any) -> None:  # noqa: ANN401
        """Let the bank tell of a credit."""
        self.notice(self.credit(amount_minor, txn=txn, **changes))

    def reversal(self, amount_minor: int = 10_000, *, txn: str = "T1") -> bank.Reversal:
        """What the bank tells when it has taken a credit back."""
        return bank.Reversal(
            account=ACCOUNT,
            bank_txn_id=txn,
            amount_minor=amount_minor,
            currency="HKD",
            reference="",
            booked_us=self.clock.now_us(),
        )

    def refuse(
        self, payment_id: str = "p-1", *, notice_id: str = "N1", code: str = "20301"
    ) -> None:
        """Let the bank tell that the customer said no."""
        text = self.reference(payment_id)
        self.notice(bank.Refusal(account=ACCOUNT, notice_id=notice_id, reference=text, code=code))

    def expire(self) -> int:
        """Decline what has run out of time."""
        now_us = self.next_us()
        return self.do(
            lambda tx: expiry.expire_due(tx, find_project=self.find_project, now_us=now_us)
        )

    def run_out(self) -> None:
        """Let the time to pay pass, and decline."""
        self.clock.advance(901_000_000)
        self.expire()

    def take_try_again(self, payment: Payment) -> Callable[[Tx], Decision]:
        """Return the use case in which the customer asks for another attempt."""
        request_id = new_request_id(self.clock, self.project.id)
        step = Step(self.next_us(), "customer", request_id)
        event = ev.TriedAgain(request_id)
        return lambda tx: settle(tx, self.project, payment, event=event, step=step)[0]

    def try_again(self, payment_id: str = "p-1") -> Decision:
        """Let the customer try again on our page."""
        return self.do(self.take_try_again(self.payment(payment_id)))

    def give_up(self, payment_id: str = "p-1") -> Decision:
        """Let the customer go back to the shop."""
        payment, step = self.payment(payment_id), Step(self.next_us(), "customer")

        def leave(tx: Tx) -> Decision:
            return settle(tx, self.project, payment, event=ev.GaveUp(), step=step)[0]

        return self.do(leave)

    def step(self, why: str = "the customer phoned", by: str = STAFF) -> Step:
        """A decision of staff, now."""
        return Step(self.next_us(), by, why)

    def accept(self, payment_id: str = "p-1", step: Step | None = None) -> Payment:
        """Let staff take what waits as the payment."""
        payment, made = self.payment(payment_id), step or self.step()
        return self.do(lambda tx: resolution.accept(tx, self.project, payment, step=made))

    def decline(self, payment_id: str = "p-1", step: Step | None = None) -> Payment:
        """Let staff give a payment up."""
        payment, made = self.payment(payment_id), step or self.step()
        return self.do(lambda tx: resolution.decline(tx, self.project, payment, step=made))

    def give_back(self, credit: kept.Credit, step: Step | None = None) -> None:
        """Let staff note that a credit went back."""
        made = step or self.step()
        self.do(lambda tx: resolution.mark_returned(tx, credit, step=made))

    def refused(self, act: Callable[[], object]) -> Refusal | None:
        """Do something; return how it was refused, None when it was done."""
        try:
            act()
        except Refusal as refusal:
            return refusal
        return None

    def payment(self, payment_id: str = "p-1") -> Payment:
        """Return a payment as it stands."""
        found = self.do(lambda tx: payments.payment_by_id(tx, self.project.id, payment_id))
        assert found is not None
        return found

    def operations(self, payment_id: str = "p-1") -> Sequence[Operation]:
        """Return a payment's operations, oldest first."""
        key = self.payment(payment_id).key
        return self.do(lambda tx: payments.operations_of(tx, key))

    def reference(self, payment_id: str = "p-1", *, attempt: int = -1) -> str:
        """Return the reference that stands in the newest QR of a payment, or in an older one."""
        sales = [one for one in self.operations(payment_id) if one.type is OperationType.SALE]
        return reference.encode(sales[attempt].id)

    def callbacks(self, payment_id: str = "p-1") -> Sequence[Callback]:
        """Return a payment's callbacks, oldest first."""
        key = self.payment(payment_id).key
        return self.do(lambda tx: callbacks.of_payment(tx, key))

    def bodies(self, payment_id: str = "p-1") -> list[dict[str, Any]]:
        """Return the bodies of a payment's callbacks, oldest first."""
        return [msgspec.json.decode(one.body) for one in self.callbacks(payment_id)]

    def journal(self, payment_id: str = "p-1") -> Sequence[Entry]:
        """Return a payment's journal, oldest first."""
        key = self.payment(payment_id).key
        return self.do(lambda tx: journal.of_payment(tx, key))

    def credits(self) -> list[kept.Credit]:
        """Return every credit, oldest first."""
        found = self.do(lambda tx: kept.listing(tx, status=None, most=1000))
        return sorted(found, key=lambda credit: (credit.received_us, credit.id))

    def credit_statuses(self) -> list[str]:
        """Return the status of every credit, oldest first."""
        return [credit.status for credit in self.credits()]

    def prove(self) -> None:
        """Prove books, journal and callbacks."""
        self.do(books.assert_books)
        self.do(books.assert_told)


@contextmanager
def open_world(url: str) -> Iterator[FlowWorld]:
    """Open a platform over a migrated, empty database; prove its books after the block."""
    with asyncio.Runner() as runner:
        clock = ManualClock()
        store = runner.run(open_store(url, clock, migrated=True))
        try:
            world = FlowWorld(store, runner, clock)
            yield world
            world.prove()
        finally:
            runner.run(store.close())
