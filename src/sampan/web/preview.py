"""What the Dashboard asks the Payment Page to draw: a look on example data.

Doors do not know each other, so `app` hands the one's drawing to the other.
"""

from enum import StrEnum

import msgspec

from sampan.domain.look import Look
from sampan.domain.project import Project


class Example(StrEnum):
    """Screens of the Payment Page that a preview shows."""

    PAY = "pay"
    CHOOSE = "choose"
    PAID = "paid"
    DECLINED = "declined"


class Scheme(StrEnum):
    """The colours of the visitor's device; `device` leaves them as they are."""

    DEVICE = "device"
    LIGHT = "light"
    DARK = "dark"


class Preview(msgspec.Struct, frozen=True, kw_only=True):
    """A page to draw: whose, how it looks, which screen, in which language and colours."""

    project: Project
    look: Look
    example: Example = Example.PAY
    language: str = "en"
    scheme: Scheme = Scheme.DEVICE
    now_us: int
