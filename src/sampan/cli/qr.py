"""`sampan qr`: make and read payment QR codes."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from sampan.cli.common import USAGE, Failed, JsonFlag, advise, emit, put, stderr, stdout

if TYPE_CHECKING:
    from sampan.codecs.emv_qr import Decoded

PICTURE_STARTS: Final = (b"\x89PNG", b"\xff\xd8\xff")
STDIN_BYTES_MAX: Final = 8 * 1024 * 1024 + 1

_OPTION_OF_FIELD: Final = {"amount_minor": "amount", "timeout_us": "expires"}
"""Where an option is not called as the field of the codec."""

Text = str | None

group = typer.Typer(help="Payment QR codes of FPS: encode and decode.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(group, name="qr", rich_help_panel="Integrate")


@group.command("encode")
def encode(  # noqa: PLR0913 - a command's parameters are its options
    *,
    fps_id: Annotated[Text, typer.Option(help="Payee's FPS ID, 7 to 9 digits.")] = None,
    mobile: Annotated[Text, typer.Option(help="Payee's mobile, like +852-91234567.")] = None,
    email: Annotated[Text, typer.Option(help="Payee's e-mail address.")] = None,
    clearing_code: Annotated[Text, typer.Option(help="Bank, 3 digits.")] = None,
    amount: Annotated[Text, typer.Option(help="Amount, like 100.00.")] = None,
    currency: Annotated[str, typer.Option(help="HKD or CNY.")] = "HKD",
    name: Annotated[Text, typer.Option(help="Payee's name in English.")] = None,
    name_zh: Annotated[Text, typer.Option(help="Payee's name in Chinese.")] = None,
    bill_number: Annotated[Text, typer.Option(help="Bill number.")] = None,
    reference_label: Annotated[Text, typer.Option(help="Reference label.")] = None,
    expires: Annotated[Text, typer.Option(help="End, ISO 8601; Hong Kong time by default.")] = None,
    editable: Annotated[bool, typer.Option("--editable", help="Payer may change amount.")] = False,
    png: Annotated[Path | None, typer.Option(help="Also write the picture to this file.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Print the payload of a payment QR code, and draw it in a terminal."""
    payload = _encoded(
        {
            "fps_id": fps_id,
            "mobile": mobile,
            "email": email,
            "clearing_code": clearing_code,
            "currency": currency,
            "amount_minor": _amount(amount, currency),
            "merchant_name": name,
            "merchant_name_zh": name_zh,
            "bill_number": bill_number,
            "reference_label": reference_label,
            "timeout_us": _moment_us(expires),
            "amount_editable": editable,
        }
    )
    from sampan.codecs import qr_image

    if png is not None:
        try:
            png.write_bytes(qr_image.png(payload, module_px=12))
        except OSError as error:
            raise Failed(f"cannot write {png}: {error.strerror}") from error
    if as_json:
        emit({"payload": payload, "png": None if png is None else str(png)})
        return
    put(payload)
    if sys.stdout.isatty():
        from sampan.cli import look

        out = stdout()
        out.print()
        out.print(look.qr(out, payload))
    if png is not None:
        stderr().print(f"[dim]written to[/] {png}")


@group.command("decode")
def decode(
    code: Annotated[str, typer.Argument(metavar="TEXT|IMAGE|-", help="Payload, file or stdin.")],
    *,
    as_json: JsonFlag = False,
) -> None:
    """Read a payment QR code: its text, or a PNG or JPEG picture of it."""
    from sampan.codecs import emv_qr

    payload = _payload(code)
    try:
        decoded = emv_qr.decode(payload)
    except emv_qr.QrSyntaxError as error:
        raise Failed(
            f"not a payment QR code: {error.reason} at character {error.position}"
        ) from error
    if as_json:
        emit(_shown(payload, decoded))
    else:
        _print(decoded)


def _encoded(given: dict[str, Any]) -> str:
    from sampan.codecs import emv_qr

    kept = {name: value for name, value in given.items() if value is not None}
    try:
        return emv_qr.encode(emv_qr.FpsQr(**kept))
    except emv_qr.QrError as error:
        option = _OPTION_OF_FIELD.get(error.field, error.field.removeprefix("merchant_"))
        told = f"--{option.replace('_', '-')}: {error.reason}"
        raise Failed(told, exit_code=USAGE) from error


def _amount(text: Text, currency: str) -> int | None:
    from sampan import money

    if text is None:
        return None
    try:
        return money.from_text(text, currency)
    except KeyError as error:
        raise Failed("--currency: must be HKD or CNY", exit_code=USAGE) from error
    except ValueError as error:
        raise Failed(f"--amount: {error}", exit_code=USAGE) from error


def _moment_us(text: Text) -> int | None:
    from datetime import datetime, timedelta

    from sampan.codecs.emv_reader import EPOCH, HONG_KONG

    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        told = f"--expires: not a moment in ISO 8601: {text!r}"
        raise Failed(told, exit_code=USAGE) from error
    at = at if at.tzinfo else at.replace(tzinfo=HONG_KONG)
    return (at - EPOCH) // timedelta(microseconds=1)


def _payload(code: str) -> str:
    """Return the text of a code given as text, as a file, or on standard input."""
    raw = _raw(code)
    if raw is None:
        return code.strip()
    if not raw.startswith(PICTURE_STARTS):
        try:
            return raw.decode().strip()
        except UnicodeDecodeError as error:
            raise Failed("neither text nor a PNG or JPEG picture") from error
    from sampan.codecs import qr_image

    try:
        found = qr_image.read(raw)
    except qr_image.ImageError as error:
        raise Failed(str(error)) from error
    if not found:
        raise Failed("no QR code was found in the picture")
    if len(found) > 1:
        advise(f"{len(found)} QR codes are in the picture; this is the first one found")
    return found[0]


def _raw(code: str) -> bytes | None:
    if code == "-":
        return sys.stdin.buffer.read(STDIN_BYTES_MAX)
    try:
        path = Path(code)
        return path.read_bytes() if path.is_file() else None
    except (OSError, ValueError):
        return None


def _shown(payload: str, decoded: "Decoded") -> dict[str, Any]:
    import msgspec

    shown: dict[str, Any] = msgspec.to_builtins(decoded)
    return {"payload": payload, **shown}


def _print(decoded: "Decoded") -> None:
    from sampan import money
    from sampan.cli import look

    out = stdout()
    fps = decoded.fps
    if fps is not None:
        facts = look.facts("FPS payment")
        facts.add_row("payee", f"{fps.proxy or '–'} ({fps.proxy_type or 'unknown'})")
        names = " · ".join(filter(None, (fps.merchant_name, fps.merchant_name_zh)))
        facts.add_row("name", names or "–")
        amount = "typed by the payer"
        if fps.amount_minor is not None and fps.currency is not None:
            amount = money.to_display(fps.amount_minor, fps.currency)
        elif fps.amount_text is not None:
            amount = f"{fps.amount_text} {fps.currency or ''}"
        facts.add_row("amount", amount + (" (editable)" if fps.amount_editable else ""))
        facts.add_row("expires", look.moment(fps.timeout_us))
        if fps.one_off is not None:
            facts.add_row("kind", "for one use" if fps.one_off else "reusable")
        for name in ("clearing_code", "bill_number", "store_label", "reference_label"):
            if getattr(fps, name):
                facts.add_row(name.replace("_", " "), getattr(fps, name))
        out.print(facts)
    table = look.table("Fields", "tag", "value")
    for tag, value in decoded.fields.items():
        if isinstance(value, str):
            table.add_row(tag, value)
        else:
            table.add_row(tag, "")
            for inner, text in value.items():
                table.add_row(f"  {inner}", text)
    out.print(table)
    _print_faults(decoded)


def _print_faults(decoded: "Decoded") -> None:
    from sampan.cli import look

    out = stdout()
    line = look.mark(decoded.crc_ok)
    line.append(f" checksum {decoded.crc_found or 'missing'}", "")
    if not decoded.crc_ok:
        line.append(f", should be {decoded.crc_expected}", "red")
    out.print(line)
    for warning in decoded.warnings:
        told = look.mark(None)
        told.append(f" {warning.message} ({warning.code.value}, character {warning.position})", "")
        out.print(told)
