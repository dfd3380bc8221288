"""Projects: their settings and their sealed secrets."""

import asyncio
from collections.abc import Sequence
from typing import Final

import msgspec
from sqlalchemy import bindparam, insert, select, update

from sampan.clock import Clock
from sampan.domain.project import Project, ProjectSettings
from sampan.storage import schema
from sampan.storage.engine import Row, Statement, Store, Tx
from sampan.storage.vault import Vault

FRESH_US: Final = 250_000
"""A project read this short ago is not read again: changes show after a quarter of a second."""

_t = schema.projects
_INSERT = Statement(insert(_t))
_ALL = Statement(select(_t).order_by(_t.c.id))
_NAMES = Statement(select(_t.c.id, _t.c.name).order_by(_t.c.id))
_ONE = Statement(select(_t).where(_t.c.id == bindparam("key")))
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
    )
)


def _row_name(project_id: int) -> str:
    return f"projects/{project_id}/secret"


def _project(row: Row, vault: Vault, *, now_us: int) -> Project:
    key, name, url, sealed, previous, previous_until, settings = row[:7]
    secrets = [vault.unseal(sealed, _row_name(key))]
    if previous is not None and now_us < previous_until:
        secrets.append(vault.unseal(previous, _row_name(key)))
    return Project(
        id=key,
        name=name,
        callback_url=url,
        secrets=tuple(secrets),
        settings=msgspec.json.decode(settings, type=ProjectSettings),
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
        },
    )


def change(tx: Tx, project: Project, *, now_us: int) -> None:
    """Write name, callback URL and settings of a project; its secrets stay."""
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


def rotate_secret(tx: Tx, project_id: int, *, sealed_by: Vault, secret: str, until_us: int) -> None:
    """Put a new secret in; the one it replaces still verifies until `until_us`."""
    tx.run(
        _ROTATE,
        {
            "key": project_id,
            "sealed": sealed_by.seal(secret, _row_name(project_id)),
            "until_us": until_us,
        },
    )


def find(tx: Tx, project_id: int, *, vault: Vault, now_us: int) -> Project | None:
    """Return a project, None when there is none."""
    row = tx.one(_ONE, {"key": project_id})
    return _project(row, vault, now_us=now_us) if row else None


def every(tx: Tx, *, vault: Vault, now_us: int) -> Sequence[Project]:
    """Return all projects by id."""
    return [_project(row, vault, now_us=now_us) for row in tx.all(_ALL, {})]


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
