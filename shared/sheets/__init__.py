"""Files with tables as people have them: CSV in any usual encoding with any usual separator, and workbooks (.xlsx).

One package for every noun that is imported. It finds encoding, separator, sheet, header and rows with their places,
matches the columns with the fields that the noun declares (`Fields`), reads days, bounds hostile workbooks, and gives
each row a value to validate or a sentence that says why there is none. `contents_of` is the whole of it for an import;
`table_in` for a page that shows what columns were taken for, with some rows. It knows no noun and no database.
"""

from shared.sheets.cells import BAD_CELL, BAD_LINE, BOM, NotReadable, column_key, escaped, is_lost, line, unescaped
from shared.sheets.columns import Columns, Fields, Meanings, match, meaning_of
from shared.sheets.contents import (
    JSON,
    MEDIA_TYPES,
    NDJSON,
    Body,
    Contents,
    Raw,
    contents_of,
    opened_of,
    refused,
    table_in,
)
from shared.sheets.repairing import ERROR_COLUMN, placed, rows_to_repair
from shared.sheets.tables import CSV, XLSX, Opened, Table, open_file, table_of

__all__ = [
    "BAD_CELL",
    "BAD_LINE",
    "BOM",
    "CSV",
    "ERROR_COLUMN",
    "JSON",
    "MEDIA_TYPES",
    "NDJSON",
    "XLSX",
    "Body",
    "Columns",
    "Contents",
    "Fields",
    "Meanings",
    "NotReadable",
    "Opened",
    "Raw",
    "Table",
    "column_key",
    "contents_of",
    "escaped",
    "is_lost",
    "line",
    "match",
    "meaning_of",
    "open_file",
    "opened_of",
    "placed",
    "refused",
    "rows_to_repair",
    "table_in",
    "table_of",
    "unescaped",
]
