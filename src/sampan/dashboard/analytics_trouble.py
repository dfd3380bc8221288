"""What datasets show of what goes wrong or slowly: declines, time to pay, callbacks."""

from collections.abc import Mapping
from typing import Final

from sampan.dashboard.analytics_views import (
    ALL,
    NO_VALUE,
    Column,
    Drawn,
    Figure,
    Pick,
    Rank,
    Series,
    Table,
    Value,
    View,
    Writing,
    count,
    percent,
)
from sampan.dashboard.analytics_words import (
    ANSWERED,
    ATTEMPTS,
    CODE,
    DECLINES,
    FAILED,
    MEAN,
    MEAN_ANSWER,
    MEDIAN,
    MOST_FREQUENT,
    OTHERS,
    OVER,
    PAID,
    REASON,
    REASONS,
    SHARE,
    TITLES,
    UP_TO,
)
from sampan.domain.analytics import (
    SLOTS_S,
    Answered,
    added,
    mean_ms,
    median_slot,
)
from sampan.domain.analytics_figures import MINUTE_S, by_period, per_mille, ranked, within
from sampan.domain.analytics_spec import (
    Drawing,
)
from sampan.domain.codes import message
from sampan.web import charts
from sampan.web.charts import Across
from sampan.web.i18n import mark

RANKS_MAX: Final = 10
_ANSWERS: Final[Mapping[Answered, tuple[str, str]]] = {
    Answered.OK: ("2xx", "good"),
    Answered.REDIRECT: ("3xx", "dots"),
    Answered.REFUSED: ("4xx", "stripe"),
    Answered.BROKEN: ("5xx", "cross"),
    Answered.OTHER: (mark("Other answer"), "rows"),
    Answered.NOTHING: (mark("No answer"), "hollow"),
}


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
            w.ranks(Drawing.CODES, ranks),
            w.stacks(Drawing.DECLINES, series),
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
            w.rates(Drawing.WITHIN_MINUTE, w.each(share)),
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
    attempts = w.counts(w.say(ATTEMPTS), every, to=w.callbacks)
    bad = [
        added(column)
        for column in zip(*(parts[one] for one in _ANSWERS if one is not Answered.OK), strict=True)
    ]
    failed = w.counts(w.say(FAILED), bad, to=lambda at: w.callbacks(at, failing="1"))
    series = [
        Series(w.say(_ANSWERS[one][0]), _ANSWERS[one][1], [each.count for each in parts[one]])
        for one in seen
    ]
    return View(
        figures=[w.figure(one) for one in (rate, attempts, failed, mean)],
        drawn=[
            w.stacks(Drawing.ANSWERS, series),
            w.rates(Drawing.DELIVERED, w.each(share)),
        ],
        table=w.table(
            [*(w.counts(w.say(_ANSWERS[one][0]), parts[one]) for one in seen), attempts, rate, mean]
        ),
    )
