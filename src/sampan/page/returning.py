"""The ways back to the shop: which address, by itself or by a button, and where it opens.

The matrix is that of the Payment Page docs, redirect modes. Nothing is added to an address.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

import msgspec

from sampan.domain.project import ProjectSettings


class OpenedAs(StrEnum):
    """How the page was opened; the embedding library says it as `frame_mode`."""

    TAB = "tab"
    POPUP = "popup"
    IFRAME = "iframe"
    EMBEDDED = "embedded"

    @classmethod
    def read(cls, text: str) -> "OpenedAs":
        """Return the way that a text names; a page of its own for any other."""
        return cls(text) if text in set(cls) else cls.TAB


class Way(StrEnum):
    """What happens when the customer goes back."""

    NONE = "none"
    EVENTS = "events"
    CLOSE = "close"
    INSIDE = "inside"
    WHOLE = "whole"
    NEW_TAB = "new_tab"


class Back(msgspec.Struct, frozen=True):
    """A way back to an address."""

    url: str
    way: Way


class Ways(msgspec.Struct, frozen=True):
    """How a screen leads back: by a button, and perhaps by itself."""

    button: Back | None = None
    automatic: Back | None = None


_BY_MODE: Final = {
    "": Way.INSIDE,
    "iframe": Way.INSIDE,
    "parent_page": Way.WHOLE,
    "blank_page": Way.NEW_TAB,
}
_MERCHANT: Final = {"success": "merchant_success", "fail": "merchant_fail"}


def way(opened: OpenedAs, *, enabled: str, mode: str) -> Way:
    """Return the cell of the matrix; without `enabled` a mode means 2, and neither means 1."""
    if enabled == "0":
        return Way.NONE
    if opened is OpenedAs.TAB:
        return Way.NEW_TAB if mode == "blank_page" else Way.WHOLE
    if enabled == "1" or not (enabled or mode):
        return Way.CLOSE if opened is OpenedAs.POPUP else Way.EVENTS
    return _BY_MODE[mode]


def after_result(
    returns: Mapping[str, str], settings: ProjectSettings, *, result: str, opened: OpenedAs
) -> Ways:
    """Return the ways back from a result, `success` or `fail`.

    The request's addresses win over the project's, each with the rules it came with.
    """
    own = _back(returns, settings, name=_MERCHANT[result], mode="redirect_mode", opened=opened)
    by_itself = _back(returns, settings, name=f"redirect_{result}", mode="mode", opened=opened)
    if by_itself is None:
        return Ways(own)
    if by_itself.way is Way.EVENTS:
        # Nothing leads away from there by itself; the shop's page has heard the result.
        return Ways(own or by_itself)
    # Where the result stays, a blocked window can be opened by hand.
    return Ways(own or (by_itself if by_itself.way is Way.NEW_TAB else None), by_itself)


def before_paying(
    returns: Mapping[str, str], settings: ProjectSettings, *, opened: OpenedAs
) -> Back | None:
    """Return the way back from a screen on which nothing is decided yet."""
    back = _back(returns, settings, name="merchant_return", mode="redirect_mode", opened=opened)
    if back is None and returns.get("redirect_return_url"):
        rules = way(opened, enabled="2", mode="parent_page")
        back = Back(returns["redirect_return_url"], rules)
    return back


def _back(
    returns: Mapping[str, str],
    settings: ProjectSettings,
    *,
    name: str,
    mode: str,
    opened: OpenedAs,
) -> Back | None:
    url = returns.get(f"{name}_url", "")
    if url:
        rules = returns.get(f"{name}_enabled", ""), returns.get(f"{name}_{mode}", "")
    else:
        url = getattr(settings, f"{name}_url")
        rules = getattr(settings, f"{name}_enabled", ""), getattr(settings, f"{name}_{mode}")
    if not url:
        return None
    found = way(opened, enabled=rules[0], mode=rules[1])
    return None if found is Way.NONE else Back(url, found)
