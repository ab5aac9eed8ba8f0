"""A node from the terminal: a leader that alone talks to the server, and devices that hold its signed word."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from klopf import fleet
from klopf.errors import FleetError
from tests.conftest import end, free_port
from tests.fleet.test_survives import KLOPF, posted, table

WANTED = fleet.Instructions("digits", "mind")


class Running:
    """A command of `klopf demand` in a process of its own; the same again after a kill."""

    def __init__(self, *words: object) -> None:
        self._words = [*KLOPF, "demand", *map(str, words)]
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen(self._words, stdout=subprocess.PIPE, text=True)

    def until(self, what: str) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            if what in line:
                return
        pytest.fail(f"it ended before it said {what!r}")


@pytest.mark.long
def test_a_node_is_led_from_the_terminal_and_its_devices_hold_the_leaders_word(tmp_path: Path) -> None:
    made, node, inside, outside = posted(tmp_path, 3), tmp_path / "node", tmp_path / "inside", tmp_path / "cards"
    inside.mkdir()
    more = ["--least-devices", 2, "--port", free_port(), "--fee", "0.1"]
    leader = Running("lead", node, "--server", tmp_path / "server.json", "--devices", inside, *more)
    running = [leader]
    try:
        leader.until("as their server's")
        for number in range(2):
            data = table(tmp_path / f"d{number}.csv", 300 + 300 * number, 600 + 300 * number)
            home = tmp_path / f"d{number}"
            running.append(Running("serve", home, "--data", data, "--server", node / "card.json"))
            running[-1].until("serves")
            shutil.copy(home / "card.json", inside / f"d{number}.json")
        leader.until("leads 2 devices")
        shutil.copy(node / "card.json", outside)
        leader.process.kill()  # it goes on with the same key, place and parts
        leader.process.wait()
        leader.start()
        leader.until("leads 2 devices")
        words = [*KLOPF, "demand", "run", str(made.path), "--devices", str(outside)]
        assert subprocess.run(words, capture_output=True, timeout=200, check=False).returncode == 1
    finally:
        for one in running:
            end(one.process)
    rounds = made.state()["rounds"]
    assert len(rounds) == 3 and all(set(one["used"]) == {"node/d0", "node/d1"} for one in rounds)
    server = made.post().card().peer.key
    word = [fleet.Statement.read(json.loads(line), server) for line in (node / "said.jsonl").read_text().splitlines()]
    key = fleet.Card.read(node / "card.json").peer.key
    for name in ("d0", "d1"):
        said = [json.loads(line) for line in (tmp_path / name / "said.jsonl").read_text().splitlines()]
        told = [fleet.Statement.read(one, key) for one in said]
        assert [(one.round, one.name) for one in told] == [(1, name), (2, name)]
        assert [one.model for one in told] == [one.model for one in word]
        assert all(0 < one.share < of_node.share for one, of_node in zip(told, word, strict=True))
    parts = fleet.Divided(node / "parts.json", lambda digest: b"", 0.1).parts("digits")
    assert sum(parts.values()) == pytest.approx(0.9) and set(parts) == {"d0", "d1"}


def test_what_devices_are_due_is_by_their_weight_in_all_rounds_and_the_last_try_of_each_counts(tmp_path: Path) -> None:
    divided = fleet.Divided(tmp_path / "parts.json", lambda digest: digest, 0.2)
    assert divided.parts("digits") == {}
    divided.note(WANTED, {"a": 1.0})
    divided.note(WANTED, {"a": 0.5, "b": 0.5})  # the first round, tried again
    divided.note(replace(WANTED, round=2), {"b": 1.0})
    again = fleet.Divided(tmp_path / "parts.json", lambda digest: digest, 0.2)
    assert again.parts("digits") == pytest.approx({"a": 0.2, "b": 0.6})
    node = fleet.Statement("digits", 7, 2, "node", 3.0, 0.5, "m", "v")
    third = replace(WANTED, round=3, said={**node.signed(lambda digest: b"")})
    said = dict(again.told("b", third).said)
    assert said.pop("signature") == fleet.Statement(**said).digest().hex()
    assert (said["name"], said["round"], said["escrow"], said["model"]) == ("b", 2, 7, "m")
    assert (said["value"], said["share"]) == pytest.approx((0.8 * 3.0, 0.6 * 0.5))
    assert again.told("a", third).said["value"] == 0.0
    assert again.told("a", WANTED) is WANTED  # where a server tells nothing, nothing is told


@pytest.mark.parametrize("fee", [-0.1, 1.0, float("nan")])
def test_a_fee_is_a_part(tmp_path: Path, fee: float) -> None:
    with pytest.raises(FleetError, match="from 0 to under 1"):
        fleet.Divided(tmp_path / "parts.json", lambda digest: digest, fee)


def test_parts_that_cannot_be_read_end_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "parts.json").write_text("{")
    with pytest.raises(FleetError, match="does not say how a node divided"):
        fleet.Divided(tmp_path / "parts.json", lambda digest: digest)
