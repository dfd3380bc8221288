"""What `/v1/balance/get` tells: what each project holds in the books, by currency."""

from typing import Final

from sampan.domain.callback import safe
from sampan.domain.ledger import project_account
from sampan.money import DECIMALS
from sampan.storage import ledger, projects
from sampan.storage.engine import Tx

CURRENCIES: Final = tuple(sorted(DECIMALS, reverse=True))
"""HKD first: the currency of the country."""


def listing(tx: Tx) -> list[dict[str, str]]:
    """Return a row for every project and currency, by project; sums are texts of minor units.

    What was applied to a project stands on its account with a minus (`domain.ledger`).
    """
    names = projects.names(tx)
    held = ledger.balances_of(tx, [project_account(number) for number in names])
    return [
        {
            "name": f"Project_{safe(name)}_balance_{currency}",
            currency: str(-held.get((project_account(number), currency), 0)),
        }
        for number, name in names.items()
        for currency in CURRENCIES
    ]
