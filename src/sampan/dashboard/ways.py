"""Ways into the Dashboard: each says who may go it. The guard reads nothing else."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from starlette.convertors import Convertor, register_url_convertor
from starlette.responses import Response

from sampan.dashboard.visit import Visit
from sampan.domain.rights import Right

Handler = Callable[[Visit], Awaitable[Response]]
FORM_BYTES_MAX: Final = 65_536
KEY_MAX: Final = 2**53
"""Keys of rows are below it."""


class _Key(Convertor[int]):
    """A key of ours in a path; whatever is too long for one is `KEY_MAX`, and nobody's.

    Of thousands of digits Python would refuse to make a number, before anybody could answer.
    """

    regex = "[0-9]+"

    def convert(self, value: str) -> int:
        """Read it."""
        return int(value) if len(value) <= len(str(KEY_MAX)) else KEY_MAX

    def to_string(self, value: int) -> str:
        """Write it."""
        return str(value)


register_url_convertor("key", _Key())


class Who(StrEnum):
    """Whom a way that needs no right is for."""

    ANYBODY = "anybody"
    HALF = "half signed in"
    """The password was right, the second factor is still to be shown."""
    SIGNED_IN = "signed in"
    """Also who must first set up a second factor."""


@dataclass(frozen=True, slots=True)
class Way:
    """A method and a path below `/dashboard`, its handler, and who may go there.

    `form_bytes_max` bounds the whole form of a POST, with its file.
    """

    method: str
    path: str
    handler: Handler
    needs: Right | Who
    form_bytes_max: int = FORM_BYTES_MAX
