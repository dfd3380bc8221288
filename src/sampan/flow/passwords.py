"""Hashes of passwords: argon2id. A hash takes tens of milliseconds and 64 MiB.

So nothing here is called inside a transaction: callers hash or verify first, in a thread, and
hand the result to the use case. The salt is the argon2 library's own, from the system's random
source: it is never secret and nothing depends on it, so no clock is asked for it.
"""

from functools import cached_property
from typing import Final, NamedTuple

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

from sampan.domain.passwords import PASSWORD_CHARS_MAX, normal

# RFC 9106, 4: the second recommended option, for machines without memory to spare.
TIME_COST: Final = 3
MEMORY_KIB: Final = 65_536
LANES: Final = 4


class Verdict(NamedTuple):
    """Whether a password is right, and a new hash when the kept one is out of date.

    `against` is the hash it was compared with, None where there was none.
    """

    right: bool
    against: str | None
    rehashed: str | None = None

    def __repr__(self) -> str:
        return f"Verdict(right={self.right})"


class Passwords:
    """Hashes and verifies passwords. The first to verify costs one hash more, for whomever."""

    def __init__(self, *, time_cost: int = TIME_COST, memory_kib: int = MEMORY_KIB) -> None:
        self._hasher = PasswordHasher(
            time_cost=time_cost, memory_cost=memory_kib, parallelism=LANES, type=Type.ID
        )

    @cached_property
    def _nobody(self) -> str:
        return self._hasher.hash("the password of nobody")

    def hash(self, password: str) -> str:
        """Return the hash to keep, with its salt and parameters in it."""
        return self._hasher.hash(normal(password))

    def verify(self, kept: str | None, password: str) -> Verdict:
        """Compare a password with a kept hash; without one it takes as long, and is wrong."""
        text = normal(password[: PASSWORD_CHARS_MAX + 1])
        # Asked for also where there is somebody: else the first wait for nobody would tell.
        nobody = self._nobody
        try:
            self._hasher.verify(kept or nobody, text)
        except (VerificationError, InvalidHashError):
            return Verdict(right=False, against=kept)
        if kept is None:
            return Verdict(right=False, against=None)
        stale = self._hasher.check_needs_rehash(kept)
        return Verdict(
            right=True, against=kept, rehashed=self._hasher.hash(text) if stale else None
        )
