"""Decide about a credit: take it as a payment, split it, let it go; each after what it will do."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from starlette.responses import Response

from sampan import money
from sampan.dashboard import credit_card
from sampan.dashboard.asked import TEXT_CHARS_MAX
from sampan.dashboard.credit_card import ONE, Offer, find_credit, key_of, missing, show
from sampan.dashboard.credit_list import PATH
from sampan.dashboard.money_forms import Notice, ToldError, decide, said_of
from sampan.dashboard.payments import number_of
from sampan.dashboard.visit import Visit
from sampan.dashboard.ways import Way
from sampan.domain.money_decisions import (
    PARTS_MAX,
    Apply,
    Ignore,
    Merge,
    Part,
    Return,
    Split,
    TakeBack,
    Wish,
)
from sampan.domain.payment import Payment
from sampan.domain.rights import Right
from sampan.flow import credit_decisions, credit_views
from sampan.storage import payment_lists, payments
from sampan.storage.credits import Credit
from sampan.storage.engine import Tx
from sampan.web.i18n import mark

LINES_COUNT: Final = 4
"""Lines of the form for a split; more are there when all are used."""

OTHER_SUM: Final = mark(
    "Another sum would be paid by now than the one you saw. You changed nothing; look at it again."
)
PARTS_MIN: Final = 2

NO_AMOUNT: Final = mark("This is no amount. Write it like 1234.50.")
NO_PAYMENT: Final = mark("There is no payment with this id.")
SEVERAL: Final = mark("Several payments have this id. Use the operation id of the one you mean.")
TOO_MUCH: Final = mark("The parts are more than the money.")
TWICE: Final = mark("Two parts name one payment; give it one part.")
CANNOT: Final = mark("It takes no more money, or is in another currency.")
ONE_PART: Final = mark("Fill in at least one part that is smaller than the money.")


async def confirm(visit: Visit) -> Response:
    """Show what taking the money as a payment will do, and ask for the reason."""
    return await _confirm(visit, visit.asked("payment"))


async def apply(visit: Visit) -> Response:
    """Take the money as a payment: exactly the sum that the person saw."""
    key, payment_key = key_of(visit), number_of(visit.text("payment"))

    def wish(tx: Tx) -> Wish:
        credit, payment = find_credit(tx, key), _payment(tx, payment_key)
        seen = credit_views.foresee(tx, credit, payment, find_project=visit.desk.find_project)
        if seen.can_be and str(seen.sum_minor) != visit.text("sum"):
            raise ToldError(OTHER_SUM)
        return Apply(credit=key, payment=payment_key)

    made = await decide(visit, "apply", wish=wish)
    if isinstance(made, Notice):
        if made.at:
            return await _confirm(visit, visit.text("payment"), notice=made)
        return await show(visit, key, notice=made)
    return visit.go(f"{PATH}/{key}", said=said_of(made, "credit-applied"))


async def mark_returned(visit: Visit) -> Response:
    """Note that the money went back."""
    key = key_of(visit)
    return await _simply(visit, "return", wish=Return(credit=key), said="credit-returned")


async def ignore(visit: Visit) -> Response:
    """Note that the money is no payment."""
    key = key_of(visit)
    return await _simply(visit, "ignore", wish=Ignore(credit=key), said="credit-ignored")


async def take_back(visit: Visit) -> Response:
    """Let the money wait again."""
    key = key_of(visit)
    return await _simply(visit, "take-back", wish=TakeBack(credit=key), said="credit-waits")


async def merge(visit: Visit) -> Response:
    """Note that it is the same money as an entry by hand."""
    key, into = key_of(visit), number_of(visit.text("into"))

    def wish(tx: Tx) -> Wish:
        find_credit(tx, into)
        return Merge(credit=key, into=into)

    return await _made(visit, f"merge-{into}", wish=wish, said="credit-merged")


async def _simply(visit: Visit, form: str, *, wish: Wish, said: str) -> Response:
    return await _made(visit, form, wish=lambda _: wish, said=said)


async def _made(visit: Visit, form: str, *, wish: Callable[[Tx], Wish], said: str) -> Response:
    key = key_of(visit)
    await visit.desk.store.read(lambda tx: find_credit(tx, key))
    made = await decide(visit, form, wish=wish)
    if isinstance(made, Notice):
        return await show(visit, key, notice=made)
    return visit.go(f"{PATH}/{key}", said=said_of(made, said))


async def _confirm(visit: Visit, payment: str, *, notice: Notice | None = None) -> Response:
    key, payment_key = key_of(visit), number_of(payment)

    def look(tx: Tx) -> tuple[Credit, Offer, bool]:
        credit, found = find_credit(tx, key), _payment(tx, payment_key)
        find_project = visit.desk.find_project
        foreseen = credit_views.foresee(tx, credit, found, find_project=find_project)
        wish = Apply(credit=key, payment=payment_key)
        two = credit_decisions.needs_two(tx, wish, find_project=find_project)
        return credit, Offer(foreseen=foreseen, score=0, clues=()), two

    credit, offer, needs_two = await visit.desk.store.read(look)
    if not offer.foreseen.can_be:
        return visit.go(f"{PATH}/{key}")
    context = {
        "credit": credit,
        "offer": offer,
        "payment": offer.foreseen.payment,
        "is_told": is_told(offer.foreseen.payment, offer.foreseen.project.callback_url),
        "needs_two": needs_two,
        "may_decide": Right.DECIDE_MONEY in visit.rights,
        "wrong": notice,
        **credit_card.TABLES,
    }
    return visit.page("credit_apply.html", context, status=200 if notice is None else notice.status)


def is_told(payment: Payment, of_project: str) -> bool:
    """Whether a shop hears of a payment that becomes paid."""
    targets = payment.targets
    own = targets.success_callback_url or targets.callback_url or of_project
    return bool(own) and not targets.callback_disabled


def _payment(tx: Tx, key: int) -> Payment:
    found = payments.payment_by_key(tx, key) if key else None
    if found is None:
        raise missing()
    return found


# --- splitting ------------------------------------------------------------------------------


class Line(NamedTuple):
    """A line of the form as typed, what it means, and what is wrong with each field."""

    amount: str = ""
    payment: str = ""
    amount_minor: int = 0
    found: Payment | None = None
    amount_fault: str = ""
    payment_fault: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """A split as it is filled in; `rest_minor` waits on."""

    lines: Sequence[Line]
    rest_minor: int
    fault: str = ""

    @property
    def filled(self) -> list[Line]:
        """The lines that say something."""
        return [line for line in self.lines if line.amount or line.payment]

    @property
    def is_right(self) -> bool:
        """Whether it can be carried out."""
        wrong = any(line.amount_fault or line.payment_fault for line in self.lines)
        return not wrong and not self.fault and bool(self.filled)

    @property
    def parts(self) -> tuple[Part, ...]:
        """The parts, with what waits on as the last one."""
        named = [
            Part(line.amount_minor, None if line.found is None else line.found.key)
            for line in self.filled
        ]
        rest = [Part(self.rest_minor)] if self.rest_minor else []
        return (*named, *rest)


async def split(visit: Visit) -> Response:
    """Show the form for a split."""
    return await _split(visit, sheet=None)


async def divide(visit: Visit) -> Response:
    """Look at what was filled in; carry it out when the person has seen what it will do."""
    key = key_of(visit)
    sheet = await visit.desk.store.read(lambda tx: _sheet(visit, tx))
    if not visit.text("confirmed") or not sheet.is_right:
        return await _split(visit, sheet=sheet, status=200 if sheet.is_right else 400)
    made = await decide(visit, "split", wish=lambda _: Split(credit=key, parts=sheet.parts))
    if isinstance(made, Notice):
        if made.at:
            return await _split(visit, sheet=sheet, notice=made, status=made.status)
        return await show(visit, key, notice=made)
    return visit.go(f"{PATH}/{key}", said=said_of(made, "credit-split"))


def _sheet(visit: Visit, tx: Tx) -> Sheet:
    credit = find_credit(tx, key_of(visit))
    lines = [_line(tx, visit, credit=credit, number=number) for number in range(PARTS_MAX - 1)]
    named = [line.found.key for line in lines if line.found is not None]
    rest = credit.amount_minor - sum(line.amount_minor for line in lines)
    filled = [line for line in lines if line.amount or line.payment]
    fault = ""
    if len(set(named)) < len(named):
        fault = TWICE
    elif rest < 0:
        fault = TOO_MUCH
    elif len(filled) + bool(rest) < PARTS_MIN or credit.status not in credit_card.WAITING:
        fault = ONE_PART
    while len(lines) > LINES_COUNT and not (lines[-2].amount or lines[-2].payment):
        lines.pop()
    return Sheet(lines=lines, rest_minor=max(0, rest), fault=fault)


def _line(tx: Tx, visit: Visit, *, credit: Credit, number: int) -> Line:
    amount, named = visit.text(f"amount-{number}"), visit.text(f"payment-{number}")
    if not amount and not named:
        return Line()
    line = Line(amount[:32], named[:255])
    try:
        amount_minor = money.from_text(amount.replace(",", ""), credit.currency)
    except ValueError:
        amount_minor = 0
    if not 0 < amount_minor <= money.AMOUNT_MINOR_MAX:
        line = line._replace(amount_fault=NO_AMOUNT)
    else:
        line = line._replace(amount_minor=amount_minor)
    if not named:
        return line
    found, fault = named_payment(tx, named)
    if found is not None:
        seen = credit_views.foresee(tx, credit, found, find_project=visit.desk.find_project)
        fault = "" if seen.can_be else CANNOT
    return line._replace(found=found, payment_fault=fault)


def named_payment(tx: Tx, text: str) -> tuple[Payment | None, str]:
    """Return the one payment that an exact id names, and what is wrong where it is none."""
    fits = len(text) <= TEXT_CHARS_MAX
    rows = payment_lists.search(tx, text, None) if fits else ()
    if len(rows) != 1:
        return None, SEVERAL if rows else NO_PAYMENT
    return payments.payment_by_key(tx, rows[0].key), ""


async def _split(
    visit: Visit, *, sheet: Sheet | None, notice: Notice | None = None, status: int = 200
) -> Response:
    key = key_of(visit)

    def look(tx: Tx) -> tuple[Credit, bool]:
        two = credit_decisions.needs_two(
            tx,
            Split(credit=key, parts=(Part(1), Part(1))) if sheet is None else _wish(key, sheet),
            find_project=visit.desk.find_project,
        )
        return find_credit(tx, key), two

    credit, needs_two = await visit.desk.store.read(look)
    if credit.status not in credit_card.WAITING:
        return visit.go(f"{PATH}/{key}")
    blank = Sheet(lines=[Line()] * LINES_COUNT, rest_minor=credit.amount_minor)
    context: dict[str, Any] = {
        "credit": credit,
        "sheet": sheet or blank,
        "is_right": sheet is not None and sheet.is_right,
        "needs_two": needs_two,
        "wrong": notice,
        **credit_card.TABLES,
    }
    return visit.page("credit_split.html", context, status=status)


def _wish(key: int, sheet: Sheet) -> Split:
    return Split(credit=key, parts=sheet.parts)


WAYS: Final = (
    Way("GET", f"{ONE}/apply", confirm, Right.DECIDE_MONEY),
    Way("POST", f"{ONE}/apply", apply, Right.DECIDE_MONEY),
    Way("GET", f"{ONE}/split", split, Right.DECIDE_MONEY),
    Way("POST", f"{ONE}/split", divide, Right.DECIDE_MONEY),
    Way("POST", f"{ONE}/return", mark_returned, Right.DECIDE_MONEY),
    Way("POST", f"{ONE}/ignore", ignore, Right.DECIDE_MONEY),
    Way("POST", f"{ONE}/take-back", take_back, Right.DECIDE_MONEY),
    Way("POST", f"{ONE}/merge", merge, Right.DECIDE_MONEY),
)
