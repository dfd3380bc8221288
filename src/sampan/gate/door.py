"""Gate's routes. Every answer is JSON, also for paths, methods and faults that are not foreseen."""

from typing import Final

from msgspec import UNSET, UnsetType
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sampan.clock import Clock
from sampan.domain import callback as bodies
from sampan.domain.codes import Code
from sampan.domain.project import METHOD
from sampan.flow import links
from sampan.flow.links import Office
from sampan.flow.refund import refuse_refund
from sampan.flow.sale import new_request_id, sale
from sampan.flow.settle import Step
from sampan.gate import answers, wire
from sampan.gate.fields import link_request, read_payment_id, refund_request, sale_request
from sampan.gate.requests import CheckUrl, missing, read_signed, refusal
from sampan.storage import payments
from sampan.storage.engine import Store, Tx
from sampan.storage.projects import Projects
from sampan.web.guarded import Guarded, Handler, Manners

_METHODS: Final = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
_REFUND_METHODS: Final = frozenset({METHOD, "card"})
"""Methods whose refund path is taken: one shop module asks for `card` whatever was paid with."""


class Gate:
    """The signed JSON API."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        *,
        projects: Projects,
        check_url: CheckUrl,
        office: Office,
    ) -> None:
        self._store = store
        self._clock = clock
        self._projects = projects
        self._check_url = check_url
        self._office = office

    def routes(self) -> list[Route]:
        """Return every route below `/v2`."""
        table: list[tuple[str, Handler]] = [
            ("/v2/payment/banks/{method}/sale", self.sale),
            ("/v2/payment/invoice/create", self.create_link),
            ("/v2/payment/invoice/cancel", self.cancel_link),
            ("/v2/payment/status", self.status),
            ("/v2/payment/status/request", self.request_status),
            ("/v2/payment/refund", self.refund),
            ("/v2/payment/{method}/refund", self.refund),
            ("/v2/payment/banks/{method}/refund", self.refund),
            ("/v2/info/check/signature", self.check_signature),
            ("/v2/info/available_methods_for_merchant/list", self.methods),
            ("/v2/{rest:path}", self.nowhere),
        ]
        return [Route(path, Guarded(handler, MANNERS), methods=_METHODS) for path, handler in table]

    async def sale(self, request: Request) -> Response:
        """`POST /v2/payment/banks/hk-qr/sale`: 200 means taken into work, nothing more."""
        signed = await read_signed(request, wire.Sale, projects=self._projects)
        asked = sale_request(signed, self._check_url)
        _check_method(request.path_params["method"], {METHOD})
        project = signed.project
        if not project.settings.enabled:
            raise refusal(Code.NOT_ALLOWED_BY_PROJECT)
        request_id = new_request_id(self._clock, project.id)
        now_us = self._clock.now_us()
        answered = await self._store.transact(
            lambda tx: sale(tx, project, asked, request_id=request_id, now_us=now_us)
        )
        return answers.acknowledged(project.id, asked.payment_id, request_id=answered)

    async def create_link(self, request: Request) -> Response:
        """`POST /v2/payment/invoice/create`: a payment link; its address comes by callback."""
        signed = await read_signed(request, wire.Invoice, projects=self._projects)
        asked = link_request(signed, self._check_url)
        _check_link(signed.shape)
        project = signed.project
        if not project.settings.enabled:
            raise refusal(Code.NOT_ALLOWED_BY_PROJECT)
        step = self._step(new_request_id(self._clock, project.id))
        made = await self._store.transact(
            lambda tx: links.create(tx, project, asked, office=self._office, step=step)
        )
        return answers.acknowledged(project.id, asked.payment_id, request_id=made.request_id)

    async def cancel_link(self, request: Request) -> Response:
        """`POST /v2/payment/invoice/cancel`: takes a link back that nobody has confirmed."""
        signed = await read_signed(request, wire.Status, projects=self._projects)
        project, payment_id = signed.project, read_payment_id(signed.shape.general)
        step = self._step()
        operation = await self._store.transact(
            lambda tx: links.cancel(tx, project, payment_id, office=self._office, step=step)
        )
        return answers.acknowledged(project.id, payment_id, request_id=operation.request_id)

    async def refund(self, request: Request) -> Response:
        """`POST /v2/payment/…/refund`: acknowledged, then refused by callback (decision 1.4)."""
        signed = await read_signed(request, wire.Refund, projects=self._projects)
        asked = refund_request(signed)
        _check_method(request.path_params.get("method", METHOD), _REFUND_METHODS)
        project = signed.project
        request_id = new_request_id(self._clock, project.id)
        now_us = self._clock.now_us()
        answered = await self._store.transact(
            lambda tx: refuse_refund(tx, project, asked, request_id=request_id, now_us=now_us)
        )
        return answers.acknowledged(project.id, asked.payment_id, request_id=answered)

    async def status(self, request: Request) -> Response:
        """`POST /v2/payment/status`: the payment as it stands, signed."""
        signed = await read_signed(request, wire.Status, projects=self._projects)
        project, payment_id = signed.project, read_payment_id(signed.shape.general)

        def look(tx: Tx) -> Response:
            payment = payments.payment_by_id(tx, project.id, payment_id)
            if payment is None:
                return answers.signed(project, bodies.not_found(project.id))
            return answers.state(
                project,
                payment,
                operations=payments.operations_of(tx, payment.key),
                link=links.members(self._office.links, payment),
            )

        return await self._store.read(look)

    async def request_status(self, request: Request) -> Response:
        """`POST /v2/payment/status/request`: what became of one request."""
        signed = await read_signed(request, wire.Flat, projects=self._projects)
        project, request_id = signed.project, signed.shape.request_id
        if isinstance(request_id, UnsetType):
            raise missing("request_id")

        def look(tx: Tx) -> Response:
            key = payments.payment_key_by_request(tx, project.id, request_id)
            payment = None if key is None else payments.payment_by_key(tx, key)
            if payment is None:
                raise refusal(Code.NOT_FOUND, http_status=404)
            about = [
                operation
                for operation in payments.operations_of(tx, payment.key)
                if operation.request_id == request_id
            ]
            return answers.request_state(project, payment, operations=about)

        return await self._store.read(look)

    async def check_signature(self, request: Request) -> Response:
        """`POST /v2/info/check/signature`: success when it fits, with the text that was signed."""
        signed = await read_signed(request, wire.Anything, projects=self._projects)
        return answers.json({"status": "success", "signed_text": signed.text})

    async def methods(self, request: Request) -> Response:
        """`POST /v2/info/available_methods_for_merchant/list`."""
        signed = await read_signed(request, wire.Flat, projects=self._projects)
        currency = signed.shape.currency
        return answers.methods(signed.project, "" if currency is UNSET else str(currency))

    async def nowhere(self, _: Request) -> Response:
        """Answer a path that does not exist."""
        raise refusal(Code.ACCESS_DENIED, http_status=404)

    def _step(self, why: str = "") -> Step:
        return Step(self._clock.now_us(), "merchant", why)


def _check_method(method: str, served: frozenset[str] | set[str]) -> None:
    if method not in served:
        raise refusal(Code.UNKNOWN_METHOD)


def _check_link(invoice: wire.Invoice) -> None:
    """Refuse what `hk-qr` cannot do: another method, or money that is only put aside."""
    payment = invoice.payment
    forced = UNSET if isinstance(payment, UnsetType) else payment.force_method
    _check_method(METHOD if isinstance(forced, UnsetType) else forced, {METHOD})
    if invoice.operation_type not in {UNSET, "sale"}:
        raise refusal(Code.NOT_ALLOWED_BY_PROJECT)


MANNERS: Final = Manners(
    name="gate",
    say=answers.refused,
    no_post=refusal(Code.ACCESS_DENIED, http_status=405),
    failed=refusal(Code.INTERNAL_ERROR, http_status=500),
)
