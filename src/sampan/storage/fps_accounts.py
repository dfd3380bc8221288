"""FPS accounts, which projects use them, and the sealed keys that mark notices about them."""

from collections.abc import Sequence

import msgspec
from sqlalchemy import bindparam, delete, insert, select, update

from sampan.domain.fps_account import Attached, FpsAccount, ProxyKind
from sampan.domain.fps_trial import Trial
from sampan.domain.project import ReferenceMode
from sampan.storage import schema
from sampan.storage.engine import Row, Statement, Tx
from sampan.storage.vault import Vault

_a = schema.fps_accounts
_l = schema.project_accounts
_FIELDS = FpsAccount.__struct_fields__
_KEYS = (_a.c.key_sealed, _a.c.key_previous_sealed, _a.c.key_previous_until_us, _a.c.key_set_us)
_COLUMNS = [_a.c[name] for name in _FIELDS]
_card = select(*_COLUMNS, _a.c.created_us, _a.c.updated_us, *_KEYS[2:], _a.c.trial)
_INSERT = Statement(insert(_a))
_EVERY = Statement(_card.order_by(_a.c.id))
_ONE = Statement(_card.where(_a.c.id == bindparam("key")))
_HOLD = Statement(_card.where(_a.c.id == bindparam("key")).with_for_update())
_BY_NAME = Statement(select(_a.c.id).where(_a.c.name == bindparam("called")))
_KEYS_OF = Statement(select(*_KEYS).where(_a.c.id == bindparam("key")))
_UPDATE = Statement(
    update(_a)
    .where(_a.c.id == bindparam("key"))
    .values(
        {name: bindparam(name) for name in (*_FIELDS[1:], "updated_us")},
    )
)
_ROTATE = Statement(
    update(_a)
    .where(_a.c.id == bindparam("key"))
    .values(
        key_previous_sealed=_a.c.key_sealed,
        key_previous_until_us=bindparam("until_us"),
        key_sealed=bindparam("sealed"),
        key_set_us=bindparam("set_us"),
    )
)
_TRIED = Statement(update(_a).where(_a.c.id == bindparam("key")).values(trial=bindparam("told")))
_OF_PROJECT = Statement(
    select(*_COLUMNS, _l.c.position, _l.c.chosen_us)
    .join(_l, _l.c.account_id == _a.c.id)
    .where(_l.c.project_id == bindparam("project_id"))
    .order_by(_l.c.position, _a.c.id)
)
_PROJECTS = Statement(
    select(_l.c.project_id).where(_l.c.account_id == bindparam("key")).order_by(_l.c.project_id)
)
_ATTACH = Statement(insert(_l))
_link = (_l.c.project_id == bindparam("project"), _l.c.account_id == bindparam("key"))
_PLACE = Statement(update(_l).where(*_link).values(position=bindparam("place")))
_CHOSEN = Statement(update(_l).where(*_link).values(chosen_us=bindparam("at_us")))
_DETACH = Statement(delete(_l).where(*_link))
_TRIAL = msgspec.json.Decoder(Trial)


class Card(msgspec.Struct, frozen=True, kw_only=True):
    """An account with what only its own pages ask for; microseconds UTC.

    `previous_until_us` is until when the notice key before the present one verifies, None where
    none does. `trial` is what bank apps did with the last test code, None where none was tried.
    """

    account: FpsAccount
    created_us: int
    updated_us: int
    key_set_us: int
    previous_until_us: int | None
    trial: Trial | None = None


class NewKey(msgspec.Struct, frozen=True, kw_only=True):
    """A notice key, from when on it is in use, and until when the one before still verifies."""

    key: str
    set_us: int
    previous_until_us: int

    def __repr__(self) -> str:
        """Name the times; the key never appears in a log or a traceback."""
        return f"NewKey(set_us={self.set_us})"

    def __rich_repr__(self) -> list[tuple[str, int]]:
        """Do the same for pretty tracebacks."""
        return [("set_us", self.set_us)]


def _row_name(account_id: int) -> str:
    return f"fps_accounts/{account_id}/key"


def _account(row: Row) -> FpsAccount:
    values = dict(zip(_FIELDS, row, strict=False))
    flags = {name: bool(values[name]) for name in ("amount_lock", "timeout_in_qr", "is_on")}
    kinds = {
        "proxy_kind": ProxyKind(values["proxy_kind"]),
        "reference_mode": ReferenceMode(values["reference_mode"]),
    }
    return FpsAccount(**{**values, **flags, **kinds})


def _values(account: FpsAccount) -> dict[str, str | int]:
    # Text and int of their own kind: a server's driver would send an enum or a bool as such.
    plain = msgspec.to_builtins(account)
    return {name: int(v) if isinstance(v, bool) else v for name, v in plain.items()}


def _carded(row: Row, *, now_us: int) -> Card:
    created_us, updated_us, until_us, set_us, trial = row[len(_FIELDS) :]
    return Card(
        account=_account(row),
        created_us=created_us,
        updated_us=updated_us,
        key_set_us=set_us,
        previous_until_us=until_us if until_us is not None and now_us < until_us else None,
        trial=None if trial is None else _TRIAL.decode(trial),
    )


def add(tx: Tx, account: FpsAccount, *, key: str, vault: Vault, now_us: int) -> None:
    """Add an account with its notice key. Raises `Conflict` when its name is taken."""
    tx.run(
        _INSERT,
        _values(account)
        | {
            "key_sealed": vault.seal(key, _row_name(account.id)),
            "key_previous_sealed": None,
            "key_previous_until_us": None,
            "key_set_us": now_us,
            "created_us": now_us,
            "updated_us": now_us,
            "trial": None,
        },
    )


def change(tx: Tx, account: FpsAccount, *, now_us: int) -> None:
    """Write an account; its keys stay. Raises `Conflict` when its name is taken."""
    tx.run(_UPDATE, _values(account) | {"key": account.id, "updated_us": now_us})


def rotate_key(tx: Tx, account_id: int, new: NewKey, *, vault: Vault) -> None:
    """Put a new notice key in; the one it replaces still verifies for a while."""
    sealed = vault.seal(new.key, _row_name(account_id))
    times = {"until_us": new.previous_until_us, "set_us": new.set_us}
    tx.run(_ROTATE, {"key": account_id, "sealed": sealed, **times})


def note_trial(tx: Tx, account_id: int, trial: Trial) -> None:
    """Write what bank apps did with a test code in place of what stands there."""
    tx.run(_TRIED, {"key": account_id, "told": msgspec.json.encode(trial).decode()})


def keys(tx: Tx, account_id: int, *, vault: Vault, now_us: int) -> tuple[str, ...] | None:
    """Return the notice keys that verify now, the present one first; None: no such account."""
    row = tx.one(_KEYS_OF, {"key": account_id})
    if row is None:
        return None
    sealed = [row[0], row[1]] if row[1] is not None and now_us < row[2] else [row[0]]
    return tuple(vault.unseal(text, _row_name(account_id)) for text in sealed)


def card(tx: Tx, account_id: int, *, now_us: int) -> Card | None:
    """Return an account's card, None when there is none."""
    row = tx.one(_ONE, {"key": account_id})
    return _carded(row, now_us=now_us) if row else None


def hold(tx: Tx, account_id: int, *, now_us: int) -> Card | None:
    """Return an account's card, and let nobody else change the account before this is over."""
    row = tx.one(_HOLD, {"key": account_id})
    return _carded(row, now_us=now_us) if row else None


def id_by_name(tx: Tx, name: str) -> int | None:
    """Return the id of the account that staff call so, None when there is none."""
    row = tx.one(_BY_NAME, {"called": name})
    return int(row[0]) if row else None


def every(tx: Tx, *, now_us: int) -> Sequence[Card]:
    """Return all accounts by id."""
    return [_carded(row, now_us=now_us) for row in tx.all(_EVERY, {})]


def of_project(tx: Tx, project_id: int) -> Sequence[Attached]:
    """Return the accounts of a project by their place, without what was asked today."""
    rows = tx.all(_OF_PROJECT, {"project_id": project_id})
    return [Attached(account=_account(row), position=row[-2], chosen_us=row[-1]) for row in rows]


def projects_of(tx: Tx, account_id: int) -> Sequence[int]:
    """Return the projects that use an account."""
    return [int(row[0]) for row in tx.all(_PROJECTS, {"key": account_id})]


def attach(tx: Tx, project_id: int, account_id: int, *, position: int) -> None:
    """Let a project use an account. Raises `Conflict` where it does already."""
    link = {"project_id": project_id, "account_id": account_id}
    tx.run(_ATTACH, {**link, "position": position, "chosen_us": 0})


def place(tx: Tx, project_id: int, account_id: int, *, position: int) -> None:
    """Write the place of an account among those of a project."""
    tx.run(_PLACE, {"project": project_id, "key": account_id, "place": position})


def detach(tx: Tx, project_id: int, account_id: int) -> None:
    """Let a project no longer use an account; what was paid stays as it is."""
    tx.run(_DETACH, {"project": project_id, "key": account_id})


def chosen(tx: Tx, project_id: int, account_id: int, *, at_us: int) -> None:
    """Note when an account was chosen for a payment of a project."""
    tx.run(_CHOSEN, {"project": project_id, "key": account_id, "at_us": at_us})
