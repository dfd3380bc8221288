"""`sampan doctor`: look at everything that keeps a platform from working, and say what to do."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import typer

from sampan.cli.common import JsonFlag, emit, load_settings, run, stdout

if TYPE_CHECKING:
    from sampan.app import Platform
    from sampan.domain.project import Project
    from sampan.settings import Settings
    from sampan.storage.engine import Store

EARLIEST_US: Final = 1_767_225_600_000_000
"""2026-01-01: a clock that is behind it has lost its battery."""
AHEAD_US_MAX: Final = 5_000_000
HTTP_S_MAX: Final = 2.0

State = Literal["ok", "warn", "fail"]


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at; `advice` says what to do, "" when nothing."""

    what: str
    state: State
    found: str
    advice: str = ""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(rich_help_panel="Operate")(doctor)


def doctor(*, as_json: JsonFlag = False) -> None:
    """Look at settings, database, master key, clock, callback addresses, port and mail server.

    Exit code 1 when something fails. Nothing is changed.
    """
    findings = run(_look())
    bad = any(each.state == "fail" for each in findings)
    if as_json:
        emit({"ok": not bad, "findings": [asdict(each) for each in findings]})
    else:
        _print(findings)
    if bad:
        raise typer.Exit(1)


async def _look() -> list[Finding]:
    from sampan.errors import SetupError

    try:
        settings = load_settings()
    except SetupError as error:
        return [Finding("settings", "fail", str(error), "correct the variable or sampan.toml")]
    findings = [_settings(), *_database(settings)]
    findings.append(_key(settings))
    if all(each.state == "ok" for each in findings):
        async with _platform(settings) as platform:
            findings += await _projects(platform)
            findings.append(await _clock(platform.store, platform.clock.now_us()))
            findings.append(await _port(settings, platform))
    else:
        findings.append(await _clock(None, _now_us()))
    findings.append(await _mail(settings))
    return findings


def _settings() -> Finding:
    file = "sampan.toml and " if Path("sampan.toml").is_file() else ""
    return Finding("settings", "ok", f"read from {file}the environment")


def _now_us() -> int:
    from sampan.clock import SystemClock

    return SystemClock().now_us()


def _database(settings: "Settings") -> Iterator[Finding]:
    """Look whether the database answers and has the newest schema, without making one."""
    from sampan.errors import SetupError
    from sampan.storage import open as opening

    prepare = "run: sampan migrate"
    try:
        known, newest = opening.revisions(settings.database_url)
    except SetupError as error:
        yield Finding("database", "fail", str(error), "correct SAMPAN_DATABASE_URL or start it")
        return
    file = opening.database_file(settings.database_url)
    place = str(file) if file else "PostgreSQL"
    if known is None:
        yield Finding("database", "warn", f"{place} has no tables yet", prepare)
        return
    yield Finding("database", "ok", f"{place} answers")
    if known == newest:
        yield Finding("schema", "ok", f"revision {known}")
    else:
        yield Finding("schema", "fail", f"revision {known}, needed is {newest}", prepare)


def _key(settings: "Settings") -> Finding:
    from sampan.app import KEY_FILE
    from sampan.storage import open as opening

    if settings.master_key:
        return Finding("master key", "ok", "set by SAMPAN_MASTER_KEY")
    file = opening.database_file(settings.database_url)
    path = (file.parent if file else Path()) / KEY_FILE
    if not path.is_file():
        return Finding("master key", "warn", "there is none yet", "it is made by: sampan serve")
    if path.stat().st_mode & 0o077:
        return Finding("master key", "fail", f"{path} is open to others", f"run: chmod 600 {path}")
    return Finding("master key", "ok", f"in {path}; back it up apart from the database")


async def _mail(settings: "Settings") -> Finding:
    """Look whether the mail server lets us in; nothing is sent."""
    from sampan.mail import Mailer, MailError

    mailer = Mailer.of(settings)
    if mailer is None:
        return Finding("mail", "ok", "off: links are shown, to be sent by hand")
    where = f"{settings.smtp_host}:{settings.smtp_port}"
    try:
        return Finding("mail", "ok", f"{where} lets us in: {await mailer.check()}")
    except MailError as error:
        advice = {
            "tls": "correct SAMPAN_SMTP_SECURITY and SAMPAN_SMTP_PORT, or the server's certificate",
            "login": "correct SAMPAN_SMTP_USERNAME and SAMPAN_SMTP_PASSWORD",
        }.get(error.kind, "correct SAMPAN_SMTP_HOST and SAMPAN_SMTP_PORT, or start the server")
        return Finding("mail", "fail", f"{where}: {error}", advice)
    finally:
        mailer.close()


@asynccontextmanager
async def _platform(settings: "Settings") -> "AsyncIterator[Platform]":
    """Build the platform on the database as it is."""
    from sampan.app import Platform, master_key
    from sampan.clock import SystemClock
    from sampan.storage import open as opening
    from sampan.storage.vault import Vault

    clock = SystemClock()
    vault = Vault(master_key(settings, clock), clock)
    store = await opening.open_store(settings.database_url, clock, migrated=True)
    platform = Platform(settings, store=store, clock=clock, vault=vault)
    try:
        yield platform
    finally:
        await platform.close()


async def _projects(platform: "Platform") -> list[Finding]:
    """Look whether the key opens the stored secrets, and whether callbacks may go out."""
    from sampan.errors import SetupError
    from sampan.storage import projects

    vault, now_us = platform.vault, platform.clock.now_us()
    try:
        every = await platform.store.read(lambda tx: projects.every(tx, vault=vault, now_us=now_us))
    except SetupError as error:
        advice = "set the master key that the projects were added with"
        return [Finding("stored secrets", "fail", str(error), advice)]
    if not every:
        return [Finding("projects", "warn", "there is none yet", "run: sampan project add")]
    opened = Finding(
        "stored secrets", "ok", f"the master key opens those of {len(every)} project(s)"
    )
    findings = [opened, *(_callbacks(each, platform.check_callback_url) for each in every)]
    paid_to_fps = [each for each in every if each.settings.provider == "fps"]
    return findings + [await _accounts(each, platform) for each in paid_to_fps]


async def _accounts(project: "Project", platform: "Platform") -> Finding:
    """Look whether each currency of a project can be paid to an FPS account."""
    from sampan.domain.fps_account import usable
    from sampan.money import DECIMALS
    from sampan.storage import fps_accounts

    what = f"FPS accounts of {project.id}"
    attached = await platform.store.read(lambda tx: fps_accounts.of_project(tx, project.id))
    taken = [each for each in DECIMALS if project.settings.amount_limits(each) is not None]
    lacking = [each for each in taken if not usable(attached, currency=each)]
    if not lacking:
        return Finding(what, "ok", f"{len(attached)} for {' and '.join(taken)}")
    advice = f"run: sampan fps attach ACCOUNT {project.id}, or switch the currency off"
    return Finding(what, "warn", f"none that is on takes {' or '.join(lacking)}", advice)


def _callbacks(project: "Project", check: Callable[[str], None]) -> Finding:
    what = f"callbacks of {project.id}"
    if not project.callback_url:
        advice = f"run: sampan project set {project.id} --callback-url …"
        return Finding(what, "warn", "only to addresses named in requests", advice)
    try:
        check(project.callback_url)
    except ValueError:
        advice = "use a public https address; for development SAMPAN_ALLOW_PRIVATE_CALLBACKS=true"
        return Finding(what, "fail", f"{project.callback_url} is not allowed", advice)
    return Finding(what, "ok", project.callback_url)


async def _clock(store: "Store | None", now_us: int) -> Finding:
    from sampan.cli import look
    from sampan.storage import callback_lists
    from sampan.storage import credits as kept
    from sampan.storage.callback_lists import Filter

    advice = "set the clock of this machine, best by NTP"
    newest_us = 0
    if store is not None:
        known = await store.read(
            lambda tx: [
                *(one.created_us for one in callback_lists.newest(tx, Filter(), most=1)),
                *(one.received_us for one in kept.listing(tx, status=None, most=1)),
            ]
        )
        newest_us = max(known, default=0)
    if now_us < EARLIEST_US:
        return Finding("clock", "fail", f"says {look.moment(now_us)}", advice)
    if newest_us > now_us + AHEAD_US_MAX:
        return Finding(
            "clock", "fail", f"is behind what was stored {look.moment(newest_us)}", advice
        )
    return Finding("clock", "ok", look.moment(now_us))


async def _port(settings: "Settings", platform: "Platform") -> Finding:
    from sampan.addresses import TargetRefused
    from sampan.cli.server import is_free
    from sampan.errors import SetupError
    from sampan.outbound import OutboundError

    advice = "choose another with SAMPAN_PORT, or stop what listens there"
    try:
        if is_free(settings.host, settings.port):
            return Finding("port", "ok", f"{settings.port} is free")
    except SetupError as error:
        return Finding("port", "fail", str(error), advice)
    try:
        answer = await platform.bank_http.get(f"{settings.own_url}/healthz", timeout_s=HTTP_S_MAX)
    except (OutboundError, TargetRefused):
        return Finding("port", "fail", f"{settings.port} is used by another program", advice)
    if b'"version"' not in answer.body:
        return Finding("port", "fail", f"{settings.port} is used by another server", advice)
    return Finding("port", "ok", f"Sampan answers at {settings.own_url}")


def _print(findings: list[Finding]) -> None:
    from rich.text import Text

    from sampan.cli import look

    table = look.table("Doctor", "", "looked at", "found", "what to do")
    marks: dict[State, bool | None] = {"ok": True, "warn": None, "fail": False}
    for each in findings:
        mark = look.mark(marks[each.state]).append(f" {each.state}", "")
        table.add_row(mark, Text(each.what, no_wrap=True), each.found, each.advice)
    stdout().print(table)
