"""A published model: whoever has the votes makes it again, and what was altered is named."""

import json
from dataclasses import replace

import numpy as np
import pytest

from klopf import dao
from klopf.errors import DaoError


@pytest.fixture(scope="module")
def published(opinions):
    return dao.Published.of(opinions)


def rows(votes):
    return [
        (votes.members[i], votes.statements[j], int(s))
        for i, j, s in zip(votes.who, votes.what, votes.said, strict=True)
    ]


def again(votes, said, **changes):
    kept = {"members": votes.members, "statements": votes.statements, "texts": votes.texts}
    return dao.Votes.of(said, **(kept | changes))


def test_the_same_votes_make_the_same_model(votes, published):
    assert published.recompute(again(votes, rows(votes)[::-1])) == []
    assert dao.Published.from_json(json.loads(json.dumps(published.to_json()))) == published


def flipped(votes):
    said = rows(votes)
    return again(votes, [*said[:7], (*said[7][:2], -said[7][2]), *said[8:]])


def passed(votes):
    said = rows(votes)
    return again(votes, [*said[:7], (*said[7][:2], 0), *said[8:]])


def retold(votes):
    return replace(votes, texts=("another", *votes.texts[1:]))


def renamed(votes):
    return replace(votes, statements=("other", *votes.statements[1:]))


def exchanged(votes):  # the votes stay where they are, and say something else
    return replace(votes, texts=(votes.texts[1], votes.texts[0], *votes.texts[2:]))


def untold(votes):
    return replace(votes, texts=())


def left_out(votes):
    return again(votes, [one for one in rows(votes) if one[1] != "s3"],
                 statements=[one for one in votes.statements if one != "s3"],
                 texts=[one for one in votes.texts if one != "statement 3"])  # fmt: skip


def another_member(votes):
    return replace(votes, members=("fake", *votes.members[1:]))


def in_another_order(votes):
    return again(votes, rows(votes), members=votes.members[::-1])


def is_crossed(votes):
    i, j = votes.who[7], votes.what[7]
    return f"votes were altered: of {votes.members[i]!r}, on {votes.statements[j]!r}"


@pytest.mark.parametrize(
    ("altered", "says"),
    [
        (flipped, is_crossed),
        (passed, is_crossed),
        (lambda v: again(v, rows(v)[:7] + rows(v)[8:]), is_crossed),
        (retold, "statement 's0' is not what it said when the model was published: its text was altered"),
        (renamed, "statement 's0' is not in these votes"),
        (renamed, "statement 'other' was not there when the model was published"),
        (exchanged, "statement 's0' is not what it said when the model was published: its text was altered"),
        (exchanged, "statement 's1' is not what it said when the model was published: its text was altered"),
        (untold, "statement 's9' is not what it said when the model was published: its text was altered"),
        (left_out, "statement 's3' is not in these votes"),
        (another_member, "member 'm0' is not in these votes"),
        (another_member, "member 'fake' was not there when the model was published"),
        (in_another_order, "members or statements stand in another order than when the model was published"),
    ],
)
def test_what_was_altered_is_named(votes, published, altered, says):
    made = altered(votes)
    found = published.recompute(made)
    assert (says(votes) if callable(says) else says) in found
    assert all("\n" not in line for line in found)
    if altered is not passed:
        assert dao.Opinions.fit(made).commitment() != published.commitment


def test_another_weight_and_another_model_are_named(votes, published):
    weights = np.ones(len(votes.members))
    weights[4] = 0.5
    assert published.recompute(votes, weights) == ["the voice of 'm4' weighs 0.5, not 1"]
    for wrong in (replace(published, commitment="0" * 64), replace(published, dimensions=2)):
        assert "the model or its file was altered" in published_line(wrong.recompute(votes))


def published_line(lines):
    assert len(lines) == 1
    return lines[0]


@pytest.mark.parametrize(
    "record", [None, [], {}, {"commitment": "a", "dimensions": 3, "statements": {"a": 1}, "members": {}},
               {"commitment": "a", "dimensions": 9, "statements": {}, "members": {}},
               {"commitment": "a", "dimensions": 3, "statements": {}, "members": {}, "more": 1}],
)  # fmt: skip
def test_what_is_no_published_model(record):
    with pytest.raises(DaoError, match="this is no published model"):
        dao.Published.from_json(record)


def test_at_a_terminal(votes, tmp_path, capsys, klopf):
    votes.write(tmp_path / "talk")
    place, file = str(tmp_path / "talk"), tmp_path / "model.json"
    assert klopf("dao", "model", place, "--publish", str(file)) == 0
    commitment = json.loads(file.read_text())["commitment"]
    assert commitment in capsys.readouterr().out
    assert klopf("dao", "recompute", str(file), place) == 0
    assert capsys.readouterr().out == f"the same: {commitment}\n"
    comments = tmp_path / "talk" / "comments.csv"
    comments.write_text(comments.read_text().replace("statement 5", "statement five"))
    assert klopf("dao", "recompute", str(file), place, "--json") == 1
    assert json.loads(capsys.readouterr().out)["differs"] == [
        "statement 's5' is not what it said when the model was published: its text was altered"
    ]
    file.write_text("[" * 100_000)
    assert klopf("dao", "recompute", str(file), place) == 2
    assert "cannot be read" in capsys.readouterr().err
