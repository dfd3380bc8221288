"""`sampan serve`, `sampan work` and `sampan migrate`."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sampan.cli.common import Failed, load_settings, put, run, say

if TYPE_CHECKING:
    from sampan.settings import Settings

WORKERS_MAX = 64
RESTART_S = 1.0
KILL_S = 30
"""A worker process that has not stopped after this long is ended hard."""


def register(app: typer.Typer) -> None:
    """Add the commands."""
    panel = "Operate"
    app.command(rich_help_panel=panel)(serve)
    app.command(rich_help_panel=panel)(work)
    app.command(rich_help_panel=panel)(migrate)


def serve(
    *,
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on.", min=1, max=65_535)] = None,
    workers: Annotated[
        int, typer.Option(help="Processes that share the port.", min=1, max=WORKERS_MAX)
    ] = 1,
) -> None:
    """Run the platform: every door and all the work behind them."""
    settings = load_settings(host=host, port=port)
    if workers > 1:
        _serve_many(settings, workers)
    else:
        run(_serve(settings))


def work() -> None:
    """Run the work behind the doors alone: callbacks, providers, time-outs."""
    run(_work(load_settings()))


def migrate() -> None:
    """Bring the database to the newest schema and print its revision."""
    from sampan.errors import SetupError
    from sampan.storage import migrate as steps
    from sampan.storage import open as opening

    settings = load_settings()
    opening.prepare(settings.database_url)
    engine = opening.make_engine(settings.database_url)
    try:
        put(steps.upgrade(engine))
    except SetupError as error:
        raise Failed(str(error)) from error
    finally:
        engine.dispose()


def stop_on_signals() -> asyncio.Event:
    """Return an event that the first SIGTERM or SIGINT sets, instead of ending the process."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for each in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(each, stop.set)
    return stop


def worker_app() -> object:
    """Return the ASGI application of one of several processes, from its environment.

    When the process is told to stop, the streams of open pages end first: its server would wait for
    them.
    """
    from sampan.app import create_app

    app = create_app(load_settings())
    opened = app.router.lifespan_context

    @asynccontextmanager
    async def lifespan(served: Any) -> AsyncIterator[None]:  # noqa: ANN401 - the application
        async with opened(served):

            def stop() -> None:
                served.state.platform.pages.watch.close()
                # The server stops at either signal, and this one it still hears itself.
                signal.raise_signal(signal.SIGINT)

            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop)
            yield

    app.router.lifespan_context = lifespan
    return app


async def _serve(settings: "Settings") -> None:
    from sampan.cli.server import serving

    stop = stop_on_signals()
    async with serving(settings) as running:
        say(f"Sampan is ready at {settings.public_url}")
        await running.until(stop)
        say("Sampan is stopping…")


async def _work(settings: "Settings") -> None:
    import structlog

    from sampan.app import Platform

    stop = stop_on_signals()
    platform = await Platform.open(settings)
    try:
        say("Sampan is working")
        while not stop.is_set():
            try:
                await platform.work(stop)
            except Exception:  # noqa: BLE001 - one bad task must not end the work of all others
                structlog.get_logger(__name__).exception("the workers failed and start anew")
                await asyncio.sleep(RESTART_S)
    finally:
        await platform.close()


def _serve_many(settings: "Settings", workers: int) -> None:
    """Serve from several processes; each has its own doors and workers."""
    from granian import Granian
    from granian.constants import Interfaces
    from granian.log import LogLevels

    from sampan.app import master_key
    from sampan.cli.server import CONNECTIONS_MAX, address_of, allow_connections, require_free
    from sampan.clock import SystemClock
    from sampan.storage import open as opening

    require_free(settings)
    allow_connections()
    opening.prepare(settings.database_url)
    # Made here, once, before several processes could each look for it.
    master_key(settings, SystemClock())
    os.environ |= {
        "SAMPAN_HOST": settings.host,
        "SAMPAN_PORT": str(settings.port),
        "SAMPAN_MIGRATE_ON_START": "false",
    }
    server = Granian(
        "sampan.cli.serving:worker_app",
        address=address_of(settings.host),
        port=settings.port,
        interface=Interfaces.ASGI,
        workers=workers,
        workers_kill_timeout=KILL_S,
        backlog=CONNECTIONS_MAX,
        backpressure=CONNECTIONS_MAX,
        websockets=False,
        factory=True,
        log_access=False,
        log_level=LogLevels.error,
    )
    server.on_startup(lambda: _tell_when_ready(settings))
    server.serve()


def _tell_when_ready(settings: "Settings") -> None:
    """Print the address as soon as a process answers; meanwhile the others are started."""
    import http.client
    from threading import Event, Thread
    from urllib.parse import urlsplit

    def ask() -> None:
        where = urlsplit(settings.own_url)
        for _ in range(600):
            line = http.client.HTTPConnection(where.hostname or "", where.port, timeout=1)
            try:
                line.request("GET", "/healthz")
                if line.getresponse().status == http.HTTPStatus.OK:
                    say(f"Sampan is ready at {settings.public_url}")
                    return
            except OSError:
                Event().wait(0.05)
            finally:
                line.close()

    Thread(target=ask, daemon=True).start()
