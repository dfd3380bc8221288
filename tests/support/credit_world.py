"""Credits in a platform without doors: entries of bank files, and decisions of people."""

from __future__ import annotations

from datetime import date
from typing import Any, Final

from msgspec.structs import replace

from sampan.codecs.statement import EntryStatus, ReferenceText, Source, StatementEntry
from sampan.domain.fps_account import FpsAccount, account_of
from sampan.domain.money_decisions import Wish
from sampan.flow import credit_decisions, credit_views, proof
from sampan.flow.credit_views import CreditView, Suggestion
from sampan.flow.finding import Where
from sampan.flow.settle import Step
from sampan.flow.statement_entries import Became, take_entry
from sampan.storage import credits as kept
from sampan.storage import fps_accounts, reversals
from sampan.storage.credits import Credit
from sampan.storage.decisions import Decision
from sampan.storage.engine import Tx
from sampan.storage.reversals import Reversal
from sampan.storage.vault import Vault
from tests.support.flow_world import FlowWorld

ACCOUNT: Final = "1029384"
"""The account of the project; the sandbox calls it by its FPS ID."""
DAY: Final = date(2026, 11, 22)


def entry(amount_minor: int = 10_000, *texts: str, **changes: Any) -> StatementEntry:  # noqa: ANN401
    """A booked entry of a file."""
    told: dict[str, Any] = {
        "account": "004123456789001",
        "currency": "HKD",
        "amount_minor": amount_minor,
        "status": EntryStatus.BOOKED,
        "booked_on": DAY,
        "references": tuple(ReferenceText(Source.REMITTANCE, text) for text in texts),
        "payer_name": "CHAN TAI MAN",
    }
    return StatementEntry(**told | changes)


def add_account(flow: FlowWorld, name: str, **values: object) -> FpsAccount:
    """Add an account of the project, by default without references."""
    wanted = {
        "id": 0,
        "name": name,
        "proxy_kind": "fps_id",
        "proxy": "160000001",
        "payee_name": "TEA",
        "reference_mode": "none",
    }
    vault = Vault("a master key for tests", flow.clock)
    now_us = flow.next_us()

    def add(tx: Tx) -> FpsAccount:
        made = replace(account_of(wanted | values), id=tx.new_id())
        fps_accounts.add(tx, made, key="k", vault=vault, now_us=now_us)
        # Ids of several connections interleave; time does not.
        fps_accounts.attach(tx, flow.project.id, made.id, position=now_us)
        return made

    return flow.do(add)


def where(flow: FlowWorld) -> Where:
    """The account of the project."""
    return Where("sandbox", ACCOUNT, flow.find_project)


def take(flow: FlowWorld, one: StatementEntry) -> Became:
    """Take an entry in, now."""
    step = Step(flow.next_us(), "bank")
    return flow.do(lambda tx: take_entry(tx, where(flow), one, import_id=None, step=step))


def now_entry(
    flow: FlowWorld,
    amount_minor: int = 10_000,
    *texts: str,
    **changes: Any,  # noqa: ANN401
) -> StatementEntry:
    """An entry that the bank booked this moment."""
    return entry(amount_minor, *texts, **{"booked_us": flow.clock.now_us()} | changes)


def decide(flow: FlowWorld, wish: Wish, *, by: str = "staff:amy", why: str = "looked") -> Decision:
    """Let somebody decide."""
    step = flow.step(why, by)
    return flow.do(
        lambda tx: credit_decisions.decide(tx, wish, find_project=flow.find_project, step=step)
    )


def approve(flow: FlowWorld, made: Decision, *, by: str = "staff:bob") -> Decision:
    """Let somebody approve a proposal."""
    step = flow.step("agreed", by)
    return flow.do(
        lambda tx: credit_decisions.approve(tx, made.id, find_project=flow.find_project, step=step)
    )


def turn_down(flow: FlowWorld, made: Decision, *, by: str = "staff:bob") -> Decision:
    """Let somebody end a proposal."""
    step = flow.step("no", by)
    return flow.do(lambda tx: credit_decisions.turn_down(tx, made.id, step=step))


def only(flow: FlowWorld) -> Credit:
    """The one credit there is."""
    (found,) = flow.credits()
    return found


def view(flow: FlowWorld, credit: Credit) -> CreditView:
    """What people are shown of a credit as it stands."""

    def look(tx: Any) -> CreditView:  # noqa: ANN401 - a transaction
        found = kept.find(tx, credit.id)
        assert found is not None
        return credit_views.view(tx, found)

    return flow.do(look)


def suggested(flow: FlowWorld, credit: Credit) -> list[Suggestion]:
    """The payments that a credit might pay."""
    return list(
        flow.do(lambda tx: credit_views.suggestions(tx, credit, find_project=flow.find_project))
    )


def taken_back(flow: FlowWorld, status: str | None = None) -> list[Reversal]:
    """What the bank took back, the oldest first."""
    return list(reversed(flow.do(lambda tx: reversals.listing(tx, status=status, most=100))))


def assert_proof(flow: FlowWorld) -> None:
    """`sampan ledger verify` holds, but for the sandbox bank, which told of none of this."""
    found = flow.do(proof.prove)
    wrong = [check for check in found.checks if not check.ok and check.against != "bank"]
    assert not wrong
