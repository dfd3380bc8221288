"""The watched folder: bank files that are dropped into the sub-folder of an account are taken in.

A file that has not grown from one look to the next is read; then it is moved to `done/`, or to
`refused/` with the reason beside it. Whoever is stopped in between finds it again, and it changes
nothing that was taken already. Of several processes on a machine, one looks.
"""

import asyncio
import fcntl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import structlog

from sampan.domain.fps_account import PROVIDER
from sampan.errors import Refusal, Unavailable
from sampan.flow.import_files import Addressed, take_file
from sampan.storage.engine import Store

PAUSE_S: Final = 5.0
DONE: Final = "done"
REFUSED: Final = "refused"
BY: Final = "bank"
FILES_AT_ONCE: Final = 100
_LOCK: Final = ".sampan.lock"
log = structlog.get_logger(__name__)

Look = tuple[int, int]
"""(size, time of the last change) of a file."""


class WatchedFolder:
    """Looks into the folder again and again. `folder` must exist."""

    def __init__(self, store: Store, folder: Path) -> None:
        self._store = store
        self._folder = folder
        self._seen: dict[Path, Look] = {}

    async def run(self, stop: asyncio.Event) -> None:
        """Look until `stop` is set."""
        while not stop.is_set():
            try:
                await self.look()
            except (OSError, Unavailable) as error:
                log.warning("the folder of statements cannot be looked at", why=str(error))
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), PAUSE_S)

    async def look(self) -> int:
        """Take in what has stopped growing since the last look; return how many files."""
        taken = 0
        with _alone(self._folder) as is_alone:
            found = dict(self._files()) if is_alone else {}
            still = [path for path, look in found.items() if self._seen.get(path) == look]
            self._seen = found
            for path in still[:FILES_AT_ONCE]:
                taken += await self._take(path)
        return taken

    def _files(self) -> Iterator[tuple[Path, Look]]:
        for path in sorted(self._folder.glob("*/*")):
            plain = path.is_file() and not path.is_symlink() and not path.name.startswith(".")
            if plain and account_of(path.parent.name) is not None:
                told = path.stat()
                yield path, (told.st_size, told.st_mtime_ns)

    async def _take(self, path: Path) -> bool:
        account = account_of(path.parent.name)
        assert account is not None  # noqa: S101 - asked when the file was found
        try:
            with path.open("rb") as stream:
                to = Addressed(*account, path.name, BY)
                begun = await take_file(self._store, stream, to=to)
        except (Refusal, OSError) as error:
            log.warning("statement not taken yet", file=str(path), why=str(error))
            return False
        if begun.kept.status == "refused":
            moved = _moved(path, REFUSED)
            moved.with_name(f"{moved.name}.txt").write_text(f"{begun.kept.fault}\n")
        else:
            _moved(path, DONE)
        log.info("statement", file=path.name, status=begun.kept.status, fault=begun.kept.fault)
        return True


def account_of(folder: str) -> tuple[str, str] | None:
    """Return (provider, account) of a sub-folder (`fps-3`, `sandbox-1029384`), None of another."""
    provider, _, account = folder.partition("-")
    if not provider or not account:
        return None
    return provider, f"{PROVIDER}:{account}" if provider == PROVIDER else account


def _moved(path: Path, where: str) -> Path:
    """Move a file into a folder beside it, under a name of its own."""
    folder = path.parent / where
    folder.mkdir(exist_ok=True)
    target, number = folder / path.name, 1
    while target.exists():
        number += 1
        target = folder / f"{path.stem}-{number}{path.suffix}"
    return path.rename(target)


@contextmanager
def _alone(folder: Path) -> Iterator[bool]:
    """Tell whether nobody else looks; nobody else does while this lasts."""
    with (folder / _LOCK).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
