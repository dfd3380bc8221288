"""Keep the catalogues of the languages in step with the texts of the pages.

`python -m tests.catalogues` prints, for each language, which texts its catalogue lacks and which
it has left over. With `--write` it also adds the missing ones, untranslated, removes those left
over, and puts all into the order in which the source has them.
"""

from __future__ import annotations

import sys
from functools import cache
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

from sampan.web import i18n

SOURCE = Path(i18n.__file__).parents[1]
TRANSLATED = [code for code in i18n.LANGUAGES if code != i18n.DEFAULT]

# Babel counts the quotes of a line to the next one.
LINE_COLUMNS = 98

Text = str | tuple[str, ...]
"""A text, or its singular and plural."""


@cache
def messages() -> tuple[Text, ...]:
    """Every text that the pages can show, once, as the source has them from top to bottom."""
    found = extract_from_dir(
        SOURCE,
        method_map=[("**/templates/**.html", "jinja2.ext:babel_extract"), ("**.py", "python")],
        options_map={"**/templates/**.html": {"newstyle_gettext": "true", "trimmed": "true"}},
        keywords={"_": None, "gettext": None, "ngettext": (1, 2), "mark": None},
    )
    return tuple(dict.fromkeys(text for *_, text, _, _ in found))


def path_of(code: str) -> Path:
    """The file of a language's catalogue."""
    return i18n.LOCALE_FOLDER / code / "messages.po"


def parsed(text: str) -> Catalog:
    """The catalogue that is written in a text."""
    return read_po(BytesIO(text.encode()))


def catalogue(code: str) -> Catalog:
    """The catalogue of a language."""
    return parsed(path_of(code).read_text(encoding="utf-8"))


def entries(held: Catalog) -> dict[Text, Message]:
    """The entries of a catalogue by their texts, without its head."""
    return {
        each.id if isinstance(each.id, str) else tuple(each.id): each for each in held if each.id
    }


def missing(held: Catalog) -> list[Text]:
    """The texts that a catalogue lacks."""
    known = entries(held)
    return [text for text in messages() if text not in known]


def left_over(held: Catalog) -> list[Text]:
    """The texts of a catalogue that no page shows."""
    shown = set(messages())
    return [text for text in entries(held) if text not in shown]


def in_step(text: str) -> str:
    """A catalogue's text with all texts of the pages and no others; its head stays as it is."""
    held = parsed(text)
    wanted, known = Catalog(locale=held.locale), entries(held)
    for message in messages():
        wanted[message] = known.get(message) or Message(message)
    written = BytesIO()
    write_po(written, wanted, width=LINE_COLUMNS, no_location=True, omit_header=True)
    head, _, _ = text.partition("\n\n")
    return f"{head}\n\n{written.getvalue().decode().rstrip()}\n"


def main() -> None:
    """Print what is out of step, and mend it if told to."""
    for code in TRANSLATED:
        held = catalogue(code)
        for text in missing(held):
            sys.stdout.write(f"{code} lacks {text!r}\n")
        for text in left_over(held):
            sys.stdout.write(f"{code} has left over {text!r}\n")
        if "--write" in sys.argv[1:]:
            path_of(code).write_text(in_step(path_of(code).read_text(encoding="utf-8")), "utf-8")


if __name__ == "__main__":
    main()
