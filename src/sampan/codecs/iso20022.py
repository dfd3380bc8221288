"""Bank statements and notices of ISO 20022: camt.052, camt.053 and camt.054, versions 01 to 14.

Reads a stream with the memory of one entry, and about a hundred bytes for each entry of the
statement, to number equal ones. Expat is the parser; a document type is refused where it begins,
so there are no entities and no addresses to follow, and everything has a limit.
"""

from typing import Final
from xml.parsers import expat

import msgspec

from sampan.codecs.iso20022_entries import Facts, balances, entries
from sampan.codecs.iso20022_paths import NAMESPACE, STATEMENTS, VERSIONS, Node, Scope, document
from sampan.codecs.statement import (
    EntryStatus,
    FaultCode,
    Item,
    Items,
    Limits,
    Occurrences,
    Readable,
    Statement,
    StatementFault,
)
from sampan.codecs.statement_values import moment, shown

_CHUNK_BYTES: Final = 65_536
_NOWHERE: Final = Node()
"""Outside of any statement message: an envelope, or something else altogether."""
_PASSED_OVER: Final = Node()
"""An element that tells nothing we keep, and all below it."""

_ENCODING_ERRORS: Final = frozenset(
    expat.errors.codes[message]
    for message in (
        expat.errors.XML_ERROR_UNKNOWN_ENCODING,
        expat.errors.XML_ERROR_INCORRECT_ENCODING,
    )
)
_ENDS_EARLY: Final = frozenset(
    expat.errors.codes[message]
    for message in (
        expat.errors.XML_ERROR_NO_ELEMENTS,
        expat.errors.XML_ERROR_UNCLOSED_TOKEN,
        expat.errors.XML_ERROR_UNCLOSED_CDATA_SECTION,
        expat.errors.XML_ERROR_PARTIAL_CHAR,
    )
)
_NOTHING: Final = expat.errors.codes[expat.errors.XML_ERROR_NO_ELEMENTS]
_NEVER_ELSEWHERE: Final = ("Ntry", "TxDtls", *STATEMENTS)
"""Elements that carry money: one in an unexpected place is a fault, not something to pass over."""


def read(stream: Readable, *, limits: Limits | None = None) -> Items:
    """Yield the entries of a file as they stand in it, and each statement behind its entries.

    The messages may stand in an envelope, and in any encoding that Expat knows: UTF-8, UTF-16 and
    single-byte ones. Raises `StatementFault` at the first thing that is not as it must be, and at
    the end when the file breaks off or holds no statement. Reading again yields the same.
    """
    reader = _Reader(limits or Limits())
    size_bytes = 0
    while chunk := stream.read(_CHUNK_BYTES):
        size_bytes += len(chunk)
        reader.feed(chunk, size_bytes=size_bytes)
        yield from reader.take()
    reader.finish()
    yield from reader.take()


class _Reader:
    """Expat's handlers, and what has been read but not yet taken."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._items: list[Item] = []
        self._entries_count = 0
        self._statements_count = 0
        self._occurrences = Occurrences()
        self._format = ""
        self._never: frozenset[str] = frozenset()
        # Where the parser is: this node, those around it, and the facts that are being gathered.
        self._here = _NOWHERE
        self._around: list[Node] = []
        self._facts: list[Facts] = []
        self._texts: list[str] | None = None
        self._text_chars = 0
        self._header = Facts(0)
        self._parts: list[Facts] = []
        self._balances: list[Facts] = []
        self._statement: Statement | None = None
        self._began = False
        self._parser = expat.ParserCreate(namespace_separator=" ")
        self._parser.buffer_text = True
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._text
        self._parser.StartDoctypeDeclHandler = self._doctype

    def feed(self, chunk: bytes, *, size_bytes: int) -> None:
        """Read on; `size_bytes` counts what has come so far, this chunk among it."""
        if size_bytes > self._limits.bytes_max:
            message = f"larger than {self._limits.bytes_max} bytes"
            raise StatementFault(FaultCode.TOO_LARGE, message)
        self._parse(chunk, last=False)
        # Expat keeps what it cannot finish yet; one endless tag would be kept whole.
        if size_bytes - self._parser.CurrentByteIndex > (
            self._limits.token_bytes_max + 2 * _CHUNK_BYTES
        ):
            raise StatementFault(
                FaultCode.TOO_LONG, "a tag or comment never ends", place=self._place()
            )

    def finish(self) -> None:
        """Say that nothing more comes; raises where something is missing."""
        self._parse(b"", last=True)
        if not self._statements_count:
            message = "there is no camt.052, camt.053 or camt.054 statement in it"
            raise StatementFault(FaultCode.NOT_STATEMENT, message)

    def take(self) -> list[Item]:
        """Return what has been read since the last time."""
        items, self._items = self._items, []
        return items

    def _parse(self, chunk: bytes, *, last: bool) -> None:
        try:
            self._parser.Parse(chunk, last)
        except expat.ExpatError as error:
            raise self._broken(error, last=last) from None
        except (ValueError, LookupError):
            # What expat's bindings raise about an encoding declared with several bytes, or unknown.
            message = "declared in an encoding that is not read; use UTF-8"
            raise StatementFault(FaultCode.ENCODING, message, place=self._place()) from None

    def _broken(self, error: expat.ExpatError, *, last: bool) -> StatementFault:
        place = f"line {error.lineno}, column {error.offset + 1}"
        if error.code == _NOTHING and not self._began:
            return StatementFault(FaultCode.EMPTY, "there is nothing in it")
        if last and error.code in _ENDS_EARLY:
            return StatementFault(FaultCode.TRUNCATED, "the file breaks off", place=place)
        if error.code in _ENCODING_ERRORS:
            message = "not in the encoding that it declares"
            return StatementFault(FaultCode.ENCODING, message, place=place)
        message = (
            f"not well-formed XML, or bytes of another encoding ({expat.ErrorString(error.code)})"
        )
        return StatementFault(FaultCode.MALFORMED, message, place=place)

    def _place(self) -> str:
        parser = self._parser
        return f"line {parser.CurrentLineNumber}, column {parser.CurrentColumnNumber + 1}"

    def _doctype(self, name: str, *_: object) -> None:
        if name.lower() == "html":
            raise StatementFault(FaultCode.NOT_STATEMENT, "this is a web page", place=self._place())
        message = "a document type (DTD) is not allowed in a statement"
        raise StatementFault(FaultCode.DTD, message, place=self._place())

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._began = True
        node = self._here.children.get(name)
        if node is None:
            node = self._unknown(name)
        self._around.append(self._here)
        if len(self._around) > self._limits.depth_max:
            message = f"nested deeper than {self._limits.depth_max} levels"
            raise StatementFault(FaultCode.TOO_DEEP, message, place=self._place())
        self._here = node
        self._texts = None
        if node.opens is not None:
            self._facts.append(Facts(self._parser.CurrentLineNumber))
        elif node.fact:
            self._texts, self._text_chars = [], 0
            if node.marks:
                self._facts[-1].one[node.fact] = ""
            if node.currency:
                self._facts[-1].one[f"{node.fact}.currency"] = attributes.get("Ccy", "")

    def _unknown(self, name: str) -> Node:
        if self._here is not _NOWHERE:
            if name in self._never:
                message = f"{shown(name.rpartition(' ')[2])} where none belongs"
                raise StatementFault(FaultCode.MISPLACED, message, place=self._place())
            return _PASSED_OVER
        namespace, _, local = name.rpartition(" ")
        found = NAMESPACE.fullmatch(namespace)
        if local == "Document" and found:
            if int(found[2]) not in VERSIONS:
                message = f"version {found[2]} of {found[1]} is not known"
                raise StatementFault(FaultCode.VERSION, message, place=self._place())
            self._format = f"{found[1]}.001.{found[2]}"
            self._header = Facts(0)
            # Without the namespace too: a slip of xmlns="" would hide money.
            self._never = frozenset(
                prefix + element for prefix in ("", f"{namespace} ") for element in _NEVER_ELSEWHERE
            )
            return document(namespace, found[1])
        if local.lower() == "html":
            raise StatementFault(FaultCode.NOT_STATEMENT, "this is a web page", place=self._place())
        return _NOWHERE

    def _text(self, text: str) -> None:
        if self._texts is not None:
            self._text_chars += len(text)
            if self._text_chars > self._limits.text_chars_max:
                message = f"a text is longer than {self._limits.text_chars_max} characters"
                raise StatementFault(FaultCode.TOO_LONG, message, place=self._place())
            self._texts.append(text)

    def _end(self, _: str) -> None:
        node, self._here = self._here, self._around.pop()
        texts, self._texts = self._texts, None
        if node.opens is not None:
            facts = self._facts.pop()
            try:
                self._close(node.opens, facts)
            except StatementFault as fault:
                raise fault.at(f"line {facts.line}") from None
        elif node.fact and not node.marks:
            self._keep(node, "".join(texts or ()).strip())

    def _keep(self, node: Node, text: str) -> None:
        facts = self._facts[-1]
        if node.many:
            known = facts.many.setdefault(node.fact, [])
            self._bound(len(known), self._limits.parts_max, what="repeated texts in one entry")
            known.append(text)
        elif text:
            if node.fact in facts.one:
                message = f"{node.fact.replace('_', ' ')} stands twice"
                raise StatementFault(FaultCode.REPEATED, message, place=self._place())
            facts.one[node.fact] = text

    def _bound(self, count: int, most: int, *, what: str) -> None:
        if count >= most:
            raise StatementFault(
                FaultCode.TOO_MANY, f"more than {most} {what}", place=self._place()
            )

    def _close(self, scope: Scope, facts: Facts) -> None:
        if scope is Scope.PART:
            self._bound(len(self._parts), self._limits.parts_max, what="transactions in one entry")
            self._parts.append(facts)
        elif scope is Scope.BALANCE:
            self._bound(len(self._balances), self._limits.parts_max, what="balances")
            self._balances.append(facts)
        elif scope is Scope.ENTRY:
            self._close_entry(facts)
        elif scope is Scope.STATEMENT:
            self._close_statement(facts)
        else:
            self._header = facts

    def _close_entry(self, facts: Facts) -> None:
        statement = self._begun(self._facts[-1])
        parts, self._parts = self._parts, []
        for told in entries(facts, parts):
            self._bound(self._entries_count, self._limits.entries_max, what="entries")
            self._entries_count += 1
            entry = self._occurrences.numbered(
                msgspec.structs.replace(
                    told,
                    account=statement.account,
                    statement_id=statement.id,
                    place=f"line {facts.line}",
                )
            )
            self._items.append(entry)
            booked = statement.booked_minor
            if entry.status is EntryStatus.BOOKED:
                booked[entry.currency] = booked.get(entry.currency, 0) + entry.amount_minor
            statement = msgspec.structs.replace(
                statement, entries_count=statement.entries_count + 1
            )
        self._statement = statement

    def _close_statement(self, facts: Facts) -> None:
        statement = self._begun(facts)
        created = facts.get("created_at")
        paged = facts if facts.get("page") else self._header
        last_page = paged.truth("last_page") if paged.get("last_page") else True
        self._items.append(
            msgspec.structs.replace(
                statement,
                balances=balances(self._balances),
                created_us=moment(created)[1] if created else None,
                page=paged.number("page") or 0,
                last_page=last_page,
                declared_count=facts.number("declared_count"),
            )
        )
        self._statements_count += 1
        self._balances = []
        self._statement = None

    def _begun(self, facts: Facts) -> Statement:
        """Return the statement that is being read; it begins with its first entry, or its end."""
        if self._statement is None:
            account = facts.get("account") or facts.need("account_proxy", "the account")
            statement_id = facts.need("id", "the statement's Id")
            self._occurrences.begin(account, statement_id)
            self._statement = Statement(
                format=self._format,
                id=statement_id,
                account=account,
                balances=(),
                entries_count=0,
                booked_minor={},
            )
        return self._statement
