"""Take pictures of every screen: `python -m tests.screens [page|dashboard] [FOLDER]`.

Writes desktop and phone, English and Traditional Chinese, of the Payment Page into docs/screens and
of the Dashboard into docs/screens/dashboard (or below the folder that is named), each with a page
that shows them all. Needs a Chromium.
"""

from __future__ import annotations

import sys
import tempfile
from io import BytesIO
from pathlib import Path
from typing import Final

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from sampan.page.view import Screen
from tests.browser.conftest import CHROMIUM
from tests.support.desk_world import ScreenWorld, desk_world, weeks_world
from tests.support.page_examples import EXAMPLES
from tests.support.page_screens import ERRORS, address, serve

FOLDER: Final = Path(__file__).resolve().parents[1] / "docs/screens"
SIZES: Final = {"desktop": (1280, 800), "phone": (390, 844)}
LANGUAGES: Final = ("en", "zh-hant")
COLOURS: Final = 64


def shown() -> dict[str, str]:
    """Return file name → example: one for each screen, and the page of a refused request."""
    first = {str(view.screen): name for name, view in reversed(EXAMPLES.items())}
    return {screen: first[screen] for screen in Screen} | {"error": next(iter(ERRORS))}


def picture(page: Page) -> bytes:
    """Return a screenshot in few colours: small, and sharp enough to read."""
    shot = Image.open(BytesIO(page.screenshot(full_page=True))).convert("RGB")
    small = shot.quantize(COLOURS, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    packed = BytesIO()
    small.save(packed, "PNG", optimize=True)
    return packed.getvalue()


def page_screens(browser: Browser, folder: Path) -> None:
    """Take every picture of the Payment Page."""
    for size, (width, height) in SIZES.items():
        context = browser.new_context(viewport={"width": width, "height": height})
        page = context.new_page()
        serve(page)
        for screen, example in shown().items():
            for language in LANGUAGES:
                page.goto(address(example, language))
                keep(page, folder, f"{screen}-{size}-{language}.png")
        context.close()
    tell(folder, list(shown()), title="Payment Page", made_from="the examples that the tests use")


def dashboard_screens(browser: Browser, folder: Path) -> None:
    """Take every picture of the Dashboard."""
    names: list[str] = []
    for make in (desk_world, weeks_world):
        with tempfile.TemporaryDirectory() as data, make(Path(data)) as world:
            _of_world(browser, folder, world)
            names += world.screens()
    tell(folder, names, title="Dashboard", made_from="a day that tests make")


def _of_world(browser: Browser, folder: Path, world: ScreenWorld) -> None:
    cookie = world.staff.cookie("").split("=")[0]
    for size, (width, height) in SIZES.items():
        context = browser.new_context(
            viewport={"width": width, "height": height}, base_url=world.platform.url
        )
        page = context.new_page()
        for screen, path in world.screens().items():
            context.clear_cookies()
            if token := world.token_of(screen):
                signed = {"name": cookie, "value": token, "url": world.platform.url}
                context.add_cookies([signed])  # type: ignore[list-item]  # a dict of texts
            for language in LANGUAGES:
                page.goto(f"{path}{'&' if '?' in path else '?'}lang={language}")
                keep(page, folder, f"{screen}-{size}-{language}.png")
        context.close()


def keep(page: Page, folder: Path, name: str) -> None:
    """Write a picture of what a page shows."""
    (folder / name).write_bytes(picture(page))
    sys.stderr.write(f"{name}\n")


def tell(folder: Path, screens: list[str], *, title: str, made_from: str) -> None:
    """Write the page that shows all pictures of a folder."""
    parts = [f"# Screens of the {title}\n\nMade by `python -m tests.screens` from {made_from}.\n"]
    for screen in screens:
        name = screen.replace("_", " ").replace("-", " ").capitalize()
        parts.append(f"\n## {name}\n")
        for size in SIZES:
            cells = [f"![{screen}, {size}, {one}]({screen}-{size}-{one}.png)" for one in LANGUAGES]
            parts.append(f"| English | 繁體中文 |\n| --- | --- |\n| {' | '.join(cells)} |\n")
    (folder / "README.md").write_text("\n".join(parts), encoding="utf-8")


PARTS: Final = {"page": (page_screens, ""), "dashboard": (dashboard_screens, "dashboard")}


def main(parts: list[str], folder: Path) -> None:
    """Take the pictures of these parts."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        for part in parts:
            take, below = PARTS[part]
            (folder / below).mkdir(parents=True, exist_ok=True)
            take(browser, folder / below)
        browser.close()


if __name__ == "__main__":
    asked = sys.argv[1:]
    chosen = [part for part in PARTS if part in asked] or list(PARTS)
    named = [one for one in asked if one not in PARTS]
    main(chosen, Path(named[0]) if named else FOLDER)
