"""Find providers by name: entry points of the group `sampan.providers`, ours and other packages'.

An entry point names a function `create(config, clock) -> Provider`.
"""

from collections.abc import Callable
from functools import cache
from importlib import metadata
from typing import Final, cast

from sampan.clock import Clock
from sampan.errors import SetupError
from sampan.providers.base import Provider, ProviderConfig

GROUP: Final = "sampan.providers"

Create = Callable[[ProviderConfig, Clock], Provider]


def available() -> list[str]:
    """Return the names of every installed provider, sorted."""
    return sorted(_installed())


def load(name: str, config: ProviderConfig, *, clock: Clock) -> Provider:
    """Make the provider `name`.

    Raises `SetupError` when none of that name is installed (its text names those that are), when
    its package cannot be imported, and for what the provider itself finds wrong with `config`.
    """
    entry = _installed().get(name)
    if entry is None:
        known = ", ".join(available()) or "none; is Sampan itself installed?"
        raise SetupError(f"unknown provider {name!r}; known: {known}")
    try:
        create = cast("Create", entry.load())
    except (ImportError, AttributeError) as error:
        raise SetupError(f"provider {name!r} ({entry.value}) cannot be loaded: {error}") from error
    return create(config, clock)


@cache
def _installed() -> dict[str, metadata.EntryPoint]:
    """Read the entry points once; what is installed later is seen after a restart."""
    return {entry.name: entry for entry in metadata.entry_points(group=GROUP)}
