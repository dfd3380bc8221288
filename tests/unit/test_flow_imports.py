"""Bank files: whole or not at all, each entry once, whoever is stopped and whoever goes on."""

from __future__ import annotations

import io
from typing import Any

import msgspec
import pytest
from sqlalchemy import select

from sampan.codecs.statement_csv import Mapping
from sampan.domain.statuses import PaymentStatus
from sampan.flow import imports as flow_imports
from sampan.flow import statement_files as files
from sampan.flow.finding import Where
from sampan.flow.import_files import Addressed, take_file
from sampan.flow.imports import Begun
from sampan.flow.statement_entries import take_entry
from sampan.storage import imports, schema
from sampan.storage.imports import Import
from sampan.workers.importing import TakeStatements
from sampan.workers.loop import Worker
from tests.support import camt
from tests.support.credit_world import ACCOUNT, add_account
from tests.support.flow_world import FlowWorld

NUMBER = "004123456789001"


def file(*entries: camt.Ntry, message: str = "camt.053", **changes: Any) -> bytes:  # noqa: ANN401
    """A file of one statement with these entries."""
    statement = camt.Stmt(**{"balances": (), "entries": entries, "account": NUMBER} | changes)
    return camt.File(message=message, statements=(statement,)).xml()


def ntry(ref: str, text: str = "hello", amount: str = "100.00", **changes: Any) -> camt.Ntry:  # noqa: ANN401
    """A booked entry with one text."""
    one = camt.Tx(bank_ref=ref, amount=amount, texts=(text,), **changes)
    return camt.Ntry(bank_ref=ref, amount=amount, booked="2027-01-01T10:00:00+08:00", txs=(one,))


def send(flow: FlowWorld, content: bytes, *, account: str = ACCOUNT, name: str = "a.xml") -> Begun:
    """Read a file in; nothing of it is taken in yet."""
    to = Addressed("sandbox", account, name, "staff:amy")
    return flow.runner.run(take_file(flow.store, io.BytesIO(content), to=to))


def take_in(flow: FlowWorld, kept: Import, *, most: int = 2) -> int:
    """Take the next entries in; return how many there were."""
    where = Where(kept.provider, kept.account, flow.find_project)
    now_us = flow.next_us()
    return flow.do(lambda tx: flow_imports.work(tx, kept, where, now_us=now_us, most=most))


def became(flow: FlowWorld, kept: Import) -> dict[str, int]:
    """What became of a file's entries."""
    return flow.do(lambda tx: imports.counts(tx, kept.id))


def done(flow: FlowWorld, content: bytes, **how: Any) -> Import:  # noqa: ANN401 - what `send` takes
    """Read a file in and take all of it."""
    kept = send(flow, content, **how).kept
    while take_in(flow, kept) == 2:
        pass
    found = flow.do(lambda tx: imports.find(tx, kept.id))
    assert found is not None
    return found


@pytest.mark.parametrize("message", camt.MESSAGES)
def test_each_kind_of_camt_twice(flow: FlowWorld, message: str) -> None:
    """A file pays what it names; the same bytes again are known, and change nothing."""
    flow.waiting()
    content = file(ntry("B1", flow.reference()), ntry("B2"), message=message)
    kept = done(flow, content)
    assert (kept.status, kept.entries_count, became(flow, kept)) == (
        "done",
        2,
        {"applied": 1, "unapplied": 1},
    )
    assert flow.payment().status is PaymentStatus.SUCCESS
    again = send(flow, content, name="b.xml")
    assert (again.is_new, again.kept.id) == (False, kept.id)
    assert len(flow.credits()) == 2


def test_overlapping_files(flow: FlowWorld) -> None:
    """Of a file that overlaps another one, only what is new is taken."""
    first, second = ntry("B1"), ntry("B2")
    done(flow, file(first, message="camt.052"))
    kept = done(flow, file(first, second, message="camt.053"))
    assert became(flow, kept) == {"repeated": 1, "unapplied": 1}


def test_two_equal_entries(flow: FlowWorld) -> None:
    """Two equal payments without a reference of the bank stay two, and no third comes later."""
    pair = (ntry(""), ntry(""))
    done(flow, file(*pair))
    kept = done(flow, file(*pair, ntry("B3")))
    assert became(flow, kept) == {"repeated": 2, "unapplied": 1}
    assert len(flow.credits()) == 3


def test_file_that_breaks_off(flow: FlowWorld) -> None:
    """Nothing of it is taken; that it came is kept with the fault, and it may come again whole."""
    content = file(*(ntry(f"B{number}") for number in range(5)))
    refused = send(flow, content[:-40])
    assert (refused.kept.status, refused.kept.entries_count) == ("refused", 0)
    assert refused.kept.fault.startswith("truncated: ")
    assert flow.credits() == []
    assert done(flow, content).status == "done"


def test_file_of_another_account(flow: FlowWorld) -> None:
    """The first file tells the account's number; a file of another account is refused."""
    done(flow, file(ntry("B1")))
    done(flow, file(ntry("B2"), account="HK004123456789001"))
    refused = send(flow, file(ntry("B3"), account="999999999999")).kept
    assert (refused.status, refused.fault) == (
        "refused",
        "value: this is a file of account 999999999999, not of HK004123456789001",
    )


def test_number_that_staff_gave(flow: FlowWorld) -> None:
    """An account whose number at the bank is known takes no file of another, not even first."""
    account = add_account(flow, "a", bank_account="004-123456-789001")
    for number, status in (("555555555555", "refused"), (NUMBER, "running")):
        to = Addressed("fps", account.key, "a.xml", "staff:amy")
        stream = io.BytesIO(file(ntry("B1"), account=number))
        kept = flow.runner.run(take_file(flow.store, stream, to=to, progress=print)).kept
        assert kept.status == status


def test_file_of_several_accounts(flow: FlowWorld) -> None:
    """It is taken for the one whose number is known; the others' entries are passed over."""
    statements = tuple(
        camt.Stmt(id=number, account=number, balances=(), entries=(ntry(f"B{number}"),))
        for number in (NUMBER, "555555555555")
    )
    content = camt.File(statements=statements).xml()
    assert send(flow, content).kept.status == "refused"
    done(flow, file(ntry("B1")))
    kept = done(flow, content)
    assert became(flow, kept) == {"unapplied": 1, "other account": 1}


def test_sums_that_do_not_add_up_are_noted(flow: FlowWorld) -> None:
    """A statement whose balances or counts disagree is taken, and people are told."""
    balances = (camt.Bal("OPBD", "0.00"), camt.Bal("CLBD", "1.00"))
    kept = done(flow, file(ntry("B1"), balances=balances, declared_count=7))
    assert kept.notes.splitlines() == [
        "NTF20261122000001-1: opening balance and entries do not give the closing one",
        "NTF20261122000001-1: 7 entries declared, 1 found",
    ]


def test_rows_need_a_mapping(flow: FlowWorld) -> None:
    """A CSV is refused until its account has a mapping; then it is read by it."""
    content = b"Date,Amount,Ref,Text\n01/01/2027,100.00,B1,hello\n01/01/2027,-5.00,B2,fee\n"
    assert send(flow, content).kept.fault.startswith("mapping: ")
    mapping = Mapping(
        account="x", date="Date", amount="Amount", bank_ref="Ref", references=("Text",)
    )
    known = flow.do(lambda tx: imports.known(tx, "sandbox", ACCOUNT))
    step = flow.step()
    set_to = msgspec.structs.replace(known, mapping=mapping)
    flow.do(lambda tx: flow_imports.set_mapping(tx, set_to, step=step))
    kept = done(flow, content)
    assert (kept.format, became(flow, kept)) == ("CSV", {"unapplied": 1, "debit": 1})
    assert done(flow, file(ntry("B1"))).status == "done"
    assert len(flow.credits()) == 1


def test_mt940(flow: FlowWorld) -> None:
    """The older form is told by its beginning."""
    content = (
        b":20:S1\n:25:004/123456789001\n:28C:1/1\n:60F:C270101HKD0,00\n"
        b":61:2701010101C100,00NTRFNONREF//B1\n:86:hello\n:62F:C270101HKD100,00\n-\n"
    )
    kept = done(flow, content)
    assert (kept.format, became(flow, kept)) == ("MT940", {"unapplied": 1})


def test_stopped_while_reading(flow: FlowWorld) -> None:
    """What was begun and not read to its end is begun anew; the first one notices."""
    content = file(ntry("B1"))
    looked = files.look(io.BytesIO(content), mapping=None)
    sent = flow_imports.Sent(
        provider="sandbox", account=ACCOUNT, file_name="a", by="staff:amy", looked=looked
    )
    one = flow.do(lambda tx: flow_imports.begin(tx, sent, now_us=1)).kept
    flow.do(
        lambda tx: flow_imports.keep(
            tx, one, numbered=list(enumerate(files.entries(io.BytesIO(content), mapping=None), 1))
        )
    )
    assert flow.do(lambda tx: imports.unread(tx, before_us=2)) == [one]
    kept = done(flow, content)
    assert became(flow, kept) == {"unapplied": 1}
    for late in (
        lambda tx: flow_imports.start(tx, one, entries_count=1, now_us=2),
        lambda tx: flow_imports.keep(tx, one, numbered=()),
    ):
        refused = flow.refused(lambda late=late: flow.do(late))  # type: ignore[misc]
        assert refused is not None
        assert refused.message == "somebody else reads the same file in"
    assert flow.do(lambda tx: imports.page(tx, after=None, most=9)) == [kept]
    assert not flow.do(lambda tx: imports.page(tx, after=(kept.created_us, kept.id), most=9))


def test_worker_takes_a_file_in(flow: FlowWorld) -> None:
    """The task goes on until the file is done, and is gone then."""
    kept = send(flow, file(*(ntry(f"B{number}") for number in range(45)))).kept
    worker = TakeStatements(flow.store, find_project=flow.find_project).work()
    flow.runner.run(Worker(worker, flow.store, clock=flow.clock).drain())
    assert became(flow, kept) == {"unapplied": 45}
    assert (
        flow.do(
            lambda tx: tx.query(
                select(schema.outbox.c.id).where(schema.outbox.c.kind == "statement")
            )
        )
        == []
    )
    entries = flow.do(lambda tx: imports.entries(tx, kept.id, most=100, outcomes=("unapplied",)))
    assert [one.number for one in entries] == list(range(1, 46))
    assert {one.credit for one in entries} == {one.id for one in flow.credits()}


def test_fault_in_one_entry(flow: FlowWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """An entry that we cannot take is left out, told apart, and the others go on."""
    kept = send(flow, file(*(ntry(f"B{number}") for number in range(3)))).kept
    real = take_entry

    def faulty(tx: Any, where: Any, entry: Any, **how: Any) -> Any:  # noqa: ANN401 - passed on
        if entry.bank_ref == "B1":
            raise RuntimeError("a bug")
        return real(tx, where, entry, **how)

    monkeypatch.setattr(flow_imports, "take_entry", faulty)
    worker = TakeStatements(flow.store, find_project=flow.find_project).work()
    flow.runner.run(Worker(worker, flow.store, clock=flow.clock).drain())
    assert became(flow, kept) == {"unapplied": 2, "failed": 1}
    assert flow.do(lambda tx: flow_imports.give_up(tx, kept)) is None


def test_two_work_on_one_file(flow: FlowWorld) -> None:
    """Whoever works at the same time, each entry is taken once."""
    kept = send(flow, file(*(ntry(f"B{number}") for number in range(6)))).kept
    where = Where(kept.provider, kept.account, flow.find_project)
    now_us = flow.next_us()
    while any(
        isinstance(found, BaseException) or found
        for found in flow.together(
            *(lambda tx: flow_imports.work(tx, kept, where, now_us=now_us, most=2),) * 2
        )
    ):
        pass
    assert sum(became(flow, kept).values()) == len(flow.credits()) == 6


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"PK\x03\x04rest", "xlsx"),
        (b"\xef\xbb\xbf  <?xml", "camt"),
        ("<?xml".encode("utf-16"), "camt"),
        (b"{1:F01", "mt940"),
        (b"\n:20:S1", "mt940"),
        (b"Date,Amount", "csv"),
        (b"", "csv"),
    ],
)
def test_format_of_a_file(content: bytes, kind: str) -> None:
    """A file is told by its beginning, and left at its start."""
    stream = io.BytesIO(content)
    assert (files.format_of(stream), stream.tell()) == (kind, 0)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("004-123456-789001", "004123456789001", True),
        ("123456789001", "004123456789001", True),
        ("123456789001", "004123456789002", False),
        ("12345", "00412345", False),
        ("", "", True),
    ],
)
def test_numbers_of_one_account(one: str, other: str, *, same: bool) -> None:
    """Marks and a bank's code before the number do not matter."""
    assert files.same_account(one, other) is same
    assert files.same_account(other, one) is same
