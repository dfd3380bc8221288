"""`sampan` run to its end as scripts run it; what was started before is forked, not started anew.

Most of the time of a short command goes into starting Python and importing what it needs. The first
run in a group of commands is that of an operator: an interpreter of its own, started from nothing.
Every other is a process of its own too, with its own environment, folder, streams and exit code,
but forked from one that has imported everything. The first run of each command forgets all of
Sampan again, so that it is shown to import whatever it uses.
"""

from __future__ import annotations

import atexit
import functools
import gc
import importlib
import json
import os
import pkgutil
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any, Final

ROOT: Final = Path(__file__).resolve().parents[2]
TIME_S_MAX: Final = 60.0
POLL_S: Final = 0.005
"""How often the parent of all asks whether a command is over."""
SERVERS: Final = frozenset({"demo", "serve", "work"})
"""Commands that start threads or processes of their own, each time from nothing."""
_started: Final[set[tuple[str, ...]]] = set()


def run(
    *arguments: object, env: Mapping[str, str], cwd: Path = ROOT, stdin: bytes = b""
) -> subprocess.CompletedProcess[bytes]:
    """Run `sampan` with these arguments to its end and return what it said, and its exit code."""
    words = [str(argument) for argument in arguments]
    name = _name(words)
    known = {name, name[:1]} & _started
    _started.update({name, name[:1]})
    if not known or name[0] in SERVERS:
        return subprocess.run(
            [sys.executable, "-m", "sampan", *words],
            cwd=cwd,
            env=env,
            input=stdin,
            capture_output=True,
            check=False,
            timeout=TIME_S_MAX,
        )
    order = {"words": words, "env": dict(env), "cwd": str(cwd), "anew": name not in known}
    return _parent().bear(order, stdin=stdin)


def _name(words: list[str]) -> tuple[str, ...]:
    """Return the words that name the command: at most two, before any option."""
    options = [at for at, word in enumerate(words) if word.startswith("-")]
    return tuple(words[: min([2, *options])])


class _Parent:
    """The process that commands are forked from, seen from the tests."""

    def __init__(self) -> None:
        self._line, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.support.commands", str(theirs.fileno())],
                cwd=ROOT,
                pass_fds=[theirs.fileno()],
            )
        self._lock = threading.Lock()
        atexit.register(self.close)

    def bear(self, order: dict[str, Any], *, stdin: bytes) -> subprocess.CompletedProcess[bytes]:
        """Fork a command and wait for its end."""
        with ExitStack() as opened:
            ours, theirs = map(opened.enter_context, socket.socketpair())
            files = [_file(opened, one) for one in (json.dumps(order).encode(), stdin, b"", b"")]
            sent = [file.fileno() for file in files]
            with self._lock:
                socket.send_fds(self._line, [b"."], [*sent, theirs.fileno()])
            theirs.close()
            ours.settimeout(TIME_S_MAX)
            with ours.makefile("rb") as told:
                code = int(told.readline())
            out, err = (os.pread(fd, os.fstat(fd).st_size, 0) for fd in sent[2:])
        return subprocess.CompletedProcess(order["words"], code, out, err)

    def close(self) -> None:
        """End the process, and with it every command that still runs."""
        self._line.close()
        self._process.wait()


_parent = functools.cache(_Parent)


def _file(opened: ExitStack, content: bytes) -> IO[bytes]:
    file = opened.enter_context(tempfile.TemporaryFile())  # noqa: SIM115 - the stack closes it
    file.write(content)
    file.seek(0)
    return file


def _serve(line: socket.socket) -> dict[str, Any]:
    """Fork a process for each order, and tell how it ended. Returns in the forked process."""
    living: dict[int, socket.socket] = {}
    while True:
        ready, _, _ = select.select([line], [], [], POLL_S if living else None)
        if ready:
            _, fds, _, _ = socket.recv_fds(line, 1, 5)
            if not fds:
                break
            pid = os.fork()
            if pid == 0:
                line.close()
                return _become(fds)
            for fd in fds[:-1]:
                os.close(fd)
            living[pid] = socket.socket(fileno=fds[-1])
        for pid in list(living):
            gone, status = os.waitpid(pid, os.WNOHANG)
            if gone:
                with living.pop(pid) as told:
                    told.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())
    for pid in living:
        os.kill(pid, signal.SIGKILL)
    os._exit(0)


def _become(fds: list[int]) -> dict[str, Any]:
    """Take on the streams, the folder and the environment of an order, and return it."""
    with os.fdopen(fds[0], "rb") as file:
        order: dict[str, Any] = json.load(file)
    for fd, standard in zip(fds[1:4], range(3), strict=True):
        os.dup2(fd, standard)
        os.close(fd)
    os.close(fds[4])
    os.chdir(order["cwd"])
    os.environ.clear()
    os.environ.update(order["env"])
    time.tzset()
    return order


def _import_all() -> None:
    """Import every module of Sampan, and keep it from the collectors of those who are forked."""
    import sampan

    for module in pkgutil.walk_packages(sampan.__path__, "sampan."):
        if "__main__" not in module.name and "migrations" not in module.name:
            importlib.import_module(module.name)
    gc.collect()
    gc.freeze()


def _forget() -> None:
    """Forget every module of Sampan: who needs one imports it anew."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "sampan"]:
        del sys.modules[name]


def _main() -> None:
    """Import all of Sampan, then become what is ordered."""
    _import_all()
    with socket.socket(fileno=int(sys.argv[1])) as line:
        order = _serve(line)
    if order["anew"]:
        _forget()
    sys.argv = ["sampan", *order["words"]]
    code = 1
    try:
        from sampan import cli

        cli.main()
        code = 0
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BaseException:  # noqa: BLE001 - said as the interpreter would say it
        sys.excepthook(*sys.exc_info())
    finally:
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
        # Not sys.exit: taking every module apart takes longer than most commands.
        os._exit(code)


if __name__ == "__main__":
    _main()
