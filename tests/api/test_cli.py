"""The command line as scripts use it: the real command, on a folder of its own."""

from __future__ import annotations

import http.client
import json
import os
import queue
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.cookiejar import CookieJar
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlencode, urlsplit
from urllib.request import HTTPCookieProcessor, build_opener

import pytest

from sampan.codecs import qr_image
from sampan.codecs.signature import sign, verify
from tests.support import commands
from tests.support.ports import free_port

SECRET = "a secret of the tea house"
WAIT_S = 30.0
PAYLOAD = (
    "00020101021226280012hk.com.hkicl0208102938405204000053033445406100.005802HK5902NA6002HK6304"
)


def ask(
    url: str, body: Mapping[str, Any] | None = None, headers: Mapping[str, str] | None = None
) -> tuple[int, bytes]:
    """Get a URL of this machine, or post JSON to it; return status and answer."""
    where = urlsplit(url)
    line = http.client.HTTPConnection(where.hostname or "", where.port, timeout=10)
    try:
        raw = None if body is None else json.dumps(body).encode()
        path = f"{where.path}?{where.query}" if where.query else where.path
        line.request("GET" if raw is None else "POST", path, raw, dict(headers or {}))
        answer = line.getresponse()
        return answer.status, answer.read()
    finally:
        line.close()


class Lines:
    """What a running command says, line by line; a thread reads, so that it never blocks."""

    def __init__(self, stream: IO[str]) -> None:
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        threading.Thread(target=self._read, args=(stream,), daemon=True).start()

    def find(self, pattern: str) -> re.Match[str]:
        """Return the next line that fits; fail when it takes too long or nothing more comes."""
        until = time.monotonic() + WAIT_S
        seen = []
        while (left_s := until - time.monotonic()) > 0:
            try:
                line = self._lines.get(timeout=left_s)
            except queue.Empty:
                break
            found = re.search(pattern, line)
            if found:
                return found
            if not line:
                break
            seen.append(line)
        pytest.fail(f"no line like {pattern!r} in: {''.join(seen)}")

    def _read(self, stream: IO[str]) -> None:
        for line in stream:
            self._lines.put(line)
        self._lines.put("")


class Command:
    """A command that runs."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        assert process.stderr is not None
        self.process = process
        self.out = Lines(process.stdout)
        self.err = Lines(process.stderr)

    def end(self, by: signal.Signals) -> None:
        """Tell it to end; it must do so with exit code 0."""
        if self.process.poll() is None:
            self.process.send_signal(by)
        assert self.process.wait(WAIT_S) == 0


class Folder:
    """A folder with a database of its own, and the command run in it."""

    def __init__(self, path: Path, **settings: str) -> None:
        self.path = path
        self.port = free_port()
        known = {
            "SAMPAN_DATABASE_URL": f"sqlite:///{path}/sampan.db",
            "SAMPAN_PORT": str(self.port),
            "SAMPAN_ALLOW_PRIVATE_CALLBACKS": "true",
            "COLUMNS": "120",
            "PYTHONUNBUFFERED": "1",
        }
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("SAMPAN_")}
        self.environment = inherited | known | settings

    def run(self, *arguments: object, stdin: str | bytes = "") -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        raw = stdin if isinstance(stdin, bytes) else stdin.encode()
        done = commands.run(*arguments, env=self.environment, cwd=self.path, stdin=raw)
        out, err = done.stdout.decode(), done.stderr.decode()
        assert "Traceback" not in err, err
        return subprocess.CompletedProcess(done.args, done.returncode, out, err)

    def good(self, *arguments: object, stdin: str | bytes = "") -> str:
        """Run a command that must succeed; return what it said."""
        done = self.run(*arguments, stdin=stdin)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def bad(self, code: int, *arguments: object, stdin: str | bytes = "") -> str:
        """Run a command that must fail with this code; return what it complained of."""
        done = self.run(*arguments, stdin=stdin)
        assert done.returncode == code, (done.stdout, done.stderr)
        return " ".join(done.stderr.split())

    def read(self, *arguments: object) -> Any:  # noqa: ANN401 - whatever it printed
        """Run a command with --json; return what it printed."""
        return json.loads(self.good(*arguments, "--json"))

    @contextmanager
    def running(self, *arguments: object, ready: str) -> Iterator[Command]:
        """Run a command until the block ends; it must then stop by itself with exit code 0."""
        with subprocess.Popen(
            [sys.executable, "-m", "sampan", *map(str, arguments)],
            cwd=self.path,
            env=self.environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as process:
            command = Command(process)
            try:
                command.err.find(ready)
                yield command
                command.end(signal.SIGTERM)
            finally:
                process.kill()

    def sell(self, payment_id: str, amount: int = 10_000) -> None:
        """Send a signed sale of project 1234."""
        body: dict[str, Any] = {
            "general": {"project_id": 1234, "payment_id": payment_id},
            "customer": {"id": "c1", "ip_address": "198.51.100.7"},
            "payment": {"amount": amount, "currency": "HKD"},
        }
        body["general"]["signature"] = sign(SECRET, body)
        assert self.post("/v2/payment/banks/hk-qr/sale", body)["status"] == "success"

    def post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Post JSON to the server; return what it answered."""
        status, answer = ask(f"http://127.0.0.1:{self.port}{path}", body)
        assert status == 200
        found: dict[str, Any] = json.loads(answer)
        return found

    def until(self, payment_id: str, status: str) -> dict[str, Any]:
        """Ask for a payment's story until it has a status and its callbacks are out."""
        deadline = time.monotonic() + WAIT_S
        while time.monotonic() < deadline:
            story: dict[str, Any] = self.read("payments", "show", "--project", 1234, payment_id)
            sent = all(one["status"] == "delivered" for one in story["callbacks"])
            if story["payment"]["status"] == status and sent:
                return story
        pytest.fail(f"{payment_id} did not become {status}")


class Live:
    """A server and a merchant's listener."""

    def __init__(self, folder: Folder, listener: Command) -> None:
        self.folder = folder
        self._listener = listener

    def heard(self, payment_id: str, status: str) -> dict[str, Any]:
        """Return the next callback about a payment with this status."""
        pattern = rf'^{{"status": "{status}", "payment_id": "{payment_id}".*'
        got: dict[str, Any] = json.loads(self._listener.out.find(pattern)[0])
        return got


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """A folder without anything in it."""
    return Folder(tmp_path)


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A served platform with project 1234, whose callbacks a listener receives."""
    folder = Folder(tmp_path_factory.mktemp("live"))
    port = free_port()
    url = f"http://127.0.0.1:{port}/callbacks"
    folder.good("project", "add", "--id", 1234, "--secret", SECRET, "--callback-url", url)
    listen = ("callbacks", "listen", "--port", port, "--secret", SECRET, "--json")
    with (
        folder.running("serve", ready=f"ready at http://127.0.0.1:{folder.port}$"),
        folder.running(*listen, ready=f"http://127.0.0.1:{port}/") as listener,
    ):
        yield Live(folder, listener)


# --- sign and verify ------------------------------------------------------------------------


def test_sign_prints_the_signature(folder: Folder) -> None:
    """What is printed is the signature of the message, and nothing else."""
    body = {"general": {"project_id": 1, "payment_id": "甲"}, "list": [1, True, "x"]}
    printed = folder.good("sign", "--secret", SECRET, stdin=json.dumps(body))
    assert printed == sign(SECRET, body) + "\n"


@pytest.mark.parametrize(
    ("secret", "code", "word"), [(SECRET, 0, "valid"), ("other", 1, "invalid")]
)
def test_verify_says_whether_it_fits(folder: Folder, secret: str, code: int, word: str) -> None:
    """The word and the exit code say the same."""
    body: dict[str, Any] = {"a": 1}
    body["signature"] = sign(SECRET, body)
    done = folder.run("verify", "--secret", secret, stdin=json.dumps(body))
    assert (done.returncode, done.stdout) == (code, f"{word}\n")


def test_lines_are_signed_and_verified_in_order(folder: Folder) -> None:
    """Each line has its own secret and gets its own answer."""
    bodies = [{"n": n, "signature": "old"} for n in range(3)]
    lines = [json.dumps({"raw": json.dumps(b), "secret": f"s{b['n']}"}) for b in bodies]
    signatures = folder.good("sign", "--lines", stdin="\n".join(lines)).splitlines()
    assert signatures == [sign(f"s{b['n']}", b) for b in bodies]
    signed = [b | {"signature": mark} for b, mark in zip(bodies, signatures, strict=True)]
    signed[1]["n"] = 7
    lines = [json.dumps({"raw": json.dumps(b), "secret": f"s{n}"}) for n, b in enumerate(signed)]
    answers = folder.good("verify", "--lines", stdin="\n".join(lines) + "\n")
    assert answers.splitlines() == ["valid", "invalid", "valid"]


@pytest.mark.parametrize(
    ("arguments", "stdin", "told"),
    [
        (("sign", "--secret", "s"), '{"a": 1,\n "b": }', "line 2"),
        (("sign", "--secret", "s"), "[1]", "line 1: not a JSON object"),
        (("sign", "--secret", "s"), '{"a":1,"a":2}', "a key stands twice"),
        (("verify", "--secret", "s"), "", "line 1"),
        (("sign",), "{}", "--secret is missing"),
        (
            ("sign", "--lines"),
            '{"raw": "{}", "secret": "s"}\n{"raw": "{", "secret": "s"}',
            "line 2",
        ),
        (("sign", "--lines"), '{"raw": "{}"}', "line 1: needs the texts raw and secret"),
        (("verify", "--lines"), '{"raw": "{}", "secret": ""}', "line 1: a secret is empty"),
    ],
)
def test_bad_input_to_sign_names_the_line(
    folder: Folder, arguments: tuple[str, ...], stdin: str, told: str
) -> None:
    """What cannot be read ends with exit code 2 and says where."""
    assert told in folder.bad(2, *arguments, stdin=stdin)


def test_sign_answers_at_once(folder: Folder) -> None:
    """Nothing that `sign` does not need is imported for it."""
    code = "import sys; from sampan import cli; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], env=folder.environment, capture_output=True, check=True
    )
    heavy = {"aiohttp", "sqlalchemy", "starlette", "pydantic", "granian", "zxingcpp", "rich.table"}
    assert heavy.isdisjoint(done.stdout.decode().split())


# --- projects -------------------------------------------------------------------------------


def test_project_is_added_and_listed_without_its_secret(folder: Folder) -> None:
    """A project has the settings it was added with, and its secret is never printed again."""
    url = "https://shop.example/callbacks"
    added = folder.read(
        *("project", "add", "--id", 77, "--secret", SECRET, "--callback-url", url),
        *(
            "--name",
            "Tea [house]",
            "--set",
            "qr_lifetime_s=120",
            "--set",
            "display_profile=payload",
        ),
    )
    assert added == {"id": 77, "name": "Tea [house]", "callback_url": url}
    printed = folder.good("project", "list", "--json")
    (listed,) = json.loads(printed)
    assert SECRET not in printed
    assert (listed["id"], listed["name"], listed["callback_url"]) == (77, "Tea [house]", url)
    assert (listed["settings"]["qr_lifetime_s"], listed["settings"]["display_profile"]) == (
        120,
        "payload",
    )
    assert "Tea [house]" in folder.good("project", "list")


def test_id_and_secret_are_made_when_left_out(folder: Folder) -> None:
    """Both are printed once, and the id names the project."""
    added = folder.read("project", "add")
    assert len(added["secret"]) >= 32
    assert [one["id"] for one in folder.read("project", "list")] == [added["id"]]


def test_an_id_is_given_once(folder: Folder) -> None:
    """Adding it again is refused in one line and changes nothing."""
    folder.good("project", "add", "--id", 77, "--secret", SECRET, "--name", "first")
    told = folder.bad(1, "project", "add", "--id", 77, "--secret", "x", "--name", "second")
    assert "project 77 exists already" in told
    assert [one["name"] for one in folder.read("project", "list")] == ["first"]


@pytest.mark.parametrize("by", [("77",), ("--id", "77")])
def test_project_is_changed_by_either_form_of_id(folder: Folder, by: tuple[str, ...]) -> None:
    """What is not named stays as it was."""
    folder.good("project", "add", "--id", 77, "--secret", SECRET, "--name", "first")
    changed = folder.read("project", "set", *by, "--set", "other_amount=accept")
    assert (changed["name"], changed["settings"]["other_amount"]) == ("first", "accept")
    assert folder.read("project", "list") == [changed]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--set", "colour=red"), "unknown setting 'colour'"),
        (("--set", "qr_lifetime_s=5"), ">= 60"),
        (("--set", "flow"), "KEY=VALUE"),
        (("--callback-url", "shop.example"), "http or https address"),
        (("--id", "78"), "the id of one project"),
    ],
)
def test_bad_values_change_nothing(folder: Folder, arguments: tuple[str, ...], told: str) -> None:
    """A bad value beside good ones: exit code 2, a sentence, and the project as before."""
    folder.good("project", "add", "--id", 77, "--secret", SECRET, "--name", "first")
    assert told in folder.bad(2, "project", "set", 77, "--name", "second", *arguments)
    assert [one["name"] for one in folder.read("project", "list")] == ["first"]


def test_unknown_project_is_refused(folder: Folder) -> None:
    """Nothing can be changed that is not there."""
    assert "no project 5" in folder.bad(1, "project", "set", 5, "--name", "x")
    assert "no project 5" in folder.bad(1, "project", "rotate-secret", 5)


# --- serve, work, migrate -------------------------------------------------------------------


def test_migrate_prints_the_revision(folder: Folder) -> None:
    """It may be run again, and nothing happens."""
    first = folder.good("migrate")
    assert re.fullmatch(r"\w+\n", first)
    assert folder.good("migrate") == first


def test_a_busy_port_is_told(folder: Folder) -> None:
    """Who cannot listen says so and ends with exit code 1."""
    with socket.create_server(("127.0.0.1", folder.port)):
        assert f"port {folder.port} on 127.0.0.1 is in use" in folder.bad(1, "serve")


def test_two_servers_do_not_share_a_port(live: Live) -> None:
    """The second server sees the first one, and the second demo takes another port."""
    assert "is in use" in live.folder.bad(1, "serve")
    assert "is in use" in live.folder.bad(1, "serve", "--workers", 2)


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGINT])
def test_serve_ends_requests_under_way(folder: Folder, end: signal.Signals) -> None:
    """A request that was begun before the signal is answered; then the exit code is 0."""
    body = b'{"reference":"NONE","action":"pay"}'
    head = f"POST /bank/v1/simulate HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
    with (
        folder.running("serve", ready="ready at") as command,
        socket.create_connection(("127.0.0.1", folder.port), 10) as line,
    ):
        line.sendall(head.encode() + body[:5])
        command.process.send_signal(end)
        command.err.find("stopping")
        line.sendall(body[5:])
        assert line.recv(100).startswith(b"HTTP/1.1 404")


def test_several_processes_serve_one_port(folder: Folder) -> None:
    """A sale goes through, whichever process takes each of its requests."""
    folder.good("project", "add", "--id", 1234, "--secret", SECRET)
    with folder.running("serve", "--workers", 2, ready="ready at"):
        folder.sell("multi-1")
        done = folder.read("simulate", "pay", "--project", 1234, "multi-1")
        assert (done["status"], done["amount_minor"]) == ("paid", 10_000)


@pytest.mark.parametrize("workers", [1, 2])
def test_open_pages_do_not_hold_up_a_stop(folder: Folder, workers: int) -> None:
    """Hundreds of pages may be open: the server still answers, and ends soon after it is told."""
    folder.good("project", "add", "--id", 1234, "--secret", SECRET)
    lines = []
    with folder.running("serve", "--workers", workers, ready="ready at"):
        url = folder.good("page", "url", "--project", 1234, "open-1").strip()
        where = urlsplit(url)
        path = urlsplit(url).path + "?" + where.query
        line = http.client.HTTPConnection(where.hostname or "", where.port, timeout=10)
        line.request("GET", path)
        found = re.search(r'data-path="([^"]+)"', line.getresponse().read().decode())
        line.close()
        assert found
        for _ in range(300):
            stream = socket.create_connection((where.hostname, where.port), timeout=10)
            stream.sendall(f"GET {found[1]}/events HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            lines.append(stream)
        for stream in lines:
            assert stream.recv(64).startswith(b"HTTP/1.1 200")
        assert ask(f"http://{where.netloc}/healthz")[0] == 200
        begun_s = time.monotonic()
    for stream in lines:
        stream.close()
    assert time.monotonic() - begun_s < 8


def test_page_is_opened_dressed_and_taken_back(folder: Folder) -> None:
    """The command prints an address that opens, gives the page a look, and takes a page back."""
    folder.good("project", "add", "--id", 1234, "--secret", SECRET, "--set", "page_confirm=true")
    logo = folder.path / "logo.png"
    logo.write_bytes(qr_image.png("logo"))
    look = ("page", "look", "--project", 1234)
    shown = folder.read(*look, "--number", 7, "--accent", "#0b3d91", "--logo", logo)
    assert (shown["number"], shown["accent"]) == (7, "#0b3d91")
    assert shown["logo"].startswith("image/png")
    assert "no such look" in folder.bad(2, *look, "--accent", "red")
    assert "64 KiB" in folder.bad(2, *look, "--logo", folder.path / "sampan.db")
    (folder.path / "no.png").write_bytes(b"<svg onload=alert(1)>")
    assert "picture" in folder.bad(2, *look, "--logo", folder.path / "no.png")
    url = ("page", "url", "--project", 1234)
    assert "NAME=VALUE" in folder.bad(2, *url, "p-1", "--set", "x")
    with folder.running("serve", ready="ready at"):
        address = folder.good(*url, "p-1", "--set", "style_id=7").strip()
        line = http.client.HTTPConnection("127.0.0.1", folder.port, timeout=10)
        line.request("GET", address.split(str(folder.port), 1)[1])
        page = line.getresponse().read().decode()
        assert "--accent:#0b3d91" in page
        found = re.search(r'src="([^"]+/logo.img)"', page)
        assert found
        line.request("GET", found[1])
        assert line.getresponse().read() == logo.read_bytes()
        assert folder.read("page", "cancel", "--project", 1234, "p-1")["cancelled"] == 1
        line.request("GET", address.split(str(folder.port), 1)[1])
        assert 'data-screen="cancelled"' in line.getresponse().read().decode()
        line.close()
    assert "no page" in folder.bad(1, "page", "cancel", "--project", 1234, "p-1")
    folder.good(*look, "--number", 7, "--remove")
    assert "no look 7" in folder.bad(1, *look, "--number", 7, "--remove")


def test_work_runs_without_doors(folder: Folder) -> None:
    """Workers alone start, and stop when they are told."""
    with folder.running("work", ready="Sampan is working"):
        assert not folder.read("callbacks", "list")


# --- a payment's life -----------------------------------------------------------------------


def test_a_paid_payment_is_told_and_shown(live: Live) -> None:
    """Both callbacks arrive with valid signatures, and the story has everything in it."""
    live.folder.sell("paid-1")
    first = live.heard("paid-1", "awaiting customer action")
    done = live.folder.read("simulate", "pay", "--project", 1234, "paid-1")
    assert (done["status"], done["amount_minor"], done["notices_count"]) == ("paid", 10_000, 1)
    last = live.heard("paid-1", "success")
    for heard in (first, last):
        assert heard["signature_valid"] is True
        assert heard["attempt"] == 1
        assert verify([SECRET], heard["body"], signature=heard["body"]["signature"])
    story = live.folder.until("paid-1", "success")
    assert [one["status"] for one in story["operations"]] == ["success"]
    assert [one["status"] for one in story["credits"]] == ["applied"]
    assert [len(one["attempts"]) for one in story["callbacks"]] == [1, 1]
    assert [one["by"] for one in story["journal"]] == ["merchant", "provider", "bank"]
    shown = live.folder.good("payments", "show", "--project", 1234, "paid-1")
    assert "HK$100.00" in shown


def test_books_are_proved(live: Live) -> None:
    """With money of every kind the books agree."""
    live.folder.sell("books-1")
    live.folder.good("simulate", "twice", "--project", 1234, "books-1")
    live.folder.until("books-1", "success")
    proof = live.folder.read("ledger", "verify")
    assert proof["ok"] is True
    assert {check["against"] for check in proof["checks"]} == {
        "postings",
        "credits",
        "payments",
        "bank",
    }
    assert "The books agree" in live.folder.good("ledger", "verify")


def test_staff_accept_a_short_sum(live: Live) -> None:
    """A reason is asked for, the decision is told to the merchant, and happens once."""
    live.folder.sell("short-1")
    live.folder.good("simulate", "short", "--project", 1234, "short-1")
    deadline = time.monotonic() + WAIT_S
    while not live.folder.read("credits", "list", "--status", "held"):
        assert time.monotonic() < deadline
    decide = ("payments", "accept", "--project", 1234, "short-1", "--by", "amy", "--why")
    assert "needs a person and a reason" in live.folder.bad(1, *decide, " ")
    assert live.folder.read(*decide, "a regular") == {
        "id": "short-1",
        "status": "success",
        "paid_minor": 9_900,
    }
    assert live.heard("short-1", "success")["body"]["payment"]["sum"]["amount"] == 9_900
    assert "no money waits" in live.folder.bad(1, *decide, "again")


def test_staff_decline_and_mark_returned(live: Live) -> None:
    """A declined sum is unapplied until it is marked returned; then it is no longer ours."""
    live.folder.sell("over-1")
    live.folder.good("simulate", "over", "--project", 1234, "over-1")
    deadline = time.monotonic() + WAIT_S
    while not live.folder.read("credits", "list", "--status", "held"):
        assert time.monotonic() < deadline
    by = ("--by", "amy", "--why", "too much")
    declined = live.folder.read("payments", "decline", "--project", 1234, "over-1", *by)
    assert declined["status"] == "decline"
    waiting = live.folder.read("credits", "list", "--status", "unapplied")
    (mine,) = [one for one in waiting if one["amount_minor"] == 10_100]
    live.folder.good("credits", "return", mine["id"], *by)
    assert "returned" in live.folder.bad(1, "credits", "return", mine["id"], *by)
    assert live.folder.read("ledger", "verify")["ok"] is True


def test_simulate_says_why_it_cannot(live: Live, folder: Folder) -> None:
    """No such payment, a bank that refuses and a server that is away are told apart."""
    live.folder.sell("refused-1")
    live.folder.good("simulate", "refuse", "--project", 1234, "refused-1")
    pay = ("simulate", "pay", "--project", 1234)
    assert "no payment 'nothing'" in live.folder.bad(1, *pay, "nothing")
    assert "the order was refused" in live.folder.bad(1, *pay, "refused-1")
    away = f"http://127.0.0.1:{folder.port}"
    assert "does not answer" in live.folder.bad(1, *pay, "refused-1", "--url", away)
    assert "nonsense" in live.folder.bad(2, "simulate", "nonsense", "--project", 1234, "x")


def test_callbacks_are_listed_shown_and_resent(live: Live) -> None:
    """A callback that was delivered can be delivered again, with the same body."""
    live.folder.sell("resent-1")
    first = live.heard("resent-1", "awaiting customer action")
    live.folder.until("resent-1", "awaiting customer action")
    listed = live.folder.read("callbacks", "list", "--project", 1234, "--status", "delivered")
    (mine,) = [one for one in listed if one["payment_id"] == "resent-1"]
    live.folder.good("callbacks", "resend", mine["id"])
    again = live.heard("resent-1", "awaiting customer action")
    assert again["body"] == first["body"]
    live.folder.until("resent-1", "awaiting customer action")
    shown = live.folder.read("callbacks", "show", mine["id"])
    assert [one["http_status"] for one in shown["attempts"]] == [200, 200]
    assert "resent-1" in live.folder.good("callbacks", "show", mine["id"])
    assert "no callback 5" in live.folder.bad(1, "callbacks", "show", 5)


def test_a_rotated_secret_signs_at_once(live: Live) -> None:
    """The old secret still verifies, the new one signs; the listener knows only the old one."""
    live.folder.good("project", "rotate-secret", 1234, "--secret", "a new secret")
    live.folder.sell("rotated-1")
    heard = live.heard("rotated-1", "awaiting customer action")
    assert heard["signature_valid"] is False
    assert verify(["a new secret"], heard["body"], signature=heard["body"]["signature"])
    live.folder.good("project", "rotate-secret", "--id", 1234, "--secret", SECRET)


def test_listener_fails_as_often_as_told(folder: Folder) -> None:
    """The first answers are 500, the later ones 200, and all are printed."""
    port = free_port()
    listen = (
        "callbacks",
        "listen",
        "--port",
        port,
        "--secret",
        SECRET,
        "--json",
        "--fail-first",
        1,
    )
    body: dict[str, Any] = {"payment": {"id": "p", "status": "success"}}
    body["signature"] = sign(SECRET, body)
    with folder.running(*listen, ready="Listening") as command:
        url = f"http://127.0.0.1:{port}/any"
        answers = [ask(url, body, {"X-Sampan-Attempt": number})[0] for number in ("1", "2")]
        assert answers == [500, 200]
        printed = [json.loads(command.out.find("^{.*")[0]) for _ in range(2)]
    assert printed == [
        {
            "status": "success",
            "payment_id": "p",
            "signature_valid": True,
            "attempt": attempt,
            "body": body,
        }
        for attempt in (1, 2)
    ]


# --- QR codes -------------------------------------------------------------------------------


def test_qr_is_encoded_and_decoded(folder: Folder) -> None:
    """What was asked for stands in the payload, in the picture and on standard input."""
    picture = folder.path / "code.png"
    payload = folder.good(
        *("qr", "encode", "--fps-id", "1029384", "--amount", "100.00", "--name-zh", "海港茶舍"),
        *(
            "--expires",
            "2030-01-01T12:00:00",
            "--editable",
            "--bill-number",
            "B1",
            "--png",
            picture,
        ),
    ).strip()
    assert qr_image.read(picture.read_bytes()) == [payload]
    for given, stdin in ((payload, b""), (str(picture), b""), ("-", picture.read_bytes())):
        read = json.loads(folder.good("qr", "decode", given, "--json", stdin=stdin))
        assert (read["payload"], read["crc_ok"], read["warnings"]) == (payload, True, [])
        assert read["fps"]["proxy"] == "1029384"
        assert (read["fps"]["amount_minor"], read["fps"]["amount_editable"]) == (10_000, True)
        assert read["fps"]["timeout"] == "300101120000"
    assert "海港茶舍" in folder.good("qr", "decode", payload)


def test_a_wrong_checksum_is_told(folder: Folder) -> None:
    """The fields are still shown, with what the checksum should be."""
    read = folder.read("qr", "decode", PAYLOAD + "0000")
    assert (read["crc_ok"], read["crc_found"]) == (False, "0000")
    assert [one["code"] for one in read["warnings"]] == ["crc_wrong"]


@pytest.mark.parametrize(
    ("code", "arguments", "told"),
    [
        (1, ("decode", "0002019999"), "at character 6"),
        (1, ("decode", "-"), "at character 0"),
        (2, ("encode", "--fps-id", "12"), "--fps-id: must be 7 to 9 digits"),
        (2, ("encode", "--fps-id", "1029384", "--amount", "1.234"), "--amount"),
        (2, ("encode", "--fps-id", "1029384", "--currency", "USD"), "--currency"),
        (2, ("encode", "--fps-id", "1029384", "--expires", "soon"), "--expires"),
    ],
)
def test_bad_codes_are_refused(
    folder: Folder, code: int, arguments: tuple[str, ...], told: str
) -> None:
    """What is wrong is named by its position or its option."""
    assert told in folder.bad(code, "qr", *arguments)


def test_a_picture_without_a_code_is_told(folder: Folder) -> None:
    """A damaged picture ends with a sentence."""
    (folder.path / "bad.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing")
    assert "not a readable PNG" in folder.bad(1, "qr", "decode", "bad.png")


# --- doctor and demo ------------------------------------------------------------------------


def test_doctor_finds_a_running_platform_well(live: Live) -> None:
    """Everything is looked at, and nothing fails."""
    told = live.folder.read("doctor")
    assert told["ok"] is True
    assert {one["what"] for one in told["findings"]} == {
        "settings",
        "database",
        "schema",
        "master key",
        "stored secrets",
        "callbacks of 1234",
        "clock",
        "port",
        "mail",
    }
    assert all(one["state"] == "ok" for one in told["findings"])


def test_doctor_changes_nothing(folder: Folder) -> None:
    """In an empty folder it says what to do and leaves no file."""
    findings = {one["what"]: one for one in folder.read("doctor")["findings"]}
    assert findings["database"]["state"] == "warn"
    assert findings["database"]["advice"] == "run: sampan migrate"
    assert list(folder.path.iterdir()) == []


@pytest.mark.parametrize(
    ("settings", "what"),
    [
        ({"SAMPAN_MASTER_KEY": "another key than before"}, "stored secrets"),
        ({"SAMPAN_ALLOW_PRIVATE_CALLBACKS": "false"}, "callbacks of 7"),
        ({"SAMPAN_PORT": "none"}, "settings"),
        ({"SAMPAN_DATABASE_URL": "mysql://x"}, "database"),
    ],
)
def test_doctor_finds_what_is_wrong(folder: Folder, settings: dict[str, str], what: str) -> None:
    """Each fault is found, with advice and exit code 1."""
    url = "http://127.0.0.1:9/"
    folder.good("project", "add", "--id", 7, "--secret", SECRET, "--callback-url", url)
    folder.environment |= settings
    done = folder.run("doctor", "--json")
    failed = [one for one in json.loads(done.stdout)["findings"] if one["state"] == "fail"]
    assert done.returncode == 1
    assert [one["what"] for one in failed] == [what]
    assert failed[0]["advice"]


def test_a_bad_setting_is_one_line(folder: Folder) -> None:
    """Whatever command meets it, the variable is named and nothing else is said."""
    folder.environment["SAMPAN_PORT"] = "70000"
    for command in (("serve",), ("project", "list")):
        told = folder.bad(1, *command)
        assert told.startswith("error SAMPAN_PORT: ")


def test_demo_makes_one_purchase(folder: Folder) -> None:
    """The last line of standard output is the whole purchase; nothing is left behind."""
    done = folder.run("demo", "--once", "--json", "--port", folder.port)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["payment"]["status"] == "success"
    assert told["payment"]["id"]
    assert told["qr"]["payload"] == told["qr"]["decoded_from_image"]
    assert told["qr"]["payload"].startswith("000201")
    assert told["callbacks"] == [
        {"status": "awaiting customer action", "signature_valid": True},
        {"status": "success", "signature_valid": True},
    ]
    assert len(told["steps"]) >= 6
    assert all(step["name"] and step["ms"] >= 0 for step in told["steps"])
    assert list(told["addresses"]) == ["shop", "payment_page", "gate", "bank_app", "dashboard"]
    assert list(folder.path.iterdir()) == []


def signs_in(home: str, email: str, *, password: str) -> bool:
    """Whether a person comes into the Dashboard without a second factor to set up first."""
    form = urlencode({"email": email, "password": password, "next": "/dashboard/profile"})
    with build_opener(HTTPCookieProcessor(CookieJar())).open(
        f"{home}sign-in", form.encode()
    ) as answer:
        return str(answer.url) == f"{home}profile"


def test_demo_stays_up_until_told(folder: Folder) -> None:
    """Without --once it prints addresses that lead somewhere, and stops with exit code 0."""
    folder.environment["TMPDIR"] = str(folder.path)
    demo = ("demo", "--port", folder.port)
    with folder.running(*demo, ready="Ctrl-C") as command:
        for row in ("shop", "bank app"):
            assert ask(command.out.find(rf"{row} +│ +(http\S+)")[1])[0] == 200
        home = command.out.find(r"Dashboard +│ +(http\S+)")[1]
        email, password = command.out.find(r"sign in as +│ +(\S+), password (\S+)").groups()
        assert signs_in(home, email, password=password)
        status, page = ask(command.out.find(r"^(http\S+/payment\?\S+)")[1])
        assert status == 200
        assert b"Pay HK$100.00 by FPS" in page
        command.end(signal.SIGINT)
    assert list(folder.path.glob("sampan-demo-*/sampan.db"))
