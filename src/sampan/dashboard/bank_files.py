"""Bank files: send one, see what it would do, take it in, see what became of every entry."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

from starlette.datastructures import UploadFile
from starlette.responses import Response

from sampan.codecs.statement import StatementFault
from sampan.dashboard import bank_accounts, credit_words
from sampan.dashboard.asked import Asked, place_text
from sampan.dashboard.bank_accounts import BankAccount
from sampan.dashboard.credit_card import key_of, missing
from sampan.dashboard.credit_list import PATH
from sampan.dashboard.told import people_names
from sampan.dashboard.visit import Visit
from sampan.dashboard.ways import Way
from sampan.domain.rights import Right
from sampan.flow import import_files, import_look
from sampan.flow import imports as flow
from sampan.flow import statement_files as files
from sampan.flow.import_files import Addressed
from sampan.flow.import_look import Preview
from sampan.flow.settle import Step
from sampan.storage import file_drafts, imports, users
from sampan.storage.engine import Tx
from sampan.storage.file_drafts import Draft
from sampan.storage.imports import Import, ImportEntry
from sampan.web.i18n import mark

FILES: Final = f"{PATH}/import"
ONE: Final = f"{FILES}/{{key:key}}"
FILE_BYTES_MAX: Final = 16 * 1024 * 1024
ROWS_BYTES_MAX: Final = 4 * 1024 * 1024
"""A file of rows that waits for its columns is kept whole in the database for so long."""
FORM_BYTES_MAX: Final = FILE_BYTES_MAX + 65_536
LIST_COUNT: Final = 30
ENTRIES_COUNT: Final = 100
NO_FILE: Final = mark("Choose a file.")
NO_ACCOUNT: Final = mark("Choose an account.")
TOO_LARGE: Final = mark(
    "The file is too large to be sent here; the command line takes larger ones."
)

VIEWS: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    "": (mark("All entries"), ()),
    "look": (mark("Waits for somebody"), ("unapplied", "held")),
    "paid": (mark("Paid a payment"), ("applied",)),
    "over": (
        mark("Passed over"),
        (
            *("pending", "information", "debit", "collective"),
            *("currency", "amount", "failed", flow.OTHER_ACCOUNT),
        ),
    ),
    "known": (mark("Known already"), ("repeated",)),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A file with some of its entries, and what it would do while it waits for a person."""

    made: Import
    counts: Mapping[str, int]
    entries: Sequence[tuple[ImportEntry, str]]
    preview: Preview | None
    accounts: Sequence[BankAccount]
    people: Mapping[str, str]

    @property
    def waits(self) -> bool:
        """Whether a person has to say that it is taken in."""
        return self.preview is not None

    @property
    def percent(self) -> int:
        """How much of it is taken in."""
        count = self.made.entries_count
        return 100 * (count - self.counts.get("", 0)) // count if count else 100


async def listed(visit: Visit) -> Response:
    """Show the files, the newest first, and the form for another one."""
    return await _listed(visit)


async def upload(visit: Visit) -> Response:
    """Read a file whole and lead to what it would do; of rows without names, to its columns."""
    accounts = await visit.desk.store.read(lambda tx: bank_accounts.every(visit, tx))
    account = bank_accounts.chosen(accounts, visit.text("account"))
    errors = {} if account else {"account": NO_ACCOUNT}
    file = visit.form.get("file")
    if not isinstance(file, UploadFile) or not file.filename:
        errors["file"] = NO_FILE
    elif (file.size or 0) > FILE_BYTES_MAX:
        errors["file"] = TOO_LARGE
    if account is None or not isinstance(file, UploadFile) or errors:
        return await _listed(visit, errors=errors)
    to = Addressed(account.provider, account.account, _plain(file.filename or ""), visit.by)
    kind = await asyncio.to_thread(files.format_of, file.file)
    if kind in {"csv", "xlsx"}:
        known = await visit.desk.store.read(lambda tx: imports.known(tx, *account[:2]))
        if known.mapping is None or visit.text("columns"):
            return await _ask_columns(visit, file, to=to)
    return await taken(visit, file, to=to)


async def taken(visit: Visit, file: UploadFile, *, to: Addressed) -> Response:
    """Read a file whole, and lead to what it would do."""
    begun = await import_files.take_file(visit.desk.store, file.file, to=to, held=True)
    seen = "" if begun.is_new else "?again=1"
    return visit.go(f"{FILES}/{begun.kept.id}{seen}")


async def _ask_columns(visit: Visit, file: UploadFile, *, to: Addressed) -> Response:
    data = await file.read()
    if len(data) > ROWS_BYTES_MAX:
        return await _listed(visit, errors={"file": TOO_LARGE})
    try:
        await asyncio.to_thread(files.propose, file.file, account=to.account)
    except StatementFault as fault:
        return await _listed(visit, errors={"file": credit_words.FAULTS[fault.code]})
    now_us = visit.now_us

    def keep(tx: Tx) -> Draft:
        made = Draft(
            id=tx.new_id(),
            provider=to.provider,
            account=to.account,
            file_name=to.file_name,
            by=to.by,
            created_us=now_us,
            data=data,
        )
        file_drafts.add(tx, made)
        return made

    draft = await visit.desk.store.transact(keep)
    return visit.go(f"{FILES}/columns/{draft.id}")


async def one(visit: Visit) -> Response:
    """Show a file: what it would do, how far it is, what became of its entries."""
    view, after = visit.asked("show"), Asked(visit.request.query_params).number("after") or 0
    view = view if view in VIEWS else ""
    shown = await visit.desk.store.read(lambda tx: _read(visit, tx, view=view, after=after))
    rows, more = shown.entries[:ENTRIES_COUNT], len(shown.entries) > ENTRIES_COUNT
    made = shown.made
    code, _, detail = made.fault.partition(": ")
    context = {
        "shown": shown,
        "made": made,
        "rows": rows,
        "account": bank_accounts.names(shown.accounts).get(
            (made.provider, made.account), made.account
        ),
        "by": shown.people.get(made.by, made.by.removeprefix("staff:")),
        "is_again": visit.asked("again") == "1",
        "fault": credit_words.FAULTS.get(code, ""),
        "detail": detail or made.fault,
        "view": view,
        "views": [(name, text, urlencode({"show": name})) for name, (text, _) in VIEWS.items()],
        "next": urlencode({"show": view, "after": rows[-1][0].number}) if more else "",
        "first": urlencode({"show": view}) if after else "",
        "statuses": credit_words.IMPORT_STATUSES,
        "outcomes": credit_words.OUTCOMES,
        "may_decide": Right.DECIDE_MONEY in visit.rights,
    }
    return visit.page("bank_file.html", context)


async def start(visit: Visit) -> Response:
    """Let a file be taken in. A repeat changes nothing."""
    key, now_us = key_of(visit), visit.now_us

    def change(tx: Tx) -> None:
        made = _find(tx, key)
        if made.status == "reading" and made.entries_count:
            flow.start(tx, made, entries_count=made.entries_count, now_us=now_us)

    await visit.desk.store.transact(change)
    return visit.go(f"{FILES}/{key}", said="import-started")


async def drop(visit: Visit) -> Response:
    """Take nothing of a file that waits for a person."""
    key, step = key_of(visit), Step(visit.now_us, visit.by)

    def change(tx: Tx) -> None:
        flow.forget(tx, _find(tx, key), step=step)

    await visit.desk.store.transact(change)
    return visit.go(FILES, said="import-dropped")


def _read(visit: Visit, tx: Tx, *, view: str, after: int) -> Shown:
    made = _find(tx, key_of(visit))
    waits = made.status == "reading" and made.entries_count > 0
    found = imports.entries(
        tx, made.id, after=after, most=ENTRIES_COUNT + 1, outcomes=() if waits else VIEWS[view][1]
    )
    told = import_look.outlooks(tx, made, found) if waits else [one.outcome for one in found]
    return Shown(
        made=made,
        counts=imports.counts(tx, made.id),
        entries=list(zip(found, told, strict=True)),
        preview=import_look.preview(tx, made) if waits else None,
        accounts=bank_accounts.every(visit, tx),
        people=people_names(users.every(tx)),
    )


def _find(tx: Tx, key: int) -> Import:
    found = imports.find(tx, key)
    if found is None:
        raise missing()
    return found


async def _listed(visit: Visit, *, errors: Mapping[str, str] | None = None) -> Response:
    asked = Asked(visit.request.query_params)
    after = asked.place("after")

    def look(tx: Tx) -> dict[str, Any]:
        found = imports.page(tx, after=after, most=LIST_COUNT + 1)
        return {
            "files": [(one, imports.counts(tx, one.id)) for one in found[:LIST_COUNT]],
            "more": len(found) > LIST_COUNT,
            "accounts": bank_accounts.every(visit, tx),
            "people": people_names(users.every(tx)),
        }

    found = await visit.desk.store.read(look)
    last: Import | None = found["files"][-1][0] if found["more"] else None
    context = found | {
        "errors": errors or {},
        "typed": {"account": visit.text("account") or visit.asked("account")},
        "account_names": bank_accounts.names(found["accounts"]),
        "next": urlencode({"after": place_text((last.created_us, last.id))}) if last else "",
        "first": "after=" if after else "",
        "statuses": credit_words.IMPORT_STATUSES,
        "outcomes": credit_words.OUTCOMES,
        "may_decide": Right.DECIDE_MONEY in visit.rights,
    }
    return visit.page("bank_files.html", context, status=400 if errors else 200)


def _plain(name: str) -> str:
    shown = "".join(char if char.isprintable() else "\ufffd" for char in name)
    return shown[: flow.FILE_NAME_CHARS_MAX]


WAYS: Final = (
    Way("GET", FILES, listed, Right.CREDITS),
    Way("POST", FILES, upload, Right.DECIDE_MONEY, form_bytes_max=FORM_BYTES_MAX),
    Way("GET", ONE, one, Right.CREDITS),
    Way("POST", f"{ONE}/start", start, Right.DECIDE_MONEY),
    Way("POST", f"{ONE}/drop", drop, Right.DECIDE_MONEY),
)
