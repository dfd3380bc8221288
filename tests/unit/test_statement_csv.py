"""CSV statements: every bank's columns, amounts and days, read by a mapping or refused by row."""

from __future__ import annotations

from contextlib import suppress
from datetime import date
from io import BytesIO
from typing import Any, Final

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sampan.codecs.csv_values import check_pattern, dated, signed_amount
from sampan.codecs.statement import (
    EntryStatus,
    Limits,
    ReferenceText,
    Source,
    Statement,
    StatementEntry,
    StatementFault,
    identity,
)
from sampan.codecs.statement_csv import Mapping, check, examine, read

HSBC_LIKE: Final = (
    "Date,Description,Reference,Payer,Bank Ref,Debit,Credit\n"
    '22/11/2026,"FPS, CREDIT",P7K2M9QX4D00,CHAN TAI MAN,B1,,"1,388.00"\n'
    "23/11/2026,FEE,,,B2,5.00,\n"
)
MAPPING: Final = Mapping(
    account="A1",
    date="date",
    credit="Credit",
    debit="DEBIT",
    references=("Reference",),
    payer_name="Payer",
    description=2,
    bank_ref="Bank  Ref",
)
SIMPLE: Final = Mapping(account="A1", date=1, amount=2, header_row=0)


def entries(text: str, mapping: Mapping, encoding: str = "utf-8") -> list[StatementEntry]:
    """The entries of a file."""
    found = read(BytesIO(text.encode(encoding)), mapping)
    return [item for item in found if isinstance(item, StatementEntry)]


def fault(text: str, mapping: Mapping, limits: Limits | None = None) -> tuple[str, str]:
    """Why a file is refused, and where."""
    with pytest.raises(StatementFault) as caught:
        list(read(BytesIO(text.encode()), mapping, limits=limits))
    return caught.value.code, caught.value.place


def changed(mapping: Mapping, **changes: Any) -> Mapping:  # noqa: ANN401 - any field of it
    """The mapping with other fields."""
    return msgspec.structs.replace(mapping, **changes)


def test_a_statement_by_names() -> None:
    """Columns go by name without regard to case, or by number; the file ends with its sums."""
    first, second, statement = read(BytesIO(HSBC_LIKE.encode()), MAPPING)
    assert first == StatementEntry(
        account="A1",
        currency="HKD",
        amount_minor=138_800,
        status=EntryStatus.BOOKED,
        booked_on=date(2026, 11, 22),
        bank_ref="B1",
        references=(
            ReferenceText(Source.REMITTANCE, "P7K2M9QX4D00"),
            ReferenceText(Source.DESCRIPTION, "FPS, CREDIT"),
        ),
        payer_name="CHAN TAI MAN",
        description="FPS, CREDIT",
        place="row 2",
    )
    assert isinstance(second, StatementEntry)
    assert (second.amount_minor, second.is_income) == (-500, False)
    assert statement == Statement(
        format="CSV",
        id="",
        account="A1",
        balances=(),
        entries_count=2,
        booked_minor={"HKD": 138_300},
    )


@pytest.mark.parametrize(
    ("written", "minor"),
    [
        ("388", 38_800),
        ("388.5", 38_850),
        (".5", 50),
        ("388.", 38_800),
        ("1,234.50", 123_450),
        ("1,234,567.89", 123_456_789),
        ("HK$1,234.50", 123_450),
        ("HKD 12.00", 1_200),
        ("12.00 HKD", 1_200),
        ("$12", 1_200),
        ("+12.00", 1_200),
        ("-12.00", -1_200),
        ("HK$-12.00", -1_200),
        ("-HK$12.00", -1_200),
        ("(12.00)", -1_200),
        ("(HK$12.00)", -1_200),
        ("12.00-", -1_200),
        ("12.00 CR", 1_200),
        ("12.00CR", 1_200),
        ("12.00 dr", -1_200),
        ("12.00 Dr.", -1_200),
        ("12.00 HKD DR", -1_200),
        ("\uff11\uff12\uff0e\uff10\uff10", 1_200),
        ("\u221212.00", -1_200),
        ("12.00\u00a0", 1_200),
        ("0.00", 0),
    ],
)
def test_amounts_as_banks_write_them(written: str, minor: int) -> None:
    """Signs, brackets, words, currencies and full-width digits around exact digits."""
    assert signed_amount(written, "HKD", decimal=".", thousands=",") == minor


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("", "amount"),
        ("twelve", "amount"),
        ("12.00.00", "amount"),
        ("12,00", "amount"),
        ("1,2345", "amount"),
        ("1234,567.00", "amount"),
        (",123", "amount"),
        ("1 234.00", "amount"),
        ("(12.00", "amount"),
        ("12.00)", "amount"),
        ("-12.00 CR", "amount"),
        ("(-12.00)", "amount"),
        ("12.001", "amount"),
        ("1e5", "amount"),
        ("12 CNY", "currency"),
        ("US$12", "currency"),
        ("RMB 12", "currency"),
        ("9999999999999999999", "amount"),
    ],
)
def test_what_is_no_amount(written: str, code: str) -> None:
    """What is not surely an amount in the row's currency is refused."""
    with pytest.raises(StatementFault) as caught:
        signed_amount(written, "HKD", decimal=".", thousands=",")
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("written", "decimal", "thousands", "minor"),
    [
        ("1.234,50", ",", ".", 123_450),
        ("1 234,50", ",", " ", 123_450),
        ("1'234.50", ".", "'", 123_450),
        ("1234.50", ".", "", 123_450),
    ],
)
def test_other_separators(written: str, decimal: str, thousands: str, minor: int) -> None:
    """The mapping says which mark is which."""
    assert signed_amount(written, "HKD", decimal=decimal, thousands=thousands) == minor


@pytest.mark.parametrize(
    ("written", "pattern", "day", "us"),
    [
        ("22/11/2026", "DD/MM/YYYY", date(2026, 11, 22), None),
        ("2/1/2026", "DD/MM/YYYY", date(2026, 1, 2), None),
        ("11/22/26", "MM/DD/YY", date(2026, 11, 22), None),
        ("22-Nov-2026", "DD-MMM-YYYY", date(2026, 11, 22), None),
        ("NOVEMBER 2, 2026", "MMM DD, YYYY", date(2026, 11, 2), None),
        ("20261122", "YYYYMMDD", date(2026, 11, 22), None),
        ("2026年11月22日", "YYYY年MM月DD日", date(2026, 11, 22), None),
        ("2026-11-22 15:04:06", "YYYY-MM-DD HH:mm:ss", date(2026, 11, 22), 1_795_331_046_000_000),
        ("2026-11-22 15", "YYYY-MM-DD HH", date(2026, 11, 22), 1_795_330_800_000_000),
        ("22/11/2026 03:04 PM", "DD/MM/YYYY HH:mm A", date(2026, 11, 22), 1_795_331_040_000_000),
        ("22/11/2026 12:00 am", "DD/MM/YYYY HH:mm A", date(2026, 11, 22), 1_795_276_800_000_000),
    ],
)
def test_days(written: str, pattern: str, day: date, us: int | None) -> None:
    """Days by their pattern; times are Hong Kong's."""
    assert dated(written, pattern) == (day, us)


@pytest.mark.parametrize(
    ("written", "pattern"),
    [
        ("31/02/2026", "DD/MM/YYYY"),
        ("2026-11-22", "DD/MM/YYYY"),
        ("22-Foo-2026", "DD-MMM-YYYY"),
        ("22/11/2026 13:00 PM", "DD/MM/YYYY HH:mm A"),
        ("22/11/2026 25:00", "DD/MM/YYYY HH:mm"),
        ("", "DD/MM/YYYY"),
    ],
)
def test_what_is_no_day(written: str, pattern: str) -> None:
    """What does not fit the pattern, or is no day, is refused."""
    with pytest.raises(StatementFault) as caught:
        dated(written, pattern)
    assert caught.value.code == "date"


@pytest.mark.parametrize("pattern", ["", "DD/MM", "YYYY-MM", "DD/DD/MM/YYYY", "MM/YYYY DD MM"])
def test_patterns_that_name_no_day(pattern: str) -> None:
    """A pattern names year, month and day, each once."""
    with pytest.raises(StatementFault) as caught:
        check_pattern(pattern)
    assert caught.value.code == "mapping"


@pytest.mark.parametrize(
    ("row", "mapping", "minor", "currency"),
    [
        ("22/11/2026,12.00", SIMPLE, 1_200, "HKD"),
        ("22/11/2026,12.00", changed(SIMPLE, debits_are_positive=True), -1_200, "HKD"),
        ("22/11/2026,12.00", changed(SIMPLE, fixed_currency="JPY"), 12, "JPY"),
        ("22/11/2026,12.00,RMB", changed(SIMPLE, currency=3), 1_200, "CNY"),
        ("22/11/2026,12.00,cny", changed(SIMPLE, currency=3), 1_200, "CNY"),
        ("22/11/2026,12.00,DR", changed(SIMPLE, direction=3), -1_200, "HKD"),
        ("22/11/2026,-12.00,DR", changed(SIMPLE, direction=3), -1_200, "HKD"),
        ("22/11/2026,12.00,存入", changed(SIMPLE, direction=3), 1_200, "HKD"),
        ("22/11/2026,,12.00", changed(SIMPLE, amount=None, debit=2, credit=3), 1_200, "HKD"),
        ("22/11/2026,-,12.00", changed(SIMPLE, amount=None, debit=2, credit=3), 1_200, "HKD"),
        ("22/11/2026,12.00,0.00", changed(SIMPLE, amount=None, debit=2, credit=3), -1_200, "HKD"),
        ("22/11/2026,-12.00,", changed(SIMPLE, amount=None, debit=2, credit=3), -1_200, "HKD"),
        ("22/11/2026,12.00", changed(SIMPLE, amount=None, credit=2), 1_200, "HKD"),
        ("22/11/2026;12.00", changed(SIMPLE, delimiter=";"), 1_200, "HKD"),
    ],
)
def test_ways_to_write_money(row: str, mapping: Mapping, minor: int, currency: str) -> None:
    """One signed column, a word beside it, or a column for each direction."""
    (entry,) = entries(row, mapping)
    assert (entry.amount_minor, entry.currency) == (minor, currency)


def test_time_and_value_date() -> None:
    """A column with the time makes the second known; the value date may be empty."""
    mapping = changed(SIMPLE, time=3, value_date=4, payer_account=5)
    text = "22/11/2026,1.00,15:04:06,23/11/2026,024\n22/11/2026,2.00,15:04:06,,\n"
    first, second = entries(text, mapping)
    assert (first.booked_us, first.value_on) == (1_795_331_046_000_000, date(2026, 11, 23))
    assert (first.payer_account, second.value_on) == ("024", None)


@pytest.mark.parametrize(
    ("text", "mapping", "code", "place"),
    [
        ("", SIMPLE, "empty", ""),
        ("\n \n", SIMPLE, "empty", ""),
        ("22/11/2026,1.00\nx,1.00", SIMPLE, "date", "row 2"),
        ("22/11/2026,1.00\n22/11/2026,x", SIMPLE, "amount", "row 2"),
        ("22/11/2026,", SIMPLE, "missing", "row 1"),
        ("22/11/2026", SIMPLE, "missing", "row 1"),
        ("22/11/2026,1,EURO", changed(SIMPLE, currency=3), "currency", "row 1"),
        ("22/11/2026,1,UP", changed(SIMPLE, direction=3), "value", "row 1"),
        ("22/11/2026,1,1", changed(SIMPLE, amount=None, debit=2, credit=3), "amount", "row 1"),
        ("22/11/2026,,", changed(SIMPLE, amount=None, debit=2, credit=3), "amount", "row 1"),
        ('22/11/2026,"1.00', SIMPLE, "malformed", "row 1"),
        ('22/11/2026,"1.00"x', SIMPLE, "malformed", "row 1"),
        ("Day,Amount\n", changed(MAPPING, description=None), "mapping", ""),
        (HSBC_LIKE.replace("Payer", "Credit"), MAPPING, "mapping", ""),
        (HSBC_LIKE, changed(MAPPING, amount="Credit"), "mapping", ""),
        (HSBC_LIKE, changed(MAPPING, credit=None, debit=None), "mapping", ""),
        (HSBC_LIKE, changed(MAPPING, direction=3), "mapping", ""),
        (HSBC_LIKE, changed(MAPPING, thousands="."), "mapping", ""),
        (HSBC_LIKE, changed(MAPPING, header_row=0), "mapping", ""),
        (HSBC_LIKE, changed(MAPPING, date_pattern="DD"), "mapping", ""),
        (HSBC_LIKE, changed(MAPPING, time="Date", time_pattern="DD"), "mapping", ""),
    ],
)
def test_what_is_amiss_is_named(text: str, mapping: Mapping, code: str, place: str) -> None:
    """Each thing that is not as it must be has its word and its row."""
    assert fault(text, mapping) == (code, place)


def test_look_beforehand_shows_every_bad_row() -> None:
    """All faults are shown with the rows between them, so that a person mends all at once."""
    text = "x,1.00\n22/11/2026,2.00\n23/11/2026,y\n"
    found = list(examine(BytesIO(text.encode()), SIMPLE))
    assert [getattr(item, "place", "") for item in found] == ["row 1", "row 2", "row 3", ""]
    assert [type(item) for item in found] == [
        StatementFault,
        StatementEntry,
        StatementFault,
        Statement,
    ]


def test_rows_before_and_behind() -> None:
    """A bank's letterhead and totals are passed over, and so are empty rows."""
    text = f"BANK\n\n{HSBC_LIKE}\n,,\nTotal,,,,,5.00,1388.00\n"
    head, body = text.split("\n22/11", 1)
    text = f"{head}\n---\n22/11{body}"
    mapping = changed(MAPPING, header_row=3, skip_rows=1, skip_last_rows=1)
    assert [entry.place for entry in entries(text, mapping)] == ["row 5", "row 6"]


def test_cells_with_line_ends_and_quotes() -> None:
    """A quoted cell may hold lines and quotes."""
    text = '22/11/2026,1.00,"FPS\nP7K2M9QX4D00 ""x"""\r\n'
    (entry,) = entries(text, changed(SIMPLE, references=(3,)))
    assert [t.text for t in entry.references] == ['FPS P7K2M9QX4D00 "x"']


@pytest.mark.parametrize(
    ("encoding", "named"),
    [
        ("utf-8", "utf-8"),
        ("utf-8-sig", "utf-8"),
        ("utf-16", "utf-16"),
        ("utf-16-le", "utf-16-le"),
        ("utf-16-be", "utf-16-be"),
        ("big5", "big5hkscs"),
        ("gb18030", "gb18030"),
    ],
)
def test_encodings(encoding: str, named: str) -> None:
    """Chinese texts come through in every encoding that banks use."""
    text = "22/11/2026,1.00,陳大文\n"
    mapping = changed(SIMPLE, payer_name=3, encoding=named)
    assert [e.payer_name for e in entries(text, mapping, encoding)] == ["陳大文"]


def test_wrong_encoding() -> None:
    """Bytes of another encoding are a fault near their line, never broken text."""
    raw = "22/11/2026,1.00\n22/11/2026,1.00,陳大文\n".encode("big5")
    with pytest.raises(StatementFault) as caught:
        list(read(BytesIO(raw), changed(SIMPLE, payer_name=3)))
    assert (caught.value.code, caught.value.place) == ("encoding", "near line 2")


def test_utf_16_without_its_mark() -> None:
    """A file of another encoding that is read as UTF-16 is a fault like every other one."""
    with pytest.raises(StatementFault) as caught:
        list(read(BytesIO(b"date,amount\n01/02/2026,1.00\n"), changed(SIMPLE, encoding="utf-16")))
    assert (caught.value.code, caught.value.place) == ("encoding", "line 1")


def test_equal_rows_stay_two() -> None:
    """Two equal rows are two payments, and the same file again is the same two."""
    text = "22/11/2026,1.00\n22/11/2026,1.00\n"
    found = [identity(entry) for entry in entries(text, SIMPLE)]
    assert len(set(found)) == 2
    assert found == [identity(entry) for entry in entries(text + text, SIMPLE)][:2]


@pytest.mark.parametrize(
    ("limits", "code"),
    [
        (Limits(bytes_max=10), "too_large"),
        (Limits(entries_max=1), "too_many"),
        (Limits(text_chars_max=10), "too_long"),
    ],
)
def test_limits(limits: Limits, code: str) -> None:
    """Everything has a limit."""
    assert fault("22/11/2026,1.00\n22/11/2026,1.00\n", SIMPLE, limits)[0] == code


def test_quote_that_never_closes() -> None:
    """A quote cannot swallow a large file."""
    text = '22/11/2026,"' + ("x" * 1_000 + "\n") * 200
    assert fault(text, SIMPLE)[0] == "malformed"


def test_mapping_is_kept_as_json() -> None:
    """A mapping is saved and loaded as it is, and nothing else is taken for one."""
    check(MAPPING)
    assert msgspec.json.decode(msgspec.json.encode(MAPPING), type=Mapping) == MAPPING
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(b'{"account":"A","date":1,"encoding":"utf-7"}', type=Mapping)


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=30), st.sampled_from([".", ","]), st.sampled_from(["", ",", ".", " ", "'"]))
def test_any_text_as_amount(text: str, decimal: str, thousands: str) -> None:
    """No text of a stranger makes reading fail in any other way."""
    with suppress(StatementFault):
        signed_amount(text, "HKD", decimal=decimal, thousands=thousands)


@given(st.integers(-(10**15), 10**15), st.sampled_from(["HKD", "JPY", "KWD"]))
def test_any_amount_comes_back(amount_minor: int, currency: str) -> None:
    """An amount that is written exactly is read exactly."""
    decimals = {"HKD": 2, "JPY": 0, "KWD": 3}[currency]
    whole, part = divmod(abs(amount_minor), 10**decimals)
    text = f"{'-' * (amount_minor < 0)}{whole:,}" + (f".{part:0{decimals}d}" if decimals else "")
    assert signed_amount(text, currency, decimal=".", thousands=",") == amount_minor
