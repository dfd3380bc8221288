"""One question asked through Dashboard, Data API, report and status answer has one answer.

The book has ten thousand payments of every kind, lived through by the use cases. Each door is asked
as its users ask it, and what it says of every payment and operation is held against the others.
"""

from __future__ import annotations

import asyncio
import csv
import http.client
import io
import os
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode, urlsplit

import msgspec
import pytest

from sampan.codecs.signature import sign
from sampan.domain.rights import Role
from sampan.domain.statuses import FINAL
from sampan.money import from_text, to_text
from sampan.storage import open as opening
from sampan.workers.adding import NOTED_US, AddUp
from tests.fixtures import ENGINES
from tests.support import book, commands, copied
from tests.support.data_client import Program, Programs
from tests.support.databases import open_store
from tests.support.platform import STATUS, RunningPlatform, running
from tests.support.postgres import PostgresServer
from tests.support.staff import Member, Staff

COUNT: Final = 10_000
FEW: Final = 1_000
"""Status answers on the second engine: they say what they say on the first."""
DAYS: Final = ("2026-09-01", "2026-11-15")
MEMBER: Final = (Role.ADMIN,)
_RATE: Final = 50
"""Requests to the Data API before the clock moves on; it takes 60 a minute."""


class Told(NamedTuple):
    """What a door says of a payment."""

    project: int
    status: str
    currency: str
    amount_minor: int
    paid_minor: int


class Step(NamedTuple):
    """What a door says of an operation; `sum_minor` is what it became."""

    payment: str
    type: str
    status: str
    currency: str
    amount_minor: int
    sum_minor: int


Payments = dict[str, Told]
Steps = dict[int, Step]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The book as a file of SQLite."""
    path = tmp_path_factory.mktemp("book") / "book.db"
    opening.prepare(f"sqlite:///{path}")
    book.fill(f"sqlite:///{path}", count=COUNT)
    return path


@pytest.fixture(scope="module", params=ENGINES)
def platform(
    request: pytest.FixtureRequest, written: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningPlatform]:
    """A platform over the book, once for each engine; nothing works on it."""
    if request.param == "sqlite":
        path = tmp_path_factory.mktemp("platform") / "sampan.db"
        shutil.copyfile(written, path)
        with running(f"sqlite:///{path}", run_workers=False) as made:
            yield made
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    with server.database() as url:
        copied.copy(f"sqlite:///{written}", url)
        with running(url, run_workers=False) as made:
            yield made


def test_the_same_everywhere(platform: RunningPlatform, tmp_path: Path) -> None:
    """Of each payment and operation every door says the same, and every sum is theirs."""
    member = Staff(platform).member(*MEMBER)
    payments, steps = reported(platform, tmp_path)
    assert len(payments) == COUNT
    assert listed(member) == payments
    assert told_by_data_api(platform) == steps
    asked = list(payments)[:: 1 if "sqlite" in platform.database_url else COUNT // FEW]
    statuses, operations = answered(platform, payments, asked)
    assert statuses == {one: payments[one] for one in asked}
    assert operations == {key: one for key, one in steps.items() if one.payment in statuses}
    unkept = analysed(member)
    assert unkept == summed(payments, steps)
    add_up(platform)
    assert analysed(member) == unkept


# --- reports ----------------------------------------------------------------------------------


def reported(platform: RunningPlatform, folder: Path) -> tuple[Payments, Steps]:
    """Ask `sampan report run`."""
    payments = {
        row["payment_id"]: Told(
            int(row["project_id"]),
            row["status"],
            row["currency"],
            minor(row["amount"]),
            minor(row["paid_amount"]),
        )
        for row in report(
            platform, folder, "payments", "payment_id,project_id,status,currency,amount,paid_amount"
        )
    }
    columns = (
        "operation_id,payment_id,operation_type,operation_status,currency,amount,converted_amount"
    )
    steps = {
        int(row["operation_id"]): Step(
            row["payment_id"],
            row["operation_type"],
            row["operation_status"],
            row["currency"],
            minor(row["amount"]),
            minor(row["converted_amount"]),
        )
        for row in report(platform, folder, "operations", columns)
    }
    return payments, steps


def report(
    platform: RunningPlatform, folder: Path, kind: str, columns: str
) -> list[dict[str, str]]:
    """Return the rows of a report over all of the book."""
    out = folder / f"{kind}.csv"
    first, last = DAYS
    environment = {**os.environ, "SAMPAN_DATABASE_URL": platform.database_url}
    asked = ("report", "run", kind, "--from", first, "--to", last, "--columns", columns)
    done = commands.run(*asked, "--out", out, env=environment, cwd=folder)
    assert done.returncode == 0, done.stderr
    return rows(out.read_bytes())


def rows(body: bytes) -> list[dict[str, str]]:
    """Read a CSV file."""
    return list(csv.DictReader(io.StringIO(body.decode("utf-8-sig"), newline="")))


def minor(text: str) -> int:
    """Return minor units; all currencies of the book have two decimals."""
    return from_text(text, "HKD")


# --- the Dashboard ----------------------------------------------------------------------------


def listed(member: Member) -> Payments:
    """Ask the list of payments, and read its CSV."""
    columns = ["payment", "project", "status", "currency", "amount", "paid"]
    member.post("/payments/columns", column=columns)
    answer = member.get("/payments.csv")
    found = rows(answer.raw)
    return {
        row["Payment id"]: Told(
            int(row["Project"].split()[0].strip("'")),
            row["Status"],
            row["Currency"],
            minor(row["Amount"]),
            minor(row["Paid"]),
        )
        for row in found
    }


def analysed(member: Member) -> dict[str, Any]:
    """Ask the analytics for the whole of the book; return the sums of each page's table."""
    first, last = DAYS
    asked = {"from": first, "to": last, "by": "month", "apart": "status"}
    found = {}
    for name in ("payments", "conversion", "turnover", "operations"):
        answer = member.get(f"/analytics/{name}.csv?{urlencode(asked)}")
        assert answer.status == 200
        sums = rows(answer.raw)[-1]
        found[name] = {head: text for head, text in sums.items() if head in WANTED[name]}
    return found


WANTED: Final = {
    "payments": ("Payments", "Paid", "Declined", "Not started", "Waiting", "Link not used"),
    "conversion": ("Paid", "Declined"),
    "turnover": ("Turnover HKD", "Payments HKD", "Turnover CNY", "Payments CNY"),
    "operations": ("Paid", "Declined", "Not started", "All"),
}
"""Page → the columns whose sums are held against the other doors."""


def summed(payments: Payments, steps: Steps) -> dict[str, Any]:
    """Return what analytics have to say of these payments and operations."""
    statuses = Counter(one.status for one in payments.values())
    paid = [one for one in payments.values() if one.status == "success"]
    ended = Counter(one.status for one in steps.values() if one.status in set(FINAL))
    turnover: dict[str, str] = {}
    for currency in ("HKD", "CNY"):
        own = [one for one in paid if one.currency == currency]
        turnover[f"Turnover {currency}"] = to_text(sum(one.paid_minor for one in own), currency)
        turnover[f"Payments {currency}"] = str(len(own))
    unused = statuses["expired"] + statuses["invoice canceled"]
    decided = {"Paid": str(len(paid)), "Declined": str(statuses["decline"])}
    waiting = sum(number for status, number in statuses.items() if status not in set(FINAL))
    return {
        "payments": {
            "Payments": str(len(payments)),
            "Not started": str(statuses["error"]),
            "Waiting": str(waiting),
            "Link not used": str(unused),
            **decided,
        },
        "conversion": decided,
        "turnover": turnover,
        "operations": {
            "Paid": str(ended["success"]),
            "Declined": str(ended["decline"]),
            "Not started": str(ended["error"]),
            "All": str(ended.total()),
        },
    }


# --- the Data API -----------------------------------------------------------------------------


def told_by_data_api(platform: RunningPlatform) -> Steps:
    """Ask for all operations, page by page."""
    program: Program = Programs(platform).of(Staff(platform).add(*MEMBER))
    first, last = DAYS
    fields = ["operation_id", "payment_id", "operation_type", "operation_status"]
    found: Steps = {}
    for number in range(_RATE):
        page = program.operations(
            interval={"from": f"{first} 00:00:00", "to": f"{last} 23:59:59"},
            tz="Asia/Hong_Kong",
            fields=[*fields, "sum_initial", "sum_converted"],
            offset=number * 1000,
        )
        for row in page:
            initial, became = row["sum_initial"], row["sum_converted"]
            found[int(row["operation_id"])] = Step(
                row["payment_id"],
                row["operation_type"],
                row["operation_status"],
                initial["currency"],
                initial["amount"],
                became["amount"],
            )
        if not page:
            return found
    raise AssertionError("more operations than the book has")


# --- Gate -------------------------------------------------------------------------------------


def answered(
    platform: RunningPlatform, payments: Payments, asked: Sequence[str]
) -> tuple[Payments, Steps]:
    """Ask Gate for the status of payments, one by one over one connection."""
    at = urlsplit(platform.url)
    connection = http.client.HTTPConnection(str(at.hostname), at.port)
    found: Payments = {}
    steps: Steps = {}
    for payment_id in asked:
        project = payments[payment_id].project
        general: dict[str, object] = {"project_id": project, "payment_id": payment_id}
        body: dict[str, object] = {"general": general}
        general["signature"] = sign(book.SECRET, body)
        connection.request("POST", STATUS, msgspec.json.encode(body))
        told = msgspec.json.decode(connection.getresponse().read())
        assert told["project_id"] == project, told
        payment = told["payment"]
        paid = payment["status"] == "success"
        sums = payment["sum"]
        found[payment_id] = Told(
            project,
            payment["status"],
            sums["currency"],
            payments[payment_id].amount_minor if paid else sums["amount"],
            sums["amount"] if paid else 0,
        )
        for one in told["operations"]:
            steps[one["id"]] = Step(
                payment_id,
                one["type"],
                one["status"],
                one["sum_initial"]["currency"],
                one["sum_initial"]["amount"],
                one["sum_converted"]["amount"],
            )
    connection.close()
    return found, steps


def add_up(platform: RunningPlatform) -> None:
    """Let everything that is over be added up and kept, by a process beside the server."""

    async def sweep() -> None:
        async with open_store(platform.database_url, platform.clock) as store:
            worker = AddUp(store, platform.clock)
            await worker.sweep()
            platform.clock.advance(NOTED_US / 1e6)
            assert await worker.sweep() > 0

    asyncio.run(sweep())
