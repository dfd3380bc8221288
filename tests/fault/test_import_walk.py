"""The import walk: whoever reads a bank file in dies before and after every single transaction.

Between two transactions nothing but the database remembers, so dying there is what a kill does; a
kill inside of one is its rollback (`tests/api/test_statements.py` kills a real process). Afterwards
somebody else goes on, and the end must be that of an undisturbed life.
"""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest
from sqlalchemy import select

from sampan.flow.import_files import Addressed, take_file
from sampan.storage import imports, ledger, schema
from sampan.storage.engine import Tx
from sampan.workers.importing import TakeStatements
from sampan.workers.loop import Worker
from tests.support import camt
from tests.support.credit_world import ACCOUNT
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


async def life(flow: FlowWorld, content: bytes) -> None:
    """Read the file in and take it."""
    to = Addressed("sandbox", ACCOUNT, "day.xml", "staff:amy")
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


def ended(flow: FlowWorld) -> dict[str, Any]:
    """All that an import leaves behind."""

    def look(tx: Tx) -> dict[str, Any]:
        (kept,) = imports.page(tx, after=None, most=9)
        rows = schema.credits.c
        money = tx.query(select(rows.identity, rows.status, rows.amount_minor))
        return {
            "file": (kept.status, kept.entries_count),
            "became": imports.counts(tx, kept.id),
            "credits": sorted(map(tuple, money)),
            "ledger": {
                (one.account, one.currency): one.amount_minor for one in ledger.balances(tx)
            },
            "tasks": len(
                tx.query(select(schema.outbox.c.id).where(schema.outbox.c.kind == "statement"))
            ),
        }

    return flow.do(look)


def lived(url: str, *, die_at: int) -> tuple[int, dict[str, Any]]:
    """Live once, dying at a step, and let somebody go on; return the steps and the end."""
    with open_world(url) as flow:
        flow.waiting()
        content = file(flow.reference())
        real = flow.store.transact
        steps = mortal(flow, at=die_at)
        try:
            flow.runner.run(life(flow, content))
        except Died:
            flow.store.transact = real  # type: ignore[method-assign]
            flow.runner.run(life(flow, content))
        flow.store.transact = real  # type: ignore[method-assign]
        return steps(), ended(flow)


@pytest.mark.slow
def test_import_survives_a_death_at_every_step(sqlite_template: Path, tmp_path: Path) -> None:
    """Wherever it dies, the end is that of an undisturbed life."""

    def fresh(number: int) -> str:
        path = shutil.copyfile(sqlite_template, tmp_path / f"{number}.db")
        return f"sqlite:///{path}"

    steps, whole = lived(fresh(0), die_at=0)
    assert whole["file"] == ("done", ENTRIES)
    assert whole["became"] == {"unapplied": 43, "applied": 1, "reversed": 1}
    assert steps >= 2 * 9
    for step in range(1, steps + 1):
        assert lived(fresh(step), die_at=step)[1] == whole, step


def test_import_survives_a_death_in_the_middle(postgres_url: str) -> None:
    """The same on PostgreSQL, once, after some of the entries."""
    steps, whole = lived(postgres_url, die_at=11)
    assert (steps, whole["file"]) == (11, ("done", ENTRIES))
