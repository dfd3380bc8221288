"""The same server answering a constant: what a sale costs before anything is kept.

It is served the way `sampan serve` serves the platform. Below `/door` a request goes through the
Gate's own door (bounded, read strictly, its signature verified), elsewhere it is not looked at.

    python -m tests.bench.server PORT
"""

import asyncio
import gzip
import sys

from granian.constants import Interfaces
from granian.log import LogLevels
from granian.server.embed import Server
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sampan.app import spare_collector
from sampan.cli.server import _Counted
from sampan.cli.serving import stop_on_signals
from sampan.domain.project import Project, ProjectSettings
from sampan.gate import wire
from sampan.gate.door import MANNERS
from sampan.gate.requests import read_signed
from sampan.storage.projects import Projects
from sampan.web.guarded import Guarded
from tests.bench import world

ANSWER = {
    "status": "success",
    "request_id": f"{'0' * 40}-{'0' * 40}-00001234",
    "project_id": 1234,
    "payment_id": "0" * 16,
}


class _OneProject(Projects):
    """Knows one project without a database."""

    def __init__(self) -> None:
        self._project = Project(
            id=world.PROJECT_ID,
            name="",
            callback_url="",
            secrets=(world.SECRET,),
            settings=ProjectSettings(),
        )

    async def find(self, project_id: int) -> Project | None:
        """Return the project."""
        return self._project if project_id == self._project.id else None


PROJECTS = _OneProject()
PAGE = gzip.compress(bytes(range(256)) * 30)
"""As many bytes as a Payment Page has, packed once and for all."""


async def _take(request: Request) -> Response:
    await request.body()
    return JSONResponse(ANSWER)


async def _verify(request: Request) -> Response:
    await read_signed(request, wire.Sale, projects=PROJECTS)
    return JSONResponse(ANSWER)


async def _page(_: Request) -> Response:
    return Response(PAGE, headers={"Content-Encoding": "gzip"}, media_type="text/html")


async def _serve(port: int) -> None:
    """Serve on a port of this machine until SIGTERM."""
    routes = [
        Route("/v2/payment/banks/{method}/sale", _take, methods=["POST"]),
        Route("/payment", _page, methods=["GET"]),
        Route("/door/v2/payment/banks/{method}/sale", Guarded(_verify, MANNERS), methods=["POST"]),
    ]
    server = Server(
        _Counted(Starlette(routes=routes)),
        address="127.0.0.1",
        port=port,
        interface=Interfaces.ASGINL,
        websockets=False,
        log_access=False,
        log_level=LogLevels.error,
    )
    stop = stop_on_signals()
    spare_collector()
    serving = asyncio.create_task(server.serve())
    await stop.wait()
    server.stop()  # type: ignore[no-untyped-call] # the library publishes no type for it
    await serving


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1])))
