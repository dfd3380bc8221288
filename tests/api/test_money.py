"""Money that does not fit (short, over, late, twice, other currency), through the public doors."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sampan.flow import resolution
from sampan.flow.settle import Step
from sampan.storage import credits as kept
from sampan.storage import journal
from sampan.storage.engine import Tx
from tests.support.client import Body
from tests.support.merchant import Merchant
from tests.support.platform import ProjectClient, RunningPlatform, until

WAITING = "awaiting customer action"
MINUTE_S = 60

Add = Callable[..., ProjectClient]


@pytest.fixture
def add(platform: RunningPlatform, merchant: Merchant) -> Add:
    """Makes projects with settings, whose callbacks go to `merchant`."""

    def made(**settings: object) -> ProjectClient:
        return platform.add_project(merchant.url, secret=merchant.secrets[0], **settings)

    return made


def shown_payload(merchant: Merchant, project: ProjectClient) -> str:
    """Sell for HK$100.00 and return the payload of the QR."""
    project.sell("p-1")
    return str(merchant.callback("p-1", WAITING).body["qr"]["payload"])


def credits_of(project: ProjectClient) -> list[tuple[str, str, int]]:
    """Return (status, currency, minor units) of each credit of the project's payment."""

    def look(tx: Tx) -> list[tuple[str, str, int]]:
        every = [*kept.listing(tx, status=None, most=1000)]
        mine = [one for one in every if one.account == project.fps_id]
        return sorted((one.status, one.currency, one.amount_minor) for one in mine)

    return project.platform.read(look)


def alarms_of(project: ProjectClient) -> list[str]:
    """Return the reasons of the alarms about the project's payment."""
    payment = project.payment("p-1")
    assert payment is not None
    entries = project.platform.read(lambda tx: journal.of_payment(tx, payment.key))
    return [entry.why for entry in entries if entry.what == "alarm"]


def ledger_of(project: ProjectClient, currency: str = "HKD") -> tuple[int, int, int]:
    """Return minor units at the bank, unapplied and applied to the project, by the ledger."""
    lines = project.platform.balances()
    names = (
        f"bank/sandbox/{project.fps_id}",
        f"unapplied/sandbox/{project.fps_id}",
        f"project/{project.id}",
    )
    held, unapplied, applied = (lines.get((name, currency), 0) for name in names)
    assert held == project.platform.bank.balance(project.fps_id, currency)
    return held, -unapplied, -applied


def staff(project: ProjectClient, decide: Callable[..., object], why: str = "phoned") -> None:
    """Let staff decide about the payment. There is no door for it in this test's world."""
    payment = project.payment("p-1")
    assert payment is not None
    step = Step(project.platform.clock.now_us(), "staff:mei", why)
    project.platform.transact(lambda tx: decide(tx, project.project, payment, step=step))


# --- another amount ----------------------------------------------------------------------------


@pytest.mark.parametrize(("action", "paid"), [("short", 9_900), ("over", 10_100)])
def test_other_amount_is_held_for_staff(
    platform: RunningPlatform, add: Add, merchant: Merchant, action: str, paid: int
) -> None:
    """By default the payment keeps waiting with an alarm, past its time too; nothing is told."""
    project = add()
    platform.bank.act(shown_payload(merchant, project), action)
    until(lambda: alarms_of(project) == [action])
    assert credits_of(project) == [("held", "HKD", paid)]
    assert ledger_of(project) == (paid, paid, 0)
    other = add()
    other.sell("p-1")
    platform.clock.advance(16 * MINUTE_S)
    until(lambda: other.status("p-1")["payment"]["status"] == "decline")
    status = project.status("p-1")
    assert status["payment"]["status"] == WAITING
    assert status["payment"]["sum"]["amount"] == 10_000
    assert len(platform.callbacks_of(project, "p-1")) == 1


def test_staff_accept_what_was_paid(
    platform: RunningPlatform, add: Add, merchant: Merchant
) -> None:
    """An operation `manual change`: the sum is what was paid, `sum_initial` what was asked."""
    project = add()
    platform.bank.act(shown_payload(merchant, project), "short")
    until(lambda: alarms_of(project))
    staff(project, resolution.accept)
    got = merchant.callback("p-1", "success", operation="manual change").body
    assert got["payment"]["sum"]["amount"] == 9_900
    assert got["operation"]["sum_initial"]["amount"] == 10_000
    assert project.status("p-1")["payment"] == got["payment"]
    assert credits_of(project) == [("applied", "HKD", 9_900)]
    assert ledger_of(project) == (9_900, 0, 9_900)


def test_staff_decline_what_was_paid(
    platform: RunningPlatform, add: Add, merchant: Merchant
) -> None:
    """Code 20304; the money stays as an unapplied credit."""
    project = add()
    platform.bank.act(shown_payload(merchant, project), "over")
    until(lambda: alarms_of(project))
    staff(project, resolution.decline)
    got = merchant.callback("p-1", "decline", operation="manual change").body
    assert (got["operation"]["code"], got["operation"]["message"]) == (
        "20304",
        "Incorrect amount paid",
    )
    assert credits_of(project) == [("unapplied", "HKD", 10_100)]
    assert ledger_of(project) == (10_100, 10_100, 0)


@pytest.mark.parametrize(("action", "paid"), [("short", 9_900), ("over", 10_100)])
def test_project_may_accept_any_amount(
    platform: RunningPlatform, add: Add, merchant: Merchant, action: str, paid: int
) -> None:
    """`other_amount=accept`: success at once with the sum that was paid."""
    project = add(other_amount="accept")
    platform.bank.act(shown_payload(merchant, project), action)
    got = merchant.callback("p-1", "success").body
    assert got["payment"]["sum"]["amount"] == paid
    assert got["operation"]["sum_initial"]["amount"] == 10_000
    assert ledger_of(project) == (paid, 0, paid)


@pytest.mark.parametrize(("action", "paid"), [("short", 9_900), ("over", 10_100)])
def test_project_may_decline_other_amounts(
    platform: RunningPlatform, add: Add, merchant: Merchant, action: str, paid: int
) -> None:
    """`other_amount=decline`: declined at once with 20304, the money stays unapplied."""
    project = add(other_amount="decline")
    platform.bank.act(shown_payload(merchant, project), action)
    got = merchant.callback("p-1", "decline").body
    assert got["operation"]["code"] == "20304"
    assert credits_of(project) == [("unapplied", "HKD", paid)]
    assert ledger_of(project) == (paid, paid, 0)


def test_magic_amount_is_held_like_any_other_amount(
    platform: RunningPlatform, add: Add, merchant: Merchant
) -> None:
    """90000 is paid short by the sandbox."""
    project = add()
    project.sell("p-1", amount=90_000)
    platform.bank.act(merchant.callback("p-1", WAITING).body["qr"]["payload"])
    until(lambda: alarms_of(project) == ["short"])
    assert credits_of(project) == [("held", "HKD", 89_900)]


# --- late money --------------------------------------------------------------------------------


def declined(
    platform: RunningPlatform, merchant: Merchant, project: ProjectClient, action: str = "late"
) -> Body:
    """Let a payment pass its time unpaid, with money on its way; return the decline."""
    platform.bank.act(shown_payload(merchant, project), action)
    platform.clock.advance(15 * MINUTE_S)
    return dict(merchant.callback("p-1", "decline").body)


def test_late_money_is_an_unapplied_credit(
    platform: RunningPlatform, add: Add, merchant: Merchant
) -> None:
    """After the decline the right amount is kept with an alarm; the merchant is told nothing."""
    project = add()
    assert declined(platform, merchant, project)["operation"]["code"] == "20602"
    until(lambda: alarms_of(project) == ["late"])
    assert credits_of(project) == [("unapplied", "HKD", 10_000)]
    assert ledger_of(project) == (10_000, 10_000, 0)
    assert project.status("p-1")["payment"]["status"] == "decline"
    assert len(platform.callbacks_of(project, "p-1")) == 2


def test_staff_turn_late_money_into_success(
    platform: RunningPlatform, add: Add, merchant: Merchant
) -> None:
    """A `manual change` with a callback of its own; the declined sale stays as it was."""
    project = add()
    declined(platform, merchant, project)
    until(lambda: alarms_of(project))
    staff(project, resolution.accept)
    got = merchant.callback("p-1", "success", operation="manual change").body
    assert got["payment"]["status"] == "success"
    operations = project.status("p-1")["operations"]
    assert [(one["type"], one["status"]) for one in operations] == [
        ("sale", "decline"),
        ("manual change", "success"),
    ]
    assert ledger_of(project) == (10_000, 0, 10_000)


def test_project_may_accept_late_money_for_a_while(
    platform: RunningPlatform, add: Add, merchant: Merchant
) -> None:
    """Within `late_accept_s` after the decline the right amount still makes a success."""
    project = add(late_accept_s=600)
    declined(platform, merchant, project)
    got = merchant.callback("p-1", "success").body
    assert got["payment"]["sum"]["amount"] == 10_000
    assert ledger_of(project) == (10_000, 0, 10_000)


# --- other misfits -----------------------------------------------------------------------------


def test_second_payment_of_one_qr_is_an_unapplied_credit(
    platform: RunningPlatform, add: Add, merchant: Merchant
) -> None:
    """One success, one alarm; both transfers are in the books."""
    project = add()
    platform.bank.act(shown_payload(merchant, project), "twice")
    merchant.callback("p-1", "success")
    until(lambda: alarms_of(project) == ["double"])
    assert credits_of(project) == [("applied", "HKD", 10_000), ("unapplied", "HKD", 10_000)]
    assert ledger_of(project) == (20_000, 10_000, 10_000)
    assert len(platform.callbacks_of(project, "p-1")) == 2


def test_other_currency_is_an_unapplied_credit(
    platform: RunningPlatform, add: Add, merchant: Merchant
) -> None:
    """The payment keeps waiting and may still be paid rightly."""
    project = add()
    payload = shown_payload(merchant, project)
    platform.bank.act(payload, "wrong-currency")
    until(lambda: alarms_of(project) == ["wrong currency"])
    assert credits_of(project) == [("unapplied", "CNY", 10_000)]
    assert ledger_of(project, "CNY") == (10_000, 10_000, 0)
    assert project.status("p-1")["payment"]["status"] == WAITING
    platform.bank.act(payload, "pay")
    merchant.callback("p-1", "success")
    assert ledger_of(project) == (10_000, 0, 10_000)


def test_two_parts_are_not_added_up(
    platform: RunningPlatform, add: Add, merchant: Merchant
) -> None:
    """A second sum for a payment with held money is held too: a person decides about both."""
    project = add()
    payload = shown_payload(merchant, project)
    platform.bank.act(payload, "short")
    until(lambda: alarms_of(project) == ["short"])
    platform.bank.act(payload, "pay")
    until(lambda: alarms_of(project) == ["short", "double"])
    assert credits_of(project) == [("held", "HKD", 9_900), ("held", "HKD", 10_000)]
    staff(project, resolution.accept)
    got = merchant.callback("p-1", "success", operation="manual change").body
    assert got["payment"]["sum"]["amount"] == 19_900
    assert ledger_of(project) == (19_900, 0, 19_900)
