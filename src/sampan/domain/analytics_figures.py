"""Figures made of the figures of an answer: shares, ranks, and sums in both directions."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sampan.domain.analytics import PER_MILLE, SLOTS_S, Answer, Sums, added

MINUTE_S: Final = 60


def per_mille(part: int, whole: int) -> int | None:
    """Return how many of 1000 a part is, cut; None of nothing."""
    return part * PER_MILLE // whole if whole else None


def by_period(answer: Answer) -> list[Sums]:
    """Return all series together, by period."""
    return [added(column) for column in zip(*answer.sums, strict=True)] or [Sums()] * len(
        answer.periods
    )


def within(answer: Answer, seconds: int) -> list[Sums]:
    """Return those that took at most so many seconds, by period, of an answer by slot."""
    return [
        added(column)
        for column in zip(
            *(answer.of(slot) for slot in range(SLOTS_S.index(seconds) + 1)), strict=True
        )
    ]


@dataclass(frozen=True, slots=True)
class Ranks:
    """The most frequent of an answer's first values, the most first, and what all others are."""

    first: Sequence[tuple[str, int]]
    others_count: int
    others_sum: int


def ranked(answer: Answer, *, most: int) -> Ranks:
    """Rank the values of the first dimension; equal ones by name."""
    pairs = [(str(values[0]), answer.total(*values).count) for values in answer.series]
    pairs.sort(key=lambda pair: (-pair[1], pair[0]))
    rest = pairs[most:]
    return Ranks(pairs[:most], len(rest), sum(count for _, count in rest))
