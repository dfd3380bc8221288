"""Pages by their tokens: find one, act on it, and follow what becomes of it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Final

import msgspec

from sampan.clock import Clock
from sampan.domain.codes import Code
from sampan.domain.look import Look
from sampan.domain.page_links import PageLinks, is_token
from sampan.domain.project import Project
from sampan.domain.statuses import PaymentStatus
from sampan.flow import page as flow
from sampan.flow.page import PageRequest, Standing
from sampan.flow.sale import faults_of_amount, new_request_id
from sampan.flow.settle import Step
from sampan.page.handing import Handing
from sampan.page.live import Watch
from sampan.page.params import CheckUrl, read, refusal
from sampan.page.requests import Opening
from sampan.page.returning import OpenedAs
from sampan.page.view import Frame, View, view_of
from sampan.providers.base import PaymentRequest
from sampan.storage import page_styles, payments
from sampan.storage.engine import Store, Tx
from sampan.storage.page_sessions import PageSession
from sampan.web.waiting import came

PREPARE_S: Final = 2.5
"""An answer waits this long for the QR; what takes longer is shown when it comes."""
BEAT_S: Final = 10.0
"""A page that is followed hears something this often, also without news."""
LOOK_AGAIN_S: Final = 60.0
"""Without news a page is read anew only now and then, in case some was missed."""
CUSTOMER: Final = "customer"
"""Who acts, in the journal."""
_SOON_S: Final = 0.05
_SECOND_US: Final = 1_000_000

_request = msgspec.json.Decoder(PageRequest)
FindProject = Callable[[Tx, int], Project | None]


class Page(msgspec.Struct, frozen=True):
    """A page as it was found: where it stands, what was asked, for which project, how it looks."""

    standing: Standing
    asked: PageRequest
    project: Project
    look: Look

    @property
    def session(self) -> PageSession:
        """Its session."""
        return self.standing.session


class Pages:
    """All pages of the platform."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        *,
        find_project: FindProject,
        links: PageLinks,
        handing: Handing | None = None,
    ) -> None:
        self.links = links
        self.watch = Watch(store)
        self._handing = handing or Handing()
        self._store = store
        self._clock = clock
        self._find_project = find_project

    async def open(
        self, opening: Opening, *, check_url: CheckUrl, at_once: bool, ip_address: str
    ) -> str:
        """Keep a signed request and return its token; a repeat finds the first one.

        `at_once` also starts the payment, where its sum may be paid at all. Raises `Refusal`.
        """
        project, now_us = opening.project, self._clock.now_us()
        asked = read(opening.fields, project, check_url=check_url, now_us=now_us)
        customer = msgspec.structs.replace(asked.customer, ip_address=ip_address)
        session = PageSession(
            token=self.links.token(project.id, opening.digest),
            project_id=project.id,
            payment_id=asked.payment_id,
            digest=opening.digest,
            request=msgspec.json.encode(msgspec.structs.replace(asked, customer=customer)).decode(),
            payment=None,
            created_us=now_us,
        )
        possible = not faults_of_amount(
            project.settings, asked.currency, amount_minor=asked.amount_minor
        )
        ended = asked.best_before_us is not None and now_us >= asked.best_before_us
        step = self._step(project)

        def keep(tx: Tx) -> PageSession:
            kept = flow.open_page(tx, session)
            if at_once and possible and not ended and kept.cancelled_us is None:
                request = _request.decode(kept.request)
                kept = flow.start(tx, project, kept, request=request, step=step)
            return kept

        kept = await self._store.transact(keep)
        if kept.payment is not None:
            await self._prepared(kept.payment)
        return kept.token

    async def find(self, token: str) -> Page:
        """Return a page as it stands. Raises `Refusal` with 404 for an unknown token."""
        if not is_token(token):
            raise refusal(Code.NOT_FOUND, http_status=404)

        def look(tx: Tx) -> Page | None:
            standing = flow.standing(tx, token)
            project = standing and self._find_project(tx, standing.session.project_id)
            if not standing or not project:
                return None
            asked = _request.decode(standing.session.request)
            style = page_styles.find(tx, project.id, asked.style)
            return Page(standing, asked, project, style)

        found = await self._store.read(look)
        if found is None:
            raise refusal(Code.NOT_FOUND, http_status=404)
        payment = found.standing.payment
        if payment is not None:
            self.watch.saw(payment.key, payment.updated_us)
        return found

    def view(self, page: Page, opened: OpenedAs) -> View:
        """Return what a page shows now."""
        token = page.session.token
        frame = Frame(
            now_us=self._clock.now_us(),
            opened=opened,
            sandbox_app=self._handing.sandbox_app,
            picker_url=self._handing.link(
                page.project, token=token, page_url=self.links.url(token)
            ),
        )
        return view_of(page.standing, page.asked, project=page.project, look=page.look, frame=frame)

    def app_request(self, page: Page) -> PaymentRequest:
        """Return what a bank's app downloads to pay a page. Raises `Refusal` 404 for nothing."""
        payment, operation = page.standing.payment, page.standing.operation
        found = None
        if payment is not None and operation is not None:
            found = self._handing.request(page.project, payment, operation=operation)
        if found is None:
            raise refusal(Code.NOT_FOUND, http_status=404)
        return found

    async def start(self, page: Page) -> None:
        """Start the payment and wait a little for its QR. A repeat starts nothing."""
        project, session, step = page.project, page.session, self._step(page.project)
        started = await self._store.transact(
            lambda tx: flow.start(tx, project, session, request=page.asked, step=step)
        )
        if started.payment is not None:
            await self._prepared(started.payment)

    async def try_again(self, page: Page) -> None:
        """Begin another attempt where one may begin, and wait a little for its QR."""
        project, payment, step = page.project, page.standing.payment, self._step(page.project)
        if payment is not None:
            found = payment
            await self._store.transact(lambda tx: flow.try_again(tx, project, found, step=step))
            await self._prepared(payment.key)

    async def give_up(self, page: Page) -> None:
        """Note that the customer makes no further attempt."""
        project, payment, step = page.project, page.standing.payment, self._step(page.project)
        if payment is not None:
            found = payment
            await self._store.transact(lambda tx: flow.give_up(tx, project, found, step=step))

    async def follow(
        self, page: Page, opened: OpenedAs, *, since: str, wait_s: float
    ) -> AsyncIterator[View | None]:
        """Yield a page whenever its version changes from `since` on, None at each beat without.

        Ends after `wait_s`, when nothing more can come, or when the process is about to stop.
        """
        loop = asyncio.get_running_loop()
        ends_at = loop.time() + wait_s
        token, key = page.session.token, page.session.payment
        if key is None:
            # Nothing moves before the customer confirms; that may happen on another device.
            yield self.view(page, opened)
            return
        with self.watch.watching(key) as news:
            while not self.watch.closed:
                news.clear()
                page = await self.find(token)
                view = self.view(page, opened)
                if view.version != since:
                    since = view.version
                    yield view
                if view.ended:
                    return
                changes_at = loop.time() + self._quiet_s(view)
                while not news.is_set() and loop.time() < changes_at:
                    left_s = ends_at - loop.time()
                    if left_s <= 0:
                        return
                    pause_s = min(left_s, BEAT_S, changes_at - loop.time())
                    if not await came(news, pause_s):
                        yield None

    def _quiet_s(self, view: View) -> float:
        """Return how long the clock alone changes nothing on a page; then it is looked at anew."""
        now_us = self._clock.now_us()
        if view.changes_us is None or view.changes_us <= now_us:
            # What is over for the customer is ended by a worker, and that is news.
            return LOOK_AGAIN_S
        return (view.changes_us - now_us) / _SECOND_US + _SOON_S

    async def _prepared(self, payment: int) -> None:
        """Wait until the provider has answered, but no longer than a customer is patient."""

        def status(tx: Tx) -> PaymentStatus | None:
            found = payments.payment_by_key(tx, payment)
            return found.status if found else None

        with self.watch.watching(payment) as news, suppress(TimeoutError):
            async with asyncio.timeout(PREPARE_S):
                while True:
                    news.clear()
                    if await self._store.read(status) is not PaymentStatus.PROCESSING:
                        return
                    # Another process may be the one that asks the bank.
                    await came(news, _SOON_S)

    def _step(self, project: Project) -> Step:
        request_id = new_request_id(self._clock, project.id)
        return Step(self._clock.now_us(), CUSTOMER, request_id)
