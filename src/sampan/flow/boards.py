"""A person's board of figures: as it comes until they change it, then their own."""

import msgspec

from sampan.domain.board import PANELS_MAX, READY, Change, Panel, Panels
from sampan.storage import board_panels
from sampan.storage.engine import Tx


def of_user(tx: Tx, user_id: int) -> Panels:
    """Return the panels that a person sees."""
    kept = board_panels.of_user(tx, user_id)
    return READY if kept is None else kept


def change(tx: Tx, user_id: int, how: Change, *, now_us: int) -> None:
    """Change a person's board; the first time, what they saw becomes their own."""
    before, last_number = _taken(tx, user_id, now_us=now_us)
    board_panels.keep(tx, user_id, how(before), last_number=last_number)


def add(tx: Tx, user_id: int, panel: Panel, *, now_us: int) -> bool:
    """Add a panel behind all others, under a number of its own; False when there are too many."""
    before, last_number = _taken(tx, user_id, now_us=now_us)
    is_full = len(before) >= PANELS_MAX
    added = [] if is_full else [msgspec.structs.replace(panel, number=last_number + 1)]
    board_panels.keep(tx, user_id, [*before, *added], last_number=last_number + len(added))
    return not is_full


def reset(tx: Tx, user_id: int) -> None:
    """Give a person the board that everybody begins with."""
    board_panels.forget(tx, user_id)


def _taken(tx: Tx, user_id: int, *, now_us: int) -> tuple[Panels, int]:
    """Make the board the person's own; return its panels and the last number given."""
    last_number = board_panels.take(tx, user_id, now_us=now_us)
    if not last_number:
        return READY, READY[-1].number
    return of_user(tx, user_id), last_number
