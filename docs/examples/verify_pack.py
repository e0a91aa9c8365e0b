"""Verify a pack of evidence with Python alone: python verify_pack.py PACK.zip SEQUENCE:HASH:ROOT

The head must come from a place where whoever made the pack cannot write. Exit code 1 if something is wrong.
"""

import json
import sys
import zipfile
import zlib
from collections.abc import Iterator
from hashlib import sha256


def root_of(form: str, index: int, size: int, path: list[str]) -> str:
    """Returns the root to which a proof leads (RFC 9162, 2.1.3.2)."""
    found, last = sha256(b"\0" + form.encode()).digest(), size - 1
    for beside in map(bytes.fromhex, path):
        if index & 1 or index == last:
            found = sha256(b"\1" + beside + found).digest()
            while index and not index & 1:
                index, last = index >> 1, last >> 1
        else:
            found = sha256(b"\1" + found + beside).digest()
        index, last = index >> 1, last >> 1
    return found.hex() if last == 0 else ""


def faults(pack: zipfile.ZipFile, head: str) -> Iterator[str]:
    """Yields a sentence for each fault. A changed byte of a file that cannot be unpacked raises BadZipFile."""
    size, root = int(head.split(":")[0]), head.split(":")[2]
    manifest = json.loads(pack.read("manifest.json"))
    about = manifest["head"]
    if f"{about['sequence']}:{about['hash']}:{about['rootHash']}" != head:
        yield f"The pack leads to another head, at {about['sequence']}: the past was rewritten, or yours is older."
    listed = {file["name"]: file["sha256"] for file in manifest["files"]}
    names = {*listed, *pack.namelist()} - {"manifest.json"}
    there = {name: sha256(pack.read(name)).hexdigest() for name in pack.namelist()}
    altered = {name for name in names if name not in there or there[name] != listed.get(name)}
    yield from (f"{name} was altered, added or removed." for name in sorted(altered))
    for name in sorted(name for name in names - altered if name.startswith("people/")):
        person, proved = json.loads(pack.read(name)), {}
        for proof in person["proofs"]:
            event = json.loads(proof["form"])
            proved[event["sequence"]] = event["type"], event["subject"], event["party_id"]
            if root_of(proof["form"], event["sequence"] - 1, size, proof["path"]) != root:
                yield f"{name}: event {event['sequence']} is not in the record."
        for things, noun in (("licences", "licence"), ("completions", "assignment")):
            for subject, told in [(f"{noun}/{each['id']}", told) for each in person[things] for told in each["events"]]:
                wanted = told["type"], subject, person["partyId"]
                if told["sequence"] <= size and proved.get(told["sequence"]) != wanted:
                    yield f"{name}: event {told['sequence']} of {subject} is missing."


if __name__ == "__main__":
    try:
        found = list(faults(zipfile.ZipFile(sys.argv[1]), sys.argv[2]))
    except (zipfile.BadZipFile, zlib.error, ValueError, KeyError) as error:
        found = [f"The file was altered, or is no pack: {error}"]
    print("\n".join(found) or "Every file and every event is as recorded.")
    sys.exit(bool(found))
