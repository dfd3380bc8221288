"""What every page of the Dashboard works with."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from sampan.clock import Clock
from sampan.domain.page_links import PageLinks
from sampan.domain.project import Project
from sampan.flow.links import Office
from sampan.flow.passwords import Passwords
from sampan.storage.engine import Store, Tx
from sampan.storage.vault import Vault
from sampan.web.preview import Preview

HASHES_AT_ONCE: Final = 2
"""A hash takes 64 MiB and a core: more at once would let visitors take the machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """The platform as the Dashboard sees it.

    `check_url` raises ValueError for an address that callbacks must not go to. `find_project`
    returns a project inside a transaction. `public_url` has no slash at its end. `preview` draws
    a Payment Page on example data. In `reports_folder` are the files of reports.
    """

    store: Store
    clock: Clock
    vault: Vault
    find_project: Callable[[Tx, int], Project | None]
    office: Office
    check_url: Callable[[str], None]
    public_url: str
    preview: Callable[[Request, Preview], Response]
    reports_folder: Path
    require_second_factor: bool = True
    passwords: Passwords = field(default_factory=Passwords)
    hashing: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(HASHES_AT_ONCE))

    @property
    def page_links(self) -> PageLinks:
        """The addresses of pages."""
        return self.office.links

    @property
    def mail_on(self) -> bool:
        """Whether a mail server is set, so that mail can be asked for."""
        return self.office.room.is_on

    @property
    def is_secure(self) -> bool:
        """Whether people reach the Dashboard by TLS."""
        return self.public_url.startswith("https:")

    async def hashed(self, password: str) -> str:
        """Return the hash of a password; made in a thread."""
        async with self.hashing:
            return await asyncio.to_thread(self.passwords.hash, password)
