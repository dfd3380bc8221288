"""Take pictures of every screen of the Payment Page: `python -m tests.screens [FOLDER]`.

Writes desktop and phone, English and Traditional Chinese, into docs/screens (or the folder that is
named) and a page that shows them all. Needs a Chromium.
"""

from __future__ import annotations

import sys
from io import BytesIO
from pathlib import Path
from typing import Final

from PIL import Image
from playwright.sync_api import Page, sync_playwright

from sampan.page.view import Screen
from tests.browser.conftest import CHROMIUM
from tests.support.page_examples import EXAMPLES
from tests.support.page_screens import ERRORS, address, serve

FOLDER: Final = Path(__file__).resolve().parents[1] / "docs/screens"
SIZES: Final = {"desktop": (1280, 800), "phone": (390, 844)}
LANGUAGES: Final = ("en", "zh-hant")
COLOURS: Final = 64
HEAD: Final = """# Screens of the Payment Page

Made by `python -m tests.screens` from the examples that the tests use.
"""


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


def main(folder: Path) -> None:
    """Take every picture and write the page that shows them."""
    folder.mkdir(parents=True, exist_ok=True)
    parts = [HEAD]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        for size, (width, height) in SIZES.items():
            context = browser.new_context(viewport={"width": width, "height": height})
            page = context.new_page()
            serve(page)
            for screen, example in shown().items():
                for language in LANGUAGES:
                    page.goto(address(example, language))
                    name = f"{screen}-{size}-{language}.png"
                    (folder / name).write_bytes(picture(page))
                    sys.stderr.write(f"{name}\n")
            context.close()
        browser.close()
    for screen in shown():
        parts.append(f"\n## {screen.replace('_', ' ').capitalize()}\n")
        for size in SIZES:
            cells = [f"![{screen}, {size}, {one}]({screen}-{size}-{one}.png)" for one in LANGUAGES]
            parts.append(f"| English | 繁體中文 |\n| --- | --- |\n| {' | '.join(cells)} |\n")
    (folder / "README.md").write_text("\n".join(parts), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)
