"""The bank's notices may come in any order: the books end the same."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Final

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support import books
from tests.support.flow_world import FlowWorld, open_world

PAYMENTS: Final = tuple(f"p-{number}" for number in range(5))
sums = st.lists(
    st.one_of(st.just(10_000), st.integers(1, 20_000)),
    min_size=len(PAYMENTS),
    max_size=len(PAYMENTS),
)


def ended(template: Path, arrivals: list[tuple[str, int]]) -> tuple[books.Sums, list[object]]:
    """Let credits arrive in this order; return the balances and how the payments stand."""
    with tempfile.TemporaryDirectory() as folder:
        file = shutil.copyfile(template, Path(folder) / "sampan.db")
        with open_world(f"sqlite:///{file}") as flow:
            for payment_id in PAYMENTS:
                flow.waiting(payment_id)
            for payment_id, amount in arrivals:
                flow.pay(amount, txn=f"T of {payment_id}", of=payment_id)
            return flow.do(books.balances_of), [standing(flow, one) for one in PAYMENTS]


def standing(flow: FlowWorld, payment_id: str) -> object:
    """How a payment stands, whenever that happened."""
    payment = flow.payment(payment_id)
    return payment.status, payment.paid_minor, payment.held_count


@given(paid=sums, data=st.data())
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_order_of_credits(sqlite_template: Path, paid: list[int], data: st.DataObject) -> None:
    """Credits of different payments end in the same balances in any order, even told twice."""
    told = list(zip(PAYMENTS, paid, strict=True))
    repeats = data.draw(st.lists(st.sampled_from(told), max_size=5))
    shuffled = data.draw(st.permutations([*told, *repeats]))
    assert ended(sqlite_template, shuffled) == ended(sqlite_template, told)
