"""Refunds in the Dashboard: decided with every doubt told, written for the bank, followed to it."""

from __future__ import annotations

import re
from html import unescape
from typing import Any, Final
from urllib.parse import parse_qsl

import pytest

from sampan.dashboard import refund_list
from sampan.domain.rights import Role
from sampan.flow.refund_records import reference_of
from sampan.storage.credits import Credit
from sampan.storage.refunds import Refund
from tests.support import camt
from tests.support.client import Answer
from tests.support.platform import RunningPlatform, until
from tests.support.refund_world import RefundWorld, refund_world
from tests.support.staff import Member, Staff, text_of

BACK: Final = {"kind": "account", "number": "987654321", "bank_code": "024"}
TO_PAYER: Final = {"name": "Chan Tai Man", **BACK}
TO_OTHER: Final = {
    "name": "WONG SIU MING",
    "kind": "mobile",
    "number": "9123 4567",
    "bank_code": "",
}
SURE: Final = {"confirmed": "1", "why": "the customer asked", "checked": "1"}
DOUBT: Final = "Look twice: this may be somebody else than who paid."


@pytest.fixture(scope="module")
def staff(platform: RunningPlatform) -> Staff:
    """The people of the platform."""
    return Staff(platform)


@pytest.fixture(scope="module")
def amy(staff: Staff) -> Member:
    """An admin."""
    return staff.member(Role.ADMIN, name="Amy Wong")


@pytest.fixture(scope="module")
def ben(staff: Staff) -> Member:
    """Somebody else who may decide about money."""
    return staff.member(Role.OPERATIONS, name="Ben Lee")


@pytest.fixture(scope="module")
def fin(staff: Staff) -> Member:
    """Somebody who sees refunds and decides nothing."""
    return staff.member(Role.FINANCE)


@pytest.fixture
def world(platform: RunningPlatform) -> RefundWorld:
    """A project of which one person refunds up to HK$10,000.00."""
    return refund_world(platform)


def path_of(credit: Credit) -> str:
    """Return the address of a credit's form."""
    return f"/credits/{credit.id}/refund"


def to(answer: Answer) -> str:
    """Return where an answer leads, below the Dashboard."""
    assert answer.status == 303, text_of(answer)
    return answer.headers["location"].removeprefix("/dashboard").partition("?")[0]


def refunded(
    member: Member, world: RefundWorld, credit: Credit, amount: str = "100.00", **payee: str
) -> Refund:
    """Let one person have money refunded; return the refund."""
    before = world.credit(credit)
    left = before.amount_minor - before.refunded_minor
    fields = {"amount": amount, "left": left, **TO_PAYER, **payee, **SURE}
    page = to(member.post(path_of(credit), **fields))
    made = world.refunds(credit)[-1]
    assert page == f"/refunds/{made.id}"
    return made


def filed(member: Member, *made: Refund, form: str = "pain.001") -> str:
    """Write a file of refunds; return its number."""
    answer = member.post("/refunds/files", refund=[one.id for one in made], format=form)
    found = re.search(r"file=(\d+)", answer.headers.get("location", ""))
    assert found is not None, text_of(answer)
    return found[1]


# --- deciding ------------------------------------------------------------------------------------


def test_see_then_decide(amy: Member, fin: Member, world: RefundWorld) -> None:
    """The form offers all that is left to who paid, says what it will do, and then does it."""
    credit = world.paid("R-1")
    assert path_of(credit) in amy.get(f"/credits/{credit.id}").raw.decode()
    assert path_of(credit) not in fin.get(f"/credits/{credit.id}").raw.decode()
    form = amy.get(path_of(credit)).raw.decode()
    for value in ("100.00", "CHAN TAI MAN", "987654321", "024"):
        assert f'value="{value}"' in form
    assert f"/dashboard{path_of(credit)}" in amy.get(f"/payments/{credit.payment}").raw.decode()
    part = {"amount": "40.00", "left": "10000", **TO_PAYER}
    said = text_of(amy.post(path_of(credit), **part))
    assert "HK$60.00 of its money could still be paid back after this" in said
    assert DOUBT not in said
    assert "two people decide" not in said
    assert world.refunds(credit) == []
    assert amy.post(path_of(credit), **part, confirmed="1", why="").status == 400
    assert world.refunds(credit) == []
    page = to(amy.post(path_of(credit), **part, confirmed="1", why="they asked"))
    (made,) = world.refunds(credit)
    assert page == f"/refunds/{made.id}"
    assert (made.amount_minor, made.why, world.credit(credit).refunded_minor) == (
        4_000,
        "they asked",
        4_000,
    )
    again = amy.post(path_of(credit), **part, confirmed="1", why="they asked")
    assert again.status == 409
    assert "after you opened the form" in text_of(again)
    assert len(world.refunds(credit)) == 1
    shown = text_of(amy.get(f"/credits/{credit.id}"))
    assert "HK$40.00 of HK$100.00 is paid back or on its way." in shown


def test_doubt_has_to_be_ticked(amy: Member, world: RefundWorld) -> None:
    """To somebody else than who paid nothing goes out before a person says that it is right."""
    credit = world.paid("R-2")
    fields = {"amount": "100.00", "left": "10000", **TO_OTHER}
    said = text_of(amy.post(path_of(credit), **fields))
    assert "WONG SIU MING is another name than CHAN TAI MAN, who paid." in said
    unticked = amy.post(path_of(credit), **fields, confirmed="1", why="they asked")
    assert unticked.status == 400
    assert "Tick this if you are sure" in text_of(unticked)
    assert 'value="they asked"' in unticked.raw.decode()
    assert world.refunds(credit) == []
    to(amy.post(path_of(credit), **fields, **SURE))
    (made,) = world.refunds(credit)
    assert (made.payee.number, [one.value for one in made.doubts]) == (
        "+852-91234567",
        ["other name"],
    )
    assert "Decided in spite of this:" in text_of(amy.get(f"/refunds/{made.id}"))


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"amount": "100.01"}, ["That is more than what is left of the money."]),
        ({"amount": "x"}, ["This is no amount."]),
        ({"amount": "0"}, ["This is no amount."]),
        ({"name": ""}, ["1 to 70 characters in one line."]),
        ({"name": "a\nb"}, ["1 to 70 characters in one line."]),
        ({"name": "a\ufffe"}, ["1 to 70 characters in one line."]),
        ({"kind": "iban"}, ["Choose by what your bank finds the account."]),
        (
            {"number": "12", "bank_code": ""},
            ["An account number has 6 to 34 digits and hyphens.", "The 3 digits of the bank"],
        ),
        ({"kind": "fps_id", "number": "12"}, ["An FPS ID has 7 to 9 digits."]),
        ({"kind": "email", "number": "a@b", "bank_code": "x"}, ["Empty, or 3 digits."]),
    ],
)
def test_faults_stand_at_their_fields(
    amy: Member, world: RefundWorld, changes: dict[str, str], told: list[str]
) -> None:
    """What is typed wrongly is said at its field, also of several fields; nothing is decided."""
    credit = world.paid("R-3")
    answer = amy.post(path_of(credit), **({"amount": "1.00", **TO_PAYER} | changes), **SURE)
    assert answer.status == 400
    errors = re.findall(r'<p class="error" id="d-\w+">([^<]+)</p>', answer.raw.decode())
    assert len(errors) == len(told)
    assert all(any(text in one for one in errors) for text in told)
    assert world.refunds(credit) == []


def test_money_of_no_payment_goes_back_whole(amy: Member, world: RefundWorld) -> None:
    """Its sum cannot be changed; on its way back it is no payment's, and is told so."""
    credit = world.came(payer_account="****4321")
    form = amy.get(path_of(credit))
    assert 'value="****4321"' not in form.raw.decode()
    assert "all of it goes back: HK$100.00" in text_of(form)
    assert 'name="amount"' not in form.raw.decode()
    made = refunded(amy, world, credit, amount="1.00")
    assert (made.amount_minor, world.credit(credit).status) == (10_000, "refunding")
    assert "On its way back" in text_of(amy.get(f"/credits/{credit.id}"))
    assert amy.get(path_of(credit)).status == 303
    account = f"fps/{world.account.account.key}"
    assert "On its way back" in text_of(amy.get("/credits", account=account, status="refunding"))


def test_second_person(amy: Member, ben: Member, platform: RunningPlatform) -> None:
    """Above the limit it is proposed; who approves sees sum, payee and doubts before."""
    world = refund_world(platform, refund_alone_max_minor=9_999)
    credit = world.paid("R-4")
    fields = {"amount": "100.00", "left": "10000", **TO_OTHER}
    assert "First, nothing: two people decide here." in text_of(amy.post(path_of(credit), **fields))
    to(amy.post(path_of(credit), **fields, **SURE))
    assert world.refunds(credit) == []
    assert to(amy.post(path_of(credit), **fields, **SURE)) == f"/credits/{credit.id}"
    listed = amy.get("/refunds").raw.decode()
    short = amy.get(f"/payments/{credit.payment}")
    assert "Pay money back : HK$100.00 to WONG SIU MING" in text_of(short)
    assert "/approve" not in short.raw.decode()
    proposal = re.search(r'href="/dashboard(/credits/decisions/\d+)">[^<]*WONG SIU MING', listed)
    assert proposal is not None
    shown = text_of(ben.get(proposal[1]))
    for text in ("HK$100.00", "WONG SIU MING", "+852-91234567", DOUBT, "is another name than"):
        assert text in shown
    ben.post(f"{proposal[1]}/approve", why="agreed")
    (made,) = world.refunds(credit)
    card = text_of(amy.get(f"/refunds/{made.id}"))
    assert "It was proposed Amy Wong Reason: the customer asked" in card
    assert "A second person approved it Not sent to the bank Ben Lee Reason: agreed" in card


def test_off_where_the_project_says_nothing(amy: Member, platform: RunningPlatform) -> None:
    """Without the project's setting there is no button, and no form."""
    world = refund_world(platform, refunds=False)
    credit = world.paid("R-5")
    assert path_of(credit) not in amy.get(f"/credits/{credit.id}").raw.decode()
    for answer in (amy.get(path_of(credit)), amy.post(path_of(credit), **TO_PAYER, **SURE)):
        assert to(answer) == f"/credits/{credit.id}"


# --- files ---------------------------------------------------------------------------------------


def test_from_file_to_debit(amy: Member, fin: Member, world: RefundWorld) -> None:
    """A file has what was ticked, comes out the same each time, and its debit confirms it."""
    first, second = (refunded(amy, world, world.paid(f"R-{n}"), "40.00") for n in (6, 7))
    assert f'value="{first.id}"' in amy.get("/refunds").raw.decode()
    number = filed(amy, first)
    assert (world.again(first).status, world.again(second).status) == ("exported", "approved")
    got = fin.get(f"/refunds/files/{number}")
    assert (got.status, got.headers["content-type"]) == (200, "application/xml")
    name = f'attachment; filename="SAMPAN-{number}.xml"'
    assert got.headers["content-disposition"] == name
    assert reference_of(first).encode() in got.raw
    assert fin.get(f"/refunds/files/{number}").raw == got.raw
    listed = amy.get("/refunds", file=number).raw.decode()
    assert f"/dashboard/refunds/{first.id}" in listed
    assert f"/dashboard/refunds/{second.id}" not in listed
    world.debit(first)
    page = fin.get(f"/refunds/{first.id}")
    assert '<a href="/dashboard/credits" aria-current="page">' in page.raw.decode()
    card = text_of(page)
    assert "Paid back" in card
    assert "a debit in the bank's file" in card
    assert "It was put into a file for the bank In a file for the bank Amy Wong" in card
    assert "The bank paid it Paid back" in card
    csv = fin.get("/refunds.csv", file=number)
    assert reference_of(first) in csv.raw.decode()
    assert reference_of(second) not in csv.raw.decode()


def test_files_that_cannot_be(amy: Member, platform: RunningPlatform, world: RefundWorld) -> None:
    """Nothing ticked, two accounts, no number at the bank, something gone: each is said."""
    bare = refund_world(platform, bank_account="")
    one = refunded(amy, world, world.paid("R-8"))
    other = refunded(amy, bare, bare.paid("R-9"))

    def said(form: str, *made: Refund) -> str:
        answer = amy.post("/refunds/files", refund=[each.id for each in made], format=form)
        assert answer.status == 409
        return text_of(answer)

    assert "Tick the refunds that the file is to have." in said("csv")
    here = amy.get("/refunds", status="approved").raw.decode()
    assert 'action="/dashboard/refunds/files?status=approved"' in here
    mixed = {"refund": [one.id, other.id], "format": "csv"}
    again = amy.post("/refunds/files?status=approved", **mixed).raw.decode()
    assert 'aria-current="true">Not sent to the bank' in again
    assert len(re.findall(r'name="refund"[^>]* checked>', again)) == 2
    assert "Choose a kind of file." in said("", one)
    assert "one account and one currency" in said("csv", one, other)
    assert "this account has none here" in said("pain.001", other)
    assert amy.post("/refunds/files", refund="1", format="csv").status == 404
    number = filed(amy, other, form="csv")
    got = amy.get(f"/refunds/files/{number}")
    assert got.headers["content-type"].startswith("text/csv")
    assert got.raw.startswith(b"\xef\xbb\xbfReference,")
    assert "in a file or has ended by now" in said("csv", other)
    assert world.again(one).status == "approved"


def test_list_filters(amy: Member, world: RefundWorld) -> None:
    """The list is narrowed by status with counts; odd filters are left out, never a fault."""
    made = refunded(amy, world, world.paid("R-10"), "1.00")
    amy.post(f"/refunds/{made.id}/withdraw", why="a slip")
    link = f"/dashboard/refunds/{made.id}"
    assert link in amy.get("/refunds", status="withdrawn").raw.decode()
    assert link not in amy.get("/refunds", status="approved").raw.decode()
    place = f"{made.created_us}.{made.id}"
    assert link not in amy.get("/refunds", after=place).raw.decode()
    for odd in ("", "x", "-1", "9" * 400, "茶", "\x00"):
        for name in ("status", "file", "after"):
            assert amy.get("/refunds", **{name: odd}).status == 200


def test_pages(amy: Member, world: RefundWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """Page after page the list, and the CSV in one, show each refund of a file once."""
    made = [refunded(amy, world, world.paid(f"R-2{n}"), "1.00") for n in range(3)]
    number = filed(amy, *made, form="csv")
    monkeypatch.setattr(refund_list, "ROWS_COUNT", 1)
    monkeypatch.setattr(refund_list, "CSV_ROWS_COUNT", 1)
    seen, query = [], f"file={number}"
    while query:
        page = amy.get("/refunds", **dict(parse_qsl(query))).raw.decode()
        seen += re.findall(r'href="/dashboard/refunds/(\d+)"', page)
        older = re.search(r'rel="next" href="\?([^"]+)"', page)
        query = unescape(older[1]) if older else ""
    assert seen == [str(one.id) for one in reversed(made)]
    lines = amy.get("/refunds.csv", file=number).raw.decode().strip().splitlines()
    references = [reference_of(one) for one in reversed(made)]
    assert [reference in line for reference, line in zip(references, lines[1:], strict=True)] == [
        True
    ] * 3


# --- what became of it ---------------------------------------------------------------------------


def test_acts_by_hand(amy: Member, fin: Member, world: RefundWorld) -> None:
    """Each status offers what can be said of it; all of that stands in its story."""
    credit = world.paid("R-11")
    made = refunded(amy, world, credit)
    path = f"/refunds/{made.id}"

    def offered() -> set[str]:
        page = amy.get(path).raw.decode()
        return set(re.findall(rf'action="/dashboard{path}/([a-z-]+)"', page))

    assert offered() == {"confirm", "withdraw"}
    assert 'method="post" action="/dashboard/refunds' not in fin.get(path).raw.decode()
    assert amy.post(f"{path}/confirm", why="").status == 400
    wrong = amy.post(f"{path}/confirm", why="seen", bank_txn_id="a b")
    assert "without blanks" in text_of(wrong)
    assert '<details class="decision" open>' in wrong.raw.decode()
    assert 'value="seen"' in wrong.raw.decode()
    assert world.again(made).status == "approved"
    filed(amy, made)
    assert offered() == {"confirm", "fail"}
    assert amy.post(f"{path}/withdraw", why="late").status == 409
    amy.post(f"{path}/fail", why="account closed")
    assert (world.again(made).status, world.credit(credit).refunded_minor) == ("failed", 0)
    assert offered() == {"confirm"}
    amy.post(f"{path}/confirm", why="paid after all", bank_txn_id="HKB77")
    assert world.again(made).bank_txn_id == "HKB77"
    assert offered() == {"come-back"}
    amy.post(f"{path}/come-back", why="returned")
    story = text_of(amy.get(path)).partition("What happened")[2]
    told = ["It was decided", "It was put into a file", "The bank did not pay it", "account closed"]
    told += ["The bank paid it", "paid after all", "HKB77", "Its money came back", "returned"]
    places = [story.find(text) for text in told]
    assert -1 not in places
    assert places == sorted(places)


def test_given_up_and_decided_otherwise(amy: Member, world: RefundWorld) -> None:
    """Where the money went elsewhere meanwhile, nobody is asked whether the old refund was paid."""
    credit = world.came()
    first = refunded(amy, world, credit)
    amy.post(f"/refunds/{first.id}/withdraw", why="a slip")
    assert world.credit(credit).status == "unapplied"
    refunded(amy, world, credit)
    page = amy.get(f"/refunds/{first.id}")
    assert "It was withdrawn Withdrawn Amy Wong Reason: a slip" in text_of(page)
    assert f"/refunds/{first.id}/confirm" not in page.raw.decode()
    assert amy.post(f"/refunds/{first.id}/confirm", why="seen").status == 409


@pytest.mark.parametrize("of_payment", [True, False])
def test_bank_says_what_does_not_fit(amy: Member, world: RefundWorld, *, of_payment: bool) -> None:
    """A debit of another sum confirms nothing, and stands in the story and the journal."""
    credit = world.paid("R-12") if of_payment else world.came()
    made = refunded(amy, world, credit)
    filed(amy, made)
    wrong = world.debit_of(made)
    more: dict[str, Any] = {"amount": "1.00"}
    tx = camt.Tx(**{**vars(wrong.txs[0]), **more})
    world.send(camt.Ntry(**{**vars(wrong), **more, "txs": (tx,)}))
    sentence = f"The bank paid another sum under this reference: {wrong.bank_ref}"
    until(lambda: sentence in text_of(amy.get(f"/refunds/{made.id}")) or None)
    assert world.again(made).status == "exported"
    assert "In a file for the bank The bank tells otherwise" in text_of(amy.get("/refunds"))
    if of_payment:
        story = text_of(amy.get(f"/payments/{credit.payment}"))
        assert "The bank told of a refund what does not fit" in story
    else:
        journal = text_of(amy.get("/journal", by="loose"))
        assert "The bank told of a refund what does not fit" in journal
