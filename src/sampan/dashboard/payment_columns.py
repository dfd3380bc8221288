"""The columns of lists of payments: what each is called, and what it says in a CSV file."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Final, NamedTuple

from babel.numbers import get_currency_precision

from sampan.domain.codes import message
from sampan.domain.statuses import type_of
from sampan.storage.payment_lists import PaymentRow
from sampan.web.i18n import mark, moment

LIST: Final = "payments"
"""Under this name a person's columns and filters are kept."""


class Column(NamedTuple):
    """A column: its name for people, and its text in a file."""

    name: str
    text: Callable[[PaymentRow, Mapping[int, str]], str]


def plain_amount(amount_minor: int, currency: str) -> str:
    """Write an amount as a plain decimal, also in a currency that no payment can be made in."""
    return format(Decimal(amount_minor).scaleb(-get_currency_precision(currency)), "f")


def _moment(us: int) -> str:
    """Write a moment in ISO 8601 with the offset of Hong Kong."""
    return moment(us).isoformat(timespec="milliseconds")


COLUMNS: Final[Mapping[str, Column]] = {
    "payment": Column(mark("Payment id"), lambda row, _: row.payment_id),
    "type": Column(mark("Type"), lambda row, _: type_of(row.origin).value),
    "status": Column(mark("Status"), lambda row, _: row.status.value),
    "amount": Column(mark("Amount"), lambda row, _: plain_amount(row.amount_minor, row.currency)),
    "paid": Column(mark("Paid"), lambda row, _: plain_amount(row.paid_minor, row.currency)),
    "currency": Column(mark("Currency"), lambda row, _: row.currency),
    "project": Column(
        mark("Project"), lambda row, names: f"{row.project_id} {names.get(row.project_id, '')}"
    ),
    "customer": Column(mark("Customer id"), lambda row, _: row.customer_id),
    "description": Column(mark("Description"), lambda row, _: row.description),
    "code": Column(
        mark("Response code"), lambda row, _: f"{row.code} {message(row.code)}" if row.code else ""
    ),
    "origin": Column(mark("Came by"), lambda row, _: row.origin.value),
    "created": Column(mark("Created"), lambda row, _: _moment(row.created_us)),
    "updated": Column(mark("Changed"), lambda row, _: _moment(row.updated_us)),
}
"""Name → column, in the order in which the chooser offers them."""
DEFAULT: Final = ("payment", "type", "status", "amount", "currency", "created")
NUMBERS: Final = frozenset({"amount", "paid"})


def known(names: Iterable[str] | None) -> list[str]:
    """Return those of these columns that there are, each once; the usual ones where there is none.

    What a person chose once may name a column that is gone.
    """
    chosen = [name for name in dict.fromkeys(names or ()) if name in COLUMNS]
    return chosen or list(DEFAULT)


def moved(names: Sequence[str], name: str, *, by: int) -> list[str]:
    """Return the columns with one of them moved so many places, and no further than to an end."""
    order = list(names)
    if name in order:
        at = order.index(name)
        order.insert(max(0, min(len(order) - 1, at + by)), order.pop(at))
    return order


def csv_row(row: PaymentRow, columns: Sequence[str], *, projects: Mapping[int, str]) -> list[str]:
    """Return the cells of a payment."""
    return [COLUMNS[name].text(row, projects) for name in columns]
