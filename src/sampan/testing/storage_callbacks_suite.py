"""What every engine must keep about callbacks, their attempts and the health of addresses."""
# ruff: noqa: S101 - a check is made of assertions

import asyncio
from collections.abc import Callable
from functools import partial

import msgspec

from sampan.storage import callbacks
from sampan.storage.callbacks import Attempt, Callback
from sampan.storage.engine import Store, Tx
from sampan.testing.storage_rows_suite import add_payment
from sampan.testing.storage_suite import PROJECT_ID, StoreSuite


def add_callback(tx: Tx, payment: int, *, kind: str = "final") -> Callback:
    """Write a callback and return it."""
    made = Callback(
        id=tx.new_id(),
        project_id=PROJECT_ID,
        payment=payment,
        operation=1,
        kind=kind,
        status="pending",
        url="http://shop.example/",
        body="{}",
        note="",
        attempts_count=0,
        created_us=1,
        finished_us=None,
    )
    callbacks.insert_callback(tx, made)
    return made


class CallbackSuite(StoreSuite):
    """Checks of callbacks."""

    def test_callbacks(self) -> None:
        """A final callback sees the intermediate ones not delivered; attempts keep their order."""

        async def story(store: Store) -> None:
            key = (await store.transact(add_payment)).key
            shown = await store.transact(lambda tx: add_callback(tx, key, kind="intermediate"))
            final = await store.transact(lambda tx: add_callback(tx, key))
            waiting = await store.read(lambda tx: callbacks.undelivered_before(tx, final))
            assert waiting == [(shown.id, "pending")]
            done = msgspec.structs.replace(shown, status="delivered", finished_us=9)
            await store.transact(lambda tx: callbacks.move(tx, done, status_from="pending"))
            assert await store.read(lambda tx: callbacks.undelivered_before(tx, final)) == []
            tries = [
                Attempt(
                    callback=final.id,
                    number=number,
                    at_us=number,
                    url="u",
                    http_status=None,
                    duration_ms=3,
                    answer="",
                    error="timeout",
                )
                for number in (2, 1)
            ]
            for one in tries:
                await store.transact(partial(callbacks.insert_attempt, attempt=one))
            assert await store.read(lambda tx: callbacks.attempts_of(tx, final.id)) == tries[::-1]
            ended = msgspec.structs.replace(tries[0], http_status=200, answer="OK", error="")
            await store.transact(lambda tx: callbacks.end_attempt(tx, ended))
            kept = await store.read(lambda tx: callbacks.attempts_of(tx, final.id))
            assert kept == [tries[1], ended]

        self.check(story)

    def test_endpoint_health(self) -> None:
        """Failures in a row are counted from the first, also at once; one success heals."""

        async def story(store: Store) -> None:
            def fail(now_us: int) -> Callable[[Tx], None]:
                return lambda tx: callbacks.note_failure(tx, "http://a", now_us=now_us)

            await store.transact(fail(5))
            await asyncio.gather(*(store.transact(fail(6)) for _ in range(16)))
            found = await store.read(lambda tx: callbacks.endpoint(tx, "http://a"))
            assert found is not None
            assert (found.failures_count, found.failing_since_us) == (17, 5)
            await store.transact(lambda tx: callbacks.note_success(tx, "http://a", now_us=7))
            await store.transact(fail(8))
            found = await store.read(lambda tx: callbacks.endpoint(tx, "http://a"))
            assert found is not None
            assert (found.failures_count, found.failing_since_us) == (1, 8)

        self.check(story)
