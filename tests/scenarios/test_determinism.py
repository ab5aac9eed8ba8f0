"""The same seed, the same network: what everybody learned, answered and listened to is equal to the bit."""

import json

import numpy as np
import pytest

from .network import finish, start, write_network

pytestmark = pytest.mark.timeout(900)


def learned(folder):
    """The commitments of all models, what listeners learned, and all predictions, by participant and epoch."""
    found = {}
    for post in sorted(folder.glob("neurons/*/state/*/post.json")):
        found[str(post.relative_to(folder))] = json.loads(post.read_text())["commitment"]
    for listener in sorted(folder.glob("neurons/*/state/*/listener.json")):
        found[str(listener.relative_to(folder))] = json.loads(listener.read_text())
    for result in sorted(folder.glob("requesters/*/results/*.npz")):
        with np.load(result) as arrays:
            found[str(result.relative_to(folder))] = {name: arrays[name].tolist() for name in arrays.files}
    return found


@pytest.mark.slow
def test_a_seed_reproduces_a_run_to_the_bit(tmp_path):
    runs = []
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        summary = finish(start(write_network(tmp_path / name, epochs=4, seconds=120), tmp_path / name / "run"), 400)
        runs.append((learned(tmp_path / name / "run"), summary))
    (first, summary), (second, again) = runs
    assert first.keys() == second.keys()
    assert len(first) > 10
    for name in first:
        assert first[name] == second[name], name
    money = [[(row["name"], row["earned"], row["standing"]) for row in s["neurons"]] for s in (summary, again)]
    assert money[0] == money[1]
    assert summary["accuracy"] == again["accuracy"]
