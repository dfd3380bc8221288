"""Every screen of the Payment Page: nobody is shut out, and nothing is cut off."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.conftest import barriers
from tests.support.page_screens import NAMES, address, serve

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def screens(browser: Browser) -> Iterator[Page]:
    """A page that finds the examples."""
    context = browser.new_context(viewport={"width": 390, "height": 844})
    page = context.new_page()
    serve(page)
    yield page
    context.close()


@pytest.mark.parametrize("name", NAMES)
def test_screen_has_no_barriers(screens: Page, name: str) -> None:
    """axe-core finds nothing serious, in English by day and in Chinese by night, down to 320 px."""
    faults = []
    for language, scheme in (("en", "light"), ("zh-hant", "dark")):
        screens.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]  # one of the two
        screens.goto(address(name, language))
        faults += [f"{language}: {fault}" for fault in barriers(screens)]
    assert faults == []
    screens.set_viewport_size({"width": 320, "height": 640})
    assert screens.evaluate("document.documentElement.scrollWidth") <= 320
    screens.set_viewport_size({"width": 390, "height": 844})
