"""Read and show the settings of a project: what was typed, what is wrong with it, what is kept."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as made
from typing import Any, Final

import msgspec

from sampan import money
from sampan.dashboard.project_fields import UNITS, Field, Kind, Options, Tab
from sampan.domain.project import Project, ProjectSettings, settings_from_pairs
from sampan.web import i18n
from sampan.web.i18n import mark, translate

NAME_CHARS_MAX: Final = 100
UNIT: Final = ".unit"
LIST: Final = ".list"
_TEXT_CHARS_MAX: Final = 4_096
_DIGITS_MAX: Final = 15
_FRAMES: Final[Options] = (
    ("*", mark("Anybody")),
    ("'none'", mark("Nobody")),
    ("list", mark("Only these addresses")),
)
LEAST_ABOVE_GREATEST: Final = mark("The least amount is above the greatest.")
UNKNOWN_CHOICE: Final = mark("Please choose one of these.")

Typed = Mapping[str, str]
Sent = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Filled:
    """What a form brought: its texts as typed, the values they mean, and sentences by field."""

    typed: dict[str, str] = made(default_factory=dict)
    values: dict[str, str] = made(default_factory=dict)
    errors: dict[str, str] = made(default_factory=dict)

    def onto(self, project: Project) -> Project:
        """Return the project with these values; only for a form without errors."""
        own = {name: self.values[name] for name in ("name", "callback_url") if name in self.values}
        pairs = {name: text for name, text in self.values.items() if name not in own}
        settings = settings_from_pairs(project.settings, pairs)
        return msgspec.structs.replace(project, settings=settings, **own)


def read(
    fields: Sequence[Field], sent: Sent, *, before: Project, check_url: Callable[[str], None]
) -> Filled:
    """Read a form of these fields; `sent` returns a text of it. Nothing is raised."""
    filled = Filled()
    for field in fields:
        for name in (field.name, field.name + UNIT, field.name + LIST):
            filled.typed[name] = sent(name)[:_TEXT_CHARS_MAX]
        value = _value(field, filled.typed, before=before, check_url=check_url)
        if value is None:
            filled.errors[field.name] = field.fault or UNKNOWN_CHOICE
        else:
            filled.values[field.name] = value
    for currency in ("hkd", "cny"):
        bounds = [filled.values.get(f"{currency}_amount_{end}") for end in ("min", "max")]
        if None not in bounds and int(bounds[0] or 0) > int(bounds[1] or 0):
            filled.errors[f"{currency}_amount_min"] = LEAST_ABOVE_GREATEST
    return filled


def _value(
    field: Field, typed: Typed, *, before: Project, check_url: Callable[[str], None]
) -> str | None:
    """Return what a field's text means, as a setting's text; None where it does not fit."""
    text = typed[field.name]
    if not text.isprintable():
        return None
    if field.name == "name":
        return text if text and len(text) <= NAME_CHARS_MAX else None
    if field.name == "callback_url":
        return text if not text or _allowed(text, check_url) else None
    if field.kind is Kind.CHOICE:
        kept = str(getattr(before.settings, field.name))
        known = {key for key, _ in options_of(field)} | {kept}
        return text if text in known else None
    try:
        value = _READ.get(field.kind, _plain)(field, typed)
        settings_from_pairs(ProjectSettings(), {field.name: value})
    except ValueError:
        return None
    return value


def _allowed(url: str, check_url: Callable[[str], None]) -> bool:
    try:
        check_url(url)
    except ValueError:
        return False
    return True


def _plain(field: Field, typed: Typed) -> str:
    return typed[field.name]


def _tick(field: Field, typed: Typed) -> str:
    return "true" if typed[field.name] else "false"


def _number(field: Field, typed: Typed) -> str:
    return str(_whole(typed[field.name]))


def _money(field: Field, typed: Typed) -> str:
    text = typed[field.name].replace(",", "").replace(" ", "")
    if len(text) > _DIGITS_MAX:
        raise ValueError(text)
    return str(money.from_text(text, field.currency))


def _span(field: Field, typed: Typed) -> str:
    if not typed[field.name]:
        return ""
    unit = typed[field.name + UNIT] or "1"
    if unit not in {key for key, _ in UNITS[field.kind]}:
        raise ValueError(unit)
    return str(_whole(typed[field.name]) * int(unit))


def _frames(field: Field, typed: Typed) -> str:
    chosen = typed[field.name]
    if chosen not in {key for key, _ in _FRAMES}:
        raise ValueError(chosen)
    return " ".join(typed[field.name + LIST].split()) if chosen == "list" else chosen


def _whole(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= _DIGITS_MAX):
        raise ValueError(text)
    return int(text)


_READ: Final[Mapping[Kind, Callable[[Field, Typed], str]]] = {
    Kind.TICK: _tick,
    Kind.NUMBER: _number,
    Kind.MONEY: _money,
    Kind.SECONDS: _span,
    Kind.MILLISECONDS: _span,
    Kind.FRAMES: _frames,
}


def options_of(field: Field) -> Options:
    """Return the choices of a field; none for what is typed freely."""
    if field.kind is Kind.FRAMES:
        return _FRAMES
    return field.options() if field.options else UNITS.get(field.kind, ())


def translated(options: Options, language: str) -> list[tuple[str, str]]:
    """Return choices with their names in a language."""
    return [(key, translate(language, text)) for key, text in options]


def texts_of(project: Project, fields: Sequence[Field]) -> dict[str, str]:
    """Return a project's values as a form shows them, before anybody has typed."""
    shown: dict[str, str] = {}
    for field in fields:
        shown |= _texts(field, value_of(project, field))
    return shown


def value_of(project: Project, field: Field) -> Any:  # noqa: ANN401 - settings of every type
    """Return what a project has for a field."""
    return getattr(project if field.of_project else project.settings, field.name)


def _texts(field: Field, value: Any) -> dict[str, str]:  # noqa: ANN401 - settings of every type
    name = field.name
    if field.kind is Kind.TICK:
        return {name: "1" if value else ""}
    if field.kind is Kind.MONEY:
        whole, _, part = money.to_text(value, field.currency).partition(".")
        return {name: f"{int(whole):,}.{part}"}
    if field.kind in UNITS:
        if value is None:
            return {name: "", name + UNIT: "60"}
        unit = next(
            (int(key) for key, _ in reversed(UNITS[field.kind]) if value % int(key) == 0), 1
        )
        unit = unit if value else int(UNITS[field.kind][1][0])
        return {name: str(value // unit), name + UNIT: str(unit)}
    if field.kind is Kind.FRAMES:
        known = value in {"*", "'none'"}
        return {name: value if known else "list", name + LIST: "" if known else value}
    return {name: "" if value is None else str(value)}


def said(field: Field, value: Any, *, language: str) -> str:  # noqa: ANN401 - as above
    """Say a value in words, for who only reads."""
    if field.kind is Kind.TICK:
        return translate(language, ON if value else OFF)
    if value in {None, ""} and field.kind is not Kind.CHOICE:
        return "–"
    if field.kind is Kind.MONEY:
        return i18n.money_text(value, field.currency)
    texts = _texts(field, value)
    if field.kind in UNITS:
        unit = dict(UNITS[field.kind])[texts[field.name + UNIT]]
        return f"{texts[field.name]} {translate(language, unit)}"
    names = dict(options_of(field))
    chosen = texts[field.name]
    if chosen == "list":
        return str(value)
    return translate(language, names[chosen]) if names.get(chosen) else chosen


ON: Final = mark("On")
OFF: Final = mark("Off")


def rows(
    tab: Tab,
    project: Project,
    *,
    filled: Filled | None,
    language: str,
    meanwhile: Project | None = None,
) -> list[dict[str, Any]]:
    """Return a tab's sections with everything that a template needs of their fields.

    With `meanwhile`, what somebody else has written is told beside what was typed.
    """
    typed = filled.typed if filled else texts_of(project, tab.fields)
    errors = filled.errors if filled else {}
    shown = []
    for section in tab.sections:
        fields = []
        for field in section.fields:
            value = value_of(meanwhile or project, field)
            other = meanwhile is not None and _differs(field, value, typed=typed)
            fields.append(
                {
                    "field": field,
                    "typed": typed.get(field.name, ""),
                    "unit": typed.get(field.name + UNIT, ""),
                    "list": typed.get(field.name + LIST, ""),
                    "options": translated(_with_kept(field, value), language),
                    "error": errors.get(field.name, ""),
                    "said": said(field, value, language=language),
                    "meanwhile": other,
                }
            )
        shown.append({"section": section, "fields": fields})
    return shown


def _with_kept(field: Field, value: Any) -> Options:  # noqa: ANN401 - settings of every type
    """Return the choices, with the one that is kept though it is no longer offered."""
    options = options_of(field)
    if field.kind is Kind.CHOICE and str(value) not in {key for key, _ in options}:
        return [*options, (str(value), str(value))]
    return options


def _differs(field: Field, value: Any, *, typed: Typed) -> bool:  # noqa: ANN401 - as above
    kept = _texts(field, value)
    return any(typed.get(name, "") != text for name, text in kept.items())
