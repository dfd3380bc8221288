"""What a page of analytics is made of: figures on top, charts, and a table of the same numbers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, Final, NamedTuple

from sampan import money
from sampan.dashboard.analytics_times import Span, Times, callbacks_path, payments_path
from sampan.dashboard.analytics_words import TITLES
from sampan.domain.analytics import Answer, Sums, added
from sampan.domain.analytics_figures import MINUTE_S
from sampan.domain.analytics_spec import Drawing, Spec
from sampan.web import charts
from sampan.web.charts import Across, Chart
from sampan.web.i18n import mark, money_text, translate

MINOR: Final = 100
NOTHING: Final = "–"
SECOND_MS: Final = 1000
SECONDS_MS_MAX: Final = 100_000
"""Below it a time is said in seconds alone."""

PERIOD: Final = mark("Period")
ALL: Final = mark("All")
MILLISECONDS: Final = mark("%(count)s ms")
SECONDS: Final = mark("%(count)s s")
MINUTES: Final = mark("%(count)s min")
LONGER: Final = mark("%(minutes)s min %(seconds)s s")

SHAPES: Final = ("solid", "stripe", "dots", "cross", "rows", "hollow")
"""How series that are neither good nor bad are drawn: told apart without colours too."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A number that is read first: its name, and the list that it leads to."""

    name: str
    text: str
    to: str = ""
    more: str = ""


@dataclass(frozen=True, slots=True)
class Value:
    """A cell of a table: as people read it, as a spreadsheet does, and where it leads."""

    text: str
    plain: str
    to: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of values below their names; the first column names the row. `foot`: all together."""

    head: Sequence[str]
    rows: Sequence[Sequence[Value]]
    foot: Sequence[Value] = ()
    texts_count: int = 1


@dataclass(frozen=True, slots=True)
class Rank:
    """A bar that lies: how far it reaches of 100, and its number."""

    name: str
    more: str
    share: float
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """A chart with its title; `legend` has the shape and the name of each series."""

    drawing: Drawing
    title: str
    key: str
    chart: Chart | None = None
    ranks: Sequence[Rank] = ()
    legend: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """All that is said of an answer."""

    figures: Sequence[Figure]
    drawn: Sequence[Drawn]
    table: Table

    def of(self, drawing: Drawing) -> Sequence[Drawn]:
        """Return the charts of a kind: one for each currency where sums are drawn."""
        return [one for one in self.drawn if one.drawing is drawing]


class Series(NamedTuple):
    """Values by period that are drawn in one shape."""

    name: str
    shape: str
    values: Sequence[int]


Pick = Callable[[Sequence[Sums]], Sums]
"""Takes the figures of one period out of those of all, or adds all of them up."""
Leads = Callable[[Span], str]
"""Returns the address of the list of a span."""


class Column(NamedTuple):
    """A column of a table by period: its name, and its value for a period or for all."""

    name: str
    value: Callable[[Pick, Span], Value]


@dataclass(frozen=True, slots=True)
class Writing:
    """What a view is written from: the question's spec, its answer, and the reader's language."""

    spec: Spec
    answer: Answer
    language: str

    @property
    def times(self) -> Times:
        """The periods of the answer."""
        return Times(self.answer)

    def say(self, text: str, **values: object) -> str:
        """Return a marked text in the reader's language, with values in it."""
        said = translate(self.language, text)
        return said % values if values else said

    def table(self, columns: Sequence[Column]) -> Table:
        """Return a table by period, with all of them together at the end."""
        text = self.say(ALL)
        periods = zip(self.times.texts(), self.times.spans(), strict=True)
        return Table(
            head=[self.say(PERIOD), *(one.name for one in columns)],
            rows=[
                [Value(name, name), *(one.value(itemgetter(number), at) for one in columns)]
                for number, (name, at) in enumerate(periods)
            ],
            foot=[Value(text, text), *(one.value(added, self.times.whole) for one in columns)],
        )

    def figure(self, column: Column) -> Figure:
        """Return what a column comes to, all periods together."""
        value = column.value(added, self.times.whole)
        return Figure(column.name, value.text, value.to)

    def counts(self, name: str, of: Sequence[Sums], *, to: Leads | None = None) -> Column:
        """Return a column of counts."""

        def value(pick: Pick, at: Span) -> Value:
            number = pick(of).count
            # What is nothing leads nowhere.
            return count(number, to(at) if to and number else "")

        return Column(name, value)

    def amounts(
        self, name: str, of: Sequence[Sums], *, currency: str, to: Leads | None = None
    ) -> Column:
        """Return a column of what was paid."""

        def value(pick: Pick, at: Span) -> Value:
            minor = pick(of).paid_minor
            return amount(minor, currency, to=to(at) if to and minor else "")

        return Column(name, value)

    def each(self, rate: Callable[[Pick], int | None]) -> list[int | None]:
        """Return a rate by period."""
        return [rate(itemgetter(number)) for number in range(len(self.answer.periods))]

    def payments(
        self, span: Span, what: str, *, statuses: Sequence[str] = (), currency: str = ""
    ) -> str:
        """Return the address of payments `created` or `updated` in a span, filtered as here."""
        one = currency or self.spec.currency
        filters = [
            *(("project", str(number)) for number in self.spec.projects),
            *(("status", status) for status in statuses),
            *([("currency", one)] if one else []),
        ]
        return payments_path(span, what, of=filters)

    def callbacks(self, span: Span, **of: str) -> str:
        """Return the address of the log of callbacks; "" where it has no such filter."""
        projects = self.spec.projects
        if len(projects) > 1:
            return ""
        filters = [*(("project", str(one)) for one in projects), *of.items()]
        return callbacks_path(span, of=filters)

    def stacks(
        self,
        drawing: Drawing,
        series: Sequence[Series],
        *,
        title: str = "",
        currency: str = "",
    ) -> Drawn:
        """Draw columns by period of several series on top of each other: counts, or amounts."""
        unit = MINOR if currency else 1

        def text(value: int) -> str:
            return money_text(value, currency) if currency else f"{value:,}"

        told = [
            ", ".join(f"{one.name} {text(one.values[number])}" for one in series)
            for number in range(len(self.answer.periods))
        ]
        chart = charts.columns(
            [one.values for one in series],
            self._across(told),
            text=lambda value: f"{value // unit:,}",
            unit=unit,
        )
        legend = [(one.shape, one.name) for one in series]
        return Drawn(
            drawing=drawing,
            title=title or self.say(TITLES[drawing]),
            key=drawing.value + currency,
            chart=chart,
            legend=legend,
        )

    def rates(self, drawing: Drawing, values: Sequence[int | None]) -> Drawn:
        """Draw thousandths by period."""
        title = self.say(TITLES[drawing])
        chart = charts.rate(values, self._across([percent(one).text for one in values]))
        return Drawn(
            drawing=drawing, title=title, key=drawing.value, chart=chart, legend=[("line", title)]
        )

    def ranks(self, drawing: Drawing, ranks: Sequence[Rank]) -> Drawn:
        """Draw bars that lie."""
        title = self.say(TITLES[drawing])
        return Drawn(drawing=drawing, title=title, key=drawing.value, ranks=ranks)

    def duration(self, time_ms: int | None) -> Value:
        """Return how long something took: `45 ms`, `24.3 s`, `3 min 12 s`; plainly in seconds."""
        if time_ms is None:
            return NO_VALUE
        plain = f"{time_ms // SECOND_MS}.{time_ms % SECOND_MS:03}"
        if time_ms < SECOND_MS:
            return Value(self.say(MILLISECONDS, count=time_ms), plain)
        if time_ms < SECONDS_MS_MAX:
            return Value(self.say(SECONDS, count=plain[:-2]), plain)
        minutes, seconds = divmod(time_ms // SECOND_MS, MINUTE_S)
        return Value(self.say(LONGER, minutes=f"{minutes:,}", seconds=seconds), plain)

    def seconds(self, count: int) -> str:
        """Return a round time: `30 s`, `5 min`."""
        if count < MINUTE_S:
            return self.say(SECONDS, count=count)
        return self.say(MINUTES, count=count // MINUTE_S)

    def _across(self, told: Sequence[str]) -> Across:
        texts = [f"{period}: {one}" for period, one in zip(self.times.texts(), told, strict=True)]
        return Across(names=self.times.names(), told=texts, steps=self.times.steps)


NO_VALUE: Final = Value(NOTHING, "")


def count(number: int, to: str = "") -> Value:
    """Return a count."""
    return Value(f"{number:,}", str(number), to)


def amount(minor: int, currency: str, *, to: str = "") -> Value:
    """Return an amount of a currency of the method."""
    return Value(money_text(minor, currency), money.to_text(minor, currency), to)


def percent(per_mille: int | None) -> Value:
    """Return thousandths as per cent."""
    if per_mille is None:
        return NO_VALUE
    text = f"{per_mille // 10}.{per_mille % 10}%"
    return Value(text, text)


def csv_rows(table: Table) -> list[list[str]]:
    """Return a table as a spreadsheet reads it."""
    foot: list[Any] = [table.foot] if table.foot else []
    return [list(table.head), *([value.plain for value in row] for row in [*table.rows, *foot])]
