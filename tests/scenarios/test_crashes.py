"""Processes are killed; the network goes on, and who comes back is who it was."""

import json

import pytest

from klopf.network import read_run

from .network import await_epoch, finish, kill, klopf, start, write_network

pytestmark = [pytest.mark.timeout(900), pytest.mark.long]


def standings(summary):
    return {row["name"]: row["standing"] for row in summary["neurons"]}


def test_killed_neurons_and_auditors_come_back_with_their_identity_and_state(tmp_path):
    folder = tmp_path / "run"
    run = start(write_network(tmp_path, epochs=6, seconds=60), folder)
    await_epoch(folder, 2)
    before = json.loads((folder / "neurons/ada/state/1/listener.json").read_text())
    kill(folder, "neurons/ada")
    kill(folder, "auditors/vera")
    await_epoch(folder, 4)
    kill(folder, "requesters/requester")
    summary = finish(run)
    assert standings(summary)["ada"] == "backbone"
    assert {row["name"]: row["slashed"] for row in summary["auditors"]}["vera"] == 0
    last = max(int(p.name) for p in (folder / "neurons/ada/state").iterdir() if p.name.isdigit())
    after = json.loads((folder / f"neurons/ada/state/{last}/listener.json").read_text())
    assert last == 6
    assert all(after["ears"][k]["age"] > ear["age"] for k, ear in before["ears"].items() if int(k) in (2, 3))
    log = (folder / "neurons/ada/log.txt").read_text()
    assert log.count("neuron 1 (ada) answers at") == 2, "it was started again under the same identity"
    with read_run(folder).connect() as book:
        assert book.registry.count() == 9
    assert klopf("verify", folder).returncode == 0


def test_the_others_go_on_without_those_who_stay_away_and_one_can_come_back_later(tmp_path):
    folder = tmp_path / "run"
    run = start(write_network(tmp_path, epochs=5, restart=False, seconds=30), folder)
    await_epoch(folder, 2)
    kill(folder, "neurons/cleo")
    kill(folder, "auditors/walt")
    summary = finish(run)
    assert standings(summary)["ada"] == standings(summary)["ben"] == "backbone"
    assert klopf("verify", folder).returncode == 0
    back = klopf("neuron", folder / "neurons/cleo")
    assert back.returncode == 0, back.stderr
    log = (folder / "neurons/cleo/log.txt").read_text() + back.stdout
    assert log.count("neuron 3 (cleo) answers at") == 2
