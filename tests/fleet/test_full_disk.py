"""A full disk ends nothing for good: on a small disk of its own where the system allows one, and where writes fail."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from klopf import fleet
from tests.fleet.homes import homes
from tests.fleet.test_demand import written
from tests.fleet.test_modes import served

SMALL = ["unshare", "-rm", "sh", "-c", 'mount -t tmpfs -o size=3m small "$0" && exec "$@"']


def _allowed(place: Path) -> bool:
    done = shutil.which("unshare") and subprocess.run([*SMALL, str(place), "true"], capture_output=True)
    return bool(done) and done.returncode == 0


@pytest.mark.long
def test_on_a_disk_that_is_full(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    if not _allowed(disk):
        pytest.skip("this system lets nobody mount a small disk of his own")
    settings = fleet.DemandSettings.read(written(tmp_path, goal=1.0, rounds=6))
    made = fleet.DemandFolder.create(tmp_path / "load", settings)
    with homes(3, 1, made.post().card()) as (cards, _):
        (tmp_path / "cards").mkdir()
        for card in cards:
            card.save(tmp_path / "cards" / f"{card.name}.json")
        words = [sys.executable, str(Path(__file__).with_name("full.py")), str(disk), str(made.path)]
        done = subprocess.run(
            [*SMALL, str(disk), *words, str(tmp_path / "cards")], capture_output=True, text=True, timeout=170
        )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    demand, budget = said["demand"], said["budget"]
    assert demand["first"] == 2 and "No space left on device" in demand["said"]
    assert len(demand["said"].strip().splitlines()) == 1
    assert not [name for name in demand["there"] if "unfinished" in name]  # nothing half-written is left
    assert 1 <= demand["round"] < 6
    assert demand["second"] == 1 and demand["rounds"] == [1, 2, 3, 4, 5, 6]
    assert "No space left" in budget["full"] and 3 < budget["given"] < 60
    spent = (budget["whole"] - budget["left"]) / (budget["whole"] / 60)
    assert budget["given"] - 1e-6 <= spent <= budget["given"] + 1 + 1e-6  # paid before it is given, at most one in vain
    assert budget["room"].startswith("BudgetSpent")
    assert 59 <= budget["all"] <= 60


@pytest.mark.parametrize("fails_at", [1, 2, 3])
def test_a_write_that_finds_no_room_loses_one_round(fails_at, tmp_path, monkeypatch):
    """Whichever write of a round it is, what was there before is whole, and the next start goes on."""
    settings = fleet.DemandSettings.read(written(tmp_path, goal=1.0, rounds=3))
    made = fleet.DemandFolder.create(tmp_path / "load", settings)
    sync, count = os.fsync, [0]

    def full(handle: int) -> None:
        count[0] += 1
        if count[0] == 2 * 3 + fails_at:  # in the second round: a model, a state, and the folder after each
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        sync(handle)

    async def play():
        async with served(made, 3) as cards:
            monkeypatch.setattr(os, "fsync", full)
            with pytest.raises(OSError, match="No space left"):
                await made.run(cards)
            monkeypatch.setattr(os, "fsync", sync)
            between = fleet.DemandFolder(made.path)
            parameters = between.parameters()
            return between.state(), parameters, await between.run(cards)

    between, parameters, outcome = asyncio.run(play())
    assert between["round"] in (1, 2) and fleet._demand.digest(parameters) == between["model"]
    assert [one["number"] for one in made.state()["rounds"]] == [1, 2, 3] and outcome.rounds[-1].number == 3
    assert not list(made.path.glob(".*unfinished"))
