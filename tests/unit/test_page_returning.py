"""Ways back to the shop: where each opens, from a page of its own, from a frame and from a modal.

The table is the one that `docs/payment-page.md` gives to merchants.
"""

from __future__ import annotations

from typing import Final

import pytest

from sampan.domain.project import ProjectSettings
from sampan.page.returning import Back, OpenedAs, Way, Ways, after_result, before_paying, way

SHOP: Final = "https://shop.example"
OURS: Final = f"{SHOP}/project"
NOTHING: Final = ProjectSettings()

MATRIX: Final = {
    # opened as → (enabled, mode) → what happens; "" is a parameter that was not given
    "iframe": {
        ("0", ""): "none",
        ("0", "iframe"): "none",
        ("0", "parent_page"): "none",
        ("0", "blank_page"): "none",
        ("1", ""): "events",
        ("1", "iframe"): "events",
        ("1", "parent_page"): "events",
        ("1", "blank_page"): "events",
        ("2", ""): "inside",
        ("2", "iframe"): "inside",
        ("2", "parent_page"): "whole",
        ("2", "blank_page"): "new_tab",
        ("", ""): "events",
        ("", "iframe"): "inside",
        ("", "parent_page"): "whole",
        ("", "blank_page"): "new_tab",
    },
    "popup": {
        ("0", ""): "none",
        ("0", "iframe"): "none",
        ("0", "parent_page"): "none",
        ("0", "blank_page"): "none",
        ("1", ""): "close",
        ("1", "iframe"): "close",
        ("1", "parent_page"): "close",
        ("1", "blank_page"): "close",
        ("2", ""): "inside",
        ("2", "iframe"): "inside",
        ("2", "parent_page"): "whole",
        ("2", "blank_page"): "new_tab",
        ("", ""): "close",
        ("", "iframe"): "inside",
        ("", "parent_page"): "whole",
        ("", "blank_page"): "new_tab",
    },
    "tab": {
        ("0", ""): "none",
        ("0", "iframe"): "none",
        ("0", "parent_page"): "none",
        ("0", "blank_page"): "none",
        ("1", ""): "whole",
        ("1", "iframe"): "whole",
        ("1", "parent_page"): "whole",
        ("1", "blank_page"): "new_tab",
        ("2", ""): "whole",
        ("2", "iframe"): "whole",
        ("2", "parent_page"): "whole",
        ("2", "blank_page"): "new_tab",
        ("", ""): "whole",
        ("", "iframe"): "whole",
        ("", "parent_page"): "whole",
        ("", "blank_page"): "new_tab",
    },
}
ROWS: Final = [
    (opened, enabled, mode, happens)
    for opened, cells in MATRIX.items()
    for (enabled, mode), happens in cells.items()
]


def test_matrix_is_whole() -> None:
    """Every way of opening meets every value of both parameters, and their absence."""
    assert [len(cells) for cells in MATRIX.values()] == [4 * 4] * 3
    assert {*MATRIX} == {*OpenedAs} - {OpenedAs.EMBEDDED}


@pytest.mark.parametrize(("opened", "enabled", "mode", "happens"), ROWS)
def test_way(opened: str, enabled: str, mode: str, happens: str) -> None:
    """Going back does what the table says."""
    assert way(OpenedAs(opened), enabled=enabled, mode=mode) == happens


@pytest.mark.parametrize(("enabled", "mode"), MATRIX["iframe"])
def test_embedded_is_an_iframe(enabled: str, mode: str) -> None:
    """A microframe leads back as any iframe does."""
    assert way(OpenedAs.EMBEDDED, enabled=enabled, mode=mode) == MATRIX["iframe"][enabled, mode]


@pytest.mark.parametrize(("opened", "enabled", "mode", "happens"), ROWS)
@pytest.mark.parametrize("result", ["success", "fail"])
def test_button_after_a_result(
    opened: str, enabled: str, mode: str, happens: str, result: str
) -> None:
    """The button of a result follows the table; where the table says none, there is none."""
    returns = {
        f"merchant_{result}_url": SHOP,
        f"merchant_{result}_enabled": enabled,
        f"merchant_{result}_redirect_mode": mode,
    }
    ways = after_result(returns, NOTHING, result=result, opened=OpenedAs(opened))
    button = None if happens == "none" else Back(SHOP, Way(happens))
    assert ways == Ways(button, None)


def test_each_result_has_its_address() -> None:
    """A success leads elsewhere than a decline, and neither to the other's address."""
    returns = {"merchant_success_url": f"{SHOP}/yes", "redirect_fail_url": f"{SHOP}/no"}
    happy = after_result(returns, NOTHING, result="success", opened=OpenedAs.TAB)
    sad = after_result(returns, NOTHING, result="fail", opened=OpenedAs.TAB)
    assert happy == Ways(Back(f"{SHOP}/yes", Way.WHOLE))
    assert sad == Ways(None, Back(f"{SHOP}/no", Way.WHOLE))


def test_without_an_address_nothing_leads_back() -> None:
    """Rules without an address are no way."""
    returns = {"merchant_success_enabled": "2", "redirect_success_mode": "parent_page"}
    assert after_result(returns, NOTHING, result="success", opened=OpenedAs.TAB) == Ways()
    assert before_paying(returns, NOTHING, opened=OpenedAs.TAB) is None


# --- the request and the project ------------------------------------------------------------

SETTINGS: Final = ProjectSettings(
    merchant_success_url=OURS,
    merchant_success_enabled="2",
    merchant_success_redirect_mode="blank_page",
    merchant_return_url=OURS,
    merchant_return_enabled="2",
    merchant_return_redirect_mode="iframe",
)


@pytest.mark.parametrize(
    ("returns", "button"),
    [
        # the project's address with the project's rules
        ({}, Back(OURS, Way.NEW_TAB)),
        # the request's address with the request's rules, also where it gives none
        ({"merchant_success_url": SHOP}, Back(SHOP, Way.EVENTS)),
        (
            {"merchant_success_url": SHOP, "merchant_success_redirect_mode": "parent_page"},
            Back(SHOP, Way.WHOLE),
        ),
        ({"merchant_success_url": SHOP, "merchant_success_enabled": "0"}, None),
        # rules alone do not change an address of the project
        ({"merchant_success_enabled": "0"}, Back(OURS, Way.NEW_TAB)),
        ({"merchant_success_redirect_mode": "iframe"}, Back(OURS, Way.NEW_TAB)),
    ],
)
def test_request_wins_over_the_project(returns: dict[str, str], button: Back | None) -> None:
    """Each address keeps the rules that it came with."""
    ways = after_result(returns, SETTINGS, result="success", opened=OpenedAs.IFRAME)
    assert ways == Ways(button)


def test_projects_automatic_return() -> None:
    """A project may lead everybody back by itself, a request to another address."""
    settings = ProjectSettings(redirect_fail_url=OURS, redirect_fail_mode="parent_page")
    ways = after_result({}, settings, result="fail", opened=OpenedAs.POPUP)
    assert ways == Ways(None, Back(OURS, Way.WHOLE))
    asked = {"redirect_fail_url": SHOP, "redirect_fail_mode": "iframe"}
    ways = after_result(asked, settings, result="fail", opened=OpenedAs.POPUP)
    assert ways == Ways(None, Back(SHOP, Way.INSIDE))


# --- without a button -----------------------------------------------------------------------


@pytest.mark.parametrize(("opened", "enabled", "mode", "happens"), ROWS)
@pytest.mark.parametrize("result", ["success", "fail"])
def test_automatic_return(opened: str, enabled: str, mode: str, happens: str, result: str) -> None:
    """`redirect_*` leads back by itself where the table leads; else a button stays."""
    returns = {
        f"redirect_{result}_url": SHOP,
        f"redirect_{result}_enabled": enabled,
        f"redirect_{result}_mode": mode,
    }
    ways = after_result(returns, NOTHING, result=result, opened=OpenedAs(opened))
    back = None if happens == "none" else Back(SHOP, Way(happens))
    stays = happens in {"new_tab", "events"}
    assert ways == Ways(back if stays else None, None if happens == "events" else back)


def test_new_tab_keeps_the_button_of_the_result() -> None:
    """The result stays beside a new tab, and its button leads where the merchant said."""
    returns = {
        "redirect_success_url": f"{SHOP}/tab",
        "redirect_success_mode": "blank_page",
        "merchant_success_url": f"{SHOP}/button",
    }
    ways = after_result(returns, NOTHING, result="success", opened=OpenedAs.TAB)
    assert ways == Ways(Back(f"{SHOP}/button", Way.WHOLE), Back(f"{SHOP}/tab", Way.NEW_TAB))


def test_automatic_return_leaves_the_other_button_alone() -> None:
    """Both kinds of address may be given; the automatic one does not change the button."""
    returns = {"redirect_success_url": f"{SHOP}/auto", "merchant_success_url": f"{SHOP}/button"}
    ways = after_result(returns, NOTHING, result="success", opened=OpenedAs.TAB)
    assert ways == Ways(Back(f"{SHOP}/button", Way.WHOLE), Back(f"{SHOP}/auto", Way.WHOLE))


# --- before paying --------------------------------------------------------------------------


@pytest.mark.parametrize(("opened", "enabled", "mode", "happens"), ROWS)
def test_way_back_before_paying(opened: str, enabled: str, mode: str, happens: str) -> None:
    """`merchant_return_url` follows the table too."""
    returns = {
        "merchant_return_url": SHOP,
        "merchant_return_enabled": enabled,
        "merchant_return_redirect_mode": mode,
    }
    back = before_paying(returns, NOTHING, opened=OpenedAs(opened))
    assert back == (None if happens == "none" else Back(SHOP, Way(happens)))


@pytest.mark.parametrize("opened", OpenedAs)
def test_intermediate_way_back(opened: OpenedAs) -> None:
    """`redirect_return_url` has no rules: it always opens in place of the whole page."""
    returns = {"redirect_return_url": SHOP}
    assert before_paying(returns, NOTHING, opened=opened) == Back(SHOP, Way.WHOLE)


@pytest.mark.parametrize(
    ("returns", "back"),
    [
        ({"merchant_return_url": SHOP}, Back(SHOP, Way.CLOSE)),
        ({"redirect_return_url": SHOP}, Back(OURS, Way.INSIDE)),
        ({"merchant_return_url": SHOP, "redirect_return_url": f"{SHOP}/2"}, Back(SHOP, Way.CLOSE)),
        (
            {
                "merchant_return_url": SHOP,
                "merchant_return_enabled": "0",
                "redirect_return_url": f"{SHOP}/2",
            },
            Back(f"{SHOP}/2", Way.WHOLE),
        ),
    ],
)
def test_order_before_paying(returns: dict[str, str], back: Back) -> None:
    """`merchant_return_url` of the request, then of the project, then `redirect_return_url`."""
    assert before_paying(returns, SETTINGS, opened=OpenedAs.POPUP) == back


@pytest.mark.parametrize(
    ("text", "opened"),
    [
        ("tab", OpenedAs.TAB),
        ("popup", OpenedAs.POPUP),
        ("iframe", OpenedAs.IFRAME),
        ("embedded", OpenedAs.EMBEDDED),
        ("", OpenedAs.TAB),
        ("IFRAME", OpenedAs.TAB),
        ("<script>", OpenedAs.TAB),
    ],
)
def test_opened_as(text: str, opened: OpenedAs) -> None:
    """`frame_mode` names the way of opening; whatever else it says, the page is one of its own."""
    assert OpenedAs.read(text) is opened
