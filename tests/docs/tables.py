"""Make the documents that are tables: `python -m tests.docs` writes them anew."""

from pathlib import Path
from typing import Any, Final

import msgspec

from sampan.domain.codes import MEANINGS, MESSAGES, Code
from sampan.domain.project import ProjectSettings
from sampan.settings import Settings

FOLDER: Final = Path(__file__).parents[2] / "docs"


def codes() -> str:
    """Return the page of response codes."""
    rows = [f"| {code} | {MESSAGES[code]} | {MEANINGS[code]} |" for code in Code]
    return "\n".join(
        [
            "# Response codes",
            "",
            "In refusals, in `errors[]`, and as `operation.code`. Codes are texts.",
            "",
            "| code | message | what it tells you |",
            "| --- | --- | --- |",
            *rows,
            "",
        ]
    )


def settings() -> str:
    """Return the page of settings: of the process, and of a project."""
    process = [
        f"| `SAMPAN_{name.upper()}` | {_shown(field.default)} | {field.description} |"
        for name, field in Settings.model_fields.items()
    ]
    schema = msgspec.json.schema(ProjectSettings)["$defs"]["ProjectSettings"]["properties"]
    project = [
        f"| `{name}` | {_shown(entry['default'])} | {_described(entry)} |"
        for name, entry in schema.items()
    ]
    return "\n".join(
        [
            "# Settings",
            "",
            "## Of the process",
            "",
            "Environment variables, or the same names in lower case without `SAMPAN_` in",
            "`sampan.toml` in the working folder. The environment wins.",
            "",
            "| variable | default | meaning |",
            "| --- | --- | --- |",
            *process,
            "",
            "## Of a project",
            "",
            "`sampan project add … --set key=value` and `sampan project set ID --set key=value`.",
            "A running server sees a change within a quarter of a second; payments that exist",
            "keep the times they were given.",
            "",
            "| setting | default | meaning |",
            "| --- | --- | --- |",
            *project,
            "",
        ]
    )


PAGES: Final = {"codes.md": codes, "settings.md": settings}


def _shown(value: object) -> str:
    if value is None or str(value) == "":
        return "empty"
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return f"`{text}`"


def _described(entry: dict[str, Any]) -> str:
    for part in (entry, *entry.get("allOf", ()), *entry.get("anyOf", ())):
        if "description" in part:
            return " ".join([part["description"], *_bounds(part)])
    raise LookupError(f"a setting without a description: {entry}")


def _bounds(part: dict[str, Any]) -> list[str]:
    if "minimum" in part and "maximum" in part:
        return [f"From {part['minimum']} to {part['maximum']}."]
    return []
