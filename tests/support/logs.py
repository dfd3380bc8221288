"""Logs of the platforms that tests run inside themselves."""

from __future__ import annotations

import logging

import structlog


def plain() -> None:
    """Write what is worth knowing where a failure is shown, and tracebacks as Python does.

    Left to itself structlog draws each exception in colours with every variable in reach, which
    takes half a second, and tests make many things fail on purpose. Loggers are not kept, so that
    a test that sets logs up in another way sees it at once.
    """
    renderer = structlog.dev.ConsoleRenderer(
        colors=False, exception_formatter=structlog.dev.plain_traceback
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        logger_factory=structlog.PrintLoggerFactory(),
        cache_logger_on_first_use=False,
    )
