"""What every provider must keep: the contract of `sampan.providers.base` as checks.

Derive a class whose name begins with `Test` from `ProviderSuite`, give it `open_harness`, and let
pytest collect it. Each check opens a harness of its own.
"""
# ruff: noqa: S101 - a check is made of assertions

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from typing import Final, Protocol

from sampan.clock import DAY_US
from sampan.codecs.emv_qr import decode
from sampan.outbound import Answer, Outbound, OutboundError, TargetRefused
from sampan.providers.base import (
    Issued,
    Outcome,
    Provider,
    ProviderOrder,
    RawRequest,
    Refusal,
    Refused,
    Unknown,
    Untrusted,
)

REPEATS: Final = 8
CHECK_TIMEOUT_S: Final = 30.0


class Harness(Protocol):
    """A provider with a bank behind it, for one check."""

    provider: Provider
    http: Outbound

    asks_bank: bool
    """False for a provider that makes the QR by itself; a silent bank cannot hurt its `start`."""

    def order(self, number: int) -> ProviderOrder:
        """Return an order that the bank takes; another reference for another number."""
        ...

    async def orders_count(self, reference: str) -> int:
        """Return how many orders the bank has for a reference; 1 where it keeps none."""
        ...

    async def notification(self) -> RawRequest:
        """Return a genuine notification of the bank with at least one notice, just received."""
        ...


class ScriptedHttp(Outbound):
    """An HTTP client whose every call does what it is told: answers, or raises."""

    def __init__(self, outcome: Answer | BaseException) -> None:
        self._outcome = outcome

    async def post(
        self,
        url: str,
        body: bytes,
        *,
        headers: Mapping[str, str] | None = None,
        timeout_s: float | None = None,
    ) -> Answer:
        """Answer or raise as told."""
        return self._do(url, body, headers, timeout_s)

    async def get(
        self,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        timeout_s: float | None = None,
    ) -> Answer:
        """Answer or raise as told."""
        return self._do(url, headers, timeout_s)

    def _do(self, *_asked: object) -> Answer:
        if isinstance(self._outcome, BaseException):
            raise self._outcome
        return self._outcome


FAILURES: Final = (
    OutboundError("timeout", "no complete answer within 1 s"),
    OutboundError("reset", "the connection was closed"),
    OutboundError("connect", "Connection refused"),
    TargetRefused("private address"),
    TimeoutError(),
    OSError("broken"),
    RuntimeError("a bug"),
)
"""Ways in which a call can end without an answer."""

NONSENSE: Final = (
    Answer(200, b"", truncated=False, duration_ms=1),
    Answer(200, b"<html>busy</html>", truncated=False, duration_ms=1),
    Answer(200, b"[]", truncated=False, duration_ms=1),
    Answer(200, b'{"status": null, "payload": 1}', truncated=False, duration_ms=1),
    Answer(200, b"[" * 100_000, truncated=True, duration_ms=1),
    Answer(200, b'{"status": "\xff"}', truncated=False, duration_ms=1),
    Answer(302, b"", truncated=False, duration_ms=1),
    Answer(500, b"", truncated=False, duration_ms=1),
    Answer(503, b'{"error": "down"}', truncated=False, duration_ms=1),
)
"""Answers that prove nothing."""


class ProviderSuite(ABC):
    """The checks. Each method named `test_…` is one."""

    @abstractmethod
    def open_harness(self) -> AbstractAsyncContextManager[Harness]:
        """Open a harness; everything it holds is gone when the block ends."""

    def test_start_issues_the_asked_sum(self) -> None:
        """An order that is taken gives a QR of its amount and currency that ends in time."""

        async def check(harness: Harness) -> None:
            order = harness.order(1)
            issued = await _started(harness, order)
            fps = decode(issued.payload).fps
            assert fps is not None
            assert (fps.amount_minor, fps.currency) == (order.amount_minor, order.currency)
            assert order.created_us < issued.expires_us <= order.expires_us

        self._run(check)

    def test_repeat_makes_one_order(self) -> None:
        """Starting a reference again, also at the same moment, gives the same QR and no order."""

        async def check(harness: Harness) -> None:
            order = harness.order(1)
            starts = [harness.provider.start(order, harness.http) for _ in range(REPEATS)]
            outcomes = await asyncio.gather(*starts)
            outcomes.append(await harness.provider.start(order, harness.http))
            assert isinstance(outcomes[0], Issued)
            assert all(outcome == outcomes[0] for outcome in outcomes)
            assert await harness.orders_count(order.reference) == 1

        self._run(check)

    def test_status_finds_what_was_started(self) -> None:
        """Asking for an order that was started tells its QR, or that the bank cannot say.

        Without a bank there may be nobody who remembers: the order is then started anew.
        """

        async def check(harness: Harness) -> None:
            issued = await _started(harness, harness.order(1))
            told = await harness.provider.status(harness.order(1).reference, harness.http)
            forgotten = not harness.asks_bank and told == Refused("3061")
            assert told == issued or isinstance(told, Unknown) or forgotten

        self._run(check)

    def test_status_of_the_unheard(self) -> None:
        """An order that the bank never heard of is not reported as issued."""

        async def check(harness: Harness) -> None:
            told = await harness.provider.status(harness.order(2).reference, harness.http)
            assert told == Refused("3061") or isinstance(told, Unknown)

        self._run(check)

    def test_failures_are_unknown(self) -> None:
        """Whatever breaks on the way to the bank, the outcome is Unknown and nothing is raised."""

        async def check(harness: Harness) -> None:
            for failure in FAILURES:
                await _proves_nothing(harness, ScriptedHttp(failure))

        self._run(check)

    def test_nonsense_is_unknown(self) -> None:
        """An answer that proves nothing gives Unknown, never a refusal."""

        async def check(harness: Harness) -> None:
            for answer in NONSENSE:
                await _proves_nothing(harness, ScriptedHttp(answer))

        self._run(check)

    def test_cancelling_is_not_swallowed(self) -> None:
        """Who stops the process must be able to: cancelling goes through."""

        async def check(harness: Harness) -> None:
            http = ScriptedHttp(asyncio.CancelledError())
            try:
                outcome = await harness.provider.start(harness.order(1), http)
            except asyncio.CancelledError:
                return
            assert isinstance(outcome, Issued)
            assert not harness.asks_bank

        self._run(check)

    def test_notification_is_read(self) -> None:
        """A genuine notification gives notices that name account, id and a positive sum."""

        async def check(harness: Harness) -> None:
            notices = harness.provider.parse_notification(await harness.notification())
            assert notices
            for notice in notices:
                assert notice.account
                if isinstance(notice, Refusal):
                    assert notice.notice_id
                else:
                    assert notice.bank_txn_id
                    assert notice.amount_minor > 0

        self._run(check)

    def test_repeated_notification_is_equal(self) -> None:
        """The same notification again gives equal values."""

        async def check(harness: Harness) -> None:
            raw = await harness.notification()
            first = list(harness.provider.parse_notification(raw))
            assert list(harness.provider.parse_notification(raw)) == first

        self._run(check)

    def test_forged_notification_is_untrusted(self) -> None:
        """One changed byte of the body, or a missing or changed header, ends the trust."""

        async def check(harness: Harness) -> None:
            raw = await harness.notification()
            for forged in _forged(raw):
                assert _is_untrusted(harness.provider, forged), forged

        self._run(check)

    def test_truncated_notification_is_untrusted(self) -> None:
        """A notification that was cut anywhere is not trusted."""

        async def check(harness: Harness) -> None:
            raw = await harness.notification()
            for length in range(len(raw.body)):
                assert _is_untrusted(harness.provider, replace(raw, body=raw.body[:length])), length

        self._run(check)

    def test_stale_notification_is_untrusted(self) -> None:
        """A notification that was overheard is worth nothing a day later, or a day before."""

        async def check(harness: Harness) -> None:
            raw = await harness.notification()
            for shift_us in (DAY_US, -DAY_US):
                stale = replace(raw, received_us=raw.received_us + shift_us)
                assert _is_untrusted(harness.provider, stale)

        self._run(check)

    def test_rubbish_is_untrusted(self) -> None:
        """What never came from a bank raises Untrusted and nothing else."""

        async def check(harness: Harness) -> None:
            raw = await harness.notification()
            for body in (b"", b"\x00", b"\xff\xfe", b"{}", b"[" * 100_000, b"<a>" * 1_000):
                bare = RawRequest(headers={}, body=body, received_us=raw.received_us)
                assert _is_untrusted(harness.provider, bare)
                assert _is_untrusted(harness.provider, replace(raw, body=body))

        self._run(check)

    def _run(self, check: Callable[[Harness], Awaitable[None]]) -> None:
        async def opened() -> None:
            async with asyncio.timeout(CHECK_TIMEOUT_S), self.open_harness() as harness:
                await check(harness)

        asyncio.run(opened())


async def _started(harness: Harness, order: ProviderOrder) -> Issued:
    outcome = await harness.provider.start(order, harness.http)
    assert isinstance(outcome, Issued), outcome
    return outcome


async def _proves_nothing(harness: Harness, http: Outbound) -> None:
    order = harness.order(1)
    started: Outcome = await harness.provider.start(order, http)
    assert isinstance(started, Unknown if harness.asks_bank else Unknown | Issued), started
    told = await harness.provider.status(order.reference, http)
    assert isinstance(told, Unknown) or not harness.asks_bank


def _forged(raw: RawRequest) -> Iterator[RawRequest]:
    for place in range(0, len(raw.body), 7):
        changed = bytearray(raw.body)
        changed[place] ^= 1
        yield replace(raw, body=bytes(changed))
    yield replace(raw, body=raw.body + b" ")
    yield replace(raw, headers={})
    for name in raw.headers:
        if "signature" in name:
            rest = {key: value for key, value in raw.headers.items() if key != name}
            yield replace(raw, headers=rest)
            for value in ("", "0" * 64, "é" * 64, raw.headers[name][:-1], "\udcff"):
                yield replace(raw, headers=rest | {name: value})


def _is_untrusted(provider: Provider, raw: RawRequest) -> bool:
    try:
        provider.parse_notification(raw)
    except Untrusted:
        return True
    return False
