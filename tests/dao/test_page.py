"""What docs/dao.md shows runs as it stands there, in the order in which it stands there."""

import re
import shlex
import shutil
from pathlib import Path

import pytest

from klopf import dao
from klopf.ledger import Key, keys

from .conftest import made

PAGE = Path(__file__).parents[2] / "docs/dao.md"
ELSEWHERE = ("--rpc", "pipeline", "serve", "voices", "wordllama", "openai:")
"""A network's ledger, a pipeline's neurons, a text model: other tests have them."""


def shown():
    """The commands of the page."""
    blocks = re.findall(r"^```(\w*)\n(.*?)^```$", PAGE.read_text(), re.S | re.M)
    lines = [
        line
        for language, block in blocks
        if not language
        for line in block.splitlines()
        if line.startswith("klopf dao")
    ]
    return [line for line in lines if not any(word in line for word in ELSEWHERE)]


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KLOPF_PASSPHRASE", "a few words")
    for n, name in enumerate(("KEY", "ANN", "BO"), 1):
        keys.save(Key(bytes([n]) * 32), f"{name}.json", "a few words", light=True)
    votes = made()
    named = (tuple(name[1:] for name in one) for one in (votes.members, votes.statements))
    dao.Votes(*named, votes.who, votes.what, votes.said, votes.texts).write("CONVERSATION")
    return tmp_path


def test_the_page_runs_as_it_stands(place, capsys, klopf):
    lines = shown()
    assert len(lines) >= 15
    for line in lines:
        if " THEIRS" in line:
            shutil.copytree("SEATS", "THEIRS")
        words = shlex.split(line, comments=True)
        assert klopf(*words[1:]) == 0, (line, capsys.readouterr().err)
    assert "Twelve seats are enough. | forecast: " in capsys.readouterr().out
