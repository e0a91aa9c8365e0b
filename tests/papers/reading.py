"""Reads PDF files as a receiver does: the text, the properties, and whether they are tagged."""

import unicodedata
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from pypdf import PdfReader


@dataclass(frozen=True)
class Paper:
    """A PDF that was read."""

    text: str
    title: str
    language: str
    tagged: bool
    standards: str
    pages: int
    images: int


def read_pdf(answer: Any) -> Paper:
    """Read the PDF in an answer. Fails for an answer that is none."""
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"] == "application/pdf"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="')
    return read_bytes(answer.content)


def read_bytes(content: bytes) -> Paper:
    """Read a PDF."""
    reader = PdfReader(BytesIO(content))
    root: Any = reader.trailer["/Root"]
    metadata = reader.metadata
    return Paper(
        text=unicodedata.normalize("NFC", "\n".join(page.extract_text() for page in reader.pages)),
        title=(metadata.title if metadata else "") or "",
        language=str(root.get("/Lang")),
        tagged=bool(root.get("/MarkInfo", {}).get("/Marked")) and "/StructTreeRoot" in root,
        standards=root["/Metadata"].get_data().decode() if "/Metadata" in root else "",
        pages=len(reader.pages),
        images=sum(len(page.images) for page in reader.pages),
    )
