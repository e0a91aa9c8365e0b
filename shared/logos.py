"""Logos: an image that somebody sent, decoded and written anew, so that nothing of the sent file is kept or sent on.

Pillow decodes: a decoder of our own for three formats would be the larger risk. Only the decoders of PNG, JPEG and WebP
are tried, whatever the file calls itself; none of them opens a second file or an address, and SVG has none here. The
size in the file's head is checked before a pixel is decoded.
"""

from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import PIL.Image

MAX_BYTES = 256 * 1024
"""Upper bound of a logo, as it is sent and as it is kept."""

MAX_PIXELS = 16_000_000
"""Upper bound of the pixels that are decoded: 64 MB of memory for as long as that takes."""

KEPT_WIDTH, KEPT_HEIGHT = 1200, 480
"""A logo is kept no larger than this: on a certificate it is at most 90 mm wide and 18 mm high."""

_TOO_LARGE = "The image has too many pixels; send it smaller, such as 1200 by 480."

FORMATS = {"image/png": "PNG", "image/jpeg": "JPEG", "image/webp": "WEBP"}


class NoLogo(Exception):
    """The file cannot be a logo. Its text is a sentence that says why and what to do."""


@dataclass(frozen=True)
class Logo:
    """A logo as it is kept: a PNG, with its size in pixels."""

    png: bytes
    width: int
    height: int


def decoded(sent: bytes) -> Logo:
    """Return a logo as it is kept. Raises NoLogo."""
    from PIL import Image, UnidentifiedImageError

    if len(sent) > MAX_BYTES:
        raise NoLogo(f"The file has {len(sent):,} bytes; send at most {MAX_BYTES // 1024} KiB.")
    try:
        with Image.open(BytesIO(sent), formats=tuple(FORMATS.values())) as opened:
            width, height = opened.size
            if width * height > MAX_PIXELS:
                raise NoLogo(_TOO_LARGE)
            image = opened.convert("RGBA")
    except NoLogo:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise NoLogo(_TOO_LARGE) from None
    except UnidentifiedImageError:
        raise NoLogo("This is no PNG, JPEG or WebP image; save the logo as one of these.") from None
    except Exception:  # whatever a decoder says about a broken file, it is of no use to the sender
        raise NoLogo("The image cannot be decoded; save it again as PNG, JPEG or WebP.") from None
    image.thumbnail((KEPT_WIDTH, KEPT_HEIGHT))
    png = _written(image)
    while len(png) > MAX_BYTES:  # noise of this size does not compress
        image.thumbnail((max(1, image.width * 2 // 3), max(1, image.height * 2 // 3)))
        png = _written(image)
    return Logo(png, image.width, image.height)


def _written(image: "PIL.Image.Image") -> bytes:
    """Return a PNG of the pixels alone: without the texts, profiles and places that the sent file may have."""
    from PIL import Image

    bare = Image.new("RGBA", image.size)
    bare.paste(image)
    kept = BytesIO()
    bare.save(kept, "PNG", optimize=True)
    return kept.getvalue()
