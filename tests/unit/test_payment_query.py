"""The query of a list of payments: read, said again in one spelling, refused where it is off."""

from __future__ import annotations

from urllib.parse import parse_qsl

import pytest

from sampan.codecs.safe_csv import csv_lines, safe_cell
from sampan.dashboard import payment_columns as columns
from sampan.dashboard.asked import day_text
from sampan.dashboard.payment_query import Query, read
from sampan.domain.statuses import FINAL, Origin, PaymentStatus
from sampan.storage.payment_lists import Filter

HOUR_US = 3_600_000_000
DAY_US = 24 * HOUR_US
MIDNIGHT_US = 1_764_000_000_000_000
"""00:00 on 25 November 2025 in Hong Kong, which is 16:00 of the day before in UTC."""
NOW_US = MIDNIGHT_US + 5 * HOUR_US


def ask(query: str) -> Query:
    """Read a query as it stands in an address, at five in the morning."""
    return read(parse_qsl(query, keep_blank_values=True), now_us=NOW_US)


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("", Filter()),
        ("project=7&project=8", Filter(project_ids=(7, 8))),
        (
            "status=success&status=decline",
            Filter(statuses=(PaymentStatus.SUCCESS, PaymentStatus.DECLINE)),
        ),
        (
            "status=waiting&status=processing",
            Filter(statuses=tuple(status for status in PaymentStatus if status not in FINAL)),
        ),
        ("currency=CNY", Filter(currencies=("CNY",))),
        (
            "amount_from=1%2C234.5&amount_to=2000",
            Filter(amount_min_minor=123_450, amount_max_minor=200_000),
        ),
        ("amount_from=5&amount_to=5", Filter(amount_min_minor=500, amount_max_minor=500)),
        ("origin=page", Filter(origin=Origin.PAGE)),
        ("customer=%20c-1%20", Filter(customer_id="c-1")),
        ("held=1", Filter(held=True)),
        ("days=today", Filter(created_from_us=MIDNIGHT_US, created_to_us=MIDNIGHT_US + DAY_US)),
        ("days=yesterday", Filter(created_from_us=MIDNIGHT_US - DAY_US, created_to_us=MIDNIGHT_US)),
        (
            "days=7days",
            Filter(created_from_us=MIDNIGHT_US - 6 * DAY_US, created_to_us=MIDNIGHT_US + DAY_US),
        ),
        (
            "created_from=2025-11-25&created_to=2025-11-25",
            Filter(created_from_us=MIDNIGHT_US, created_to_us=MIDNIGHT_US + DAY_US),
        ),
        (
            "updated_from=2025-11-25T01:00&updated_to=2025-11-25T02:00",
            Filter(updated_from_us=MIDNIGHT_US + HOUR_US, updated_to_us=MIDNIGHT_US + 2 * HOUR_US),
        ),
        (
            "days=7days&created_from=2025-11-25",
            Filter(created_from_us=MIDNIGHT_US, created_to_us=MIDNIGHT_US + DAY_US),
        ),
    ],
)
def test_what_is_wanted(query: str, wanted: Filter) -> None:
    """Days are those of Hong Kong, an end takes its whole day in, amounts are dollars."""
    asked = ask(query)
    assert (asked.wanted, asked.faults) == (wanted, {})
    assert ask(asked.text) == asked


def test_one_spelling() -> None:
    """Nothing empty, nothing twice, no foreign names, and a date with its time in one."""
    asked = ask(
        "x=1&held=&customer=%20&status=success&status=success&held=1&currency=HKD&currency=CNY"
        "&created_from=2025-11-25&created_from_time=09:30&created_to_time=10:00&after=z"
    )
    assert asked.text == "status=success&currency=HKD&created_from=2025-11-25T09%3A30"


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("project=0", "project"),
        ("project=x", "project"),
        ("project=99999999999", "project"),
        ("status=paid", "status"),
        ("currency=USD", "currency"),
        ("amount_from=-1", "amount_from"),
        ("amount_to=1.234", "amount_to"),
        ("amount_to=1e9", "amount_to"),
        ("amount_to=%E4%B8%80", "amount_to"),
        ("amount_from=" + "9" * 5000, "amount_from"),
        ("created_from=2025-13-01", "created_from"),
        ("created_from=0000-01-01", "created_from"),
        ("created_from=20251125", "created_from"),
        ("created_from=2025-W01-1", "created_from"),
        ("created_from=2025-11-25&created_from_time=25:00", "created_from"),
        ("created_to=9999-12-31", "created_to"),
        ("updated_to=%00", "updated_to"),
        ("origin=nowhere", "origin"),
        ("days=never", "days"),
        ("held=2", "held"),
        ("customer=" + "c" * 256, "customer"),
        ("amount_from=5&amount_to=4.99", "amount_to"),
        ("created_from=2025-11-26&created_to=2025-11-25", "created_to"),
        ("updated_from=2025-11-25T10:00&updated_to=2025-11-25T10:00", "updated_to"),
        ("&".join(f"project={n}" for n in range(1, 200)), "project"),
    ],
)
def test_what_is_off(query: str, name: str) -> None:
    """A value that is none has a sentence beside its field, and nothing is looked for."""
    assert list(ask(query).faults) == [name]


def test_huge_amount() -> None:
    """An amount of many digits is one that no payment has."""
    found = ask("amount_from=" + "9" * 200).wanted.amount_min_minor
    assert found is not None
    assert found > 10**100


def test_chips_lead_to_the_rest() -> None:
    """Each part of a filter can be taken away by itself."""
    asked = ask("status=success&held=1&status=decline")
    assert [(chip.name, chip.value, chip.without) for chip in asked.chips()] == [
        ("status", "success", "status=decline&held=1"),
        ("status", "decline", "status=success&held=1"),
        ("held", "1", "status=success&status=decline"),
    ]
    assert asked.changed("status", to=[("status", "waiting")]) == "held=1&status=waiting"


def test_day_of_a_moment() -> None:
    """A day begins at midnight in Hong Kong."""
    assert [day_text(MIDNIGHT_US - 1), day_text(MIDNIGHT_US)] == ["2025-11-24", "2025-11-25"]


@pytest.mark.parametrize("begin", ["=", "+", "-", "@", "\t", "\r"])
def test_no_formulas(begin: str) -> None:
    """A cell that a spreadsheet would run has an apostrophe before it."""
    assert safe_cell(f"{begin}cmd|' /C calc'!A0") == f"'{begin}cmd|' /C calc'!A0"
    assert safe_cell(f"a{begin}1") == f"a{begin}1"


def test_csv_is_quoted() -> None:
    """Quotes, commas and line ends stay within their cell, and lines end as RFC 4180 says."""
    rows = [['say "hi"', "a,b", "茶\n🍵", ""], ["=1", "2", "3", "4"]]
    assert csv_lines(rows).decode() == '"say ""hi""","a,b","茶\n🍵",\r\n\'=1,2,3,4\r\n'


@pytest.mark.parametrize(
    ("minor", "currency", "text"),
    [(0, "HKD", "0.00"), (5, "CNY", "0.05"), (10**13, "HKD", "100000000000.00"), (5, "JPY", "5")],
)
def test_plain_amounts(minor: int, currency: str, text: str) -> None:
    """Amounts are plain decimals with the places of their currency."""
    assert columns.plain_amount(minor, currency) == text


def test_columns() -> None:
    """Unknown columns are left out, none means the usual ones, and moving ends at the ends."""
    assert columns.known(["paid", "gone", "paid", "code"]) == ["paid", "code"]
    assert columns.known(["gone"]) == columns.known(None) == list(columns.DEFAULT)
    assert columns.moved(["a", "b", "c"], "c", by=-1) == ["a", "c", "b"]
    assert columns.moved(["a", "b"], "a", by=-1) == ["a", "b"]
    assert columns.moved(["a", "b"], "b", by=1) == ["a", "b"]
    assert columns.moved(["a", "b"], "x", by=1) == ["a", "b"]
