"""FPS accounts are added, changed and given to projects; the journal says by whom and what.

Each use case takes hold of what it changes first, so that nobody's change is lost.
"""

from collections.abc import Callable
from typing import Final

import msgspec

from sampan.domain import fps_account as domain
from sampan.domain.callback import wire_time
from sampan.domain.codes import Code
from sampan.domain.fps_account import FpsAccount
from sampan.errors import Refusal
from sampan.flow import projects
from sampan.flow.projects import Act, Rotation
from sampan.storage import fps_accounts as kept
from sampan.storage import journal
from sampan.storage.engine import Tx
from sampan.storage.fps_accounts import Card, NewKey
from sampan.storage.journal import Entry
from sampan.storage.vault import Vault

NO_PROJECT: Final = 0
"""What the journal says of accounts themselves belongs to no project."""
_SECOND_US: Final = 1_000_000


class Meanwhile(msgspec.Struct, frozen=True):
    """Somebody else has changed the account since it was read; nothing was written."""

    card: Card


def notice_keys(
    tx: Tx, provider: str, account: str, *, vault: Vault, now_us: int
) -> tuple[str, tuple[str, ...]] | None:
    """Return how credits name an account and the keys that may mark its notices now.

    `account` is the last part of the address that banks post to. None: there is no such account.
    """
    if provider != domain.PROVIDER:
        return None
    account_id = domain.id_of_key(f"{domain.PREFIX}{account}")
    keys = None if account_id is None else kept.keys(tx, account_id, vault=vault, now_us=now_us)
    return None if keys is None else (f"{domain.PREFIX}{account_id}", keys)


def add(tx: Tx, account: FpsAccount, *, key: str, act: Act) -> FpsAccount:
    """Add an account with its notice key; return it with its id. Raises `Refusal` 409."""
    _refuse_name(tx, account.name, of=None)
    made = msgspec.structs.replace(account, id=tx.new_id())
    kept.add(tx, made, key=key, vault=act.vault, now_us=act.now_us)
    note(tx, made, "FPS account added", act=act, why=f"{made.proxy_kind.value} {made.proxy}")
    return made


def change(
    tx: Tx,
    account_id: int,
    *,
    edit: Callable[[FpsAccount], FpsAccount],
    act: Act,
    seen_us: int | None = None,
) -> Card | Meanwhile:
    """Write what `edit` makes of an account; return it.

    `seen_us` is the `updated_us` of what the person saw; None for who did not look. A change of
    nothing writes nothing. Raises `Refusal` 404, and 409 for a name that is taken.
    """
    before = hold(tx, account_id, act=act)
    if seen_us is not None and seen_us != before.updated_us:
        return Meanwhile(before)
    after = edit(before.account)
    found = domain.differences(before.account, after)
    if not found:
        return before
    _refuse_name(tx, after.name, of=account_id)
    # Two changes in one microsecond must be told apart too, and a clock may be set back.
    now_us = max(act.now_us, before.updated_us + 1)
    kept.change(tx, after, now_us=now_us)
    note(tx, after, "FPS account changed", act=act, why="; ".join(found))
    return msgspec.structs.replace(before, account=after, updated_us=now_us)


def rotate(tx: Tx, account_id: int, *, rotation: Rotation, act: Act) -> Card | Meanwhile:
    """Put a new notice key in; return the account with it.

    As with a project's secret, a form that is sent twice does not push out the key that is still
    used. Raises `Refusal` 404.
    """
    before = hold(tx, account_id, act=act)
    if rotation.seen_us is not None and rotation.seen_us != before.key_set_us:
        return Meanwhile(before)
    now_us = max(act.now_us, before.key_set_us + 1)
    until_us = act.now_us + rotation.overlap_s * _SECOND_US
    new = NewKey(key=rotation.secret, set_us=now_us, previous_until_us=until_us)
    kept.rotate_key(tx, account_id, new, vault=act.vault)
    told = f"until {wire_time(until_us)}" if rotation.overlap_s else "no longer"
    note(tx, before.account, "FPS key rotated", act=act, why=f"the old key verifies {told}")
    return msgspec.structs.replace(
        before, key_set_us=now_us, previous_until_us=until_us if rotation.overlap_s else None
    )


def attach(tx: Tx, project_id: int, account_id: int, *, act: Act) -> None:
    """Let a project use an account, behind those that it has; a repeat does nothing.

    Raises `Refusal` 404, and 409 where a project has all the accounts that it may.
    """
    projects.hold(tx, project_id, act=act)
    account = hold(tx, account_id, act=act).account
    there = kept.of_project(tx, project_id)
    if any(one.account.id == account_id for one in there):
        return
    if len(there) >= domain.ATTACHED_MAX:
        told = f"a project has at most {domain.ATTACHED_MAX} accounts"
        raise Refusal(Code.MALFORMED_REQUEST, told, http_status=409)
    position = max((one.position for one in there), default=0) + 1
    kept.attach(tx, project_id, account_id, position=position)
    projects.note(tx, project_id, "FPS account attached", act=act, why=_called(account))


def put_first(tx: Tx, project_id: int, account_id: int, *, act: Act) -> None:
    """Put an account before the others of a project; a repeat does nothing.

    Raises `Refusal` 404, also where the project does not use the account.
    """
    projects.hold(tx, project_id, act=act)
    there = list(kept.of_project(tx, project_id))
    found = next((one for one in there if one.account.id == account_id), None)
    if found is None:
        raise Refusal(Code.NOT_FOUND, "the project does not use this account", http_status=404)
    if there[0] is found:
        return
    there.remove(found)
    for place, one in enumerate([found, *there], 1):
        kept.place(tx, project_id, one.account.id, position=place)
    projects.note(tx, project_id, "FPS account put first", act=act, why=_called(found.account))


def detach(tx: Tx, project_id: int, account_id: int, *, act: Act) -> None:
    """Let a project no longer use an account; QRs that are out are still paid. Repeats do nothing.

    Raises `Refusal` 404 for an unknown project or account.
    """
    projects.hold(tx, project_id, act=act)
    account = hold(tx, account_id, act=act).account
    if project_id in kept.projects_of(tx, account_id):
        kept.detach(tx, project_id, account_id)
        projects.note(tx, project_id, "FPS account detached", act=act, why=_called(account))


def hold(tx: Tx, account_id: int, *, act: Act) -> Card:
    """Take hold of an account until the transaction ends. Raises `Refusal` 404."""
    found = kept.hold(tx, account_id, now_us=act.now_us)
    if found is None:
        raise Refusal(Code.NOT_FOUND, f"there is no FPS account {account_id}", http_status=404)
    return found


def _refuse_name(tx: Tx, name: str, *, of: int | None) -> None:
    """Raise `Refusal` 409 where another account than `of` is called so."""
    owner = kept.id_by_name(tx, name)
    if owner not in {None, of}:
        told = f"an FPS account is called {name!r} already"
        raise Refusal(Code.MALFORMED_REQUEST, told, http_status=409)


def note(tx: Tx, account: FpsAccount, what: str, *, act: Act, why: str) -> None:
    """Write an entry about an account into the journal."""
    entry = Entry(
        at_us=act.now_us,
        project_id=NO_PROJECT,
        what=what,
        by=act.by,
        why=f"{_called(account)}: {why}",
    )
    journal.write(tx, entry)


def _called(account: FpsAccount) -> str:
    return f"{account.key} {account.name}"
