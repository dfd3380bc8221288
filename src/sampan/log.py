"""Logs: one line for each thing that happened, with ids and without secrets."""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any, Final, Literal

import structlog

_SECRET_KEYS: Final = frozenset({"secret", "secrets", "master_key", "password", "signature"})


def set_up(level: str, form: Literal["json", "text"]) -> None:
    """Write logs to standard error from `level` on, as JSON lines or as text for people."""
    number = logging.getLevelNamesMapping()[level.upper()]
    renderer: Any = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if form == "json"
        else structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(),
            # The rich kind prints local variables, and those hold secrets.
            exception_formatter=structlog.dev.plain_traceback,
        )
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info if form == "json" else _unchanged,
            _without_secrets,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(level=max(number, logging.WARNING), stream=sys.stderr)


def _unchanged(
    _logger: object, _name: str, entry: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    return entry


def _without_secrets(
    _logger: object, _name: str, entry: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    for key in _SECRET_KEYS & entry.keys():
        entry[key] = "…"
    return entry
