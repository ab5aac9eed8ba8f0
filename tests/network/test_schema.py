"""A schema is one text for all; a file that does not fit is one line that names the row or the column."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from klopf.errors import KlopfError, PeersError, TableError
from klopf.network import DataSettings, Joining, Schema
from klopf.network._join import _settings

FLOWERS = "length;width;kind\n1,5;3;red\n2,5;5;blue\n3,5;4;red\n"


@pytest.fixture
def flowers(tmp_path: Path) -> Path:
    file = tmp_path / "flowers.csv"
    file.write_text(FLOWERS)
    return file


@pytest.fixture
def schema(flowers: Path) -> Schema:
    return Schema.of(flowers, DataSettings(target="kind"))


def test_a_schema_comes_back_from_its_text(schema: Schema) -> None:
    again = Schema.from_text(schema.text, "the ledger")
    assert again == schema and again.text == schema.text
    assert again.names == ("blue", "red") and [one.mean for one in again.features] == [2.5, 4.0]
    assert json.loads(schema.text)["features"][1]["name"] == "width"


def test_whoever_reads_it_has_the_same_samples(schema: Schema, flowers: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.csv"
    other.write_text("kind,remark,width,length\nred,a,3,1.5\nblue,b,5,2.5\nred,c,4,3.5\n")
    mine, theirs = schema.samples(flowers), Schema.from_text(schema.text, "it").samples(other)
    np.testing.assert_array_equal(mine.inputs, theirs.inputs)
    np.testing.assert_array_equal(mine.targets, [1, 0, 1])
    np.testing.assert_array_equal(theirs.targets, mine.targets)
    assert abs(mine.inputs.mean()) < 1e-6
    np.testing.assert_array_equal(schema.questions(other), mine.inputs)


def test_numbers_and_text(tmp_path: Path) -> None:
    file = tmp_path / "houses.csv"
    file.write_text("area,price\n50,100.5\n80,160\n")
    houses = Schema.of(file, DataSettings(target="price", task="numbers", unit="EUR"))
    assert houses.made_task.units == ("EUR",) and houses.names == ()
    np.testing.assert_allclose(houses.samples(file).targets, [[100.5], [160]])
    file.write_text("asked,said\none,uno\ntwo,dos\n")
    words = Schema.of(file, DataSettings(target="said", task="text"))
    assert list(words.samples(file).targets) == ["uno", "dos"]
    assert Schema.from_text(words.text, "it") == words


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("width,kind\n3,red\n", "no column 'length'"),
        ("length,width\n1,3\n", "no column 'kind'"),
        ("length,width,kind\n1,x,red\n", "'x' in row 1"),
        ("length,width,kind\n1,3,red\n1,,red\n", "empty in row 2"),
        ("length,width,kind\n1,3,red\n2,3,green\n", "'green' in row 2, which is none of the network's classes"),
        ("length,width,kind\n1,inf,red\n", "infinite"),
        ("length,width,kind\n1500,3,red\n2500,3,red\n2.5,3,red\n", "is it in another unit"),
        ("length,width,kind\n", "no rows"),
    ],
)
def test_a_file_that_does_not_fit_is_one_line(schema: Schema, tmp_path: Path, table: str, said: str) -> None:
    file = tmp_path / "wrong.csv"
    file.write_text(table)
    with pytest.raises((TableError, PeersError), match=said) as caught:
        schema.samples(file)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"names": ["red", "red"]}, "named twice"),
        ({"names": ["red"]}, "at least two"),
        ({"task": "numbers"}, "names are for classes"),
        ({"task": "words"}, "task"),
        ({"features": []}, "features"),
        ({"target": "width"}, "named twice"),
        ({"features": [{"name": "width", "spread": 0}]}, "features.0.spread"),
        ({"features": [{"name": "width", "mean": 1e999}]}, "features.0.mean"),
        ({"features": [{"name": "width", "spread": 1e-300}]}, "features.0.spread"),
        ({"features": [{"name": "width", "spread": 1.17e-38}]}, "features.0.spread"),
        ({"features": [{"name": "width", "mean": 3.5e38}]}, "features.0.mean"),
        ({"colour": "red"}, "colour"),
        ({"\x1b[2J\n": "red"}, r"\\x1b\[2J"),
        ({"names": [f"{'x' * 190}{k}" for k in range(600)]}, "the ledger takes 100,000"),
    ],
)
def test_a_text_that_is_no_schema_is_one_line(schema: Schema, change: dict[str, object], said: str) -> None:
    with pytest.raises(PeersError, match=said) as caught:
        Schema.from_text(json.dumps(json.loads(schema.text) | change), "this")
    assert "\n" not in str(caught.value)


BAD = [
    "\x1b]0;owned\x07",
    "b\ninjected",
    "a\rb",
    "a\tb",
    "\0",
    "\x7f",
    "\x9b2J",
    "\u2028",
    "\u2029",
    "\u202e",
    "\u2066",
]


@pytest.mark.parametrize("bad", BAD)
def test_names_and_units_hold_nothing_that_is_no_text(schema: Schema, bad: str) -> None:
    record = json.loads(schema.text)
    places = [{"target": bad}, {"unit": bad}, {"names": ["red", bad]}, {"features": [{"name": bad}]},
              {"features": [{"name": "width", "unit": bad}]}]  # fmt: skip
    for change in places:
        with pytest.raises(PeersError, match="one line without control characters") as caught:
            Schema.from_text(json.dumps(record | change), "this")
        assert str(caught.value).isprintable()


def test_a_file_whose_names_no_schema_can_have_is_one_line(tmp_path: Path) -> None:
    file = tmp_path / "bad.csv"
    file.write_text('"a\x1b[2J",kind\n1,red\n2,blue\n')
    with pytest.raises(PeersError, match="one line without control characters") as caught:
        Schema.of(file, DataSettings(target="kind"))
    assert str(caught.value).isprintable()


def test_names_in_any_script_are_names(schema: Schema) -> None:
    names = ["-1", "+", "=", "@", "naïve", "木", "می‌خواهم", "👩‍🔬", "a b", "a\u00a0b"]
    text = json.dumps(json.loads(schema.text) | {"names": names})
    assert Schema.from_text(text, "this").names == tuple(names)


def test_the_least_spread_scales_to_numbers(schema: Schema, flowers: Path) -> None:
    least = float(np.finfo(np.float32).tiny)
    record = json.loads(schema.text)
    for one, mean in zip(record["features"], (2.5, 3.0), strict=True):
        one |= {"mean": mean, "spread": least}
    flowers.write_text("length;width;kind\n2,5;3;red\n2,5;3;blue\n2,5;4;red\n")
    inputs = Schema.from_text(json.dumps(record), "this").samples(flowers).inputs
    np.testing.assert_array_equal(inputs, [[0, 0], [0, 0], [0, 8]])


@pytest.mark.parametrize("text", ["", "[]", "{", "no", '{"task": "classes"}'])
def test_no_json_is_one_line(text: str, tmp_path: Path) -> None:
    file = tmp_path / "schema.json"
    file.write_text(text)
    with pytest.raises(KlopfError, match="is no schema") as caught:
        Schema.read(file)
    assert "\n" not in str(caught.value)


def test_whoever_joins_seals_as_long_as_the_network_says(schema: Schema, tmp_path: Path) -> None:
    agreed = Schema.from_text(schema.model_copy(update={"seal_seconds": 7.0}).text, "the ledger")
    settings = _settings(tmp_path, Joining(rpc="chain.db", network="0x" + "11" * 20), agreed, {})
    assert settings.seal_seconds == 7 and settings.task == agreed.made_task
