"""A neuron's model is changed, its folder is moved, a copy of it that still lives is noticed, and it is retired."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import free_port

from .strangers import World, files_of_digits

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]

RULES = ("listen_seconds=20", "claim_seconds=8", "thaw_seconds=60", "dispute_seconds=0", "maturity=1000")
"""Nobody is judged: who is away while its folder is changed would fall silent on a slow machine, as it should."""
NAMES = ("ada", "ben")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with World(tmp_path) as made:
        yield made


def test_a_folder_gets_another_model_and_another_place_and_is_retired(world: World) -> None:
    place = world.place
    files, _ = files_of_digits(place, len(NAMES))
    world.found(files[0], *RULES)
    port = free_port()
    world.url = f"http://127.0.0.1:{port}"
    world.serve_chain("--port", port)
    lives = {
        name: world.join(name, "--data", file, "--settings", '{"hidden": [16]}')
        for name, file in zip(NAMES, files, strict=True)
    }
    for name in NAMES:
        world.grant(name, 150)
    world.all_serve(NAMES)
    world.until(lambda: "listens to" in world.log("ada") and "listens to" in world.log("ben"), "both listen", 120)
    id, before = world.member("ada").id, world.member("ada").endpoint
    world.until(lambda: f"listens to {{{id}: " in world.log("ben"), "ben has met ada", 120)

    # Another model: what cannot be made is told before anything is, nothing is changed while it lives, then it is.
    change = ("serve", place / "ada", "--model")
    assert "no model is called" in world.klopf(*change, "oracle", status=2)
    assert "another process lives in" in world.klopf(*change, "sklearn:GaussianNB", status=2)
    lives["ada"].send_signal(signal.SIGTERM)
    lives["ada"].wait(30)
    lives["ada"] = world.start("ada.log", *change, "sklearn:GaussianNB")
    world.until(lambda: world.member("ada").model == "sklearn:GaussianNB", "the registry knows", 60)
    world.until(lambda: "it learns on as sklearn:GaussianNB" in world.log("ada"), "it is born", 120)
    world.until(lambda: f"[{id}] have another model" in world.log("ben"), "who listens forgets", 60)
    committed = world.member("ada").commitment
    world.until(lambda: world.member("ada").commitment not in (committed, bytes(32)), "it is committed", 60)
    world.until(lambda: world.log("ada").count("listens to") > 3, "it lives on", 120)

    # Moved while it still lives: the older copy notices and ends; the newer one goes on under the same id.
    shutil.copytree(place / "ada", place / "moved")
    world.serve("moved")
    assert lives["ada"].wait(120) == 2, world.log("ada")
    assert "another copy" in world.log("ada").splitlines()[-1]
    moved = next(m for m in world.members().values() if m.id == id)
    assert moved.endpoint not in ("", before)
    world.until(lambda: "listens to" in world.log("moved"), "the copy lives", 120)

    # Retired.
    world.running[-1].send_signal(signal.SIGTERM)
    world.running[-1].wait(30)
    world.klopf("leave", place / "moved", "--wait")
    assert id not in world.members()
    for name in (*NAMES, "moved"):
        assert "Traceback" not in world.log(name)
