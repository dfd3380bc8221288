"""`docs/data-api.md` names every field and refusal that the Data API has."""

import re
from typing import Final

from sampan.dataapi.fields import FIELDS
from sampan.dataapi.refusals import NAMES
from tests.docs.tables import FOLDER

PAGE: Final = (FOLDER / "data-api.md").read_text()


def rows(head: str) -> list[str]:
    """Return the rows of the table with this head, as they stand."""
    found = re.search(rf"^{re.escape(head)}\n\|[- |]+\n((?:\|.*\n)+)", PAGE, re.MULTILINE)
    assert found is not None
    return found[1].splitlines()


def test_fields() -> None:
    """Every field stands there with its meaning, in the order of the answer."""
    assert rows("| field | | meaning |") == [
        f"| `{field.name}` | {'told' if field.told else ''} | {field.meaning} |" for field in FIELDS
    ]


def test_refusals() -> None:
    """Every status that a refusal may have stands there by its name."""
    told = {
        tuple(row.strip("| ").split(" | ")[-2:]) for row in rows("| # | fault | status | `name` |")
    }
    assert told == {(str(status), name) for status, name in NAMES.items()}
