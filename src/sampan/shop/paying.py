"""What the shop signs to be paid: a sale for the Gate, or parameters for the Payment Page.

Both say the same about an order, in the words of two doors; both name the shop's own door for
callbacks, since only a callback pays an order.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from sampan.codecs import signature
from sampan.shop.goods import CURRENCY
from sampan.shop.orders import PATH, Order

METHOD: Final = "hk-qr"
SALE_PATH: Final = f"/v2/payment/banks/{METHOD}/sale"
PAGE_PATH: Final = "/payment"


@dataclass(frozen=True, slots=True, kw_only=True)
class ShopConfig:
    """What a merchant gets from the platform, and where the two find each other.

    Origins without a slash at the end: `gate_url` is the platform for the shop's server, `page_url`
    the platform for browsers; `own_url` is the shop for the platform, `front_url` the shop for
    browsers. What browsers use is the same where it is "". `bank_pay_url` opens the sandbox bank
    with a payload put behind it, "" where there is none.
    """

    project_id: int
    secret: str
    gate_url: str
    own_url: str
    page_url: str = ""
    front_url: str = ""
    bank_pay_url: str = "/bank/pay?payload="

    @property
    def page_origin(self) -> str:
        """Where browsers find the Payment Page and its library."""
        return self.page_url or self.gate_url

    @property
    def callback_url(self) -> str:
        """The door for callbacks."""
        return f"{self.own_url}{PATH}/callbacks"

    def order_url(self, order: Order) -> str:
        """Return where browsers find an order."""
        return f"{self.front_url or self.own_url}{order.path}"


@dataclass(frozen=True, slots=True)
class Buyer:
    """Who buys. An address of the documentation network where the browser's is not known.

    `language` is what they read in the shop; "" leaves the choice to the Payment Page.
    """

    name: str = "Chan Tai Man"
    email: str = "taiman@example.com"
    ip_address: str = "198.51.100.47"
    language: str = ""

    @property
    def names(self) -> tuple[str, str]:
        """First and last name; one word is both."""
        first, _, last = self.name.partition(" ")
        return first, last or first


ANYBODY: Final = Buyer()
"""Who buys where nobody says who."""


def sale(config: ShopConfig, order: Order, *, buyer: Buyer) -> dict[str, object]:
    """Return the signed request of a sale (Gate docs, hk-qr)."""
    first, last = buyer.names
    page = config.order_url(order)
    general: dict[str, object] = {
        "project_id": config.project_id,
        "payment_id": order.id,
        "merchant_callback_url": config.callback_url,
    }
    body: dict[str, object] = {
        "general": general,
        "customer": {
            "id": buyer.email,
            "ip_address": buyer.ip_address,
            "first_name": first,
            "last_name": last,
            "email": buyer.email,
        },
        "payment": {
            "amount": order.amount_minor,
            "currency": CURRENCY,
            "description": _description(order),
        },
        "return_url": {"success": page, "decline": page, "return": page},
    }
    general["signature"] = signature.sign(config.secret, body)
    return body


def page_fields(config: ShopConfig, order: Order, *, buyer: Buyer) -> dict[str, str]:
    """Return the signed parameters that open the Payment Page for an order."""
    first, last = buyer.names
    page = config.order_url(order)
    wanted: dict[str, str | int] = {
        "payment_id": order.id,
        "payment_amount": order.amount_minor,
        "payment_currency": CURRENCY,
        "payment_description": _description(order),
        "customer_id": buyer.email,
        "customer_first_name": first,
        "customer_last_name": last,
        "customer_email": buyer.email,
        "force_payment_method": METHOD,
        "merchant_callback_url": config.callback_url,
        "merchant_success_url": page,
        "merchant_fail_url": page,
        "merchant_return_url": page,
    }
    if buyer.language:
        wanted["language_code"] = buyer.language
    return sign_fields(config, wanted)


def sign_fields(config: ShopConfig, wanted: Mapping[str, str | int]) -> dict[str, str]:
    """Return parameters of the Payment Page as the texts that are sent, signed as such.

    A `;` separates values in what is signed and is forbidden in them (Payment Page docs, opening).
    """
    named = {"project_id": config.project_id, **wanted}
    fields = {name: str(value).replace(";", ",") for name, value in named.items()}
    return {**fields, "signature": signature.sign(config.secret, fields)}


def page_address(config: ShopConfig, fields: Mapping[str, str]) -> str:
    """Return the address that opens the Payment Page with signed parameters."""
    return f"{config.page_origin}{PAGE_PATH}?{urlencode(fields)}"


def _description(order: Order) -> str:
    return f"Harbour Tea House order {order.id}"
