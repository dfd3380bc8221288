"""How the Payment Page looks: designs by number, pictures, and a preview beside the form."""

from base64 import b64encode
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
from starlette.datastructures import UploadFile
from starlette.responses import Response

from sampan.codecs.pictures import media_type
from sampan.codecs.qr_image import ImageError
from sampan.dashboard.project_forms import translated
from sampan.dashboard.project_pages import (
    LIST,
    act_of,
    card_of,
    language,
    path_of,
    seen_of,
    tab_page,
)
from sampan.dashboard.project_tabs import DESIGN
from sampan.dashboard.visit import Visit
from sampan.dashboard.ways import Way
from sampan.domain.look import PICTURE_BYTES_MAX, Look, Picture
from sampan.domain.project import Project
from sampan.domain.rights import Right
from sampan.flow import designs
from sampan.storage import page_styles
from sampan.storage.page_styles import Style
from sampan.storage.projects import Card
from sampan.web import i18n
from sampan.web.i18n import mark
from sampan.web.preview import Example, Preview, Scheme
from sampan.web.security import page_headers

FORM_BYTES_MAX: Final = 8 * 1_048_576
"""More than two pictures need: who chooses a photograph is told so at its field."""
NAME_CHARS_MAX: Final = 100
_HEADERS: Final = {"frame-src": "'self'"}
EXAMPLES: Final = (
    (Example.PAY, mark("The QR code")),
    (Example.CHOOSE, mark("Before the QR code")),
    (Example.PAID, mark("Paid")),
    (Example.DECLINED, mark("Declined")),
)
SCHEMES: Final = (
    (Scheme.DEVICE, mark("As this device")),
    (Scheme.LIGHT, mark("Light")),
    (Scheme.DARK, mark("Dark")),
)
CHANGED_MEANWHILE: Final = mark(
    "Somebody else has changed this design since you opened it. Nothing is saved yet: what is kept"
    " stands below what you typed; save again to replace it."
)
BAD_COLOUR: Final = mark("A colour has the form #0f5c63. Empty: our own.")
BAD_TEXT: Final = mark("At most 100 characters.")
BAD_NUMBER: Final = mark("A number from 0 to 999999999.")
BAD_PICTURE: Final = mark("This is no PNG, JPEG or WebP picture that can be read.")
LARGE_PICTURE: Final = mark("The picture has more than 64 KiB. Please make it smaller.")
_TEXTS: Final = ("name", "title", "accent", "background")
_PICTURES: Final = ("logo", "artwork")


@dataclass(slots=True)
class Drawn:
    """What a form says of a design: texts as typed, the style they mean, sentences by field."""

    typed: dict[str, str] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    style: Style = field(default_factory=lambda: _no_style(0))


def _no_style(number: int) -> Style:
    return Style(number=number, name="", look=Look(), updated_us=0)


async def design(visit: Visit) -> Response:
    """Show a design of the Payment Page: the usual one, or the one that `?style=` names."""
    card = await card_of(visit)
    number = _number(visit.asked("style"))
    styles = await _styles(visit, card)
    fresh = visit.asked("style") == "new"
    if fresh:
        number = max(styles, default=0) + 1
    style = styles.get(number) or _no_style(number)
    return _page(visit, card, styles=styles, drawn=_as_kept(style), more={"fresh": fresh})


async def save(visit: Visit) -> Response:
    """Keep a design."""
    card = await card_of(visit)
    styles = await _styles(visit, card)
    drawn = await _read(visit, styles)
    if drawn.errors:
        return _page(visit, card, styles=styles, drawn=drawn, more={"status": 400})
    key, act, seen_us = card.project.id, act_of(visit), seen_of(visit, "updated_us")
    kept = await visit.desk.store.transact(
        lambda tx: designs.keep(tx, key, drawn.style, act=act, seen_us=seen_us)
    )
    if kept is None:
        styles = await _styles(visit, card)
        there = styles.get(drawn.style.number) or _no_style(drawn.style.number)
        more = {"status": 409, "fault": CHANGED_MEANWHILE, "there": there}
        return _page(visit, card, styles=styles, drawn=drawn, more=more)
    return visit.go(f"{path_of(card.project, DESIGN)}?style={kept.number}", said="saved")


async def remove(visit: Visit) -> Response:
    """Remove a design; pages that ask for it then look as usual."""
    card, act, number = await card_of(visit), act_of(visit), _number(visit.text("number"))
    await visit.desk.store.transact(lambda tx: designs.remove(tx, card.project.id, number, act=act))
    return visit.go(path_of(card.project, DESIGN), said="design-removed")


async def preview(visit: Visit) -> Response:
    """Draw the page as a design is kept, with texts of the address laid over it."""
    card = await card_of(visit)
    styles = await _styles(visit, card)
    style = styles.get(_number(visit.asked("style"))) or _no_style(0)
    given = visit.request.query_params
    texts = {name: visit.asked(name) for name in _TEXTS[1:] if name in given}
    return _drawn(visit, card.project, look=_with_texts(style.look, texts), asked=visit.asked)


async def preview_typed(visit: Visit) -> Response:
    """Draw the page as the form says, pictures too; nothing is kept."""
    card = await card_of(visit)
    drawn = await _read(visit, await _styles(visit, card))
    return _drawn(visit, card.project, look=drawn.style.look, asked=visit.text)


def _drawn(visit: Visit, project: Project, *, look: Look, asked: Any) -> Response:  # noqa: ANN401
    chosen, scheme, code = asked("example"), asked("scheme"), asked("language")
    wanted = Preview(
        project=project,
        look=look,
        example=Example(chosen) if chosen in set(Example) else Example.PAY,
        scheme=Scheme(scheme) if scheme in set(Scheme) else Scheme.DEVICE,
        language=code if code in i18n.LANGUAGES else language(visit),
        now_us=visit.now_us,
    )
    return visit.desk.preview(visit.request, wanted)


async def _styles(visit: Visit, card: Card) -> dict[int, Style]:
    key = card.project.id
    found = await visit.desk.store.read(lambda tx: page_styles.of_project(tx, key))
    return {style.number: style for style in found}


def _number(text: str) -> int:
    """Return a design's number; the usual design's for what is none."""
    fits = text.isascii() and text.isdigit() and len(text) <= len(str(designs.NUMBER_MAX))
    return int(text) if fits else 0


def _as_kept(style: Style) -> Drawn:
    look = style.look
    texts = {"title": look.title, "accent": look.accent, "background": look.background}
    typed = {"number": str(style.number), "name": style.name, **texts}
    return Drawn(typed=typed, style=style)


async def _read(visit: Visit, styles: dict[int, Style]) -> Drawn:
    """Read the form. Texts and pictures that do not fit are left out of the style."""
    typed = {name: visit.text(name)[:256] for name in ("number", *_TEXTS)}
    drawn = Drawn(typed=typed)
    number = _number(typed["number"])
    if str(number) != typed["number"]:
        drawn.errors["number"] = BAD_NUMBER
    before = styles.get(number) or _no_style(number)
    for name in _TEXTS[:2]:
        if len(typed[name]) > NAME_CHARS_MAX or not typed[name].isprintable():
            drawn.errors[name] = BAD_TEXT
    for name in _TEXTS[2:]:
        typed[name] = typed[name].lower()
        if _with_texts(Look(), {name: typed[name]}) == Look() and typed[name]:
            drawn.errors[name] = BAD_COLOUR
    texts = {name: typed[name] for name in _TEXTS[1:] if name not in drawn.errors}
    look = _with_texts(before.look, texts)
    for name in _PICTURES:
        picture, fault = await _picture(visit, name)
        if fault:
            drawn.errors[name] = fault
        elif picture or visit.text(f"{name}_remove"):
            look = msgspec.structs.replace(look, **{name: picture})
    drawn.style = Style(number=number, name=typed["name"], look=look, updated_us=before.updated_us)
    return drawn


def _with_texts(look: Look, texts: dict[str, str]) -> Look:
    """Return the look with those of the texts that fit."""
    for name, text in texts.items():
        changed = msgspec.structs.replace(look, **{name: text})
        try:
            look = msgspec.json.decode(msgspec.json.encode(changed), type=Look)
        except msgspec.ValidationError:
            continue
    return look


async def _picture(visit: Visit, name: str) -> tuple[Picture | None, str]:
    """Return the picture that was sent, and what is wrong with it."""
    file = visit.form.get(name)
    if not isinstance(file, UploadFile) or not file.filename:
        return None, ""
    data = await file.read()
    if len(data) > PICTURE_BYTES_MAX:
        return None, LARGE_PICTURE
    try:
        return Picture(media_type(data), data), ""
    except ImageError:
        return None, BAD_PICTURE


def _page(
    visit: Visit, card: Card, *, styles: dict[int, Style], drawn: Drawn, more: dict[str, Any]
) -> Response:
    here, style = path_of(card.project, DESIGN), drawn.style
    kept, code = styles.get(style.number), language(visit)
    context = {
        "styles": [(one.number, one.name, f"{here}?style={one.number}") for one in styles.values()],
        "style": style,
        "kept": kept,
        "typed": drawn.typed,
        "errors": drawn.errors,
        "examples": translated(EXAMPLES, code),
        "schemes": translated(SCHEMES, code),
        "page_languages": [(key, one.name) for key, one in i18n.LANGUAGES.items()],
        "code": code,
        "preview": f"{here}/preview",
        # Who was told of a wrong field has still seen only what they saw before.
        "updated_us": visit.text("updated_us")
        if drawn.errors
        else (kept.updated_us if kept else 0),
        "pictures": {name: _data(getattr(style.look, name)) for name in _PICTURES},
        "fresh": False,
        "there": None,
        "headers": page_headers(sources=_HEADERS),
    }
    return tab_page(visit, DESIGN, card=card, template="design.html", more=context | more)


def _data(picture: Picture | None) -> str:
    if picture is None:
        return ""
    return f"data:{picture.media_type};base64,{b64encode(picture.data).decode()}"


_PATH: Final = f"{LIST}/{{project_id}}/{DESIGN.path}"
WAYS: Final = (
    Way("GET", _PATH, design, Right.VIEW_PROJECTS),
    Way("POST", _PATH, save, Right.PROJECT_SETTINGS, FORM_BYTES_MAX),
    Way("POST", f"{_PATH}/remove", remove, Right.PROJECT_SETTINGS),
    Way("GET", f"{_PATH}/preview", preview, Right.VIEW_PROJECTS),
    Way("POST", f"{_PATH}/preview", preview_typed, Right.PROJECT_SETTINGS, FORM_BYTES_MAX),
)
