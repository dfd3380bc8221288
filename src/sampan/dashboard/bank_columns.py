"""The columns of a bank's CSV or XLSX: guessed, chosen by a person, tried on the file, saved."""

import asyncio
from collections.abc import Mapping as Table
from io import BytesIO
from typing import Final

from starlette.responses import Response

from sampan.codecs.csv_sniff import Proposal
from sampan.codecs.statement import StatementFault
from sampan.codecs.statement_csv import Mapping
from sampan.dashboard import bank_accounts, credit_words
from sampan.dashboard.bank_files import FILES
from sampan.dashboard.credit_card import key_of, missing
from sampan.dashboard.visit import Visit
from sampan.dashboard.ways import Way
from sampan.domain.rights import Right
from sampan.flow import import_files
from sampan.flow import statement_columns as columns
from sampan.flow import statement_files as files
from sampan.flow.import_files import Addressed
from sampan.flow.settle import Step
from sampan.flow.statement_columns import Tried
from sampan.storage import file_drafts, imports
from sampan.storage.file_drafts import Draft
from sampan.web.i18n import mark

ONE: Final = f"{FILES}/columns/{{key:key}}"
COLUMN_DIGITS_MAX: Final = 3
REFERENCES_COUNT: Final = 3

COLUMNS: Final[Table[str, str]] = {
    "date": mark("Date"),
    "time": mark("Time"),
    "amount": mark("Amount"),
    "direction": mark("Credit or debit, in words"),
    "credit": mark("Money in"),
    "debit": mark("Money out"),
    "currency": mark("Currency"),
    "payer_name": mark("Payer"),
    "payer_account": mark("Payer's account"),
    "description": mark("Description"),
    "bank_ref": mark("The bank's own id"),
}
"""Field of a mapping that names a column → its name for people."""
DATE_PATTERNS: Final = (
    *("YYYY-MM-DD", "DD/MM/YYYY", "MM/DD/YYYY", "YYYY/MM/DD", "DD-MM-YYYY", "DD.MM.YYYY"),
    *("DD MMM YYYY", "DD-MMM-YYYY", "DD/MMM/YYYY", "MMM DD, YYYY", "YYYYMMDD", "DD/MM/YY"),
    *("MM/DD/YY", "DD-MMM-YY", "DD MMM YY", "YYYY年MM月DD日", "YYYY.MM.DD"),
)
TIME_PATTERNS: Final = ("HH:mm:ss", "HH:mm", "HH:mm:ss A", "HH:mm A")
NUMBERS: Final[Table[str, tuple[str, str]]] = {
    "1,234.50": (".", ","),
    "1.234,50": (",", "."),
    "1 234.50": (".", " "),
    "1 234,50": (",", " "),
    "1'234.50": (".", "'"),
    "1234.50": (".", ""),
    "1234,50": (",", ""),
}
ENCODINGS: Final = ("utf-8", "utf-16", "utf-16-le", "utf-16-be", "big5hkscs", "gb18030")
DELIMITERS: Final[Table[str, str]] = {"comma": ",", "semicolon": ";", "tab": "\t", "bar": "|"}
NOT_SO: Final = mark("Not every line can be read so; see below.")
CHOOSE: Final = mark("Choose at least the date, and the amount or money in and out.")


async def ask(visit: Visit) -> Response:
    """Show the file's first lines, with what is known or guessed about its columns."""
    draft = await _draft(visit)
    known = await visit.desk.store.read(lambda tx: imports.known(tx, draft.provider, draft.account))
    proposal = await _proposal(draft)
    return await _shown(visit, draft, proposal=proposal, mapping=known.mapping or proposal.mapping)


async def choose(visit: Visit) -> Response:
    """Try what was chosen; save it and read the file by it when the person says so."""
    draft = await _draft(visit)
    proposal = await _proposal(draft)
    try:
        mapping = columns.chosen(_fields(visit, draft, proposal=proposal))
    except StatementFault:
        return await _shown(visit, draft, proposal=proposal, mapping=None, fault=CHOOSE)
    tried = await _try(draft, mapping)
    if not visit.text("save") or not tried.is_right:
        fault = "" if tried.is_right or tried.fault else NOT_SO
        return await _shown(visit, draft, proposal=proposal, mapping=mapping, fault=fault)
    step = Step(visit.now_us, visit.by)
    await visit.desk.store.transact(
        lambda tx: columns.save(
            tx, tried, provider=draft.provider, account=draft.account, step=step
        )
    )
    to = Addressed(draft.provider, draft.account, draft.file_name, visit.by)
    begun = await import_files.take_file(visit.desk.store, BytesIO(draft.data), to=to, held=True)
    await visit.desk.store.transact(lambda tx: file_drafts.drop(tx, draft.id))
    again = "" if begun.is_new else "?again=1"
    return visit.go(f"{FILES}/{begun.kept.id}{again}", said="mapping-saved")


async def _draft(visit: Visit) -> Draft:
    key = key_of(visit)
    found = await visit.desk.store.read(lambda tx: file_drafts.find(tx, key))
    if found is None:
        raise missing()
    return found


async def _proposal(draft: Draft) -> Proposal:
    return await asyncio.to_thread(files.propose, BytesIO(draft.data), account=draft.account)


async def _try(draft: Draft, mapping: Mapping) -> Tried:
    return await asyncio.to_thread(columns.try_on, BytesIO(draft.data), mapping)


async def _shown(
    visit: Visit,
    draft: Draft,
    *,
    proposal: Proposal,
    mapping: Mapping | None,
    fault: str = "",
) -> Response:
    accounts = await visit.desk.store.read(lambda tx: bank_accounts.every(visit, tx))
    tried = None if mapping is None else await _try(draft, mapping)
    is_bad = visit.request.method == "POST" and (tried is None or not tried.is_right)
    context = {
        "draft": draft,
        "account": bank_accounts.names(accounts).get(
            (draft.provider, draft.account), draft.account
        ),
        "proposal": proposal,
        "headings": _headings(proposal),
        "typed": _typed(visit, mapping, proposal=proposal),
        "options": _options(proposal),
        "columns": COLUMNS,
        "references_count": REFERENCES_COUNT,
        "date_patterns": DATE_PATTERNS,
        "time_patterns": TIME_PATTERNS,
        "numbers": list(NUMBERS),
        "encodings": ENCODINGS,
        "delimiters": DELIMITERS,
        "doubts": [credit_words.DOUBTS[doubt] for doubt in proposal.doubts],
        "faults": credit_words.FAULTS,
        "tried": tried,
        "fault": fault,
    }
    return visit.page("bank_columns.html", context, status=400 if is_bad else 200)


def _headings(proposal: Proposal) -> list[str]:
    width = max([len(proposal.header), *map(len, proposal.rows)], default=0)
    named = [*proposal.header, *[""] * (width - len(proposal.header))]
    return [name or f"#{number}" for number, name in enumerate(named, 1)]


def _options(proposal: Proposal) -> list[tuple[str, str]]:
    return [("", "–")] + [
        (str(number), f"{number}. {name}" if not name.startswith("#") else name)
        for number, name in enumerate(_headings(proposal), 1)
    ]


def _typed(visit: Visit, mapping: Mapping | None, *, proposal: Proposal) -> dict[str, str]:
    """Return what the form shows: what was chosen, else what a mapping says."""
    if visit.request.method == "POST":
        return {str(name): visit.text(str(name)) for name in visit.form}
    shown = mapping or Mapping(
        account="unnamed",
        date=1,
        encoding=proposal.encoding,
        header_row=proposal.header_row,
    )
    typed = {name: _number(getattr(shown, name), proposal) for name in COLUMNS}
    if mapping is None:
        typed["date"] = ""
    for at, column in enumerate(shown.references[:REFERENCES_COUNT]):
        typed[f"reference-{at}"] = _number(column, proposal)
    form = (shown.decimal, shown.thousands)
    return typed | {
        "date_pattern": shown.date_pattern,
        "time_pattern": shown.time_pattern,
        "numbers": next((name for name, one in NUMBERS.items() if one == form), "1,234.50"),
        "fixed_currency": shown.fixed_currency,
        "encoding": shown.encoding,
        "delimiter": next(
            (name for name, mark_ in DELIMITERS.items() if mark_ == shown.delimiter), "comma"
        ),
        "header_row": str(shown.header_row),
        "skip_rows": str(shown.skip_rows),
        "skip_last_rows": str(shown.skip_last_rows),
        "debits_are_positive": "1" if shown.debits_are_positive else "",
    }


def _number(column: str | int | None, proposal: Proposal) -> str:
    """Return a column as the form names it: by its number."""
    if isinstance(column, str):
        found = proposal.header.index(column) + 1 if column in proposal.header else 0
        return str(found or "")
    return "" if column is None else str(column)


def _column(text: str, proposal: Proposal) -> str | int | None:
    """Return a column that a form names by its number."""
    plain = text.isascii() and text.isdigit() and len(text) <= COLUMN_DIGITS_MAX
    number = int(text) if plain else 0
    return columns.column_of(number, proposal) if number else None


def _fields(visit: Visit, draft: Draft, *, proposal: Proposal) -> dict[str, object]:
    """Return the fields of the mapping that was chosen."""
    chosen = {name: _column(visit.text(name), proposal) for name in COLUMNS}
    named = [_column(visit.text(f"reference-{at}"), proposal) for at in range(REFERENCES_COUNT)]
    decimal, thousands = NUMBERS.get(visit.text("numbers"), (".", ","))
    return {
        **chosen,
        "account": draft.account,
        # Nobody is asked for it: it counts only where a row has no other day.
        "value_date": None if proposal.mapping is None else proposal.mapping.value_date,
        "references": [one for one in dict.fromkeys(named) if one is not None],
        "date_pattern": visit.text("date_pattern"),
        "time_pattern": visit.text("time_pattern") or TIME_PATTERNS[0],
        "decimal": decimal,
        "thousands": thousands,
        "fixed_currency": visit.text("fixed_currency") or "HKD",
        "encoding": visit.text("encoding") or proposal.encoding,
        "delimiter": DELIMITERS.get(visit.text("delimiter"), proposal.delimiter),
        "debits_are_positive": bool(visit.text("debits_are_positive")),
        **{name: visit.text(name) or "0" for name in ("header_row", "skip_rows", "skip_last_rows")},
    }


WAYS: Final = (
    Way("GET", ONE, ask, Right.DECIDE_MONEY),
    Way("POST", ONE, choose, Right.DECIDE_MONEY),
)
