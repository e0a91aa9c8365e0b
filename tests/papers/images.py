"""Image files that tests send as logos."""

from io import BytesIO
from typing import Any

from PIL import Image


def image(form: str = "PNG", size: tuple[int, int] = (300, 100), **options: Any) -> bytes:
    """Return an image file of one colour."""
    sent = BytesIO()
    Image.new("RGB", size, (20, 96, 63)).save(sent, form, **options)
    return sent.getvalue()
