"""Files of votes: Polis' both ways, and what is wrong with one in a line."""

from pathlib import Path

import numpy as np
import pytest

from klopf import dao
from klopf.errors import DaoError

POLIS = Path(__file__).parents[3] / "shared/data/polis"


def test_what_is_written_is_read_again(votes, tmp_path):
    votes.write(tmp_path)
    again = dao.Votes.read(tmp_path)
    assert (again.members, again.statements, again.texts) == (votes.members, votes.statements, votes.texts)
    for a, b in ((again.who, votes.who), (again.what, votes.what), (again.said, votes.said)):
        np.testing.assert_array_equal(a, b)


def test_a_row_a_vote_and_the_later_one_counts(tmp_path):
    file = tmp_path / "votes.csv"
    file.write_text("timestamp,datetime,comment-id,voter-id,vote\n1,x,7,anna,1\n2,x,7,anna,-1\n3,x,8,bo,0\n")
    found = dao.Votes.read(file)
    assert found.members == ("anna", "bo") and found.statements == ("7", "8") and found.said.tolist() == [-1, 0]


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("votes.csv", "comment-id,voter-id,vote\n7,anna,2\n", r"row 1: '2' is no vote"),
        ("votes.csv", "comment-id,voter-id,vote\n7,anna,yes\n", r"row 1: 'yes' is no vote"),
        ("votes.csv", "comment-id,voter-id,vote\n7,anna,nan\n", r"row 1: 'nan' is no vote"),
        ("votes.csv", "comment-id,voter-id,vote\n7,anna,0_1\n", r"row 1: '0_1' is no vote"),
        ("votes.csv", "comment-id,voter-id,vote\n7,anna\n", r"row 1: 2 cells, the header has 3"),
        ("votes.csv", "a,b\n1,2\n", "the header has neither"),
        ("votes.csv", "", "the header has neither"),
        ("votes.csv", 'comment-id,voter-id,vote\n"7,anna,1\n', "cannot be read as CSV"),
        ("participants-votes.csv", "participant,n-votes,0\na,1,3\n", "row 1: '3'"),
        ("participants-votes.csv", "participant,n-votes,0\na,1,1\na,1,1\n", "'a' comes twice"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_one_line(tmp_path, name, text, says):
    (tmp_path / name).write_text(text)
    with pytest.raises(DaoError, match=says) as told:
        dao.Votes.read(tmp_path)
    assert "\n" not in str(told.value)


def test_what_strangers_wrote_turns_no_terminal_around(tmp_path):
    (tmp_path / "votes.csv").write_text("comment-id,voter-id,vote\n7,anna,1\n")
    (tmp_path / "comments.csv").write_text('comment-id,comment-body\n7,"one\x1b[31m\ntwo\u202e"\n')
    assert dao.Votes.read(tmp_path).texts == ("one [31m two ",)


def test_no_files_at_all(tmp_path):
    with pytest.raises(DaoError, match="export the conversation"):
        dao.Votes.read(tmp_path)
    (tmp_path / "votes.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DaoError, match="cannot be read"):
        dao.Votes.read(tmp_path)


def test_votes_that_are_none():
    for said, how, says in [
        ([("a", "x", 5)], {}, "vote 1: 5 is no vote"),
        ([("a", "x", 1)], {"members": ["b"]}, "no member is called 'a'"),
        ([("a", "x", 1)], {"statements": ["y"]}, "no statement is called 'x'"),
        ([("", "x", 1)], {}, "a name has 1 to"),
        ([("a", "\x1b[31mx", 1)], {}, "letters that can be shown"),
        ([("a", "x", 1)], {"texts": ["one", "two"]}, "2 texts for 1 statements"),
        ([], {"members": ["a", "a"]}, "'a' comes twice"),
        ([], {"members": ["\n"]}, "letters that can be shown"),
    ]:
        with pytest.raises(DaoError, match=says):
            dao.Votes.of(said, **how)


def test_at_a_terminal(votes, tmp_path, capsys, klopf):
    place = str(votes.write(tmp_path / "talk"))
    assert klopf("dao", "model", place, "--bootstraps", "2") == 0
    told = capsys.readouterr().out
    assert "60 members, 24 statements" in told and "what divides them" in told and "stays in" in told
    assert klopf("dao", "forecast", place, "s9", "--member", "m0") == 0
    assert "agrees with" in capsys.readouterr().out
    assert klopf("dao", "forecast", place, "s9", "--json") == 0
    assert '"group 1"' in capsys.readouterr().out
    assert klopf("dao", "next", place, "somebody new") == 0
    assert "statement" in capsys.readouterr().out
    assert klopf("dao", "forecast", place, "none") == 2
    assert "no statement is called 'none'" in capsys.readouterr().err


@pytest.mark.skipif(not POLIS.exists(), reason="no public conversations beside this checkout")
def test_a_public_conversation_is_forecast_better_than_by_one_factor():
    opinions = dao.Opinions.fit(dao.Votes.read(POLIS / "brexit-consensus"))
    found = opinions.checked
    assert found.accuracy > 0.832 and found.loss < 0.42 and found.calibration <= 0.03  # of one factor, of the majority
