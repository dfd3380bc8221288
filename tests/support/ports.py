"""Ports for servers that tests start."""

import random
import socket
from typing import Final

FIRST: Final = 20_000
LAST: Final = 32_000
"""Below what systems give to connections that go out: one of those may take a port between the
moment in which it is found free and the one in which a server opens it."""


def free_port() -> int:
    """Return a port of this machine that nobody uses."""
    while True:
        port = random.randint(FIRST, LAST)
        with socket.socket() as tried:
            try:
                tried.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
