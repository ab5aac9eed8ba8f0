"""Conversations that members sign: whoever has the lines has the same, and an altered one is named."""

import json
import re
import shutil

import numpy as np
import pytest

from klopf import dao
from klopf.dao.talk import Talk
from klopf.errors import DaoError
from klopf.ledger import Key, keys

ANN, BO, CY = (Key(bytes([n]) * 32) for n in (1, 2, 3))


@pytest.fixture
def talk(tmp_path):
    made = Talk.create(tmp_path / "talk", "Seats")
    first, second = made.ask(ANN, "Twelve are enough."), made.ask(BO, "They should change every year.")
    for key, one, two in ((ANN, 1, 1), (BO, -1, 1), (CY, 1, 0)):
        made.vote(key, first, one)
        made.vote(key, second, two)
    return made


def test_what_was_said_is_there_again(talk):
    again = Talk.open(talk.folder)
    assert again.title == "Seats" and again.root() == talk.root() and again.statements() == talk.statements()
    votes = again.votes()
    assert set(votes.members) == {ANN.address, BO.address, CY.address} and len(votes) == 6
    assert dao.Opinions.fit(votes).commitment() == dao.Opinions.fit(talk.votes()).commitment()


def test_the_latest_vote_counts_whatever_the_order_of_lines(talk):
    name = next(iter(talk.statements()))
    talk.vote(ANN, name, -1)
    file = talk.folder / "said.jsonl"
    for lines in (file.read_text().splitlines(), file.read_text().splitlines()[::-1]):
        file.write_text("\n".join(lines) + "\n")
        votes = Talk.open(talk.folder).votes()
        at = (votes.who == votes.members.index(ANN.address)) & (votes.what == votes.statements.index(name))
        assert votes.said[at].tolist() == [-1]
        assert Talk.open(talk.folder).root() == talk.root()


def test_copies_that_went_on_apart_are_one_again(talk, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    for name in ("talk.json", "said.jsonl"):
        (other / name).write_bytes((talk.folder / name).read_bytes())
    copy = Talk.open(other)
    talk.ask(CY, "Seats cost too much.")
    copy.vote(BO, next(iter(copy.statements())), 0)
    assert talk.root() != copy.root()
    assert talk.merge(copy) == 1 and copy.merge(talk) == 1 and talk.merge(copy) == 0
    assert talk.root() == copy.root() == Talk.open(other).root()
    with pytest.raises(DaoError, match="another conversation"):
        talk.merge(Talk.create(tmp_path / "third", "Seats"))


def test_two_votes_with_one_number_count_alike_everywhere(talk, tmp_path):
    copies = []
    for n in range(2):
        place = tmp_path / f"copy{n}"
        place.mkdir()
        for name in ("talk.json", "said.jsonl"):
            (place / name).write_bytes((talk.folder / name).read_bytes())
        copies.append(Talk.open(place))
    name = next(iter(talk.statements()))
    copies[0].vote(ANN, name, 1)
    copies[1].vote(ANN, name, -1)
    copies[0].merge(copies[1])
    copies[1].merge(copies[0])
    np.testing.assert_array_equal(copies[0].votes().said, copies[1].votes().said)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda one: one | {"said": -one["said"]}, r"line 3 is not what 0x\w+ signed: it was altered"),
        (lambda one: one | {"by": BO.address}, "line 3 is not what"),
        (lambda one: one | {"number": 2}, "line 3 is not what"),
        (lambda one: one | {"signature": one["signature"][:-2] + "1d"}, "line 3 is not what"),
        (lambda one: one | {"signature": "xyz"}, "line 3 is not what"),
        (lambda one: one | {"said": 7}, "line 3: 7 is no vote"),
        (lambda one: one | {"said": True}, "wrong kind"),
        (lambda one: one | {"by": None}, "wrong kind"),
        (lambda one: one | {"more": 1}, "neither a statement nor a vote"),
        (lambda one: {"kind": []}, "neither a statement nor a vote"),
    ],
)
def test_an_altered_line_is_named(talk, change, says):
    file = talk.folder / "said.jsonl"
    lines = file.read_text().splitlines()
    lines[2] = json.dumps(change(json.loads(lines[2])))
    file.write_text("\n".join(lines) + "\n")
    with pytest.raises(DaoError, match=says) as told:
        Talk.open(talk.folder)
    assert "\n" not in str(told.value)


def test_a_line_that_a_kill_cut_short_is_nothing_and_one_that_is_damaged_is_named(talk):
    file = talk.folder / "said.jsonl"
    whole = file.read_bytes()
    for cut in (1, 40, 200):
        file.write_bytes(whole[:-cut])
        assert sum(1 for _ in Talk.open(talk.folder).lines()) in (6, 7)
    file.write_bytes(whole[:20] + b"\xff" + whole[21:])
    with pytest.raises(DaoError, match="line 1 is damaged: take the line out"):
        Talk.open(talk.folder)


def test_anybody_can_see_that_a_vote_is_under_a_root(talk):
    root = talk.root()
    for line in talk.lines():
        assert talk.under(line, talk.proof(line), root)
    before = next(talk.lines())
    proof = talk.proof(before)
    talk.vote(CY, next(iter(talk.statements())), -1)
    assert talk.under(before, proof, root) and not talk.under(before, proof, talk.root())


def test_only_members_count(talk):
    votes = talk.votes({ANN.address, CY.address})
    assert set(votes.members) == {ANN.address, CY.address}


def test_what_is_no_statement_or_conversation(talk, tmp_path):
    for text in ("", "  ", "two\nlines", "x" * 301, "turned\u202e"):
        with pytest.raises(DaoError, match="1 to 300 letters"):
            talk.ask(ANN, text)
    with pytest.raises(DaoError, match="said already"):
        talk.ask(CY, "Twelve are enough.")
    with pytest.raises(DaoError, match="no statement is called"):
        talk.vote(ANN, "nothing", 1)
    with pytest.raises(DaoError, match="there already"):
        Talk.create(talk.folder, "Seats")
    (talk.folder / "talk.json").write_text('{"format": 1}')
    for place in (talk.folder, tmp_path / "nowhere"):
        with pytest.raises(DaoError, match="no conversation"):
            Talk.open(place)


def test_at_a_terminal(tmp_path, monkeypatch, capsys, klopf):
    monkeypatch.setenv("KLOPF_PASSPHRASE", "a few words")
    files = []
    for n in range(3):
        files.append(str(tmp_path / f"key{n}.json"))
        keys.save(Key(bytes([n + 1]) * 32), files[-1], "a few words", light=True)
    place = str(tmp_path / "seats")
    assert klopf("dao", "start", place, "Seats") == 0
    capsys.readouterr()
    assert klopf("dao", "ask", place, "Twelve are enough.", "--key", files[0]) == 0
    name = capsys.readouterr().out.strip()
    for file, said in zip(files, ("agree", "disagree", "agree"), strict=True):
        assert klopf("dao", "vote-on", place, name[:6], said, "--key", file) == 0
    assert klopf("dao", "model", place) == 0
    assert "3 members, 1 statements, 3 votes" in capsys.readouterr().out
    assert klopf("dao", "draft", place, name[:4]) == 0
    told = capsys.readouterr().out
    assert "Twelve are enough. | forecast: " in told
    assert re.search(rf"#statement={name} #votes=[0-9a-f]{{64}} #model=[0-9a-f]{{64}}", told)
    shutil.copytree(place, tmp_path / "copy")
    assert klopf("dao", "vote-on", str(tmp_path / "copy"), name, "pass", "--key", files[0]) == 0
    assert klopf("dao", "merge", place, str(tmp_path / "copy")) == 0
    assert capsys.readouterr().out.startswith("1 new; the root is ")
    assert klopf("dao", "vote-on", place, "zz", "agree", "--key", files[0]) == 2
    assert "0 statements begin with 'zz'" in capsys.readouterr().err
