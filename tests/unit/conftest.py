"""What the tests of single rooms share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.flow_world import FlowWorld, open_world


@pytest.fixture
def flow(database_url: str) -> Iterator[FlowWorld]:
    """A platform without doors on each engine; its books are proved after the test."""
    with open_world(database_url) as world:
        yield world
