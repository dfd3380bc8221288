"""Cells of reports, written in the manner that is asked for."""

from __future__ import annotations

from typing import Any

import pytest

from sampan.domain.days import Zone
from sampan.domain.report_spec import ReportType, Spec
from sampan.reports.hand import Hand

LATE_US = 1_893_427_199_999_999
"""31 December 2029, 15:59:59.999999 UTC: the last microsecond of the day in Hong Kong."""


def hand(**manner: Any) -> Hand:  # noqa: ANN401 - members of a report
    """Return a hand that knows two projects."""
    return Hand(Spec(type=ReportType.PAYMENTS, **manner), {1: "Tea", 2: "=茶"})


@pytest.mark.parametrize(
    ("zone", "before", "after"),
    [
        (Zone.HONG_KONG, "2029-12-31T23:59:59.999+08:00", "2030-01-01T00:00:00.000+08:00"),
        (Zone.UTC, "2029-12-31T15:59:59.999+00:00", "2029-12-31T16:00:00.000+00:00"),
    ],
)
def test_moments(zone: Zone, before: str, after: str) -> None:
    """A moment has the date and offset of its zone, over midnight too, and is cut, not rounded."""
    written = hand(zone=zone).moments([LATE_US, LATE_US + 1, None, 0, -1])
    assert written[:3] == [before, after, ""]
    assert written[4].startswith("1970-01-01T" if zone is Zone.HONG_KONG else "1969-12-31T")


def test_amounts() -> None:
    """An amount has as many decimals as its currency, and the mark that is asked for."""
    assert hand().amounts([0, 5, 100, 10**13, None, -5], ["HKD"] * 6) == [
        *("0.00", "0.05", "1.00", "100000000000.00", "", "-0.05"),
    ]
    several = hand(separator=";", decimal=",").amounts([12_345] * 3, ["HKD", "JPY", "KWD"])
    assert several == ["123,45", "12345", "12,345"]


def test_texts() -> None:
    """A text that a spreadsheet would calculate has an apostrophe; all others stay as they are."""
    given = ["=1+1", "+85291234567", "-1", "@x", "\tx", "茶 🍵", 'a "b"', "", None]
    safe = ["'=1+1", "'+85291234567", "'-1", "'@x", "'\tx", "茶 🍵", 'a "b"', "", ""]
    assert hand().texts(given) == safe
    assert hand().names([1, 2, 3, None]) == ["Tea", "'=茶", "", ""]


def test_codes_and_customers() -> None:
    """Codes are told in words, and of customers only what a column asks for."""
    assert hand().messages(["0", "", None]) == ["Success", "", ""]
    customers = ['{"id":"c","email":"=a@b.hk","phone":"1"}', '{"id":"c","ip_address":"192.0.2.7"}']
    assert hand().emails(customers) == ["'=a@b.hk", ""]
    assert hand().addresses(customers) == ["", "192.0.2.7"]
