"""Lists, totals and search of payments find what a plain model finds, on both engines."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Any, Final

import msgspec
import pytest

from sampan.domain import reference
from sampan.domain.payment import Customer, Operation, Payment
from sampan.domain.project import Project, ProjectSettings
from sampan.domain.statuses import FINAL, OperationType, Origin, PaymentStatus
from sampan.storage import payment_lists as lists
from sampan.storage import payment_ways, payments, projects
from sampan.storage.engine import Store, Tx
from sampan.storage.payment_lists import Filter, PaymentRow
from sampan.storage.vault import Vault
from sampan.testing.storage_rows_suite import SAME_IDS, add_payment
from sampan.testing.storage_suite import MASTER_KEY, PROJECT_ID, StoreSuite
from tests.support.databases import open_store

FEW_COUNT: Final = 60
ROWS_COUNT: Final = 300
COMBINED_COUNT: Final = 150
PROJECTS_COUNT: Final = payment_ways.WALKS_MAX + 2
CUSTOMERS: Final = ("guest", "c%", "c_", "c", "o'hara", 'say "hi"', "茶", "C%")
HUGE: Final = 2**80
EVERYTHING: Final = Filter()

VALUES: Final[dict[str, Sequence[Any]]] = {
    "project_ids": (
        (PROJECT_ID,),
        (PROJECT_ID, PROJECT_ID + 1, PROJECT_ID),
        tuple(range(PROJECT_ID, PROJECT_ID + PROJECTS_COUNT)),
        (),
        (999_999,),
        (-1, HUGE),
        (-HUGE, PROJECT_ID),
    ),
    "statuses": (
        (PaymentStatus.SUCCESS,),
        (PaymentStatus.PROCESSING, PaymentStatus.AWAITING_CUSTOMER),
        (PaymentStatus.PROCESSING, PaymentStatus.DECLINE),
        (),
    ),
    "currencies": (("HKD",), ("HKD", "CNY"), (), ("hkd",), ("H%",), ("HKD\0",), ("\ud800", "CNY")),
    "amount_min_minor": (0, 500, -1, HUGE, -HUGE),
    "amount_max_minor": (0, 500, -1, HUGE, -HUGE),
    "created_from_us": (20, 0, HUGE, -HUGE),
    "created_to_us": (20, 0, HUGE, -HUGE),
    "updated_from_us": (40, 0, HUGE, -HUGE),
    "updated_to_us": (40, 0, HUGE, -HUGE),
    "origin": tuple(Origin),
    "held": (True,),
    "customer_id": (*CUSTOMERS, "", "c\0", "\udfff", "nobody"),
    "text": (*CUSTOMERS, "P-7", "p-8", "req-9", "ref-3", "", "\0", "p-7%", "\ud800", "9" * 30),
}
"""Values of every filter: usual ones, edges, and such as no row has."""

Row = dict[str, Any]


def operation(tx: Tx, payment: Payment, number: int, **changes: object) -> Operation:
    """Write an operation of a payment and return it."""
    made = Operation(
        id=tx.new_id(),
        payment_key=payment.key,
        type=OperationType.SALE,
        status=PaymentStatus.PROCESSING,
        amount_minor=payment.amount_minor,
        currency=payment.currency,
        request_id=f"req-{number}",
        code=f"code-{number}",
        message="",
        provider_id=1,
        provider_ref=f"ref-{number}" if number % 3 == 0 else "",
        created_us=payment.created_us,
        updated_us=payment.created_us,
    )
    made = msgspec.structs.replace(made, **changes)
    payments.insert_operation(tx, made, project_id=payment.project_id, digest="")
    return made


def write(tx: Tx, number: int, draw: random.Random) -> Row:
    """Write a payment with its operations, drawn by lot; return it as the model has it."""
    status = draw.choice(list(PaymentStatus))
    created = draw.randrange(60)
    before = add_payment(
        tx,
        f"P-{number}",
        project_id=PROJECT_ID + min(draw.randrange(PROJECTS_COUNT), draw.randrange(4)),
        currency=draw.choice(("HKD", "CNY")),
        amount_minor=draw.choice((0, 1, 499, 500, 501, 10**13)),
        customer=Customer(id=draw.choice(CUSTOMERS)),
        origin=draw.choice(list(Origin)),
        created_us=created,
    )
    after = msgspec.structs.replace(
        before,
        status=status,
        paid_minor=before.amount_minor + 1 if status is PaymentStatus.SUCCESS else 0,
        held_count=draw.choice((0, 0, 2)),
        updated_us=created + draw.randrange(30),
        finished_us=99 if status in FINAL else None,
    )
    assert payments.move_payment(tx, before, after)
    steps = [
        operation(tx, after, number * 10 + n, created_us=created - n)
        for n in range(draw.randrange(3))
    ]
    return {"payment": after, "operations": steps}


def shown(row: Row) -> PaymentRow:
    """Return a payment of the model as a list shows it."""
    payment: Payment = row["payment"]
    return PaymentRow(
        key=payment.key,
        project_id=payment.project_id,
        payment_id=payment.id,
        status=payment.status,
        currency=payment.currency,
        amount_minor=payment.amount_minor,
        paid_minor=payment.paid_minor,
        customer_id=payment.customer.id,
        created_us=payment.created_us,
        updated_us=payment.updated_us,
        held_count=payment.held_count,
        origin=payment.origin,
        description=payment.description,
        # The newest one by its own time, which is not the one that was written last.
        code=max(row["operations"], key=lambda each: each.created_us).code
        if row["operations"]
        else "",
    )


def named(row: Row, text: str) -> bool:
    """Whether a text is an id of a payment."""
    payment: Payment = row["payment"]
    ids = {payment.customer.id}
    for each in row["operations"]:
        ids |= {str(each.id), each.request_id, reference.encode(each.id)}
        ids |= {each.provider_ref} - {""}
    return text in ids or text.casefold() == payment.id.casefold()


FITS: Final[dict[str, Callable[[Payment, Any], bool]]] = {
    "project_ids": lambda p, v: p.project_id in v,
    "statuses": lambda p, v: p.status in v,
    "currencies": lambda p, v: p.currency in v,
    "amount_min_minor": lambda p, v: p.amount_minor >= v,
    "amount_max_minor": lambda p, v: p.amount_minor <= v,
    "created_from_us": lambda p, v: p.created_us >= v,
    "created_to_us": lambda p, v: p.created_us < v,
    "updated_from_us": lambda p, v: p.updated_us >= v,
    "updated_to_us": lambda p, v: p.updated_us < v,
    "origin": lambda p, v: p.origin == v,
    "held": lambda p, v: not v or p.held_count > 0,
    "customer_id": lambda p, v: p.customer.id == v,
}


def model(rows: Sequence[Row], wanted: Filter) -> list[PaymentRow]:
    """Return what a list must show, newest first."""
    found = []
    for row in rows:
        given = {name: getattr(wanted, name) for name in FITS}
        fits = all(FITS[n](row["payment"], v) for n, v in given.items() if v is not None)
        if fits and (wanted.text is None or named(row, wanted.text)):
            found.append(shown(row))
    return sorted(found, key=lambda each: (each.created_us, each.key), reverse=True)


def added(rows: Sequence[PaymentRow]) -> dict[tuple[str, str], tuple[int, int, int]]:
    """Add rows up by currency and status."""
    sums: dict[tuple[str, str], tuple[int, int, int]] = defaultdict(lambda: (0, 0, 0))
    for row in rows:
        count, asked, paid = sums[row.currency, row.status]
        sums[row.currency, row.status] = (
            count + 1,
            asked + row.amount_minor,
            paid + row.paid_minor,
        )
    return dict(sums)


def filters() -> Iterator[Filter]:
    """Return every value alone, then many combinations."""
    yield EVERYTHING
    for name, values in VALUES.items():
        for value in values:
            yield Filter(**{name: value})
    draw = random.Random(5)
    for _ in range(COMBINED_COUNT):
        names = draw.sample(list(VALUES), draw.randrange(2, 5))
        yield Filter(**{name: draw.choice(VALUES[name]) for name in names})


class TestPaymentLists(StoreSuite):
    """What lists show."""

    @pytest.fixture(autouse=True)
    def _database(self, database_url: str) -> None:
        self._url = database_url

    def open_store(self) -> AbstractAsyncContextManager[Store]:
        """Open a store on the database of this check."""
        return open_store(self._url)

    async def filled(self, store: Store, count: int = ROWS_COUNT) -> list[Row]:
        """Fill the database; return the model."""

        def fill(tx: Tx) -> list[Row]:
            vault = Vault(MASTER_KEY, store.clock)
            for number in range(1, PROJECTS_COUNT):
                project = Project(
                    id=PROJECT_ID + number,
                    name="",
                    callback_url="",
                    secrets=("s",),
                    settings=ProjectSettings(),
                )
                projects.add(tx, project, vault=vault, now_us=1)
            draw = random.Random(3)
            return [write(tx, number, draw) for number in range(count)]

        return await store.transact(fill)

    def test_filters(self) -> None:
        """Each filter alone, and combined, lists and adds up what the model does."""

        async def story(store: Store) -> None:
            rows = await self.filled(store)

            def ask(tx: Tx) -> None:
                hits = 0
                for wanted in filters():
                    expected = model(rows, wanted)
                    hits += bool(expected)
                    found = lists.page(tx, wanted, most=1000)
                    assert (list(found.rows), found.next) == (expected, None), wanted
                    sums = lists.totals(tx, wanted, most=1000)
                    assert not sums.counts_capped
                    assert {
                        (g.currency, g.status): (g.count, g.asked_minor, g.paid_minor)
                        for g in sums.groups
                    } == added(expected), wanted
                    groups = [(g.currency, g.status) for g in sums.groups]
                    assert groups == sorted(groups)
                assert hits > COMBINED_COUNT // 4

            await store.read(ask)

        self.check(story)

    @pytest.mark.parametrize("looks", [1, 7])
    def test_bounded_looks(self, monkeypatch: pytest.MonkeyPatch, looks: int) -> None:
        """However few rows a page looks through, all pages together are the list, in order."""
        monkeypatch.setattr(lists, "LOOKS_MAX", looks)

        async def story(store: Store) -> None:
            rows = await self.filled(store, FEW_COUNT)

            def ask(tx: Tx) -> None:
                short = 0
                for wanted in filters():
                    found: list[lists.PaymentRow] = []
                    after, done = None, False
                    while not done:
                        page = lists.page(tx, wanted, after=after, most=5)
                        found += page.rows
                        if page.looked_to_us is not None:
                            short += 1
                            assert len(page.rows) <= 5
                            assert all(row.created_us >= page.looked_to_us for row in page.rows)
                        after, done = page.next, page.next is None
                    assert found == model(rows, wanted), wanted
                assert short > 0

            await store.read(ask)

        self.check(story)

    def test_every_filter_is_in_the_table(self) -> None:
        """No field of the filter is forgotten by the conditions or by this test."""
        fields = set(Filter.__struct_fields__)
        assert fields == set(VALUES)
        assert fields == {*payment_ways.WALKED, *payment_ways.PICKED, "project_ids", "text"}

    def test_pages(self) -> None:
        """Pages of any size make up the list, though new payments arrive between them."""

        async def story(store: Store) -> None:
            rows = await self.filled(store, 60)
            some = tuple(range(PROJECT_ID, PROJECT_ID + 3))
            for wanted in (EVERYTHING, Filter(project_ids=some), Filter(text="guest")):
                for most in (7, 50):
                    expected = model(rows, wanted)
                    found: list[PaymentRow] = []
                    after: str | None = None
                    while True:
                        got = await store.read(
                            partial(lists.page, wanted=wanted, after=after, most=most)
                        )
                        found.extend(got.rows)
                        if got.next is None:
                            break
                        assert len(got.rows) == most
                        after = got.next
                        late = await store.transact(
                            lambda tx: add_payment(tx, f"late-{tx.new_id()}", created_us=1000)
                        )
                        rows.append({"payment": late, "operations": []})
                    assert found == expected

        self.check(story)

    def test_equal_times(self) -> None:
        """Payments of one moment have an order of their own, and each is shown once."""

        async def story(store: Store) -> None:
            made = await store.transact(lambda tx: [add_payment(tx, f"p{n}") for n in range(30)])
            seen: list[int] = []
            after: str | None = None
            while True:
                got = await store.read(partial(lists.page, wanted=EVERYTHING, after=after, most=4))
                seen.extend(row.key for row in got.rows)
                after = got.next
                if after is None:
                    break
            assert seen == sorted((each.key for each in made), reverse=True)

        self.check(story)

    def test_cursors(self) -> None:
        """A cursor that is broken, or of another filter, is a `ValueError`."""

        async def story(store: Store) -> None:
            await store.transact(lambda tx: [add_payment(tx, f"p{n}") for n in range(3)])
            mine = Filter(project_ids=(PROJECT_ID,))
            good = (await store.read(lambda tx: lists.page(tx, mine, most=1))).next
            assert good is not None
            assert good.isascii()
            changed = good[:5] + ("A" if good[5] != "A" else "B") + good[6:]
            bad = ["", "x", "茶", "\0", good[:-1], good + "A", good + "=", good * 2, changed, " "]
            for text in (*bad, "A" * 32, "\ud800"):
                with pytest.raises(ValueError, match="cursor"):
                    await store.read(partial(lists.page, wanted=mine, after=text, most=1))
            for other in (EVERYTHING, Filter(project_ids=(PROJECT_ID, 8)), Filter(text="p1")):
                with pytest.raises(ValueError, match="cursor"):
                    await store.read(partial(lists.page, wanted=other, after=good, most=1))
            assert (await store.read(partial(lists.page, wanted=mine, after=good, most=5))).rows

        self.check(story)

    def test_bounds(self) -> None:
        """How much is asked for has a limit, and beyond it is a `ValueError`."""

        async def story(store: Store) -> None:
            many = Filter(project_ids=tuple(range(1, lists.VALUES_MAX + 2)))
            for most in (0, -1, lists.PAGE_MAX + 1):
                with pytest.raises(ValueError, match="rows"):
                    await store.read(partial(lists.page, wanted=EVERYTHING, most=most))
            for most in (0, lists.TOTALS_MAX + 1):
                with pytest.raises(ValueError, match="rows"):
                    await store.read(partial(lists.totals, wanted=EVERYTHING, most=most))
            with pytest.raises(ValueError, match="values"):
                await store.read(partial(lists.page, wanted=many, most=1))
            with pytest.raises(ValueError, match="values"):
                await store.read(partial(lists.totals, wanted=many, most=1))
            full = Filter(project_ids=many.project_ids and many.project_ids[1:])
            await store.transact(add_payment)
            assert len((await store.read(partial(lists.page, wanted=full, most=1))).rows) == 1

        self.check(story)

    def test_capped(self) -> None:
        """As many rows as may be counted are counted; one more, and only that is said."""

        async def story(store: Store) -> None:
            await store.transact(
                lambda tx: [add_payment(tx, f"p{n}", customer=Customer(id="P1")) for n in range(20)]
            )
            # The text is looked for on two ways, as a payment id and as a customer's.
            asked = {EVERYTHING: 20, Filter(text="P1"): 21, Filter(project_ids=(PROJECT_ID,)): 20}
            for wanted, looks in asked.items():
                enough = await store.read(partial(lists.totals, wanted=wanted, most=looks))
                assert [(g.count, g.asked_minor) for g in enough.groups] == [(20, 200_000)]
                assert not enough.counts_capped
                capped = await store.read(partial(lists.totals, wanted=wanted, most=looks - 1))
                assert capped == lists.Totals((), counts_capped=True)

        self.check(story)

    def test_search(self) -> None:
        """Each kind of id finds its payment, in the projects that are asked for alone."""

        async def story(store: Store) -> None:
            await self.filled(store, 30)

            def put(tx: Tx) -> tuple[Payment, Operation]:
                payment = add_payment(tx, "Straße 1%", customer=Customer(id="o'hara_%"))
                return payment, operation(tx, payment, 9999, provider_ref="FPS-1")

            payment, step = await store.transact(put)
            written = reference.encode(step.id)
            for text in (
                *("STRASSE 1%", "straße 1%", "o'hara_%", str(step.id), "req-9999", "FPS-1"),
                *(written, written.lower(), f"{written[:4]}-{written[4:]}"),
            ):
                for within, count in ((None, 1), ([PROJECT_ID], 1), ([PROJECT_ID + 1], 0), ([], 0)):
                    search = partial(lists.search, text=text, project_ids=within)
                    found = await store.read(search)
                    assert [row.key for row in found] == [payment.key] * count, text
            for text in ("straße 1_", "O'HARA_%", "FPS-1 ", "fps-1", "REQ-9999", "", "0", "\0"):
                assert not await store.read(partial(lists.search, text=text, project_ids=None))

        self.check(story)

    @pytest.mark.parametrize(("first", "second"), SAME_IDS)
    def test_search_without_regard_to_case(self, first: str, second: str) -> None:
        """A payment id is found as its other spelling, and shown as it was sent."""

        async def story(store: Store) -> None:
            await store.transact(lambda tx: add_payment(tx, first))
            found = await store.read(partial(lists.search, text=second, project_ids=None))
            assert [row.payment_id for row in found] == [first]

        self.check(story)

    def test_search_is_bounded(self) -> None:
        """Of a customer's many payments the newest are found."""

        async def story(store: Store) -> None:
            count = lists.SEARCH_MAX + 5
            await store.transact(
                lambda tx: [add_payment(tx, f"p{n}", created_us=n) for n in range(count)]
            )
            found = await store.read(partial(lists.search, text="c", project_ids=None))
            assert [row.created_us for row in found] == list(range(count - 1, 4, -1))

        self.check(story)
