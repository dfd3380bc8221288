"""Text of a binary stream, piece by piece and bounded: what line-based statement readers read."""

import codecs
from collections.abc import Iterator
from typing import Final

from sampan.codecs.statement import FaultCode, Limits, Readable, StatementFault

_CHUNK_BYTES: Final = 65_536


def pieces(stream: Readable, encoding: str, *, limits: Limits) -> Iterator[str]:
    """Yield the text of a stream in pieces; a byte order mark is dropped.

    Raises `StatementFault` for a stream that is too large, bytes that are not of the encoding, and
    NUL, which no statement holds but text of another encoding does.
    """
    decoder = codecs.getincrementaldecoder(encoding)()
    size_bytes, lines_count, first = 0, 1, True
    while True:
        chunk = stream.read(_CHUNK_BYTES)
        size_bytes += len(chunk)
        if size_bytes > limits.bytes_max:
            raise StatementFault(FaultCode.TOO_LARGE, f"larger than {limits.bytes_max} bytes")
        try:
            text = decoder.decode(chunk, final=not chunk)
        except UnicodeDecodeError as error:
            good = chunk[: error.start].decode(encoding, "ignore")
            place = f"near line {lines_count + good.count(chr(10))}"
            raise StatementFault(FaultCode.ENCODING, f"not {encoding}", place=place) from None
        except UnicodeError:
            # So a decoder says that the mark of UTF-16 is not there.
            raise StatementFault(FaultCode.ENCODING, f"not {encoding}", place="line 1") from None
        if "\0" in text:
            raise StatementFault(
                FaultCode.ENCODING, f"not {encoding}", place=f"near line {lines_count}"
            )
        if first and text:
            text, first = text.removeprefix("\ufeff"), False
        lines_count += text.count("\n")
        yield text
        if not chunk:
            return


def lines(stream: Readable, encoding: str, *, limits: Limits) -> Iterator[tuple[int, str]]:
    """Yield the lines of a stream with their numbers from 1, without their ends.

    A line ends with LF, or CR and LF. Raises as `pieces` does, and for a line that is too long.
    """
    number, rest = 0, ""
    for piece in pieces(stream, encoding, limits=limits):
        *whole, rest = (rest + piece).split("\n")
        for line in whole:
            number += 1
            yield number, _bounded(line, number, limits=limits)
        _bounded(rest, number + 1, limits=limits)
    if rest:
        yield number + 1, rest.removesuffix("\r")


def _bounded(line: str, number: int, *, limits: Limits) -> str:
    if len(line) > limits.text_chars_max:
        message = f"a line is longer than {limits.text_chars_max} characters"
        raise StatementFault(FaultCode.TOO_LONG, message, place=f"line {number}")
    return line.removesuffix("\r")
