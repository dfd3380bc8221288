"""Where a callback goes: addresses of the request, rules and address of the project. Pure."""

from typing import Final

from sampan.domain.callback_rules import CallbackRule, Result
from sampan.domain.payment import Payment
from sampan.domain.project import METHOD, Project
from sampan.domain.statuses import OperationType, PaymentStatus

_RESULTS: Final = {
    PaymentStatus.SUCCESS: Result.SUCCESS,
    PaymentStatus.DECLINE: Result.DECLINE,
    PaymentStatus.ERROR: Result.ERROR,
}


def result_of(payment: Payment, operation: OperationType) -> Result:
    """Return what a callback about an operation tells; a refused refund ends no payment."""
    if operation is OperationType.REFUND:
        return Result.OTHER
    return _RESULTS.get(payment.status, Result.OTHER)


def address_for(project: Project, payment: Payment, *, operation: OperationType) -> str:
    """Return where a callback about an operation goes; "" when nobody is to be told.

    In this order (Callbacks docs): the request's address for this final result, the request's
    address for all, the first rule of the project that is on and fits, the project's address.
    """
    targets = payment.targets
    if payment.status is PaymentStatus.SUCCESS and targets.success_callback_url:
        return targets.success_callback_url
    if payment.status is PaymentStatus.DECLINE and targets.decline_callback_url:
        return targets.decline_callback_url
    if targets.callback_url:
        return targets.callback_url
    told = (payment.type, result_of(payment, operation), METHOD)
    for rule in project.callback_rules:
        if rule.enabled and _fits(rule, told):
            return rule.url
    return project.callback_url


def _fits(rule: CallbackRule, told: tuple[str, str, str]) -> bool:
    wanted = (rule.payment_type, rule.result, rule.method)
    return all(want in {"", said} for want, said in zip(wanted, told, strict=True))
