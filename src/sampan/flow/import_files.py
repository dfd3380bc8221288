"""Carry a bank file into the platform: what every door for files does with one."""

import asyncio
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from typing import NamedTuple

from sampan.codecs.statement import StatementEntry, StatementFault
from sampan.flow import imports as flow
from sampan.flow import statement_files as files
from sampan.flow.imports import Begun, Sent
from sampan.flow.statement_files import Looked, Seekable
from sampan.storage import imports
from sampan.storage.engine import Store
from sampan.storage.imports import Import

Progress = Callable[[int, int], None]
"""(entries kept, entries in all)."""


class Addressed(NamedTuple):
    """For which account a file is, how it is called, and who sent it, as the journal says."""

    provider: str
    account: str
    file_name: str
    by: str


async def take_file(
    store: Store,
    stream: Seekable,
    *,
    to: Addressed,
    progress: Progress | None = None,
    held: bool = False,
) -> Begun:
    """Read a file whole, keep its entries, and leave it to the workers to take them in.

    `held`: leave it to a person first, who looks at it and then starts it or drops it.
    What is returned is running, or refused with its fault, or was imported before. Stopped before
    its end, nothing of it is taken, and the same file can be sent again.
    """
    known = await store.read(lambda tx: imports.known(tx, to.provider, to.account))
    try:
        looked = await asyncio.to_thread(files.look, stream, mapping=known.mapping)
        sent = _sent(to, looked)
        begun = await store.transact(lambda tx: flow.begin(tx, sent, now_us=store.clock.now_us()))
    except StatementFault as fault:
        told, why = await _unread(stream, to), fault
        refused = await store.transact(
            lambda tx: flow.refuse(tx, told, why, now_us=store.clock.now_us())
        )
        return Begun(refused, is_new=True)
    if begun.is_new:
        entries = files.entries(stream, mapping=known.mapping)
        count = looked.entries_count
        done = await _keep(
            store,
            begun.kept,
            entries=entries,
            tell=lambda done: None if progress is None else progress(done, count),
        )
        if held:
            go_on = partial(flow.hold, kept=begun.kept, entries_count=done)
        else:
            now_us = store.clock.now_us()
            go_on = partial(flow.start, kept=begun.kept, entries_count=done, now_us=now_us)
        await store.transact(go_on)
    # One that waits for a person may be dropped by somebody at any time.
    found = await store.read(lambda tx: imports.find(tx, begun.kept.id))
    return Begun(found or begun.kept, is_new=begun.is_new)


async def _keep(
    store: Store, kept: Import, *, entries: Iterator[StatementEntry], tell: Callable[[int], None]
) -> int:
    numbered = enumerate(entries, 1)
    done = 0
    while some := await asyncio.to_thread(_some, numbered):
        await store.transact(partial(flow.keep, kept=kept, numbered=some))
        done += len(some)
        tell(done)
    return done


def _some(numbered: Iterator[tuple[int, StatementEntry]]) -> list[tuple[int, StatementEntry]]:
    return list(islice(numbered, flow.KEPT_AT_ONCE))


def _sent(to: Addressed, looked: Looked) -> Sent:
    return Sent(
        provider=to.provider,
        account=to.account,
        file_name=to.file_name,
        by=to.by,
        looked=looked,
    )


async def _unread(stream: Seekable, to: Addressed) -> Sent:
    kind = await asyncio.to_thread(files.format_of, stream)
    digest = await asyncio.to_thread(files.digest_of, stream)
    looked = Looked(format=kind, sha256=digest, entries_count=0, accounts=(), notes=())
    return _sent(to, looked)
