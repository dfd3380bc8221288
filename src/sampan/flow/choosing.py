"""Choose the account and the amount that the QR of a payment shows, for providers that have some.

The choice is written on the operation before the provider is asked, so whoever asks again shows the
same account, and money on another account is never taken for this payment's.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec

from sampan.domain import fps_account as accounts
from sampan.domain.codes import Code, message
from sampan.domain.days import Zone, begun_us
from sampan.domain.fingerprint import unique_amount
from sampan.domain.fps_account import Attached, FpsAccount
from sampan.domain.payment import Fault, Operation
from sampan.domain.project import AccountRule, Project
from sampan.storage import fps_accounts, operation_accounts
from sampan.storage.engine import Tx
from sampan.storage.operation_accounts import Span

FREED_AFTER_US: Final = 3_600_000_000
"""An amount is given out again so long after its payment has ended: late notices may come."""


class Chosen(NamedTuple):
    """A sale with its account and amount, and what the provider is told of the account."""

    operation: Operation
    options: dict[str, str]


def faults_of_accounts(tx: Tx, project: Project, currency: str) -> tuple[Fault, ...]:
    """Return what a project lacks to be paid in a currency (stage 2, decision 3)."""
    if project.settings.provider != accounts.PROVIDER:
        return ()
    attached = fps_accounts.of_project(tx, project.id)
    if accounts.usable(attached, currency=currency):
        return ()
    if any(one.account.is_on for one in attached):
        code = Code.CURRENCY_DISABLED
        return (Fault(code=code.value, message=message(code), field="payment.currency"),)
    code = Code.NOT_ALLOWED_BY_PROJECT
    return (Fault(code=code.value, message=message(code)),)


def choose(tx: Tx, project: Project, operation: Operation) -> Chosen:
    """Choose the account of a sale and write it down; a repeat finds the same one.

    One that has been switched off or taken from the project since is chosen anew: nobody has seen
    its QR. Where there is none to choose the provider is told of none, and refuses.
    """
    if project.settings.provider != accounts.PROVIDER:
        return Chosen(operation, {})
    attached = fps_accounts.of_project(tx, project.id)
    fit = accounts.usable(attached, currency=operation.currency)
    before = next((one for one in fit if one.account.key == operation.account), None)
    if before is not None:
        return Chosen(operation, accounts.order_options(before.account))
    rule = project.settings.account_rule
    if rule is AccountRule.LEAST_TODAY:
        fit = _with_today(tx, fit, operation)
    one = accounts.choose(fit, rule, currency=operation.currency)
    if one is None:
        return Chosen(operation, {})
    made = msgspec.structs.replace(
        operation,
        account=one.account.key,
        qr_minor=_amount(tx, one.account, operation),
        provider_id=accounts.PROVIDER_ID,
    )
    operation_accounts.set_account(tx, made)
    if rule is AccountRule.TURNS:
        # Later than every other, whatever clock the process goes by.
        at_us = max(operation.created_us, *(other.chosen_us + 1 for other in attached))
        fps_accounts.chosen(tx, project.id, one.account.id, at_us=at_us)
    return Chosen(made, accounts.order_options(one.account))


def _with_today(tx: Tx, fit: Sequence[Attached], operation: Operation) -> list[Attached]:
    since_us = begun_us(operation.created_us, Zone.HONG_KONG)
    return [
        Attached(
            account=one.account,
            position=one.position,
            today_minor=operation_accounts.asked_minor(
                tx, one.account.key, operation.currency, since_us=since_us
            ),
        )
        for one in fit
    ]


def _amount(tx: Tx, account: FpsAccount, operation: Operation) -> int:
    """Return the amount for the QR: the asked one, less a few cents where the account wants that.

    Where every amount that is near enough is taken, it is the asked one, and people match money.
    """
    asked = operation.amount_minor
    if not account.off_max_minor:
        return asked
    # Two sales at the same moment must not find the same amount free.
    fps_accounts.hold(tx, account.id, now_us=operation.created_us)
    span = Span(
        account=account.key,
        currency=operation.currency,
        least=asked - account.off_max_minor,
        greatest=asked,
    )
    freed_us = operation.created_us - FREED_AFTER_US
    taken = operation_accounts.taken_minor(tx, span, freed_us=freed_us)
    return unique_amount(asked, taken, off_max_minor=account.off_max_minor) or asked
