"""Bank files that wait for a person: what each entry would become, and what ends the waiting."""

from __future__ import annotations

import io

import pytest

from sampan.errors import Refusal
from sampan.flow import import_look
from sampan.flow import imports as flow_imports
from sampan.flow.import_files import Addressed, take_file
from sampan.flow.import_look import Preview
from sampan.flow.settle import Step
from sampan.storage import imports
from sampan.storage.imports import Import
from tests.support import camt
from tests.support.credit_world import ACCOUNT
from tests.support.flow_world import FlowWorld
from tests.unit.test_flow_imports import NUMBER, done, file, ntry

OTHER = "004999999999001"


def held(flow: FlowWorld, content: bytes) -> Import:
    """Read a file that then waits for a person."""
    to = Addressed("sandbox", ACCOUNT, "a.xml", "staff:amy")
    return flow.runner.run(take_file(flow.store, io.BytesIO(content), to=to, held=True)).kept


def preview(flow: FlowWorld, kept: Import) -> Preview:
    """What taking a file would do."""
    return flow.do(lambda tx: import_look.preview(tx, kept))


def counts(found: Preview) -> dict[str, int]:
    """What it would become → how many entries."""
    return {one.outlook: one.entries_count for one in found.groups}


def test_each_entry_has_an_outlook(flow: FlowWorld) -> None:
    """New, known, taken back, passed over, another account's: said before anything is taken."""
    done(flow, file(ntry("B1")))
    back = camt.Ntry(
        bank_ref="B9", amount="7.00", direction="DBIT", reversal="true", txs=(camt.Tx(),)
    )
    pending = camt.Ntry(bank_ref="B8", status="PDNG", amount="5.00", txs=())
    mine = camt.Stmt(
        id="S1", balances=(), account=NUMBER, entries=(ntry("B1"), ntry("B2"), back, pending)
    )
    other = camt.Stmt(id="S2", balances=(), account=OTHER, entries=(ntry("C1"),))
    kept = held(flow, camt.File(message="camt.053", statements=(mine, other)).xml())
    assert (kept.status, kept.entries_count) == ("reading", 5)
    assert counts(preview(flow, kept)) == {
        "known": 1,
        "new": 1,
        "reversal": 1,
        "pending": 1,
        flow_imports.OTHER_ACCOUNT: 1,
    }
    assert flow.credit_statuses() == ["unapplied"]


def test_longest_files_are_cut(flow: FlowWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a file that is too long for one look only the first entries count, and that is said."""
    monkeypatch.setattr(import_look, "LOOKED_AT_MAX", 2)
    found = preview(flow, held(flow, file(ntry("B1"), ntry("B2"), ntry("B3"))))
    assert (counts(found), found.is_cut) == ({"new": 2}, True)


def test_what_ends_the_waiting(flow: FlowWorld) -> None:
    """A file that waits is dropped, or begun anew by the same bytes; the first one notices."""
    first = held(flow, file(ntry("B1")))
    second = held(flow, file(ntry("B1")))
    with pytest.raises(Refusal):
        flow.do(lambda tx: flow_imports.hold(tx, first, entries_count=1))
    step = Step(flow.next_us(), "staff:amy")
    flow.do(lambda tx: flow_imports.forget(tx, second, step=step))
    assert flow.do(lambda tx: imports.find(tx, second.id)) is None


def test_a_file_at_work_is_not_dropped(flow: FlowWorld) -> None:
    """Once it is being taken in, nobody drops it."""
    kept = held(flow, file(ntry("B1")))
    now_us = flow.next_us()
    flow.do(lambda tx: flow_imports.start(tx, kept, entries_count=1, now_us=now_us))
    running = flow.do(lambda tx: imports.find(tx, kept.id))
    assert running is not None
    flow.do(lambda tx: flow_imports.forget(tx, running, step=Step(now_us, "staff:amy")))
    assert flow.do(lambda tx: imports.find(tx, kept.id)) == running
