"""The books, proved: what stands on each account, against credits, payments and the bank."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from starlette.responses import Response

from sampan.dashboard import bank_accounts, credit_story
from sampan.dashboard.credit_story import LedgerName
from sampan.dashboard.visit import Visit
from sampan.dashboard.ways import Way
from sampan.domain.rights import Right
from sampan.flow.proof import Against, Check, Proof, prove
from sampan.storage import ledger, projects
from sampan.storage.engine import Tx
from sampan.storage.ledger import Balance
from sampan.web.i18n import mark

PATH: Final = "/ledger"
POSTINGS_MAX: Final = 100

AGAINST: Final[Mapping[Against, str]] = {
    Against.POSTINGS: mark("Every posting adds up to zero"),
    Against.CREDITS: mark("the money that came"),
    Against.PAYMENTS: mark("what payments were paid"),
    Against.BANK: mark("the sandbox bank's own books"),
}
"""What an account of the books is compared with."""


class Named(NamedTuple):
    """A comparison with its account in words."""

    check: Check
    name: LedgerName


class Seen(NamedTuple):
    """The proof, and what stands on each account."""

    proof: Proof
    balances: list[tuple[Balance, LedgerName]]
    named: list[Named]
    wrong: list[int]


async def page(visit: Visit) -> Response:
    """Prove the books as they stand now."""
    seen = await visit.desk.store.read(lambda tx: _look(visit, tx))
    context = {
        "proof": seen.proof,
        "balances": seen.balances,
        "named": seen.named,
        "wrong": seen.wrong,
        "against": AGAINST,
        "failed_count": sum(not check.ok for check in seen.proof.checks),
        "path": "/dashboard/reconciliation",
    }
    return visit.page("ledger.html", context)


def _look(visit: Visit, tx: Tx) -> Seen:
    accounts = bank_accounts.names(bank_accounts.every(visit, tx))
    named = projects.names(tx)

    def name(account: str) -> LedgerName:
        return credit_story.ledger_name(account, accounts=accounts, projects=named)

    proof = prove(tx)
    wrong = [] if proof.ok else sorted(set(ledger.unbalanced(tx)))[:POSTINGS_MAX]
    return Seen(
        proof,
        [(one, name(one.account)) for one in ledger.balances(tx) if one.amount_minor],
        [Named(check, name(check.account)) for check in proof.checks],
        wrong,
    )


WAYS: Final = (Way("GET", PATH, page, Right.CREDITS),)
