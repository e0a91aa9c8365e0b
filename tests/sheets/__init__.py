"""Files with tables: CSV and workbooks, friendly and hostile."""
