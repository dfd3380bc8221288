"""Names as banks write them, and as customers do."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sampan.domain.payers import compare_names, same_account


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("CHAN TAI MAN", "Chan Tai Man", "same"),
        ("CHAN TAI MAN", "Tai Man CHAN", "same"),
        ("CHAN, TAI-MAN", "Mr. Chan Tai Man", "same"),
        ("CHAN TAI MAN", "Chan Tai Man John", "same"),
        ("CHAN T** M**", "CHAN TAI MAN", "same"),
        ("CHAN T** M**", "CHAN T*** M*", "same"),
        ("C*** TAI MAN", "CHAN T** MAN", "same"),
        ("ＣＨＡＮ ＴＡＩ", "CHAN TAI", "same"),  # noqa: RUF001 - full-width letters
        ("陳大文", "陳大文", "same"),
        ("陳 大文", "陳大文", "same"),
        ("陳○文", "陳大文", "same"),
        ("陳大文", "陳*文", "same"),
        ("SAMPAN SHOP LTD", "Sampan Shop Limited", "unknown"),
        ("CHAN TAI MAN", "CHAN SIU MING", "unknown"),
        ("CHAN", "CHAN TAI MAN", "unknown"),
        ("CHAN", "CHAN", "unknown"),
        ("CHAN CHAN", "CHAN TAI", "unknown"),
        ("陳大文", "CHAN TAI MAN", "unknown"),
        ("", "CHAN TAI MAN", "unknown"),
        ("***", "CHAN TAI MAN", "unknown"),
        ("MR", "CHAN TAI MAN", "unknown"),
        ("CHAN TAI MAN", "LEE SIU MING", "other"),
        ("CHAN", "LEE", "other"),
        ("L** S** M***", "CHAN TAI", "other"),
        ("陳大文", "李小明", "other"),
        ("陳大文", "陳大", "other"),
    ],
)
def test_names(one: str, other: str, expected: str) -> None:
    """The same, another, or not to be told; and it does not matter who is asked first."""
    assert compare_names(one, other) == expected
    assert compare_names(other, one) == expected


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("024-987654-321", "024987654321", True),
        ("0024987654321", "24987654321", True),
        ("GB29 NWBK 6016", "gb29nwbk6016", True),
        ("024987654321", "024987654322", False),
        ("123", "123", False),
        ("", "", False),
        ("*********4321", "024987654321", False),
    ],
)
def test_accounts(one: str, other: str, *, same: bool) -> None:
    """Numbers are compared whole, however they are grouped."""
    assert same_account(one, other) is same
    assert same_account(other, one) is same


@given(st.text(max_size=30), st.text(max_size=30))
def test_any_names(one: str, other: str) -> None:
    """No name of a stranger makes comparing fail, and comparing has no sides."""
    assert compare_names(one, other) == compare_names(other, one)
