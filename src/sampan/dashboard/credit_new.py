"""Money that a person saw at the bank, entered by hand, with a reason."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from starlette.responses import Response

from sampan import money
from sampan.dashboard import bank_accounts, credit_acts
from sampan.dashboard.asked import day_text
from sampan.dashboard.bank_accounts import BankAccount
from sampan.dashboard.credit_list import PATH
from sampan.dashboard.money_forms import NO_REASON, Notice, decide, said_of
from sampan.dashboard.payment_query import NO_AMOUNT, moment_us
from sampan.dashboard.payments import is_line
from sampan.dashboard.visit import Visit
from sampan.dashboard.ways import Way
from sampan.domain.money_decisions import Enter
from sampan.domain.rights import Right
from sampan.flow import credit_decisions
from sampan.money import AMOUNT_MINOR_MAX, DECIMALS
from sampan.storage.engine import Tx
from sampan.web.i18n import mark, moment

NEW: Final = f"{PATH}/new"
NO_ACCOUNT: Final = mark("Choose an account.")
NO_CURRENCY: Final = mark("Choose a currency.")
NO_TIME: Final = mark("This is no date and time, or it has not come yet.")
NO_ID: Final = mark("At most 64 letters, digits and marks, without blanks.")
NO_LINE: Final = mark("One line of at most 140 characters.")
KNOWN: Final = mark("The bank has told of this money already: look for its id in the credits.")
ID_CHARS_MAX: Final = 64
LINE_CHARS_MAX: Final = 140
FIELDS: Final = (
    *("account", "amount", "currency", "booked", "booked_time", "bank_txn_id"),
    *("reference", "payer_name", "payment", "why"),
)


class Read(NamedTuple):
    """A form as it is meant: what is entered, or what is wrong with it."""

    entry: Enter | None
    errors: Mapping[str, str]


async def form(visit: Visit) -> Response:
    """Show the form."""
    now = moment(visit.now_us)
    typed = dict.fromkeys(FIELDS, "") | {
        "currency": "HKD",
        "booked": day_text(visit.now_us),
        "booked_time": f"{now:%H:%M}",
        "account": visit.asked("account"),
    }
    return await _shown(visit, typed)


async def enter(visit: Visit) -> Response:
    """Keep the money, let it find its payment, or propose it where two must decide."""
    typed = {name: visit.text(name)[:500] for name in FIELDS}
    found = await visit.desk.store.read(lambda tx: _read(visit, tx))
    entry = found.entry
    if entry is None:
        return await _shown(visit, typed, errors=found.errors)
    made = await decide(visit, "enter", wish=lambda _: entry)
    if isinstance(made, Notice):
        if made.at:
            return await _shown(visit, typed, errors={"why": NO_REASON})
        return await _shown(visit, typed, errors={"bank_txn_id": KNOWN}, status=made.status)
    if made.credit is None:
        return visit.go(f"{PATH}/decisions/{made.id}", said=said_of(made, "credit-entered"))
    return visit.go(f"{PATH}/{made.credit}", said=said_of(made, "credit-entered"))


def _read(visit: Visit, tx: Tx) -> Read:
    text, errors = visit.text, dict[str, str]()
    account = bank_accounts.chosen(bank_accounts.every(visit, tx), text("account"))
    currency, amount_minor = text("currency"), 0
    try:
        amount_minor = money.from_text(text("amount").replace(",", ""), "HKD")
    except ValueError:
        amount_minor = 0
    booked_us = moment_us(f"{text('booked')}T{text('booked_time') or '00:00'}")
    payment, payment_fault = None, ""
    if text("payment"):
        payment, payment_fault = credit_acts.named_payment(tx, text("payment"))
    txn = text("bank_txn_id")
    plain = txn.isascii() and txn.isprintable() and " " not in txn and len(txn) <= ID_CHARS_MAX
    for name, fault, holds in (
        ("account", NO_ACCOUNT, account is None),
        ("currency", NO_CURRENCY, currency not in DECIMALS),
        ("amount", NO_AMOUNT, not 0 < amount_minor <= AMOUNT_MINOR_MAX),
        ("booked", NO_TIME, booked_us is None or not 0 <= booked_us <= visit.now_us),
        ("bank_txn_id", NO_ID, not plain),
        ("reference", NO_LINE, not _is_short(text("reference"))),
        ("payer_name", NO_LINE, not _is_short(text("payer_name"))),
        ("payment", payment_fault, bool(payment_fault)),
    ):
        if holds:
            errors[name] = fault
    if errors or account is None or booked_us is None:
        return Read(None, errors)
    entry = Enter(
        provider=account.provider,
        account=account.account,
        amount_minor=amount_minor,
        currency=currency,
        booked_us=booked_us,
        bank_txn_id=txn,
        reference=text("reference"),
        payer_name=text("payer_name"),
        payment=None if payment is None else payment.key,
    )
    return Read(entry, {})


def _is_short(text: str) -> bool:
    return len(text) <= LINE_CHARS_MAX and is_line(text)


async def _shown(
    visit: Visit,
    typed: Mapping[str, str],
    *,
    errors: Mapping[str, str] | None = None,
    status: int = 400,
) -> Response:
    def look(tx: Tx) -> tuple[Sequence[BankAccount], set[str]]:
        accounts = bank_accounts.every(visit, tx)
        return accounts, {one.value for one in accounts if _needs_two(tx, visit, account=one)}

    accounts, two = await visit.desk.store.read(look)
    shown = {name: text if is_line(text) else "" for name, text in typed.items()}
    context: dict[str, Any] = {
        "accounts": accounts,
        "two": [one.name for one in accounts if one.value in two],
        "typed": shown,
        "errors": errors or {},
    }
    return visit.page("credit_new.html", context, status=status if errors else 200)


def _needs_two(tx: Tx, visit: Visit, *, account: BankAccount) -> bool:
    wish = Enter(
        provider=account.provider,
        account=account.account,
        amount_minor=1,
        currency="HKD",
        booked_us=0,
    )
    return credit_decisions.needs_two(tx, wish, find_project=visit.desk.find_project)


WAYS: Final = (
    Way("GET", NEW, form, Right.DECIDE_MONEY),
    Way("POST", NEW, enter, Right.DECIDE_MONEY),
)
