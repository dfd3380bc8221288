"""Processes and databases that a benchmark needs, ended with it."""

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from urllib.parse import urlencode

from sampan.clock import SystemClock
from sampan.codecs.signature import sign
from sampan.codecs.strict_json import dumps
from sampan.domain.project import Project, ProjectSettings
from sampan.storage import projects
from sampan.storage.open import open_store
from sampan.storage.vault import Vault
from tests.bench import load
from tests.support.ports import free_port
from tests.support.postgres import running

ROOT = Path(__file__).resolve().parents[2]
PROJECT_ID = 1234
SECRET = "a secret of the benchmarks"
MASTER_KEY = "the master key of the benchmarks"
SALE_PATH = "/v2/payment/banks/hk-qr/sale"
START_S_MAX = 60.0


def sale(payment_id: str, path: str = SALE_PATH) -> bytes:
    """Return a signed sale, ready to be sent."""
    general: dict[str, object] = {"project_id": PROJECT_ID, "payment_id": payment_id}
    body = {
        "general": general,
        "customer": {"id": "customer-1", "ip_address": "192.0.2.7"},
        "payment": {"amount": 10_000, "currency": "HKD", "description": "Two coffees"},
    }
    general["signature"] = sign(SECRET, body)
    return load.request(path, dumps(body))


def sales(count: int, prefix: str) -> list[bytes]:
    """Return signed sales with different payment ids."""
    return [sale(f"{prefix}-{number}") for number in range(count)]


def door_sales(count: int, prefix: str) -> list[bytes]:
    """Return such sales for the door that verifies and keeps nothing."""
    return [sale(f"{prefix}-{number}", f"/door{SALE_PATH}") for number in range(count)]


def pages(count: int, prefix: str) -> list[bytes]:
    """Return requests that open Payment Pages with different payment ids."""
    made = []
    for number in range(count):
        fields = {
            "project_id": str(PROJECT_ID),
            "payment_id": f"{prefix}-{number}",
            "payment_amount": "10000",
            "payment_currency": "HKD",
            "customer_id": "customer-1",
            "payment_description": "Two coffees",
        }
        signed = fields | {"signature": sign(SECRET, fields)}
        made.append(load.get(f"/payment?{urlencode(signed)}"))
    return made


@contextmanager
def process(command: Sequence[str], more: dict[str, str]) -> Iterator[None]:
    """Run a command with some more variables in its environment; end it with the block."""
    environment = {**os.environ, **more}
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=sys.stderr, stderr=sys.stderr
    ) as running:
        try:
            yield
        finally:
            running.send_signal(signal.SIGTERM)
            try:
                running.wait(20)
            except subprocess.TimeoutExpired:
                running.kill()


async def reachable(port: int) -> None:
    """Wait until somebody listens on a port. Raises `TimeoutError` after a minute."""
    ends_at = time.monotonic() + START_S_MAX
    while time.monotonic() < ends_at:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.05)
            continue
        writer.close()
        return
    raise TimeoutError("the server did not start")


@asynccontextmanager
async def constant() -> AsyncIterator[int]:
    """Run the server that answers a constant; yields its port."""
    port = free_port()
    with process([sys.executable, "-m", "tests.bench.server", str(port)], {}):
        await reachable(port)
        yield port


@asynccontextmanager
async def platform(
    database: str,
    *,
    workers: bool,
    callback_url: str = "",
    known: bool = False,
    profile: str = "",
    settings: ProjectSettings | None = None,
) -> AsyncIterator[int]:
    """Run the platform with one project; yields its port. `known`: the database has it already."""
    if not known:
        await _add_project(database, callback_url, settings or ProjectSettings())
    port = free_port()
    profiler = ["-m", "cProfile", "-o", profile] if profile else []
    command = [sys.executable, *profiler, "-m", "sampan", "serve"]
    variables = {
        "SAMPAN_DATABASE_URL": database,
        "SAMPAN_MASTER_KEY": MASTER_KEY,
        "SAMPAN_PORT": str(port),
        "SAMPAN_RUN_WORKERS": "true" if workers else "false",
        "SAMPAN_ALLOW_PRIVATE_CALLBACKS": "true",
        "SAMPAN_LOG_LEVEL": "error",
    }
    with process(command, variables):
        await reachable(port)
        yield port


async def _add_project(database: str, callback_url: str, settings: ProjectSettings) -> None:
    clock = SystemClock()
    store = await open_store(database, clock)
    project = Project(
        id=PROJECT_ID,
        name="Benchmarks",
        callback_url=callback_url,
        secrets=(SECRET,),
        settings=settings,
    )
    vault = Vault(MASTER_KEY, clock)
    await store.transact(lambda tx: projects.add(tx, project, vault=vault, now_us=clock.now_us()))
    await store.close()


@contextmanager
def sqlite() -> Iterator[str]:
    """Make a folder for a SQLite file; yields the address of the database."""
    with tempfile.TemporaryDirectory(prefix="sampan-bench-") as folder:
        yield f"sqlite:///{folder}/sampan.db"


@contextmanager
def postgres() -> Iterator[str]:
    """Start a PostgreSQL server of its own; yields the address of an empty database."""
    with running() as server, server.database() as url:
        yield url
