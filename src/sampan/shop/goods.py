"""What the demo shop sells, and what a customer has put together of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from sampan.web.i18n import mark

CURRENCY: Final = "HKD"

QUANTITY_MAX: Final = 9
"""Most pieces of one product in a cart, so that a cart stays below the method's usual limit."""


@dataclass(frozen=True, slots=True)
class Product:
    """A thing on the shelf. `name` and `about` are marked for the catalogues."""

    id: str
    name: str
    about: str
    price_minor: int

    @property
    def picture(self) -> str:
        """Its picture among the static files."""
        return f"shop/{self.id}.svg"


PRODUCTS: Final[Mapping[str, Product]] = {
    product.id: product
    for product in (
        Product(
            "oolong",
            mark("Iron Goddess oolong"),
            mark("Anxi, spring harvest, 100 g tin"),
            12_800,
        ),
        Product(
            "puer",
            mark("Aged pu’er cake"),
            mark("Menghai, pressed in 2012, 200 g"),
            16_800,
        ),
        Product(
            "jasmine",
            mark("Jasmine pearls"),
            mark("Hand rolled, scented seven times, 80 g"),
            9_800,
        ),
        Product(
            "chrysanthemum",
            mark("Chrysanthemum buds"),
            mark("From Hangzhou, no caffeine, 50 g"),
            5_800,
        ),
        Product(
            "milk-tea",
            mark("Milk tea blend"),
            mark("Ceylon mix of the cha chaan teng, 250 g"),
            6_800,
        ),
        Product(
            "gaiwan",
            mark("White gaiwan"),
            mark("Porcelain, 120 ml, with lid and saucer"),
            18_800,
        ),
    )
}
"""Product id → product, in the order of the shelf."""


@dataclass(frozen=True, slots=True)
class Line:
    """So many pieces of one product."""

    product: Product
    quantity: int

    @property
    def amount_minor(self) -> int:
        """What the pieces cost together."""
        return self.product.price_minor * self.quantity


def lines(cart: Mapping[str, int]) -> tuple[Line, ...]:
    """Return a cart (product id → pieces) as lines, in the order of the shelf.

    What the shop does not sell is left out, and quantities are brought into 0 to `QUANTITY_MAX`:
    a cart comes from an address that anybody can type.
    """
    wanted = ((p, min(max(cart.get(p.id, 0), 0), QUANTITY_MAX)) for p in PRODUCTS.values())
    return tuple(Line(product, quantity) for product, quantity in wanted if quantity)


def total_minor(cart: Mapping[str, int]) -> int:
    """Return what a cart costs, in minor units of `CURRENCY`."""
    return sum(line.amount_minor for line in lines(cart))
