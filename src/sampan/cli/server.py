"""The platform and its HTTP server on the event loop of this process."""

import asyncio
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from granian.constants import Interfaces
from granian.log import LogLevels
from granian.server.embed import Server

from sampan.addresses import TargetRefused
from sampan.app import Platform, create_app
from sampan.cli.common import Failed
from sampan.errors import SetupError
from sampan.outbound import OutboundError

if sys.platform == "win32":
    resource = None
else:
    import resource

if TYPE_CHECKING:
    from sampan.settings import Settings

GRACE_S: Final = 10.0
"""Requests under way get this long to end once the server has stopped taking new ones."""
START_S_MAX: Final = 15.0
CONNECTIONS_MAX: Final = 8_192
"""Open at once in one process: each customer who looks at a QR holds one. Beyond, new ones wait."""
FILES_SPARE: Final = 512
"""Descriptors for everything that is no connection of a customer."""


def allow_connections() -> None:
    """Let this process hold as many connections as it takes, as far as the system allows it."""
    if resource is None:
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = CONNECTIONS_MAX + FILES_SPARE
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def address_of(host: str) -> str:
    """Return the numeric address of a host name. Raises `SetupError` when it has none."""
    try:
        return str(socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)[0][4][0])
    except OSError as error:
        raise SetupError(f"{host} is no address of this machine") from error


def is_free(host: str, port: int) -> bool:
    """Tell whether nobody listens on a port. Raises `SetupError` when it may not be used."""
    address = address_of(host)
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with closing(socket.socket(family, socket.SOCK_STREAM)) as probe:
        # The server shares its port with whoever asks for it, so it would not notice by itself.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
            probe.listen(1)
        except PermissionError as error:
            raise SetupError(f"port {port} needs the rights of an administrator") from error
        except OSError as error:
            if "in use" in str(error):
                return False
            raise SetupError(f"cannot listen on {host}:{port}: {error.strerror}") from error
    return True


def require_free(settings: "Settings") -> None:
    """Raise `SetupError` when somebody listens on our port already."""
    if not is_free(settings.host, settings.port):
        raise SetupError(
            f"port {settings.port} on {settings.host} is in use; choose another with --port "
            "or SAMPAN_PORT"
        )


_Any: TypeAlias = Any  # what ASGI hands over is known to the application alone


class _Counted:
    """An ASGI application that knows how many requests are under way."""

    def __init__(self, app: Any) -> None:  # noqa: ANN401 - an ASGI application
        self._app = app
        self._under_way = 0
        self._idle = asyncio.Event()
        self._idle.set()

    async def __call__(self, scope: _Any, receive: _Any, send: _Any) -> None:
        self._under_way += 1
        self._idle.clear()
        try:
            await self._app(scope, receive, send)
        finally:
            self._under_way -= 1
            if not self._under_way:
                self._idle.set()

    async def idle(self, timeout_s: float) -> None:
        """Wait until no request is under way, but no longer than told."""
        try:
            await asyncio.wait_for(self._idle.wait(), timeout_s)
        except TimeoutError:
            return


class Running:
    """A platform whose doors are open."""

    def __init__(self, platform: Platform, server: "asyncio.Task[None]") -> None:
        self.platform = platform
        self._server = server

    async def until(self, stop: asyncio.Event) -> None:
        """Return when `stop` is set. Raises `Failed` when the server ends by itself."""
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait({stopping, self._server}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if self._server.done():
            raise Failed("the HTTP server ended unexpectedly")


@asynccontextmanager
async def serving(settings: "Settings", *, grace_s: float = GRACE_S) -> AsyncIterator[Running]:
    """Open the database, the workers and the doors; at the end close them in good order.

    First no new request is taken, then those under way end, or `grace_s` is over, then the workers
    finish what they have in hand, last the database is closed. Raises `SetupError` before anything
    is open.
    """
    require_free(settings)
    allow_connections()
    app = create_app(settings)
    async with app.router.lifespan_context(app):
        counted = _Counted(app)
        server = Server(
            counted,
            address=address_of(settings.host),
            port=settings.port,
            interface=Interfaces.ASGINL,
            backlog=CONNECTIONS_MAX,
            backpressure=CONNECTIONS_MAX,
            websockets=False,
            log_access=False,
            log_level=LogLevels.error,
        )
        task = asyncio.create_task(server.serve())
        try:
            await _answering(app.state.platform, task)
            yield Running(app.state.platform, task)
        finally:
            # Streams would otherwise go on until their pages are closed, and the server waits.
            app.state.platform.pages.watch.close()
            server.stop()  # type: ignore[no-untyped-call]
            await task
            await counted.idle(grace_s)


async def _answering(platform: Platform, server: "asyncio.Task[None]") -> None:
    """Wait until the doors answer."""
    loop = asyncio.get_running_loop()
    until = loop.time() + START_S_MAX
    while not server.done() and loop.time() < until:
        try:
            url = f"{platform.settings.own_url}/healthz"
            answer = await platform.bank_http.get(url, timeout_s=1.0)
        except (OutboundError, TargetRefused):
            await asyncio.sleep(0.01)
            continue
        if answer.status == HTTPStatus.OK:
            return
    raise Failed("the HTTP server did not start")
