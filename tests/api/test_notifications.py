"""The door for banks: only genuine, fresh and whole messages have an effect, and each only once."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass

import pytest

from sampan.codecs import emv_qr
from sampan.storage import credits as kept
from tests.support.client import Body
from tests.support.merchant import Merchant
from tests.support.platform import ProjectClient, RunningPlatform

WAITING = "awaiting customer action"


@dataclass(frozen=True)
class Waiting:
    """A payment of HK$100.00 whose QR is shown, and what its bank may say about it."""

    project: ProjectClient
    reference: str

    def credit(self, txn: str = "T1", **changes: object) -> Body:
        """Return a notice of a fitting credit, changed."""
        return {
            "type": "credit",
            "account": self.project.fps_id,
            "bank_txn_id": txn,
            "amount_minor": 10_000,
            "currency": "HKD",
            "reference": self.reference,
            "booked_us": self.project.platform.clock.now_us(),
            "payer_name": "CHAN TAI MAN",
        } | changes

    def refusal(self, notice_id: str = "R1") -> Body:
        """Return a notice that the payer said no."""
        return {
            "type": "refusal",
            "account": self.project.fps_id,
            "notice_id": notice_id,
            "reference": self.reference,
            "code": "20301",
        }

    @property
    def status(self) -> str:
        """The payment's status, by Gate."""
        return str(self.project.status("p-1")["payment"]["status"])

    def credits(self) -> list[tuple[str, str]]:
        """Return (bank's id, status) of every credit on the account."""
        every = self.project.platform.read(lambda tx: kept.listing(tx, status=None, most=1000))
        mine = [one for one in every if one.account == self.project.fps_id]
        return sorted((one.bank_txn_id, one.status) for one in mine)


@pytest.fixture
def waiting(project: ProjectClient, merchant: Merchant) -> Waiting:
    """A payment that waits for its customer."""
    project.sell("p-1")
    payload = merchant.callback("p-1", WAITING).body["qr"]["payload"]
    fps = emv_qr.decode(payload).fps
    assert fps is not None
    assert fps.bill_number is not None
    return Waiting(project, fps.bill_number)


def raw(*notices: Body) -> bytes:
    """Return a message as the bank writes it."""
    return json.dumps({"notices": notices}).encode()


# --- who speaks --------------------------------------------------------------------------------


def test_genuine_notice_moves_the_payment(
    platform: RunningPlatform, waiting: Waiting, merchant: Merchant
) -> None:
    """A marked credit ends the payment; the answer counts the notices."""
    answer = platform.bank.notify(waiting.credit())
    assert (answer.status, answer.body) == (200, {"taken": 1})
    assert merchant.callback("p-1", "success").body["operation"]["provider"]["payment_id"] == "T1"


FORGERIES: dict[str, Callable[[dict[str, str]], dict[str, str]]] = {
    "no mark": lambda _: {},
    "no signature": lambda mark: {"x-bank-timestamp": mark["x-bank-timestamp"]},
    "no timestamp": lambda mark: {"x-bank-signature": mark["x-bank-signature"]},
    "empty signature": lambda mark: mark | {"x-bank-signature": ""},
    "one digit off": lambda mark: (
        mark
        | {
            "x-bank-signature": ("0" if mark["x-bank-signature"][0] != "0" else "1")
            + mark["x-bank-signature"][1:]
        }
    ),
    "cut short": lambda mark: mark | {"x-bank-signature": mark["x-bank-signature"][:-1]},
    "beyond ASCII": lambda mark: mark | {"x-bank-signature": "é" * 64},
    "another time": lambda mark: (
        mark | {"x-bank-timestamp": str(int(mark["x-bank-timestamp"]) + 1)}
    ),
    "no number": lambda mark: mark | {"x-bank-timestamp": "now"},
    "negative": lambda mark: mark | {"x-bank-timestamp": "-1"},
    "huge": lambda mark: mark | {"x-bank-timestamp": "9" * 4000},
    "Arabic digits": lambda mark: mark | {"x-bank-timestamp": "²³"},
}


@pytest.mark.parametrize("forge", FORGERIES.values(), ids=FORGERIES)
def test_forged_notice_is_refused(
    platform: RunningPlatform, waiting: Waiting, forge: Callable[[dict[str, str]], dict[str, str]]
) -> None:
    """Without the bank's own mark nothing is read: 401, and nothing has changed."""
    message = raw(waiting.credit())
    answer = platform.bank.post(message, forge(platform.bank.mark(message)))
    assert (answer.status, answer.body) == (401, {"error": "not trusted"})
    assert (waiting.status, waiting.credits()) == (WAITING, [])


def test_mark_belongs_to_one_body(platform: RunningPlatform, waiting: Waiting) -> None:
    """The mark of one message does not fit another."""
    mark = platform.bank.mark(raw(waiting.credit(amount_minor=1)))
    assert platform.bank.post(raw(waiting.credit()), mark).status == 401
    assert waiting.credits() == []


@pytest.mark.parametrize(("age_s", "status"), [(305, 401), (-305, 401), (290, 200), (-290, 200)])
def test_notice_is_fresh_for_five_minutes(
    platform: RunningPlatform, waiting: Waiting, age_s: int, status: int
) -> None:
    """Older or from the future is refused, even when it is genuine."""
    message = raw(waiting.credit())
    answer = platform.bank.post(message, platform.bank.mark(message, age_s=age_s))
    assert answer.status == status
    assert len(waiting.credits()) == (status == 200)


@pytest.mark.parametrize("name", ["nobody", "fps%2F..", "SANDBOX"])
def test_unknown_provider_is_not_found(platform: RunningPlatform, name: str) -> None:
    """Nobody listens under a name that is no provider's."""
    message = raw()
    answer = platform.bank.post(message, platform.bank.mark(message), provider=name)
    assert answer.status == 404


def test_other_methods_are_refused(platform: RunningPlatform) -> None:
    """The door only takes messages in."""
    assert platform.client.request("GET", "/notifications/sandbox").status == 405


def test_message_without_end_is_refused(platform: RunningPlatform) -> None:
    """More than 1 MiB is not read."""
    message = b" " * 1_048_577
    assert platform.bank.post(message, platform.bank.mark(message)).status == 413


# --- what is said ------------------------------------------------------------------------------


def test_garbage_with_a_good_mark_is_refused(platform: RunningPlatform) -> None:
    """A message that cannot be read has no effect, whoever wrote it."""
    for message in (b"", b"[]", b"null", b"{}", b'{"notices":{}}', b"\xff", b"[" * 100_000):
        assert platform.bank.post(message, platform.bank.mark(message)).status == 401


IMPOSSIBLE: list[Body] = [
    {"amount_minor": 0},
    {"amount_minor": -10_000},
    {"amount_minor": True},
    {"amount_minor": 100.5},
    {"amount_minor": 10**30},
    {"amount_minor": "10000"},
    {"currency": "USD"},
    {"booked_us": -1},
    {"bank_txn_id": ""},
    {"bank_txn_id": "a b"},
    {"account": ""},
    {"reference": "a\0b"},
    {"payer_name": "x" * 141},
    {"type": "gift"},
]


@pytest.mark.parametrize("changes", IMPOSSIBLE, ids=str)
def test_one_bad_notice_refuses_the_whole_message(
    platform: RunningPlatform, waiting: Waiting, changes: Body
) -> None:
    """All notices of a message are taken or none, so that the bank may simply send it again."""
    answer = platform.bank.notify(waiting.credit("T1"), waiting.credit("T2", **changes))
    assert answer.status == 401
    assert (waiting.status, waiting.credits()) == (WAITING, [])


def test_fault_in_the_middle_takes_nothing(
    platform: RunningPlatform,
    waiting: Waiting,
    merchant: Merchant,
    broken: Callable[[str], AbstractContextManager[None]],
) -> None:
    """When the second notice cannot be kept, the first is not either; sent again, both are."""
    unknown = waiting.credit("T2", reference="nobody")
    with broken("ledger"):
        assert platform.bank.notify(waiting.refusal(), unknown).status >= 500
    assert (waiting.status, waiting.credits()) == (WAITING, [])
    assert platform.bank.notify(waiting.refusal(), unknown).status == 200
    merchant.callback("p-1", "decline")
    assert waiting.credits() == [("T2", "unapplied")]


# --- again, and in any order -------------------------------------------------------------------


def test_replayed_message_changes_nothing(
    platform: RunningPlatform, waiting: Waiting, merchant: Merchant
) -> None:
    """The same bytes with the same mark are answered 200 and ignored."""
    message = raw(waiting.credit())
    mark = platform.bank.mark(message)
    answers = [platform.bank.post(message, mark).status for _ in range(3)]
    assert answers == [200, 200, 200]
    merchant.callback("p-1", "success")
    assert waiting.credits() == [("T1", "applied")]
    assert len(platform.callbacks_of(waiting.project, "p-1")) == 2


def test_same_notice_at_once_is_taken_once(
    platform: RunningPlatform, waiting: Waiting, merchant: Merchant
) -> None:
    """Sixteen copies at the same moment are one credit."""
    with ThreadPoolExecutor(16) as threads:
        answers = [*threads.map(lambda _: platform.bank.notify(waiting.credit()), range(16))]
    assert {answer.status for answer in answers} == {200}
    merchant.callback("p-1", "success")
    assert waiting.credits() == [("T1", "applied")]
    assert platform.balances()[f"project/{waiting.project.id}", "HKD"] == -10_000


def test_same_notice_twice_in_one_message_is_taken_once(
    platform: RunningPlatform, waiting: Waiting
) -> None:
    """A repeat inside a message is a repeat."""
    assert platform.bank.notify(waiting.credit(), waiting.credit()).status == 200
    assert waiting.credits() == [("T1", "applied")]


def test_bank_id_is_one_for_its_account_only(platform: RunningPlatform, waiting: Waiting) -> None:
    """Two accounts may use the same id for different money."""
    other = platform.add_project("")
    platform.bank.notify(waiting.credit("SAME", account=other.fps_id, reference=""))
    platform.bank.notify(waiting.credit("SAME"))
    assert waiting.status == "success"
    assert waiting.credits() == [("SAME", "applied")]


def test_refusal_after_money_is_old_news(
    platform: RunningPlatform, waiting: Waiting, merchant: Merchant
) -> None:
    """A refusal that was overtaken by the money changes nothing."""
    platform.bank.notify(waiting.credit())
    merchant.callback("p-1", "success")
    assert platform.bank.notify(waiting.refusal()).status == 200
    assert waiting.status == "success"
    assert len(platform.callbacks_of(waiting.project, "p-1")) == 2


def test_money_after_a_refusal_is_kept_for_staff(
    platform: RunningPlatform, waiting: Waiting, merchant: Merchant
) -> None:
    """The payment was declined; what comes later is an unapplied credit."""
    platform.bank.notify(waiting.refusal())
    merchant.callback("p-1", "decline")
    assert platform.bank.notify(waiting.credit()).status == 200
    assert waiting.status == "decline"
    assert waiting.credits() == [("T1", "unapplied")]


def test_order_inside_a_message_is_kept(
    platform: RunningPlatform, waiting: Waiting, merchant: Merchant
) -> None:
    """Money first, refusal second: success."""
    platform.bank.notify(waiting.credit(), waiting.refusal())
    merchant.callback("p-1", "success")
    assert waiting.status == "success"


@pytest.mark.parametrize("reference", ["", "nobody", "0" * 25, "訂單", "' OR 1=1 --"])
def test_money_without_a_payment_is_an_unapplied_credit(
    platform: RunningPlatform, waiting: Waiting, reference: str
) -> None:
    """Money whose reference is nobody's is kept, booked and touches no payment."""
    assert platform.bank.notify(waiting.credit(reference=reference)).status == 200
    assert (waiting.status, waiting.credits()) == (WAITING, [("T1", "unapplied")])
    lines = platform.balances()
    assert lines[f"unapplied/sandbox/{waiting.project.fps_id}", "HKD"] == -10_000
