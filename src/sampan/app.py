"""Wires the rooms together: the only module that knows them all."""

import asyncio
import gc
import os
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from sampan import __version__
from sampan.addresses import Policy, TargetRefused, check_url
from sampan.bank import door as bank_door
from sampan.bank import pages as bank_pages
from sampan.bank.service import Bank
from sampan.clock import Clock, SystemClock
from sampan.dashboard import door as dashboard_door
from sampan.dashboard.desk import Desk
from sampan.dataapi.door import DataApi
from sampan.domain.page_links import PageLinks
from sampan.errors import Unavailable
from sampan.flow import fps_accounts as accounts
from sampan.flow import links
from sampan.flow.links import Office
from sampan.flow.mailing import Mailroom
from sampan.gate.door import Gate
from sampan.mail import Mailer
from sampan.notifications import Notifications
from sampan.outbound import Outbound
from sampan.page import preview
from sampan.page.door import PageDoor
from sampan.page.handing import Handing
from sampan.page.pages import Pages
from sampan.providers import registry
from sampan.providers.base import Provider, ProviderConfig
from sampan.reports import files as report_files
from sampan.settings import Settings, as_environment
from sampan.shop import app as shop_app
from sampan.storage import open as opening
from sampan.storage.engine import Store, Tx
from sampan.storage.mails import Mail
from sampan.storage.projects import Projects
from sampan.storage.vault import Vault
from sampan.web import render
from sampan.workers.adding import AddUp
from sampan.workers.asking import AskProvider
from sampan.workers.delivering import DeliverCallbacks
from sampan.workers.importing import TakeStatements
from sampan.workers.janitor import Janitor
from sampan.workers.linking import MakeLinks
from sampan.workers.loop import Worker
from sampan.workers.mailing import SendMails
from sampan.workers.reporting import MakeReports, ReportKeeper
from sampan.workers.watching import WatchedFolder

log = structlog.get_logger(__name__)
KEY_FILE = "sampan.key"
COLLECT_AFTER = 20_000
"""New objects between two looks of the garbage collector at the young ones; Python's own is 700."""
ANY_PORT = frozenset(range(1, 65_536))
"""Where private addresses are allowed, the ports of databases are too: tests take any free one."""


def master_key(settings: Settings, clock: Clock) -> str:
    """Return the master key: as set, else from the key file, which is made when it is missing."""
    if settings.master_key:
        return settings.master_key
    database = opening.database_file(settings.database_url)
    path = (database.parent if database else Path()) / KEY_FILE
    try:
        with open(path, "x", opener=partial(os.open, mode=0o600)) as file:
            file.write(clock.token(32))
        log.info("master key made", file=str(path))
    except FileExistsError:
        pass
    return path.read_text().strip()


class Platform:
    """Everything that one process needs, built from its settings."""

    def __init__(self, settings: Settings, *, store: Store, clock: Clock, vault: Vault) -> None:
        self.settings = settings
        self.store = store
        self.clock = clock
        self.vault = vault
        self.projects = Projects(store, clock, vault=vault)
        self.policy = Policy(
            ports=ANY_PORT if settings.allow_private_callbacks else None,
            allow_private=settings.allow_private_callbacks,
            allow_http=settings.allow_http_callbacks,
        )
        self.http = Outbound(self.policy, clock=clock)
        own = Policy(allow_private=True, allow_http=True, ports=ANY_PORT)
        self.bank_http = Outbound(own, clock=clock)
        self.reports_folder = report_files.folder_of(settings)
        self.mailer = Mailer.of(settings)
        self.mailroom = Mailroom(vault, is_on=self.mailer is not None)
        self.shop: shop_app.Shop | None = None
        self.page_links = PageLinks(settings.public_url, vault.derive("page sessions"))
        self.office = Office(self.page_links, self.mailroom)
        self.pages = Pages(
            store,
            clock,
            find_project=self.projects.in_tx,
            links=self.page_links,
            handing=Handing(
                find_provider=self.find_provider,
                sandbox_app="/bank/pay?payload={payload}" if settings.sandbox else "",
            ),
        )
        self._providers: dict[str, Provider] = {}
        self.bank = Bank(
            store,
            clock,
            secret=vault.derive("sandbox bank"),
            notify_url=f"{settings.own_url}/notifications/sandbox",
            http=self.bank_http,
        )

    @classmethod
    async def open(cls, settings: Settings, clock: Clock | None = None) -> "Platform":
        """Open the database and build the platform. Raises `SetupError`."""
        clock = clock or SystemClock()
        vault = Vault(master_key(settings, clock), clock)
        store = await opening.open_store(
            settings.database_url, clock, migrated=not settings.migrate_on_start
        )
        platform = cls(settings, store=store, clock=clock, vault=vault)
        await platform._open_shop()
        return platform

    async def _open_shop(self) -> None:
        """Open the demo shop for the project that the settings name, as any merchant would."""
        project = await self.projects.find(self.settings.demo_shop_project)
        if project is not None:
            config = shop_app.ShopConfig(
                project_id=project.id,
                secret=project.secrets[0],
                gate_url=self.settings.own_url,
                own_url=self.settings.own_url,
                page_url=self.settings.public_url,
                front_url=self.settings.public_url,
            )
            self.shop = shop_app.Shop(config, http=self.bank_http, clock=self.clock)

    def find_provider(self, name: str) -> Provider:
        """Return a provider by its name. Raises `SetupError` for an unknown one."""
        if name not in self._providers:
            config = ProviderConfig(
                base_url=f"{self.settings.own_url}/bank",
                secret=self.vault.derive(f"{name} bank"),
            )
            self._providers[name] = registry.load(name, config, clock=self.clock)
        return self._providers[name]

    def _notice_keys(
        self, tx: Tx, provider: str, account: str
    ) -> tuple[str, tuple[str, ...]] | None:
        now_us = self.clock.now_us()
        return accounts.notice_keys(tx, provider, account, vault=self.vault, now_us=now_us)

    def check_callback_url(self, url: str) -> None:
        """Raise ValueError when callbacks must not go to an address."""
        try:
            check_url(url, self.policy)
        except TargetRefused as error:
            raise ValueError("refused") from error

    def workers(self) -> list[Worker[Any]]:
        """Return the workers of every kind of task; of mails only where a mail server is set."""
        asking = AskProvider(
            self.store,
            http=self.bank_http,
            find_provider=self.find_provider,
            find_project=self.projects.in_tx,
            page_links=self.page_links,
        )
        delivering = DeliverCallbacks(
            self.store, self.clock, http=self.http, find_project=self.projects.in_tx
        )
        linking = MakeLinks(self.store, find_project=self.projects.in_tx, office=self.office)
        environment = {**os.environ, **as_environment(self.settings)}
        reporting = MakeReports(self.store, environment=environment)
        importing = TakeStatements(self.store, find_project=self.projects.in_tx)
        workers: list[Worker[Any]] = [
            Worker(asking.work(), self.store, clock=self.clock),
            Worker(delivering.work(), self.store, clock=self.clock),
            Worker(linking.work(), self.store, clock=self.clock),
            Worker(reporting.work(), self.store, clock=self.clock),
            Worker(importing.work(), self.store, clock=self.clock),
        ]
        if self.mailer is not None:
            mails = SendMails(
                self.store,
                self.clock,
                mailer=self.mailer,
                vault=self.vault,
                tell=self._mail_ended,
            )
            workers.append(Worker(mails.work(), self.store, clock=self.clock))
        return workers

    def _mail_ended(self, tx: Tx, mail: Mail) -> None:
        links.mail_ended(tx, mail, find_project=self.projects.in_tx, office=self.office)

    async def work(self, stop: asyncio.Event) -> None:
        """Do all the work behind the doors until `stop` is set."""
        janitor = Janitor(self.store, self.clock, find_project=self.projects.in_tx)
        keeper = ReportKeeper(self.store, self.clock, folder=self.reports_folder)
        running: list[Coroutine[Any, Any, None]] = [
            *(worker.run(stop) for worker in self.workers()),
            janitor.run(stop),
            AddUp(self.store, self.clock).run(stop),
            keeper.run(stop),
        ]
        if self.settings.sandbox:
            running.append(self.bank.run(stop))
        if self.settings.statements_folder:
            folder = Path(self.settings.statements_folder)
            running.append(WatchedFolder(self.store, folder).run(stop))
        async with asyncio.TaskGroup() as group:
            for each in running:
                group.create_task(each)

    async def close(self) -> None:
        """Close connections and the database."""
        await self.http.close()
        await self.bank_http.close()
        if self.mailer is not None:
            self.mailer.close()
        await self.store.close()

    def routes(self) -> list[BaseRoute]:
        """Return the routes of every door that is open."""
        gate = Gate(
            self.store,
            self.clock,
            projects=self.projects,
            check_url=self.check_callback_url,
            office=self.office,
        )
        notifications = Notifications(
            self.store,
            self.clock,
            find_provider=self.find_provider,
            find_project=self.projects.in_tx,
            find_keys=self._notice_keys,
        )
        pages = PageDoor(
            self.pages,
            projects=self.projects,
            check_url=self.check_callback_url,
            font_file=self.settings.font_file,
        )
        routes: list[BaseRoute] = [
            *gate.routes(),
            *pages.routes(),
            *notifications.routes(),
            *DataApi(self.store, self.clock, vault=self.vault).routes(),
            *dashboard_door.routes(self.desk),
            Route("/healthz", self._healthz),
            Route("/readyz", self._readyz),
            *render.static_routes(),
        ]
        if self.settings.sandbox:
            routes += [*bank_door.routes(self.bank), *bank_pages.routes(self.bank, self.clock)]
        if self.shop is not None:
            routes += shop_app.routes(self.shop)
        return routes

    @cached_property
    def desk(self) -> Desk:
        """What the Dashboard works with."""
        return Desk(
            store=self.store,
            clock=self.clock,
            vault=self.vault,
            find_project=self.projects.in_tx,
            office=self.office,
            check_url=self.check_callback_url,
            public_url=self.settings.public_url,
            preview=preview.answer,
            reports_folder=self.reports_folder,
            require_second_factor=self.settings.require_second_factor,
        )

    async def _healthz(self, _: Request) -> Response:
        return JSONResponse({"status": "ok", "version": __version__})

    async def _readyz(self, _: Request) -> Response:
        try:
            await opening.ping(self.store)
        except Unavailable as error:
            return JSONResponse({"status": "unavailable", "why": str(error)}, 503)
        return JSONResponse({"status": "ready"})


def create_app(settings: Settings | None = None, clock: Clock | None = None) -> Starlette:
    """Return the ASGI application; its lifespan opens the database and runs the workers.

    `clock` stands in for the machine's clock, for tests.
    """
    chosen = settings or Settings()

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        platform = await Platform.open(chosen, clock)
        app.router.routes[:] = platform.routes()
        app.state.platform = platform
        spare_collector()
        stop = asyncio.Event()
        working = asyncio.create_task(_work(platform, stop))
        try:
            yield
        finally:
            stop.set()
            await working
            await platform.close()

    app = Starlette(lifespan=lifespan, exception_handlers={HTTPException: _http_error})
    app.router.redirect_slashes = False
    return app


def spare_collector() -> None:
    """Keep the garbage collector from what lives as long as the process. A repeat does no harm.

    Under load it otherwise walks through every imported module several times a second: a sixth of
    the time of a server that does nothing but accept sales.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(COLLECT_AFTER)


async def _work(platform: Platform, stop: asyncio.Event) -> None:
    """Keep the workers working: a fault that none of them foresaw is logged and they start anew."""
    while platform.settings.run_workers and not stop.is_set():
        try:
            await platform.work(stop)
        except Exception:
            log.exception("the workers failed and start anew")
            await asyncio.sleep(1)


async def _http_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for it alone
    return JSONResponse({"error": error.detail}, error.status_code, headers=error.headers)
