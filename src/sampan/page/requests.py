"""Take a request for a page in: bound it, read it, find its project, verify its signature.

Each refusal has its place (`docs/payment-page.md` lists the order):

1. too large (413)                       5. signature missing or wrong (400)
2. not a form, a name that stands twice  6. a required parameter missing (400)
   (400)                                 7. a parameter malformed (400)
3. `project_id` missing (400)            8. method or mode not possible (400)
4. project unknown (404)                 9. `payment_id` used by another request (400)
"""

from collections.abc import Mapping
from hashlib import sha256
from typing import Final
from urllib.parse import parse_qsl

import msgspec
from starlette.requests import Request

from sampan.codecs.signature import verified_form_text
from sampan.domain.codes import Code
from sampan.domain.project import Project
from sampan.domain.texts import project_number
from sampan.page.params import refusal
from sampan.storage.projects import Projects
from sampan.web.body import read_body

FORM_BYTES_MAX: Final = 262_144
FIELDS_MAX: Final = 300
_FORM: Final = "application/x-www-form-urlencoded"


class Opening(msgspec.Struct, frozen=True):
    """A page request whose sender knows the project's secret. `fields` are its decoded texts."""

    project: Project
    fields: Mapping[str, str]
    digest: str


async def read_opening(request: Request, projects: Projects) -> Opening:
    """Read a request up to a verified signature. Raises `Refusal` at its place."""
    fields = _fields(await _query(request))
    told = fields.get("project_id", "")
    if not told:
        raise refusal(Code.REQUIRED_FIELD_MISSING, "project_id", constraint="required")
    number = project_number(told)
    project = None if number is None else await projects.find(number)
    if project is None:
        raise refusal(Code.PROJECT_NOT_FOUND, "project_id", http_status=404)
    if not fields.get("signature"):
        raise refusal(Code.EMPTY_SIGNATURE, "signature")
    text = verified_form_text(project.secrets, fields, signature=fields["signature"])
    if text is None:
        raise refusal(Code.INVALID_SIGNATURE, "signature")
    return Opening(project, fields, sha256(text.encode()).hexdigest())


async def _query(request: Request) -> bytes:
    """Return the form as it was sent: in the address, or in the body of a post."""
    if request.method != "POST":
        query: bytes = request.scope["query_string"]
        return query
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if kind != _FORM:
        raise refusal(Code.MALFORMED_REQUEST, constraint=_FORM)
    body = await read_body(request, bytes_max=FORM_BYTES_MAX)
    if body is None:
        raise refusal(Code.MALFORMED_REQUEST, http_status=413)
    return body


def _fields(query: bytes) -> dict[str, str]:
    """Decode a form. A name that stands twice would be read in two ways, so it is refused."""
    try:
        pairs = parse_qsl(
            query.decode("ascii"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=FIELDS_MAX,
        )
    except ValueError as error:
        raise refusal(Code.MALFORMED_REQUEST, constraint="form") from error
    fields = dict(pairs)
    # PostgreSQL cannot keep NUL in a text, and no honest field holds one.
    if len(fields) != len(pairs) or any("\0" in text for pair in pairs for text in pair):
        raise refusal(Code.MALFORMED_REQUEST, constraint="form")
    _check_cuts(fields)
    return fields


def _check_cuts(fields: Mapping[str, str]) -> None:
    """Refuse what would let a signed text be cut in another way than it was signed.

    The text joins `name:value` by `;`. With a `;` in a value whoever holds a signed address could
    move the cut, and so make another price of a part of a name (Payment Page docs: `;` is
    forbidden). Names that begin with `_` are unsigned and have no effect.
    """
    for name, value in fields.items():
        if not name.startswith("_") and (";" in value or ";" in name or ":" in name):
            raise refusal(Code.MALFORMED_REQUEST, name, constraint="no `;`")
