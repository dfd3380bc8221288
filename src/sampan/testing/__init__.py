"""Shipped aids for tests: ours, and those of people who write providers."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from typing import Any

import uvicorn


class _Server(uvicorn.Server):
    """A server that says when it is ready and leaves the process's signals alone."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()

    # Any context will do, not only a generator's.
    def capture_signals(self) -> AbstractContextManager[None]:  # type: ignore[override]
        return nullcontext()


@asynccontextmanager
async def serving(app: Any) -> AsyncIterator[str]:  # noqa: ANN401 - all that speaks ASGI
    """Serve an ASGI application over HTTP on a free port of 127.0.0.1, in this event loop.

    Yields its address without a slash at the end; when the block ends the server has ended.
    """
    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = uvicorn.Config(
            app, lifespan="off", log_config=None, ws="none", access_log=False, date_header=False
        )
        server = _Server(config)
        served = asyncio.create_task(server.serve(sockets=[listener]))
        ready = asyncio.create_task(server.ready.wait())
        try:
            await asyncio.wait({served, ready}, return_when=asyncio.FIRST_COMPLETED)
            if served.done():
                served.result()
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            ready.cancel()
            server.should_exit = True
            await served
