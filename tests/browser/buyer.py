"""A shop and its customer around a running platform, for tests of the Payment Page."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final, TypeVar
from urllib.parse import urlencode

import msgspec

from sampan.domain import reference
from sampan.domain.payment import Payment
from sampan.domain.project import Project, ProjectSettings
from sampan.storage import journal, payments, projects
from sampan.storage.engine import Tx
from tests.browser.conftest import PROJECT_ID, World
from tests.support.pages import sign_fields

Result = TypeVar("Result")
SECRET: Final = "secret of the shop"


class Buyer:
    """Signs requests as the shop does, and does at the bank what its customer does."""

    def __init__(self, world: World) -> None:
        self.world = world

    def url(self, payment_id: str, **more: object) -> str:
        """Return a signed address over HK$100.00."""
        return f"{self.world.url}/payment?{urlencode(self.fields(payment_id, **more))}"

    def fields(self, payment_id: str, **more: object) -> dict[str, str]:
        """Return signed parameters over HK$100.00."""
        wanted: dict[str, object] = {
            "project_id": PROJECT_ID,
            "payment_id": payment_id,
            "payment_amount": 10_000,
            "payment_currency": "HKD",
            "customer_id": "customer1",
            "payment_description": "Two teas 兩杯茶",
        }
        fields = {name: str(value) for name, value in (wanted | more).items()}
        return sign_fields(fields, SECRET)

    def do(self, fn: Callable[[Tx], Result]) -> Result:
        """Run a function in a transaction of the platform."""
        run = self.world.platform.store.transact(fn)
        return asyncio.run_coroutine_threadsafe(run, self.world.loop).result(10)

    def set(self, **settings: Any) -> None:  # noqa: ANN401 - settings of every type
        """Give the project these settings over the usual ones; they hold when this returns."""
        platform = self.world.platform
        usual = {"payee_name": "HARBOUR TEA HOUSE", "payee_name_zh": "海港茶舍"}
        chosen = msgspec.convert(usual | settings, ProjectSettings)

        def change(tx: Tx) -> None:
            found = projects.find(tx, PROJECT_ID, vault=platform.vault, now_us=0)
            assert found is not None
            changed: Project = msgspec.structs.replace(found, settings=chosen)
            projects.change(tx, changed, now_us=platform.clock.now_us())

        self.do(change)
        platform.projects._kept.clear()

    def payment(self, payment_id: str) -> Payment | None:
        """Return a payment as it stands."""
        return self.do(lambda tx: payments.payment_by_id(tx, PROJECT_ID, payment_id))

    def payload(self, payment_id: str) -> str:
        """Return the text of the QR on show."""
        payment = self.payment(payment_id)
        assert payment is not None
        assert payment.display is not None
        return payment.display.payload

    def act(self, payment_id: str, action: str = "pay") -> None:
        """Do at the bank what a payer does with the newest QR."""
        payment = self.payment(payment_id)
        assert payment is not None
        newest = self.do(lambda tx: payments.operations_of(tx, payment.key))[-1]
        acting = self.world.platform.bank.act(reference.encode(newest.id), action)
        asyncio.run_coroutine_threadsafe(acting, self.world.loop).result(10)

    def noticed_us(self, payment_id: str) -> int:
        """Return when the platform took the bank's notice, microseconds; 0 before."""
        payment = self.payment(payment_id)
        assert payment is not None
        entries = self.do(lambda tx: journal.of_payment(tx, payment.key))
        return next((entry.at_us for entry in entries if entry.by == "bank"), 0)
