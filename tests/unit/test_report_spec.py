"""What a report may ask for, and which days it means."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

import msgspec
import pytest

from sampan.domain import report_spec
from sampan.domain.days import Zone
from sampan.domain.report_spec import (
    KINDS,
    STATUSES,
    TIME_US_MAX,
    VALUES_MAX,
    Clue,
    Flaw,
    Period,
    ReportType,
    Spec,
    Wrong,
)
from sampan.reports import words
from sampan.reports.columns import COLUMNS, fields_of
from sampan.storage import schema, schema_credits
from sampan.storage.report_fields import FIELDS

GOOD: Final = Spec(type=ReportType.PAYMENTS, from_us=0, to_us=1)


def us(text: str) -> int:
    """Return a moment as microseconds."""
    return int(datetime.fromisoformat(text).timestamp()) * 1_000_000


@pytest.mark.parametrize(
    ("changes", "flaw"),
    [
        ({"from_us": None}, Flaw("from_us", Wrong.MISSING)),
        ({"to_us": None}, Flaw("to_us", Wrong.MISSING)),
        ({"period": Period.TODAY}, Flaw("period", Wrong.TWICE)),
        ({"from_us": 2}, Flaw("to_us", Wrong.ORDER)),
        ({"from_us": -1}, Flaw("from_us", Wrong.UNFIT)),
        ({"to_us": TIME_US_MAX + 1}, Flaw("to_us", Wrong.UNFIT)),
        ({"statuses": ("paid",)}, Flaw("statuses", Wrong.UNKNOWN, "paid")),
        ({"statuses": ("success", "success")}, Flaw("statuses", Wrong.DOUBLED, "success")),
        ({"kinds": ("sale",)}, Flaw("kinds", Wrong.UNKNOWN, "sale")),
        ({"currencies": ("USD",)}, Flaw("currencies", Wrong.UNKNOWN, "USD")),
        ({"columns": ("card",)}, Flaw("columns", Wrong.UNKNOWN, "card")),
        ({"columns": ("code", "code")}, Flaw("columns", Wrong.DOUBLED, "code")),
        ({"project_ids": (0,)}, Flaw("project_ids", Wrong.UNKNOWN, "0")),
        ({"project_ids": (1,) * (VALUES_MAX + 1)}, Flaw("project_ids", Wrong.TOO_MANY)),
        ({"by": Clue.RECEIVED}, Flaw("by", Wrong.UNFIT, "received")),
        ({"separator": "|"}, Flaw("separator", Wrong.UNKNOWN, "|")),
        ({"decimal": "'"}, Flaw("decimal", Wrong.UNKNOWN, "'")),
        ({"decimal": ","}, Flaw("decimal", Wrong.SAME)),
        ({"heads": "fr"}, Flaw("heads", Wrong.UNKNOWN, "fr")),
        (
            {"type": ReportType.CALLBACKS, "currencies": ("HKD",)},
            Flaw("currencies", Wrong.UNKNOWN, "HKD"),
        ),
    ],
)
def test_flaw_is_named(changes: dict[str, Any], flaw: Flaw) -> None:
    """What is wrong is told with its field and value; it has a sentence, and is not kept."""
    spec = msgspec.structs.replace(GOOD, **changes)
    assert report_spec.flaws(spec) == (flaw,)
    assert flaw.detail in words.sentence(flaw) % flaw._asdict() or "%" not in words.sentence(flaw)
    with pytest.raises(ValueError, match=flaw.field):
        report_spec.from_json(report_spec.to_json(spec))


def test_good_report_is_kept_whole() -> None:
    """A report comes back as it was written; columns that it does not name are the usual ones."""
    spec = Spec(
        type=ReportType.OPERATIONS,
        period=Period.LAST_WEEK,
        zone=Zone.UTC,
        project_ids=(7, 4_294_967_295),
        statuses=("success", "decline"),
        currencies=("HKD",),
        kinds=("sale",),
        columns=("amount", "currency"),
        separator=";",
        decimal=",",
        bom=False,
        heads="zh-hant",
    )
    assert report_spec.from_json(report_spec.to_json(spec)) == spec
    assert report_spec.chosen(spec) == ("amount", "currency")
    assert report_spec.chosen(GOOD) == report_spec.USUAL[ReportType.PAYMENTS]
    with pytest.raises(ValueError, match="unknown field"):
        report_spec.from_json('{"type": "payments", "periods": 1}')


@pytest.mark.parametrize(
    ("period", "zone", "first", "behind"),
    [
        # Friday, 1 March 2030, half past midnight in Hong Kong: still February in London.
        (Period.TODAY, Zone.HONG_KONG, "2030-03-01T00:00+08:00", "2030-03-01T00:30+08:00"),
        (Period.TODAY, Zone.UTC, "2030-02-28T00:00+00:00", "2030-02-28T16:30+00:00"),
        (Period.YESTERDAY, Zone.HONG_KONG, "2030-02-28T00:00+08:00", "2030-03-01T00:00+08:00"),
        (Period.YESTERDAY, Zone.UTC, "2030-02-27T00:00+00:00", "2030-02-28T00:00+00:00"),
        (Period.THIS_WEEK, Zone.HONG_KONG, "2030-02-25T00:00+08:00", "2030-03-01T00:30+08:00"),
        (Period.LAST_WEEK, Zone.HONG_KONG, "2030-02-18T00:00+08:00", "2030-02-25T00:00+08:00"),
        (Period.LAST_7_DAYS, Zone.HONG_KONG, "2030-02-22T00:00+08:00", "2030-03-01T00:00+08:00"),
        (Period.THIS_MONTH, Zone.HONG_KONG, "2030-03-01T00:00+08:00", "2030-03-01T00:30+08:00"),
        (Period.LAST_MONTH, Zone.HONG_KONG, "2030-02-01T00:00+08:00", "2030-03-01T00:00+08:00"),
        (Period.LAST_MONTH, Zone.UTC, "2030-01-01T00:00+00:00", "2030-02-01T00:00+00:00"),
        (Period.LAST_30_DAYS, Zone.HONG_KONG, "2030-01-30T00:00+08:00", "2030-03-01T00:00+08:00"),
    ],
)
def test_period_has_the_days_of_its_zone(
    period: Period, zone: Zone, first: str, behind: str
) -> None:
    """A period begins and ends at midnight of its zone, and no later than it is asked for."""
    now_us = us("2030-03-01T00:30+08:00")
    spec = report_spec.fixed(Spec(type=ReportType.CREDITS, period=period, zone=zone), now_us=now_us)
    assert (spec.from_us, spec.to_us) == (us(first), us(behind))
    assert spec.period is None
    assert report_spec.flaws(spec) == ()


def test_period_ends_when_it_is_asked_for() -> None:
    """What is to come is of no report; one of the future alone is empty."""
    later = msgspec.structs.replace(GOOD, from_us=5, to_us=90)
    assert report_spec.fixed(later, now_us=50).to_us == 50
    assert report_spec.fixed(later, now_us=3).to_us == 5


def test_words_are_those_of_the_tables() -> None:
    """Statuses and kinds that a report may ask for are those that rows can have."""
    assert STATUSES[ReportType.CREDITS] == schema_credits.CREDIT_STATUSES
    assert STATUSES[ReportType.CALLBACKS] == schema.CALLBACK_STATUSES
    assert KINDS[ReportType.CALLBACKS] == schema.CALLBACK_KINDS
    assert report_spec.HEADS[1:] == ("en", "zh-hant", "zh")


@pytest.mark.parametrize("kind", ReportType)
def test_every_column_is_written_and_named(kind: ReportType) -> None:
    """Each column of a type has a way to be written, fields that exist, and a head."""
    names = report_spec.columns_of(kind)
    assert sorted(names) == sorted(COLUMNS[kind])
    assert set(names) <= set(words.COLUMNS)
    assert set(fields_of(kind, names)) == set(FIELDS[kind])
