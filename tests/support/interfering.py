"""Somebody else's change at the worst moment: just before a statement of a use case runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlalchemy import Executable

from sampan.storage.engine import Params, Row, Statement, Tx


class InterferingTx(Tx):
    """The transaction of a use case that meets others: real storage, chosen timing.

    Before each of the first `times` runs of `statement`, `meddle` changes the database, as a
    process does that commits between what the use case read and what it writes.
    """

    __slots__ = ("_left", "_meddle", "_statement", "_under")

    def __init__(
        self, tx: Tx, statement: Statement, *, meddle: Callable[[Tx], object], times: int = 1
    ) -> None:
        self._under = tx
        self.woken = tx.woken
        self._statement = statement
        self._meddle = meddle
        self._left = times

    def new_id(self) -> int:
        """See `Tx.new_id`."""
        return self._under.new_id()

    def one(self, statement: Statement, params: Params) -> Row | None:
        """See `Tx.one`."""
        return self._under.one(statement, params)

    def all(self, statement: Statement, params: Params) -> Sequence[Row]:
        """See `Tx.all`."""
        return self._under.all(statement, params)

    def run(self, statement: Statement, params: Params) -> int:
        """Let the other one change things first, then execute."""
        if statement is self._statement and self._left:
            self._left -= 1
            self._meddle(self._under)
        return self._under.run(statement, params)

    def do(self, statement: Statement, params: Params) -> None:
        """See `Tx.do`."""
        self._under.do(statement, params)

    def query(self, statement: Executable) -> Sequence[Row]:
        """See `Tx.query`."""
        return self._under.query(statement)
