"""Files of reports: a part that grows and can be cut back, and the whole, which is never half."""

import fcntl
import os
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Final, Self

from sampan.errors import SetupError
from sampan.settings import Settings
from sampan.storage.open import database_file

PART: Final = ".part"
FOLDER: Final = "reports"


class Busy(Exception):  # noqa: N818 - what happened; nobody erred
    """Another process of this machine is writing the file."""


def folder_of(settings: Settings) -> Path:
    """Return the folder of the files; it need not be there yet."""
    if settings.reports_folder:
        return Path(settings.reports_folder)
    database = database_file(settings.database_url)
    return (database.parent if database else Path()) / FOLDER


def path_of(folder: Path, report_id: int) -> Path:
    """Return where the file of a report is, or will be."""
    return folder / f"{report_id}.csv"


def remove(folder: Path, report_id: int) -> None:
    """Remove the file of a report and what may be left of a part. A repeat does no harm.

    Raises `OSError` when the folder does not let go of it.
    """
    whole = path_of(folder, report_id)
    whole.unlink(missing_ok=True)
    _part_of(whole).unlink(missing_ok=True)


def found(folder: Path) -> set[int]:
    """Return the ids of all reports of which there is a file or a part in a folder."""
    names = (path.name.removesuffix(PART) for path in folder.glob("*.csv*"))
    stems = (name.removesuffix(".csv") for name in names if name.endswith(".csv"))
    return {int(stem) for stem in stems if stem.isascii() and stem.isdigit()}


def _part_of(whole: Path) -> Path:
    return whole.with_name(whole.name + PART)


class PartFile:
    """A file on its way: written under another name and renamed when it is whole.

    Readable by its owner alone: it holds what customers have paid.
    """

    def __init__(self, whole: Path) -> None:
        self._whole = whole
        self._part = _part_of(whole)
        self._file: BinaryIO | None = None

    def open(self, size_bytes: int) -> Self:
        """Open the part and cut it to what is whole of it.

        Raises `Busy`, and `LookupError` when less is there than should be: then begin anew with 0.
        """
        try:
            self._part.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(self._part, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise SetupError(f"{self._part} cannot be written: {error.strerror}") from error
        file = os.fdopen(descriptor, "r+b", buffering=0)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.close()
            raise Busy(str(self._part)) from error
        if os.fstat(file.fileno()).st_size < size_bytes:
            file.close()
            raise LookupError(f"{self._part} has lost rows")
        file.truncate(size_bytes)
        file.seek(size_bytes)
        self._file = file
        return self

    def write(self, data: bytes) -> int:
        """Append; return how many bytes that was."""
        assert self._file is not None  # noqa: S101 - our bug
        rest = memoryview(data)
        while rest:
            rest = rest[self._file.write(rest) :]
        return len(data)

    def sync(self) -> None:
        """Return once all that was written is on the disk."""
        assert self._file is not None  # noqa: S101 - our bug
        os.fsync(self._file.fileno())

    def finish(self) -> None:
        """Make it the whole file, durably; one of the same name is replaced at once."""
        self.sync()
        self._part.replace(self._whole)
        folder = os.open(self._whole.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        self.close()

    def drop(self) -> None:
        """Close the part and remove it."""
        self.close()
        self._part.unlink(missing_ok=True)

    def close(self) -> None:
        """Close the part and leave it as it is."""
        if self._file is not None:
            with suppress(OSError):
                self._file.close()
            self._file = None
