"""Pay money of a credit back: filled in, looked at with every doubt, then decided."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from starlette.responses import Response

from sampan.dashboard import bank_accounts, credit_card, refund_forms, refund_words
from sampan.dashboard.credit_card import ONE, find_credit, key_of, show
from sampan.dashboard.credit_list import PATH as CREDITS
from sampan.dashboard.money_forms import Notice, ToldError, decide, said_of, typed_why
from sampan.dashboard.refund_forms import Read
from sampan.dashboard.visit import Visit
from sampan.dashboard.ways import Way
from sampan.domain.money_decisions import Refund
from sampan.domain.payment import Payment
from sampan.domain.refunds import Doubt, doubts
from sampan.domain.rights import Right
from sampan.flow import credit_decisions, refund_records
from sampan.storage import decisions, payments, refunds
from sampan.storage.credits import Credit
from sampan.storage.decisions import Decision
from sampan.storage.engine import Tx

NEW: Final = f"{ONE}/refund"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """A refund as it is filled in, and what it would do."""

    credit: Credit
    payment: Payment | None
    account: str
    left_minor: int
    form: Read
    doubts: tuple[Doubt, ...] = ()
    needs_two: bool = False

    @property
    def rest_minor(self) -> int:
        """What could be refunded after this one."""
        return self.left_minor - self.form.amount_minor


async def form(visit: Visit) -> Response:
    """Show the form: all that is left, to who paid."""
    return await _shown(visit, await _sheet(visit, is_new=True))


async def refund(visit: Visit) -> Response:
    """Say what was filled in will do; carry it out when the person has seen that."""
    key, sheet = key_of(visit), await _sheet(visit)
    payee = sheet.form.payee
    if payee is None or not visit.text("confirmed"):
        return await _shown(visit, sheet, status=200 if payee else 400)
    is_checked = bool(visit.text("checked"))
    if sheet.doubts and not is_checked:
        return await _shown(visit, sheet, fault=refund_words.NOT_CHECKED, status=400)
    wanted = Refund(
        credit=key,
        amount_minor=sheet.form.amount_minor,
        payee=payee,
        despite_doubts=is_checked,
    )

    def wish(tx: Tx) -> Refund:
        # A form that is sent twice must not pay back twice.
        if str(_left_minor(visit, tx, credit=find_credit(tx, key))) != visit.text("left"):
            raise ToldError(refund_words.OTHER_LEFT)
        return wanted

    made = await decide(visit, "refund", wish=wish)
    if isinstance(made, Notice):
        if made.at:
            return await _shown(visit, sheet, notice=made, status=made.status)
        return await show(visit, key, notice=made)
    return visit.go(await _where(visit, made), said=said_of(made, "refund-decided"))


async def _where(visit: Visit, made: Decision) -> str:
    """Return the page of the refund that a decision made; of the credit where it is proposed."""
    key = key_of(visit)
    if made.status == "proposed":
        return f"{CREDITS}/{key}"
    found = await visit.desk.store.read(lambda tx: refunds.of_credit(tx, key))
    return f"/refunds/{found[-1].id}"


async def _sheet(visit: Visit, *, is_new: bool = False) -> Sheet:
    return await visit.desk.store.read(lambda tx: _read(visit, tx, is_new=is_new))


def _read(visit: Visit, tx: Tx, *, is_new: bool) -> Sheet:
    credit = find_credit(tx, key_of(visit))
    find_project = visit.desk.find_project
    left_minor = _left_minor(visit, tx, credit=credit)
    if is_new:
        read = Read(refund_forms.blank(credit, left_minor=left_minor))
    else:
        read = refund_forms.read(visit.text, credit, left_minor=left_minor)
    found: tuple[Doubt, ...] = ()
    needs_two = False
    if read.payee is not None and left_minor:
        found = doubts(read.payee, payer_name=credit.payer_name, payer_account=credit.payer_account)
        wish = Refund(credit=credit.id, amount_minor=read.amount_minor, payee=read.payee)
        needs_two = credit_decisions.needs_two(tx, wish, find_project=find_project)
    named = bank_accounts.names(bank_accounts.every(visit, tx))
    return Sheet(
        credit=credit,
        payment=None if credit.payment is None else payments.payment_by_key(tx, credit.payment),
        account=named.get((credit.provider, credit.account), credit.account),
        left_minor=left_minor,
        form=read,
        doubts=found,
        needs_two=needs_two,
    )


def _left_minor(visit: Visit, tx: Tx, *, credit: Credit) -> int:
    """Return what can be paid back; 0 while a refund of the money waits for a second person."""
    waiting = decisions.about(tx, credit=credit.id)
    if any(one.what == "refund" and one.status == "proposed" for one in waiting):
        return 0
    return refund_records.left_of(tx, credit, find_project=visit.desk.find_project)


async def _shown(
    visit: Visit,
    sheet: Sheet,
    *,
    notice: Notice | None = None,
    fault: str = "",
    status: int = 200,
) -> Response:
    if not sheet.left_minor:
        return visit.go(f"{CREDITS}/{key_of(visit)}")
    errors: Mapping[str, str] = sheet.form.errors
    context: dict[str, Any] = {
        "sheet": sheet,
        "credit": sheet.credit,
        "payee": sheet.form.payee,
        "typed": sheet.form.typed,
        "errors": errors,
        "kinds": refund_words.KINDS,
        "checked": visit.text("checked"),
        "unchecked": fault,
        "reason": typed_why(visit),
        "wrong": notice,
        **credit_card.TABLES,
    }
    return visit.page("refund_new.html", context, status=status)


WAYS: Final = (
    Way("GET", NEW, form, Right.DECIDE_MONEY),
    Way("POST", NEW, refund, Right.DECIDE_MONEY),
)
