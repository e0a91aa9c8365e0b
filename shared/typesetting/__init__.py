"""Papers: PDF files, typeset by typst from a template of ours and from texts in the reader's language.

The texts are values, never markup. A paper is tagged (PDF/UA-1) and kept for long (PDF/A-2a), and the same content
always gives the same bytes. The fonts are those of the packages, and of the folder in `ROLLCALL_FONT_FOLDER`. typst
says nothing of a letter that no font has, so such letters are looked for before: the paper draws ◌ for each and
names their script.
Why typst: docs/decisions/0031-papers.md.
"""

from shared.typesetting.drawing import typeset
from shared.typesetting.fonts import DrawnTexts, drawable, fonts_in

__all__ = ["DrawnTexts", "drawable", "fonts_in", "typeset"]
