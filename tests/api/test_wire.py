"""Bytes that Gate reads, bytes that it refuses, and that every answer is JSON."""

from __future__ import annotations

import itertools
import json
import re
import socket
from collections.abc import Callable
from typing import Any, Final

import pytest

from tests.support.client import Body, signed
from tests.support.platform import SALE, STATUS, ProjectClient, RunningPlatform

MALFORMED: Final = "Malformed request"


def refusal(code: str, message: str) -> Body:
    """Return the whole body of a refusal."""
    return {"status": "error", "code": code, "message": message}


# --- bytes -------------------------------------------------------------------------------------

NOT_JSON: Final = {
    "empty": b"",
    "blanks": b"  \n",
    "cut short": b'{"general":{"project_id":1',
    "text behind": b"{}{}",
    "byte order mark": b"\xef\xbb\xbf{}",
    "not UTF-8": b'{"general":{"payment_id":"\xff\xfe"}}',
    "UTF-16": '{"general":{}}'.encode("utf-16"),
    "NUL": b'{"general":{"payment_id":"a\x00b"}}',
    "half a surrogate pair": b'{"general":{"payment_id":"\\ud800"}}',
    "NaN": b'{"payment":{"amount":NaN}}',
    "integer beyond 64 bits": b'{"payment":{"amount":9223372036854775808}}',
    "number beyond a double": b'{"payment":{"amount":1e999}}',
    "very long number": b'{"payment":{"amount":' + b"9" * 100_000 + b"}}",
    "key twice": b'{"general":{"project_id":1,"project_id":2}}',
    "key twice by escape": b'{"general":{"payment_id":"a","payment_i\\u0064":"b"}}',
    "deep lists": b"[" * 60_000 + b"]" * 60_000,
    "deep objects": b'{"a":' * 21 + b"1" + b"}" * 21,
    "comment": b"{/* */}",
    "form": b"general[project_id]=1",
}


@pytest.mark.parametrize("raw", NOT_JSON.values(), ids=NOT_JSON)
def test_what_is_not_json_is_refused_as_such(platform: RunningPlatform, raw: bytes) -> None:
    """Bytes that two readers could read differently, or not at all, are not JSON."""
    answer = platform.client.post(SALE, raw)
    assert (answer.status, answer.body) == (422, refusal("2003", "Invalid JSON string"))


@pytest.mark.parametrize("raw", [b"[]", b'"text"', b"17", b"null", b"true"])
def test_json_that_is_no_object_is_malformed(platform: RunningPlatform, raw: bytes) -> None:
    """A request is an object."""
    answer = platform.client.post(SALE, raw)
    assert (answer.status, answer.body) == (400, refusal("702", MALFORMED))


def test_escaped_nul_is_refused(project: ProjectClient) -> None:
    """NUL cannot be kept by every database, so no text may hold one."""
    answer = project.post(SALE, project.sale_body("p\0q"))
    assert answer.brief == (400, "702")


def test_body_of_the_largest_size_is_read(project: ProjectClient) -> None:
    """A body of exactly 128 KiB is taken."""
    body = signed(project.sale_body("p-1"), project.secret)
    raw = json.dumps(body).encode()
    answer = project.platform.client.post(SALE, raw + b" " * (131_072 - len(raw)))
    assert answer.status == 200


def test_body_of_a_megabyte_is_refused_with_an_answer(platform: RunningPlatform) -> None:
    """A sender of far too much gets the refusal, not a broken connection."""
    answer = platform.client.post(SALE, b"x" * 1_048_576)
    assert (answer.status, answer.body) == (413, refusal("702", MALFORMED))


def test_endless_chunks_are_refused(platform: RunningPlatform) -> None:
    """A body without a length is counted as it comes."""
    chunk = b"10000\r\n" + b"x" * 65_536 + b"\r\n"
    head = f"POST {SALE} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    answer = raw_exchange(platform, head + chunk * 3)
    assert answer.startswith(b"HTTP/1.1 413 ")


def raw_exchange(platform: RunningPlatform, request: bytes) -> bytes:
    """Send bytes over a socket and read until the head and body of one answer are there."""
    host, port = platform.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), 10) as sock:
        sock.sendall(request)
        got = b""
        while chunk := sock.recv(65_536):
            got += chunk
            head, found, body = got.partition(b"\r\n\r\n")
            length = re.search(rb"(?i)content-length: (\d+)", head)
            if found and length and len(body) >= int(length[1]):
                break
        return got


def raw_sale(project: ProjectClient) -> bytes:
    """Return the bytes of a good sale."""
    return json.dumps(signed(project.sale_body("p-1"), project.secret)).encode()


def test_http_1_0_is_spoken(platform: RunningPlatform, project: ProjectClient) -> None:
    """A client of HTTP/1.0 without any header but the length sells and is answered."""
    raw = raw_sale(project)
    head = f"POST {SALE} HTTP/1.0\r\nContent-Length: {len(raw)}\r\n\r\n".encode()
    answer = raw_exchange(platform, head + raw)
    assert answer.startswith(b"HTTP/1.0 200 ")
    assert b'"request_id":"' in answer


def test_chunked_body_is_read(platform: RunningPlatform, project: ProjectClient) -> None:
    """A body may come in pieces of any size."""
    raw = raw_sale(project)
    pieces = [raw[:1], raw[1:7], raw[7:]]
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
    head = f"POST {SALE} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    assert raw_exchange(platform, head + chunks).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "", "nonsense"]
)
def test_content_type_is_not_asked_for(
    platform: RunningPlatform, project: ProjectClient, kind: str
) -> None:
    """Some clients send JSON under another name, or under none."""
    answer = platform.client.request(
        "POST", SALE, body=raw_sale(project), headers={"Content-Type": kind}
    )
    assert answer.status == 200


# --- JSON whatever happens ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "path", ["/v2/nowhere", "/v2/", "/v2/payment/card/sale", "/v2/payment/%00"]
)
def test_unknown_path_is_answered_in_json(platform: RunningPlatform, path: str) -> None:
    """404 in the shape of every refusal."""
    answer = platform.client.post(path, {})
    assert (answer.status, answer.body) == (404, refusal("303", "Access denied"))


@pytest.mark.parametrize("path", ["/", "/nowhere", "/v3/payment/status"])
def test_path_outside_gate_is_answered_in_json(platform: RunningPlatform, path: str) -> None:
    """404 is JSON outside Gate too."""
    answer = platform.client.post(path, {})
    assert answer.status == 404
    assert isinstance(answer.body, dict)


@pytest.mark.parametrize(
    ("method", "path"),
    [*itertools.product(["GET", "PUT", "PATCH", "DELETE", "OPTIONS"], [SALE, STATUS])],
)
def test_other_methods_are_answered_in_json(
    platform: RunningPlatform, method: str, path: str
) -> None:
    """405 names the method that is served."""
    answer = platform.client.request(method, path)
    assert (answer.status, answer.body) == (405, refusal("303", "Access denied"))
    assert answer.headers["allow"] == "POST"


def test_fault_of_ours_is_answered_in_json(
    platform: RunningPlatform, project: ProjectClient, broken: Callable[[str], Any]
) -> None:
    """500 with a code and nothing of the fault; nothing has changed, so it may be sent again."""
    body = signed(project.sale_body("p-1"), project.secret)
    with broken("journal"):
        answer = platform.client.post(SALE, body)
        assert (answer.status, answer.body) == (500, refusal("501", "Internal error"))
    assert project.payment("p-1") is None
    assert platform.client.post(SALE, body).status == 200
