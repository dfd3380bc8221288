"""Every sale is sent twice at the same moment, and still happens once."""

from __future__ import annotations

import http.client
import json
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from queue import Empty, SimpleQueue
from typing import Any, Final

from sqlalchemy import func, select

from sampan.storage import schema
from tests.support.client import signed
from tests.support.merchant import Merchant
from tests.support.platform import MASTER_KEY, SALE, ProjectClient, RunningPlatform, until
from tests.support.verify import ledger_verify

SALES: Final = 200
CONNECTIONS: Final = 32
WAITING: Final = "awaiting customer action"
ENOUGH_S: Final = 30.0


def sent_over(platform: RunningPlatform, path: str, bodies: list[bytes]) -> list[Any]:
    """Post all bodies over `CONNECTIONS` connections, neighbours at the same moment.

    Returns the answers, each with HTTP status 200, in no promised order.
    """
    jobs: SimpleQueue[bytes] = SimpleQueue()
    for body in bodies:
        jobs.put(body)
    host = platform.url.removeprefix("http://")
    start = threading.Barrier(CONNECTIONS)

    def work() -> list[Any]:
        answers = []
        connection = http.client.HTTPConnection(host, timeout=ENOUGH_S)
        connection.connect()
        start.wait(ENOUGH_S)
        try:
            while True:
                connection.request("POST", path, jobs.get_nowait())
                got = connection.getresponse()
                answers.append(json.loads(got.read()))
                assert got.status == 200, answers[-1]
        except Empty:
            return answers
        finally:
            connection.close()

    with ThreadPoolExecutor(CONNECTIONS) as threads:
        every = [threads.submit(work) for _ in range(CONNECTIONS)]
        return [answer for one in every for answer in one.result()]


def orders_at_the_bank(project: ProjectClient) -> int:
    """Count the orders, that is the QRs, on the project's account. The bank has no door for it."""
    orders = schema.bank_orders.c
    asked = select(func.count()).where(orders.fps_id == project.fps_id)
    return int(project.platform.read(lambda tx: tx.query(asked))[0][0])


def test_sales_sent_twice_happen_once(
    platform: RunningPlatform, project: ProjectClient, merchant: Merchant
) -> None:
    """200 sales, each sent twice at once: 200 payments, QRs and results; books = bank's books."""
    amounts = {f"p-{number}": 10_000 + number for number in range(SALES)}
    bodies = [
        json.dumps(signed(project.sale_body(name, amount=amount), project.secret)).encode()
        for name, amount in amounts.items()
    ]
    answers = sent_over(platform, SALE, [body for body in bodies for _ in "12"])
    pairs = Counter((one["payment_id"], one["request_id"]) for one in answers)
    assert set(pairs.values()) == {2}
    assert len({request_id for _, request_id in pairs}) == len(pairs) == SALES

    shown = merchant.wait(
        lambda one: one.told == ("sale", WAITING), count=SALES, timeout_s=ENOUGH_S
    )
    assert {one.payment_id for one in shown} == set(amounts)
    assert len({one.body["qr"]["payload"] for one in shown}) == SALES
    assert orders_at_the_bank(project) == SALES

    payers = [{"payload": one.body["qr"]["payload"], "action": "pay"} for one in shown]
    sent_over(platform, "/bank/v1/simulate", [json.dumps(one).encode() for one in payers])
    finals = merchant.wait(
        lambda one: one.told == ("sale", "success"), count=SALES, timeout_s=ENOUGH_S
    )
    paid = {one.payment_id: one.body["payment"]["sum"]["amount"] for one in finals}
    assert paid == amounts

    until(lambda: all(one.status == "delivered" for one in platform.callbacks_of(project, "p-0")))
    ids = Counter(one.headers["webhook-id"] for one in merchant.received)
    assert len(ids) == ids.total() == 2 * SALES

    total = sum(amounts.values())
    lines = platform.balances()
    assert platform.bank.balance(project.fps_id) == total
    assert lines[f"bank/sandbox/{project.fps_id}", "HKD"] == total
    assert lines[f"project/{project.id}", "HKD"] == -total
    assert lines.get((f"unapplied/sandbox/{project.fps_id}", "HKD"), 0) == 0

    proof = ledger_verify(platform.database_url, MASTER_KEY)
    ours = [one for one in proof["checks"] if one["account"] == f"bank/sandbox/{project.fps_id}"]
    assert ours
    assert all(one["ok"] and one["found_minor"] == one["expected_minor"] == total for one in ours)
