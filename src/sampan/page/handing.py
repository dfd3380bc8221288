"""Hand a payment to a bank's app on the same phone: the picker's address, and what the app fetches.

The customer's browser opens a page of the payment scheme that lists bank apps, with two addresses:
the payment request, which the chosen app downloads, and the page to come back to. What comes back
with the customer proves nothing and is not read; the bank's notice decides, as ever. Off unless a
project names a picker and its provider can make requests (`providers.base.HandsToApps`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from sampan.domain import reference
from sampan.domain.page_links import PATH
from sampan.domain.payment import Operation, Payment
from sampan.domain.project import Project
from sampan.domain.statuses import WAITING
from sampan.errors import SetupError
from sampan.providers.base import HandsToApps, PaymentRequest, Provider, Shown

REQUEST_NAME: Final = "request"
"""The end of the address from which an app downloads the payment request of a page."""
PICKER_QUERY: Final = ("pay_req_obj", "callback")
"""How the picker calls the payment request and the page to come back to, both addresses."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Handing:
    """How the platform hands payments to apps. `sandbox_app` is the sandbox bank's own app."""

    find_provider: Callable[[str], Provider] | None = None
    sandbox_app: str = ""

    def link(self, project: Project, *, token: str, page_url: str) -> str:
        """Return the address that offers bank apps for a page, "" where that is off.

        `page_url` is the public address of the page.
        """
        settings = project.settings
        if not settings.bank_picker_url or self._hands(settings.provider) is None:
            return ""
        origin = settings.app_request_url.rstrip("/")
        asked = f"{origin}{PATH}/{token}" if origin else page_url
        query = urlencode(
            dict(zip(PICKER_QUERY, (f"{asked}/{REQUEST_NAME}", page_url), strict=True))
        )
        return f"{settings.bank_picker_url}{'&' if '?' in settings.bank_picker_url else '?'}{query}"

    def request(
        self, project: Project, payment: Payment, *, operation: Operation
    ) -> PaymentRequest | None:
        """Return what an app downloads; None where that is off or nothing waits to be paid."""
        hands = self._hands(project.settings.provider)
        display = payment.display
        is_off = not project.settings.bank_picker_url
        if is_off or hands is None or display is None or payment.status not in WAITING:
            return None
        shown = Shown(
            reference=reference.encode(operation.id),
            payload=display.payload,
            amount_minor=operation.qr_minor or payment.amount_minor,
            currency=payment.currency,
            expires_us=display.expires_us,
        )
        return hands.payment_request(shown)

    def _hands(self, name: str) -> HandsToApps | None:
        if self.find_provider is None:
            return None
        try:
            provider = self.find_provider(name)
        except SetupError:
            # Taken out of the installation; its payments are still shown.
            return None
        return provider if isinstance(provider, HandsToApps) else None
