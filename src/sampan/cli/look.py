"""How things look in a terminal: tables, marks, moments, QR codes."""

from datetime import UTC, datetime

from rich.box import ROUNDED
from rich.console import Console, RenderableType
from rich.style import Style, StyleType
from rich.table import Table
from rich.text import Text

from sampan.codecs import qr_image

STATUS_STYLES = {
    "success": "green",
    "delivered": "green",
    "applied": "green",
    "processing": "cyan",
    "awaiting customer action": "yellow",
    "awaiting redirect result": "yellow",
    "awaiting customer": "yellow",
    "awaiting payment": "yellow",
    "invoice sent": "yellow",
    "pending": "yellow",
    "sending": "cyan",
    "held": "yellow",
    "unapplied": "yellow",
    "decline": "red",
    "error": "red",
    "expired": "red",
    "invoice canceled": "dim",
    "exhausted": "red",
    "dropped": "dim",
    "returned": "dim",
    "sent": "green",
    "given up": "red",
}
"""Status of a payment, callback, credit or e-mail → style; the word itself is always there too."""


MOMENTS = {"at", "created", "received"}
"""Columns that are hard to read when they are broken."""


def safe(words: str) -> str:
    """Return a text of a stranger without anything that a terminal would obey."""
    return "".join(char if char.isprintable() or char == "\n" else "\ufffd" for char in words)


class PlainTable(Table):
    """A table that shows texts as they are: no markup, and nothing that a terminal would obey."""

    def add_row(
        self,
        *cells: RenderableType | None,
        style: StyleType | None = None,
        end_section: bool = False,
    ) -> None:
        """Add a row of cells."""
        plain = [Text(safe(cell)) if isinstance(cell, str) else cell for cell in cells]
        super().add_row(*plain, style=style, end_section=end_section)


def table(title: str, *columns: str) -> PlainTable:
    """Return an empty table. A column that begins with `>` is aligned to the right."""
    made = PlainTable(
        title=Text(safe(title), "bold") if title else None,
        title_justify="left",
        header_style="bold",
        border_style="dim",
        box=ROUNDED,
    )
    for column in columns:
        right = column.startswith(">")
        made.add_column(
            column.lstrip(">"),
            justify="right" if right else "left",
            overflow="fold",
            no_wrap=column in MOMENTS,
        )
    return made


def facts(title: str) -> PlainTable:
    """Return a table of two columns without a head: name and value."""
    made = table(title, "", "")
    made.show_header = False
    made.columns[0].style = "dim"
    made.columns[0].no_wrap = True
    return made


def status(word: str) -> Text:
    """Return a status in its colour."""
    return Text(word, STATUS_STYLES.get(word, ""))


def mark(good: bool | None) -> Text:  # noqa: FBT001 - what it marks
    """Return a tick, a cross, or for None an exclamation mark."""
    if good is None:
        return Text("!", "bold yellow")
    return Text("✓", "bold green") if good else Text("✗", "bold red")


def moment(us: int | None) -> str:
    """Write a moment in the time of this machine; a dash for None."""
    if us is None:
        return "–"
    at = datetime.fromtimestamp(us / 1_000_000, UTC).astimezone()
    return f"{at:%Y-%m-%d %H:%M:%S}"


def clock_time(us: int) -> str:
    """Write the time of day of a moment with milliseconds, in the time of this machine."""
    at = datetime.fromtimestamp(us / 1_000_000, UTC).astimezone()
    return f"{at:%H:%M:%S}.{at.microsecond // 1000:03}"


def qr(console: Console, payload: str) -> Text:
    """Draw a QR so that a telephone reads it, whatever the colours of the terminal are."""
    if console.color_system is not None:
        plate = Style(color="#000000", bgcolor="#ffffff")
        return Text(qr_image.text(payload, quiet=2).rstrip("\n"), plate, no_wrap=True)
    return Text(qr_image.text(payload, quiet=2, light_ink=True).rstrip("\n"), no_wrap=True)
