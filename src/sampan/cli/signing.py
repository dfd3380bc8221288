"""`sampan sign` and `sampan verify`: the signature of a message, from standard input."""

import sys
from collections.abc import Callable, Mapping
from typing import Annotated

import typer

from sampan.cli.common import USAGE, Failed, put
from sampan.codecs import signature, strict_json

SecretOption = Annotated[str | None, typer.Option("--secret", help="The project's secret.")]
LinesFlag = Annotated[
    bool,
    typer.Option(
        "--lines", help='Read many: each line is {"raw": "<the message>", "secret": "<secret>"}.'
    ),
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    panel = "Integrate"
    app.command(rich_help_panel=panel)(sign)
    app.command(rich_help_panel=panel)(verify)


def sign(*, secret: SecretOption = None, lines: LinesFlag = False) -> None:
    """Print the signature of the JSON message on standard input."""
    if lines:
        _each_line(lambda body, key: signature.sign(key, body))
        return
    put(_guarded(lambda: signature.sign(_required(secret), _message(sys.stdin.buffer.read()))))


def verify(*, secret: SecretOption = None, lines: LinesFlag = False) -> None:
    """Say whether the JSON message on standard input carries a valid signature.

    Exit code 1 when it does not. With --lines every line is answered, and the exit code is 0.
    """
    if lines:
        _each_line(lambda body, key: _word(_is_valid(body, key)))
        return
    key = _required(secret)
    valid = bool(_guarded(lambda: _is_valid(_message(sys.stdin.buffer.read()), key)))
    put(_word(valid))
    if not valid:
        raise typer.Exit(1)


def _word(valid: object) -> str:
    return "valid" if valid else "invalid"


def _is_valid(body: Mapping[str, object], secret: str) -> bool:
    return signature.verify([secret], body, signature=signature.find_signature(body))


def _each_line(answer: Callable[[Mapping[str, object], str], str]) -> None:
    """Answer every line of standard input in order; the first bad one ends it."""
    for number, line in enumerate(sys.stdin.buffer, 1):
        if not line.strip():
            continue
        asked = _message(line.strip(), line=number)
        raw, secret = asked.get("raw"), asked.get("secret")
        if not isinstance(raw, str) or not isinstance(secret, str):
            raise Failed(f"line {number}: needs the texts raw and secret", exit_code=USAGE)
        body = _message(raw.encode("utf-8", "surrogatepass"), line=number)
        put(_guarded(lambda: answer(body, secret), line=number))  # noqa: B023 - called at once


def _message(raw: bytes, *, line: int | None = None) -> dict[str, object]:
    """Read an object of JSON. Raises `Failed` naming the line."""
    try:
        body = strict_json.loads(raw)
    except strict_json.BadJson as error:
        at = line if line is not None else raw[: error.position or 0].count(b"\n") + 1
        raise Failed(f"line {at}: not JSON: {error}", exit_code=USAGE) from error
    if not isinstance(body, dict):
        raise Failed(f"line {line or 1}: not a JSON object", exit_code=USAGE)
    return body


def _guarded(work: Callable[[], str | bool], *, line: int = 1) -> str:
    try:
        return work()  # type: ignore[return-value]
    except ValueError as error:
        raise Failed(f"line {line}: {error}", exit_code=USAGE) from error


def _required(secret: str | None) -> str:
    if not secret:
        raise Failed("--secret is missing", exit_code=USAGE)
    return secret
