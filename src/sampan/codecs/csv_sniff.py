"""Look at a bank's CSV statement and propose how to read it. A person confirms what is proposed."""

import codecs
import csv
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from enum import StrEnum
from typing import Any, Final, TypeVar

import msgspec

from sampan.codecs.csv_values import dated, signed_amount
from sampan.codecs.statement import FaultCode, StatementFault
from sampan.codecs.statement_csv import Encoding, Mapping
from sampan.codecs.statement_values import clean

SAMPLE_BYTES_MAX: Final = 262_144
"""Bytes of the beginning that are looked at."""

_SAMPLE_ROWS_MAX: Final = 200
_SHOWN_ROWS_MAX: Final = 10
_COLUMNS_MAX: Final = 500

# Role -> words of its header, the longest that is found deciding.
_WORDS: Final[dict[str, tuple[str, ...]]] = {
    "date": (
        *("date", "transaction date", "posting date", "booking date"),
        *("日期", "交易日期", "入賬日期", "入账日期"),
    ),
    "value_date": ("value date", "起息日", "起息日期"),
    "time": ("time", "transaction time", "時間", "时间", "交易時間", "交易时间"),
    "amount": ("amount", "transaction amount", "金額", "金额", "交易金額", "交易金额"),
    "credit": (
        *("credit", "credit amount", "deposit", "deposits", "paid in", "money in"),
        *("存入", "收入", "存入金額", "存入金额", "貸方", "贷方", "收入金额"),
    ),
    "debit": (
        *("debit", "debit amount", "withdrawal", "withdrawals", "paid out", "money out"),
        *("支出", "提取", "支出金額", "支出金额", "借方"),
    ),
    "direction": ("dr/cr", "cr/dr", "debit/credit", "credit/debit", "收支", "借貸", "借贷"),
    "currency": ("currency", "ccy", "account currency", "貨幣", "货币", "幣種", "币种"),
    "bank_ref": (
        *("bank reference", "bank ref", "transaction id", "transaction reference"),
        *("transaction no", "交易編號", "交易编号", "流水號", "流水号", "交易流水号"),
    ),
    "reference": (
        *("reference", "customer reference", "payment reference", "remarks", "remark", "memo"),
        *("參考", "参考", "參考編號", "参考编号", "備註", "备注", "附言"),
    ),
    "payer_name": (
        *("payer", "payer name", "counterparty", "counterparty name", "sender", "remitter"),
        *("付款人", "付款人名稱", "對方戶名", "对方户名", "對方名稱"),
    ),
    "payer_account": (
        *("payer account", "counterparty account", "sender account"),
        *("付款人賬號", "對方賬號", "对方账号"),
    ),
    "description": (
        *("description", "transaction description", "details", "transaction details"),
        *("particulars", "narrative", "摘要", "說明", "说明", "交易摘要", "交易說明"),
    ),
    "balance": ("balance", "ledger balance", "結餘", "余额", "餘額", "账户余额"),
}
_Form = TypeVar("_Form", str, tuple[str, str])
_CURRENCIES: Final = ("HKD", "CNY", "USD")
_MONEY: Final = frozenset({"amount", "credit", "debit"})
_DATE_PATTERNS: Final = (
    *("YYYY-MM-DD", "DD/MM/YYYY", "MM/DD/YYYY", "YYYY/MM/DD", "DD-MM-YYYY", "DD.MM.YYYY"),
    *("DD MMM YYYY", "DD-MMM-YYYY", "DD/MMM/YYYY", "MMM DD, YYYY", "YYYYMMDD", "DD/MM/YY"),
    *("MM/DD/YY", "DD-MMM-YY", "DD MMM YY", "YYYY年MM月DD日", "YYYY.MM.DD"),
)
_TIME_PATTERNS: Final = ("HH:mm:ss", "HH:mm", "HH:mm:ss A", "HH:mm A")
_AMOUNT_FORMS: Final = ((".", ","), (",", "."), (".", " "), (",", " "), (".", "'"))
_CURRENCY_IN_HEADER: Final = re.compile(r"\b(HKD|CNY|RMB|USD)\b")
_FREQUENT: Final = frozenset(
    "的日期交易金額额摘要餘余結结存入支出轉转賬账數数快付款收人名稱称公司有限銀银行備备註注香港"
)


class Doubt(StrEnum):
    """What a person should look at before the mapping is used."""

    DAY_OR_MONTH = "days and months could be exchanged"
    ENCODING = "the encoding is a guess"
    NO_AMOUNT = "no column with amounts was found"
    NO_BANK_REFERENCE = "no column with the bank's reference was found"
    NO_DATE = "no column with days was found"
    NO_HEADER = "no row with names of columns was found"


class Proposal(msgspec.Struct, frozen=True, kw_only=True):
    """A mapping to confirm, what was seen, and what is doubtful.

    `mapping` is None where no day or no amount was found; `header` then is where a person begins.
    `rows` are the first ones behind the header.
    """

    mapping: Mapping | None
    encoding: Encoding
    delimiter: str
    header_row: int
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    doubts: tuple[Doubt, ...]


def sniff(data: bytes, *, account: str = "unnamed") -> Proposal:
    """Propose a mapping from a file, or its beginning.

    Raises `StatementFault` for what is no text in a known encoding, or has nothing in it.
    """
    sample = data[:SAMPLE_BYTES_MAX]
    encoding, text, sure = _decoded(sample, whole=len(sample) == len(data))
    if not text.strip():
        raise StatementFault(FaultCode.EMPTY, "there is no row in it")
    delimiter, rows = _table(text)
    if not rows:
        raise StatementFault(FaultCode.MALFORMED, "not CSV: there is no row in it")
    header_at, roles = _header(rows)
    body = [row for row in rows[header_at + 1 :] if any(map(str.strip, row))]
    width = Counter(map(len, body)).most_common(1)[0][0] if body else 0
    body = [row for row in body if len(row) == width]
    doubts = [] if sure else [Doubt.ENCODING]
    if header_at < 0:
        doubts.append(Doubt.NO_HEADER)
        roles = _roles_by_content(body)
    header = tuple(map(clean, rows[header_at])) if header_at >= 0 else ()
    draft = _Draft(header, roles, body=body)
    doubts += draft.doubts
    found = draft.fields | {
        "account": account,
        "encoding": encoding,
        "delimiter": delimiter,
        "header_row": header_at + 1,
    }
    complete = not {Doubt.NO_DATE, Doubt.NO_AMOUNT} & set(doubts)
    return Proposal(
        mapping=Mapping(**found) if complete else None,
        encoding=encoding,
        delimiter=delimiter,
        header_row=header_at + 1,
        header=header,
        rows=tuple(tuple(row) for row in body[:_SHOWN_ROWS_MAX]),
        doubts=tuple(doubts),
    )


def _decoded(sample: bytes, *, whole: bool) -> tuple[Encoding, str, bool]:
    """Return the encoding of a text, the text, and whether it is certain."""
    for name in _certain(sample):
        text = _try(sample, name, whole=whole)
        if text is not None:
            return name, text.removeprefix("\ufeff"), True
    guesses: list[tuple[int, Encoding, str]] = []
    candidates: tuple[Encoding, ...] = ("gb18030", "big5hkscs")
    for name in candidates:
        guess = _try(sample, name, whole=whole)
        if guess is not None and "\0" not in guess:
            # Both codes read nearly all bytes; only the right one gives words that banks use.
            guesses.append((sum(map(_FREQUENT.__contains__, guess)), name, guess))
    if not guesses:
        message = "text in none of UTF-8, UTF-16, Big5 and GB 18030"
        raise StatementFault(FaultCode.ENCODING, message)
    _, encoding, text = max(guesses)
    return encoding, text, False


def _certain(sample: bytes) -> tuple[Encoding, ...]:
    """Return the encodings that are certain where the bytes can be read in them."""
    if sample.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return ("utf-16",)
    even, odd = sample[::2].count(0), sample[1::2].count(0)
    if even or odd:
        return ("utf-16-le",) if odd > even else ("utf-16-be",)
    return ("utf-8",)


def _try(sample: bytes, encoding: str, *, whole: bool) -> str | None:
    try:
        text = codecs.getincrementaldecoder(encoding)().decode(sample, final=whole)
    except UnicodeDecodeError:
        return None
    # A row that the sample cuts would tell wrong things.
    return text if whole else text[: text.rfind("\n") + 1] or text


def _table(text: str) -> tuple[str, list[list[str]]]:
    """Return the delimiter that gives most rows of one width, and the rows."""
    lines = [f"{line}\n" for line in text.replace("\r\n", "\n").split("\n")]
    best: tuple[int, int, str, list[list[str]]] = (-1, 0, ",", [])
    for delimiter in (",", ";", "\t", "|"):
        rows: list[list[str]] = []
        with suppress(csv.Error):
            for row in csv.reader(lines, delimiter=delimiter):
                rows.append(row[:_COLUMNS_MAX])
                if len(rows) == _SAMPLE_ROWS_MAX:
                    break
        widths = Counter(len(row) for row in rows if len(row) > 1)
        width, count = widths.most_common(1)[0] if widths else (0, 0)
        best = max(best, (count, width, delimiter, rows), key=lambda found: found[:2])
    return best[2], best[3]


def _header(rows: Sequence[Sequence[str]]) -> tuple[int, dict[str, list[int]]]:
    """Return the index of the header row, -1 without one, and role → columns."""
    for at, row in enumerate(rows):
        roles: dict[str, list[int]] = {}
        for column, name in enumerate(row):
            role = _role(name)
            if role:
                roles.setdefault(role, []).append(column)
        if "date" in roles and _MONEY & set(roles):
            return at, roles
    return -1, {}


def _role(name: str) -> str:
    """Return the role that a column's name tells: that of the longest word in it."""
    bare = clean(unicodedata.normalize("NFKC", name).casefold().replace(".", " "))
    found = [
        (len(word), role)
        for role, words in _WORDS.items()
        for word in words
        if (word in bare if not word.isascii() else re.search(rf"\b{word}\b", bare))
    ]
    return max(found)[1] if found else ""


def _roles_by_content(body: Sequence[Sequence[str]]) -> dict[str, list[int]]:
    """Return roles of columns without names: the first of days, the first of amounts."""
    roles: dict[str, list[int]] = {}
    for column, cells in enumerate(zip(*body, strict=True)):
        if _date_patterns(cells) and "date" not in roles:
            roles["date"] = [column]
        elif _amount_form(cells) and any("." in c or "," in c for c in cells):
            roles.setdefault("amount", [column])
        else:
            roles.setdefault("reference", []).append(column)
    return roles


class _Draft:
    """The fields of a mapping, gathered from roles and the cells below them."""

    def __init__(
        self,
        header: Sequence[str],
        roles: dict[str, list[int]],
        *,
        body: Sequence[Sequence[str]],
    ) -> None:
        self.doubts: list[Doubt] = []
        self.fields: dict[str, Any] = {}
        self._header = header
        self._roles = roles
        self._body = body
        self._days()
        self._money()
        for role in ("value_date", "payer_name", "payer_account", "description", "bank_ref"):
            self._take(role)
        self.fields["references"] = tuple(place + 1 for place in roles.get("reference", ())[:20])
        if "bank_ref" not in roles:
            self.doubts.append(Doubt.NO_BANK_REFERENCE)

    def _take(self, role: str) -> None:
        if role in self._roles:
            place = self._roles[role][0]
            name = self._header[place] if self._header else ""
            self.fields[role] = name if name and self._header.count(name) == 1 else place + 1

    def _cells(self, role: str) -> list[str]:
        places = self._roles.get(role, ())
        return [row[places[0]] for row in self._body] if places else []

    def _days(self) -> None:
        patterns = _date_patterns(self._cells("date"))
        if not patterns:
            self.doubts.append(Doubt.NO_DATE)
            return
        self._take("date")
        self.fields["date_pattern"] = patterns[0]
        if any({f"DD/MM/{year}", f"MM/DD/{year}"} <= set(patterns) for year in ("YYYY", "YY")):
            self.doubts.append(Doubt.DAY_OR_MONTH)
        times = _time_patterns(self._cells("time"))
        if times:
            self._take("time")
            self.fields["time_pattern"] = times[0]

    def _money(self) -> None:
        pair: list[str] = [role for role in ("credit", "debit") if role in self._roles]
        chosen = ["amount"] if "amount" in self._roles and len(pair) == 1 else pair or ["amount"]
        if chosen == ["amount"]:
            self._take("direction")
        form = _amount_form([cell for role in chosen for cell in self._cells(role)])
        if form is None:
            self.doubts.append(Doubt.NO_AMOUNT)
            return
        for role in (*chosen, "currency"):
            self._take(role)
        self.fields |= {"decimal": form[0], "thousands": form[1]}
        named = _CURRENCY_IN_HEADER.search(" ".join(self._header).upper())
        if named:
            self.fields["fixed_currency"] = "CNY" if named[1] == "RMB" else named[1]


def _date_patterns(cells: Iterable[str]) -> list[str]:
    """Return the patterns by which all cells are days; none where there is no cell."""
    return _fitting(_DATE_PATTERNS, cells, reads=dated)


def _time_patterns(cells: Iterable[str]) -> list[str]:
    """Return the patterns by which all cells are times of a day."""

    def reads(cell: str, pattern: str) -> object:
        return dated(f"2026-01-01 {cell}", f"YYYY-MM-DD {pattern}")

    return _fitting(_TIME_PATTERNS, cells, reads=reads)


def _amount_form(cells: Iterable[str]) -> tuple[str, str] | None:
    """Return decimal mark and thousands separator by which all cells are amounts."""

    def reads(cell: str, form: tuple[str, str]) -> object:
        for currency in _CURRENCIES:
            with suppress(StatementFault):
                return signed_amount(cell, currency, decimal=form[0], thousands=form[1])
        raise StatementFault(FaultCode.AMOUNT, "not an amount")

    return next(iter(_fitting(_AMOUNT_FORMS, cells, reads=reads)), None)


def _fitting(
    forms: Iterable[_Form], cells: Iterable[str], *, reads: Callable[[str, _Form], object]
) -> list[_Form]:
    """Return the forms in which every cell that is not empty can be read."""
    told = [cell for cell in map(clean, cells) if cell not in {"", "-"}]
    fitting = []
    for form in forms if told else ():
        with suppress(StatementFault):
            for cell in told:
                reads(cell, form)
            fitting.append(form)
    return fitting
