"""Credits in the Dashboard: what waits and why, what is decided, by one person or by two."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from html import unescape

import pytest

from sampan.domain.rights import Role
from sampan.flow.credits import Told
from sampan.flow.finding import Where
from sampan.flow.reversals import take_reversal
from sampan.flow.settle import Step
from sampan.storage import decisions, journal, reversals
from sampan.storage.credits import Credit
from sampan.storage.decisions import Decision
from sampan.storage.engine import Tx
from sampan.storage.reversals import Reversal
from tests.support.merchant import Merchant
from tests.support.money_world import MoneyWorld
from tests.support.platform import ProjectClient, RunningPlatform
from tests.support.staff import Member, Staff, text_of

HUGE = "9" * 400
ODD = ("", "x", "-1", "0", HUGE, "茶", "🍵", "\x00", "1 OR 1=1")


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
    """Somebody who sees credits and decides nothing."""
    return staff.member(Role.FINANCE)


@pytest.fixture
def money(project: ProjectClient) -> MoneyWorld:
    """A project's money."""
    return MoneyWorld(project)


def account(money: MoneyWorld) -> str:
    """The account of a project as filters name it."""
    return f"sandbox/{money.project.fps_id}"


def listed(member: Member, money: MoneyWorld, **asked: object) -> list[int]:
    """Return the ids of the credits in the list of a project's account."""
    page = member.get("/credits", account=account(money), **asked)
    assert page.status == 200
    table = page.raw.decode().partition('<table class="list credits">')[2]
    return [int(one) for one in re.findall(r'href="/dashboard/credits/(\d+)"', table)]


def decided(money: MoneyWorld, credit: Credit) -> list[Decision]:
    """Return what was decided about a credit."""
    return list(money.platform.read(lambda tx: decisions.about(tx, credit=credit.id)))


def why_of(money: MoneyWorld, payment: int | None) -> list[tuple[str, str, str]]:
    """Return (what, by, why) of the journal of a payment that people wrote."""
    assert payment is not None
    rows = money.platform.read(lambda tx: journal.of_payment(tx, payment))
    return [(row.what, row.by, row.why) for row in rows if row.by.startswith("staff:")]


def take(member: Member, credit: Credit, payment: int | None, sum_minor: int, why: str) -> str:
    """Take a credit as a payment; return what the page says, or where it leads."""
    fields = {"payment": payment, "sum": sum_minor, "why": why}
    answer = member.post(f"/credits/{credit.id}/apply", **fields)
    return answer.headers.get("location", "") or f"{answer.status} {text_of(answer)}"


# --- the list --------------------------------------------------------------------------------


def test_list_says_why(amy: Member, money: MoneyWorld) -> None:
    """What waits stands first, each with its reason in words; what was paid stands elsewhere."""
    paid, short = money.paid("L-1"), money.short("L-2")
    late, double, over = money.late("L-3"), money.double("L-4"), money.over("L-5")
    strange, foreign = money.strange(), money.foreign("L-6")
    waiting = [foreign, strange, over, double, late, short]
    assert listed(amy, money) == [one.id for one in waiting]
    page = text_of(amy.get("/credits", account=account(money)))
    for why in ("Too little", "Too much", "Too late", "Paid once more", "Unknown reference"):
        assert page.count(why) == 1
    assert page.count("Wrong currency") == 1
    assert "Waits for a decision HK$195.00 2 credits" in page
    assert paid.id in listed(amy, money, status="applied")
    assert len(listed(amy, money, status="any")) == 8


def test_filters(amy: Member, money: MoneyWorld) -> None:
    """Text, currency, source, project and days let through what they say, alone and together."""
    strange, foreign = money.strange(payer_name="Lee Siu_Fung %"), money.foreign("F-1")
    own = str(money.project.id)
    for asked, found in (
        ({"text": "lee siu"}, [strange]),
        ({"text": "Siu_Fung %"}, [strange]),
        ({"text": foreign.reference.lower()}, [foreign]),
        ({"text": strange.bank_txn_id}, [strange]),
        ({"text": "no such"}, []),
        ({"currency": "CNY"}, [foreign]),
        ({"source": "file"}, []),
        ({"project": own}, [foreign, strange]),
        ({"project": "999999"}, []),
        ({"received_to": "2001-01-01"}, []),
        ({"received_from": "2001-01-01", "currency": "HKD"}, [strange]),
        ({"status": "held"}, []),
        ({"sum": "other", "status": "any"}, [foreign]),
    ):
        assert listed(amy, money, **asked) == [one.id for one in found], asked


@pytest.mark.parametrize(
    "name", ["text", "status", "account", "currency", "project", "received_from", "after", "file"]
)
def test_odd_filters(amy: Member, name: str) -> None:
    """What makes no sense in an address is left out or finds nothing, and never a fault of ours."""
    for odd in ODD:
        assert amy.get("/credits", **{name: odd}).status == 200
        assert amy.get("/credits.csv", **{name: odd}).status == 200


def test_pages_and_csv(amy: Member, money: MoneyWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages hold everything once, newest first; the CSV is what the list shows, and no formula."""
    monkeypatch.setattr("sampan.dashboard.credit_list.ROWS_COUNT", 2)
    made = [money.strange(100 + n, payer_name="=1+1") for n in range(5)]
    seen: list[int] = []
    query = {"account": account(money)}
    for _ in range(3):
        page = amy.get("/credits", **query).raw.decode()
        table = page.partition('<table class="list credits">')[2]
        seen += [int(one) for one in re.findall(r'href="/dashboard/credits/(\d+)"', table)]
        after = re.search(r'rel="next" href="\?[^"]*after=([0-9.]+)"', page)
        query["after"] = after[1] if after else ""
    assert seen == [one.id for one in reversed(made)]
    lines = amy.get("/credits.csv", account=account(money)).raw.decode("utf-8-sig").splitlines()
    assert len(lines) == 6
    assert lines[1].startswith("20")
    assert "'=1+1" in lines[1]
    assert lines[1].endswith(f"{made[-1].bank_txn_id},,the bank's notice,{made[-1].id}")


def test_overview_leads_here(amy: Member, money: MoneyWorld) -> None:
    """The alarm about unapplied money leads to the list."""
    money.strange()
    page = amy.get("/").raw.decode()
    assert 'href="/dashboard/credits?status=unapplied&amp;currency=HKD"' in page


# --- a card ----------------------------------------------------------------------------------


def test_card_says_what_speaks_for_a_payment(amy: Member, fin: Member, money: MoneyWorld) -> None:
    """A card shows the likely payment with reasons on both sides, and where the money stands."""
    credit = money.mangled("C-1")
    page = text_of(amy.get(f"/credits/{credit.id}"))
    assert "C-1" in page
    assert "names its reference with one wrong character" in page
    assert "HK$1.00 too little" in page
    assert "Bank account sandbox" in page
    assert "Take the money as C-1" in page
    seen = text_of(fin.get(f"/credits/{credit.id}"))
    assert "Operations or an admin decides about it." in seen
    assert "Take the money as" not in seen


def test_another_payment_is_looked_for(amy: Member, money: MoneyWorld) -> None:
    """Any payment is found by an exact id; one that takes no money says so."""
    credit = money.strange()
    money.paid("C-2")
    found = text_of(amy.get(f"/credits/{credit.id}", find="c-2"))
    assert "It is paid already and takes no more money." in found
    for odd in ("nothing", *ODD):
        assert amy.get(f"/credits/{credit.id}", find=odd).status == 200


@pytest.mark.parametrize("path", ["", "/apply", "/split"])
def test_no_such_credit(amy: Member, path: str) -> None:
    """What does not exist is not found, however large its number is."""
    for key in ("1", HUGE):
        assert amy.get(f"/credits/{key}{path}").status == 404
    for what in ("decisions", "reversals"):
        assert amy.get(f"/credits/{what}/{HUGE}").status == 404


# --- deciding --------------------------------------------------------------------------------


def test_late_money_is_taken(amy: Member, money: MoneyWorld, merchant: Merchant) -> None:
    """A declined payment becomes paid by late money, the shop is told, and a name stands there."""
    credit = money.late("D-1")
    page = text_of(amy.get(f"/credits/{credit.id}/apply", payment=credit.payment))
    assert "Declined → Paid" in page
    assert "The shop is told: paid, HK$100.00." in page
    to = take(amy, credit, credit.payment, 10_000, "Delivered already")
    assert to.endswith(f"/credits/{credit.id}?said=credit-applied")
    told = merchant.callback("D-1", "success", operation="manual change")
    assert told.body["payment"]["sum"]["amount"] == 10_000
    assert money.again(credit).status == "applied"
    assert [one.what for one in decided(money, credit)] == ["apply"]
    assert ("staffaccepted", f"staff:{amy.user.email}", "Delivered already") in why_of(
        money, credit.payment
    )
    story = text_of(amy.get(f"/credits/{credit.id}"))
    assert "The money was taken as a payment Amy Wong Reason: Delivered already" in story


def test_strange_money_is_given_to_a_payment(
    amy: Member, money: MoneyWorld, merchant: Merchant
) -> None:
    """Money that names nothing pays the payment that a person chose, with what really came."""
    credit, payment = money.strange(9_000), money.waiting("D-2")
    assert "HK$10.00 too little" in text_of(
        amy.get(f"/credits/{credit.id}/apply", payment=payment.key)
    )
    take(amy, credit, payment.key, 9_000, "Customer showed the slip")
    told = merchant.callback("D-2", "success", operation="manual change")
    assert told.body["payment"]["sum"]["amount"] == 9_000


def test_only_what_was_seen_is_taken(amy: Member, money: MoneyWorld) -> None:
    """When another sum would be paid by now, nothing is taken, and the person is told."""
    credit = money.short("D-3")
    said = take(amy, credit, credit.payment, 1, "why")
    assert said.startswith("409")
    assert "Another sum would be paid by now" in said
    assert money.again(credit).status == "held"


def test_without_a_reason(amy: Member, money: MoneyWorld) -> None:
    """Every decision asks for a reason, in one line; what was typed stays."""
    credit = money.strange()
    payment = money.waiting("D-4")
    for path in ("return", "ignore"):
        answer = amy.post(f"/credits/{credit.id}/{path}", why=" ")
        assert answer.status == 400
        assert "Give a reason" in text_of(answer)
    assert take(amy, credit, payment.key, credit.amount_minor, "x" * 501).startswith("400")
    assert take(amy, credit, payment.key, credit.amount_minor, "a\nb").startswith("400")
    assert money.again(credit).status == "unapplied"


def test_odd_payments(amy: Member, money: MoneyWorld) -> None:
    """A payment that does not exist, or takes nothing, leaves the money where it is."""
    credit = money.strange()
    for odd in ODD:
        assert amy.get(f"/credits/{credit.id}/apply", payment=odd).status == 404
        assert take(amy, credit, odd, 1, "why").startswith("404")  # type: ignore[arg-type]
    paid = money.paid("D-5")
    assert amy.get(f"/credits/{credit.id}/apply", payment=paid.payment).status == 303
    assert take(amy, credit, paid.payment, credit.amount_minor, "why").startswith("409")
    assert money.again(credit).status == "unapplied"


def test_back_set_aside_and_anew(amy: Member, money: MoneyWorld) -> None:
    """Money goes back, or is set aside, and a person may take that back; then it waits again."""
    credit = money.double("D-6")
    for path, status in (("return", "returned"), ("ignore", "ignored")):
        to = amy.post(f"/credits/{credit.id}/{path}", why="a reason")
        assert to.status == 303
        assert money.again(credit).status == status
        amy.post(f"/credits/{credit.id}/take-back", why="a mistake")
        assert money.again(credit).status == "unapplied"
    assert [one.what for one in decided(money, credit)] == [
        *("return", "take_back", "ignore", "take_back"),
    ]
    assert amy.post(f"/credits/{credit.id}/take-back", why="again").status == 409


def test_twice_at_once(amy: Member, ben: Member, money: MoneyWorld) -> None:
    """Of two people who decide at once one does, and the other is told."""
    credit = money.strange()
    assert amy.csrf
    assert ben.csrf
    acts: list[Callable[[], int]] = [
        lambda: amy.post(f"/credits/{credit.id}/return", why="sent back").status,
        lambda: ben.post(f"/credits/{credit.id}/ignore", why="rent").status,
    ]
    with ThreadPoolExecutor(2) as pool:
        found = sorted(pool.map(lambda act: act(), acts))
    assert found == [303, 409]
    assert money.again(credit).status in {"returned", "ignored"}


# --- splitting -------------------------------------------------------------------------------


def test_split(amy: Member, money: MoneyWorld, merchant: Merchant) -> None:
    """One transfer pays two payments, after a look at what will happen; the rest waits."""
    credit = money.tell(31_000, "P 1 AND 2")
    money.waiting("S-1")
    money.waiting("S-2", amount=20_000)
    fields = {"amount-0": "100", "payment-0": "S-1", "amount-1": "200.00", "payment-1": "s-2"}
    looked = text_of(amy.post(f"/credits/{credit.id}/split", **fields))
    assert "HK$10.00 is left over, and waits." in looked
    assert money.again(credit).status == "unapplied"
    done = amy.post(f"/credits/{credit.id}/split", confirmed="1", why="one slip", **fields)
    assert done.headers["location"].endswith("?said=credit-split")
    for name in ("S-1", "S-2"):
        merchant.callback(name, "success", operation="manual change")
    assert money.again(credit).status == "split"
    page = text_of(amy.get(f"/credits/{credit.id}"))
    assert page.count("Taken as the payment") == 2
    assert len(listed(amy, money)) == 1


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"amount-0": "x", "payment-0": ""}, "This is no amount."),
        ({"amount-0": "0"}, "This is no amount."),
        ({"amount-0": "-1"}, "This is no amount."),
        ({"amount-0": "99999999999999999999"}, "This is no amount."),
        ({"amount-0": "1", "payment-0": "none such"}, "There is no payment with this id."),
        ({"amount-0": "1", "payment-0": "\x00"}, "There is no payment with this id."),
        ({"amount-0": "1", "payment-0": "茶" * 300}, "There is no payment with this id."),
        ({"amount-0": "42"}, "Fill in at least one part"),
        ({"amount-0": "43"}, "The parts are more than the money."),
    ],
)
def test_odd_splits(amy: Member, money: MoneyWorld, fields: dict[str, str], said: str) -> None:
    """A split that cannot be is shown again with a sentence, and nothing happens."""
    credit = money.strange(4_200)
    answer = amy.post(f"/credits/{credit.id}/split", confirmed="1", why="why", **fields)
    assert answer.status == 400
    assert said in text_of(answer)
    assert money.again(credit).status == "unapplied"


# --- two people ------------------------------------------------------------------------------


@pytest.fixture
def pair(money: MoneyWorld) -> Iterator[MoneyWorld]:
    """The money of a project where two people decide; others are left alone again."""
    money.project.change(four_eyes=True)
    yield money
    money.project.change(four_eyes=False)


def test_second_person_approves(
    amy: Member, ben: Member, fin: Member, pair: MoneyWorld, merchant: Merchant
) -> None:
    """A decision waits, seen on the list and both cards, until somebody else approves it."""
    credit = pair.late("E-1")
    assert take(amy, credit, credit.payment, 10_000, "late").endswith("said=decision-proposed")
    assert pair.again(credit).status == "unapplied"
    (made,) = decided(pair, credit)
    for path in ("/credits", f"/credits/{credit.id}", f"/payments/{credit.payment}"):
        assert "Waits for a second person" in text_of(ben.get(path))
    path = f"/credits/decisions/{made.id}"
    assert "You proposed it" in text_of(amy.get(path))
    own = amy.post(f"{path}/approve", why="myself")
    assert (own.status, "somebody else has to approve" in text_of(own)) == (409, True)
    assert fin.post(f"{path}/approve", why="may not").status == 403
    assert pair.again(credit).status == "unapplied"
    done = ben.post(f"{path}/approve", why="seen the slip")
    assert done.headers["location"].endswith(f"/credits/{credit.id}?said=decision-approved")
    merchant.callback("E-1", "success", operation="manual change")
    assert ben.post(f"{path}/approve", why="again").status == 409
    story = text_of(amy.get(f"/credits/{credit.id}"))
    assert "Amy Wong" in story
    assert "Ben Lee" in story


def test_proposals_end(amy: Member, ben: Member, pair: MoneyWorld) -> None:
    """A proposal is turned down by somebody else, or withdrawn; the money stays where it is."""
    credit = pair.strange()
    for member, status in ((ben, "refused"), (amy, "withdrawn")):
        amy.post(f"/credits/{credit.id}/ignore", why="rent")
        made = decided(pair, credit)[-1]
        ended = member.post(f"/credits/decisions/{made.id}/refuse", why="no")
        assert ended.headers["location"].endswith(f"said=decision-{status}")
        assert decided(pair, credit)[-1].status == status
    assert pair.again(credit).status == "unapplied"


def test_proposal_that_is_over(amy: Member, ben: Member, pair: MoneyWorld) -> None:
    """What cannot be carried out any more says so when it is approved, and stays."""
    credit = pair.strange()
    amy.post(f"/credits/{credit.id}/ignore", why="rent")
    (made,) = decided(pair, credit)
    pair.project.change(four_eyes=False)
    ben.post(f"/credits/{credit.id}/return", why="sent back")
    answer = ben.post(f"/credits/decisions/{made.id}/approve", why="too late")
    assert (answer.status, "cannot be carried out" in text_of(answer)) == (409, True)
    assert decided(pair, credit)[0].status == "proposed"


def test_payment_card_proposes(amy: Member, ben: Member, pair: MoneyWorld) -> None:
    """Where two decide, a payment's card proposes, too, and leads to the credits."""
    credit = pair.short("E-2")
    page = amy.get(f"/payments/{credit.payment}")
    assert f'href="/dashboard/credits/{credit.id}"' in page.raw.decode()
    assert "Two people decide here" in text_of(page)
    said = amy.post(f"/payments/{credit.payment}/accept", sum=9_000, why="fine")
    assert said.headers["location"].endswith("said=decision-proposed")
    waits = text_of(ben.get(f"/payments/{credit.payment}"))
    assert "Take what waits as the payment" in waits


# --- by hand ---------------------------------------------------------------------------------


def entered(money: MoneyWorld, **changes: str) -> dict[str, str]:
    """Return a form that enters money."""
    return {
        "account": account(money),
        "amount": "100.00",
        "currency": "HKD",
        "booked": "2026-01-02",
        "booked_time": "10:30",
        "bank_txn_id": "",
        "reference": "",
        "payer_name": "陳大文",
        "payment": "",
        "why": "seen at the bank",
    } | changes


def test_money_entered_pays(amy: Member, money: MoneyWorld, merchant: Merchant) -> None:
    """Money that is entered finds its payment by its reference, and says who entered it."""
    payment = money.waiting("H-1")
    answer = amy.post("/credits/new", **entered(money, reference=money.reference(payment)))
    assert answer.headers["location"].endswith("?said=credit-entered")
    merchant.callback("H-1", "success")
    (credit,) = listed(amy, money, status="applied")
    page = text_of(amy.get(f"/credits/{credit}"))
    assert "entered by hand" in page
    assert "The money was entered by hand Amy Wong Reason: seen at the bank" in page


def test_bank_tells_of_it_later(amy: Member, money: MoneyWorld) -> None:
    """With the bank's id its own word is the same money; without, a person says so."""
    amy.post("/credits/new", **entered(money, bank_txn_id="HB-1"))
    (known,) = listed(amy, money)
    assert money.notify(10_000, "later", bank_txn_id="HB-1") == "HB-1"
    assert listed(amy, money) == [known]
    again = amy.post("/credits/new", **entered(money, bank_txn_id="HB-1"))
    assert (again.status, "told of this money already" in text_of(again)) == (409, True)
    amy.post("/credits/new", **entered(money, amount="77"))
    hand = listed(amy, money)[0]
    credit = money.tell(7_700, "the same")
    assert "It is the same money as an entry by hand" in text_of(amy.get(f"/credits/{credit.id}"))
    done = amy.post(f"/credits/{credit.id}/merge", into=hand, why="one transfer")
    assert done.headers["location"].endswith("said=credit-merged")
    assert money.again(credit).status == "merged"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"account": "x"}, "Choose an account."),
        ({"amount": ""}, "This is no amount."),
        ({"amount": HUGE}, "This is no amount."),
        ({"currency": "USD"}, "Choose a currency."),
        ({"booked": "2026-13-01"}, "This is no date and time"),
        ({"booked": "2999-01-01"}, "This is no date and time"),
        ({"booked": "1900-01-01"}, "This is no date and time"),
        ({"bank_txn_id": "a b"}, "At most 64 letters"),
        ({"bank_txn_id": "茶"}, "At most 64 letters"),
        ({"reference": "x" * 141}, "One line of at most 140"),
        ({"payer_name": "a\x00b"}, "One line of at most 140"),
        ({"payment": "none such"}, "There is no payment with this id."),
        ({"why": ""}, "Give a reason"),
    ],
)
def test_odd_entries(amy: Member, money: MoneyWorld, changes: dict[str, str], said: str) -> None:
    """What cannot be money is shown again with a sentence at its field."""
    answer = amy.post("/credits/new", **entered(money, **changes))
    assert answer.status == 400
    assert said in text_of(answer)
    assert "陳大文" in answer.raw.decode() or "payer_name" in changes
    assert listed(amy, money, status="any") == []


def test_entry_that_two_decide(amy: Member, ben: Member, pair: MoneyWorld) -> None:
    """Where two decide, entered money waits for the second person, on a page of its own."""
    assert "Two people decide about this account" in text_of(amy.get("/credits/new"))
    to = amy.post("/credits/new", **entered(pair)).headers["location"]
    path = to.partition("?")[0].removeprefix("/dashboard")
    assert "HK$100.00" in text_of(ben.get(path))
    assert listed(amy, pair, status="any") == []
    ben.post(f"{path}/approve", why="seen, too")
    assert len(listed(amy, pair, status="any")) == 1


# --- what the bank took back -----------------------------------------------------------------


def taken_back(money: MoneyWorld, amount_minor: int) -> Reversal:
    """Let the bank take money back, without saying which."""
    now_us = money.platform.clock.now_us()

    def take_it(tx: Tx) -> int | None:
        find = money.platform.inside.desk.find_project
        where = Where("sandbox", money.project.fps_id, find)
        told = Told(
            identity=f"back/{tx.new_id()}",
            bank_txn_id="BACK",
            amount_minor=amount_minor,
            currency="HKD",
            booked_us=now_us,
            booked_to_us=now_us,
        )
        return take_reversal(tx, where, told, step=Step(now_us, "bank")).key

    key = money.platform.transact(take_it)
    assert key is not None
    return reversal(money, key)


def reversal(money: MoneyWorld, key: int) -> Reversal:
    """Return a reversal as it stands."""
    found = money.platform.read(lambda tx: reversals.find(tx, key))
    assert found is not None
    return found


def test_reversal_is_explained(amy: Member, money: MoneyWorld) -> None:
    """What the bank took back stands on the list until a person says which money it was."""
    credit, back = money.strange(5_100), taken_back(money, 5_100)
    path = f"/credits/reversals/{back.id}"
    assert f'href="/dashboard{path}"' in amy.get("/credits").raw.decode()
    assert "HK$51.00" in unescape(amy.get(path).raw.decode())
    assert amy.post(f"{path}/explain", credit="0", why="no").status == 404
    done = amy.post(f"{path}/explain", credit=credit.id, why="the bank called")
    assert done.headers["location"].endswith("said=reversal-done")
    assert money.again(credit).status == "returned"
    assert reversal(money, back.id).status == "settled"
    assert amy.post(f"{path}/note", why="again").status == 409


def test_reversal_is_noted(amy: Member, fin: Member, money: MoneyWorld) -> None:
    """Where nothing fits, a person notes that it is known."""
    back = taken_back(money, 3_333)
    path = f"/credits/reversals/{back.id}"
    assert "No money of this sum came" in text_of(amy.get(path))
    assert fin.post(f"{path}/note", why="no right").status == 403
    amy.post(f"{path}/note", why="a charge of the bank")
    assert reversal(money, back.id).status == "noted"
