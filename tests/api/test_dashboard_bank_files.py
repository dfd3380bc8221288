"""Bank files in the Dashboard: looked at, taken, columns named; days reconciled, books proved."""

from __future__ import annotations

import io
import re

import openpyxl
import pytest

from sampan.codecs.statement_csv import Mapping
from sampan.dashboard import bank_files
from sampan.dashboard.asked import day_text
from sampan.domain.rights import Role
from sampan.storage import file_drafts, imports
from tests.support import camt, payment_examples
from tests.support.client import Answer
from tests.support.fps import add_account
from tests.support.merchant import Merchant
from tests.support.money_world import MoneyWorld
from tests.support.platform import ProjectClient, RunningPlatform, until
from tests.support.staff import Member, Staff, text_of

ROWS = (
    ("Transaction Date", "Details", "Payer", "Bank Ref", "Withdrawals", "Deposits"),
    ("02/01/2026", "{ref}", "CHAN TAI MAN", "R1", "", "388.00"),
    ("02/01/2026", "茶葉", "陳大文", "R2", "", "1,050.00"),
    ("31/01/2026", "CHARGES", "", "R3", "20.00", ""),
)
CHOSEN = {
    "date": "1",
    "date_pattern": "DD/MM/YYYY",
    "credit": "6",
    "debit": "5",
    "numbers": "1,234.50",
    "reference-0": "2",
    "payer_name": "3",
    "bank_ref": "4",
    "fixed_currency": "HKD",
    "encoding": "utf-8",
    "delimiter": "comma",
    "header_row": "1",
}


@pytest.fixture(scope="module")
def amy(platform: RunningPlatform) -> Member:
    """An admin."""
    return Staff(platform).member(Role.ADMIN, name="Amy Wong")


@pytest.fixture(scope="module")
def fin(platform: RunningPlatform) -> Member:
    """Somebody who sees files and sends none."""
    return Staff(platform).member(Role.FINANCE)


@pytest.fixture
def money(project: ProjectClient) -> MoneyWorld:
    """A project's money."""
    return MoneyWorld(project)


def send(member: Member, money: MoneyWorld, raw: bytes, **more: str) -> Answer:
    """Send a file for a project's account."""
    account = f"sandbox/{money.project.fps_id}"
    return member.upload("/credits/import", file=raw, account=account, **more)


def to(answer: Answer) -> str:
    """Return where an answer leads, below the Dashboard."""
    assert answer.status == 303, text_of(answer)
    return answer.headers["location"].removeprefix("/dashboard").partition("?")[0]


def taken(member: Member, path: str) -> str:
    """Take a file in that was looked at; return what its page says when it is done."""
    assert member.post(f"{path}/start").status == 303

    def done() -> str:
        said = text_of(member.get(path))
        return said if "Done" in said else ""

    return until(done)


def csv_of(reference: str) -> bytes:
    """Return a bank's CSV whose first row names a reference."""
    rows = [[cell.format(ref=reference) for cell in row] for row in ROWS]
    return "\r\n".join(",".join(f'"{cell}"' for cell in row) for row in rows).encode()


def xlsx_of(reference: str) -> bytes:
    """Return the same as a workbook."""
    book, kept = openpyxl.Workbook(), io.BytesIO()
    for row in ROWS:
        book.active.append([cell.format(ref=reference) for cell in row])
    book.save(kept)
    return kept.getvalue()


def camt_of(*entries: camt.Ntry, day: str, identity: str = "S1") -> bytes:
    """Return a camt.053 of a day with balances of HK$1,000.00 and what the entries make of it."""
    balances = (camt.Bal("OPBD", "1000.00", on=day), camt.Bal("CLBD", "1368.00", on=day))
    statement = camt.Stmt(
        id=identity, entries=entries, balances=balances, created=f"{day}T23:00:00+08:00"
    )
    return camt.File(message="camt.053", statements=(statement,)).xml()


def entry(amount: str, bank_ref: str, *, day: str, text: str = "", out: bool = False) -> camt.Ntry:
    """Return an entry of a day, at nine in the morning."""
    tx = camt.Tx(amount=amount, texts=(text,) if text else (), bank_ref=bank_ref)
    return camt.Ntry(
        amount=amount,
        direction="DBIT" if out else "CRDT",
        bank_ref=bank_ref,
        booked=f"{day}T09:00:00+08:00",
        txs=() if out else (tx,),
    )


def mt940_of(reference: str) -> bytes:
    """Return an MT940 with one payment in."""
    lines = (
        *(":20:STMT1", ":25:004123456789001", ":28C:1/1", ":60F:C260102HKD1000,00"),
        *(":61:2601020102C388,00NTRFNONREF//MT1", f":86:{reference}", ":62F:C260102HKD1388,00"),
    )
    return ("\r\n".join(lines) + "\r\n-").encode()


def test_camt_is_looked_at_and_taken(amy: Member, fin: Member, money: MoneyWorld) -> None:
    """A file says what it would do; taken in it pays; each entry leads to its money; once only."""
    ref = money.reference(money.waiting("F-1", amount=38_800))
    day = "2026-01-02"
    entries = (
        entry("388.00", "C1", day=day, text=ref),
        entry("20.00", "C2", day=day, out=True),
    )
    path = to(send(amy, money, camt_of(*entries, day=day)))
    looked = text_of(amy.get(path))
    assert "2 entries were read; nothing of them is taken yet." in looked
    assert "All on 2026-01-02." in looked
    assert "New money 1 HK$388.00" in looked
    assert "Money out 1 -HK$20.00" in looked
    payment = money.project.payment("F-1")
    assert payment is not None
    assert payment.paid_minor == 0
    assert "Take it in" not in text_of(fin.get(path))
    said = taken(amy, path)
    assert "Paid a payment 1" in said
    credit = re.search(r'href="/dashboard(/credits/\d+)">1</a>', amy.get(path).raw.decode())
    assert credit is not None
    assert "a bank file" in text_of(amy.get(credit[1]))
    again = send(amy, money, camt_of(*entries, day=day))
    assert again.headers["location"].endswith(f"{path}?again=1")
    assert "was sent before" in text_of(amy.get(path, again="1"))
    other = to(send(amy, money, camt_of(*entries, day=day, identity="S2")))
    assert "Known already 1 HK$388.00" in text_of(amy.get(other))
    assert "Known already 1" in taken(amy, other)
    assert amy.post(f"{path}/start").status == 303


def test_file_is_dropped(amy: Member, money: MoneyWorld) -> None:
    """Nothing of a file is taken that a person drops; one that is at work is not dropped."""
    raw = mt940_of("nothing known")
    path = to(send(amy, money, raw))
    assert to(amy.post(f"{path}/drop")) == "/credits/import"
    assert amy.get(path).status == 404
    assert amy.post(f"{path}/start").status == 404
    path = to(send(amy, money, raw))
    assert "Unapplied 1" in taken(amy, path)
    amy.post(f"{path}/drop")
    assert "Done" in text_of(amy.get(path))
    shown = amy.get(path, show="look").raw.decode()
    assert f'href="/dashboard/credits?file={path.rpartition("/")[2]}"' in shown


@pytest.mark.parametrize("made", [csv_of, xlsx_of])
def test_columns_are_named_once(amy: Member, money: MoneyWorld, made) -> None:  # type: ignore[no-untyped-def] # noqa: ANN001
    """Rows ask for their columns; what is chosen is tried, saved, and used for the next file."""
    ref = money.reference(money.waiting("F-2", amount=38_800))
    path = to(send(amy, money, made(ref)))
    assert "/columns/" in path
    guessed = text_of(amy.get(path))
    assert "3 lines can be read." in guessed
    assert "HK$388.00" in guessed
    tried = amy.post(path, **CHOSEN)
    assert tried.status == 200
    assert "陳大文" in text_of(tried)
    file = to(amy.post(path, save="1", **CHOSEN))
    assert amy.get(path).status == 404
    looked = text_of(amy.get(file))
    assert "New money 2 HK$1,438.00" in looked
    assert "Paid a payment 1" in taken(amy, file)
    known = money.platform.read(lambda tx: imports.known(tx, "sandbox", money.project.fps_id))
    assert isinstance(known.mapping, Mapping)
    assert known.mapping.references == ("Details",)
    second = to(send(amy, money, made("ANOTHER REF").replace(b"R1", b"R9")))
    assert "/columns/" not in second
    asked = to(send(amy, money, made("ANOTHER REF"), columns="1"))
    assert 'value="6" selected' in amy.get(asked).raw.decode()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"date": ""}, "Choose at least the date"),
        ({"date": "8"}, "Something that must be there is missing."),
        ({"date": "x"}, "Choose at least the date"),
        ({"credit": "", "debit": ""}, "Choose at least the date"),
        ({"amount": "6"}, "Choose at least the date"),
        ({"date_pattern": "MM/DD/YYYY"}, "Not every line can be read so"),
        ({"date_pattern": "茶"}, "Choose at least the date"),
        ({"header_row": "9" * 30}, "Choose at least the date"),
        ({"encoding": "klingon"}, "Choose at least the date"),
        ({"encoding": "utf-16"}, "The characters of the file cannot be read."),
        ({"credit": "2", "debit": ""}, "An amount cannot be read."),
    ],
)
def test_odd_columns(amy: Member, money: MoneyWorld, changes: dict[str, str], said: str) -> None:
    """Columns that cannot be are not saved, and the page says what is wrong with which line."""
    path = to(send(amy, money, csv_of("X")))
    answer = amy.post(path, save="1", **(CHOSEN | changes))
    assert answer.status == 400
    assert said in text_of(answer)
    known = money.platform.read(lambda tx: imports.known(tx, "sandbox", money.project.fps_id))
    assert known.mapping is None


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"<Document>", "The end of the file is missing."),
        (camt_of(entry("1.00", "T1", day="2026-01-02"), day="2026-01-02")[:-40], "is missing."),
        (b'<!DOCTYPE x [<!ENTITY a "b">]><Document/>', "a document type"),
        (b"PK\x03\x04 no workbook", "damaged"),
        (b"", "empty"),
        (b"\x00\x01\x02\x03\xff\xfe\x00", "cannot be read"),
    ],
    ids=["bare", "cut", "dtd", "zip", "empty", "bytes"],
)
def test_files_that_are_refused(amy: Member, money: MoneyWorld, raw: bytes, said: str) -> None:
    """What is no whole bank file changes nothing, and the page says why."""
    answer = send(amy, money, raw)
    page = amy.get(to(answer)) if answer.status == 303 else answer
    assert said in text_of(page)
    assert "Take it in" not in text_of(page)


def test_odd_uploads(amy: Member, money: MoneyWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a file or an account, or with too large a file, the form is shown again."""
    assert "Choose an account." in text_of(
        amy.upload("/credits/import", file=b"x", account="sandbox/none")
    )
    nothing = amy.post("/credits/import", account=f"sandbox/{money.project.fps_id}")
    assert (nothing.status, "Choose a file." in text_of(nothing)) == (400, True)
    monkeypatch.setattr(bank_files, "ROWS_BYTES_MAX", 10)
    assert "too large to be sent here" in text_of(send(amy, money, csv_of("X")))
    monkeypatch.setattr(bank_files, "FILE_BYTES_MAX", 10)
    assert "too large to be sent here" in text_of(send(amy, money, mt940_of("X")))
    for odd in ("0", "9" * 300):
        assert amy.get(f"/credits/import/{odd}").status == 404
        assert amy.get(f"/credits/import/columns/{odd}").status == 404
    for odd in ("x", "1.1", "9" * 300, "\x00"):
        assert amy.get("/credits/import", after=odd).status == 200


def test_drafts_are_forgotten(amy: Member, money: MoneyWorld) -> None:
    """A file whose columns nobody names is forgotten after a while."""
    path = to(send(amy, money, csv_of("X")))
    now_us = money.platform.clock.now_us()
    assert money.platform.transact(lambda tx: file_drafts.forget(tx, before_us=now_us)) >= 1
    assert amy.get(path).status == 404


# --- a day, and the books --------------------------------------------------------------------


def figures(member: Member, money: MoneyWorld, day: str) -> dict[str, list[str]]:
    """Return the CSV of a day: what it is → count and sum, in Hong Kong dollars."""
    account = f"sandbox/{money.project.fps_id}"
    raw = member.get("/reconciliation.csv", day=day, account=account).raw
    lines = [line.split(",") for line in raw.decode("utf-8-sig").splitlines()[1:]]
    return {",".join(line[3:-2]).strip('"'): line[-2:] for line in lines if line[2] == "HKD"}


def test_day_is_reconciled(amy: Member, money: MoneyWorld) -> None:
    """Each sum of a day stands where it belongs, on both sides, and balances are the bank's."""
    now_us = money.platform.clock.now_us()
    day = day_text(now_us)
    money.paid("R-1")
    short, double = money.short("R-2"), money.double("R-3")
    strange, gone = money.strange(4_200), money.strange(1_100)
    amy.post(f"/payments/{short.payment}/accept", sum="9000", why="fine")
    amy.post(f"/credits/{strange.id}/ignore", why="rent")
    amy.post(f"/credits/{gone.id}/return", why="sent back")
    money.tell(10_000, money.reference(money.waiting("R-4")), booked_us=now_us - 3 * 86_400_000_000)
    money.waiting("R-5", amount=777)
    money.foreign("R-6")
    found = figures(amy, money, day)
    assert found == {
        "A payment's, as asked for": ["2", "200.00"],
        "A payment's, another sum than asked for": ["1", "90.00"],
        "Waits for a decision": ["1", "100.00"],
        "Set aside: no payment": ["1", "42.00"],
        "Sent back": ["1", "11.00"],
        "The bank took back": ["0", "0.00"],
        "Booked on this day": ["3", "290.00"],
        "Booked on another day": ["1", "100.00"],
        "No money at all: the books are wrong": ["0", "0.00"],
        "Payments for which no money came": ["1", "7.77"],
        "Balance as the day began": ["", ""],
        "Balance as the day ended": ["", ""],
    }
    account = f"sandbox/{money.project.fps_id}"
    page = amy.get("/reconciliation", day=day, account=account)
    assert "Something is left to explain" in text_of(page)
    assert "R-4" in text_of(page)
    assert "CN¥100.00" in text_of(page)
    links = re.findall(r'href="(/dashboard/credits\?[^"]*booked[^"]*)"', page.raw.decode())
    assert len(links) == 6
    for link in links:
        shown = amy.get(link.replace("&amp;", "&").removeprefix("/dashboard"))
        assert "No credit fits" not in text_of(shown)
    assert money.again(double).status == "unapplied"


def test_statement_gives_the_balances(amy: Member, money: MoneyWorld) -> None:
    """What the bank's statement says stood on the account is shown, and what else moved."""
    day = "2026-01-02"
    entries = (entry("388.00", "B1", day=day), entry("20.00", "B2", day=day, out=True))
    path = to(send(amy, money, camt_of(*entries, day=day)))
    assert figures(amy, money, day) == {}
    taken(amy, path)
    found = figures(amy, money, day)
    assert found["Balance as the day began"] == ["", "1000.00"]
    assert found["Balance as the day ended"] == ["", "1368.00"]
    assert found["Waits for a decision"] == ["1", "388.00"]
    account = f"sandbox/{money.project.fps_id}"
    said = text_of(amy.get("/reconciliation", day=day, account=account))
    assert "Of it not known here: charges, money out, other income -HK$20.00" in said


def test_odd_days(amy: Member) -> None:
    """A day or an account that makes no sense is left out."""
    for odd in ("x", "0001-01-01", "9999-12-31", "2026-02-30", "9" * 300, "\x00", "茶"):
        for path in ("/reconciliation", "/reconciliation.csv"):
            assert amy.get(path, day=odd, account=odd).status == 200


def test_books_are_proved(amy: Member, money: MoneyWorld) -> None:
    """The page says whether the books agree, account by account, and which does not."""
    money.project.platform.bank.act(_payload(money, "P-1"), "pay")
    until(lambda: (found := money.project.payment("P-1")) and found.paid_minor)
    said = text_of(amy.get("/ledger"))
    mine = f"Bank account sandbox {money.project.fps_id} the sandbox bank's own books"
    assert f"{mine} HK$100.00 HK$100.00 yes" in said
    money.strange(4_200)
    said = text_of(amy.get("/ledger"))
    assert "The books do not agree." in said
    assert f"{mine} HK$142.00 HK$100.00 off by HK$42.00" in said


def _payload(money: MoneyWorld, payment_id: str) -> str:
    display = money.waiting(payment_id).display
    assert display is not None
    return display.payload


def test_day_of_an_fps_account(amy: Member, platform: RunningPlatform, merchant: Merchant) -> None:
    """Payments of the projects that use an FPS account stand against that account alone."""
    shop = platform.add_project(merchant.url, secret=merchant.secrets[0], provider="fps")
    account = add_account(platform, reference_mode="none")
    account.attach(shop)
    payment_examples.waiting(shop, "FPS-1", amount=1_234)
    value = f"fps/{account.account.key}"
    said = text_of(amy.get("/reconciliation", account=value))
    assert account.account.name in said
    assert "Payments for which no money came 1 HK$12.34" in said
    assert "Payments for which no money came 1" not in text_of(
        amy.get("/reconciliation", account=value, day="2020-01-01")
    )
