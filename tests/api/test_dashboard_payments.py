"""The Dashboard's payments: lists and what people keep for them, search, cards, decisions."""

from __future__ import annotations

import csv
import io
import re
from concurrent.futures import ThreadPoolExecutor
from html import unescape

import pytest

from sampan.domain.codes import Code
from sampan.domain.payment import Payment
from sampan.domain.rights import Role
from sampan.storage import credits as kept
from sampan.storage import journal
from sampan.storage.journal import Entry
from tests.support import payment_examples as examples
from tests.support.client import Answer
from tests.support.merchant import Merchant
from tests.support.platform import ProjectClient, RunningPlatform, until
from tests.support.staff import Member, Staff, text_of

STRANGE = ["x", "1e9", "-1", "9" * 400, "茶", "🍵", "a\0b", "%00", "' OR 1=1 --", "<b>"]


@pytest.fixture
def staff(platform: RunningPlatform) -> Staff:
    """The people of the platform."""
    return Staff(platform)


@pytest.fixture(scope="module")
def amy(platform: RunningPlatform) -> Member:
    """An admin with a second factor."""
    return Staff(platform).member(Role.ADMIN, name="Amy Lam")


def listed(answer: Answer) -> list[str]:
    """Return the text of the first cell of each row of a list of payments."""
    assert answer.status == 200, text_of(answer)
    found = re.findall(
        r'<td[^>]*>\s*<a href="/dashboard/payments/\d+"[^>]*>\s*([^<]*?)\s*</a>',
        answer.raw.decode(),
    )
    return [unescape(text) for text in found]


def own(project: ProjectClient, **query: object) -> dict[str, object]:
    """Return a query for this project's payments alone."""
    return {"project": project.id, **query}


def key_of(project: ProjectClient, payment_id: str) -> int:
    """Return the key of a payment."""
    found = project.payment(payment_id)
    assert found is not None
    return found.key


def entries(platform: RunningPlatform, key: int, what: str) -> list[Entry]:
    """Return the rows of a payment's journal about one thing."""
    rows = platform.read(lambda tx: journal.of_payment(tx, key))
    return [row for row in rows if row.what == what]


def csv_of(answer: Answer) -> list[list[str]]:
    """Return the rows of a CSV file."""
    assert answer.status == 200
    return list(csv.reader(io.StringIO(answer.raw.decode("utf-8-sig"), newline="")))


# --- the list -------------------------------------------------------------------------------


def test_list_by_filter(amy: Member, project: ProjectClient) -> None:
    """Each filter shows its payments, newest first, and their totals by currency."""
    project.sell("f-1", amount=10_000)
    project.sell("f-2", amount=20_050, customer={"id": "陳 & Co."})
    project.sell("f-3", amount=5_000, currency="USD")
    assert listed(amy.get("/payments", **own(project))) == ["f-3", "f-2", "f-1"]
    page = amy.get("/payments", **own(project, customer="陳 & Co."))
    assert listed(page) == ["f-2"]
    assert "paid of HK$200.50 asked · 1 payment" in text_of(page)
    assert listed(amy.get("/payments", **own(project, amount_from="200.50"))) == ["f-2"]
    assert listed(amy.get("/payments", **own(project, amount_to="100"))) == ["f-3", "f-1"]
    assert listed(amy.get("/payments", **own(project, status="error"))) == ["f-3"]
    assert listed(amy.get("/payments", **own(project, status="waiting"))) == ["f-2", "f-1"]
    assert listed(amy.get("/payments", **own(project, days="today"))) == ["f-3", "f-2", "f-1"]
    assert listed(amy.get("/payments", **own(project, days="yesterday"))) == []
    assert listed(amy.get("/payments", **own(project, origin="page"))) == []
    assert listed(amy.get("/payments", **own(project, held="1"))) == []


def test_empty_list(amy: Member, project: ProjectClient) -> None:
    """A filter that nothing fits says so and leads out of it."""
    page = amy.get("/payments", **own(project))
    assert "No payment fits this filter." in text_of(page)
    assert 'href="/dashboard/payments"' in page.raw.decode()


def test_pages_of_a_list(amy: Member, project: ProjectClient) -> None:
    """Pages follow one another without gap or repeat, and a lost one leads to the beginning."""
    for number in range(53):
        project.sell(f"n-{number:02}")
    first = amy.get("/payments", **own(project))
    older = re.search(r'href="\?([^"]+)" data-next', first.raw.decode())
    assert older
    second = amy.get(f"/payments?{unescape(older[1])}")
    names = listed(first) + listed(second)
    assert names == [f"n-{number:02}" for number in reversed(range(53))]
    assert "53 payments" in text_of(second)
    for after in STRANGE:
        page = amy.get("/payments", **own(project, after=after))
        assert listed(page) == listed(first)
        assert "cannot be found any more" in text_of(page)


def test_address_in_one_spelling(amy: Member) -> None:
    """What a form sends along empty is left out of the address."""
    answer = amy.get("/payments?status=success&customer=&amount_from=+&created_from_time=&x=")
    assert answer.headers["location"] == "/dashboard/payments?status=success"
    assert amy.get("/payments?after=").headers["location"] == "/dashboard/payments"


@pytest.mark.parametrize(
    "name",
    ["project", "status", "currency", "amount_from", "created_to", "origin", "days", "held"],
)
def test_strange_filters(amy: Member, name: str) -> None:
    """Whatever stands in an address is a filter, or has a sentence that says why it is none."""
    for value in STRANGE:
        page = amy.get("/payments", **{name: value})
        assert page.status == 400, value
        assert "Nothing is listed" in text_of(page)
        assert "<b>" not in page.raw.decode()
        assert amy.get("/payments.csv", **{name: value}).status == 303


def test_strange_customers(amy: Member) -> None:
    """A customer id may be any text; one that is too long has a sentence."""
    for value in STRANGE:
        page = amy.get("/payments", customer=value)
        assert page.status == (400 if len(value) > 255 else 200)
        assert "<b>" not in page.raw.decode()


def test_count_all(amy: Member, project: ProjectClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """More payments than are added up by themselves are counted when somebody asks."""
    monkeypatch.setattr("sampan.dashboard.payments.COUNTED_MAX", 1)
    project.sell("c-1")
    project.sell("c-2")
    page = amy.get("/payments", **own(project))
    assert "More than 1 payments would have to be added up" in text_of(page)
    assert f"?project={project.id}&amp;count=all" in page.raw.decode()
    assert "HK$200.00 asked · 2 payments" in text_of(
        amy.get("/payments", **own(project, count="all"))
    )


def test_look_further_back(
    amy: Member, project: ProjectClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What no index leads to is looked for step by step; the file has all of it."""
    monkeypatch.setattr("sampan.storage.payment_lists.LOOKS_MAX", 2)
    for number in range(5):
        project.sell(f"w-{number}", amount=77_700 if number == 1 else 100)
    page = amy.get("/payments", **own(project, amount_from="777"))
    steps = 0
    while "Look further back" in text_of(page):
        steps += 1
        assert listed(page) in ([], ["w-1"])
        found = re.search(r'href="\?([^"]+)" data-next', page.raw.decode())
        assert found
        last, page = listed(page), amy.get(f"/payments?{unescape(found[1])}")
        if last == ["w-1"]:
            break
    assert steps == 2
    rows = csv_of(amy.get("/payments.csv", **own(project, amount_from="777")))
    assert [row[0] for row in rows[1:]] == ["w-1"]


def test_names_are_escaped(amy: Member, project: ProjectClient) -> None:
    """Ids of merchants are text on every page, never markup."""
    project.sell("<script>1</script>", customer={"id": "<i>c</i>"})
    key = key_of(project, "<script>1</script>")
    amy.post("/payments/columns", column=["payment", "customer"])
    for path in ("/payments", f"/payments/{key}"):
        page = amy.get(path).raw.decode()
        assert "&lt;script&gt;1&lt;/script&gt;" in page
        assert "<script>1" not in page
        assert "<i>c" not in page
    amy.post("/payments/columns", reset="1")


# --- columns, kept filters, CSV -------------------------------------------------------------


def test_columns_of_ones_own(staff: Staff, project: ProjectClient) -> None:
    """A person's columns and their order hold for that person, in the list and in the file."""
    bob, eve = staff.member(Role.SUPPORT), staff.member(Role.SUPPORT)
    project.sell("k-1", payment={"description": "Pu'er"})
    bob.post("/payments/columns", column=["payment", "amount", "description"], move="amount:up")
    answer = bob.get("/payments.csv", **own(project))
    assert csv_of(answer) == [["Amount", "Payment id", "Description"], ["100.00", "k-1", "Pu'er"]]
    assert listed(bob.get("/payments", **own(project))) == ["HK$100.00"]
    assert listed(eve.get("/payments", **own(project))) == ["k-1"]
    bob.post("/payments/columns", column=["payment", "amount"], move="payment:down")
    assert csv_of(bob.get("/payments.csv", **own(project)))[0] == ["Amount", "Payment id"]
    back = bob.post("/payments/columns", reset="1", back="status=success&evil=//x")
    assert back.headers["location"] == (
        "/dashboard/payments?status=success&panel=columns&said=columns-chosen"
    )
    assert csv_of(bob.get("/payments.csv", **own(project)))[0][:3] == [
        "Payment id",
        "Type",
        "Status",
    ]


def test_strange_columns(staff: Staff) -> None:
    """Columns that there are not are left out; none at all means the usual ones."""
    bob = staff.member(Role.SUPPORT)
    for value in STRANGE:
        assert bob.post("/payments/columns", column=[value], move=value, back=value).status == 303
    assert csv_of(bob.get("/payments.csv", days="yesterday"))[0][0] == "Payment id"


def test_csv_is_what_is_shown(
    amy: Member, project: ProjectClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All pages of the filter are in the file: plain decimals, Hong Kong times, no formulas."""
    monkeypatch.setattr("sampan.dashboard.payments.CSV_ROWS_COUNT", 2)
    for number in range(5):
        project.sell(f"=v-{number}", amount=1_00 + number, customer={"id": "+1"})
    project.sell("other", customer={"id": "else"})
    answer = amy.get("/payments.csv", **own(project, customer="+1"))
    assert answer.raw.startswith(b"\xef\xbb\xbf")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert re.fullmatch(
        r'attachment; filename="payments-\d{4}-\d\d-\d\d\.csv"',
        answer.headers["content-disposition"],
    )
    rows = csv_of(answer)
    assert rows[0] == ["Payment id", "Type", "Status", "Amount", "Currency", "Created"]
    assert [row[0] for row in rows[1:]] == [f"'=v-{number}" for number in reversed(range(5))]
    assert rows[1][3:5] == ["1.04", "HKD"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+08:00", rows[1][5])


def test_csv_of_a_wrong_filter(amy: Member) -> None:
    """A filter that is off gives no file but the list that says so."""
    answer = amy.get("/payments.csv", amount_from="x")
    assert answer.headers["location"] == "/dashboard/payments?amount_from=x"


def test_kept_filters(staff: Staff) -> None:
    """A filter is kept under a name, opened, replaced and removed, by its own person only."""
    bob, eve = staff.member(Role.SUPPORT), staff.member(Role.SUPPORT)
    answer = bob.post(
        "/payments/filters", name="茶 🍵 <b>", back="status=decline&after=z&days=today"
    )
    assert answer.headers["location"] == (
        "/dashboard/payments?status=decline&days=today&said=filter-kept"
    )
    page = bob.get("/payments").raw.decode()
    assert "茶 🍵 &lt;b&gt;" in page
    assert "/dashboard/payments?status=decline&amp;days=today" in page
    number = re.search(r'name="filter" value="(\d+)"', page)
    assert number
    assert "茶 🍵" not in text_of(eve.get("/payments"))
    eve.post("/payments/filters/remove", filter=number[1])
    bob.post("/payments/filters", name="茶 🍵 <b>", back="held=1")
    page = bob.get("/payments").raw.decode()
    assert page.count("茶 🍵 &lt;b&gt;</a>") == 2
    assert "/dashboard/payments?held=1" in page
    bob.post("/payments/filters/remove", filter=number[1])
    assert "茶 🍵" not in text_of(bob.get("/payments"))


def test_names_of_filters(amy: Member) -> None:
    """A name is one line of at most 60 characters."""
    for name in ("", " ", "x" * 61, "a\0b", "a\nb"):
        page = amy.post("/payments/filters", name=name, back="held=1")
        assert page.status == 400
        assert "Give the filter a name" in text_of(page)


def test_wrong_filters_are_not_kept(amy: Member) -> None:
    """What is not understood is not kept, and what is not there is removed without a fault."""
    assert amy.post("/payments/filters", name="ok", back="amount_from=x").status == 400
    for value in ("x", "9" * 400, "a\0b"):
        assert amy.post("/payments/filters/remove", filter=value).status == 303


def test_too_many_filters(staff: Staff, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the bound a sentence says that one must go first."""
    monkeypatch.setattr("sampan.storage.saved_filters.FILTERS_MAX", 1)
    bob = staff.member(Role.SUPPORT)
    assert bob.post("/payments/filters", name="one", back="held=1").status == 303
    page = bob.post("/payments/filters", name="two", back="held=1")
    assert page.status == 400
    assert "remove one first" in text_of(page)


# --- search ---------------------------------------------------------------------------------


def test_search(amy: Member, project: ProjectClient) -> None:
    """One hit leads to its card, several are listed, none says what can be looked for."""
    request = project.sell("Find-1", customer={"id": "shared-id"})
    project.sell("Find-2", customer={"id": "shared-id"})
    card = f"/dashboard/payments/{key_of(project, 'Find-1')}"
    assert amy.get("/search", q="FIND-1").headers["location"] == card
    assert amy.get("/search", q=f" {request} ").headers["location"] == card
    assert listed(amy.get("/search", q="shared-id")) == ["Find-2", "Find-1"]
    assert "Nothing is named “find”" in text_of(amy.get("/search", q="find"))
    assert "Look for an id" in text_of(amy.get("/search"))
    assert amy.get("/search", q="<b>").raw.decode().count("<b>") == 0


def test_strange_searches(amy: Member) -> None:
    """Whatever is looked for is only not found."""
    for text in STRANGE:
        page = amy.get("/search", q=text)
        assert page.status == 200
        assert "<b>" not in page.raw.decode()


# --- the card -------------------------------------------------------------------------------


def test_card_tells_the_story(amy: Member, merchant: Merchant, project: ProjectClient) -> None:
    """Request, QR, money, callbacks with their tries: all of it stands on the card."""
    asked = examples.waiting(project, "card-1", payment={"description": "Gaiwan"})
    page = text_of(amy.get(f"/payments/{asked.key}"))
    assert "The QR code that the customer sees" in page
    merchant.callback("card-1", "awaiting customer action")
    examples.act(project, asked, "pay")
    merchant.callback("card-1", "success")
    page = ""

    def told() -> bool:
        nonlocal page
        page = text_of(amy.get(f"/payments/{asked.key}"))
        return page.count("Callback delivered at try 1") == 2

    until(told)
    for words in (
        "Gaiwan",
        "The payment was asked for",
        "The QR code was made",
        "HK$100.00 arrived",
        "The money fits: the payment is paid",
        "A callback was written: the result",
        "HTTP 200",
        "What is sent",
    ):
        assert words in page, words
    assert "The QR code that the customer sees" not in page


def test_no_such_card(amy: Member) -> None:
    """What is no payment's key is nowhere, for looking and for deciding."""
    for key in ("0", "1", "-1", "x", "9" * 40, "%00", "1.5", "%E4%B8%80"):
        assert amy.get(f"/payments/{key}").status == 404
    for action in ("accept", "decline", "credits/1/return", "callbacks/1/resend"):
        assert amy.post(f"/payments/1/{action}", why="because").status == 404


def test_buttons_by_right(staff: Staff, project: ProjectClient) -> None:
    """Who may not decide or resend sees no form for it."""
    key = examples.held(project, "right-1").key
    for role, may in ((Role.SUPPORT, False), (Role.FINANCE, False), (Role.OPERATIONS, True)):
        page = staff.member(role).get(f"/payments/{key}").raw.decode()
        assert ("/accept" in page) == ("/resend" in page) == may
        assert "Money waits for a decision" in page


# --- decisions ------------------------------------------------------------------------------


def decide(amy: Member, held: Payment, action: str, **fields: object) -> Answer:
    """Send a form of a payment's card."""
    return amy.post(f"/payments/{held.key}/{action}", **{"why": "agreed by phone", **fields})


def test_accept(platform: RunningPlatform, amy: Member, project: ProjectClient) -> None:
    """The sum that was seen is taken as the payment, with name and reason in the journal."""
    held = examples.held(project, "take-1")
    answer = decide(amy, held, "accept", sum="9900")
    assert answer.headers["location"] == f"/dashboard/payments/{held.key}?said=money-accepted"
    after = project.payment("take-1")
    assert after is not None
    assert (after.status, after.paid_minor) == ("success", 9_900)
    [row] = entries(platform, held.key, "staffaccepted")
    assert (row.by, row.why) == (
        f"staff:{amy.user.email}",
        "agreed by phone",
    )
    page = text_of(amy.get(f"/payments/{held.key}"))
    assert f"Amy Lam ({amy.user.email})" in page
    assert "Reason: agreed by phone" in page


def test_accept_another_sum(platform: RunningPlatform, amy: Member, project: ProjectClient) -> None:
    """Money that came after the page was shown is not taken unseen."""
    held = examples.held(project, "more-1")
    for wrong in ("10000", "", "x"):
        page = decide(amy, held, "accept", sum=wrong)
        assert page.status == 409
        assert "Another sum waits by now" in text_of(page)
    assert entries(platform, held.key, "staffaccepted") == []


@pytest.mark.parametrize("action", ["accept", "decline"])
def test_no_decision_without_reason(amy: Member, project: ProjectClient, action: str) -> None:
    """Without a reason nothing is decided, and the form says so."""
    held = examples.held(project, "why-1")
    for why in ("", "  ", "a\0b", "a\nb", "長" * 501):
        page = decide(amy, held, action, sum="9900", why=why)
        assert page.status == 400
        assert "Give a reason" in text_of(page)
    assert project.payment("why-1") == held


def test_decline_and_return(platform: RunningPlatform, amy: Member, project: ProjectClient) -> None:
    """Declined money is noted as returned, once, and only with the payment that it came for."""
    held, other = examples.held(project, "back-1"), examples.held(project, "back-2")
    assert decide(amy, held, "decline").status == 303
    assert project.payment("back-1").status == "decline"  # type: ignore[union-attr]
    [credit] = platform.read(lambda tx: kept.of_payment(tx, held.key))
    page = amy.get(f"/payments/{held.key}").raw.decode()
    assert f"/credits/{credit.id}/return" in page
    # The same money can still be taken as the payment.
    assert f"/payments/{held.key}/accept" in page
    path = f"credits/{credit.id}/return"
    assert decide(amy, other, path).status == 404
    assert decide(amy, held, path, why="").status == 400
    assert decide(amy, held, path).status == 303
    page = text_of(decide(amy, held, path))
    assert "Somebody decided about this just before you" in page
    [credit] = platform.read(lambda tx: kept.of_payment(tx, held.key))
    assert credit.status == "returned"
    assert len(entries(platform, held.key, "credit returned")) == 1


def test_held_money_is_not_returned(amy: Member, project: ProjectClient) -> None:
    """Money that waits for a decision about its payment cannot be noted as returned."""
    held = examples.held(project, "held-1")
    [credit] = amy.platform.transact(lambda tx: kept.of_payment(tx, held.key))
    assert decide(amy, held, f"credits/{credit.id}/return").status == 409


def test_two_decide_at_once(
    platform: RunningPlatform, staff: Staff, project: ProjectClient
) -> None:
    """Of two people at once one decides; the other is told so, and the money moves once."""
    held = examples.held(project, "race-1")
    people = [staff.member(Role.OPERATIONS) for _ in range(4)]
    for one in people:
        assert one.csrf
    forms = ["accept", "decline", "accept", "decline"]
    with ThreadPoolExecutor(4) as pool:
        answers = list(
            pool.map(
                lambda pair: decide(pair[0], held, pair[1], sum="9900"),
                zip(people, forms, strict=True),
            )
        )
    done = [answer for answer in answers if answer.status == 303]
    told = [text_of(answer) for answer in answers if answer.status == 409]
    # Money that was declined may still be taken: then there are two decisions, one after another.
    accepted = len(entries(platform, held.key, "staffaccepted"))
    declined = len(entries(platform, held.key, "staffdeclined"))
    assert len(done) == accepted + declined
    assert accepted == 1
    assert declined <= 1
    assert len(told) == 4 - len(done)
    assert all("Somebody decided about this just before you" in page for page in told)


def test_resend(
    platform: RunningPlatform, amy: Member, merchant: Merchant, project: ProjectClient
) -> None:
    """A callback goes out again once for one form, however often that is sent."""
    asked = examples.waiting(project, "again-1")
    merchant.callback("again-1", "awaiting customer action")
    [callback] = platform.callbacks_of(project, "again-1")
    until(lambda: platform.callbacks_of(project, "again-1")[0].status == "delivered")
    page = amy.get(f"/payments/{asked.key}").raw.decode()
    seen = re.search(r'name="seen" value="([^"]+)"', page)
    assert seen
    assert f"/dashboard/callbacks/{callback.id}" in page
    path = f"callbacks/{callback.id}/resend"
    assert decide(amy, asked, path, seen=seen[1]).status == 303
    second = decide(amy, asked, path, seen=seen[1])
    assert second.status == 409
    assert "This callback has moved since you saw it" in text_of(second)
    merchant.callback("again-1", "awaiting customer action")
    [row] = entries(platform, asked.key, "callback resent")
    assert (row.by, row.why) == (f"staff:{amy.user.email}", f"{callback.id}: agreed by phone")
    other = examples.waiting(project, "again-2")
    assert decide(amy, other, path, seen=seen[1]).status == 404


def test_resend_without_address(amy: Member, platform: RunningPlatform) -> None:
    """A callback that has nowhere to go is not sent, and the person is told why."""
    project = platform.add_project("")
    asked = examples.waiting(project, "mute-1")
    [callback] = until(lambda: platform.callbacks_of(project, "mute-1") or None)
    assert "/resend" not in amy.get(f"/payments/{asked.key}").raw.decode()
    page = decide(amy, asked, f"callbacks/{callback.id}/resend", seen="dropped 0")
    assert page.status == 409
    assert "has no address" in text_of(page)


def test_failed_checks_on_the_card(amy: Member, project: ProjectClient) -> None:
    """A payment that was not started says what was wrong, and there is nothing to decide."""
    project.sell("usd-1", currency="USD")
    page = amy.get(f"/payments/{key_of(project, 'usd-1')}")
    assert Code.INVALID_CURRENCY.value in text_of(page)
    assert "/decline" not in page.raw.decode()
