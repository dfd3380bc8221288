"""What each dataset shows: its figures, charts and table."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from sampan.dashboard import words
from sampan.dashboard.analytics_views import (
    ALL,
    NO_VALUE,
    SHAPES,
    Column,
    Drawn,
    Figure,
    Leads,
    Pick,
    Rank,
    Series,
    Table,
    Value,
    View,
    Writing,
    amount,
    count,
    percent,
)
from sampan.domain.analytics import (
    SLOTS_S,
    Answered,
    Dataset,
    Sums,
    added,
    conversion_per_mille,
    mean_ms,
    median_slot,
)
from sampan.domain.analytics_figures import MINUTE_S, by_period, per_mille, ranked, within
from sampan.domain.analytics_spec import (
    DEFAULT_CURRENCY,
    DRAWINGS,
    OF_DRAWING,
    Apart,
    Drawing,
    Measure,
)
from sampan.domain.codes import message
from sampan.domain.statuses import FINAL, PaymentStatus
from sampan.money import DECIMALS
from sampan.web import charts
from sampan.web.charts import Across
from sampan.web.i18n import mark

NAMES: Final[Mapping[Dataset, str]] = {
    Dataset.PAYMENTS: mark("Payments"),
    Dataset.CONVERSION: mark("Conversion"),
    Dataset.TURNOVER: mark("Turnover"),
    Dataset.OPERATIONS: mark("Operations"),
    Dataset.DECLINES: mark("Decline reasons"),
    Dataset.TIME_TO_PAY: mark("Time to pay"),
    Dataset.CALLBACKS: mark("Callback health"),
}
TITLES: Final[Mapping[Drawing, str]] = {
    Drawing.MADE: mark("Payments by what became of them"),
    Drawing.OUTCOMES: mark("Paid and declined"),
    Drawing.RATE: mark("Conversion over time"),
    Drawing.TURNOVER: mark("Turnover"),
    Drawing.OPERATIONS: mark("Operations"),
    Drawing.CODES: mark("Most frequent reasons"),
    Drawing.DECLINES: mark("Declines over time"),
    Drawing.SLOTS: mark("How long customers take to pay"),
    Drawing.WITHIN_MINUTE: mark("Paid within a minute"),
    Drawing.ANSWERS: mark("How callbacks were answered"),
    Drawing.DELIVERED: mark("Answered with 2xx over time"),
}

AVERAGE: Final = mark("Average payment")
CODE: Final = mark("Code")
REASON: Final = mark("Reason")
DECLINES: Final = mark("Declined sales")
SHARE: Final = mark("Share")
OTHERS: Final = mark("All other codes")
REASONS: Final = mark("Different reasons")
MOST_FREQUENT: Final = mark("Most frequent reason")
UP_TO: Final = mark("up to %(time)s")
OVER: Final = mark("over %(time)s")
MEDIAN: Final = mark("Half of them paid within")
MEAN: Final = mark("Mean time")
ANSWERED: Final = mark("Answered with 2xx")
MEAN_ANSWER: Final = mark("Mean time to answer")
ATTEMPTS: Final = mark("Attempts")
FAILED: Final = mark("Failed attempts")
PAID: Final = mark("Paid")
DECLINED: Final = mark("Declined")
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


RANKS_MAX: Final = 10
_ORIGIN_SHAPES: Final = {"gate": "solid", "page": "stripe", "link": "dots"}
_STATUS_SHAPES: Final = {
    "success": "good",
    "decline": "hollow",
    "error": "cross",
    "expired": "dots",
    "invoice canceled": "rows",
}
_ANSWERS: Final[Mapping[Answered, tuple[str, str]]] = {
    Answered.OK: ("2xx", "good"),
    Answered.REDIRECT: ("3xx", "dots"),
    Answered.REFUSED: ("4xx", "stripe"),
    Answered.BROKEN: ("5xx", "cross"),
    Answered.OTHER: (mark("Other answer"), "rows"),
    Answered.NOTHING: (mark("No answer"), "hollow"),
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
        w.counts(w.say(NAMES[Dataset.PAYMENTS]), by_period(w.answer), _made(w)),
        *(w.counts(w.say(_GROUPS[key][0]), sums, _made(w, key)) for key, sums in groups.items()),
    ]
    amounts = [
        w.amounts(f"{w.say(PAID)} {currency}", paid, currency, _made(w, "paid", currency))
        for currency in DECIMALS
        if added(paid := w.answer.of(currency, "success")).paid_minor
    ]
    series = [
        Series(w.say(_GROUPS[key][0]), _GROUPS[key][1], [one.count for one in sums])
        for key, sums in groups.items()
    ]
    return View(
        figures=[w.figure(one) for one in (columns[0], *amounts, *columns[1:])],
        drawn=[w.stacks(Drawing.MADE, w.say(TITLES[Drawing.MADE]), series)],
        table=w.table([*columns, *amounts]),
    )


def _made(w: Writing, key: str = "", currency: str = "") -> Leads:
    """Return what leads to the payments of a group that were made in a span."""
    statuses = (key,) if key == _WAITING else _GROUPS[key][2] if key else ()
    return lambda at: w.payments(at, "created", statuses=statuses, currency=currency)


def _ended(w: Writing, status: str, currency: str = "") -> Leads:
    """Return what leads to the payments of a status that changed last in a span."""
    return lambda at: w.payments(at, "updated", statuses=(status,), currency=currency)


def conversion(w: Writing) -> View:
    """Show how many of those that were decided were paid, by when that was."""
    paid, declined = w.answer.of("success"), w.answer.of("decline")

    def rate(of: Pick) -> int | None:
        return conversion_per_mille(of(paid).count, of(declined).count)

    columns = [
        w.counts(w.say(PAID), paid, _ended(w, "success")),
        w.counts(w.say(DECLINED), declined, _ended(w, "decline")),
        Column(w.say(NAMES[Dataset.CONVERSION]), lambda of, _: percent(rate(of))),
    ]
    series = [
        Series(w.say(PAID), "good", [one.count for one in paid]),
        Series(w.say(DECLINED), "hollow", [one.count for one in declined]),
    ]
    return View(
        figures=[w.figure(columns[n]) for n in (2, 0, 1)],
        drawn=[
            w.stacks(Drawing.OUTCOMES, w.say(TITLES[Drawing.OUTCOMES]), series),
            w.rates(Drawing.RATE, w.say(TITLES[Drawing.RATE]), w.each(rate)),
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
        name, to = f"{w.say(NAMES[Dataset.TURNOVER])} {currency}", _ended(w, "success", currency)
        own = [
            w.amounts(name, sums, currency, to),
            w.counts(f"{w.say(NAMES[Dataset.PAYMENTS])} {currency}", sums, to),
            _average(f"{w.say(AVERAGE)} {currency}", sums, currency),
        ]
        figures += [w.figure(own[0]), w.figure(own[2])]
        columns += own
        if len(origins) > 1:
            columns += [
                w.amounts(f"{w.say(words.ORIGINS[one])} {currency}", parts[one], currency)
                for one in origins
            ]
        series = [
            Series(w.say(words.ORIGINS[one]), shape, [each.paid_minor for each in parts[one]])
            for one, shape in _ORIGIN_SHAPES.items()
            if one in parts
        ]
        drawn.append(w.stacks(Drawing.TURNOVER, name, series, currency=currency))
    return View(figures=figures, drawn=drawn, table=w.table(columns))


def _average(name: str, sums: Sequence[Sums], currency: str) -> Column:
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
        _measured(w.say(_name_of(key, is_type=is_type)), answer.of(key), currency) for key in keys
    ]
    every = _measured(w.say(ALL), by_period(answer), currency)
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
        drawn=[w.stacks(Drawing.OPERATIONS, title, series, currency=currency)],
        table=w.table([*columns, every]),
    )


def _measured(name: str, sums: Sequence[Sums], currency: str) -> Column:
    """Return a column of counts, or of what was asked in a currency."""
    if currency:
        return Column(name, lambda of, _: amount(of(sums).amount_minor, currency))
    return Column(name, lambda of, _: count(of(sums).count))


def _name_of(key: str, *, is_type: bool) -> str:
    return words.OPERATIONS.get(key, key) if is_type else words.STATUSES.get(key, (key,))[0]


def declines(w: Writing) -> View:
    """Show why sales failed: the codes by how often, and how many over time."""
    found = ranked(w.answer, most=RANKS_MAX)
    whole = w.answer.every.count
    most = found.first[0][1] if found.first else 1
    ranks = [
        Rank(code, message(code), _share(number, most), _of_all(number, whole))
        for code, number in found.first
    ]
    if found.others_count:
        name = w.say(OTHERS)
        ranks.append(
            Rank(name, "", _share(found.others_sum, most), _of_all(found.others_sum, whole))
        )
    every = by_period(w.answer)
    all_codes = ranked(w.answer, most=len(w.answer.series)).first
    rows = [
        [
            Value(code, code),
            Value(message(code), message(code)),
            count(number),
            percent(per_mille(number, whole)),
        ]
        for code, number in all_codes
    ]
    text = w.say(ALL)
    head = [w.say(one) for one in (CODE, REASON, DECLINES, SHARE)]
    foot = [Value(text, text), Value("", ""), count(whole), percent(per_mille(whole, whole))]
    figures = [Figure(w.say(DECLINES), f"{whole:,}")]
    if found.first:
        code, number = found.first[0]
        share = percent(per_mille(number, whole)).text
        figures.append(Figure(w.say(MOST_FREQUENT), share, more=f"{code} {message(code)}"))
        figures.append(Figure(w.say(REASONS), str(len(all_codes))))
    series = [Series(w.say(DECLINES), "solid", [one.count for one in every])]
    return View(
        figures=figures,
        drawn=[
            w.ranks(Drawing.CODES, w.say(TITLES[Drawing.CODES]), ranks),
            w.stacks(Drawing.DECLINES, w.say(TITLES[Drawing.DECLINES]), series),
        ],
        table=Table(head, rows, foot, texts_count=2),
    )


def _share(number: int, most: int) -> float:
    return round(100 * number / most, 2) if number < most else 100


def _of_all(number: int, whole: int) -> str:
    return f"{number:,} · {percent(per_mille(number, whole)).text}"


def time_to_pay(w: Writing) -> View:
    """Show how long it takes from asking for a QR to the money."""
    slots = [w.answer.of(number) for number in range(len(SLOTS_S) + 1)]
    every, fast = by_period(w.answer), within(w.answer, MINUTE_S)
    upto = [w.say(UP_TO, time=w.seconds(each)) for each in SLOTS_S]
    names = [*upto, w.say(OVER, time=w.seconds(SLOTS_S[-1]))]

    def share(of: Pick) -> int | None:
        return per_mille(of(fast).count, of(every).count)

    def median(of: Pick) -> Value:
        slot = median_slot([of(one).count for one in slots])
        return NO_VALUE if slot is None else Value(names[slot], names[slot])

    columns = [
        Column(w.say(MEDIAN), lambda of, _: median(of)),
        Column(w.say(MEAN), lambda of, _: w.duration(mean_ms(of(every)))),
        Column(w.say(TITLES[Drawing.WITHIN_MINUTE]), lambda of, _: percent(share(of))),
        w.counts(w.say(PAID), every),
    ]
    counts = [added(one).count for one in slots]
    told = [f"{name}: {number:,}" for name, number in zip(names, counts, strict=True)]
    across = Across(names=[*map(_short_time, SLOTS_S), "+"], told=told)
    title = w.say(TITLES[Drawing.SLOTS])
    return View(
        figures=[w.figure(one) for one in columns],
        drawn=[
            Drawn(
                drawing=Drawing.SLOTS,
                title=title,
                key=Drawing.SLOTS.value,
                chart=charts.columns([counts], across),
                legend=[("solid", w.say(PAID))],
            ),
            w.rates(Drawing.WITHIN_MINUTE, w.say(TITLES[Drawing.WITHIN_MINUTE]), w.each(share)),
        ],
        table=w.table(
            [*columns, *(w.counts(name, one) for name, one in zip(names, slots, strict=True))]
        ),
    )


def _short_time(seconds: int) -> str:
    return f"{seconds}s" if seconds < MINUTE_S else f"{seconds // MINUTE_S}m"


def callbacks(w: Writing) -> View:
    """Show how attempts to deliver callbacks were answered, by when they were made."""
    parts = {one: w.answer.of(one.value) for one in _ANSWERS}
    seen = [one for one in _ANSWERS if one is Answered.OK or added(parts[one]).count]
    every = by_period(w.answer)

    def share(of: Pick) -> int | None:
        return per_mille(of(parts[Answered.OK]).count, of(every).count)

    rate = Column(w.say(ANSWERED), lambda of, _: percent(share(of)))
    mean = Column(w.say(MEAN_ANSWER), lambda of, _: w.duration(mean_ms(of(every))))
    attempts = w.counts(w.say(ATTEMPTS), every, w.callbacks)
    bad = [
        added(column)
        for column in zip(*(parts[one] for one in _ANSWERS if one is not Answered.OK), strict=True)
    ]
    failed = w.counts(w.say(FAILED), bad, lambda at: w.callbacks(at, failing="1"))
    series = [
        Series(w.say(_ANSWERS[one][0]), _ANSWERS[one][1], [each.count for each in parts[one]])
        for one in seen
    ]
    return View(
        figures=[w.figure(one) for one in (rate, attempts, failed, mean)],
        drawn=[
            w.stacks(Drawing.ANSWERS, w.say(TITLES[Drawing.ANSWERS]), series),
            w.rates(Drawing.DELIVERED, w.say(TITLES[Drawing.DELIVERED]), w.each(share)),
        ],
        table=w.table(
            [*(w.counts(w.say(_ANSWERS[one][0]), parts[one]) for one in seen), attempts, rate, mean]
        ),
    )


_VIEWS: Final[Mapping[Dataset, Callable[[Writing], View]]] = {
    Dataset.PAYMENTS: payments,
    Dataset.CONVERSION: conversion,
    Dataset.TURNOVER: turnover,
    Dataset.OPERATIONS: operations,
    Dataset.DECLINES: declines,
    Dataset.TIME_TO_PAY: time_to_pay,
    Dataset.CALLBACKS: callbacks,
}


def name_of(drawing: Drawing) -> str:
    """Return what a chart is called where it stands alone: the first of a dataset, by that."""
    dataset = OF_DRAWING[drawing]
    return NAMES[dataset] if DRAWINGS[dataset][0] is drawing else TITLES[drawing]


def view(w: Writing) -> View:
    """Return what a page or a panel shows of an answer."""
    return _VIEWS[w.spec.dataset](w)
