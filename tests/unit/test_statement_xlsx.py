"""Statements as workbooks: read like CSV, and refused where they are bombs or something else."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from datetime import date, datetime, time
from typing import Any

import openpyxl
import pytest

from sampan.codecs import statement_xlsx
from sampan.codecs.statement import FaultCode, Limits, StatementEntry, StatementFault
from sampan.codecs.statement_csv import Mapping
from sampan.flow import statement_files as files

MAPPING = Mapping(
    account="x",
    date="Date",
    date_pattern="DD MMM YYYY",
    time="Time",
    time_pattern="HH:mm:ss A",
    credit="In",
    debit="Out",
    references=("Text",),
    thousands="",
)
HEAD = ("Date", "Time", "In", "Out", "Text")


def book(*rows: Sequence[Any]) -> io.BytesIO:
    """A workbook of one sheet with these rows."""
    made = openpyxl.Workbook()
    for row in rows:
        made.active.append(row)
    file = io.BytesIO()
    made.save(file)
    return file


def read(file: io.BytesIO, mapping: Mapping = MAPPING) -> list[StatementEntry]:
    """The entries of a workbook."""
    return list(files.entries(file, mapping=mapping))


def test_cells_are_read_by_the_mapping() -> None:
    """Days, times and numbers of cells, and texts as they are; empty rows keep their numbers."""
    one, two = read(
        book(
            HEAD,
            (date(2026, 11, 22), time(15, 4, 6), 1234.1, None, "P7K2M9QX4D"),
            (),
            (datetime(2026, 11, 23), time(0, 0, 0), None, 3, "fee"),  # noqa: DTZ001 - a cell's
        )
    )
    assert (one.amount_minor, one.booked_on, one.booked_us, one.place) == (
        123_410,
        date(2026, 11, 22),
        1_795_331_046_000_000,
        "row 2",
    )
    assert one.references[0].text == "P7K2M9QX4D"
    assert (two.amount_minor, two.place) == (-300, "row 4")


def test_decimal_mark_and_short_years() -> None:
    """Cells follow the mapping, whatever the bank's own CSV looks like."""
    mapping = Mapping(
        account="x",
        date=1,
        amount=2,
        date_pattern="YY/MM/DD HH:mm",
        decimal=",",
        thousands=".",
        header_row=0,
    )
    (one,) = read(book((datetime(2026, 1, 2, 3, 4), 1234.5, True)), mapping)  # noqa: DTZ001 - a cell's
    assert (one.amount_minor, one.booked_us) == (123_450, 1_767_294_240_000_000)


def test_a_person_looks_first() -> None:
    """A mapping is proposed from the cells, and shows the fault of a bad row in its place."""
    file = book(("Date", "Amount"), (date(2026, 11, 22), 100), (date(2026, 11, 23), "x"))
    proposal = files.propose(file, account="x")
    assert proposal.header == ("Date", "Amount")
    mapping = Mapping(account="x", date="Date", amount="Amount")
    good, bad = files.preview(file, mapping)
    assert isinstance(good, StatementEntry)
    assert isinstance(bad, StatementFault)
    assert files.preview(file, mapping, most=1) == [good]
    plain = io.BytesIO(b"Date,Amount\n22/11/2026,1.00\n")
    assert files.propose(plain, account="x").mapping is not None
    assert len(files.preview(plain, mapping)) == 1


def packed(**members: bytes) -> io.BytesIO:
    """A ZIP of these members."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in members.items():
            made.writestr(name.replace("__", "/"), content)
    return file


def fault(file: io.BytesIO, limits: Limits | None = None) -> FaultCode:
    """How a file is refused."""
    with pytest.raises(StatementFault) as raised:
        statement_xlsx.as_csv(file, MAPPING, limits=limits or Limits())
    return raised.value.code


def replaced(file: io.BytesIO, member: str, content: bytes) -> io.BytesIO:
    """The same workbook with another member."""
    made = io.BytesIO()
    with zipfile.ZipFile(file) as old, zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as new:
        for one in old.infolist():
            new.writestr(one.filename, content if one.filename == member else old.read(one))
    return made


def test_bombs_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is large, or becomes large: bytes, members, rows, columns, what is written, entities."""
    good = book(HEAD)
    assert fault(good, Limits(bytes_max=10)) is FaultCode.TOO_LARGE
    assert fault(packed(a=b"0" * (65 * 1024 * 1024))) is FaultCode.TOO_LARGE
    assert fault(packed(**{f"m{number}": b"" for number in range(1001)})) is FaultCode.TOO_LARGE
    bomb = b'<!DOCTYPE a [<!ENTITY b "c">]><worksheet xmlns="x">&b;</worksheet>'
    assert fault(replaced(good, "xl/workbook.xml", bomb)) is FaultCode.MALFORMED
    assert fault(book(("x",) * 501)) is FaultCode.TOO_LARGE
    monkeypatch.setattr(statement_xlsx, "ROWS_MAX", 2)
    assert fault(book(HEAD, HEAD, HEAD)) is FaultCode.TOO_LARGE
    monkeypatch.setattr(statement_xlsx, "UNPACKED_BYTES_MAX", 10_000)
    monkeypatch.setattr(statement_xlsx, "_bound", lambda *_, **__: None)
    assert fault(book(("x" * 20_000,))) is FaultCode.TOO_LARGE


def test_what_is_no_workbook() -> None:
    """Another ZIP, a broken one, and a workbook without a sheet."""
    assert fault(packed(a=b"x")) is FaultCode.MALFORMED
    assert fault(io.BytesIO(b"PK\x03\x04rest")) is FaultCode.MALFORMED
    charts = openpyxl.Workbook()
    charts.create_chartsheet()
    charts.remove(charts.worksheets[0])
    file = io.BytesIO()
    charts.save(file)
    assert fault(file) is FaultCode.MALFORMED


def test_numbers_beyond_sums() -> None:
    """What is no number at all is left to the reader of rows to refuse."""
    assert statement_xlsx._number(float("inf"), ".") == "inf"
    assert statement_xlsx._number(1e30, ".") == "1e+30"
    assert statement_xlsx._number(388.10000000000002, ".") == "388.1"
