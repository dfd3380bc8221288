"""Payment links in the Dashboard: made, shown, paid, taken back, and many at once from a file."""

from __future__ import annotations

import csv
import io
import re
import threading
from typing import Final
from urllib.parse import urlencode

import pytest

from sampan.codecs import qr_image
from sampan.codecs.link_csv import FILE_BYTES_MAX
from sampan.domain.rights import Role
from sampan.storage import journal, link_batches
from tests.support.client import Answer
from tests.support.links import act_on, make_link, open_link
from tests.support.merchant import Merchant
from tests.support.pages import payload_of, screen_of
from tests.support.platform import ProjectClient, RunningPlatform, until
from tests.support.staff import Member, Staff, text_of

NEW: Final = "/links/new"
BATCHES: Final = "/links/batches"
HEAD: Final = "payment_id,amount,currency,expires"


@pytest.fixture(scope="module")
def amy(platform: RunningPlatform) -> Member:
    """Somebody of operations."""
    return Staff(platform).member(Role.OPERATIONS, email=f"amy{id(platform)}@tea.example")


def asked(project: ProjectClient, **more: str) -> dict[str, str]:
    """Return the form of a link over HK$268.50 that is good for a week."""
    fields = {"project": str(project.id), "amount": "268.50", "currency": "HKD", "expires": "7d"}
    return fields | {"once": "a seed"} | more


def once_of(member: Member) -> str:
    """Return what a fresh form carries against being sent twice."""
    found = re.search(r'name="once" value="([0-9a-f]+)"', member.get(NEW).raw.decode())
    assert found
    return found[1]


def path_of(answer: Answer) -> str:
    """Return the path below the Dashboard that an answer leads to."""
    assert answer.status == 303, text_of(answer)[:600]
    return answer.headers["location"].removeprefix("/dashboard").partition("?")[0]


def made(member: Member, project: ProjectClient, payment_id: str, **more: str) -> str:
    """Make a link; return the path of its page."""
    return path_of(member.post(NEW, **asked(project, payment_id=payment_id, **more)))


def url_of(page: Answer) -> str:
    """Return the address of the link that a page shows."""
    found = re.search(r'data-copy="(http[^"]+/payment/s/[^"]+)"', page.raw.decode())
    assert found
    return found[1]


# --- one link ---------------------------------------------------------------------------------


def test_from_the_form_to_the_money(
    amy: Member, project: ProjectClient, merchant: Merchant
) -> None:
    """Staff make a link, the customer opens it and pays, the register says so."""
    path = made(
        amy,
        project,
        "d-1",
        description="Iron Buddha 鐵觀音",
        customer_name="Chan Tai Man",
        customer_email="chan@tea.example",
        customer_phone="+852 9123 4567",
        language="zh-hant",
        return_success="https://shop.example/thanks",
    )
    merchant.callback("d-1", "awaiting payment", operation="invoice")
    page = amy.get(path)
    url = url_of(page)
    shown = text_of(page)
    for part in ("HK$268.50", "Iron Buddha 鐵觀音", "Chan Tai Man", "Link open"):
        assert part in shown
    payment = project.payment("d-1")
    assert payment is not None
    assert (payment.customer.id, payment.customer.phone) == ("d-1", "85291234567")
    assert payment.targets.return_success == "https://shop.example/thanks"
    opened = open_link(project, url)
    assert screen_of(opened) == "choose"
    assert b'lang="zh-Hant-HK"' in opened.raw
    act_on(project, url, "start")
    until(lambda: (found := project.payment("d-1")) is not None and found.display is not None)
    project.platform.bank.act(payload_of(project, "d-1"), "pay")
    merchant.callback("d-1", "success")
    row = text_of(amy.get("/links", project=project.id, state="paid"))
    assert "d-1" in row
    assert "Paid" in row
    entries = project.platform.read(lambda tx: journal.of_payment(tx, payment.key))
    assert entries[0].by == f"staff:{amy.user.email}"


def test_an_id_is_made_up(amy: Member, project: ProjectClient) -> None:
    """Without an id a link has one to read out, and its customer has the same."""
    path = made(amy, project, "", once=once_of(amy))
    shown = text_of(amy.get(path))
    found = re.search(r"LINK-[0-9A-Z]{8}\b", shown)
    assert found
    payment = project.payment(found[0])
    assert payment is not None
    assert payment.customer.id == found[0]


def test_sent_twice_makes_one(amy: Member, project: ProjectClient) -> None:
    """A form sent again leads to its link; changed, it makes another one."""
    once = once_of(amy)
    paths: list[str] = []
    threads = [
        threading.Thread(target=lambda: paths.append(made(amy, project, "", once=once)))
        for _ in range(4)
    ]
    assert amy.csrf
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(paths) == 4
    assert len(set(paths)) == 1
    assert made(amy, project, "", once=once, amount="5") not in paths


FAULTS: Final = [
    ({"amount": "1.001"}, "at most two decimals"),
    ({"amount": "1,000"}, "at most two decimals"),
    ({"amount": ""}, "This is needed."),
    ({"amount": "0"}, "more than nothing"),
    ({"amount": "10000.01"}, "at most HK$10,000.00"),
    ({"amount": "9" * 300}, "At most 255"),
    ({"currency": "EUR"}, "HKD or CNY"),
    ({"currency": "CNY"}, "does not take this currency"),
    ({"expires": "31d"}, "at most 30 days"),
    ({"expires": "at", "until": "2001-02-03T04:05"}, "This time is over"),
    ({"expires": "at", "until": "2001-02-30T04:05"}, "Write a number of days"),
    ({"expires": "soon"}, "Write a number of days"),
    ({"payment_id": "a;b"}, "no semicolon"),
    ({"payment_id": "d-used"}, "used already"),
    ({"payment_id": "a\0b"}, "cannot be shown"),
    ({"description": "x" * 256}, "At most 255"),
    ({"customer_email": "nobody"}, "not an e-mail"),
    ({"customer_phone": "123"}, "4 to 24 digits"),
    ({"language": "fr"}, "en, zh-hant or zh"),
    ({"send_email": "1", "customer_email": "a@b.hk"}, "No mail can be sent"),
    ({"return_any": "javascript:alert(1)"}, "not an http or https address"),
    ({"project": ""}, "Choose a project."),
    ({"project": "4294967295"}, "Choose a project."),
    ({"project": "茶"}, "Choose a project."),
]


@pytest.fixture(scope="module")
def picky(platform: RunningPlatform) -> ProjectClient:
    """A project that takes no CNY and has used an id."""
    found = platform.add_project("", cny_enabled=False)
    found.sell("d-used")
    return found


@pytest.mark.parametrize(("changes", "told"), FAULTS)
def test_faults_stand_at_their_fields(
    amy: Member, picky: ProjectClient, changes: dict[str, str], told: str
) -> None:
    """A form with a fault is shown again with what was typed and a sentence; nothing is made."""
    fields = asked(picky, payment_id="d-faulty", description="<i>茶</i>😀") | changes
    answer = amy.post(NEW, **fields)
    assert answer.status == 400
    assert told in text_of(answer)
    assert "<i>" not in answer.raw.decode()
    assert 'aria-invalid="true"' in answer.raw.decode() or "send_email" in changes
    assert picky.payment("d-faulty") is None


def test_a_project_that_is_off(amy: Member, platform: RunningPlatform) -> None:
    """A project that is switched off makes no link."""
    off = platform.add_project("", enabled=False)
    answer = amy.post(NEW, **asked(off, payment_id="d-off"))
    assert answer.status == 400
    assert "switched off" in text_of(answer)


def test_the_qr_leads_to_the_link(amy: Member, project: ProjectClient) -> None:
    """The picture holds the address; it can be saved and printed."""
    path = made(amy, project, "d-qr 茶")
    url = url_of(amy.get(path))
    picture = amy.get(f"{path}/qr.png")
    assert picture.headers["content-type"] == "image/png"
    assert qr_image.read(picture.raw) == [url]
    assert "attachment" in amy.get(f"{path}/qr.png", save=1).headers["content-disposition"]
    sheet = text_of(amy.get(f"{path}/poster"))
    for part in ("HK$268.50", url, "d-qr 茶", "Scan with your phone"):
        assert part in sheet


def test_the_message_is_ready(amy: Member, project: ProjectClient) -> None:
    """What is sent to the customer names amount, merchant and address, in a chosen language."""
    path = made(amy, project, "d-msg", description="50% off & more", customer_email="a+b@tea.hk")
    page = amy.get(path, message="en").raw.decode()
    assert "please pay HK$268.50 to" in page
    assert "https://wa.me/?text=Hello" in page
    assert "50%25%20off%20%26%20more" in page
    assert 'href="mailto:a%2Bb@tea.hk?subject=Payment%20link' in page


def test_taken_back_with_a_reason(amy: Member, project: ProjectClient, merchant: Merchant) -> None:
    """A reason is asked for and stands in the journal; the link is over, and a repeat is none."""
    path = made(amy, project, "d-off")
    url = url_of(amy.get(path))
    answer = amy.post(f"{path}/deactivate")
    assert answer.status == 400
    assert "Say why" in text_of(answer)
    # No line of text: a database may not even hold it.
    assert amy.post(f"{path}/deactivate", why="a\0b").status == 400
    assert path_of(amy.post(f"{path}/deactivate", why="sold out")) == path
    merchant.callback("d-off", "invoice canceled", operation="invoice")
    assert screen_of(open_link(project, url)) == "cancelled"
    assert amy.post(f"{path}/deactivate", why="again").status == 303
    payment = project.payment("d-off")
    assert payment is not None
    last = project.platform.read(lambda tx: journal.of_payment(tx, payment.key))[-1]
    assert (last.by, last.why) == (f"staff:{amy.user.email}", "sold out")
    assert "nothing to print" in text_of(amy.get(f"{path}/poster"))


def test_taken_back_in_the_list(amy: Member, project: ProjectClient) -> None:
    """One click in the list takes a link back and leads to the same list."""
    path = made(amy, project, "d-list")
    query = urlencode({"state": "open", "project": project.id})
    answer = amy.post(f"{path}/deactivate", **{"from": "list", "query": query})
    assert answer.headers["location"] == f"/dashboard/links?{query}&said=link-off"
    assert "d-list" in text_of(amy.get("/links", state="cancelled", project=project.id))
    assert "d-list" not in text_of(amy.get("/links", state="open", project=project.id))


def test_too_late_to_take_back(amy: Member, project: ProjectClient) -> None:
    """A link whose customer has confirmed stays."""
    path = made(amy, project, "d-late")
    act_on(project, url_of(amy.get(path)), "start")
    answer = amy.post(f"{path}/deactivate", why="sold out")
    assert answer.status == 400
    assert "confirmed already" in text_of(answer)


def test_the_register_has_pages_and_filters(amy: Member, platform: RunningPlatform) -> None:
    """Links of Gate and of staff are listed newest first; whatever is asked for, nothing fails."""
    shop = platform.add_project("")
    for number in range(52):
        make_link(shop, f"r-{number:02d}")
    shop.sell("r-sale")
    first = amy.get("/links", project=shop.id)
    ids = re.findall(r">(r-\w+)</a>", first.raw.decode())
    assert ids == [f"r-{number:02d}" for number in range(51, 1, -1)]
    shown = text_of(first)
    assert "HK$5,200.00" in shown
    assert "52 links" in shown
    assert "Merchant, by Gate" in shown
    found = re.search(r'rel="next" href="\?([^"]+)"', first.raw.decode())
    assert found
    second = amy.get("/links?" + found[1].replace("&amp;", "&"))
    assert re.findall(r">(r-\w+)</a>", second.raw.decode()) == ["r-01", "r-00"]
    for odd in ({"after": "x"}, {"from": "2030-02-31"}, {"to": "9999-12-31"}, {"from": "1-1-1"}):
        assert amy.get("/links", project=shop.id, **odd).status == 200
    assert "No link fits" in text_of(amy.get("/links", project=shop.id, **{"from": "2999-01-01"}))
    assert amy.get("/links", project="😀", state="nonsense").status == 200


@pytest.mark.parametrize("key", ["1", "9" * 40, "9" * 5000, str(2**63)])
def test_unknown_links(amy: Member, key: str) -> None:
    """What is no link is not found, however its number looks."""
    for path in (f"/links/{key}", f"/links/{key}/qr.png", f"{BATCHES}/{key}"):
        assert amy.get(path).status == 404
    assert amy.post(f"/links/{key}/deactivate", why="x").status == 404
    assert amy.post(f"{BATCHES}/{key}/start").status == 404


def test_a_sale_is_no_link(amy: Member, project: ProjectClient) -> None:
    """The page of a link shows no other payment."""
    project.sell("d-sale")
    payment = project.payment("d-sale")
    assert payment is not None
    assert amy.get(f"/links/{payment.key}").status == 404


# --- many at once -----------------------------------------------------------------------------


def send(member: Member, project: ProjectClient, text: str | bytes) -> Answer:
    """Send a file to be checked."""
    data = text if isinstance(text, bytes) else text.encode()
    return member.upload(BATCHES, file=data, project=str(project.id))


def counts(platform: RunningPlatform, path: str) -> dict[str, int]:
    """Return how many lines of a file are where."""
    key = int(path.rpartition("/")[2])
    found = platform.read(lambda tx: link_batches.counts(tx, key))
    return {name: getattr(found, name) for name in found.__struct_fields__}


def finished(platform: RunningPlatform, path: str) -> None:
    """Wait until a file is done."""
    key = int(path.rpartition("/")[2])

    def done() -> bool:
        batch = platform.read(lambda tx: link_batches.find(tx, key))
        return batch is not None and batch.status == "done"

    until(done)


def test_two_hundred_lines(amy: Member, platform: RunningPlatform) -> None:
    """A file with faults is checked first; then each right line has one link, the others none."""
    shop = platform.add_project("")
    shop.sell("f-7")
    lines = [f"F-{number},{number}.50,HKD,7" for number in range(1, 201)]
    lines[9] = "F-10,ten,HKD,7"
    lines[19] = "F-1,20.50,HKD,7"
    lines[29] = "F-30,30.50,EUR,99"
    lines[39] = "F-40,40.50"
    path = path_of(send(amy, shop, "\n".join([HEAD, *lines])))
    assert counts(platform, path) == {"ready": 195, "faulty": 5, "made": 0, "refused": 0}
    shown = text_of(amy.get(path, show="wrong"))
    for part in (
        "195 lines are right. 5 lines are not, and are left out.",
        "F-7 7.50 HKD – Not right payment_id This payment id is used already",
        "11 F-10 ten HKD – Not right amount Write the amount in dollars",
        "21 F-1 20.50 HKD – Not right payment_id Line 2 has the same payment id.",
        "currency The currency is HKD or CNY. expires A link is good for at most 30 days.",
        "more or fewer cells",
    ):
        assert part in shown
    assert shop.payment("F-2") is None
    assert path_of(amy.post(f"{path}/start")) == path
    amy.post(f"{path}/start")
    finished(platform, path)
    assert counts(platform, path) == {"ready": 0, "faulty": 5, "made": 195, "refused": 0}
    assert "195 of 195 (100%)" in text_of(amy.get(path))
    report = amy.get(f"{path}/lines.csv").raw.decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(report)))
    assert len(rows) == 200
    assert rows[1]["amount"] == "2.50"
    assert screen_of(open_link(shop, rows[1]["link"])) == "choose"
    assert rows[9]["faults"].startswith("amount: Write the amount")
    payment = shop.payment("f-2")
    assert payment is not None
    first = platform.read(lambda tx: journal.of_payment(tx, payment.key))[0]
    assert first.by == f"staff:{amy.user.email}"


def test_the_template_is_right(amy: Member, project: ProjectClient) -> None:
    """The file to begin with passes the check; links without an id have one that is made up."""
    template = amy.get(f"{BATCHES}/template.csv").raw
    path = path_of(send(amy, project, template))
    assert counts(project.platform, path)["ready"] == 2
    assert re.search("LINK-[0-9A-Z]{8}", text_of(amy.get(path)))
    assert "payment-links" in amy.get(f"{path}/lines.csv").headers["content-disposition"]


BAD_FILES: Final = [
    (b"", "The file is empty"),
    (HEAD.encode(), "The file is empty"),
    (f"{HEAD},amount\n".encode(), "there twice: amount."),
    (b"payment_id;expires\na;7", "missing: amount, currency."),
    (f"{HEAD},<b>\n".encode(), "not known: <b>."),
    (f"{HEAD}\na,1,HKD,7\nb,1,HKD,7,茶".encode("big5"), "Line 3 is not UTF-8"),
    (f'{HEAD}\na,1,HKD,"7'.encode(), "Line 2 cannot be read"),
    (HEAD.encode() + b"\na,1,HKD,7" * 5_001, "more than 5000 links"),
    (b"x" * (FILE_BYTES_MAX + 1), "larger than 2 MB"),
]


@pytest.mark.parametrize(("data", "told"), BAD_FILES, ids=[told for _, told in BAD_FILES])
def test_files_that_cannot_be_read(
    amy: Member, project: ProjectClient, data: bytes, told: str
) -> None:
    """What is wrong with a file as a whole stands beside it; nothing is kept."""
    answer = send(amy, project, data)
    assert answer.status == 400
    assert told in text_of(answer)
    assert b"<b>" not in answer.raw


def test_a_file_and_a_project_are_needed(amy: Member) -> None:
    """An empty form names both."""
    answer = amy.post(BATCHES)
    assert answer.status == 400
    for told in ("Choose a project.", "Choose a file."):
        assert told in text_of(answer)


def test_what_changed_meanwhile(amy: Member, platform: RunningPlatform) -> None:
    """A line that was right and no longer is gets no link, and says why."""
    shop = platform.add_project("")
    path = path_of(send(amy, shop, f"{HEAD}\nm-1,5,HKD,7\nm-2,5000,HKD,7\nm-3,5,HKD,7"))
    make_link(shop, "m-1")
    shop.change(hkd_amount_max=1_000)
    platform.clock.advance(1)
    amy.post(f"{path}/start")
    finished(platform, path)
    assert counts(platform, path) == {"ready": 0, "faulty": 0, "made": 1, "refused": 2}
    shown = text_of(amy.get(path, show="wrong"))
    assert "used already" in shown
    assert "takes at most HK$10.00" in shown


@pytest.mark.parametrize("role", [Role.SUPPORT, Role.FINANCE, Role.RISKS])
def test_others_see_nothing_of_links(
    platform: RunningPlatform, project: ProjectClient, role: Role
) -> None:
    """Who may not make links sees neither them nor the way to them."""
    member = Staff(platform).member(role)
    assert b'href="/dashboard/links"' not in member.get("/profile").raw
    assert member.post(NEW, **asked(project, payment_id="d-no")).status == 403
    assert send(member, project, HEAD).status == 403
    assert project.payment("d-no") is None
