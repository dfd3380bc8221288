"""Read the body of a request up to a limit."""

from starlette.requests import ClientDisconnect, Request


async def read_body(request: Request, *, bytes_max: int) -> bytes | None:
    """Return the whole body, None when it has more than `bytes_max` bytes.

    Reads no further than the limit, and no further than the length that the request names: asking
    for the end behind the last byte costs as much as reading the body. Raises `ClientDisconnect`.
    """
    length = request.headers.get("content-length")
    body: bytes = b""
    while True:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        body += message.get("body", b"")
        if len(body) > bytes_max:
            return None
        if str(len(body)) == length or not message.get("more_body", False):
            return body
