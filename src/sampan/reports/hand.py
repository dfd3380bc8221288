"""Write values as the cells of a file, many of one column at a time."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec
from babel.numbers import get_currency_precision

from sampan.codecs.safe_csv import DANGEROUS
from sampan.domain.codes import message
from sampan.domain.report_spec import Spec
from sampan.domain.statuses import FINAL

Texts = Sequence[str]
_DAY_US: Final = 86_400_000_000
_SECOND_US: Final = 1_000_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_USUAL_DECIMALS: Final = 2
_DANGEROUS: Final = frozenset(DANGEROUS)
_FINALS: Final = frozenset(one.value for one in FINAL)


class Payer(msgspec.Struct):
    """What a report tells of a customer."""

    email: str = ""
    ip_address: str = ""


_payer = msgspec.json.Decoder(Payer)


class _Days(dict[int, str]):
    """Day since the epoch → its date with the letter that parts it from the time."""

    def __missing__(self, day: int) -> str:
        self[day] = f"{(_EPOCH + timedelta(days=day)).date().isoformat()}T"
        return self[day]


class _Seconds(dict[int, str]):
    """Second of a day → time of day."""

    def __missing__(self, second: int) -> str:
        self[second] = f"{second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}"
        return self[second]


class _Messages(dict[str, str]):
    """Code → its message; "" has none."""

    def __missing__(self, code: str) -> str:
        self[code] = message(code) if code else ""
        return self[code]


class Hand:
    """Writes in the manner that a report asks for: its zone and decimal mark.

    Every method takes the values of a column and returns as many cells; None is an empty cell.
    """

    def __init__(self, spec: Spec, names: Mapping[int, str]) -> None:
        self._names = names
        self._mark = spec.decimal
        offset = spec.zone.info.utcoffset(None)
        self._offset_us = offset // timedelta(microseconds=1)
        self._zone = f"{datetime(2000, 1, 1, tzinfo=spec.zone.info):%z}"
        self._zone = f"{self._zone[:3]}:{self._zone[3:]}"
        self._days, self._seconds, self._messages = _Days(), _Seconds(), _Messages()
        self._digits: dict[str, int] = {}

    def texts(self, values: Iterable[str | None]) -> Texts:
        """Write texts of others so that no spreadsheet takes one for a formula."""
        return [(f"'{text}" if text[0] in _DANGEROUS else text) if text else "" for text in values]

    def words(self, values: Texts) -> Texts:
        """Write words of ours as they are."""
        return values

    def numbers(self, values: Iterable[int | None]) -> Texts:
        """Write ids and counts."""
        return ["" if number is None else str(number) for number in values]

    def names(self, values: Iterable[int | None]) -> Texts:
        """Write the names of projects."""
        known = self._names
        return self.texts([None if number is None else known.get(number, "") for number in values])

    def moments(self, values: Iterable[int | None]) -> Texts:
        """Write moments in ISO 8601, with milliseconds and the offset of the zone."""
        offset_us, days, seconds, zone = self._offset_us, self._days, self._seconds, self._zone
        cells = []
        for us in values:
            if us is None:
                cells.append("")
                continue
            day, rest = divmod(us + offset_us, _DAY_US)
            second, part = divmod(rest, _SECOND_US)
            cells.append(f"{days[day]}{seconds[second]}.{part // 1000:03d}{zone}")
        return cells

    def ended(self, statuses: Sequence[str], changed: Iterable[int]) -> Texts:
        """Write when operations ended: when they changed last, once they have ended."""
        pairs = zip(statuses, changed, strict=True)
        return self.moments([us if status in _FINALS else None for status, us in pairs])

    def amounts(self, values: Iterable[int | None], currencies: Sequence[str]) -> Texts:
        """Write amounts as plain decimals of their currencies."""
        if all(self._decimals(one) == _USUAL_DECIMALS for one in set(currencies)):
            mark = self._mark
            return [
                f"{minor // 100}{mark}{minor % 100:02d}"
                if minor is not None and minor >= 0
                else self._amount(minor, _USUAL_DECIMALS)
                for minor in values
            ]
        pairs = zip(values, currencies, strict=True)
        return [self._amount(minor, self._decimals(currency)) for minor, currency in pairs]

    def messages(self, values: Iterable[str | None]) -> Texts:
        """Write what codes say in words."""
        known = self._messages
        return [known[code or ""] for code in values]

    def emails(self, values: Iterable[str]) -> Texts:
        """Write the e-mail addresses of customers."""
        return self.texts([_payer.decode(customer).email for customer in values])

    def addresses(self, values: Iterable[str]) -> Texts:
        """Write the IP addresses of customers."""
        return self.texts([_payer.decode(customer).ip_address for customer in values])

    def _decimals(self, currency: str) -> int:
        if currency not in self._digits:
            self._digits[currency] = get_currency_precision(currency)
        return self._digits[currency]

    def _amount(self, minor: int | None, decimals: int) -> str:
        if minor is None:
            return ""
        sign = "-" if minor < 0 else ""
        whole, part = divmod(abs(minor), 10**decimals)
        return f"{sign}{whole}{self._mark}{part:0{decimals}d}" if decimals else f"{sign}{whole}"
