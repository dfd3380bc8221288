"""Designs of the Payment Page in the Dashboard: forms, pictures, and the preview."""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from hashlib import sha256
from io import BytesIO

import pytest
from PIL import Image

from sampan.codecs import emv_qr, qr_image
from sampan.domain.look import PICTURE_BYTES_MAX, Look
from sampan.domain.rights import Role
from sampan.flow import designs
from sampan.storage import page_styles
from sampan.storage.engine import Tx
from sampan.storage.page_styles import Style
from tests.support.platform import ProjectClient, RunningPlatform
from tests.support.staff import Member, Staff, text_of

LOOK = {"title": "海港茶舍", "accent": "#8a2be2", "background": "#f7f1e5"}
TEXTS = {"name": "New Year", **LOOK}


@pytest.fixture(scope="module")
def project(platform: RunningPlatform) -> ProjectClient:
    """A project; each test has designs of its own numbers."""
    return platform.add_project("", secret="s" * 40)


@pytest.fixture(scope="module")
def amy(platform: RunningPlatform) -> Member:
    """An admin at work."""
    return Staff(platform).member()


def picture(form: str = "PNG", side: int = 8) -> bytes:
    """Return a picture."""
    out = BytesIO()
    Image.effect_noise((side, side), 90).convert("RGB").save(out, form)
    return out.getvalue()


def path(project: ProjectClient) -> str:
    """Return the address of the tab."""
    return f"/projects/{project.id}/design"


def kept(platform: RunningPlatform, project: ProjectClient, number: int) -> Style | None:
    """Return a design as it is kept."""
    found = platform.read(lambda tx: page_styles.of_project(tx, project.id))
    return next((style for style in found if style.number == number), None)


def seen(amy: Member, project: ProjectClient, number: int) -> str:
    """Return when the design that a page shows was changed, as its form says."""
    html = amy.get(path(project), style=number).raw.decode()
    found = re.search(r'name="updated_us" value="(\d+)"', html)
    assert found
    return found[1]


def test_design(platform: RunningPlatform, project: ProjectClient, amy: Member) -> None:
    """A design is kept, shown again, listed by its name, and removed."""
    answer = amy.post(path(project), number="1", updated_us="0", **TEXTS)
    assert answer.headers["location"] == f"/dashboard{path(project)}?style=1&said=saved"
    style = kept(platform, project, 1)
    assert style is not None
    assert style.name == "New Year"
    assert style.look == Look(title="海港茶舍", accent="#8a2be2", background="#f7f1e5")
    html = amy.get(path(project), style="1").raw.decode()
    assert all(f'value="{text}"' in html for text in TEXTS.values())
    assert "New Year" in text_of(amy.get(path(project)))
    answer = amy.post(f"{path(project)}/remove", number="1")
    assert answer.headers["location"].endswith("?said=design-removed")
    assert kept(platform, project, 1) is None
    assert amy.post(f"{path(project)}/remove", number="1").status == 303


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("name", ["logo", "artwork"])
def test_pictures(
    platform: RunningPlatform, project: ProjectClient, amy: Member, name: str, form: str
) -> None:
    """A picture is kept with the texts, stays when others change, and is taken away."""
    image, sent = picture(form), {"number": "2", **LOOK}
    answer = amy.upload(
        path(project), file=image, name=name, updated_us=seen(amy, project, 2), **sent
    )
    assert answer.status == 303
    style = kept(platform, project, 2)
    assert style is not None
    made = getattr(style.look, name)
    assert (made.media_type, made.data) == (f"image/{form.lower()}", image)
    changed = sent | {"title": "Other"}
    assert amy.post(path(project), updated_us=seen(amy, project, 2), **changed).status == 303
    style = kept(platform, project, 2)
    assert style is not None
    assert style.look.title == "Other"
    assert getattr(style.look, name) == made
    away = sent | {f"{name}_remove": "1"}
    assert amy.post(path(project), updated_us=seen(amy, project, 2), **away).status == 303
    style = kept(platform, project, 2)
    assert style is not None
    assert getattr(style.look, name) is None


SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'


@pytest.mark.parametrize(
    ("file", "told"),
    [
        (SVG, "no PNG, JPEG or WebP"),
        (b"GIF89a", "no PNG, JPEG or WebP"),
        (picture()[:40], "no PNG, JPEG or WebP"),
        (b"", "no PNG, JPEG or WebP"),
        (picture(side=400), "more than 64 KiB"),
        (b"\x89PNG" * PICTURE_BYTES_MAX, "more than 64 KiB"),
    ],
)
def test_bad_picture(
    platform: RunningPlatform, project: ProjectClient, amy: Member, file: bytes, told: str
) -> None:
    """What is no picture, or too large a one, is told at its field, and nothing is kept."""
    answer = amy.upload(path(project), file=file, name="logo", number="3", updated_us="0", **LOOK)
    assert answer.status == 400
    assert told in text_of(answer)
    assert f'value="{TEXTS["title"]}"' in answer.raw.decode()
    assert kept(platform, project, 3) is None


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("number", "x"),
        ("number", "-1"),
        ("number", "01"),
        ("number", "1000000000"),
        ("number", ""),
        ("name", "茶" * 101),
        ("title", "a\0b"),
        ("title", "x" * 200),
        ("accent", "red"),
        ("accent", "#fff"),
        ("background", "#12345g"),
        ("background", "#123456;}"),
    ],
)
def test_bad_text(
    platform: RunningPlatform, project: ProjectClient, amy: Member, name: str, text: str
) -> None:
    """A text that does not fit is told at its field, and nothing is kept."""
    sent = {"number": "4", "updated_us": "0", **TEXTS, name: text}
    answer = amy.post(path(project), **sent)
    assert answer.status == 400
    assert f'class="error" id="d-{name}"' in answer.raw.decode()
    assert kept(platform, project, 4) is None


def test_colours_in_capitals(
    platform: RunningPlatform, project: ProjectClient, amy: Member
) -> None:
    """A colour may be typed in capitals."""
    amy.post(path(project), number="5", updated_us="0", accent="#8A2BE2")
    style = kept(platform, project, 5)
    assert style is not None
    assert style.look.accent == "#8a2be2"


def test_lost_design(platform: RunningPlatform, project: ProjectClient, amy: Member) -> None:
    """Who saves over somebody else's design is shown both first."""
    amy.post(path(project), number="6", updated_us="0", title="Theirs")
    answer = amy.post(path(project), number="6", updated_us="0", title="Mine")
    assert answer.status == 409
    words = text_of(answer)
    assert "Somebody else has changed this design" in words
    assert "Title of the page Theirs" in words
    assert 'value="Mine"' in answer.raw.decode()
    again = re.search(r'name="updated_us" value="(\d+)"', answer.raw.decode())
    assert again
    assert amy.post(path(project), number="6", updated_us=again[1], title="Mine").status == 303
    style = kept(platform, project, 6)
    assert style is not None
    assert style.look.title == "Mine"


def test_new_design_has_a_free_number(project: ProjectClient, amy: Member) -> None:
    """The form for a new design proposes a number that none has."""
    amy.post(path(project), number="70", updated_us="0", title="Seventy")
    html = amy.get(path(project), style="new").raw.decode()
    assert re.search(r'name="number" type="text" value="71"', html)


def test_too_many_designs(platform: RunningPlatform, amy: Member) -> None:
    """Designs have a bound."""
    full = platform.add_project("", secret="s" * 40)

    def fill(tx: Tx) -> None:
        for number in range(designs.STYLES_MAX):
            style = Style(number=number, name="", look=Look(), updated_us=1)
            page_styles.put(tx, full.id, style)

    platform.transact(fill)
    answer = amy.post(path(full), number="900", updated_us="0", title="More")
    assert answer.status == 409


def policy(headers: dict[str, str]) -> dict[str, str]:
    """Return the lists of a content security policy by their names."""
    parts = headers["content-security-policy"].split("; ")
    return dict(part.split(" ", 1) for part in parts)


@pytest.mark.parametrize("scheme", ["light", "dark", "device"])
@pytest.mark.parametrize("example", ["pay", "choose", "paid", "declined"])
def test_preview(project: ProjectClient, amy: Member, example: str, scheme: str) -> None:
    """The preview is the page itself, in the wished colours, harmless and only for our frames."""
    answer = amy.get(
        f"{path(project)}/preview",
        style="0",
        example=example,
        scheme=scheme,
        language="zh-hant",
        accent="#8a2be2",
        title="海港茶舍",
    )
    html = answer.raw.decode()
    assert answer.status == 200
    assert f'data-screen="{example}"' in html
    assert 'lang="zh-Hant-HK"' in html
    assert "海港茶舍" in text_of(answer)
    assert "--accent:#" in html
    assert ("prefers-color-scheme" in html) == (scheme == "device")
    lists = policy(dict(answer.headers))
    assert lists["frame-ancestors"] == "'self'"
    assert (lists["script-src"], lists["form-action"]) == ("'none'", "'none'")
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert '<script type="module"' not in html
    assert "http-equiv" not in html
    assert " inert" in html


def test_styles_of_the_preview_may_run(project: ProjectClient, amy: Member) -> None:
    """Every style inside the preview is named by its hash in the policy."""
    answer = amy.get(f"{path(project)}/preview", scheme="dark", accent="#00aa55")
    styles = re.findall(r"<style>(.*?)</style>", answer.raw.decode(), re.DOTALL)
    assert len(styles) == 2
    for text in styles:
        digest = b64encode(sha256(text.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy(dict(answer.headers))["style-src"]


def test_preview_of_unkept_pictures(
    platform: RunningPlatform, project: ProjectClient, amy: Member
) -> None:
    """A chosen picture is shown before it is kept, and previewing keeps nothing."""
    image = picture()
    answer = amy.upload(
        f"{path(project)}/preview", file=image, name="logo", number="8", example="pay", **LOOK
    )
    assert answer.status == 200
    assert f"data:image/png;base64,{b64encode(image).decode()}" in answer.raw.decode()
    assert kept(platform, project, 8) is None


def test_preview_of_kept_pictures(project: ProjectClient, amy: Member) -> None:
    """The pictures of a kept design are inside its preview."""
    image = picture("WEBP")
    sent = {"number": "9", "updated_us": "0"}
    assert amy.upload(path(project), file=image, name="artwork", **sent).status == 303
    html = amy.get(f"{path(project)}/preview", style="9", example="choose").raw.decode()
    assert f"data:image/webp;base64,{b64encode(image).decode()}" in html


@pytest.mark.parametrize(
    "query",
    [
        {"style": "x"},
        {"style": "9" * 5000},
        {"example": "late"},
        {"scheme": "pink"},
        {"language": "tlh"},
        {"accent": "</style><script>alert(1)</script>"},
        {"background": "url(x)"},
        {"title": "</title><script>alert(1)</script>"},
        {"title": "x" * 1000},
        {"title": "🍵\0"},
    ],
)
def test_preview_of_nonsense(project: ProjectClient, amy: Member, query: dict[str, str]) -> None:
    """What an address asks for that there is not is left out; nothing in it becomes a tag."""
    answer = amy.get(f"{path(project)}/preview", **query)
    assert answer.status == 200
    assert "<script>alert" not in answer.raw.decode()


def test_example_cannot_be_paid(
    platform: RunningPlatform, project: ProjectClient, amy: Member
) -> None:
    """The QR of the example is long over and no payment of ours."""
    html = amy.get(f"{path(project)}/preview").raw.decode()
    image = re.search(r'class="qr" src="data:image/png;base64,([^"]+)"', html)
    assert image
    (payload,) = qr_image.read(b64decode(image[1]))
    read = emv_qr.decode(payload)
    assert read.fps is not None
    assert read.fps.timeout_us is not None
    assert read.fps.timeout_us < platform.clock.now_us()


def test_limits_and_names(platform: RunningPlatform, amy: Member) -> None:
    """The example keeps to the project's currencies and limits, whatever it may carry in a QR."""
    one = platform.add_project(
        "",
        secret="s" * 40,
        hkd_enabled=False,
        cny_amount_min=500_000,
        payee_name_zh="🍵" * 3,
    )
    html = text_of(amy.get(f"{path(one)}/preview"))
    assert "CN¥5,000.00" in html


def test_the_page_of_the_form_may_frame_it(project: ProjectClient, amy: Member) -> None:
    """The tab may show our own pages in its frame, and nobody may show the tab."""
    lists = policy(dict(amy.get(path(project)).headers))
    assert (lists["frame-src"], lists["frame-ancestors"]) == ("'self'", "'none'")


def test_viewer_sees_the_preview(platform: RunningPlatform, project: ProjectClient) -> None:
    """Who may not change projects still sees how the page looks."""
    sue = Staff(platform).member(Role.SUPPORT)
    assert sue.get(f"{path(project)}/preview").status == 200
    assert sue.post(f"{path(project)}/preview").status == 403
    assert 'type="file"' not in sue.get(path(project)).raw.decode()
