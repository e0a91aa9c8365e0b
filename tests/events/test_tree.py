"""The tree over sealed events: as RFC 6962 has it by another's verifier, incremental, and after an upgrade."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pymerkle import InmemoryTree
from pymerkle.hasher import MerkleHasher

from cli.main import run_command
from shared.access import Permission
from shared.events import merkle, tree
from shared.events.chain import canonical, in_order
from tests.conftest import Servers
from tests.counting import reading_in
from tests.drain import InProcessWorker
from tests.events.tampering import MINE, head, record, record_many, seal, tamper
from tests.factories import Org

FORMER_SEALS = (f"UPDATE event_seal SET root = NULL WHERE {MINE}", f"DELETE FROM event_tree_node WHERE {MINE}")
"""Leaves what a former release has sealed."""


def forms(org: Org) -> list[bytes]:
    with org.transaction() as db:
        return [canonical(event) for event in in_order(db)]


def judge(org: Org, size: int) -> InmemoryTree:
    """Returns another's tree over the first events."""
    other = InmemoryTree(algorithm="sha256")
    for form in forms(org)[:size]:
        other.append_entry(form)
    return other


def ask(org: Org, what: str, **query: int) -> Any:
    return org.client(Permission.ADMIN).get(f"/v1/audit/{what}", params=query)


def proof_of(org: Org, sequence: int, size: int) -> dict[str, Any]:
    answer = ask(org, "inclusion", sequence=sequence, treeSize=size)
    assert answer.status_code == 200, answer.text
    proof: dict[str, Any] = answer.json()
    return proof


@pytest.fixture
def grown(org: Org) -> Org:
    """Returns an organization with 201 events, sealed as 1 to 1, 2 to 71, 72 to 200 and 201."""
    seal(org)
    for count in (70, 129, 1):
        record_many(org, count)
        seal(org)
    return org


def test_roots_and_paths_are_those_of_another_implementation(grown: Org) -> None:
    other = judge(grown, 201)
    assert head(grown).root == other.get_state().hex()
    for size in (1, 2, 63, 64, 65, 128, 150, 200, 201):
        root = other.get_state(size)
        for sequence in {1, 2, 64, 65, size - 1, size} & set(range(1, size + 1)):
            ours = proof_of(grown, sequence, size)
            theirs = other.prove_inclusion(sequence, size)
            assert (ours["rootHash"], [*map(bytes.fromhex, ours["path"])]) == (root.hex(), theirs.path[1:])
            leaf = MerkleHasher("sha256").hash_buff(ours["form"].encode())
            theirs.verify(leaf, root, index=sequence, size=size)


def test_heads_are_consistent_by_another_implementation(grown: Org) -> None:
    other = judge(grown, 201)
    for first, second in ((1, 201), (64, 201), (71, 200), (128, 129), (200, 201), (201, 201), (3, 7)):
        ours = ask(grown, "consistency", first=first, second=second).json()
        roots = other.get_state(first), other.get_state(second)
        assert (ours["firstRootHash"], ours["secondRootHash"]) == tuple(root.hex() for root in roots)
        assert merkle.is_consistent(first, second, roots, [*map(bytes.fromhex, ours["path"])])
        assert not merkle.is_consistent(first, second, (roots[0], bytes(32)), [*map(bytes.fromhex, ours["path"])])


def test_a_proof_takes_about_a_kilobyte_and_few_events_to_make(org: Org, servers: Servers) -> None:
    record_many(org, 19_999)
    assert (seal(org), seal(org)) == (10_000, 10_000)
    assert len(ask(org, "inclusion", sequence=12_345).content) < 1800
    with org.transaction() as db, reading_in(db) as reads:
        assert tree.tree_head(db).root is not None
        tree.prove_inclusion(db, [12_345], 20_000)
    assert reads.of("event") <= 128
    record(org, "one more")
    with org.transaction() as db, reading_in(db) as reads:
        assert tree.begin(db, 20_000) is not None
    assert reads.of("event") == 0


def test_any_change_of_a_proof_is_found(grown: Org) -> None:
    proof = proof_of(grown, 100, 201)
    path, leaf = [*map(bytes.fromhex, proof["path"])], merkle.leaf_hash(proof["form"].encode())
    root = bytes.fromhex(proof["rootHash"])
    assert merkle.root_by_inclusion(leaf, 99, 201, path) == root
    for index, size, changed in [
        (98, 201, path),
        (99, 100, path),
        (99, 201, path[1:]),
        (99, 201, [*path, root]),
        (99, 201, [*path[:3], bytes(32), *path[4:]]),
        (-1, 201, path),
        (201, 201, path),
    ]:
        assert merkle.root_by_inclusion(leaf, index, size, changed) != root


def test_events_that_are_not_sealed_are_refused(grown: Org) -> None:
    record(grown, "later")
    for what, query in (
        ("inclusion", {"sequence": 202}),
        ("inclusion", {"sequence": 1, "treeSize": 202}),
        ("inclusion", {"sequence": 150, "treeSize": 100}),
        ("consistency", {"first": 202}),
        ("consistency", {"first": 1, "second": 202}),
    ):
        answer = ask(grown, what, **query)
        assert (answer.status_code, answer.json()["type"]) == (409, "urn:rollcall:problem:not-sealed")
    assert ask(grown, "inclusion", sequence=500).status_code == 404
    assert ask(grown, "consistency", first=3, second=2).status_code == 422


def test_a_scoped_reader_gets_proofs_of_what_it_sees(org: Org) -> None:
    org.with_parties("a", folder="crew")
    org.with_parties("b", folder="office")
    seal(org)
    scoped = org.client(Permission.ADMIN, folders=["crew"])
    (about, *_) = [int(item["sequence"]) for item in scoped.get("/v1/audit/events").json()["items"]]
    assert scoped.get("/v1/audit/inclusion", params={"sequence": about}).status_code == 200
    hidden, unknown = (scoped.get("/v1/audit/inclusion", params={"sequence": n}) for n in (1, 500))
    assert (hidden.status_code, hidden.json()) == (404, unknown.json())


def test_altered_events_give_no_proof(grown: Org, servers: Servers) -> None:
    tamper(servers, grown, f"UPDATE event SET subject = 'party/other' WHERE {MINE} AND sequence = 100")
    answers = [ask(grown, "inclusion", sequence=n) for n in (100, 101, 200)]
    assert [answer.status_code for answer in answers] == [409, 409, 200]
    assert answers[0].json()["type"] == "urn:rollcall:problem:record-altered"


def test_the_tree_grows_over_what_a_former_release_sealed(org: Org, servers: Servers, worker: InProcessWorker) -> None:
    record_many(org, 20_500)
    while seal(org):
        pass
    expected = head(org)
    tamper(servers, org, *FORMER_SEALS)
    client = org.client(Permission.ADMIN)
    assert client.get("/v1/audit/head").json()["rootHash"] is None
    assert ask(org, "inclusion", sequence=1).json()["type"] == "urn:rollcall:problem:not-sealed"
    record(org, "while the tree is behind")
    seal(org)
    assert head(org).root is None
    worker.deliver("events.seal")
    assert list(worker.messages) == [("events.seal", ())]
    worker.drain()
    with org.transaction() as db:
        assert tree.covered(db) == 20_502 // 64 * 64
    again = ask(org, "consistency", first=20_501).json()
    assert (again["firstRootHash"], again["secondTreeSize"]) == (expected.root, 20_502)
    assert client.get("/v1/audit/head").json()["rootHash"] == again["secondRootHash"]
    record(org, "from now on")
    seal(org)
    assert head(org).root is not None


# --- the command

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def verify(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """`rollcall audit verify --proof` of this proof without any setting. Returns exit code, stdout and stderr."""
    monkeypatch.setattr("cli.system.find", None)

    def run(proof: Any, *heads: str) -> tuple[int, str, str]:
        path = tmp_path / "proof.json"
        path.write_text(json.dumps(proof))
        capsys.readouterr()
        given = [part for each in heads for part in ("--head", each)]
        code = run_command(["audit", "verify", "--proof", str(path), *given])
        out, err = capsys.readouterr()
        return code, out, err

    return run


def published(org: Org) -> str:
    now = head(org)
    return f"{now.sequence}:{now.hash}:{now.root}"


def test_the_command_verifies_proofs_with_nothing_but_published_heads(org: Org, verify: Command) -> None:
    record(org, "a", "b")
    seal(org)
    early, proof = published(org), proof_of(org, 2, 3)
    record(org, "c")
    seal(org)
    late, growth = published(org), ask(org, "consistency", first=3).json()
    code, out, _ = verify(proof, early)
    assert code == 0
    assert re.fullmatch(
        r"Event 2 \(party.changed of party/a, .*Z\) is one of the 3 events of the published head.\n", out
    )
    other = proof | {"form": proof["form"].replace("party/a", "party/x")}
    assert verify(other, early)[:2] == (1, "Event 2 as the proof has it is not in the tree of the published head.\n")
    assert verify(proof | {"sequence": 1}, early)[0] == 1
    held = "The first 3 of the 4 events are those of the earlier head.\n"
    assert verify(growth, early, late)[:2] == (0, held)
    forged = early[:-64] + "0" * 64
    assert verify(growth, forged, late)[0] == 1


def test_a_wrong_call_is_a_usage_error(org: Org, verify: Command) -> None:
    record(org, "a")
    seal(org)
    proof = proof_of(org, 2, 2)
    for given, heads, sentence in (
        (proof, [], "give --head 2:HASH:ROOT"),
        (proof, [published(org).rpartition(":")[0]], "give --head 2:HASH:ROOT"),
        ({"treeSize": 2}, [published(org)], "is no proof"),
        ([], [published(org)], "is no proof"),
        (proof | {"path": ["zz"]}, [published(org)], "is no proof"),
    ):
        code, out, err = verify(given, *heads)
        assert (code, out) == (2, ""), given
        assert sentence in " ".join(err.replace("│", " ").split()), err
