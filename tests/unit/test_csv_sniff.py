"""A look at a bank's CSV: what is proposed reads the file, and what is doubtful is said."""

from __future__ import annotations

from contextlib import suppress
from io import BytesIO
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sampan.codecs.csv_sniff import SAMPLE_BYTES_MAX, Doubt, Proposal, sniff
from sampan.codecs.statement import StatementEntry, StatementFault
from sampan.codecs.statement_csv import read

ENGLISH: Final = (
    "Account statement\n"
    "Account,004-123456-789001\n"
    "\n"
    "Transaction Date,Value Date,Description,Reference,Counterparty Name,Transaction ID,"
    "Withdrawal (HKD),Deposit (HKD),Balance\n"
    '22/11/2026,22/11/2026,FPS CREDIT,P7K2M9QX4D00,CHAN,B1,,"1,388.00","2,388.00"\n'
    '23/11/2026,23/11/2026,FEE,,,B2,5.00,,"2,383.00"\n'
)
CHINESE: Final = (
    "交易日期;摘要;备注;金额;收支;币种;余额\n"
    "2026-11-22;快速支付;P7K2M9QX4D00;388.00;收入;CNY;1388.00\n"
    "2026-11-23;手续费;;5.00;支出;CNY;1383.00\n"
)
TRADITIONAL: Final = (
    "日期,時間,交易說明,參考編號,付款人名稱,交易編號,支出,存入,結餘\n"
    "22/11/2026,15:04:06,轉數快存入,P7K2M9QX4D00,陳大文,B1,,388.00,1388.00\n"
    "23/11/2026,09:00:00,收費,,,B2,5.00,,1383.00\n"
)


def proposal_and_sums(raw: bytes) -> tuple[Proposal, list[int]]:
    """What is proposed, and the sums that reading by it gives."""
    found = sniff(raw, account="A1")
    assert found.mapping is not None
    items = read(BytesIO(raw), found.mapping)
    return found, [item.amount_minor for item in items if isinstance(item, StatementEntry)]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize(
    ("text", "sums"),
    [(ENGLISH, [138_800, -500]), (CHINESE, [38_800, -500]), (TRADITIONAL, [38_800, -500])],
)
def test_proposal_reads_the_file(text: str, sums: list[int], encoding: str) -> None:
    """Letterhead, names in three languages, separators and encodings are found."""
    assert proposal_and_sums(text.encode(encoding))[1] == sums


@pytest.mark.parametrize(
    ("text", "encoding", "found"),
    [(CHINESE, "gb18030", "gb18030"), (TRADITIONAL, "big5", "big5hkscs")],
)
def test_chinese_encodings_are_guessed(text: str, encoding: str, found: str) -> None:
    """Big5 and GB 18030 are told apart by the words, and the guess is said to be one."""
    proposal, sums = proposal_and_sums(text.encode(encoding))
    assert (proposal.encoding, sums) == (found, [38_800, -500])
    assert Doubt.ENCODING in proposal.doubts


def test_every_column_has_its_role() -> None:
    """What the names say is what the mapping says."""
    found, _ = proposal_and_sums(ENGLISH.encode())
    mapping = found.mapping
    assert mapping is not None
    assert (mapping.account, mapping.date, mapping.value_date) == (
        "A1",
        "Transaction Date",
        "Value Date",
    )
    assert (mapping.credit, mapping.debit, mapping.amount) == (
        "Deposit (HKD)",
        "Withdrawal (HKD)",
        None,
    )
    assert (mapping.references, mapping.payer_name) == ((4,), "Counterparty Name")
    assert (mapping.bank_ref, mapping.description) == ("Transaction ID", "Description")
    assert (mapping.header_row, mapping.date_pattern, mapping.fixed_currency) == (
        4,
        "DD/MM/YYYY",
        "HKD",
    )
    assert found.header[0] == "Transaction Date"
    assert found.rows[1][5] == "B2"
    assert found.doubts == ()


def test_time_direction_and_currency() -> None:
    """The other roles that a bank may have a column for."""
    traditional, chinese = sniff(TRADITIONAL.encode()).mapping, sniff(CHINESE.encode()).mapping
    assert traditional is not None
    assert (traditional.time, traditional.time_pattern) == ("時間", "HH:mm:ss")
    assert chinese is not None
    assert (chinese.direction, chinese.currency, chinese.delimiter) == ("收支", "币种", ";")


@pytest.mark.parametrize(
    ("text", "doubts"),
    [
        ("Date,Amount\n01/02/2026,1.00\n", {Doubt.DAY_OR_MONTH, Doubt.NO_BANK_REFERENCE}),
        ("Date,Amount\n01/02/26,1.00\n", {Doubt.DAY_OR_MONTH, Doubt.NO_BANK_REFERENCE}),
        ("22/11/2026,text,1.00\n", {Doubt.NO_HEADER, Doubt.NO_BANK_REFERENCE}),
        (
            "Date,Amount\nsoon,1.00\n",
            {Doubt.NO_DATE, Doubt.NO_BANK_REFERENCE},
        ),
        (
            "Date,Amount\n22/11/2026,much\n",
            {Doubt.NO_AMOUNT, Doubt.NO_BANK_REFERENCE},
        ),
        (
            "just text\nmore text\n",
            {Doubt.NO_HEADER, Doubt.NO_DATE, Doubt.NO_AMOUNT, Doubt.NO_BANK_REFERENCE},
        ),
        ("Date,Amount\n", {Doubt.NO_DATE, Doubt.NO_AMOUNT, Doubt.NO_BANK_REFERENCE}),
    ],
)
def test_doubts_are_said(text: str, doubts: set[Doubt]) -> None:
    """What a person must look at is named; without days and amounts nothing is proposed."""
    found = sniff(text.encode())
    assert set(found.doubts) == doubts
    assert (found.mapping is None) == bool(doubts & {Doubt.NO_DATE, Doubt.NO_AMOUNT})


def test_columns_without_names() -> None:
    """Without a header, days, amounts and texts are known by what they hold."""
    text = "22/11/2026,P7K2M9QX4D00,100,388.00,1388.00\n23/11/2026,,200,5.00,1393.00\n"
    found, sums = proposal_and_sums(text.encode())
    assert found.mapping is not None
    assert (found.mapping.date, found.mapping.amount) == (1, 4)
    assert found.mapping.references[:2] == (2, 3)
    assert sums == [38_800, 500]


@pytest.mark.parametrize(
    ("amount", "sums"),
    [
        ('"1.234,50"', [123_450]),
        ('"1,234.50"', [123_450]),
        ("1 234.50", [123_450]),
        ("CNY 5", [500]),
    ],
)
def test_forms_of_amounts(amount: str, sums: list[int]) -> None:
    """Decimal mark and thousands separator are found."""
    text = f"Date,Amount,Currency\n22/11/2026,{amount},{'CNY' if 'CNY' in amount else 'HKD'}\n"
    assert proposal_and_sums(text.encode())[1] == sums


@pytest.mark.parametrize(
    ("header", "currency"),
    [("Amount (RMB)", "CNY"), ("Amount USD", "USD"), ("Amount", "HKD")],
)
def test_currency_in_the_header(header: str, currency: str) -> None:
    """A currency that stands in a name holds for the column."""
    mapping = sniff(f"Date,{header}\n22/11/2026,1.00\n".encode()).mapping
    assert mapping is not None
    assert mapping.fixed_currency == currency


def test_amount_beside_credit_and_debit() -> None:
    """A single column of direction with an amount column is no pair; a pair goes before a total."""
    one = sniff(b"Date,Amount,Debit\n22/11/2026,1.00,\n").mapping
    pair = sniff(b"Date,Amount,Debit,Credit\n22/11/2026,1.00,,1.00\n").mapping
    assert one is not None
    assert (one.amount, one.debit) == ("Amount", None)
    assert pair is not None
    assert (pair.amount, pair.debit, pair.credit) == (None, "Debit", "Credit")


def test_name_that_stands_twice() -> None:
    """A column whose name is not its own goes by its number."""
    mapping = sniff(b"Date,Amount,Date\n22/11/2026,1.00,23/11/2026\n").mapping
    assert mapping is not None
    assert mapping.date == 1


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"", "empty"),
        (b"\n \n", "empty"),
        (b"x" * (SAMPLE_BYTES_MAX + 1), "malformed"),
        (b"a\0b,\0\0\0", "encoding"),
        (b"\xff\xfe\x00\xd8", "encoding"),
        (b"\xff\xff\xff\xff\xff", "encoding"),
        (b"\x80\x81,\xff\n", "encoding"),
    ],
)
def test_what_is_no_text(raw: bytes, code: str) -> None:
    """What is no text in a known encoding is refused."""
    with pytest.raises(StatementFault) as caught:
        sniff(raw)
    assert caught.value.code == code


def test_large_files_are_looked_at_by_their_beginning() -> None:
    """The row that the look cuts does not mislead it."""
    text = "Date,Payer,Amount\n" + '22/11/2026,陳大文,"1,388.00"\n' * 20_000
    raw = text.encode()
    assert len(raw) > SAMPLE_BYTES_MAX
    for shift in range(4):
        found = sniff(b" " * shift + raw)
        assert found.mapping is not None
        assert len(found.rows) == 10


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=60))
def test_any_bytes(raw: bytes) -> None:
    """Whatever is uploaded: a proposal or a fault."""
    with suppress(StatementFault):
        sniff(raw)


@settings(max_examples=100, deadline=None)
@given(st.text(alphabet='22/11/2026,;|\t"\n.AmountDate', max_size=80))
def test_any_text_like_csv(text: str) -> None:
    """Whatever looks like CSV: a proposal or a fault."""
    with suppress(StatementFault):
        sniff(text.encode())
