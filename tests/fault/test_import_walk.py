"""The import walk: whoever reads a bank file in dies before and after every single transaction.

Between two transactions nothing but the database remembers, so dying there is what a kill does; a
kill inside of one is its rollback. Real processes are killed in `test_fault_walk.py`. Afterwards
somebody else goes on, and the end must be that of an undisturbed life. All lives share a database,
since making one takes longer than a life; each has an account and a payment of its own.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any, Final

import pytest
from sqlalchemy import select

from sampan.flow.import_files import Addressed, take_file
from sampan.storage import callbacks, imports, ledger, payments, schema
from sampan.storage.engine import Tx
from sampan.workers.importing import TakeStatements
from sampan.workers.loop import Worker
from tests.support import camt
from tests.support.flow_world import FlowWorld, open_world

ENTRIES: Final = 45
"""Three transactions of entries, the last of them not full."""


class Died(BaseException):
    """The end of a life; nothing in the code expects it."""


def file(reference: str) -> bytes:
    """A file that pays one payment, and tells of more money, of a pair and of a reversal."""
    entries = [entry(f"B{number}", "100.00", "hello") for number in range(ENTRIES - 4)]
    entries += [entry("", "7.00", "pair"), entry("", "7.00", "pair")]
    entries += [entry("P", "100.00", reference), entry("B3", "100.00", "", back=True)]
    statement = camt.Stmt(balances=(), entries=tuple(entries))
    return camt.File(message="camt.053", statements=(statement,)).xml()


def entry(ref: str, amount: str, text: str, *, back: bool = False) -> camt.Ntry:
    """One entry."""
    direction = "DBIT" if back else "CRDT"
    one = camt.Tx(bank_ref=ref, amount=amount, texts=(text,), direction=direction)
    return camt.Ntry(
        bank_ref=ref,
        amount=amount,
        direction=direction,
        reversal="true" if back else "",
        txs=(one,),
    )


def mortal(flow: FlowWorld, *, at: int) -> Callable[[], int]:
    """Let the store die at its step `at`, counted before and after each transaction; count them."""
    real, steps = flow.store.transact, 0

    def step() -> None:
        nonlocal steps
        steps += 1
        if steps == at:
            raise Died

    async def transact(fn: Callable[[Tx], Any]) -> Any:  # noqa: ANN401 - whatever it returns
        step()
        result = await real(fn)
        step()
        return result

    flow.store.transact = transact  # type: ignore[method-assign]
    return lambda: steps


async def life(flow: FlowWorld, account: str, content: bytes) -> None:
    """Read the file in and take it."""
    to = Addressed("sandbox", account, "day.xml", "staff:amy")
    begun = await take_file(flow.store, io.BytesIO(content), to=to)
    work = TakeStatements(flow.store, find_project=flow.find_project).work()
    worker = Worker(work, flow.store, clock=flow.clock)
    while await flow.store.transact(lambda tx: is_running(tx, begun.kept.id)):
        # What somebody who died had claimed is claimed again when that lease is over.
        flow.clock.advance(60_000_000)
        for task, underway in await flow.store.transact(worker._claim):
            await work.act(task, underway)


def is_running(tx: Tx, key: int) -> bool:
    """Whether a file is still being taken in."""
    found = imports.find(tx, key)
    return found is not None and found.status == "running"


def ended(flow: FlowWorld, account: str, payment_id: str) -> dict[str, Any]:
    """All that an import leaves behind."""

    def look(tx: Tx) -> dict[str, Any]:
        (kept,) = [one for one in imports.page(tx, after=None, most=99) if one.account == account]
        rows, payment = schema.credits.c, payments.payment_by_id(tx, flow.project.id, payment_id)
        money = select(rows.identity, rows.status, rows.amount_minor)
        assert payment is not None
        return {
            "file": (kept.status, kept.entries_count),
            "became": imports.counts(tx, kept.id),
            "credits": sorted(
                # The digest that stands for an id has the account in it.
                (named if named[0] != "~" else "~", *rest)
                for named, *rest in tx.query(money.where(rows.account == account))
            ),
            "ledger": {
                (one.account.removesuffix(account), one.currency): one.amount_minor
                for one in ledger.balances(tx)
                if one.account.endswith(f"/{account}")
            },
            "payment": (payment.status, payment.paid_minor),
            "callbacks": [one.kind for one in callbacks.of_payment(tx, payment.key)],
            "tasks": len(
                tx.query(select(schema.outbox.c.id).where(schema.outbox.c.kind == "statement"))
            ),
        }

    return flow.do(look)


def lived(flow: FlowWorld, number: int, *, die_at: int) -> tuple[int, dict[str, Any]]:
    """Live once, dying at a step, and let somebody go on; return the steps and the end."""
    account, payment_id = f"account-{number}", f"p-{number}"
    flow.waiting(payment_id)
    content = file(flow.reference(payment_id))
    real = flow.store.transact
    steps = mortal(flow, at=die_at)
    try:
        flow.runner.run(life(flow, account, content))
    except Died:
        flow.store.transact = real  # type: ignore[method-assign]
        flow.runner.run(life(flow, account, content))
    else:
        assert not die_at, "it came to its end before that step"
    flow.store.transact = real  # type: ignore[method-assign]
    return steps(), ended(flow, account, payment_id)


@pytest.mark.slow
def test_import_survives_a_death_at_every_step(database_url: str) -> None:
    """Wherever it dies, the end is that of an undisturbed life, on each engine."""
    with open_world(database_url) as flow:
        steps, whole = lived(flow, 0, die_at=0)
        assert whole["file"] == ("done", ENTRIES)
        assert whole["became"] == {"unapplied": 43, "applied": 1, "reversed": 1}
        assert whole["payment"] == ("success", 10_000)
        assert steps >= 2 * 9
        for step in range(1, steps + 1):
            died_at, end = lived(flow, step, die_at=step)
            assert (died_at, end) == (step, whole)
