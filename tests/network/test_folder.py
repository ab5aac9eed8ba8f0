"""Nobody's folder is taken for a participant's: what joining did not make is left as it is."""

from __future__ import annotations

import socket
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest

from klopf.errors import PeersError
from klopf.ledger import Deployment, Ledger, Standing
from klopf.network import Feature, Joining, Schema
from klopf.network._join import MADE, _can_listen, _is_no_loss, _is_ones_own, _more, _settings

HERE = "0x" + "11" * 20
NETWORK = Deployment(1, "0x" + "22" * 32, 1, {"Directory": HERE}, {}, HERE)
HOW = Joining("chain.db", HERE, "requester")
SCHEMA = Schema(task="classes", target="y", features=(Feature(name="a"),), names=("b", "c"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "ada"
    made.mkdir()
    return made


def made_up_to(folder: Path, count: int) -> None:
    """What joining has made when it is stopped after ``count`` files."""
    for name in MADE[:count]:
        if name == "deployment.json":
            NETWORK.save(folder / name)
        elif name == "participant.json":
            _settings(folder, HOW, SCHEMA, {"fee": "0"}).write(folder)
        else:
            (folder / name).write_text("" if name == "lock" else "mine")


def refused(folder: Path, text: str = "is no participant's") -> None:
    before = {path: path.lstat().st_mode for path in folder.parent.rglob("*")}
    with pytest.raises(PeersError, match=text) as caught:
        _is_ones_own(folder, NETWORK, HOW)
    assert "\n" not in str(caught.value)
    assert {path: path.lstat().st_mode for path in folder.parent.rglob("*")} == before


@pytest.mark.parametrize("count", range(len(MADE) + 1))
def test_whoever_was_stopped_goes_on(folder: Path, count: int) -> None:
    _is_ones_own(folder.parent / "new", NETWORK, HOW)
    made_up_to(folder, count)
    (folder / ".deployment.json.0123abcd.unfinished").write_text("{")
    _is_ones_own(folder, NETWORK, HOW)
    if count == len(MADE):
        (folder / "state").mkdir()
        (folder / "log").write_text("lived")
        _is_ones_own(folder, NETWORK, HOW)
    elif count:
        (folder / "letter").write_text("somebody's")
        refused(folder)


@pytest.mark.parametrize("lost", [name for name in MADE if name != "key.json"])
def test_a_participants_folder_that_lost_one_file_is_made_whole_again(folder: Path, lost: str) -> None:
    made_up_to(folder, len(MADE))
    (folder / "state").mkdir()
    (folder / lost).unlink()
    _is_ones_own(folder, NETWORK, HOW)


def test_nobody_stakes_for_a_place_at_which_it_cannot_answer() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(PeersError, match=rf"cannot listen at 127.0.0.1 port {port} \(.*\): choose another --port"):
            _can_listen(Joining("chain.db", HERE, port=port))
        for free in (
            Joining("chain.db", HERE, port=port, relay="relay.example.org:7600"),
            Joining("chain.db", HERE, "requester", port=port),
            Joining("chain.db", HERE, port=0),
            Joining("chain.db", HERE, host="somewhere.example.org", listen="127.0.0.1"),
        ):
            _can_listen(free)
    _can_listen(Joining("chain.db", HERE, port=port))
    with pytest.raises(PeersError, match=r"cannot listen at 192.0.2.1 port 0 \(.*\): choose"):
        _can_listen(Joining("chain.db", HERE, host="192.0.2.1"))


def test_nobody_learns_from_a_row_or_two() -> None:
    rows = {"inputs": np.ones((50, 1), np.float32), "targets": np.zeros(50, np.int64)}
    with pytest.raises(PeersError, match=r"mine\.csv has 1 different samples, and a neuron needs 10: bring more"):
        _more(Joining("chain.db", HERE, data=Path("mine.csv")), SCHEMA.made_task, rows, cast(Ledger, None))


def test_a_lost_key_is_not_made_anew(folder: Path) -> None:
    made_up_to(folder, len(MADE))
    (folder / "key.json").unlink()
    refused(folder, "restore key.json from a backup")


@pytest.mark.parametrize(
    "names",
    [
        ("lock", "data.npz", "schema.json"),
        ("lock", "deployment.json", "data.npz"),
        ("lock", "key.json"),
        ("deployment.json",),
        ("deployment.json", "operator.json", "ledger.sqlite", "schema.json"),
        ("data.npz",),
        ("participant.json",),
        ("lock", "passwd"),
        ("letter",),
    ],
)
def test_somebody_elses_folder_is_refused(folder: Path, names: tuple[str, ...]) -> None:
    for name in names:
        (folder / name).touch()
    if "deployment.json" in names:
        NETWORK.save(folder / "deployment.json")
    refused(folder)


def test_a_lock_that_says_something_or_is_no_file_is_another_programs(folder: Path) -> None:
    (folder / "lock").write_text("4711\n")
    refused(folder)
    (folder / "lock").unlink()
    (folder / "lock").mkdir()
    refused(folder)
    (folder / "lock").rmdir()
    folder.rmdir()
    folder.write_text("a file")
    refused(folder)


@pytest.mark.parametrize("name", MADE)
def test_links_are_not_followed(folder: Path, name: str) -> None:
    made_up_to(folder, len(MADE))
    (folder / name).rename(folder.parent / "elsewhere")
    (folder / name).symlink_to(folder.parent / "elsewhere")
    refused(folder)
    for target in (folder, folder.parent / "nowhere"):
        link = folder.parent / "link"
        link.symlink_to(target)
        refused(link, "is a link to")
        link.unlink()


@pytest.mark.parametrize(
    ("id", "standing", "staked", "refused"),
    [
        (0, Standing.NONE, 0, False),
        (7, Standing.FRINGE, 0, False),
        (7, Standing.SILENT, 100, False),
        (7, Standing.SILENT, 0, True),
    ],
)
def test_nobody_stakes_again_for_a_neuron_that_is_silent(
    folder: Path, id: int, standing: Standing, staked: int, refused: bool
) -> None:
    registry = SimpleNamespace(id_of=lambda address: id, get=lambda id: SimpleNamespace(standing=standing))
    stake = SimpleNamespace(account=lambda id: SimpleNamespace(staked=staked))
    own = cast("Ledger", SimpleNamespace(me=SimpleNamespace(address=HERE), registry=registry, stake=stake))
    if not refused:
        return _is_no_loss(own, folder, 100)
    with pytest.raises(PeersError, match=r"would not bring it back: `klopf leave .*` takes out what it has"):
        _is_no_loss(own, folder, 100)
