"""A few cents off make every open amount its own reference."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sampan.domain.fingerprint import OFF_MAX_MINOR, OFF_MAX_PERCENT, unique_amount


@pytest.mark.parametrize(
    ("asked", "taken", "expected"),
    [
        (38_800, [], 38_800),
        (38_800, [38_799, 38_801], 38_800),
        (38_800, [38_800], 38_799),
        (38_800, [38_800, 38_799, 38_797], 38_798),
        (38_800, range(38_751, 38_801), 38_750),
        (38_800, range(38_750, 38_801), None),
        (1_000, range(991, 1_001), 990),
        (1_000, range(990, 1_001), None),
        (99, [99], None),
        (100, [100], 99),
        (1, [], 1),
        (1, [1], None),
    ],
)
def test_table(asked: int, taken: list[int], expected: int | None) -> None:
    """The largest free amount, at most fifty cents and one hundredth below."""
    assert unique_amount(asked, taken) == expected


def test_own_caps() -> None:
    """An account may give off more or nothing; an amount never becomes nothing."""
    assert unique_amount(10, {10, 9}, off_max_minor=9, off_max_percent=90) == 8
    assert unique_amount(38_800, frozenset([38_800]), off_max_minor=0) is None
    assert unique_amount(2, {1, 2}, off_max_minor=9, off_max_percent=500) is None


amounts = st.integers(1, 10**7)


@given(amounts, st.data())
def test_promises(asked: int, data: st.DataObject) -> None:
    """Free, not above the asked amount, within both caps, and the largest such one."""
    taken = data.draw(st.sets(st.integers(max(1, asked - 60), asked), max_size=60))
    found = unique_amount(asked, taken)
    off_max = min(OFF_MAX_MINOR, asked * OFF_MAX_PERCENT // 100)
    free = [a for a in range(max(1, asked - off_max), asked + 1) if a not in taken]
    assert found == (max(free) if free else None)


@given(st.lists(st.sampled_from([38_800, 38_800, 38_790, 12_000]), max_size=40))
def test_open_amounts_stay_unique(asked: list[int]) -> None:
    """Payment after payment, no two open amounts of an account are ever equal."""
    taken: set[int] = set()
    for amount in asked:
        given_off = unique_amount(amount, taken)
        if given_off is not None:
            assert given_off not in taken
            taken.add(given_off)
