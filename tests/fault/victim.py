"""The platform as a process that kills itself at a given step.

Run as `python -m tests.fault.victim FD`. The product knows nothing of this. A step is a point where
something becomes durable or leaves the process; every such point is wrapped here, from outside. The
program reads lives to start, a JSON line each, from the socket `FD`, forks a process for each and
writes there what became of them; an empty line ends them all. Forking after the imports makes a
life begin in a few hundredths of a second.
"""

import gc
import os
import re
import select
import signal
import socket
import sys
import threading
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final, NoReturn

import msgspec
import uvicorn

from sampan import app as wiring
from sampan import log
from sampan.clock import SystemClock
from sampan.codecs.qr_tables import tables
from sampan.outbound import Answer, Outbound
from sampan.settings import Settings
from sampan.storage import open as opening
from sampan.storage.engine import Statement, Store, Tx
from sampan.storage.postgres_store import PostgresStore
from sampan.storage.sqlite_store import SqliteStore

MASTER_KEY: Final = "a key that only tests know, 32 b"
POLLS: Final = frozenset({"Janitor.sweep", "Courier._claim", "Worker._claim"})
"""Transactions that mostly find nothing to do: before they run, nobody knows whether they count."""
UNWATCHED: Final = ("/healthz", "/v2/payment/status", "/bank/v1/accounts")
"""What a test asks from outside is no step of a payment's life."""
MERCHANT: Final = "merchant"
"""How steps name the address of whoever is not the platform itself."""
POLL_S: Final = 0.01
VERSIONS: Final = range(5, 11)
"""The versions of QR codes that payments have; a process that draws its first computes tables."""


class Life(msgspec.Struct, frozen=True, kw_only=True):
    """How to live and when to die: at the step named `die_at`, or as step number `die_after`.

    Steps are written to `steps_file`, a line each. `clock_file` holds the microseconds by which
    the clock is wrong; at the step `jump_at` they become `jump_us`. With `command` it is
    `sampan serve` itself, without steps and death.
    """

    number: int
    port: int
    database_url: str
    steps_file: str
    log_file: str
    clock_file: str
    die_at: str = ""
    die_after: int = 0
    jump_at: str = ""
    jump_us: int = 0
    command: bool = False


class Event(msgspec.Struct, frozen=True):
    """Life `number` has begun as process `pid` or, with a `code`, ended; 0: all have ended."""

    number: int
    pid: int
    code: int | None = None


class Steps:
    """Counts and names the steps of this life, and ends it at the chosen one."""

    def __init__(self, life: Life) -> None:
        self.port = life.port
        self._life = life
        self._file = os.open(life.steps_file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._seen: Counter[str] = Counter()
        self._lock = threading.Lock()

    def reach(self, name: str) -> None:
        """Write a step down; does not return from the last one."""
        with self._lock:
            self._seen[name] += 1
            step = f"{name}#{self._seen[name]}"
            os.write(self._file, f"{step}\n".encode())
            if step == self._life.jump_at:
                set_clock(Path(self._life.clock_file), self._life.jump_us)
            if step == self._life.die_at or self._seen.total() == self._life.die_after:
                os.kill(os.getpid(), signal.SIGKILL)


class ShiftedClock(SystemClock):
    """A clock that is wrong by what a file says."""

    file: Path

    def now_us(self) -> int:
        """Return the wrong time, microseconds UTC since the epoch."""
        return super().now_us() + int(self.file.read_text())


def set_clock(file: Path, shift_us: int) -> None:
    """Make the clock wrong by `shift_us`, all at once for whoever reads it."""
    made = file.with_suffix(".new")
    made.write_text(str(shift_us))
    made.replace(file)


def watch_tx(here: threading.local) -> None:
    """Note in `here.changed` that a statement changed something."""

    def noting(method: Callable[..., Any]) -> Callable[..., Any]:
        def noted(tx: Tx, statement: Any, params: Any) -> Any:  # noqa: ANN401 - whatever the method takes
            result = method(tx, statement, params)
            sql = next(iter(statement._compiled.values()))[0]
            writes = sql.lstrip().startswith(("INSERT", "UPDATE", "DELETE"))
            # `do` does not say whether it changed anything; it is called to do so.
            if writes and (result or method.__name__ == "do"):
                here.changed = True
            return result

        return noted

    for kind in (Tx, *Tx.__subclasses__()):
        for name in {"run", "do", "one", "all"} & vars(kind).keys():
            setattr(kind, name, noting(getattr(kind, name)))


def watch_store(steps: Steps) -> None:
    """Make steps of transactions that change something: before, ran, committed."""
    here = threading.local()
    watch_tx(here)

    def watching(transact: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def watched(store: Store, fn: Callable[[Tx], Any]) -> Any:  # noqa: ANN401 - whatever fn returns
            name = step_name(fn)
            changed = False

            def run(tx: Tx) -> Any:  # noqa: ANN401 - whatever fn returns
                nonlocal changed
                here.changed = False
                result = fn(tx)
                changed = here.changed
                if changed:
                    steps.reach(f"ran {name}")
                return result

            if name.split("[")[0] not in POLLS:
                steps.reach(f"before {name}")
            result = await transact(store, run)
            if changed:
                steps.reach(f"committed {name}")
            return result

        return watched

    for engine in (SqliteStore, PostgresStore):
        setattr(engine, "transact", watching(engine.transact))  # noqa: B010 - mypy forbids the plain way


def step_name(fn: Callable[..., Any]) -> str:
    """Name a use case by where it was written."""
    fn = getattr(fn, "func", fn)  # what a partial was made of
    name = re.sub(r"\.<locals>.*", "", fn.__qualname__)
    work = getattr(getattr(fn, "__self__", None), "_work", None)
    return f"{name}[{work.kind}]" if work is not None else name


def watch_http(steps: Steps) -> None:
    """Make steps of requests to others: before they are sent, after they were answered."""

    def watching(
        method: str, call: Callable[..., Awaitable[Answer]]
    ) -> Callable[..., Awaitable[Answer]]:
        async def watched(http: Outbound, url: str, *args: Any, **named: Any) -> Answer:  # noqa: ANN401 - passed on
            ours = url.startswith(f"http://127.0.0.1:{steps.port}/")
            name = f"{method} {path_name('/' + url.split('/', 3)[3]) if ours else MERCHANT}"
            steps.reach(f"sending {name}")
            answer = await call(http, url, *args, **named)
            steps.reach(f"answer to {name}")
            return answer

        return watched

    setattr(Outbound, "post", watching("POST", Outbound.post))  # noqa: B010 - mypy forbids the plain way
    setattr(Outbound, "get", watching("GET", Outbound.get))  # noqa: B010 - mypy forbids the plain way


def path_name(path: str) -> str:
    """Name a path without the reference, the page's token or the account in it."""
    return re.sub(r"(/orders|/payment/s|/notifications/fps)/[^/]+", r"\1/…", path)


def watch_doors(app: Any, steps: Steps) -> Any:  # noqa: ANN401 - ASGI applications have no type
    """Make steps of our answers: before they are sent, after they were handed to the server."""

    async def watched(scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI
        if scope["type"] != "http" or scope["path"].startswith(UNWATCHED):
            await app(scope, receive, send)
            return
        name = path_name(scope["path"])

        async def say(message: Any) -> None:  # noqa: ANN401 - ASGI
            if message["type"] == "http.response.start":
                steps.reach(f"answering {name}")
            await send(message)
            if message["type"] == "http.response.body" and not message.get("more_body"):
                steps.reach(f"answered {name}")

        await app(scope, receive, say)

    return watched


def live(life: Life) -> None:
    """Serve the platform until SIGTERM, or until the step that kills it."""
    errors = os.open(life.log_file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(errors, 1)
    os.dup2(errors, 2)
    if life.command:
        _command(life)
    log.set_up("warning", "text")
    ShiftedClock.file = Path(life.clock_file)
    setattr(wiring, "SystemClock", ShiftedClock)  # noqa: B010 - mypy forbids the plain way
    steps = Steps(life)
    watch_store(steps)
    watch_http(steps)
    settings = Settings(
        database_url=life.database_url,
        port=life.port,
        master_key=MASTER_KEY,
        allow_private_callbacks=True,
    )
    app = watch_doors(wiring.create_app(settings), steps)
    # Listen first: what comes while the database is being opened waits instead of failing.
    with socket.socket() as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(("127.0.0.1", life.port))
        listening.listen(1024)
        uvicorn.Server(uvicorn.Config(app, log_level="warning", ws="none")).run([listening])


def _command(life: Life) -> NoReturn:
    """Become the program that an operator starts."""
    made = {
        "SAMPAN_DATABASE_URL": life.database_url,
        "SAMPAN_MASTER_KEY": MASTER_KEY,
        "SAMPAN_ALLOW_PRIVATE_CALLBACKS": "true",
    }
    words = [sys.executable, "-m", "sampan", "serve", "--port", str(life.port)]
    os.execve(sys.executable, words, {**os.environ, **made})  # noqa: S606 - nothing to quote


def warm() -> None:
    """Do once what each life would do anew, and keep it from the lives' garbage collectors."""
    uvicorn.Config(wiring.create_app(Settings(master_key=MASTER_KEY)), ws="none").load()
    for version in VERSIONS:
        tables(version)
    for url in ("sqlite:///never-opened.db", "postgresql://nobody@localhost/never-opened"):
        dialect = opening.make_engine(url).dialect
        for made in gc.get_objects():
            if isinstance(made, Statement):
                made._compile(dialect)
    gc.collect()
    gc.freeze()


def main() -> None:
    """Fork a process for each life asked for; when nobody asks any more, end them all."""
    warm()
    living: dict[int, int] = {}
    with socket.socket(fileno=int(sys.argv[1])) as line, line.makefile("rb", buffering=0) as orders:
        while True:
            ready, _, _ = select.select([orders], [], [], POLL_S if living else None)
            order = orders.readline() if ready else None
            if order in {b"", b"\n"}:
                _end(living)
            if order == b"":
                break
            if order == b"\n":
                _tell(line, Event(0, 0))
            elif order:
                life = msgspec.json.decode(order, type=Life)
                pid = os.fork()
                if pid == 0:
                    orders.close()
                    line.close()
                    _one_life(life)
                living[pid] = life.number
                _tell(line, Event(life.number, pid))
            for pid in list(living):
                gone, status = os.waitpid(pid, os.WNOHANG)
                if gone:
                    _tell(line, Event(living.pop(pid), pid, os.waitstatus_to_exitcode(status)))


def _end(living: dict[int, int]) -> None:
    for pid in living:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    living.clear()


def _one_life(life: Life) -> None:
    code = 1
    try:
        live(life)
        code = 0
    except BaseException:  # noqa: BLE001 - the log of this life is the only one who hears of it
        sys.excepthook(*sys.exc_info())
    finally:
        # Not sys.exit: what the parent holds open is not ours to close.
        os._exit(code)


def _tell(line: socket.socket, event: Event) -> None:
    line.sendall(msgspec.json.encode(event) + b"\n")


if __name__ == "__main__":
    main()
