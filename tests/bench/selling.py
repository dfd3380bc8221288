"""How many sales a second are accepted, against a server that keeps nothing and a mock in memory.

An accepted sale is durable: its commit is on the disk before its 200.
"""

import asyncio
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from urllib.parse import urlencode

from tests.bench import load, world
from tests.support.ports import free_port

WARM_COUNT = 1_500
ROUND_COUNT = 3_000
ROUNDS = 3
"""The two sides take turns, and the middle round of each counts: other programs disturb both."""

Ratios = dict[str, float | None]


async def in_turns(
    sides: dict[str, tuple[int, Callable[[int, str], list[bytes]]]],
) -> dict[str, float]:
    """Return the rate of each side, name → (port, maker of requests)."""
    for name, (port, make) in sides.items():
        (await load.send(port, make(WARM_COUNT, f"warm-{name}"))).per_s  # noqa: B018 - checks it
    rates: dict[str, list[float]] = {name: [] for name in sides}
    for number in range(ROUNDS):
        for name, (port, make) in sides.items():
            requests = make(ROUND_COUNT, f"{number}-{name}")
            rates[name].append((await load.send(port, requests)).per_s)
    return {name: statistics.median(found) for name, found in rates.items()}


async def _against_constant(database: str, name: str) -> Ratios:
    async with world.platform(database, workers=True) as port:
        busy = await load.send(port, world.sales(ROUND_COUNT, "busy"))
    async with (
        world.constant() as constant,
        world.platform(database, workers=False, known=True) as port,
    ):
        rates = await in_turns(
            {
                "bare": (constant, world.sales),
                "door": (constant, world.door_sales),
                "sale": (port, world.sales),
            }
        )
    return {
        f"sale_{name}": rates["sale"] / rates["door"],
        f"sale_{name}_vs_bare": rates["sale"] / rates["bare"],
        f"sale_{name}_per_s": rates["sale"],
        f"sale_{name}_with_workers_per_s": busy.per_s,
        f"door_{name}_per_s": rates["door"],
        f"bare_{name}_per_s": rates["bare"],
    }


def sqlite() -> Ratios:
    """Durable sales on SQLite against a constant answer of the same server."""
    with world.sqlite() as database:
        return asyncio.run(_against_constant(database, "sqlite"))


def postgres() -> Ratios:
    """Durable sales on PostgreSQL against a constant answer of the same server."""
    with world.postgres() as database:
        return asyncio.run(_against_constant(database, "postgres"))


def memory_mock() -> Ratios:
    """Durable sales on SQLite against charges of `stripe-stateful-mock`, which has no disk."""
    if shutil.which("npm") is None or shutil.which("node") is None:
        print("sale_vs_memory_mock: npm is not installed", file=sys.stderr)
        return {"sale_vs_memory_mock": None}
    with tempfile.TemporaryDirectory(prefix="sampan-bench-") as folder:
        install = ["npm", "install", "--no-audit", "--no-fund", "stripe-stateful-mock"]
        done = subprocess.run(install, cwd=folder, check=False, capture_output=True, text=True)
        if done.returncode:
            print(f"sale_vs_memory_mock: npm failed: {done.stderr[-300:]}", file=sys.stderr)
            return {"sale_vs_memory_mock": None}
        with world.sqlite() as database:
            return asyncio.run(_against_mock(database, folder))


def _charges(count: int, _prefix: str) -> list[bytes]:
    fields = {"amount": 10_000, "currency": "hkd", "source": "tok_visa", "description": "Coffee"}
    charge = load.request(
        "/v1/charges",
        urlencode(fields).encode(),
        content_type="application/x-www-form-urlencoded",
        more="Authorization: Bearer sk_test_bench\r\n",
    )
    return [charge] * count


async def _against_mock(database: str, folder: str) -> Ratios:
    port = free_port()
    with _mock(folder, port):
        await world.reachable(port)
        async with world.platform(database, workers=False) as own:
            rates = await in_turns({"mock": (port, _charges), "sale": (own, world.sales)})
    return {
        "sale_vs_memory_mock": rates["sale"] / rates["mock"],
        "memory_mock_per_s": rates["mock"],
    }


@contextmanager
def _mock(folder: str, port: int) -> Iterator[None]:
    program = f"{folder}/node_modules/stripe-stateful-mock/dist/cli.js"
    running: AbstractContextManager[None] = world.process(
        ["node", program], {"PORT": str(port), "LOG_LEVEL": "silent"}
    )
    with running:
        yield
