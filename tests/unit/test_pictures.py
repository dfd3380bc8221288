"""Pictures that merchants upload: known by what they are, not by what they are called."""

from __future__ import annotations

from io import BytesIO

import pytest
from PIL import Image

from sampan.codecs.pictures import FORMATS, SIDE_PX_MAX, media_type
from sampan.codecs.qr_image import ImageError


def drawn(kind: str, size: tuple[int, int] = (8, 4)) -> bytes:
    """A picture of a kind."""
    packed = BytesIO()
    Image.new("RGB", size, "teal").save(packed, kind)
    return packed.getvalue()


@pytest.mark.parametrize("kind", FORMATS)
def test_kinds_that_browsers_show(kind: str) -> None:
    """PNG, JPEG and WebP are known by their bytes."""
    assert media_type(drawn(kind)) == FORMATS[kind]


@pytest.mark.parametrize(
    "data", [b"", b"<svg onload='alert(1)'/>", b"GIF89a", drawn("PNG")[:40], drawn("GIF")]
)
def test_what_is_no_such_picture(data: bytes) -> None:
    """Anything else is refused, pictures that could run something among it."""
    with pytest.raises(ImageError, match="not a readable"):
        media_type(data)


def test_picture_that_is_too_wide() -> None:
    """A side has a limit, whatever the file weighs."""
    with pytest.raises(ImageError, match="wider or higher"):
        media_type(drawn("PNG", (SIDE_PX_MAX + 1, 1)))
