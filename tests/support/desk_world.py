"""A merchant's Dashboard as a day leaves it, for browser tests and pictures.

    with desk_world(folder) as world:
        world.screens()["payments"]      # the path of a screen
        world.staff.member(Role.ADMIN)

Everything in it was made through the doors: payments by Gate and the sandbox bank, callbacks to a
receiver that fails, links, people, reports, money that does not fit.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from sampan.domain.analytics import Dataset
from sampan.domain.rights import Role
from sampan.flow import team
from sampan.flow.team import Act
from tests.support import bank_csv, camt, fps_desk, history, payment_examples, report_world
from tests.support.bank_csv import Line
from tests.support.links import make_link
from tests.support.merchant import Merchant
from tests.support.money_world import MoneyWorld
from tests.support.platform import ProjectClient, RunningPlatform, running, until
from tests.support.refund_world import refund_screens
from tests.support.staff import Member, Staff

SECRET: Final = "secret of the tea house"
UNHEARD: Final = "TEA-20424"
NOBODY: Final = "http://127.0.0.1:9/callbacks"
"""Nothing listens there (RFC 863 has gone out of use)."""
VISITORS: Final = ("sign-in", "invitation")
"""Screens of who is not signed in."""
MISSING: Final = "nothing"
"""The screen of an address that leads nowhere."""


@dataclass(kw_only=True)
class ScreenWorld:
    """A platform whose screens are looked at."""

    platform: RunningPlatform
    staff: Staff
    owner: Member
    paths: dict[str, str] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)

    def screens(self) -> dict[str, str]:
        """Return name → path of every screen."""
        return self.paths

    def token_of(self, screen: str) -> str:
        """Return the session in which a screen is seen: the owner's, another one's, or none."""
        return self.tokens.get(screen, "" if screen in VISITORS else self.owner.token)


@dataclass(kw_only=True)
class DeskWorld(ScreenWorld):
    """A platform with a day's data in it."""

    merchant: Merchant
    project: ProjectClient
    made: Mapping[str, str]
    invitation: str = ""

    def key(self, payment_id: str) -> int:
        """Return the key of a payment."""
        payment = self.project.payment(payment_id)
        assert payment is not None
        return payment.key


def _paths(world: DeskWorld) -> dict[str, str]:
    """Return every screen: those of sections, and those of what the day has made."""
    paid, short = world.key(world.made["paid"]), world.key(world.made["short"])
    failed = world.platform.callbacks_of(world.project, UNHEARD)[-1].id
    link, project = world.key("LINK-1"), f"/dashboard/projects/{world.project.id}"
    someone = world.staff.add(Role.SUPPORT, email="bob@tea.example", name="Bob Lee").id
    below = {
        "overview": "/",
        "payments": "/payments",
        "payment": f"/payments/{paid}",
        "payment-held": f"/payments/{short}",
        "search": "/search?q=nothing+like+it",
        "links": "/links",
        "link": f"/links/{link}",
        "link-new": "/links/new",
        "link-poster": f"/links/{link}/poster",
        "link-batches": "/links/batches",
        "callbacks": "/callbacks",
        "callback": f"/callbacks/{failed}",
        "callbacks-resend": "/callbacks/resend-failed",
        "team": "/team",
        "team-invite": "/team/invite",
        "person": f"/team/{someone}",
        "journal": "/journal",
        "profile": "/profile",
        "code": "/code",
        "second-factor": "/profile/second-factor",
        MISSING: "/nothing/here",
        "sign-in": "/sign-in",
        "invitation": f"/invitation/{world.invitation}",
        "projects": "/projects",
        "project-new": "/projects/new",
    }
    tabs = ("", "/bank", "/methods", "/keys", "/callbacks", "/redirects", "/page", "/design")
    names = ("project", *(f"project-{tab[1:]}" for tab in tabs[1:]))
    return {name: f"/dashboard{path}" for name, path in below.items()} | {
        name: project + tab for name, tab in zip(names, tabs, strict=True)
    }


def _tokens(world: DeskWorld) -> dict[str, str]:
    """Return the sessions in which screens are seen that the owner never sees."""
    fresh, half = world.staff.add(Role.OPERATIONS), world.staff.add(Role.OPERATIONS)
    world.staff.factor(half)
    return {
        "second-factor": world.staff.session(fresh),
        "code": world.staff.session(half, passed_totp=False),
    }


@contextmanager
def desk_world(folder: Path, **settings: object) -> Iterator[DeskWorld]:
    """Run a platform with a day's data in it as long as the block lasts."""
    with running(f"sqlite:///{folder}/sampan.db", **settings) as platform:
        staff, merchant = Staff(platform), Merchant(secrets=[SECRET])
        try:
            owner = staff.member(Role.ADMIN, email="amy@tea.example", name="Amy Wong")
            project = platform.add_project(
                merchant.url,
                secret=SECRET,
                payee_name="HARBOUR TEA HOUSE",
                payee_name_zh="海港茶舍",
            )
            made = payment_examples.fill(project, merchant)
            world = DeskWorld(
                platform=platform,
                staff=staff,
                owner=owner,
                merchant=merchant,
                project=project,
                made=made,
            )
            _links(world)
            _unheard(world)
            world.invitation = _invite(world)
            world.paths, world.tokens = _paths(world), _tokens(world)
            world.paths |= report_world.fill(platform, owner, [project]).screens
            world.paths |= _money(world)
            world.paths |= refund_screens(platform, owner)
            world.paths |= fps_desk.fill(platform, platform.add_project(""))
            yield world
        finally:
            merchant.close()


@contextmanager
def weeks_world(folder: Path) -> Iterator[ScreenWorld]:
    """Run a platform with weeks of figures in it as long as the block lasts.

    The rows are written as they would stand, without the money behind them: for analytics alone.
    """
    with running(f"sqlite:///{folder}/sampan.db", run_workers=False) as platform:
        staff = Staff(platform)
        owner = staff.member(Role.ADMIN, email="amy@tea.example", name="Amy Wong")
        houses = [platform.add_project("") for _ in range(2)]
        now_us = platform.clock.now_us()
        ids = [house.id for house in houses]
        platform.transact(lambda tx: history.weeks(tx, ids, now_us=now_us, per_day=40))
        world = ScreenWorld(platform=platform, staff=staff, owner=owner)
        above = "/dashboard/analytics"
        world.paths = {"analytics": above, "analytics-panels": f"{above}/panels"} | {
            f"analytics-{dataset.value}": f"{above}/{dataset.value}?period=30days"
            for dataset in Dataset
        }
        yield world


def _money(world: DeskWorld) -> dict[str, str]:
    """Let money of every kind arrive; return the screens about it."""
    made = MoneyWorld(world.project).fill()
    late = made["late"]
    below = {
        "credits": "/credits",
        "credit": f"/credits/{made['mangled'].id}",
        "credit-late": f"/credits/{late.id}",
        "credit-apply": f"/credits/{late.id}/apply?payment={late.payment}",
        "credit-double": f"/credits/{made['double'].id}",
        "credit-short": f"/credits/{made['short'].id}",
        "credit-several": f"/credits/{made['several'].id}",
        "credit-split": f"/credits/{made['several'].id}/split",
        "credit-new": "/credits/new",
        "bank-files": "/credits/import",
        "bank-columns": _sent(world, "戶口往來 2026-11.csv", _csv()),
        "bank-file": _sent(world, "HSBC 2026-11-24.xml", _camt()),
        "reconciliation": "/reconciliation",
        "ledger": "/ledger",
    }
    return {name: f"/dashboard{path}" for name, path in below.items()}


def _sent(world: DeskWorld, name: str, raw: bytes) -> str:
    """Send a bank file; return where it leads: to its columns, or to what it would do."""
    account = f"sandbox/{world.project.fps_id}"
    answer = world.owner.upload("/credits/import", file=raw, called=name, account=account)
    assert answer.status == 303, answer.raw
    return answer.headers["location"].removeprefix("/dashboard")


def _csv() -> bytes:
    """Return a CSV whose column of payers is not guessed."""
    return bank_csv.written(
        [
            Line("24/11/2026", "轉數快轉入", "陳大文", "TEA 30007", "FT26112400017", came="520.00"),
            Line(
                "24/11/2026", "轉數快轉入", "何嘉欣", "普洱茶餅", "FT26112400018", came="1,234.50"
            ),
            Line("24/11/2026", "服務費", "", "", "FT26112400019", gone="20.00"),
        ]
    )


def _camt() -> bytes:
    """Return a day of an account: money in with and without a reference, and a charge."""
    day, entries = "2026-11-24", []
    for number, (sum_text, payer, text) in enumerate(
        (("388.00", "WONG KA YAN", "Lantern set"), ("88.00", "LEE SIU FUNG", ""))
    ):
        texts, name = (text,) if text else (), f"HK26112400{number:04}"
        tx = camt.Tx(amount=sum_text, payer=payer, texts=texts, bank_ref=name)
        booked = f"{day}T09:{number:02}:00+08:00"
        entries.append(camt.Ntry(amount=sum_text, bank_ref=name, booked=booked, txs=(tx,)))
    charge = camt.Ntry(amount="20.00", direction="DBIT", bank_ref="FEE1124", booked=day, txs=())
    balances = (camt.Bal("OPBD", "1000.00", on=day), camt.Bal("CLBD", "1456.00", on=day))
    made = camt.Stmt(
        id="S1", entries=(*entries, charge), balances=balances, created=f"{day}T23:00:00+08:00"
    )
    return camt.File(message="camt.053", statements=(made,)).xml()


def _links(world: DeskWorld) -> None:
    for number, name in enumerate(("Afternoon tea for four", "Pu'er cake 2009"), 1):
        make_link(
            world.project,
            f"LINK-{number}",
            payment={"amount": 88_000 * number, "description": name},
            customer={"email": "chan@customer.example"},
        )
        until(lambda number=number: world.project.payment(f"LINK-{number}"))  # type: ignore[misc]


def _unheard(world: DeskWorld) -> None:
    """Let a payment be paid of which nobody hears: its address takes no callbacks."""
    more = {"general": {"merchant_callback_url": NOBODY}}
    asked = payment_examples.waiting(world.project, UNHEARD, amount=31_200, **more)
    payment_examples.act(world.project, asked, "pay")
    payment_examples.stands(world.project, UNHEARD, "success")


def _invite(world: DeskWorld) -> str:
    """Invite somebody; return the token of the invitation."""
    token = world.platform.clock.token(team.TOKEN_BYTES)
    user = world.staff.add(Role.FINANCE, email="fin@tea.example", name="Fiona Ho")
    act = Act(world.platform.clock.now_us(), "staff:amy@tea.example")
    world.platform.transact(lambda tx: team.invite(tx, user.id, token=token, act=act))
    return token
