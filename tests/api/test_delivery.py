"""Callbacks reach merchants that answer badly, late or never, and never where they must not go."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

import pytest

from sampan.flow import delivery, telling
from sampan.flow.delivery import NO_OUTCOME
from sampan.storage import callbacks
from sampan.storage.callbacks import Attempt, Callback
from tests.support.merchant import Act, Answering, Merchant, Received, Reply
from tests.support.platform import SALE, ProjectClient, RunningPlatform, running, until

WAITING = "awaiting customer action"
TRY_S = 0.5
"""Shortened time limit of a try, where a merchant says nothing."""
GAP_S = 11
"""More than the 10 s between the first tries with their jitter of a tenth."""


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give up on a silent merchant after `TRY_S`."""
    monkeypatch.setattr("sampan.workers.delivering.TRY_S_MAX", TRY_S)


def the_callback(project: ProjectClient, number: int = 0) -> Callback:
    """Return a callback of the payment `p-1` as kept."""
    return until(lambda: project.platform.callbacks_of(project, "p-1")[number:])[0]


def attempts(project: ProjectClient, count: int, *, number: int = 0) -> Sequence[Attempt]:
    """Wait until a callback of `p-1` has been tried so often and return the attempts."""
    kept = the_callback(project, number)
    made = until(
        lambda: (
            found
            if len(found := project.platform.attempts_of(kept)) >= count
            and found[-1].error != NO_OUTCOME
            else []
        )
    )
    assert [one.number for one in made] == [*range(1, count + 1)]
    return made


def payload_of(project: ProjectClient) -> str:
    """Wait for the QR of `p-1` and return its payload, as the status answer tells it."""
    return str(until(lambda: project.status("p-1").get("qr"))["payload"])


# --- tries -------------------------------------------------------------------------------------

BAD: dict[str, tuple[Answering, int | None, str]] = {
    "500": (500, 500, ""),
    "404": (404, 404, ""),
    "410": (410, 410, ""),
    "304": (Reply(304, body=b""), 304, ""),
    "reset": (Act.RESET, None, "reset: "),
    "silent": (Act.HANG, None, "timeout: "),
}


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("bad", BAD.values(), ids=BAD)
def test_bad_answer_is_tried_again(
    platform: RunningPlatform,
    project: ProjectClient,
    merchant: Merchant,
    bad: tuple[Answering, int | None, str],
) -> None:
    """Anything but 2xx: the same body and id come again, counted, and each try is recorded."""
    reply, status, error = bad
    merchant.answer(reply)
    project.sell("p-1")
    first = attempts(project, 1)[0]
    assert (first.http_status, first.url) == (status, merchant.url)
    assert first.error.startswith(error)
    assert bool(first.error) == bool(error)
    platform.clock.advance(GAP_S)
    assert attempts(project, 2)[1].http_status == 200
    assert the_callback(project).status == "delivered"
    one, two = merchant.of("p-1")
    assert one.raw == two.raw
    assert one.headers["webhook-id"] == two.headers["webhook-id"]
    assert [got.headers["x-sampan-attempt"] for got in (one, two)] == ["1", "2"]
    stamps = [int(got.headers["webhook-timestamp"]) for got in (one, two)]
    assert stamps[1] - stamps[0] >= 10


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirect_is_a_failed_try_and_not_followed(
    platform: RunningPlatform, project: ProjectClient, merchant: Merchant, status: int
) -> None:
    """Where a redirect points nothing is sent."""
    merchant.answer(Reply(status, {"location": f"{merchant.url}/elsewhere"}))
    project.sell("p-1")
    assert attempts(project, 1)[0].http_status == status
    platform.clock.advance(GAP_S)
    attempts(project, 2)
    assert {one.path for one in merchant.received} == {"/" + merchant.url.rsplit("/", 1)[1]}


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_any_2xx_ends_delivery(project: ProjectClient, merchant: Merchant, status: int) -> None:
    """A merchant may thank in any way."""
    merchant.answer(Reply(status, body=b""))
    project.sell("p-1")
    assert attempts(project, 1)[0].http_status == status
    assert the_callback(project).status == "delivered"


def test_first_six_tries_are_ten_seconds_apart_then_the_gap_grows(
    platform: RunningPlatform, project: ProjectClient, merchant: Merchant
) -> None:
    """Nothing comes before its time, and all comes in time; the seventh waits over a minute."""
    merchant.always(500)
    project.sell("p-1")
    for count in range(1, 7):
        attempts(project, count)
        platform.clock.advance(GAP_S)
    times_s = [one.at_us / 1e6 for one in attempts(project, 6)]
    assert all(later - earlier >= 10 for earlier, later in itertools.pairwise(times_s))
    platform.clock.advance(60)
    # Another callback to another address goes out: the worker has looked, and the seventh waits.
    other = Merchant(secrets=merchant.secrets)
    platform.add_project(other.url, secret=merchant.secrets[0]).sell("p-2")
    other.callback("p-2", WAITING)
    other.close()
    assert len(attempts(project, 6)) == 6
    platform.clock.advance(25)
    attempts(project, 7)


def test_long_answer_is_kept_to_2_kib(project: ProjectClient, merchant: Merchant) -> None:
    """The log shows how an answer began, in text that every database takes."""
    merchant.answer(Reply(500, body=b"\x00\xffsorry" + b"x" * 5000))
    project.sell("p-1")
    made = attempts(project, 1)[0]
    assert made.answer == "\ufffd\ufffdsorry" + "x" * (2048 - 7)
    assert made.duration_ms >= 0


def test_endless_answer_is_cut(project: ProjectClient, merchant: Merchant) -> None:
    """A merchant who talks on and on is believed by the status and not listened to."""
    merchant.answer(Act.ENDLESS)
    project.sell("p-1")
    made = attempts(project, 1)[0]
    assert (made.http_status, made.answer) == (200, "x" * 2048)
    assert the_callback(project).status == "delivered"


def test_bytes_sent_are_the_frozen_body_and_its_signature(
    project: ProjectClient, merchant: Merchant
) -> None:
    """What was kept when the fact happened is sent byte for byte, with the signature behind it."""
    project.sell("p-1", payment={"description": 'Dim sum / 點心 \\ "x"'})
    got = merchant.callback("p-1", WAITING)
    kept = the_callback(project)
    signature = got.body["signature"]
    assert got.raw == f'{kept.body[:-1]},"signature":"{signature}"}}'.encode()
    assert got.headers["webhook-id"] == f"cb_{kept.id}"


def test_signature_is_made_at_each_try(
    platform: RunningPlatform, project: ProjectClient, merchant: Merchant
) -> None:
    """A callback that failed under the old secret comes again under the new one, same facts."""
    merchant.answer(500)
    project.sell("p-1")
    attempts(project, 1)
    merchant.secrets = ("second secret", project.secret)
    project.rotate("second secret", overlap_s=3600)
    platform.clock.advance(GAP_S)
    attempts(project, 2)
    one, two = merchant.of("p-1")
    assert one.body["signature"] != two.body["signature"]
    assert one.body | {"signature": ""} == two.body | {"signature": ""}


def test_resent_by_hand(
    platform: RunningPlatform, project: ProjectClient, merchant: Merchant
) -> None:
    """A delivered callback comes again: same id and body, the tries counted on."""
    project.sell("p-1")
    attempts(project, 1)
    kept, now_us = the_callback(project), platform.clock.now_us()
    lane = telling.lane(kept.url)
    platform.transact(
        lambda tx: delivery.resend(tx, kept, lane=lane, by="staff:mei", now_us=now_us)
    )
    attempts(project, 2)
    one, two = merchant.of("p-1")
    assert (one.raw, one.headers["webhook-id"]) == (two.raw, two.headers["webhook-id"])
    assert two.headers["x-sampan-attempt"] == "2"
    assert the_callback(project).status == "delivered"


# --- order -------------------------------------------------------------------------------------


def test_final_callback_drops_an_undelivered_intermediate_one(
    platform: RunningPlatform, project: ProjectClient, merchant: Merchant
) -> None:
    """What still waits for its next try is old news: dropped with a note, and never sent again.

    Often enough that the ids of the two callbacks, which threads draw apart, come in any order.
    """
    names = [f"p-{number}" for number in range(12)]
    for name in names:
        merchant.answer(500)
        project.sell(name)
        shown = merchant.callback(name, WAITING)
        until(lambda name=name: platform.callbacks_of(project, name)[0].status == "pending")  # type: ignore[misc]
        platform.bank.act(shown.body["qr"]["payload"])
        merchant.callback(name, "success")
        dropped = platform.callbacks_of(project, name)[0]
        assert (dropped.kind, dropped.status) == ("intermediate", "dropped")
        assert dropped.note == "overtaken by a later one"
    platform.clock.advance(GAP_S)
    project.sell("p-last")
    merchant.callback("p-last", WAITING)
    for name in names:
        assert [one.told[1] for one in merchant.of(name)] == [WAITING, "success"]


@pytest.mark.usefixtures("impatient")
def test_final_callback_waits_for_an_intermediate_one_under_way(
    platform: RunningPlatform, project: ProjectClient, merchant: Merchant
) -> None:
    """While the merchant still chews on the intermediate one, the final one is not sent."""
    merchant.answer(Act.HANG)
    project.sell("p-1")
    shown = merchant.callback("p-1", WAITING)
    platform.bank.act(shown.body["qr"]["payload"])
    final = merchant.callback("p-1", "success")
    tried = attempts(project, 1)[0]
    assert tried.error.startswith("timeout: ")
    # When it arrived at the merchant says how busy that one was, and not when the try began.
    assert final.clock_s >= (tried.at_us + tried.duration_ms * 1000) / 1e6


def test_refused_refund_does_not_drop_the_qr(
    platform: RunningPlatform, project: ProjectClient, merchant: Merchant
) -> None:
    """Only final callbacks make an intermediate one old: after a refused refund it still comes."""
    merchant.answer(500)
    project.sell("p-1")
    attempts(project, 1)
    assert project.post("/v2/payment/refund", project.about("p-1")).status == 200
    merchant.callback("p-1", "decline", operation="refund")
    platform.clock.advance(GAP_S)
    attempts(project, 2)
    assert the_callback(project).status == "delivered"


# --- one merchant's trouble --------------------------------------------------------------------


def delay_s(platform: RunningPlatform, project: ProjectClient, got: Received) -> float:
    """Return the seconds from the fact to its arrival at the merchant."""
    kept = {f"cb_{one.id}": one for one in platform.callbacks_of(project, got.payment_id)}
    return got.clock_s - kept[got.headers["webhook-id"]].created_us / 1e6


@pytest.mark.parametrize(("dead_count", "queued_count"), [(1, 50), (12, 25)])
def test_dead_merchants_delay_nobody_else(
    platform: RunningPlatform,
    project: ProjectClient,
    merchant: Merchant,
    dead_count: int,
    queued_count: int,
) -> None:
    """With callbacks queued for those who never answer, another's arrive within a second."""
    dead = [Merchant(secrets=merchant.secrets) for _ in range(dead_count)]
    try:
        names = [f"d-{number}" for number in range(queued_count)]
        lost = []
        for one in dead:
            one.always(Act.HANG)
            lost.append(platform.add_project(one.url, secret=merchant.secrets[0]))
            for name in names:
                lost[-1].sell(name)
        until(lambda: all(platform.callbacks_of(lost[-1], name) for name in names))
        for one in dead:
            one.wait()
        for number in range(3):
            project.sell(f"p-{number}")
            shown = merchant.callback(f"p-{number}", WAITING)
            platform.bank.act(shown.body["qr"]["payload"])
            final = merchant.callback(f"p-{number}", "success")
            assert delay_s(platform, project, shown) <= 1
            assert delay_s(platform, project, final) <= 1
        waiting = [platform.callbacks_of(lost[0], name)[0].status for name in names]
        assert set(waiting) <= {"pending", "sending"}
    finally:
        for one in dead:
            one.close()


def test_failing_address_loses_nothing(
    platform: RunningPlatform, project: ProjectClient, merchant: Merchant
) -> None:
    """After five failures in a row an address is failing; once it recovers, all arrives."""
    merchant.always(500)
    names = [f"p-{number}" for number in range(6)]
    for name in names:
        project.sell(name)
    merchant.wait(count=6)

    def health() -> callbacks.Endpoint | None:
        return platform.read(lambda tx: callbacks.endpoint(tx, merchant.origin))

    until(lambda: (found := health()) is not None and found.failures_count >= 5)
    merchant.always(200)
    platform.clock.advance(GAP_S)
    merchant.wait(count=12)
    assert {one.payment_id for one in merchant.received[6:]} == set(names)
    until(lambda: (found := health()) is not None and found.failures_count == 0)


# --- where callbacks must not go ---------------------------------------------------------------


def test_private_address_is_refused_recorded_and_tried_again(database_url: str) -> None:
    """Without `allow_private_callbacks` nothing reaches a loopback address, at any try."""
    target = Merchant(secrets=["secret"])
    allowed = {"allow_private_callbacks": False, "allow_http_callbacks": True}
    try:
        with running(database_url, **allowed) as platform:
            project = platform.add_project(target.url)
            project.sell("p-1")
            first = attempts(project, 1)[0]
            assert (first.http_status, first.answer) == (None, "")
            assert first.error.startswith("refused")
            platform.clock.advance(GAP_S)
            assert attempts(project, 2)[1].error == first.error
            assert the_callback(project).status == "pending"
    finally:
        target.close()
    assert target.received == []


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/",
        "https://localhost/cb",
        "https://[::1]/",
        "https://10.1.2.3/",
        "https://169.254.169.254/latest",
        "https://2130706433/",
        "http://shop.example/cb",
        "https://shop.example:22/",
    ],
)
def test_request_may_not_name_a_forbidden_address(guarded: RunningPlatform, url: str) -> None:
    """An address in the request that callbacks must not go to refuses the sale at the door."""
    project = guarded.add_project("")
    for name in (
        "merchant_callback_url",
        "merchant_success_callback_url",
        "merchant_decline_callback_url",
    ):
        answer = project.post(SALE, project.sale_body("p-1", general={name: url}))
        assert answer.brief == (400, "702")
        assert answer.body["errors"][0]["field"] == f"general.{name}"
    assert project.payment("p-1") is None


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPlatform]:
    """A platform that sends callbacks to public https addresses only, as in production."""
    path = tmp_path_factory.mktemp("guarded") / "sampan.db"
    with running(f"sqlite:///{path}", allow_private_callbacks=False) as made:
        yield made
