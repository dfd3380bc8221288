"""The house rules of src/sampan, read from its syntax trees.

A rule is a function that yields (place, what is wrong). Exemptions are in one table, each with
its reason, and one that nothing needs any more fails.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[2] / "src/sampan"

# (rule, place) -> reason. A place is "path", or "path:qualified.name" for a function or class,
# with the path below src/sampan, for example
# ("parameters", "settings.py:Settings.settings_customise_sources"): "pydantic calls it so".
EXEMPTIONS: dict[tuple[str, str], str] = {
    ("parameters", "log.py:_unchanged"): "structlog prescribes a processor's three arguments",
    ("parameters", "log.py:_without_secrets"): "structlog prescribes a processor's three arguments",
    ("parameters", "settings.py:Settings.settings_customise_sources"): (
        "pydantic-settings prescribes the arguments of this hook"
    ),
    ("function_lines", "storage/migrations/versions/0001_first_schema.py:upgrade"): (
        "a step of the schema is a list of tables, read from top to bottom"
    ),
    ("function_lines", "storage/migrations/versions/0002_payment_page.py:_rebuild_payments"): (
        "a table that is laid anew is one list of all it has"
    ),
    ("parameters", "cli/page.py:look"): "the parameters of a command are its options",
    ("parameters", "cli/projects.py:add"): "the parameters of a command are its options",
    ("parameters", "cli/projects.py:change"): "the parameters of a command are its options",
    ("parameters", "cli/qr.py:encode"): "the parameters of a command are its options",
}

MODULE_LINES_MAX = 400
FUNCTION_LINES_MAX = 60
LINE_COLUMNS_MAX = 100
PARAMETERS_MAX = 5
POSITIONAL_MAX = 2

DOORS = ("gate", "page", "dashboard", "dataapi", "notifications", "bank", "shop")
CLOCK = ("clock",)

# Import from outside -> rooms that may use it.
FENCES = {
    "sqlalchemy": ("storage",),
    "aiohttp": ("outbound",),
    "smtplib": ("mail",),
    "starlette": (*DOORS, "web", "app"),
    "time": CLOCK,
    "random": CLOCK,
    "secrets": CLOCK,
    "uuid": CLOCK,
}

# Other ways to the clock and to chance, as they are written in a call.
CLOCK_CALLS = re.compile(r"(^|\.)(datetime\.(now|today|utcnow)|date\.today)$|^os\.urandom$")

UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|NotImplementedError)\b")

Function = ast.FunctionDef | ast.AsyncFunctionDef
Named = Function | ast.ClassDef
Finding = tuple[str, str]


@dataclass(frozen=True)
class Definition:
    """A function or class, with the ones that it stands in, outermost first."""

    node: Named
    owners: tuple[Named, ...]

    @property
    def name(self) -> str:
        """The qualified name."""
        return ".".join(node.name for node in (*self.owners, self.node))

    @property
    def is_method(self) -> bool:
        """Whether its first parameter is the object or the class."""
        static = "staticmethod" in {ast.unparse(mark) for mark in self.node.decorator_list}
        return bool(self.owners) and isinstance(self.owners[-1], ast.ClassDef) and not static

    @property
    def is_public(self) -> bool:
        """Whether it and all around it have public names, and no function hides it."""
        hidden = any(not isinstance(node, ast.ClassDef) for node in self.owners)
        return not hidden and not any(n.name.startswith("_") for n in (*self.owners, self.node))


@dataclass(frozen=True)
class Module:
    """One source file: its path below src/sampan, its text and its tree."""

    path: str
    text: str

    @property
    def tree(self) -> ast.Module:
        """The syntax tree."""
        return parsed(self.text)

    @property
    def room(self) -> str:
        """The first name below sampan: a package, or a module without its suffix."""
        return self.path.split("/")[0].removesuffix(".py")

    def definitions(self) -> Iterator[Definition]:
        """Every function and class in it."""
        return definitions(self.tree, ())

    def functions(self) -> Iterator[tuple[str, Function, Definition]]:
        """Every function with its place."""
        for found in self.definitions():
            if not isinstance(found.node, ast.ClassDef):
                yield f"{self.path}:{found.name}", found.node, found


@cache
def parsed(text: str) -> ast.Module:
    """The syntax tree of a text; kept, since every rule asks for it."""
    return ast.parse(text)


def definitions(node: ast.AST, owners: tuple[Named, ...]) -> Iterator[Definition]:
    """Every function and class below a node."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, Named):
            yield Definition(child, owners)
            yield from definitions(child, (*owners, child))
        else:
            yield from definitions(child, owners)


# --- the rules ------------------------------------------------------------------------------


def module_lines(module: Module) -> Iterator[Finding]:
    """A module fits into a reader's head."""
    lines_count = len(module.text.splitlines())
    if lines_count > MODULE_LINES_MAX:
        yield module.path, f"{lines_count} lines"


def function_lines(module: Module) -> Iterator[Finding]:
    """A function fits on a screen."""
    for place, node, _ in module.functions():
        lines_count = (node.end_lineno or node.lineno) - node.lineno + 1
        if lines_count > FUNCTION_LINES_MAX:
            yield place, f"{lines_count} lines"


def line_columns(module: Module) -> Iterator[Finding]:
    """A line needs no scrolling."""
    for number, line in enumerate(module.text.splitlines(), 1):
        if len(line) > LINE_COLUMNS_MAX:
            yield module.path, f"line {number} has {len(line)} characters"


def parameters(module: Module) -> Iterator[Finding]:
    """A function takes few things, and from the third on a caller names them."""
    for place, node, found in module.functions():
        # Shapes that a protocol prescribes: magic methods and the three arguments of ASGI.
        magic = node.name.startswith("__") and node.name != "__init__"
        positional = [arg.arg for arg in (*node.args.posonlyargs, *node.args.args)]
        positional = positional[1:] if found.is_method else positional
        # A use case's transaction is its surroundings, as `self` is a method's (decision 5).
        positional = positional[1:] if positional[:1] == ["tx"] else positional
        if magic or positional == ["scope", "receive", "send"]:
            continue
        total = len(positional) + len(node.args.kwonlyargs)
        if total > PARAMETERS_MAX:
            yield place, f"{total} parameters"
        if len(positional) > POSITIONAL_MAX:
            yield place, f"{len(positional)} parameters that need no name"


def docstrings(module: Module) -> Iterator[Finding]:
    """Everything public says what it promises."""
    if ast.get_docstring(module.tree) is None:
        yield module.path, "the module has no docstring"
    for found in module.definitions():
        overload = any(ast.unparse(m).endswith("overload") for m in found.node.decorator_list)
        if found.is_public and not overload and ast.get_docstring(found.node) is None:
            yield f"{module.path}:{found.name}", "no docstring"


def fences(module: Module) -> Iterator[Finding]:
    """Each library from outside is used by the rooms that it belongs to."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names = [node.module or ""]
        else:
            continue
        for name in names:
            rooms = FENCES.get(name.split(".")[0])
            if rooms is not None and module.room not in rooms:
                yield module.path, f"line {node.lineno} imports {name}"


def clock_calls(module: Module) -> Iterator[Finding]:
    """Time and chance come from clock.py, so that a test can hold them."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Call) and module.room not in CLOCK:
            called = CLOCK_CALLS.search(ast.unparse(node.func))
            if called:
                yield module.path, f"line {node.lineno} calls {called[0]}"


def signature_comparison(module: Module) -> Iterator[Finding]:
    """Signatures are compared in constant time, never by == or !=."""
    for node in ast.walk(module.tree):
        if not isinstance(node, ast.Compare):
            continue
        sides = (node.left, *node.comparators)
        if any(_is_length(side) for side in sides):
            continue
        equality = any(isinstance(op, ast.Eq | ast.NotEq) for op in node.ops)
        if equality and any("signature" in name.lower() for side in sides for name in _names(side)):
            yield module.path, f"line {node.lineno} compares a signature"


def _names(node: ast.AST) -> Iterator[str]:
    """Variables, attributes and string keys that an expression reads."""
    for part in ast.walk(node):
        if isinstance(part, ast.Name):
            yield part.id
        elif isinstance(part, ast.Attribute):
            yield part.attr
        elif isinstance(part, ast.Subscript) and isinstance(part.slice, ast.Constant):
            yield str(part.slice.value)


def _is_length(node: ast.AST) -> bool:
    """Whether it is len(...): how long a signature should be is no secret."""
    return isinstance(node, ast.Call) and ast.unparse(node.func) == "len"


def unfinished(module: Module) -> Iterator[Finding]:
    """What is in the tree is finished."""
    for number, line in enumerate(module.text.splitlines(), 1):
        found = UNFINISHED.search(line)
        if found:
            yield module.path, f"line {number} says {found[0]}"


Rule = Callable[[Module], Iterator[Finding]]
RULES: dict[str, Rule] = {
    rule.__name__: rule
    for rule in (
        module_lines,
        function_lines,
        line_columns,
        parameters,
        docstrings,
        fences,
        clock_calls,
        signature_comparison,
        unfinished,
    )
}


def findings(rule: str) -> list[Finding]:
    """What a rule finds in the whole source, exempted or not."""
    paths = sorted(SOURCE.rglob("*.py"))
    modules = [
        Module(path.relative_to(SOURCE).as_posix(), path.read_text(encoding="utf-8"))
        for path in paths
    ]
    return [finding for module in modules for finding in RULES[rule](module)]


# --- the tests ------------------------------------------------------------------------------


@pytest.mark.parametrize("rule", RULES)
def test_rule_is_kept(rule: str) -> None:
    """The source keeps the rule wherever no exemption is written down."""
    broken = [f"{at}: {what}" for at, what in findings(rule) if (rule, at) not in EXEMPTIONS]
    assert not broken, "\n".join((RULES[rule].__doc__ or "", *broken))


def test_every_exemption_is_still_needed() -> None:
    """The source would break the rule without the exemption."""
    needed = {(rule, at) for rule in RULES for at, _ in findings(rule)}
    assert not set(EXEMPTIONS) - needed


def test_every_exemption_has_a_reason() -> None:
    """An exemption without a reason is an accident."""
    assert all(reason.strip() for reason in EXEMPTIONS.values())


LONG_FUNCTION = '"""M."""\ndef f():\n    """F."""\n' + "    f()\n" * FUNCTION_LINES_MAX


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        ("module_lines", "x = 1\n" * (MODULE_LINES_MAX + 1)),
        ("function_lines", LONG_FUNCTION),
        ("line_columns", "#" * (LINE_COLUMNS_MAX + 1)),
        ("parameters", "def f(a, b, c): ..."),
        ("parameters", "def f(a, b, *, c, d, e, g): ..."),
        ("parameters", "class C:\n    def __init__(self, a, b, c): ..."),
        ("parameters", "def f():\n    def g(a, b, c): ..."),
        ("docstrings", "x = 1"),
        ("docstrings", '"""M."""\ndef f(): ...'),
        ("docstrings", '"""M."""\nclass C:\n    """C."""\n    async def f(self): ...'),
        ("fences", "import sqlalchemy.exc"),
        ("fences", "from aiohttp import ClientSession"),
        ("fences", "import smtplib"),
        ("fences", "def f():\n    from starlette.requests import Request"),
        ("fences", "import time"),
        ("fences", "from secrets import token_hex"),
        ("clock_calls", "import datetime\nx = datetime.datetime.now(datetime.UTC)"),
        ("clock_calls", "import os\nx = os.urandom(16)"),
        ("signature_comparison", "ok = body['signature'] == expected"),
        ("signature_comparison", "ok = given.raw_signature != expected"),
        ("signature_comparison", "ok = sign(x) == SIGNATURE"),
        ("unfinished", "raise NotImplementedError"),
        ("unfinished", "# FIXME: later"),
    ],
)
def test_rule_finds_what_breaks_it(rule: str, text: str) -> None:
    """A rule is worth something only if it finds a planted offence."""
    assert list(RULES[rule](Module("flow/planted.py", text)))


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        ("parameters", "class C:\n    def f(self, a, b, *, c, d, e): ..."),
        ("parameters", "class C:\n    def __exit__(self, kind, error, trace): ..."),
        ("parameters", "async def app(scope, receive, send): ..."),
        ("docstrings", '"""M."""\ndef _f(): ...\ndef f():\n    """F."""\n    def g(): ...'),
        ("fences", "from sampan.clock import now_us\nfrom .time import zone"),
        ("clock_calls", "x = clock.now_us()"),
        ("signature_comparison", "ok = hmac.compare_digest(signature, expected)"),
        ("signature_comparison", "gone = signature is None"),
        ("signature_comparison", "short = len(signature) != SIGNATURE_CHARS"),
        ("signature_comparison", "ours = key == 'signature'"),
    ],
)
def test_rule_leaves_good_code_alone(rule: str, text: str) -> None:
    """A rule that also finds what is right would be exempted away."""
    assert not list(RULES[rule](Module("flow/planted.py", text)))


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("storage/engine.py", "import sqlalchemy"),
        ("outbound.py", "import aiohttp"),
        ("mail.py", "import smtplib"),
        ("gate/app.py", "import starlette.requests"),
        ("clock.py", "import time, random, secrets, uuid"),
    ],
)
def test_fence_has_its_gate(path: str, text: str) -> None:
    """The room that a library belongs to may import it."""
    assert not list(fences(Module(path, text)))
