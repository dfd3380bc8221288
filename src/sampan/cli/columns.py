"""`sampan credits mapping`: how an account's files of rows are read."""

from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any

import typer

from sampan.cli.books import credit
from sampan.cli.common import (
    USAGE,
    ByOption,
    Failed,
    JsonFlag,
    advise,
    desk,
    emit,
    run,
    stdout,
    with_options,
)
from sampan.cli.statements import AccountOption, account_of

if TYPE_CHECKING:
    from sampan.codecs.csv_sniff import Proposal
    from sampan.codecs.statement import StatementEntry, StatementFault
    from sampan.codecs.statement_csv import Mapping
    from sampan.flow.statement_columns import Tried
    from sampan.storage.engine import Tx


def register(_: typer.Typer) -> None:
    """Add the command to those of credits."""
    credit.command("mapping")(with_options(Wanted, mapping))


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What `mapping` is told."""

    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="[FILE]",
            help="CSV or XLSX of the account to try it on.",
            exists=True,
            dir_okay=False,
        ),
    ] = None
    account: AccountOption
    guess: Annotated[
        bool, typer.Option("--guess", help="Begin with a guess, also where one is saved.")
    ] = False
    pairs: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="FIELD=VALUE",
            help="Choose a field; columns by name or number. Repeatable, as `references` is.",
        ),
    ] = None
    save: Annotated[bool, typer.Option("--save", help="Save it, if every line can be read.")] = (
        False
    )
    by: ByOption = "command line"
    as_json: JsonFlag = False


@dataclass(frozen=True, kw_only=True)
class Found:
    """What is known: where the mapping comes from, what was seen of the file, and what it gives.

    `source` is `saved`, `guessed` or, with fields that were chosen, `chosen`.
    """

    account: str
    source: str
    mapping: "Mapping | None"
    proposal: "Proposal | None" = None
    tried: "Tried | None" = None
    is_saved: bool = False


def mapping(wanted: Wanted) -> None:
    """Show how an account's CSV and XLSX are read; with a file, guess it and try it on the file.

    Nothing is changed without `--save`. Files that come later, through any door, are read by what
    is saved.
    """
    if wanted.file is None and (wanted.pairs or wanted.guess or wanted.save):
        raise Failed("give a file to try it on", exit_code=USAGE)
    found = run(_found(wanted))
    if wanted.as_json:
        emit(_told(found))
    else:
        _print(found)
    if wanted.save and not found.is_saved:
        missing = "choose columns with --set" if found.mapping is None else ""
        raise Failed(f"not saved: {missing or 'not every line can be read so'}")


async def _found(wanted: Wanted) -> Found:
    from sampan.flow import statement_columns
    from sampan.flow.settle import Step
    from sampan.storage import imports

    async with desk() as at:
        provider, account = await account_of(at, wanted.account)
        known = await at.read(lambda tx: imports.known(tx, provider, account))
        name = f"{provider}/{account}"
        if wanted.file is None:
            source = "" if known.mapping is None else "saved"
            return Found(account=name, source=source, mapping=known.mapping)
        saved = None if wanted.guess else known.mapping
        with wanted.file.open("rb") as stream:
            found = _looked(wanted, stream, account=(name, account), saved=saved)
        tried = found.tried
        if not wanted.save or tried is None or not tried.is_right:
            return found
        step = Step(at.clock.now_us(), f"staff:{wanted.by}")

        def keep(tx: "Tx") -> None:
            statement_columns.save(tx, tried, provider=provider, account=account, step=step)

        await at.store.transact(keep)
    return Found(**{**vars(found), "is_saved": True})


def _looked(
    wanted: Wanted, stream: IO[bytes], *, account: tuple[str, str], saved: "Mapping | None"
) -> Found:
    """Choose a mapping and try it on a file. Raises `Failed`."""
    import msgspec

    from sampan.codecs.statement import StatementFault
    from sampan.flow import statement_columns as columns
    from sampan.flow import statement_files as files

    if files.format_of(stream) not in {"csv", "xlsx"}:
        raise Failed("this file is no CSV or XLSX: it needs no mapping")
    name, key = account
    try:
        proposal = files.propose(stream, account=key)
    except StatementFault as fault:
        raise Failed(f"{fault.code}: {fault}") from fault
    source = "saved" if saved else "guessed"
    begun = saved or proposal.mapping
    if begun is None and not wanted.pairs:
        return Found(account=name, source="", mapping=None, proposal=proposal)
    fields = msgspec.structs.asdict(begun) if begun else _seen(proposal, key)
    if wanted.pairs:
        source = "chosen"
        fields |= _fields(wanted.pairs, proposal)
    try:
        chosen = columns.chosen(fields)
    except StatementFault as fault:
        raise Failed(f"this is no mapping: {fault}", exit_code=USAGE) from fault
    tried = columns.try_on(stream, chosen)
    return Found(account=name, source=source, mapping=chosen, proposal=proposal, tried=tried)


def _seen(proposal: "Proposal", key: str) -> dict[str, object]:
    """Return what a choice begins with where nothing could be guessed."""
    names = ("encoding", "delimiter", "header_row")
    return {"account": key, **{name: getattr(proposal, name) for name in names}}


def _fields(pairs: list[str], proposal: "Proposal") -> dict[str, object]:
    from sampan.codecs.statement_csv import Mapping
    from sampan.flow.statement_columns import COLUMNS

    fields: dict[str, object] = {}
    references: list[object] = []
    for pair in pairs:
        field, equals, value = pair.partition("=")
        if not equals:
            raise Failed(f"--set takes FIELD=VALUE, not {pair!r}", exit_code=USAGE)
        if field not in Mapping.__struct_fields__ or field == "account":
            raise Failed(f"--set: there is no field {field!r}", exit_code=USAGE)
        if field == "references":
            references += [_column(value, proposal)] if value else []
            fields[field] = references
        elif field in COLUMNS:
            fields[field] = _column(value, proposal) if value else None
        else:
            fields[field] = value
    return fields


def _column(text: str, proposal: "Proposal") -> str | int:
    from sampan.flow import statement_columns

    is_number = text.isascii() and text.isdigit() and int(text) > 0
    return statement_columns.column_of(int(text), proposal) if is_number else text


def _told(found: Found) -> dict[str, Any]:
    import msgspec

    proposal, tried = found.proposal, found.tried
    told: dict[str, Any] = {
        "account": found.account,
        "source": found.source or None,
        "mapping": msgspec.to_builtins(found.mapping),
        "saved": found.is_saved or found.source == "saved",
    }
    if proposal is not None:
        told |= {"header": proposal.header, "rows": proposal.rows, "doubts": proposal.doubts}
    if tried is not None:
        told |= {
            "is_right": tried.is_right,
            "entries_count": tried.entries_count,
            "entries": [msgspec.to_builtins(one) for one in tried.entries],
            "faults": [_fault(one) for one in tried.faults],
            "fault": None if tried.fault is None else _fault(tried.fault),
        }
    return told


def _fault(fault: "StatementFault") -> dict[str, str]:
    return {"code": fault.code.value, "place": fault.place, "message": fault.message}


def _print(found: Found) -> None:
    from sampan.cli import look

    out, proposal, tried = stdout(), found.proposal, found.tried
    if found.mapping is None:
        out.print(f"No mapping is known for {found.account}.", markup=False)
    else:
        facts = look.facts(f"Mapping of {found.account}, {found.source}")
        for name in found.mapping.__struct_fields__:
            value = getattr(found.mapping, name)
            if name != "account" and value is not None:
                facts.add_row(name, _word(value))
        out.print(facts)
    if proposal is not None:
        out.print(_rows(proposal))
        # What was chosen, or saved, has had its person.
        for doubt in proposal.doubts if found.source in {"", "guessed"} else ():
            advise(doubt.value)
    if tried is None:
        return
    if tried.entries:
        out.print(_entries(tried.entries))
    for fault in [*tried.faults, *([tried.fault] if tried.fault else [])]:
        out.print(look.safe(f"{fault.code}: {fault}"), style="red", markup=False)
    out.print(f"{tried.entries_count} lines can be read." + (" Saved." if found.is_saved else ""))


def _word(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or "–"
    return repr(value) if isinstance(value, str) and not value.strip() else str(value)


def _rows(proposal: "Proposal") -> Any:  # noqa: ANN401 - a table of Rich
    from sampan.cli import look

    width = max(map(len, (proposal.header, *proposal.rows)), default=0)
    named = [*proposal.header, *[""] * (width - len(proposal.header))]
    heads = [f"{number} {look.safe(name)}" for number, name in enumerate(named, 1)]
    table = look.table("The file", *heads)
    for row in proposal.rows:
        table.add_row(*row)
    return table


def _entries(entries: "tuple[StatementEntry, ...]") -> Any:  # noqa: ANN401 - a table of Rich
    from sampan.cli import look
    from sampan.money import DECIMALS, to_display

    table = look.table("Read as", "day", ">amount", "payer", "texts", "bank")
    for one in entries:
        minor, currency = one.amount_minor, one.currency
        table.add_row(
            str(one.booked_on or "–"),
            to_display(minor, currency) if currency in DECIMALS else f"{minor} {currency}",
            one.payer_name or "–",
            "\n".join(each.text for each in one.references) or "–",
            one.bank_ref or "–",
        )
    return table
