"""Whether a file fits a network of strangers is told before a key is made."""

from __future__ import annotations

import json

import pytest

from klopf.console import main
from klopf.network import DataSettings, Schema, found

pytestmark = pytest.mark.long  # founding a network takes seconds

ROWS = "".join(
    f"{i % 17}.5;{'NA' if i % 6 == 0 else 'red' if i % 2 else 'blue'};{'yes' if i % 3 else 'no'}\n" for i in range(90)
)


def test_a_file_is_held_to_the_network_and_nothing_is_made(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "founder.csv").write_text("size;colour;y\n" + ROWS)
    schema = Schema.of(tmp_path / "founder.csv", DataSettings(target="y"))
    made = found(tmp_path / "net", schema, "a passphrase")
    (tmp_path / "mine.csv").write_bytes(("y;größe;size;colour\n" + "1;x;2,5;red\n0;y;3,5;\n" * 20).encode("latin-1"))
    where = ["--rpc", str(tmp_path / "net/ledger.sqlite"), "--network", made.directory, "--data", "mine.csv", "--check"]
    form = {"encoding": "latin-1", "spellings": {"0": "no", "1": "yes"}}

    def told(*flags):
        with pytest.raises(SystemExit) as ended:
            main(["join", "me", *where, *flags])
        said = capsys.readouterr()
        return ended.value.code, said.out or said.err

    code, said = told("--form", json.dumps(form), "--json", "--host", "127.0.0.1", "--model", "sklearn:GaussianNB")
    assert code == 2 and "40 rows" not in said and "2 different samples, and a neuron needs 10" in said
    rows = "".join(f"{i % 2};x;{i},5;{('red', '', 'blue')[i % 3]}\n" for i in range(16))
    (tmp_path / "mine.csv").write_bytes(("y;größe;size;colour\n" + rows).encode("latin-1"))
    code, said = told("--form", json.dumps(form), "--json", "--host", "127.0.0.1", "--model", "sklearn:GaussianNB")
    assert code == 0 and json.loads(said) == {
        "samples": 16, "columns": ["size", "colour"], "inputs": 5, "target": "y", "task": "classes",
        "measure": "accuracy", "stake": "120",
    }  # fmt: skip
    for flags, line in (
        ((), "not UTF-8 text"),
        (("--form", '{"encoding": "latin-1"}'), "'y' is '0' in row 1, which is none of the network's classes: no, yes"),
        (("--form", '{"coding": "latin-1"}'), "--form has 'coding': it takes delimiter"),
        (("--form", "latin-1"), "is no JSON object"),
    ):
        code, said = told(*flags)
        assert code == 2 and line in said and said.count("\n") == 1, said
    assert not (tmp_path / "me").exists()
