"""Records of the past: licences that were earned elsewhere or before, which an import brings in.

A record is a row of `licence` with `record_key`. It differs from other licences: it reaches back to the day of its
training, it is never shown as earned here, and an undo takes it out as if it had never been.

- `models`: the rows of an import that have not gone in yet.
- `schemas`: a record on the wire, and the answer of a preview.
- `reading`: parses rows of JSON, NDJSON and CSV.
- `storing`: keeps the rows of an import until its job has done them.
- `deciding`: what becomes of each row. A preview and the job's chunk decide by the same function.
- `importing`: the work of a chunk.
- `undoing`: takes out what an import brought in.
"""
