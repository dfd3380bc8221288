"""Pictures that merchants upload: what they are, whatever their names say."""

from io import BytesIO
from typing import Final

from PIL import Image

from sampan.codecs.qr_image import ImageError

FORMATS: Final = {"PNG": "image/png", "JPEG": "image/jpeg", "WEBP": "image/webp"}
"""Formats that every browser shows and that can run nothing."""
SIDE_PX_MAX: Final = 4_096


def media_type(data: bytes) -> str:
    """Return the media type of a PNG, JPEG or WebP picture.

    Raises `ImageError` for anything else, a damaged file and a side of more than `SIDE_PX_MAX`.
    """
    try:
        with Image.open(BytesIO(data), formats=tuple(FORMATS)) as opened:
            found, side = FORMATS[str(opened.format)], max(opened.size)
            opened.verify()
    # A damaged file makes Pillow raise nearly anything.
    except Exception as error:
        raise ImageError("the file is not a readable PNG, JPEG or WebP picture") from error
    if side > SIDE_PX_MAX:
        raise ImageError(f"the picture is wider or higher than {SIDE_PX_MAX} px")
    return found
