"""The periods of an answer: what they are called, and the lists of what happened in them."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final
from urllib.parse import urlencode

from sampan.clock import DAY_US
from sampan.domain.analytics import Answer, Granularity, day_text
from sampan.domain.days import Zone, local
from sampan.web.charts import HOUR_STEPS

DAY_HOURS: Final = 24
SPANS_MAX: Final = 512
_LISTS: Final = Zone.HONG_KONG
"""The days of lists."""
Span = tuple[int, int]
"""From one moment on and before another, in microseconds."""


@dataclass(frozen=True, slots=True)
class Times:
    """The periods of an answer, none longer than what was asked for."""

    answer: Answer

    @property
    def whole(self) -> Span:
        """All that was asked for."""
        return self.answer.question.start_us, self.answer.question.end_us

    def spans(self) -> list[Span]:
        """Return each period, oldest first."""
        start_us, end_us = self.whole
        begins = self.answer.periods
        return [
            (max(begin, start_us), min(end, end_us))
            for begin, end in zip(begins, [*begins[1:], end_us], strict=True)
        ]

    def texts(self) -> list[str]:
        """Return what each period is called in a table: dates as every language writes them."""
        return [self._text(span) for span in self.spans()]

    def names(self) -> list[str]:
        """Return what each period is called under its column."""
        return [self._name(span[0]) for span in self.spans()]

    @property
    def steps(self) -> tuple[int, ...]:
        """The distances at which names may stand."""
        return HOUR_STEPS if self._by is Granularity.HOUR else ()

    def text(self) -> str:
        """Return what all of it is called."""
        return self._range(self.whole)

    @property
    def _by(self) -> Granularity:
        return self.answer.question.granularity

    def _text(self, span: Span) -> str:
        zone = self.answer.question.zone
        if self._by is Granularity.HOUR:
            return f"{day_text(span[0], zone)} {local(span[0], zone):%H:%M}"
        begin, end = local(span[0], zone), local(span[1], zone)
        if self._by is Granularity.MONTH and begin.day == end.day == 1:
            return f"{begin:%Y-%m}"
        first, _, last = self._range(span).partition(" – ")
        # The year is said once where it is one.
        shorter = last[len("YYYY-") :] if last[:4] == first[:4] else last
        return f"{first} – {shorter}" if last else first

    def _range(self, span: Span) -> str:
        zone = self.answer.question.zone
        first, last = day_text(span[0], zone), day_text(span[1] - 1, zone)
        return first if first == last else f"{first} – {last}"

    def _name(self, begin_us: int) -> str:
        begin = local(begin_us, self.answer.question.zone)
        if self._by is Granularity.HOUR and (begin.hour or len(self.answer.periods) <= DAY_HOURS):
            return f"{begin:%H:%M}"
        if self._by is Granularity.MONTH:
            return f"{begin.month}/{begin.year}"
        return f"{begin.day}/{begin.month}"


def payments_path(span: Span, what: str, *, of: list[tuple[str, str]]) -> str:
    """Return the address of the list of payments that were `created` or last `updated` in a span.

    By days of Hong Kong where they are, else by minutes.
    """
    filters = "".join(f"{urlencode([pair])}&" for pair in of)
    return f"/dashboard/payments?{filters}{_dates(span, what)}"


@lru_cache(maxsize=SPANS_MAX)
def _dates(span: Span, what: str) -> str:
    """Return the dates of a query. Every column asks for the same spans again."""
    offset_us = _LISTS.offset_us
    bounds = _days(span)
    if any((at_us + offset_us) % DAY_US for at_us in span):
        bounds = [f"{local(us, _LISTS):%Y-%m-%dT%H:%M}" for us in span]
    dates = zip((f"{what}_from", f"{what}_to"), bounds, strict=True)
    return urlencode(list(dates))


def callbacks_path(span: Span, *, of: list[tuple[str, str]]) -> str:
    """Return the address of the log of callbacks that were made on the days of a span."""
    dates = zip(("created_from", "created_to"), _days(span), strict=True)
    return f"/dashboard/callbacks?{urlencode([*of, *dates])}"


def _days(span: Span) -> list[str]:
    return [day_text(span[0], _LISTS), day_text(span[1] - 1, _LISTS)]
