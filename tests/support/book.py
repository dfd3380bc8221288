"""A book of many payments of every kind, lived through by the use cases themselves.

Each fate below is a generator: it lets things happen to one payment and yields how long nothing
does. `fill` lets thousands of them live beside each other, in the order of time, over weeks.

    fill(url, count=10_000)      # into a migrated, empty database
"""

from __future__ import annotations

import asyncio
import heapq
import random
from collections.abc import Callable, Generator
from typing import Final

import msgspec

from sampan.clock import DAY_US, HOUR_US, MINUTE_US, SECOND_US, ManualClock
from sampan.domain import events as ev
from sampan.domain import reference
from sampan.domain.page_links import PageLinks
from sampan.domain.payment import Customer, Operation, Payment, Targets
from sampan.domain.project import Project, ProjectSettings
from sampan.domain.statuses import FINAL, OperationType, Origin
from sampan.flow import issuing, links, notification, page, refund, resolution
from sampan.flow.links import LinkRequest, Office
from sampan.flow.mailing import Mailroom
from sampan.flow.refund import RefundRequest
from sampan.flow.sale import SaleRequest, new_request_id, sale
from sampan.flow.settle import Step, settle
from sampan.providers import base as bank
from sampan.storage import callbacks, payments, projects
from sampan.storage import credits as kept
from sampan.storage.callbacks import Attempt
from sampan.storage.engine import Store, Tx
from sampan.storage.open import open_store
from sampan.storage.vault import Vault
from tests.support.platform import MASTER_KEY

PROJECTS: Final = {101: "Tea house", 102: "茶 <Tea> & more", 103: "=Books"}
SECRET: Final = "secret of the book"
BEGUN_US: Final = 1_790_000_000_000_000
"""In September 2026; the book ends well before the clock of whoever reads it."""
DAYS: Final = 40
TOGETHER: Final = 200
"""Things that happen in one transaction."""
STAFF: Final = "staff:amy@tea.example"

Life = Generator[int, None, None]
Fate = Callable[["Book", "One"], Life]


class One(msgspec.Struct, frozen=True, kw_only=True):
    """A payment to come."""

    number: int
    project: Project
    amount_minor: int
    currency: str
    customer: Customer
    description: str

    @property
    def id(self) -> str:
        """The merchant's id of it."""
        return f"Order-{self.number}"


class Book:
    """All that fates need: the transaction and the time in which they go on."""

    def __init__(self, seed: int) -> None:
        self.clock = ManualClock(BEGUN_US, seed=seed)
        self.draw = random.Random(seed)
        self.projects = {
            number: Project(
                id=number,
                name=name,
                callback_url=f"https://shop-{number}.example/callbacks" if number != 103 else "",
                secrets=(SECRET,),
                settings=ProjectSettings(retry_attempts_max=3),
            )
            for number, name in PROJECTS.items()
        }
        self.office = Office(
            PageLinks("https://pay.example", "a secret of links"),
            Mailroom(Vault(MASTER_KEY, self.clock), is_on=False),
        )
        self._tx: Tx | None = None
        self.notices = 0

    @property
    def tx(self) -> Tx:
        """The transaction that is open."""
        assert self._tx is not None
        return self._tx

    def within(self, tx: Tx | None) -> None:
        """Let what follows happen in a transaction."""
        self._tx = tx

    def now_us(self) -> int:
        """Return the time of the next thing: never two at one microsecond."""
        self.clock.advance(1)
        return self.clock.now_us()

    def find_project(self, _tx: Tx, project_id: int) -> Project | None:
        """Return a project."""
        return self.projects.get(project_id)

    # --- what may happen to one ------------------------------------------------------------

    def payment(self, one: One) -> Payment:
        """Return a payment as it stands."""
        found = payments.payment_by_id(self.tx, one.project.id, one.id)
        assert found is not None
        return found

    def step(self, by: str, why: str = "") -> Step:
        """Return a step that is made now."""
        return Step(self.now_us(), by, why)

    def sell(self, one: One) -> None:
        """Take a sale in through Gate or, for every third, from our page."""
        request = SaleRequest(
            payment_id=one.id,
            amount_minor=one.amount_minor,
            currency=one.currency,
            description=one.description,
            customer=one.customer,
            targets=Targets(),
            digest=f"digest of {one.id}",
            origin=Origin.PAGE if one.number % 3 == 0 else Origin.GATE,
        )
        request_id = new_request_id(self.clock, one.project.id)
        sale(self.tx, one.project, request, request_id=request_id, now_us=self.now_us())

    def issue(self, one: One, *, refused: bool = False) -> None:
        """Let the provider answer about the newest sale."""
        newest = self._sale(one)
        asked = issuing.asking(self.tx, one.project, newest)
        assert asked is not None
        until_us = self.clock.now_us() + 600 * SECOND_US
        outcome = bank.Refused("20301") if refused else bank.Issued("00020101021226", until_us)
        issuing.take_answer(self.tx, asked, outcome, now_us=self.now_us())

    def _sale(self, one: One) -> Operation:
        every = payments.operations_of(self.tx, self.payment(one).key)
        return [each for each in every if each.type is OperationType.SALE][-1]

    def pay(self, one: One, *, more_minor: int = 0, currency: str = "") -> None:
        """Let the bank tell of money for the newest QR."""
        self.notices += 1
        notice = bank.Credit(
            account=f"acc-{one.project.id}",
            bank_txn_id=f"T{self.notices}",
            amount_minor=one.amount_minor + more_minor,
            currency=currency or one.currency,
            reference=reference.encode(self._sale(one).id),
            booked_us=self.clock.now_us(),
            payer_name="CHAN TAI MAN",
        )
        self._tell(notice)

    def refuse(self, one: One) -> None:
        """Let the bank tell that the customer said no."""
        self.notices += 1
        self._tell(
            bank.Refusal(
                account=f"acc-{one.project.id}",
                notice_id=f"N{self.notices}",
                reference=reference.encode(self._sale(one).id),
                code="20301",
            )
        )

    def _tell(self, notice: bank.Notice) -> None:
        notification.take_notice(
            self.tx, "sandbox", notice, find_project=self.find_project, now_us=self.now_us()
        )

    def expire(self, one: One) -> None:
        """Let a payment's time run out."""
        payment = self.payment(one)
        event = ev.Expired(payment.attempts_count)
        settle(self.tx, one.project, payment, event=event, step=self.step("clock"))

    def link(self, one: One) -> None:
        """Make a payment link that is good for three days."""
        request = LinkRequest(
            payment_id=one.id,
            amount_minor=one.amount_minor,
            currency=one.currency,
            customer=one.customer,
            description=one.description,
            best_before_us=self.clock.now_us() + 3 * DAY_US,
            digest=f"digest of {one.id}",
        )
        why = new_request_id(self.clock, one.project.id)
        made = self.step("merchant", why)
        links.create(self.tx, one.project, request, office=self.office, step=made)

    def confirm(self, one: One) -> None:
        """Let the customer of a link begin on our page."""
        event = ev.Confirmed(new_request_id(self.clock, one.project.id))
        step = self.step("customer", event.request_id)
        settle(self.tx, one.project, self.payment(one), event=event, step=step)

    def tried(self, one: One, http_status: int | None) -> None:
        """Let the newest callback be tried once."""
        every = callbacks.of_payment(self.tx, self.payment(one).key)
        if every:
            attempt = Attempt(
                callback=every[-1].id,
                number=every[-1].attempts_count + 1,
                at_us=self.now_us(),
                url=every[-1].url,
                http_status=http_status,
                duration_ms=self.draw.randrange(900),
                answer="",
                error="" if http_status else "the connection was refused",
            )
            callbacks.insert_attempt(self.tx, attempt)


# --- fates ------------------------------------------------------------------------------------


def _waiting(book: Book, one: One) -> Life:
    book.sell(one)
    yield SECOND_US
    book.issue(one)
    yield book.draw.randrange(1, 500) * SECOND_US


def _paid(book: Book, one: One) -> Life:
    yield from _waiting(book, one)
    book.pay(one)
    yield SECOND_US
    book.tried(one, 200)


def _begun(book: Book, one: One) -> Life:
    book.sell(one)
    yield 0


def _refused_by_the_bank(book: Book, one: One) -> Life:
    book.sell(one)
    yield SECOND_US
    book.issue(one, refused=True)
    yield SECOND_US
    book.tried(one, 500)


def _refused(book: Book, one: One) -> Life:
    yield from _waiting(book, one)
    book.refuse(one)
    yield MINUTE_US
    book.tried(one, None)


def _expired(book: Book, one: One) -> Life:
    yield from _waiting(book, one)
    yield 16 * MINUTE_US
    book.expire(one)
    # On our page the customer might have tried again.
    yield HOUR_US
    if book.payment(one).status not in FINAL:
        book.expire(one)


def _late(book: Book, one: One) -> Life:
    yield from _expired(book, one)
    yield HOUR_US
    book.pay(one)


def _late_accepted(book: Book, one: One) -> Life:
    yield from _late(book, one)
    yield book.draw.randrange(1, 40) * HOUR_US
    step = book.step(STAFF, "paid late")
    resolution.accept(book.tx, one.project, book.payment(one), step=step)


def _short(book: Book, one: One) -> Life:
    yield from _waiting(book, one)
    book.pay(one, more_minor=-1)


def _short_accepted(book: Book, one: One) -> Life:
    yield from _short(book, one)
    yield 20 * HOUR_US
    step = book.step(STAFF, "a cent is no matter")
    resolution.accept(book.tx, one.project, book.payment(one), step=step)


def _over_declined(book: Book, one: One) -> Life:
    yield from _waiting(book, one)
    book.pay(one, more_minor=500)
    yield 2 * HOUR_US
    step = book.step(STAFF, "not ours")
    resolution.decline(book.tx, one.project, book.payment(one), step=step)


def _twice(book: Book, one: One) -> Life:
    yield from _paid(book, one)
    yield MINUTE_US
    book.pay(one)


def _twice_returned(book: Book, one: One) -> Life:
    yield from _twice(book, one)
    yield DAY_US
    held = kept.of_payment(book.tx, book.payment(one).key)
    step = book.step(STAFF, "sent back")
    resolution.mark_returned(book.tx, held[-1], step=step)


def _other_currency(book: Book, one: One) -> Life:
    yield from _waiting(book, one)
    book.pay(one, currency="CNY" if one.currency == "HKD" else "HKD")


def _again(book: Book, one: One) -> Life:
    yield from _waiting(book, one)
    book.refuse(one)
    yield MINUTE_US
    payment = book.payment(one)
    if page.try_again(
        book.tx,
        one.project,
        payment,
        step=book.step("customer", new_request_id(book.clock, one.project.id)),
    ):
        yield SECOND_US
        book.issue(one)
        yield MINUTE_US
        book.pay(one)


def _error(book: Book, one: One) -> Life:
    book.sell(msgspec.structs.replace(one, currency="USD"))
    yield 0


def _too_much(book: Book, one: One) -> Life:
    book.sell(msgspec.structs.replace(one, amount_minor=2_000_000))
    yield 0


def _refund(book: Book, one: One) -> Life:
    yield from _paid(book, one)
    yield DAY_US
    request = RefundRequest(
        payment_id=one.id,
        amount_minor=one.amount_minor // 2,
        merchant_refund_id=f"back-{one.number}",
        digest=f"refund of {one.id}",
    )
    refund.refuse_refund(
        book.tx,
        one.project,
        request,
        request_id=new_request_id(book.clock, one.project.id),
        now_us=book.now_us(),
    )


def _link(book: Book, one: One) -> Life:
    book.link(one)
    yield 0


def _link_paid(book: Book, one: One) -> Life:
    book.link(one)
    yield book.draw.randrange(1, 60) * HOUR_US
    book.confirm(one)
    yield SECOND_US
    book.issue(one)
    yield MINUTE_US
    book.pay(one)


def _link_cancelled(book: Book, one: One) -> Life:
    book.link(one)
    yield 9 * HOUR_US
    step = book.step(STAFF, "sold out")
    links.cancel(book.tx, one.project, one.id, office=book.office, step=step)


def _link_expired(book: Book, one: One) -> Life:
    book.link(one)
    yield 3 * DAY_US + SECOND_US
    book.expire(one)


FATES: Final[dict[Fate, int]] = {
    _paid: 60,
    _begun: 1,
    _waiting: 1,
    _refused_by_the_bank: 2,
    _refused: 6,
    _expired: 6,
    _late: 1,
    _late_accepted: 2,
    _short: 1,
    _short_accepted: 2,
    _over_declined: 1,
    _twice: 1,
    _twice_returned: 1,
    _other_currency: 1,
    _again: 3,
    _error: 2,
    _too_much: 1,
    _refund: 2,
    _link: 1,
    _link_paid: 3,
    _link_cancelled: 1,
    _link_expired: 1,
}
"""What may become of a payment, and how often that is."""


def _ones(book: Book, count: int) -> list[tuple[int, int, Life]]:
    """Return when each payment begins, its number and its life."""
    draw, begun = book.draw, []
    for number in range(1, count + 1):
        one = One(
            number=number,
            project=book.projects[draw.choice((101, 101, 102, 103))],
            amount_minor=draw.randrange(100, 900_000),
            currency="HKD" if draw.random() < 0.8 else "CNY",
            customer=Customer(
                id=f"c-{draw.randrange(max(1, count // 4))}",
                email=f"c{number}@tea.example" if number % 2 else "",
                ip_address="203.0.113.7",
            ),
            description=draw.choice(
                ("Two coffees", "烏龍茶 100 克", "=1+1", 'a "cup"; two\nlines')
            ),
        )
        # Every fate is met, however few payments there are.
        fates = list(FATES)
        fate = (
            fates[number] if number < len(fates) else draw.choices(fates, list(FATES.values()))[0]
        )
        begun.append((BEGUN_US + draw.randrange(DAYS * DAY_US), number, fate(book, one)))
    return begun


def fill(url: str, *, count: int, seed: int = 7) -> None:
    """Let so many payments live in a migrated, empty database."""
    with asyncio.Runner() as runner:
        book = Book(seed)
        store: Store = runner.run(open_store(url, book.clock, migrated=True))
        try:
            vault = Vault(MASTER_KEY, book.clock)

            def add(tx: Tx) -> None:
                for project in book.projects.values():
                    projects.add(tx, project, vault=vault, now_us=BEGUN_US)

            runner.run(store.transact(add))
            due = _ones(book, count)
            heapq.heapify(due)
            while due:
                runner.run(store.transact(lambda tx: _some(tx, book, due)))
        finally:
            runner.run(store.close())


def _some(tx: Tx, book: Book, due: list[tuple[int, int, Life]]) -> None:
    """Let the next things happen."""
    book.within(tx)
    for _ in range(TOGETHER):
        if not due:
            return
        at_us, number, life = heapq.heappop(due)
        book.clock.advance(max(0, at_us - book.clock.now_us()))
        wait_us = next(life, None)
        if wait_us is not None:
            heapq.heappush(due, (book.clock.now_us() + wait_us, number, life))
