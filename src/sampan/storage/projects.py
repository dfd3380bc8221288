"""Projects: their settings, their callback rules and their sealed secrets."""

import asyncio
from collections.abc import Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import bindparam, func, insert, select, update

from sampan.clock import Clock
from sampan.domain.callback_rules import CallbackRule
from sampan.domain.project import Project, ProjectSettings
from sampan.storage import schema
from sampan.storage.engine import Row, Statement, Store, Tx
from sampan.storage.vault import Vault

FRESH_US: Final = 250_000
"""A project read this short ago is not read again: changes show after a quarter of a second."""

_t = schema.projects
_INSERT = Statement(insert(_t))
_ALL = Statement(select(_t).order_by(_t.c.id))
_one = select(_t).where(_t.c.id == bindparam("key"))
_ONE = Statement(_one)
_HOLD = Statement(_one.with_for_update())
_HIGHEST = Statement(select(func.max(_t.c.id)))
_NAMES = Statement(select(_t.c.id, _t.c.name).order_by(_t.c.id))
_UPDATE = Statement(
    update(_t)
    .where(_t.c.id == bindparam("key"))
    .values(
        name=bindparam("name"),
        callback_url=bindparam("callback_url"),
        settings=bindparam("settings"),
        updated_us=bindparam("updated_us"),
    )
)
_ROTATE = Statement(
    update(_t)
    .where(_t.c.id == bindparam("key"))
    .values(
        secret_previous_sealed=_t.c.secret_sealed,
        secret_previous_until_us=bindparam("until_us"),
        secret_sealed=bindparam("sealed"),
        secret_set_us=bindparam("set_us"),
    )
)
_END_OVERLAP = Statement(
    update(_t)
    .where(_t.c.id == bindparam("key"))
    .values(secret_previous_sealed=None, secret_previous_until_us=None)
)
_SET_RULES = Statement(
    update(_t).where(_t.c.id == bindparam("key")).values(callback_rules=bindparam("rules"))
)
_rules = msgspec.json.Decoder(tuple[CallbackRule, ...])


class Card(msgspec.Struct, frozen=True, kw_only=True):
    """A project with what only its settings pages ask for; microseconds UTC.

    `secret_set_us` is since when the present secret is in use, None where nobody noted it.
    `previous_until_us` is until when the one before still verifies, None where none does.
    """

    project: Project
    created_us: int
    updated_us: int
    secret_set_us: int | None
    previous_until_us: int | None


class NewSecret(msgspec.Struct, frozen=True, kw_only=True):
    """A secret, from when on it signs, and until when the one before still verifies."""

    secret: str
    set_us: int
    previous_until_us: int

    def __repr__(self) -> str:
        """Name the times; the secret never appears in a log or a traceback."""
        return f"NewSecret(set_us={self.set_us})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        """Do the same for pretty tracebacks."""
        return [("set_us", self.set_us)]


def _row_name(project_id: int) -> str:
    return f"projects/{project_id}/secret"


def _project(row: Row, vault: Vault, *, now_us: int) -> Project:
    key, name, url, sealed, previous, previous_until, settings, _, _, rules = row[:10]
    secrets = [vault.unseal(sealed, _row_name(key))]
    if previous is not None and now_us < previous_until:
        secrets.append(vault.unseal(previous, _row_name(key)))
    return Project(
        id=key,
        name=name,
        callback_url=url,
        secrets=tuple(secrets),
        settings=msgspec.json.decode(settings, type=ProjectSettings),
        callback_rules=_rules.decode(rules) if rules else (),
    )


def _card(row: Row, vault: Vault, *, now_us: int) -> Card:
    overlaps = row[4] is not None and now_us < row[5]
    return Card(
        project=_project(row, vault, now_us=now_us),
        created_us=row[7],
        updated_us=row[8],
        secret_set_us=row[10],
        previous_until_us=row[5] if overlaps else None,
    )


def add(tx: Tx, project: Project, *, vault: Vault, now_us: int) -> None:
    """Add a project. Raises `Conflict` when the id is taken."""
    tx.run(
        _INSERT,
        {
            "id": project.id,
            "name": project.name,
            "callback_url": project.callback_url,
            "secret_sealed": vault.seal(project.secrets[0], _row_name(project.id)),
            "secret_previous_sealed": None,
            "secret_previous_until_us": None,
            "settings": msgspec.json.encode(project.settings).decode(),
            "created_us": now_us,
            "updated_us": now_us,
            "callback_rules": _rules_text(project.callback_rules),
            "secret_set_us": now_us,
        },
    )


def change(tx: Tx, project: Project, *, now_us: int) -> None:
    """Write name, callback URL and settings of a project; its secrets and rules stay."""
    tx.run(
        _UPDATE,
        {
            "key": project.id,
            "name": project.name,
            "callback_url": project.callback_url,
            "settings": msgspec.json.encode(project.settings).decode(),
            "updated_us": now_us,
        },
    )


def set_rules(tx: Tx, project_id: int, rules: Sequence[CallbackRule]) -> None:
    """Write the callback rules of a project in their order."""
    tx.run(_SET_RULES, {"key": project_id, "rules": _rules_text(rules)})


def _rules_text(rules: Sequence[CallbackRule]) -> str | None:
    return msgspec.json.encode(rules).decode() if rules else None


def rotate_secret(tx: Tx, project_id: int, new: NewSecret, *, vault: Vault) -> None:
    """Put a new secret in; the one it replaces still verifies for a while."""
    tx.run(
        _ROTATE,
        {
            "key": project_id,
            "sealed": vault.seal(new.secret, _row_name(project_id)),
            "until_us": new.previous_until_us,
            "set_us": new.set_us,
        },
    )


def end_overlap(tx: Tx, project_id: int) -> None:
    """Let only the present secret of a project verify."""
    tx.run(_END_OVERLAP, {"key": project_id})


def find(tx: Tx, project_id: int, *, vault: Vault, now_us: int) -> Project | None:
    """Return a project, None when there is none."""
    row = tx.one(_ONE, {"key": project_id})
    return _project(row, vault, now_us=now_us) if row else None


def card(tx: Tx, project_id: int, *, vault: Vault, now_us: int) -> Card | None:
    """Return a project's card, None when there is none."""
    row = tx.one(_ONE, {"key": project_id})
    return _card(row, vault, now_us=now_us) if row else None


def hold(tx: Tx, project_id: int, *, vault: Vault, now_us: int) -> Card | None:
    """Return a project's card, and let nobody else change the project before this is over."""
    row = tx.one(_HOLD, {"key": project_id})
    return _card(row, vault, now_us=now_us) if row else None


def every(tx: Tx, *, vault: Vault, now_us: int) -> Sequence[Project]:
    """Return all projects by id."""
    return [_project(row, vault, now_us=now_us) for row in tx.all(_ALL, {})]


def highest_id(tx: Tx) -> int:
    """Return the highest id of a project, 0 where there is none."""
    row = tx.one(_HIGHEST, {})
    return int(row[0] or 0) if row else 0


def names(tx: Tx) -> dict[int, str]:
    """Return the name of every project by its id, in this order; no secret is opened."""
    return {row[0]: row[1] for row in tx.all(_NAMES, {})}


class Projects:
    """Projects for the doors: read from the store, kept for `FRESH_US`."""

    def __init__(self, store: Store, clock: Clock, *, vault: Vault) -> None:
        self._store = store
        self._vault = vault
        self._clock = clock
        self._kept: dict[int, tuple[int, Project]] = {}
        self._reading: dict[int, asyncio.Task[Project | None]] = {}

    async def find(self, project_id: int) -> Project | None:
        """Return a project as it was at most `FRESH_US` ago, None when there is none."""
        kept = self._kept.get(project_id)
        if kept is not None and self._clock.monotonic_us() - kept[0] < FRESH_US:
            return kept[1]
        # Many requests arrive while one of them reads: they share its answer.
        reading = self._reading.get(project_id)
        if reading is None:
            reading = asyncio.get_running_loop().create_task(self._read(project_id))
            self._reading[project_id] = reading
            reading.add_done_callback(lambda _: self._reading.pop(project_id, None))
        return await asyncio.shield(reading)

    def in_tx(self, tx: Tx, project_id: int) -> Project | None:
        """Return a project inside a transaction, None when there is none."""
        kept = self._kept.get(project_id)
        if kept is not None and self._clock.monotonic_us() - kept[0] < FRESH_US:
            return kept[1]
        found = find(tx, project_id, vault=self._vault, now_us=self._clock.now_us())
        if found is not None:
            self._kept[project_id] = (self._clock.monotonic_us(), found)
        return found

    async def _read(self, project_id: int) -> Project | None:
        now_us = self._clock.now_us()
        found = await self._store.read(
            lambda tx: find(tx, project_id, vault=self._vault, now_us=now_us)
        )
        if found is None:
            self._kept.pop(project_id, None)
        else:
            self._kept[project_id] = (self._clock.monotonic_us(), found)
        return found
