"""Every setting and code is documented, and no page points nowhere."""

import re
from pathlib import Path

import pytest

from tests.docs.tables import FOLDER, PAGES

ROOT = FOLDER.parent
DOCUMENTS = sorted([*FOLDER.rglob("*.md"), *ROOT.glob("*.md")])
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")


@pytest.mark.parametrize("name", PAGES)
def test_table_says_what_the_code_says(name: str) -> None:
    """A page made from the code is as the code would make it now."""
    assert (FOLDER / name).read_text() == PAGES[name](), "run: python -m tests.docs"


@pytest.mark.parametrize("page", DOCUMENTS, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    """A link to another document finds it."""
    for target in LINK.findall(page.read_text()):
        if "://" not in target:
            assert (page.parent / target).exists(), target
