"""Take a request in: bound it, read it, find its project, verify its signature.

Each refusal has its place; `docs/gate.md` lists the order and `tests/api/test_refusal_order.py`
shows it:

1. body too large (413, 702)                     5. project unknown (404, 2442)
2. not JSON (422, 2003)                          6. signature missing (400, 3262)
3. not an object, or wrong types (400, 702)      7. signature wrong (400, 3261)
4. `project_id` missing (400, 2004)              8.-12. `gate.fields`, `gate.door`, `flow`
"""

from collections.abc import Callable
from hashlib import sha256
from typing import Any, Final, Generic, TypeVar

import msgspec
from msgspec import UNSET
from starlette.requests import Request

from sampan.codecs.signature import canonical, verified_text
from sampan.codecs.strict_json import BadJson, loads
from sampan.domain.codes import Code, message
from sampan.domain.project import Project
from sampan.domain.texts import PROJECT_ID_MAX
from sampan.errors import FieldFault, Refusal
from sampan.storage.projects import Projects
from sampan.web.body import read_body

BODY_BYTES_MAX: Final = 131_072
JSON_DEPTH_MAX: Final = 20
_OURS: Final = frozenset({"operation", "operations", "sum_request", "transaction"})
"""Members of our own messages alone. Those are signed with the same secret, and customers see
some of them: sent back, they must not be taken for requests."""

Shape = TypeVar("Shape", bound=msgspec.Struct)


class Signed(msgspec.Struct, Generic[Shape], frozen=True):
    """A request whose sender knows the project's secret."""

    project: Project
    shape: Shape
    text: str

    @property
    def digest(self) -> str:
        """Return a mark of the signed text: equal marks, equal requests."""
        return sha256(self.text.encode()).hexdigest()


async def read_signed(request: Request, shape: type[Shape], *, projects: Projects) -> Signed[Shape]:
    """Read a request up to a verified signature. Raises `Refusal` at the documented place."""
    body, found = _shaped(await _bounded_body(request), shape)
    project_id, signature = _who(found)
    if project_id is UNSET:
        raise missing(_project_field(found))
    project = await projects.find(_number(project_id))
    if project is None:
        raise refusal(Code.PROJECT_NOT_FOUND, http_status=404)
    if signature is UNSET or not signature:
        raise refusal(Code.EMPTY_SIGNATURE)
    text = verified_text(project.secrets, body, signature=signature)
    if text is None:
        raise refusal(Code.INVALID_SIGNATURE)
    return Signed(project, found, text)


def refusal(code: Code, *, http_status: int = 400, faults: tuple[FieldFault, ...] = ()) -> Refusal:
    """Return a refusal with the message that belongs to its code."""
    return Refusal(code, message(code), http_status=http_status, faults=faults)


def missing(*fields: str) -> Refusal:
    """Return the refusal for required fields that are not there (400, 2004)."""
    return _faulty(Code.REQUIRED_FIELD_MISSING, fields, constraint="required")


def malformed(field: str, constraint: str, *, code: Code = Code.MALFORMED_REQUEST) -> Refusal:
    """Return the refusal for a field that holds what it must not."""
    return _faulty(code, (field,), constraint=constraint)


def _faulty(code: Code, fields: tuple[str, ...], *, constraint: str) -> Refusal:
    text = message(code)
    return refusal(
        code, faults=tuple(FieldFault(code, text, field, constraint) for field in fields)
    )


async def _bounded_body(request: Request) -> bytes:
    body = await read_body(request, bytes_max=BODY_BYTES_MAX)
    if body is None:
        raise refusal(Code.MALFORMED_REQUEST, http_status=413)
    return body


def _shaped(raw: bytes, shape: type[Shape]) -> tuple[dict[str, Any], Shape]:
    try:
        body = loads(raw, depth_max=JSON_DEPTH_MAX)
    except BadJson as error:
        raise refusal(Code.INVALID_JSON, http_status=422) from error
    if not isinstance(body, dict):
        raise refusal(Code.MALFORMED_REQUEST)
    if not _OURS.isdisjoint(body):
        raise malformed(min(_OURS & body.keys()), "no message of the platform")
    if b"\\u0000" in raw and "\0" in canonical(body):
        # PostgreSQL cannot keep NUL in a text, and no honest field holds one.
        raise malformed("", "NUL")
    try:
        return body, msgspec.convert(body, shape)
    except msgspec.ValidationError as error:
        text, _, path = str(error).partition(" - at `$.")
        raise malformed(path.rstrip("`"), f"type: {text}") from error


def _who(found: msgspec.Struct) -> tuple[Any, Any]:
    general = getattr(found, "general", UNSET)
    if general is UNSET:
        return getattr(found, "project_id", UNSET), getattr(found, "signature", UNSET)
    top = getattr(found, "signature", UNSET)
    return general.project_id, general.signature if top is UNSET else top


def _project_field(found: msgspec.Struct) -> str:
    return "general.project_id" if hasattr(found, "general") else "project_id"


def _number(project_id: int | str) -> int:
    """Return a project's id; some clients write it as a text of digits."""
    if isinstance(project_id, str):
        if not (
            project_id.isascii() and project_id.isdigit() and len(project_id) <= len("4294967295")
        ):
            raise malformed("project_id", "integer")
        project_id = int(project_id)
    if not 1 <= project_id <= PROJECT_ID_MAX:
        raise refusal(Code.PROJECT_NOT_FOUND, http_status=404)
    return project_id


CheckUrl = Callable[[str], None]
"""Raises ValueError when a callback must not go to this address."""
