"""Read filters out of an address or a form: what cannot be read is left out, and remembered."""

import re
from collections.abc import Collection, Mapping
from datetime import date
from typing import Final
from urllib.parse import urlencode

from sampan.clock import DAY_US
from sampan.domain.days import Zone, midnight_us
from sampan.web.i18n import moment

TEXT_CHARS_MAX: Final = 255
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_NUMBER: Final = re.compile(r"[0-9]{1,18}")
_PLACE: Final = re.compile(r"([0-9]{1,18})\.([0-9]{1,18})")


class Asked:
    """The filters of one address. `is_partial`: one of them made no sense and was left out."""

    def __init__(self, given: Mapping[str, str]) -> None:
        self._given = given
        self._kept: dict[str, str] = {}
        self.is_partial = False

    def text(self, name: str) -> str | None:
        """Return a text, None without one."""
        return self._keep(name, self._raw(name), fits=True)

    def number(self, name: str) -> int | None:
        """Return a whole number."""
        raw = self._raw(name)
        kept = self._keep(name, raw, fits=bool(_NUMBER.fullmatch(raw)))
        return None if kept is None else int(kept)

    def one_of(self, name: str, known: Collection[str]) -> str | None:
        """Return one of the values that there are."""
        raw = self._raw(name)
        return self._keep(name, raw, fits=raw in known)

    def flag(self, name: str) -> bool:
        """Whether something is ticked."""
        return self._keep(name, self._raw(name), fits=self._raw(name) == "1") is not None

    def day(self, name: str, *, ends: bool = False) -> int | None:
        """Return where a day of Hong Kong (`YYYY-MM-DD`) begins, or `ends`."""
        raw = self._raw(name)
        begin_us = day_us(raw)
        self._keep(name, raw, fits=begin_us is not None)
        return begin_us + DAY_US if begin_us is not None and ends else begin_us

    def place(self, name: str) -> tuple[int, int] | None:
        """Return where a page of a list begins; it is no part of the filter."""
        found = _PLACE.fullmatch(self._raw(name))
        return (int(found[1]), int(found[2])) if found else None

    def query(self, **changed: str) -> str:
        """Return the filters as a query, some of them changed; "" leaves one out."""
        wanted = {**self._kept, **changed}
        return urlencode({name: value for name, value in wanted.items() if value})

    @property
    def kept(self) -> Mapping[str, str]:
        """What was read, by its name, to fill a form with."""
        return self._kept

    def _raw(self, name: str) -> str:
        return self._given.get(name, "").strip()

    def _keep(self, name: str, raw: str, *, fits: bool) -> str | None:
        if not raw:
            return None
        if not fits or len(raw) > TEXT_CHARS_MAX or not raw.isprintable():
            self.is_partial = True
            return None
        self._kept[name] = raw
        return raw


def day_us(text: str) -> int | None:
    """Return where a day of Hong Kong begins, None for a text that is no day."""
    try:
        day = date.fromisoformat(text) if _DAY.fullmatch(text) else None
    except ValueError:
        return None
    if day is None:
        return None
    return midnight_us(day, Zone.HONG_KONG)


def day_text(us: int) -> str:
    """Return the day of Hong Kong that a moment is in, as `YYYY-MM-DD`."""
    return moment(us).date().isoformat()


def place_text(place: tuple[int, int] | None) -> str:
    """Return a place as an address carries it, "" for none."""
    return "" if place is None else f"{place[0]}.{place[1]}"
