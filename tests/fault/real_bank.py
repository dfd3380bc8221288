"""The bank of a real FPS account: it tells of money by signed notice or by file, until it is taken.

Nobody asks it and it keeps no books of ours, so what it has told stands here.
"""

import asyncio
from typing import Any, Final

import msgspec
from sqlalchemy import func, select

from sampan.app import Platform
from sampan.clock import SystemClock
from sampan.codecs.emv_qr import decode
from sampan.domain.fps_account import account_of
from sampan.flow import fps_accounts, projects
from sampan.flow.projects import Act
from sampan.providers.marks import mark
from sampan.settings import Settings
from sampan.storage import schema
from tests.fault.lives import AMOUNT, PROJECT, Shop, persist
from tests.fault.victim import MASTER_KEY
from tests.support import camt
from tests.support.verify import ledger_verify

KEY: Final = "the key of the account's notices"
TXN: Final = "FRN1"
BESIDE_COUNT: Final = 20
"""Other entries of a file: with the one that pays they need a second transaction."""
BESIDE_MINOR: Final = 700
BOOKED: Final = "2026-11-22T15:04:06+08:00"


async def open_account(url: str) -> None:
    """Let the project's payments be paid to an account whose QRs carry a reference."""
    settings = Settings(database_url=url, master_key=MASTER_KEY, migrate_on_start=False)
    platform = await Platform.open(settings)
    act = Act(platform.clock.now_us(), "staff:amy", platform.vault)
    wanted = {"id": 0, "name": "Main", "proxy_kind": "fps_id", "proxy": "166069526"}
    account = account_of({**wanted, "payee_name": "TEA", "reference_mode": "both"})

    def real(project: Any) -> Any:  # noqa: ANN401 - a project
        chosen = msgspec.structs.replace(project.settings, provider="fps")
        return msgspec.structs.replace(project, settings=chosen)

    def give(tx: Any) -> None:  # noqa: ANN401 - a transaction
        made = fps_accounts.add(tx, account, key=KEY, act=act)
        fps_accounts.attach(tx, PROJECT, made.id, act=act)
        projects.change(tx, PROJECT, edit=real, act=act)

    try:
        await platform.store.transact(give)
    finally:
        await platform.close()


async def tell(shop: Shop, payload: str, *, by: str) -> None:
    """Tell that a QR was paid, by `notice` or by `file`, again and again until that is taken."""
    view = decode(payload).fps
    assert view is not None
    assert view.bill_number
    path = f"/notifications/fps/{_account_id(shop)}"
    if by == "file":
        path, body = f"{path}/statements?name=day.xml", _file(view.bill_number)
    else:
        body = _notice(view.bill_number)

    async def say() -> tuple[int, Any]:
        now_us = SystemClock().now_us() + int(shop.home.clock_file.read_text())
        return await shop.home.ask("POST", path, body, headers=mark(KEY, body, now_us=now_us))

    status, answer = await persist(say)
    assert status == 200, answer


async def faults_of(shop: Shop, *, by: str) -> list[str]:
    """Say where our books differ from what the bank told, and what is still unfinished."""
    books, lg = shop.books, schema.ledger
    beside = BESIDE_COUNT * BESIDE_MINOR if by == "file" else 0
    name = f"fps/fps:{_account_id(shop)}"
    wanted = {
        f"bank/{name}": AMOUNT + beside,
        f"unapplied/{name}": -beside,
        f"project/{PROJECT}": -AMOUNT,
    }
    total = func.sum(lg.c.amount_minor)
    held = {
        one: int(sum_)
        for one, sum_ in books.rows(select(lg.c.account, total).group_by(lg.c.account))
    }
    faults = [f"left over: {left}"] if (left := books.unsettled()) else []
    if {one: sum_ for one, sum_ in held.items() if sum_} != {
        one: sum_ for one, sum_ in wanted.items() if sum_
    }:
        faults.append(f"our books: {held}; the bank told: {wanted}")
    files = books.rows(select(schema.imports.c.status))
    if files != [("done",)] * (by == "file"):
        faults.append(f"its files are {files}")
    proof = await asyncio.to_thread(ledger_verify, shop.home.url, MASTER_KEY)
    if not proof["ok"]:
        faults.append(f"sampan ledger verify: {proof}")
    return faults


def _account_id(shop: Shop) -> int:
    return int(shop.books.rows(select(schema.fps_accounts.c.id))[0][0])


def _notice(reference: str) -> bytes:
    told = {"bank_txn_id": TXN, "amount_minor": AMOUNT, "currency": "HKD", "booked_at": BOOKED}
    return msgspec.json.encode({"notices": [{**told, "reference": reference}]})


def _file(reference: str) -> bytes:
    beside = [_entry(f"B{number}", "7.00", "hello") for number in range(BESIDE_COUNT)]
    entries = (*beside, _entry(TXN, "100.00", reference))
    statement = camt.Stmt(balances=(), entries=entries)
    return camt.File(message="camt.053", statements=(statement,)).xml()


def _entry(ref: str, amount: str, text: str) -> camt.Ntry:
    one = camt.Tx(bank_ref=ref, amount=amount, texts=(text,))
    return camt.Ntry(bank_ref=ref, amount=amount, txs=(one,))
