"""Verify a pack with Python alone: python verify_pack.py PACK.zip HEAD [PROOF.json LATER_HEAD] (docs/proof.md)."""

import json
import sys
import zipfile
from hashlib import sha256
from pathlib import Path


def leads(proof, head):  # whether a proof leads to the root (RFC 9162, 2.1.3.2)
    found, index, last = sha256(b"\0" + proof["form"].encode()).digest(), proof["sequence"] - 1, int(head[0]) - 1
    for beside in map(bytes.fromhex, proof["path"]):
        right = index & 1 or index == last
        found = sha256(b"\1" + (beside + found if right else found + beside)).digest()
        index, last = (n >> ((index & -index).bit_length() if right else 1) for n in (index, last))
    return last == 0 and found.hex() == head[2] and json.loads(proof["form"])["sequence"] == proof["sequence"]


def faults_of(person, head):  # a sentence for each thing in a person's file that its proofs do not prove
    proofs, ids, undone, known, shown = person["proofs"], {person["partyId"]}, {}, {}, set()
    yield from (f"event {one['sequence']} is not in the record." for one in proofs if not leads(one, head))
    for event in sorted((json.loads(one["form"]) for one in proofs), key=lambda event: -event["sequence"]):
        data, who, about, kind = event["data"], event["party_id"], event["subject"].split("/")[1], event["type"]
        if kind == "party.restored" and who in ids:  # from the last event back; ids: those of the person then
            undone[data["undoOf"]], ids = ids, ids | {data["from"]}
        elif kind in ("party.merged", "party.renumbered") and {data.get("into"), data.get("entityId")} & ids:
            ids = undone.pop(data["jobId"], ids | {who})
        elif who in ids:
            more = {"licence.revoked": {"revokedAt": event["recorded_at"]}, "licence.restored": {"revokedAt": None}}
            known[about] = more.get(kind, {}) | data | known.get(about, {})
            shown.add((event["sequence"], kind, about))
    for told, found in ((told, known.get(told["id"], {})) for told in person["licences"] + person["completions"]):
        out = [x["sequence"] for x in told["events"] if undone or (x["sequence"], x["type"], told["id"]) not in shown]
        yield from (f"event {n} of {told['id']} is {'missing' if n <= int(head[0]) else 'past the head'}." for n in out)
        says = {"expiresAt": "", "revokedAt": None, "occurredOn": "", "validFrom": found.get("grantedAt")} | found
        wrong = [name for name in told if name in says and str(told[name])[:19] != str(says[name])[:19] and not out]
        yield from (f"{name} of {told['id']} is not what its events say." for name in wrong)


try:
    pack, head = zipfile.ZipFile(sys.argv[1]), sys.argv[2].split(":")
    names, manifest = pack.namelist(), json.loads(pack.read("manifest.json"))
    there = {name: sha256(pack.read(name)).hexdigest() for name in names}
    listed = {file["name"]: file["sha256"] for file in manifest["files"]} | {"manifest.json": there["manifest.json"]}
    altered = {name for name in {*names, *listed} if names.count(name) != 1 or there.get(name) != listed.get(name)}
    other = [str(manifest["head"][name]) for name in ("sequence", "hash", "rootHash")] != head
    faults = ["The pack leads to another head: the past was rewritten, or yours is of another day."] * other
    faults += [f"{name} was altered, added, removed or repeated." for name in sorted(altered)]
    for name in sorted(name for name in {*listed} - altered if name.startswith("people/")):
        faults += [f"{name}: {fault}" for fault in faults_of(json.loads(pack.read(name)), head)]
    if sys.argv[3:]:
        made = json.loads(Path(sys.argv[3]).read_text())
        event = json.loads(made["form"]) if leads(made, sys.argv[4].split(":")) else {"type": "none of that head"}
        if event["type"] != "pack.made" or event["data"]["manifestHash"] != there["manifest.json"]:
            faults += ["The proof is not that of the event pack.made of this manifest in the later head."]
except Exception as error:
    faults = [f"The file was altered, or is no pack: {error}"]
said = "The events shown are in the record, and every file is the one in the manifest.\nThe event pack.made"
print("\n".join(faults) or f"{said} {'holds' if sys.argv[3:] else 'must hold'} its SHA-256: {there['manifest.json']}")
sys.exit(bool(faults))
