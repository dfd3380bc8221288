"""MT940 and MT942 as banks write them: the same facts as from newer files, or a clear fault."""

from __future__ import annotations

from contextlib import suppress
from datetime import date
from io import BytesIO
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sampan.codecs.mt940 import read
from sampan.codecs.statement import (
    BalanceKind,
    EntryStatus,
    Limits,
    ReferenceText,
    Source,
    Statement,
    StatementEntry,
    StatementFault,
    identity,
)

HEAD: Final = ":20:STMT261122\n:25:004-123456-789001\n:28C:235/1\n"
OPENING: Final = ":60F:C261121HKD1000,00\n"
ENTRY: Final = ":61:2611221122CD388,00NTRFP7K2M9QX4D00//HKBANK0001\n"
CLOSING: Final = ":62F:C261122HKD1388,00\n"
WHOLE: Final = HEAD + OPENING + ENTRY + ":86:INCOMING FPS CHAN TAI MAN\n" + CLOSING + "-\n"
INTERIM: Final = (
    ":20:INTERIM\n:25:004-123456-789001\n:28C:7\n:34F:HKD0,\n:13D:2611221504+0800\n"
    ":61:2611221122C388,00NTRFNONREF//B1\n:61:2611221122EC12,NTRFNONREF//B2\n"
)


def items(text: str, limits: Limits | None = None) -> list[StatementEntry | Statement]:
    """Everything that is in a file."""
    return list(read(BytesIO(text.encode()), limits=limits))


def entries(text: str) -> list[StatementEntry]:
    """The entries of a file."""
    return [item for item in items(text) if isinstance(item, StatementEntry)]


def statements(text: str) -> list[Statement]:
    """The statements of a file."""
    return [item for item in items(text) if isinstance(item, Statement)]


def fault(text: str, limits: Limits | None = None) -> tuple[str, str]:
    """Why a file is refused, and where."""
    with pytest.raises(StatementFault) as caught:
        items(text, limits)
    return caught.value.code, caught.value.place


def with_line(line: str, *, closing: str = CLOSING) -> str:
    """A statement with this entry."""
    return HEAD + OPENING + line + "\n" + closing + "-\n"


def test_an_entry_and_its_statement() -> None:
    """Every field of an entry is read, and the statement proves it."""
    entry, statement = items(WHOLE)
    assert entry == StatementEntry(
        account="004-123456-789001",
        currency="HKD",
        amount_minor=38_800,
        status=EntryStatus.BOOKED,
        status_text="C",
        booked_on=date(2026, 11, 22),
        value_on=date(2026, 11, 22),
        bank_ref="HKBANK0001",
        end_to_end="P7K2M9QX4D00",
        references=(
            ReferenceText(Source.OWNER_REFERENCE, "P7K2M9QX4D00"),
            ReferenceText(Source.REMITTANCE, "INCOMING FPS CHAN TAI MAN"),
        ),
        description="INCOMING FPS CHAN TAI MAN",
        statement_id="235",
        place="line 5",
    )
    assert isinstance(statement, Statement)
    assert (statement.format, statement.id, statement.page) == ("MT940", "235", 1)
    assert (statement.adds_up, statement.entries_count, statement.last_page) == (True, 1, True)
    assert [(b.kind, b.code, b.amount_minor, b.on) for b in statement.balances] == [
        (BalanceKind.OPENING, "60F", 100_000, date(2026, 11, 21)),
        (BalanceKind.CLOSING, "62F", 138_800, date(2026, 11, 22)),
    ]


@pytest.mark.parametrize(
    ("line", "minor", "reversal", "closing"),
    [
        (":61:261122C388,00NTRFX", 38_800, False, "C261122HKD1388,00"),
        (":61:261122D388,00NTRFX", -38_800, False, "C261122HKD612,00"),
        (":61:261122RC388,00NTRFX", -38_800, True, "C261122HKD612,00"),
        (":61:261122RD388,00NTRFX", 38_800, True, "C261122HKD1388,00"),
        (":61:261122DD1388,NTRFX", -138_800, False, "D261122HKD388,"),
        (":61:261122RCD0,5NTRFX", -50, True, "C261122HKD999,50"),
        (":61:261122C388NTRFX", 38_800, False, "C261122HKD1388"),
        (":61:261122C388,00", 38_800, False, "C261122HKD1388,00"),
    ],
)
def test_directions_and_amounts(line: str, minor: int, closing: str, *, reversal: bool) -> None:
    """The reversal of a credit takes, the reversal of a debit gives; a comma marks decimals."""
    (entry,) = entries(with_line(line, closing=f":62F:{closing}\n"))
    assert (entry.amount_minor, entry.reversal) == (minor, reversal)


@pytest.mark.parametrize(
    ("dates", "value", "booked"),
    [
        ("261122", date(2026, 11, 22), date(2026, 11, 22)),
        ("2611221123", date(2026, 11, 22), date(2026, 11, 23)),
        ("2612310101", date(2026, 12, 31), date(2027, 1, 1)),
        ("2701011231", date(2027, 1, 1), date(2026, 12, 31)),
        ("2802280229", date(2028, 2, 28), date(2028, 2, 29)),
        ("991231", date(1999, 12, 31), date(1999, 12, 31)),
    ],
)
def test_years_of_days(dates: str, value: date, booked: date) -> None:
    """The day of entry bears no year: it is the one near the value date."""
    (entry,) = entries(with_line(f":61:{dates}C388,00NTRFX"))
    assert (entry.value_on, entry.booked_on) == (value, booked)


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (
            ":86:166?00FPS CREDIT?20P7K2M9QX4D00?21SECOND LINE?30024?31987654321?32CHAN\n TAI?33JR",
            ("P7K2M9QX4D00 SECOND LINE", "CHAN TAIJR", "987654321", "024"),
        ),
        (":86:?20AB?2\n0CD?60EF", ("ABCD EF", "", "", "")),
        (":86:FREE\nTEXT ?20 NOT A FIELD", ("FREE TEXT ?20 NOT A FIELD", "", "", "")),
    ],
)
def test_information_for_the_owner(lines: str, expected: tuple[str, ...]) -> None:
    """Field 86 is free text or sub-fields, over several lines."""
    (entry,) = entries(with_line(f":61:261122C388,00NTRFNONREF\n{lines}"))
    told = [t.text for t in entry.references if t.source is Source.REMITTANCE]
    assert told == [expected[0]]
    assert (entry.payer_name, entry.payer_account, entry.payer_bank) == expected[1:]


def test_other_side_of_a_debit() -> None:
    """The name in a debit is the payee's."""
    line = ":61:261122D388,00NTRFNONREF\n:86:?00OUT?32LEE?31123"
    (entry,) = entries(with_line(line, closing=":62F:C261122HKD612,00\n"))
    assert (entry.payer_name, entry.payee_name, entry.payee_account) == ("", "LEE", "123")
    assert entry.references == (ReferenceText(Source.DESCRIPTION, "OUT"),)


def test_supplementary_details() -> None:
    """The second line of field 61 is told; the same text again is told once."""
    line = ":61:261122C388,00NTRFNONREF//B1\nFPS P7K2M9QX4D00\n:86:FPS P7K2M9QX4D00"
    (entry,) = entries(with_line(line))
    assert entry.references == (ReferenceText(Source.DESCRIPTION, "FPS P7K2M9QX4D00"),)
    assert entry.description == "FPS P7K2M9QX4D00 FPS P7K2M9QX4D00"


def test_interim_report() -> None:
    """A MT942 has its currency from its floor limit, and what is expected is not booked."""
    first, second, report = items(INTERIM + ":90C:2HKD400,00\n")
    assert isinstance(first, StatementEntry)
    assert isinstance(second, StatementEntry)
    assert isinstance(report, Statement)
    assert (first.amount_minor, first.currency, first.status) == (38_800, "HKD", "booked")
    assert (second.amount_minor, second.status, second.is_income) == (1_200, "pending", False)
    assert (report.format, report.page, report.adds_up) == ("MT942", 0, None)
    assert report.created_us == 1_795_331_040_000_000
    assert report.booked_minor == {"HKD": 38_800}


@pytest.mark.parametrize(
    ("created", "us"),
    [
        ("2611221504", 1_795_331_040_000_000),
        ("2611220704+0000", 1_795_331_040_000_000),
        ("2611220204-0500", 1_795_331_040_000_000),
    ],
)
def test_time_of_an_interim_report(created: str, us: int) -> None:
    """A time without its difference to UTC is Hong Kong's."""
    (report,) = statements(INTERIM.replace("2611221504+0800", created) + "-\n")
    assert report.created_us == us


@pytest.mark.parametrize(
    ("sums", "code"),
    [
        (":90C:2HKD400,00\n:90D:0HKD0,\n", ""),
        (":90C:3HKD400,00\n", "balance"),
        (":90C:2HKD400,01\n", "balance"),
        (":90D:1HKD1,00\n", "balance"),
    ],
)
def test_sums_of_an_interim_report(sums: str, code: str) -> None:
    """The sums at the end prove that no entry is missing."""
    if code:
        assert fault(INTERIM + sums)[0] == code
    else:
        assert len(items(INTERIM + sums)) == 3


def test_sums_with_reversals_prove_nothing() -> None:
    """Banks count a reversal on either side, so its sums are not held against them."""
    text = INTERIM + ":61:261122RC1,00NTRFX\n:90C:9HKD1,00\n:90D:9HKD9,00\n"
    assert len(entries(text)) == 3


def test_blocks_and_several_messages() -> None:
    """SWIFT's blocks, bare messages and blank lines in one file; pages go on counting."""
    bare = ENTRY.replace("//HKBANK0001", "")
    page1 = HEAD + OPENING + bare + ":62M:C261122HKD1388,00\n"
    page2 = (
        HEAD.replace("235/1", "235/2")
        + ":60M:C261122HKD1388,00\n"
        + bare
        + ":62F:C261122HKD1776,00\n:64:C261122HKD1776,00\n:65:C261123HKD1,\n:86:END OF DAY\n"
    )
    cny = WHOLE.replace("HKD", "CNY").replace("CD388", "C388").replace("235", "236")
    block = "{1:F01BANKHKHHAXXX0000000000}{2:O940}{4:\r\n"
    text = block + page1 + "-}{5:{CHK:1}}\n" + block + page2 + "-}\n\n" + cny.removesuffix("-\n")
    assert [(s.id, s.page, s.last_page) for s in statements(text)] == [
        ("235", 1, False),
        ("235", 2, True),
        ("236", 1, True),
    ]
    assert [e.currency for e in entries(text)] == ["HKD", "HKD", "CNY"]
    assert len({identity(e) for e in entries(text)}) == 3


def test_windows_lines_and_byte_order_mark() -> None:
    """Ends of lines and a mark in front do not matter."""
    assert items("\ufeff" + WHOLE.replace("\n", "\r\n")) == items(WHOLE)


def test_next_message_without_an_end_mark() -> None:
    """Field 20 begins the next message, whether or not the one before was marked as ended."""
    assert len(statements(WHOLE.removesuffix("-\n") + WHOLE.replace("235", "236"))) == 2


def test_other_fields_are_passed_over() -> None:
    """Fields that tell nothing of money change nothing."""
    assert entries(WHOLE.replace(":28C:", ":21:RELATED\n:28C:")) != []
    assert statements(WHOLE.replace(":28C:", ":21:RELATED\n:28C:")) == statements(WHOLE)


def test_other_encodings() -> None:
    """Text in another encoding is read when the caller names it."""
    raw = WHOLE.replace("CHAN TAI MAN", "陳大文").encode("big5")
    entry = next(read(BytesIO(raw), encoding="big5"))
    assert isinstance(entry, StatementEntry)
    assert entry.description == "INCOMING FPS 陳大文"
    with pytest.raises(StatementFault) as caught:
        list(read(BytesIO(raw)))
    assert (caught.value.code, caught.value.place) == ("encoding", "near line 6")


@pytest.mark.parametrize(
    ("text", "code", "place"),
    [
        ("", "not_statement", ""),
        ("date,amount\n22/11/2026,388.00\n", "not_statement", ""),
        ("<html></html>", "not_statement", ""),
        ("a\0b", "encoding", "near line 1"),
        (WHOLE.replace(":20:STMT261122\n", ""), "misplaced", "line 1"),
        (WHOLE.replace(OPENING, ""), "missing", "line 4"),
        (WHOLE.replace(":25:004-123456-789001\n", ""), "missing", "line 4"),
        (":20:X\n:28C:1\n-\n", "missing", "line 3"),
        (WHOLE.replace(CLOSING, ""), "missing", "line 7"),
        (WHOLE.replace("CD388,00", "CD388.00"), "malformed", "line 5"),
        (WHOLE.replace("1388,00", "1388,01"), "balance", "line 8"),
        (WHOLE.replace("1388,00", "1388,001"), "amount", "line 7"),
        (WHOLE.replace("C261122HKD", "X261122HKD"), "malformed", "line 7"),
        (WHOLE.replace("C261121HKD", "C261131HKD"), "date", "line 4"),
        (WHOLE.replace("2611221122CD", "2611220230CD"), "date", "line 5"),
        (WHOLE.replace("CD388", "CR388"), "currency", "line 5"),
        (WHOLE.replace("CD388", "XX388"), "malformed", "line 5"),
        (WHOLE.replace(":28C:235/1", ":28C:?"), "malformed", "line 3"),
        (WHOLE.replace(OPENING, OPENING * 2), "repeated", "line 5"),
        (WHOLE.replace(CLOSING, CLOSING + ENTRY), "misplaced", "line 8"),
        (INTERIM.replace("2611221504+0800", "2611222504"), "date", "line 5"),
        (INTERIM.replace("2611221504+0800", "soon"), "malformed", "line 5"),
        (INTERIM.replace("HKD0,", "0"), "malformed", "line 4"),
        (INTERIM + ":90C:many\n", "malformed", "line 8"),
        (INTERIM, "truncated", "line 7"),
        (INTERIM + ":90C:1HKD1,\n", "balance", "line 8"),
        ("{4:\n" + WHOLE.removesuffix("-\n"), "truncated", "line 8"),
    ],
)
def test_what_is_amiss_is_named(text: str, code: str, place: str) -> None:
    """Each thing that is not as it must be has its word and its line."""
    assert fault(text) == (code, place)


@pytest.mark.parametrize("cut", range(1, len(WHOLE) - len("-\n")))
def test_broken_off_anywhere(cut: int) -> None:
    """A statement cut anywhere is refused: without its closing balance, or with another."""
    text = WHOLE[:cut]
    if any(text + rest == WHOLE for rest in (",00\n-\n", "00\n-\n", "0\n-\n", "\n-\n")):
        assert entries(text) == entries(WHOLE)
    else:
        assert fault(text)


@pytest.mark.parametrize(
    ("text", "limits", "code"),
    [
        (WHOLE, Limits(bytes_max=50), "too_large"),
        (WHOLE + "x" * 200, Limits(text_chars_max=100), "too_long"),
        (WHOLE.replace("FPS", "FPS" + "\nX" * 100), Limits(), "too_long"),
        (WHOLE.replace(ENTRY, ENTRY * 3), Limits(entries_max=2), "too_many"),
    ],
)
def test_limits(text: str, limits: Limits, code: str) -> None:
    """Everything has a limit."""
    assert fault(text, limits)[0] == code


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_damaged_files_are_read_or_refused(data: st.DataObject) -> None:
    """Any bytes in any place: entries, or a fault, and never another exception."""
    raw = (WHOLE + INTERIM + "-\n").encode()
    at = data.draw(st.integers(0, len(raw)))
    end = data.draw(st.integers(at, min(at + 10, len(raw))))
    with suppress(StatementFault):
        list(read(BytesIO(raw[:at] + data.draw(st.binary(max_size=6)) + raw[end:])))
