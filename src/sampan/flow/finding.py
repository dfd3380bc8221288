"""Find the payment of money that arrived, or those that it might belong to."""

from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple

import msgspec

from sampan.clock import DAY_US
from sampan.domain import matching, reference
from sampan.domain.credit_reasons import left_because
from sampan.domain.fps_account import PROVIDER, id_of_key
from sampan.domain.matching import Arrival, Candidate, How, Matched, Rules, State
from sampan.domain.payment import Operation, Payment
from sampan.domain.project import Project, ReferenceMode
from sampan.domain.statuses import OperationType, PaymentStatus
from sampan.storage import candidates as rows
from sampan.storage import fps_accounts, payments
from sampan.storage.credits import Found
from sampan.storage.engine import Tx

FindProject = Callable[[Tx, int], Project | None]
SKEW_US: Final = Rules().skew_us
_OPEN_US_MAX: Final = 31 * DAY_US
"""No payment can be paid for longer (`decline_after_s`)."""
_NAMED_MAX: Final = 20
"""Operations that one credit may name; beyond it is a list, not a reference."""
_LIKELY_MAX: Final = 5
_LIKELY_ROWS: Final = 20


_SANDBOX: Final = "sandbox"
_Pair = tuple[Payment, Project]


class Where(NamedTuple):
    """An account at a provider, and who knows the projects that use it."""

    provider: str
    account: str
    find_project: FindProject


class Named(NamedTuple):
    """The payment that money belongs to, with its project, and how it was found."""

    payment: Payment
    project: Project
    how: How


def named_sale(tx: Tx, where: Where, text: str) -> tuple[Operation, Payment, Project] | None:
    """Return the sale that a reference names, if it is this provider's."""
    operation_id = reference.decode(text)
    operation = None if operation_id is None else payments.operation_by_id(tx, operation_id)
    if operation is None or operation.type is not OperationType.SALE:
        # Other operations have ids, too, and no QR: who names one has guessed.
        return None
    if not _is_of(operation, where):
        return None
    payment = payments.payment_by_key(tx, operation.payment_key)
    assert payment is not None  # noqa: S101 - a foreign key keeps it
    project = _project(tx, where, payment)
    return None if project is None else (operation, payment, project)


def find(tx: Tx, where: Where, arrival: Arrival) -> Named | Found:
    """Return the payment of a credit where it is certain, else what people have to go by."""
    for text in arrival.texts[:1] if len(arrival.texts) == 1 else ():
        sale = named_sale(tx, where, text)
        if sale is not None:
            return Named(sale[1], sale[2], How.EXACT_REFERENCE)
    named = _sales(tx, where, rows.sales_by_ids(tx, _ids(arrival.texts)))
    if len(named) == 1:
        payment, project = named[0]
        whole = any(reference.decode(text) is not None for text in arrival.texts)
        return Named(payment, project, How.EXACT_REFERENCE if whole else How.REFERENCE_IN_TEXT)
    rivals = named or _rivals(tx, where, arrival)
    known = {payment.key: (payment, project) for payment, project in rivals}
    result = matching.match(
        arrival, _candidates(tx, rivals), rules=Rules(by_amount=_by_amount(tx, where, rivals))
    )
    if isinstance(result, Matched):
        payment, project = known[result.key]
        return Named(payment, project, result.how)
    return likely(tx, where, arrival)


def likely(tx: Tx, where: Where, arrival: Arrival) -> Found:
    """Return the payments that a credit might belong to, the likeliest first, and why none is sure.

    Looks further than `find`: at payments that are closed, too.
    """
    ids = (*_ids(arrival.texts), *matching.near_ids(arrival.texts))
    found = dict(_keyed(_sales(tx, where, rows.sales_by_ids(tx, ids))))
    found |= _keyed(_of_sum(tx, where, arrival, most=_LIKELY_ROWS))
    result = matching.match(
        arrival, _candidates(tx, list(found.values())), rules=Rules(by_amount=False)
    )
    if isinstance(result, Matched):
        # Certain now, which it was not as it arrived: people see it first in their list.
        clues = (result.how.value, *(reason.value for reason in result.misfits))
        return Found(likely=((result.key, 100, clues),))
    told = result.suggestions if isinstance(result, matching.Suggested) else ()
    return Found(
        why=left_because(result, texts=arrival.texts).value,
        likely=tuple(
            (one.key, one.score, tuple(clue.value for clue in one.clues))
            for one in told[:_LIKELY_MAX]
        ),
    )


def _is_of(operation: Operation, where: Where) -> bool:
    """Whether a QR led to this account, as far as that is known.

    Whoever may speak for one account speaks for no other.
    """
    return not operation.account or operation.account == where.account


def _ids(texts: Iterable[str]) -> tuple[int, ...]:
    return matching.named_ids(texts)[:_NAMED_MAX]


def _rivals(tx: Tx, where: Where, arrival: Arrival) -> list[_Pair]:
    """Return the payments among which a sum, or a reference with a slip, has to be unique."""
    same = _of_sum(tx, where, arrival, open_us=arrival.earliest_us, most=rows.RIVALS_MAX)
    near = _sales(tx, where, rows.sales_by_ids(tx, matching.near_ids(arrival.texts)))
    return list(dict([*_keyed(same), *_keyed(near)]).values())


def _of_sum(
    tx: Tx, where: Where, arrival: Arrival, *, most: int, open_us: int | None = None
) -> list[_Pair]:
    """Return the newest payments of a sum whose QR led to the account of the money.

    With `open_us`, only those that could still be paid then.
    """
    asked = rows.Asked(
        amount_minor=arrival.amount_minor,
        currency=arrival.currency,
        from_us=arrival.earliest_us - _OPEN_US_MAX,
        to_us=arrival.latest_us + SKEW_US,
        open_us=open_us or 0,
        most=most,
    )
    found = rows.of_account(tx, where.account, asked)
    pairs = [(payment, _project(tx, where, payment)) for payment in found]
    if not pairs and where.provider == _SANDBOX:
        # Its operations name no account: it alone knows them.
        since_us = arrival.earliest_us - DAY_US
        near = rows.recent(tx, msgspec.structs.replace(asked, from_us=since_us))
        pairs = [(payment, _paid_at(tx, where, payment)) for payment in near]
    return [(payment, project) for payment, project in pairs if project is not None]


def _keyed(
    found: Iterable[_Pair],
) -> list[tuple[int, _Pair]]:
    return [(pair[0].key, pair) for pair in found]


def _sales(tx: Tx, where: Where, sales: Sequence[Operation]) -> list[_Pair]:
    """Return the payments of sales that are this provider's."""
    keys = sorted({sale.payment_key for sale in sales if _is_of(sale, where)})
    found = payments.payments_by_keys(tx, keys) if keys else {}
    pairs = [(found[key], _project(tx, where, found[key])) for key in keys]
    return [(payment, project) for payment, project in pairs if project is not None]


def _project(tx: Tx, where: Where, payment: Payment) -> Project | None:
    project = where.find_project(tx, payment.project_id)
    return project if project and project.settings.provider == where.provider else None


def _paid_at(tx: Tx, where: Where, payment: Payment) -> Project | None:
    project = _project(tx, where, payment)
    return project if project and project.settings.payee_fps_id == where.account else None


def _by_amount(tx: Tx, where: Where, rivals: Sequence[_Pair]) -> bool:
    """Whether a sum may decide: only where no QR of the account carries a reference to go by."""
    if len(rivals) >= rows.RIVALS_MAX:
        # There may be more, and among them one that fits better.
        return False
    account_id = id_of_key(where.account) if where.provider == PROVIDER else None
    if account_id is not None:
        card = fps_accounts.card(tx, account_id, now_us=0)
        return card is not None and card.account.reference_mode is ReferenceMode.NONE
    modes = {project.settings.reference_mode for _, project in rivals}
    return modes <= {ReferenceMode.NONE}


def _candidates(tx: Tx, found: Sequence[_Pair]) -> list[Candidate]:
    sales = rows.sales_of(tx, [payment.key for payment, _ in found])
    return [
        Candidate(
            key=payment.key,
            references=tuple(reference.encode(sale.id) for sale in sales.get(payment.key, ())),
            amount_minor=_asked(payment, sales.get(payment.key, ())),
            currency=payment.currency,
            opened_us=payment.created_us,
            closes_us=payment.decline_us,
            state=_state(payment),
            payer_names=_payers(payment),
        )
        for payment, _ in found
    ]


def _asked(payment: Payment, sales: Sequence[Operation]) -> int:
    """Return the sum in the newest QR of a payment."""
    shown = [sale.qr_minor for sale in sales if sale.qr_minor]
    return shown[-1] if shown else payment.amount_minor


def _state(payment: Payment) -> State:
    if payment.status is PaymentStatus.SUCCESS or payment.held_count:
        return State.PAID
    return State.OPEN if payment.finished_us is None else State.CLOSED


def _payers(payment: Payment) -> tuple[str, ...]:
    customer = payment.customer
    name = f"{customer.first_name} {customer.last_name}".strip()
    return (name,) if name else ()
