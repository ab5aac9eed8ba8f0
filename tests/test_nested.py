"""A stranger's brackets end no process."""

from __future__ import annotations

import subprocess
import sys

import pytest

from klopf.nested import from_json

HOSTILE = """
import sys
from klopf.ledger import keys
from klopf.wire._codes import Refusal
from klopf.wire._tensors import unpack_payload
from pathlib import Path
keys.save(keys.Key(b"7" * 32), Path(sys.argv[1]) / "key.json", "x", light=True)
import klopf.ledger._http, klopf.chain.web3
print(sys.getrecursionlimit() < 30_000)
sys.setrecursionlimit(100_000)  # as whoever imports py_ecc after us
for text in (b"[" * 65_000, b'{"":' * 16_000, b'{"":' * 65 + b"0" + b"}" * 65):
    try:
        unpack_payload(b"\\x01" + text)
    except Refusal as refused:
        print(refused)
"""


def test_brackets_of_a_stranger_end_no_process_whose_limit_of_recursion_was_raised(tmp_path):
    done = subprocess.run([sys.executable, "-c", HOSTILE, tmp_path], capture_output=True, text=True, timeout=120)
    assert done.stdout.splitlines() == ["True", *["payload is not JSON"] * 3], done.stderr[-500:]


@pytest.mark.parametrize(
    "text",
    [b"[" * 65 + b"]" * 65, b'{"a":' * 65 + b"0" + b"}" * 65, b'["\\"[",' + b"[" * 64 + b"]" * 65, b"[" * 65_000],
)
def test_what_is_too_deep_is_refused_also_where_it_is_json(text):
    with pytest.raises(ValueError, match="nested too deeply"):
        from_json(text)


def test_brackets_in_text_and_many_beside_each_other_are_no_depth():
    assert from_json(b'["' + b"[{" * 100 + b'\\"[", {}]') == ["[{" * 100 + '"[', {}]
    assert from_json(b"[" + b"[]," * 500 + b"[]]") == [[]] * 501
    assert from_json(b"[" * 64 + b"]" * 64)
