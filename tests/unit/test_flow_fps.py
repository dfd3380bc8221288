"""FPS accounts are kept and given to projects, and a sale finds its account and its amount."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import cv2
import msgspec
import numpy as np
import pytest
from rich.pretty import pretty_repr
from sqlalchemy import select

from sampan.codecs.emv_qr import FpsView, decode
from sampan.domain import fps_account as domain
from sampan.domain import reference
from sampan.domain.fps_account import FpsAccount, account_of
from sampan.domain.payment import Operation
from sampan.domain.project import AccountRule, ReferenceMode
from sampan.domain.statuses import Origin, PaymentStatus
from sampan.errors import Refusal
from sampan.flow import choosing, fps_codes, issuing
from sampan.flow import fps_accounts as flow
from sampan.flow.fps_accounts import Meanwhile
from sampan.flow.fps_codes import Trial
from sampan.flow.issuing import Asking
from sampan.flow.projects import Act, Rotation
from sampan.providers.base import Credit
from sampan.storage import fps_accounts as kept
from sampan.storage import payments, schema
from sampan.storage.engine import Tx
from sampan.storage.fps_accounts import Card, NewKey
from sampan.storage.vault import Vault
from tests.support.flow_world import PROJECT_ID, FlowWorld, open_world
from tests.support.symbols import read_by_opencv

BY = "staff:amy@tea.example"
KEY = "the key of the account"
HOUR_US = 3_600_000_000


@pytest.fixture
def world(database_url: str) -> Iterator[FlowWorld]:
    """A platform without doors, whose project is paid to FPS accounts, on either engine."""
    with open_world(database_url) as made:
        made.set(provider="fps")
        yield made


def act(world: FlowWorld) -> Act:
    """Something that Amy does now."""
    return Act(world.next_us(), BY, Vault("a master key for tests", world.clock))


def add(world: FlowWorld, name: str = "Main", *, attached: bool = True, **values: object) -> int:
    """Add an account, let the project use it, and return its id."""
    wanted: dict[str, object] = {"id": 0, "name": name, "proxy_kind": "fps_id", "proxy": "1029384"}
    account = account_of({**wanted, "payee_name": "TEA", **values})
    done = act(world)
    made = world.do(lambda tx: flow.add(tx, account, key=KEY, act=done))
    if attached:
        world.do(lambda tx: flow.attach(tx, PROJECT_ID, made.id, act=done))
    return made.id


def change(world: FlowWorld, account_id: int, **values: object) -> Card | Meanwhile:
    """Change an account as whoever looks at it now."""
    done = act(world)

    def edit(before: FpsAccount) -> FpsAccount:
        return domain.changed(before, values)

    return world.do(lambda tx: flow.change(tx, account_id, edit=edit, act=done))


def card(world: FlowWorld, account_id: int) -> Card:
    """The account as it is kept."""
    found = world.do(lambda tx: kept.card(tx, account_id, now_us=world.clock.now_us()))
    assert found is not None
    return found


def keys(
    world: FlowWorld, account: str, provider: str = "fps"
) -> tuple[str, tuple[str, ...]] | None:
    """Who is meant by an address of the door, and which keys verify there."""
    done = act(world)
    return world.do(
        lambda tx: flow.notice_keys(tx, provider, account, vault=done.vault, now_us=done.now_us)
    )


def told(world: FlowWorld) -> list[tuple[int, str, str]]:
    """What Amy did, by the journal: project, what and why."""
    t = schema.journal
    wanted = select(t.c.project_id, t.c.what, t.c.why).where(t.c.by == BY)
    rows = world.do(lambda tx: tx.query(wanted.order_by(t.c.at_us, t.c.id)))
    return [(row[0], row[1], row[2]) for row in rows]


def asked(world: FlowWorld, payment_id: str = "p-1") -> Asking:
    """What the provider is asked about a payment's newest sale."""

    def ask(tx: Tx) -> Asking | None:
        payment = payments.payment_by_id(tx, PROJECT_ID, payment_id)
        assert payment is not None
        newest = payments.operations_of(tx, payment.key)[-1]
        return issuing.asking(tx, world.project, newest)

    found = world.do(ask)
    assert found is not None
    return found


def sold(world: FlowWorld, payment_id: str, *, amount_minor: int = 38_800) -> Operation:
    """Take a sale in and show its QR; return its operation."""
    world.sale(payment_id, amount_minor=amount_minor)
    world.issue(payment_id)
    return world.operations(payment_id)[-1]


# --- accounts ----------------------------------------------------------------------------------


def test_account_is_kept_as_it_was_given(world: FlowWorld) -> None:
    """Every value comes back as its own type, and the journal has who was added."""
    values: dict[str, object] = {
        "proxy_kind": "mobile",
        "proxy": "+852-91234567",
        "clearing_code": "004",
        "bank_account": "123-456",
        "payee_name_zh": "茶舍",
        "city": "KOWLOON",
        "mcc": "5499",
        "currencies": "HKD,CNY",
        "reference_mode": "both",
        "amount_lock": False,
        "timeout_in_qr": False,
        "off_max_minor": 50,
        "is_on": False,
    }
    account_id = add(world, attached=False, **values)  # type: ignore[arg-type]
    found = card(world, account_id)
    wanted = {"id": account_id, "name": "Main", "payee_name": "TEA", **values}
    assert found.account == account_of(wanted)
    assert msgspec.to_builtins(found.account) == wanted
    assert found.created_us == found.updated_us == found.key_set_us
    assert world.do(lambda tx: kept.every(tx, now_us=0)) == [found]
    assert told(world) == [(0, "FPS account added", f"fps:{account_id} Main: mobile +852-91234567")]


def test_change_is_written_once_and_told(world: FlowWorld) -> None:
    """What differs is written; nothing is where nothing differs, and where somebody was faster."""
    account_id = add(world, attached=False)
    seen_us = card(world, account_id).updated_us
    after = change(world, account_id, reference_mode="bill_number")
    assert isinstance(after, Card)
    assert after == card(world, account_id)
    assert after.account.reference_mode is ReferenceMode.BILL_NUMBER
    assert change(world, account_id, reference_mode="bill_number") == after
    done = act(world)
    late = world.do(
        lambda tx: flow.change(tx, account_id, edit=lambda a: a, act=done, seen_us=seen_us)
    )
    assert late == Meanwhile(after)
    assert [entry[1:] for entry in told(world)][1:] == [
        ("FPS account changed", f"fps:{account_id} Main: reference_mode=none → bill_number")
    ]


def test_names_are_taken_once(world: FlowWorld) -> None:
    """Two accounts of one name cannot be told apart."""
    add(world, "Main")
    other = add(world, "Other")
    with pytest.raises(Refusal, match="called 'Main' already"):
        add(world, "Main")
    with pytest.raises(Refusal, match="called 'Main' already"):
        change(world, other, name="Main")
    assert isinstance(change(world, other, name="Third"), Card)


def test_key_is_rotated_with_an_overlap(world: FlowWorld) -> None:
    """Both keys verify until the overlap is over; a form sent twice rotates once."""
    account_id = add(world)
    name = f"fps:{account_id}"
    assert keys(world, str(account_id)) == (name, (KEY,))
    seen_us, done = card(world, account_id).key_set_us, act(world)
    rotation = Rotation(secret="new", overlap_s=60, seen_us=seen_us)
    first = world.do(lambda tx: flow.rotate(tx, account_id, rotation=rotation, act=done))
    again = world.do(lambda tx: flow.rotate(tx, account_id, rotation=rotation, act=done))
    assert isinstance(first, Card)
    assert again == Meanwhile(first)
    assert first == card(world, account_id)
    assert keys(world, str(account_id)) == (name, ("new", KEY))
    world.clock.advance(61_000_000)
    assert keys(world, str(account_id)) == (name, ("new",))
    assert card(world, account_id).previous_until_us is None
    sudden = Rotation(secret="newer", overlap_s=0)
    done = act(world)
    last = world.do(lambda tx: flow.rotate(tx, account_id, rotation=sudden, act=done))
    assert isinstance(last, Card)
    assert last.previous_until_us is None
    assert keys(world, str(account_id)) == (name, ("newer",))
    whys = [why for _, what, why in told(world) if what == "FPS key rotated"]
    assert [why.split(" verifies ")[1][:6] for why in whys] == ["until ", "no lon"]


def test_keys_are_in_no_text(world: FlowWorld) -> None:
    """Neither the row nor what is logged of a new key shows it."""
    account_id = add(world)
    row = world.do(lambda tx: tx.query(select(schema.fps_accounts)))[0]
    assert not any(KEY in str(value) for value in row)
    new = NewKey(key=KEY, set_us=1, previous_until_us=2)
    assert KEY not in repr(new) + pretty_repr(new)
    assert account_id


@pytest.mark.parametrize(
    ("provider", "account"), [("sandbox", "1"), ("fps", "x"), ("fps", "12"), ("fps", "")]
)
def test_nobody_is_meant(world: FlowWorld, provider: str, account: str) -> None:
    """Other providers, what is no id, and ids of nobody have no keys."""
    assert keys(world, account, provider) is None


def test_unknown_account_is_refused(world: FlowWorld) -> None:
    """There is nothing to change, and the refusal says so."""
    with pytest.raises(Refusal, match="no FPS account 5") as refused:
        change(world, 5, is_on=False)
    assert refused.value.http_status == 404
    done = act(world)
    with pytest.raises(Refusal, match="no FPS account 5"):
        world.do(lambda tx: flow.attach(tx, PROJECT_ID, 5, act=done))


# --- accounts of a project ---------------------------------------------------------------------


def names(world: FlowWorld) -> list[str]:
    """The accounts of the project in their order."""
    found = world.do(lambda tx: kept.of_project(tx, PROJECT_ID))
    return [one.account.name for one in found]


def use(world: FlowWorld, what: Callable[..., None], account_id: int) -> list[str]:
    """Attach, put first or detach an account; return the accounts after it."""
    done = act(world)
    world.do(partial(what, project_id=PROJECT_ID, account_id=account_id, act=done))
    return names(world)


def test_accounts_stand_in_an_order(world: FlowWorld) -> None:
    """Each goes behind the others, may be put first, and may leave; repeats do nothing."""
    ids = {name: add(world, name) for name in ("A", "B", "C")}
    assert names(world) == ["A", "B", "C"]
    assert use(world, flow.put_first, ids["C"]) == ["C", "A", "B"]
    assert use(world, flow.put_first, ids["C"]) == ["C", "A", "B"]
    assert use(world, flow.detach, ids["A"]) == ["C", "B"]
    assert use(world, flow.detach, ids["A"]) == ["C", "B"]
    assert use(world, flow.attach, ids["B"]) == ["C", "B"]
    assert use(world, flow.attach, ids["A"]) == ["C", "B", "A"]
    assert world.do(lambda tx: kept.projects_of(tx, ids["A"])) == [PROJECT_ID]
    whats = [what.removeprefix("FPS account ") for project, what, _ in told(world) if project]
    assert whats == ["attached"] * 3 + ["put first", "detached", "attached"]


def test_only_an_account_of_the_project_is_put_first(world: FlowWorld) -> None:
    """Another one is refused."""
    account_id, done = add(world, attached=False), act(world)
    with pytest.raises(Refusal, match="does not use"):
        world.do(lambda tx: flow.put_first(tx, PROJECT_ID, account_id, act=done))


def test_project_has_so_many_accounts(world: FlowWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """One more than there may be is refused."""
    monkeypatch.setattr(domain, "ATTACHED_MAX", 2)
    add(world, "A")
    add(world, "B")
    with pytest.raises(Refusal, match="at most 2 accounts"):
        add(world, "C")


# --- the account of a sale ---------------------------------------------------------------------


def test_account_of_a_sale_is_written_and_kept(world: FlowWorld) -> None:
    """Who asks again is told of the same account, whatever was put first since."""
    first = add(world, "A")
    world.sale()
    before = asked(world)
    assert (before.operation.account, before.operation.qr_minor) == (f"fps:{first}", 10_000)
    assert before.operation.provider_id == 2
    second, done = add(world, "B", proxy="7654321"), act(world)
    world.do(lambda tx: flow.put_first(tx, PROJECT_ID, second, act=done))
    after = asked(world)
    assert after.order == before.order
    assert after.operation == before.operation


def test_account_that_went_is_replaced_before_its_qr_is_seen(world: FlowWorld) -> None:
    """Switched off between two questions: the next account takes over; none leaves no payee."""
    first = add(world, "A")
    second = add(world, "B", proxy="7654321")
    world.sale()
    assert asked(world).order.options["fps_id"] == "1029384"
    change(world, first, is_on=False)
    after = asked(world)
    assert (after.operation.account, after.order.options["fps_id"]) == (f"fps:{second}", "7654321")
    change(world, second, is_on=False)
    assert "fps_id" not in asked(world).order.options


def test_another_attempt_has_an_account_of_its_own(world: FlowWorld) -> None:
    """What an attempt showed stays on its operation; the next one chooses anew."""
    world.set(account_rule=AccountRule.TURNS, retry_attempts_max=1)
    ids = [add(world, name) for name in ("A", "B")]
    world.sale(origin=Origin.PAGE)
    world.issue()
    world.run_out()
    world.try_again()
    asked(world)
    shown = [operation.account for operation in world.operations()]
    assert shown == [f"fps:{account_id}" for account_id in ids]


def test_turns_go_round_whatever_the_clock_says(world: FlowWorld) -> None:
    """Three sales at one moment go to three accounts, and the fourth begins anew."""
    world.set(account_rule=AccountRule.TURNS)
    ids = [add(world, name) for name in ("A", "B", "C")]
    keys_seen = []
    for number in range(4):
        world.sale(f"p-{number}")
        keys_seen.append(asked(world, f"p-{number}").operation.account)
    assert keys_seen == [f"fps:{ids[place]}" for place in (0, 1, 2, 0)]


def test_what_was_asked_yesterday_does_not_count(world: FlowWorld) -> None:
    """The account asked for the least today may be the one asked for the most yesterday."""
    world.set(account_rule=AccountRule.LEAST_TODAY)
    first, second = add(world, "A"), add(world, "B")
    for payment_id, amount_minor in (("p-1", 9_000), ("p-2", 100)):
        world.sale(payment_id, amount_minor=amount_minor)
        asked(world, payment_id)
    world.clock.advance(24 * HOUR_US)
    seen = []
    for payment_id in ("p-3", "p-4"):
        world.sale(payment_id)
        seen.append(asked(world, payment_id).operation.account)
    assert seen == [f"fps:{first}", f"fps:{second}"]


def test_sandbox_knows_its_own_account(world: FlowWorld) -> None:
    """Other providers' operations name no account, and their orders carry none."""
    world.set(provider="sandbox")
    add(world)
    world.sale()
    found = asked(world)
    assert (found.operation.account, found.operation.qr_minor) == ("", None)
    assert "fps_id" not in found.order.options


@pytest.mark.parametrize(
    ("values", "codes"),
    [
        (None, [("310", "")]),
        ({"is_on": False}, [("310", "")]),
        ({"currencies": "CNY"}, [("3023", "payment.currency")]),
        ({}, []),
    ],
)
def test_sale_that_nobody_can_be_paid_for(
    world: FlowWorld, values: dict[str, str] | None, codes: list[tuple[str, str]]
) -> None:
    """Without an account that is on, or one for the currency, the payment is in error at once."""
    if values is not None:
        add(world, **values)  # type: ignore[arg-type]
    world.sale()
    assert [(fault.code, fault.field) for fault in world.payment().faults] == codes
    assert (world.payment().status is PaymentStatus.ERROR) == bool(codes)


# --- amounts of their own ----------------------------------------------------------------------


def test_each_open_payment_has_an_amount_of_its_own(world: FlowWorld) -> None:
    """A few cents off, as many as the account allows; then people tell payments apart."""
    add(world, off_max_minor=2)
    amounts = [sold(world, f"p-{number}").qr_minor for number in range(4)]
    assert amounts == [38_800, 38_799, 38_798, 38_800]
    shown = world.payment("p-1").display
    assert shown is not None
    assert shown.amount_minor == 38_799
    first = world.payment("p-0").display
    assert first is not None
    assert first.amount_minor is None


def test_sales_at_one_moment_have_amounts_of_their_own(world: FlowWorld) -> None:
    """Two questions at once never find the same amount free."""
    add(world, off_max_minor=5)
    ids = [f"p-{number}" for number in range(5)]
    newest = []
    for payment_id in ids:
        world.sale(payment_id, amount_minor=38_800)
        newest.append(world.operations(payment_id)[-1])
    fns = [partial(choosing.choose, project=world.project, operation=one) for one in newest]
    chosen = world.together(*fns)
    amounts = [one.operation.qr_minor for one in chosen if isinstance(one, choosing.Chosen)]
    assert sorted(amounts, key=str) == [38_796, 38_797, 38_798, 38_799, 38_800]


@pytest.mark.parametrize("came", [38_799, 38_800])
def test_paid_with_the_cents_off_or_without(world: FlowWorld, came: int) -> None:
    """Both end in success, and the callback says what was asked and what really arrived."""
    account_id = add(world, off_max_minor=2)
    sold(world, "p-0")
    operation = sold(world, "p-1")
    pay(world, account_id, operation, came)
    payment = world.payment("p-1")
    assert (payment.status, payment.paid_minor) == (PaymentStatus.SUCCESS, came)
    body = msgspec.json.decode(world.callbacks("p-1")[-1].body)
    assert body["payment"]["sum"]["amount"] == came
    assert body["operation"]["sum_initial"]["amount"] == 38_800
    assert body["operation"]["sum_converted"]["amount"] == came
    shown = msgspec.json.decode(world.callbacks("p-1")[0].body)
    assert shown["qr"]["amount"] == 38_799


def test_other_sums_still_wait_for_people(world: FlowWorld) -> None:
    """One cent less than the QR asks for is short."""
    account_id = add(world, off_max_minor=2)
    sold(world, "p-0")
    pay(world, account_id, sold(world, "p-1"), 38_798)
    assert world.payment("p-1").held_count == 1


def test_amount_is_free_again_after_an_hour(world: FlowWorld) -> None:
    """An ended payment keeps its amount for as long as a late notice may come."""
    account_id = add(world, off_max_minor=2)
    operation = sold(world, "p-0")
    pay(world, account_id, operation, 38_800)
    assert sold(world, "p-1").qr_minor == 38_799
    world.clock.advance(HOUR_US)
    assert sold(world, "p-2").qr_minor == 38_800


def pay(world: FlowWorld, account_id: int, operation: Operation, amount_minor: int) -> None:
    """Let the bank tell of money that names an operation."""
    credit = Credit(
        account=f"fps:{account_id}",
        bank_txn_id=f"T{operation.id}",
        amount_minor=amount_minor,
        currency="HKD",
        reference=reference.encode(operation.id),
        booked_us=world.clock.now_us(),
    )
    world.notice(credit, "fps")


# --- codes that belong to no payment -----------------------------------------------------------


def view(payload: str) -> FpsView:
    """What a code says."""
    found = decode(payload).fps
    assert found is not None
    return found


ACCOUNT = account_of(
    {
        "id": 7,
        "name": "Till",
        "proxy_kind": "fps_id",
        "proxy": "1029384",
        "payee_name": "TEA",
        "currencies": "HKD,CNY",
        "reference_mode": "both",
    }
)


def test_counter_code_names_nobody() -> None:
    """A code for a till can be scanned for ever, by everybody, for any sum."""
    shown = view(fps_codes.counter_payload(ACCOUNT, currency="CNY"))
    assert (shown.proxy, shown.currency, shown.one_off) == ("1029384", "CNY", False)
    assert (shown.amount_minor, shown.timeout_us) == (None, None)
    assert (shown.bill_number, shown.reference_label) == (None, None)
    assert view(fps_codes.counter_payload(ACCOUNT, amount_minor=1880)).amount_minor == 1880


@pytest.mark.parametrize("mode", [None, *ReferenceMode])
def test_trial_code_is_what_a_payment_would_show(mode: ReferenceMode | None) -> None:
    """With the account's own mode or the one to try, and a reference that is no payment's."""
    shown = view(fps_codes.trial_payload(ACCOUNT, Trial(mode=mode), now_us=HOUR_US * 500_000))
    tried = mode or ACCOUNT.reference_mode
    bill = tried in {ReferenceMode.BILL_NUMBER, ReferenceMode.BOTH}
    label = tried in {ReferenceMode.REFERENCE_LABEL, ReferenceMode.BOTH}
    assert shown.bill_number == (fps_codes.TEST_REFERENCE if bill else None)
    assert shown.reference_label == (fps_codes.TEST_REFERENCE if label else None)
    assert (shown.amount_minor, shown.one_off) == (100, True)
    assert shown.timeout_us == HOUR_US * 500_000 + 600_000_000


@pytest.mark.parametrize(
    ("currency", "amount_minor", "code"), [("USD", 1, "3023"), ("HKD", 0, "702")]
)
def test_codes_that_cannot_be_made(currency: str, amount_minor: int, code: str) -> None:
    """A currency that the account does not take, and no sum, are refused."""
    with pytest.raises(Refusal) as refused:
        fps_codes.counter_payload(ACCOUNT, currency=currency, amount_minor=amount_minor)
    assert refused.value.code == code
    trial = Trial(currency=currency, amount_minor=amount_minor)
    with pytest.raises(Refusal) as refused:
        fps_codes.trial_payload(ACCOUNT, trial, now_us=HOUR_US * 500_000)
    assert refused.value.code == code


def test_picture_is_a_png_that_reads_back() -> None:
    """Who has nothing to do with the one who drew it reads the code."""
    payload = fps_codes.counter_payload(ACCOUNT)
    pixels = np.frombuffer(fps_codes.picture(payload), np.uint8)
    assert read_by_opencv(cv2.imdecode(pixels, cv2.IMREAD_GRAYSCALE)) == payload
