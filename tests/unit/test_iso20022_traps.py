"""Files that mean harm, or are not whole: refused clearly, quickly and in little memory."""

from __future__ import annotations

import sys
import time
import tracemalloc
from collections.abc import Iterator
from contextlib import suppress
from io import BytesIO
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sampan.codecs.iso20022 import read
from sampan.codecs.statement import Item, Limits, StatementFault
from tests.support.camt import File, Ntry, Stmt, Tx

PLAIN: Final = File("camt.053", 8, (Stmt(entries=(Ntry(), Ntry("9.00", bank_ref="B9"))),)).xml()
MANY: Final = 20_000
MANY_SECONDS_MAX: Final = 5.0
MEMORY_BYTES_MAX: Final = 8 * 1024 * 1024


def fault(raw: bytes, limits: Limits | None = None) -> StatementFault:
    """Why a file is refused."""
    with pytest.raises(StatementFault) as caught:
        list(read(BytesIO(raw), limits=limits))
    return caught.value


def with_doctype(declarations: str, use: str = "") -> bytes:
    """The plain file behind a document type."""
    head, _, body = PLAIN.decode().partition("?>\n")
    text = body.replace("CHAN TAI MAN", use or "CHAN")
    return f"{head}?>\n<!DOCTYPE Document {declarations}>{text}".encode()


LAUGHS: Final = "".join(f'<!ENTITY l{n + 1} "{f"&l{n};" * 10}">' for n in range(9))


@pytest.mark.parametrize(
    "raw",
    [
        with_doctype(""),
        with_doctype('SYSTEM "http://127.0.0.1:9/x.dtd"'),
        with_doctype('[<!ENTITY x "y">]', "&x;"),
        with_doctype('[<!ENTITY x SYSTEM "file:///etc/passwd">]', "&x;"),
        with_doctype('[<!ENTITY % x SYSTEM "http://127.0.0.1:9/"> %x;]'),
        with_doctype(f'[<!ENTITY l0 "ha">{LAUGHS}]', "&l9;"),
        with_doctype('[<!ATTLIST Amt Ccy CDATA "HKD">]'),
        with_doctype("[").replace(b"[>", b"["),
    ],
)
def test_document_types_are_refused(raw: bytes) -> None:
    """No document type, hence no entity, bomb, default or address of another's choice."""
    assert fault(raw).code == "dtd"
    assert fault(raw).place.startswith("line 2, column")


def test_undeclared_entity() -> None:
    """An entity out of nowhere is not well-formed."""
    assert fault(PLAIN.replace(b"CHAN", b"&chan;")).code == "malformed"


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"", "empty"),
        (b"  \n ", "empty"),
        (b"<?xml version='1.0'?>", "empty"),
        (b"\xef\xbb\xbf", "empty"),
        (b"<!DOCTYPE html><html><body>Log in</body></html>", "not_statement"),
        (b"<!DOCTYPE HTML PUBLIC '-//W3C//DTD HTML 4.01//EN' 'x'><HTML>", "not_statement"),
        (b"<!doctype html><html>", "malformed"),
        (b"<html><body>Log in</body></html>", "not_statement"),
        (b"<Document/>", "not_statement"),
        (b"<Document xmlns='urn:x'/>", "not_statement"),
        (b"<a><b/></a>", "not_statement"),
        (b"date,amount\n2026-11-22,388.00\n", "malformed"),
        (b":20:STMT\n:25:1\n", "malformed"),
        (b"%PDF-1.7\n1 0 obj\n", "malformed"),
        (b"PK\x03\x04\x14\x00", "malformed"),
        (b"\x00" * 100, "malformed"),
        (PLAIN + b"<Document/>", "malformed"),
        (PLAIN + b"\n\n ", ""),
        (b"\xef\xbb\xbf" + PLAIN, ""),
        (PLAIN.replace(b"CHAN TAI MAN", "陳大文".encode()), ""),
        (PLAIN.replace(b"CHAN TAI MAN", "陳大文".encode("big5")), "malformed"),
        (PLAIN.replace(b"CHAN TAI MAN", b"Andr\xe9"), "malformed"),
        (PLAIN.replace(b"UTF-8", b"ISO-8859-1").replace(b"CHAN", b"Andr\xe9"), ""),
        (PLAIN.replace(b"UTF-8", b"windows-1252").replace(b"CHAN", b"Andr\xe9"), ""),
        (PLAIN.replace(b"UTF-8", b"UTF-16"), "encoding"),
        (PLAIN.replace(b"UTF-8", b"Big5"), "encoding"),
        (PLAIN.replace(b"UTF-8", b"GB18030"), "encoding"),
        (PLAIN.replace(b"UTF-8", b"nonsense"), "encoding"),
        (File().xml("UTF-16"), ""),
        (File().xml("UTF-16")[:-1], "truncated"),
        (PLAIN.replace(b"<GrpHdr>", b"<GrpHdr><![CDATA[<Ntry>]]>"), ""),
        (PLAIN.replace(b"<GrpHdr>", b"<!-- <Ntry> --><GrpHdr><?pi <Ntry>?>"), ""),
    ],
)
def test_what_comes_instead_of_a_statement(raw: bytes, code: str) -> None:
    """Every other thing that people upload has its answer; what is right in another way is read."""
    if code:
        assert fault(raw).code == code
    else:
        assert len(list(read(BytesIO(raw)))) >= 2


def test_text_of_utf_16_is_text() -> None:
    """Names come through whatever Unicode encoding the file has."""
    name = "陳大文 🂡"
    raw = File(statements=(Stmt(entries=(Ntry(txs=(Tx(payer=name),)),)),)).xml("UTF-16")
    assert next(read(BytesIO(raw))).payer_name == name  # type: ignore[union-attr]


@pytest.mark.parametrize("cut", range(0, len(PLAIN.rstrip()), 10))
def test_broken_off_anywhere(cut: int) -> None:
    """A file cut at any place is refused, whatever was read before."""
    assert fault(PLAIN[:cut]).code in {"truncated", "empty"}


def test_large_file_broken_off_at_every_thousandth_byte() -> None:
    """The entries before the cut come, and then the fault: never a silent end."""
    whole = File(statements=(Stmt(entries=tuple(Ntry(bank_ref=f"B{n}") for n in range(60))),)).xml()
    for cut in range(1_000, len(whole.rstrip()), 1_000):
        seen: list[Item] = []
        with pytest.raises(StatementFault, match="breaks off"):
            seen.extend(read(BytesIO(whole[:cut])))
        assert len(seen) <= 60


class Endless:
    """A stream that begins a file and goes on for ever with the same bytes."""

    def __init__(self, start: bytes, more: bytes) -> None:
        self._start, self._more = start, more
        self.read_bytes = 0

    def read(self, size: int, /) -> bytes:
        """Return the next bytes."""
        data, self._start = self._start, b""
        data = data or self._more * (size // len(self._more))
        self.read_bytes += len(data)
        return data


OPENED: Final = PLAIN[: PLAIN.index(b"<Ntry>")]


@pytest.mark.parametrize(
    ("start", "more", "code"),
    [
        (b"", b"<a>", "too_deep"),
        (OPENED, b"<a>", "too_deep"),
        (b"", b" ", "too_large"),
        (OPENED, b"<!-- x -->", "too_large"),
        (OPENED + b"<!-- ", b"x", "too_long"),
        (OPENED + b"<Ntry x='", b"x", "too_long"),
        (OPENED + b"<", b"x", "too_long"),
        (OPENED + b"<?pi ", b"x", "too_long"),
        (OPENED + b"<AddtlStmtInf>", b"x", "too_large"),
        (OPENED + b"<Ntry><AddtlNtryInf>", b"x", "too_long"),
        (OPENED + b"<Ntry>", b"<TxDtls/>", "too_many"),
        (OPENED + b"<Ntry><TxDtls><RmtInf>", b"<Ustrd>x</Ustrd>", "too_many"),
        (OPENED, b"<Bal/>", "too_many"),
        (OPENED, Ntry().xml(8).encode(), "too_many"),
        (OPENED + b"<Ntry>", b"<AddtlNtryInf/>", "too_large"),
    ],
)
def test_endless_files_are_bounded(start: bytes, more: bytes, code: str) -> None:
    """Whatever goes on for ever is refused soon, and in little memory."""
    limits = Limits(bytes_max=2_000_000, entries_max=500, parts_max=500)
    stream = Endless(start, more)
    tracemalloc.start()
    try:
        with pytest.raises(StatementFault) as caught:
            for _ in read(stream, limits=limits):
                pass
        assert tracemalloc.get_traced_memory()[1] < MEMORY_BYTES_MAX
    finally:
        tracemalloc.stop()
    assert caught.value.code == code
    assert stream.read_bytes < 3_000_000


class Generated:
    """A stream over pieces that are made as they are read."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces

    def read(self, _: int, /) -> bytes:
        """Return the next piece, whatever its length."""
        return next(self._pieces, b"")


def made(count: int) -> Iterator[bytes]:
    """A file of many entries, piece by piece, each with all that banks tell."""
    head, tail = File(statements=(Stmt(entries=()),)).xml(body="|").split(b"|")
    tx = Tx(texts=("P7K2M9QX4D",), payee="SHOP", purpose="CXMRCH", clearing="FPS1", more="FPS")
    entry = Ntry(bank_ref="REF-#", txs=(tx,), more="INCOMING").xml(8)
    yield head
    for number in range(count):
        yield entry.replace("#", str(number)).encode()
    yield tail


@pytest.fixture
def untraced() -> Iterator[None]:
    """Let nobody follow each line, as measuring coverage does, where time is counted."""
    traced = sys.gettrace()
    sys.settrace(None)
    yield
    sys.settrace(traced)


@pytest.mark.usefixtures("untraced")
def test_many_entries_in_little_time() -> None:
    """A busy day is read in seconds (CPU seconds, so that a busy machine does not fail it)."""
    raw = b"".join(made(MANY))
    began = time.process_time()
    assert sum(1 for _ in read(BytesIO(raw))) == MANY + 1
    assert time.process_time() - began < MANY_SECONDS_MAX


def peak_bytes(count: int) -> int:
    """The most memory that reading so many entries holds at any time."""
    tracemalloc.start()
    try:
        for _ in read(Generated(made(count))):
            pass
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_many_entries_in_little_memory() -> None:
    """What is held does not grow with the file, but for a few bytes an entry."""
    few, more = 500, 2_000
    small, large = peak_bytes(few), peak_bytes(more)
    assert small < MEMORY_BYTES_MAX
    assert large - small < 200 * (more - few)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_damaged_files_are_read_or_refused(data: st.DataObject) -> None:
    """Any bytes in any place: entries, or a fault with its word, and never another exception."""
    at = data.draw(st.integers(0, len(PLAIN)))
    end = data.draw(st.integers(at, min(at + 30, len(PLAIN))))
    raw = PLAIN[:at] + data.draw(st.binary(max_size=8)) + PLAIN[end:]
    with suppress(StatementFault):
        list(read(BytesIO(raw)))


@given(st.integers(1, 200))
@settings(max_examples=20, deadline=None)
def test_pieces_do_not_matter(size: int) -> None:
    """However a stream hands its bytes out, the same is read."""
    pieces = (PLAIN[at : at + size] for at in range(0, len(PLAIN), size))
    assert list(read(Generated(pieces))) == list(read(BytesIO(PLAIN)))
