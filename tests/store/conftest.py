"""Records, a policy for them, and a store in a folder of its own."""

import random
from datetime import datetime, timedelta

import pytest

from klopf import store as room

POLICY = """
device = "meter-1"
[fields]
home = { action = "pseudonym" }
owner = { action = "drop" }
time = { action = "keep" }
load = { action = "keep" }
"""


def records(count=200, seed=0):
    draw, start = random.Random(seed), datetime(2026, 1, 5)
    lines = ["home,owner,time,load"]
    for i in range(count):
        when = (start + timedelta(hours=i)).isoformat()
        lines.append(f"house {i % 7},Ann {i % 7},{when},{draw.uniform(0, 5):.2f}")
    return "\n".join(lines) + "\n"


@pytest.fixture(autouse=True)
def state(tmp_path, monkeypatch):
    """What is remembered outside a store, for this test alone."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state"


@pytest.fixture
def meter(tmp_path):
    file = tmp_path / "meter.csv"
    file.write_text(records())
    return file


@pytest.fixture
def policy(tmp_path):
    file = tmp_path / "policy.toml"
    file.write_text(POLICY)
    return file


@pytest.fixture
def place(tmp_path):
    return room.Store.create(tmp_path / "store")
