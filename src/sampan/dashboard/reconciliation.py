"""A day of an account at the bank against the payments: drawn, in numbers, as CSV."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final
from urllib.parse import urlencode

from starlette.responses import Response

from sampan.clock import DAY_US
from sampan.codecs.safe_csv import csv_file
from sampan.dashboard import bank_accounts
from sampan.dashboard.asked import Asked, day_text, day_us
from sampan.dashboard.bank_accounts import BankAccount
from sampan.dashboard.payment_columns import plain_amount
from sampan.dashboard.visit import Visit
from sampan.dashboard.ways import Way
from sampan.domain.reconciliation import AtBank, Day, OfPayments
from sampan.domain.rights import Right
from sampan.flow import reconciliation as flow
from sampan.storage import projects
from sampan.storage import reconciliation as rows
from sampan.storage.engine import Tx
from sampan.storage.reconciliation import OfDay, PaidRow
from sampan.web import charts
from sampan.web.charts import Across, Chart
from sampan.web.i18n import mark, money_text, translate
from sampan.web.render import language_of
from sampan.web.security import page_headers

PATH: Final = "/reconciliation"
ROWS_MAX: Final = 100
MINOR: Final = 100
DAY_MIN: Final = day_us("1970-01-02") or 0
DAY_MAX: Final = day_us("9998-12-31") or 0

AT_BANK: Final[Mapping[AtBank, tuple[str, str]]] = {
    AtBank.MATCHED: (mark("A payment's, as asked for"), "good"),
    AtBank.DIFFERS: (mark("A payment's, another sum than asked for"), "solid"),
    AtBank.WAITS: (mark("Waits for a decision"), "warn"),
    AtBank.IGNORED: (mark("Set aside: no payment"), "idle"),
    AtBank.RETURNED: (mark("Sent back"), "hollow"),
}
"""What booked money is → its name for people, and its kind of bar."""
OF_PAYMENTS: Final[Mapping[OfPayments, tuple[str, str]]] = {
    OfPayments.SAME_DAY: (mark("Booked on this day"), "good"),
    OfPayments.OTHER_DAY: (mark("Booked on another day"), "solid"),
    OfPayments.NO_MONEY: (mark("No money at all: the books are wrong"), "warn"),
}
_HEAD: Final = (
    *(mark("Day"), mark("Account"), mark("Currency")),
    *(mark("What it is"), mark("Count"), mark("Sum")),
)
_QUERIES: Final[Mapping[AtBank, Mapping[str, str]]] = {
    AtBank.MATCHED: {"status": "applied", "sum": "asked"},
    AtBank.DIFFERS: {"status": "applied", "sum": "other"},
    AtBank.WAITS: {},
    AtBank.IGNORED: {"status": "ignored"},
    AtBank.RETURNED: {"status": "returned"},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """All that the page shows."""

    accounts: Sequence[BankAccount]
    account: BankAccount | None
    days: Mapping[str, Day]
    others: Sequence[PaidRow]


async def page(visit: Visit) -> Response:
    """Show a day of an account: today's, and the first account's, unless told otherwise."""
    asked = Asked(visit.request.query_params)
    begin_us, found = await _found(visit, asked)
    code, day = language_of(visit.request), day_text(begin_us)
    value = found.account.value if found.account else ""
    context = {
        "found": found,
        "day": day,
        "before": asked.query(day=day_text(begin_us - DAY_US), account=value),
        "after": asked.query(day=day_text(begin_us + DAY_US), account=value)
        if begin_us + DAY_US <= visit.now_us
        else "",
        "is_partial": asked.is_partial,
        "charts": {currency: _chart(one, code) for currency, one in found.days.items()},
        "kinds": [tone for _, tone in (*AT_BANK.values(), *OF_PAYMENTS.values())],
        "at_bank": AT_BANK,
        "of_payments": OF_PAYMENTS,
        "links": {kind: _link(kind, day=day, account=value) for kind in AtBank},
        "paid_link": urlencode({"status": "success", "updated_from": day, "updated_to": day}),
        "unpaid_link": urlencode({"created_from": day, "created_to": day}),
        "csv": urlencode({"day": day, "account": value}),
        "rows_max": ROWS_MAX,
    }
    return visit.page("reconciliation.html", context)


async def as_csv(visit: Visit) -> Response:
    """Send the figures of a day."""
    begin_us, found = await _found(visit, Asked(visit.request.query_params))
    code, day = language_of(visit.request), day_text(begin_us)
    name = found.account.name if found.account else ""
    lines = [[translate(code, text) for text in _HEAD]]
    for one in found.days.values():
        for text, count, minor in _figures(one):
            amount = "" if minor is None else plain_amount(minor, one.currency)
            said = translate(code, text)
            lines.append([day, name, one.currency, said, str(count), amount])
    headers = page_headers() | {
        "Content-Disposition": f'attachment; filename="reconciliation-{day}.csv"'
    }
    return Response(csv_file(lines), headers=headers, media_type="text/csv")


def _figures(one: Day) -> list[tuple[str, int | str, int | None]]:
    told: list[tuple[str, int | str, int | None]] = [
        (AT_BANK[kind][0], found.count, found.amount_minor) for kind, found in one.at_bank.items()
    ]
    told.append((mark("The bank took back"), one.taken_back.count, -one.taken_back.amount_minor))
    told += [
        (OF_PAYMENTS[kind][0], found.count, found.amount_minor)
        for kind, found in one.of_payments.items()
    ]
    told.append(
        (mark("Payments for which no money came"), one.unpaid.count, one.unpaid.amount_minor)
    )
    told.append((mark("Balance as the day began"), "", one.balances.opening_minor))
    told.append((mark("Balance as the day ended"), "", one.balances.closing_minor))
    return told


async def _found(visit: Visit, asked: Asked) -> tuple[int, Found]:
    given = asked.day("day")
    today_us = day_us(day_text(visit.now_us)) or 0
    begin_us = today_us if given is None else max(DAY_MIN, min(given, DAY_MAX))

    def look(tx: Tx) -> Found:
        accounts = bank_accounts.every(visit, tx)
        value = asked.one_of("account", [one.value for one in accounts])
        account = bank_accounts.chosen(accounts, value or "") or next(iter(accounts), None)
        if account is None:
            return Found(accounts=accounts, account=None, days={}, others=())
        of = OfDay(account.provider, account.account, begin_us, begin_us + DAY_US)
        every = projects.every(tx, vault=visit.desk.vault, now_us=visit.now_us)
        on = date.fromisoformat(day_text(begin_us))
        return Found(
            accounts=accounts,
            account=account,
            days=flow.reconcile(tx, of, on=on, projects=every),
            others=rows.of_other_days(tx, of, most=ROWS_MAX),
        )

    return begin_us, await visit.desk.store.read(look)


def _chart(one: Day, code: str) -> Chart:
    """Draw both sides beside each other, what they are made of on top of each other."""
    series = [[found.amount_minor, 0] for found in one.at_bank.values()]
    series += [[0, found.amount_minor] for found in one.of_payments.values()]
    names = [translate(code, mark("The bank")), translate(code, mark("The payments"))]
    sides = (one.at_bank.values(), one.of_payments.values())
    told = [
        f"{name}: {money_text(sum(found.amount_minor for found in side), one.currency)}"
        for name, side in zip(names, sides, strict=True)
    ]
    across = Across(names=names, told=told)
    return charts.columns(series, across, text=lambda v: f"{v // MINOR:,}", unit=MINOR)


def _link(kind: AtBank, *, day: str, account: str) -> str:
    return urlencode({**_QUERIES[kind], "booked": day, "account": account})


WAYS: Final = (
    Way("GET", PATH, page, Right.CREDITS),
    Way("GET", f"{PATH}.csv", as_csv, Right.CREDITS),
)
