"""The platform that `sampan demo` runs: its settings, its merchant, and who owns that."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from sampan.settings import Settings

PORT: Final = 8700
PROJECT_ID: Final = 1234
SECRET_BYTES: Final = 16
RETRIES_MAX: Final = 5
OWNER: Final = "owner@demo.example"
OWNER_NAME: Final = "Demo Owner"
PASSWORD_BYTES: Final = 8


def demo_settings(folder: Path, port: int | None) -> "Settings":
    """Return the settings of a platform that lives in a folder, away from anything else."""
    from sampan.cli.common import load_settings
    from sampan.cli.server import is_free

    chosen = port or PORT
    if port is None and not is_free("127.0.0.1", chosen):
        chosen = _any_port()
    return load_settings(
        database_url=f"sqlite:///{folder / 'sampan.db'}",
        master_key="",
        host="127.0.0.1",
        port=chosen,
        base_url="",
        run_workers=True,
        migrate_on_start=True,
        allow_private_callbacks=True,
        sandbox=True,
        demo_shop_project=PROJECT_ID,
        require_second_factor=False,
        log_level="warning",
    )


def _any_port() -> int:
    import socket

    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


async def add_project(settings: "Settings") -> str:
    """Make the database with the demo merchant's project; return its secret."""
    from sampan.cli.common import desk
    from sampan.domain.project import Project, ProjectSettings
    from sampan.storage import projects

    async with desk(settings) as at:
        secret = at.clock.token(SECRET_BYTES)
        project = Project(
            id=PROJECT_ID,
            name="Harbour Tea House",
            callback_url=f"{settings.own_url}/shop/callbacks",
            secrets=(secret,),
            settings=ProjectSettings(
                payee_name="HARBOUR TEA HOUSE",
                payee_name_zh="海港茶舍",
                retry_attempts_max=RETRIES_MAX,
            ),
        )
        vault, now_us = at.vault, at.clock.now_us()
        await at.store.transact(lambda tx: projects.add(tx, project, vault=vault, now_us=now_us))
        return secret


async def add_person(settings: "Settings") -> str:
    """Add who owns the demo merchant; return the password."""
    from sampan.cli.common import desk
    from sampan.domain.rights import Role
    from sampan.flow import team
    from sampan.flow.passwords import Passwords

    async with desk(settings) as at:
        password = at.clock.token(PASSWORD_BYTES)
        hashed = await asyncio.to_thread(Passwords().hash, password)
        owner = team.Newcomer(OWNER, [Role.ADMIN], name=OWNER_NAME, password_hash=hashed)
        act = team.Act(at.clock.now_us(), "staff:demo")
        await at.store.transact(lambda tx: team.add_user(tx, owner, act=act))
        return password
