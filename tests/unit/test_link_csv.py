"""Files of payment links: what spreadsheets save is read, and every fault has its line."""

from __future__ import annotations

import csv
import io
import time
from typing import Final

import pytest

from sampan.codecs import link_csv
from sampan.codecs.link_csv import LINES_MAX, Line, LinkFileError, Unfit
from sampan.codecs.safe_csv import csv_file

KNOWN: Final = ("a", "b", "c")


def read(data: bytes) -> list[Line]:
    """Read a file whose columns `a` and `b` are needed."""
    return link_csv.read(data, known=KNOWN, required=("a", "b"))


@pytest.mark.parametrize(
    "text",
    [
        "a,b\n1,2\n",
        "\ufeffa,b\r\n1,2\r\n",
        " B ;A\n2;1",
        "a;b\n1;2\n\n;\n",
        'a,b\n"1","2"',
        "\n\na,b\n\n1,2",
    ],
)
def test_forms_of_one_file(text: str) -> None:
    """Separator, mark, line ends, order, case and empty lines make no difference."""
    (line,) = read(text.encode())
    assert line.cells == {"a": "1", "b": "2"}


def test_lines_have_their_numbers() -> None:
    """Lines count from the header, empty ones too; one with breaks in it is named by its first."""
    lines = read(b'a,b\n1,2\n\n"x\ny",3\n4,5,6\n7')
    assert [(line.number, line.cells is None) for line in lines] == [
        (2, False),
        (4, False),
        (6, True),
        (7, True),
    ]
    assert lines[1].cells == {"a": "x\ny", "b": "3"}


@pytest.mark.parametrize(
    ("data", "unfit", "detail", "line"),
    [
        (b"", Unfit.EMPTY, "", 0),
        (b" \n\n", Unfit.EMPTY, "", 0),
        (b"\xef\xbb\xbf", Unfit.EMPTY, "", 0),
        (b",\n,", Unfit.EMPTY, "", 0),
        (b"a,b\n,\n", Unfit.EMPTY, "", 0),
        (b"a,b\n1,\xff", Unfit.ENCODING, "", 2),
        ("a,b\n1,2".encode("utf-16"), Unfit.ENCODING, "", 1),
        (b"a,b,A\n1,2,3", Unfit.COLUMNS_DOUBLED, "a", 1),
        (b"a,b,d,\n1,2,3,", Unfit.COLUMNS_UNKNOWN, "d, ?", 1),
        (b"c\n1", Unfit.COLUMNS_MISSING, "a, b", 1),
        (b'a,b\n1,2\n3,"4', Unfit.FORMAT, "", 3),
        (b'a,b\n1,"2"3', Unfit.FORMAT, "", 2),
        (b"a,b" + b"\n1,2" * (LINES_MAX + 1), Unfit.TOO_MANY_LINES, "5000", LINES_MAX + 2),
        (b"x" * (link_csv.FILE_BYTES_MAX + 1), Unfit.TOO_LONG, "", 0),
    ],
)
def test_unfit_files(data: bytes, unfit: Unfit, detail: str, line: int) -> None:
    """What is wrong with a file as a whole is named, with the line where it shows."""
    with pytest.raises(LinkFileError) as caught:
        read(data)
    found = caught.value
    assert (found.unfit, found.detail, found.line) == (unfit, detail, line)


@pytest.mark.parametrize("name", ["", "c{}"])
def test_nothing_but_columns(name: str) -> None:
    """A header of a hundred thousand columns is refused at once: it costs no square of them."""
    header = ",".join(["x", *(name.format(number) for number in range(100_000))])
    begun_s = time.process_time()
    with pytest.raises(LinkFileError):
        read(f"{header}\n1".encode())
    assert time.process_time() - begun_s < 3


def test_as_many_lines_as_there_may_be() -> None:
    """The longest file is read whole."""
    assert len(read(b"a,b" + b"\n1,2" * LINES_MAX)) == LINES_MAX


def test_written_files_hold_no_formula() -> None:
    """Excel finds the mark of UTF-8, every cell as it was, and nothing that it would work out."""
    cells = ["=1+1", "+852", "-1", "@x", "\t=1", "茶, 50%", 'say "hi"', "a\nb", ""]
    data = csv_file([["x"] * len(cells), cells])
    assert data.startswith(b"\xef\xbb\xbf")
    _, row = csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""))
    assert row == ["'=1+1", "'+852", "'-1", "'@x", "'\t=1", *cells[5:]]
