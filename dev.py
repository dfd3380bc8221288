#!/usr/bin/env python3
"""Everything a developer does with Sampan, from a fresh checkout and a plain Python.

    python3 dev.py demo [ARGS]     start a demo platform (sampan demo ARGS)
    python3 dev.py test [ARGS]     static checks, then the tests (ARGS go to pytest)
    python3 dev.py check           the static checks alone
    python3 dev.py bench [NAME] [--json]
                                   run the benchmarks, or the one called NAME
    python3 dev.py run ARGS        run the command line (sampan ARGS)
    python3 dev.py lock            refresh requirements/*.lock (needs uv)
    python3 dev.py clean           remove the environment and all caches

The environment is made in .venv beside this file, from hashed locks, and made anew only when
something it depends on changes. What this script says goes to stderr, so that the stdout of
a command is the command's alone.
"""

import contextlib
import ctypes.util
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

if sys.version_info < (3, 11):  # noqa: UP036  # the very case that this line reports
    sys.exit(
        f"Sampan needs Python 3.11 or newer; this is {sys.version.split()[0]}.\n"
        "Start dev.py with a newer one, for example: python3.12 dev.py …"
    )

if sys.platform == "win32":
    fcntl = None
else:
    import fcntl

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
STAMP = VENV / "sampan-stamp"
LOCKS = {"run": ROOT / "requirements/run.lock", "test": ROOT / "requirements/test.lock"}
ON_WINDOWS = os.name == "nt"
SCRIPTS = VENV / ("Scripts" if ON_WINDOWS else "bin")
PYTHON = SCRIPTS / ("python.exe" if ON_WINDOWS else "python")

CACHES = (
    ".mypy_cache",
    ".pytest_cache",
    ".ruff_cache",
    ".hypothesis",
    ".import_linter_cache",
    ".grimp_cache",
    ".coverage",
    "htmlcov",
    "build",
    "dist",
    "tests/npm/node_modules",
)


# --- talking and starting programs ----------------------------------------------------------


def say(message: str) -> None:
    """Tell the person something, on stderr."""
    print(message, file=sys.stderr, flush=True)


def script(name: str) -> str:
    """Path of a program that the environment installed."""
    return str(SCRIPTS / (f"{name}.exe" if ON_WINDOWS else name))


def run(*command: str) -> int:
    """Run a command at the root of the repository; its exit code, 130 when interrupted."""
    try:
        return subprocess.run(command, cwd=ROOT, check=False).returncode
    except KeyboardInterrupt:
        return 130


def become(command: Sequence[str]) -> int:
    """Turn into the command, so that signals and the exit code are its own."""
    sys.stdout.flush()
    sys.stderr.flush()
    if not ON_WINDOWS:
        os.execv(command[0], list(command))
    try:
        return subprocess.run(command, check=False).returncode
    except KeyboardInterrupt:
        return 130


def quietly(*command: str) -> None:
    """Run a step of the preparation; exit with all that it said when it fails."""
    done = subprocess.run(
        command, cwd=ROOT, check=False, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    if done.returncode:
        say(done.stdout)
        sys.exit(f"Preparing the environment failed at: {' '.join(command[1:6])} …")


# --- the environment ------------------------------------------------------------------------


def fingerprint(level: str) -> str:
    """What the environment of a level is made from, in one line.

    The place counts, because an environment does not survive being moved.
    """
    digest = hashlib.sha256()
    for path in (LOCKS[level], ROOT / "pyproject.toml"):
        digest.update(path.read_bytes())
    return f"{level} {interpreter()} {digest.hexdigest()}"


def interpreter() -> str:
    """Version, platform and place, without which an environment cannot be kept."""
    where = hashlib.sha256(str(ROOT).encode()).hexdigest()[:16]
    return f"{sys.version.split()[0]} {sysconfig.get_platform()} {where}"


def prepared(level: str) -> bool:
    """Whether the environment is there and made from the present locks."""
    if not (PYTHON.exists() and STAMP.exists()):
        return False
    stamp = STAMP.read_text(encoding="utf-8")
    enough = ("test",) if level == "test" else ("run", "test")
    return stamp in {fingerprint(name) for name in enough}


@contextlib.contextmanager
def one_at_a_time() -> Iterator[None]:
    """Let only one process at a time change the environment."""
    with (ROOT / ".venv.lock").open("w", encoding="utf-8") as handle:
        if fcntl is not None:
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def prepare(level: str) -> None:
    """Bring the environment up to a level: "run", or "test" which holds all of "run"."""
    if prepared(level):
        return
    with one_at_a_time():
        if not prepared(level):  # another process may just have done it
            install(level)


def install(level: str) -> None:
    """Make or refresh the environment, and stamp it."""
    begun = time.monotonic()
    known = STAMP.read_text(encoding="utf-8") if STAMP.exists() else ""
    if interpreter() in known and PYTHON.exists():
        say("Refreshing the environment (something it depends on has changed)…")
        if known.startswith("test "):
            level = "test"  # do not leave stale test tools behind
    else:
        say("Preparing the environment (first run only, about a minute)…")
        make_venv()
    STAMP.unlink(missing_ok=True)
    pip = (str(PYTHON), "-m", "pip", "--disable-pip-version-check", "install")
    # Wheels only: an sdist would be built by tools that no lock holds.
    locked = ("--require-hashes", "--no-deps", "--only-binary=:all:", "-r", str(LOCKS[level]))
    quietly(*pip, *locked)
    quietly(*pip, "--no-deps", "--no-build-isolation", "--no-index", "--editable", str(ROOT))
    STAMP.write_text(fingerprint(level), encoding="utf-8")
    say(f"Environment ready in {time.monotonic() - begun:.0f} s.")


def make_venv() -> None:
    """Make an empty environment, or exit with a hint when this Python cannot."""
    if any(importlib.util.find_spec(name) is None for name in ("venv", "ensurepip")):
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        sys.exit(
            "This Python cannot make environments (venv or ensurepip is missing).\n"
            f"On Debian or Ubuntu: apt-get install python{version}-venv"
        )
    quietly(sys.executable, "-m", "venv", "--clear", str(VENV))


# --- programs of the system that some tests need --------------------------------------------


def has_chromium() -> bool:
    """Whether a Chromium or Chrome is on the path."""
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    return any(shutil.which(name) for name in names)


def missing_packages() -> list[str]:
    """Debian packages that the tests would use and that are not there."""
    fonts = any(Path("/usr/share/fonts").glob("**/NotoSansCJK*"))
    found = {
        "chromium": has_chromium(),
        "fonts-noto-cjk": fonts,
        "libreoffice-calc-nogui": shutil.which("soffice") is not None,
        "libzbar0": ctypes.util.find_library("zbar") is not None,
    }
    return [name for name, there in found.items() if not there]


def prepare_system() -> None:
    """On Debian as root install what browser tests need; elsewhere say loudly what is skipped."""
    debian = Path("/etc/debian_version").exists() and shutil.which("apt-get")
    missing = missing_packages() if debian else []
    if missing and os.geteuid() == 0:
        say(f"Installing {' '.join(missing)} with apt-get (once)…")
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for step in (["update"], ["install", "-y", "--no-install-recommends", *missing]):
            subprocess.run(
                ["apt-get", "-qq", *step],  # noqa: S607  # the system's own installer
                check=False,
                stdout=sys.stderr,
                env=environment,
            )
    if not has_chromium():
        say("!!! NO CHROMIUM FOUND: THE BROWSER TESTS ARE SKIPPED (install chromium to run them)")


def prepare_npm() -> None:
    """Install the npm package that tests use; where that fails say loudly what is skipped."""
    folder = ROOT / "tests/npm"
    stamp = folder / "node_modules/sampan-stamp"
    digest = hashlib.sha256((folder / "package-lock.json").read_bytes()).hexdigest()
    npm = shutil.which("npm")
    if npm and shutil.which("node"):
        with one_at_a_time():
            if stamp.exists() and stamp.read_text(encoding="utf-8") == digest:
                return
            step = (npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error")
            done = subprocess.run(step, cwd=folder, check=False, stdout=subprocess.DEVNULL)
            if done.returncode == 0:
                stamp.write_text(digest, encoding="utf-8")
                return
    say("!!! NO NODE OR NPM, OR IT FAILED: THE TESTS WITH THE NPM CLIENT ARE SKIPPED")


# --- what can be asked ----------------------------------------------------------------------


def static_checks() -> int:
    """Run lint, format, types and the import contracts; all of them, even after a failure."""
    python = str(PYTHON)
    steps = {
        "ruff check": (python, "-m", "ruff", "check", "."),
        "ruff format": (python, "-m", "ruff", "format", "--check", "."),
        "mypy": (python, "-m", "mypy"),
        "lint-imports": (script("lint-imports"),),
    }
    failed = []
    for name, command in steps.items():
        say(f"— {name}")
        code = run(*command)
        if code == 130:  # noqa: PLR2004  # interrupted, see run()
            return code
        if code:
            failed.append(name)
    if failed:
        say(f"FAILED: {', '.join(failed)}")
    return 1 if failed else 0


def coverage_of_rooms() -> int:
    """Fail when a branch is not covered in a room that `pyproject.toml` wants covered whole."""
    say("— every branch of the rooms that must be covered whole")
    return run(str(PYTHON), "-m", "coverage", "report", "--fail-under=100")


def do_check(_: Sequence[str]) -> int:
    """Run the static checks alone."""
    prepare("test")
    code = static_checks()
    if not code:
        say("Static checks passed.")
    return code


def do_test(arguments: Sequence[str]) -> int:
    """Run the static checks, then the tests; a run of all tests also reports coverage."""
    begun = time.monotonic()
    prepare("test")
    prepare_system()
    prepare_npm()
    if os.environ.get("CI", "").lower() == "true":
        os.environ["SAMPAN_REQUIRE_ALL"] = "1"  # there a skipped test is a failed test
    code = static_checks()
    if code:
        return code
    say("— pytest")
    if arguments:  # a part of the tests says nothing about coverage
        code = run(str(PYTHON), "-m", "pytest", *arguments)
    else:
        code = run(str(PYTHON), "-m", "tests.lanes") or coverage_of_rooms()
    outcome = "All passed" if code == 0 else "FAILED"
    say(f"{outcome} in {time.monotonic() - begun:.0f} s.")
    return code


def do_demo(arguments: Sequence[str]) -> int:
    """Start the demo platform."""
    return do_run(["demo", *arguments])


def do_run(arguments: Sequence[str]) -> int:
    """Run the command line in the caller's working directory."""
    prepare("run")
    return become([script("sampan"), *arguments])


def do_bench(arguments: Sequence[str]) -> int:
    """Run one benchmark or all of them."""
    prepare("test")
    os.chdir(ROOT)
    return become([str(PYTHON), "-m", "tests.bench", *arguments])


def do_lock(_: Sequence[str]) -> int:
    """Write both locks anew: newest releases, every platform, hashes and no addresses."""
    own = script("uv")
    uv = own if Path(own).exists() else shutil.which("uv")
    if uv is None:
        say(f"uv is not installed. Put it in the environment first:\n  {PYTHON} -m pip install uv")
        return 1
    shape = ("--universal", "--python-version=3.11", "--generate-hashes", "--upgrade", "--quiet")
    plain = ("--no-header", "--no-annotate", "--no-config", "--only-binary=:all:")
    common = (uv, "pip", "compile", "pyproject.toml", "--group=build", *shape, *plain)
    # The test lock first; the run lock then keeps its versions, so that one contains the other.
    for more in (
        ("--extra=test", f"--output-file={LOCKS['test'].relative_to(ROOT).as_posix()}"),
        (
            f"--constraints={LOCKS['test'].relative_to(ROOT).as_posix()}",
            f"--output-file={LOCKS['run'].relative_to(ROOT).as_posix()}",
        ),
    ):
        code = run(*common, *more)
        if code:
            return code
    say("Locks written. Look at the difference, then run: python3 dev.py test")
    return 0


def do_clean(_: Sequence[str]) -> int:
    """Remove the environment and every cache; nothing that was written by hand."""
    for name in (".venv", ".venv.lock", *CACHES):
        path = ROOT / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    for part in ("src", "tests"):
        for path in list((ROOT / part).rglob("__pycache__")):
            shutil.rmtree(path, ignore_errors=True)
    return 0


COMMANDS: dict[str, Callable[[Sequence[str]], int]] = {
    "demo": do_demo,
    "test": do_test,
    "check": do_check,
    "bench": do_bench,
    "run": do_run,
    "lock": do_lock,
    "clean": do_clean,
}


def main(arguments: Sequence[str]) -> int:
    """Do what the first argument names with the rest of the arguments."""
    if not arguments or arguments[0] in {"-h", "--help", "help"}:
        print(__doc__)
        return 0 if arguments else 2
    command = COMMANDS.get(arguments[0])
    if command is None:
        say(f"dev.py knows no command {arguments[0]!r}. It knows: {', '.join(COMMANDS)}.")
        return 2
    try:
        return command(arguments[1:])
    except KeyboardInterrupt:
        say("Interrupted.")
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
