"""Bank files: read whole, kept entry by entry, then taken in a few entries at a time.

Nothing is posted before the file has been read to its end and all of its entries are kept. What
becomes of an entry is written in the transaction that does it, so whoever is stopped, and whoever
goes on with it, every entry is taken once. Reading a file again, or one that overlaps it, adds
nothing: what is known is known (`flow.credits`).
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec

from sampan.codecs.statement import FaultCode, StatementEntry, StatementFault
from sampan.domain.codes import Code
from sampan.domain.fps_account import PROVIDER, id_of_key
from sampan.errors import Refusal
from sampan.flow.finding import Where
from sampan.flow.settle import Step
from sampan.flow.statement_entries import PassedOver, take_entry
from sampan.flow.statement_files import Looked, same_account
from sampan.storage import fps_accounts, imports, journal, outbox
from sampan.storage.engine import Tx
from sampan.storage.imports import AccountFile, Import
from sampan.storage.journal import Entry

TASK: Final = "statement"
ENTRIES_AT_ONCE: Final = 20
"""Entries of one transaction: few enough that nobody waits for it, and that its ids suffice."""
KEPT_AT_ONCE: Final = 500
"""Entries of one transaction that keeps them."""
FILE_NAME_CHARS_MAX: Final = 120
_NOTES_CHARS_MAX: Final = 2_000
OTHER_ACCOUNT: Final = "other account"
"""What became of an entry that is not of the account whose file this was said to be."""


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    """A file that somebody sent for an account, looked at; `by` as the journal writes people."""

    provider: str
    account: str
    file_name: str
    by: str
    looked: Looked


class Begun(NamedTuple):
    """A file as it is kept; `is_new` is false where the same bytes were imported before."""

    kept: Import
    is_new: bool


def begin(tx: Tx, sent: Sent, *, now_us: int) -> Begun:
    """Begin to keep a file. The same bytes again: what was imported of them, and nothing new.

    Raises `StatementFault` where it is a file of another account.
    """
    number = account_number(tx, sent)
    looked = sent.looked
    for one in imports.same(tx, sent.provider, sent.account, sha256=looked.sha256):
        if one.status in {"running", "done"}:
            return Begun(one, is_new=False)
        if one.status == "reading":
            # Whoever began it has been stopped, or will notice.
            imports.drop(tx, one.id)
    made = Import(
        id=tx.new_id(),
        provider=sent.provider,
        account=sent.account,
        file_name=sent.file_name[:FILE_NAME_CHARS_MAX],
        format=looked.format,
        sha256=looked.sha256,
        status="reading",
        by=sent.by,
        file_account=number,
        notes="\n".join(looked.notes)[:_NOTES_CHARS_MAX],
        created_us=now_us,
        balances=looked.balances,
    )
    imports.add(tx, made)
    return Begun(made, is_new=True)


def account_number(tx: Tx, sent: Sent) -> str:
    """Return the number by which a file names its account, empty where it names none.

    Raises `StatementFault` where it is another account's than staff said or earlier files had.
    """
    named = sent.looked.accounts
    if not named:
        return ""
    wanted = _number_at_bank(tx, sent.provider, sent.account)
    if not wanted:
        if len(named) > 1:
            message = f"a file of {len(named)} accounts; give the account's number first"
            raise StatementFault(FaultCode.VALUE, message)
        return named[0]
    found = [number for number in named if same_account(number, wanted)]
    if not found:
        message = f"this is a file of account {named[0][:40]}, not of {wanted}"
        raise StatementFault(FaultCode.VALUE, message)
    return found[0]


def _number_at_bank(tx: Tx, provider: str, account: str) -> str:
    account_id = id_of_key(account) if provider == PROVIDER else None
    card = None if account_id is None else fps_accounts.card(tx, account_id, now_us=0)
    if card is not None and card.account.bank_account:
        return card.account.bank_account
    return imports.known(tx, provider, account).file_account


def keep(tx: Tx, kept: Import, *, numbered: Sequence[tuple[int, StatementEntry]]) -> None:
    """Keep some entries of a file that has begun.

    Raises `Refusal` 409 where somebody else has begun the same file anew.
    """
    if imports.find(tx, kept.id) is None:
        raise _begun_anew()
    imports.add_entries(tx, kept.id, numbered)


def start(tx: Tx, kept: Import, *, entries_count: int, now_us: int) -> None:
    """Let the kept entries be taken in.

    Raises `Refusal` 409 where somebody else has begun the same file anew.
    """
    after = msgspec.structs.replace(kept, status="running", entries_count=entries_count)
    if not imports.move(tx, kept, after):
        raise _begun_anew()
    assert imports.counts(tx, kept.id).get("", 0) == entries_count  # noqa: S101 - our bug
    known = imports.known(tx, kept.provider, kept.account)
    if kept.file_account and known.file_account != kept.file_account:
        imports.know(
            tx,
            msgspec.structs.replace(known, file_account=kept.file_account, updated_us=now_us),
        )
    outbox.put(tx, TASK, lane=_lane(kept), subject=kept.id, due_us=now_us)
    _note(tx, kept, "statement begun", now_us=now_us, why=kept.file_name)


def hold(tx: Tx, kept: Import, *, entries_count: int) -> None:
    """Let the kept entries wait until a person has looked at them.

    Raises `Refusal` 409 where somebody else has begun the same file anew.
    """
    after = msgspec.structs.replace(kept, entries_count=entries_count)
    if not imports.move(tx, kept, after):
        raise _begun_anew()


def forget(tx: Tx, kept: Import, *, step: Step) -> None:
    """Take nothing of a file that waits for a person. Gone already, or begun: nothing happens."""
    if kept.status == "reading":
        imports.drop(tx, kept.id)
        note = msgspec.structs.replace(kept, by=step.by)
        _note(tx, note, "statement dropped", now_us=step.now_us, why=kept.file_name)


def refuse(tx: Tx, sent: Sent, fault: StatementFault, *, now_us: int) -> Import:
    """Keep that a file was refused, and why; nothing of it is taken."""
    made = Import(
        id=tx.new_id(),
        provider=sent.provider,
        account=sent.account,
        file_name=sent.file_name[:FILE_NAME_CHARS_MAX],
        format=sent.looked.format,
        sha256=sent.looked.sha256,
        status="refused",
        by=sent.by,
        fault=f"{fault.code}: {fault}",
        created_us=now_us,
        finished_us=now_us,
    )
    imports.add(tx, made)
    _note(tx, made, "statement refused", now_us=now_us, why=f"{made.file_name}: {fault}")
    return made


def work(tx: Tx, kept: Import, where: Where, *, now_us: int, most: int) -> int:
    """Take the next entries in, at most `most`; return how many. Fewer: the file is done."""
    step = Step(now_us, "bank")
    waiting = imports.left(tx, kept.id, most=most)
    for one in waiting:
        if kept.file_account and one.entry.account != kept.file_account:
            imports.settle(tx, one, outcome=OTHER_ACCOUNT, credit=None)
            continue
        became = take_entry(tx, where, one.entry, import_id=kept.id, step=step)
        imports.settle(tx, one, outcome=became.outcome, credit=became.credit)
    if len(waiting) < most:
        _finish(tx, kept, now_us=now_us)
    return len(waiting)


def give_up(tx: Tx, kept: Import) -> int | None:
    """Leave the next entry out, so that the others go on; return its number. People must look."""
    for one in imports.left(tx, kept.id, most=1):
        imports.settle(tx, one, outcome=PassedOver.FAILED.value, credit=None)
        return one.number
    return None


def set_mapping(tx: Tx, known: AccountFile, *, step: Step) -> None:
    """Keep how an account's files of rows are read, in place of what was."""
    imports.know(tx, msgspec.structs.replace(known, updated_us=step.now_us))
    entry = Entry(
        at_us=step.now_us,
        project_id=0,
        what="statement mapping set",
        by=step.by,
        why=f"{known.provider}/{known.account}",
    )
    journal.write(tx, entry)


def _finish(tx: Tx, kept: Import, *, now_us: int) -> None:
    running = msgspec.structs.replace(kept, status="running")
    after = msgspec.structs.replace(running, status="done", finished_us=now_us)
    if imports.move(tx, running, after):
        outbox.drop(tx, TASK, lane=_lane(kept), subject=kept.id)
        counts = imports.counts(tx, kept.id)
        told = ", ".join(f"{count} {outcome}" for outcome, count in sorted(counts.items()))
        _note(tx, kept, "statement taken", now_us=now_us, why=f"{kept.file_name}: {told}")


def _begun_anew() -> Refusal:
    return Refusal(Code.STATUS_FORBIDS, "somebody else reads the same file in", http_status=409)


def _lane(kept: Import) -> str:
    return f"{kept.provider}/{kept.account}"


def _note(tx: Tx, kept: Import, what: str, *, now_us: int, why: str) -> None:
    entry = Entry(at_us=now_us, project_id=0, what=what, by=kept.by, why=why)
    journal.write(tx, entry)
