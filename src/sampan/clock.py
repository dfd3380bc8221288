"""Time and chance: the only module that reads a clock or draws random numbers.

Everything else is handed a `Clock` or a value, so a test can stop time and repeat chance.
"""

import random
import secrets
import time
from typing import Protocol

SECOND_US = 1_000_000
MINUTE_US = 60 * SECOND_US
HOUR_US = 60 * MINUTE_US
DAY_US = 24 * HOUR_US


class Clock(Protocol):
    """A source of time and chance."""

    def now_us(self) -> int:
        """Return microseconds UTC since the epoch; may jump when the system's clock is set."""
        ...

    def monotonic_us(self) -> int:
        """Return microseconds since some start; never jumps back. For durations only."""
        ...

    def token(self, size_bytes: int) -> str:
        """Return `size_bytes` unguessable bytes as lower-case hexadecimal text."""
        ...

    def jitter(self) -> float:
        """Return a number in [0, 1) to spread retries; need not be unguessable."""
        ...


class SystemClock:
    """The machine's clock and its cryptographic random source."""

    def __init__(self) -> None:
        # Of its own: programs that host us may have seeded the common one, and watch it.
        self._random = random.Random()  # noqa: S311 - spreads retries, guards nothing

    def now_us(self) -> int:
        """Return microseconds UTC since the epoch."""
        return time.time_ns() // 1000

    def monotonic_us(self) -> int:
        """Return microseconds since some start."""
        return time.monotonic_ns() // 1000

    def token(self, size_bytes: int) -> str:
        """Return `size_bytes` unguessable bytes as hexadecimal text."""
        return secrets.token_hex(size_bytes)

    def jitter(self) -> float:
        """Return a number in [0, 1)."""
        return self._random.random()


class SetBack:
    """Notices that a clock has been set back, which leaves every time written down too far ahead.

    `seen` says yes once for each time, and at the first question: nobody knows what came before.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._ahead_us: int | None = None

    def seen(self) -> bool:
        """Return whether the clock went back by more than a second since the last question."""
        ahead_us = self._clock.now_us() - self._clock.monotonic_us()
        before_us, self._ahead_us = self._ahead_us, ahead_us
        return before_us is None or ahead_us < before_us - SECOND_US


class ManualClock:
    """A clock that stands still until it is told to move, with repeatable chance: for tests."""

    def __init__(self, now_us: int = 1_735_689_600_000_000, *, seed: int = 1) -> None:
        self._now_us = now_us
        self._random = random.Random(seed)  # noqa: S311 - repeatable on purpose

    def now_us(self) -> int:
        """Return the time last set, microseconds UTC since the epoch."""
        return self._now_us

    def monotonic_us(self) -> int:
        """Return the time last set."""
        return self._now_us

    def token(self, size_bytes: int) -> str:
        """Return repeatable bytes as hexadecimal text."""
        return self._random.randbytes(size_bytes).hex()

    def jitter(self) -> float:
        """Return a repeatable number in [0, 1)."""
        return self._random.random()

    def advance(self, us: int) -> None:
        """Move forward by `us` microseconds (backward when negative)."""
        self._now_us += us
