"""What every engine must keep about the rows: uniqueness, CHECKs, sums, texts and numbers."""
# ruff: noqa: S101, RUF001 - a check is made of assertions, and of letters that look alike

import asyncio
from functools import partial
from typing import Final

import msgspec
import pytest

from sampan.domain import ledger as books
from sampan.domain.payment import Customer, DisplayData, Fault, Operation, Payment, Targets
from sampan.domain.statuses import OperationType, Origin, PaymentStatus
from sampan.errors import SetupError
from sampan.storage import (
    credits,  # noqa: A004 - the table is called so
    ledger,
    payments,
    projects,
)
from sampan.storage.credits import Credit
from sampan.storage.engine import Conflict, Store, Tx
from sampan.storage.vault import Vault
from sampan.testing.storage_suite import (
    MANY,
    MASTER_KEY,
    PROJECT_ID,
    StoreSuite,
    new_payment,
    note,
    notes,
)

SAME_IDS: Final = (
    ("Order-1", "oRDER-1"),
    ("straße", "STRASSE"),
    ("İstanbul", "İSTANBUL"),
    ("ｆｕｌｌ", "ＦＵＬＬ"),
    ("Ωmega🛶", "ωMEGA🛶"),
)
"""Pairs that are one payment id without regard to case."""
OTHER_IDS: Final = ("a%", "ab", "a_", "ｆull", "full", "🛶", "🛶🛶", "istan", "ıstan", " a", "a")
"""Ids that all differ: wildcards, widths, emoji, the dotless i and spaces are characters too."""

REQUESTED: Final[dict[str, object]] = {
    "amount_minor": 10**13,
    "currency": "CNY",
    "description": "茶; tea",
    "customer": Customer(id="c", first_name="Tai Man"),
    "targets": Targets(callback_url="https://shop.example/callbacks", callback_delay_s=7),
    "faults": (Fault(code="502", message="Validation error"),),
    "updated_us": 2,
    "decline_us": 3,
    "origin": Origin.PAGE,
    "merchant_data": "cart=7;茶",
    "best_before_us": 2**53 - 1,
}
"""All that a request says of a payment, none of it as `new_payment` has it."""
MOVED: Final[dict[str, object]] = {
    "status": PaymentStatus.AWAITING_CUSTOMER,
    "display": DisplayData(payload="0002", expires_us=7, lifetime_s=600),
    "faults": (),
    "held_count": 2,
    "attempts_count": 3,
    "retry_until_us": 2**53 - 2,
    "decline_us": 10,
    "updated_us": 11,
}
"""All that a move changes on a payment, all of it at once."""


def credit(tx: Tx, bank_txn_id: str = "t1", **changes: object) -> Credit:
    """Return an unapplied credit of HK$100.00, changed as told; nothing is written."""
    values = {
        "id": tx.new_id(),
        "provider": "fps",
        "account": "acc",
        "bank_txn_id": bank_txn_id,
        "status": "unapplied",
        "amount_minor": 10_000,
        "currency": "HKD",
        "reference": "",
        "payer_name": "",
        "payment": None,
        "booked_us": 1,
        "received_us": 1,
        "updated_us": 1,
        "identity": bank_txn_id,
        "booked_to_us": 1,
    }
    return Credit(**(values | changes))  # type: ignore[arg-type] # values of a check


def add_payment(tx: Tx, payment_id: str = "p", **changes: object) -> Payment:
    """Write a payment and return it."""
    payment = new_payment(tx, payment_id, **changes)
    assert payments.insert_payment(tx, payment)
    return payment


def add_credit(tx: Tx, bank_txn_id: str = "t1", **changes: object) -> Credit:
    """Write a credit and return it."""
    made = credit(tx, bank_txn_id, **changes)
    credits.insert_credit(tx, made)
    return made


class RowSuite(StoreSuite):
    """Checks of what the tables hold and refuse."""

    @pytest.mark.parametrize(("first", "second"), SAME_IDS)
    def test_same_payment_id(self, first: str, second: str) -> None:
        """Ids that differ in case alone are one payment, kept as it was first sent."""

        async def story(store: Store) -> None:
            await store.transact(lambda tx: add_payment(tx, first))
            assert not await store.transact(
                lambda tx: payments.insert_payment(tx, new_payment(tx, second))
            )
            found = await store.read(lambda tx: payments.payment_by_id(tx, PROJECT_ID, second))
            assert found is not None
            assert found.id == first

        self.check(story)

    def test_other_payment_ids(self) -> None:
        """Wildcards, widths, emoji and spaces make different ids, and each finds itself."""

        async def story(store: Store) -> None:
            await store.transact(lambda tx: [add_payment(tx, one) for one in OTHER_IDS])
            for wanted in OTHER_IDS:
                find = partial(payments.payment_by_id, project_id=PROJECT_ID, payment_id=wanted)
                found = await store.read(find)
                assert found is not None
                assert found.id == wanted

        self.check(story)

    def test_payment_id_inserted_once(self) -> None:
        """Of 200 inserts of one payment id at once, one does it."""

        async def story(store: Store) -> None:
            done = await asyncio.gather(
                *(
                    store.transact(lambda tx: payments.insert_payment(tx, new_payment(tx)))
                    for _ in range(MANY)
                )
            )
            assert sum(done) == 1

        self.check(story)

    def test_payment_kept_whole(self) -> None:
        """A payment comes back as it was inserted, every field of it."""

        async def story(store: Store) -> None:
            payment = await store.transact(lambda tx: add_payment(tx, "p", **REQUESTED))
            assert await store.read(lambda tx: payments.payment_by_key(tx, payment.key)) == payment
            plain = await store.transact(lambda tx: add_payment(tx, "plain"))
            assert await store.read(lambda tx: payments.payment_by_key(tx, plain.key)) == plain

        self.check(story)

    def test_payment_moved_whole(self) -> None:
        """A move writes all that moves, also back to nothing, and leaves what was asked for."""

        async def story(store: Store) -> None:
            before = await store.transact(lambda tx: add_payment(tx, "p", **REQUESTED))
            after = msgspec.structs.replace(before, **MOVED)
            assert await store.transact(lambda tx: payments.move_payment(tx, before, after))
            assert await store.read(lambda tx: payments.payment_by_key(tx, before.key)) == after
            ended = msgspec.structs.replace(
                after,
                status=PaymentStatus.SUCCESS,
                paid_minor=9_000,
                display=None,
                faults=(),
                held_count=0,
                retry_until_us=None,
                updated_us=12,
                finished_us=12,
            )
            assert await store.transact(lambda tx: payments.move_payment(tx, after, ended))
            assert await store.read(lambda tx: payments.payment_by_key(tx, before.key)) == ended

        self.check(story)

    def test_payment_laid_over_one_in_error(self) -> None:
        """A request that replaces one in `error` replaces all that a request says."""

        async def story(store: Store) -> None:
            failed = {"status": PaymentStatus.ERROR, "finished_us": 2, "amount_minor": 0}
            before = await store.transact(lambda tx: add_payment(tx, "p", **failed))
            corrected = await store.transact(lambda tx: new_payment(tx, "p", **REQUESTED))
            after = msgspec.structs.replace(
                corrected, key=before.key, created_us=before.created_us, updated_us=8
            )
            assert await store.transact(lambda tx: payments.restart_payment(tx, after))
            assert await store.read(lambda tx: payments.payment_by_key(tx, before.key)) == after
            assert not await store.transact(lambda tx: payments.restart_payment(tx, after))

        self.check(story)

    @pytest.mark.parametrize(
        "change", [{"held_count": 1}, {"attempts_count": 2}, {"status": PaymentStatus.ERROR}]
    )
    def test_payment_moves_from_what_was_read(self, change: dict[str, object]) -> None:
        """A move that read another status, other held money or another attempt does nothing."""

        async def story(store: Store) -> None:
            payment = await store.transact(add_payment)
            read = msgspec.structs.replace(payment, **change)
            after = msgspec.structs.replace(payment, updated_us=9)
            assert not await store.transact(lambda tx: payments.move_payment(tx, read, after))
            assert await store.read(lambda tx: payments.payment_by_key(tx, payment.key)) == payment

        self.check(story)

    @pytest.mark.parametrize("change", [{"attempts_count": 0}, {"held_count": -1}], ids=str)
    def test_refused_move(self, change: dict[str, object]) -> None:
        """A payment without an attempt, or with less than no held money, is refused."""

        async def story(store: Store) -> None:
            payment = await store.transact(add_payment)
            after = msgspec.structs.replace(payment, **change)
            told = await asyncio.gather(
                store.transact(lambda tx: payments.move_payment(tx, payment, after)),
                return_exceptions=True,
            )
            assert isinstance(told[0], Conflict)

        self.check(story)

    @pytest.mark.parametrize(
        "change",
        [{"status": "gone"}, {"amount_minor": 0}, {"status": "applied"}, {"payment": 999}],
        ids=str,
    )
    def test_refused_credit(self, change: dict[str, object]) -> None:
        """A credit without a known status, an amount, or the payment it is for, is refused."""

        async def story(store: Store) -> None:
            told = await asyncio.gather(
                store.transact(lambda tx: add_credit(tx, "t1", **change)), return_exceptions=True
            )
            assert isinstance(told[0], Conflict)
            assert await store.read(lambda tx: credits.listing(tx, status=None, most=9)) == []

        self.check(story)

    def test_credit_unique(self) -> None:
        """The bank's id names one credit of its account; another account may use it too."""

        async def story(store: Store) -> None:
            await store.transact(add_credit)
            told = await asyncio.gather(store.transact(add_credit), return_exceptions=True)
            assert isinstance(told[0], Conflict)
            await store.transact(lambda tx: add_credit(tx, account="other"))

        self.check(story)

    def test_credit_moves_once(self) -> None:
        """A credit moves from the status that was read, or not at all."""

        async def story(store: Store) -> None:
            before = await store.transact(add_credit)
            after = msgspec.structs.replace(before, status="returned", updated_us=2)
            moved = await asyncio.gather(
                *(store.transact(lambda tx: credits.move(tx, before, after)) for _ in range(16))
            )
            assert sum(moved) == 1
            assert await store.read(lambda tx: credits.find(tx, before.id)) == after

        self.check(story)

    def test_ledger_sums(self) -> None:
        """Postings balance, and every sum is a plain integer, beyond 32 bits and below 0 too."""

        async def story(store: Store) -> None:
            amount = 9 * 10**12

            def post(tx: Tx) -> None:
                for name in ("t1", "t2", "t3"):
                    key = add_credit(tx, name, amount_minor=amount).id
                    posting = books.received("fps", "acc", currency="HKD", amount_minor=amount)
                    ledger.post(tx, posting, credit=key, now_us=1)

            await store.transact(post)
            found = await store.read(ledger.balances)
            sums = {one.account: one.amount_minor for one in found}
            assert sums == {"bank/fps/acc": 3 * amount, "unapplied/fps/acc": -3 * amount}
            assert {type(one) for one in sums.values()} == {int}
            assert await store.read(ledger.unbalanced) == []
            (total,) = await store.read(ledger.credit_sums)
            assert (total[4], type(total[4])) == (3 * amount, int)

        self.check(story)

    def test_past_decline(self) -> None:
        """Open payments whose time has come are found, oldest first; held and finished ones not."""

        async def story(store: Store) -> None:
            def fill(tx: Tx) -> list[int]:
                keys = [add_payment(tx, f"{due}", decline_us=due).key for due in (30, 10, 20, 99)]
                done = {"status": PaymentStatus.DECLINE, "finished_us": 9}
                add_payment(tx, "done", decline_us=5, **done)
                before = add_payment(tx, "held", decline_us=5)
                payments.move_payment(tx, before, msgspec.structs.replace(before, held_count=1))
                return keys

            keys = await store.transact(fill)
            late = await store.read(lambda tx: payments.keys_past_decline(tx, now_us=30, most=9))
            assert late == [keys[1], keys[2], keys[0]]
            some = await store.read(lambda tx: payments.keys_past_decline(tx, now_us=30, most=1))
            assert some == [keys[1]]

        self.check(story)

    def test_operations(self) -> None:
        """An operation is found by its id, payment, request and digest, moved as written."""

        async def story(store: Store) -> None:
            def fill(tx: Tx) -> Operation:
                payment = add_payment(tx)
                made = Operation(
                    id=tx.new_id(),
                    payment_key=payment.key,
                    type=OperationType.SALE,
                    status=PaymentStatus.PROCESSING,
                    amount_minor=1,
                    currency="HKD",
                    request_id="r1",
                    code="",
                    message="",
                    provider_id=1,
                    provider_ref="",
                    created_us=1,
                    updated_us=1,
                )
                payments.insert_operation(
                    tx, made, project_id=PROJECT_ID, digest="d", refund_id="f"
                )
                return made

            made = await store.transact(fill)
            moved = msgspec.structs.replace(
                made, status=PaymentStatus.SUCCESS, code="0", provider_ref="x", updated_us=2
            )
            await store.transact(lambda tx: payments.move_operation(tx, moved))
            key = made.payment_key
            assert await store.read(lambda tx: payments.operations_of(tx, key)) == [moved]
            assert await store.read(lambda tx: payments.operation_by_id(tx, made.id)) == moved
            assert await store.read(lambda tx: payments.request_id_of_repeat(tx, key, "d")) == "r1"
            assert await store.read(lambda tx: payments.request_id_of_repeat(tx, key, "D")) is None
            assert await store.read(lambda tx: payments.refund_id_used(tx, key, "f"))
            assert not await store.read(lambda tx: payments.refund_id_used(tx, key, "F"))

        self.check(story)

    def test_text_with_nul(self) -> None:
        """A text with a NUL is kept whole or refused, never cut; its neighbours stand."""

        async def story(store: Store) -> None:
            await asyncio.gather(
                store.transact(lambda tx: note(tx, "a\0b")),
                store.transact(lambda tx: note(tx, "beside")),
                return_exceptions=True,
            )
            assert set(await store.read(notes)) in ({"beside"}, {"a\0b", "beside"})

        self.check(story)

    def test_secrets_sealed(self) -> None:
        """Secrets come back under their master key; another key is a `SetupError`."""

        async def story(store: Store) -> None:
            right = Vault(MASTER_KEY, store.clock)
            wrong = Vault("another master key", store.clock)
            found = await store.read(
                lambda tx: projects.find(tx, PROJECT_ID, vault=right, now_us=1)
            )
            assert found is not None
            assert found.secrets == ("s",)
            with pytest.raises(SetupError):
                await store.read(lambda tx: projects.find(tx, PROJECT_ID, vault=wrong, now_us=1))

        self.check(story)
