"""camt.052, 053 and 054 as banks write them: every version gives the same facts, exactly."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from io import BytesIO
from typing import Final

import msgspec
import pytest

from sampan.codecs.iso20022 import read
from sampan.codecs.statement import (
    Balance,
    BalanceKind,
    EntryStatus,
    ReferenceText,
    Source,
    Statement,
    StatementEntry,
    StatementFault,
    identity,
)
from tests.support.camt import MESSAGES, PROXY, VERSIONS, Bal, File, Ntry, Stmt, Tx, tag

BOOKED_US: Final = 1_795_331_046_000_000
"""2026-11-22T15:04:06+08:00."""


def items(raw: bytes) -> list[StatementEntry | Statement]:
    """Everything that is in a file."""
    return list(read(BytesIO(raw)))


def entries(raw: bytes) -> list[StatementEntry]:
    """The entries of a file."""
    return [item for item in items(raw) if isinstance(item, StatementEntry)]


def statements(raw: bytes) -> list[Statement]:
    """The statements of a file."""
    return [item for item in items(raw) if isinstance(item, Statement)]


def of(*ntries: Ntry, version: int = 8) -> list[StatementEntry]:
    """What these entries are read as."""
    return entries(File(version=version, statements=(Stmt(entries=ntries),)).xml())


def fault(raw: bytes) -> StatementFault:
    """Why a file is refused."""
    with pytest.raises(StatementFault) as caught:
        items(raw)
    return caught.value


def fault_of(*ntries: Ntry) -> tuple[str, str]:
    """Why these entries are refused, and where."""
    found = fault(File(statements=(Stmt(entries=ntries),)).xml())
    return found.code, found.place


FULL: Final = Tx(
    bank_ref="HKBANK20261122A000123",
    instruction="INS1",
    end_to_end="E2E1",
    transaction="FRN20261122XYZ0001",
    clearing="FPS2026112215040601234",
    payee="SAMPAN SHOP LTD",
    payee_proxy="166069526",
    purpose="CXMRCH",
    texts=("P7K2M9QX4D", "thank & you"),
    creditor_reference="RF18",
    more="FPS credit",
)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("message", MESSAGES)
def test_every_version_tells_the_same(message: str, version: int) -> None:
    """A credit is read alike from all 42 definitions; only a proxy is not known before 08."""
    file = File(message, version, (Stmt(entries=(Ntry(txs=(FULL,), more="INCOMING FPS"),)),))
    entry, statement = items(file.xml())
    assert entry == StatementEntry(
        account="004123456789001",
        currency="HKD",
        amount_minor=38_800,
        status=EntryStatus.BOOKED,
        status_text="BOOK",
        booked_on=date(2026, 11, 22),
        booked_us=BOOKED_US,
        value_on=date(2026, 11, 22),
        bank_ref="HKBANK20261122A000123",
        end_to_end="E2E1",
        references=(
            ReferenceText(Source.CREDITOR_REFERENCE, "RF18"),
            ReferenceText(Source.REMITTANCE, "P7K2M9QX4D"),
            ReferenceText(Source.REMITTANCE, "thank & you"),
            ReferenceText(Source.END_TO_END, "E2E1"),
            ReferenceText(Source.INSTRUCTION, "INS1"),
            ReferenceText(Source.TRANSACTION, "FRN20261122XYZ0001"),
            ReferenceText(Source.DESCRIPTION, "FPS credit"),
            ReferenceText(Source.DESCRIPTION, "INCOMING FPS"),
        ),
        payer_name="CHAN TAI MAN",
        payer_account="024987654321",
        payer_bank="024" if version > 1 else "",
        payee_name="SAMPAN SHOP LTD",
        payee_account="004123456789001",
        payee_proxy="166069526" if version >= PROXY else "",
        description="FPS credit INCOMING FPS",
        statement_id="NTF20261122000001-1",
        place="line 2",
    )
    assert isinstance(statement, Statement)
    assert statement.format == f"{message}.001.{version:02d}"
    assert statement.entries_count == 1
    assert statement.adds_up is (None if message == "camt.054" else True)


@pytest.mark.parametrize(
    ("amount", "currency", "minor"),
    [
        ("388", "HKD", 38_800),
        ("388.0", "HKD", 38_800),
        ("388.00000", "HKD", 38_800),
        ("+388.00", "HKD", 38_800),
        ("0.07", "HKD", 7),
        (".07", "HKD", 7),
        ("7.", "HKD", 700),
        ("0", "HKD", 0),
        ("0.1", "CNY", 10),
        ("1500", "JPY", 1_500),
        ("1500.00", "JPY", 1_500),
        ("1.234", "KWD", 1_234),
        ("1.2345", "UYW", 12_345),
        ("9999999999999999.99", "HKD", 999_999_999_999_999_999),
    ],
)
def test_amounts_are_exact(amount: str, currency: str, minor: int) -> None:
    """Amounts become minor units of their currency without any rounding."""
    entry = Ntry(amount, currency, txs=(Tx(amount, currency),))
    assert [e.amount_minor for e in of(entry)] == [minor]


@pytest.mark.parametrize(
    "amount",
    ["-1.00", "1,00", "1.001", "1e3", "", "HKD1", ".", "10000000000000000.00", "1 000", "\u0661"],
)
def test_what_is_no_amount(amount: str) -> None:
    """What is not exactly an amount is refused with its place, never guessed."""
    code, place = fault_of(Ntry(amount))
    assert code in {"amount", "missing"}
    assert place == "line 2"


@pytest.mark.parametrize("currency", ["", "HK", "hkd", "HKDX", "344"])
def test_what_is_no_currency(currency: str) -> None:
    """An amount without a currency is no amount."""
    assert fault_of(Ntry(currency=currency))[0] in {"currency", "missing"}


@pytest.mark.parametrize(
    ("direction", "reversal", "minor", "reverses", "income"),
    [
        ("CRDT", "", 38_800, False, True),
        ("CRDT", "false", 38_800, False, True),
        ("CRDT", "0", 38_800, False, True),
        ("DBIT", "", -38_800, False, False),
        ("CRDT", "true", 38_800, True, False),
        ("DBIT", "1", -38_800, True, False),
    ],
)
def test_directions(
    direction: str, reversal: str, minor: int, *, reverses: bool, income: bool
) -> None:
    """A credit adds and a debit takes; a reversal is marked and never income."""
    (entry,) = of(Ntry(direction=direction, reversal=reversal))
    assert (entry.amount_minor, entry.reversal, entry.is_income) == (minor, reverses, income)


@pytest.mark.parametrize(
    ("version", "status", "own", "read_as"),
    [
        (1, "BOOK", "", EntryStatus.BOOKED),
        (6, "BOOK", "", EntryStatus.BOOKED),
        (6, "PDNG", "", EntryStatus.PENDING),
        (6, "INFO", "", EntryStatus.INFORMATION),
        (7, "BOOK", "", EntryStatus.BOOKED),
        (14, "PDNG", "", EntryStatus.PENDING),
        (14, "FUTR", "", EntryStatus.OTHER),
        (14, "", "BOOK", EntryStatus.OTHER),
    ],
)
def test_only_booked_is_money(version: int, status: str, own: str, read_as: EntryStatus) -> None:
    """Pending, information and a bank's own words are told as what they are, never as income."""
    (entry,) = of(Ntry(status=status, own_status=own), version=version)
    assert entry.status is read_as
    assert entry.status_text == (status or own)
    assert entry.is_income is (read_as is EntryStatus.BOOKED)


@pytest.mark.parametrize("purpose", ["RPRTRN", "RPRFND"])
def test_what_comes_back_by_purpose(purpose: str) -> None:
    """A return or refund of FPS is not a payment of a customer."""
    assert [e.reversal for e in of(Ntry(txs=(Tx(purpose=purpose),)))] == [True]


@pytest.mark.parametrize("version", [1, 2, 8])
def test_what_comes_back_by_return_information(version: int) -> None:
    """A transfer of ours that comes back is not a payment of a customer."""
    assert [e.reversal for e in of(Ntry(txs=(Tx(returned=True),)), version=version)] == [True]


@pytest.mark.parametrize(
    ("written", "day", "us"),
    [
        ("2026-11-22", date(2026, 11, 22), None),
        ("2026-11-22+08:00", date(2026, 11, 22), None),
        ("2026-11-22Z", date(2026, 11, 22), None),
        ("2026-11-22T15:04:06+08:00", date(2026, 11, 22), BOOKED_US),
        ("2026-11-22T15:04:06", date(2026, 11, 22), BOOKED_US),
        ("2026-11-22T07:04:06Z", date(2026, 11, 22), BOOKED_US),
        ("2026-11-22T02:04:06.000-05:00", date(2026, 11, 22), BOOKED_US),
        ("2026-11-22T15:04:06.1234567+08:00", date(2026, 11, 22), BOOKED_US + 123_456),
        ("2026-11-22T18:00:00Z", date(2026, 11, 23), BOOKED_US + 39_354_000_000),
    ],
)
def test_times(written: str, day: date, us: int | None) -> None:
    """Days are Hong Kong's; a time without a zone is too."""
    (entry,) = of(Ntry(booked=written, value=written))
    assert (entry.booked_on, entry.booked_us, entry.value_on) == (day, us, day)


@pytest.mark.parametrize(
    "written",
    [
        "2026-02-30",
        "22.11.2026",
        "2026-11-22T25:00:00",
        "2026-11-22T15:04",
        "T",
        "0001-01-01T00:00:00+23:59",
    ],
)
def test_what_is_no_time(written: str) -> None:
    """A day that is none is refused with its place."""
    assert fault_of(Ntry(booked=written)) == ("date", "line 2")


def test_without_dates() -> None:
    """A pending entry has no days yet."""
    (entry,) = of(Ntry(booked="", value="", status="PDNG"))
    assert (entry.booked_on, entry.booked_us, entry.value_on) == (None, None, None)


def test_batch_is_told_by_its_transactions() -> None:
    """A batch whose parts make up its sum is one entry for each part, with its own payer."""
    parts = (
        Tx("100.00", payer="AU", bank_ref="P1", texts=("R1",)),
        Tx("200.00", payer="BO", bank_ref="", transaction="T2"),
        Tx("50.00", payer="CY", direction="DBIT", bank_ref="HKBANK20261122A000123", clearing="C3"),
        Tx("10.00", payer="DU", bank_ref="HKBANK20261122A000123"),
    )
    found = of(Ntry("260.00", txs=parts, batch_count=4))
    assert [(e.amount_minor, e.payer_name, e.bank_ref) for e in found] == [
        (10_000, "AU", "P1"),
        (20_000, "BO", "T2"),
        (-5_000, "CY", "C3"),
        (1_000, "DU", "HKBANK20261122A000123"),
    ]
    assert not any(e.collective for e in found)


@pytest.mark.parametrize("version", [1, 2])
def test_batch_before_amounts_stood_in_transactions(version: int) -> None:
    """Up to 02 the sums of the parts stand in `AmtDtls`, and their direction is the entry's."""
    found = of(Ntry("300.00", txs=(Tx("100.00"), Tx("200.00"))), version=version)
    assert [e.amount_minor for e in found] == [10_000, 20_000]


@pytest.mark.parametrize(
    ("txs", "batch_count"),
    [
        ((), 3),
        ((Tx(),), 3),
        ((Tx("100.00"), Tx("200.00")), 2),
        ((Tx("100.00"), Tx("")), 2),
        ((Tx("100.00"), Tx("288.00", "CNY")), 2),
    ],
)
def test_batch_that_does_not_tell_its_parts(txs: tuple[Tx, ...], batch_count: int) -> None:
    """A sum whose parts are not told, or do not make it up, stays one and is marked."""
    (entry,) = of(Ntry(txs=txs, batch_count=batch_count, more="BATCH"))
    assert (entry.amount_minor, entry.collective, entry.payer_name) == (38_800, True, "")
    assert [text.text for text in entry.references] == ["BATCH"]


def test_entry_without_transactions() -> None:
    """An entry may tell nothing but its sum."""
    (entry,) = of(Ntry(txs=(), bank_ref="NOTPROVIDED"))
    assert (entry.amount_minor, entry.collective, entry.bank_ref) == (38_800, False, "")
    assert entry.references == ()


def test_single_transaction_in_another_currency() -> None:
    """What is booked is the entry's sum, whatever the customer paid with."""
    (entry,) = of(Ntry(txs=(Tx("49.00", "USD"),)))
    assert (entry.amount_minor, entry.currency) == (38_800, "HKD")


@pytest.mark.parametrize(
    ("entry_ref", "tx", "expected"),
    [
        ("E", Tx(bank_ref="T"), "E"),
        ("", Tx(bank_ref="T", transaction="X"), "T"),
        ("NONREF", Tx(transaction="X", clearing="C"), "X"),
        ("", Tx(clearing="C"), "C"),
        ("0000", Tx(), ""),
    ],
)
def test_bank_reference(entry_ref: str, tx: Tx, expected: str) -> None:
    """The entry's reference counts first, then the transaction's, then the payment system's."""
    assert [e.bank_ref for e in of(Ntry(bank_ref=entry_ref, txs=(tx,)))] == [expected]


def test_other_ways_to_name_a_party() -> None:
    """A bank may stand in a payer's place, and an ultimate payer where the payer has no name."""
    agent = "<Dbtr><Agt><FinInstnId><Nm>BANK A</Nm></FinInstnId></Agt></Dbtr>"
    ultimate = "<UltmtDbtr><Pty><Nm>LEE</Nm></Pty></UltmtDbtr>"
    plain = File(statements=(Stmt(entries=(Ntry(txs=(Tx(payer=""),)),)),)).xml().decode()
    for other, name in ((agent, "BANK A"), (ultimate, "LEE")):
        raw = plain.replace("<RltdPties>", f"<RltdPties>{other}").encode()
        assert [e.payer_name for e in entries(raw)] == [name]


def test_iban() -> None:
    """An account may have an IBAN."""
    iban = "GB29NWBK60161331926819"
    file = File(statements=(Stmt(account=iban, entries=(Ntry(txs=(Tx(payer_account=iban),)),)),))
    (entry,) = entries(file.xml())
    assert (entry.account, entry.payer_account) == (iban, iban)


def test_account_known_by_its_proxy_alone() -> None:
    """From 08 an account may be named by its proxy."""
    raw = File(statements=(Stmt(),)).xml().decode()
    own = "<Acct><Id><Othr><Id>004123456789001</Id></Othr></Id>"
    proxied = raw.replace(own, "<Acct><Prxy><Id>1234567</Id></Prxy>", 1)
    assert [e.account for e in entries(proxied.encode())] == ["1234567"]


def test_several_statements_and_messages() -> None:
    """Accounts and currencies of one file stay apart; an envelope may hold several documents."""
    first = File("camt.053", 2, (Stmt("S1"), Stmt("S2", account="ACC2", entries=())))
    second = File("camt.054", 8, (Stmt("S3", entries=(Ntry(currency="CNY"),)),))
    raw = tag("Envelope", "<AppHdr/>" + first.document() + second.document(), ' xmlns="urn:x"')
    assert [(s.format, s.id, s.account, s.booked_minor) for s in statements(raw.encode())] == [
        ("camt.053.001.02", "S1", "004123456789001", {"HKD": 38_800}),
        ("camt.053.001.02", "S2", "ACC2", {}),
        ("camt.054.001.08", "S3", "004123456789001", {"CNY": 38_800}),
    ]


def test_statement_and_its_balances() -> None:
    """Opening and closing balance prove the booked entries; the others are told as they are."""
    balances = (
        Bal("PRCD", "999.00", on="2026-11-21"),
        Bal("OPBD", "100.00", "DBIT"),
        Bal("CLBD", "188.00"),
        Bal("CLAV", "188.00", on="2026-11-22T23:59:59+08:00"),
    )
    ntries = (Ntry(), Ntry("100.00", direction="DBIT"), Ntry("5.00", status="PDNG"))
    stmt = Stmt(balances=balances, entries=ntries, declared_count=3)
    (found,) = statements(File("camt.052", 8, (stmt,)).xml())
    assert [(b.kind, b.code, b.amount_minor) for b in found.balances] == [
        (BalanceKind.OTHER, "PRCD", 99_900),
        (BalanceKind.OPENING, "OPBD", -10_000),
        (BalanceKind.CLOSING, "CLBD", 18_800),
        (BalanceKind.OTHER, "CLAV", 18_800),
    ]
    assert (found.adds_up, found.entries_count, found.declared_count) == (True, 3, 3)
    assert found.created_us == BOOKED_US + 1_000_000
    assert found.booked_minor == {"HKD": 28_800}
    assert found.balances[3].on == date(2026, 11, 22)


@pytest.mark.parametrize(
    ("balances", "adds_up"),
    [
        ((Bal("PRCD", "1.00"), Bal("CLBD", "389.00")), True),
        ((Bal("OPBD", "1.00"), Bal("CLBD", "390.00")), False),
        ((Bal("OPBD", "1.00"),), None),
        ((Bal("CLBD", "1.00"),), None),
        ((Bal("OPBD", "1.00"), Bal("OPBD", "2.00"), Bal("CLBD", "389.00")), None),
        ((Bal("OPBD", "1.00", currency="CNY"), Bal("CLBD", "389.00")), None),
    ],
)
def test_whether_it_adds_up(balances: tuple[Bal, ...], *, adds_up: bool | None) -> None:
    """Books are proved where both balances stand; else nothing is claimed."""
    (found,) = statements(File("camt.053", 8, (Stmt(balances=balances),)).xml())
    assert found.adds_up is adds_up


@pytest.mark.parametrize(
    ("file", "page", "last"),
    [
        (File(), 0, True),
        (File("camt.052", 4, (Stmt(page=1, last_page="false"),)), 1, False),
        (File("camt.053", 8, (Stmt(page=2),)), 2, True),
        (File("camt.054", 14, (Stmt(page=3, last_page="false"),)), 3, False),
        (
            File(
                "camt.053",
                2,
                header_page="<MsgPgntn><PgNb>4</PgNb><LastPgInd>false</LastPgInd></MsgPgntn>",
            ),
            4,
            False,
        ),
    ],
)
def test_pages(file: File, page: int, *, last: bool) -> None:
    """Page numbers stand in the statement, up to 03 in the header."""
    (found,) = statements(file.xml())
    assert (found.page, found.last_page) == (page, last)


def test_equal_payments_stay_two() -> None:
    """Two equal payments have two identities, with and without a reference of the bank."""
    bare = Ntry(bank_ref="", booked="2026-11-22")
    found = of(bare, bare, Ntry(), Ntry(), Ntry("1.00"))
    assert len({identity(entry) for entry in found}) == 5
    assert [entry.occurrence for entry in found] == [1, 2, 1, 2, 1]


def test_overlapping_files_give_the_same_identities() -> None:
    """What an interim report told, the statement of the day tells again: nothing is new."""
    early = (Ntry(bank_ref="", booked="2026-11-22"), Ntry(), Ntry(bank_ref="B2", status="PDNG"))
    late = (*early[:2], Ntry(bank_ref="B2"), Ntry(bank_ref="", booked="2026-11-22"))
    interim = entries(File("camt.052", 2, (Stmt("R1", entries=early),)).xml())
    statement = entries(File("camt.053", 8, (Stmt("S1", entries=late),)).xml())
    assert [identity(e) for e in interim] == [identity(e) for e in statement[:3]]
    assert identity(statement[3]) not in {identity(e) for e in interim}


def test_pending_and_booked_are_counted_apart() -> None:
    """What was pending and is booked now has one identity, also where one report tells both."""
    pending, booked = of(Ntry(status="PDNG"), Ntry())
    assert identity(pending) == identity(booked) == identity(of(Ntry())[0])


def test_reports_of_one_file_repeat_and_pages_go_on() -> None:
    """Another report counts anew; another page of the same statement counts on."""
    bare = Ntry(bank_ref="", booked="2026-11-22")
    reports = (Stmt("R1", entries=(bare,)), Stmt("R2", entries=(bare,)))
    pages = (Stmt("S1", page=1, entries=(bare,)), Stmt("S1", page=2, entries=(bare,)))
    assert len({identity(e) for e in entries(File(statements=reports).xml())}) == 1
    assert len({identity(e) for e in entries(File(statements=pages).xml())}) == 2


def test_reversal_has_its_own_identity() -> None:
    """A reversal often bears the reference of what it reverses."""
    there, back = of(Ntry(), Ntry(direction="DBIT", reversal="true"))
    assert identity(there) == "HKBANK20261122A000123/+38800HKD"
    assert identity(back) == "HKBANK20261122A000123/-38800HKD"


def test_identity_of_a_very_long_reference() -> None:
    """An identity is never longer than a column likes, and long references stay apart."""
    entry = of(Ntry())[0]
    longs = [msgspec.structs.replace(entry, bank_ref="X" * 100 + end) for end in "AB"]
    assert len({identity(e) for e in longs}) == 2
    assert all(len(identity(e)) < 100 for e in longs)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (("<CdtDbtInd>CRDT</CdtDbtInd>", "<CdtDbtInd>UP</CdtDbtInd>"), "value"),
        (("<CdtDbtInd>CRDT</CdtDbtInd>", ""), "missing"),
        (("<Sts><Cd>BOOK</Cd></Sts>", ""), "missing"),
        (("<Sts><Cd>BOOK</Cd></Sts>", "<Sts><Cd>BOOK</Cd><Cd>PDNG</Cd></Sts>"), "repeated"),
        (("<ValDt>", "<RvslInd>maybe</RvslInd><ValDt>"), "value"),
        (("<NtryDtls>", "<NtryDtls><Btch><NbOfTxs>two</NbOfTxs></Btch>"), "value"),
        (("<NtryDtls>", '<Amt Ccy="HKD">1.00</Amt><NtryDtls>'), "repeated"),
        (('<Amt Ccy="HKD">388.00</Amt>', '<Amt Ccy="HKD"><x/>388.00</Amt>'), "missing"),
        (("<Id>NTF20261122000001-1</Id>", ""), "missing"),
        (("<Id><Othr><Id>004123456789001</Id></Othr></Id><Ccy>", "<Ccy>"), "missing"),
        (("<NtryDtls>", "<NtryDtls><Ntry/>"), "misplaced"),
        (("<NtryDtls>", '<NtryDtls><x><Ntry xmlns=""/></x>'), "misplaced"),
        (("<GrpHdr>", "<Ntry/><GrpHdr>"), "misplaced"),
        (("camt.054.001.08", "camt.054.001.15"), "version"),
        (("camt.054.001.08", "camt.054.001.00"), "version"),
        (("camt.054.001.08", "pain.001.001.08"), "not_statement"),
        (("<Ntfctn>", "<Other>"), "misplaced"),
    ],
)
def test_what_is_amiss_is_named(change: tuple[str, str], code: str) -> None:
    """Each thing that is not as it must be has its own word, and nothing is passed over."""
    raw = File().xml().decode()
    assert change[0] in raw
    assert fault(raw.replace(*change, 1).encode()).code == code


def test_statement_without_entries_yet_without_account() -> None:
    """An account is needed even where nothing moved."""
    file = File(statements=(Stmt(account="", entries=()),))
    assert fault(file.xml()).code == "missing"


def test_document_without_statement() -> None:
    """A message that holds no statement is refused."""
    assert fault(File(statements=()).xml()).code == "not_statement"


def test_foreign_elements_are_passed_over() -> None:
    """What other schemas add inside says nothing, even where names are alike."""
    foreign = '<x:Ntry xmlns:x="urn:other"><x:Amt Ccy="HKD">9.00</x:Amt></x:Ntry>'
    raw = File().xml().decode().replace("</Ntry>", f"<SplmtryData>{foreign}</SplmtryData></Ntry>")
    assert len(entries(raw.encode())) == 1


def test_prefix_comments_and_cdata() -> None:
    """The same facts, however XML writes them."""
    file = File(statements=(Stmt(entries=(Ntry(txs=(Tx(texts=("P7K2M9QX4D",)),)),)),))
    expected = entries(file.xml())
    text = file.xml().decode()
    decorated = (
        text.replace("P7K2M9QX4D", "P7K2<!-- 9 --><![CDATA[M9QX]]>&#52;D")
        .replace("<", "<c:")
        .replace("<c:/", "</c:")
        .replace("<c:?", "<?")
        .replace("<c:!", "<!")
        .replace("xmlns=", "xmlns:c=")
    )
    assert entries(decorated.encode()) == expected


def test_blanks_and_lines_between_elements() -> None:
    """A file laid out for people tells the same; only places differ."""
    spread = File().xml().decode().replace("><", ">\n  <").replace("<Cd>BOOK", "<Cd>\n\tBOOK")
    (entry,) = entries(spread.encode())
    assert (entry.amount_minor, entry.status) == (38_800, EntryStatus.BOOKED)
    assert entry.place == "line 19"


def test_identity_does_not_depend_on_the_place() -> None:
    """A file laid out otherwise holds the same money."""
    ntry = replace(Ntry(), bank_ref="")
    raw = File(statements=(Stmt(entries=(ntry,)),)).xml()
    spread = raw.replace(b"><", b">\n<")
    assert [identity(e) for e in entries(raw)] == [identity(e) for e in entries(spread)]


def test_balance_is_a_value() -> None:
    """A statement can be told from its values alone."""
    (found,) = statements(File("camt.053").xml())
    assert found.balance(BalanceKind.CLOSING) == Balance(
        kind=BalanceKind.CLOSING,
        code="CLBD",
        amount_minor=138_800,
        currency="HKD",
        on=date(2026, 11, 22),
    )
