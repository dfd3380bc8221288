"""The task `ask_provider`: get a QR for an accepted payment, and find out about lost answers."""

import asyncio
from collections.abc import Callable
from typing import Final

import structlog

from sampan.domain.codes import Code
from sampan.domain.page_links import PageLinks
from sampan.flow import issuing
from sampan.flow.issuing import Asking
from sampan.flow.notification import FindProject
from sampan.flow.page import host
from sampan.outbound import Outbound
from sampan.providers.base import Outcome, Provider, Refused, Unknown
from sampan.storage import outbox, payments
from sampan.storage.engine import Store, Tx
from sampan.storage.outbox import Task
from sampan.workers.loop import Work

log = structlog.get_logger(__name__)
LEASE_US: Final = 30_000_000
ANSWER_S_MAX: Final = 20.0
"""Shorter than the lease, so a claimed task is never carried out twice at once."""
GAP_S_MAX: Final = 60


class AskProvider:
    """Asks providers. An answer that proves nothing is asked for again until it is known."""

    def __init__(
        self,
        store: Store,
        *,
        http: Outbound,
        find_provider: Callable[[str], Provider],
        find_project: FindProject,
        page_links: PageLinks,
    ) -> None:
        self._store = store
        self._clock = store.clock
        self._http = http
        self._find_provider = find_provider
        self._find_project = find_project
        self._page_links = page_links

    def work(self) -> Work[Asking]:
        """Return what the worker needs to know about this kind of task."""
        return Work("ask_provider", lease_us=LEASE_US, prepare=self._prepare, act=self._act)

    def _prepare(self, tx: Tx, task: Task, _now_us: int) -> Asking | None:
        operation = payments.operation_by_id(tx, task.subject)
        payment = None if operation is None else payments.payment_by_key(tx, operation.payment_key)
        project = None if payment is None else self._find_project(tx, payment.project_id)
        asked = None
        if operation is not None and project is not None:
            asked = issuing.asking(tx, project, operation)
        if asked is None:
            outbox.done(tx, task)
        return asked

    async def _act(self, task: Task, asked: Asking) -> None:
        outcome = await self._ask(task, asked)
        if isinstance(outcome, Unknown):
            log.warning(
                "provider answered nothing certain",
                provider=task.lane,
                operation=asked.operation.id,
                attempt=task.attempts_count,
                why=outcome.why,
            )

        def settle(tx: Tx) -> None:
            now_us = self._clock.now_us()
            if isinstance(outcome, Unknown):
                gap_s = min(GAP_S_MAX, 2 ** (task.attempts_count - 1))
                outbox.put_back(tx, task, due_us=now_us + gap_s * 1_000_000)
            elif outbox.done(tx, task):
                url = host(tx, asked, self._page_links, now_us=now_us)
                issuing.take_answer(tx, asked, outcome, now_us=now_us, redirect_url=url)

        await self._store.transact(settle)

    async def _ask(self, task: Task, asked: Asking) -> Outcome:
        provider = self._find_provider(asked.project.settings.provider)
        try:
            async with asyncio.timeout(ANSWER_S_MAX):
                if task.attempts_count > 1:
                    # An earlier try may have reached the bank: ask what became of it first.
                    known = await provider.status(asked.order.reference, self._http)
                    if known != Refused(Code.NOT_FOUND):
                        return known
                return await provider.start(asked.order, self._http)
        except TimeoutError:
            return Unknown("no answer in time")
