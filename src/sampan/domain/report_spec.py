"""What a report is to hold: its type, period, filters, columns and manner of writing.

Columns are one closed table for each type; their names are the heads of the file unless other
heads are asked for. A column's amounts are decimals of the currency that stands beside them.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final, NamedTuple

import msgspec

from sampan import money
from sampan.domain.days import Zone, local, midnight_us
from sampan.domain.rights import Right
from sampan.domain.statuses import OperationType, Origin, PaymentStatus
from sampan.domain.texts import PROJECT_ID_MAX

VALUES_MAX: Final = 1000
"""Values in one list of a filter."""
TIME_US_MAX: Final = midnight_us(date(9999, 1, 1), Zone.UTC)


class ReportType(StrEnum):
    """What the rows of a report are."""

    PAYMENTS = "payments"
    OPERATIONS = "operations"
    CREDITS = "credits"
    CALLBACKS = "callbacks"


class Period(StrEnum):
    """A time told by the day on which it is asked for; weeks begin on Monday."""

    TODAY = "today"
    YESTERDAY = "yesterday"
    THIS_WEEK = "this week"
    LAST_WEEK = "last week"
    LAST_7_DAYS = "last 7 days"
    THIS_MONTH = "this month"
    LAST_MONTH = "last month"
    LAST_30_DAYS = "last 30 days"


class Clue(StrEnum):
    """Which time of a row decides whether it belongs to the period."""

    CREATED = "created"
    FINISHED = "finished"
    UPDATED = "updated"
    RECEIVED = "received"


class Spec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A report that is asked for; empty lists let everything through.

    Either `period`, or `from_us` (belongs to it) and `to_us` (does not), microseconds UTC. `by`
    None is the first of `CLUES`. `columns` () are the usual ones. `kinds`: origins of payments,
    types of operations, kinds of callbacks. `heads` is the language of the heads, "" for names.
    """

    type: ReportType
    period: Period | None = None
    from_us: int | None = None
    to_us: int | None = None
    by: Clue | None = None
    zone: Zone = Zone.HONG_KONG
    project_ids: tuple[int, ...] = ()
    statuses: tuple[str, ...] = ()
    currencies: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    separator: str = ","
    decimal: str = "."
    bom: bool = True
    heads: str = ""


class Wrong(StrEnum):
    """What may be wrong with a report that is asked for; `sampan.reports` has the sentences."""

    MISSING = "missing"
    TWICE = "twice"
    ORDER = "order"
    UNKNOWN = "unknown"
    DOUBLED = "doubled"
    UNFIT = "unfit"
    SAME = "same"
    TOO_MANY = "too many"


class Flaw(NamedTuple):
    """Something wrong at a field of `Spec`; `detail` is the value that is meant, if any."""

    field: str
    wrong: Wrong
    detail: str = ""


SEPARATORS: Final = (",", ";", "\t")
DECIMALS: Final = (".", ",")
HEADS: Final = ("", "en", "zh-hant", "zh")

CLUES: Final[Mapping[ReportType, tuple[Clue, ...]]] = MappingProxyType(
    {
        ReportType.PAYMENTS: (Clue.CREATED, Clue.FINISHED),
        ReportType.OPERATIONS: (Clue.UPDATED,),
        ReportType.CREDITS: (Clue.RECEIVED,),
        ReportType.CALLBACKS: (Clue.CREATED,),
    }
)
"""Type → which times a period may be about, the usual one first."""

_ALL: Final = tuple(one.value for one in PaymentStatus)
STATUSES: Final[Mapping[ReportType, tuple[str, ...]]] = MappingProxyType(
    {
        ReportType.PAYMENTS: _ALL,
        ReportType.OPERATIONS: _ALL,
        ReportType.CREDITS: (
            *("unapplied", "held", "applied", "returned", "ignored", "merged", "split"),
            "refunding",
        ),
        ReportType.CALLBACKS: ("pending", "sending", "delivered", "dropped", "exhausted"),
    }
)
KINDS: Final[Mapping[ReportType, tuple[str, ...]]] = MappingProxyType(
    {
        ReportType.PAYMENTS: tuple(one.value for one in Origin),
        ReportType.OPERATIONS: tuple(one.value for one in OperationType),
        ReportType.CREDITS: (),
        ReportType.CALLBACKS: ("intermediate", "final", "error", "refund", "link"),
    }
)
RIGHTS: Final[Mapping[ReportType, Right]] = MappingProxyType(
    {
        ReportType.PAYMENTS: Right.VIEW_PAYMENTS,
        ReportType.OPERATIONS: Right.VIEW_PAYMENTS,
        ReportType.CREDITS: Right.CREDITS,
        ReportType.CALLBACKS: Right.VIEW_PAYMENTS,
    }
)
"""Type → what a person needs beside `Right.REPORTS` to order or fetch one."""

USUAL: Final[Mapping[ReportType, tuple[str, ...]]] = MappingProxyType(
    {
        ReportType.PAYMENTS: (
            *("payment_id", "project_id", "type", "status", "amount", "paid_amount", "currency"),
            *("customer_id", "description", "code", "created_at", "finished_at"),
        ),
        ReportType.OPERATIONS: (
            *("operation_id", "payment_id", "project_id", "operation_type", "operation_status"),
            *("amount", "converted_amount", "currency", "code", "message"),
            *("created_at", "completed_at", "provider_date", "provider_payment_id"),
        ),
        ReportType.CREDITS: (
            *("credit_id", "provider", "account", "bank_id", "status", "amount", "currency"),
            *("reference", "payer_name", "payment_id", "project_id", "booked_at", "received_at"),
        ),
        ReportType.CALLBACKS: (
            *("callback_id", "payment_id", "project_id", "kind", "status", "url", "attempts"),
            *("http_status", "error", "created_at", "finished_at"),
        ),
    }
)
"""Type → the columns of a report that names none."""

OTHER: Final[Mapping[ReportType, tuple[str, ...]]] = MappingProxyType(
    {
        ReportType.PAYMENTS: (
            *("project_name", "origin", "method", "message", "provider_date"),
            *("customer_email", "customer_ip", "attempts", "held", "best_before"),
            *("updated_at", "payment_key"),
        ),
        ReportType.OPERATIONS: (
            *("project_name", "request_id", "refund_id", "origin", "method", "description"),
            *("customer_id", "customer_email", "customer_ip", "updated_at", "payment_status"),
            *("payment_amount", "paid_amount", "payment_created_at", "payment_finished_at"),
        ),
        ReportType.CREDITS: ("project_name", "payment_status", "updated_at"),
        ReportType.CALLBACKS: (
            *("project_name", "operation_id", "note", "last_attempt_at", "duration_ms"),
        ),
    }
)
"""Type → the columns that a report has only where they are named."""


def columns_of(kind: ReportType) -> tuple[str, ...]:
    """Return every column of a type, the usual ones first."""
    return (*USUAL[kind], *OTHER[kind])


def chosen(spec: Spec) -> tuple[str, ...]:
    """Return the columns of a report in their order."""
    return spec.columns or USUAL[spec.type]


def clue(spec: Spec) -> Clue:
    """Return which time of a row decides."""
    return spec.by or CLUES[spec.type][0]


def flaws(spec: Spec) -> tuple[Flaw, ...]:
    """Return everything that is wrong with a report; none: it can be made."""
    return (*_of_period(spec), *_of_filters(spec), *_of_manner(spec))


def bounds(period: Period, zone: Zone, *, now_us: int) -> tuple[int, int]:
    """Return (from, to) of a period as asked for at a moment; what is not over yet ends there."""
    today = local(now_us, zone).date()
    first, behind = _days(period, today)
    return midnight_us(first, zone), min(midnight_us(behind, zone), now_us)


def fixed(spec: Spec, *, now_us: int) -> Spec:
    """Return the report with its period told by two moments, none of them later than now.

    What happens later is of no report that was asked for before, so a row is in it once at most.
    """
    if spec.period is not None:
        from_us, to_us = bounds(spec.period, spec.zone, now_us=now_us)
        return msgspec.structs.replace(spec, period=None, from_us=from_us, to_us=to_us)
    assert spec.from_us is not None, spec  # noqa: S101 - it was looked at
    assert spec.to_us is not None, spec  # noqa: S101 - it was looked at
    to_us = max(spec.from_us, min(spec.to_us, now_us))
    return msgspec.structs.replace(spec, to_us=to_us)


def to_json(spec: Spec) -> str:
    """Write a report as it is kept."""
    return msgspec.json.encode(spec).decode()


def from_json(text: str) -> Spec:
    """Read what `to_json` wrote. Raises `ValueError` for anything else, also with flaws."""
    spec = msgspec.json.decode(text, type=Spec)
    found = flaws(spec)
    if found:
        raise ValueError(f"{found[0].field}: {found[0].wrong} {found[0].detail}".strip())
    return spec


def _days(period: Period, today: date) -> tuple[date, date]:
    """Return the first day of a period and the one behind its last."""
    day = timedelta(days=1)
    monday = today - today.weekday() * day
    first = today.replace(day=1)
    spans = {
        Period.TODAY: (today, today + day),
        Period.YESTERDAY: (today - day, today),
        Period.THIS_WEEK: (monday, today + day),
        Period.LAST_WEEK: (monday - 7 * day, monday),
        Period.LAST_7_DAYS: (today - 7 * day, today),
        Period.THIS_MONTH: (first, today + day),
        Period.LAST_MONTH: ((first - day).replace(day=1), first),
        Period.LAST_30_DAYS: (today - 30 * day, today),
    }
    return spans[period]


def _of_period(spec: Spec) -> Iterator[Flaw]:
    given = (spec.from_us, spec.to_us)
    if spec.period is not None:
        if given != (None, None):
            yield Flaw("period", Wrong.TWICE)
        return
    for name, value in zip(("from_us", "to_us"), given, strict=True):
        if value is None:
            yield Flaw(name, Wrong.MISSING)
        elif not 0 <= value <= TIME_US_MAX:
            yield Flaw(name, Wrong.UNFIT)
    if spec.from_us is not None and spec.to_us is not None and spec.from_us > spec.to_us:
        yield Flaw("to_us", Wrong.ORDER)


def _of_filters(spec: Spec) -> Iterator[Flaw]:
    currencies = () if spec.type is ReportType.CALLBACKS else tuple(money.DECIMALS)
    lists: tuple[tuple[str, Sequence[str], tuple[str, ...]], ...] = (
        ("statuses", spec.statuses, STATUSES[spec.type]),
        ("kinds", spec.kinds, KINDS[spec.type]),
        ("currencies", spec.currencies, currencies),
        ("columns", spec.columns, columns_of(spec.type)),
    )
    for name, values, known in lists:
        for value in dict.fromkeys(values):
            if value not in known:
                yield Flaw(name, Wrong.UNKNOWN, value)
            elif values.count(value) > 1:
                yield Flaw(name, Wrong.DOUBLED, value)
    if len(spec.project_ids) > VALUES_MAX:
        yield Flaw("project_ids", Wrong.TOO_MANY)
    for number in spec.project_ids[:VALUES_MAX]:
        if not 1 <= number <= PROJECT_ID_MAX:
            yield Flaw("project_ids", Wrong.UNKNOWN, str(number))
    if spec.by is not None and spec.by not in CLUES[spec.type]:
        yield Flaw("by", Wrong.UNFIT, spec.by)


def _of_manner(spec: Spec) -> Iterator[Flaw]:
    for name, value, known in (
        ("separator", spec.separator, SEPARATORS),
        ("decimal", spec.decimal, DECIMALS),
        ("heads", spec.heads, HEADS),
    ):
        if value not in known:
            yield Flaw(name, Wrong.UNKNOWN, value)
    if spec.separator == spec.decimal:
        yield Flaw("decimal", Wrong.SAME)
