"""Looks of a project's Payment Page are kept and removed; the journal says by whom."""

from typing import Final

import msgspec

from sampan.domain.codes import Code
from sampan.domain.look import Look
from sampan.errors import Refusal
from sampan.flow.projects import Act, hold, note
from sampan.storage import page_styles
from sampan.storage.engine import Tx
from sampan.storage.page_styles import Style

STYLES_MAX: Final = 50
NUMBER_MAX: Final = 999_999_999


def keep(
    tx: Tx, project_id: int, style: Style, *, act: Act, seen_us: int | None = None
) -> Style | None:
    """Keep a style in place of the one with its number; return it.

    None where somebody else has changed it since `seen_us`, 0 for one that was not there; without
    `seen_us` nothing is compared. Raises `Refusal` 404, and 409 for too many styles.
    """
    hold(tx, project_id, act=act)
    styles = {one.number: one for one in page_styles.of_project(tx, project_id)}
    before = styles.get(style.number)
    was_us = before.updated_us if before else 0
    if seen_us is not None and seen_us != was_us:
        return None
    if before is None and len(styles) >= STYLES_MAX:
        raise Refusal(
            Code.MALFORMED_REQUEST, f"a project has at most {STYLES_MAX} designs", http_status=409
        )
    kept = msgspec.structs.replace(style, updated_us=max(act.now_us, was_us + 1))
    found = _differences(before, kept)
    if found:
        page_styles.put(tx, project_id, kept)
        why = "; ".join([f"design {style.number}", *found])
        note(tx, project_id, "page design changed", act=act, why=why)
    return kept


def remove(tx: Tx, project_id: int, number: int, *, act: Act) -> bool:
    """Remove a style; False where there is none. Raises `Refusal` 404."""
    hold(tx, project_id, act=act)
    removed = page_styles.remove(tx, project_id, number)
    if removed:
        note(tx, project_id, "page design removed", act=act, why=f"design {number}")
    return removed


def _differences(before: Style | None, after: Style) -> list[str]:
    old, new = before.look if before else Look(), after.look
    pairs = [("name", before.name if before else "", after.name)]
    pairs += [(name, getattr(old, name), getattr(new, name)) for name in _TEXTS]
    found = [
        f"{name}={was or 'empty'} → {is_ or 'empty'}" for name, was, is_ in pairs if was != is_
    ]
    for name in ("logo", "artwork"):
        was, is_ = getattr(old, name), getattr(new, name)
        if was != is_:
            found.append(f"{name} {'changed' if was and is_ else 'added' if is_ else 'removed'}")
    return found if found or before else ["added"]


_TEXTS: Final = ("title", "accent", "background")
