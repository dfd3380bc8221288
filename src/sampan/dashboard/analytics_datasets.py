"""What each dataset shows: its figures, charts and table. Here those of payments and money."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from sampan.dashboard import analytics_trouble, words
from sampan.dashboard.analytics_views import (
    ALL,
    NO_VALUE,
    SHAPES,
    Column,
    Drawn,
    Figure,
    Leads,
    Pick,
    Series,
    Value,
    View,
    Writing,
    amount,
    count,
    percent,
)
from sampan.dashboard.analytics_words import (
    AVERAGE,
    DECLINED,
    NAMES,
    PAID,
    TITLES,
)
from sampan.domain.analytics import (
    Dataset,
    Sums,
    added,
    conversion_per_mille,
)
from sampan.domain.analytics_figures import by_period
from sampan.domain.analytics_spec import (
    DEFAULT_CURRENCY,
    Apart,
    Drawing,
    Measure,
)
from sampan.domain.statuses import FINAL, PaymentStatus
from sampan.money import DECIMALS
from sampan.web.i18n import mark

_WAITING: Final = "waiting"
_GROUPS: Final[Mapping[str, tuple[str, str, tuple[str, ...]]]] = {
    "paid": (PAID, "good", ("success",)),
    "declined": (DECLINED, "hollow", ("decline",)),
    "failed": (mark("Not started"), "cross", ("error",)),
    _WAITING: (
        mark("Waiting"),
        "stripe",
        tuple(one.value for one in PaymentStatus if one not in FINAL),
    ),
    "lapsed": (mark("Link not used"), "dots", ("expired", "invoice canceled")),
}
"""Groups of payments: name, shape, and their statuses."""
_ALWAYS: Final = ("paid", "declined")


_ORIGIN_SHAPES: Final = {"gate": "solid", "page": "stripe", "link": "dots"}
_STATUS_SHAPES: Final = {
    "success": "good",
    "decline": "hollow",
    "error": "cross",
    "expired": "dots",
    "invoice canceled": "rows",
}


def payments(w: Writing) -> View:
    """Show how many payments were made and what became of them, by when they were made."""
    by_status = w.answer.by(1)
    groups: dict[str, list[Sums]] = {}
    for key, (_, _, statuses) in _GROUPS.items():
        parts = [by_status.of(one) for one in statuses]
        sums = [added(column) for column in zip(*parts, strict=True)]
        if key in _ALWAYS or added(sums).count:
            groups[key] = sums
    columns = [
        w.counts(w.say(NAMES[Dataset.PAYMENTS]), by_period(w.answer), to=_made(w)),
        *(w.counts(w.say(_GROUPS[key][0]), sums, to=_made(w, key)) for key, sums in groups.items()),
    ]
    amounts = [
        w.amounts(
            f"{w.say(PAID)} {currency}",
            paid,
            currency=currency,
            to=_made(w, "paid", currency=currency),
        )
        for currency in DECIMALS
        if added(paid := w.answer.of(currency, "success")).paid_minor
    ]
    series = [
        Series(w.say(_GROUPS[key][0]), _GROUPS[key][1], [one.count for one in sums])
        for key, sums in groups.items()
    ]
    return View(
        figures=[w.figure(one) for one in (columns[0], *amounts, *columns[1:])],
        drawn=[w.stacks(Drawing.MADE, series)],
        table=w.table([*columns, *amounts]),
    )


def _made(w: Writing, key: str = "", *, currency: str = "") -> Leads:
    """Return what leads to the payments of a group that were made in a span."""
    statuses = (key,) if key == _WAITING else _GROUPS[key][2] if key else ()
    return lambda at: w.payments(at, "created", statuses=statuses, currency=currency)


def _ended(w: Writing, status: str, *, currency: str = "") -> Leads:
    """Return what leads to the payments of a status that changed last in a span."""
    return lambda at: w.payments(at, "updated", statuses=(status,), currency=currency)


def conversion(w: Writing) -> View:
    """Show how many of those that were decided were paid, by when that was."""
    paid, declined = w.answer.of("success"), w.answer.of("decline")

    def rate(of: Pick) -> int | None:
        return conversion_per_mille(of(paid).count, of(declined).count)

    columns = [
        w.counts(w.say(PAID), paid, to=_ended(w, "success")),
        w.counts(w.say(DECLINED), declined, to=_ended(w, "decline")),
        Column(w.say(NAMES[Dataset.CONVERSION]), lambda of, _: percent(rate(of))),
    ]
    series = [
        Series(w.say(PAID), "good", [one.count for one in paid]),
        Series(w.say(DECLINED), "hollow", [one.count for one in declined]),
    ]
    return View(
        figures=[w.figure(columns[n]) for n in (2, 0, 1)],
        drawn=[
            w.stacks(Drawing.OUTCOMES, series),
            w.rates(Drawing.RATE, w.each(rate)),
        ],
        table=w.table(columns),
    )


def turnover(w: Writing) -> View:
    """Show what was really paid, by when the payment ended: each currency by itself."""
    met = [one for one in DECIMALS if one in {str(values[0]) for values in w.answer.series}]
    figures: list[Figure] = []
    drawn: list[Drawn] = []
    columns: list[Column] = []
    for currency in met or [w.spec.currency or DEFAULT_CURRENCY]:
        origins = [one for one in _ORIGIN_SHAPES if (currency, one) in w.answer.series] or ["gate"]
        parts = {one: w.answer.of(currency, one) for one in origins}
        sums = [added(column) for column in zip(*parts.values(), strict=True)]
        name, to = (
            f"{w.say(NAMES[Dataset.TURNOVER])} {currency}",
            _ended(w, "success", currency=currency),
        )
        own = [
            w.amounts(name, sums, currency=currency, to=to),
            w.counts(f"{w.say(NAMES[Dataset.PAYMENTS])} {currency}", sums, to=to),
            _average(f"{w.say(AVERAGE)} {currency}", sums, currency=currency),
        ]
        figures += [w.figure(own[0]), w.figure(own[2])]
        columns += own
        if len(origins) > 1:
            columns += [
                w.amounts(f"{w.say(words.ORIGINS[one])} {currency}", parts[one], currency=currency)
                for one in origins
            ]
        series = [
            Series(w.say(words.ORIGINS[one]), shape, [each.paid_minor for each in parts[one]])
            for one, shape in _ORIGIN_SHAPES.items()
            if one in parts
        ]
        drawn.append(w.stacks(Drawing.TURNOVER, series, title=name, currency=currency))
    return View(figures=figures, drawn=drawn, table=w.table(columns))


def _average(name: str, sums: Sequence[Sums], *, currency: str) -> Column:
    def value(of: Pick, _: object) -> Value:
        whole = of(sums)
        return amount(whole.paid_minor // whole.count, currency) if whole.count else NO_VALUE

    return Column(name, value)


def operations(w: Writing) -> View:
    """Show what ended, by type or status: how many, or how much."""
    is_type = w.spec.apart is Apart.TYPE
    currency = w.spec.one_currency if w.spec.measure is Measure.AMOUNT else ""
    answer = w.answer.by(0 if is_type else 1)
    known = list(words.OPERATIONS) if is_type else list(_STATUS_SHAPES)
    keys = [str(key) for (key,) in answer.series]
    keys.sort(key=lambda key: known.index(key) if key in known else len(known))
    columns = [
        _measured(w.say(_name_of(key, is_type=is_type)), answer.of(key), currency=currency)
        for key in keys
    ]
    every = _measured(w.say(ALL), by_period(answer), currency=currency)
    series = [
        Series(
            column.name,
            SHAPES[number % len(SHAPES)] if is_type else _STATUS_SHAPES.get(key, "rows"),
            [one.amount_minor if currency else one.count for one in answer.of(key)],
        )
        for number, (key, column) in enumerate(zip(keys, columns, strict=True))
    ]
    title = w.say(TITLES[Drawing.OPERATIONS]) + (f" {currency}" if currency else "")
    return View(
        figures=[w.figure(one) for one in (every, *columns)],
        drawn=[w.stacks(Drawing.OPERATIONS, series, title=title, currency=currency)],
        table=w.table([*columns, every]),
    )


def _measured(name: str, sums: Sequence[Sums], *, currency: str) -> Column:
    """Return a column of counts, or of what was asked in a currency."""
    if currency:
        return Column(name, lambda of, _: amount(of(sums).amount_minor, currency))
    return Column(name, lambda of, _: count(of(sums).count))


def _name_of(key: str, *, is_type: bool) -> str:
    return words.OPERATIONS.get(key, key) if is_type else words.STATUSES.get(key, (key,))[0]


_VIEWS: Final[Mapping[Dataset, Callable[[Writing], View]]] = {
    Dataset.PAYMENTS: payments,
    Dataset.CONVERSION: conversion,
    Dataset.TURNOVER: turnover,
    Dataset.OPERATIONS: operations,
    Dataset.DECLINES: analytics_trouble.declines,
    Dataset.TIME_TO_PAY: analytics_trouble.time_to_pay,
    Dataset.CALLBACKS: analytics_trouble.callbacks,
}


def view(w: Writing) -> View:
    """Return what a page or a panel shows of an answer."""
    return _VIEWS[w.spec.dataset](w)
