"""Read what `/v1/operations/get` is asked, field by field.

Null, an empty text and an empty list sign as a field that is left out, or nearly so; they mean it
too. A number and the text of its digits sign alike as well, and are both taken.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any, Final

from sampan.clock import DAY_US, SECOND_US
from sampan.dataapi import fields, times
from sampan.dataapi.refusals import bad
from sampan.storage.operation_lists import LIST_MAX, Wanted

OFFSET_MAX: Final = 2**53 - 1
VALUES_MAX: Final = 1000
VALUE_CHARS_MAX: Final = 255
WIDE_US: Final = 180 * DAY_US
_DIGITS_MAX: Final = 16
_TO_FROM: Final = ("from", "to")


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """What is asked: which operations, how many, and what is told of them in which zone."""

    wanted: Wanted
    most: int
    skipped: int
    within: tzinfo
    chosen: tuple[fields.Chosen, ...]

    @property
    def is_wide(self) -> bool:
        """Whether the period is so long that such questions are spaced."""
        start, end = self.wanted.updated_from_us, self.wanted.updated_to_us
        return start is not None and end is not None and end - SECOND_US - start > WIDE_US


def read(body: Mapping[str, Any]) -> Query:
    """Return what a request asks. Raises `Refusal` 400 for a field that holds what it must not."""
    within = _zone(body.get("tz"))
    start_us, end_us = _interval(body.get("interval"), within)
    statuses = _texts(body, "operation_status")
    wanted = Wanted(
        project_ids=_projects(body.get("project_id")),
        types=_texts(body, "operation_type"),
        statuses=statuses,
        customer_ids=_texts(body, "customer_id"),
        customer_email=_text(body, "customer_email"),
        updated_from_us=start_us,
        updated_to_us=end_us,
        # Without a period it is what completed most recently, unless a status says otherwise.
        only_ended=start_us is None and statuses is None,
    )
    return Query(
        wanted=wanted,
        most=_number(body.get("limit"), "limit", default=LIST_MAX, greatest=LIST_MAX),
        skipped=_number(body.get("offset"), "offset", default=0, greatest=OFFSET_MAX),
        within=within,
        chosen=_fields(body),
    )


def _left_out(value: object) -> bool:
    return value is None or value in ("", [])


def _zone(value: object) -> tzinfo:
    if _left_out(value):
        return times.DEFAULT_ZONE
    try:
        if isinstance(value, str):
            return times.zone(value)
    except ValueError:
        pass
    raise bad("tz must be a name of the IANA time zone database or an offset such as +08:00")


def _interval(value: object, within: tzinfo) -> tuple[int | None, int | None]:
    """Return the first moment of the period and the first one behind it: `to` belongs to it."""
    if _left_out(value) or value == {}:
        return None, None
    if not isinstance(value, dict):
        raise bad("interval must be an object with from and to")
    found = []
    for name in _TO_FROM:
        if _left_out(value.get(name)):
            raise bad(f"interval.{name} is missing")
        try:
            found.append(times.moment_us(value[name], within))
        except (TypeError, ValueError, OverflowError):
            raise bad(
                f"interval.{name} must be YYYY-MM-DD hh:mm:ss or YYYY-MM-DDThh:mm:ss"
            ) from None
    if found[0] > found[1]:
        raise bad("interval.from must not be later than interval.to")
    return found[0], found[1] + SECOND_US


def _list(value: object, name: str) -> list[Any] | None:
    """Return a list that may be written as its only value; None for one that is left out."""
    if _left_out(value):
        return None
    listed = value if isinstance(value, list) else [value]
    if len(listed) > VALUES_MAX:
        raise bad(f"{name} holds at most {VALUES_MAX} values")
    return listed


def _projects(value: object) -> tuple[int, ...] | None:
    listed = _list(value, "project_id")
    if listed is None:
        return None
    return tuple(_number(one, "project_id", default=None, greatest=OFFSET_MAX) for one in listed)


def _texts(body: Mapping[str, Any], name: str) -> tuple[str, ...] | None:
    listed = _list(body.get(name), name)
    if listed is None:
        return None
    if not all(isinstance(one, str) and 1 <= len(one) <= VALUE_CHARS_MAX for one in listed):
        raise bad(f"{name} must be a text or a list of texts of 1 to {VALUE_CHARS_MAX} characters")
    return tuple(listed)


def _text(body: Mapping[str, Any], name: str) -> str | None:
    value = body.get(name)
    if _left_out(value):
        return None
    if not isinstance(value, str) or len(value) > VALUE_CHARS_MAX:
        raise bad(f"{name} must be a text of at most {VALUE_CHARS_MAX} characters")
    return value


def _number(value: object, name: str, *, default: int | None, greatest: int) -> int:
    if default is not None and _left_out(value):
        return default
    digits = isinstance(value, str) and value.isascii() and value.isdigit()
    if isinstance(value, str) and digits and len(value) <= _DIGITS_MAX:
        value = int(value)
    # A boolean is an integer to Python.
    if type(value) is not int or not 0 <= value <= greatest:
        raise bad(f"{name} must be a whole number from 0 to {greatest}")
    return value


def _fields(body: Mapping[str, Any]) -> tuple[fields.Chosen, ...]:
    names = _texts(body, "fields")
    if names is None:
        return fields.DEFAULT
    try:
        return fields.choose(names)
    except LookupError as error:
        raise bad(f"there is no field {error.args[0]}") from None
