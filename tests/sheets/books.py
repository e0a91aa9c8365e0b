"""Workbooks as the tests need them, written part by part, so that each can be wrong in its own way."""

import io
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from xml.sax.saxutils import escape

_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_RELATION = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_STYLES = (
    f'{_HEAD}<styleSheet xmlns="{_MAIN}"><fonts count="1"><font/></fonts><fills count="1"><fill/></fills>'
    '<borders count="1"><border/></borders><cellXfs count="2"><xf numFmtId="0"/>'
    '<xf numFmtId="14" applyNumberFormat="1"/></cellXfs></styleSheet>'
)


@dataclass(frozen=True)
class Formula:
    """A formula. stored: the value that was saved with it."""

    text: str
    stored: str | None = None


@dataclass(frozen=True)
class Raw:
    """A cell as XML. It contains {at} where its reference belongs."""

    xml: str


def letters(place: int) -> str:
    found = ""
    while place >= 0:
        place, letter = place // 26 - 1, place % 26
        found = chr(65 + letter) + found
    return found


def cell(at: str, value: Any) -> str:
    match value:
        case None | "":
            return ""
        case Raw():
            return value.xml.format(at=at)
        case Formula():
            stored = "" if value.stored is None else f"<v>{escape(value.stored)}</v>"
            return f'<c r="{at}" t="str"><f>{escape(value.text)}</f>{stored}</c>'
        case bool():
            return f'<c r="{at}" t="b"><v>{int(value)}</v></c>'
        case date():
            return f'<c r="{at}" s="1"><v>{(value - date(1899, 12, 30)).days}</v></c>'
        case int() | float():
            return f'<c r="{at}"><v>{value}</v></c>'
        case _:
            return f'<c r="{at}" t="inlineStr"><is><t xml:space="preserve">{escape(value)}</t></is></c>'


def sheet(rows: Sequence[Sequence[Any]], merged: Sequence[str] = ()) -> str:
    lines = "".join(
        f'<row r="{n}">{"".join(cell(f"{letters(place)}{n}", value) for place, value in enumerate(row))}</row>'
        for n, row in enumerate(rows, start=1)
    )
    ranges = "".join(f'<mergeCell ref="{each}"/>' for each in merged)
    return (
        f'{_HEAD}<worksheet xmlns="{_MAIN}"><sheetData>{lines}</sheetData>'
        f"{f'<mergeCells>{ranges}</mergeCells>' if ranges else ''}</worksheet>"
    )


def parts(sheets: Mapping[str, str], hidden: Sequence[str] = ()) -> dict[str, str]:
    """The parts of a workbook. sheets: the XML of each by its name."""
    state = {name: "hidden" if name in hidden else "visible" for name in sheets}
    listed = "".join(
        f'<sheet name="{escape(name)}" sheetId="{n}" r:id="rId{n}" state="{state[name]}"/>'
        for n, name in enumerate(sheets, start=1)
    )
    related = "".join(
        f'<Relationship Id="rId{n}" Type="{_RELATION}/worksheet" Target="worksheets/sheet{n}.xml"/>'
        for n in range(1, len(sheets) + 1)
    )
    return {
        "[Content_Types].xml": f'{_HEAD}<Types xmlns="{_PACKAGE}/content-types"></Types>',
        "_rels/.rels": f'{_HEAD}<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="rId1" '
        f'Type="{_RELATION}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'{_HEAD}<workbook xmlns="{_MAIN}" xmlns:r="{_RELATION}"><sheets>{listed}</sheets>'
        "</workbook>",
        "xl/_rels/workbook.xml.rels": f'{_HEAD}<Relationships xmlns="{_PACKAGE}/relationships">{related}'
        f'<Relationship Id="rId999" Type="{_RELATION}/styles" Target="styles.xml"/></Relationships>',
        "xl/styles.xml": _STYLES,
        **{f"xl/worksheets/sheet{n}.xml": xml for n, xml in enumerate(sheets.values(), start=1)},
    }


def packed(files: Mapping[str, str | bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def book(rows: Sequence[Sequence[Any]], merged: Sequence[str] = (), **others: Sequence[Sequence[Any]]) -> bytes:
    """A workbook of one sheet, or of several. others: rows by the sheet's name."""
    sheets = {"Sheet1": sheet(rows, merged)} | {name: sheet(each) for name, each in others.items()}
    return packed(parts(sheets))
