"""What a policy leaves is said in numbers and as a picture, and nothing is stored or spent for it."""

import json
from xml.etree import ElementTree

import pytest

from klopf import store as room
from klopf.errors import StoreError
from klopf.store import _records

FIELDS = """
[screen]
duplicates = ["who", "time"]
[anonymity]
k = 3
l = 2
suppress = 0.2
[budget]
epsilon = 10.0
days = 1
time = "time"
[fields]
who = { action = "pseudonym" }
time = { action = "coarsen-time", to = "day" }
age = { action = "generalise", widths = [10, 50] }
ill = { action = "keep", sensitive = true }
load = { action = "noise", low = 0, high = 5, step = 0.5, epsilon = 0.5 }
"""
ROWS = "who,time,age,ill,load\n" + "".join(
    f"p{i},2026-01-0{1 + i // 10}T{i % 10:02}:00:00,{20 + i % 10 * (1 + i // 10)},{'xyz'[i % 3]},{i % 5}\n"
    for i in range(20)
)


@pytest.fixture
def rules():
    return room.Policy.parse('device = "m"' + FIELDS)


@pytest.fixture
def file(tmp_path):
    (tmp_path / "r.csv").write_text(ROWS + ROWS.splitlines()[1] + "\n")
    return tmp_path / "r.csv"


def test_the_numbers_are_those_of_adding(rules, file, tmp_path, place, monkeypatch):
    monkeypatch.setattr(_records, "require", lambda *_: None)
    monkeypatch.setattr(_records, "discrete_laplace", lambda values, scale: values)
    found = room.check(rules, file, place.ledger)
    said = found.said
    assert (said.records, said.twice, said.near, said.suppressed, said.kept) == (21, 1, 0, 0, 20)
    assert said.k >= 3 and said.l >= 2 and said.k_before == 1 and said.unique_before == 1 and said.unique == 0
    assert said.unique_in_all == 1  # everybody has a pseudonym of his own
    assert sum(said.sizes) == sum(said.sizes_before) == 20 and said.noise["load"] == {"epsilon": 0.5, "error": 10.0}
    assert (said.epsilon, len(said.spent), found.left) == (5.0, 2, 5.0)
    assert place.ledger.spent(rules) == {}

    (tmp_path / "p.toml").write_text('device = "m"' + FIELDS)
    added = place.add(file, tmp_path / "p.toml")
    assert added.record.said["r.csv"] == json.loads(json.dumps(said.plain()))
    assert room.check(rules, file, place.ledger).left == 0.0
    place.add(file, tmp_path / "p.toml")
    assert room.check(rules, file, place.ledger).left == -5.0
    with pytest.raises(StoreError, match="would spend"):
        place.add(file, tmp_path / "p.toml")


def test_the_picture_is_one_and_says_the_numbers(rules, file, tmp_path):
    found = room.check(rules, file)
    room.draw(found, rules, tmp_path / "p.svg")
    words = " ".join(text.strip() for text in ElementTree.parse(tmp_path / "p.svg").getroot().itertext())
    assert f"k {found.said.k_before} to {found.said.k}" in words and "5 of epsilon 10 would be left" in words
    lines = room.bars(found)
    assert len(lines) == 7 and lines[1].split()[-2:] == ["20", "0"]


def test_k_that_cannot_be_reached_is_one_line(file):
    rules = room.Policy.parse('device = "m"' + FIELDS.replace("k = 3", "k = 12").replace("0.2", "0.0"))
    with pytest.raises(StoreError, match="groups under k = 12 or l = 2"):
        room.check(rules, file)
