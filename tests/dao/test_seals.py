"""Secret votes: nobody reads them before the closing, and nobody gets a vote counted that it did not seal in time."""

import json
import shutil

import pytest

from klopf.dao.talk import Talk
from klopf.errors import DaoError
from klopf.ledger import Key, keys

ANN, BO, CY, EVE = (Key(bytes([n]) * 32) for n in (1, 2, 3, 4))


@pytest.fixture
def talk(tmp_path):
    made = Talk.create(tmp_path / "talk", "Seats", ANN.address)
    made.ask(ANN, "Twelve are enough.")
    return made


def name(talk):
    return next(iter(talk.statements()))


def counted(talk):
    votes = talk.votes()
    return {votes.members[i]: int(said) for i, said in zip(votes.who, votes.said, strict=True)}


def again(talk):
    return Talk.open(talk.folder)


def append(talk, line):
    with (talk.folder / "said.jsonl").open("a") as file:
        file.write(json.dumps(line.plain() | {"signature": line.signature}) + "\n")


def test_votes_count_once_closed_and_opened(talk):
    for key, said in ((ANN, 1), (BO, -1), (CY, 0), (BO, 1)):
        talk.vote(key, name(talk), said)
    assert counted(talk) == {} and 'said"' not in "".join(json.dumps(one.plain()) for one in talk.lines())
    with pytest.raises(DaoError, match="not closed yet"):
        talk.open_votes(BO)
    with pytest.raises(DaoError, match="only its founder"):
        talk.close(BO)
    assert talk.close(ANN) == 4
    for action in (lambda: talk.close(ANN), lambda: talk.vote(EVE, name(talk), 1)):
        with pytest.raises(DaoError, match="closed"):
            action()
    for key in (ANN, BO, CY):
        assert again(talk).open_votes(key) == 1 and again(talk).open_votes(key) == 0
    assert counted(again(talk)) == {ANN.address: 1, BO.address: 1, CY.address: 0}
    assert again(talk).seals().withheld() == 0


def test_a_withheld_vote_is_none_and_an_earlier_one_does_not_take_its_place(talk):
    talk.vote(BO, name(talk), 1)
    talk.vote(BO, name(talk), -1)
    earlier = Talk(talk.folder, talk.title, talk.id, talk.founder)
    earlier._lines = dict(list(talk._lines.items())[:2])
    talk.close(ANN)
    earlier._lines |= {d: one for d, one in talk._lines.items() if one.kind == "closed"}
    assert earlier.open_votes(BO) == 1  # it opens the first seal, as if the second were not there
    assert counted(again(talk)) == {} and again(talk).seals().withheld() == 1


def test_a_seal_that_is_copied_is_of_no_use(talk, tmp_path):
    talk.vote(BO, name(talk), -1)
    seal = next(one for one in talk.lines() if one.kind == "sealed")
    mine = type(seal)("sealed", EVE.address, statement=seal.statement, seal=seal.seal, number=1)
    talk._say(EVE, mine)
    talk.close(ANN)
    with pytest.raises(DaoError, match="is not its own: it cannot be opened") as told:
        talk.open_votes(EVE)
    assert "\n" not in str(told.value)
    assert talk.open_votes(BO) == 1
    opened = next(one for one in talk.lines() if one.kind == "opened")
    talk._say(EVE, type(seal)(**{**opened.__dict__, "by": EVE.address, "number": 1}))
    assert counted(again(talk)) == {BO.address: -1}


def test_a_seal_of_another_conversation_or_after_the_closing_does_not_count(talk, tmp_path):
    other = Talk.create(tmp_path / "other", "Seats", ANN.address)
    other.ask(ANN, "Twelve are enough.")
    other.vote(BO, name(other), 1)
    late = tmp_path / "late"
    shutil.copytree(talk.folder, late)
    talk.close(ANN)
    copy = Talk.open(late)
    copy.vote(EVE, name(copy), 1)  # who did not hear of the closing, or says so
    assert talk.merge(copy) == 1
    assert talk.open_votes(EVE) == 0 and counted(again(talk)) == {}
    append(talk, next(one for one in other.lines() if one.kind == "sealed"))
    with pytest.raises(DaoError, match="line 4 is not what"):
        again(talk)


def test_who_closes_twice_wins_nothing(talk, tmp_path):
    talk.vote(BO, name(talk), 1)
    shutil.copytree(talk.folder, tmp_path / "copy")
    talk.close(ANN)
    copy = Talk.open(tmp_path / "copy")
    copy.vote(ANN, name(copy), 1)
    copy.close(ANN)
    talk.merge(copy)
    talk.open_votes(BO)
    assert talk.open_votes(ANN) == 0 and counted(again(talk)) == {BO.address: 1}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda one: one | {"seal": "0" * 63}, "64 hexadecimal digits"),
        (lambda one: one | {"seal": "0" * 64}, "is not what"),
        (lambda one: one | {"number": 2}, "is not what"),
        (lambda one: {"kind": "closed", "by": EVE.address, "seals": "", "signature": ""}, "closes what"),
        (lambda one: {"kind": "vote", "by": EVE.address, "statement": "x", "said": 1, "number": 1, "signature": ""},
         "is vote, in a conversation of secret votes"),
    ],
)  # fmt: skip
def test_what_is_no_line_of_a_secret_conversation(talk, change, says):
    talk.vote(BO, name(talk), 1)
    file = talk.folder / "said.jsonl"
    lines = file.read_text().splitlines()
    file.write_text("\n".join([lines[0], json.dumps(change(json.loads(lines[1])))]) + "\n")
    with pytest.raises(DaoError, match=f"line 2.*{says}"):
        again(talk)


def test_a_copy_says_its_founder_truly(talk):
    talk.vote(BO, name(talk), 1)
    file = talk.folder / "talk.json"
    file.write_text(file.read_text().replace(ANN.address, EVE.address))
    with pytest.raises(DaoError, match="is not what"):
        again(talk)


def test_at_a_terminal(tmp_path, monkeypatch, capsys, klopf):
    monkeypatch.setenv("KLOPF_PASSPHRASE", "a few words")
    files = []
    for n in range(2):
        files.append(str(tmp_path / f"key{n}.json"))
        keys.save(Key(bytes([n + 1]) * 32), files[-1], "a few words", light=True)
    place = str(tmp_path / "seats")
    assert klopf("dao", "start", place, "Seats", "--secret", "--key", files[0]) == 0
    capsys.readouterr()
    assert klopf("dao", "ask", place, "Twelve are enough.", "--key", files[0]) == 0
    statement = capsys.readouterr().out.strip()
    assert klopf("dao", "vote-on", place, statement, "agree", "--key", files[1]) == 0
    assert klopf("dao", "model", place) == 2
    assert "1 votes are sealed until 0x" in capsys.readouterr().err
    assert klopf("dao", "close", place, "--key", files[1]) == 2
    assert klopf("dao", "close", place, "--key", files[0]) == 0
    assert klopf("dao", "open", place, "--key", files[1]) == 0
    assert "1 opened; 0 are sealed yet" in capsys.readouterr().out
    assert klopf("dao", "model", place) == 0
