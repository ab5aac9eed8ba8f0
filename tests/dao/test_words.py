"""Statements that are nearly the same are found by their letters, in any language; nothing else is claimed."""

import json

import pytest

from klopf import dao
from klopf.errors import DaoError

TEXTS = (
    "Cyclists should wear a helmet.",
    "cyclists should wear  a HELMET!",
    "Every cyclist should wear a helmet",
    "Parking in the centre costs too little.",
    "Uber是派計程車，談不上共乘",
    "Uber 是派計程車 談不上共乘。",
    "",
    "?!",
)


def test_the_same_said_a_little_differently_is_found():
    found = {(one.first, one.second): one.likeness for one in dao.alike(TEXTS, 0.5)}
    assert found[0, 1] == pytest.approx(1.0) and found[0, 2] > 0.6
    assert set(found) == {(0, 1), (0, 2), (1, 2), (4, 5)}


def test_it_knows_no_meaning():
    assert dao.alike(["The tax is fair to all of us", "The tax is not fair to all of us"], 0.6)
    assert not dao.alike(["The tax is fair to all of us", "Everybody pays what is just"], 0.6)


@pytest.mark.parametrize("texts", [[], [""], ["", ""], ["a", "a"]])
def test_few_and_empty_texts(texts):
    assert all(0 < one.likeness <= 1 for one in dao.alike(texts))


@pytest.mark.parametrize("least", [0.0, -1.0, 1.1, float("nan")])
def test_what_is_no_likeness(least):
    with pytest.raises(DaoError, match="above 0 and at most 1"):
        dao.alike(TEXTS, least)


def test_at_a_terminal(tmp_path, capsys, klopf):
    (tmp_path / "votes.csv").write_text("comment-id,voter-id,vote\n0,1,1\n1,1,1\n2,1,-1\n")
    assert klopf("dao", "alike", str(tmp_path / "votes.csv")) == 2
    (tmp_path / "comments.csv").write_text("comment-id,comment-body\n" + "".join(f"{j},{TEXTS[j]}\n" for j in range(3)))
    assert klopf("dao", "alike", str(tmp_path / "votes.csv"), "--json") == 0
    assert json.loads(capsys.readouterr().out)[0]["statements"] == ["0", "1"]
    assert klopf("dao", "alike", str(tmp_path / "votes.csv")) == 0
    assert "1 pairs of 3 statements" in capsys.readouterr().out
