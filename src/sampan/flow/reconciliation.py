"""Put a day of an account together: what the bank booked, what payments became, balances."""

from collections.abc import Sequence
from datetime import date
from typing import Final

from sampan.codecs.statement import BalanceKind
from sampan.domain.fps_account import PROVIDER, id_of_key
from sampan.domain.project import Project
from sampan.domain.reconciliation import AtBank, Balances, Day, OfPayments, Sum, kind_of
from sampan.storage import fps_accounts, imports
from sampan.storage import reconciliation as rows
from sampan.storage.engine import Tx
from sampan.storage.reconciliation import Group, OfDay

FILES_MAX: Final = 2_000
"""Files of an account among which a day's balances are looked for, the newest first."""


def reconcile(tx: Tx, of: OfDay, *, on: date, projects: Sequence[Project]) -> dict[str, Day]:
    """Return a day of an account by currency; only currencies in which something was.

    `of` are the moments of the day `on`. `projects` are all there are.
    """
    ids = project_ids(tx, of, projects)
    booked = rows.credits(tx, of)
    taken, paid = rows.taken_back(tx, of), rows.paid(tx, of)
    missing = rows.without_money(tx, ids, of) if ids else ()
    unpaid = rows.unpaid(tx, ids, of) if ids else ()
    balances = _balances(tx, of, on=on)
    groups = [*(group for _, _, group in booked), *taken, *paid, *missing, *unpaid]
    found = {group.currency for group in groups} | set(balances)
    days = {}
    # The Hong Kong dollar first: nearly all is in it.
    for currency in sorted(found, key=lambda code: (code != "HKD", code)):
        at_bank = dict.fromkeys(AtBank, Sum())
        for status, as_asked, group in booked:
            if group.currency == currency:
                at_bank[kind_of(status, as_asked=as_asked)] += _sum(group)
        days[currency] = Day(
            currency=currency,
            at_bank=at_bank,
            of_payments={
                kind: _of([*paid, *missing], currency, kind=kind.value) for kind in OfPayments
            },
            taken_back=_of(taken, currency),
            unpaid=_of(unpaid, currency),
            balances=balances.get(currency, Balances()),
        )
    return days


def project_ids(tx: Tx, of: OfDay, projects: Sequence[Project]) -> list[int]:
    """Return the projects whose payments are paid to an account."""
    if of.provider == PROVIDER:
        account_id = id_of_key(of.account)
        return [] if account_id is None else list(fps_accounts.projects_of(tx, account_id))
    return [
        one.id
        for one in projects
        if (one.settings.provider, one.settings.payee_fps_id) == (of.provider, of.account)
    ]


def _balances(tx: Tx, of: OfDay, *, on: date) -> dict[str, Balances]:
    """Return what statements say stood on the account; the newest file that tells it counts."""
    told: dict[tuple[str, BalanceKind], int] = {}
    for made in imports.with_balances(tx, of.provider, of.account, most=FILES_MAX):
        for one in made.balances:
            if one.on == on:
                told.setdefault((one.currency, one.kind), one.amount_minor)
    return {
        currency: Balances(
            told.get((currency, BalanceKind.OPENING)), told.get((currency, BalanceKind.CLOSING))
        )
        for currency, _ in told
    }


def _of(groups: Sequence[Group], currency: str, *, kind: str = "") -> Sum:
    total = Sum()
    for group in groups:
        if group.currency == currency and kind in {"", group.kind}:
            total += _sum(group)
    return total


def _sum(group: Group) -> Sum:
    return Sum(group.rows_count, group.amount_minor)
