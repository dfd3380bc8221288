"""A report opens in LibreOffice: Chinese and amounts intact, and no cell does any harm."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Final
from xml.etree import ElementTree as ET

import pytest

from sampan.storage import open as opening
from tests.support import book, commands

OFFICE: Final = "urn:oasis:names:tc:opendocument:xmlns:office:1.0"
TABLE: Final = "urn:oasis:names:tc:opendocument:xmlns:table:1.0"
TEXT: Final = "urn:oasis:names:tc:opendocument:xmlns:text:1.0"
COLUMNS: Final = "payment_id,project_name,description,amount,paid_amount,currency,customer_email"
SEPARATORS: Final = {"comma": (44, "point"), "semicolon": (59, "comma")}
"""Name of a separator → its code for LibreOffice, and the decimal mark that goes with it."""
LANGUAGES: Final = {"point": "1033", "comma": "1031"}
"""Decimal mark → a language of LibreOffice that writes numbers so (English, German)."""
Cell = tuple[str, str]


@pytest.fixture(scope="module")
def database_url(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Payments with texts of every kind."""
    url = f"sqlite:///{tmp_path_factory.mktemp('book')}/book.db"
    opening.prepare(url)
    book.fill(url, count=60)
    return url


def report(database_url: str, folder: Path, *, separator: str, decimal: str) -> Path:
    """Make a report of all payments."""
    out = folder / "payments.csv"
    asked = ("report", "run", "payments", "--from", "2026-09-01", "--to", "2026-11-15")
    manner = ("--columns", COLUMNS, "--separator", separator, "--decimal", decimal)
    environment = {**os.environ, "SAMPAN_DATABASE_URL": database_url}
    done = commands.run(*asked, *manner, "--out", out, env=environment, cwd=folder)
    assert done.returncode == 0, done.stderr
    return out


def opened(path: Path, *, separator: int, language: str) -> list[list[Cell]]:
    """Open a file in LibreOffice as a person does, and return type and text of each cell."""
    office = shutil.which("soffice")
    if office is None:
        pytest.skip("no LibreOffice: install libreoffice-calc")
    # Separator, quote, UTF-8, first line, columns, language, quoted is not text, numbers are seen.
    reading = f"CSV:{separator},34,76,1,,{language},false,true"
    home = path.parent / "office"
    subprocess.run(
        [
            office,
            f"-env:UserInstallation=file://{home}",
            *("--headless", f"--infilter={reading}", "--convert-to", "fods"),
            *("--outdir", str(path.parent), str(path)),
        ],
        check=True,
        capture_output=True,
        timeout=120,
    )
    sheet = ET.parse(path.with_suffix(".fods")).getroot()  # noqa: S314 - a file of our own
    assert not [one for one in sheet.iter() if f"{{{TABLE}}}formula" in one.attrib]
    return [
        [cell for one in row.iter(f"{{{TABLE}}}table-cell") for cell in _cells(one)]
        for row in sheet.iter(f"{{{TABLE}}}table-row")
    ]


def _cells(one: ET.Element) -> list[Cell]:
    kind = one.get(f"{{{OFFICE}}}value-type", "")
    lines = ["".join(line.itertext()) for line in one.iter(f"{{{TEXT}}}p")]
    value = one.get(f"{{{OFFICE}}}value", "") if kind == "float" else "\n".join(lines)
    return [(kind, value)] * int(one.get(f"{{{TABLE}}}number-columns-repeated", "1"))


@pytest.mark.parametrize("separator", SEPARATORS)
def test_opens_whole(database_url: str, tmp_path: Path, separator: str) -> None:
    """Chinese is read as it was written, amounts are numbers, and no cell is a formula."""
    code, decimal = SEPARATORS[separator]
    out = report(database_url, tmp_path, separator=separator, decimal=decimal)
    head, *rows = opened(out, separator=code, language=LANGUAGES[decimal])
    assert [text for _, text in head[:7]] == COLUMNS.split(",")
    found = [dict(zip(COLUMNS.split(","), row, strict=False)) for row in rows if row[0][1]]
    assert len(found) == 60
    assert {row["amount"][0] for row in found} == {"float"}
    assert all(float(row["amount"][1]) > 0 for row in found)
    descriptions = {row["description"][1] for row in found}
    assert {"Two coffees", "烏龍茶 100 克", "'=1+1", 'a "cup"; two\nlines'} == descriptions
    names = {row["project_name"] for row in found}
    assert names == {("string", "Tea house"), ("string", "茶 <Tea> & more"), ("string", "'=Books")}
