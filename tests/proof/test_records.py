"""Records in a declared set, and records that are not."""

import random
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from klopf.errors import NotProven
from klopf.proof import records

KLOPF = Path(sys.executable).with_name("klopf")


@settings(max_examples=100, deadline=None)
@given(st.sets(st.binary(max_size=4), max_size=40), st.lists(st.binary(max_size=4), max_size=10))
def test_each_record_is_in_or_out(inside, asked):
    declared = records.Declared(inside)
    assert declared.count == len(inside)
    for record in (*inside, *asked):
        assert records.check(declared.root, record, declared.prove(record)) == (record in inside)


def test_neither_order_nor_number_changes_a_set():
    a, b = records.Declared([b"a", b"b", b"c"]), records.Declared([b"c", b"a", b"b", b"a"])
    assert a.root == b.root != records.Declared([b"a", b"b"]).root


def shown(root, record, proof):
    try:
        return records.check(root, record, proof)
    except NotProven as error:
        assert "\n" not in str(error)
        return None


def test_what_is_altered_shows_nothing():
    declared, rng = records.Declared(str(i).encode() for i in range(1000)), random.Random(0)
    for record, inside in ((b"7", True), (b"other", False)):
        proof = declared.prove(record)
        assert len(proof) < 1000
        for _ in range(1000):
            at = rng.randrange(len(proof))
            altered = proof[:at] + bytes([proof[at] ^ (1 << rng.randrange(8))]) + proof[at + 1 :]
            assert shown(declared.root, record, altered) is None
        for cut in range(len(proof)):
            assert shown(declared.root, record, proof[:cut]) is None
        assert shown(declared.root, record, proof + bytes(32)) is None
        assert shown(records.Declared([b"8"]).root, record, proof) is None
        assert shown(declared.root, record, proof) is inside


def test_nobody_shows_both():
    """Proofs of others' places, and of places further up or down, show nothing of a record."""
    inside = [str(i).encode() for i in range(64)]
    declared = records.Declared(inside)
    proofs = [declared.prove(record) for record in (*inside, *(f"x{i}".encode() for i in range(200)))]
    for record in (*inside, b"x1", b"y"):
        said = {shown(declared.root, record, proof) for proof in proofs} - {None}
        assert said <= {record in inside}


@pytest.mark.parametrize(
    "data", [b"", b"klopf record 1\n", b"klopf record 1\n\xff\xff", b"klopf record 1\n\0\0" + bytes(31)]
)
def test_bytes_of_any_kind_show_nothing(data):
    assert shown(bytes(32), b"a", data) is None


def test_the_commands(tmp_path):
    def klopf(*words):
        return subprocess.run([KLOPF, "proof", "records", *words], capture_output=True, text=True, check=False)

    file, proof = tmp_path / "set.txt", tmp_path / "one.proof"
    file.write_text("anna,7\nbo,8\ncy,9\n")
    root = klopf("commit", str(file)).stdout.split()[0]
    assert klopf("prove", str(file), "bo,8", str(proof)).returncode == 0
    assert "is in the set" in klopf("verify", root, "bo,8", str(proof)).stdout
    assert klopf("verify", "00" * 32, "bo,8", str(proof)).returncode == 1
    klopf("prove", str(file), "dee,1", str(proof))
    done = klopf("verify", root, "dee,1", str(proof))
    assert done.returncode == 0 and "is not in the set" in done.stdout
    assert klopf("verify", "zz", "bo,8", str(proof)).returncode == 2
